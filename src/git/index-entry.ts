/** One path of git's index, changed without its filters: what they would answer is known already. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { decodePath, encodePath, type IndexEntry, parseIndexEntries } from "./entries.ts";
import type { GitPlaces } from "./git-dir.ts";
import { blobOid } from "./object-id.ts";
import { runGit, splitNul, tryGit } from "./run.ts";
import { isAbsent } from "./working-file.ts";

/** The entries of one path, more than one where a merge left a conflict. */
export function indexEntries(topLevel: string, file: string): IndexEntry[] {
  return parseIndexEntries(list(topLevel, "-s", file)).filter((entry) => entry.path === file);
}

/** A path that is no UTF-8 cannot be an argument: then all are listed. */
function list(topLevel: string, what: "-s" | "-v", file: string): Buffer {
  const path = file.isWellFormed() ? ["--", file] : [];
  return runGit(["--literal-pathspecs", "ls-files", what, "-z", ...path], { cwd: topLevel });
}

/**
 * Whether the index can hold this blob, for any path: asked of its file, since starting git takes as long as all else
 * that storing a value does. An entry has its oid in binary (gitformat-index(5)); a split index has entries elsewhere.
 */
export function mayHoldBlob({ gitDir }: Pick<GitPlaces, "gitDir">, topLevel: string, bytes: Uint8Array): boolean {
  let index: Buffer;
  try {
    index = readFileSync(resolve(topLevel, process.env.GIT_INDEX_FILE || join(gitDir, "index")));
  } catch (error) {
    return !isAbsent(error);
  }
  return (
    index.includes(SPLIT_INDEX) || [40, 64].some((digits) => index.includes(Buffer.from(blobOid(bytes, digits), "hex")))
  );
}

const SPLIT_INDEX = "link";

export interface IndexBits {
  /** Outside a sparse checkout, or told so by hand: `git add` leaves such a path alone as well. */
  skipWorktree: boolean;
  assumeUnchanged: boolean;
}

/** The tag of `ls-files -v`: `S` skip-worktree, in lower case assume-unchanged. */
export function indexBits(topLevel: string, file: string): IndexBits {
  // `H path`
  const entry = splitNul(list(topLevel, "-v", file)).find((one) => decodePath(one.subarray(2)) === file);
  const tag = String.fromCharCode(entry?.[0] ?? 0);
  return { skipWorktree: /^s$/i.test(tag), assumeUnchanged: /^[a-z]$/.test(tag) };
}

/** What one path of the index is to be. */
export interface NewEntry {
  file: string;
  oid: string;
  /** The one that is replaced. */
  entry: IndexEntry | undefined;
  assumeUnchanged: boolean;
}

/** Give files these blobs, all or none, and forget what git knew of those of the working tree. */
export function setIndexEntries(topLevel: string, entries: readonly NewEntry[]): void {
  const path = ({ file }: NewEntry) => Buffer.concat([encodePath(file), Buffer.from([0])]);
  const records = entries.flatMap((one) => [Buffer.from(`${one.entry?.mode ?? "100644"} ${one.oid} 0\t`), path(one)]);
  runGit(["update-index", "-z", "--index-info"], { cwd: topLevel, input: Buffer.concat(records) });
  // --index-info makes new entries, without the bits of the old ones.
  const unchanged = entries.filter(({ assumeUnchanged }) => assumeUnchanged);
  if (unchanged.length > 0) {
    const input = Buffer.concat(unchanged.map(path));
    runGit(["update-index", "-z", "--assume-unchanged", "--stdin"], { cwd: topLevel, input });
  }
}

/** Write a blob of these bytes as they are, no filter asked. @returns its oid. */
export function writeBlob(topLevel: string, bytes: Uint8Array): string {
  const args = ["hash-object", "-w", "--no-filters", "--stdin"];
  return runGit(args, { cwd: topLevel, input: bytes }).toString("latin1").trim();
}

/** {@link writeBlob}, and give it to `file`. */
export function stageBytes(
  topLevel: string,
  file: string,
  bytes: Uint8Array,
  entry: IndexEntry | undefined,
  assumeUnchanged: boolean,
): void {
  setIndexEntries(topLevel, [{ file, oid: writeBlob(topLevel, bytes), entry, assumeUnchanged }]);
}

/** Look at files anew, so that the next `git status` need not; those that git does not track are passed over. */
export function refreshIndex(topLevel: string, files: readonly string[]): void {
  const input = Buffer.concat(files.flatMap((file) => [encodePath(file), Buffer.of(0)]));
  const args = ["--literal-pathspecs", "add", "--refresh", "--pathspec-from-file=-", "--pathspec-file-nul"];
  tryGit(args, { cwd: topLevel, input });
}
