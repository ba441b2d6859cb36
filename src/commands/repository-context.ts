/** What every porcelain command that reads a repository starts from. */
import { relative, resolve, sep } from "node:path";
import type { Invocation } from "../cli.ts";
import { MuxiGitError } from "../errors.ts";
import type { Formation } from "../formation/discover.ts";
import { type BlobReader, openBlobReader } from "../git/cat-file.ts";
import { findGitPlaces, type GitPlaces } from "../git/git-dir.ts";
import { shellQuote } from "../invocation.ts";
import { Keyring } from "../plumbing/formation-state.ts";
import { readKeyFile } from "../plumbing/keyring.ts";
import { parseKey } from "../secrets/key.ts";
import { escapeText } from "../terminal.ts";

export interface RepositoryContext {
  places: GitPlaces;
  /** Root of the working tree; in a bare repository the git dir, where no working tree file is read. */
  topLevel: string;
  bare: boolean;
  reader: BlobReader;
  keyring: Keyring;
}

/** @throws MuxiGitError `no-repository`. */
export function openContext(invocation: Invocation, keyFiles: readonly string[] = []): RepositoryContext {
  const places = findGitPlaces(invocation.cwd, invocation.env);
  if (places === null) {
    throw new MuxiGitError("no-repository", `no git repository at '${escapeText(invocation.cwd)}'`, {
      hint: "run this inside a repository, or name one with -C DIR",
    });
  }
  const topLevel = places.topLevel ?? places.gitDir;
  const given = keyFiles.map((file) => {
    const path = resolve(invocation.cwd, file);
    const bytes = readKeyFile(path);
    if (bytes === null) throw new MuxiGitError("no-key-file", `there is no key file '${escapeText(file)}'`);
    return parseKey(bytes);
  });
  return {
    places,
    topLevel,
    bare: places.topLevel === null,
    reader: openBlobReader(topLevel),
    keyring: new Keyring(topLevel, places, given),
  };
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

/** The formations that the given paths name or lie in; all when no path is given. */
export function selectFormations(
  invocation: Invocation,
  topLevel: string,
  formations: readonly Formation[],
  paths: readonly string[],
): Formation[] {
  if (paths.length === 0) return [...formations];
  const wanted = paths.map((path) => repositoryPath(invocation, topLevel, path));
  const chosen = formations.filter((one) =>
    wanted.some(
      (path) =>
        path === "" ||
        one.path === path ||
        one.path.startsWith(`${path}/`) ||
        (one.path === "" ? !path.includes("/") : path.startsWith(`${one.path}/`)),
    ),
  );
  if (chosen.length === 0) {
    throw new MuxiGitError("no-formation", `no formation at '${escapeText(paths.join("', '"))}'`);
  }
  return chosen;
}
