/**
 * Where a formation's key is found: `--key-file` (matched by what it opens), the
 * formation's `.key` (symlinks followed), the same formation's in the main
 * worktree, since linked worktrees have none. A blank `.key` is no key. What none
 * of them opens may open with a key that is held: held-keys.ts.
 *
 * A `.key` that links to a FIFO or to /dev/zero hung `git status`: a key is
 * opened without blocking, must be a regular file, and at most 4 KiB are read.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { type GitPlaces, mainWorktree } from "../git/git-dir.ts";
import { diskPath } from "../git/working-file.ts";
import { pathWord } from "../invocation.ts";
import { type Key, keyFromHex, parseKey } from "../secrets/key.ts";

/** Bytes read of a key file. A key is 44 characters; 4 KiB leave room for any white space. */
const KEY_FILE_LIMIT = 4096;

export type FormationKey =
  | { state: "ok"; key: Key; path: string }
  | { state: "missing" }
  /** A key of MUXI's old scaffold, 64 hexadecimal digits, that only its CLI reads. Not used, but a secret all the same. */
  | { state: "hex"; key: Key; path: string }
  /** There is a file, and it holds no key. */
  | { state: "malformed" | "unreadable"; path: string };

/** The bytes of a key file; null where there is none; throws MuxiGitError `key-unreadable` for anything but a small regular file. */
export function readKeyFile(path: string | Buffer): Buffer | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new MuxiGitError(
      "key-unreadable",
      `cannot read the key file '${escapeText(path.toString())}' (${code ?? "unknown"})`,
    );
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile())
      throw new MuxiGitError("key-unreadable", `the key file '${escapeText(path.toString())}' is no regular file`);
    if (stat.size > KEY_FILE_LIMIT)
      throw new MuxiGitError("key-unreadable", `the key file '${escapeText(path.toString())}' is too large`);
    const bytes = Buffer.alloc(KEY_FILE_LIMIT);
    return bytes.subarray(0, readSync(fd, bytes, 0, KEY_FILE_LIMIT, 0));
  } finally {
    closeSync(fd);
  }
}

function keyAt(topLevel: string, formation: string): FormationKey {
  const disk = diskPath(topLevel, formation === "" ? ".key" : `${formation}/.key`);
  const path = disk.toString();
  let bytes: Buffer | null = null;
  try {
    bytes = readKeyFile(disk);
    if (bytes === null) return { state: "missing" };
    return { state: "ok", key: parseKey(bytes), path };
  } catch (error) {
    const code = error instanceof MuxiGitError ? error.code : "";
    if (code === "key-blank") return { state: "missing" };
    const digits = code === "key-hex" && bytes !== null ? keyFromHex(bytes) : null;
    if (digits !== null) return { state: "hex", key: digits, path };
    if (code === "key-malformed") return { state: "malformed", path };
    if (code === "key-unreadable") return { state: "unreadable", path };
    throw error;
  }
}

/**
 * The key of the formation at `formation` (repository path, `""` for the root).
 *
 * @param topLevel - absolute root of this working tree.
 */
export function keyOfFormation(formation: string, topLevel: string, places: GitPlaces | null): FormationKey {
  const here = keyAt(topLevel, formation);
  if (here.state !== "missing" || places === null) return here;
  const main = mainWorktree(places);
  return main === null || resolve(main) === resolve(topLevel) ? here : keyAt(main, formation);
}

/**
 * Say what is wrong with a formation's key, and the way on.
 *
 * @throws MuxiGitError `key-unreadable`, `key-hex`, `key-malformed`.
 */
export function refuseKey(found: FormationKey, formation: string): never {
  if (found.state === "hex" || found.state === "malformed") parseKey(readKeyFile(found.path) ?? Buffer.alloc(0));
  const file = fileIn(formation, ".key");
  throw new MuxiGitError("key-unreadable", `cannot read the key '${escapeText(file)}'`, {
    hint: `make it a file that you can read: chmod 600 ${pathWord(file)}`,
  });
}
