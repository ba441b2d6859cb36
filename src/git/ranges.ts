/**
 * What the commits of a range change, commit by commit.
 *
 * `diff-tree --stdin -r -m --root --raw -z --no-renames --no-abbrev`: without `-m`
 * what a merge itself adds is missed; `rev-list --objects` names one path a blob.
 * With `-z` the output is `<oid>\0` and then the changes, once for each parent
 * that differs.
 */
import { MuxiGitError } from "../errors.ts";
import { parseRawDiff, type RawChange } from "./entries.ts";
import { runGit, tryGit } from "./run.ts";

export interface CommitChanges {
  oid: string;
  /** What differs from each parent; from nothing for a root commit. */
  parents: RawChange[][];
}

const DIFF_TREE = ["diff-tree", "--stdin", "-r", "-m", "--root", "--raw", "-z", "--no-renames", "--no-abbrev"];

/**
 * Commits of `range` (`A..B`, `A...B`, or one revision for all its history), newest first.
 *
 * @throws MuxiGitError `bad-range` where git knows no such commits: a shallow clone, a typing error.
 */
export function readRange(range: string, cwd: string): CommitChanges[] {
  const listed = tryGit(["rev-list", "--parents", "--end-of-options", range, "--"], { cwd });
  if (listed.code !== 0) {
    throw new MuxiGitError("bad-range", `git knows no commits '${range}' here`, {
      hint: "in a shallow clone (CI), fetch the history first: git fetch --unshallow",
    });
  }
  const lines = listed.stdout.toString("latin1").split("\n").filter(Boolean);
  if (lines.length === 0) return [];
  const parentCount = new Map(lines.map((line) => [line.split(" ")[0]!, Math.max(1, line.split(" ").length - 1)]));
  const output = runGit(DIFF_TREE, { cwd, input: [...parentCount.keys()].map((oid) => `${oid}\n`).join("") });

  const changes = new Map<string, RawChange[][]>([...parentCount.keys()].map((oid) => [oid, []]));
  for (const { oid, section } of sections(output)) changes.get(oid)?.push(parseRawDiff(section));
  return [...changes].map(([oid, found]) => {
    // A parent that equals the commit has no section: nothing differs from it.
    while (found.length < parentCount.get(oid)!) found.push([]);
    return { oid, parents: found };
  });
}

/** Split at the `<oid>\0` records; a change's record begins with a colon and is followed by its path's. */
function* sections(output: Buffer): Generator<{ oid: string; section: Buffer }> {
  let oid = "";
  let start = 0;
  let at = 0;
  while (at < output.length) {
    const end = output.indexOf(0, at);
    if (output[at] === 0x3a) {
      at = output.indexOf(0, end + 1) + 1;
      continue;
    }
    if (oid !== "") yield { oid, section: output.subarray(start, at) };
    oid = output.toString("latin1", at, end);
    at = end + 1;
    start = at;
  }
  if (oid !== "") yield { oid, section: output.subarray(start, at) };
}
