/**
 * `clean PATH` and `smudge PATH`, a process a file: for implementations of git
 * that know no long-running filter. The same decisions, stdin to stdout.
 */
import { GrowingBuffer } from "../git/filter-protocol.ts";
import { talk } from "../terminal.ts";
import { clean } from "./clean.ts";
import { openWorld, readInput, writeOutput } from "./filter-process.ts";

/** @param path - repository path of the file on stdin. @returns 0, or 1 without output where storing is refused. */
export function cleanOnce(path: string): number {
  const cleaned = clean(path, readAll(), openWorld(process.cwd(), talk));
  if (cleaned === null) return 1;
  writeOutput(cleaned);
  return 0;
}

export function smudgeOnce(): number {
  const piece = Buffer.allocUnsafe(65_536);
  for (let length = readInput(piece); length > 0; length = readInput(piece)) writeOutput(piece.subarray(0, length));
  return 0;
}

function readAll(): Buffer {
  const content = new GrowingBuffer();
  const piece = Buffer.allocUnsafe(65_536);
  for (let length = readInput(piece); length > 0; length = readInput(piece)) content.add(piece.subarray(0, length));
  return content.take();
}
