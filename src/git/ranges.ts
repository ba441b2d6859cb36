/**
 * Revisions and ranges as a person types them, and what the commits of a range
 * change, commit by commit. The one place where such a text reaches git: it
 * leaves as an oid, so that `--output=FILE` is no option to anything.
 *
 * `diff-tree --stdin -r -m --root --raw -z --no-renames --no-abbrev`: without `-m`
 * what a merge itself adds is missed; `rev-list --objects` names one path a blob.
 * With `-z` the output is `<oid>\0` and then the changes, once for each parent
 * that differs.
 */
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { OID, parseRawDiff, type RawChange } from "./entries.ts";
import { gitFailed, runGit, tryGit } from "./run.ts";

export interface Commit {
  oid: string;
  /** Seconds since 1970, as the committer's clock said. */
  time: number;
  /** With a pathspec and `--full-history`: the nearest ancestors that are listed too. */
  parentOids: string[];
}

export interface CommitChanges extends Commit {
  /** What differs from each parent; from nothing for a root commit. */
  parents: RawChange[][];
}

const DIFF_TREE = ["diff-tree", "--stdin", "-r", "-m", "--root", "--raw", "-z", "--no-renames", "--no-abbrev"];

/** The oid of the commit that `rev` names, null where git knows none. */
export function findCommit(rev: string, cwd: string): string | null {
  if (rev === "" || rev.includes("\0")) return null;
  const found = tryGit(["rev-parse", "--verify", "--quiet", "--end-of-options", `${rev}^{commit}`], { cwd });
  const oid = found.stdout.toString("latin1").trim();
  // `^HEAD` answers `^<oid>`.
  return found.code === 0 && OID.test(oid) ? oid : null;
}

/** @throws MuxiGitError `bad-revision` where git knows no such commit: a shallow clone, a typing error. */
export function resolveCommit(rev: string, cwd: string): string {
  const oid = findCommit(rev, cwd);
  if (oid !== null) return oid;
  throw new MuxiGitError("bad-revision", `git knows no commit '${escapeText(rev)}' here`, shallowHint(cwd));
}

/** A clone that CI made may lack what was asked for; anywhere else it is a typing error. */
export function shallowHint(cwd: string): { hint?: string } {
  return isShallow(cwd) ? { hint: "this clone is shallow; fetch its history first: git fetch --unshallow" } : {};
}

/** Whether the clone ends at commits whose parents it lacks. */
export function isShallow(cwd: string): boolean {
  return tryGit(["rev-parse", "--is-shallow-repository"], { cwd }).stdout.toString("latin1").trim() === "true";
}

/** What brings the blobs that a partial clone lacks (git 2.36 and later). */
export const PARTIAL_HINT = "in a partial clone, fetch what it lacks: git fetch --refetch --no-filter";

/** `A`, `A..B` or `A...B`, its ends resolved. */
export interface Range {
  dots: "" | ".." | "...";
  /** Oid of A; of a single revision, the same as `head`. */
  base: string;
  /** Oid of B. */
  head: string;
}

/**
 * Parse a range; an end left out is HEAD.
 *
 * @throws MuxiGitError `bad-revision` with the end that git does not know.
 */
export function parseRange(text: string, cwd: string): Range {
  const split = /^(.*?)(\.{2,3})(?!\.)(.*)$/s.exec(text);
  if (split === null) {
    const oid = resolveCommit(text, cwd);
    return { dots: "", base: oid, head: oid };
  }
  const [, left = "", dots, right = ""] = split;
  const [base, head] = [left || "HEAD", right || "HEAD"].map((rev) => resolveCommit(rev, cwd));
  return { dots: dots === "..." ? "..." : "..", base: base!, head: head! };
}

/** Commits of `range` (of a single revision, all its history), newest first. */
export function readRange({ dots, base, head }: Range, cwd: string): CommitChanges[] {
  return readChanges(listCommits([dots === "" ? head : `${base}${dots}${head}`, "--"], "", cwd), cwd);
}

/**
 * Commits with their parents, children before parents.
 *
 * @param args - of rev-list.
 * @param input - for its `--stdin`, where `args` name it.
 */
export function listCommits(args: readonly string[], input: string, cwd: string): Commit[] {
  const listed = tryGit(["rev-list", "--timestamp", "--parents", "--topo-order", ...args], { cwd, input });
  if (listed.code !== 0) throw gitFailed(["rev-list"], listed.code, listed.stderr);
  const lines = listed.stdout.toString("latin1").split("\n").filter(Boolean);
  return lines.map((line) => {
    const [time, oid = "", ...parentOids] = line.split(" ");
    return { oid, time: Number(time), parentOids };
  });
}

/** Every commit that a remote-tracking ref reaches. */
export function remoteCommits(cwd: string): Set<string> {
  const listed = tryGit(["rev-list", "--remotes"], { cwd });
  return new Set(listed.code === 0 ? listed.stdout.toString("latin1").split("\n") : []);
}

/** What each commit changes, in the order given; with `pathspecs`, of what they match. */
export function readChanges(
  commits: readonly Commit[],
  cwd: string,
  pathspecs: readonly string[] = [],
): CommitChanges[] {
  if (commits.length === 0) return [];
  const output = runGit([...DIFF_TREE, "--", ...pathspecs], {
    cwd,
    input: commits.map(({ oid }) => `${oid}\n`).join(""),
  });
  const changes = new Map<string, RawChange[][]>(commits.map(({ oid }) => [oid, []]));
  for (const { oid, section } of sections(output)) changes.get(oid)?.push(parseRawDiff(section));
  return commits.map((commit) => {
    const parents = changes.get(commit.oid) ?? [];
    // A parent that equals the commit has no section: nothing differs from it.
    while (parents.length < Math.max(1, commit.parentOids.length)) parents.push([]);
    return { ...commit, parents };
  });
}

/** Split at the `<oid>\0` records; a change's record begins with a colon and is followed by its path's. */
function* sections(output: Buffer): Generator<{ oid: string; section: Buffer }> {
  let oid = "";
  let start = 0;
  let at = 0;
  while (at < output.length) {
    const end = output.indexOf(0, at);
    if (output[at] === 0x3a) {
      at = output.indexOf(0, end + 1) + 1;
      continue;
    }
    if (oid !== "") yield { oid, section: output.subarray(start, at) };
    oid = output.toString("latin1", at, end);
    at = end + 1;
    start = at;
  }
  if (oid !== "") yield { oid, section: output.subarray(start, at) };
}
