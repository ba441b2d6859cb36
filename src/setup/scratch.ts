/**
 * Ask git what it would say if files were otherwise: an empty repository in a
 * temporary folder that holds a copy of nothing but the attributes or ignore
 * files in question. The system's and the person's settings count there as here.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { type ConfigEntry, lastEntry, quoteConfigValue } from "../git/config.ts";
import { decodePath } from "../git/entries.ts";
import type { Repository } from "../git/repository.ts";
import { type GitOptions, splitNul } from "../git/run.ts";

/** What names the real repository to git. */
const REPOSITORY_VARIABLES =
  /^GIT_(?:DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE|PREFIX|CEILING_DIRECTORIES|ATTR_SOURCE)$/;

export interface ScratchFiles {
  /** The file that each folder may have. */
  name: ".gitattributes" | ".gitignore";
  /** Its counterpart for one clone. */
  info: "attributes" | "exclude";
  /** Repository paths that will be asked about: the files of all folders above them are copied. */
  paths: readonly string[];
  /** Planned bytes by repository path, or `info/attributes` and `info/exclude`; null: the file will be gone. */
  planned: ReadonlyMap<string, Uint8Array | null>;
}

export function environmentWithoutRepository(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !REPOSITORY_VARIABLES.test(name)));
}

/** The folders above a path, `""` first. */
export function foldersAbove(path: string): string[] {
  const folders = [""];
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) folders.push(path.slice(0, at));
  return folders;
}

export function readOrNull(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

export function inScratch<T>(
  repository: Repository,
  settings: readonly ConfigEntry[],
  files: ScratchFiles,
  ask: (options: GitOptions & { cwd: string }) => T,
): T {
  return inTemporaryFolder((scratch) => {
    makeRepository(scratch, settings);
    const indexed = indexedFiles(repository, files.name);
    for (const folder of new Set(files.paths.flatMap(foldersAbove))) {
      const path = folder === "" ? files.name : `${folder}/${files.name}`;
      const planned = files.planned.get(path);
      const bytes = planned === undefined ? (readOrNull(join(repository.topLevel, path)) ?? indexed(path)) : planned;
      if (bytes === null) continue;
      mkdirSync(join(scratch, folder), { recursive: true });
      writeFileSync(join(scratch, path), bytes);
    }
    const planned = files.planned.get(`info/${files.info}`);
    const info = planned === undefined ? readOrNull(join(repository.commonDir, "info", files.info)) : planned;
    if (info !== null) {
      mkdirSync(join(scratch, ".git", "info"), { recursive: true });
      writeFileSync(join(scratch, ".git", "info", files.info), info);
    }
    return ask({ cwd: scratch, env: environmentWithoutRepository(repository.env) });
  });
}

/**
 * Nobody else's folder, gone when `work` is done.
 *
 * @throws MuxiGitError `unwritable` where there is no room for it, and what `work` throws.
 */
export function inTemporaryFolder<T>(work: (folder: string) => T): T {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), "muxi-git-scratch-"));
    return work(folder);
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (cause instanceof MuxiGitError || code === undefined || syscall === undefined) throw cause;
    throw new MuxiGitError("unwritable", `cannot write in the temporary folder '${escapeText(tmpdir())}' (${code})`, {
      hint: "make room there, or set TMPDIR to a folder that has some",
      cause,
    });
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** What git takes for an empty repository (gitrepository-layout(5)), without the cost of a `git init`. */
function makeRepository(folder: string, settings: readonly ConfigEntry[]): void {
  const lines = ["[core]", "\trepositoryformatversion = 0", "\tbare = false"];
  for (const key of ["attributesfile", "excludesfile", "ignorecase"]) {
    const value = lastEntry(settings, `core.${key}`)?.value;
    if (value != null) lines.push(`\t${key} = ${quoteConfigValue(value)}`);
  }
  for (const inside of ["objects", "refs"]) mkdirSync(join(folder, ".git", inside), { recursive: true });
  writeFileSync(join(folder, ".git", "HEAD"), "ref: refs/heads/main\n");
  writeFileSync(join(folder, ".git", "config"), `${lines.join("\n")}\n`);
}

/** Files that a sparse checkout leaves out are read from the index, as git does. */
function indexedFiles(repository: Repository, name: string): (path: string) => Buffer | null {
  let tracked: Set<string> | undefined;
  return (path) => {
    if (existsSync(join(repository.topLevel, path))) return null;
    tracked ??= new Set(splitNul(repository.run(["ls-files", "-z", "--", `:(glob)**/${name}`])).map(decodePath));
    if (!tracked.has(path)) return null;
    const result = repository.try(["cat-file", "blob", `:${path}`]);
    return result.code === 0 ? result.stdout : null;
  };
}
