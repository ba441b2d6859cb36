/**
 * Rules made ready for the engine: tables over their keywords, the cheap checks
 * as typed arrays, and the rest of each rule, read at its first keyword that
 * passes them.
 *
 * The table of all rules is made when the package is built (scripts/build.mjs)
 * and read as one file: a hook builds nothing and holds no example. Tables of
 * other rules are made at run time, by {@link compileRules}.
 *
 * The file: 32-bit numbers (a mark, the sizes), the arrays one after the other, each
 * padded to four bytes, then the rules as JSON. Functions stand in it by name. It is read only where it was written for: same package, same byte order.
 */
import { Buffer } from "node:buffer";
import { buildKeywordSearch, type KeywordSearch, type Keywords, SHORTEST_RUN, SLOT_BITS } from "./keyword-search.ts";
import type { ByteClass, Rule } from "./rule.ts";
import { buildPrefixes, isPrefix, type Prefixes } from "./runs.ts";

/** What the engine needs of a rule once a keyword stands where it may. */
export type ScanRule = Omit<Rule, "keywords" | "example" | "nearMisses">;

export interface RuleTable {
  /** Number of rules. */
  readonly count: number;
  readonly keywords: Keywords;
  /** Over the keywords that are looked for everywhere. */
  readonly everywhere: KeywordSearch;
  /** Those that are a token's prefix: looked for at runs of base64 digits. */
  readonly prefixes: Prefixes;
  /** Over those of rules with {@link Rule.near}: looked for near opaque values. */
  readonly nearValues: KeywordSearch;
  /** By needle: the rule's index. */
  readonly ruleOf: Uint16Array;
  /** By rule: the class of what follows the keyword as a mask, 0 where it has none. */
  readonly masks: Uint8Array;
  /** By rule: how many bytes of that class. */
  readonly minLengths: Uint16Array;
  /** By rule: {@link FLAG}. */
  readonly flags: Uint8Array;
  rule(index: number): ScanRule;
}

/** All keywords of a rule. */
export function keywordsOf({ keywords: { at, bytes }, ruleOf }: RuleTable, index: number): string[] {
  return Array.from(ruleOf, (rule, needle) =>
    rule === index ? Buffer.from(bytes.subarray(at[needle], at[needle + 1])).toString("latin1") : null,
  ).filter((keyword) => keyword !== null);
}

export const FLAG = { ignoreCase: 1, anyPlace: 2, gate: 4 } as const;

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
  const ruleOf: number[] = [];
  const at = [0];
  const words: Uint8Array[] = [];
  const places = rules.map(placeOf);
  const collect = (place: Place): number => {
    for (const [index, rule] of rules.entries()) {
      if (places[index] !== place) continue;
      for (const keyword of rule.keywords) {
        const bytes = Buffer.from(keyword, "latin1");
        ruleOf.push(index);
        words.push(bytes);
        at.push(at[at.length - 1]! + bytes.length);
      }
    }
    return words.length;
  };
  const prefixesFrom = collect("everywhere");
  const nearFrom = collect("run");
  const needles = collect("near");
  const flagsOf = (rule: Rule): number =>
    (rule.ignoreCase === true ? FLAG.ignoreCase : 0) |
    (rule.boundary === "none" ? FLAG.anyPlace : 0) |
    (rule.gate === undefined ? 0 : FLAG.gate);
  const arrays: RuleArrays = {
    at: Uint32Array.from(at),
    bytes: Buffer.concat(words),
    ruleOf: Uint16Array.from(ruleOf),
    masks: Uint8Array.from(rules, (rule) => (rule.class === undefined ? 0 : MASKS[rule.class])),
    minLengths: Uint16Array.from(rules, (rule) => rule.minLength ?? 1),
    flags: Uint8Array.from(rules, flagsOf),
  };
  const keywords = keywordsUnder(arrays);
  return {
    ...arrays,
    count: rules.length,
    keywords,
    everywhere: buildKeywordSearch(keywords, 0, prefixesFrom),
    prefixes: buildPrefixes(keywords, prefixesFrom, nearFrom),
    nearValues: buildKeywordSearch(keywords, nearFrom, needles),
    rule: (index) => rules[index]!,
  };
}

/** Where a rule's keywords are looked for. */
type Place = "everywhere" | "run" | "near";

function placeOf({ near, class: kind, minLength = 1, boundary, ignoreCase, keywords }: Rule): Place {
  if (near !== undefined) return "near";
  const opaque = kind !== undefined && kind !== "printable" && kind !== "base64" && minLength >= SHORTEST_RUN;
  const prefixes = boundary !== "none" && ignoreCase !== true && keywords.every((one) => isPrefix(Buffer.from(one)));
  return opaque && prefixes ? "run" : "everywhere";
}

type RuleArrays = Pick<Keywords, "at" | "bytes"> & Pick<RuleTable, "ruleOf" | "masks" | "minLengths" | "flags">;

function keywordsUnder({ at, bytes, ruleOf, masks, minLengths, flags }: RuleArrays): Keywords {
  const bits = bitsOfBytes();
  return {
    at,
    bytes,
    folds: Uint8Array.from(ruleOf, (rule) => ((flags[rule]! & FLAG.ignoreCase) === 0 ? 0 : 1)),
    anywhere: Uint8Array.from(ruleOf, (rule) => ((flags[rule]! & FLAG.anyPlace) === 0 ? 0 : 1)),
    narrows: (needle) => masks[ruleOf[needle]!] !== 0,
    follows(needle, byte, far) {
      const rule = ruleOf[needle]!;
      return masks[rule] === 0 || far >= minLengths[rule]! || (bits[byte]! & masks[rule]!) !== 0;
    },
  };
}

const MARK = 0x6d757835;
const FUNCTIONS = ["checksum", "verify", "gate", "judge"] as const;
type Member = (typeof FUNCTIONS)[number];
/** The function that rules of a file call by a name; undefined where there is none. */
export type RuleFunctions = (name: string) => unknown;

/** @param nameOf - the name under which {@link parseRuleTable} will be given a rule's function. */
export function formatRuleTable(rules: readonly Rule[], nameOf: (rule: Rule, member: Member) => string): Uint8Array {
  const table = compileRules(rules);
  const { keywords: all, everywhere, nearValues } = table;
  const texts = rules.map((rule) => {
    const { keywords, example, nearMisses, ...kept } = rule;
    const data: Record<string, unknown> = { ...kept };
    for (const member of FUNCTIONS) if (rule[member] !== undefined) data[member] = nameOf(rule, member);
    return Buffer.from(JSON.stringify(data), "utf8");
  });
  const textAt = new Uint32Array(texts.length + 1);
  for (const [index, text] of texts.entries()) textAt[index + 1] = textAt[index]! + text.length;
  const head = Uint32Array.of(
    MARK,
    table.ruleOf.length,
    table.prefixes.from,
    table.prefixes.to,
    all.bytes.length,
    table.count,
    everywhere.key.length,
    nearValues.key.length,
    textAt[texts.length]!,
  );
  const arrays: ArrayBufferView[] = [
    head,
    ...partsOf(everywhere),
    ...partsOf(nearValues),
    table.ruleOf,
    all.at,
    all.bytes,
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

function partsOf({ pairs, slots, key, next, needle, offset }: KeywordSearch): ArrayBufferView[] {
  return [pairs, slots, key, next, needle, offset];
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
  const [mark, needles, from, to, letters, count, entries, nearEntries, textLength] = take(
    Uint32Array,
    9,
    4,
  ) as unknown as number[];
  if (mark !== MARK) throw new RangeError("no file of rules");
  const search = (length: number): KeywordSearch => ({
    pairs: take(Int32Array, 1 << 16, 4),
    slots: take(Int16Array, 1 << SLOT_BITS, 2),
    key: take(Int32Array, length, 4),
    next: take(Int16Array, length, 2),
    needle: take(Uint16Array, length, 2),
    offset: take(Int8Array, length, 1),
  });
  const everywhere = search(entries!);
  const nearValues = search(nearEntries!);
  const ruleOf = take(Uint16Array, needles!, 2);
  const arrays: RuleArrays = {
    ruleOf,
    at: take(Uint32Array, needles! + 1, 4),
    bytes: take(Uint8Array, letters!, 1),
    masks: take(Uint8Array, count!, 1),
    minLengths: take(Uint16Array, count!, 2),
    flags: take(Uint8Array, count!, 1),
  };
  const textAt = take(Uint32Array, count! + 1, 4);
  const texts = Buffer.from(file.buffer, at, textLength);
  const read: (ScanRule | undefined)[] = new Array(count);
  const keywords = keywordsUnder(arrays);
  return {
    ...arrays,
    count: count!,
    keywords,
    everywhere,
    prefixes: buildPrefixes(keywords, from!, to!),
    nearValues,
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
