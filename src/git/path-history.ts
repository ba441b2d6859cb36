/**
 * The commits that change some paths, each with what those paths hold in it.
 *
 * git leaves out the commits between (`--full-history` with rewritten parents,
 * git-rev-list(1) "History Simplification"), so ten thousand commits of which
 * fifty touch a secrets.enc are fifty here; merges stay.
 */
import { posix } from "node:path";
import type { BlobReader } from "./cat-file.ts";
import { decodePath, MODE_SYMLINK, ZERO_OID } from "./entries.ts";
import { type Commit, listCommits, readChanges } from "./ranges.ts";

export interface TrackedFile {
  mode: string;
  oid: string;
}

export interface PathCommit extends Commit {
  /** All matching files as they stand in this commit, by repository path. */
  files: ReadonlyMap<string, TrackedFile>;
  /** Paths that differ from at least one parent, and stand in this commit. */
  changed: readonly string[];
  /** Paths that a parent had and this commit has not. */
  deleted: readonly string[];
}

/**
 * @param revisions - of rev-list: `--all`, a commit's oid.
 * @param pathspecs - what is looked at; git's magic works.
 * @returns parents before children.
 */
export function readPathHistory(revisions: readonly string[], pathspecs: readonly string[], cwd: string): PathCommit[] {
  const listed = listCommits(["--full-history", ...revisions, "--", ...pathspecs], "", cwd);
  const byOid = new Map<string, PathCommit>();
  for (const { parents, ...commit } of readChanges(listed, cwd, pathspecs).reverse()) {
    // A path that differs from no parent is as in any of them; one that does is told by its change.
    const first = byOid.get(commit.parentOids[0] ?? "")?.files ?? new Map<string, TrackedFile>();
    const files = new Map(first);
    const changed = new Set<string>();
    const deleted = new Set<string>();
    for (const { newMode, newOid, path } of parents.flat()) {
      if (ZERO_OID.test(newOid)) {
        files.delete(path);
        deleted.add(path);
      } else {
        files.set(path, { mode: newMode, oid: newOid });
        changed.add(path);
      }
    }
    const touched = changed.size + deleted.size > 0;
    byOid.set(commit.oid, {
      ...commit,
      files: touched ? files : first,
      changed: [...changed],
      deleted: [...deleted],
    });
  }
  return [...byOid.values()];
}

/** Where a link leads, as a repository path; null for a file that is none, or whose blob is not here. */
export async function linkTarget(files: PathCommit["files"], path: string, reader: BlobReader): Promise<string | null> {
  const file = files.get(path);
  const target = file?.mode === MODE_SYMLINK ? await reader.read(file.oid) : null;
  return target === null ? null : posix.join(posix.dirname(path), decodePath(target));
}

/** The oid of the blob that a path leads to; links are followed among the matching files. null where it leads elsewhere. */
export async function blobAt(
  files: PathCommit["files"],
  path: string,
  reader: BlobReader,
  links = 0,
): Promise<string | null> {
  const file = files.get(path);
  if (file?.mode !== MODE_SYMLINK) return file?.oid ?? null;
  const target = links < 8 ? await linkTarget(files, path, reader) : null;
  return target === null ? null : await blobAt(files, target, reader, links + 1);
}
