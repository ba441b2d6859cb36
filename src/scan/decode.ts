/**
 * What the engine reads: bytes, in UTF-8 or in any single-byte encoding that
 * agrees with ASCII. UTF-16 and UTF-32 text is turned into UTF-8 first.
 *
 * The first bytes of a file say how it means to be read, not what stands in it:
 * `FF FE` before ASCII, or a PowerShell `>` followed by a `>>` of another shell,
 * would hide all or half of it. So {@link viewsOf} gives the decoded text and the
 * bytes as they are, and, where NULs stand in them, the bytes with the wide text
 * made narrow. Text without a mark and without NULs has one view: itself.
 *
 * - empty: itself. Huge: one pass, and one copy only where it is decoded.
 * - UTF-16LE/BE, UTF-32LE/BE with a byte order mark: decoded.
 * - UTF-16 without a mark: recognised by its NULs, which stand at every other
 *   byte of ASCII text. git calls such a file binary, so patches, and every
 *   scanner that reads patches, are blind to it.
 * - an odd last byte (truncated) is dropped; a lone surrogate becomes U+FFFD,
 *   one UTF-16 unit as before, so columns stay right.
 * - anything else with NULs (an executable, a database) is scanned as it is.
 * - CRLF and a UTF-8 mark are left in place; the mark counts no column.
 *
 * Lines and columns of the decoded text are those of the file: a column counts
 * UTF-16 units in both.
 */
import { Buffer } from "node:buffer";

export type TextEncoding = "bytes" | "utf-16le" | "utf-16be" | "utf-32le" | "utf-32be";

/** How many bytes decide about a file without a mark. */
const SAMPLE = 512;

/** @param size - of the whole file, where `bytes` are its beginning. */
export function encodingOf(bytes: Uint8Array, size = bytes.length): TextEncoding {
  const [a, b, c, d] = bytes;
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 && size % 4 === 0 ? "utf-32le" : "utf-16le";
  if (a === 0xfe && b === 0xff) return "utf-16be";
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return "utf-32be";
  // Text without a mark: the first two characters say where the zero halves are.
  if (bytes.length < 8 || (a !== 0 && b !== 0)) return "bytes";
  const end = Math.min(bytes.length & ~1, SAMPLE);
  let evenZero = 0;
  let oddZero = 0;
  for (let at = 0; at < end; at += 2) {
    if (bytes[at] === 0) evenZero++;
    if (bytes[at + 1] === 0) oddZero++;
  }
  const half = end / 2;
  if (oddZero >= half * 0.7 && evenZero <= half * 0.05) return "utf-16le";
  if (evenZero >= half * 0.7 && oddZero <= half * 0.05) return "utf-16be";
  return "bytes";
}

/** The bytes the engine scans. Returns the input itself where nothing has to be decoded. */
export function toScannable(bytes: Uint8Array): Uint8Array {
  const encoding = encodingOf(bytes);
  if (encoding === "bytes") return bytes;
  if (encoding === "utf-32le" || encoding === "utf-32be") return Buffer.from(utf32(bytes, encoding === "utf-32le"));
  const even = Buffer.from(bytes.subarray(0, bytes.length & ~1));
  if (encoding === "utf-16be") even.swap16();
  const text = even.toString("utf16le");
  return Buffer.from(text.startsWith("\uFEFF") ? text.slice(1) : text, "utf8");
}

/** Wide characters in a row that make wide text of them; fewer are a chance in a binary file. */
const WIDE_RUN = 4;

/**
 * Everything that has to be scanned of a file: what it decodes to first, then
 * the bytes as they are, then these with wide text narrowed, each only where it
 * differs. Lines count the same in all of them; at most three passes.
 */
export function viewsOf(bytes: Uint8Array): Uint8Array[] {
  const decoded = toScannable(bytes);
  const views = decoded === bytes ? [bytes] : [decoded, bytes];
  if (!bytes.includes(0)) return views;
  const narrowed = narrow(bytes);
  if (narrowed !== null) views.push(narrowed);
  return views;
}

function narrow(bytes: Uint8Array): Uint8Array | null {
  const narrower = new Narrower();
  const result = Buffer.concat([narrower.write(bytes), narrower.end()]);
  return narrower.changed ? result : null;
}

/** Bytes that have to be seen to decide about one: a run of {@link WIDE_RUN} with three NULs each. */
const LOOK_AHEAD = WIDE_RUN * 4 + 4;

/**
 * Bytes without the NULs that pad ASCII to UTF-16 or UTF-32, wherever such text
 * begins and whatever surrounds it. NULs that end strings in a binary file stay:
 * joining what they part would make up secrets.
 */
export class Narrower {
  #changed = false;
  #kept: Uint8Array = new Uint8Array(0);
  /** NULs after each character of the run that is being read, 0 outside one. */
  #gap = 0;

  /** Whether any NUL was taken out. */
  get changed(): boolean {
    return this.#changed;
  }

  /** What of the text is decided so far, without padding. */
  write(bytes: Uint8Array): Uint8Array {
    return this.#read(bytes, false);
  }

  end(): Uint8Array {
    return this.#read(new Uint8Array(0), true);
  }

  #read(more: Uint8Array, last: boolean): Uint8Array {
    const bytes = this.#kept.length === 0 ? more : Buffer.concat([this.#kept, more]);
    const until = last ? bytes.length : bytes.length - LOOK_AHEAD;
    const result = Buffer.allocUnsafe(bytes.length);
    let length = 0;
    let at = 0;
    while (at < until) {
      if (this.#gap > 0) {
        if (bytes[at] !== 0 && nulsAfter(bytes, at) === this.#gap) {
          result[length++] = bytes[at]!;
          at += this.#gap + 1;
          continue;
        }
        this.#gap = 0;
      }
      if (bytes[at] !== 0 && bytes[at + 1] === 0) {
        const gap = nulsAfter(bytes, at);
        if (gap <= 3 && isWideRun(bytes, at, gap)) {
          this.#gap = gap;
          this.#changed = true;
          continue;
        }
      }
      result[length++] = bytes[at++]!;
    }
    // `at` may be some NULs past `until`; it is never past the end, which holds a look-ahead.
    this.#kept = Uint8Array.prototype.slice.call(bytes, Math.min(at, bytes.length));
    return result.subarray(0, length);
  }
}

function isWideRun(bytes: Uint8Array, at: number, gap: number): boolean {
  for (let i = 0; i < WIDE_RUN; i++) {
    const here = at + i * (gap + 1);
    if (here >= bytes.length || bytes[here] === 0 || nulsAfter(bytes, here) !== gap) return false;
  }
  return true;
}

/** NULs after a byte, counted up to four. */
function nulsAfter(bytes: Uint8Array, at: number): number {
  let count = 0;
  while (count < 4 && bytes[at + 1 + count] === 0) count++;
  return count;
}

/** {@link toScannable} of a text that comes in pieces. */
export class Decoder {
  readonly #encoding: TextEncoding;
  #kept: Uint8Array = new Uint8Array(0);
  #begun = false;

  constructor(encoding: TextEncoding) {
    this.#encoding = encoding;
  }

  write(bytes: Uint8Array): Uint8Array {
    const all = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    const wide = this.#encoding === "utf-32le" || this.#encoding === "utf-32be";
    let end = all.length & (wide ? ~3 : ~1);
    // A pair of surrogates stays together.
    if (!wide && end >= 2) {
      const high = this.#encoding === "utf-16le" ? all[end - 1]! : all[end - 2]!;
      if (high >= 0xd8 && high <= 0xdb) end -= 2;
    }
    this.#kept = Uint8Array.prototype.slice.call(all, end);
    return this.#decode(all.subarray(0, end));
  }

  /** What was kept back: half a character is none. */
  end(): Uint8Array {
    const wide = this.#encoding === "utf-32le" || this.#encoding === "utf-32be";
    return this.#decode(wide ? new Uint8Array(0) : this.#kept.subarray(0, this.#kept.length & ~1));
  }

  #decode(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0) return bytes;
    const first = !this.#begun;
    this.#begun = true;
    if (this.#encoding === "utf-32le" || this.#encoding === "utf-32be") {
      return Buffer.from(utf32(bytes, this.#encoding === "utf-32le", first ? 4 : 0));
    }
    const even = Buffer.from(bytes);
    if (this.#encoding === "utf-16be") even.swap16();
    const text = even.toString("utf16le");
    return Buffer.from(first && text.startsWith("\uFEFF") ? text.slice(1) : text, "utf8");
  }
}

function utf32(bytes: Uint8Array, little: boolean, from = 4): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: string[] = [];
  let codes: number[] = [];
  for (let at = from; at + 4 <= bytes.length; at += 4) {
    const code = view.getUint32(at, little);
    codes.push(code <= 0x10ffff ? code : 0xfffd);
    if (codes.length === 4096) {
      pieces.push(String.fromCodePoint(...codes));
      codes = [];
    }
  }
  pieces.push(String.fromCodePoint(...codes));
  return pieces.join("");
}

/**
 * Lines and columns of offsets, asked for in ascending order: one walk over the
 * bytes for any number of findings, and none where there are no findings.
 */
export class Positions {
  readonly #bytes: Uint8Array;
  #offset = 0;
  #line: number;
  #column = 1;

  /** @param begins - whether the first byte is the file's first. */
  constructor(bytes: Uint8Array, startLine = 1, startColumn = 1, begins = true) {
    this.#bytes = bytes;
    this.#line = startLine;
    this.#column = startColumn;
    if (begins && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.#offset = 3;
  }

  /** Line and column of a byte offset, both from 1; the column in UTF-16 units. Offsets must not descend. */
  at(offset: number): { line: number; column: number } {
    const bytes = this.#bytes;
    let at = this.#offset;
    // Whole lines are skipped by indexOf, which is many times faster than a loop here.
    for (;;) {
      const end = bytes.indexOf(10, at);
      if (end < 0 || end >= offset) break;
      this.#line++;
      this.#column = 1;
      at = end + 1;
    }
    let column = this.#column;
    for (; at < offset; at++) {
      const byte = bytes[at]!;
      // A UTF-8 sequence counts at its first byte; one of four bytes is two units.
      if (byte < 0x80 || byte >= 0xc0) column += byte >= 0xf0 ? 2 : 1;
    }
    this.#column = column;
    this.#offset = Math.max(at, this.#offset);
    return { line: this.#line, column };
  }
}
