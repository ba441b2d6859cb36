/**
 * What is already wrong in the last commit: told once at install and by status,
 * never held against a later commit.
 */
import { findFormations } from "../formation/discover.ts";
import { checkFormation } from "../formation/drift.ts";
import { openBlobReader } from "../git/cat-file.ts";
import { findGitPlaces } from "../git/git-dir.ts";
import { tryGit } from "../git/run.ts";
import { readTree } from "../git/snapshot.ts";
import { isDotenvPath } from "../scan/dotenv.ts";
import { createScanner } from "../scan/engine.ts";
import { isKeyPath, isMemoryDatabasePath } from "../scan/paths.ts";
import { escapeText } from "../terminal.ts";
import { Keyring, readFormation } from "./formation-state.ts";
import { judgeFile } from "./judge-file.ts";

export interface Audit {
  /** One sentence each, without a full stop: `path: what`. */
  lines: string[];
}

/** Read HEAD; before the first commit nothing is wrong yet. */
export async function auditHead(topLevel: string): Promise<Audit> {
  const cwd = topLevel;
  if (tryGit(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], { cwd }).code !== 0) return { lines: [] };
  const reader = openBlobReader(topLevel);
  try {
    const head = readTree("HEAD", reader, topLevel);
    const formations = findFormations(head.entries.keys());
    const paths = formations.map((formation) => formation.path);
    const scanner = createScanner();
    const lines: string[] = [];
    for (const [path, { mode }] of head.entries) {
      if (!isKeyPath(path) && !isDotenvPath(path) && !isMemoryDatabasePath(path, paths)) continue;
      const bytes = await head.read(path);
      if (bytes === null) continue;
      const { findings } = judgeFile(scanner, { path, mode, bytes, formations: paths, rulesApply: true });
      for (const finding of findings) {
        if (finding.severity === "error")
          lines.push(`${escapeText(path)}:${finding.line}: ${escapeText(finding.message)}`);
      }
    }
    const keyring = new Keyring(topLevel, findGitPlaces(topLevel));
    for (const formation of formations) {
      const keys = keyring.keysFor(formation.path);
      const { state } = await readFormation(head, formation, keyring.stateFor(formation.path), keys);
      for (const problem of checkFormation(state, "commit")) {
        if (problem.severity !== "error") continue;
        lines.push(
          `${escapeText(problem.path)}${problem.line === undefined ? "" : `:${problem.line}`}: ${escapeText(problem.message)}`,
        );
      }
    }
    return { lines };
  } finally {
    reader.close();
  }
}
