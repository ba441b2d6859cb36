/**
 * `muxi-git.json` at the root of a repository. JSON, because a hook has no time
 * to load a parser for anything else.
 *
 * Empty file, not UTF-8, not JSON, an unknown key, a wrong type: an error with
 * the line. A loosened setting counts like any other and is shown in the commit
 * and the review ({@link loosenedSettings}).
 */
import { MuxiGitError } from "./errors.ts";
import { isLeak, PROBLEM_CODES, type ProblemCode, type Severity } from "./formation/problem.ts";

export const SETTINGS_FILE = "muxi-git.json";

export interface Settings {
  /** Names whose values are no secrets (a host, a user name): exempt from the search for known values. */
  publicNames: string[];
  /** Globs of paths where rules are not applied; never keys, known values or plaintext secrets files. */
  ignore: string[];
  /** Severities other than the defaults; a leak's cannot be changed. */
  severities: Partial<Record<ProblemCode, Severity | "off">>;
}

export const DEFAULT_SETTINGS: Settings = { publicNames: [], ignore: [], severities: {} };

const KEYS = ["$schema", "publicNames", "ignore", "severities"];
const SEVERITIES = ["error", "warning", "note", "off"] as const;
/** micromatch took 30 s on a pattern of eight stars against 60 characters. */
const MAX_GLOB_LENGTH = 256;
const MAX_STARS_IN_SEGMENT = 3;

/** @throws MuxiGitError `settings` with the line. */
export function parseSettings(bytes: Uint8Array): Settings {
  const text = new TextDecoder("utf-8", { ignoreBOM: false }).decode(bytes);
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    const position = /position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
    throw invalid(text, position === undefined ? text.length : Number(position), "is not valid JSON");
  }
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw invalid(text, 0, "is no JSON object");
  }
  const settings: Settings = { publicNames: [], ignore: [], severities: {} };
  for (const [key, value] of Object.entries(data)) {
    const at = text.indexOf(JSON.stringify(key));
    if (!KEYS.includes(key)) throw invalid(text, at, `has an unknown setting '${key}' (known: ${KEYS.join(", ")})`);
    if (key === "publicNames") settings.publicNames = strings(text, at, key, value);
    if (key === "ignore") {
      settings.ignore = strings(text, at, key, value);
      for (const glob of settings.ignore) assertGlob(text, glob);
    }
    if (key === "severities") settings.severities = severities(text, at, value);
  }
  return settings;
}

function strings(text: string, at: number, key: string, value: unknown): string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string" && item !== "")) {
    throw invalid(text, at, `has a '${key}' that is no list of strings`);
  }
  return value as string[];
}

function severities(text: string, at: number, value: unknown): Settings["severities"] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(text, at, "has a 'severities' that is no object");
  }
  const result: Settings["severities"] = {};
  for (const [given, severity] of Object.entries(value)) {
    const where = Math.max(0, text.indexOf(JSON.stringify(given), at));
    const code = PROBLEM_CODES.find((known) => known === given);
    if (code === undefined) throw invalid(text, where, `names an unknown problem '${given}'`);
    if (isLeak(code)) throw invalid(text, where, `cannot change the severity of '${code}': it is a leak`);
    const chosen = SEVERITIES.find((known) => known === severity);
    if (chosen === undefined)
      throw invalid(text, where, `gives '${code}' a severity that is none of ${SEVERITIES.join(", ")}`);
    result[code] = chosen;
  }
  return result;
}

function assertGlob(text: string, glob: string): void {
  const tooMany = glob.split("/").some((segment) => segment.split("*").length - 1 > MAX_STARS_IN_SEGMENT);
  if (glob.length > MAX_GLOB_LENGTH || tooMany) {
    throw invalid(
      text,
      Math.max(0, text.indexOf(JSON.stringify(glob))),
      `has a glob of more than ${MAX_GLOB_LENGTH} characters or more than ${MAX_STARS_IN_SEGMENT} stars in a segment`,
    );
  }
}

function invalid(text: string, at: number, what: string): MuxiGitError {
  const line = text.slice(0, at).split("\n").length;
  return new MuxiGitError("settings", `'${SETTINGS_FILE}' line ${line} ${what}`, {
    hint: `mend the line, then: git add -- ${SETTINGS_FILE}`,
  });
}

const RANK = { off: 0, note: 1, warning: 2, error: 3 } as const;

/** What `after` lets through that `before` did not, one phrase each. */
export function loosenedSettings(
  before: Settings,
  after: Settings,
  defaultSeverity: (code: ProblemCode) => Severity,
): string[] {
  const loosened: string[] = [];
  const publicBefore = new Set(before.publicNames);
  for (const name of after.publicNames) {
    if (!publicBefore.has(name)) loosened.push(`the value of '${name}' is declared public`);
  }
  const ignoredBefore = new Set(before.ignore);
  for (const glob of after.ignore) {
    if (!ignoredBefore.has(glob)) loosened.push(`rules no longer apply to '${glob}'`);
  }
  for (const code of PROBLEM_CODES) {
    const old = before.severities[code] ?? defaultSeverity(code);
    const now = after.severities[code] ?? defaultSeverity(code);
    if (RANK[now] < RANK[old]) loosened.push(`'${code}' is now ${now === "off" ? "off" : `a ${now}`}`);
  }
  return loosened;
}
