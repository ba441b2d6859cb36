/**
 * What is already wrong in the last commit: told once at install and by status,
 * never held against a later commit.
 *
 * Kept cheap: files that should not be tracked by their name, and formations.
 * Values and tokens in other files are `scan`'s to find.
 */

import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { findFormations } from "../formation/discover.ts";
import { problemsOf } from "../formation/severity.ts";
import { openBlobReader } from "../git/cat-file.ts";
import { findGitPlaces } from "../git/git-dir.ts";
import { findCommit } from "../git/ranges.ts";
import { readTree, type Snapshot } from "../git/snapshot.ts";
import { type Baseline, canBeAccepted, EMPTY_BASELINE, fingerprint, isAccepted } from "../scan/baseline.ts";
import { isDotenvPath } from "../scan/dotenv.ts";
import { isKeyPath, isMemoryDatabasePath } from "../scan/paths.ts";
import { DEFAULT_SETTINGS, outdatedProblem, type Settings } from "../settings.ts";
import { baselineOf, rulesByPath, scannerUnder, settingsOf } from "./configuration.ts";
import { Keyring, readFormation } from "./formation-state.ts";
import { judgeFile } from "./judge-file.ts";

/** Something wrong in HEAD. */
export interface AuditProblem {
  /** The finding's rule or the problem's code. */
  code: string;
  /** One sentence without a full stop, fit for a terminal: `path:line: what`. */
  message: string;
  fix: string;
}

export interface Audit {
  problems: AuditProblem[];
  /** Their messages. */
  lines: string[];
}

/** Read HEAD; before the first commit nothing is wrong yet. */
export async function auditHead(topLevel: string): Promise<Audit> {
  const commit = findCommit("HEAD", topLevel);
  if (commit === null) return { problems: [], lines: [] };
  const reader = openBlobReader(topLevel);
  try {
    const head = readTree(commit, reader, topLevel);
    const found: AuditProblem[] = [];
    const settings = await settled(settingsOf(head), DEFAULT_SETTINGS, found);
    const baseline = await settled(baselineOf(head), EMPTY_BASELINE, found);
    found.push(...(await auditFiles(head, settings, baseline)), ...(await auditFormations(head, settings, topLevel)));
    return { problems: found, lines: found.map(({ message }) => message) };
  } finally {
    reader.close();
  }
}

/** What is wrong with the settings as they stand in the working tree. */
export async function auditSettings(workingTree: Snapshot): Promise<AuditProblem[]> {
  const found: AuditProblem[] = [];
  const settings = await settled(settingsOf(workingTree), DEFAULT_SETTINGS, found);
  const outdated = outdatedProblem(settings);
  if (outdated !== null) {
    found.push({ code: "outdated", message: escapeText(outdated.message), fix: escapeText(outdated.fix) });
  }
  return found;
}

/** A file that is malformed in HEAD is one more thing that is wrong there; the defaults, which are stricter, are used. */
async function settled<T>(read: Promise<T>, absent: T, found: AuditProblem[]): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (!(error instanceof MuxiGitError)) throw error;
    found.push({
      code: error.code,
      message: escapeText(error.message),
      fix: escapeText(error.hint ?? "mend the file"),
    });
    return absent;
  }
}

async function auditFiles(head: Snapshot, settings: Settings, baseline: Baseline): Promise<AuditProblem[]> {
  const formations = findFormations(head.entries.keys()).map((formation) => formation.path);
  const rulesAt = await rulesByPath(settings);
  const scanner = scannerUnder(settings);
  const found: AuditProblem[] = [];
  for (const [path, { mode }] of head.entries) {
    if (!isKeyPath(path) && !isDotenvPath(path) && !isMemoryDatabasePath(path, formations)) continue;
    const bytes = await head.read(path);
    if (bytes === null) continue;
    const { findings } = judgeFile(scanner, { path, mode, bytes, formations, ...rulesAt(path) });
    for (const finding of findings) {
      if (finding.severity !== "error") continue;
      if (canBeAccepted(finding) && isAccepted(baseline, finding, fingerprint(baseline.salt, finding))) continue;
      found.push(problemAt(finding.rule, finding));
    }
  }
  return found;
}

async function auditFormations(head: Snapshot, settings: Settings, topLevel: string): Promise<AuditProblem[]> {
  const keyring = new Keyring(topLevel, findGitPlaces(topLevel));
  const found: AuditProblem[] = [];
  for (const formation of findFormations(head.entries.keys())) {
    const keys = keyring.keysFor(formation.path);
    const { state } = await readFormation(head, formation, keyring.stateFor(formation.path), keys);
    for (const problem of problemsOf(state, settings, "commit")) {
      if (problem.severity === "error") found.push(problemAt(problem.code, problem));
    }
  }
  return found;
}

function problemAt(
  code: string,
  { path, line, message, fix }: { path: string; line?: number; message: string; fix: string },
): AuditProblem {
  const place = `${escapeText(path)}${line === undefined ? "" : `:${line}`}`;
  return { code, message: `${place}: ${escapeText(message)}`, fix: escapeText(fix) };
}
