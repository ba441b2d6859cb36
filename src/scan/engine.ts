/**
 * The scanner's engine: one pass of an automaton over a file's bytes finds the
 * keywords of all rules and pieces of all known values; each hit is then
 * judged, cheapest question first (see rule.ts).
 *
 * - empty: no findings. Binary and NULs: scanned as bytes. UTF-16/32: decoded,
 *   and scanned as bytes too (decode.ts): a byte order mark hides nothing.
 * - huge: linear in the size. A rule looks at a bounded window per keyword, known
 *   values have a budget of comparisons; where it is spent an error says so.
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
import { type Automaton, buildAutomaton, findAll, foldByte } from "./automaton.ts";
import { Positions, viewsOf } from "./decode.ts";
import type { Finding, FindingKind } from "./finding.ts";
import { Comparisons, type KnownMatch, type KnownValues, matchersOf, type NeedleMatcher } from "./known-values.ts";
import { unstage } from "./paths.ts";
import { isExampleText } from "./randomness.ts";
import type { ByteClass, Rule } from "./rule.ts";
import { allRules } from "./rules/index.ts";

/** Most findings of severity error that one file reports, known values apart. */
export const MAX_ERRORS_PER_FILE = 1000;
/** Most findings of known values and keys; the first of each value or key is always one of them. */
export const MAX_KNOWN_PER_FILE = 10_000;
/** Most findings of one secret in one file. More of them tell nothing new and are left out in silence. */
export const MAX_OF_ONE_SECRET = 100;
/** Most findings of lower severity that one file reports. */
export const MAX_WARNINGS_PER_FILE = 200;

const DEFAULT_WINDOW = 512;

/** Bytes that a rule's `opening` is tried over. */
const OPENING_WINDOW = 128;

/** How much of a keyword the automaton reads; the rest is compared at a hit. Longer makes the tables larger and finds nothing more. */
const KEYWORD_ANCHOR = 8;

export interface ScannerOptions {
  known?: KnownValues;
  /** All rules of the table when absent. */
  rules?: readonly Rule[];
}

export interface ScanOptions {
  /** Number of the first line, where the bytes are a part of a file. */
  startLine?: number;
  /** false: known values and keys only. Rules' findings then fill no cap. True when absent. */
  rulesApply?: boolean;
  /** The budget of comparisons with known values, one made from the size when absent. */
  comparisons?: Comparisons;
}

export interface Scanner {
  /** Findings of one file, ordered by where they start. Never throws on content. */
  scan(path: string, bytes: Uint8Array, options?: ScanOptions): Finding[];
}

/** A finding before it has a line: what overlaps is settled first. */
interface Candidate {
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
}

const RANK = { knownStrong: 5, checksum: 4, token: 3, generic: 2, knownWeak: 1 } as const;

const CLASS_BIT = { digit: 1, hexLetter: 2, lower: 4, upper: 8, underscore: 16, hyphen: 32, plusSlash: 64, other: 128 };

const MASKS: Record<ByteClass, number> = {
  digit: CLASS_BIT.digit,
  hex: CLASS_BIT.digit | CLASS_BIT.hexLetter,
  "lower-alnum": CLASS_BIT.digit | CLASS_BIT.lower,
  "upper-alnum": CLASS_BIT.digit | CLASS_BIT.upper,
  alnum: CLASS_BIT.digit | CLASS_BIT.lower | CLASS_BIT.upper,
  word: CLASS_BIT.digit | CLASS_BIT.lower | CLASS_BIT.upper | CLASS_BIT.underscore,
  url64: CLASS_BIT.digit | CLASS_BIT.lower | CLASS_BIT.upper | CLASS_BIT.underscore | CLASS_BIT.hyphen,
  base64: CLASS_BIT.digit | CLASS_BIT.lower | CLASS_BIT.upper | CLASS_BIT.plusSlash,
  printable: 255,
};

let classBits: Uint8Array | undefined;

function buildClassBits(): Uint8Array {
  const bits = new Uint8Array(256);
  for (let byte = 33; byte < 127; byte++) bits[byte] = CLASS_BIT.other;
  for (const quote of "\"'`") bits[quote.charCodeAt(0)] = 0;
  for (let byte = 48; byte <= 57; byte++) bits[byte] = CLASS_BIT.digit;
  for (let byte = 65; byte <= 90; byte++) bits[byte] = CLASS_BIT.upper | (byte <= 70 ? CLASS_BIT.hexLetter : 0);
  for (let byte = 97; byte <= 122; byte++) bits[byte] = CLASS_BIT.lower | (byte <= 102 ? CLASS_BIT.hexLetter : 0);
  bits[95] = CLASS_BIT.underscore;
  bits[45] = CLASS_BIT.hyphen;
  for (const byte of [43, 47, 61]) bits[byte] = CLASS_BIT.plusSlash;
  return bits;
}

function isWordByte(byte: number): boolean {
  return (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte === 95;
}

function isHexByte(byte: number | undefined): boolean {
  return (
    byte !== undefined && ((byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102))
  );
}

/**
 * Whether a token may begin at `at`: not inside a word, but after an escape
 * that ends in a letter or digit: `\n`, `\x3d`, `\u003d`, `%3D`.
 */
export function beginsToken(bytes: Uint8Array, at: number): boolean {
  if (at === 0) return true;
  const before = bytes[at - 1]!;
  if (!isWordByte(before)) return true;
  const two = bytes[at - 2];
  if (two === 0x5c) return before === 0x6e || before === 0x72 || before === 0x74;
  if (!isHexByte(before) || !isHexByte(two)) return false;
  const three = bytes[at - 3];
  if (three === 0x25) return true;
  if (three === 0x78 && bytes[at - 4] === 0x5c) return true;
  return isHexByte(three) && isHexByte(bytes[at - 4]) && bytes[at - 5] === 0x75 && bytes[at - 6] === 0x5c;
}

function equalsAt(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

function equalsFoldedAt(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (foldByte(bytes[at + i] ?? 0) !== foldByte(text[i]!)) return false;
  return true;
}

const DEFAULT_FIX =
  "store it with 'muxi secrets set NAME' and refer to it as ${{ secrets.NAME }}; outside a formation, read it from the environment";

/** Tables made from the rules and known values, at the first scan. */
interface Compiled {
  automaton: Automaton;
  /** By needle: the rule's index and its keyword, or the known value's matcher. */
  ruleOf: Int32Array;
  keywordOf: Uint8Array[];
  matcherOf: (NeedleMatcher | undefined)[];
  /** By rule: its class as a mask, 0 where it has none. */
  masks: Uint8Array;
}

function compile(rules: readonly Rule[], matchers: readonly NeedleMatcher[]): Compiled {
  const needles: Uint8Array[] = [];
  const keywordOf: Uint8Array[] = [];
  const ruleOf: number[] = [];
  for (const [index, rule] of rules.entries()) {
    for (const keyword of rule.keywords) {
      const bytes = Buffer.from(keyword, "latin1");
      keywordOf.push(bytes);
      needles.push(bytes.length > KEYWORD_ANCHOR ? bytes.subarray(0, KEYWORD_ANCHOR) : bytes);
      ruleOf.push(index);
    }
  }
  const matcherOf: (NeedleMatcher | undefined)[] = ruleOf.map(() => undefined);
  for (const matcher of matchers) {
    needles.push(matcher.anchor);
    matcherOf.push(matcher);
    ruleOf.push(-1);
  }
  return {
    automaton: buildAutomaton(needles),
    ruleOf: Int32Array.from(ruleOf),
    keywordOf,
    matcherOf,
    masks: Uint8Array.from(rules, (rule) => (rule.class === undefined ? 0 : MASKS[rule.class])),
  };
}

/**
 * A scanner over a set of rules and known values. Cheap to create; the tables
 * are built at the first scan and kept for all later ones.
 */
export function createScanner(options: ScannerOptions = {}): Scanner {
  const rules = options.rules ?? allRules();
  const matchers = options.known === undefined ? [] : matchersOf(options.known);
  const expressions: (RegExp | undefined)[] = new Array(rules.length);
  const openings: (RegExp | undefined)[] = new Array(rules.length);
  let compiled: Compiled | undefined;

  /**
   * Run a rule at a keyword. `reach` is set to the end of what its pattern
   * matched, secret or not: looking again inside a long match that turned out to
   * be something else would make the cost of a hostile file quadratic.
   */
  function judge(
    rule: Rule,
    index: number,
    bytes: Uint8Array,
    start: number,
    reach: Int32Array,
  ): Candidate | undefined {
    if (rule.opening !== undefined) {
      openings[index] ??= new RegExp(rule.opening, rule.ignoreCase === true ? "iy" : "y");
      openings[index].lastIndex = 0;
      if (!openings[index].test(latin1(bytes, start, start + OPENING_WINDOW))) return undefined;
    }
    expressions[index] ??= new RegExp(rule.pattern, rule.ignoreCase === true ? "iy" : "y");
    const expression = expressions[index];
    const before = Math.min(start, rule.before ?? 0);
    const window = latin1(bytes, start - before, start + (rule.window ?? DEFAULT_WINDOW));
    expression.lastIndex = before;
    const match = expression.exec(window);
    if (match === null) return undefined;
    reach[index] = start + match[0].length;
    const secret = match[1] ?? match[0];
    if (rule.bitsPerCharacter !== 0 && isExampleText(secret, rule.bitsPerCharacter)) return undefined;
    if (rule.verify !== undefined && !rule.verify(secret, match[0])) return undefined;
    const from = start + match[0].lastIndexOf(secret);
    const sound = rule.checksum?.(secret);
    return {
      start: from,
      end: from + secret.length,
      rank: sound === true ? RANK.checksum : rule.generic === true ? RANK.generic : RANK.token,
      rule: rule.id,
      kind: "token",
      severity: sound === false ? "warning" : rule.severity,
      message: messageOf(rule, sound),
      fix: rule.fix ?? DEFAULT_FIX,
      secretId: sha256(Buffer.from(secret, "latin1")),
    };
  }

  function scan(path: string, input: Uint8Array, scanOptions: ScanOptions = {}): Finding[] {
    if (input.length === 0) return [];
    const comparisons = scanOptions.comparisons ?? new Comparisons(input.length);
    const views = viewsOf(input);
    let dropped: Dropped | undefined;
    const lists = views.map((bytes) => {
      const found = collect(bytes, comparisons, scanOptions.rulesApply !== false);
      dropped = found.dropped ?? dropped;
      return locate(path, bytes, found, scanOptions.startLine ?? 1);
    });
    const findings = lists.length === 1 ? lists[0]! : merge(lists);
    if (dropped !== undefined) findings.push(overflowNotice(path, input, dropped, findings.at(-1)));
    if (comparisons.spent) findings.push(spentNotice(path, input));
    return findings;
  }

  function collect(bytes: Uint8Array, comparisons: Comparisons, rulesApply: boolean): Collector {
    compiled ??= compile(rules, matchers);
    classBits ??= buildClassBits();
    const bits = classBits;
    const { automaton, ruleOf, keywordOf, matcherOf, masks } = compiled;
    const found = new Collector();
    const reach = new Int32Array(rules.length);
    /** By needle: where the last known value that it found ends. */
    const knownReach = new Map<number, number>();

    findAll(automaton, bytes, (anchorEnd, needle) => {
      const matcher = matcherOf[needle];
      if (matcher !== undefined) {
        if (comparisons.spent || anchorEnd <= (knownReach.get(needle) ?? 0)) return;
        for (const match of matcher.match(bytes, anchorEnd, comparisons)) {
          found.add(fromKnown(match));
          knownReach.set(needle, match.end);
        }
        return;
      }
      if (!rulesApply) return;
      const index = ruleOf[needle]!;
      const rule = rules[index]!;
      const keyword = keywordOf[needle]!;
      const start = anchorEnd - Math.min(keyword.length, KEYWORD_ANCHOR);
      const end = start + keyword.length;
      if (start < reach[index]!) return;
      if (!(rule.ignoreCase === true ? equalsFoldedAt(bytes, start, keyword) : equalsAt(bytes, start, keyword))) return;
      const mask = masks[index]!;
      if (mask !== 0) {
        const until = end + (rule.minLength ?? 1);
        if (until > bytes.length) return;
        for (let at = end; at < until; at++) if ((bits[bytes[at]!]! & mask) === 0) return;
      }
      if (rule.boundary !== "none" && !beginsToken(bytes, start)) return;
      found.add(judge(rule, index, bytes, start, reach));
    });
    return found;
  }

  return { scan };
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("latin1", start, Math.min(end, buffer.length));
}

function messageOf(rule: Rule, sound: boolean | undefined): string {
  if (rule.message !== undefined) return rule.message;
  const article = /^[aeiou]/i.test(rule.provider) ? "an" : "a";
  const what = `${article} ${rule.provider} credential, which gives access to ${rule.opens}`;
  return sound === false ? `what looks like ${what}; its check digits are wrong, so it may be an example` : what;
}

function fromKnown(match: KnownMatch): Candidate {
  return {
    start: match.start,
    end: match.end,
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
  readonly #onceAFile = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #ofOneSecret = new Map<string, number>();

  add(candidate: Candidate | undefined): void {
    if (candidate === undefined) return;
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

function locate(path: string, bytes: Uint8Array, found: Collector, startLine: number): Finding[] {
  const candidates = [...found.known, ...found.errors, ...found.warnings];
  if (candidates.length === 0) return [];
  const settled = settle(candidates);
  const positions = new Positions(bytes, startLine);
  // Spans of one secret under two names are equal, so ends never descend.
  const findings: Finding[] = [];
  let before: { start: number; end: number; finding: Finding } | undefined;
  for (const candidate of settled) {
    const same = before !== undefined && before.start === candidate.start && before.end === candidate.end;
    const from = same ? before!.finding : positions.at(candidate.start);
    const to = same
      ? { line: before!.finding.endLine, column: before!.finding.endColumn }
      : positions.at(candidate.end);
    const finding: Finding = {
      rule: candidate.rule,
      kind: candidate.kind,
      severity: candidate.severity,
      path,
      line: from.line,
      column: from.column,
      endLine: to.line,
      endColumn: to.column,
      message: candidate.message,
      fix: candidate.fix,
      secretId: candidate.secretId,
    };
    if (candidate.name !== undefined) finding.name = candidate.name;
    if (candidate.formation !== undefined) finding.formation = candidate.formation;
    findings.push(finding);
    before = { start: candidate.start, end: candidate.end, finding };
  }
  return findings;
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
function overflowNotice(path: string, bytes: Uint8Array, dropped: Dropped, last: Finding | undefined): Finding {
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
    secretId: sha256(bytes),
  };
}

function spentNotice(path: string, bytes: Uint8Array): Finding {
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
    secretId: sha256(bytes),
  };
}
