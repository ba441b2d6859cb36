/**
 * Runs of base64 digits: what keys, digests and encoded text are made of, and little
 * else. A token that is a prefix and such a run is looked for at the run, a service's
 * name, which tells of a key only near one, around it, and both nowhere else.
 */
import { digitValues, SHORTEST as SHORTEST_ENCODED } from "./encoded.ts";

import { beginsToken, type Keywords, RUN_SEEN, SHORTEST_RUN, stands } from "./keyword-search.ts";

/** How far before and after a name its value may be. */
export const VALUE_BEFORE = 160;
export const VALUE_AFTER = 260;
/** Longer than any name, its ends included. */
const LONGEST_NAME = 64;
/** The shortest value of any service. */
const SHORTEST_VALUE = 14;

/** A longer run is judged piece by piece. */
const LONGEST_PIECE = 64;

export const LETTER_LOWER = 1;
export const LETTER_UPPER = 2;
const DIGIT = 3;
const JOINT = 4;

let kinds: Uint8Array | undefined;

/** By byte: 0 where it is none of a value's. */
export function kindsOfBytes(): Uint8Array {
  if (kinds !== undefined) return kinds;
  kinds = new Uint8Array(256);
  for (let byte = 48; byte <= 57; byte++) kinds[byte] = DIGIT;
  for (let byte = 65; byte <= 90; byte++) kinds[byte] = LETTER_UPPER;
  for (let byte = 97; byte <= 122; byte++) kinds[byte] = LETTER_LOWER;
  kinds[45] = kinds[95] = JOINT;
  return kinds;
}

/** By the kind of a byte and that of the byte before it: what {@link Runs.add} counts. */
const STEPS = Int32Array.from({ length: 64 }, (_, pair) => {
  const [before, here] = [pair >> 3, pair & 7];
  const change = here !== before && here !== JOINT && before !== JOINT && before !== 0;
  return (here === DIGIT ? 1 << 16 : 0) + (change ? 1 : 0);
});

/**
 * Whether a run with so many digits and changes between classes can be a key:
 * names in camel case change too, but seldom have digits.
 */
export function isMixed(bytes: Uint8Array, start: number, end: number): boolean {
  const kind = kindsOfBytes();
  const length = end - start;
  let digits = 0;
  let changes = 0;
  let before = 0;
  for (let at = start; at < end; at++) {
    const here = kind[bytes[at]!]!;
    if (here === DIGIT) digits++;
    if (here !== before && here !== JOINT && before !== JOINT && before !== 0) changes++;
    before = here;
  }
  return (digits >= 2 && changes * 6 >= length) || changes * 3 >= length;
}

/** Whether a run, or a part of it as {@link hasOpaqueRun} divides it, {@link isMixed}. */
function hasMixedPiece(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at + SHORTEST_VALUE <= end; at += LONGEST_PIECE)
    if (isMixed(bytes, at, Math.min(end, at + LONGEST_PIECE))) return true;
  return false;
}

/** Whether what is left of a run after a name in it may be {@link isMixed}: some end of it is. */
function mayEndInValue(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > LONGEST_PIECE) return true;
  const kind = kindsOfBytes();
  let digits = 0;
  let changes = 0;
  let after = 0;
  for (let at = end - 1; at > start; at--) {
    const here = kind[bytes[at]!]!;
    if (here === DIGIT) digits++;
    if (here !== after && here !== JOINT && after !== JOINT && after !== 0) changes++;
    after = here;
    const length = end - at;
    if (length >= SHORTEST_VALUE && ((digits >= 2 && changes * 6 >= length) || changes * 3 >= length)) return true;
  }
  return false;
}

/** `from`, or the end of a run that began before it. */
export function afterCutRun(bytes: Uint8Array, from: number, to: number): number {
  const kind = kindsOfBytes();
  let at = from;
  if (at > 0 && kind[bytes[at - 1]!] !== 0) while (at < to && kind[bytes[at]!] !== 0) at++;
  return at;
}

/** Whether an opaque run of at least {@link SHORTEST_VALUE} bytes touches `bytes[from..to)`. Reads no byte more than twice. */
export function hasOpaqueRun(bytes: Uint8Array, from: number, to: number): boolean {
  const kind = kindsOfBytes();
  let floor = from;
  // Every run that long covers one of the places that are looked at.
  for (let probe = from + SHORTEST_VALUE - 1; probe < to; ) {
    if (kind[bytes[probe]!] === 0) {
      probe += SHORTEST_VALUE;
      continue;
    }
    let start = probe;
    while (start > floor && kind[bytes[start - 1]!] !== 0) start--;
    let end = probe + 1;
    const stop = Math.min(bytes.length, start + LONGEST_PIECE);
    while (end < stop && kind[bytes[end]!] !== 0) end++;
    if (end - start >= SHORTEST_VALUE && isMixed(bytes, start, end)) return true;
    floor = end;
    probe = end + SHORTEST_VALUE - 1;
  }
  return false;
}

/** Where in a file its runs stand. */
export class Runs {
  /** First bytes of runs that may be encoded text. */
  readonly encoded: number[] = [];
  /** Parts of the file, `start, end, start, end …`, in order and apart, that hold every name near a value. */
  readonly zones: number[] = [];
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /**
   * The run that a place is in, {@link RUN_SEEN} bytes before it included. Each once, in order.
   * Returns where it begins and ends.
   */
  add(place: number): { start: number; end: number } {
    const bytes = this.#bytes;
    const kind = kindsOfBytes();
    const digits = digitValues();
    let start = place - RUN_SEEN;
    while (start > 0 && digits[bytes[start - 1]!]! >= 0) start--;
    let at = start;
    do {
      const from = at;
      // Digits in the upper half, changes between classes in the lower: isMixed without a branch a byte.
      let counts = 0;
      let before = 0;
      let here = at < bytes.length ? kind[bytes[at]!]! : 0;
      while (here !== 0) {
        counts += STEPS[(before << 3) | here]!;
        before = here;
        here = ++at < bytes.length ? kind[bytes[at]!]! : 0;
      }
      const numbers = counts >>> 16;
      const changes = counts & 0xffff;
      const mayBeMixed = (numbers >= 2 && changes * 6 >= SHORTEST_VALUE) || changes * 3 >= SHORTEST_VALUE;
      // Else no part of it that is long enough is mixed. Of a huge one the counts have run over.
      if (at - from >= SHORTEST_VALUE && (mayBeMixed || at - from > 0x7fff)) {
        if (hasMixedPiece(bytes, from, at)) this.#addZone(from - VALUE_AFTER - LONGEST_NAME, at + VALUE_BEFORE);
        // A name that the run begins with.
        else if (mayEndInValue(bytes, from, at)) this.#addZone(from - LONGEST_NAME, at);
      }
    } while (at < bytes.length && digits[bytes[at]!]! >= 0 && ++at > 0);
    if (at - start >= SHORTEST_ENCODED) this.encoded.push(start);
    return { start, end: at };
  }

  #addZone(from: number, to: number): void {
    const { zones } = this;
    const start = Math.max(0, from);
    const end = Math.min(this.#bytes.length, to);
    const last = zones.length - 1;
    if (last > 0 && zones[last]! >= start) zones[last] = Math.max(zones[last]!, end);
    else zones.push(start, end);
  }
}

/** Prefixes of tokens, each before at least {@link SHORTEST_RUN} digits. */
export interface Prefixes {
  readonly keywords: Keywords;
  /** The needles that they are. */
  readonly from: number;
  readonly to: number;
  /** By their first two bytes, of those that may begin inside a run; by their last two, of those that end before one. */
  readonly inside: ReadonlyMap<number, readonly number[]>;
  readonly before: ReadonlyMap<number, readonly number[]>;
  /** By two bytes: 1 where `inside` has them, 2 where `before` has. */
  readonly known: Uint8Array;
}

/** Whether {@link findPrefixes} finds a keyword: it is of digits alone, or ends before the run and is two bytes long. */
export function isPrefix(keyword: Uint8Array): boolean {
  const digits = digitValues();
  const last = keyword[keyword.length - 1];
  return (
    keyword.length >= 2 && last !== undefined && (digits[last]! < 0 || keyword.every((byte) => digits[byte]! >= 0))
  );
}

/** Prefixes that are the needles from `from` on and before `to`. */
export function buildPrefixes(keywords: Keywords, from: number, to: number): Prefixes {
  const digits = digitValues();
  const { at, bytes } = keywords;
  const inside = new Map<number, number[]>();
  const before = new Map<number, number[]>();
  const known = new Uint8Array(65536);
  for (let needle = from; needle < to; needle++) {
    const end = at[needle + 1]!;
    const ends = digits[bytes[end - 1]!]! < 0;
    const first = ends ? end - 2 : at[needle]!;
    const pair = bytes[first]! | (bytes[first + 1]! << 8);
    const map = ends ? before : inside;
    const needles = map.get(pair);
    if (needles === undefined) map.set(pair, [needle]);
    else needles.push(needle);
    known[pair]! |= ends ? 2 : 1;
  }
  return { keywords, from, to, inside, before, known };
}

/** Call `report(start, needle)` for the prefixes before the digits of a run, in the order of their places. */
export function findPrefixes(
  { keywords, inside, before, known }: Prefixes,
  bytes: Uint8Array,
  start: number,
  end: number,
  report: (start: number, needle: number) => void,
): void {
  const last = end - SHORTEST_RUN;
  if (last < start) return;
  const pairAt = (place: number): number => bytes[place]! | (bytes[place + 1]! << 8);
  if (start >= 2 && (known[pairAt(start - 2)]! & 2) !== 0) {
    for (const needle of before.get(pairAt(start - 2))!) {
      const first = start - (keywords.at[needle + 1]! - keywords.at[needle]!);
      if (first >= 0 && stands(keywords, needle, bytes, first)) report(first, needle);
    }
  }
  // A token begins with the run, after an escape that the run begins with, and after what is no letter or digit in it.
  const escaped = start > 0 && (bytes[start - 1] === 0x5c || bytes[start - 1] === 0x25);
  for (let place = start; place < last; place++) {
    const byte = place === start ? 0x2d : bytes[place - 1]!;
    if (byte !== 0x2d && byte !== 0x2b && byte !== 0x2f && !(escaped && place < start + 6 && beginsToken(bytes, place)))
      continue;
    if ((known[pairAt(place)]! & 1) === 0) continue;
    for (const needle of inside.get(pairAt(place))!) {
      const body = place + keywords.at[needle + 1]! - keywords.at[needle]!;
      if (body <= last && stands(keywords, needle, bytes, place)) report(place, needle);
    }
  }
}
