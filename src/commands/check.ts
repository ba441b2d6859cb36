/** `check`: template, encrypted names and references against each other, and the form of each secrets file. */
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { namesOf } from "../formation/drift.ts";
import type { Problem } from "../formation/problem.ts";
import { problemsOf } from "../formation/severity.ts";
import { resolveCommit } from "../git/ranges.ts";
import { indexSnapshot, readTree, type Snapshot, workingTreeSnapshot } from "../git/snapshot.ts";
import { readStaged } from "../git/staged.ts";
import { tool } from "../invocation.ts";
import { settingsOf } from "../plumbing/configuration.ts";
import { formationsOf, type ReadFormation, readFormation } from "../plumbing/formation-state.ts";
import { type CheckedFormation, formatCheckJson, formatCheckText } from "../report/check.ts";
import { outdatedNotice } from "../settings.ts";
import { out, styleFor, talk } from "../terminal.ts";
import { openContext, type RepositoryContext, selectFormations } from "./repository-context.ts";

export interface CheckOptions extends Invocation {
  paths: readonly string[];
  staged: boolean;
  rev?: string;
  keyFile: readonly string[];
  requireKey: boolean;
  json: boolean;
}

export async function check(options: CheckOptions): Promise<ExitCode> {
  if (options.staged && options.rev !== undefined)
    throw new MuxiGitError("usage", "--staged and --rev exclude one another");
  const context = openContext(options, {
    keyFiles: options.keyFile,
    ...(options.rev === undefined && { workTreeOr: tool("check --rev HEAD") }),
  });
  try {
    const checked = await checkSnapshot(options, context, await snapshotFor(options, context));
    if (options.json) out(formatCheckJson(checked));
    else {
      const style = styleFor(process.stdout.isTTY, options.env, options.noColor);
      for (const line of formatCheckText(checked, style, options.quiet)) out(line);
      if (checked.length === 0 && !options.quiet) talk("no formation here");
    }
    return hasErrors(checked) ? EXIT.no : EXIT.ok;
  } finally {
    context.reader.close();
  }
}

/** The formations of a snapshot that `paths` are about, by the snapshot's own settings. */
export async function checkSnapshot(
  options: Pick<CheckOptions, keyof Invocation | "paths" | "requireKey">,
  { topLevel, keyring }: RepositoryContext,
  snapshot: Snapshot,
): Promise<CheckedFormation[]> {
  const formations = selectFormations(options, topLevel, formationsOf(snapshot), options.paths);
  const settings = await settingsOf(snapshot);
  const outdated = outdatedNotice(settings);
  if (outdated !== null) talk(`muxi-git: warning: ${escapeText(outdated)}`);
  const checked: CheckedFormation[] = [];
  for (const formation of formations) {
    const { path } = formation;
    const read = await readFormation(snapshot, formation, keyring.stateFor(path), keyring.keysFor(path));
    const problems = problemsOf(read.state, settings, "check");
    checked.push(describe(read, options.requireKey ? problems.map(requireKey) : problems));
  }
  return checked;
}

function hasErrors(checked: readonly CheckedFormation[]): boolean {
  return checked.some(({ problems }) => problems.some(({ severity }) => severity === "error"));
}

function requireKey(problem: Problem): Problem {
  return problem.code === "key-missing" ? { ...problem, severity: "error" } : problem;
}

async function snapshotFor(options: CheckOptions, context: RepositoryContext): Promise<Snapshot> {
  const { topLevel, reader, places } = context;
  if (options.rev !== undefined) return readTree(resolveCommit(options.rev, topLevel), reader, topLevel);
  if (options.staged) return indexSnapshot((await readStaged(places, topLevel)).index, reader);
  return workingTreeSnapshot(topLevel);
}

function describe({ formation, state, opened }: ReadFormation, problems: Problem[]): CheckedFormation {
  const { kind } = opened.state;
  const form = kind === "none" ? "none" : kind === "opened" || kind === "locked" ? "fernet" : "other";
  return {
    path: formation.path,
    form,
    canonical: opened.state.kind === "opened" ? opened.state.canonical : null,
    opened:
      kind === "none" || (kind === "locked" && opened.state.kind === "locked" && opened.state.reason === "no-key")
        ? null
        : kind === "opened",
    names: namesOf(state),
    problems,
  };
}
