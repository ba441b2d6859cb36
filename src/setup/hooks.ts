/**
 * Which hooks run muxi-git in a clone, and how install gets them to.
 *
 * git 2.54 and later runs hooks from the configuration, beside any hook file
 * and whatever `core.hooksPath` says; older git runs one file. A plain clone gets
 * both: the launcher passes where the configuration already runs us. A hook of
 * the user's gets a block after its `#!` line (appended, it would never be
 * reached after an `exit`); everything that a manager generated, or that stands
 * outside the git common dir, is left alone.
 */
import { readdirSync, realpathSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { type ConfigEntry, configHookName, lastEntry } from "../git/config.ts";
import { hooksFolder, type Repository } from "../git/repository.ts";
import type { HookEvent } from "../hook-events.ts";
import { tool } from "../invocation.ts";
import { BEGIN, findBlock } from "./blocks.ts";
import { type FileState, fileState } from "./disk.ts";
import { HUSKY_FOLDER, isGeneratedFolder } from "./managers/husky.ts";
import { MANAGERS, managerOf } from "./managers/index.ts";
import {
  feed,
  GIVE_INPUT_BACK,
  guardedLines,
  type HookManager,
  READ_INPUT,
  type ReadProjectFile,
  runsOurHook,
  type Snippet,
} from "./managers/manager.ts";

export type HookMode = "auto" | "file" | "config" | "husky" | "none";

/** What each event comes before, and what the person runs after mending. A stopped merge is ended by a commit. */
const ACTIONS: Record<HookEvent, { action: string; again: string }> = {
  "pre-commit": { action: "commit", again: "commit again" },
  "pre-merge-commit": { action: "merge", again: "run 'git commit'" },
  "commit-msg": { action: "commit", again: "commit again" },
  "pre-push": { action: "push", again: "push again" },
};

/** In line 2 of every stub, of any version. */
const STUB_MARK = "# muxi-git hook,";
/** The last line of every stub: what stands after it was appended by somebody and never runs. */
const STUB_END = "\nexit 2\n";

const SHELLS = new Set(["sh", "bash", "dash", "ash", "zsh", "ksh"]);

export type HookFileKind =
  | { kind: "absent" }
  /** The stub that install writes; `appended` is what somebody put after it, which never runs. */
  | { kind: "stub"; appended: string }
  /** A script of the user's that holds our block. */
  | { kind: "block" }
  /** A script of the user's that a block can go into. */
  | { kind: "shell" }
  | { kind: "other"; reason: string };

export interface HookSite {
  event: HookEvent;
  folder: string;
  /** The file that install may write: the hook, or what its manager runs first. */
  file: string;
  state: FileState;
  what: HookFileKind;
  /** The file that git runs. */
  hook: FileState;
  manager: HookManager | null;
  hooksPath: ConfigEntry | null;
  /** `own`: in the git common dir. `elsewhere`: shared with other clones, tracked, or generated. */
  folderIs: "own" | "elsewhere" | "disabled";
  /** The folder git looks in exists. */
  folderExists: boolean;
  /** The manager's settings, or a script it runs, already run our hook. */
  managerRunsUs: boolean;
  /** A manager that the project uses, that this clone has not set up, and that would not leave our hook. */
  dormant: HookManager | null;
  /** The config hook as git sees it. */
  configHook: "absent" | "enabled" | "disabled";
  /** Where a manager put the stub that install had written. */
  movedTo: string | null;
  readProject: ReadProjectFile;
}

/** Where managers put a hook that was there: lefthook, overcommit. pre-commit's `.legacy` is run, so it is no such place. */
export function asideNames(event: string): string[] {
  return [`${event}.old`, `old-hooks/${event}`];
}

/** What the clone's hooks have in common. */
interface HookFolder {
  hooksPath: ConfigEntry | null;
  disabled: boolean;
  folder: string;
  /** The managers that wrote any hook in it. */
  managers: HookManager[];
  readProject: ReadProjectFile;
}

/** The sites of these events. */
export function readHookSites(
  events: readonly HookEvent[],
  repository: Repository,
  settings: readonly ConfigEntry[],
): HookSite[] {
  const hooksPath = lastEntry(settings, "core.hookspath") ?? null;
  const disabled =
    hooksPath !== null &&
    (hooksPath.value === "" || hooksPath.value === null || /^(?:\/dev\/null|NUL)$/i.test(hooksPath.value));
  const folder = disabled ? join(repository.commonDir, "hooks") : hooksFolder(repository);
  const readProject = (path: string): string | null => textOf(fileState(join(repository.topLevel, path)));
  const managers = disabled ? [] : managersIn(folder, hooksPath?.value ?? null);
  return events.map((event) =>
    readHookSite(event, { hooksPath, disabled, folder, managers, readProject }, repository, settings),
  );
}

function textOf(state: FileState): string | null {
  return state.kind === "file" ? state.bytes.toString("latin1") : null;
}

/** A manager is known by any hook it wrote: it deletes and moves those of events that its settings do not name. */
function managersIn(folder: string, hooksPath: string | null): HookManager[] {
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => /^[a-z0-9-]+$/.test(name));
  } catch {
    // No folder: a manager may still be named by core.hooksPath.
  }
  const texts = [null, ...names.map((name) => textOf(fileState(join(folder, name))))];
  const found = texts.map((hookText) => managerOf({ hooksPath, hookText }));
  return MANAGERS.filter((manager) => found.includes(manager));
}

function readHookSite(
  event: HookEvent,
  { hooksPath, disabled, folder, managers, readProject }: HookFolder,
  repository: Repository,
  settings: readonly ConfigEntry[],
): HookSite {
  const hook = fileState(join(folder, event));
  const manager = disabled
    ? null
    : (managerOf({ hooksPath: hooksPath?.value ?? null, hookText: textOf(hook) }) ??
      managers.find((one) => !one.leaves(event)) ??
      null);
  // What pre-commit runs first is ours to write; its own hook is not.
  const file = join(folder, manager?.name === "pre-commit" ? `${event}.legacy` : event);
  const state = fileState(file);
  const name = configHookName(event);
  const configured = settings.some((entry) => entry.key === `hook.${name}.event` && entry.value === event);
  const off = lastEntry(settings, `hook.${name}.enabled`);
  const what = classify(state);
  return {
    event,
    folder,
    file,
    state,
    what,
    hook,
    manager,
    hooksPath,
    folderIs: disabled ? "disabled" : isOwnFolder(folder, repository) ? "own" : "elsewhere",
    folderExists: fileState(folder).kind === "folder" || fileState(folder).kind === "symlink",
    managerRunsUs: manager !== null && runsUs(manager, event, textOf(hook), readProject),
    dormant:
      manager === null && managers.length === 0
        ? (MANAGERS.find((one) => !one.leaves(event) && one.usedBy(readProject)) ?? null)
        : null,
    configHook: !configured
      ? "absent"
      : off !== undefined && /^(?:false|no|off|0|)$/i.test(off.value ?? "true")
        ? "disabled"
        : "enabled",
    movedTo:
      what.kind === "stub"
        ? null
        : (asideNames(event).find((one) => isStub(textOf(fileState(join(folder, one))) ?? "")) ?? null),
    readProject,
  };
}

/** By its settings, as long as it has a hook for the event; simple-git-hooks writes them into the hook itself. */
function runsUs(manager: HookManager, event: HookEvent, hookText: string | null, read: ReadProjectFile): boolean {
  if (manager.name === "simple-git-hooks") return hookText !== null && runsOurHook(hookText, event);
  return manager.settings(event, read).some((path) => runsOurHook(read(path) ?? "", event));
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // Not there yet: its parent may be reached through a link.
    return dirname(path) === path ? path : join(real(dirname(path)), basename(path));
  }
}

function isOwnFolder(folder: string, repository: Repository): boolean {
  return real(folder).startsWith(`${real(repository.commonDir)}${sep}`);
}

/** The interpreter that a `#!` line names. */
function interpreter(firstLine: string): string {
  const words = firstLine
    .slice(2)
    .trim()
    .split(/[ \t]+/);
  const program = words.shift() ?? "";
  if (basename(program) !== "env") return basename(program);
  return basename(words.find((word) => !word.startsWith("-") && !word.includes("=")) ?? "");
}

function classify(state: FileState): HookFileKind {
  if (state.kind === "absent") return { kind: "absent" };
  if (state.kind === "symlink") return { kind: "other", reason: "a symbolic link" };
  if (state.kind !== "file") return { kind: "other", reason: "no regular file" };
  if ((state.mode & 0o111) === 0 && process.platform !== "win32") return { kind: "other", reason: "not executable" };
  const text = state.bytes.toString("latin1");
  if (isStub(text)) return { kind: "stub", appended: appendedToStub(text) };
  if (findBlock(text) !== null) return { kind: "block" };
  const end = text.indexOf("\n");
  const first = end < 0 ? text : text.slice(0, end);
  if (state.bytes.includes(0) || !first.startsWith("#!"))
    return { kind: "other", reason: "no script with a '#!' line" };
  if (first.endsWith("\r")) return { kind: "other", reason: "a script with CRLF line ends" };
  const program = interpreter(first.slice(0, 256));
  return SHELLS.has(program)
    ? { kind: "shell" }
    : { kind: "other", reason: `a script for ${escapeText(program) || "another program"}` };
}

export function isStub(text: string): boolean {
  return (text.split("\n", 2)[1] ?? "").startsWith(STUB_MARK);
}

/** What stands after the stub's last line, which ends the script. */
export function appendedToStub(text: string): string {
  const end = text.indexOf(STUB_END);
  const rest = end < 0 ? "" : text.slice(end + STUB_END.length);
  return rest.trim() === "" ? "" : rest;
}

/** The stub of an event as it is written. */
export function stubText(source: string, event: HookEvent): string {
  const { action, again } = ACTIONS[event];
  return source.replaceAll("@EVENT@", event).replaceAll("@ACTION@", action).replaceAll("@AGAIN@", again);
}

/** The block for an untracked hook of the user's. It closes when the runtime is gone, as the stub does. */
export function hookBlock(event: HookEvent): string[] {
  const { action, again } = ACTIONS[event];
  const reads = event === "pre-push";
  return [
    ...(reads ? [READ_INPUT] : []),
    "muxi_git_run=$(git rev-parse --git-common-dir)/muxi-git/run",
    'if [ -x "$muxi_git_run" ]; then',
    reads ? `  ${feed(event)} || exit $?` : `  "$muxi_git_run" hook ${event} "$@" || exit $?`,
    "else",
    `  echo "muxi-git: error: its runtime is missing, so this ${action} was not checked" >&2`,
    `  echo "muxi-git: hint: run 'npx muxi-git install', then ${again}" >&2`,
    "  exit 2",
    "fi",
    "unset muxi_git_run",
    ...(reads ? GIVE_INPUT_BACK : []),
  ];
}

export type HookMechanism =
  | "file"
  | "file+config"
  | "config"
  /** In a hook of the user's. */
  | "block"
  /** Beside pre-commit's hook, which runs it first. */
  | "legacy"
  | "husky"
  /** By the settings of a manager, or a hooks folder that is not this clone's own. */
  | "manager"
  | "none";

export interface HookPlan {
  event: HookEvent;
  mechanism: HookMechanism;
  /** What to do with the file at the site; husky's script is `script`. */
  write: "stub" | "block" | "husky-script" | null;
  config: boolean;
  /** Call the husky package first. */
  callHusky: boolean;
  /** Why it will not run, where it will not. */
  reason?: string;
  /** What to paste, where that is one file for one event. */
  snippet?: Snippet;
  /** Whose settings are to run it: one snippet for all its events. */
  paste?: HookManager;
  /** What the person should know although it will run. */
  note?: string;
}

export interface HookOptions {
  mode: HookMode;
  /** git runs hooks from the configuration. */
  configHooks: boolean;
  gitVersion: string;
  force: boolean;
  /** The person agreed to edit husky's tracked script. */
  editTracked: boolean;
}

/**
 * Decide for one event.
 *
 * @throws MuxiGitError `no-config-hooks`, `hooks-in-the-way`.
 */
export function planHook(site: HookSite, options: HookOptions): HookPlan {
  const { event } = site;
  const canConfig = options.configHooks && (options.mode === "auto" || options.mode === "config");
  const none = (reason: string, snippet?: Snippet): HookPlan => ({
    event,
    mechanism: "none",
    write: null,
    config: false,
    callHusky: false,
    reason,
    ...(snippet === undefined ? {} : { snippet }),
  });
  const byConfig = (note?: string): HookPlan => ({
    event,
    mechanism: "config",
    write: null,
    config: true,
    callHusky: false,
    ...(note === undefined ? {} : { note }),
  });

  if (options.mode === "none") return none("left out with --hooks none");
  if (options.mode === "config" && !options.configHooks) {
    throw new MuxiGitError("no-config-hooks", `git ${options.gitVersion} runs no hooks from the configuration`, {
      hint: "git 2.54 and later do; leave out --hooks config",
    });
  }
  if (site.folderIs === "disabled") {
    const said = `core.hooksPath is '${escapeText(site.hooksPath?.value ?? "")}' (${site.hooksPath?.scope}), which switches hooks off`;
    if (canConfig && options.force) return byConfig(said);
    return none(
      canConfig ? `${said}; '${tool("install --force")}' runs muxi-git from git's configuration all the same` : said,
    );
  }
  if (options.mode === "husky") return planHusky(site, options, none);
  const { manager } = site;
  if (manager !== null) {
    const missing = site.folderExists
      ? undefined
      : `${manager.name} is not set up in this working tree: its own hooks are skipped`;
    if (canConfig) return byConfig(missing);
    if (manager.name === "husky") return planHusky(site, options, none);
    if (site.managerRunsUs) {
      return { event, mechanism: "manager", write: null, config: false, callHusky: false };
    }
    // A hook of ours that it has not reached yet still runs.
    const stays = site.what.kind === "stub" || site.what.kind === "block";
    if (manager.name !== "pre-commit" && !stays)
      return { ...none(`${manager.name} runs the hooks here; ${manager.fate}`), paste: manager };
    return planOwnFile(site, manager, canConfig, none, byConfig);
  }
  if (site.folderIs === "elsewhere") {
    if (
      site.state.kind === "file" &&
      runsOurHook(site.state.bytes.toString("latin1"), event) &&
      (site.state.mode & 0o111) !== 0
    ) {
      return { event, mechanism: "manager", write: null, config: false, callHusky: false };
    }
    if (canConfig)
      return byConfig(
        site.folderExists ? undefined : `the folder of core.hooksPath is missing: its own hooks are skipped`,
      );
    return none(
      `core.hooksPath (${site.hooksPath?.scope ?? "unknown"}) leads to '${escapeText(site.folder)}', which is not this clone's own`,
      {
        file: site.file,
        lines: site.state.kind === "absent" ? ["#!/bin/sh", ...guardedLines(event)] : guardedLines(event),
      },
    );
  }
  if (options.mode === "config") return byConfig();
  return planOwnFile(site, null, canConfig, none, byConfig);
}

/** A file in the clone's own hooks folder, or what pre-commit runs first. */
function planOwnFile(
  site: HookSite,
  manager: HookManager | null,
  canConfig: boolean,
  none: (reason: string, snippet?: Snippet) => HookPlan,
  byConfig: (note?: string) => HookPlan,
): HookPlan {
  const { event, what, dormant } = site;
  const legacy = manager?.name === "pre-commit";
  const plain = (mechanism: HookMechanism, write: HookPlan["write"], config: boolean): HookPlan => ({
    event,
    mechanism: legacy ? "legacy" : mechanism,
    write,
    config,
    callHusky: false,
    ...(dormant === null || canConfig
      ? {}
      : { note: `${dormant.fate}: when it is set up here, run '${tool("install")}' again` }),
  });
  switch (what.kind) {
    case "stub":
      if (what.appended !== "") return plain("block", "block", false);
      return plain(canConfig ? "file+config" : "file", "stub", canConfig);
    case "absent":
      // Where a manager would delete it, git's configuration does without it.
      if (canConfig && dormant !== null) return byConfig();
      return plain(canConfig ? "file+config" : "file", "stub", canConfig);
    case "block":
      return plain("block", "block", false);
    case "shell":
      if (canConfig) return byConfig();
      return { ...plain("block", "block", false), ...lfsNote(site) };
    default: {
      if (canConfig) return byConfig();
      if (legacy)
        return { ...none(`'${event}.legacy', which pre-commit runs first, is ${what.reason}`), paste: manager };
      const fix =
        what.reason === "not executable"
          ? { file: site.file, lines: [`chmod +x '${site.file.replaceAll("'", "'\\''")}'`] }
          : { file: site.file, lines: guardedLines(event) };
      return none(`the ${event} hook here is ${what.reason}`, fix);
    }
  }
}

/** git-lfs knows its hook by its exact bytes. */
function lfsNote(site: HookSite): { note: string } | Record<string, never> {
  const lines = (textOf(site.state) ?? "").split("\n").filter((line) => /^[^#]*git[ -]lfs/.test(line));
  return lines.length === 0
    ? {}
    : { note: "git-lfs's hook runs as before; 'git lfs install' will say 'Hook already exists', which is right" };
}

function planHusky(
  site: HookSite,
  options: HookOptions,
  none: (reason: string, snippet?: Snippet) => HookPlan,
): HookPlan {
  const { event } = site;
  const isHusky = site.manager?.name === "husky";
  if (!isHusky && (site.folderIs === "elsewhere" || site.what.kind !== "absent")) {
    if (site.what.kind !== "stub") {
      throw new MuxiGitError("hooks-in-the-way", "husky would switch off the hooks that run here now", {
        hint: `move '${escapeText(site.file)}' away, or leave out --hooks husky`,
      });
    }
  }
  const generated = !isHusky || isGeneratedFolder(site.hooksPath?.value ?? "");
  const callHusky = !isHusky || (generated && !site.folderExists);
  if (!site.managerRunsUs && !options.editTracked) {
    return none("husky runs tracked scripts, which are edited only with --yes", {
      file: `${HUSKY_FOLDER}/${event}`,
      lines: guardedLines(event),
    });
  }
  return { event, mechanism: "husky", write: site.managerRunsUs ? null : "husky-script", config: false, callHusky };
}

/** A hook as it is now: whether git will run it, and by what. */
export interface HookState {
  event: HookEvent;
  mechanism: HookMechanism;
  effective: boolean;
  reason?: string;
}

export function hookState(site: HookSite, configHooks: boolean, env: NodeJS.ProcessEnv): HookState {
  const { event } = site;
  const state = (mechanism: HookMechanism, effective: boolean, reason?: string): HookState => ({
    event,
    mechanism,
    effective,
    ...(reason === undefined ? {} : { reason }),
  });
  const byConfig = configHooks && site.configHook === "enabled";
  const legacy = site.manager?.name === "pre-commit";
  const byFile = site.folderIs === "own" && (site.what.kind === "stub" || site.what.kind === "block");
  if (byConfig) return state(site.what.kind === "stub" && byFile ? "file+config" : "config", true);
  const off =
    configHooks && site.configHook === "disabled" ? `hook.${configHookName(event)}.enabled is false` : undefined;
  if (byFile) return state(legacy ? "legacy" : site.what.kind === "stub" ? "file" : "block", true);
  if (off !== undefined) return state("config", false, off);
  if (site.folderIs === "disabled") return state("none", false, "core.hooksPath switches hooks off");
  if (site.managerRunsUs) {
    if (site.manager?.name !== "husky") {
      return site.hook.kind === "file"
        ? state("manager", true)
        : state("manager", false, `${site.manager?.name} has not set up this hook`);
    }
    if (site.state.kind === "absent")
      return state("husky", false, "husky's folder '.husky/_' is missing in this working tree");
    return huskyIsOff(env) ? state("husky", false, "HUSKY=0 switches husky off") : state("husky", true);
  }
  if (
    site.folderIs === "elsewhere" &&
    site.state.kind === "file" &&
    runsOurHook(site.state.bytes.toString("latin1"), event)
  ) {
    return (site.state.mode & 0o111) !== 0
      ? state("manager", true)
      : state("manager", false, "the hook is not executable");
  }
  if (site.manager !== null) {
    // The same words for each event, so that they are said once.
    const place = site.movedTo === null ? null : site.movedTo.startsWith(site.event) ? ".old" : "old-hooks";
    const moved = place === null ? "" : `; muxi-git's own hook was moved to '${place}'`;
    return state("none", false, `${site.manager.name} runs the hooks here, without muxi-git${moved}`);
  }
  if (site.folderIs === "elsewhere")
    return state("none", false, "core.hooksPath leads to another folder, whose hook does not run muxi-git");
  if (site.what.kind === "absent") return state("none", false, "there is no such hook");
  const holds = site.state.kind === "file" && site.state.bytes.toString("latin1").includes(BEGIN);
  return state(
    "none",
    false,
    holds && site.what.kind === "other" ? `the hook is ${site.what.reason}` : "the hook here does not run muxi-git",
  );
}

/** husky's own switch, in the environment or in the file that its hooks read first. */
function huskyIsOff(env: NodeJS.ProcessEnv): boolean {
  if (env.HUSKY === "0") return true;
  const home = env.XDG_CONFIG_HOME || join(env.HOME ?? "", ".config");
  const state = fileState(join(home, "husky", "init.sh"));
  return state.kind === "file" && /^[ \t]*(?:export[ \t]+)?HUSKY=["']?0/m.test(state.bytes.toString("latin1"));
}
