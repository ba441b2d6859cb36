/** `check`: template, encrypted names and references against each other, and the form of each secrets file. */
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { checkFormation, namesOf } from "../formation/drift.ts";
import type { Problem } from "../formation/problem.ts";
import { applySeverities } from "../formation/severity.ts";
import { indexSnapshot, readTree, type Snapshot, workingTreeSnapshot } from "../git/snapshot.ts";
import { readStaged } from "../git/staged.ts";
import { tool } from "../invocation.ts";
import { formationsOf, type ReadFormation, readFormation } from "../plumbing/formation-state.ts";
import { type CheckedFormation, formatCheckJson, formatCheckText } from "../report/check.ts";
import { DEFAULT_SETTINGS, parseSettings, SETTINGS_FILE } from "../settings.ts";
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
  const context = openContext(options, options.keyFile);
  try {
    const snapshot = await snapshotFor(options, context);
    const formations = selectFormations(options, context.topLevel, formationsOf(snapshot), options.paths);
    const settingsBytes = await snapshot.read(SETTINGS_FILE);
    const settings = settingsBytes === null ? DEFAULT_SETTINGS : parseSettings(settingsBytes);
    const checked: CheckedFormation[] = [];
    for (const formation of formations) {
      const keys = context.keyring.keysFor(formation.path);
      const read = await readFormation(snapshot, formation, context.keyring.stateFor(formation.path), keys);
      const problems = applySeverities(checkFormation(read.state, "check"), settings.severities, "check");
      checked.push(describe(read, options.requireKey ? problems.map(requireKey) : problems));
    }
    if (options.json) out(formatCheckJson(checked));
    else {
      const style = styleFor(process.stdout.isTTY, options.env, options.noColor);
      for (const line of formatCheckText(checked, style, options.quiet)) out(line);
      if (formations.length === 0 && !options.quiet) talk("no formation here");
    }
    const bad = checked.some(({ problems }) => problems.some((problem) => problem.severity === "error"));
    return bad ? EXIT.no : EXIT.ok;
  } finally {
    context.reader.close();
  }
}

function requireKey(problem: Problem): Problem {
  return problem.code === "key-missing" ? { ...problem, severity: "error" } : problem;
}

async function snapshotFor(options: CheckOptions, context: RepositoryContext): Promise<Snapshot> {
  const { topLevel, reader, places, bare } = context;
  if (options.rev !== undefined) return readTree(options.rev, reader, topLevel);
  if (bare) {
    throw new MuxiGitError("bare-repository", "a bare repository has no working tree to check", {
      hint: tool("check --rev HEAD"),
    });
  }
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
