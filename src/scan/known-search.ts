/**
 * Finds anchors of known values: few bytes each, tens of thousands of them in a
 * repository of a thousand formations, and made anew in every hook. An automaton
 * over so many takes longer to build than a commit may take; this is filled in
 * about a microsecond a value.
 *
 * An anchor of seven bytes or more holds one of the words that stand at every
 * fourth byte, wherever it begins. So all four words that an anchor may show are
 * put in a hash table, and a file is read a word at a time: one load and one look
 * at a bitmap for four bytes. Bit 5 of each byte is set on both sides, which makes
 * letters of both cases alike. A word that is found says only that an anchor may
 * stand here: the value's own comparison decides.
 *
 * Shorter anchors (a port, `info`) are few and go to an automaton.
 */
import { type Automaton, buildAutomaton, findAll } from "./automaton.ts";
import type { NeedleMatcher } from "./known-values.ts";

/** Bytes of a word, and words that an anchor puts into the table: one for each place it may begin at. */
const WORD = 4;
/** Shortest anchor that holds a word wherever it begins. */
export const SEARCHED = 2 * WORD - 1;
/** Bits of the bitmap for each word in it, at least: one chance word in so many is looked up. */
const BITS_A_WORD = 32;
const CASE = 0x20202020;

export interface KnownSearch {
  matchers: readonly NeedleMatcher[];
  /** Longest anchor. */
  longest: number;
  words: WordTable | undefined;
  short: { automaton: Automaton; matchers: readonly number[] } | undefined;
}

interface WordTable {
  bitmap: Int32Array;
  bitmapShift: number;
  /** By slot: the first entry, -1 where there is none. */
  slots: Int32Array;
  slotShift: number;
  /** By entry: the word, the next entry of the slot, the matcher, and how many bytes from the word's first to the anchor's end. */
  word: Int32Array;
  next: Int32Array;
  matcher: Int32Array;
  toEnd: Uint8Array;
}

function hash(word: number): number {
  return Math.imul(word ^ (word >>> 15), 0x9e3779b1);
}

export function buildKnownSearch(matchers: readonly NeedleMatcher[]): KnownSearch {
  const long: number[] = [];
  const short: number[] = [];
  let longest = 0;
  let entries = 0;
  for (let index = 0; index < matchers.length; index++) {
    const { anchor, base64 } = matchers[index]!;
    longest = Math.max(longest, anchor.length);
    if (anchor.length >= SEARCHED) {
      long.push(index);
      entries += base64 === true ? WORD * 2 : WORD;
    } else short.push(index);
  }
  return {
    matchers,
    longest,
    words: long.length === 0 ? undefined : buildWords(matchers, long, entries),
    short:
      short.length === 0
        ? undefined
        : {
            automaton: buildAutomaton(short.map((index) => bytesOf(matchers[index]!.anchor))),
            matchers: short,
          },
  };
}

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function buildWords(matchers: readonly NeedleMatcher[], long: readonly number[], most: number): WordTable {
  const slotBits = Math.max(8, Math.ceil(Math.log2(most)));
  const bitmapBits = Math.max(13, Math.ceil(Math.log2(most * BITS_A_WORD)));
  const table: WordTable = {
    bitmap: new Int32Array(1 << (bitmapBits - 5)),
    bitmapShift: 32 - bitmapBits,
    slots: new Int32Array(1 << slotBits).fill(-1),
    slotShift: 32 - slotBits,
    word: new Int32Array(most),
    next: new Int32Array(most),
    matcher: new Int32Array(most),
    toEnd: new Uint8Array(most),
  };
  let count = 0;
  const add = (word: number, matcher: number, toEnd: number): void => {
    const key = hash(word);
    const bit = key >>> table.bitmapShift;
    table.bitmap[bit >>> 5]! |= 1 << (bit & 31);
    const slot = key >>> table.slotShift;
    table.word[count] = word;
    table.next[count] = table.slots[slot]!;
    table.matcher[count] = matcher;
    table.toEnd[count] = toEnd;
    table.slots[slot] = count++;
  };
  for (const index of long) {
    const { anchor, base64 } = matchers[index]!;
    // A word is what a little-endian read of four bytes gives.
    let word = 0;
    let other = 0;
    for (let at = 0; at < SEARCHED; at++) {
      const code = anchor.charCodeAt(at);
      word = (word >>> 8) | ((code | 32) << 24);
      if (base64 === true) other = (other >>> 8) | ((otherDigit(code) | 32) << 24);
      const first = at - WORD + 1;
      if (first < 0) continue;
      add(word, index, anchor.length - first);
      if (base64 === true && other !== word) add(other, index, anchor.length - first);
    }
  }
  return table;
}

/** Digits 62 and 63 of the other base64 alphabet. */
function otherDigit(code: number): number {
  return code === 43 ? 45 : code === 45 ? 43 : code === 47 ? 95 : code === 95 ? 47 : code;
}

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/**
 * Call `report(end, matcher)` where the anchor of a matcher may stand: for every
 * anchor that begins in `bytes[from..to)`, with the offset just after it.
 */
export function findKnown(
  search: KnownSearch,
  bytes: Uint8Array,
  from: number,
  to: number,
  report: (end: number, matcher: number) => void,
): void {
  const until = Math.min(bytes.length, to + search.longest);
  if (search.words !== undefined) findWords(search.words, bytes, from, until, from, to, report, search.matchers);
  if (search.short === undefined) return;
  const { automaton, matchers } = search.short;
  const part = from === 0 && until === bytes.length ? bytes : bytes.subarray(from, until);
  findAll(automaton, part, (end, needle) => {
    const matcher = matchers[needle]!;
    if (from + end - search.matchers[matcher]!.anchor.length < to) report(from + end, matcher);
  });
}

function findWords(
  table: WordTable,
  bytes: Uint8Array,
  from: number,
  until: number,
  first: number,
  to: number,
  report: (end: number, matcher: number) => void,
  matchers: readonly NeedleMatcher[],
): void {
  const { bitmap, bitmapShift } = table;
  // Words of the underlying memory, from the first that is wholly inside.
  const begin = (bytes.byteOffset + from + 3) & ~3;
  const words = (bytes.byteOffset + until - begin) >> 2;
  if (words <= 0) return;
  const view = LITTLE_ENDIAN ? new Int32Array(bytes.buffer, begin, words) : swapped(bytes, begin, words);
  const origin = begin - bytes.byteOffset;
  for (let i = 0; i < words; i++) {
    const word = view[i]! | CASE;
    const key = Math.imul(word ^ (word >>> 15), 0x9e3779b1);
    const bit = key >>> bitmapShift;
    if ((bitmap[bit >>> 5]! & (1 << (bit & 31))) === 0) continue;
    for (let entry = table.slots[key >>> table.slotShift]!; entry >= 0; entry = table.next[entry]!) {
      if (table.word[entry] !== word) continue;
      const matcher = table.matcher[entry]!;
      const end = origin + i * WORD + table.toEnd[entry]!;
      const start = end - matchers[matcher]!.anchor.length;
      if (start >= first && start < to && end <= bytes.length) report(end, matcher);
    }
  }
}

function swapped(bytes: Uint8Array, begin: number, words: number): Int32Array {
  const view = new DataView(bytes.buffer, begin, words * WORD);
  return Int32Array.from({ length: words }, (_, i) => view.getInt32(i * WORD, true));
}
