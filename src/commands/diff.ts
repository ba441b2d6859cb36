/** `diff`: which secret names were added, removed, changed or renamed between two versions. */

import { lstatSync } from "node:fs";
import { resolve } from "node:path";
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { differs, type FailOn, failures, type Review } from "../formation/review.ts";
import { findCommit, PARTIAL_HINT, parseRange, type Range, shallowHint } from "../git/ranges.ts";
import { tryGit } from "../git/run.ts";
import { readTree, workingTreeSnapshot } from "../git/snapshot.ts";
import { emptyTree } from "../git/staged.ts";
import { tool } from "../invocation.ts";
import { formationsOf, openFile } from "../plumbing/formation-state.ts";
import { formationPaths } from "../plumbing/known.ts";
import { count } from "../report/block.ts";
import {
  type DiffReport,
  formatDiffGithub,
  formatDiffGitlab,
  formatDiffJson,
  formatDiffMarkdown,
  formatDiffText,
} from "../report/diff.ts";
import type { DiffFormat } from "../report/format-names.ts";
import type { Key } from "../secrets/key.ts";
import { classifyStored } from "../secrets/stored-form.ts";
import { out, styleFor, talk } from "../terminal.ts";
import {
  assertWorkTree,
  openContext,
  type RepositoryContext,
  readKeyFiles,
  repositoryPath,
  selectFormations,
} from "./repository-context.ts";
import { reviewBetween, type Side } from "./review-between.ts";
import { writeStepSummary } from "./step-summary.ts";

export interface DiffOptions extends Invocation {
  /** Revisions and paths as typed, up to `--`. */
  given: readonly string[];
  /** Paths after `--`; null where there is none. */
  afterDashes: readonly string[] | null;
  format: DiffFormat;
  json: boolean;
  exitCode: boolean;
  failOn: readonly FailOn[];
  keyFile: readonly string[];
  baseKeyFile: readonly string[];
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
    const baseKeys = readKeyFiles(options, options.baseKeyFile);
    const { revisions, paths } = sortArguments(options, context);
    const sides = sidesOf(revisions, topLevel);
    if (sides.head === null) assertWorkTree(context.places, tool("diff BASE...HEAD"));
    const base: Side = { snapshot: readTree(sides.base, reader, topLevel), keys: baseKeys };
    const head: Side = {
      snapshot: sides.head === null ? workingTreeSnapshot(topLevel) : readTree(sides.head, reader, topLevel),
    };
    await assertKeysFit(options, base, head);
    const review = await reviewBetween(context, base, head, {
      wanted: wantedBy(paths, options, context, [base, head]),
    });
    print({ base: sides.base, head: sides.head ?? "working tree", ...review }, options);
    if (!options.quiet) sayWays(review);
    const failed = failures(review, options.failOn);
    if (failed.length > 0) talk(`muxi-git: --fail-on: ${failed.join(", ")}`);
    return failed.length > 0 || (options.exitCode && differs(review)) ? EXIT.no : EXIT.ok;
  } finally {
    reader.close();
  }
}

function print(report: DiffReport, options: DiffOptions): void {
  const lines = (): string[] => {
    switch (options.json ? "json" : options.format) {
      case "text":
        return formatDiffText(report, styleFor(process.stdout.isTTY, options.env, options.noColor));
      case "markdown":
        return formatDiffMarkdown(report);
      case "json":
        return [formatDiffJson(report)];
      case "gitlab":
        return [formatDiffGitlab(report)];
      case "github":
        writeStepSummary(options.env, (room) => formatDiffMarkdown(report, room));
        return formatDiffGithub(report);
    }
  };
  for (const line of lines()) out(line);
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

/** Which formations and files the paths name; all where none is given. */
function wantedBy(
  paths: readonly string[],
  options: DiffOptions,
  context: RepositoryContext,
  sides: readonly Side[],
): (path: string) => boolean {
  if (paths.length === 0) return () => true;
  const { topLevel } = context;
  const all = formationPaths(...sides.map(({ snapshot }) => formationsOf(snapshot)));
  const chosen = new Set(
    selectFormations(
      options,
      topLevel,
      all.map((path) => ({ path })),
      paths,
    ).map(({ path }) => path),
  );
  const given = paths.map((path) => repositoryPath(options, topLevel, path));
  return (path) => chosen.has(path) || given.some((one) => one === "" || path === one || path.startsWith(`${one}/`));
}

/** @throws MuxiGitError `key-fits-nothing` */
export async function assertKeysFit(
  options: Pick<DiffOptions, "cwd" | "keyFile" | "baseKeyFile">,
  base: Side,
  head: Side,
): Promise<void> {
  for (const [at, key] of (base.keys ?? []).entries())
    await assertFits(options.baseKeyFile[at] ?? "", key, "the older version", [base]);
  for (const [at, key] of readKeyFiles(options, options.keyFile).entries())
    await assertFits(options.keyFile[at] ?? "", key, "either version", [head, base]);
}

/** A key that fits nothing is a wrong file, and names alone would look like an answer. @throws MuxiGitError `key-fits-nothing` */
async function assertFits(file: string, key: Key, where: string, sides: readonly Side[]): Promise<void> {
  let tokens = 0;
  for (const { snapshot } of sides) {
    for (const { encrypted } of formationsOf(snapshot)) {
      const bytes = encrypted === null ? null : await snapshot.read(encrypted);
      if (bytes === null || classifyStored(bytes) !== "token") continue;
      if (openFile(bytes, [key]).key !== null) return;
      tokens += 1;
    }
  }
  if (tokens === 0) return;
  throw new MuxiGitError("key-fits-nothing", `the key in '${escapeText(file)}' opens no secrets.enc of ${where}`, {
    hint: "name the .key file of the formation as it was then, or leave the option out: names are shown all the same",
  });
}

/** The way to what the report could not tell. */
function sayWays({ formations }: Review): void {
  const [first, ...more] = formations.flatMap((one) => one.unread);
  if (first !== undefined) {
    talk(`muxi-git: warning: ${count(more.length + 1, "file")} cannot be read here, '${escapeText(first)}' for one`);
    talk(`muxi-git: hint: ${PARTIAL_HINT}`);
  }
  if (formations.some(({ keys }) => keys.base === "wrong-key" && keys.head === "opened"))
    talk("muxi-git: hint: the key of the older version is named with --base-key-file FILE");
}
