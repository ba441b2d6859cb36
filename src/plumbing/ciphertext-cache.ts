/**
 * The tokens that the last hook read out of git, so that the next one needs no
 * process to read them again: a secrets.enc on disk is seldom byte for byte the
 * blob, since MUXI seals anew at every save.
 *
 * A file in the git common dir, in `cat-file --batch` form. It holds what the
 * object database holds, ciphertext only, and every entry is hashed against its
 * oid before it is used: a damaged or foreign file is the same as none.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileDurably } from "../durable-file.ts";
import { parseBatch } from "../git/cat-file.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import { blobOid } from "../git/object-id.ts";

/** Largest cache kept, in bytes. */
const MOST_BYTES = 4 * 1024 * 1024;

export type Ciphertexts = Map<string, Buffer>;

function fileOf(places: GitPlaces): string {
  return join(places.commonDir, "muxi-git", "ciphertexts");
}

export function readCiphertexts(places: GitPlaces): Ciphertexts {
  let bytes: Buffer;
  try {
    bytes = readFileSync(fileOf(places));
  } catch {
    return new Map();
  }
  const sound = [...parseBatch(bytes)].filter(([oid, token]) => blobOid(token, oid.length) === oid);
  return new Map(sound);
}

/** Keep what this run used, where it is not what was kept already. Never fails: it is a cache. */
export function keepCiphertexts(places: GitPlaces, kept: Ciphertexts, used: Ciphertexts): void {
  if (kept.size === used.size && [...used.keys()].every((oid) => kept.has(oid))) return;
  const parts: Buffer[] = [];
  let size = 0;
  for (const [oid, token] of used) {
    size += token.length;
    if (size > MOST_BYTES) break;
    parts.push(Buffer.from(`${oid} blob ${token.length}\n`), token, Buffer.from("\n"));
  }
  try {
    writeFileDurably(fileOf(places), Buffer.concat(parts), 0o600);
  } catch {
    // A read-only repository, or one where the runtime is gone.
  }
}
