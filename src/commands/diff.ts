/** `diff`: which secret names were added, removed, changed or renamed between two versions. */
import { createHash } from "node:crypto";
import { lstatSync } from "node:fs";
import { resolve } from "node:path";
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import type { Formation } from "../formation/discover.ts";
import { type FormationReview, type ReviewedVersion, reviewFormation } from "../formation/review.ts";
import { findCommit, parseRange, type Range, shallowHint } from "../git/ranges.ts";
import { tryGit } from "../git/run.ts";
import { readTree, type Snapshot, workingTreeSnapshot } from "../git/snapshot.ts";
import { emptyTree } from "../git/staged.ts";
import { tool } from "../invocation.ts";
import { settingsOf } from "../plumbing/configuration.ts";
import { formationsOf, readFormation } from "../plumbing/formation-state.ts";
import { formatDiffJson, formatDiffMarkdown, formatDiffText } from "../report/diff.ts";
import { keyFingerprint } from "../secrets/key.ts";
import { out, styleFor } from "../terminal.ts";
import { assertWorkTree, openContext, type RepositoryContext, selectFormations } from "./repository-context.ts";

export interface DiffOptions extends Invocation {
  /** Revisions and paths as typed, up to `--`. */
  given: readonly string[];
  /** Paths after `--`; null where there is none. */
  afterDashes: readonly string[] | null;
  format: "text" | "markdown" | "json";
  json: boolean;
  exitCode: boolean;
  keyFile: readonly string[];
}

/** The two versions. */
interface Sides {
  /** Oid of a commit, or of the empty tree. */
  base: string;
  /** null for the working tree. */
  head: string | null;
}

export async function diff(options: DiffOptions): Promise<ExitCode> {
  const context = openContext(options, { keyFiles: options.keyFile });
  const { topLevel, reader } = context;
  try {
    const { revisions, paths } = sortArguments(options, context);
    const sides = sidesOf(revisions, topLevel);
    if (sides.head === null) assertWorkTree(context.places, tool("diff BASE...HEAD"));
    const base = readTree(sides.base, reader, topLevel);
    const head = sides.head === null ? workingTreeSnapshot(topLevel) : readTree(sides.head, reader, topLevel);
    const reviews = await reviewAll(context, base, head, options, paths);
    const names = { base: sides.base, head: sides.head ?? "working tree" };
    const style = styleFor(process.stdout.isTTY, options.env, options.noColor);
    if (options.json || options.format === "json") out(formatDiffJson(names, reviews));
    else
      for (const line of options.format === "markdown" ? formatDiffMarkdown(reviews) : formatDiffText(reviews, style))
        out(line);
    return options.exitCode && reviews.length > 0 ? EXIT.no : EXIT.ok;
  } finally {
    reader.close();
  }
}

/** Revisions and paths, told apart as git does (gitcli(7)): what stands after `--` is a path. */
function sortArguments(
  options: DiffOptions,
  { topLevel, bare }: RepositoryContext,
): { revisions: string[]; paths: string[] } {
  const { given, afterDashes } = options;
  if (afterDashes !== null) {
    if (given.length > 2) throw new MuxiGitError("usage", "at most two revisions stand before '--'");
    return { revisions: [...given], paths: [...afterDashes] };
  }
  const firstPath = given.findIndex((one, at) => {
    const known = at < 2 && isRevision(one, topLevel);
    // In a git dir stands a file called HEAD.
    if (known && !bare && existsAt(options, one)) {
      throw new MuxiGitError("ambiguous", `'${escapeText(one)}' is both a revision and a file`, {
        hint: "put '--' after revisions, before paths",
      });
    }
    return !known;
  });
  if (firstPath < 0) return { revisions: [...given], paths: [] };
  const [revisions, paths] = [given.slice(0, firstPath), given.slice(firstPath)];
  for (const path of paths) {
    if (existsAt(options, path)) continue;
    if (paths[0] === path && revisions.length < 2) resolveRevision(path, topLevel);
    throw new MuxiGitError("no-file", `there is no '${escapeText(path)}' here`, {
      hint: "a path that only one of the versions has stands after '--'",
    });
  }
  return { revisions, paths };
}

function existsAt({ cwd }: DiffOptions, path: string): boolean {
  return lstatSync(resolve(cwd, path), { throwIfNoEntry: false }) !== undefined;
}

function isRevision(text: string, cwd: string): boolean {
  try {
    resolveRevision(text, cwd);
    return true;
  } catch (error) {
    if (error instanceof MuxiGitError && error.code === "bad-revision") return false;
    throw error;
  }
}

/** A revision or range. HEAD before the first commit is the empty tree: everything is new. */
function resolveRevision(text: string, cwd: string): Range {
  const unborn = text === "HEAD" && findCommit("HEAD", cwd) === null;
  if (!unborn) return parseRange(text, cwd);
  const empty = emptyTree(cwd);
  return { dots: "", base: empty, head: empty };
}

/** As git reads them: nothing is HEAD against the working tree, `A` is A against it; `A B`, `A..B` and `A...B` are two commits. */
function sidesOf(revisions: readonly string[], cwd: string): Sides {
  const [first = "HEAD", second] = revisions;
  const one = resolveRevision(first, cwd);
  if (second !== undefined) {
    const two = resolveRevision(second, cwd);
    if (one.dots !== "" || two.dots !== "") throw new MuxiGitError("usage", "two revisions, or one range");
    return { base: one.head, head: two.head };
  }
  if (one.dots === "") return { base: one.head, head: null };
  if (one.dots === "..") return { base: one.base, head: one.head };
  const base = tryGit(["merge-base", one.base, one.head], { cwd });
  if (base.code !== 0) {
    throw new MuxiGitError("no-merge-base", `'${escapeText(first)}' have no common ancestor here`, shallowHint(cwd));
  }
  return { base: base.stdout.toString("latin1").trim(), head: one.head };
}

async function reviewAll(
  context: RepositoryContext,
  base: Snapshot,
  head: Snapshot,
  options: DiffOptions,
  paths: readonly string[],
): Promise<FormationReview[]> {
  const settings = await settingsOf(head);
  const [before, after] = [formationsOf(base), formationsOf(head)].map(
    (list) => new Map(list.map((formation) => [formation.path, formation])),
  );
  const all = [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])].sort((a, b) => (a < b ? -1 : 1));
  const wanted = selectFormations(
    options,
    context.topLevel,
    all.map((path) => ({ path })),
    paths,
  );
  const reviews: FormationReview[] = [];
  for (const { path } of wanted) {
    const old = before?.get(path);
    const now = after?.get(path);
    const review = reviewFormation(
      path,
      old === undefined ? null : await version(context, base, old),
      now === undefined ? null : await version(context, head, now),
      settings,
    );
    if (review !== null) reviews.push(review);
  }
  return reviews;
}

async function version(
  { keyring }: RepositoryContext,
  snapshot: Snapshot,
  formation: Formation,
): Promise<ReviewedVersion> {
  const { path, encrypted } = formation;
  const { state, opened } = await readFormation(snapshot, formation, keyring.stateFor(path), keyring.keysFor(path));
  const bytes = encrypted === null ? null : await snapshot.read(encrypted);
  return {
    state,
    keyFingerprint: opened.key === null ? null : keyFingerprint(opened.key),
    encryptedId: bytes === null ? null : createHash("sha256").update(bytes).digest("hex"),
  };
}
