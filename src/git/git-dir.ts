/**
 * Where a repository keeps its things, found without starting git where that can
 * be: a hook is paid for on every commit. Follows gitrepository-layout(5) and "gitfile" in
 * gitglossary(7): `GIT_DIR`, else `.git` of the current directory or one above,
 * which may be a file `gitdir: PATH` (linked worktrees, submodules); the common
 * dir is named in `commondir`.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { tryGit } from "./run.ts";

export interface GitPlaces {
  /** Absolute. This worktree's own git dir: HEAD, index, MERGE_HEAD. */
  gitDir: string;
  /** Absolute. Shared by all worktrees: objects, refs, config, hooks. */
  commonDir: string;
  /** Absolute, the root of the working tree; null for a bare repository. */
  topLevel: string | null;
}

/** Find the repository of `cwd`, or null where there is none. Hooks and filters run at the top level. */
export function findGitPlaces(cwd: string, env: NodeJS.ProcessEnv = process.env): GitPlaces | null {
  const given = env.GIT_DIR;
  if (given !== undefined && given !== "") {
    const gitDir = gitDirAt(resolve(cwd, given));
    if (gitDir === null) return null;
    const commonDir = commonDirOf(gitDir, env);
    const workTree = env.GIT_WORK_TREE;
    return { gitDir, commonDir, topLevel: workTree ? resolve(cwd, workTree) : cwd };
  }
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const gitDir = gitDirAt(join(folder, ".git"));
    if (gitDir !== null) return { gitDir, commonDir: commonDirOf(gitDir, env), topLevel: folder };
    if (isGitDir(folder)) {
      // Inside `.git` itself, or a bare repository.
      return { gitDir: folder, commonDir: commonDirOf(folder, env), topLevel: null };
    }
    if (dirname(folder) === folder) return null;
  }
}

const GITFILE = "gitdir: ";

/** Without the CR and LF at its end. No expression: one that looks for them from each place reads a long run anew. */
function withoutLineEnd(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === "\n" || text[end - 1] === "\r")) end -= 1;
  return text.slice(0, end);
}

/** The git dir that `path` is, or that the gitfile `path` names. */
function gitDirAt(path: string): string | null {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return isGitDir(path) ? path : null;
    if (!stat.isFile() || stat.size > 65_536) return null;
    const text = readFileSync(path, "utf8");
    if (!text.startsWith(GITFILE)) return null;
    const named = withoutLineEnd(text.slice(GITFILE.length));
    const target = isAbsolute(named) ? named : resolve(dirname(path), named);
    return isGitDir(target) ? target : null;
  } catch {
    return null;
  }
}

function isGitDir(path: string): boolean {
  try {
    // HEAD is a file, or a symlink in very old repositories; refs or commondir stands beside it.
    statSync(join(path, "HEAD"));
  } catch {
    return false;
  }
  return ["refs", "commondir"].some((name) => {
    try {
      statSync(join(path, name));
      return true;
    } catch {
      return false;
    }
  });
}

function commonDirOf(gitDir: string, env: NodeJS.ProcessEnv): string {
  const given = env.GIT_COMMON_DIR;
  if (given) return resolve(given);
  try {
    return resolve(gitDir, withoutLineEnd(readFileSync(join(gitDir, "commondir"), "utf8")));
  } catch {
    return gitDir;
  }
}

/**
 * The main worktree's root, where the keys of linked worktrees stand; null where
 * it is not known. A submodule's git dir names its working tree in `core.worktree`;
 * that of `init --separate-git-dir` does not.
 */
export function mainWorktree({ gitDir, commonDir }: Pick<GitPlaces, "gitDir" | "commonDir">): string | null {
  if (basename(commonDir) === ".git") return dirname(commonDir);
  if (gitDir === commonDir) return null;
  let root = mainRoots.get(commonDir);
  if (root === undefined) {
    root = namedWorkTree(commonDir);
    mainRoots.set(commonDir, root);
  }
  return root;
}

/** Asked of git once: every formation without a key of its own wants to know. */
const mainRoots = new Map<string, string | null>();

function namedWorkTree(commonDir: string): string | null {
  const result = tryGit(["config", "--file", join(commonDir, "config"), "core.worktree"], { cwd: commonDir });
  const given = result.stdout.toString("utf8").replace(/\r?\n$/, "");
  return result.code === 0 && given !== "" ? resolve(commonDir, given) : null;
}

/** git reads a relative `GIT_INDEX_FILE` from the top level, where all our git runs; the others from where it starts. */
const STARTING_PLACES = ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR"] as const;

/**
 * Make the variables that name a repository absolute in `env`. Commands are
 * started anywhere and run git at the top level, where `GIT_DIR=../.git` would
 * name another repository. Relative to `cwd`, as git reads them after `-C`;
 * under an alias git starts us at the top level, and means that.
 */
export function makePlacesAbsolute(env: NodeJS.ProcessEnv, cwd: string): void {
  for (const name of STARTING_PLACES) {
    const given = env[name];
    if (!given) continue;
    const path = resolve(cwd, given);
    env[name] = existsSync(path) ? path : resolve(given);
  }
}
