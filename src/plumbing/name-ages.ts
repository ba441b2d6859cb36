/**
 * When each secret's value was last changed, from the history of secrets.enc:
 * the newest commit whose value differs from that of every parent, so that a
 * merge changes what neither side had and nothing else.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openBlobReader } from "../git/cat-file.ts";
import { encodePath } from "../git/entries.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import { runGit, tryGit } from "../git/run.ts";
import type { ChangeOfName } from "../report/secrets.ts";
import { valueDigest } from "../secrets/digest.ts";
import type { Secrets } from "../secrets/json.ts";
import type { Key } from "../secrets/key.ts";
import { openStored } from "../secrets/stored-form.ts";

/** Digests by name; null where a version is not here or no key opens it. */
type Version = ReadonlyMap<string, string> | null;

const NONE: Version = new Map();

/**
 * @param file - repository path of secrets.enc, links resolved.
 * @param current - as it stands in the working tree.
 * @param keys - the current one first, then those that open older versions.
 * @returns for each name of `current`; null where its value is not in HEAD.
 */
export async function lastChanges(
  places: GitPlaces,
  topLevel: string,
  file: string,
  current: Secrets,
  keys: readonly [Key, ...Key[]],
): Promise<Map<string, ChangeOfName | null>> {
  const commits = history(topLevel, file);
  const blobs = blobsAt(
    topLevel,
    file,
    commits.map(({ commit }) => commit),
  );
  const now = digests(current, keys[0]);
  const shallow = shallowCommits(places);
  const reader = openBlobReader(topLevel);
  const versions = new Map<string, Version>();
  const versionOf = async (commit: string): Promise<Version> => {
    const oid = blobs.get(commit);
    if (oid === undefined) return NONE;
    let version = versions.get(oid);
    if (version === undefined) {
      const bytes = await reader.read(oid);
      const opened = bytes === null ? null : openStored(bytes, keys);
      version = opened?.failure === undefined && opened !== null ? digests(opened.secrets, keys[0]) : null;
      versions.set(oid, version);
    }
    return version;
  };
  try {
    const changes = new Map<string, ChangeOfName | null>();
    const head = commits[0] === undefined ? NONE : await versionOf(commits[0].commit);
    const open = new Set<string>();
    for (const [name, digest] of now) {
      if (head?.get(name) === digest) open.add(name);
      else changes.set(name, null);
    }
    for (const { commit, time, parents } of commits) {
      if (open.size === 0) break;
      const version = await versionOf(commit);
      const before = await Promise.all(parents.map(versionOf));
      const unknown = before.includes(null) || shallow.has(commit);
      for (const name of [...open]) {
        const digest = version?.get(name);
        if (version === null || before.some((one) => one !== null && one.get(name) === digest)) continue;
        changes.set(name, { at: new Date(time * 1000).toISOString(), commit, orEarlier: unknown });
        open.delete(name);
      }
    }
    return changes;
  } finally {
    reader.close();
  }
}

function digests(secrets: Secrets, key: Key): Map<string, string> {
  return new Map([...secrets].map(([name, value]) => [name, valueDigest(key, name, value)]));
}

interface Commit {
  commit: string;
  /** Seconds since 1970. */
  time: number;
  /** The nearest ancestors that changed the file as well. */
  parents: string[];
}

/** Commits that changed the file, newest first: lines of `<time> <commit> <parent>…`. */
function history(topLevel: string, file: string): Commit[] {
  const args = ["--literal-pathspecs", "rev-list", "--full-history", "--parents", "--timestamp", "HEAD", "--", file];
  if (tryGit(["rev-parse", "--verify", "--quiet", "HEAD"], { cwd: topLevel }).code !== 0) return [];
  const listed = runGit(args, { cwd: topLevel }).toString("latin1");
  return listed
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [time = "", commit = "", ...parents] = line.split(" ");
      return { time: Number(time), commit, parents };
    });
}

/** The file's blob in each commit that has it. */
function blobsAt(topLevel: string, file: string, commits: readonly string[]): Map<string, string> {
  const input = Buffer.concat(
    commits.flatMap((commit) => [Buffer.from(`${commit}:`), encodePath(file), Buffer.of(10)]),
  );
  const args = ["cat-file", "--batch-check=%(objectname) %(objecttype)"];
  const answers = runGit(args, { cwd: topLevel, input }).toString("latin1").split("\n");
  const blobs = new Map<string, string>();
  commits.forEach((commit, at) => {
    const [oid = "", type] = answers[at]?.split(" ") ?? [];
    if (type === "blob") blobs.set(commit, oid);
  });
  return blobs;
}

/** Commits whose parents a shallow clone lacks. */
function shallowCommits({ commonDir }: GitPlaces): Set<string> {
  try {
    return new Set(readFileSync(join(commonDir, "shallow"), "latin1").split("\n"));
  } catch {
    return new Set();
  }
}
