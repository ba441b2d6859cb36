/** Files of the working tree, by repository path. */
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, realpathSync } from "node:fs";
import nodePath, { sep } from "node:path";
import { isLink } from "../durable-file.ts";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { decodePath, encodePath } from "./entries.ts";

/**
 * A regular file of the working tree, through symlinks; null for anything else,
 * and for a file larger than `limit` bytes. Opened without blocking: a FIFO must
 * not stop a command. Nor must a file of the kernel's, which says that it has no
 * bytes and then gives any number of them: /proc/self/pagemap is 256 GB long.
 *
 * @param into - where the bytes are put if it is large enough: whoever reads many files one
 * after the other leaves no heap of buffers behind.
 */
export function readWorkingFile(
  topLevel: string,
  path: string,
  limit = Number.POSITIVE_INFINITY,
  into?: Buffer,
): Buffer | null {
  let fd: number;
  try {
    fd = openSync(diskPath(topLevel, path), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch {
    return null;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > limit) return null;
    if (stat.size === 0) return emptyFile(fd);
    return into !== undefined && stat.size <= into.length ? readInto(fd, into, stat.size) : readFileSync(fd);
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}

/** The first `size` bytes of a file, or as many as there are. */
function readInto(fd: number, into: Buffer, size: number): Buffer {
  let length = 0;
  while (length < size) {
    const read = readSync(fd, into, length, size - length, null);
    if (read === 0) break;
    length += read;
  }
  return into.subarray(0, length);
}

/** A file that is read in pieces: it may be larger than what memory holds. */
export interface PiecesOfFile {
  size: number;
  /** Each piece is overwritten by the next. */
  pieces(): Generator<Buffer>;
  close(): void;
}

const PIECE = 1024 * 1024;

/** As {@link readWorkingFile}, for a file of more than `from` bytes; null for any other. */
export function openLargeFile(topLevel: string, path: string, from: number): PiecesOfFile | null {
  let fd: number;
  try {
    fd = openSync(diskPath(topLevel, path), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch {
    return null;
  }
  const stat = fstatSync(fd);
  if (!stat.isFile() || stat.size <= from) {
    closeSync(fd);
    return null;
  }
  return {
    size: stat.size,
    *pieces() {
      const piece = Buffer.allocUnsafeSlow(PIECE);
      // Not more than it said it has: a log that is being written to has an end too.
      for (let left = stat.size; left > 0; ) {
        const length = readSync(fd, piece, 0, Math.min(PIECE, left), null);
        if (length === 0) return;
        left -= length;
        yield piece.subarray(0, length);
      }
    },
    close: () => closeSync(fd),
  };
}

/** A file that says it is empty: null where it is not. */
function emptyFile(fd: number): Buffer | null {
  return readSync(fd, Buffer.alloc(1), 0, 1, 0) === 0 ? Buffer.alloc(0) : null;
}

/** A repository path on disk. Bytes that are no UTF-8 stay bytes. */
export function diskPath(topLevel: string, path: string, { join } = nodePath): string | Buffer {
  return path.isWellFormed() ? join(topLevel, path) : Buffer.concat([Buffer.from(`${topLevel}/`), encodePath(path)]);
}

/** A file of the working tree that a command is about to rewrite. */
export interface Rewritable {
  /** Where it really stands, links resolved: writing there keeps a link a link. */
  disk: Buffer;
  /** The same as a repository path; null outside the repository. */
  path: string | null;
  /** null where there is none yet. */
  bytes: Buffer | null;
  /** Permission bits; those of a new file where there is none. */
  mode: number;
}

/**
 * Read a file in order to write it. {@link readWorkingFile} takes what it cannot
 * read for absent, and a writer that did would put a new file over the old one.
 *
 * @throws MuxiGitError `unreadable` where something is there that cannot be read
 * (no permission, a folder, a FIFO, a link that leads nowhere); `outside-repository`
 * where a link leads out of `topLevel`, unless `anywhere`.
 */
export function readForRewrite(topLevel: string, path: string, { anywhere = false } = {}): Rewritable {
  const given = Buffer.from(diskPath(topLevel, path));
  const disk = resolved(given, path);
  const root = Buffer.concat([realpathSync.native(topLevel, { encoding: "buffer" }), Buffer.from(sep)]);
  const inside = disk.subarray(0, root.length).equals(root);
  const real = inside ? decodePath(disk.subarray(root.length)).split(sep).join("/") : null;
  if (!inside && !anywhere) {
    throw new MuxiGitError("outside-repository", `a link leads from '${escapeText(path)}' out of the repository`, {
      hint: "put a regular file in its place",
    });
  }
  let fd: number;
  try {
    fd = openSync(disk, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    if (isAbsent(cause)) return { disk, path: real, bytes: null, mode: 0o666 & ~process.umask() };
    throw unreadable(path, codeOf(cause), cause);
  }
  try {
    const stat = fstatSync(fd);
    const bytes = !stat.isFile() ? null : stat.size === 0 ? emptyFile(fd) : readFileSync(fd);
    if (bytes === null) throw unreadable(path, "it is no regular file");
    return { disk, path: real, bytes, mode: stat.mode & 0o777 };
  } catch (cause) {
    throw cause instanceof MuxiGitError ? cause : unreadable(path, codeOf(cause), cause);
  } finally {
    closeSync(fd);
  }
}

/** `given` with its links resolved; of a file that is absent, those of its folder. */
function resolved(given: Buffer, path: string): Buffer {
  try {
    return realpathSync.native(given, { encoding: "buffer" });
  } catch (cause) {
    if (!isAbsent(cause)) throw unreadable(path, codeOf(cause), cause);
  }
  if (isLink(given)) throw unreadable(path, "it is a link that leads nowhere");
  const cut = given.lastIndexOf(sep);
  try {
    const folder = realpathSync.native(given.subarray(0, cut), { encoding: "buffer" });
    return Buffer.concat([folder, given.subarray(cut)]);
  } catch (cause) {
    throw unreadable(path, codeOf(cause), cause);
  }
}

/** Nothing is there. Any other failure means that something is, and was not read. */
export function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown";
}

function unreadable(path: string, why: string, cause?: unknown): MuxiGitError {
  return new MuxiGitError("unreadable", `cannot read '${escapeText(path)}' (${why})`, { cause });
}
