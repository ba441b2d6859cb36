/** `baseline accept` and `baseline prune`: findings that the team decided to live with, and those that are gone. */
import type { Invocation } from "../cli.ts";
import { writeFileDurably } from "../durable-file.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { findFormations } from "../formation/discover.ts";
import { messageOf } from "../git/message.ts";
import { reachableObjects } from "../git/object-stream.ts";
import { listCommits, readChanges } from "../git/ranges.ts";
import { runGit } from "../git/run.ts";
import { indexSnapshot, type Snapshot, workingTreeSnapshot } from "../git/snapshot.ts";
import { readStaged } from "../git/staged.ts";
import { readForRewrite, readWorkingFile } from "../git/working-file.ts";
import { pathWord } from "../invocation.ts";
import { scannerUnder, settingsOf } from "../plumbing/configuration.ts";
import { CommitJudge, storedFolders, storedVersions } from "../plumbing/judge-commits.ts";
import { judgeFile } from "../plumbing/judge-file.ts";
import { judgeHistory, storedInHistory } from "../plumbing/judge-history.ts";
import { formationPaths, gatherKnown } from "../plumbing/known.ts";
import { COMMIT_MESSAGE, scanMessage, TAG_MESSAGE } from "../plumbing/scan-message.ts";
import {
  BASELINE_FILE,
  type Baseline,
  canBeAccepted,
  EMPTY_BASELINE,
  fingerprint as fingerprintOf,
  formatBaseline,
  isAccepted,
  parseBaseline,
} from "../scan/baseline.ts";
import type { Finding } from "../scan/finding.ts";
import type { KnownEntry } from "../scan/known-values.ts";
import { DEFAULT_SETTINGS } from "../settings.ts";
import { out } from "../terminal.ts";
import { IN_A_CLONE, openContext, type RepositoryContext } from "./repository-context.ts";

export interface BaselineAcceptOptions extends Invocation {
  fingerprint: string;
  reason: string;
  dryRun: boolean;
}

export async function baselineAccept(options: BaselineAcceptOptions): Promise<ExitCode> {
  const { fingerprint, reason } = options;
  if (!/^[0-9a-f]{16}$/.test(fingerprint)) {
    throw new MuxiGitError("bad-fingerprint", "a fingerprint is 16 hex digits, as the report prints it");
  }
  if (!/\p{L}\p{L}/u.test(reason)) throw new MuxiGitError("no-reason", "the reason must say something");
  const context = openContext(options, { workTreeOr: IN_A_CLONE });
  try {
    const { disk, bytes, mode } = readForRewrite(context.topLevel, BASELINE_FILE);
    const baseline = bytes === null ? EMPTY_BASELINE : parseBaseline(bytes);
    // The fingerprint is looked up, not believed: a typing error would accept nothing and say it did.
    const finding = await locate(context, (one) => fingerprintOf(baseline.salt, one) === fingerprint, {
      history: true,
    });
    const others = baseline.findings.filter((entry) => entry.fingerprint !== fingerprint);
    if (finding === null ? others.length < baseline.findings.length : isAccepted(baseline, finding, fingerprint)) {
      out(`${fingerprint} was accepted before`);
      return EXIT.ok;
    }
    if (finding === null) {
      throw new MuxiGitError(
        "unknown-finding",
        `no finding ${fingerprint} in what is staged, in the working tree or in what was not pushed yet`,
      );
    }
    if (!canBeAccepted(finding)) {
      throw new MuxiGitError(
        "not-acceptable",
        `'${escapeText(finding.path)}' holds a key, and a key is never accepted`,
        {
          hint: finding.fix,
        },
      );
    }
    const { rule, path } = finding;
    const next: Baseline = { ...baseline, findings: [...others, { fingerprint, rule, path, reason }] };
    if (!options.dryRun) writeFileDurably(disk, formatBaseline(next), mode);
    out(`${options.dryRun ? "would accept" : "accepted"} ${fingerprint}: ${rule} in ${escapeText(path)}`);
    if (!options.dryRun && !options.quiet) out(`next: git add -- ${pathWord(BASELINE_FILE)}`);
    return EXIT.ok;
  } finally {
    context.reader.close();
  }
}

export interface BaselinePruneOptions extends Invocation {
  /** Keep also what stands only in the history. */
  history: boolean;
  dryRun: boolean;
}

/**
 * Remove the entries that accept nothing any more: neither in what is staged nor in the working tree nor in commits
 * that were not pushed yet, which pre-push judges by this baseline. What cannot be known here is kept.
 */
export async function baselinePrune(options: BaselinePruneOptions): Promise<ExitCode> {
  const context = openContext(options, { workTreeOr: IN_A_CLONE });
  try {
    const { disk, bytes, mode } = readForRewrite(context.topLevel, BASELINE_FILE);
    const baseline = bytes === null ? EMPTY_BASELINE : parseBaseline(bytes);
    const left = new Set(baseline.findings);
    const byFingerprint = new Map(baseline.findings.map((entry) => [entry.fingerprint, entry]));
    const see = (finding: Finding): boolean => {
      const id = fingerprintOf(baseline.salt, finding);
      const entry = byFingerprint.get(id);
      if (entry !== undefined && isAccepted(baseline, finding, id)) left.delete(entry);
      return left.size === 0;
    };
    const keep = (rule: string | null, path: string | null): void => {
      for (const entry of left) {
        if ((rule === null || entry.rule === rule) && (path === null || entry.path === path)) left.delete(entry);
      }
    };
    if (left.size > 0) await locate(context, see, { history: options.history, unknown: keep });
    for (const { rule, path, reason } of left) {
      out(`${options.dryRun ? "would remove" : "removed"} ${rule} in ${escapeText(path)} (${escapeText(reason)})`);
    }
    if (left.size === 0) {
      out("every entry is still needed");
      return EXIT.ok;
    }
    const findings = baseline.findings.filter((entry) => !left.has(entry));
    if (!options.dryRun) writeFileDurably(disk, formatBaseline({ ...baseline, findings }), mode);
    if (!options.dryRun && !options.quiet) out(`next: git add -- ${pathWord(BASELINE_FILE)}`);
    return EXIT.ok;
  } finally {
    context.reader.close();
  }
}

interface Search {
  /** Whether what is only in commits that were pushed counts. */
  history: boolean;
  /** Told of a rule that could not be asked, or of a file that could not be read. */
  unknown?: (rule: string | null, path: string | null) => void;
}

/** The first finding that is wanted: in the index, in the working tree, in what was not pushed, in the history. */
export async function locate(
  context: RepositoryContext,
  wanted: (finding: Finding) => boolean,
  search: Search,
): Promise<Finding | null> {
  const { topLevel, places, reader, keyring } = context;
  const index = indexSnapshot((await readStaged(places, topLevel)).index, reader);
  const working = workingTreeSnapshot(topLevel);
  const formations = formationPaths(findFormations(index.entries.keys()), findFormations(working.entries.keys()));
  const known = await gatherKnown(formations, [index, working], keyring, topLevel);
  // Without its key nobody knows whether a formation's value stands somewhere.
  if (formations.some((formation) => !["ok", "hex"].includes(keyring.of(formation).state))) {
    search.unknown?.("known-value", null);
  }
  // Rules of the repository's own as well, and those that are switched off: what was found once may be asked for.
  // Exempt names are looked for as well: what is being accepted may be one of them.
  const everything = { rules: { off: {}, custom: (await settingsOf(working)).rules.custom }, publicNames: [] };
  const scanner = scannerUnder(everything, known);
  for (const snapshot of [index, working] satisfies Snapshot[]) {
    for (const [path, { mode }] of snapshot.entries) {
      const bytes = await snapshot.read(path);
      if (bytes === null) {
        search.unknown?.(null, path);
        continue;
      }
      const { findings } = judgeFile(scanner, { path, mode, bytes, formations, rulesApply: true });
      const found = findings.find(wanted);
      if (found !== undefined) return found;
    }
  }
  return await locateInHistory(context, everything, formations, known, wanted, search.history);
}

/**
 * What commit-msg and pre-push stopped stands in no file of the present: in the
 * message that git kept, in a commit that was not pushed yet, in a tag.
 */
async function locateInHistory(
  context: RepositoryContext,
  everything: Parameters<typeof scannerUnder>[0],
  formations: readonly string[],
  known: readonly KnownEntry[],
  wanted: (finding: Finding) => boolean,
  ever: boolean,
): Promise<Finding | null> {
  const { topLevel, places, reader } = context;
  const commits = readChanges(listCommits(["--all", "--not", "--remotes"], "", topLevel), topLevel);
  const versions = storedVersions(commits, reader);
  const folders = [...new Set([...formations, ...storedFolders(versions)])];
  const older = await gatherKnown(folders, [], context.keyring, topLevel, undefined, versions);
  const scanner = scannerUnder(everything, [...known, ...older]);
  for (const name of ["COMMIT_EDITMSG", "MERGE_MSG"]) {
    const bytes = readWorkingFile(places.gitDir, name);
    const found = bytes === null ? [] : scanMessage(scanner, COMMIT_MESSAGE, bytes, "");
    const one = found.find(wanted);
    if (one !== undefined) return one;
  }
  const standard = {
    scanner,
    formations: folders,
    configuration: { settings: DEFAULT_SETTINGS, baseline: EMPTY_BASELINE, notes: [] },
    rulesAt: () => ({ rulesApply: true }),
  };
  const { findings } = await new CommitJudge(context, standard).judge(commits, { formations: false });
  const inCommit = findings.find(({ finding }) => wanted(finding));
  if (inCommit !== undefined) return inCommit.finding;
  const tags = runGit(["for-each-ref", "--format=%(objecttype) %(objectname)", "refs/tags"], { cwd: topLevel });
  for (const line of tags.toString("latin1").split("\n")) {
    const oid = /^tag ([0-9a-f]+)$/.exec(line)?.[1];
    const object = oid === undefined ? null : await reader.read(oid);
    const found = object === null ? [] : scanMessage(scanner, TAG_MESSAGE, messageOf(object), "");
    const one = found.find(wanted);
    if (one !== undefined) return one;
  }
  if (!ever) return null;
  // What `scan --history` shows may be in no file and in no new commit.
  const { objects } = await reachableObjects(topLevel);
  const all = storedInHistory(objects, context);
  const everywhere = [...new Set([...folders, ...storedFolders(all)])];
  const everKnown = await gatherKnown(everywhere, [], context.keyring, topLevel, undefined, all);
  const complete = {
    ...standard,
    formations: everywhere,
    scanner: scannerUnder(everything, [...known, ...everKnown]),
  };
  const history = await judgeHistory(context, complete, objects, { digest: null });
  return history.findings.find(({ finding }) => wanted(finding))?.finding ?? null;
}
