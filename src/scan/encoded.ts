/**
 * Base64 text inside a file, one level deep: a token that was encoded once more
 * (a Kubernetes Secret, a docker config, `Authorization: Basic`, a PowerShell
 * command, a data: URL) stands in no form that a rule begins with.
 *
 * A run of at least {@link SHORTEST} base64 characters is decoded where its first
 * bytes are text; nearly all other runs (digests, paths, long names, images) end
 * after two or three characters. Lines that go on with the same text are one run.
 *
 * Linear: every run is decoded at most once, up to {@link LONGEST}. What was decoded is
 * not searched for base64 again.
 */
import { Buffer } from "node:buffer";

/** Shortest run that is looked at: 24 characters are 18 bytes, less than any token that a rule knows by its form. */
export const SHORTEST = 24;
/** Longest run that is decoded, in characters of the file. Beyond it goes on unread. */
export const LONGEST = 128 * 1024;
/** Bytes that have to be text for a run to be decoded. */
const OPENING = 18;
/** Most blanks of indentation before the next line of a run. */
const INDENT = 40;

export interface EncodedText {
  /** What the run says, as bytes. */
  decoded: Buffer;
  start: number;
  /** Just after the last character that was decoded. */
  end: number;
  /** Offset in the file of the character that holds a decoded byte's first bits. */
  placeOf(decodedOffset: number): number;
}

let values: Int8Array | undefined;

/** By byte: its value as a digit of either base64 alphabet, -1 for no digit. */
export function digitValues(): Int8Array {
  if (values !== undefined) return values;
  const table = new Int8Array(256).fill(-1);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (let i = 0; i < 64; i++) table[alphabet.charCodeAt(i)] = i;
  table[45] = 62;
  table[95] = 63;
  values = table;
  return table;
}

/** What the run of at least {@link SHORTEST} digits that begins at `start` says, undefined where it is no text. */
export function readEncoded(bytes: Uint8Array, start: number): EncodedText | undefined {
  const digits = digitValues();
  if (!opensAsText(bytes, start, digits)) return undefined;
  const limit = Math.min(bytes.length, start + LONGEST);
  let end = start + SHORTEST;
  while (end < limit && digits[bytes[end]!]! >= 0) end++;
  return decode(bytes, start, end, limit, digits);
}

/** Whether the first bytes are ASCII text, or ASCII as UTF-16LE. */
function opensAsText(bytes: Uint8Array, start: number, digits: Int8Array): boolean {
  let wide = true;
  let narrow = true;
  for (let i = 0; i < OPENING && (wide || narrow); i++) {
    const at = start + (((i * 8) / 6) | 0);
    const offset = (i * 8) % 6;
    const both = (digits[bytes[at]!]! << 6) | digits[bytes[at + 1]!]!;
    const byte = (both >> (4 - offset)) & 0xff;
    const text = byte < 127 && (byte >= 32 || byte === 9 || byte === 10 || byte === 13);
    if (!text) narrow = false;
    if (i % 2 === 0 ? !text : byte !== 0) wide = false;
  }
  return wide || narrow;
}

/** Lines of a run as they stand in the file. */
interface Line {
  start: number;
  end: number;
  /** Characters of the run before it. */
  before: number;
}

function decode(bytes: Uint8Array, start: number, firstEnd: number, limit: number, digits: Int8Array): EncodedText {
  const lines: Line[] = [{ start, end: firstEnd, before: 0 }];
  let length = firstEnd - start;
  let end = firstEnd;
  for (;;) {
    const last = lines[lines.length - 1]!;
    // Encoders break lines after whole groups; whatever ends otherwise is the end.
    if ((last.end - last.start) % 4 !== 0) break;
    const next = nextLine(bytes, end, digits);
    if (next < 0 || next >= limit) break;
    let to = next;
    while (to < limit && digits[bytes[to]!]! >= 0) to++;
    lines.push({ start: next, end: to, before: length });
    length += to - next;
    end = to;
  }
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Blanks between the lines are skipped by the decoder.
  const decoded = Buffer.from(buffer.toString("latin1", start, end), "base64");
  return {
    decoded,
    start,
    end,
    placeOf(offset) {
      const character = Math.floor((offset * 8) / 6);
      let low = 0;
      for (let high = lines.length; high - low > 1; ) {
        const middle = (low + high) >> 1;
        if (lines[middle]!.before <= character) low = middle;
        else high = middle;
      }
      const line = lines[low]!;
      return Math.min(end, line.start + character - line.before);
    },
  };
}

/** Where the run goes on after a line end and indentation, or -1. */
function nextLine(bytes: Uint8Array, at: number, digits: Int8Array): number {
  let here = at;
  if (bytes[here] === 13) here++;
  if (bytes[here] !== 10) return -1;
  here++;
  const most = here + INDENT;
  while (here < most && (bytes[here] === 32 || bytes[here] === 9)) here++;
  return here < bytes.length && digits[bytes[here]!]! >= 0 ? here : -1;
}
