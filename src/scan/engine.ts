/**
 * The scanner's engine: one pass over a file's bytes finds the keywords of rules
 * and where opaque values may stand, one pieces of all known values; each hit is
 * then judged, cheapest question first (see rule.ts). Base64 text is decoded and
 * read once more (encoded.ts).
 *
 * - empty: no findings. Binary and NULs: scanned as bytes. UTF-16/32: decoded,
 *   and scanned as bytes too (decode.ts): a byte order mark hides nothing.
 * - huge: linear in the size, and in windows, so in bounded memory. A
 *   rule looks at a bounded window per keyword, known values have a budget of
 *   comparisons; where it is spent an error says so.
 * - stuffed: known values, errors and warnings have caps of their own, and one
 *   secret counts so often only, so no number of old or weak matches pushes a
 *   new one out unseen. Where errors are left out, an error says so; it is
 *   identified by the file's bytes, so it is new whenever they change.
 *
 * Nothing here is built when the module loads: the tables at the first scan, a
 * rule's regular expression at its first keyword that passes the cheap checks.
 */

import { Buffer } from "node:buffer";
import { sha256 } from "../builtin.ts";
import type { Severity } from "../formation/problem.ts";
import { handThen, pathWord } from "../invocation.ts";
import type { SeverityOf } from "./custom-rules.ts";
import { Decoder, encodingOf, Narrower, Positions, toScannable, viewsOf } from "./decode.ts";
import { defaultRules } from "./default-rules.ts";
import { type EncodedText, LONGEST, readEncoded } from "./encoded.ts";
import type { Finding, FindingKind } from "./finding.ts";
import { beginsToken, findKeywords } from "./keyword-search.ts";
import { buildKnownSearch, findKnown, type KnownSearch } from "./known-search.ts";
import { Comparisons, type KnownMatch, type KnownValues, matchersOf, reachOf } from "./known-values.ts";
import { unstage } from "./paths.ts";
import { isExampleText } from "./randomness.ts";
import type { Judged, Rule } from "./rule.ts";
import { bitsOfBytes, compileRules, FLAG, type RuleTable, type ScanRule } from "./rule-table.ts";
import { findPrefixes, Runs } from "./runs.ts";

/** Most findings of severity error that one file reports, known values apart. */
export const MAX_ERRORS_PER_FILE = 1000;
/** Most findings of known values and keys; the first of each value or key is always one of them. */
const MAX_KNOWN_PER_FILE = 10_000;
/** Most findings of one secret in one file. More of them tell nothing new and are left out in silence. */
export const MAX_OF_ONE_SECRET = 100;
/** Most findings of lower severity that one file reports. */
export const MAX_WARNINGS_PER_FILE = 200;

const DEFAULT_WINDOW = 512;

/** Bytes that a rule's `opening` is tried over. */
const OPENING_WINDOW = 128;

/** How far from a part a value may stand that a name in it is near to. */
const RUN_REACH = 512;

/** A file up to this size is scanned as a whole, a larger one in windows of this size. */
export const WINDOW = 8 * 1024 * 1024;
/** What is seen on either side of a window, at least: more than any rule's window, or a run of base64, reaches. */
const REACH = LONGEST + 64 * 1024;

export interface ScannerOptions {
  known?: KnownValues;
  /** All rules of the table when absent. */
  rules?: readonly Rule[];
  /** Rules beside these, such as a repository's own. */
  more?: readonly Rule[];
  /** Identities of rules that report nothing. What they find is not reported as something more general either. */
  off?: ReadonlySet<string>;
  /** Size of a window, and what is seen on either side of it. */
  testOnlyWindow?: { size: number; reach: number };
}

export interface ScanOptions {
  /** Number of the first line, where the bytes are a part of a file. */
  startLine?: number;
  /** false: known values and keys only. Rules' findings then fill no cap. True when absent. */
  rulesApply?: boolean;
  /** Severities of rules at this path, the rules' own when absent. */
  severityOf?: SeverityOf | undefined;
  /** The budget of comparisons with known values, one made from the size when absent. */
  comparisons?: Comparisons;
}

export interface StreamOptions extends ScanOptions {
  /** Size of the file in bytes, where it is known: decides what an ambiguous byte order mark means. */
  size?: number;
}

export interface Scanner {
  /** Findings of one file, ordered by where they start. Never throws on content. */
  scan(path: string, bytes: Uint8Array, options?: ScanOptions): Finding[];
  /** The same for a file that comes in pieces. However it is cut, the findings are those of the whole. */
  open(path: string, options?: StreamOptions): FileScan;
}

export interface FileScan {
  /** The next bytes. They may be overwritten once this returns. */
  write(bytes: Uint8Array): void;
  end(): Finding[];
}

/** A finding before it is settled which of those that overlap tells most. */
interface Candidate {
  /** Offsets in the file. */
  start: number;
  end: number;
  /** Which of two overlapping candidates tells more; see {@link RANK}. */
  rank: number;
  rule: string;
  kind: FindingKind;
  severity: Severity;
  message: string;
  fix: string;
  secretId: string;
  name?: string;
  formation?: string;
  from?: Place;
  to?: Place;
}

interface Place {
  line: number;
  column: number;
}

/** Of two rules that go by what stands around a value, the earlier in the table is the more particular. */
function genericRank(key: number): number {
  return RANK.generic - key / 1_000_000;
}

const RANK = { knownStrong: 5, checksum: 4, token: 3, named: 2.5, generic: 2, knownWeak: 1 } as const;

const DEFAULT_FIX =
  "store it with 'git muxi secrets set NAME' and refer to it as ${{ secrets.NAME }}; outside a formation, read it from the environment";

/** What one scanner looks for, made at its first scan. */
interface Searches {
  tables: RuleTable[];
  known: KnownSearch | undefined;
}

/** Bytes in view, and the part of them whose keywords and anchors are to be judged now. */
interface View {
  bytes: Uint8Array;
  /** Offset in the file of the first byte in view. */
  base: number;
  /** The part, as offsets in `bytes`. */
  from: number;
  to: number;
}

/** What is remembered of a file from window to window. */
class FileState {
  readonly path: string;
  readonly comparisons: Comparisons;
  readonly rulesApply: boolean;
  readonly #off: ReadonlySet<string> | undefined;
  readonly #severityOf: SeverityOf | undefined;
  readonly found = new Collector();
  /** By rule (and table): offset in the file up to which it has looked. */
  readonly reach = new Map<number, number>();
  /** By matcher: where the last known value that it found ends. */
  readonly knownReach = new Map<number, number>();
  /** Where the last run of base64 that was decoded ends. */
  decoded = 0;

  constructor(path: string, options: ScanOptions, comparisons: Comparisons, off?: ReadonlySet<string>) {
    this.path = path;
    this.#off = off;
    this.comparisons = comparisons;
    this.rulesApply = options.rulesApply !== false;
    this.#severityOf = options.severityOf;
  }

  /** What a rule found. */
  add(candidate: Candidate): void {
    const { rule, severity: usual } = candidate;
    const severity = this.#off?.has(rule) === true ? "off" : (this.#severityOf?.(rule, usual) ?? usual);
    if (severity === "off") this.found.addSilent(candidate);
    else this.found.add(severity === usual ? candidate : { ...candidate, severity });
  }
}

/**
 * A scanner over a set of rules and known values. Cheap to create; the tables
 * are built at the first scan and kept for all later ones.
 */
export function createScanner(options: ScannerOptions = {}): Scanner {
  const windowSize = options.testOnlyWindow?.size ?? WINDOW;
  const reachAround = Math.max(
    options.testOnlyWindow?.reach ?? REACH,
    options.known === undefined ? 0 : reachOf(options.known),
  );
  const expressions = new Map<string, RegExp>();
  let searches: Searches | undefined;

  function prepare(): Searches {
    const matchers = options.known === undefined ? [] : matchersOf(options.known);
    const tables = [options.rules === undefined ? defaultRules() : compileRules(options.rules)];
    if (options.more !== undefined && options.more.length > 0) tables.push(compileRules(options.more));
    searches = { tables, known: matchers.length === 0 ? undefined : buildKnownSearch(matchers) };
    return searches;
  }

  function expressionOf(rule: ScanRule, source: string): RegExp {
    const flags = rule.ignoreCase === true ? "iy" : "y";
    const key = flags + source;
    let expression = expressions.get(key);
    if (expression === undefined) {
      expression = new RegExp(source, flags);
      expressions.set(key, expression);
    }
    return expression;
  }

  /**
   * Run a rule's pattern at a keyword. The rule's reach is set to the end of what
   * it matched, secret or not: looking again inside a long match that turned out to
   * be something else would make the cost of a hostile file quadratic.
   */
  function run(rule: ScanRule, key: number, view: View, start: number, state: FileState): Candidate | undefined {
    const { bytes, base } = view;
    if (rule.opening !== undefined) {
      const opening = expressionOf(rule, rule.opening);
      opening.lastIndex = 0;
      if (!opening.test(latin1(bytes, start, start + OPENING_WINDOW))) return undefined;
    }
    if (rule.pattern === undefined) return undefined;
    const expression = expressionOf(rule, rule.pattern);
    const before = Math.min(start, rule.before ?? 0);
    const window = latin1(bytes, start - before, start + (rule.window ?? DEFAULT_WINDOW));
    expression.lastIndex = before;
    const match = expression.exec(window);
    if (match === null) return undefined;
    state.reach.set(key, base + start + match[0].length);
    const secret = match[1] ?? match[0];
    if (rule.bitsPerCharacter !== 0 && isExampleText(secret, rule.bitsPerCharacter)) return undefined;
    if (rule.verify !== undefined && !rule.verify(secret, match[0])) return undefined;
    const from = base + start + match[0].lastIndexOf(secret);
    const sound = rule.checksum?.(secret);
    return {
      start: from,
      end: from + secret.length,
      rank: sound === true ? RANK.checksum : rule.generic === true ? genericRank(key) : RANK.token,
      rule: rule.id,
      kind: "token",
      severity: sound === false ? "warning" : rule.severity,
      message: messageOf(rule, sound),
      fix: rule.fix ?? DEFAULT_FIX,
      secretId: sha256(Buffer.from(secret, "latin1")),
    };
  }

  /** Ask a rule's judge at a keyword. What it found is not looked at again. */
  function ask(rule: ScanRule, key: number, view: View, start: number, state: FileState, add: Add): void {
    const { bytes, base } = view;
    const before = Math.min(start, rule.before ?? 0);
    const text = latin1(bytes, start - before, start + (rule.window ?? DEFAULT_WINDOW));
    const answer = rule.judge!(
      text,
      before,
      rule.near === undefined ? { path: state.path } : { path: state.path, near: rule.near },
    );
    if (answer === undefined) return;
    for (const span of Array.isArray(answer) ? (answer as readonly Judged[]) : [answer as Judged]) {
      const from = base + start - before + span.start;
      const to = base + start - before + span.end;
      state.reach.set(key, Math.max(state.reach.get(key) ?? 0, to));
      if (span.end <= span.start) continue;
      add({
        start: from,
        end: to,
        rank: rule.near !== undefined ? RANK.named : rule.generic === true ? genericRank(key) : RANK.token,
        rule: rule.id,
        kind: "token",
        severity: span.severity ?? rule.severity,
        message: messageOf(rule, undefined),
        fix: rule.fix ?? DEFAULT_FIX,
        secretId: sha256(Buffer.from(text.slice(span.start, span.end), "latin1")),
      });
    }
  }

  /**
   * Findings of a table's rules whose keyword begins in the part. The first table tells
   * of the runs of base64 digits too, those just outside of the part included.
   */
  function collectRules(table: RuleTable, at: number, view: View, state: FileState, runs: Runs, add: Add): void {
    const { bytes, base, from, to } = view;
    const { ruleOf, flags, masks, minLengths, keywords, everywhere, prefixes, nearValues } = table;
    const bits = bitsOfBytes();
    const judge = (start: number, needle: number): void => {
      if (start < from || start >= to) return;
      const index = ruleOf[needle]!;
      const flag = flags[index]!;
      const end = start + keywords.at[needle + 1]! - keywords.at[needle]!;
      const mask = masks[index]!;
      if (mask !== 0) {
        const last = end + minLengths[index]!;
        if (last > bytes.length) return;
        for (let i = end; i < last; i++) if ((bits[bytes[i]!]! & mask) === 0) return;
      }
      if ((flag & FLAG.anyPlace) === 0 && !beginsToken(bytes, start)) return;
      const rule = table.rule(index);
      if ((flag & FLAG.gate) !== 0 && !rule.gate!(bytes, start, end)) return;
      const key = at + index;
      if (base + start < (state.reach.get(key) ?? 0)) return;
      if (rule.judge !== undefined) {
        ask(rule, key, view, start, state, add);
        return;
      }
      const candidate = run(rule, key, view, start, state);
      if (candidate !== undefined) add(candidate);
    };
    if (at === 0) {
      const first = Math.max(0, from - RUN_REACH);
      const last = Math.min(bytes.length, to + RUN_REACH);
      findKeywords(keywords, everywhere, bytes, first, last, judge, (place) => {
        const { start, end } = runs.add(place);
        findPrefixes(prefixes, bytes, start, end, judge);
      });
    } else findKeywords(keywords, everywhere, bytes, from, to, judge);
    if (nearValues.key.length === 0) return;
    for (let zone = 0; zone < runs.zones.length; zone += 2) {
      const first = Math.max(from, runs.zones[zone]!);
      const last = Math.min(to, runs.zones[zone + 1]!);
      if (first < last) findKeywords(keywords, nearValues, bytes, first, last, judge);
    }
  }

  function collectKnown(search: KnownSearch, view: View, state: FileState): void {
    const { bytes, base, from, to } = view;
    const { comparisons, knownReach, found } = state;
    findKnown(search, bytes, from, to, (anchorEnd, index) => {
      if (comparisons.spent || base + anchorEnd <= (knownReach.get(index) ?? 0)) return;
      const matcher = search.matchers[index]!;
      for (const match of matcher.match(bytes, anchorEnd, comparisons)) {
        found.add(fromKnown(match, base));
        knownReach.set(index, matcher.once === true ? Number.POSITIVE_INFINITY : base + match.end);
      }
    });
  }

  /** Rules only: known values are found in base64 as it stands. */
  function collectEncoded(tables: readonly RuleTable[], view: View, state: FileState, runs: Runs): void {
    const { bytes, base, from, to } = view;
    for (const start of runs.encoded) {
      // Lines of an earlier run were decoded with it.
      if (start < from || start >= to || base + start < state.decoded) continue;
      const text = readEncoded(bytes, start);
      if (text === undefined) continue;
      state.decoded = base + text.end;
      collectDecoded(tables, base, text, state);
    }
  }

  function collectDecoded(tables: readonly RuleTable[], base: number, text: EncodedText, state: FileState): void {
    const bytes = toScannable(text.decoded);
    // Of UTF-16 the places are lost with its decoding: the run is the place.
    const placed = bytes === text.decoded;
    const inside = new FileState(state.path, { rulesApply: true }, state.comparisons);
    const view: View = { bytes, base: 0, from: 0, to: bytes.length };
    const add = (candidate: Candidate): void => {
      const start = placed ? text.placeOf(candidate.start) : text.start;
      const end = placed ? text.placeOf(candidate.end - 1) + 1 : text.end;
      state.add({
        ...candidate,
        start: base + start,
        end: base + end,
        message: `${candidate.message} (in base64)`,
      });
    };
    collectTables(tables, view, inside, add);
  }

  /** Returns the runs of the view. */
  function collectTables(tables: readonly RuleTable[], view: View, state: FileState, add: Add): Runs {
    const runs = new Runs(view.bytes);
    // A rule's key: its number among the rules of all tables.
    let first = 0;
    for (const table of tables) {
      collectRules(table, first, view, state, runs, add);
      first += table.count;
    }
    return runs;
  }

  function collect(view: View, state: FileState): void {
    const { tables, known } = searches ?? prepare();
    if (known !== undefined) collectKnown(known, view, state);
    if (!state.rulesApply) return;
    const runs = collectTables(tables, view, state, (candidate) => state.add(candidate));
    collectEncoded(tables, view, state, runs);
  }

  function scanWhole(path: string, input: Uint8Array, scanOptions: ScanOptions): Finding[] {
    if (input.length === 0) return [];
    const comparisons = scanOptions.comparisons ?? new Comparisons(input.length);
    const states = viewsOf(input).map((bytes) => {
      const state = new FileState(path, scanOptions, comparisons, options.off);
      collect({ bytes, base: 0, from: 0, to: bytes.length }, state);
      if (!state.found.isEmpty) place(state.found.takeUnplaced(), new Positions(bytes, scanOptions.startLine ?? 1), 0);
      return state;
    });
    return conclude(path, states, comparisons, () => sha256(input));
  }

  function open(path: string, scanOptions: StreamOptions = {}): FileScan {
    let pieces: Uint8Array[] = [];
    let length = 0;
    let windows: Windows | undefined;
    return {
      write(bytes) {
        length += bytes.length;
        if (windows !== undefined) {
          windows.write(bytes);
          return;
        }
        pieces.push(Uint8Array.prototype.slice.call(bytes));
        if (length <= windowSize) return;
        windows = new Windows(path, scanOptions);
        const first = Buffer.concat(pieces);
        pieces = [];
        windows.write(first);
      },
      end() {
        if (windows !== undefined) return windows.end();
        const whole = Buffer.concat(pieces);
        pieces = [];
        return scanWhole(path, whole, scanOptions);
      },
    };
  }

  /** One way to read a file that is too large to be held: window after window. */
  class Pass {
    readonly state: FileState;
    /** What is in view: from `#base` on, `#length` bytes. */
    #bytes = Buffer.alloc(0);
    #length = 0;
    #base = 0;
    /** What has been judged, as an offset in the file. */
    #done = 0;
    /** Where `#base` is. */
    #line: number;
    #column = 1;

    constructor(state: FileState, startLine: number) {
      this.state = state;
      this.#line = startLine;
    }

    write(bytes: Uint8Array): void {
      if (this.#bytes.length === 0) this.#bytes = Buffer.allocUnsafeSlow(windowSize + 2 * reachAround);
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + this.#bytes.length - this.#length);
        this.#bytes.set(part, this.#length);
        this.#length += part.length;
        at += part.length;
        if (this.#length === this.#bytes.length) this.#judge(this.#length - reachAround);
      }
    }

    end(): FileState {
      this.#judge(this.#length);
      return this.state;
    }

    /** The last bytes that came, and the line that they begin in. */
    tail(most: number): { bytes: Buffer; line: number } {
      const from = Math.max(0, this.#length - most);
      const { line } = this.#positions().at(from);
      return { bytes: Buffer.from(this.#bytes.subarray(from, this.#length)), line };
    }

    #positions(): Positions {
      return new Positions(this.#bytes.subarray(0, this.#length), this.#line, this.#column, this.#base === 0);
    }

    /** Judge what begins before `to`, and forget what no later window has to see. */
    #judge(to: number): void {
      const bytes = this.#bytes.subarray(0, this.#length);
      collect({ bytes, base: this.#base, from: this.#done - this.#base, to }, this.state);
      place(this.state.found.takeUnplaced(), this.#positions(), this.#base);
      const keep = Math.max(0, to - reachAround);
      const { line, column } = this.#positions().at(keep);
      this.#line = line;
      this.#column = column;
      this.#done = this.#base + to;
      this.#bytes.copyWithin(0, keep, this.#length);
      this.#length -= keep;
      this.#base += keep;
    }
  }

  /** A large file in all its readings; see viewsOf for what they are. */
  class Windows {
    readonly #path: string;
    readonly #options: StreamOptions;
    readonly #comparisons: Comparisons;
    readonly #raw: Pass;
    #decoder: Decoder | undefined;
    #decoded: Pass | undefined;
    readonly #narrower = new Narrower();
    #narrowed: Pass | undefined;
    #length = 0;

    constructor(path: string, streamOptions: StreamOptions) {
      this.#path = path;
      this.#options = streamOptions;
      this.#comparisons = streamOptions.comparisons ?? new Comparisons(0);
      this.#raw = this.#pass(streamOptions.startLine ?? 1);
    }

    #pass(line: number): Pass {
      return new Pass(new FileState(this.#path, this.#options, this.#comparisons, options.off), line);
    }

    write(bytes: Uint8Array): void {
      if (this.#length === 0) {
        const encoding = encodingOf(bytes, this.#options.size);
        if (encoding !== "bytes") {
          this.#decoder = new Decoder(encoding);
          this.#decoded = this.#pass(this.#options.startLine ?? 1);
        }
      }
      this.#length += bytes.length;
      if (this.#options.comparisons === undefined) this.#comparisons.grow(bytes.length);
      this.#decoded?.write(this.#decoder!.write(bytes));
      let from = 0;
      if (this.#narrowed === undefined) {
        const nul = bytes.indexOf(0);
        if (nul >= 0) {
          // From here on; what stood before is in the other reading.
          this.#raw.write(bytes.subarray(0, nul));
          from = nul;
          const { bytes: before, line } = this.#raw.tail(reachAround);
          this.#narrowed = this.#pass(line);
          this.#narrowed.write(this.#narrower.write(before));
        }
      }
      const rest = from === 0 ? bytes : bytes.subarray(from);
      this.#raw.write(rest);
      this.#narrowed?.write(this.#narrower.write(rest));
    }

    end(): Finding[] {
      const states: FileState[] = [];
      if (this.#decoded !== undefined) {
        this.#decoded.write(this.#decoder!.end());
        states.push(this.#decoded.end());
      }
      states.push(this.#raw.end());
      if (this.#narrowed !== undefined) {
        this.#narrowed.write(this.#narrower.end());
        const state = this.#narrowed.end();
        if (this.#narrower.changed) states.push(state);
      }
      // The bytes are gone; their number and all that was found in them is what a notice is known by.
      const identity = () =>
        sha256(`${this.#length} ${states.map((state) => state.found.all().map((one) => one.secretId)).join(" ")}`);
      return conclude(this.#path, states, this.#comparisons, identity);
    }
  }

  return {
    scan(path, bytes, scanOptions = {}) {
      if (bytes.length <= windowSize) return scanWhole(path, bytes, scanOptions);
      const file = open(path, { ...scanOptions, size: bytes.length });
      for (let at = 0; at < bytes.length; at += windowSize) file.write(bytes.subarray(at, at + windowSize));
      return file.end();
    },
    open,
  };
}

type Add = (candidate: Candidate) => void;

/** One list of what all readings of a file show, and what could not be shown. */
function conclude(
  path: string,
  states: readonly FileState[],
  comparisons: Comparisons,
  identity: () => string,
): Finding[] {
  const lists = states.map((state) => (state.found.isEmpty ? [] : toFindings(path, state.found.settled())));
  const findings = lists.length === 1 ? lists[0]! : merge(lists);
  let dropped: Dropped | undefined;
  for (const { found } of states) if (dropped !== "error") dropped = found.dropped ?? dropped;
  if (dropped !== undefined) findings.push(overflowNotice(path, identity(), dropped, findings.at(-1)));
  if (comparisons.spent) findings.push(spentNotice(path, identity()));
  return findings;
}

/** Give candidates their lines and columns. `base` is the offset of the positions' first byte. */
function place(candidates: readonly Candidate[], positions: Positions, base: number): void {
  if (candidates.length === 0) return;
  const offsets = candidates.flatMap(({ start, end }) => [start, end]).sort((a, b) => a - b);
  const places = new Map<number, Place>();
  for (const offset of offsets) if (!places.has(offset)) places.set(offset, positions.at(Math.max(0, offset - base)));
  for (const candidate of candidates) {
    candidate.from = places.get(candidate.start)!;
    candidate.to = places.get(candidate.end)!;
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("latin1", start, Math.min(end, buffer.length));
}

function messageOf(rule: ScanRule, sound: boolean | undefined): string {
  if (rule.message !== undefined) return rule.message;
  const article = /^[aeiou]/i.test(rule.provider) ? "an" : "a";
  const what = `${article} ${rule.provider} credential, which gives access to ${rule.opens}`;
  return sound === false ? `what looks like ${what}; its check digits are wrong, so it may be an example` : what;
}

function fromKnown(match: KnownMatch, base: number): Candidate {
  return {
    start: base + match.start,
    end: base + match.end,
    rank: match.strong ? RANK.knownStrong : RANK.knownWeak,
    rule: match.kind === "key" ? "known-key" : "known-value",
    kind: match.kind === "key" ? "key" : "known-value",
    severity: match.strong ? "error" : "warning",
    message: match.message,
    fix: match.fix,
    secretId: match.secretId,
    name: match.name,
    formation: match.formation,
  };
}

/** What the caps turned away at worst. */
type Dropped = "error" | "warning";

/** Candidates up to the caps, and whether more were seen. */
class Collector {
  readonly known: Candidate[] = [];
  readonly errors: Candidate[] = [];
  readonly warnings: Candidate[] = [];
  dropped: Dropped | undefined;
  /** What rules found that report nothing here. */
  readonly #silent: Candidate[] = [];
  readonly #onceAFile = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #ofOneSecret = new Map<string, number>();

  #unplaced: Candidate[] = [];

  get isEmpty(): boolean {
    return this.known.length + this.errors.length + this.warnings.length === 0;
  }

  all(): Candidate[] {
    return [...this.known, ...this.errors, ...this.warnings];
  }

  /** Without what a better one overlaps. Silent ones take the place of other rules' and of nothing else. */
  settled(): Candidate[] {
    if (this.#silent.length === 0) return settle(this.all());
    const silent = new Set(this.#silent);
    const ofRules = this.all().filter(({ kind }) => kind === "token");
    const others = this.all().filter(({ kind }) => kind !== "token");
    return settle([...others, ...settle([...ofRules, ...silent]).filter((one) => !silent.has(one))]);
  }

  addSilent(candidate: Candidate): void {
    if (this.#silent.length < MAX_ERRORS_PER_FILE) this.#silent.push(candidate);
  }

  /** Those that came since this was asked last. */
  takeUnplaced(): Candidate[] {
    const taken = this.#unplaced;
    this.#unplaced = [];
    return taken;
  }

  add(candidate: Candidate): void {
    // One warning a weak value and file is a hint; forty are noise.
    if (candidate.rank === RANK.knownWeak) {
      const once = `${candidate.formation}\0${candidate.name}`;
      if (this.#onceAFile.has(once)) return;
      this.#onceAFile.add(once);
    }
    const secret = `${candidate.rule} ${candidate.secretId} ${candidate.name ?? ""} ${candidate.formation ?? ""}`;
    const key = `${candidate.start} ${candidate.end} ${secret}`;
    if (this.#seen.has(key)) return;
    const times = this.#ofOneSecret.get(secret) ?? 0;
    if (times >= MAX_OF_ONE_SECRET) return;
    if (candidate.rank === RANK.knownStrong) {
      // The first of each is counted by no cap: there are no more of them than known values.
      if (times > 0 && this.known.length >= MAX_KNOWN_PER_FILE) return;
      this.known.push(candidate);
    } else if (candidate.severity === "error") {
      if (this.errors.length >= MAX_ERRORS_PER_FILE) {
        this.dropped = "error";
        return;
      }
      this.errors.push(candidate);
    } else {
      if (this.warnings.length >= MAX_WARNINGS_PER_FILE) {
        this.dropped ??= "warning";
        return;
      }
      this.warnings.push(candidate);
    }
    this.#unplaced.push(candidate);
    this.#seen.add(key);
    this.#ofOneSecret.set(secret, times + 1);
  }
}

/**
 * Drop what a better candidate overlaps. A known value beats a token with a
 * right checksum, that a token, that a name near an opaque value, that a weak
 * known value; of equals an error beats a warning, then the longer one wins.
 */
function settle(candidates: Candidate[]): Candidate[] {
  const byWorth = [...candidates].sort(
    (a, b) =>
      b.rank - a.rank ||
      Number(b.severity === "error") - Number(a.severity === "error") ||
      b.end - b.start - (a.end - a.start) ||
      a.start - b.start,
  );
  // Kept spans are disjoint except for the same span (one value known under two names), so a sorted list finds overlaps.
  const kept: Candidate[] = [];
  for (const candidate of byWorth) {
    const at = lowerBound(kept, candidate.start);
    const near = [kept[at - 1], kept[at]];
    const clash = near.some(
      (other) => other !== undefined && other.start < candidate.end && candidate.start < other.end,
    );
    const sameSecret = near.some(
      (other) =>
        other !== undefined &&
        other.start === candidate.start &&
        other.end === candidate.end &&
        other.rank === candidate.rank &&
        other.name !== candidate.name,
    );
    if (clash && !(sameSecret && candidate.name !== undefined)) continue;
    kept.splice(at, 0, candidate);
  }
  return kept;
}

/** First index whose start is at or after `start`. */
function lowerBound(list: readonly Candidate[], start: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]!.start < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

function toFindings(path: string, settled: readonly Candidate[]): Finding[] {
  return settled.map((candidate) => {
    const { from, to } = candidate;
    const finding: Finding = {
      rule: candidate.rule,
      kind: candidate.kind,
      severity: candidate.severity,
      path,
      line: from!.line,
      column: from!.column,
      endLine: to!.line,
      endColumn: to!.column,
      message: candidate.message,
      fix: candidate.fix,
      secretId: candidate.secretId,
    };
    if (candidate.name !== undefined) finding.name = candidate.name;
    if (candidate.formation !== undefined) finding.formation = candidate.formation;
    return finding;
  });
}

/** One list of what several views of a file show: each secret once a line, as the first view that shows it says. */
function merge(lists: readonly (readonly Finding[])[]): Finding[] {
  const seen = new Set<string>();
  const merged: Finding[] = [];
  for (const list of lists) {
    for (const finding of list) {
      const once = finding.kind === "known-value" && finding.severity !== "error";
      const place = once ? "" : String(finding.line);
      const secret = `${finding.rule} ${finding.secretId} ${finding.name ?? ""} ${finding.formation ?? ""} ${place}`;
      // Within the first view two on a line are two; a later view only adds lines.
      if (list !== lists[0] && seen.has(secret)) continue;
      seen.add(secret);
      merged.push(finding);
    }
  }
  return merged.sort((a, b) => a.line - b.line || a.column - b.column);
}

/**
 * Where errors were left out nobody knows what they are: the notice is an error,
 * and is identified by the file's bytes, so that it is old only while they stay.
 */
function overflowNotice(path: string, secretId: string, dropped: Dropped, last: Finding | undefined): Finding {
  const { line, column, endLine, endColumn } = last ?? { line: 1, column: 1, endLine: 1, endColumn: 1 };
  return {
    rule: "too-many-findings",
    kind: "path",
    severity: dropped,
    path,
    line,
    column,
    endLine,
    endColumn,
    message: `more findings than are listed: at most ${MAX_ERRORS_PER_FILE} errors and ${MAX_WARNINGS_PER_FILE} warnings a file`,
    fix: handThen(`take what is listed out of ${pathWord(path)}`, `git add -- ${pathWord(path)}`),
    secretId,
  };
}

function spentNotice(path: string, secretId: string): Finding {
  return {
    rule: "too-much-to-compare",
    kind: "path",
    severity: "error",
    path,
    line: 1,
    column: 1,
    endLine: 1,
    endColumn: 1,
    message: "not searched to its end for known values: too much of it resembles one of them",
    fix: unstage(path),
    secretId,
  };
}
