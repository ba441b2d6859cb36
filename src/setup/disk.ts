/** Files and folders as install finds, makes and removes them; durable-file.ts writes them. */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
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

/** Where a file really stands when it is reached through a link. */
export function throughLink(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** A folder and those above it, as far as they are not there; outermost first. */
export function missingFolders(path: string): string[] {
  const missing: string[] = [];
  for (let at = path; !isFolder(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  return missing;
}

/** Make a folder and those above it; the ones that were made, outermost first. */
export function makeFolders(path: string): string[] {
  const made: string[] = [];
  for (const folder of missingFolders(path)) {
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

/**
 * Remove a folder with all that is in it, `first` before the rest. Nothing is
 * followed out of it. @throws MuxiGitError `unwritable`.
 */
export function removeTree(path: string, first?: string): void {
  try {
    if (first !== undefined) rmSync(join(path, first), { recursive: true, force: true });
    removeAll(path);
  } catch (cause) {
    throw new MuxiGitError("unwritable", `cannot remove '${escapeText(path)}' (${codeOf(cause)})`, { cause });
  }
}

/** As `rmSync` does, one entry after the other: the tests stop at each. */
function removeAll(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory()) {
    unlinkSync(path);
    return;
  }
  for (const name of readdirSync(path).sort()) removeAll(join(path, name));
  rmdirSync(path);
}
