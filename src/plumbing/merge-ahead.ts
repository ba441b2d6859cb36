/**
 * The merges of secrets.enc files that git will ask for next, worked out by the
 * node that is there already and kept under `<git common dir>/muxi-git/merges/`:
 * git starts the driver once a file, and a thousand files took minutes.
 *
 * `1-<MAC of ours><MAC of theirs>`: base, ours, theirs, the result, a line each,
 * ciphertext all. The launcher compares all three with what git gives it. Asked
 * for only by the git whose process id stands in `miss`, its second file on; the
 * next git's first one takes them away.
 *
 * Ahead is what can be told from commits: a merge of one branch without a
 * criss-cross, and a step of a rebase. Files renamed, in conflict, with an
 * unresolved merge behind them or too large are merged as they come.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sweepTemporaries } from "../durable-file.ts";
import { OID, parseRawDiff, ZERO_OID } from "../git/entries.ts";
import { findGitPlaces, type GitPlaces } from "../git/git-dir.ts";
import { tryGit } from "../git/run.ts";
import { headsBeingMerged } from "../git/staged.ts";
import { KeptAnswers, macOf, readSmall, STORED } from "./kept-answers.ts";
import { mergeStored, openVersions } from "./merge-stored.ts";
import { readUnresolved } from "./unresolved.ts";

/** Files worked out at most. */
const MOST = 4096;

const TOKEN = /^gAAAA[A-Za-z0-9_-]{60,}=*$/;

/** @param git - process id of the git that asks, as the launcher gives it; `""` where that is not known. */
export function mergeAhead(git: string): void {
  const places = findGitPlaces(process.cwd());
  if (places?.topLevel == null || git === "") return;
  const kept = new KeptAnswers(join(places.commonDir, "muxi-git"), "merges");
  try {
    if (!kept.open()) return;
    if (!kept.isMissedAgain(git)) {
      sweepTemporaries(kept.folder);
      for (const name of kept.names()) kept.remove(name);
    } else if (kept.read("ahead") !== git) {
      // Once a git: what is missed after that is not in the commits.
      kept.write("ahead", git);
      keepAll(kept, places, places.topLevel);
    }
  } catch {
    // A read-only repository, a full disk.
  }
}

function keepAll(kept: KeptAnswers, places: GitPlaces, topLevel: string): void {
  const sides = mergedCommits(places, topLevel);
  if (sides === null) return;
  const [ours, theirs] = [changedSince(sides.base, "HEAD", topLevel), changedSince(sides.base, sides.theirs, topLevel)];
  const open = new Set(readUnresolved(places).map(({ path }) => path));
  const files = [...ours].flatMap(([path, { oldOid, newOid }]) => {
    const other = theirs.get(path)?.newOid;
    return other === undefined || other === newOid || open.has(path) ? [] : [{ path, oids: [oldOid, newOid, other] }];
  });
  const some = files.slice(0, MOST);
  const blobs = readSmall(
    [...new Set(some.flatMap(({ oids }) => oids.filter((oid) => !ZERO_OID.test(oid))))],
    topLevel,
  );
  for (const { path, oids } of some) {
    const bytes = oids.map((oid) => (ZERO_OID.test(oid) ? Buffer.alloc(0) : blobs.get(oid)));
    if (!isWhole(bytes)) continue;
    const versions = openVersions(path, bytes, topLevel);
    if (versions.why !== undefined) continue;
    const { bytes: merged, conflicts } = mergeStored(versions);
    const lines = [...bytes, Buffer.from(merged)].map((one) => one.toString("latin1"));
    if (conflicts.length > 0 || !lines.every((line, at) => TOKEN.test(line) || (at === 0 && line === ""))) continue;
    kept.write(`1-${macOf(bytes[1])}${macOf(bytes[2])}`, `${lines.join("\n")}\n`);
  }
}

function isWhole(bytes: readonly (Buffer | undefined)[]): bytes is [Buffer, Buffer, Buffer] {
  return bytes.every((one) => one !== undefined);
}

/** What is merged into HEAD, and since when; null where the commits do not tell. */
function mergedCommits({ gitDir }: GitPlaces, cwd: string): { base: string; theirs: string } | null {
  const heads = headsBeingMerged(process.env);
  const [merged] = heads;
  if (heads.length === 1 && merged !== undefined) {
    const bases = oidsOf(["merge-base", "--all", "HEAD", merged], cwd);
    return bases.length === 1 ? { base: bases[0]!, theirs: merged } : null;
  }
  const picked = / ([0-9a-f]{7,64})\b[^\n]*\n?$/.exec(read(join(gitDir, "rebase-merge", "done")))?.[1];
  if (heads.length > 0 || picked === undefined) return null;
  const [theirs, base] = oidsOf(["rev-parse", "--verify", "-q", `${picked}^0`], cwd).concat(
    oidsOf(["rev-parse", "--verify", "-q", `${picked}^1`], cwd),
  );
  return theirs === undefined || base === undefined ? null : { base, theirs };
}

function oidsOf(args: readonly string[], cwd: string): string[] {
  const { stdout } = tryGit(args, { cwd });
  return stdout
    .toString("latin1")
    .split("\n")
    .filter((line) => OID.test(line));
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** The secrets.enc files that a commit has and that differ from `base`, by path. */
function changedSince(base: string, commit: string, cwd: string): Map<string, { oldOid: string; newOid: string }> {
  const args = ["diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", base, commit, "--", STORED];
  const changes = parseRawDiff(tryGit(args, { cwd }).stdout).filter(({ newOid }) => !ZERO_OID.test(newOid));
  return new Map(changes.map((change) => [change.path, change]));
}
