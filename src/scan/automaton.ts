/**
 * Aho-Corasick over bytes: finds every occurrence of many needles in one pass,
 * whatever their number.
 *
 * Source: Aho, Corasick, "Efficient string matching", CACM 18(6), 1975. What is
 * ours to decide, for the cost of starting up in a hook and for the caches:
 *
 * - Bytes are mapped to classes first, so a row has 64 entries or fewer instead
 *   of 256. ASCII letters of both cases share a class, and so do + and - and
 *   / and _, which are the same digits of the two base64 alphabets. The caller
 *   compares exactly where the difference matters.
 * - States are small numbers, two bytes each, and those where a needle ends are
 *   the last ones: a step is a shift and a load, "a hit" is a comparison.
 * - Nodes are numbered by depth while inserting (all first bytes, then all
 *   second bytes …), so the breadth-first pass that fills the table needs no
 *   queue, and a row is a copy of its fail row with its own children set.
 *
 * For the short pieces of known values (known-search.ts), which no window tells
 * from one another; keywords of rules are found by keyword-search.ts.
 */

/** Tables of an automaton. */
export interface Automaton {
  /** 256 entries: byte → class. Class 0 is every byte that no needle has. */
  classes: Uint8Array;
  /** A row has 1 << shift entries. */
  shift: number;
  /** Rows by state: class → next state. */
  table: Uint16Array | Uint32Array;
  /** States from here on end a needle. */
  hitsFrom: number;
  /** By state - hitsFrom: first needle that ends there, or -1 where only a proper suffix of it does. */
  first: Int32Array;
  /** By needle: the next needle of the same text, or -1. */
  next: Int32Array;
  /** By state - hitsFrom: the nearest state that is a proper suffix and ends a needle, or -1. */
  suffix: Int32Array;
  /** Length of the longest needle. */
  longest: number;
}

/** The byte that stands for all of its class: `A` → `a`, `-` → `+`, `_` → `/`. */
function foldByte(byte: number): number {
  if (byte >= 65 && byte <= 90) return byte + 32;
  if (byte === 45) return 43;
  return byte === 95 ? 47 : byte;
}

/** Build the tables. Needles must not be empty; duplicates are allowed. */
export function buildAutomaton(needles: readonly Uint8Array[]): Automaton {
  const classes = new Uint8Array(256);
  let stride = 1;
  let bound = 1;
  let longest = 0;
  for (const needle of needles) {
    bound += needle.length;
    longest = Math.max(longest, needle.length);
    for (let i = 0; i < needle.length; i++) {
      const byte = foldByte(needle[i]!);
      if (classes[byte] === 0) classes[byte] = stride++;
    }
  }
  for (let byte = 45; byte <= 95; byte++) classes[byte] = classes[foldByte(byte)]!;
  const shift = Math.ceil(Math.log2(Math.max(2, stride)));

  // Rows of nodes first, in the order of insertion; states get their final numbers below.
  const rows = new Int32Array(bound << shift);
  const first = new Int32Array(bound).fill(-1);
  const next = new Int32Array(needles.length).fill(-1);
  const firstChild = new Int32Array(bound);
  const sibling = new Int32Array(bound);
  const childClass = new Uint8Array(bound);
  const node = new Int32Array(needles.length);
  let count = 1;
  for (let depth = 0; depth < longest; depth++) {
    for (let n = 0; n < needles.length; n++) {
      const needle = needles[n]!;
      if (depth >= needle.length) continue;
      const parent = node[n]!;
      const kind = classes[needle[depth]!]!;
      let child = rows[(parent << shift) + kind]!;
      if (child === 0) {
        child = count++;
        rows[(parent << shift) + kind] = child;
        childClass[child] = kind;
        sibling[child] = firstChild[parent]!;
        firstChild[parent] = child;
      }
      node[n] = child;
      if (depth === needle.length - 1) {
        next[n] = first[child]!;
        first[child] = n;
      }
    }
  }

  const fail = new Int32Array(count);
  const suffix = new Int32Array(count).fill(-1);
  let hits = 0;
  for (let parent = 0; parent < count; parent++) {
    const row = parent << shift;
    const failRow = fail[parent]! << shift;
    if (parent > 0) rows.copyWithin(row, failRow, failRow + (1 << shift));
    else rows.fill(0, 0, 1 << shift);
    if (first[parent]! >= 0 || suffix[parent]! >= 0) hits++;
    for (let child = firstChild[parent]!; child !== 0; child = sibling[child]!) {
      const kind = childClass[child]!;
      const to = parent === 0 ? 0 : rows[failRow + kind]!;
      fail[child] = to;
      suffix[child] = first[to]! >= 0 ? to : suffix[to]!;
      rows[row + kind] = child;
    }
  }

  const hitsFrom = count - hits;
  const stateOf = new Int32Array(count);
  const firstOf = new Int32Array(hits);
  const suffixOf = new Int32Array(hits).fill(-1);
  let quiet = 0;
  let hit = hitsFrom;
  for (let n = 0; n < count; n++) {
    const ends = first[n]! >= 0 || suffix[n]! >= 0;
    const state = ends ? hit++ : quiet++;
    stateOf[n] = state;
    if (!ends) continue;
    firstOf[state - hitsFrom] = first[n]!;
    // A proper suffix is shorter, so it has its number already.
    if (suffix[n]! >= 0) suffixOf[state - hitsFrom] = stateOf[suffix[n]!]!;
  }
  const table = count <= 1 << 16 ? new Uint16Array(count << shift) : new Uint32Array(count << shift);
  for (let n = 0; n < count; n++) {
    const from = n << shift;
    const to = stateOf[n]! << shift;
    for (let kind = 0; kind < stride; kind++) table[to + kind] = stateOf[rows[from + kind]!]!;
  }
  return { classes, shift, table, hitsFrom, first: firstOf, next, suffix: suffixOf, longest };
}

/** Below this many bytes one lane is as fast. */
const ONE_LANE = 256;
/** Places that are read at once. */
const LANES = 6;
/** Most bytes a lane reads before its hits are handed on: bounds the memory of the hits. */
const LANE = 4096;

/** Where needles end, pairs of (end offset, state), made at the first use and kept. */
let keptHits: Int32Array | undefined;

/**
 * Call `report(end, needle)` for every occurrence of every needle, ordered by
 * `end` (exclusive offset), longer needles of one end first.
 *
 * Inputs are read at six places at once: a step waits for the load of the step
 * before it, and four independent chains hide that wait (twice the speed,
 * measured). Each chain starts early by the longest needle less one byte and
 * reports only what ends in its own part, so nothing is missed or told twice at
 * the seams. All write to one list, six cursors would not fit the registers; it
 * is handed on lane by lane.
 */
export function findAll(automaton: Automaton, bytes: Uint8Array, report: (end: number, needle: number) => void): void {
  // Taken, so that a report that searches itself gets its own.
  const hits = keptHits ?? new Int32Array(LANE * LANES * 2);
  keptHits = undefined;
  let state = 0;
  let at = 0;
  while (bytes.length - at > ONE_LANE) {
    const lane = Math.min(LANE, Math.floor((bytes.length - at) / LANES));
    const length = readSix(automaton, bytes, at, lane, state, hits);
    for (let part = 0; part < LANES && length > 0; part++) {
      handOn(automaton, hits, length, at + part * lane, at + (part + 1) * lane, report);
    }
    at += lane * LANES;
    state = warm(automaton, bytes, at);
  }
  const length = readOne(automaton, bytes, at, state, hits);
  handOn(automaton, hits, length, at, bytes.length, report);
  keptHits = hits;
}

/** Report the hits that end after `from` and not after `to`. */
function handOn(
  automaton: Automaton,
  hits: Int32Array,
  length: number,
  from: number,
  to: number,
  report: (end: number, needle: number) => void,
): void {
  const { first, next, suffix, hitsFrom } = automaton;
  for (let i = 0; i < length; i += 2) {
    const end = hits[i]!;
    if (end <= from || end > to) continue;
    for (let state = hits[i + 1]!; state >= 0; state = suffix[state - hitsFrom]!) {
      for (let needle = first[state - hitsFrom]!; needle >= 0; needle = next[needle]!) report(end, needle);
    }
  }
}

/** The rest of the bytes, at most {@link ONE_LANE}. Returns the length of the hits. */
function readOne(automaton: Automaton, bytes: Uint8Array, from: number, start: number, hits: Int32Array): number {
  const { table, classes, shift, hitsFrom } = automaton;
  let state = start;
  let length = 0;
  for (let at = from; at < bytes.length; at++) {
    state = table[(state << shift) + classes[bytes[at]!]!]!;
    if (state >= hitsFrom) {
      hits[length++] = at + 1;
      hits[length++] = state;
    }
  }
  return length;
}

/** State after the bytes before `at`, as far back as a needle can reach. */
function warm(automaton: Automaton, bytes: Uint8Array, at: number): number {
  const { table, classes, shift, longest } = automaton;
  let state = 0;
  for (let i = Math.max(0, at - longest + 1); i < at; i++) state = table[(state << shift) + classes[bytes[i]!]!]!;
  return state;
}

/**
 * Returns the length of the hits. Large enough that V8 does not inline it: inlined
 * into a loop it ran at half the speed.
 */
function readSix(
  automaton: Automaton,
  bytes: Uint8Array,
  from: number,
  lane: number,
  start: number,
  hits: Int32Array,
): number {
  const { table, classes, shift, hitsFrom } = automaton;
  const b = from + lane;
  const c = b + lane;
  const d = c + lane;
  const e = d + lane;
  const f = e + lane;
  let stateA = start;
  let stateB = warm(automaton, bytes, b);
  let stateC = warm(automaton, bytes, c);
  let stateD = warm(automaton, bytes, d);
  let stateE = warm(automaton, bytes, e);
  let stateF = warm(automaton, bytes, f);
  let length = 0;
  for (let i = 0; i < lane; i++) {
    stateA = table[(stateA << shift) + classes[bytes[from + i]!]!]!;
    stateB = table[(stateB << shift) + classes[bytes[b + i]!]!]!;
    stateC = table[(stateC << shift) + classes[bytes[c + i]!]!]!;
    stateD = table[(stateD << shift) + classes[bytes[d + i]!]!]!;
    stateE = table[(stateE << shift) + classes[bytes[e + i]!]!]!;
    stateF = table[(stateF << shift) + classes[bytes[f + i]!]!]!;
    if (stateA >= hitsFrom) {
      hits[length++] = from + i + 1;
      hits[length++] = stateA;
    }
    if (stateB >= hitsFrom) {
      hits[length++] = b + i + 1;
      hits[length++] = stateB;
    }
    if (stateC >= hitsFrom) {
      hits[length++] = c + i + 1;
      hits[length++] = stateC;
    }
    if (stateD >= hitsFrom) {
      hits[length++] = d + i + 1;
      hits[length++] = stateD;
    }
    if (stateE >= hitsFrom) {
      hits[length++] = e + i + 1;
      hits[length++] = stateE;
    }
    if (stateF >= hitsFrom) {
      hits[length++] = f + i + 1;
      hits[length++] = stateF;
    }
  }
  return length;
}
