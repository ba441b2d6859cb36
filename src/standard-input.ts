/** What is piped into this process. */
import { readSync } from "node:fs";

/** All of it; of one that is longer than `limit` bytes, a little more than that. */
export function readStandardInput(limit = Number.POSITIVE_INFINITY): Buffer {
  const chunks: Buffer[] = [];
  for (let size = 0; size <= limit; ) {
    const chunk = Buffer.allocUnsafe(65_536);
    let length: number;
    try {
      length = readSync(0, chunk);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") continue;
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
