/**
 * A tree of files, wherever it stands: the index, a commit, the working tree.
 * The questions asked of a repository (which formations, which names, which
 * references) are asked of a snapshot, so that a hook, `check --rev` and `diff`
 * answer them alike.
 */
import { posix } from "node:path";
import type { BlobReader } from "./cat-file.ts";
import {
  decodePath,
  type IndexEntry,
  MODE_SUBMODULE,
  MODE_SYMLINK,
  parseTreeEntries,
  type RawChange,
  type TreeEntry,
} from "./entries.ts";
import { runGit, splitNul } from "./run.ts";
import { readWorkingFile } from "./working-file.ts";

export interface SnapshotEntry {
  mode: string;
  /** null for a file of the working tree, whose bytes have no id yet. */
  oid: string | null;
}

export interface Snapshot {
  /** By repository path; submodules are left out. */
  readonly entries: ReadonlyMap<string, SnapshotEntry>;
  /**
   * The bytes of a file; a symlink is followed inside the snapshot, as MUXI reads
   * and writes through links. null where it is absent, leads outside, or cannot
   * be read (an object that a partial clone lacks, a file without permission).
   */
  read(path: string): Promise<Buffer | null>;
}

/** Links followed before a chain counts as a loop. */
const MAX_LINKS = 8;

function snapshotOf(
  entries: Map<string, SnapshotEntry>,
  bytesOf: (path: string, entry: SnapshotEntry) => Promise<Buffer | null>,
): Snapshot {
  async function read(path: string, links = 0): Promise<Buffer | null> {
    const entry = entries.get(path);
    if (entry === undefined) return null;
    const bytes = await bytesOf(path, entry);
    if (entry.mode !== MODE_SYMLINK || bytes === null) return bytes;
    const target = posix.normalize(posix.join(posix.dirname(path), decodePath(bytes)));
    return links >= MAX_LINKS || target.startsWith("../") ? null : await read(target, links + 1);
  }
  return { entries, read: (path) => read(path) };
}

function snapshotOfObjects(entries: Map<string, SnapshotEntry>, reader: BlobReader): Snapshot {
  return snapshotOf(entries, async (path, { mode, oid }) =>
    oid === null ? null : await reader.read(oid, mode === MODE_SYMLINK ? undefined : path),
  );
}

/** The index as the next commit will hold it. Of an unmerged path, ours (else theirs) stands for it. */
export function indexSnapshot(index: readonly IndexEntry[], reader: BlobReader): Snapshot {
  const entries = new Map<string, SnapshotEntry>();
  for (const { mode, oid, stage, path } of index) {
    if (mode === MODE_SUBMODULE || stage === 1 || (stage === 3 && entries.has(path))) continue;
    entries.set(path, { mode, oid });
  }
  return snapshotOfObjects(entries, reader);
}

export function treeSnapshot(tree: readonly TreeEntry[], reader: BlobReader): Snapshot {
  const entries = new Map<string, SnapshotEntry>();
  for (const { mode, oid, path } of tree) if (mode !== MODE_SUBMODULE) entries.set(path, { mode, oid });
  return snapshotOfObjects(entries, reader);
}

/**
 * The files of a commit or tree-ish: an oid, or a name of ours. What a person
 * typed passes ranges.ts first. @throws MuxiGitError `git-failed` where `rev` names none.
 */
export function readTree(rev: string, reader: BlobReader, cwd: string): Snapshot {
  const listed = runGit(["ls-tree", "-r", "-z", "--full-tree", "--end-of-options", rev], { cwd });
  return treeSnapshot(parseTreeEntries(listed), reader);
}

/**
 * What `after` was before `changes` (raw diff from there to `after`): the tree
 * of a parent, without listing it.
 */
export function snapshotBefore(after: Snapshot, changes: readonly RawChange[], reader: BlobReader): Snapshot {
  const entries = new Map(after.entries);
  for (const { oldMode, oldOid, path } of changes) {
    if (oldMode === "000000" || oldMode === MODE_SUBMODULE) entries.delete(path);
    else entries.set(path, { mode: oldMode, oid: oldOid });
  }
  return snapshotOfObjects(entries, reader);
}

/** Tracked files and untracked ones that are not ignored, as they stand on disk; one that was deleted there is none. */
export function workingTreeSnapshot(topLevel: string): Snapshot {
  const paths = new Set<string>();
  const deleted = new Set<string>();
  const args = ["ls-files", "-t", "-z", "--cached", "--others", "--deleted", "--exclude-standard"];
  // `H path`; a deleted file is listed as `R path` as well, a nested repository as `folder/`.
  for (const record of splitNul(runGit(args, { cwd: topLevel }))) {
    const path = decodePath(record.subarray(2));
    if (!path.endsWith("/")) (record[0] === 0x52 ? deleted : paths).add(path);
  }
  return diskSnapshot(
    topLevel,
    [...paths].filter((path) => !deleted.has(path)),
  );
}

/** These files as they stand on disk. */
export function diskSnapshot(topLevel: string, paths: readonly string[]): Snapshot {
  const entries = new Map(paths.map((path): [string, SnapshotEntry] => [path, { mode: "100644", oid: null }]));
  return snapshotOf(entries, async (path) => readWorkingFile(topLevel, path));
}
