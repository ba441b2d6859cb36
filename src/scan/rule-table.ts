/**
 * Rules made ready for the engine: an automaton over their keywords, the cheap
 * checks as typed arrays, and the rest of each rule, read at its first keyword
 * that passes them.
 *
 * The table of all rules is made when the package is built (scripts/build.mjs)
 * and read as one file: a hook builds nothing and holds no example. Tables of
 * other rules are made at run time, by {@link compileRules}.
 *
 * The file: eleven 32-bit numbers (a mark, the sizes), the arrays one after the
 * other, each padded to four bytes, then the rules as JSON. Functions stand in it
 * by name. It is read only where it was written for: same package, same byte order.
 */
import { Buffer } from "node:buffer";
import { type Automaton, buildAutomaton, foldByte } from "./automaton.ts";
import type { ByteClass, Rule } from "./rule.ts";

/** What the engine needs of a rule once a keyword stands where it may. */
export type ScanRule = Omit<Rule, "keywords" | "example" | "nearMisses">;

export interface RuleTable {
  readonly automaton: Automaton;
  /** Number of rules. */
  readonly count: number;
  /** By needle: the rule's index. */
  readonly ruleOf: Uint16Array;
  /** By needle: where its keyword begins in `keywords`; one more for the end of the last. */
  readonly keywordAt: Uint32Array;
  readonly keywords: Uint8Array;
  /** By rule: the class of what follows the keyword as a mask, 0 where it has none. */
  readonly masks: Uint8Array;
  /** By rule: how many bytes of that class. */
  readonly minLengths: Uint16Array;
  /** By rule: {@link FLAG}. */
  readonly flags: Uint8Array;
  rule(index: number): ScanRule;
}

/** All keywords of a rule. */
export function keywordsOf(table: RuleTable, index: number): string[] {
  const { ruleOf, keywordAt, keywords } = table;
  return Array.from(ruleOf, (rule, needle) =>
    rule === index ? Buffer.from(keywords.subarray(keywordAt[needle], keywordAt[needle + 1])).toString("latin1") : null,
  ).filter((keyword) => keyword !== null);
}

export const FLAG = { ignoreCase: 1, anyPlace: 2, gate: 4 } as const;

/** How much of a keyword the automaton reads; the rest is compared at a hit. Longer makes the tables larger and finds nothing more. */
export const KEYWORD_ANCHOR = 6;

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

/** By byte: the classes it is of, as bits of the masks. */
export function bitsOfBytes(): Uint8Array {
  if (classBits !== undefined) return classBits;
  const bits = new Uint8Array(256);
  for (let byte = 33; byte < 127; byte++) bits[byte] = CLASS_BIT.other;
  for (const quote of "\"'`") bits[quote.charCodeAt(0)] = 0;
  for (let byte = 48; byte <= 57; byte++) bits[byte] = CLASS_BIT.digit;
  for (let byte = 65; byte <= 90; byte++) bits[byte] = CLASS_BIT.upper | (byte <= 70 ? CLASS_BIT.hexLetter : 0);
  for (let byte = 97; byte <= 122; byte++) bits[byte] = CLASS_BIT.lower | (byte <= 102 ? CLASS_BIT.hexLetter : 0);
  bits[95] = CLASS_BIT.underscore;
  bits[45] = CLASS_BIT.hyphen;
  for (const byte of [43, 47, 61]) bits[byte] = CLASS_BIT.plusSlash;
  classBits = bits;
  return bits;
}

export function compileRules(rules: readonly Rule[]): RuleTable {
  const needles: Uint8Array[] = [];
  const ruleOf: number[] = [];
  const keywordAt: number[] = [];
  const keywords: Uint8Array[] = [];
  let length = 0;
  for (const [index, rule] of rules.entries()) {
    for (const keyword of rule.keywords) {
      const bytes = Buffer.from(keyword, "latin1");
      needles.push(bytes.subarray(0, KEYWORD_ANCHOR));
      ruleOf.push(index);
      keywordAt.push(length);
      keywords.push(bytes);
      length += bytes.length;
    }
  }
  keywordAt.push(length);
  const flagsOf = (rule: Rule): number =>
    (rule.ignoreCase === true ? FLAG.ignoreCase : 0) |
    (rule.boundary === "none" ? FLAG.anyPlace : 0) |
    (rule.gate === undefined ? 0 : FLAG.gate);
  return {
    automaton: buildAutomaton(needles),
    count: rules.length,
    ruleOf: Uint16Array.from(ruleOf),
    keywordAt: Uint32Array.from(keywordAt),
    keywords: Buffer.concat(keywords),
    masks: Uint8Array.from(rules, (rule) => (rule.class === undefined ? 0 : MASKS[rule.class])),
    minLengths: Uint16Array.from(rules, (rule) => rule.minLength ?? 1),
    flags: Uint8Array.from(rules, flagsOf),
    rule: (index) => rules[index]!,
  };
}

/** Whether the whole keyword of a needle stands at `at`, whose first bytes the automaton found. */
export function keywordStands(
  table: RuleTable,
  needle: number,
  bytes: Uint8Array,
  at: number,
  folds: boolean,
): boolean {
  const from = table.keywordAt[needle]!;
  const to = table.keywordAt[needle + 1]!;
  const { keywords } = table;
  if (at + to - from > bytes.length) return false;
  if (folds) {
    // What the automaton read is the same when folded.
    for (let i = from + KEYWORD_ANCHOR; i < to; i++) {
      if (foldByte(bytes[at + i - from]!) !== foldByte(keywords[i]!)) return false;
    }
    return true;
  }
  for (let i = from; i < to; i++) if (bytes[at + i - from] !== keywords[i]) return false;
  return true;
}

const MARK = 0x6d757834;
const FUNCTIONS = ["checksum", "verify", "gate", "judge"] as const;
type Member = (typeof FUNCTIONS)[number];
/** The function that rules of a file call by a name; undefined where there is none. */
export type RuleFunctions = (name: string) => unknown;

/** @param nameOf - the name under which {@link parseRuleTable} will be given a rule's function. */
export function formatRuleTable(rules: readonly Rule[], nameOf: (rule: Rule, member: Member) => string): Uint8Array {
  const table = compileRules(rules);
  const { automaton } = table;
  if (!(automaton.table instanceof Uint16Array)) throw new RangeError("too many keywords for the file of rules");
  const texts = rules.map((rule) => {
    const { keywords, example, nearMisses, ...kept } = rule;
    const data: Record<string, unknown> = { ...kept };
    for (const member of FUNCTIONS) if (rule[member] !== undefined) data[member] = nameOf(rule, member);
    return Buffer.from(JSON.stringify(data), "utf8");
  });
  const textAt = new Uint32Array(texts.length + 1);
  for (const [index, text] of texts.entries()) textAt[index + 1] = textAt[index]! + text.length;
  const needles = table.ruleOf.length;
  const head = Uint32Array.of(
    MARK,
    automaton.shift,
    automaton.table.length,
    automaton.hitsFrom,
    automaton.first.length,
    automaton.longest,
    needles,
    table.keywords.length,
    table.count,
    textAt[texts.length]!,
    0,
  );
  const arrays: ArrayBufferView[] = [
    head,
    automaton.classes,
    automaton.table,
    automaton.first,
    automaton.next,
    automaton.suffix,
    table.ruleOf,
    table.keywordAt,
    table.keywords,
    table.masks,
    table.minLengths,
    table.flags,
    textAt,
    Buffer.concat(texts),
  ];
  return Buffer.concat(
    arrays.flatMap(({ buffer, byteOffset, byteLength }) => [
      Buffer.from(buffer, byteOffset, byteLength),
      Buffer.alloc(-byteLength & 3),
    ]),
  );
}

/** @throws RangeError where it is no such file; the caller has checked a sum of its bytes. */
export function parseRuleTable(bytes: Uint8Array, functions: RuleFunctions): RuleTable {
  // A view of 16 or 32 bits has to begin at a multiple of its size.
  const file = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  let at = file.byteOffset;
  const take = <View>(
    type: new (buffer: ArrayBuffer, at: number, length: number) => View,
    length: number,
    size: number,
  ): View => {
    const view = new type(file.buffer as ArrayBuffer, at, length);
    at += (length * size + 3) & ~3;
    return view;
  };
  const head = take(Uint32Array, 11, 4);
  const [mark, shift, cells, hitsFrom, hits, longest, needles, letters, count, textLength] =
    head as unknown as number[];
  if (mark !== MARK) throw new RangeError("no file of rules");
  const automaton: Automaton = {
    classes: take(Uint8Array, 256, 1),
    shift: shift!,
    table: take(Uint16Array, cells!, 2),
    hitsFrom: hitsFrom!,
    first: take(Int32Array, hits!, 4),
    next: take(Int32Array, needles!, 4),
    suffix: take(Int32Array, hits!, 4),
    longest: longest!,
  };
  const table = {
    automaton,
    count: count!,
    ruleOf: take(Uint16Array, needles!, 2),
    keywordAt: take(Uint32Array, needles! + 1, 4),
    keywords: take(Uint8Array, letters!, 1),
    masks: take(Uint8Array, count!, 1),
    minLengths: take(Uint16Array, count!, 2),
    flags: take(Uint8Array, count!, 1),
  };
  const textAt = take(Uint32Array, count! + 1, 4);
  const texts = Buffer.from(file.buffer, at, textLength);
  const read: (ScanRule | undefined)[] = new Array(count);
  return {
    ...table,
    rule(index) {
      read[index] ??= readRule(texts.toString("utf8", textAt[index]!, textAt[index + 1]!), functions);
      return read[index];
    },
  };
}

function readRule(text: string, functions: RuleFunctions): ScanRule {
  const data = JSON.parse(text) as Record<string, unknown>;
  for (const member of FUNCTIONS) {
    const name = data[member];
    if (typeof name !== "string") continue;
    data[member] = functions(name);
    if (typeof data[member] !== "function") throw new RangeError(`no function '${name}' for the rules`);
  }
  return data as unknown as ScanRule;
}
