/**
 * The line that a finding stands on, to be shown with the secret masked.
 *
 * A secret must not come out this way, so a frame is made from bytes in which
 * every finding of the file is masked, the rest of the word that it stands in as
 * well, and is then scanned itself, until nothing is found in it any more: caps,
 * overlaps and "once a file" leave out what is not masked yet. A mask has always
 * the same length. What shows of a token is the literal that all tokens of its
 * rule begin with.
 *
 * - a file that is a secret as a whole (a key, a database): no frame.
 * - binary (NULs on the line), a place that another reading of the file found
 *   (decode.ts), text that cannot be cleared of findings: no frame.
 * - CRLF: the line ends before it. A huge line: a piece of it around the finding,
 *   which ends where a word ends. A secret of several lines: its first line.
 */
import { Buffer } from "node:buffer";
import { sha256 } from "../builtin.ts";
import { encodingOf, toScannable } from "../scan/decode.ts";
import type { Scanner } from "../scan/engine.ts";
import type { Finding, Frame } from "../scan/finding.ts";
import type { DescribedRule } from "./rule-descriptions.ts";

/** What stands for a secret, whatever its length. */
export const MASK = "********";

/** Bytes of a line that are read on either side of a finding. */
const CONTEXT = 1024;
/** Findings of one file that are shown with their line. */
const MOST_FRAMES = 100;
/** How often a frame is scanned before it is given up. */
const MOST_ROUNDS = 32;

/** A stretch of bytes. */
interface Span {
  from: number;
  to: number;
}

/** What is left of a line: bytes that may show, and masks between them. */
type Piece = { bytes: Buffer } | { mask: string; marked: boolean };

/** Findings with their frames, as far as they have one. */
export function withFrames(
  scanner: Scanner,
  path: string,
  bytes: Uint8Array,
  findings: readonly Finding[],
  rules: ReadonlyMap<string, DescribedRule>,
): Finding[] {
  const shown = findings.filter(hasPlace).slice(0, MOST_FRAMES);
  if (shown.length === 0) return [...findings];
  const decoded = toScannable(bytes);
  const text = Buffer.from(decoded.buffer, decoded.byteOffset, decoded.byteLength);
  const severalViews = encodingOf(bytes) !== "bytes" || bytes.includes(0);
  const offsets = new Offsets(text);
  const spans = new Map<Finding, Span>();
  for (const finding of findings) if (hasPlace(finding)) spans.set(finding, spanOf(finding, offsets));
  const all = [...spans.values()];
  const frames = new Map<Finding, Frame>();
  for (const finding of shown) {
    const span = spans.get(finding)!;
    // Found in another reading of the bytes: this one has something else in that place.
    if (severalViews && sha256(text.subarray(span.from, span.to)) !== finding.secretId) continue;
    const frame = frameOf(scanner, path, text, span, all, publicPrefix(text, span, rules.get(finding.rule)));
    if (frame !== null) frames.set(finding, frame);
  }
  return findings.map((finding) => {
    const frame = frames.get(finding);
    return frame === undefined ? finding : { ...finding, frame };
  });
}

/** Whether the finding is about a place in the file, not about the file. */
function hasPlace({ kind, rule, line, endLine, column, endColumn }: Finding): boolean {
  if (kind === "path" || (kind === "key" && rule !== "known-key")) return false;
  return line !== endLine || column !== endColumn;
}

function spanOf(finding: Finding, offsets: Offsets): Span {
  const from = offsets.at(finding.line, finding.column);
  // What a literal or a value of a `.env` file holds may go on after what the finding points at.
  const whole = finding.kind === "dotenv" || finding.kind === "literal";
  const to = whole
    ? Math.max(offsets.endOfLine(finding.endLine), from)
    : offsets.at(finding.endLine, finding.endColumn);
  return { from, to };
}

/** The literal that every secret of the rule begins with, and which tells nothing of this one. */
function publicPrefix(text: Buffer, { from, to }: Span, rule: DescribedRule | undefined): string {
  // In a rule with a group, or of a name near a value, the secret does not begin with the keyword, unless by chance.
  if (rule === undefined || rule.generic === true || /\((?!\?)/.test(rule.pattern ?? "")) return "";
  const start = text.toString("latin1", from, Math.min(to, from + 64));
  const begins = rule.keywords.filter((keyword) => start.startsWith(keyword) && keyword.length < to - from);
  return begins.sort((a, b) => b.length - a.length)[0] ?? "";
}

function frameOf(
  scanner: Scanner,
  path: string,
  text: Buffer,
  span: Span,
  all: readonly Span[],
  prefix: string,
): Frame | null {
  const lineStart = span.from === 0 ? 0 : text.lastIndexOf(10, span.from - 1) + 1;
  const lf = text.indexOf(10, span.from);
  let lineEnd = lf < 0 ? text.length : lf;
  if (text[lineEnd - 1] === 13) lineEnd -= 1;
  const start = Math.max(lineStart, span.from - CONTEXT, lineStart === 0 && hasMark(text) ? 3 : 0);
  const to = Math.min(span.to, lineEnd);
  const end = Math.min(lineEnd, to + CONTEXT);
  if (text.subarray(start, end).includes(0)) return null;

  const cut = { before: start > lineStart && !(start === 3 && lineStart === 0), after: end < lineEnd };
  const pieces = cleared(scanner, path, masked(text, { from: start, to: end }, { from: span.from, to }, all, prefix));
  if (pieces === null) return null;
  // A key of several lines may begin where its first line ends.
  if (span.from >= lineEnd) pieces.push({ mask: MASK, marked: true });
  const at = pieces.findIndex((piece) => "mask" in piece && piece.marked);
  const mark = pieces[at];
  if (mark === undefined || !("mask" in mark)) return null;
  return {
    before: `${cut.before ? "…" : ""}${shownText(pieces.slice(0, at), cut.before, false)}`,
    secret: mark.mask,
    after: `${shownText(pieces.slice(at + 1), false, cut.after)}${cut.after ? "…" : ""}`,
  };
}

function hasMark(text: Buffer): boolean {
  return text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf;
}

/** The line's pieces: what findings cover is masked, together with the rest of the word. */
function masked(text: Buffer, line: Span, marked: Span, all: readonly Span[], prefix: string): Piece[] {
  const covered = all
    .filter(({ from, to }) => from < line.to && line.from < to)
    .map(({ from, to }) => ({ from: Math.max(from, line.from), to: wordEnd(text, Math.min(to, line.to), line.to) }))
    .sort((a, b) => a.from - b.from);
  const pieces: Piece[] = [];
  let at = line.from;
  for (let index = 0; index < covered.length; ) {
    const { from } = covered[index]!;
    let { to } = covered[index]!;
    // What touches or overlaps is one mask.
    for (index += 1; index < covered.length && covered[index]!.from <= to; index += 1)
      to = Math.max(to, covered[index]!.to);
    if (from > at) pieces.push({ bytes: text.subarray(at, from) });
    const isMarked = from <= marked.from && marked.from < to;
    pieces.push({ mask: `${isMarked && from === marked.from ? prefix : ""}${MASK}`, marked: isMarked });
    at = Math.max(at, to);
  }
  if (at < line.to) pieces.push({ bytes: text.subarray(at, line.to) });
  return pieces;
}

/** Where the word ends that goes on at `at`: a rule may match less than what the secret is. */
function wordEnd(text: Buffer, at: number, limit: number): number {
  let end = at;
  while (end < limit && isOpaque(text[end]!)) end += 1;
  return end;
}

function isOpaque(byte: number): boolean {
  return (
    (byte >= 48 && byte <= 57) ||
    (byte >= 65 && byte <= 90) ||
    (byte >= 97 && byte <= 122) ||
    byte === 0x5f ||
    byte === 0x2d ||
    byte === 0x2b ||
    byte === 0x2f ||
    byte === 0x3d ||
    byte >= 0x80
  );
}

/** The pieces with all that the scanner still finds masked; null where it does not come to an end. */
function cleared(scanner: Scanner, path: string, given: Piece[]): Piece[] | null {
  let pieces = given;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    let changed = false;
    const next: Piece[] = [];
    for (const piece of pieces) {
      if ("mask" in piece) {
        next.push(piece);
        continue;
      }
      const found = scanner.scan(path, piece.bytes);
      if (found.some((finding) => !hasPlace(finding))) return null;
      if (found.length === 0) {
        next.push(piece);
        continue;
      }
      changed = true;
      const offsets = new Offsets(piece.bytes);
      const spans = found.map((finding) => spanOf(finding, offsets));
      next.push(...masked(piece.bytes, { from: 0, to: piece.bytes.length }, { from: -1, to: -1 }, spans, ""));
    }
    if (!changed) return pieces;
    pieces = next;
  }
  return null;
}

/** Text of pieces. At an end that was cut, the word that was cut goes: half a secret is no finding. */
function shownText(pieces: readonly Piece[], cutBefore: boolean, cutAfter: boolean): string {
  return pieces
    .map((piece, index) => {
      if ("mask" in piece) return piece.mask;
      let { bytes } = piece;
      if (cutBefore && index === 0) bytes = bytes.subarray(wordEnd(bytes, 0, bytes.length));
      if (cutAfter && index === pieces.length - 1) {
        let end = bytes.length;
        while (end > 0 && isOpaque(bytes[end - 1]!)) end -= 1;
        bytes = bytes.subarray(0, end);
      }
      return bytes.toString("utf8");
    })
    .join("");
}

/** Byte offsets of lines and columns as the scanner counts them; quick where they are asked for in ascending order. */
class Offsets {
  readonly #bytes: Buffer;
  #line = 1;
  #lineStart: number;
  #column = 1;
  #offset: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#lineStart = hasMark(bytes) ? 3 : 0;
    this.#offset = this.#lineStart;
  }

  at(line: number, column: number): number {
    this.#goTo(line);
    if (column < this.#column) this.#rewind();
    const bytes = this.#bytes;
    while (this.#column < column && this.#offset < bytes.length && bytes[this.#offset] !== 10) {
      const byte = bytes[this.#offset]!;
      this.#offset += 1;
      while (this.#offset < bytes.length && (bytes[this.#offset]! & 0xc0) === 0x80) this.#offset += 1;
      // A byte that goes on with nothing has no column, as the scanner counts.
      this.#column += (byte & 0xc0) === 0x80 ? 0 : byte >= 0xf0 ? 2 : 1;
    }
    return this.#offset;
  }

  endOfLine(line: number): number {
    this.#goTo(line);
    const end = this.#bytes.indexOf(10, this.#lineStart);
    return end < 0 ? this.#bytes.length : end;
  }

  #goTo(line: number): void {
    if (line < this.#line) {
      this.#line = 1;
      this.#lineStart = hasMark(this.#bytes) ? 3 : 0;
      this.#rewind();
    }
    while (this.#line < line) {
      const end = this.#bytes.indexOf(10, this.#lineStart);
      if (end < 0) return;
      this.#line += 1;
      this.#lineStart = end + 1;
      this.#rewind();
    }
  }

  #rewind(): void {
    this.#offset = this.#lineStart;
    this.#column = 1;
  }
}
