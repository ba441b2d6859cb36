/** One path of git's index, changed without its filters: what they would answer is known already. */
import { decodePath, encodePath, type IndexEntry, parseIndexEntries } from "./entries.ts";
import { runGit, splitNul, tryGit } from "./run.ts";

/** The entries of one path, more than one where a merge left a conflict. */
export function indexEntries(topLevel: string, file: string): IndexEntry[] {
  return parseIndexEntries(list(topLevel, "-s", file)).filter((entry) => entry.path === file);
}

/** A path that is no UTF-8 cannot be an argument: then all are listed. */
function list(topLevel: string, what: "-s" | "-v", file: string): Buffer {
  const path = file.isWellFormed() ? ["--", file] : [];
  return runGit(["--literal-pathspecs", "ls-files", what, "-z", ...path], { cwd: topLevel });
}

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

/**
 * Give `file` this blob, and forget what git knew of the working tree's file.
 *
 * @param entry - the one that is replaced.
 */
export function setIndexEntry(
  topLevel: string,
  file: string,
  oid: string,
  entry: IndexEntry | undefined,
  assumeUnchanged: boolean,
): void {
  const path = Buffer.concat([encodePath(file), Buffer.from([0])]);
  const record = Buffer.concat([Buffer.from(`${entry?.mode ?? "100644"} ${oid} 0\t`), path]);
  runGit(["update-index", "-z", "--index-info"], { cwd: topLevel, input: record });
  // --index-info makes a new entry, without the bits of the old one.
  if (assumeUnchanged) {
    runGit(["update-index", "-z", "--assume-unchanged", "--stdin"], { cwd: topLevel, input: path });
  }
}

/** Store bytes as they are, no filter asked, and give them to `file`. Otherwise as {@link setIndexEntry}. */
export function stageBytes(
  topLevel: string,
  file: string,
  bytes: Uint8Array,
  entry: IndexEntry | undefined,
  assumeUnchanged: boolean,
): void {
  const oid = runGit(["hash-object", "-w", "--no-filters", "--stdin"], { cwd: topLevel, input: bytes });
  setIndexEntry(topLevel, file, oid.toString("latin1").trim(), entry, assumeUnchanged);
}

/** Look at files anew, so that the next `git status` need not; those that git does not track are passed over. */
export function refreshIndex(topLevel: string, files: readonly string[]): void {
  const input = Buffer.concat(files.flatMap((file) => [encodePath(file), Buffer.of(0)]));
  const args = ["--literal-pathspecs", "add", "--refresh", "--pathspec-from-file=-", "--pathspec-file-nul"];
  tryGit(args, { cwd: topLevel, input });
}
