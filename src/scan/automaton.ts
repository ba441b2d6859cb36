/**
 * Aho-Corasick over bytes: finds every occurrence of many needles in one pass,
 * whatever their number.
 *
 * Source: Aho, Corasick, "Efficient string matching", CACM 18(6), 1975. Two
 * things are ours to decide, both for the cost of starting up in a hook:
 *
 * - Bytes are mapped to classes first, so a row has about 40 entries instead of
 *   256 and the whole table fits the second-level cache. ASCII letters of both
 *   cases share a class, and so do + and - and / and _, which are the same
 *   digits of the two base64 alphabets. The caller compares exactly where the
 *   difference matters.
 * - Nodes are numbered by depth while inserting (all first bytes, then all
 *   second bytes …), so the breadth-first pass that fills the table needs no
 *   queue, and a row is a copy of its fail row with its own children set.
 *
 * The tables are plain typed arrays without references to the needles, so a
 * build step can generate them as well.
 */

/** Tables of an automaton. A negative transition says "and here a needle ends": its complement is the state. */
export interface Automaton {
  /** 256 entries: byte → class. Class 0 is every byte that no needle has. */
  classes: Uint8Array;
  /** Number of classes; states are multiples of it, so that a step is one addition and one load. */
  stride: number;
  table: Int32Array;
  /** By state / stride: first needle that ends there, or -1. */
  first: Int32Array;
  /** By needle: the next needle of the same text, or -1. */
  next: Int32Array;
  /** By state / stride: the nearest state (multiplied) that is a proper suffix and ends a needle, or -1. */
  suffix: Int32Array;
  /** Length of the longest needle. */
  longest: number;
}

/** The byte that stands for all of its class: `A` → `a`, `-` → `+`, `_` → `/`. */
export function foldByte(byte: number): number {
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

  const table = new Int32Array(bound * stride);
  const first = new Int32Array(bound).fill(-1);
  const next = new Int32Array(needles.length).fill(-1);
  const suffix = new Int32Array(bound).fill(-1);
  const firstChild = new Int32Array(bound);
  const sibling = new Int32Array(bound);
  const childClass = new Uint8Array(bound);
  const state = new Int32Array(needles.length);
  let count = 1;
  for (let depth = 0; depth < longest; depth++) {
    for (let n = 0; n < needles.length; n++) {
      const needle = needles[n]!;
      if (depth >= needle.length) continue;
      const parent = state[n]!;
      const kind = classes[needle[depth]!]!;
      let child = table[parent * stride + kind]!;
      if (child === 0) {
        child = count++;
        table[parent * stride + kind] = child;
        childClass[child] = kind;
        sibling[child] = firstChild[parent]!;
        firstChild[parent] = child;
      }
      state[n] = child;
      if (depth === needle.length - 1) {
        next[n] = first[child]!;
        first[child] = n;
      }
    }
  }

  const fail = new Int32Array(count);
  for (let parent = 0; parent < count; parent++) {
    const row = parent * stride;
    const failRow = fail[parent]! * stride;
    if (parent > 0) table.copyWithin(row, failRow, failRow + stride);
    else table.fill(0, 0, stride);
    for (let child = firstChild[parent]!; child !== 0; child = sibling[child]!) {
      const kind = childClass[child]!;
      const to = parent === 0 ? 0 : table[failRow + kind]!;
      const target = to < 0 ? ~to : to;
      fail[child] = target / stride;
      // `to` is negative where the fail state ends a needle itself or through its own suffix.
      if (to < 0) suffix[child] = first[target / stride]! >= 0 ? target : suffix[target / stride]!;
      const ends = first[child]! >= 0 || to < 0;
      table[row + kind] = ends ? ~(child * stride) : child * stride;
    }
  }
  return {
    classes,
    stride,
    table: table.subarray(0, count * stride),
    first: first.subarray(0, count),
    next,
    suffix: suffix.subarray(0, count),
    longest,
  };
}

/** Where needles end: pairs of (end offset, state), ordered by offset. Reused from block to block. */
interface Hits {
  pairs: Int32Array;
  length: number;
}

function room(hits: Hits, more: number): void {
  if (hits.length + more <= hits.pairs.length) return;
  const larger = new Int32Array(Math.max(hits.pairs.length * 2, hits.length + more));
  larger.set(hits.pairs.subarray(0, hits.length));
  hits.pairs = larger;
}

/** Below this many bytes one lane is as fast as four. */
const ONE_LANE = 4096;
/** Bytes a lane reads before its hits are handed on: bounds the memory of the hits. */
const LANE = 32768;

/**
 * Call `report(end, needle)` for every occurrence of every needle, ordered by
 * `end` (exclusive offset), longer needles of one end first.
 *
 * Large inputs are read at four places at once: a step waits for the load of
 * the step before it, and four independent chains hide that wait (twice the
 * speed, measured). Each chain starts early by the longest needle less one
 * byte and reports only what ends in its own part, so nothing is missed or
 * told twice at the seams.
 */
export function findAll(automaton: Automaton, bytes: Uint8Array, report: (end: number, needle: number) => void): void {
  const { first, next, suffix, stride } = automaton;
  const lanes: Hits[] = [0, 1, 2, 3].map(() => ({ pairs: new Int32Array(64), length: 0 }));
  const handOn = (hits: Hits): void => {
    for (let i = 0; i < hits.length; i += 2) {
      const end = hits.pairs[i]!;
      for (let state = hits.pairs[i + 1]!; state >= 0; state = suffix[state / stride]!) {
        for (let needle = first[state / stride]!; needle >= 0; needle = next[needle]!) report(end, needle);
      }
    }
    hits.length = 0;
  };
  let state = 0;
  let at = 0;
  while (bytes.length - at > ONE_LANE) {
    const lane = Math.min(LANE, (bytes.length - at) >> 2);
    state = readFour(automaton, bytes, at, lane, state, lanes);
    for (const hits of lanes) handOn(hits);
    at += lane * 4;
  }
  readOne(automaton, bytes, at, bytes.length, state, lanes[0]!);
  handOn(lanes[0]!);
}

function readOne(automaton: Automaton, bytes: Uint8Array, from: number, to: number, start: number, hits: Hits): number {
  const { table, classes } = automaton;
  let state = start;
  for (let at = from; at < to; at++) {
    state = table[state + classes[bytes[at]!]!]!;
    if (state < 0) {
      state = ~state;
      note(hits, at + 1, state);
    }
  }
  return state;
}

function note(hits: Hits, end: number, state: number): void {
  room(hits, 2);
  hits.pairs[hits.length++] = end;
  hits.pairs[hits.length++] = state;
}

/** State after the bytes before `at`, as far back as a needle can reach. */
function warm(automaton: Automaton, bytes: Uint8Array, at: number): number {
  const { table, classes, longest } = automaton;
  let state = 0;
  for (let i = Math.max(0, at - longest + 1); i < at; i++) {
    const to = table[state + classes[bytes[i]!]!]!;
    state = to < 0 ? ~to : to;
  }
  return state;
}

function readFour(
  automaton: Automaton,
  bytes: Uint8Array,
  from: number,
  lane: number,
  start: number,
  lanes: Hits[],
): number {
  const { table, classes } = automaton;
  const [hitsA, hitsB, hitsC, hitsD] = lanes as [Hits, Hits, Hits, Hits];
  const b = from + lane;
  const c = b + lane;
  const d = c + lane;
  let stateA = start;
  let stateB = warm(automaton, bytes, b);
  let stateC = warm(automaton, bytes, c);
  let stateD = warm(automaton, bytes, d);
  for (let i = 0; i < lane; i++) {
    stateA = table[stateA + classes[bytes[from + i]!]!]!;
    stateB = table[stateB + classes[bytes[b + i]!]!]!;
    stateC = table[stateC + classes[bytes[c + i]!]!]!;
    stateD = table[stateD + classes[bytes[d + i]!]!]!;
    if ((stateA | stateB | stateC | stateD) < 0) {
      if (stateA < 0) {
        stateA = ~stateA;
        note(hitsA, from + i + 1, stateA);
      }
      if (stateB < 0) {
        stateB = ~stateB;
        note(hitsB, b + i + 1, stateB);
      }
      if (stateC < 0) {
        stateC = ~stateC;
        note(hitsC, c + i + 1, stateC);
      }
      if (stateD < 0) {
        stateD = ~stateD;
        note(hitsD, d + i + 1, stateD);
      }
    }
  }
  return stateD;
}
