/**
 * Carry out a plan, and undo it.
 *
 * Order: the runtime, then the record of what is about to be done, then the
 * files, and the include line of `.git/config` last: until then git runs none
 * of it, and a process killed half-way leaves a record that uninstall can use.
 */
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeFileDurably } from "../durable-file.ts";
import { MuxiGitError } from "../errors.ts";
import { INCLUDE } from "../git/config.ts";
import { VERSION } from "../version.ts";
import { removeBlocks } from "./blocks.ts";
import type { FileChange } from "./change.ts";
import type { Situation } from "./detect.ts";
import {
  type FileState,
  fileState,
  makeFolders,
  newMode,
  removeEmptyFolder,
  removeFile,
  throughLink,
  writeConfig,
} from "./disk.ts";
import { appendedToStub, isStub } from "./hooks.ts";
import { HUSKY_FOLDER, setUpHusky } from "./managers/husky.ts";
import { placeOf } from "./places.ts";
import type { InstallPlan } from "./plan.ts";
import {
  formatRecord,
  type InstallRecord,
  type Place,
  type RecordedConfig,
  type RecordedFile,
  samePlace,
} from "./record.ts";
import { RECORD, sha256 } from "./runtime.ts";

/** Mode of the record, which may hold credentials of `.git/config`. */
const PRIVATE = 0o600;

export interface Applied {
  /** Whether any byte changed. */
  changed: boolean;
  /** Put everything back as it was before {@link applyPlan}. Never throws. */
  undo(): Promise<void>;
}

/** @throws what failed, after everything done so far was undone. */
export async function applyPlan(plan: InstallPlan, situation: Situation): Promise<Applied> {
  const { repository, runtime } = situation;
  const undoing: (() => void)[] = [];
  const undo = async (): Promise<void> => {
    for (const step of undoing.splice(0).reverse()) {
      try {
        step();
      } catch {
        // The rest is still worth putting back.
      }
    }
    await Promise.resolve();
  };
  const made: string[] = [];
  const folders = (path: string): void => {
    const created = makeFolders(path);
    made.push(...created);
    undoing.push(() => {
      for (const folder of created.reverse()) removeEmptyFolder(folder);
    });
  };
  let changed = false;
  const write = (path: string, bytes: Buffer, mode: number): void => {
    const before = fileState(path);
    // A copy made under another umask is as good.
    const sameMode = mode === PRIVATE ? (m: number) => m === mode : (m: number) => (m & 0o111) === (mode & 0o111);
    if (before.kind === "file" && before.bytes.equals(bytes) && sameMode(before.mode)) return;
    if (before.kind === "folder" || before.kind === "special") {
      throw new MuxiGitError("unwritable", `cannot write '${path}': something else is in its place`);
    }
    folders(dirname(path));
    writeFileDurably(path, bytes, mode);
    changed = true;
    undoing.push(() => {
      if (before.kind === "file") writeFileDurably(path, before.bytes, before.mode);
      else removeFile(path);
    });
  };

  try {
    const old = situation.record.kind === "read" ? situation.record.record : null;
    const config = throughLink(join(repository.commonDir, "config"));
    const configBefore = fileState(config);

    folders(runtime);
    for (const file of plan.runtime) write(join(runtime, file.name), file.bytes, newMode(file.executable));
    write(join(runtime, "node"), Buffer.from(`${plan.node}\n`), newMode(false));

    const record: InstallRecord = {
      schemaVersion: 1,
      version: VERSION,
      node: plan.node,
      local: plan.local,
      runtime: Object.fromEntries([
        ...plan.runtime.map((file) => [file.name, sha256(file.bytes)]),
        ["node", sha256(Buffer.from(`${plan.node}\n`))],
        ["config", sha256(plan.driverConfig)],
      ]) as Record<string, string>,
      files: recordFiles(old?.files ?? [], plan.files),
      config: old?.config ?? null,
      folders: [...(old?.folders ?? [])],
      husky: (old?.husky ?? false) || plan.callHusky,
    };
    if (plan.files.length > 0 || plan.addInclude || old === null)
      write(join(runtime, RECORD), formatRecord(record), PRIVATE);
    write(join(runtime, "config"), plan.driverConfig, newMode(false));

    const putConfigBack = (): void => {
      const now = fileState(config);
      if (configBefore.kind !== "file" || (now.kind === "file" && now.bytes.equals(configBefore.bytes))) return;
      writeConfig(config, configBefore.bytes, configBefore.mode);
    };
    if (plan.callHusky) {
      const folder = join(repository.topLevel, HUSKY_FOLDER);
      const generated = join(folder, "_");
      made.push(...[folder, generated].filter((path) => fileState(path).kind === "absent"));
      undoing.push(putConfigBack, () => {
        rmSync(generated, { recursive: true, force: true });
        removeEmptyFolder(folder);
      });
      await setUpHusky(repository.topLevel);
      changed = true;
    }
    for (const change of plan.files) write(change.path, change.after, change.mode);

    if (plan.addInclude) {
      undoing.push(putConfigBack);
      await repository.writeLocalConfig("--add", "include.path", INCLUDE);
      changed = true;
    }
    if (plan.addInclude || plan.callHusky) record.config = recordConfig(configBefore, fileState(config), record.config);
    for (const folder of made) {
      const place = placeOf(folder, repository);
      if (place !== null && !isRuntime(place) && !record.folders.some((known) => samePlace(known, place)))
        record.folders.push(place);
    }
    write(join(runtime, RECORD), formatRecord(record), PRIVATE);
    return { changed, undo };
  } catch (error) {
    await undo();
    throw error;
  }
}

function isRuntime(place: Place): boolean {
  return place.base === "common" && (place.path === "muxi-git" || place.path.startsWith("muxi-git/"));
}

/** What an earlier install found stays, as long as nobody else has written since. */
function recordConfig(before: FileState, after: FileState, old: RecordedConfig | null): RecordedConfig | null {
  if (before.kind !== "file" || after.kind !== "file") return old;
  if (old !== null && sha256(before.bytes) === old.after) return { ...old, after: sha256(after.bytes) };
  return { before: before.bytes.toString("base64"), mode: before.mode, after: sha256(after.bytes) };
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
  if (old !== undefined && sha256(change.before.bytes) === old.after) {
    return { ...entry, before: old.before, beforeMode: old.beforeMode, pad: old.pad };
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
