/**
 * The canonical token, version 1: the same secrets under the same key give the same bytes on every machine.
 *
 *     plaintext  formatSecrets(secrets)
 *     IV         HMAC-SHA256(IV key, separator || plaintext), first 16 bytes
 *     IV key     HKDF-SHA256(the 32 key bytes, HKDF_SALT, IV_LABEL, 32)
 *     time       0
 *
 * A synthetic IV (Rogaway and Shrimpton, "Deterministic Authenticated-Encryption", 2006) under a key of its own: it
 * depends on every byte of the plaintext, so what it gives away is whether two versions are equal, which is the point.
 * The Fernet key itself never computes it. The result is an ordinary Fernet token that any MUXI reads.
 *
 * Version 1 never changes: test/vectors/canonical-v1.json pins every constant. Another version gets constants of its own.
 */

import { crypto } from "../builtin.ts";
import { MuxiGitError } from "../errors.ts";
import { isExactEncoding, openToken, sealToken, tokenHead } from "./fernet.ts";
import { formatSecrets, parseSecrets, type Secrets } from "./json.ts";
import { deriveKey, type Key } from "./key.ts";

/** HKDF info of the key that computes the IV. */
export const IV_LABEL = "muxi-git/v1/fernet-iv";

/** Stands before the plaintext in the HMAC that gives the IV; ends in NUL, which no JSON text holds. */
export const IV_SEPARATOR = "muxi-git/v1/canonical-token\0";

const IV_BYTES = 16;

/** The one token for these secrets and this key; ASCII, no newline. */
export function canonicalToken(secrets: Secrets, key: Key): Buffer {
  const plaintext = formatSecrets(secrets);
  return sealToken(plaintext, key, { iv: syntheticIv(plaintext, key), timestamp: 0 });
}

/** Whether the token is, byte for byte, the canonical one for what it holds. False where it does not open. */
export function isCanonicalToken(token: Uint8Array, key: Key): boolean {
  try {
    const plaintext = openToken(token, key);
    return plaintext !== null && isCanonicalOpened(token, plaintext, parseSecrets(plaintext), key);
  } catch (error) {
    if (error instanceof MuxiGitError) return false;
    throw error;
  }
}

/**
 * The same for a token that has been opened: nothing is encrypted again, since IV and plaintext decide the ciphertext.
 *
 * @param plaintext what the token opened to
 * @param secrets what the plaintext parsed to
 */
export function isCanonicalOpened(token: Uint8Array, plaintext: Buffer, secrets: Secrets, key: Key): boolean {
  const { timestamp, iv } = tokenHead(token);
  return (
    timestamp === 0 &&
    isExactEncoding(token) &&
    syntheticIv(plaintext, key).equals(iv) &&
    formatSecrets(secrets).equals(plaintext)
  );
}

function syntheticIv(plaintext: Buffer, key: Key): Buffer {
  const hmac = crypto().createHmac("sha256", deriveKey(key, IV_LABEL));
  return hmac.update(IV_SEPARATOR).update(plaintext).digest().subarray(0, IV_BYTES);
}
