/** Files and folders as install finds, makes and removes them; durable-file.ts writes them. */
import { lstatSync, mkdirSync, readFileSync, realpathSync, rmdirSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { replaceFile } from "../durable-file.ts";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";

export type FileState =
  | { kind: "absent" }
  | { kind: "file"; bytes: Buffer; mode: number }
  | { kind: "symlink" | "folder" | "special" };

/** Largest file of the user's that install edits, in bytes; a larger one is refused, not read. */
const LARGEST = 16 * 1024 * 1024;

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown";
}

/** What stands at `path`; a symlink is not followed. @throws MuxiGitError `unreadable`. */
export function fileState(path: string): FileState {
  try {
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) return { kind: "symlink" };
    if (stat.isDirectory()) return { kind: "folder" };
    if (!stat.isFile()) return { kind: "special" };
    if (stat.size > LARGEST) throw new MuxiGitError("unreadable", `'${escapeText(path)}' is too large to edit`);
    return { kind: "file", bytes: readFileSync(path), mode: stat.mode & 0o7777 };
  } catch (error) {
    if (error instanceof MuxiGitError) throw error;
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "absent" };
    throw new MuxiGitError("unreadable", `cannot read '${escapeText(path)}' (${code})`, { cause: error });
  }
}

/** The mode of a new file under the person's umask. */
export function newMode(executable: boolean): number {
  return (executable ? 0o777 : 0o666) & ~process.umask();
}

/**
 * Write git's config under git's own lock, `config.lock`, so that a `git config`
 * at the same time is not lost. @throws MuxiGitError `config-locked`, `unwritable`.
 */
export function writeConfig(path: string, bytes: Uint8Array, mode: number): void {
  const lock = `${path}.lock`;
  if (fileState(lock).kind !== "absent") {
    throw new MuxiGitError("config-locked", `'${escapeText(path)}' is locked by another process`, {
      hint: `try again; if no git is running, remove '${escapeText(lock)}'`,
    });
  }
  replaceFile(path, lock, bytes, mode);
}

/** Where a file really stands when it is reached through a link. */
export function throughLink(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Make a folder and those above it; the ones that were made, outermost first. */
export function makeFolders(path: string): string[] {
  const missing: string[] = [];
  for (let at = path; !isFolder(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  const made: string[] = [];
  for (const folder of missing) {
    try {
      mkdirSync(folder);
      made.push(folder);
    } catch (cause) {
      if (codeOf(cause) === "EEXIST" && isFolder(folder)) continue;
      for (const undo of made.reverse()) removeEmptyFolder(undo);
      throw new MuxiGitError("unwritable", `cannot make the folder '${escapeText(folder)}' (${codeOf(cause)})`, {
        cause,
      });
    }
  }
  return made;
}

export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** @returns whether the folder is gone. */
export function removeEmptyFolder(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    return codeOf(error) === "ENOENT";
  }
}

/** @throws MuxiGitError `unwritable`. */
export function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (cause) {
    throw new MuxiGitError("unwritable", `cannot remove '${escapeText(path)}' (${codeOf(cause)})`, { cause });
  }
}
