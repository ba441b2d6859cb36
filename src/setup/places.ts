/** Recorded places and where they are now: repositories move, and linked worktrees share one install. */
import { readFileSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { mainWorktree } from "../git/git-dir.ts";
import type { Repository } from "../git/repository.ts";
import type { Place } from "./record.ts";

/** `""` for the main worktree, else its git dir relative to the common dir (`worktrees/NAME`). */
export function worktreeId(repository: Repository): string {
  return relative(repository.commonDir, repository.gitDir).split(sep).join("/");
}

function worktreeRoot(repository: Repository, id: string): string | null {
  if (id === worktreeId(repository)) return repository.topLevel;
  if (id !== "") {
    try {
      const link = readFileSync(join(repository.commonDir, id, "gitdir"), "utf8").replace(/[\r\n]+$/, "");
      return dirname(isAbsolute(link) ? link : resolve(repository.commonDir, id, link));
    } catch {
      return null;
    }
  }
  return mainWorktree(repository);
}

/** The absolute path; null where the worktree is gone. */
export function locate(place: Place, repository: Repository): string | null {
  if (place.base === "common") return join(repository.commonDir, place.path);
  const root = worktreeRoot(repository, place.worktree);
  return root === null ? null : join(root, place.path);
}

function within(path: string, folder: string): string | null {
  const way = relative(folder, path);
  return way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way) ? null : way.split(sep).join("/");
}

/** null for a path that is neither under the common dir nor in this working tree. */
export function placeOf(path: string, repository: Repository): Place | null {
  const common = within(path, repository.commonDir);
  if (common !== null) return { base: "common", path: common };
  const here = within(path, repository.topLevel);
  return here === null ? null : { base: "worktree", worktree: worktreeId(repository), path: here };
}

/** A path as a person at the top of the working tree would type it. */
export function shownPath(path: string, repository: Repository): string {
  return within(path, repository.topLevel) ?? path;
}
