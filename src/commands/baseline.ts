/** `baseline accept`: record a finding that the team decided to live with. */
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
import { createScanner } from "../scan/engine.ts";
import type { Finding } from "../scan/finding.ts";
import { buildKnownValues, type KnownEntry } from "../scan/known-values.ts";
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
    const finding = await locate(context, baseline, fingerprint);
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

/** The finding with this fingerprint, in the index or in the working tree. */
async function locate(context: RepositoryContext, baseline: Baseline, wanted: string): Promise<Finding | null> {
  const { topLevel, places, reader, keyring } = context;
  const index = indexSnapshot((await readStaged(places, topLevel)).index, reader);
  const working = workingTreeSnapshot(topLevel);
  const formations = formationPaths(findFormations(index.entries.keys()), findFormations(working.entries.keys()));
  const known = await gatherKnown(formations, [index, working], keyring, topLevel);
  // Exempt names are looked for as well: what is being accepted may be one of them.
  const scanner = createScanner({ known: buildKnownValues(known, { publicNames: new Set() }) });
  for (const snapshot of [index, working] satisfies Snapshot[]) {
    for (const [path, { mode }] of snapshot.entries) {
      const bytes = await snapshot.read(path);
      if (bytes === null) continue;
      const { findings } = judgeFile(scanner, { path, mode, bytes, formations, rulesApply: true });
      const found = findings.find((finding) => fingerprintOf(baseline.salt, finding) === wanted);
      if (found !== undefined) return found;
    }
  }
  return await locateInHistory(
    context,
    formations,
    known,
    (finding) => fingerprintOf(baseline.salt, finding) === wanted,
  );
}

/**
 * What commit-msg and pre-push stopped stands in no file of the present: in the
 * message that git kept, in a commit that was not pushed yet, in a tag.
 */
async function locateInHistory(
  context: RepositoryContext,
  formations: readonly string[],
  known: readonly KnownEntry[],
  wanted: (finding: Finding) => boolean,
): Promise<Finding | null> {
  const { topLevel, places, reader } = context;
  const commits = readChanges(listCommits(["--all", "--not", "--remotes"], "", topLevel), topLevel);
  const versions = storedVersions(commits, reader);
  const folders = [...new Set([...formations, ...storedFolders(versions)])];
  const older = await gatherKnown(folders, [], context.keyring, topLevel, undefined, versions);
  const scanner = createScanner({ known: buildKnownValues([...known, ...older], { publicNames: new Set() }) });
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
    ignored: () => false,
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
  // What `scan --history` shows may be in no file and in no new commit.
  const { objects } = await reachableObjects(topLevel);
  const all = storedInHistory(objects, context);
  const everywhere = [...new Set([...folders, ...storedFolders(all)])];
  const ever = await gatherKnown(everywhere, [], context.keyring, topLevel, undefined, all);
  const complete = {
    ...standard,
    formations: everywhere,
    scanner: createScanner({ known: buildKnownValues([...known, ...ever], { publicNames: new Set() }) }),
  };
  const history = await judgeHistory(context, complete, objects, { digest: null });
  return history.findings.find(({ finding }) => wanted(finding))?.finding ?? null;
}
