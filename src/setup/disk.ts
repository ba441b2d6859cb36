/** Files and folders as install finds, makes and removes them; durable-file.ts writes them. */
import {
  chmodSync,
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

/**
 * The permission bits that `core.sharedRepository` adds to a file of a git dir,
 * as git gives them to its own files whatever the umask; null where it is not
 * shared. An octal number stands in place of all bits.
 */
export type Sharing = { bits: number; instead: boolean } | null;

/** @param value - of the setting; null is a key without a value. See core.sharedRepository in git-config(1). */
export function parseSharing(value: string | null | undefined): Sharing {
  if (value === undefined) return null;
  switch (value?.toLowerCase() ?? "true") {
    case "group":
    case "true":
    case "yes":
    case "on":
    case "1":
      return { bits: 0o660, instead: false };
    case "all":
    case "world":
    case "everybody":
    case "2":
      return { bits: 0o664, instead: false };
  }
  // git refuses to work where the owner could not read and write.
  const bits = /^0?[0-7]{3}$/.test(value ?? "") ? Number.parseInt(value!, 8) & 0o666 : 0;
  return (bits & 0o600) === 0o600 ? { bits, instead: true } : null;
}

/** `mode` as shared; whoever may read an executable file or a folder may execute it. */
export function sharedMode(mode: number, sharing: Sharing): number {
  if (sharing === null) return mode;
  const { instead } = sharing;
  const bits = (mode & 0o100) === 0 ? sharing.bits : sharing.bits | ((sharing.bits & 0o444) >> 2);
  return instead ? (mode & ~0o777) | bits : mode | bits;
}

/** Let a new folder of a git dir be shared: what others make in it then belongs to the group too. */
export function shareFolder(path: string, sharing: Sharing): void {
  if (sharing === null) return;
  const mode = sharedMode(statSync(path).mode & 0o7777, sharing);
  chmodSync(path, (mode & 0o060) === 0 ? mode : mode | 0o2000);
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

function isFolder(path: string): boolean {
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
