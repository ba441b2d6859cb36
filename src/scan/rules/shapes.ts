/**
 * Shapes that most rules have, written once: a token is a few literals and
 * fields of known characters and lengths. From that come the pattern, the
 * keywords, the cheap check at a keyword, true examples and near misses, so
 * that these cannot say different things.
 *
 *   token({ id: "…", forms: [["pcsk_", base62(5, 6), "_", base62(63)]], … })
 */
import {
  BASE32,
  BASE62,
  type ByteClass,
  DIGITS,
  draw,
  HEX,
  LOWER,
  type Random,
  type Rule,
  UPPER,
  URL64,
} from "../rule.ts";

/** A run of characters of one alphabet, or one of a few literals. */
export interface Field {
  /** Source of a regular expression that matches one character. */
  one: string;
  alphabet: string;
  least: number;
  most: number;
  /** Literals to choose from instead. */
  choices?: readonly string[];
}

const BASE64 = `${BASE62}+/`;

function field(one: string, alphabet: string, least: number, most = least): Field {
  return { one, alphabet, least, most };
}

export const digits = (least: number, most?: number): Field => field("[0-9]", DIGITS, least, most);
/** Lower-case hexadecimal. */
export const hex = (least: number, most?: number): Field => field("[0-9a-f]", HEX, least, most);
export const upperHex = (least: number, most?: number): Field => field("[0-9A-F]", HEX.toUpperCase(), least, most);
/** Hexadecimal of either case. */
export const anyHex = (least: number, most?: number): Field => field("[0-9a-fA-F]", HEX, least, most);
export const lower = (least: number, most?: number): Field => field("[a-z]", LOWER, least, most);
export const upper = (least: number, most?: number): Field => field("[A-Z]", UPPER, least, most);
export const letters = (least: number, most?: number): Field => field("[A-Za-z]", UPPER + LOWER, least, most);
export const base32 = (least: number, most?: number): Field => field("[A-Z2-7]", BASE32, least, most);
export const lowerAlnum = (least: number, most?: number): Field => field("[0-9a-z]", DIGITS + LOWER, least, most);
export const upperAlnum = (least: number, most?: number): Field => field("[0-9A-Z]", DIGITS + UPPER, least, most);
export const base62 = (least: number, most?: number): Field => field("[0-9A-Za-z]", BASE62, least, most);
export const word = (least: number, most?: number): Field => field("[0-9A-Za-z_]", `${BASE62}_`, least, most);
export const url64 = (least: number, most?: number): Field => field("[0-9A-Za-z_-]", URL64, least, most);
export const base64 = (least: number, most?: number): Field => field("[0-9A-Za-z+/]", BASE64, least, most);
/** One character class of the vendor's own, its source and what it holds. */
export const chars = (one: string, alphabet: string, least: number, most?: number): Field =>
  field(one, alphabet, least, most);
export const oneOf = (...choices: string[]): Field => ({
  one: "",
  alphabet: choices.join(""),
  least: Math.min(...choices.map((c) => c.length)),
  most: Math.max(...choices.map((c) => c.length)),
  choices,
});
/** A UUID, lower case or upper. */
export const UUID: readonly (string | Field)[] = [
  anyHex(8),
  "-",
  anyHex(4),
  "-",
  anyHex(4),
  "-",
  anyHex(4),
  "-",
  anyHex(12),
];

/** Literals and fields in order; the first is a literal or a choice of literals. */
export type Form = readonly (string | Field)[];

export interface Token {
  id: string;
  provider: string;
  opens: string;
  /** Every form that the vendor issues. */
  forms: readonly Form[];
  /** Whether the first part, the same in every form, only names the secret that follows it. */
  named?: boolean;
  /** What may not follow, as a character class. By default what could continue the last field. */
  after?: string;
  severity?: Rule["severity"];
  bitsPerCharacter?: number;
  boundary?: Rule["boundary"];
  ignoreCase?: boolean;
  window?: number;
  checksum?: Rule["checksum"];
  verify?: Rule["verify"];
  /** Examples where the form alone makes none, as with check digits. */
  example?: (random: Random) => string;
  /** More near misses than those that every form has. */
  near?: (random: Random) => string[];
  fix?: string;
  source: string;
}

function escaped(literal: string): string {
  return literal.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

function sourceOf(part: string | Field): string {
  if (typeof part === "string") return escaped(part);
  if (part.choices !== undefined) return `(?:${part.choices.map(escaped).join("|")})`;
  const times = part.least === part.most ? `${part.least}` : `${part.least},${part.most}`;
  return `${part.one}{${times}}`;
}

function drawForm(random: Random, form: Form): string {
  return form
    .map((part) => {
      if (typeof part === "string") return part;
      if (part.choices !== undefined) return part.choices[random(part.choices.length)];
      return draw(random, part.alphabet, part.least + random(part.most - part.least + 1));
    })
    .join("");
}

function keywordsOf(form: Form): readonly string[] {
  const [first, second] = form;
  if (first === undefined) return [];
  if (typeof first !== "string") return first.choices ?? [];
  // Several kinds after one stem: the kinds belong to the keyword.
  if (typeof second === "object" && second.choices !== undefined) return second.choices.map((choice) => first + choice);
  return [first];
}

const CLASSES: readonly (readonly [ByteClass, string])[] = [
  ["digit", DIGITS],
  ["hex", `${HEX}ABCDEF`],
  ["lower-alnum", DIGITS + LOWER],
  ["upper-alnum", DIGITS + UPPER],
  ["alnum", BASE62],
  ["word", `${BASE62}_`],
  ["url64", URL64],
  ["base64", `${BASE64}=`],
];

/** The narrowest class that holds all of a text. */
function classOf(text: string): ByteClass {
  for (const [name, members] of CLASSES) {
    if ([...text].every((character) => members.includes(character))) return name;
  }
  return "printable";
}

/** What the pattern may match after a keyword: all its characters, and how many at least. */
function restOf(form: Form): { text: string; least: number } {
  const [first, second] = form;
  const skip = typeof first === "string" && typeof second === "object" && second.choices !== undefined ? 2 : 1;
  let text = "";
  let least = 0;
  for (const part of form.slice(skip)) {
    if (typeof part === "string") {
      text += part;
      least += part.length;
    } else {
      text += part.choices === undefined && part.one === "[0-9a-fA-F]" ? `${HEX}ABCDEF` : part.alphabet;
      least += part.least;
    }
  }
  return { text, least };
}

/** A field filled with what a manual fills it with. */
function filled(form: Form): string {
  return form
    .map((part) => {
      if (typeof part === "string") return part;
      if (part.choices !== undefined) return part.choices[0];
      const filler = part.alphabet.includes("x") ? "x" : part.alphabet.includes("X") ? "X" : "0";
      return filler.repeat(part.least);
    })
    .join("");
}

/** A form whose last field is three characters short, or is missing where it has no more than that. */
function shortened(random: Random, form: Form): string {
  const at = form.findLastIndex((part) => typeof part !== "string" && part.choices === undefined);
  const last = form[at] as Field;
  const kept = last.least > 3 ? draw(random, last.alphabet, last.least - 3) : "";
  return drawForm(random, form.slice(0, at)) + kept;
}

/** A form whose last field goes on past its longest. */
function lengthened(random: Random, form: Form): string {
  const last = form.at(-1);
  if (last === undefined || typeof last === "string" || last.choices !== undefined) return "";
  return drawForm(random, form.slice(0, -1)) + draw(random, last.alphabet, last.most + 5);
}

function lengthOf(form: Form, end: "least" | "most"): number {
  return form.reduce((sum, part) => sum + (typeof part === "string" ? part.length : part[end]), 0);
}

/** What begins every form is a name; the secret is what follows it. */
function namedPattern(forms: readonly Form[]): string {
  const [name] = forms[0]!;
  return `${sourceOf(name!)}(${forms.map((form) => form.slice(1).map(sourceOf).join("")).join("|")})`;
}

export function token(rule: Token): Rule {
  const keywords = [...new Set(rule.forms.flatMap(keywordsOf))];
  const rests = rule.forms.map(restOf);
  const least = Math.min(...rests.map((rest) => rest.least));
  const last = rule.forms.map((form) => form.at(-1));
  const after =
    rule.after ??
    (last.some((part) => typeof part === "object" && part.one.includes("+/"))
      ? "[\\w+/=-]"
      : last.some((part) => typeof part === "object" && part.one.includes("-]"))
        ? "[\\w-]"
        : "\\w");
  const pattern = rule.forms.map((form) => form.map(sourceOf).join(""));
  const all =
    rule.named === true ? namedPattern(rule.forms) : pattern.length === 1 ? pattern[0]! : `(?:${pattern.join("|")})`;
  const byLength = [...rule.forms].sort((a, b) => lengthOf(a, "least") - lengthOf(b, "least"));
  const shortest = byLength[0]!;
  const longest = [...rule.forms].sort((a, b) => lengthOf(b, "most") - lengthOf(a, "most"))[0]!;
  const stands = /\w/.test(keywords[0]?.[0] ?? "") && rule.boundary !== "none";
  return {
    id: rule.id,
    provider: rule.provider,
    opens: rule.opens,
    keywords,
    pattern: after === "" ? all : `${all}(?!${after})`,
    ...(least === 0 ? {} : { class: classOf(rests.map((rest) => rest.text).join("")), minLength: least }),
    ...(rule.ignoreCase === undefined ? {} : { ignoreCase: rule.ignoreCase }),
    ...(rule.boundary === undefined ? {} : { boundary: rule.boundary }),
    ...(rule.window === undefined ? {} : { window: rule.window }),
    ...(rule.bitsPerCharacter === undefined ? {} : { bitsPerCharacter: rule.bitsPerCharacter }),
    ...(rule.checksum === undefined ? {} : { checksum: rule.checksum }),
    ...(rule.verify === undefined ? {} : { verify: rule.verify }),
    severity: rule.severity ?? "error",
    example: rule.example ?? ((random) => drawForm(random, rule.forms[random(rule.forms.length)]!)),
    nearMisses: (random) => {
      const form = rule.forms[random(rule.forms.length)]!;
      // Shorter than the shortest, longer than the longest: else it may be another form.
      const misses = [`${keywords[0]}...`, `${keywords[0]}<your-key>`, filled(form), shortened(random, shortest)];
      if (after !== "") misses.push(lengthened(random, longest));
      if (stands) misses.push(`a${drawForm(random, form)}`);
      return [...misses, ...(rule.near?.(random) ?? [])].filter((miss) => miss !== "");
    },
    source: rule.source,
    ...(rule.fix === undefined ? {} : { fix: rule.fix }),
  };
}

/** A token of one or more prefixes and one field: what most services issue. */
export function prefixed(
  rule: Omit<Token, "forms"> & { prefix: string | readonly string[]; body: Field | readonly Field[] },
): Rule {
  const { prefix, body, ...rest } = rule;
  const prefixes = typeof prefix === "string" ? [prefix] : prefix;
  const bodies = Array.isArray(body) ? (body as readonly Field[]) : [body as Field];
  const first = prefixes.length === 1 ? prefixes[0]! : oneOf(...prefixes);
  return token({ ...rest, forms: bodies.map((one) => [first, one]) });
}

/** A key that an issuer's mark stands in the middle of: read backwards and forwards from it. */
export function markedKey(rule: {
  id: string;
  provider: string;
  opens: string;
  mark: string | readonly string[];
  /** Characters before the mark and behind it, as `judge` reads them. */
  before: number;
  after: number;
  alphabet: string;
  /** What the example and its near misses end in. */
  end?: string;
  /** Draws what stands before the mark, where it is of a narrower form. */
  head?: (random: Random) => string;
  judge: NonNullable<Rule["judge"]>;
  fix?: string;
  source: string;
}): Rule {
  const marks = typeof rule.mark === "string" ? [rule.mark] : rule.mark;
  const head = rule.head ?? ((random: Random) => draw(random, rule.alphabet, rule.before));
  const tail = rule.end ?? "";
  return {
    id: rule.id,
    provider: rule.provider,
    opens: rule.opens,
    keywords: marks,
    boundary: "none",
    before: rule.before + 6,
    window: rule.after + 64,
    judge: rule.judge,
    bitsPerCharacter: 0,
    severity: "error",
    example: (random) => {
      const mark = marks[random(marks.length)]!;
      return head(random) + mark + draw(random, rule.alphabet, rule.after - mark.length) + tail;
    },
    nearMisses: (random) => [
      marks[0]!,
      draw(random, rule.alphabet, rule.before - 2) + marks[0],
      `${"x".repeat(rule.before)}${marks[0]}${"x".repeat(rule.after - marks[0]!.length)}`,
      `${head(random)}${marks[0]}${draw(random, rule.alphabet, 2)} `,
    ],
    source: rule.source,
    ...(rule.fix === undefined ? {} : { fix: rule.fix }),
  };
}
