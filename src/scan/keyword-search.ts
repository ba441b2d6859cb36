/**
 * Finds the keywords of rules: two bytes a step, whatever their number.
 *
 * Source: "FDR" of Wang, Hong, Chang et al., "Hyperscan: A Fast Multi-pattern Regex
 * Matcher for Modern CPUs", NSDI 2019, §4.2: buckets instead of states. What is ours
 * is the unit, a pair of bytes as one 16-bit read gives it.
 *
 * - A keyword is looked for by four of its bytes, a window of two pairs: one that
 *   begins at an even place and one that begins at an odd place, the rarest of each. What
 *   stands before and after a short keyword fills its windows up.
 * - Windows are put in buckets, and the table says of each pair in which buckets it is the
 *   first pair of a window, and in which the second. Where two pairs that follow one another
 *   share a bucket a window may stand; a hash of three bytes tells whose.
 * - The same read tells where runs of base64 digits stand: secrets without a form of their
 *   own are such runs, and most of a file has none near.
 *
 * So a step is one load from a table that the caches hold, where an automaton of these
 * keywords waits for the load before, from a table that they do not.
 */

/** Keywords, and what may stand around them. */
export interface Keywords {
  /** By needle: where its keyword begins in `bytes`; one more for the end of the last. */
  readonly at: Uint32Array;
  readonly bytes: Uint8Array;
  /** By needle: 1 where letters of both cases are one. */
  readonly folds: Uint8Array;
  /** By needle: 1 where it may stand inside a word. */
  readonly anywhere: Uint8Array;
  /** Whether not every byte may follow a needle. */
  narrows(needle: number): boolean;
  /** Whether a byte may stand after a needle, `far` bytes from its end. */
  follows(needle: number, byte: number, far: number): boolean;
}

/** Tables over some of the keywords. Plain arrays: those of the package's rules are made when it is built. */
export interface KeywordSearch {
  /** By pair: buckets it is the first pair of (15 bits), buckets it is the second pair of (15 bits), {@link RUN}. */
  readonly pairs: Int32Array;
  /** By hash of three bytes: the first entry, -1 where there is none. */
  readonly slots: Int16Array;
  /** By entry: its three bytes, folded. */
  readonly key: Int32Array;
  /** By entry: the next of its slot, or -1. */
  readonly next: Int16Array;
  readonly needle: Uint16Array;
  /** By entry: where its window begins, from the keyword's first byte. */
  readonly offset: Int8Array;
}

const BUCKETS = 15;
const BUCKET_MASK = (1 << BUCKETS) - 1;
/** Bytes of a window. */
const WINDOW = 4;
/** A window begins no farther into a keyword. */
const FARTHEST = 40;
/** A search has a power of two of slots. */
export const SLOT_BITS = 13;
const FOLD = 0x202020;

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Characters of source text, the frequent ones first (counted over published packages). */
const FREQUENT =
  " etrnoiasl\nAc,udp.hmf\"()g/C;=by:Ev*{}-wI_\\SxT0kOB\t'1DR2M][jNPL`FG&63|4>U!7q5@H+8K9W?<VQ$z#YJX%Z^~";
/** Words of source text, counted in the same way: a window that is part of one is met everywhere. */
const WORDS =
  "this return the function const type options string default name for error get value var node from object new null key length https exports export let import data path require module set array file com with true number index create param void typeof case event config property code message not undefined token github context request that result throw false command version target source use else text has callback call prototype mappings boolean class client push buffer types promise start any list await next method test add schema link aws args input response define async document instance user query color content extends will element state params line attribute mode are constructor base returns child src server date update cache can map api parent process arguments root output auth log license interface when only docs kind err delete end handler current all expression project invalid math info internal stream script size char http resolve provider declare format width body channel component break parse style item time values json build you remove location used resource strict status check catch each page important browser model url symbol static global app console connection try application package last read option keys before listener public props opts description run required readonly plugin first filter chat after self slice org match attributes offset example open auto replace timeout headers local reference files should must html assert category max properties block using custom prefix range join enumerable count close metadata private npm middleware modules write flags find handle left errors sync core stack service scope google cloud beta axios operation agent search management service overflow workflow customer image account s:// p://";
/** How much more often such a window is met than its characters say. */
const IN_WORDS = 50;
/** How often one place of these words is met. */
const IN_WORDS_EACH = 0.0002;

/** What is known of source text. */
interface TextModel {
  /** By byte: how often it is met. */
  readonly frequency: Float64Array;
  /** The pairs at each place of {@link WORDS}. */
  readonly words: readonly number[];
  /** By pair: the places of the words where it stands. */
  readonly placesOf: ReadonlyMap<number, readonly number[]>;
}

let model: TextModel | undefined;

function textModel(): TextModel {
  if (model !== undefined) return model;
  const frequency = new Float64Array(256).fill(0.0002);
  for (let rank = 0; rank < FREQUENT.length; rank++) frequency[FREQUENT.charCodeAt(rank)] = 0.08 * 0.94 ** rank;
  const words: number[] = [];
  const placesOf = new Map<number, number[]>();
  for (let place = 0; place + 1 < WORDS.length; place++) {
    const pair = pairOf(WORDS.charCodeAt(place), WORDS.charCodeAt(place + 1));
    words.push(pair);
    const places = placesOf.get(pair);
    if (places === undefined) placesOf.set(pair, [place]);
    else places.push(place);
  }
  model = { frequency, words, placesOf };
  return model;
}

function pairOf(first: number, second: number): number {
  return LITTLE_ENDIAN ? first | (second << 8) : (first << 8) | second;
}

function bytesOf(code: number): [number, number] {
  return LITTLE_ENDIAN ? [code & 255, code >> 8] : [code >> 8, code & 255];
}

function isLetter(byte: number): boolean {
  const small = byte | 32;
  return small >= 97 && small <= 122;
}

const EVERY_BYTE = Array.from({ length: 256 }, (_, byte) => byte);

/**
 * Whether a token may begin after these two bytes: not inside a word, but after an
 * escape that ends in a letter or digit: `\n`, `\x3d`, `\u003d`, `%3D`.
 */
function mayBegin(two: number, before: number): boolean {
  if (!isWordByte(before)) return true;
  if (two === 0x5c) return before === 0x6e || before === 0x72 || before === 0x74;
  return isHexByte(two) && isHexByte(before);
}

/** {@link mayBegin}, to the end. */
export function beginsToken(bytes: Uint8Array, at: number): boolean {
  if (at === 0 || !isWordByte(bytes[at - 1]!)) return true;
  const two = bytes[at - 2] ?? 0;
  if (!mayBegin(two, bytes[at - 1]!)) return false;
  if (two === 0x5c) return true;
  const three = bytes[at - 3];
  if (three === 0x25) return true;
  if (three === 0x78 && bytes[at - 4] === 0x5c) return true;
  return isHexByte(three) && isHexByte(bytes[at - 4]) && bytes[at - 5] === 0x75 && bytes[at - 6] === 0x5c;
}

function isWordByte(byte: number): boolean {
  return isLetter(byte) || (byte >= 48 && byte <= 57) || byte === 95;
}

function isHexByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 48 && byte <= 57) || ((byte | 32) >= 97 && (byte | 32) <= 102);
}

/** What a token may begin after; which pairs of them says {@link mayBegin}. */
const BEFORE_TOKEN = EVERY_BYTE.filter((byte) => mayBegin(0x5c, byte) || isHexByte(byte));

/** More pairs than the bytes around a keyword make with one of its own. */
const LARGE = 1024;

/** Some pairs. */
interface Pairs {
  readonly codes: readonly number[];
  /** How often one of them is met. */
  readonly chance: number;
}

/** A window of a needle. */
interface Window {
  readonly needle: number;
  readonly offset: number;
  readonly first: Pairs;
  readonly second: Pairs;
  /** How often it is met. */
  readonly chance: number;
}

/** Finds the rarest windows of keywords. */
class Chooser {
  readonly #model = textModel();
  readonly #keywords: Keywords;
  #any: Pairs | undefined;
  #begins: Pairs | undefined;

  constructor(keywords: Keywords) {
    this.#keywords = keywords;
  }

  /** The rarest window of a needle that begins at an even place from its first byte, or at an odd one. */
  rarest(needle: number, parity: 0 | 1): Window {
    const { at, bytes } = this.#keywords;
    const length = at[needle + 1]! - at[needle]!;
    const text = String.fromCharCode(...bytes.subarray(at[needle], at[needle + 1])).toLowerCase();
    let best = { offset: 0, chance: Number.POSITIVE_INFINITY };
    for (let offset = parity - 2; offset < Math.min(FARTHEST, length); offset += 2) {
      // Three bytes of it are the keyword's, or all that there are.
      const own = Math.min(length, offset + WINDOW) - Math.max(0, offset);
      if (own < Math.min(3, length)) continue;
      let chance = own === WINDOW && WORDS.includes(text.slice(offset, offset + WINDOW)) ? IN_WORDS : 1;
      for (let place = offset; place < offset + WINDOW; place++) chance *= this.#chanceAt(needle, place);
      if (chance < best.chance) best = { offset, chance };
    }
    const { offset, chance } = best;
    const first = this.#pairsAt(needle, offset);
    return { needle, offset, first, second: this.#pairsAt(needle, offset + 2), chance };
  }

  /** How often what may stand at a place of a needle is met, before it and after it too. */
  #chanceAt(needle: number, index: number): number {
    const { at, bytes, folds } = this.#keywords;
    // Three letters that begin a keyword begin words as well; two stand inside of most.
    const short = at[needle + 1]! - at[needle]! === 2;
    if (index < 0) return index === -1 && short && this.#keywords.anywhere[needle] === 0 ? 0.2 : 1;
    const place = at[needle]! + index;
    if (place >= at[needle + 1]!) return this.#keywords.narrows(needle) ? 0.7 : 1;
    const byte = bytes[place]!;
    const chance = this.#model.frequency[byte]!;
    return folds[needle] === 1 && isLetter(byte) ? chance + this.#model.frequency[byte ^ 32]! : chance;
  }

  around({ first, second }: Window): Around {
    const { words, placesOf } = this.#model;
    const beside = ({ codes }: Pairs, step: number) =>
      codes.length > LARGE
        ? []
        : codes.flatMap((code) => (placesOf.get(code) ?? []).map((place) => [code, words[place + step] ?? 0] as const));
    return { first: beside(first, 2), second: beside(second, -2) };
  }

  /** What the pair at `at` of a needle may be, counted from its first byte. */
  #pairsAt(needle: number, at: number): Pairs {
    const free = this.#keywords.anywhere[needle] === 1;
    if (at === -2) return this.#pairsBefore(free);
    const second = this.#bytesAt(needle, at + 1);
    if (at >= 0) return this.#product(this.#bytesAt(needle, at), second);
    return this.#product(free ? EVERY_BYTE : BEFORE_TOKEN, second);
  }

  #bytesAt(needle: number, index: number): readonly number[] {
    const { at, bytes, folds } = this.#keywords;
    const place = at[needle]! + index;
    const far = place - at[needle + 1]!;
    if (far >= 0) return EVERY_BYTE.filter((byte) => this.#keywords.follows(needle, byte, far));
    const byte = bytes[place]!;
    return folds[needle] === 1 && isLetter(byte) ? [byte, byte ^ 32] : [byte];
  }

  #product(first: readonly number[], second: readonly number[]): Pairs {
    const codes: number[] = [];
    for (const x of first) for (const y of second) codes.push(pairOf(x, y));
    const sum = (bytes: readonly number[]) => bytes.reduce((total, byte) => total + this.#model.frequency[byte]!, 0);
    return { codes, chance: sum(first) * sum(second) };
  }

  /** The two bytes before a keyword: large, and made for the shortest ones only. */
  #pairsBefore(free: boolean): Pairs {
    const known = free ? this.#any : this.#begins;
    if (known !== undefined) return known;
    const codes: number[] = [];
    let chance = 0;
    for (const x of EVERY_BYTE) {
      for (const y of EVERY_BYTE) {
        if (!free && !mayBegin(x, y)) continue;
        codes.push(pairOf(x, y));
        chance += this.#model.frequency[x]! * this.#model.frequency[y]!;
      }
    }
    const pairs = { codes, chance };
    if (free) this.#any = pairs;
    else this.#begins = pairs;
    return pairs;
  }
}

/** Pairs of one half of a bucket's windows: a bit of the table. */
class Half {
  readonly #table: Int32Array;
  readonly #bit: number;
  readonly #sets = new Set<Pairs>();
  chance = 0;

  constructor(table: Int32Array, bit: number) {
    this.#table = table;
    this.#bit = 1 << bit;
  }

  has(code: number): boolean {
    return (this.#table[code]! & this.#bit) !== 0;
  }

  /** How often one of the pairs is met that is not here yet. */
  more(pairs: Pairs): number {
    const { codes, chance } = pairs;
    // The same large set stands before every keyword of two bytes.
    if (codes.length > LARGE) return this.#sets.has(pairs) ? 0 : chance;
    const { frequency } = textModel();
    let more = 0;
    for (const code of codes) if (!this.has(code)) more += frequency[code & 255]! * frequency[code >> 8]!;
    return more;
  }

  add(pairs: Pairs): void {
    this.chance += this.more(pairs);
    this.#sets.add(pairs);
    for (const code of pairs.codes) this.#table[code]! |= this.#bit;
  }
}

/** Where pairs of a window stand in the words: each with the pair after a first one, or before a second one. */
interface Around {
  readonly first: readonly (readonly [number, number])[];
  readonly second: readonly (readonly [number, number])[];
}

/** Windows that are told from one another only once one is met. */
class Bucket {
  readonly #first: Half;
  readonly #second: Half;

  constructor(table: Int32Array, number: number) {
    this.#first = new Half(table, number);
    this.#second = new Half(table, number + BUCKETS);
  }

  /** How much more often one is met by chance, once a window more is in it: a first pair of one, a second of another. */
  costOf({ first, second }: Window, around: Around): number {
    const before = this.#first.chance * this.#second.chance;
    const after = (this.#first.chance + this.#first.more(first)) * (this.#second.chance + this.#second.more(second));
    let inWords = 0;
    for (const [code, next] of around.first) if (this.#second.has(next) && !this.#first.has(code)) inWords++;
    for (const [code, last] of around.second) if (this.#first.has(last) && !this.#second.has(code)) inWords++;
    return after - before + inWords * IN_WORDS_EACH;
  }

  add({ first, second }: Window): void {
    this.#first.add(first);
    this.#second.add(second);
  }
}

/** Three bytes that tell whose a window may be: its first three, or its last where the first is not the keyword's. */
function slotOf(key: number, late: boolean): number {
  return Math.imul(late ? ~key : key, 0x9e3779b1) >>> (32 - SLOT_BITS);
}

/**
 * Tables over the needles from `from` on and before `to`. A window goes where it is met
 * least by chance together with those that are there already. Takes milliseconds for many
 * needles.
 */
export function buildKeywordSearch(keywords: Keywords, from: number, to: number): KeywordSearch {
  const chooser = new Chooser(keywords);
  const windows: Window[] = [];
  for (let needle = from; needle < to; needle++) {
    for (const parity of [0, 1] as const) windows.push(chooser.rarest(needle, parity));
  }
  windows.sort((a, b) => b.chance - a.chance);
  const pairs = runsOnly().slice();
  const buckets = Array.from({ length: BUCKETS }, (_, number) => new Bucket(pairs, number));
  const slots = new Int16Array(1 << SLOT_BITS).fill(-1);
  const entries: { key: number; next: number; needle: number; offset: number }[] = [];
  for (const window of windows) {
    const { needle, offset } = window;
    const around = chooser.around(window);
    const costs = buckets.map((bucket) => bucket.costOf(window, around));
    const bucket = costs.indexOf(Math.min(...costs));
    buckets[bucket]!.add(window);
    for (const key of keysOf(window)) {
      const slot = slotOf(key, offset < 0);
      entries.push({ key, next: slots[slot]!, needle, offset });
      slots[slot] = entries.length - 1;
    }
  }
  if (entries.length > 0x7fff) throw new RangeError("too many keywords");
  return {
    pairs,
    slots,
    key: Int32Array.from(entries, (entry) => entry.key),
    next: Int16Array.from(entries, (entry) => entry.next),
    needle: Uint16Array.from(entries, (entry) => entry.needle),
    offset: Int8Array.from(entries, (entry) => entry.offset),
  };
}

/** What three bytes of a window may be: its first three, or its last where it begins before its keyword. */
function keysOf({ offset, first, second }: Window): Set<number> {
  const keys = new Set<number>();
  if (offset < 0) {
    const ends = new Set(first.codes.map((code) => bytesOf(code)[1]));
    for (const code of second.codes) {
      const [y, z] = bytesOf(code);
      for (const x of ends) keys.add(x | (y << 8) | (z << 16) | FOLD);
    }
  } else {
    const begins = new Set(second.codes.map((code) => bytesOf(code)[0]));
    for (const code of first.codes) {
      const [x, y] = bytesOf(code);
      for (const z of begins) keys.add(x | (y << 8) | (z << 16) | FOLD);
    }
  }
  return keys;
}

/** Bit of a pair of base64 digits. */
const RUN = 1 << 31;

let runTable: Int32Array | undefined;

/** A table without windows. */
function runsOnly(): Int32Array {
  if (runTable !== undefined) return runTable;
  runTable = new Int32Array(65536);
  const digits = EVERY_BYTE.filter(isBase64Digit);
  for (const x of digits) for (const y of digits) runTable[pairOf(x, y)] = RUN;
  return runTable;
}

/** Whether a byte is a digit of either base64 alphabet. */
function isBase64Digit(byte: number): boolean {
  return isLetter(byte) || (byte >= 48 && byte <= 57) || byte === 43 || byte === 45 || byte === 47 || byte === 95;
}

/** Pairs that are read before what was found is looked at: bounds its memory. */
const BLOCK = 4096;
/** Pairs of base64 digits in a row that are told of: every run of 14 bytes has so many. */
const RUN_PAIRS = 6;
export const SHORTEST_RUN = 2 * RUN_PAIRS + 2;
/** Bytes of a run that stand before the place it is told of at. */
export const RUN_SEEN = 2 * RUN_PAIRS - 2;

/**
 * Tell of `pairs[from..to)`: `place << 1` where a window may begin, `place << 1 | 1` inside a
 * run. `state` is the last pair's entry and the run's length. Returns the number of places.
 *
 * Four times the same, so large that V8 does not inline it: inlined it ran at half the speed.
 */
function sweep(
  table: Int32Array,
  pairs: Uint16Array,
  from: number,
  to: number,
  state: Int32Array,
  places: Int32Array,
): number {
  let before = state[0]!;
  let run = state[1]!;
  let count = 0;
  let at = from;
  let here = 0;
  for (; at + 4 <= to; at += 4) {
    here = table[pairs[at]!]!;
    if ((before & (here >>> BUCKETS) & BUCKET_MASK) !== 0) places[count++] = (at - 1) << 1;
    run = (run + 1) & (here >> 31);
    if (run === RUN_PAIRS) places[count++] = (at << 1) | 1;
    before = here;
    here = table[pairs[at + 1]!]!;
    if ((before & (here >>> BUCKETS) & BUCKET_MASK) !== 0) places[count++] = at << 1;
    run = (run + 1) & (here >> 31);
    if (run === RUN_PAIRS) places[count++] = ((at + 1) << 1) | 1;
    before = here;
    here = table[pairs[at + 2]!]!;
    if ((before & (here >>> BUCKETS) & BUCKET_MASK) !== 0) places[count++] = (at + 1) << 1;
    run = (run + 1) & (here >> 31);
    if (run === RUN_PAIRS) places[count++] = ((at + 2) << 1) | 1;
    before = here;
    here = table[pairs[at + 3]!]!;
    if ((before & (here >>> BUCKETS) & BUCKET_MASK) !== 0) places[count++] = (at + 2) << 1;
    run = (run + 1) & (here >> 31);
    if (run === RUN_PAIRS) places[count++] = ((at + 3) << 1) | 1;
    before = here;
  }
  for (; at < to; at++) {
    here = table[pairs[at]!]!;
    if ((before & (here >>> BUCKETS) & BUCKET_MASK) !== 0) places[count++] = (at - 1) << 1;
    run = (run + 1) & (here >> 31);
    if (run === RUN_PAIRS) places[count++] = (at << 1) | 1;
    before = here;
  }
  state[0] = before;
  state[1] = run;
  return count;
}

/** What a search writes to. */
interface Workspace {
  places: Int32Array;
  state: Int32Array;
  found: Found;
}

/** Made at the first use and kept. */
let keptWorkspace: Workspace | undefined;
/** What stands at the edges of an input, with something before and after it. */
const EDGE = 16;

/** Needles that were found and not told of yet, in the order of their places. */
class Found {
  /** start * 65536 + needle. */
  #items = new Float64Array(256);
  #length = 0;

  add(start: number, needle: number): void {
    const item = start * 65536 + needle;
    if (this.#length === this.#items.length) {
      const larger = new Float64Array(this.#length * 2);
      larger.set(this.#items);
      this.#items = larger;
    }
    const items = this.#items;
    let at = this.#length;
    // A window's keyword begins up to FARTHEST before it, so most are in order already.
    while (at > 0 && items[at - 1]! > item) at--;
    if (at > 0 && items[at - 1] === item) return;
    if (at < this.#length) items.copyWithin(at + 1, at, this.#length);
    items[at] = item;
    this.#length++;
  }

  tell(before: number, report: (start: number, needle: number) => void): void {
    const items = this.#items;
    const limit = before * 65536;
    let told = 0;
    for (; told < this.#length && items[told]! < limit; told++) {
      const start = Math.floor(items[told]! / 65536);
      report(start, items[told]! - start * 65536);
    }
    items.copyWithin(0, told, this.#length);
    this.#length -= told;
  }
}

/**
 * Call `report(start, needle)` for every needle that begins in `bytes[from..to)`, in the
 * order of their places, and `inRun(place)` once for each run of {@link SHORTEST_RUN} base64
 * digits or more there, with a place inside it; for some of one or two less, too.
 */
export function findKeywords(
  keywords: Keywords,
  search: KeywordSearch,
  bytes: Uint8Array,
  from: number,
  to: number,
  report: (start: number, needle: number) => void,
  inRun?: (place: number) => void,
): void {
  // Taken, so that a report that searches itself gets its own.
  const workspace = keptWorkspace ?? {
    places: new Int32Array(BLOCK * 2),
    state: new Int32Array(2),
    found: new Found(),
  };
  keptWorkspace = undefined;
  const { places, state, found } = workspace;
  const atEdge = (first: number): void => {
    const edge = new Uint8Array(EDGE);
    edge.set(bytes.subarray(first, first + EDGE - WINDOW), 1);
    const count = sweep(search.pairs, new Uint16Array(edge.buffer), 0, EDGE / 2, state.fill(0), places);
    for (let i = 0; i < count; i++) {
      const at = (places[i]! >> 1) * 2;
      if ((places[i]! & 1) === 0) confirm(keywords, search, edge, at, bytes, first - 1 + at, from, to, found);
    }
  };
  // Windows that reach beyond the first byte or the last.
  // The first of those that can matter begins two bytes before a keyword.
  if (from < 2) atEdge(0);
  const until = Math.min(bytes.length, to + FARTHEST + WINDOW);
  const first = Math.max(0, from - 2);
  const begin = first + ((bytes.byteOffset + first) & 1);
  const count = Math.max(0, (until - begin) >> 1);
  const pairs = count === 0 ? new Uint16Array(0) : new Uint16Array(bytes.buffer, bytes.byteOffset + begin, count);
  state.fill(0);
  for (let block = 0; block < count; block += BLOCK) {
    const end = Math.min(count, block + BLOCK);
    const length = sweep(search.pairs, pairs, block, end, state, places);
    for (let i = 0; i < length; i++) {
      const place = begin + (places[i]! >> 1) * 2;
      if ((places[i]! & 1) === 0) confirm(keywords, search, bytes, place, bytes, place, from, to, found);
      else inRun?.(place);
    }
    found.tell(begin + end * 2 - WINDOW - FARTHEST, report);
  }
  if (until === bytes.length) atEdge(Math.max(0, bytes.length - WINDOW * 2));
  found.tell(to, report);
  keptWorkspace = workspace;
}

/**
 * Add the needles whose window stands at `text[at]` and that begin in `bytes[from..to)`.
 *
 * @param text - the bytes, or a copy of some of them with something before or after.
 * @param place - where `at` is in `bytes`.
 */
function confirm(
  keywords: Keywords,
  search: KeywordSearch,
  text: Uint8Array,
  at: number,
  bytes: Uint8Array,
  place: number,
  from: number,
  to: number,
  found: Found,
): void {
  const { slots, key, next, needle, offset } = search;
  const middle = (text[at + 1]! << 8) | (text[at + 2]! << 16);
  const early = text[at]! | middle | FOLD;
  for (let entry = slots[slotOf(early, false)]!; entry >= 0; entry = next[entry]!) {
    if (key[entry] !== early || offset[entry]! < 0) continue;
    const start = place - offset[entry]!;
    if (start >= from && start < to && stands(keywords, needle[entry]!, bytes, start)) found.add(start, needle[entry]!);
  }
  const late = (middle >> 8) | (text[at + 3]! << 16) | FOLD;
  for (let entry = slots[slotOf(late, true)]!; entry >= 0; entry = next[entry]!) {
    if (key[entry] !== late || offset[entry]! >= 0) continue;
    const start = place - offset[entry]!;
    if (start >= from && start < to && stands(keywords, needle[entry]!, bytes, start)) found.add(start, needle[entry]!);
  }
}

/** Whether a needle's keyword stands at `start`. */
export function stands({ at, bytes, folds }: Keywords, needle: number, text: Uint8Array, start: number): boolean {
  const from = at[needle]!;
  const length = at[needle + 1]! - from;
  if (start + length > text.length) return false;
  const anyCase = folds[needle] === 1;
  for (let i = 0; i < length; i++) {
    const here = text[start + i]!;
    const byte = bytes[from + i]!;
    if (here !== byte && !(anyCase && (here ^ byte) === 32 && isLetter(byte))) return false;
  }
  return true;
}
