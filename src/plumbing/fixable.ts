/** Which findings and problems `fix` mends, and the command for one: what a block ends with. */
import { fileIn } from "../formation/discover.ts";
import { type Problem, VALUE_ID } from "../formation/problem.ts";
import { handThen, pathWord, tool } from "../invocation.ts";
import { fingerprint } from "../scan/baseline.ts";
import type { Finding } from "../scan/finding.ts";
import type { Keyring } from "./formation-state.ts";
import { formationReading } from "./judge-file.ts";
import { encryptedPath } from "./known.ts";

const KINDS: ReadonlySet<Finding["kind"]> = new Set(["literal", "token", "known-value"]);

/** The formation into whose secrets.enc a finding's value can be moved; undefined where a hand must mend it. */
export function formationToFix({ kind, path }: Finding, formations: readonly string[]): string | undefined {
  return KINDS.has(kind) ? formationReading(path, formations) : undefined;
}

/** Of a value in a template, as if a rule had found it; null for another problem. */
export function problemFingerprint(problem: Problem, salt: string): string | null {
  const { code, path, name } = problem;
  const secretId = problem[VALUE_ID];
  if (code !== "template-value" || name === undefined || secretId === undefined) return null;
  return fingerprint(salt, { rule: code, path, secretId });
}

/** What decides whether `fix` can be named, and how. */
export interface FixContext {
  /** Of fingerprints. */
  salt: string;
  /** Repository paths of all formations. */
  formations: readonly string[];
  keyring: Keyring;
  /** Whether there is such a file. A formation that has a secrets.enc needs its own key. */
  has: (path: string) => boolean;
}

/** What mends a finding where its file is staged or checked out: `fix`, else what a hand does. */
export function fixOfFinding(finding: Finding, context: FixContext): string {
  const formation = formationToFix(finding, context.formations);
  return formation === undefined ? finding.fix : command(fingerprint(context.salt, finding), formation, context);
}

/** The same of a formation's problem. */
export function fixOfProblem(problem: Problem, context: FixContext): string {
  const id = problemFingerprint(problem, context.salt);
  return id === null ? problem.fix : command(id, problem.formation, context);
}

function command(id: string, formation: string, { keyring, has }: FixContext): string {
  const fix = tool(`fix ${id}`);
  if (!has(encryptedPath(formation)) || keyring.of(formation).state === "ok") return fix;
  return handThen(`put the formation's key into ${pathWord(fileIn(formation, ".key"))}`, fix);
}
