/**
 * Keys held outside the working tree, in `<git common dir>/muxi-git-keys`, so that
 * what they sealed can still be read: older versions, and what a rotation that
 * was killed has not come to.
 *
 * Not under `muxi-git/`, which uninstall removes. A file that holds no key is
 * passed over: reading history is no reason to stop a commit.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../builtin.ts";
import { removeQuietly, writeFileDurably } from "../durable-file.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import { formatKey, type Key, keyFingerprint, parseKey } from "../secrets/key.ts";
import { readKeyFile } from "./keyring.ts";

type Common = Pick<GitPlaces, "commonDir">;

/** A key and the file that it stands in. */
export interface FoundKey {
  key: Key;
  path: string;
}

const held = new WeakSet<Key>();

/** Whether a key is one that {@link heldKeys} gave. */
export function isHeld(key: Key): boolean {
  return held.has(key);
}

export function heldFolder({ commonDir }: Common): string {
  return join(commonDir, "muxi-git-keys");
}

/** Every key held here. */
export function heldKeys(places: Common | null): Key[] {
  return heldKeyFiles(places).map(({ key }) => key);
}

export function heldKeyFiles(places: Common | null): FoundKey[] {
  if (places === null) return [];
  let names: string[];
  try {
    names = readdirSync(heldFolder(places));
  } catch {
    return [];
  }
  return names.sort().flatMap((name) => {
    // The fingerprint.
    if (!/^[0-9a-f]{16}$/.test(name)) return [];
    try {
      const path = join(heldFolder(places), name);
      const bytes = readKeyFile(path);
      if (bytes === null) return [];
      const key = parseKey(bytes);
      held.add(key);
      return [{ key, path }];
    } catch {
      return [];
    }
  });
}

/** @throws MuxiGitError `unwritable`. */
export function holdKey(places: Common, key: Key): void {
  write(places, keyFingerprint(key), formatKey(key));
}

/** Keep what stood in a `.key` and is no key: it is somebody's. */
export function holdBytes(places: Common, bytes: Uint8Array): void {
  write(places, `no-key-${sha256(bytes).slice(0, 16)}`, bytes);
}

export function letGoOfKey(places: Common, key: Key): void {
  removeQuietly(join(heldFolder(places), keyFingerprint(key)));
}

function write(places: Common, name: string, content: string | Uint8Array): void {
  mkdirSync(heldFolder(places), { recursive: true, mode: 0o700 });
  writeFileDurably(join(heldFolder(places), name), content, 0o600);
}
