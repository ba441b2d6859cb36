/**
 * Rules that a repository makes itself or switches off (`rules` of muxi-git.json).
 *
 * A regular expression of a stranger's repository must not cost more than a
 * rule of ours: {@link patternFault} counts in how many ways it can match, which
 * bounds how often the engine goes back, and refuses what is unbounded. It
 * reads a part of the syntax (ECMA-262, "Patterns") and refuses the rest.
 *
 * Known values and keys are no rules of the table: nothing here reaches them.
 * What a rule loses at a path is settled before findings that overlap are, so it
 * hides no known value either.
 */
import type { Severity } from "../formation/problem.ts";
import type { Rule } from "./rule.ts";

export interface CustomRule {
  id: string;
  /** From the keyword on; group 1, where there is one, is the secret. */
  pattern: string;
  keywords: string[];
  severity: Severity;
  message: string;
}

/** Another severity of rules at some paths. */
export interface PathSeverity {
  /** Globs. */
  paths: string[];
  /** Identities; null: all rules. */
  rules: string[] | null;
  severity: Severity | "off";
  reason: string;
}

export interface RuleSettings {
  /** Reasons by rule. */
  off: Record<string, string>;
  custom: CustomRule[];
  /** Of those that say something of a rule at a path, the last counts. */
  severities: PathSeverity[];
}

/** The severity of a rule's finding at one path, given the rule's own. */
export type SeverityOf = (rule: string, usual: Severity) => Severity | "off";

/** No rule of ours, now or later, begins like that. */
export const CUSTOM_ID = "^custom-[a-z0-9]+(?:-[a-z0-9]+){0,8}$";
/** A rule that can be switched off: not what finds keys and known values. */
export const OFF_ID =
  "^(?!known-value$|known-key$|key-file$|key-content$|too-many-findings$|too-much-to-compare$)[a-z0-9]+(?:-[a-z0-9]+){0,8}$";
/** Printable ASCII. */
export const KEYWORD = "^[!-~]{3,64}$";
export const MAX_PATTERN_LENGTH = 512;
export const MAX_CUSTOM_RULES = 100;
export const MAX_PATH_SEVERITIES = 100;
export const MAX_MESSAGE_LENGTH = 200;

/** In how many ways a pattern may match at one place. */
const MOST_WAYS = 2000;
const MOST_REPEATS = 1000;

/** What a scanner is told of a repository's own rules. */
export function rulesUnder({ off, custom }: Pick<RuleSettings, "off" | "custom">): {
  off?: ReadonlySet<string>;
  more?: readonly Rule[];
} {
  const names = Object.keys(off);
  return {
    ...(names.length > 0 ? { off: new Set(names) } : {}),
    ...(custom.length > 0 ? { more: custom.map(ruleOf) } : {}),
  };
}

function ruleOf({ id, pattern, keywords, severity, message }: CustomRule): Rule {
  return {
    id,
    provider: message,
    opens: "",
    message,
    keywords,
    pattern,
    // What the repository calls a secret is one, random or not.
    bitsPerCharacter: 0,
    severity,
    example: () => "",
    nearMisses: () => [],
    source: "muxi-git.json",
  };
}

/** What is wrong with a pattern, to complete "has a pattern that …"; null where nothing is. */
export function patternFault(pattern: string): string | null {
  if (pattern === "") return "is empty";
  if (pattern.length > MAX_PATTERN_LENGTH) return `has more than ${MAX_PATTERN_LENGTH} characters`;
  try {
    const ways = new Pattern(pattern).ways();
    if (ways > MOST_WAYS) return `can match in more than ${MOST_WAYS} ways; narrow its quantifiers`;
    return new RegExp(pattern, "y").test("") ? "matches where nothing stands" : null;
  } catch (error) {
    // The engine's own message repeats the pattern.
    return error instanceof PatternFault ? error.message : "is no regular expression";
  }
}

class PatternFault extends Error {}

class Pattern {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  ways(): number {
    const ways = this.#alternatives();
    if (this.#at < this.#text.length) throw new PatternFault("closes a group that is not open");
    return ways;
  }

  /** Alternatives add up, what follows one another multiplies. */
  #alternatives(): number {
    this.#depth += 1;
    if (this.#depth > 10) throw new PatternFault("nests more than 10 groups");
    let sum = 0;
    let product = 1;
    while (this.#at < this.#text.length && this.#text[this.#at] !== ")") {
      if (this.#text[this.#at] === "|") {
        this.#at += 1;
        sum += product;
        product = 1;
      } else product *= this.#term();
    }
    this.#depth -= 1;
    return sum + product;
  }

  #term(): number {
    const ways = this.#atom();
    const rest = this.#text.slice(this.#at, this.#at + 16);
    if (rest.startsWith("*") || rest.startsWith("+") || /^\{\d+,\}/.test(rest)) {
      throw new PatternFault("has an unbounded quantifier ('*', '+', '{n,}'); write '{n,m}'");
    }
    const quantifier = /^(?:\?|\{(\d{1,4})(?:,(\d{1,4}))?\})\??/.exec(rest);
    if (quantifier === null) {
      if (rest.startsWith("{")) throw new PatternFault("has a '{' that is no quantifier; write '\\{'");
      return ways;
    }
    this.#at += quantifier[0].length;
    const least = quantifier[1] === undefined ? 0 : Number(quantifier[1]);
    const most = quantifier[1] === undefined ? 1 : Number(quantifier[2] ?? quantifier[1]);
    if (most > MOST_REPEATS) throw new PatternFault(`repeats more than ${MOST_REPEATS} times`);
    return Math.max(1, most - least + 1) * ways ** most;
  }

  #atom(): number {
    const character = this.#text[this.#at]!;
    this.#at += 1;
    if (character === "(") return this.#group();
    if (character === "[") this.#class();
    else if (character === "\\") this.#escape();
    else if ("*+?{".includes(character)) throw new PatternFault("has a quantifier with nothing before it");
    return 1;
  }

  #group(): number {
    const opening = /^(?:\?(?::|=|!|<=|<!))?/.exec(this.#text.slice(this.#at, this.#at + 3))?.[0] ?? "";
    this.#at += opening.length;
    if (opening === "" && this.#text[this.#at] === "?") throw new PatternFault("names a group; write '(…)' or '(?:…)'");
    const ways = this.#alternatives();
    if (this.#text[this.#at] !== ")") throw new PatternFault("does not close a group");
    this.#at += 1;
    return ways;
  }

  #class(): void {
    for (; this.#at < this.#text.length; this.#at += 1) {
      if (this.#text[this.#at] === "\\") this.#at += 1;
      else if (this.#text[this.#at] === "]") {
        this.#at += 1;
        return;
      }
    }
    throw new PatternFault("does not close a class");
  }

  #escape(): void {
    const next = this.#text[this.#at] ?? "";
    if (/[1-9k]/.test(next)) throw new PatternFault("has a backreference");
    if (next === "" || /[A-Za-z0]/.test(next.replace(/[wWdDsSbBtnrfvx]/, ""))) {
      throw new PatternFault("has an escape that is not known here");
    }
    this.#at += 1;
  }
}
