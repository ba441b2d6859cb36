/**
 * The formation that a command of `secrets` or `key` is about. It need not stand
 * in a repository: MUXI's own commands work in any folder, and a formation that
 * was pulled has no `.git` yet. Looked for on disk first; git is asked only where
 * nothing near says which formation is meant.
 */
import { statSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import type { Invocation } from "../cli.ts";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { FORMATION_FILES } from "../formation/discover.ts";
import { findGitPlaces } from "../git/git-dir.ts";
import { workingTreeSnapshot } from "../git/snapshot.ts";
import { setReaderDirectory, tool } from "../invocation.ts";
import { formationsOf } from "../plumbing/formation-state.ts";
import { type FormationPlace, recoverSecrets } from "../plumbing/secrets-store.ts";
import { assertWorkTree, IN_A_CLONE, pickFormation } from "./repository-context.ts";

/**
 * @param named - folder or formation file of `-F`; else the formation around the current directory, else the only one
 * of the repository.
 * @throws MuxiGitError `no-formation`, `which-formation`, `bare-repository`.
 */
export async function openFormation(invocation: Invocation, named?: string): Promise<FormationPlace> {
  const place = findPlace(invocation, named);
  setReaderDirectory(relative(place.topLevel, invocation.cwd).split(sep).join("/"));
  await recoverSecrets(place);
  return place;
}

function findPlace(invocation: Invocation, named: string | undefined): FormationPlace {
  const { cwd, env } = invocation;
  const folder =
    named === undefined ? formationAround(cwd, findGitPlaces(cwd, env)?.topLevel) : namedFolder(resolve(cwd, named));
  // A formation of another repository, a submodule's say, has that one's lock and index.
  const places = findGitPlaces(env.GIT_DIR ? cwd : (folder ?? cwd), env);
  if (places !== null) assertWorkTree(places, IN_A_CLONE);
  const topLevel = places?.topLevel ?? (folder === null || isInside(folder, cwd) ? cwd : folder);
  if (folder !== null && isInside(folder, topLevel)) {
    return { topLevel, path: relative(topLevel, folder).split(sep).join("/"), places };
  }
  if (named !== undefined) {
    throw new MuxiGitError("no-formation", `'${escapeText(named)}' is no formation: no formation.afs or .yaml in it`, {
      hint: `name the folder of one: ${tool("secrets list -F DIR")}`,
    });
  }
  if (places === null) {
    throw new MuxiGitError("no-formation", "no formation here: no folder up to the root holds a formation.afs", {
      hint: `name the folder of one: ${tool("secrets list -F DIR")}`,
    });
  }
  const { path } = pickFormation(invocation, topLevel, formationsOf(workingTreeSnapshot(topLevel)), undefined);
  return { topLevel, path, places };
}

/** The formation of this repository that a file stands in, as `-F` takes it. */
export function formationOfFile({ cwd, env }: Invocation, file: string): string | undefined {
  const top = findGitPlaces(cwd, env)?.topLevel;
  const path = resolve(cwd, file);
  return top != null && isInside(path, top) ? (formationAround(dirname(path), top) ?? undefined) : undefined;
}

/** @param top - a repository is not left. */
function formationAround(start: string, top: string | null = null): string | null {
  for (let folder = start; ; folder = dirname(folder)) {
    if (isFormation(folder)) return folder;
    if (folder === top || dirname(folder) === folder) return null;
  }
}

/** The folder that a person named, by itself or by its formation file. */
function namedFolder(path: string): string | null {
  if (isFormation(path)) return path;
  return FORMATION_FILES.some((name) => path.endsWith(`${sep}${name}`)) && isFormation(dirname(path))
    ? dirname(path)
    : null;
}

function isFormation(folder: string): boolean {
  return FORMATION_FILES.some((name) => statSync(resolve(folder, name), { throwIfNoEntry: false })?.isFile());
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`);
}
