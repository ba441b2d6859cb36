/**
 * The one wrapper around simple-git, for the porcelain that sets a repository
 * up and looks at its settings. Hooks and filters never load it: it drops
 * `GIT_INDEX_FILE` unless told otherwise and waits 50 ms on each silent command.
 *
 * What simple-git 4 does that this wrapper undoes or avoids:
 * - it removes every `GIT_*` variable from the child: all are named in
 *   `allowEnvironment`, so `GIT_DIR` and `GIT_CONFIG_GLOBAL` keep their meaning;
 * - it refuses filters, includes, aliases and hook paths unless `unsafe` says
 *   so: setting these up is this program's work, with values of its own;
 * - it sets `GIT_TEST_DISALLOW_ABBREVIATED_OPTIONS`, which reaches hooks;
 * - it reports an error only where git wrote to stderr, and decodes output as
 *   UTF-8: exit codes and raw bytes are asked of run.ts instead.
 */
import { join, resolve } from "node:path";
import { type SimpleGit, simpleGit } from "simple-git";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { type ConfigEntry, parseConfigList } from "./config.ts";
import { makePlacesAbsolute } from "./git-dir.ts";
import {
  type GitOptions,
  type GitResult,
  gitEnvironment,
  gitExecutable,
  gitFailed,
  isUntrusted,
  runGit,
  tryGit,
  untrusted,
} from "./run.ts";

export interface GitVersion {
  major: number;
  minor: number;
  /** As git prints it: `2.39.5`. */
  text: string;
}

export interface Repository {
  /** Absolute root of this working tree. */
  readonly topLevel: string;
  /** Absolute; this worktree's own git dir. */
  readonly gitDir: string;
  /** Absolute; shared by all worktrees. */
  readonly commonDir: string;
  /** The environment git is run with, `GIT_DIR` and the like made absolute. */
  readonly env: NodeJS.ProcessEnv;
  version(): Promise<GitVersion>;
  /** Every setting git sees here, in the order in which it reads them: of a single-valued key the last counts. */
  settings(): Promise<ConfigEntry[]>;
  /** Run git at the top level; exit code and raw bytes. */
  try(args: readonly string[], options?: Omit<GitOptions, "cwd" | "env">): GitResult;
  /** @throws MuxiGitError `git-failed`. */
  run(args: readonly string[], options?: Omit<GitOptions, "cwd" | "env">): Buffer;
}

// Programs and editors that no command of ours starts.
const NOT_PASSED_ON =
  /^(?:EDITOR|VISUAL|PAGER|PREFIX|SSH_ASKPASS|GIT_(?:EDITOR|SEQUENCE_EDITOR|PAGER|ASKPASS|SSH.*|PROXY_COMMAND|EXTERNAL_DIFF|TEMPLATE_DIR|SSL.*|TRACE.*|PREFIX))$/i;

/**
 * The repository of `cwd`.
 *
 * @throws MuxiGitError `git-not-found`, `no-repository`, `bare-repository`, `no-work-tree`.
 */
export function openRepository(cwd: string, env: NodeJS.ProcessEnv = process.env): Repository {
  const own = gitEnvironment(env);
  makePlacesAbsolute(own, cwd);
  const { topLevel, gitDir, commonDir } = findPlaces(cwd, own);
  // Commands run at the top level from here on, where a GIT_DIR without a work tree would name another one.
  if (own.GIT_DIR) own.GIT_WORK_TREE = topLevel;

  let porcelain: SimpleGit | undefined;
  let version: GitVersion | undefined;
  const git = (): SimpleGit => {
    porcelain ??= openPorcelain(topLevel, own);
    return porcelain;
  };
  const here = <T extends object>(options: T): T & { cwd: string; env: NodeJS.ProcessEnv } => ({
    ...options,
    cwd: topLevel,
    env: own,
  });

  return {
    topLevel,
    gitDir,
    commonDir,
    env: own,
    async version() {
      if (version !== undefined) return version;
      const text = /(\d+)\.(\d+)(?:\.\d+)*/.exec(await raw(git(), ["version"]));
      if (text === null) throw new MuxiGitError("git-failed", "'git version' gave no version");
      version = { major: Number(text[1]), minor: Number(text[2]), text: text[0] };
      return version;
    },
    async settings() {
      return parseConfigList(
        await raw(git(), ["config", "--list", "-z", "--show-scope", "--show-origin", "--includes"]),
      );
    },
    try: (args, options = {}) => tryGit(args, here(options)),
    run: (args, options = {}) => runGit(args, here(options)),
  };
}

const PLACES = ["--show-toplevel", "--absolute-git-dir", "--git-common-dir"] as const;

function findPlaces(cwd: string, env: NodeJS.ProcessEnv): Pick<Repository, "topLevel" | "gitDir" | "commonDir"> {
  const ask = (...options: string[]): GitResult => tryGit(["rev-parse", ...options], { cwd, env });
  // Outside a working tree --show-toplevel fails, after the answers that say why.
  const all = ask("--is-bare-repository", "--is-inside-work-tree", ...PLACES);
  const lines = all.stdout.toString("utf8").split(/\r?\n/);
  const [bare, inside] = lines;
  if (bare === "true") {
    throw new MuxiGitError("bare-repository", "this is a bare repository: it has no commits made in it to protect", {
      hint: "run this in a clone that has a working tree",
    });
  }
  if (inside === "false") {
    throw new MuxiGitError("no-work-tree", `'${escapeText(cwd)}' is not inside a working tree`, {
      hint: "change to the root of the working tree, or name it with -C DIR",
    });
  }
  if (all.code !== 0) {
    throw isUntrusted(all.stderr) || NO_REPOSITORY.test(all.stderr)
      ? noRepository(cwd, all.stderr)
      : gitFailed(["rev-parse"], all.code, all.stderr);
  }
  const answers =
    lines.length === 6
      ? lines.slice(2, 5)
      : // A folder's name has a line end in it: one question, one answer.
        PLACES.map((option) =>
          runGit(["rev-parse", option], { cwd, env })
            .toString("utf8")
            .replace(/\r?\n$/, ""),
        );
  const [topLevel, gitDir, commonDir] = answers.map((path) => resolve(cwd, path)) as [string, string, string];
  return { topLevel, gitDir, commonDir };
}

/** In the language of LC_ALL=C. Anything else, a config that cannot be parsed, is git's own to say. */
const NO_REPOSITORY = /not a git repository|must be run in a work tree/;

function noRepository(cwd: string, stderr: string): MuxiGitError {
  if (isUntrusted(stderr)) return untrusted("no-repository", ` at '${escapeText(cwd)}'`);
  return new MuxiGitError("no-repository", `no git repository at '${escapeText(cwd)}'`, {
    hint: "run this inside a repository, or name one with -C DIR",
  });
}

function openPorcelain(topLevel: string, env: NodeJS.ProcessEnv): SimpleGit {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !NOT_PASSED_ON.test(name)) passed[name] = value;
  }
  return simpleGit({
    baseDir: topLevel,
    binary: gitExecutable(),
    allowEnvironment: Object.keys(passed),
    // All arguments are written in this file. What else the guards stop comes from the environment of the person,
    // which git obeys when it is run directly: GIT_EXEC_PATH under `git muxi`, GIT_CONFIG_COUNT in a container.
    unsafe: {
      allowAbbreviatedOptions: true,
      allowUnsafeAlias: true,
      allowUnsafeAskPass: true,
      allowUnsafeCommandBinaries: true,
      allowUnsafeConfigEnvCount: true,
      allowUnsafeConfigPaths: true,
      allowUnsafeCredentialHelper: true,
      allowUnsafeCustomBinary: true,
      allowUnsafeDiffExternal: true,
      allowUnsafeDiffTextConv: true,
      allowUnsafeEditor: true,
      allowUnsafeExec: true,
      allowUnsafeFilter: true,
      allowUnsafeFsMonitor: true,
      allowUnsafeGitProxy: true,
      allowUnsafeGpgProgram: true,
      allowUnsafeHooksPath: true,
      allowUnsafeInclude: true,
      allowUnsafeMergeDriver: true,
      allowUnsafePack: true,
      allowUnsafePager: true,
      allowUnsafeProtocolOverride: true,
      allowUnsafeSshCommand: true,
      allowUnsafeSubmodule: true,
      allowUnsafeTemplateDir: true,
      allowUnsafeUrlRewrite: true,
    },
  }).env(passed);
}

async function raw(git: SimpleGit, args: string[]): Promise<string> {
  try {
    return await git.raw(args);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : "";
    const first = said.split("\n").find((line) => line.trim() !== "") ?? "no reason given";
    throw new MuxiGitError(
      "git-failed",
      `'git ${args[0] ?? ""}' failed: ${escapeText(first.replace(/^(?:fatal|error): /, "").slice(0, 300))}`,
      { cause },
    );
  }
}

/** The folder that git runs file hooks from in this worktree, wherever `core.hooksPath` points. */
export function hooksFolder(repository: Repository): string {
  const given = repository
    .run(["rev-parse", "--git-path", "hooks"])
    .toString("utf8")
    .replace(/\r?\n$/, "");
  return resolve(repository.topLevel, given);
}

/** `<git common dir>/muxi-git`, where install puts what git runs. */
export function runtimeFolder(repository: Pick<Repository, "commonDir">): string {
  return join(repository.commonDir, "muxi-git");
}
