/**
 * The one way this tool writes a file that matters: a temporary file in the same
 * folder, fsync, rename. A crash or a full disk leaves the old file or the new
 * one, never half of one.
 */
import { chmodSync, closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { crypto } from "./builtin.ts";

/**
 * @param path - no symlink: the caller resolves links first, since a rename replaces them.
 * @param mode - permission bits of the file, whatever the umask.
 */
export function writeFileDurably(path: string | Buffer, bytes: Uint8Array | string, mode: number): void {
  const name = path.toString();
  const temporary = join(
    dirname(name),
    `.${basename(name).slice(0, 60)}.${crypto().randomBytes(6).toString("hex")}.tmp`,
  );
  const data = typeof bytes === "string" ? Buffer.from(bytes, "utf8") : bytes;
  // 0600 until it is whole: nobody reads a half-written file of another mode.
  const fd = openSync(temporary, "wx", 0o600);
  try {
    for (let done = 0; done < data.length; ) done += writeSync(fd, data, done);
    fsyncSync(fd);
    closeSync(fd);
    chmodSync(temporary, mode);
    renameSync(temporary, path);
  } catch (error) {
    try {
      closeSync(fd);
    } catch {
      // Closed already.
    }
    try {
      unlinkSync(temporary);
    } catch {
      // Renamed already, or the folder is gone: there is nothing to take back.
    }
    throw error;
  }
}
