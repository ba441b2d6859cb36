/**
 * A check's problems are data. Codes, severities and their meaning: the table
 * in the README, "What is checked".
 */

export type Severity = "error" | "warning" | "note";

/** Which of the two defaults counts: honest work is not blocked on a value nobody has yet. */
export type Occasion = "commit" | "check";

/** `[at commit, at check]`; `leak` codes keep their severity whatever the settings say. */
const TABLE = {
  "not-encrypted": { commit: "error", check: "error", leak: true },
  "template-value": { commit: "error", check: "error", leak: true },
  // MUXI reads UTF-8; a template in another encoding has no names for it.
  "template-unreadable": { commit: "error", check: "error", leak: false },
  "conflict-markers": { commit: "error", check: "error", leak: false },
  "merge-unresolved": { commit: "error", check: "error", leak: false },
  damaged: { commit: "error", check: "error", leak: false },
  "key-changed": { commit: "error", check: "error", leak: false },
  "value-dropped": { commit: "error", check: "error", leak: false },
  "name-not-in-template": { commit: "error", check: "error", leak: false },
  "reference-not-in-template": { commit: "error", check: "error", leak: false },
  "reference-never-substituted": { commit: "error", check: "error", leak: false },
  "name-not-normalised": { commit: "error", check: "error", leak: false },
  "name-without-value": { commit: "warning", check: "error", leak: false },
  "reference-without-value": { commit: "warning", check: "error", leak: false },
  "name-unreferenced": { commit: "note", check: "warning", leak: false },
  "value-not-string": { commit: "warning", check: "warning", leak: false },
  "value-with-backslash": { commit: "warning", check: "warning", leak: false },
  "hex-key": { commit: "warning", check: "warning", leak: false },
  "name-not-descriptive": { commit: "note", check: "note", leak: false },
  "not-canonical": { commit: "note", check: "note", leak: false },
  "key-missing": { commit: "note", check: "note", leak: false },
} as const satisfies Record<string, { commit: Severity; check: Severity; leak: boolean }>;

export type ProblemCode = keyof typeof TABLE;

export const PROBLEM_CODES = Object.keys(TABLE) as ProblemCode[];

/**
 * SHA-256 of the value that a leak shows, so that another value on the same line is another problem. A symbol, so that
 * no JSON holds it: a digest of a short value can be guessed back.
 */
export const VALUE_ID = Symbol("value id");

export interface Problem {
  code: ProblemCode;
  severity: Severity;
  /** Repository path of the formation's folder, `""` for the root. */
  formation: string;
  /** Repository path of the file the problem stands in. */
  path: string;
  /** From 1, where the problem has a line. */
  line?: number;
  /** The secret name concerned. Never a value. */
  name?: string;
  message: string;
  /** What to type or do. */
  fix: string;
  readonly [VALUE_ID]?: string;
}

export function isLeak(code: ProblemCode): boolean {
  return TABLE[code].leak;
}

export function severityOf(code: ProblemCode, occasion: Occasion): Severity {
  return TABLE[code][occasion];
}
