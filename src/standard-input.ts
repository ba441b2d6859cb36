/** What is piped into this process. */
import { readSync } from "node:fs";
import { pause } from "./durable-file.ts";

/** All of it; of one that is longer than `limit` bytes, a little more than that. */
export function readStandardInput(limit = Number.POSITIVE_INFINITY): Buffer {
  return readToEnd(0, limit);
}

/** The same of any descriptor: a file, or a pipe that `<(command)` made. */
export function readToEnd(fd: number, limit: number): Buffer {
  const chunks: Buffer[] = [];
  for (let size = 0; size <= limit; ) {
    const chunk = Buffer.allocUnsafe(65_536);
    let length: number;
    try {
      length = readSync(fd, chunk);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") {
        pause(1);
        continue;
      }
      // What Windows says of a pipe that was closed.
      if (code === "EOF") break;
      throw error;
    }
    if (length === 0) break;
    chunks.push(chunk.subarray(0, length));
    size += length;
  }
  return Buffer.concat(chunks);
}
