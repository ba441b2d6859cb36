/**
 * The one way this tool writes a file that matters: a temporary file in the same
 * folder, fsync, rename. A crash or a full disk leaves the old file or the new
 * one, never half of one.
 *
 * A killed process leaves its temporary file. Its name holds the process id, so
 * that the next write of the same file, and the next install, can tell it from
 * one in use and take it away.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
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
  const { folder, prefix } = besideIt(path);
  sweepTemporaries(folder, prefix);
  const name = temporaryName(prefix);
  const temporary = typeof folder === "string" ? join(folder, name) : Buffer.concat([folder, Buffer.from(name)]);
  replaceFile(path, temporary, bytes, mode);
}

/** Where the temporary file goes and how its name starts; a path that is no UTF-8 keeps its bytes. */
function besideIt(path: string | Buffer): { folder: string | Buffer; prefix: string } {
  if (typeof path === "string") return { folder: dirname(path), prefix: `.${basename(path).slice(0, 60)}.muxi-git-` };
  return { folder: path.subarray(0, path.lastIndexOf(sep) + 1), prefix: ".muxi-git-" };
}

/** A name that {@link sweepTemporaries} knows once this process is gone. */
export function temporaryName(prefix = ".muxi-git-"): string {
  return `${prefix}${process.pid}-${crypto().randomBytes(6).toString("hex")}.tmp`;
}

const TEMPORARY = /^\.(?:.*\.)?muxi-git-(\d{1,10})-[0-9a-f]{12}\.tmp$/;
/** No write takes as long. For a process id of another machine, or one given again. */
const ABANDONED_MS = 10 * 60_000;

/**
 * Remove the temporary files of processes that are gone. Never throws.
 *
 * @param prefix - only those whose name starts so.
 */
export function sweepTemporaries(folder: string | Buffer, prefix = "."): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return;
  }
  for (const name of names) {
    const pid = TEMPORARY.exec(name)?.[1];
    if (pid === undefined || !name.startsWith(prefix)) continue;
    const path = typeof folder === "string" ? join(folder, name) : Buffer.concat([folder, Buffer.from(name)]);
    try {
      const stat = lstatSync(path);
      if (stat.isFile() && (!isAlive(Number(pid)) || Date.now() - stat.mtimeMs > ABANDONED_MS)) unlinkSync(path);
    } catch {
      // Gone by now, or not ours to remove.
    }
  }
}

/** Whether a process of this id runs here, whoever it belongs to. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function replaceFile(
  path: string | Buffer,
  temporary: string | Buffer,
  bytes: Uint8Array | string,
  mode: number,
): void {
  try {
    makeFile(temporary, bytes, mode);
    try {
      renameSync(temporary, path);
    } catch (error) {
      removeQuietly(temporary);
      throw error;
    }
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/**
 * A new file, on disk when this returns; none where it throws what the system said.
 *
 * @param durable - false for what means nothing after a power failure: waiting for the disk takes longer than all else.
 */
export function makeFile(path: string | Buffer, bytes: Uint8Array | string, mode: number, durable = true): void {
  // 0600 until it is whole: nobody reads a half-written file of another mode.
  const fd = openSync(path, "wx", 0o600);
  try {
    try {
      writeAll(fd, typeof bytes === "string" ? Buffer.from(bytes, "utf8") : bytes);
      if (durable) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    chmodSync(path, mode);
  } catch (error) {
    removeQuietly(path);
    throw error;
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

export function isSameFile(a: Stats, b: Stats): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

export function isLink(path: string | Buffer): boolean {
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

/** Remove a file that may be gone. Never throws. */
export function removeQuietly(path: string | Buffer): void {
  try {
    unlinkSync(path);
  } catch {
    // Renamed already, or the folder is gone: there is nothing to take back.
  }
}

export function unwritable(path: string | Buffer, cause: unknown): MuxiGitError {
  const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
  return new MuxiGitError("unwritable", `cannot write '${escapeText(path.toString())}' (${code})`, { cause });
}

/** What a file system says that has no hard links, or not between these two places. */
export function isFailureOfLinks(error: unknown): boolean {
  return ["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EXDEV", "EMLINK", "EINVAL", "UNKNOWN"].includes(
    (error as NodeJS.ErrnoException).code ?? "",
  );
}

/** Wait without giving way. */
export function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
