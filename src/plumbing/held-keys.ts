/**
 * Keys held outside the working tree, in `<git common dir>/muxi-git-keys`: old
 * ones, so that older versions can still be read, and the one that a rotation
 * under way will put in place.
 *
 * A rotation changes two files that belong together, and can be killed between
 * them. So the new key is held first, under a name that says whose place it
 * takes: whatever stands in the working tree afterwards, the key that opens it
 * is here, and the next `key rotate` goes on.
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

/** A held key's fingerprint; that of the key whose place it takes, where it is a rotation's. */
const NAME = /^([0-9a-f]{16})(?:\.next-of-([0-9a-f]{16}))?$/;

const held = new WeakSet<Key>();

/** Whether a key is one that {@link heldKeys} gave, and not the one in place. */
export function isHeld(key: Key): boolean {
  return held.has(key);
}

export function heldFolder({ commonDir }: Pick<GitPlaces, "commonDir">): string {
  return join(commonDir, "muxi-git-keys");
}

interface HeldFile {
  path: string;
  key: Key;
  /** Fingerprint of the key that it is to replace. */
  nextOf: string | undefined;
}

function read(places: Pick<GitPlaces, "commonDir">): HeldFile[] {
  let names: string[];
  try {
    names = readdirSync(heldFolder(places));
  } catch {
    return [];
  }
  return names.sort().flatMap((name) => {
    const match = NAME.exec(name);
    if (match === null) return [];
    const path = join(heldFolder(places), name);
    try {
      const bytes = readKeyFile(path);
      return bytes === null ? [] : [{ path, key: parseKey(bytes), nextOf: match[2] }];
    } catch {
      return [];
    }
  });
}

/** Every key held here. */
export function heldKeys(places: Pick<GitPlaces, "commonDir"> | null): Key[] {
  if (places === null) return [];
  return read(places).map(({ key }) => {
    held.add(key);
    return key;
  });
}

/** Keep a key for reading what it sealed. @throws MuxiGitError `unwritable`. */
export function holdKey(places: Pick<GitPlaces, "commonDir">, key: Key): void {
  write(places, keyFingerprint(key), formatKey(key));
}

/** Keep what stood in a `.key` and is no key: it is somebody's, and nobody looks at it again. */
export function holdBytes(places: Pick<GitPlaces, "commonDir">, bytes: Uint8Array): void {
  write(places, `no-key-${sha256(bytes).slice(0, 16)}`, bytes);
}

/** The key that a rotation which did not end was about to put in the place of `old`. */
export function nextKey(places: Pick<GitPlaces, "commonDir">, old: Key): Key | null {
  return read(places).find(({ nextOf }) => nextOf === keyFingerprint(old))?.key ?? null;
}

/** Whether `key` was put in place by a rotation that did not get to say so. */
export function isUnsettled(places: Pick<GitPlaces, "commonDir">, key: Key): boolean {
  return read(places).some((file) => file.nextOf !== undefined && keyFingerprint(file.key) === keyFingerprint(key));
}

export function holdNextKey(places: Pick<GitPlaces, "commonDir">, old: Key, next: Key): void {
  write(places, `${keyFingerprint(next)}.next-of-${keyFingerprint(old)}`, formatKey(next));
}

/** The rotation to `key` has ended: its place is `.key` alone. */
export function settleNextKey(places: Pick<GitPlaces, "commonDir">, key: Key): void {
  const mine = keyFingerprint(key);
  for (const file of read(places)) {
    if (file.nextOf !== undefined && keyFingerprint(file.key) === mine) removeQuietly(file.path);
  }
}

function write(places: Pick<GitPlaces, "commonDir">, name: string, content: string | Uint8Array): void {
  mkdirSync(heldFolder(places), { recursive: true, mode: 0o700 });
  writeFileDurably(join(heldFolder(places), name), content, 0o600);
}
