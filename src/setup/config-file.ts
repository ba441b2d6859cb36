/**
 * Edits of `.git/config`, byte for byte as `git config` makes them, under git's
 * own lock, `config.lock`, so that a `git config` at the same time is not lost.
 *
 * git edits a copy beside the file. So the bytes are known before they are put
 * in place, and can be recorded first: whenever this process is killed, the
 * record knows what it finds. The copy then becomes the lock by a hard link, all
 * of it at once, and the lock becomes the config by a rename.
 *
 * A kill between the two leaves a `config.lock` that no git would ever remove.
 * It is told from the lock of a git at work by being the same file as our copy,
 * and is dead because whoever looks for it holds the install lock.
 */
import { linkSync, lstatSync, renameSync, type Stats, unlinkSync } from "node:fs";
import { join } from "node:path";
import { isFailureOfLinks, isSameFile, makeFile, pause, removeQuietly, unwritable } from "../durable-file.ts";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import type { Repository } from "../git/repository.ts";
import { gitFailed } from "../git/run.ts";
import { fileState, throughLink } from "./disk.ts";

export interface ConfigBytes {
  bytes: Buffer;
  mode: number;
}

/** How long a git that is writing its config is waited for. */
const WAIT_MS = 2000;
/** Exit code of `git config --unset` where there is nothing to unset. */
const NOTHING_TO_UNSET = 5;

export function configPath(repository: Repository): string {
  return throughLink(join(repository.commonDir, "config"));
}

/** The config as it is; a repository may have none. @throws MuxiGitError `unreadable`. */
export function readConfig(path: string): ConfigBytes {
  const state = fileState(path);
  if (state.kind === "file") return state;
  if (state.kind === "absent") return { bytes: Buffer.alloc(0), mode: 0o644 };
  throw new MuxiGitError("unreadable", `'${escapeText(path)}' is no regular file`);
}

/**
 * The config after `git config ARGS`. Nothing is changed.
 *
 * @throws MuxiGitError `git-failed`, `unwritable`.
 */
export function editedConfig(
  repository: Repository,
  path: string,
  before: ConfigBytes,
  edits: readonly (readonly string[])[],
): Buffer {
  const copy = copyOf(path);
  clearConfigLeftovers(path);
  try {
    makeFile(copy, before.bytes, 0o600);
  } catch (cause) {
    throw unwritable(path, cause);
  }
  try {
    for (const edit of edits) {
      const result = repository.try(["config", "--file", copy, ...edit]);
      if (result.code !== 0 && result.code !== NOTHING_TO_UNSET)
        throw gitFailed(["config"], result.code, result.stderr);
    }
    return readConfig(copy).bytes;
  } finally {
    clearConfigLeftovers(path);
  }
}

/**
 * Put other bytes in the place of the config.
 *
 * @returns false, and nothing done, where somebody has written it since `expected` was read.
 * @throws MuxiGitError `config-locked`, `unwritable`.
 */
export function replaceConfig(path: string, expected: Uint8Array, next: ConfigBytes): boolean {
  const copy = copyOf(path);
  const lock = lockOf(path);
  clearConfigLeftovers(path);
  try {
    makeFile(copy, next.bytes, next.mode);
    takeLock(path, next);
    if (!readConfig(path).bytes.equals(expected)) {
      unlinkSync(lock);
      return false;
    }
    renameSync(lock, path);
    return true;
  } catch (cause) {
    throw cause instanceof MuxiGitError ? cause : unwritable(path, cause);
  } finally {
    clearConfigLeftovers(path);
  }
}

/** Remove what a killed run left beside the config. Only under the install lock. Never throws. */
export function clearConfigLeftovers(path: string): void {
  const copy = copyOf(path);
  const ours = statOf(copy);
  if (ours?.isFile() === true) {
    const lock = statOf(lockOf(path));
    if (lock !== null && isSameFile(lock, ours)) removeQuietly(lockOf(path));
    removeQuietly(copy);
  }
  // Of the git that edited the copy.
  removeQuietly(lockOf(copy));
}

function copyOf(path: string): string {
  return `${path}.muxi-git`;
}

function lockOf(path: string): string {
  return `${path}.lock`;
}

function takeLock(path: string, next: ConfigBytes): void {
  const lock = lockOf(path);
  for (const end = Date.now() + WAIT_MS; ; pause(20)) {
    try {
      linkSync(copyOf(path), lock);
      return;
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code !== "EEXIST" && isFailureOfLinks(cause)) {
        // A file system without hard links: the lock cannot be told from git's after a kill, and is named then.
        if (statOf(lock) === null) {
          makeFile(lock, next.bytes, next.mode);
          return;
        }
      } else if (code !== "EEXIST") throw cause;
      if (Date.now() > end) {
        throw new MuxiGitError("config-locked", `'${escapeText(path)}' is locked by another process`, {
          hint: `try again; if no git is running, remove '${escapeText(lock)}'`,
        });
      }
    }
  }
}

function statOf(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
}
