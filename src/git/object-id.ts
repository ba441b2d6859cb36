/** git's names for blobs. */
import { crypto } from "../builtin.ts";

/**
 * The oid of a blob: the digest of `blob SP SIZE NUL` and its bytes, SHA-1 or, in
 * a repository of that object format, SHA-256 (git-hash-object(1)).
 *
 * @param hexDigits - length of this repository's oids, 40 or 64.
 */
export function blobOid(bytes: Uint8Array, hexDigits: number): string {
  const hash = crypto().createHash(hexDigits === 64 ? "sha256" : "sha1");
  return hash.update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}
