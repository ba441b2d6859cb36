/**
 * Short digests that stand for values in a diff. A value's digest is keyed: whoever lacks the formation's key learns
 * nothing from it, not even by guessing. 32 bits tell versions apart; they prove nothing.
 */
import { crypto, sha256 } from "../builtin.ts";
import { quoteJson, type SecretValue } from "./json.ts";
import { deriveKey, type Key } from "./key.ts";

/** HKDF info of the key of {@link valueDigest}. */
export const DIGEST_LABEL = "muxi-git/v1/value-digest";

/**
 * 8 hexadecimal digits. The name is part of it, so equal values under two names do not show as equal.
 * Name and value are framed as JSON: `"NAME":"value"`, which reads in one way only.
 */
export function valueDigest(key: Key, name: string, value: SecretValue | string): string {
  const hmac = crypto().createHmac("sha256", deriveKey(key, DIGEST_LABEL));
  hmac.update(`${quoteJson(name)}:`);
  if (typeof value === "string") hmac.update(quoteJson(value));
  else hmac.update(value.kind === "string" ? quoteJson(value.value) : value.text);
  return hmac.digest("hex").slice(0, 8);
}

/** 8 hexadecimal digits of SHA-256, for a token that no key here opens. */
export function tokenDigest(token: Uint8Array): string {
  return sha256(token).slice(0, 8);
}
