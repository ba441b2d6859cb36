/**
 * Which ignore lines are missing, asked of git with probe paths in the root and
 * in each formation's folder. `--no-index`: a tracked `.key` must not hide that
 * the next one would be added.
 */
import { basename, isAbsolute } from "node:path";
import { decodePath, encodePath } from "../git/entries.ts";
import type { Repository } from "../git/repository.ts";
import { type GitOptions, gitFailed, splitNul, tryGit } from "../git/run.ts";
import { ignoreLines } from "./patterns.ts";

/** Each line and names that only this line has to cover. */
const LINES = [
  { line: ".key", probes: [".key"] },
  { line: ".key.*", probes: [".key.bak", ".key.old"] },
  { line: ".key~", probes: [".key~"] },
  { line: ".env", probes: [".env"] },
  { line: ".env.*", probes: [".env.local", ".env.production"] },
] as const;

/**
 * What must stay addable under `.env.*`. These lines come with that one only: a
 * project that ignores its examples by a rule of its own keeps doing so.
 */
const KEPT = ["!.env.example", "!.env.sample", "!.env.template"] as const;

/** MUXI's memory of conversations, beside the formation or in its `data/`. */
const MEMORY = ["memory.db", "data/memory.db"] as const;

export interface IgnoreAnswer {
  ignored: boolean;
  /** The rule stands in a `.gitignore` of the working tree, so that it travels with the repository. */
  shared: boolean;
}

/** `git check-ignore` for each path. */
export function checkIgnored(paths: readonly string[], repository: Repository): Map<string, IgnoreAnswer> {
  return checkIgnoredIn(paths, { cwd: repository.topLevel, env: repository.env });
}

export function checkIgnoredIn(paths: readonly string[], options: GitOptions): Map<string, IgnoreAnswer> {
  const answers = new Map<string, IgnoreAnswer>();
  if (paths.length === 0) return answers;
  const args = ["check-ignore", "-z", "--stdin", "--verbose", "--non-matching", "--no-index"];
  const input = Buffer.concat(paths.flatMap((path) => [encodePath(path), Buffer.of(0)]));
  const result = tryGit(args, { ...options, input });
  // 1 says that no path matched.
  if (result.code > 1) throw gitFailed(args, result.code, result.stderr);
  const parts = splitNul(result.stdout);
  for (let at = 0; at + 3 < parts.length; at += 4) {
    const source = parts[at]!.toString("utf8");
    const pattern = parts[at + 2]!.toString("latin1");
    const ignored = pattern !== "" && !pattern.startsWith("!");
    answers.set(decodePath(parts[at + 3]!), {
      ignored,
      shared: ignored && !isAbsolute(source) && basename(source) === ".gitignore",
    });
  }
  return answers;
}

function inFolder(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/**
 * The lines that are missing for these formations.
 *
 * @param local - rules of `info/exclude` and the person's own count as well.
 */
export function missingIgnoreLines(folders: readonly string[], repository: Repository, local: boolean): string[] {
  const places = [...new Set(["", ...folders])];
  const probes = places.flatMap((folder) => [
    ...LINES.flatMap(({ probes: names }) => names.map((name) => inFolder(folder, name))),
    ...MEMORY.map((name) => inFolder(folder, name)),
  ]);
  const answers = checkIgnored(probes, repository);
  const covered = (path: string): boolean => {
    const answer = answers.get(path);
    return answer !== undefined && (local ? answer.ignored : answer.shared);
  };
  const lines: string[] = [];
  for (const { line, probes: names } of LINES) {
    if (!places.every((folder) => names.every((name) => covered(inFolder(folder, name))))) lines.push(line);
  }
  if (lines.includes(".env.*")) lines.push(...KEPT);
  for (const name of MEMORY) {
    lines.push(
      ...ignoreLines(
        folders.filter((folder) => !covered(inFolder(folder, name))),
        name,
      ),
    );
  }
  return lines;
}
