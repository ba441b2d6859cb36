/** What install, uninstall and status look at before they decide anything. Nothing here changes a file or refreshes the index. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { MuxiGitError } from "../errors.ts";
import { type Formation, fileIn, findFormations } from "../formation/discover.ts";
import type { ConfigEntry } from "../git/config.ts";
import { decodePath, MODE_SYMLINK, parseIndexEntries } from "../git/entries.ts";
import { type GitVersion, type Repository, runtimeFolder } from "../git/repository.ts";
import { splitNul } from "../git/run.ts";
import { readWorkingFile } from "../git/working-file.ts";
import { HOOK_EVENTS, type HookEvent } from "../hook-events.ts";
import { DEFAULT_SETTINGS, parseSettings, SETTINGS_FILE, wantedHooks } from "../settings.ts";
import { type HookSite, readHookSites } from "./hooks.ts";
import { type RecordState, readRecord } from "./record.ts";

/** A larger file is refused by its parser; this much is enough for it to say so. */
const LARGEST_SETTINGS = 16 * 1024 * 1024;

export interface Situation {
  repository: Repository;
  /** `<git common dir>/muxi-git` */
  runtime: string;
  version: GitVersion;
  /** git runs hooks from the configuration (2.54 and later). */
  configHooks: boolean;
  settings: ConfigEntry[];
  formations: Formation[];
  /** Repository paths of the formations' folders, `""` for the root. */
  folders: string[];
  /** The secrets.enc of each formation that has one, tracked or in the working tree. */
  secretsFiles: string[];
  /** Files called `.key` that the index holds, symlinks (which are no leak) left out. */
  trackedKeys: string[];
  /** The hooks that the repository wants. */
  hooks: HookSite[];
  /** Events that muxi-git.json leaves out. */
  leftOut: HookEvent[];
  /** Why muxi-git.json of the working tree could not be read; all hooks are wanted then. */
  settingsError: MuxiGitError | null;
  record: RecordState;
}

export async function detect(repository: Repository): Promise<Situation> {
  const version = await repository.version();
  const settings = await repository.settings();
  const runtime = runtimeFolder(repository);
  const formations = formationsHere(repository);
  const wanted = hooksWanted(repository);
  return {
    repository,
    runtime,
    version,
    configHooks: version.major > 2 || (version.major === 2 && version.minor >= 54),
    settings,
    formations,
    folders: formations.map((formation) => formation.path),
    secretsFiles: formations.flatMap((formation) => {
      const path = fileIn(formation.path, "secrets.enc");
      return formation.encrypted !== null || existsSync(join(repository.topLevel, path))
        ? [formation.encrypted ?? path]
        : [];
    }),
    trackedKeys: parseIndexEntries(repository.run(["ls-files", "-s", "-z", "--", ":(glob)**/.key"]))
      .filter((entry) => entry.mode !== MODE_SYMLINK)
      .map((entry) => entry.path),
    hooks: readHookSites(wanted.hooks, repository, settings),
    leftOut: HOOK_EVENTS.filter((event) => !wanted.hooks.includes(event)),
    settingsError: wanted.error,
    record: readRecord(runtime),
  };
}

function hooksWanted({ topLevel }: Repository): { hooks: readonly HookEvent[]; error: MuxiGitError | null } {
  try {
    const bytes = readWorkingFile(topLevel, SETTINGS_FILE, LARGEST_SETTINGS);
    return { hooks: wantedHooks(bytes === null ? DEFAULT_SETTINGS : parseSettings(bytes)), error: null };
  } catch (error) {
    if (error instanceof MuxiGitError) return { hooks: HOOK_EVENTS, error };
    throw error;
  }
}

/** Formations among the tracked files and those that git would add. */
function formationsHere(repository: Repository): Formation[] {
  const listed = repository.run(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  return findFormations(new Set(splitNul(listed).map(decodePath)));
}
