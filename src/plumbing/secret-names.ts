/** Files that are named after a secret: a name goes wherever the content goes, and must not be printed. */
import { encodePath } from "../git/entries.ts";
import { handThen } from "../invocation.ts";
import type { Scanner } from "../scan/engine.ts";
import type { Finding } from "../scan/finding.ts";
import type { FileVerdict } from "./judge-file.ts";

/** What stands for a path that must not be printed. */
const HIDDEN_PATH = "(a file whose name holds a secret)";

const RENAME = handThen("give the file another name with 'git mv', or take it out of the index", "git status --short");

/** The secrets that a path itself holds. */
export function namedAfterSecrets(scanner: Scanner, path: string): Finding[] {
  return scanner
    .scan(path, encodePath(path))
    .filter((finding) => finding.severity === "error")
    .map((finding) => ({
      ...finding,
      path: HIDDEN_PATH,
      line: 1,
      column: 1,
      endLine: 1,
      endColumn: 1,
      message: `in the file's name: ${finding.message}`,
      fix: RENAME,
    }));
}

/** A path as it may be printed. */
export function shownPath(scanner: Scanner, path: string): string {
  return namedAfterSecrets(scanner, path).length > 0 ? HIDDEN_PATH : path;
}

/** What was found in a file, without its name where that is a secret: neither place nor fix nor note may tell it. */
export function withoutSecretName(scanner: Scanner, path: string, verdict: FileVerdict): FileVerdict {
  const { findings, allowed, idle } = verdict;
  if (findings.length + allowed.length + idle.length === 0 || shownPath(scanner, path) === path) return verdict;
  return {
    findings: findings.map((finding) => ({ ...finding, path: HIDDEN_PATH, fix: RENAME })),
    allowed: allowed.map(({ finding, line, reason }) => ({
      finding: { ...finding, path: HIDDEN_PATH },
      line,
      reason: reason.replaceAll(path, () => HIDDEN_PATH),
    })),
    idle: idle.map((one) => ({ ...one, path: HIDDEN_PATH })),
  };
}
