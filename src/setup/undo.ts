/**
 * Undo an install: plan it as data, then carry it out.
 *
 * The include line goes first, so that git stops running what is about to go;
 * the runtime goes last. A file whose bytes are still those that install left
 * gets its old bytes and mode back; an edited one loses only what is marked as
 * ours. Two things stay, and are said: blocks that HEAD holds, which belong to
 * the team, and the ignore line of a `.key` that `git add` would take otherwise.
 * Without a record, or with a damaged one, the markers decide.
 */
import { join } from "node:path";
import { writeFileDurably } from "../durable-file.ts";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { type ConfigEntry, INCLUDE } from "../git/config.ts";
import { decodePath } from "../git/entries.ts";
import { hooksFolder, type Repository, runtimeFolder } from "../git/repository.ts";
import { splitNul, tryGit } from "../git/run.ts";
import { HOOK_EVENTS } from "../hook-events.ts";
import { tool } from "../invocation.ts";
import { VERSION } from "../version.ts";
import { appendBlock, findBlock, removeBlocks } from "./blocks.ts";
import { configPath, editedConfig, readConfig, replaceConfig } from "./config-file.ts";
import { fileState, newMode, removeEmptyFolder, removeFile, removeTree } from "./disk.ts";
import { asideNames, isStub, stubText } from "./hooks.ts";
import { checkIgnoredIn } from "./ignored.ts";
import { HUSKY_FOLDER } from "./managers/husky.ts";
import { locate, placeOf, shownPath, worktreeId } from "./places.ts";
import { isRecorded, type Place, type RecordedConfig, type RecordedFile, readRecord, samePlace } from "./record.ts";
import { HOOK_STUB, RECORD } from "./runtime.ts";
import { environmentWithoutRepository, inScratch } from "./scratch.ts";
import { commandOf } from "./versions.ts";

export type UndoStep =
  | { kind: "restore-config"; path: string; from: Buffer; bytes: Buffer; mode: number }
  | { kind: "unset-include" }
  | { kind: "unset-husky-path" }
  | { kind: "write"; path: string; bytes: Buffer; mode: number; what: string }
  | { kind: "delete"; path: string; what: string }
  | { kind: "remove-empty-folder"; path: string }
  | { kind: "remove-tree"; path: string };

export interface UndoPlan {
  steps: UndoStep[];
  /** What stays, and why. */
  notes: string[];
}

/** How often a config is read anew that others write at the same time. */
const CONFIG_TRIES = 5;
const KEPT_COMMENT = "(kept by muxi-git uninstall: there is a .key here)";

interface Target {
  place: Place;
  recorded: RecordedFile | null;
}

/** What a file is to become; null: it is to be gone. */
type Wanted = { bytes: Buffer; mode: number } | null;

export function planUndo(repository: Repository, settings: readonly ConfigEntry[], shared: boolean): UndoPlan {
  const runtime = runtimeFolder(repository);
  const state = readRecord(runtime);
  const record = state.kind === "read" ? state.record : null;
  const steps: UndoStep[] = [];
  const notes: string[] = [];
  if (state.kind === "later") throw laterVersion(state.version);
  if (state.kind === "damaged") notes.push("the install record is damaged: what carries muxi-git's marks is removed");

  planConfig(repository, settings, record?.config ?? null, record?.husky === true, steps, notes);

  const ignoreFiles = new Map<string, Wanted>();
  for (const target of targets(repository, record?.files ?? [])) {
    const path = locate(target.place, repository);
    if (path === null) {
      notes.push(`'${escapeText(target.place.path)}' of a worktree that is gone was left`);
      continue;
    }
    const decided = decide(path, target, repository, shared, notes);
    if (decided === undefined) continue;
    if (isIgnoreFile(target.place, repository)) ignoreFiles.set(path, decided);
    else addStep(path, decided, repository, steps);
  }
  keepKeysIgnored(repository, settings, ignoreFiles, notes);
  for (const [path, wanted] of ignoreFiles) addStep(path, wanted, repository, steps);

  for (const place of [...(record?.folders ?? [])].reverse()) {
    const path = locate(place, repository);
    if (path === null) continue;
    const generated = record?.husky === true && place.base === "worktree" && place.path === `${HUSKY_FOLDER}/_`;
    if (fileState(path).kind === "folder")
      steps.push({ kind: generated ? "remove-tree" : "remove-empty-folder", path });
  }
  const there = fileState(runtime).kind;
  if (there === "folder") steps.push({ kind: "remove-tree", path: runtime });
  else if (there !== "absent")
    notes.push(`'${escapeText(shownPath(runtime, repository))}' is no folder and stays: it is not muxi-git's`);
  return { steps, notes };
}

function planConfig(
  repository: Repository,
  settings: readonly ConfigEntry[],
  recorded: RecordedConfig | null,
  husky: boolean,
  steps: UndoStep[],
  notes: string[],
): void {
  const path = configPath(repository);
  const state = fileState(path);
  if (recorded?.before != null && state.kind === "file" && isRecorded(recorded, state.bytes)) {
    const bytes = Buffer.from(recorded.before, "base64");
    steps.push({ kind: "restore-config", path, from: state.bytes, bytes, mode: recorded.mode });
    return;
  }
  // husky set core.hooksPath at our call; left there without its folder, it would switch off every hook.
  const known = recorded?.before == null ? "" : Buffer.from(recorded.before, "base64").toString("latin1");
  const huskyPath = `${HUSKY_FOLDER}/_`;
  if (
    husky &&
    recorded !== null &&
    !/hookspath/i.test(known) &&
    settings.some((entry) => entry.scope === "local" && entry.key === "core.hookspath" && entry.value === huskyPath)
  ) {
    steps.push({ kind: "unset-husky-path" });
  }
  const present = settings.some(
    (entry) => entry.scope === "local" && entry.key === "include.path" && entry.value === INCLUDE,
  );
  if (!present) return;
  steps.push({ kind: "unset-include" });
  if (recorded !== null) notes.push("'.git/config' was edited since install: only the include line is removed");
}

/** Recorded files, and all places where a block or stub of ours may stand in this working tree. */
function targets(repository: Repository, recorded: readonly RecordedFile[]): Target[] {
  const found: Target[] = recorded.map((file) => ({ place: file.place, recorded: file }));
  const folder = hooksFolderOrNull(repository);
  const here = (path: string): Place => ({ base: "worktree", worktree: worktreeId(repository), path });
  const known: Place[] = [
    ...HOOK_EVENTS.flatMap((event): Place[] => {
      // Also where a manager may have moved it.
      const names = [event, `${event}.legacy`, ...asideNames(event)];
      return [
        ...names.map((name): Place => ({ base: "common", path: `hooks/${name}` })),
        here(`${HUSKY_FOLDER}/${event}`),
        ...names.flatMap((name) => (folder === null ? [] : (placeOf(join(folder, name), repository) ?? []))),
      ];
    }),
    here(".gitattributes"),
    { base: "common", path: "info/attributes" },
    here(".gitignore"),
    { base: "common", path: "info/exclude" },
  ];
  for (const place of known) {
    if (!found.some((target) => samePlace(target.place, place))) found.push({ place, recorded: null });
  }
  return found;
}

function hooksFolderOrNull(repository: Repository): string | null {
  try {
    return hooksFolder(repository);
  } catch {
    // An empty or broken core.hooksPath.
    return null;
  }
}

function isIgnoreFile(place: Place, repository: Repository): boolean {
  if (place.base === "common") return place.path === "info/exclude";
  return place.path === ".gitignore" && place.worktree === worktreeId(repository);
}

/** undefined: nothing of ours is there, or it stays. */
function decide(
  path: string,
  target: Target,
  repository: Repository,
  shared: boolean,
  notes: string[],
): Wanted | undefined {
  const { recorded } = target;
  const state = fileState(path);
  const name = escapeText(shownPath(path, repository));
  if (state.kind !== "file") return undefined;
  const untouched = recorded !== null && isRecorded(recorded, state.bytes);
  const before: Wanted =
    recorded === null || recorded.before === null
      ? null
      : { bytes: Buffer.from(recorded.before, "base64"), mode: recorded.beforeMode ?? state.mode };
  const text = state.bytes.toString("latin1");

  if (isStub(text)) {
    if (untouched || recorded === null) return untouched ? before : null;
    const rest = withoutStub(text, repository);
    if (rest === null) return null;
    notes.push(`'${name}' was edited since install: your lines stay`);
    return { bytes: Buffer.from(rest, "latin1"), mode: state.mode };
  }

  const block = findBlock(text);
  if (block === "unfinished") {
    notes.push(`'${name}' has a muxi-git block without its end line: remove it by hand`);
    return undefined;
  }
  if (block === null && !untouched) {
    if (recorded !== null && before !== null && !before.bytes.equals(state.bytes))
      notes.push(`'${name}' was edited since install and holds nothing of muxi-git's`);
    return undefined;
  }
  if (block !== null && !shared && headHolds(target.place, path, repository)) {
    // The team's block: at most the lines that this install added to it go.
    if (untouched && before !== null && findBlock(before.bytes.toString("latin1")) !== null) return before;
    notes.push(`the block in '${name}' stays: HEAD holds it, for the team; '${tool("uninstall --shared")}' removes it`);
    return undefined;
  }
  if (untouched && (before === null || findBlock(before.bytes.toString("latin1")) === null)) {
    // The mode may have been changed since; then it is the person's.
    return before === null
      ? null
      : { bytes: before.bytes, mode: state.mode === recorded.afterMode ? before.mode : state.mode };
  }
  const rest = removeBlocks(text, recorded?.pad ?? "");
  if (recorded !== null && !untouched)
    notes.push(`'${name}' was edited since install: only muxi-git's block is removed`);
  if (rest === "" && (recorded === null || recorded.before === null)) return null;
  return { bytes: Buffer.from(rest, "latin1"), mode: state.mode };
}

/** An edited stub without the lines that are ours; null where nothing is left but its `#!` line. */
function withoutStub(text: string, repository: Repository): string | null {
  const state = fileState(join(runtimeFolder(repository), HOOK_STUB));
  const source = state.kind === "file" ? state.bytes.toString("latin1") : "";
  const ours = new Set(HOOK_EVENTS.flatMap((event) => stubText(source, event).split("\n")));
  const [first = "", ...lines] = text.split("\n");
  const rest = lines.filter((line) => !ours.has(line) && !line.startsWith("# muxi-git hook,"));
  return rest.every((line) => line.trim() === "") ? null : [first, ...rest, ""].join("\n");
}

/** Whether the last commit of the file's worktree holds a block of ours in it. */
function headHolds(place: Place, path: string, repository: Repository): boolean {
  if (place.base === "common") return false;
  const root = path.slice(0, path.length - place.path.length);
  const here = place.worktree === worktreeId(repository);
  const options = here
    ? { cwd: repository.topLevel, env: repository.env }
    : { cwd: root, env: environmentWithoutRepository(repository.env) };
  const result = tryGit(["cat-file", "blob", `HEAD:${place.path}`], options);
  if (result.code === 0) return findBlock(result.stdout.toString("latin1")) !== null;
  // A partial clone may lack the blob of a path that HEAD has: then it is not ours to judge.
  return tryGit(["rev-parse", "--verify", "--quiet", `HEAD:${place.path}`], options).code === 0;
}

/** If an existing `.key` would become addable, its line stays in `info/exclude`. */
function keepKeysIgnored(
  repository: Repository,
  settings: readonly ConfigEntry[],
  files: Map<string, Wanted>,
  notes: string[],
): void {
  if (files.size === 0) return;
  const keys = splitNul(repository.run(["ls-files", "-z", "--others", "--", ":(glob)**/.key"])).map(decodePath);
  if (keys.length === 0) return;
  const exclude = join(repository.commonDir, "info", "exclude");
  const planned = new Map<string, Uint8Array | null>();
  for (const [path, wanted] of files)
    planned.set(path === exclude ? "info/exclude" : ".gitignore", wanted?.bytes ?? null);
  const answers = inScratch(
    repository,
    settings,
    { name: ".gitignore", info: "exclude", paths: keys, planned },
    (options) => checkIgnoredIn(keys, options),
  );
  const addable = keys.filter((key) => answers.get(key)?.ignored !== true);
  const first = addable[0];
  if (first === undefined) return;
  const wanted = files.has(exclude) ? files.get(exclude) : undefined;
  const state = fileState(exclude);
  const text =
    wanted !== undefined
      ? (wanted?.bytes.toString("latin1") ?? "")
      : state.kind === "file"
        ? state.bytes.toString("latin1")
        : "";
  const mode = wanted?.mode ?? (state.kind === "file" ? state.mode : newMode(false));
  files.set(exclude, { bytes: Buffer.from(appendBlock(text, KEPT_COMMENT, [".key"]).text, "latin1"), mode });
  const more = addable.length > 1 ? ` and ${addable.length - 1} more` : "";
  notes.push(
    `'.key' stays ignored in '.git/info/exclude': '${escapeText(first)}'${more} would be added by 'git add .' otherwise`,
  );
}

function addStep(path: string, wanted: Wanted, repository: Repository, steps: UndoStep[]): void {
  const state = fileState(path);
  const what = shownPath(path, repository);
  if (wanted === null) {
    if (state.kind === "file") steps.push({ kind: "delete", path, what });
    return;
  }
  if (state.kind === "file" && state.bytes.equals(wanted.bytes) && state.mode === wanted.mode) return;
  steps.push({ kind: "write", path, bytes: wanted.bytes, mode: wanted.mode, what });
}

function unsetInConfig(repository: Repository, key: string, value: string): void {
  const path = configPath(repository);
  for (let tries = 0; tries < CONFIG_TRIES; tries++) {
    const before = readConfig(path);
    const bytes = editedConfig(repository, path, before, [["--unset-all", key, value]]);
    if (replaceConfig(path, before.bytes, { bytes, mode: before.mode })) return;
  }
  throw configBusy();
}

function configBusy(): MuxiGitError {
  return new MuxiGitError("config-locked", "the repository's config is being written by another program", {
    hint: `when it has ended, run '${tool("uninstall")}' again`,
  });
}

/** Only the version that wrote a record can put back what it holds. */
function laterVersion(version: string | null): MuxiGitError {
  return new MuxiGitError(
    "later-version",
    `this install is of ${version === null ? "a later muxi-git" : `muxi-git ${version}`}, whose record ${VERSION} cannot read`,
    { hint: `run '${commandOf(version)} uninstall'` },
  );
}

/** @throws MuxiGitError where a step fails; those after it are not done, and a second run does them. */
export function applyUndo(plan: UndoPlan, repository: Repository, renew: () => void): void {
  for (const step of plan.steps) {
    renew();
    switch (step.kind) {
      case "restore-config":
        if (!replaceConfig(step.path, step.from, step)) throw configBusy();
        break;
      case "unset-include":
        unsetInConfig(repository, "include.path", `^${INCLUDE}$`);
        break;
      case "unset-husky-path":
        unsetInConfig(repository, "core.hooksPath", "^\\.husky/_$");
        break;
      case "write":
        writeFileDurably(step.path, step.bytes, step.mode);
        break;
      case "delete":
        removeFile(step.path);
        break;
      case "remove-empty-folder":
        removeEmptyFolder(step.path);
        break;
      case "remove-tree":
        // The record first: without it nothing here is taken for an install that is whole.
        removeTree(step.path, RECORD);
        break;
    }
  }
}
