/**
 * The shape of a rule: data, read by the engine.
 *
 * A rule starts at a keyword, a literal that every match begins with. The
 * engine finds keywords of all rules in one pass and then asks, cheapest
 * question first: is the case right, does a token begin here, are the next
 * `minLength` bytes of the rule's class; and only then runs the pattern,
 * anchored at the keyword, over a window of `window` bytes. A pattern must
 * have bounded quantifiers only: the window bounds its input, the bounds its
 * work.
 */
import type { Severity } from "../formation/problem.ts";

/** A source of whole numbers in [0, below), so that tests decide what is drawn. */
export type Random = (below: number) => number;

/** Classes of bytes that a token's body is made of. */
export type ByteClass =
  | "digit"
  | "hex"
  | "lower-alnum"
  | "upper-alnum"
  | "alnum"
  | "word" /* alnum and _ */
  | "url64" /* word and - */
  | "base64" /* alnum + / = */
  | "printable"; /* any but space, quotes and controls */

export interface Rule {
  id: string;
  /** Who issued it, as a person names them. */
  provider: string;
  /** What it says instead of a sentence about provider and access. */
  message?: string;
  /** What it gives access to, to complete "gives access to …". */
  opens: string;
  /** Literals that a match begins with; ASCII. Compared exactly unless `ignoreCase`. */
  keywords: readonly string[];
  ignoreCase?: boolean;
  /**
   * Source of the regular expression, from the keyword on, over bytes read as
   * latin1. Group 1, where there is one, is the secret; else the whole match.
   */
  pattern: string;
  /** Class of the bytes that follow the keyword, and how many of them at least. */
  class?: ByteClass;
  minLength?: number;
  /** For a large window: a pattern that the first 128 bytes must match before the window is read. */
  opening?: string;
  /** How many bytes before the keyword the pattern may look back at (with a look-behind). 0 when absent. */
  before?: number;
  /** How many bytes from the keyword on a match may span. 512 when absent. */
  window?: number;
  /** "word" (the default): the byte before the keyword must not continue a word. */
  boundary?: "word" | "none";
  /** Bits of randomness a character of the secret must have; see randomness.ts. 0 turns the measure off. */
  bitsPerCharacter?: number;
  /** Offline check of the secret. A wrong one makes the finding a warning: formats change, examples have none. */
  checksum?: (secret: string) => boolean;
  /** Structure check that drops what is something else. */
  verify?: (secret: string, match: string) => boolean;
  severity: Severity;
  /** Found by a name near an opaque value rather than by its own form: any other finding on the span wins. */
  generic?: boolean;
  /** A true example, made at run time. */
  example(random: Random): string;
  /** What looks alike and is none; stays silent. */
  nearMisses(random: Random): string[];
  /** The vendor's page about it. */
  source: string;
  /** What to do about it, where there is more to say than "move it to secrets.enc". */
  fix?: string;
}

export const DIGITS = "0123456789";
export const LOWER = "abcdefghijklmnopqrstuvwxyz";
export const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
export const BASE62 = DIGITS + UPPER + LOWER;
export const URL64 = `${BASE62}-_`;
export const HEX = "0123456789abcdef";
export const BASE32 = `${UPPER}234567`;

/** `length` characters drawn from an alphabet. */
export function draw(random: Random, alphabet: string, length: number): string {
  let text = "";
  for (let i = 0; i < length; i++) text += alphabet[random(alphabet.length)];
  return text;
}
