/**
 * Whether a value beside a telling name is a secret, and how sure that is.
 *
 * Three questions, in this order:
 * 1. Is it something that names itself (recognise.ts)? Then it is silent.
 * 2. Is it words? A value is cut into its pieces (`user-password-2` is three). Where
 *    every piece reads as a word or a short number it is a name of something: a
 *    label, a type, an identifier.
 * 3. How many bits does it have (randomness.ts), words of manuals (`password`,
 *    `test`, `admin`) left out? A machine's secret has many bits a character and
 *    many in all; a person's password has few and mixes classes of characters.
 */
import { Buffer } from "node:buffer";
import type { Severity } from "../../formation/problem.ts";
import { isStrongValue, randomnessBits } from "../randomness.ts";
import type { NameKind } from "./name.ts";
import { isCode, isSomethingElse, isTemplated } from "./recognise.ts";

/** Words that make a password a manual's, wherever in it they stand; whole, so that chance hardly makes them. */
const MANUAL_WORDS =
  /pass(?:wor[dt]|wd|phrase|code)|secret|(?<![a-z])(?:pass|test(?:ing|er|ed)?|user(?:name)?|admin(?:istrator)?|root|demo|guest|login|token|client|server|access|api|key|auth|value|string|private|public|dev|prod|local|my|foo|bar|baz|qux|abc|xyz|hello|world|welcome|letmein|qwerty|super|new|old|wrong|correct|invalid|valid|bad|good|some|initial|temp|hash|salt|signature|encrypted|plain|text|database|postgres|mysql|mongo|redis)(?![a-z])|password|username|administrator|example|testing|(?:some|test|demo|your|this|that|wrong|invalid|valid)(?=[^a-z]|key|token|pass)/g;

/** Bits a character that no words, however abbreviated, have. */
const RANDOM_BITS = 3.5;

const WEAK_BITS = 18;
const CLEAR_BITS = 28;

export interface Strength {
  /** Bits of all but manuals' words. */
  bits: number;
  /** Of those characters. */
  perCharacter: number;
  lower: boolean;
  upper: boolean;
  digit: boolean;
  /** Marks other than the separators of names. */
  mark: boolean;
  /** Whether a manual's word was left out. */
  manual: boolean;
}

/** `p4ssw0rd`, `s3cr3t`: digits and marks that stand for a letter, between letters. */
function unleet(folded: string): string {
  return folded.replace(/(?<=[a-z])[013457@$](?=[a-z])/g, (mark) => LEET[mark] ?? mark);
}

const LEET: Record<string, string> = { 0: "o", 1: "i", 3: "e", 4: "a", 5: "s", 7: "t", "@": "a", $: "s" };

/** How much of a value is measured: enough to decide, and what bounds the work at a keyword. */
const MEASURED = 128;

let last: { value: string; strength: Strength } | undefined;

/** The strength of a value. The last one is kept: one value is asked about more than once. */
export function strengthOf(value: string): Strength {
  if (last?.value !== value) last = { value, strength: measure(value) };
  return last.strength;
}

function measure(value: string): Strength {
  const text = value.slice(0, MEASURED);
  let lower = false;
  let upper = false;
  let digit = false;
  let mark = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 97 && code <= 122) lower = true;
    else if (code >= 65 && code <= 90) upper = true;
    else if (code >= 48 && code <= 57) digit = true;
    else if (!" -_./:,=+".includes(text[at]!)) mark = true;
  }
  // Words are found in lower case, and cut out of the text as it is written.
  const folded = unleet(text.toLowerCase());
  let rest = "";
  let from = 0;
  MANUAL_WORDS.lastIndex = 0;
  for (const match of folded.matchAll(MANUAL_WORDS)) {
    rest += text.slice(from, match.index);
    from = match.index + match[0].length;
  }
  rest += text.slice(from);
  const bits = randomnessBits(rest);
  return {
    bits,
    perCharacter: rest.length === 0 ? 0 : bits / rest.length,
    lower,
    upper,
    digit,
    mark,
    manual: from > 0,
  };
}

/** Pieces of a value: at separators, at changes of case, at digits. */
const PIECE = /[A-Z]{1,40}(?![a-z])|[A-Z]?[a-z]{1,60}|\d{1,40}|[^A-Za-z\d]/g;

/** Bits a letter from which a piece no longer reads as a word; English has about 2.3, random letters 3.8. */
const WORD_BITS = 3.15;

/**
 * Whether every piece of a value reads as a word, an abbreviation or a short
 * number, as identifiers, labels and types do.
 */
export function isWords(whole: string): boolean {
  const value = whole.slice(0, MEASURED);
  const pieces = value.match(PIECE) ?? [];
  let letters = 0;
  let digits = 0;
  let odd = 0;
  let count = 0;
  for (const piece of pieces) {
    const code = piece.charCodeAt(0);
    if (code >= 48 && code <= 57) {
      digits += piece.length;
      count++;
      if (piece.length > 4 && !/^(?:19|20)\d{6}$/.test(piece)) odd += piece.length;
      continue;
    }
    if (!/[A-Za-z]/.test(piece)) continue;
    count++;
    letters += piece.length;
    if (piece.length <= 3) {
      // One short piece is an abbreviation; a random text has many of them.
      odd += 0.35 * piece.length;
      continue;
    }
    if (randomnessBits(piece.toLowerCase()) > WORD_BITS * piece.length) odd += piece.length;
  }
  // Numbers within words, again and again: chance puts them so.
  if ((value.match(/[a-z]\d{1,3}(?=[a-z])/gi) ?? []).length >= 3) return false;
  // Marks that names do not have, all over the text.
  if ((value.match(/[^A-Za-z\d\s\-_./:,=+]/g) ?? []).length * 6 >= value.length && value.length >= 10) return false;
  const all = letters + digits;
  if (all === 0) return true;
  // Random base62 changes class at every second character: its pieces are short.
  const average = all / Math.max(1, count);
  if ((all >= 16 && average < 3) || (all >= 12 && average < 2.6) || (all >= 8 && average < 2.1)) return false;
  return odd <= 0.3 * all && digits <= 0.34 * all;
}

/** Lower-case hex or upper-case hex of a digest's or a key's length. */
function isHex(value: string): boolean {
  return /^(?:[0-9a-f]{16,128}|[0-9A-F]{16,128})$/.test(value);
}

/** Whether a value is opaque: made by a machine, of many bits. */
export function isOpaque(value: string, least: number): boolean {
  if (value.length < least) return false;
  const { bits, perCharacter, digit, lower, upper } = strengthOf(value);
  if (isHex(value)) return digit && bits >= 2.3 * Math.min(value.length, MEASURED);
  if (!digit && !(lower && upper)) return value.length >= 14 && perCharacter >= 3.4 && !isWords(value);
  if (bits < 3 * least || perCharacter < 2.7) return false;
  return (perCharacter >= RANDOM_BITS && value.length >= 12) || !isWords(value);
}

/** Text that base64 hides: `bm90IG15IHBhc3N3b3Jk`; undefined where what it decodes to is no text. */
export function decodedText(value: string): string | undefined {
  if (value.length < 12 || value.length % 4 !== 0 || !/^[A-Za-z0-9+/]{8,510}={0,2}$/.test(value)) return undefined;
  const text = Buffer.from(value, "base64").toString("latin1");
  return /^[\x20-\x7e\r\n\t]{4,}$/.test(text) ? text.trim() : undefined;
}

export interface ValueContext {
  kind: NameKind;
  /** Whether the value stands in quotes, or alone to the end of a configuration's line. */
  literal: boolean;
  /** Whether name and value are compared or passed rather than assigned. */
  loose: boolean;
  /** Whether the name's last word is `key`. */
  key?: boolean;
  /** Whether the name says that it is an example's or a test's. */
  test: boolean;
}

/**
 * The severity of a value beside a telling name; undefined where it is no secret.
 *
 * A value that a person chose is an error where it is clearly none of a manual's
 * and hard to guess, a warning where it could be; an opaque value is an error.
 */
export function assess(value: string, context: ValueContext): Severity | undefined {
  if (value.length < 6 || value.length > 512) return undefined;
  if (isSomethingElse(value)) return undefined;
  if (/[\x00-\x1f\x7f]/.test(value)) return undefined;
  if (isTemplated(value) && (/[{(]/.test(value) || !isNoise(value))) return undefined;
  const decoded = decodedText(value);
  if (decoded !== undefined && decoded !== value) {
    if (isSomethingElse(decoded)) return undefined;
    if (decoded.includes(" ") && decoded.length >= 20 && !strengthOf(decoded).manual) return "warning";
    // `user:password` is the usual thing to hide so: only its password counts.
    const password = decoded.slice(decoded.indexOf(":") + 1);
    return assess(password, { ...context, kind: "password", literal: true });
  }
  const { kind } = context;
  const spaces = value.split(" ").length - 1;
  if (kind === "password" && !context.loose) {
    if (spaces > 0) return assessPhrase(value, spaces, context);
    if (readsAsCode(value)) return undefined;
    return assessPassword(value, context);
  }
  if (readsAsCode(value)) return undefined;
  // The salts of WordPress hold blanks among their marks; sentences have fewer bits.
  if (spaces > 0 && !(value.length >= 32 && value.length / spaces > 6 && strengthOf(value).perCharacter >= 3.2))
    return undefined;
  const least = kind === "hint" ? 20 : 10;
  if (!isOpaque(value, least)) {
    return kind === "secret" && context.literal && !context.loose ? assessMade(value, context) : undefined;
  }
  if (
    kind === "hint" &&
    (!/^[A-Za-z0-9+/_=.-]+$/.test(value) ||
      (isHex(value) && (value.length < 32 || !context.key)) ||
      strengthOf(value).perCharacter < 3.2)
  )
    return undefined;
  return context.test ? "warning" : "error";
}

/** Whether a value reads as code and is neither noise nor a token with dots in it (`ya29.…`). */
function readsAsCode(value: string): boolean {
  if (!isCode(value) || isNoise(value)) return false;
  return !(/^[\w.-]{20,512}$/.test(value) && strengthOf(value).perCharacter >= 3.3 && !isWords(value));
}

/** All four classes and as many bits as chance gives: whatever it resembles, nobody wrote it as code. */
function isNoise(value: string): boolean {
  const { perCharacter, lower, upper, digit, mark } = strengthOf(value);
  return perCharacter >= 3.4 && value.length >= 8 && lower && upper && digit && mark && !/[\s"'`]/.test(value);
}

/** A password as a person makes one. */
function assessPassword(value: string, { literal, test }: ValueContext): Severity | undefined {
  const { bits, perCharacter, lower, upper, digit, mark, manual } = strengthOf(value);
  const classes = Number(lower) + Number(upper) + Number(digit) + Number(mark);
  const letters = lower || upper;
  // Letters alone are a word, a label, a variable, unless no language has such a word.
  if (!digit && !mark) {
    if (!letters || value.length < 10 || perCharacter < 3.3 || isWords(value)) return undefined;
    return bits >= 40 ? (test ? "warning" : "error") : undefined;
  }
  if (!letters) return digit && mark && bits >= CLEAR_BITS && value.length >= 8 ? "warning" : undefined;
  if (bits < WEAK_BITS || perCharacter < 1.9) {
    // A manual's word with all four classes around it, as rules for passwords ask for: the first guess of anybody, and in use.
    return classes === 4 && value.length >= 9 && literal && !test && /[A-Za-z]{3}/.test(value) ? "warning" : undefined;
  }
  if (/[-_./: ]/.test(value) && !mark && isWords(value)) return undefined;
  if (!literal && classes < 3 && isWords(value)) return undefined;
  // A word, a year and a mark: what a person types who is told to use all three.
  const word = /^([A-Za-z]{3,16})[-_.@#!$]?\d{1,4}[!?.#@$*]{0,2}$/.exec(value)?.[1];
  if (word !== undefined && isWords(word) && randomnessBits(word) < 3 * word.length) return "warning";
  const clear =
    bits >= CLEAR_BITS && isStrongValue(value) && !manual && (classes >= 3 || perCharacter >= 3 || !isWords(value));
  return clear && !test ? "error" : "warning";
}

/** Words with spaces: a passphrase of a manual or a sentence, unless digits and marks say that neither is meant. */
function assessPhrase(value: string, spaces: number, { literal, test }: ValueContext): Severity | undefined {
  if (!literal || value.length < 12) return undefined;
  // A Google app password: four groups of four letters.
  if (/^[a-z]{4}(?: [a-z]{4}){3}$/.test(value))
    return strengthOf(value).perCharacter >= 2.9 ? (test ? "warning" : "error") : undefined;
  const pieces = value.split(" ");
  const odd = pieces.filter((piece) => piece.length >= 6 && isOpaque(piece, 6)).length;
  return spaces <= 3 && odd * 2 > pieces.length ? "warning" : undefined;
}

/** A secret that a person made up: `s3cr3t-s4uce-99`. Found with a warning where it mixes classes. */
function assessMade(value: string, _context: ValueContext): Severity | undefined {
  const { bits, perCharacter, lower, upper, digit, mark } = strengthOf(value);
  const classes = Number(lower) + Number(upper) + Number(digit) + Number(mark);
  if (value.length < 8 || isWords(value) || !(classes >= 3 || (mark && bits >= 2 * CLEAR_BITS))) return undefined;
  return bits >= CLEAR_BITS && perCharacter >= (mark ? 2.1 : 2.4) ? "warning" : undefined;
}
