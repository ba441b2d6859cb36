/**
 * Every key that is here, the likely ones first and those that are held for older
 * versions last: for a token that has lost its folder (git's temporary files), and
 * for one of another key than the folder's.
 */
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { folderOf } from "../formation/discover.ts";
import { decodePath } from "../git/entries.ts";
import { findGitPlaces } from "../git/git-dir.ts";
import { splitNul, tryGit } from "../git/run.ts";
import { keyFingerprint } from "../secrets/key.ts";
import { type FoundKey, heldKeyFiles } from "./held-keys.ts";
import { keyOfFormation } from "./keyring.ts";
import { looseFormations } from "./loose-formations.ts";

/** Keys tried at once, so that in a repository of many formations not all are read. */
const BATCH = 64;

/**
 * Each key once. One empty batch where there is none, so that a token's damage is told from a missing key.
 *
 * @param likely - folders (repository paths) to ask first.
 */
export function* keyBatches(likely: readonly string[], cwd: string): Generator<FoundKey[]> {
  const places = findGitPlaces(cwd);
  const topLevel = places?.topLevel ?? cwd;
  const asked = new Set<string>();
  const given = new Set<string>();
  let batch: FoundKey[] = [];
  let nothing = true;
  for (const folders of [
    () => likely,
    () =>
      formationFolders(tryGit(["ls-files", "-z", "--full-name", "--", ":(top,glob)**/formation.*"], { cwd: topLevel })),
    () => looseFormations(topLevel),
    () => formationFolders(tryGit(["ls-tree", "-r", "-z", "--name-only", "--full-tree", "HEAD"], { cwd: topLevel })),
  ]) {
    for (const folder of folders()) {
      if (asked.has(folder)) continue;
      asked.add(folder);
      const found = keyOfFormation(folder, topLevel, places);
      if (found.state !== "ok") continue;
      const fingerprint = keyFingerprint(found.key);
      if (given.has(fingerprint)) continue;
      given.add(fingerprint);
      batch.push({ key: found.key, path: found.path });
      if (batch.length < BATCH) continue;
      nothing = false;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) {
      nothing = false;
      yield batch;
      batch = [];
    }
  }
  const old = heldKeyFiles(places).filter(({ key }) => !given.has(keyFingerprint(key)));
  if (old.length > 0 || nothing) yield old;
}

/** The folder of a file of the working tree, as a repository path; a temporary file elsewhere has none. */
export function folderInside(file: string, cwd: string): string[] {
  const topLevel = findGitPlaces(cwd)?.topLevel ?? cwd;
  const way = relative(topLevel, dirname(resolve(cwd, file)));
  return way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way) ? [] : [way.split(sep).join("/")];
}

const FORMATION_FILE = /^(?:.*\/)?formation\.(?:afs|yaml|yml)$/s;

function formationFolders({ code, stdout }: { code: number; stdout: Buffer }): string[] {
  if (code !== 0) return [];
  return splitNul(stdout)
    .filter((path) => path.includes("formation."))
    .map(decodePath)
    .filter((path) => FORMATION_FILE.test(path))
    .map(folderOf);
}
