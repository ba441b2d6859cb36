/**
 * The one way this tool writes a file that matters: a temporary file in the same
 * folder, fsync, rename. A crash or a full disk leaves the old file or the new
 * one, never half of one.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { crypto } from "./builtin.ts";
import { MuxiGitError } from "./errors.ts";
import { escapeText } from "./escape.ts";

/**
 * @param path - no symlink: the caller resolves links first, since a rename replaces them.
 * @param mode - permission bits of the file, whatever the umask.
 * @throws MuxiGitError `unwritable`.
 */
export function writeFileDurably(path: string | Buffer, bytes: Uint8Array | string, mode: number): void {
  replaceFile(path, besideIt(path), bytes, mode);
}

/** A name for the temporary file, in the same folder; a path that is no UTF-8 keeps its bytes. */
function besideIt(path: string | Buffer): string | Buffer {
  const suffix = `${crypto().randomBytes(6).toString("hex")}.tmp`;
  if (typeof path === "string") return join(dirname(path), `.${basename(path).slice(0, 60)}.${suffix}`);
  const folder = path.subarray(0, path.lastIndexOf(sep) + 1);
  return Buffer.concat([folder, Buffer.from(`.muxi-git.${suffix}`)]);
}

/**
 * As {@link writeFileDurably}, over a temporary file of a name that means
 * something to others: git's `config.lock`.
 */
export function replaceFile(
  path: string | Buffer,
  temporary: string | Buffer,
  bytes: Uint8Array | string,
  mode: number,
): void {
  const data = typeof bytes === "string" ? Buffer.from(bytes, "utf8") : bytes;
  let made = false;
  try {
    // 0600 until it is whole: nobody reads a half-written file of another mode.
    const fd = openSync(temporary, "wx", 0o600);
    made = true;
    try {
      writeAll(fd, data);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    chmodSync(temporary, mode);
    renameSync(temporary, path);
  } catch (cause) {
    if (made) removeQuietly(temporary);
    throw unwritable(path, cause);
  }
}

/**
 * Write what a person asked for where they asked for it (`--output FILE`). A
 * symlink is followed; what is there and no regular file (a FIFO, `/dev/stdout`)
 * is written into, not replaced.
 *
 * @throws MuxiGitError `unwritable`.
 */
export function writeOutput(path: string, text: string): void {
  let target = path;
  let mode = 0o666 & ~process.umask();
  try {
    const stat = statSync(path);
    // `/dev/stdout` under `>> log` is that file: replaced, it would lose what it held.
    const own = [1, 2].find((fd) => isSameFile(fstatSync(fd), stat));
    if (own !== undefined) {
      writeAll(own, Buffer.from(text, "utf8"));
      return;
    }
    if (!stat.isFile()) {
      writeInto(path, text);
      return;
    }
    mode = stat.mode & 0o777;
    target = realpathSync(path);
  } catch (cause) {
    if (cause instanceof MuxiGitError) throw cause;
    // A new file, unless a link that leads nowhere stands there: a rename would replace it.
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT" || isLink(path)) throw unwritable(path, cause);
  }
  writeFileDurably(target, text, mode);
}

function isSameFile(a: Stats, b: Stats): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

function writeInto(path: string, text: string): void {
  try {
    const fd = openSync(path, constants.O_WRONLY);
    try {
      writeAll(fd, Buffer.from(text, "utf8"));
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function writeAll(fd: number, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) {
    try {
      done += writeSync(fd, data, done);
    } catch (error) {
      // A pipe that is full for now.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}

function removeQuietly(path: string | Buffer): void {
  try {
    unlinkSync(path);
  } catch {
    // Renamed already, or the folder is gone: there is nothing to take back.
  }
}

function unwritable(path: string | Buffer, cause: unknown): MuxiGitError {
  const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
  return new MuxiGitError("unwritable", `cannot write '${escapeText(path.toString())}' (${code})`, { cause });
}
