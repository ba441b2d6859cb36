/**
 * Carry out a plan, and undo it.
 *
 * Order: the runtime, then the record of all that is about to be done, then the
 * files, and the include line of `.git/config` last: until then git runs none
 * of it. The record names the bytes before and after each change, so a process
 * killed anywhere leaves what the next install finishes and uninstall puts back.
 */
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeFileDurably } from "../durable-file.ts";
import { MuxiGitError } from "../errors.ts";
import { INCLUDE, lastEntry } from "../git/config.ts";
import type { Repository } from "../git/repository.ts";
import { tool } from "../invocation.ts";
import { VERSION } from "../version.ts";
import { removeBlocks } from "./blocks.ts";
import type { FileChange } from "./change.ts";
import { type ConfigBytes, configPath, editedConfig, readConfig, replaceConfig } from "./config-file.ts";
import type { Situation } from "./detect.ts";
import {
  fileState,
  makeFolders,
  missingFolders,
  newMode,
  parseSharing,
  removeEmptyFolder,
  removeFile,
  removeTree,
  sharedMode,
  shareFolder,
} from "./disk.ts";
import { appendedToStub, isStub } from "./hooks.ts";
import { HUSKY_FOLDER, setUpHusky } from "./managers/husky.ts";
import { placeOf } from "./places.ts";
import type { InstallPlan } from "./plan.ts";
import {
  formatRecord,
  type InstallRecord,
  isRecorded,
  type Place,
  type RecordedConfig,
  type RecordedFile,
  samePlace,
} from "./record.ts";
import { RECORD, sha256 } from "./runtime.ts";

/** Mode of the record, which may hold credentials of `.git/config`. */
const PRIVATE = 0o600;
/** How often a config is planned anew that others write at the same time. */
const CONFIG_TRIES = 5;

export interface Applied {
  /** Whether any byte changed. */
  changed: boolean;
  /**
   * Put everything back as it was before {@link applyPlan}.
   *
   * @param cause - why; comes back saying what became of it. Never throws.
   */
  undo(cause: unknown): unknown;
}

/**
 * @param renew - called at every write: see lock.ts.
 * @throws what failed, after everything done so far was undone.
 */
export async function applyPlan(plan: InstallPlan, situation: Situation, renew: () => void): Promise<Applied> {
  const { repository, runtime } = situation;
  const undoing: (() => void)[] = [];
  let changed = false;
  const undo = (cause: unknown): unknown => {
    const touched = undoing.length > 0;
    // The record was written early and goes late: where a step fails it stays, and with it the way back.
    while (undoing.length > 0) {
      try {
        undoing.pop()?.();
      } catch {
        return sayUndone(cause, "in part");
      }
    }
    return touched && changed ? sayUndone(cause, "all") : cause;
  };
  // Of the repository's own settings alone, as git does once it is made.
  const own = situation.settings.filter((entry) => entry.scope === "local");
  const sharing = parseSharing(lastEntry(own, "core.sharedrepository")?.value);
  const isShared = (path: string): boolean => placeOf(path, repository)?.base === "common";
  const isOurs = (path: string): boolean => path.startsWith(join(runtime, "/"));
  const folders = (path: string): void => {
    const created = makeFolders(path);
    undoing.push(() => {
      for (const folder of [...created].reverse()) removeEmptyFolder(folder);
    });
    for (const folder of created) if (isShared(folder)) shareFolder(folder, sharing);
  };
  const write = (path: string, bytes: Buffer, wanted: number): void => {
    const before = fileState(path);
    const isPrivate = path === join(runtime, RECORD);
    const whose = isPrivate || !isShared(path) ? null : sharing;
    const mode = isOurs(path) || before.kind !== "file" ? sharedMode(wanted, whose) : wanted;
    // A copy made under another umask is as good, where the group has what it needs.
    const needed = sharedMode(wanted & 0o700, whose);
    const sameMode = (m: number): boolean => {
      if (isPrivate) return m === mode;
      if (whose === null) return (m & 0o111) === (mode & 0o111);
      return (m & needed) === needed && (m & 0o100) === (mode & 0o100);
    };
    if (before.kind === "file" && before.bytes.equals(bytes) && sameMode(before.mode)) return;
    if (before.kind === "folder" || before.kind === "special") {
      throw new MuxiGitError("unwritable", `cannot write '${path}': something else is in its place`);
    }
    renew();
    folders(dirname(path));
    writeFileDurably(path, bytes, mode);
    changed = true;
    undoing.push(() => {
      if (before.kind === "file") writeFileDurably(path, before.bytes, before.mode);
      else removeFile(path);
    });
  };
  /** As `write`, for what is ours alone: whatever else got there goes. */
  const writeOwn = (name: string, bytes: Buffer, mode: number): void => {
    const path = join(runtime, name);
    if (fileState(path).kind === "folder") removeTree(path);
    write(path, bytes, mode);
  };

  try {
    const runtimeState = fileState(runtime).kind;
    if (runtimeState !== "absent" && runtimeState !== "folder") {
      throw new MuxiGitError("refused-file", `'${runtime}' is no folder, and not muxi-git's`, {
        hint: "move it away, then install again",
      });
    }
    const old = situation.record.kind === "read" ? situation.record.record : null;
    if (runtimeState === "absent") {
      folders(runtime);
      // The copy that was started to be tried has left its code cache.
      undoing.push(() => removeTree(runtime));
    }
    for (const file of plan.runtime) writeOwn(file.name, file.bytes, newMode(file.executable));
    writeOwn("node", Buffer.from(`${plan.node}\n`), newMode(false));

    const runtimeHashes = Object.fromEntries([
      ...plan.runtime.map((file) => [file.name, sha256(file.bytes)]),
      ["node", sha256(Buffer.from(`${plan.node}\n`))],
      ["config", sha256(plan.driverConfig)],
    ]) as Record<string, string>;
    // What another version had and this one has not, a hook of an event that it does not know.
    for (const name of Object.keys(old?.runtime ?? {})) {
      const path = join(runtime, name);
      const state = fileState(path);
      if (name in runtimeHashes || name === RECORD || state.kind !== "file") continue;
      removeFile(path);
      changed = true;
      undoing.push(() => writeFileDurably(path, state.bytes, state.mode));
    }

    const config = configPath(repository);
    const recordChanges = (before: ConfigBytes, next: PlannedConfig): void => {
      const record: InstallRecord = {
        schemaVersion: 1,
        version: VERSION,
        node: plan.node,
        local: plan.local,
        runtime: runtimeHashes,
        files: recordFiles(old?.files ?? [], plan.files),
        config: recordConfig(before, next, old?.config ?? null, plan.addInclude),
        folders: recordFolders(plan, repository, old?.folders ?? []),
        husky: (old?.husky ?? false) || plan.callHusky,
      };
      writeOwn(RECORD, formatRecord(record), PRIVATE);
    };
    let before = readConfig(config);
    let next = planConfig(plan, repository, config, before);
    recordChanges(before, next);
    writeOwn("config", plan.driverConfig, newMode(false));

    const original = before;
    const putConfigBack = (): void => {
      const now = readConfig(config);
      if (!now.bytes.equals(original.bytes)) replaceConfig(config, now.bytes, original);
    };
    if (plan.callHusky) {
      const folder = join(repository.topLevel, HUSKY_FOLDER);
      const generated = join(folder, "_");
      const missing = [folder, generated].filter((path) => fileState(path).kind === "absent");
      undoing.push(putConfigBack, () => {
        if (missing.includes(generated)) rmSync(generated, { recursive: true, force: true });
        if (missing.includes(folder)) removeEmptyFolder(folder);
      });
      await setUpHusky(repository.topLevel);
      changed = true;
    }
    for (const change of plan.files) write(change.path, change.after, change.mode);

    if (plan.addInclude) {
      undoing.push(putConfigBack);
      renew();
      const expected = next.afterHusky ?? before.bytes;
      let done = replaceConfig(config, expected, { bytes: next.after, mode: before.mode });
      for (let tries = 1; !done && tries < CONFIG_TRIES; tries++) {
        before = readConfig(config);
        next = planConfig({ ...plan, callHusky: false }, repository, config, before);
        recordChanges(before, next);
        done = replaceConfig(config, before.bytes, { bytes: next.after, mode: before.mode });
      }
      if (!done) {
        throw new MuxiGitError("config-locked", "the repository's config is being written by another program", {
          hint: `when it has ended, run '${tool("install")}' again`,
        });
      }
      changed = true;
    }
    return { changed, undo };
  } catch (error) {
    throw undo(error);
  }
}

/** The same error, with what became of the work until then. */
function sayUndone(cause: unknown, undone: "all" | "in part"): unknown {
  if (!(cause instanceof MuxiGitError)) return cause;
  const { code, message, hint, exit } = cause;
  if (undone === "all") {
    return new MuxiGitError(code, `${message}; what was done until then was undone`, {
      ...(hint === undefined ? {} : { hint }),
      cause,
      exit,
    });
  }
  return new MuxiGitError(code, `${message}; what was done until then could be undone in part only`, {
    hint: `when that is mended, run 'npx muxi-git install' again to finish, or 'npx muxi-git uninstall' to put back the rest`,
    cause,
    exit,
  });
}

interface PlannedConfig {
  /** When husky has set its path; null where it is not called. */
  afterHusky: Buffer | null;
  after: Buffer;
}

function planConfig(
  plan: Pick<InstallPlan, "callHusky" | "addInclude">,
  repository: Repository,
  path: string,
  before: ConfigBytes,
): PlannedConfig {
  const afterHusky = plan.callHusky
    ? editedConfig(repository, path, before, [["core.hooksPath", `${HUSKY_FOLDER}/_`]])
    : null;
  const base = afterHusky ?? before.bytes;
  const after = plan.addInclude
    ? editedConfig(repository, path, { ...before, bytes: base }, [["--add", "include.path", INCLUDE]])
    : base;
  return { afterHusky, after };
}

function recordFolders(plan: InstallPlan, repository: Repository, old: readonly Place[]): Place[] {
  const places = [...old];
  const paths = plan.files.map((change) => dirname(change.path));
  if (plan.callHusky) paths.push(join(repository.topLevel, HUSKY_FOLDER, "_"));
  for (const folder of paths.flatMap(missingFolders)) {
    const place = placeOf(folder, repository);
    if (place !== null && !isRuntime(place) && !places.some((known) => samePlace(known, place))) places.push(place);
  }
  return places;
}

function isRuntime(place: Place): boolean {
  return place.base === "common" && (place.path === "muxi-git" || place.path.startsWith("muxi-git/"));
}

/** What an earlier install found stays, as long as nobody else has written since. */
function recordConfig(
  before: ConfigBytes,
  { afterHusky, after }: PlannedConfig,
  old: RecordedConfig | null,
  addInclude: boolean,
): RecordedConfig | null {
  if (after.equals(before.bytes)) return old;
  const also = afterHusky === null || afterHusky.equals(after) ? [] : [sha256(afterHusky)];
  const known = old !== null && isRecorded(old, before.bytes);
  if (known) also.push(sha256(before.bytes));
  return {
    // With our include line in it, it is not what was there before us.
    before: known ? old.before : addInclude ? before.bytes.toString("base64") : null,
    mode: known ? old.mode : before.mode,
    after: sha256(after),
    ...(also.length === 0 ? {} : { also }),
  };
}

/** Entries for the files of this plan; those of files it leaves alone stay as they are. */
function recordFiles(old: readonly RecordedFile[], changes: readonly FileChange[]): RecordedFile[] {
  const fresh = changes.map((change) =>
    recordFile(
      old.find((entry) => samePlace(entry.place, change.place)),
      change,
    ),
  );
  return [...old.filter((entry) => !fresh.some((one) => samePlace(one.place, entry.place))), ...fresh];
}

function recordFile(old: RecordedFile | undefined, change: FileChange): RecordedFile {
  const entry: RecordedFile = {
    place: change.place,
    before: change.before === null ? null : change.before.bytes.toString("base64"),
    beforeMode: change.before?.mode ?? null,
    after: sha256(change.after),
    afterMode: change.mode,
    pad: change.pad,
  };
  if (change.before === null) return entry;
  const text = change.before.bytes.toString("latin1");
  if (old !== undefined && isRecorded(old, change.before.bytes)) {
    // Killed before the file is written, it is still this that stands there.
    const also = [sha256(change.before.bytes)];
    return { ...entry, before: old.before, beforeMode: old.beforeMode, pad: old.pad, also };
  }
  if (isStub(text)) {
    // Our own stub of another version, its record lost: there was no hook before, but for what was appended to it.
    const appended = appendedToStub(text);
    return appended === ""
      ? { ...entry, before: null, beforeMode: null }
      : { ...entry, before: Buffer.from(`#!/bin/sh\n${appended}`, "latin1").toString("base64") };
  }
  if (old === undefined) return entry;
  // Edited since: what was there before is the person's text without our block.
  const stripped = Buffer.from(removeBlocks(text, old.pad), "latin1");
  const gone = stripped.length === 0 && old.before === null;
  return {
    ...entry,
    before: gone ? null : stripped.toString("base64"),
    beforeMode: gone ? null : entry.beforeMode,
    pad: old.pad,
  };
}
