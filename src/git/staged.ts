/**
 * What the next commit changes, read from the inherited index.
 *
 * `diff-index --cached --raw -z --no-renames --no-abbrev --ita-invisible-in-index`
 * and not `diff --cached --raw`: that abbreviates oids (a tag named like one made
 * cat-file return another blob) and dies on a missing `diff.orderFile`. The
 * working tree is never read: what is staged may differ from it both ways.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MuxiGitError } from "../errors.ts";
import {
  type IndexEntry,
  MODE_SUBMODULE,
  MODE_TREE,
  OID,
  parseIndexEntries,
  parseRawDiff,
  type RawChange,
  ZERO_OID,
} from "./entries.ts";
import type { GitPlaces } from "./git-dir.ts";
import { type GitResult, gitFailed, runGit, startGit, tryGit } from "./run.ts";

/** A commit (or the empty tree) that the next commit follows, and what differs from it. */
export interface Parent {
  /** "HEAD", an oid, or the empty tree's oid. */
  rev: string;
  changes: RawChange[];
}

export interface Staged {
  index: IndexEntry[];
  /** HEAD (the empty tree before the first commit), then the commits being merged. */
  parents: Parent[];
}

/** The commits being merged: lines of MERGE_HEAD, which `git commit` concludes a merge by. */
function mergeHeads(places: GitPlaces): string[] {
  const file = join(places.gitDir, "MERGE_HEAD");
  if (!existsSync(file)) return [];
  return readFileSync(file, "latin1")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => OID.test(line));
}

function diffIndexArguments(rev: string): string[] {
  return [
    "diff-index",
    // A sparse index answers with whole folders otherwise.
    "-r",
    "--cached",
    "--raw",
    "-z",
    "--no-renames",
    "--no-abbrev",
    "--ita-invisible-in-index",
    "--ignore-submodules=all",
    rev,
    "--",
  ];
}

/** The oid of the empty tree in this repository's hash. Nothing is written. */
export function emptyTree(cwd: string): string {
  return runGit(["hash-object", "-t", "tree", "--stdin"], { cwd }).toString("latin1").trim();
}

const LIST_INDEX = ["ls-files", "-s", "-z", "--full-name"];

/** What the launcher asked git while node was starting. */
export interface Listing {
  /** Of {@link LIST_INDEX}. */
  index: GitAnswer;
  /** Of the difference from HEAD. */
  head: GitAnswer;
}

type GitAnswer = Pick<GitResult, "code" | "stdout" | "stderr">;

/**
 * Parse the launcher's listing: the output of each of the two commands, followed
 * by an empty record, which git never prints, and the exit code: `\0<code>\0`.
 *
 * @returns null for anything else; git is then asked again.
 */
export function parseListing(bytes: Buffer): Listing | null {
  const answers: GitAnswer[] = [];
  let start = 0;
  for (let at = 0; answers.length < 2; ) {
    const end = bytes.indexOf(0, at);
    if (end < 0) return null;
    if (end > at) {
      at = end + 1;
      continue;
    }
    const codeEnd = bytes.indexOf(0, at + 1);
    const code = codeEnd < 0 ? "" : bytes.toString("latin1", at + 1, codeEnd);
    if (!/^\d{1,3}$/.test(code)) return null;
    answers.push({ code: Number(code), stdout: bytes.subarray(start, at), stderr: "" });
    start = codeEnd + 1;
    at = start;
  }
  return start === bytes.length ? { index: answers[0]!, head: answers[1]! } : null;
}

/** The inherited index, alone. @throws MuxiGitError `git-failed` */
export async function readIndex(cwd: string): Promise<IndexEntry[]> {
  const listed = await startGit(LIST_INDEX, { cwd });
  if (listed.code !== 0) throw gitFailed(LIST_INDEX, listed.code, listed.stderr);
  return parseIndexEntries(listed.stdout);
}

/**
 * @param listing - what is known already.
 * @param heads - oids of the commits being merged; MERGE_HEAD's when absent.
 * @throws MuxiGitError `git-failed`: a hook that cannot read the index must not say that it is clean.
 */
export async function readStaged(
  places: GitPlaces,
  cwd: string,
  listing: Listing | null = null,
  heads: readonly string[] = mergeHeads(places),
): Promise<Staged> {
  const revs = ["HEAD", ...heads];
  const [index, ...diffs] = await Promise.all([
    listing?.index.code === 0 ? listing.index : startGit(LIST_INDEX, { cwd }),
    ...revs.map((rev) =>
      rev === "HEAD" && listing?.head.code === 0 ? listing.head : startGit(diffIndexArguments(rev), { cwd }),
    ),
  ]);
  if (index.code !== 0) throw gitFailed(LIST_INDEX, index.code, index.stderr);
  const parents = diffs.map((diff, at): Parent => {
    let rev = revs[at]!;
    let output = diff.stdout;
    if (diff.code !== 0) {
      const unborn = at === 0 && tryGit(["rev-parse", "--verify", "--quiet", "HEAD"], { cwd }).code !== 0;
      if (!unborn) throw gitFailed(["diff-index"], diff.code, diff.stderr);
      rev = emptyTree(cwd);
      output = runGit(diffIndexArguments(rev), { cwd });
    }
    return { rev, changes: parseRawDiff(output).filter(isFileChange) };
  });
  if (parents[0] === undefined) throw new MuxiGitError("git-failed", "the index could not be compared with HEAD");
  return { index: parseIndexEntries(index.stdout), parents };
}

/** Submodules hold no blob of ours; a file that became one counts as deleted. */
function isFileChange(change: RawChange): boolean {
  return change.newMode !== MODE_SUBMODULE || (change.oldMode !== MODE_SUBMODULE && change.oldMode !== "000000");
}

/** The blob a change leads to; null for a deletion, a submodule or an unmerged path. */
export function newBlob(change: RawChange): { oid: string; mode: string } | null {
  if (change.newMode === MODE_TREE) {
    throw new MuxiGitError("git-failed", `git names the folder '${change.path}' where its files were asked for`);
  }
  if (change.newMode === "000000" || change.newMode === MODE_SUBMODULE || ZERO_OID.test(change.newOid)) return null;
  return { oid: change.newOid, mode: change.newMode };
}

/**
 * Changes that differ from every parent: what this commit itself brings. In a
 * merge, a file that equals one parent's came from there.
 */
export function ownChanges(parents: readonly Parent[]): RawChange[] {
  const [first, ...others] = parents;
  const sets = others.map((parent) => new Set(parent.changes.map((change) => change.path)));
  return (first?.changes ?? []).filter((change) => sets.every((set) => set.has(change.path)));
}

/** `GITHEAD_<oid>=<name>`, set by `git merge` for each commit it merges into HEAD. */
export function headsBeingMerged(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env).flatMap((name) => /^GITHEAD_([0-9a-f]{40}|[0-9a-f]{64})$/.exec(name)?.[1] ?? []);
}
