/**
 * What a push holds, judged: every commit that the other side lacks, tag objects
 * and their messages, tags of blobs and trees, notes (which are commits). The one
 * implementation behind pre-push and pre-receive.
 *
 * Each commit is judged by the settings and the baseline of the first pushed ref
 * that leads to it. Leaks count in every commit. Drift of a formation counts
 * where it stands at the pushed end and did not stand in what the other side has:
 * it is mended by one more commit, and history that nobody can change is let be.
 */

import { findFormations } from "../formation/discover.ts";
import { isLeak, type Problem } from "../formation/problem.ts";
import { parseTreeEntries } from "../git/entries.ts";
import { messageOf } from "../git/message.ts";
import { type RefUpdate, taggedObject, typesOf } from "../git/push.ts";
import { type Commit, type CommitChanges, listCommits, readChanges } from "../git/ranges.ts";
import { runGit, tryGit } from "../git/run.ts";
import { readTree, type Snapshot, treeSnapshot } from "../git/snapshot.ts";
import { newBlob } from "../git/staged.ts";
import type { Finding } from "../scan/finding.ts";
import { readConfiguration } from "./commit-verdict.ts";
import { rulesByPath, scannerUnder } from "./configuration.ts";
import { checkFormations, touchedFormations } from "./introduced-problems.ts";
import {
  CommitJudge,
  type CommitProblem,
  type CommitsAt,
  type CommitsVerdict,
  changesOf,
  storedFolders,
  storedVersions,
} from "./judge-commits.ts";
import { formationPaths, gatherKnown } from "./known.ts";
import { looseFormations } from "./loose-formations.ts";
import { scanMessage, TAG_MESSAGE } from "./scan-message.ts";
import { unresolvedIn } from "./unresolved.ts";

/** One pushed ref with what only it brings. */
export interface PushedRef {
  update: RefUpdate;
  /** Children before parents. */
  commits: CommitChanges[];
  /** Oids of tag objects, outermost first. */
  tags: string[];
  /** Whether a finding's `commit` is a commit, and not a tag, tree or blob. */
  judge: CommitJudge;
  verdict: CommitsVerdict;
  /** Problems of formations that are no leaks. */
  drift: CommitProblem[];
  /** Where the other side stands, as far as it is here: oids that no other of them leads to. */
  bases: string[];
}

export interface PushOptions {
  /** Arguments of rev-list that say what the other side has, beside the old ends of the refs. */
  has: readonly string[];
  /** Whether keys are asked for and the working tree is read. */
  withKeys: boolean;
}

interface Resolved {
  update: RefUpdate;
  tags: string[];
  end: { oid: string; type: string };
}

/** @throws MuxiGitError where something cannot be read: the push is then blocked with 2. */
export async function judgePush(
  at: CommitsAt,
  updates: readonly RefUpdate[],
  options: PushOptions,
): Promise<PushedRef[]> {
  const { topLevel } = at;
  const types = typesOf(
    updates.flatMap(({ oid, old }) => (old === null ? [oid] : [oid, old])),
    topLevel,
  );
  const resolved: Resolved[] = [];
  const excluded = new Set<string>();
  for (const update of updates) {
    resolved.push({ update, ...(await peel(at, update.oid, types.get(update.oid))) });
    // Pushed by force over commits that were never fetched, the old end is not here: it excludes nothing.
    const oldType = update.old === null ? undefined : types.get(update.old);
    if (update.old === null || oldType === undefined) continue;
    const { end } = await peel(at, update.old, oldType);
    if (end.type === "commit") excluded.add(end.oid);
  }
  const ends = resolved.flatMap(({ end }) => (end.type === "commit" ? [end.oid] : []));
  const input = [...new Set(ends), ...[...excluded].map((oid) => `^${oid}`)].map((line) => `${line}\n`).join("");
  const range = ends.length === 0 ? [] : listCommits([...options.has, "--stdin"], input, topLevel);
  const left = new Map(range.map((commit) => [commit.oid, commit]));
  const inRange = new Map(left);

  const refs: PushedRef[] = [];
  for (const one of resolved) {
    const own = one.end.type === "commit" ? reachable(one.end.oid, left) : [];
    for (const { oid } of own) left.delete(oid);
    if (own.length > 0 || one.tags.length > 0 || one.end.type !== "commit") {
      refs.push(await judgeRef(at, one, own, inRange, options));
    }
  }
  return refs;
}

/** Follow tag objects to what they tag at last. */
async function peel(at: CommitsAt, oid: string, type = "commit"): Promise<Omit<Resolved, "update">> {
  const tags: string[] = [];
  let end = { oid, type };
  while (end.type === "tag") {
    tags.push(end.oid);
    const object = await at.reader.read(end.oid);
    if (object === null) break;
    end = taggedObject(object);
  }
  return { tags, end };
}

/** Commits of `among` that `tip` leads to, in their order there. */
function reachable(tip: string, among: ReadonlyMap<string, Commit>): Commit[] {
  const seen = new Set<string>();
  const waiting = [tip];
  for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop()) {
    if (seen.has(oid) || !among.has(oid)) continue;
    seen.add(oid);
    waiting.push(...among.get(oid)!.parentOids);
  }
  return [...among.values()].filter(({ oid }) => seen.has(oid));
}

/** Parents outside the range: where the other side stands. Of one that leads to another, the newer. */
function basesOf(tip: string, inRange: ReadonlyMap<string, Commit>, cwd: string): string[] {
  const outside = new Set<string>();
  for (const { parentOids } of reachable(tip, inRange)) {
    for (const oid of parentOids) if (!inRange.has(oid)) outside.add(oid);
  }
  if (outside.size < 2) return [...outside];
  // As many as a command line holds; a push that merges the other side more often is compared with the newest of them.
  const newest = [...outside].slice(0, 200);
  const independent = tryGit(["merge-base", "--independent", ...newest], { cwd });
  return independent.code === 0 ? independent.stdout.toString("latin1").split("\n").filter(Boolean) : newest;
}

async function judgeRef(
  at: CommitsAt,
  { update, tags, end }: Resolved,
  own: readonly Commit[],
  inRange: ReadonlyMap<string, Commit>,
  { withKeys }: PushOptions,
): Promise<PushedRef> {
  const { topLevel, reader, keyring, places } = at;
  const commits = readChanges(own, topLevel);
  const isTree = end.type === "commit" || end.type === "tree";
  const bases = end.type === "commit" ? basesOf(end.oid, inRange, topLevel) : [];
  const tip = isTree ? readTree(end.oid, reader, topLevel) : treeSnapshot([], reader);
  const before = bases.map((oid) => readTree(oid, reader, topLevel));
  const formations = findFormations(tip.entries.keys());
  const beforeFormations = before.map((snapshot) => findFormations(snapshot.entries.keys()));
  const changes = commits.flatMap(changesOf);
  const configuration = await readConfiguration(tip, before, changes, "this push");
  const versions = storedVersions(commits, reader);
  const loose = withKeys ? looseFormations(topLevel) : [];
  const everywhere = [
    ...new Set([...formationPaths(formations, ...beforeFormations), ...storedFolders(versions), ...loose]),
  ];
  const known = withKeys ? await gatherKnown(everywhere, [tip, ...before], keyring, topLevel, undefined, versions) : [];
  const scanner = scannerUnder(configuration.settings, known);
  const judge = new CommitJudge(at, {
    scanner,
    formations: everywhere,
    configuration,
    rulesAt: await rulesByPath(configuration.settings),
  });
  const verdict = await judge.judge(commits, { formations: true });
  for (const oid of tags) {
    const object = await reader.read(oid);
    if (object === null) verdict.skipped.push({ path: TAG_MESSAGE, reason: "the tag is not in this clone" });
    else judge.addOther(scanMessage(scanner, TAG_MESSAGE, messageOf(object), "git tag -f -a"), oid);
  }
  if (end.type === "tree") {
    for (const { path, mode, oid } of parseTreeEntries(
      runGit(["ls-tree", "-r", "-z", "--full-tree", end.oid], { cwd: topLevel }),
    )) {
      if (mode !== "160000") judge.addOther((await judge.findingsOf(path, mode, oid, true)) ?? [], end.oid);
    }
  } else if (end.type !== "commit") {
    judge.addOther((await judge.findingsOf(`(blob of ${update.target})`, "100644", end.oid, true)) ?? [], end.oid);
  }

  const drift: CommitProblem[] = [];
  if (commits.length > 0) {
    const touched = touchedFormations(
      formations,
      commits.flatMap(({ parents }) => parents.flat()),
    );
    const parents: Snapshot[] = before.length > 0 ? before : [treeSnapshot([], reader)];
    const context = {
      index: tip,
      parents,
      formations,
      parentFormations: before.length > 0 ? beforeFormations : [[]],
      keyring,
      reader,
      configuration,
      places,
      topLevel,
    };
    const { problems } = await checkFormations(context, touched, []);
    for (const problem of problems) {
      if (problem.severity !== "error" || isLeak(problem.code)) continue;
      drift.push({
        problem: { ...problem, fix: fromBase(problem, bases, before) },
        commit: commitOf(problem, commits),
      });
    }
    const storedIn = (snapshot: Snapshot) => (path: string) => snapshot.entries.get(path)?.oid ?? undefined;
    const remote = before.map((snapshot, index) => ({ commit: bases[index]!, stored: storedIn(snapshot) }));
    for (const problem of unresolvedIn(places, end.oid, storedIn(tip), remote))
      drift.push({ problem, commit: commitOf(problem, commits) });
  }
  return { update, commits, tags, judge, verdict, drift, bases };
}

/** What brings a file back as it is in HEAD does nothing here: HEAD has the problem. The other side's version is the one. */
function fromBase({ path, fix }: Problem, bases: readonly string[], before: readonly Snapshot[]): string {
  const [, word] = /^git (?:restore --staged --worktree|rm --cached -f|checkout HEAD) -- (.+)$/.exec(fix) ?? [];
  const at = before.findIndex((snapshot) => snapshot.entries.has(path));
  return word === undefined || at < 0 ? fix : `git checkout ${bases[at]!.slice(0, 12)} -- ${word}`;
}

/** The newest commit that changed the file of a problem, else one that changed its formation. */
function commitOf(problem: Problem, commits: readonly CommitChanges[]): string {
  const folder = problem.formation === "" ? "" : `${problem.formation}/`;
  const changed = (test: (path: string) => boolean) =>
    commits.find(({ parents }) => parents.flat().some((change) => test(change.path)))?.oid;
  return changed((path) => path === problem.path) ?? changed((path) => path.startsWith(folder)) ?? commits[0]!.oid;
}

/** Where a finding still stands at `snapshot`, in a file that `ref` brought or changed: the finding there. */
export async function standingIn(
  snapshot: Snapshot,
  { commits, judge }: PushedRef,
  first: string,
  identity: (finding: Finding) => boolean,
): Promise<Finding | null> {
  const brought = commits.flatMap(changesOf).filter((change) => newBlob(change) !== null);
  const paths = new Set([first, ...brought.map((change) => change.path)]);
  for (const path of paths) {
    const entry = snapshot.entries.get(path);
    if (entry?.oid == null) continue;
    const inside = (await judge.findingsOf(path, entry.mode, entry.oid)) ?? [];
    const found = [...inside, ...judge.namesOf(path)].find(identity);
    if (found !== undefined) return found;
  }
  return null;
}
