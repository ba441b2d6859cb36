/**
 * Names that a merge left in conflict. What the driver leaves in the file is a
 * token like any other, so `git add` and a commit would take our value for the
 * decision. The driver therefore writes down what it left, in the worktree's own
 * git dir, and a commit whose staged file is still exactly that is stopped.
 * Another staged token, or `resolve`, settles it.
 *
 * Holds names and oids. A file that is damaged counts as empty: the record is a
 * reminder, not a lock.
 */
import { existsSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { writeFileDurably } from "../durable-file.ts";
import { folderOf } from "../formation/discover.ts";
import { shownName } from "../formation/names.ts";
import { type Problem, severityOf } from "../formation/problem.ts";
import { OID } from "../git/entries.ts";
import { findGitPlaces, type GitPlaces } from "../git/git-dir.ts";
import { blobOid } from "../git/object-id.ts";
import { tryGit } from "../git/run.ts";
import { headsBeingMerged } from "../git/staged.ts";
import { pathWord, tool } from "../invocation.ts";

/** In the git dir of the worktree. */
const UNRESOLVED_FILE = "muxi-git-unresolved.json";

export interface Unresolved {
  /** Repository path of the secrets.enc. */
  readonly path: string;
  /** null: the file as a whole, which could not be opened. */
  readonly names: readonly string[] | null;
  /** Oids of the blobs that were merged and of what was left. */
  readonly base: string;
  readonly ours: string;
  readonly theirs: string;
  readonly merged: string;
  /** Theirs as git has it; `theirs` may hold names that an earlier merge left as well. */
  readonly theirsOfGit?: string;
  /** HEAD at that time; null on an unborn branch. After an abort it is that again. */
  readonly head: string | null;
  /** The commits that `git merge` was merging into it; absent for anything else that merges. */
  readonly merging?: readonly string[];
}

interface Conflict {
  path: string;
  names: readonly string[] | null;
  base: Uint8Array;
  ours: Uint8Array;
  theirs: Uint8Array;
  merged: Uint8Array;
  /** An earlier one that this one takes in. */
  earlier?: Unresolved | undefined;
  /** Theirs without what that left. */
  theirsOfGit?: Uint8Array | undefined;
}

export function readUnresolved({ gitDir }: Pick<GitPlaces, "gitDir">): Unresolved[] {
  try {
    const data = JSON.parse(readFileSync(join(gitDir, UNRESOLVED_FILE), "utf8")) as { files?: unknown };
    return Array.isArray(data.files) ? data.files.filter(isUnresolved) : [];
  } catch {
    return [];
  }
}

function isUnresolved(value: unknown): value is Unresolved {
  if (typeof value !== "object" || value === null) return false;
  const one = value as Record<string, unknown>;
  return (
    typeof one.path === "string" &&
    (one.names === null || (Array.isArray(one.names) && one.names.every((name) => typeof name === "string"))) &&
    ["base", "ours", "theirs", "merged"].every((side) => OID.test(String(one[side]))) &&
    (one.theirsOfGit === undefined || OID.test(String(one.theirsOfGit))) &&
    (one.head === null || OID.test(String(one.head))) &&
    (one.merging === undefined || (Array.isArray(one.merging) && one.merging.every((oid) => OID.test(String(oid)))))
  );
}

export function recordUnresolved(conflict: Conflict): void {
  const places = findGitPlaces(process.cwd());
  if (places === null) return;
  // On an unborn branch the second line is no oid.
  const said = tryGit(["rev-parse", "--show-object-format", "HEAD"]).stdout.toString("latin1").split("\n");
  const digits = said[0] === "sha256" ? 64 : 40;
  const head = OID.test(said[1] ?? "") ? (said[1] as string) : null;
  const { path, names, base, ours, theirs, merged, earlier, theirsOfGit } = conflict;
  const oids = [base, ours, theirs, merged].map((bytes) => blobOid(bytes, digits)) as [string, string, string, string];
  const merging = headsBeingMerged(process.env);
  const record = {
    path,
    names,
    ...{ base: oids[0], ours: oids[1], theirs: oids[2], merged: oids[3] },
    ...(theirsOfGit !== undefined && { theirsOfGit: blobOid(theirsOfGit, digits) }),
    head,
    ...(merging.length > 0 && { merging }),
  };
  // Another branch may have its own; after an abort the same merge is done again.
  const others = readUnresolved(places).filter(
    (one) => one.path !== path || (one.head !== head && one.merged !== record.merged && one.merged !== earlier?.merged),
  );
  write(places, [...others.slice(-MOST), record]);
}

/** Records that are kept beside a new one: what was settled by another token stays until then. */
const MOST = 200;

/**
 * What our version of a file still leaves open: an earlier merge made it, and HEAD,
 * or the rebase that goes on, stands on it.
 */
export function leftOpen(path: string, ours: Uint8Array): Unresolved | undefined {
  const places = findGitPlaces(process.cwd());
  if (places === null) return undefined;
  const left = readUnresolved(places).find(
    (one) => one.path === path && one.merged === blobOid(ours, one.merged.length),
  );
  if (left === undefined) return undefined;
  const isOpen = isPast(left) ? hasGoneOn(left, "HEAD") : isUnderWay(places);
  return isOpen ? left : undefined;
}

/** What git leaves in the git dir while a merge, pick, revert or rebase is under way. */
const UNDER_WAY = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "sequencer"];

function isUnderWay({ gitDir }: Pick<GitPlaces, "gitDir">): boolean {
  return UNDER_WAY.some((name) => existsSync(join(gitDir, name)));
}

/**
 * The conflicts that what is staged still leaves open. After an abort, or a stash
 * that was taken back, nothing of them is in the commit: HEAD is what it was and
 * the file as it is there.
 *
 * @param staged - oid by repository path.
 */
export function unresolvedProblems(
  places: GitPlaces,
  staged: (path: string) => string | undefined,
  committed: (path: string) => string | undefined,
): Problem[] {
  const open = readUnresolved(places).filter((one) => staged(one.path) === one.merged);
  if (open.length === 0) return [];
  const underWay = isUnderWay(places);
  return open.flatMap((one) => {
    const inHead = !underWay && staged(one.path) === committed(one.path);
    if (inHead && !isPast(one)) {
      // Aborted. From this commit on HEAD would look as if it had gone on from there.
      forgetUnresolved(one, places);
      return [];
    }
    const problem = problemOf(one);
    // What HEAD holds already is not this commit's doing.
    return [inHead ? { ...problem, severity: "warning" as const } : problem];
  });
}

/**
 * The conflicts that a commit has undecided: where no hook ran, as at the end of
 * a rebase, our value stands in it like any other.
 *
 * @param commit - that is pushed.
 * @param stored - the oid that it has at a path.
 * @param remote - what the other side has: it is not told again what it has.
 */
export function unresolvedIn(
  places: GitPlaces,
  commit: string,
  stored: (path: string) => string | undefined,
  remote: readonly { commit: string; stored: (path: string) => string | undefined }[],
): Problem[] {
  return readUnresolved(places)
    .filter((one) => stored(one.path) === one.merged && hasGoneOn(one, commit))
    .filter((one) => !remote.some((side) => side.stored(one.path) === one.merged && hasGoneOn(one, side.commit)))
    .map(problemOf);
}

/** Whether a commit was made on top of the conflict. After an abort a merged commit is not behind it. */
function hasGoneOn({ head, merging }: Unresolved, commit: string): boolean {
  if (head === null || head === commit) return false;
  const isBehind = (oid: string) => tryGit(["merge-base", "--is-ancestor", oid, commit]).code === 0;
  return isBehind(head) && (merging === undefined || merging.some(isBehind));
}

function problemOf({ path, names }: Unresolved): Problem {
  return {
    code: "merge-unresolved",
    severity: severityOf("merge-unresolved", "commit"),
    formation: folderOf(path),
    path,
    message: `a merge left ${listed(names)} at ours, and nobody has decided`,
    fix: tool(`resolve ${pathWord(path)}`),
  };
}

/** HEAD has moved since: what was left stands in a commit. */
function isPast({ head }: Unresolved): boolean {
  return tryGit(["rev-parse", "--verify", "-q", "HEAD"]).stdout.toString("latin1").trim() !== (head ?? "");
}

/** Names that one message lists. */
const LISTED = 5;

function listed(names: readonly string[] | null): string {
  if (names === null) return "the whole file";
  const shown = names.slice(0, LISTED).map((name) => `'${shownName(name)}'`);
  return names.length > LISTED ? `${shown.join(", ")} and ${names.length - LISTED} more names` : shown.join(", ");
}

/** A file was merged without a conflict: what an abort, or the merge itself, has settled is open no more. */
export function forgetSettled(path: string, earlier: Unresolved | undefined): void {
  const places = findGitPlaces(process.cwd());
  if (places === null) return;
  for (const one of readUnresolved(places))
    if (one.path === path && (one.merged === earlier?.merged || !isPast(one))) forgetUnresolved(one, places);
}

export function forgetUnresolved({ path, merged }: Pick<Unresolved, "path" | "merged">, places: GitPlaces): void {
  const files = readUnresolved(places);
  const others = files.filter((one) => one.path !== path || one.merged !== merged);
  if (others.length < files.length) write(places, others);
}

function write({ gitDir }: Pick<GitPlaces, "gitDir">, files: readonly Unresolved[]): void {
  const path = join(gitDir, UNRESOLVED_FILE);
  if (files.length === 0) {
    try {
      unlinkSync(path);
    } catch {
      // There was none.
    }
    return;
  }
  writeFileDurably(path, `${JSON.stringify({ schemaVersion: 1, files }, null, 2)}\n`, 0o600);
}
