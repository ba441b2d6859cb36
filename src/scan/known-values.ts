/**
 * Exact detection of the repository's own secret values and keys, in whatever
 * form they were pasted: this is what no rule can know.
 *
 * Each value gives the search a few short anchors: a piece of the value that
 * every encoding of one family leaves as it is. At an anchor the whole value is
 * compared, forwards and backwards, with all spellings of each character:
 *
 * | family | anchor | compared |
 * |---|---|---|
 * | text | a run of letters and digits | raw, JSON (Go's \u003c, ASCII-only \uXXXX), percent (either case, form style), shell quotes and backslashes, XML, doubled quotes, in any mixture; line ends and indentation free |
 * | base64 | inner characters, for each of the three alignments | both alphabets, wrapped lines, percent-encoded |
 * | hex | three bytes | either case |
 * | UTF-16 | letters with NULs between, which is both byte orders | exact |
 *
 * A value that is hard to guess (randomness.ts) blocks. A weak one (`production`,
 * a host, a port) is only pointed at, once a file, as a whole word; under four
 * characters it is not looked for. A key always blocks.
 *
 * A value's secret parts are looked for by themselves: the password in a URL,
 * the strings in a JSON value, the long lines of a text. A part that is easy to
 * guess is not.
 *
 * Anchors come from where a value is most random: one cut from what it repeats
 * would be hit at every step of a file that repeats the same. What still
 * resembles a value everywhere is stopped by a budget, {@link Comparisons}.
 *
 * - empty value: not looked for. Huge value: 64 places of it are asked for an anchor.
 * - binary value (not UTF-8): raw bytes, base64 and hex.
 * - a reference, an encrypted token or a bare `true`/`null` as value: not looked for.
 *
 * Values stay in this module: a {@link KnownValues} shows how many it holds and
 * nothing else, not to console.log either.
 */

import { Buffer, isUtf8 } from "node:buffer";
import { sha256 } from "../builtin.ts";
import { SEARCHED } from "./known-search.ts";
import { isStrongValue, randomnessBits } from "./randomness.ts";

export interface KnownEntry {
  /** Repository path of the formation, `""` for the root. */
  formation: string;
  /** Name of the secret; for a key, `.key`. */
  name: string;
  value: string | Buffer;
  kind: "value" | "key";
}

export interface KnownValuesOptions {
  /** Names whose values the repository declares public (`publicNames` of muxi-git.json). Never exempts a key. */
  publicNames: ReadonlySet<string>;
}

/** Known values, ready for a scanner. Opaque. */
export interface KnownValues {
  /** How many values and keys are looked for. */
  readonly count: number;
}

/** An occurrence of a known value. */
export interface KnownMatch {
  start: number;
  end: number;
  strong: boolean;
  kind: "value" | "key";
  name: string;
  formation: string;
  message: string;
  fix: string;
  secretId: string;
}

/** A piece to look for, and the comparison to make where it may stand. For the engine. */
export interface NeedleMatcher {
  /** Bytes, as latin1 text. */
  anchor: string;
  /** Whether the anchor stands for its spelling in the other base64 alphabet too. */
  base64?: true;
  /** Whether one match a file is all that is told. */
  once?: true;
  /**
   * @param end - offset just after the anchor's last byte. The anchor may turn out not
   * to stand there: the comparison reads it again.
   */
  match(bytes: Uint8Array, end: number, comparisons: Comparisons): KnownMatch[];
}

/** Comparisons that a byte of a file may cost; honest text costs about one. */
const COMPARISONS_A_BYTE = 32;
/** … and those that any file may cost: a value of a few KiB that stands in a file of its own. */
const COMPARISONS_A_FILE = 1 << 20;

/**
 * How many more bytes of one file may be compared with known values. Whoever
 * knows how a value begins can write a file that resembles it at every byte;
 * without a limit its cost is the product of both lengths.
 */
export class Comparisons {
  /** Comparisons so far. */
  count = 0;
  #most: number;

  /** @param size - of the file, in bytes. */
  constructor(size: number) {
    this.#most = COMPARISONS_A_FILE + COMPARISONS_A_BYTE * size;
  }

  /** The file turned out to have so many bytes more. */
  grow(bytes: number): void {
    this.#most += COMPARISONS_A_BYTE * bytes;
  }

  /** Whether there were too many: then what has been found is not all. */
  get spent(): boolean {
    return this.count > this.#most;
  }
}

const matchersByValues = new WeakMap<KnownValues, NeedleMatcher[]>();
const longestByValues = new WeakMap<KnownValues, number>();

/** Characters that one of a value may become: `\\\\u0026`, and as much again for breaks and indentation. */
const SPELLED = 16;

/** How many bytes an occurrence may span, anchor included. */
export function reachOf(known: KnownValues): number {
  return (longestByValues.get(known) ?? 0) * SPELLED;
}

/** For the engine only. */
export function matchersOf(known: KnownValues): readonly NeedleMatcher[] {
  return matchersByValues.get(known) ?? [];
}

/** Shortest value that is looked for at all. */
const SHORTEST = 4;
/** Length of an anchor, but where the value has no such piece: what the search for many wants, see known-search.ts. */
const ANCHOR = SEARCHED;
/** A base64 needle must have this many characters that do not depend on its neighbours. */
const BASE64_SHORTEST = 8;
/** Length of a place in a value that is asked how random it is, and how many of them are. */
const PLACE = 64;
const PLACES_ASKED = 64;
/** Bits of a place that is random enough to stop asking: three a character, less than base64 or hex have. */
const RANDOM_PLACE = 3 * PLACE;
/** The strings of a JSON value that are looked for, and the longest such value that is read. */
const PARTS_OF_A_VALUE = 32;
const LONGEST_JSON = 65_536;
/** A line of a multi-line value is looked for by itself from this length on. */
const LINE_SHORTEST = 24;
/** … and so many of them. */
const LINES_OF_A_VALUE = 4;

const NEVER_SECRET = /^(?:true|false|null|none|undefined|local)$/i;
const TOKEN_START = "gAAAAA";
/** Shortest Fernet token. */
const TOKEN_SHORTEST = 100;

export function buildKnownValues(entries: readonly KnownEntry[], options: KnownValuesOptions): KnownValues {
  const matchers: NeedleMatcher[] = [];
  const weak = new Map<string, Owner[]>();
  let count = 0;
  for (const entry of entries) {
    if (
      entry.kind === "key"
        ? addKey(matchers, entry)
        : !options.publicNames.has(entry.name) && addValue(matchers, weak, entry)
    )
      count++;
  }
  const known: KnownValues = Object.freeze({ count });
  longestByValues.set(
    known,
    entries.reduce((longest, { value }) => Math.max(longest, value.length), 0),
  );
  matchersByValues.set(known, matchers);
  return known;
}

/** What an entry's matches have in common; the digest is made at the first match. */
class Owner {
  readonly entry: KnownEntry;
  readonly strong: boolean;
  readonly #identity: Uint8Array;
  #secretId: string | undefined;

  constructor(entry: KnownEntry, strong: boolean, identity: Uint8Array) {
    this.entry = entry;
    this.strong = strong;
    this.#identity = identity;
  }

  matchAt(start: number, end: number, form: string): KnownMatch {
    const { name, formation, kind } = this.entry;
    this.#secretId ??= sha256(this.#identity);
    const of = formation === "" ? "" : ` of '${formation}'`;
    const encoded = form === "" ? "" : ` (${form})`;
    const what =
      kind === "key" ? `the key${formation === "" ? " of this formation" : of}` : `the value of '${name}'${of}`;
    return {
      start,
      end,
      strong: this.strong,
      kind,
      name,
      formation,
      message: `${what}${encoded}${this.strong ? "" : ": too easy to guess to block on"}`,
      fix: this.#fix(),
      secretId: this.#secretId,
    };
  }

  #fix(): string {
    const { name, kind } = this.entry;
    if (kind === "key") return "take the key out of this file; it belongs in '.key' alone, which git must not track";
    if (this.strong) return `write \${{ secrets.${name} }} instead of the value`;
    return `if it is public, add "${name}" to publicNames in muxi-git.json`;
  }
}

/** Returns whether there is anything to look for. */
function addKey(matchers: NeedleMatcher[], entry: KnownEntry): boolean {
  const text = (typeof entry.value === "string" ? entry.value : entry.value.toString("latin1"))
    .replace(/^(?:\uFEFF|\xef\xbb\xbf)/, "")
    .trim();
  if (text.length < 32) return false;
  const owner = new Owner(entry, true, Buffer.from(text, "latin1"));
  const body = text.replace(/=+$/, "");
  const ascii = Buffer.from(text, "latin1");
  addBase64Text(matchers, owner, body, "");
  addBase64(matchers, owner, ascii);
  addHex(matchers, owner, ascii);
  addUtf16(matchers, owner, body);
  const decoded = Buffer.from(body, "base64url");
  if (decoded.length !== 32) return true;
  addHex(matchers, owner, decoded);
  addExact(matchers, owner, decoded, "as bytes");
  return true;
}

function addValue(matchers: NeedleMatcher[], weak: Map<string, Owner[]>, entry: KnownEntry): boolean {
  const bytes = typeof entry.value === "string" ? Buffer.from(entry.value, "utf8") : entry.value;
  const text = bytes.toString("utf8").trim();
  if (!isUtf8(bytes)) {
    if (bytes.length < 8) return false;
    const owner = new Owner(entry, true, bytes);
    addExact(matchers, owner, bytes, "as bytes");
    addBase64(matchers, owner, bytes);
    addHex(matchers, owner, bytes);
    return true;
  }
  if (text.length < SHORTEST || NEVER_SECRET.test(text)) return false;
  if (text.startsWith(TOKEN_START) && text.length >= TOKEN_SHORTEST) return false;
  if (/^\$\{\{[^{}]*\}\}$/.test(text)) return false;
  const trimmed = Buffer.from(text, "utf8");
  addParts(matchers, entry, text);
  if (!isStrongValue(text)) {
    addWord(matchers, weak, text, new Owner(entry, false, trimmed), trimmed);
    return true;
  }
  const owner = new Owner(entry, true, trimmed);
  addText(matchers, owner, text, "");
  addBase64(matchers, owner, trimmed);
  if (trimmed.includes(13)) addBase64(matchers, owner, Buffer.from(text.replaceAll("\r\n", "\n"), "utf8"));
  addHex(matchers, owner, trimmed);
  addUtf16(matchers, owner, text);
  for (const line of distinctiveLines(text)) addText(matchers, owner, line, "a line of it");
  return true;
}

function addParts(matchers: NeedleMatcher[], entry: KnownEntry, text: string): void {
  for (const part of secretParts(text)) {
    const bytes = Buffer.from(part, "utf8");
    const owner = new Owner(entry, true, bytes);
    addText(matchers, owner, part, "a part of it");
    addBase64(matchers, owner, bytes, "a part of it, base64");
    addHex(matchers, owner, bytes, "a part of it, hex");
    addUtf16(matchers, owner, part, "a part of it, UTF-16");
  }
}

/** The password in a URL, the strings in a JSON value: each opens what the whole opens, and is hard to guess. */
function secretParts(text: string): string[] {
  const parts = new Set<string>();
  const add = (part: string): void => {
    const trimmed = part.trim();
    if (trimmed !== text && parts.size < PARTS_OF_A_VALUE && isStrongValue(trimmed)) parts.add(trimmed);
  };
  const addPassword = (url: string): void => {
    const password = URL_PASSWORD.exec(url.slice(0, 2048))?.[1];
    if (password === undefined) return;
    add(password);
    add(percentDecoded(password));
  };
  addPassword(text);
  for (const string of jsonStrings(text)) {
    add(string);
    addPassword(string);
  }
  return [...parts];
}

/** Up to the last `@` before the path: a password may hold one. */
const URL_PASSWORD = /^[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/?#:@]{0,256}:([^\s/?#]{1,512})@/i;

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Members of a service account, or the like, that name something instead of opening it. */
const PUBLIC_MEMBER = /(?:^|_)(?:id|uri|url|email|type|name|domain|region|zone|host|user|username|project|issuer)$/;

/** Strings in a JSON object or list, however deep, whose member says nothing else. None where it is no JSON. */
function jsonStrings(text: string): string[] {
  if ((text[0] !== "{" && text[0] !== "[") || text.length > LONGEST_JSON) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return [];
  }
  const strings: string[] = [];
  const open: unknown[] = [parsed];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value === "string") strings.push(value);
    else if (Array.isArray(value)) for (const item of value) open.push(item);
    else if (typeof value === "object" && value !== null) {
      for (const [member, item] of Object.entries(value)) {
        const words = member.replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
        if (typeof item !== "string" || !PUBLIC_MEMBER.test(words)) open.push(item);
      }
    }
  }
  return strings;
}

/** Lines that would give the value away alone: a PEM body line, not `"type": "service_account"`. */
function distinctiveLines(text: string): string[] {
  const lines = splitLines(text);
  if (lines.length < 2) return [];
  return lines
    .filter((line) => line.length >= LINE_SHORTEST && randomnessBits(line) >= 2.8 * Math.min(line.length, 512))
    .sort((a, b) => b.length - a.length)
    .slice(0, LINES_OF_A_VALUE);
}

/** Lines without their indentation. A PEM that was stored as one line has its line ends as `\n`, two characters. */
function splitLines(text: string): string[] {
  if (!text.includes("\n") && !text.includes("\\n")) return [text];
  const ends = text.includes("-----BEGIN") ? /\r?\n|(?:\\r)?\\n/ : /\r?\n/;
  return text
    .split(ends)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** Where an anchor stands in what it was cut from. */
interface Piece {
  start: number;
  end: number;
}

function isAlnum(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
}

/** More than a shorter anchor is worth, whatever it is made of: shorter ones are searched for apart. */
const WHOLE_WORTH = 4 * ANCHOR;
/** Worth of an anchor that is good enough to stop looking: a digit and two changes of class, or their like. */
const GOOD_WORTH = ANCHOR + 5;

/**
 * The best run of letters and digits of at most {@link ANCHOR} characters
 * between two offsets, of at least three. Digits and changes of class are what
 * ordinary text lacks, so they count.
 */
function bestPiece(text: string, from: number, to: number): Piece | undefined {
  let best: Piece | undefined;
  let bestWorth = 0;
  let start = from;
  let worth = 0;
  let previous = -1;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    const kind = code < 48 || code > 122 ? -1 : code < 58 ? 0 : code < 65 ? -1 : code < 91 ? 1 : code < 97 ? -1 : 2;
    if (kind < 0) {
      start = at + 1;
      worth = 0;
      previous = -1;
      continue;
    }
    worth += kind === 0 ? 2 : 1;
    if (previous >= 0 && kind !== previous) worth += 2;
    previous = kind;
    const length = at + 1 - start;
    const whole = length === ANCHOR ? WHOLE_WORTH : 0;
    if (length >= 3 && worth + whole > bestWorth) {
      best = { start, end: at + 1 };
      bestWorth = worth + whole;
      if (length === ANCHOR && worth >= GOOD_WORTH) return best;
    }
    if (length === ANCHOR) {
      start = at + 1;
      worth = 0;
      previous = -1;
    }
  }
  return best;
}

/** {@link bestPiece} of the most random place of a text, or of the whole where that has none. */
function bestPieceOf(text: string): Piece | undefined {
  if (text.length <= PLACE) return bestPiece(text, 0, text.length);
  const from = mostRandomPlace(text);
  return bestPiece(text, from, from + PLACE) ?? bestPiece(text, 0, Math.min(text.length, PLACE * PLACES_ASKED));
}

/** Where {@link PLACE} characters start that are hard to guess, or else the hardest of those asked. */
function mostRandomPlace(text: string): number {
  const last = Math.max(0, text.length - PLACE);
  const step = Math.max(PLACE, Math.ceil(last / PLACES_ASKED));
  let best = 0;
  let bestBits = -1;
  for (let at = 0; ; at = Math.min(at + step, last)) {
    const bits = randomnessBits(text.slice(at, at + PLACE), RANDOM_PLACE);
    if (bits > bestBits) {
      best = at;
      bestBits = bits;
    }
    if (at === last || bits >= RANDOM_PLACE) return best;
  }
}

function exactAt(bytes: Uint8Array, at: number, text: Uint8Array, comparisons: Comparisons): boolean {
  if (at < 0 || at + text.length > bytes.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (bytes[at + i] !== text[i]) {
      comparisons.count += i + 1;
      return false;
    }
  }
  comparisons.count += text.length;
  return true;
}

/** One spelling, compared byte for byte. */
function addExact(matchers: NeedleMatcher[], owner: Owner, whole: Buffer, form: string, piece?: Piece): void {
  const { start, end } = piece ?? { start: 0, end: Math.min(whole.length, ANCHOR) };
  matchers.push({
    anchor: whole.toString("latin1", start, end),
    match(bytes, at, comparisons) {
      const from = at - end;
      return exactAt(bytes, from, whole, comparisons) ? [owner.matchAt(from, from + whole.length, form)] : [];
    },
  });
}

function isWordByte(byte: number | undefined): boolean {
  return byte !== undefined && (isAlnum(byte) || byte === 95 || byte >= 128);
}

/** A weak value: raw, and not as a part of a longer word or number. One matcher for all secrets that have it. */
function addWord(
  matchers: NeedleMatcher[],
  ownersOf: Map<string, Owner[]>,
  text: string,
  owner: Owner,
  whole: Buffer,
): void {
  const others = ownersOf.get(text);
  if (others !== undefined) {
    others.push(owner);
    return;
  }
  const owners = [owner];
  ownersOf.set(text, owners);
  const end = Math.min(whole.length, 16);
  const joinsBefore = isWordByte(whole[0]);
  const joinsAfter = isWordByte(whole.at(-1));
  matchers.push({
    anchor: whole.toString("latin1", 0, end),
    once: true,
    match(bytes, at, comparisons) {
      const from = at - end;
      const to = from + whole.length;
      if (!exactAt(bytes, from, whole, comparisons)) return [];
      if (joinsBefore && isWordByte(bytes[from - 1])) return [];
      if (joinsAfter && isWordByte(bytes[to])) return [];
      return owners.map((one) => one.matchAt(from, to, ""));
    },
  });
}

/** A line end of the value; matches any line end, spelled or real, with indentation and quotes around it. */
const LINE_END = Symbol("line end");
type Sign = readonly Buffer[] | typeof LINE_END;

const ENTITIES: Record<string, string> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos" };

/** All spellings of one character. Letters and digits have one: that is what makes anchors of them. */
function spellings(character: string): Buffer[] {
  const code = character.codePointAt(0)!;
  if (code < 128 && isAlnum(code)) return [Buffer.from(character)];
  const utf8 = Buffer.from(character, "utf8");
  const texts = new Set<string>();
  const hex = utf8.toString("hex");
  const percent = hex.replace(/../g, "%$&");
  texts.add(percent).add(percent.toUpperCase());
  let unicode = "";
  for (let i = 0; i < character.length; i++) unicode += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  texts.add(unicode).add(unicode.replace(/\\u(....)/g, (_, digits: string) => `\\u${digits.toUpperCase()}`));
  texts.add(unicode.replaceAll("\\", "\\\\"));
  texts
    .add(`&#${code};`)
    .add(`&#x${code.toString(16)};`)
    .add(`&#x${code.toString(16).toUpperCase()};`);
  if (code >= 128) texts.add(`\\${character}`);
  else {
    const two = code.toString(16).padStart(2, "0");
    texts.add(`\\x${two}`).add(`\\x${two.toUpperCase()}`);
    const entity = ENTITIES[character];
    if (entity !== undefined) texts.add(`&${entity};`);
    if (code >= 32) texts.add(`\\${character}`).add(`\\\\${character}`).add(`\\\\\\${character}`);
    if (character === " ") texts.add("+");
    if (character === "'") texts.add("'\\''").add("'\"'\"'").add("&#39;").add("&#039;");
    if (character === "\\") texts.add("\\\\\\\\");
    if (character === "\t") texts.add("\\t").add("\\\\t");
    // Doubled: SQL and YAML quotes, compose and make `$$`, printf `%%`, template braces.
    if ("'\"$%{}".includes(character)) texts.add(character + character);
  }
  return [utf8, ...[...texts].map((text) => Buffer.from(text, "utf8"))];
}

function signsOf(characters: readonly string[]): Sign[] {
  const cache = new Map<string, Buffer[]>();
  return characters.map((character) => {
    if (character === "\n") return LINE_END;
    let forms = cache.get(character);
    if (forms === undefined) {
      forms = spellings(character);
      cache.set(character, forms);
    }
    return forms;
  });
}

/** How far a line end with indentation, quotes and comment marks may reach. */
const GAP = 96;

function isGapByte(byte: number | undefined): boolean {
  switch (byte) {
    case 9: // tab
    case 10:
    case 13:
    case 32:
    case 34: // "
    case 35: // #
    case 39: // '
    case 42: // *
    case 43: // +
    case 44: // ,
    case 47: // /
    case 92: // \
    case 96: // `
    case 124: // |
      return true;
    default:
      return false;
  }
}

/** Ends of what may stand for a line end from `at` on. */
function gapForward(bytes: Uint8Array, at: number): number[] {
  const ends: number[] = [];
  let here = at;
  while (here < bytes.length && here - at < GAP) {
    const byte = bytes[here];
    const second = bytes[here + 1];
    if (byte === 92 && (second === 110 || second === 114 || second === 116)) here += 2;
    else if (isGapByte(byte)) here += 1;
    else if (isPercentLineEnd(bytes, here)) here += 3;
    else break;
    ends.push(here);
  }
  return ends;
}

function gapBackward(bytes: Uint8Array, at: number): number[] {
  const starts: number[] = [];
  let here = at;
  while (here > 0 && at - here < GAP) {
    const byte = bytes[here - 1];
    if ((byte === 110 || byte === 114 || byte === 116) && bytes[here - 2] === 92) here -= 2;
    else if (isGapByte(byte)) here -= 1;
    else if (here >= 3 && isPercentLineEnd(bytes, here - 3)) here -= 3;
    else break;
    starts.push(here);
  }
  return starts;
}

/** `%0A`, `%0D`, `%09`, `%20` in either case. */
function isPercentLineEnd(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] !== 37) return false;
  const high = bytes[at + 1];
  const low = bytes[at + 2]! | 32;
  return (high === 48 && (low === 97 || low === 100 || low === 57)) || (high === 50 && low === 48);
}

/** Most places that a comparison follows at a time; honest text has one or two. */
const PLACES = GAP;

function walk(
  bytes: Uint8Array,
  from: number,
  signs: readonly Sign[],
  first: number,
  step: 1 | -1,
  last: number,
  comparisons: Comparisons,
): number[] {
  let places = [from];
  for (let i = first; i !== last; i += step) {
    if (comparisons.spent) return [];
    const sign = signs[i]!;
    const next: number[] = [];
    for (const place of places) {
      if (sign === LINE_END) {
        for (const to of step === 1 ? gapForward(bytes, place) : gapBackward(bytes, place)) {
          comparisons.count += 1 + next.length;
          addPlace(next, to);
        }
        continue;
      }
      for (const form of sign) {
        const start = step === 1 ? place : place - form.length;
        if (exactAt(bytes, start, form, comparisons)) addPlace(next, step === 1 ? start + form.length : start);
      }
    }
    if (next.length === 0) return next;
    places = next;
  }
  return places;
}

function addPlace(places: number[], place: number): void {
  if (places.length < PLACES && !places.includes(place)) places.push(place);
}

/** Text, in any mixture of spellings. */
function addText(matchers: NeedleMatcher[], owner: Owner, text: string, part: string): void {
  const lines = splitLines(text);
  const joined = lines.join("\n");
  const piece = bestPieceOf(joined);
  if (piece === undefined) {
    addSpellings(matchers, owner, joined, part);
    return;
  }
  const raw = Buffer.from(text, "utf8");
  let signs: Sign[] | undefined;
  let first = 0;
  matchers.push({
    anchor: joined.slice(piece.start, piece.end),
    match(bytes, end, comparisons) {
      const start = end - (piece.end - piece.start);
      // The search takes both cases for one; most chance hits end here.
      for (let i = piece.start; i < piece.end; i++) {
        if (bytes[start + i - piece.start] !== joined.charCodeAt(i)) return [];
      }
      if (signs === undefined) {
        signs = signsOf([...joined]);
        first = [...joined.slice(0, piece.start)].length;
      }
      const after = walk(bytes, end, signs, first + (piece.end - piece.start), 1, signs.length, comparisons);
      if (after.length === 0) return [];
      const before = walk(bytes, start, signs, first - 1, -1, -1, comparisons);
      if (before.length === 0) return [];
      // Of several readings of the first character the longest: its escape belongs to it.
      const from = Math.min(...before);
      const to = Math.min(...after);
      return [owner.matchAt(from, to, [part, formOf(bytes, from, to, raw)].filter((word) => word !== "").join(", "))];
    },
  });
}

function formOf(bytes: Uint8Array, from: number, to: number, raw: Buffer): string {
  if (to - from === raw.length && raw.equals(bytes.subarray(from, to))) return "";
  const has = (byte: number): boolean => bytes.subarray(from, to).indexOf(byte) >= 0;
  if (has(37) && !raw.includes(37)) return "percent-encoded";
  if (has(38) && !raw.includes(38)) return "XML-escaped";
  if (has(92)) return "escaped";
  return raw.includes(10) ? "with other line ends or indentation" : "escaped";
}

/** A value without three letters or digits in a row has no anchor; each spelling of the whole is looked for. */
function addSpellings(matchers: NeedleMatcher[], owner: Owner, text: string, part: string): void {
  const json = JSON.stringify(text).slice(1, -1);
  const goJson = json.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const ascii = (form: string): string =>
    form.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const component = encodeURIComponent(text);
  const strict = component.replace(/[!'()*~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const lower = (form: string): string => form.replace(/%../g, (triple) => triple.toLowerCase());
  const forms: [string, string][] = [
    [text, ""],
    [json, "escaped"],
    [goJson, "escaped"],
    [ascii(json), "escaped"],
    [ascii(goJson), "escaped"],
    [component, "percent-encoded"],
    [strict, "percent-encoded"],
    [lower(component), "percent-encoded"],
    [lower(strict), "percent-encoded"],
    [strict.replaceAll("%20", "+"), "percent-encoded"],
    [strict.replaceAll("%20", "+").replaceAll("%2A", "*"), "percent-encoded"],
    [JSON.stringify(json).slice(1, -1), "escaped"],
    [text.replaceAll("'", "'\\''"), "escaped"],
    [text.replace(/[^\p{L}\p{N}_./-]/gu, "\\$&"), "escaped"],
    [text.replace(/["$`\\]/g, "\\$&"), "escaped"],
    [text.replaceAll("'", "''"), "escaped"],
    [
      text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"),
      "XML-escaped",
    ],
  ];
  const seen = new Set<string>();
  for (const [form, name] of forms) {
    if (seen.has(form)) continue;
    seen.add(form);
    addExact(matchers, owner, Buffer.from(form, "utf8"), [part, name].filter((word) => word !== "").join(", "));
  }
}

/**
 * base64 of the value, wherever it stands in what was encoded: of each of the
 * three alignments the characters that no neighbour changes.
 */
function addBase64(matchers: NeedleMatcher[], owner: Owner, value: Buffer, form = "base64"): void {
  const padded = Buffer.alloc(value.length + 2);
  value.copy(padded, 2);
  for (let shift = 0; shift < 3; shift++) {
    const encoded = padded.toString("base64", 2 - shift);
    const stable = encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + value.length) * 8) / 6));
    if (stable.length >= BASE64_SHORTEST) addBase64Text(matchers, owner, stable, form);
  }
}

function base64Equal(byte: number | undefined, code: number): boolean {
  if (byte === code) return true;
  // + - and / _ are the two spellings of 62 and 63.
  return (
    ((byte === 43 || byte === 45) && (code === 43 || code === 45)) ||
    ((byte === 47 || byte === 95) && (code === 47 || code === 95))
  );
}

/** `%2B`, `%2F` (either case) at `at`, as the base64 character code; 0 otherwise. */
function percentBase64(bytes: Uint8Array, at: number): number {
  if (at < 0 || bytes[at] !== 37 || bytes[at + 1] !== 50) return 0;
  const last = bytes[at + 2]! | 32;
  return last === 98 ? 43 : last === 102 ? 47 : 0;
}

/** Text in a base64 alphabet, compared across line breaks, both alphabets and percent-encoding. */
function addBase64Text(matchers: NeedleMatcher[], owner: Owner, text: string, form: string): void {
  // From the middle: the beginning is the same for all values of one kind (`https://`, `sk-`). A second one where a line
  // break or `%2B` could stand inside the first: not both can be hit that stand apart by less than a line.
  const from = text.length > 2 * PLACE ? mostRandomPlace(text) : 0;
  const to = text.length > 2 * PLACE ? from + PLACE : text.length;
  const middle = Math.max(0, ((from + to) >> 1) - (ANCHOR >> 1));
  const pieces: Piece[] = [{ start: middle, end: middle + ANCHOR }];
  if (text.length >= 20) {
    const earlier = Math.max(0, middle - 14);
    pieces.push({ start: earlier, end: earlier + ANCHOR });
  }
  const marked = pieces.every(({ start, end }) => /[+/]/.test(text.slice(start, end)));
  const plain = marked ? bestPiece(text, from, to) : undefined;
  if (plain !== undefined) pieces.push(plain);
  for (const piece of pieces) {
    matchers.push({
      anchor: text.slice(piece.start, piece.end),
      base64: true,
      match(bytes, end, comparisons) {
        let at = end - (piece.end - piece.start);
        for (let i = piece.start; i < piece.end; i++) if (!base64Equal(bytes[at++], text.charCodeAt(i))) return [];
        let to = end;
        for (let i = piece.end; i < text.length; i++) {
          const before = to;
          to = base64Forward(bytes, before, text.charCodeAt(i));
          comparisons.count += Math.max(1, to - before);
          if (to < 0 || comparisons.spent) return [];
        }
        let from = end - (piece.end - piece.start);
        for (let i = piece.start - 1; i >= 0; i--) {
          const before = from;
          from = base64Backward(bytes, before, text.charCodeAt(i));
          comparisons.count += from < 0 ? 1 : before - from;
          if (from < 0 || comparisons.spent) return [];
        }
        return [owner.matchAt(from, to, form)];
      },
    });
  }
}

/** Longest break inside wrapped base64: a line end and its indentation. */
const BREAK = 40;

function isBreakByte(byte: number | undefined): boolean {
  return byte === 10 || byte === 13 || byte === 32 || byte === 9 || byte === 92;
}

/** Offset after one base64 character at `at`, or -1. */
function base64Forward(bytes: Uint8Array, at: number, code: number): number {
  for (let here = at; here <= at + BREAK; here++) {
    const byte = bytes[here];
    if (base64Equal(byte, code)) return here + 1;
    const escaped = percentBase64(bytes, here);
    if (escaped !== 0 && base64Equal(escaped, code)) return here + 3;
    if (!isBreakByte(byte)) return -1;
    // `\n` as two characters: its letter is none of the value's.
    if (byte === 92 && (bytes[here + 1] === 110 || bytes[here + 1] === 114)) here++;
  }
  return -1;
}

function base64Backward(bytes: Uint8Array, at: number, code: number): number {
  for (let here = at; here >= 1 && here >= at - BREAK; here--) {
    const byte = bytes[here - 1];
    const spelledEnd = (byte === 110 || byte === 114) && bytes[here - 2] === 92;
    if (!spelledEnd && base64Equal(byte, code)) return here - 1;
    const escaped = percentBase64(bytes, here - 3);
    if (escaped !== 0 && base64Equal(escaped, code)) return here - 3;
    if (isBreakByte(byte) || spelledEnd) continue;
    return -1;
  }
  return -1;
}

function addHex(matchers: NeedleMatcher[], owner: Owner, value: Buffer, form = "hex"): void {
  if (value.length < 6) return;
  const text = value.toString("hex");
  // From the middle: the first letters are the same for all values of one provider.
  const middle = text.length > 2 * PLACE ? mostRandomPlace(text) + (PLACE >> 1) : text.length >> 1;
  const start = Math.max(0, middle - (ANCHOR >> 1));
  const end = Math.min(text.length, start + ANCHOR);
  matchers.push({
    anchor: text.slice(start, end),
    match(bytes, at, comparisons) {
      const from = at - end;
      if (from < 0 || from + text.length > bytes.length) return [];
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        comparisons.count++;
        if ((code < 58 ? bytes[from + i] : bytes[from + i]! | 32) !== code) return [];
      }
      return [owner.matchAt(from, from + text.length, form)];
    },
  });
}

/** UTF-16 inside a file that is not UTF-16 as a whole (that one is decoded, see decode.ts). */
function addUtf16(matchers: NeedleMatcher[], owner: Owner, text: string, form = "UTF-16"): void {
  const little = Buffer.from(text, "utf16le");
  const piece = bestPieceOf(text);
  const ascii = !/[^\x00-\x7f]/.test(text);
  // Of ASCII text the bytes between the first and the last character are the same in both byte orders.
  const wholes = ascii ? [little.subarray(0, -1)] : [little, Buffer.from(little).swap16()];
  for (const whole of wholes) {
    const bytePiece =
      ascii && piece !== undefined
        ? { start: piece.start * 2, end: Math.min(piece.start + 4, piece.end) * 2 - 1 }
        : undefined;
    addExact(matchers, owner, whole, form, bytePiece);
  }
}
