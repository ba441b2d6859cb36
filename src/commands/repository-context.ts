/** What every porcelain command that reads a repository starts from. */
import { relative, resolve, sep } from "node:path";
import type { Invocation } from "../cli.ts";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import type { Formation } from "../formation/discover.ts";
import { type BlobReader, openBlobReader } from "../git/cat-file.ts";
import { findGitPlaces, type GitPlaces } from "../git/git-dir.ts";
import { setReaderDirectory, shellQuote } from "../invocation.ts";
import { Keyring } from "../plumbing/formation-state.ts";
import { readKeyFile } from "../plumbing/keyring.ts";
import { type Key, parseKey } from "../secrets/key.ts";

export interface RepositoryContext {
  places: GitPlaces;
  /** Root of the working tree; in a bare repository the git dir, where no working tree file is read. */
  topLevel: string;
  bare: boolean;
  reader: BlobReader;
  keyring: Keyring;
}

export interface ContextNeeds {
  /** Keys as `--key-file` named them. */
  keyFiles?: readonly string[];
  /** The command needs a working tree; what to do or run where there is none. */
  workTreeOr?: string;
}

/** What a command that is about a working tree says of the way on. */
export const IN_A_CLONE = "run this in a clone that has a working tree";

/**
 * @throws MuxiGitError `no-repository`; `bare-repository` where a working tree is
 * needed; `no-key-file`, and what is wrong with a key.
 */
export function openContext(invocation: Invocation, needs: ContextNeeds = {}): RepositoryContext {
  const places = findGitPlaces(invocation.cwd, invocation.env);
  if (places === null) {
    throw new MuxiGitError("no-repository", `no git repository at '${escapeText(invocation.cwd)}'`, {
      hint: "run this inside a repository, or name one with -C DIR",
    });
  }
  if (needs.workTreeOr !== undefined) assertWorkTree(places, needs.workTreeOr);
  const topLevel = places.topLevel ?? places.gitDir;
  setReaderDirectory(relative(topLevel, invocation.cwd).split(sep).join("/"));
  const given = readKeyFiles(invocation, needs.keyFiles ?? []);
  return {
    places,
    topLevel,
    bare: places.topLevel === null,
    reader: openBlobReader(topLevel),
    keyring: new Keyring(topLevel, places, given),
  };
}

/** @throws MuxiGitError `no-key-file`, and what is wrong with a key. */
export function readKeyFiles(invocation: Pick<Invocation, "cwd">, files: readonly string[]): Key[] {
  return files.map((file) => {
    const bytes = readKeyFile(resolve(invocation.cwd, file));
    if (bytes === null) throw new MuxiGitError("no-key-file", `there is no key file '${escapeText(file)}'`);
    return parseKey(bytes);
  });
}

/** @throws MuxiGitError `bare-repository`, with `hint`, where there is no working tree: also inside `.git`. */
export function assertWorkTree({ topLevel }: GitPlaces, hint: string): void {
  if (topLevel !== null) return;
  throw new MuxiGitError("bare-repository", "there is no working tree here: this is a bare repository or a git dir", {
    hint,
  });
}

/** A path as the person typed it, as a repository path; `""` is the root. */
export function repositoryPath(invocation: Invocation, topLevel: string, path: string): string {
  const way = relative(topLevel, resolve(invocation.cwd, path)).split(sep).join("/");
  if (way === ".." || way.startsWith("../")) {
    throw new MuxiGitError("outside-repository", `'${escapeText(path)}' is outside the repository`);
  }
  return way;
}

/**
 * The formation a command is about: the named one, else the one that holds the
 * current directory, else the only one.
 */
export function pickFormation(
  invocation: Invocation,
  topLevel: string,
  formations: readonly Formation[],
  named: string | undefined,
): Formation {
  if (formations.length === 0) {
    throw new MuxiGitError(
      "no-formation",
      "no formation here: no folder holds formation.afs, formation.yaml or formation.yml",
    );
  }
  if (named !== undefined) {
    const path = repositoryPath(invocation, topLevel, named);
    const formation = formations.find((one) => one.path === path || one.formationFile === path);
    if (formation !== undefined) return formation;
    throw new MuxiGitError("no-formation", `'${escapeText(named)}' is no formation`, { hint: listed(formations) });
  }
  const here = repositoryPath(invocation, topLevel, ".");
  const around = formations
    .filter((one) => one.path === "" || here === one.path || here.startsWith(`${one.path}/`))
    .sort((a, b) => b.path.length - a.path.length)[0];
  const only = around ?? (formations.length === 1 ? formations[0] : undefined);
  if (only !== undefined) return only;
  throw new MuxiGitError("which-formation", `which formation? there are ${formations.length}`, {
    hint: listed(formations),
  });
}

function listed(formations: readonly Formation[]): string {
  const shown = formations.slice(0, 20).map((one) => shellQuote(escapeText(one.path === "" ? "." : one.path)));
  return `name one with -F: ${shown.join(", ")}${formations.length > shown.length ? ", …" : ""}`;
}

/**
 * The formations that the given paths name, hold or lie in; all when no path is given.
 *
 * @throws MuxiGitError `no-formation` where one of the paths has to do with none.
 */
export function selectFormations<T extends Pick<Formation, "path">>(
  invocation: Invocation,
  topLevel: string,
  formations: readonly T[],
  paths: readonly string[],
): T[] {
  if (paths.length === 0) return [...formations];
  const chosen = new Set<T>();
  for (const given of paths) {
    const path = repositoryPath(invocation, topLevel, given);
    const within = formations.filter((one) => path === "" || one.path === path || one.path.startsWith(`${path}/`));
    const [around] = formations
      .filter((one) => one.path === "" || path.startsWith(`${one.path}/`))
      .sort((a, b) => b.path.length - a.path.length);
    const found = within.length > 0 || around === undefined ? within : [around];
    if (found.length === 0) throw new MuxiGitError("no-formation", `no formation at '${escapeText(given)}'`);
    for (const one of found) chosen.add(one);
  }
  return formations.filter((one) => chosen.has(one));
}
