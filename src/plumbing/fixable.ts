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

/** @param holdsSecrets - whether the formation has a secrets.enc, which only its own key opens. */
export function fixCommand(id: string, formation: string, keyring: Keyring, holdsSecrets: boolean): string {
  const command = tool(`fix ${id}`);
  if (!holdsSecrets || keyring.of(formation).state === "ok") return command;
  return handThen(`put the formation's key into ${pathWord(fileIn(formation, ".key"))}`, command);
}

/** `fix` in place of what a hand would do, for what it mends. */
export function withFixCommands(
  findings: readonly { finding: Finding; fingerprint: string }[],
  problems: readonly Problem[],
  {
    salt,
    formations,
    keyring,
    has,
  }: {
    salt: string;
    formations: readonly string[];
    keyring: Keyring;
    has: (path: string) => boolean;
  },
): { findings: { finding: Finding; fingerprint: string }[]; problems: Problem[] } {
  const command = (id: string, formation: string) => fixCommand(id, formation, keyring, has(encryptedPath(formation)));
  return {
    findings: findings.map((one) => {
      const formation = formationToFix(one.finding, formations);
      if (formation === undefined) return one;
      return { ...one, finding: { ...one.finding, fix: command(one.fingerprint, formation) } };
    }),
    problems: problems.map((problem) => {
      const id = problemFingerprint(problem, salt);
      return id === null ? problem : { ...problem, fix: command(id, problem.formation) };
    }),
  };
}
