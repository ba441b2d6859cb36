/**
 * The commits of a pipeline as they are in its clone. Nothing is fetched: what a
 * clone lacks is said, with what brings it there.
 *
 * Judged are the commits that the head has and nothing that stood before it; of a
 * pull request also not those of the target branch, which the commit that the
 * provider built has as first parent. By name the head is compared with the merge
 * base: what the target branch got meanwhile is not taken back by anybody.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { parseRawDiff } from "../git/entries.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import { type CommitChanges, findCommit, listCommits, parseRange, readChanges, resolveCommit } from "../git/ranges.ts";
import { runGit, tryGit } from "../git/run.ts";
import { emptyTree } from "../git/staged.ts";
import { shellQuote, tool } from "../invocation.ts";
import { type Pipeline, type Provider, remoteBranch } from "./environment.ts";

export interface JudgedRange {
  /** Oid. */
  head: string;
  /** What the head is compared with by name: oid of a commit, or of the empty tree. */
  base: string;
  /** Newest first; the head alone, as if it had brought all its files, where nothing stood before and its history is not asked for. */
  commits: CommitChanges[];
}

/** @throws MuxiGitError `shallow-clone`, `base-missing`, `bad-revision`: with what to change for this provider. */
export function rangeOf(pipeline: Pipeline, places: GitPlaces, topLevel: string): JudgedRange {
  const { provider } = pipeline;
  const head = findCommit(pipeline.head, topLevel);
  if (head === null) throw missing(pipeline.head, provider, places);
  const before = stoodBefore(pipeline, head, places, topLevel);
  if (before !== null) return judged(head, before, provider, places, topLevel);
  if (pipeline.alone === "history") return judged(head, [], provider, places, topLevel);
  const empty = emptyTree(topLevel);
  const files = runGit(["diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", empty, head], {
    cwd: topLevel,
  });
  const commit = { oid: head, time: 0, parentOids: [], parents: [parseRawDiff(files)] };
  return { head, base: head, commits: [commit] };
}

/** `A..B` and `A...B` as typed: what B has and A has not. A single revision is all its history. */
export function rangeAsTyped(
  text: string,
  places: GitPlaces,
  topLevel: string,
  provider: Provider | null,
): JudgedRange {
  // HEAD to git, and then nothing would be judged; in a pipeline it is a variable that is not set.
  if (text.startsWith(".."))
    throw new MuxiGitError("bad-revision", `the range '${escapeText(text)}' does not say where it begins`);
  const { dots, base, head } = parseRange(text, topLevel);
  return judged(head, dots === "" ? [] : [base], provider, places, topLevel);
}

/** Oids of what the other side has; null where the head stands alone. */
function stoodBefore(pipeline: Pipeline, head: string, places: GitPlaces, cwd: string): string[] | null {
  const { provider, request, branch } = pipeline;
  if (pipeline.before !== null) {
    const here = pipeline.before.flatMap((rev) => findCommit(rev, cwd) ?? []);
    if (here.length > 0) return request === null ? here : [...here, ...targetOf(head, cwd)];
    if (!pipeline.rewritten) throw missing(pipeline.before.at(-1) ?? "", provider, places);
  }
  const name = pipeline.defaultBranch ?? remoteHead(cwd);
  if (name === null) throw unknownDefault();
  if (branch === name) return null;
  const oid = findCommit(remoteBranch(name), cwd);
  if (oid !== null) return [oid];
  throw new MuxiGitError("base-missing", `the branch '${escapeText(name)}' is not in this clone`, {
    hint: `it says which commits are new; fetch it first:\n${fetchBranch(name)}`,
  });
}

/** The first parent of the merge that a provider makes of a pull request to build it: the target branch at that time. */
function targetOf(head: string, cwd: string): string[] {
  const built = tryGit(["rev-parse", "--verify", "--quiet", "HEAD^2"], { cwd });
  return built.stdout.toString("latin1").trim() === head ? [resolveCommit("HEAD^1", cwd)] : [];
}

/** Short name of the remote's default branch as a clone remembers it, else of what is nearly always called so. */
function remoteHead(cwd: string): string | null {
  const known = tryGit(["symbolic-ref", "--quiet", remoteBranch("HEAD")], { cwd });
  const prefix = remoteBranch("");
  const ref = known.stdout.toString("utf8").trim();
  if (known.code === 0 && ref.startsWith(prefix)) return ref.slice(prefix.length);
  return ["main", "master"].find((name) => findCommit(remoteBranch(name), cwd) !== null) ?? null;
}

function judged(
  head: string,
  bases: readonly string[],
  provider: Provider | null,
  places: GitPlaces,
  cwd: string,
): JudgedRange {
  const listed = listCommits([head, ...bases.map((oid) => `^${oid}`), "--"], "", cwd);
  const cut = shallowCommits(places);
  if (listed.some(({ oid }) => cut.has(oid))) throw shallow(provider);
  const commits = readChanges(listed, cwd);
  if (bases.length === 0) return { head, base: emptyTree(cwd), commits };
  const mergeBase = tryGit(["merge-base", head, ...bases], { cwd });
  // Unrelated histories have none.
  const base = mergeBase.code === 0 ? mergeBase.stdout.toString("latin1").trim() : bases[0]!;
  return { head, base, commits };
}

/** Commits whose parents were left out of this clone: git takes them for the first of their history. */
function shallowCommits({ commonDir }: GitPlaces): Set<string> {
  try {
    return new Set(readFileSync(join(commonDir, "shallow"), "latin1").split("\n"));
  } catch {
    return new Set();
  }
}

const WHOLE_CLONE: Record<Provider, string> = {
  github: "give actions/checkout 'fetch-depth: 0'",
  gitlab: "give the job the variable 'GIT_DEPTH: \"0\"'",
  bitbucket: "give the step 'clone: { depth: full }'",
  azure: "give the checkout step 'fetchDepth: 0'",
  jenkins: "switch 'shallow clone' of the Git plugin off",
};

function shallow(provider: Provider | null): MuxiGitError {
  return new MuxiGitError("shallow-clone", "this clone is shallow: not all commits that are to be judged are in it", {
    hint: `${provider === null ? "" : `${WHOLE_CLONE[provider]}, or run:\n`}git fetch --unshallow`,
  });
}

function missing(rev: string, provider: Provider | null, places: GitPlaces): MuxiGitError {
  if (shallowCommits(places).size > 0) return shallow(provider);
  const branch = /^refs\/remotes\/origin\/(.+)$/s.exec(rev)?.[1];
  return new MuxiGitError("base-missing", `'${escapeText(branch ?? rev)}' is not in this clone`, {
    hint: branch === undefined ? `git fetch origin ${shellQuote(rev)}` : fetchBranch(branch),
  });
}

function fetchBranch(name: string): string {
  return `git fetch origin ${shellQuote(`+refs/heads/${name}:${remoteBranch(name)}`)}`;
}

function unknownDefault(): MuxiGitError {
  return new MuxiGitError("base-missing", "which commits are new is not known: this clone has no default branch", {
    hint: `name the commits with '${tool("ci --range BASE..HEAD")}', or run:\ngit fetch origin && git remote set-head origin --auto`,
  });
}
