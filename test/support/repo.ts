/**
 * A real git repository in a folder of its own, with isolated configuration,
 * deleted after the test. git 2.30 ignores GIT_CONFIG_GLOBAL, so HOME and
 * XDG_CONFIG_HOME are set as well.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

export const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const MAIN = join(PROJECT, "dist", "main.cjs");

/** What a package or a release has to hold of the build. */
export const BUILT = [
  "dist/main.cjs",
  "dist/plumbing.cjs",
  "dist/cli.cjs",
  "dist/secrets.cjs",
  "dist/globs.cjs",
  "dist/rules.bin",
  "dist/hooks/run",
] as const;

/** Options of git for staging without the filter, as in a clone that lacks it. */
export const NO_FILTER = [
  "-c",
  "filter.muxi-git.process=",
  "-c",
  "filter.muxi-git.clean=",
  "-c",
  "filter.muxi-git.required=false",
];

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
  /** Both streams, for assertions that something appears nowhere. */
  all: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  input?: string | Uint8Array;
}

export interface TempRepo {
  /** The root of the working tree. */
  readonly root: string;
  /** The folder that is deleted at the end; HOME and other worktrees stand in it. */
  readonly base: string;
  readonly env: Record<string, string>;
  /** Run any program; never throws. */
  try(command: string, ...args: string[]): Ran;
  tryWith(options: RunOptions, command: string, ...args: string[]): Ran;
  /** Run git, fail the test when it fails, return trimmed stdout. */
  git(...args: string[]): string;
  /** Run this build of muxi-git as a person would (`npx muxi-git …`); never throws. */
  muxi(...args: string[]): Ran;
  muxiWith(options: RunOptions, ...args: string[]): Ran;
  write(path: string, content: string | Uint8Array, mode?: number): void;
  read(path: string): Buffer;
  remove(path: string): void;
  path(...parts: string[]): string;
}

/** The git to test with: `MUXI_GIT_TEST_GIT` names another than the one in PATH. */
function gitFolder(given = process.env.MUXI_GIT_TEST_GIT): string | undefined {
  return given ? dirname(given) : undefined;
}

/** @param git - absolute path of the git to run; null or absent: the one to test with. */
export function isolatedEnvironment(base: string, git?: string | null): Record<string, string> {
  const home = join(base, "home");
  mkdirSync(join(home, ".config"), { recursive: true });
  const env: Record<string, string> = {
    PATH: [gitFolder(git ?? undefined), dirname(process.execPath), process.env.PATH].filter(Boolean).join(delimiter),
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: join(home, ".gitconfig"),
    GIT_AUTHOR_NAME: "A U Thor",
    GIT_AUTHOR_EMAIL: "author@example.com",
    GIT_COMMITTER_NAME: "C O Mitter",
    GIT_COMMITTER_EMAIL: "committer@example.com",
    GIT_AUTHOR_DATE: "2026-01-02T03:04:05Z",
    GIT_COMMITTER_DATE: "2026-01-02T03:04:05Z",
    GIT_TERMINAL_PROMPT: "0",
    GIT_EDITOR: "true",
    GIT_PAGER: "cat",
    LC_ALL: "C.UTF-8",
    TZ: "UTC",
    TMPDIR: join(base, "tmp"),
  };
  mkdirSync(join(base, "tmp"), { recursive: true });
  // Set by the coverage run: V8 writes there what the bundle's branches did.
  if (process.env.NODE_V8_COVERAGE) env.NODE_V8_COVERAGE = process.env.NODE_V8_COVERAGE;
  return env;
}

export interface TempRepoOptions {
  /** Name of the working tree's folder; the default has a space and a non-ASCII letter on purpose. */
  name?: string;
  /** Extra arguments of `git init`. */
  init?: string[];
  /** Run `muxi-git install` after `git init`. */
  install?: boolean;
  /** Absolute path of the git to run, see gits.ts. */
  git?: string | null;
}

export function tempRepo(t: TestContext, options: TempRepoOptions = {}): TempRepo {
  if (options.install && options.name === undefined && options.init === undefined) {
    return installedRepo(t, options.git).repo;
  }
  const base = realpathSync(mkdtempSync(join(tmpdir(), "muxi-git-test-")));
  t.after(() => rmSync(base, { recursive: true, force: true, maxRetries: 3 }));
  const repo = initialised(base, options.name ?? "wörk tree", options.init ?? [], options.git);
  if (options.install) install(repo);
  return repo;
}

function install(repo: TempRepo): void {
  const ran = repo.muxi("install");
  if (ran.code !== 0) throw new Error(`install failed with ${ran.code}:\n${ran.all}`);
}

const installedRepo = preparedRepo(install);

/**
 * A prepared repository that each test gets a copy of: setting one up costs a
 * dozen processes, copying it none. It is made at first use.
 *
 * @param prepare - fills the repository; what it returns comes with every copy.
 */
export function preparedRepo<T>(
  prepare: (repo: TempRepo) => T,
): (t: TestContext, git?: string | null) => { repo: TempRepo; made: T } {
  /** One for each git that is asked for. */
  const templates = new Map<string | null, { base: string; made: T }>();
  return (t, git = null) => {
    let template = templates.get(git);
    if (template === undefined) {
      const base = realpathSync(mkdtempSync(join(tmpdir(), "muxi-git-prepared-")));
      process.once("exit", () => rmSync(base, { recursive: true, force: true }));
      const repo = initialised(base, "wörk tree", [], git);
      template = { base, made: prepare(repo) };
      templates.set(git, template);
    }
    const base = realpathSync(mkdtempSync(join(tmpdir(), "muxi-git-test-")));
    t.after(() => rmSync(base, { recursive: true, force: true, maxRetries: 3 }));
    cpSync(template.base, base, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    return { repo: repoAt(base, join(base, "wörk tree"), isolatedEnvironment(base, git)), made: template.made };
  };
}

function initialised(base: string, name: string, init: readonly string[], git?: string | null): TempRepo {
  const root = join(base, name);
  mkdirSync(root, { recursive: true });
  const repo = repoAt(base, root, isolatedEnvironment(base, git));
  repo.git("init", "-q", "-b", "main", ...init);
  return repo;
}

/** A handle on another working tree under the same base: a clone, a linked worktree. */
export function repoAt(base: string, root: string, env: Record<string, string>): TempRepo {
  const tryWith = (given: RunOptions, command: string, ...args: string[]): Ran => {
    const merged: Record<string, string | undefined> = { ...env, ...given.env };
    const result = spawnSync(command, args, {
      cwd: given.cwd ?? root,
      env: merged,
      input: given.input ?? "",
      maxBuffer: 1 << 30,
    });
    if (result.error) throw result.error;
    const stdout = result.stdout.toString("utf8");
    const stderr = result.stderr.toString("utf8");
    return { code: result.status ?? 255, stdout, stderr, all: `${stdout}\n${stderr}` };
  };
  return {
    root,
    base,
    env,
    tryWith,
    try: (command, ...args) => tryWith({}, command, ...args),
    git(...args) {
      const ran = tryWith({}, "git", ...args);
      if (ran.code !== 0) throw new Error(`git ${args.join(" ")} ended with ${ran.code}:\n${ran.stderr}`);
      return ran.stdout.trimEnd();
    },
    muxi: (...args) => tryWith({}, process.execPath, MAIN, ...args),
    muxiWith: (given, ...args) => tryWith(given, process.execPath, MAIN, ...args),
    write(path, content, mode) {
      const full = join(root, path);
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, content, mode === undefined ? {} : { mode });
    },
    read: (path) => readFileSync(join(root, path)),
    remove: (path) => rmSync(join(root, path), { recursive: true }),
    path: (...parts) => join(root, ...parts),
  };
}
