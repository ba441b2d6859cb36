/** Files of the working tree, by repository path. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { encodePath } from "./entries.ts";

/**
 * A regular file of the working tree, through symlinks; null for anything else,
 * and for a file larger than `limit` bytes. Opened without blocking: a FIFO must
 * not stop a command.
 */
export function readWorkingFile(topLevel: string, path: string, limit = Number.POSITIVE_INFINITY): Buffer | null {
  let fd: number;
  try {
    fd = openSync(diskPath(topLevel, path), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch {
    return null;
  }
  try {
    const stat = fstatSync(fd);
    return stat.isFile() && stat.size <= limit ? readFileSync(fd) : null;
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}

/** A repository path on disk. Bytes that are no UTF-8 stay bytes. */
export function diskPath(topLevel: string, path: string): string | Buffer {
  return path.isWellFormed() ? join(topLevel, path) : Buffer.concat([Buffer.from(`${topLevel}/`), encodePath(path)]);
}
