/**
 * The one place that runs git at commit time and in filters.
 *
 * - git is found in PATH by absolute path and never inside the working tree: a
 *   committed `git.exe` in the current directory may win over PATH on Windows.
 * - `GIT_NO_REPLACE_OBJECTS` and an empty graft file: a `refs/replace` entry
 *   showed us clean bytes while the blob that was pushed held the leak.
 * - The pathspec variables are unset: under `git --literal-pathspecs commit`
 *   a glob of ours found nothing, in silence.
 * - `GIT_NO_LAZY_FETCH`: a hook or filter never goes to the network. git before
 *   2.45 does not know it and tries to fetch; no transport is allowed then.
 * - `core.fsmonitor` is off: it names a program, and a repository that somebody
 *   packed up brings its configuration along. Looking into one with `scan` or
 *   `status` must not run what stands there.
 * - `GIT_INDEX_FILE`, `GIT_DIR` and the rest are inherited: `git commit -a` and
 *   `git commit <path>` prepare an index of their own, and that is the one to read.
 */
import type { SpawnSyncReturns } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { posix, win32 } from "node:path";
import { childProcess } from "../builtin.ts";
import { MuxiGitError } from "../errors.ts";

/** Largest output collected from one git process, in bytes. */
const MAX_OUTPUT = 0x7fff_ffff;

const PATHSPEC_VARIABLES = [
  "GIT_LITERAL_PATHSPECS",
  "GIT_GLOB_PATHSPECS",
  "GIT_NOGLOB_PATHSPECS",
  "GIT_ICASE_PATHSPECS",
] as const;

let executable: string | undefined;

/** The absolute path of git: the first in PATH that stands outside the current directory. */
export function gitExecutable(env: NodeJS.ProcessEnv = process.env, cwd = process.cwd()): string {
  executable ??= gitCandidates(env, cwd).find(isExecutable);
  if (executable !== undefined) return executable;
  throw new MuxiGitError("git-not-found", "git was not found in PATH", {
    hint: "install git, or add its folder to PATH",
  });
}

export function isExecutable(path: string): boolean {
  try {
    if (!statSync(path).isFile()) return false;
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function gitCandidates(env: NodeJS.ProcessEnv, cwd: string, platform = process.platform): string[] {
  return programCandidates("git", env, cwd, platform);
}

/** Where a program may be, outside `folder`. No `.cmd`: it would be run by a shell, which reads our arguments anew. */
export function programCandidates(
  name: string,
  env: NodeJS.ProcessEnv,
  folder: string,
  platform = process.platform,
): string[] {
  const way = platform === "win32" ? win32 : posix;
  return pathFolders(env, folder, platform).map((one) => way.join(one, platform === "win32" ? `${name}.exe` : name));
}

/** The folders of PATH that stand outside `folder`, all where that is the root; relative ones are left out. */
export function pathFolders(env: NodeJS.ProcessEnv, folder: string, platform = process.platform): string[] {
  const way = platform === "win32" ? win32 : posix;
  const isRoot = way.parse(way.resolve(folder)).root === way.resolve(folder);
  return (env.PATH ?? env.Path ?? "")
    .split(way.delimiter)
    .filter((one) => way.isAbsolute(one) && (isRoot || !isInside(one, folder, platform)));
}

/** Whether `path` is `folder` or below it. On Windows in any case, as its file systems compare. */
export function isInside(path: string, folder: string, platform = process.platform): boolean {
  const { relative, resolve, sep, isAbsolute } = platform === "win32" ? win32 : posix;
  const way = relative(resolve(folder), resolve(path));
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

/** The environment in which git answers us, whatever the person's own says. */
export function gitEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const result: NodeJS.ProcessEnv = {
    ...env,
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_GRAFT_FILE: process.platform === "win32" ? "NUL" : "/dev/null",
    GIT_NO_LAZY_FETCH: "1",
    GIT_ALLOW_PROTOCOL: "none",
    GIT_OPTIONAL_LOCKS: "0",
    LC_ALL: "C",
  };
  for (const name of PATHSPEC_VARIABLES) delete result[name];
  addSetting(result, "core.fsmonitor", "false");
  return result;
}

/** One more setting for git, as by `git -c`; git before 2.31 takes no notice (git-config(1), GIT_CONFIG_COUNT). */
function addSetting(env: NodeJS.ProcessEnv, key: string, value: string): void {
  const given = env.GIT_CONFIG_COUNT ?? "0";
  // What git would refuse is left for git to say.
  if (!/^[0-9]{1,6}$/.test(given)) return;
  const at = Number(given);
  env.GIT_CONFIG_COUNT = String(at + 1);
  env[`GIT_CONFIG_KEY_${at}`] = key;
  env[`GIT_CONFIG_VALUE_${at}`] = value;
}

export interface GitOptions {
  cwd?: string;
  /** Bytes for git's stdin; an empty stdin when absent. */
  input?: Uint8Array | string;
  env?: NodeJS.ProcessEnv;
  /** After so long it is stopped, and what it has said so far is its answer, with code 255. */
  timeoutMs?: number;
}

export interface GitResult {
  code: number;
  stdout: Buffer;
  /** git's own words. They may name paths and refs: escape before printing. */
  stderr: string;
}

/**
 * Run git and wait. The exit code is the caller's to judge.
 *
 * @throws MuxiGitError `git-not-found`; `git-failed` when the process could not
 * be started or was killed.
 */
export function tryGit(args: readonly string[], options: GitOptions = {}): GitResult {
  const cwd = options.cwd ?? process.cwd();
  const result: SpawnSyncReturns<Buffer> = childProcess().spawnSync(gitExecutable(), args, {
    cwd,
    env: options.env ?? gitEnvironment(),
    input: options.input ?? "",
    maxBuffer: MAX_OUTPUT,
    windowsHide: true,
    ...(options.timeoutMs !== undefined && { timeout: options.timeoutMs }),
  });
  if ((result.error as NodeJS.ErrnoException | undefined)?.code === "ETIMEDOUT")
    return { code: 255, stdout: result.stdout, stderr: "" };
  if (result.error !== undefined || result.status === null) {
    throw new MuxiGitError("git-failed", `'git ${args[0] ?? ""}' could not be run`, { cause: result.error });
  }
  return { code: result.status, stdout: result.stdout, stderr: result.stderr.toString("utf8") };
}

/** Run git and return its stdout. @throws MuxiGitError `git-failed` on any other exit code than 0. */
export function runGit(args: readonly string[], options: GitOptions = {}): Buffer {
  const result = tryGit(args, options);
  if (result.code !== 0) throw gitFailed(args, result.code, result.stderr);
  return result.stdout;
}

/** Like {@link runGit}, without blocking: several can run at once. */
export async function startGit(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
  return await new Promise((done, fail) => {
    const child = childProcess().spawn(gitExecutable(), args, {
      cwd: options.cwd ?? process.cwd(),
      env: options.env ?? gitEnvironment(),
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      windowsHide: true,
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
    // git may end before it has read all input (EPIPE); its exit code tells.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.input);
    child.on("error", (cause) =>
      fail(new MuxiGitError("git-failed", `'git ${args[0] ?? ""}' could not be run`, { cause })),
    );
    child.on("close", (code) => {
      done({ code: code ?? 255, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString("utf8") });
    });
  });
}

/** Whether git refuses to look at a repository because of who owns it. In the language of LC_ALL=C, of any version. */
export function isUntrusted(stderr: string): boolean {
  return /dubious ownership|unsafe repository/.test(stderr);
}

/** @param where - follows "the repository". */
export function untrusted(code: string, where = ""): MuxiGitError {
  return new MuxiGitError(code, `git does not trust the owner of the repository${where}`, {
    hint: "see 'safe.directory' in git help config",
  });
}

export function gitFailed(args: readonly string[], code: number, stderr: string): MuxiGitError {
  if (isUntrusted(stderr)) return untrusted("git-failed");
  const verb = args.find((argument) => !argument.startsWith("-")) ?? "";
  const first = stderr.split("\n").find((line) => line.trim() !== "") ?? `exit code ${code}`;
  // git's first line names paths, refs and config keys, never file contents.
  return new MuxiGitError("git-failed", `'git ${verb}' failed: ${first.replace(/^fatal: /, "").slice(0, 300)}`);
}

/** Split NUL-terminated output (`-z`). */
export function splitNul(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, start)) {
    parts.push(bytes.subarray(start, end));
    start = end + 1;
  }
  if (start < bytes.length) parts.push(bytes.subarray(start));
  return parts;
}
