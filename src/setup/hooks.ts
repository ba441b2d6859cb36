/**
 * Which hooks run muxi-git in a clone, and how install gets them to.
 *
 * git 2.54 and later runs hooks from the configuration, beside any hook file
 * and whatever `core.hooksPath` says; older git runs one file. The stub of a
 * plain clone serves both: it passes where the configuration already runs us.
 * A hook of the user's gets a block after its `#!` line (appended, it would
 * never be reached after an `exit`); everything that a manager generated, or
 * that stands outside the clone's own hooks folder, is left alone.
 */
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { type ConfigEntry, configHookName, lastEntry } from "../git/config.ts";
import { hooksFolder, type Repository } from "../git/repository.ts";
import { tool } from "../invocation.ts";
import { BEGIN, findBlock } from "./blocks.ts";
import { type FileState, fileState } from "./disk.ts";
import { HUSKY_FOLDER, isGeneratedFolder } from "./managers/husky.ts";
import { MANAGERS, managerOf } from "./managers/index.ts";
import { guardedLines, type HookManager, runsOurHook, type Snippet } from "./managers/manager.ts";

/** The events that install sets up. */
export const EVENTS = ["pre-commit", "pre-merge-commit", "commit-msg", "pre-push"] as const;

/** What each event comes before, and what the person runs after mending. A stopped merge is ended by a commit. */
const ACTIONS: Record<string, { action: string; again: string }> = {
  "pre-commit": { action: "commit", again: "commit again" },
  "pre-merge-commit": { action: "merge", again: "run 'git commit'" },
  "commit-msg": { action: "commit", again: "commit again" },
  "pre-push": { action: "push", again: "push again" },
};

export type HookMode = "auto" | "file" | "config" | "husky" | "none";

/** In line 2 of every stub, of any version. */
const STUB_MARK = "# muxi-git hook,";
const CONFIG_HOOK_PART = /^# >>> muxi-git config hook >>>\n(?:.*\n)*?# <<< muxi-git config hook <<<\n/m;
const CONFIG_HOOK_MARKS = /^# (?:>>>|<<<) muxi-git config hook (?:>>>|<<<)\n/gm;

const SHELLS = new Set(["sh", "bash", "dash", "ash", "zsh", "ksh"]);

export type HookFileKind =
  | { kind: "absent" }
  /** The stub that install writes. */
  | { kind: "stub" }
  /** A script of the user's that holds our block. */
  | { kind: "block" }
  /** A script of the user's that a block can go into. */
  | { kind: "shell" }
  | { kind: "other"; reason: string };

export interface HookSite {
  event: string;
  folder: string;
  file: string;
  state: FileState;
  what: HookFileKind;
  manager: HookManager | null;
  hooksPath: ConfigEntry | null;
  /** `own`: the clone's own hooks folder. `elsewhere`: shared with other clones, tracked, or generated. */
  folderIs: "own" | "elsewhere" | "disabled";
  /** The folder git looks in exists. */
  folderExists: boolean;
  /** The manager's settings, or a script it runs, already run our hook. */
  managerRunsUs: boolean;
  /** A manager that the project uses and this clone has not set up. */
  dormant: HookManager | null;
  /** The config hook as git sees it. */
  configHook: "absent" | "enabled" | "disabled";
}

/** The sites of all events. */
export function readHookSites(repository: Repository, settings: readonly ConfigEntry[]): HookSite[] {
  const hooksPath = lastEntry(settings, "core.hookspath") ?? null;
  const disabled =
    hooksPath !== null &&
    (hooksPath.value === "" || hooksPath.value === null || /^(?:\/dev\/null|NUL)$/i.test(hooksPath.value));
  const folder = disabled ? join(repository.commonDir, "hooks") : hooksFolder(repository);
  return EVENTS.map((event) => readHookSite(event, { hooksPath, disabled, folder }, repository, settings));
}

function readHookSite(
  event: string,
  { hooksPath, disabled, folder }: { hooksPath: ConfigEntry | null; disabled: boolean; folder: string },
  repository: Repository,
  settings: readonly ConfigEntry[],
): HookSite {
  const file = join(folder, event);
  const state = fileState(file);
  const text = state.kind === "file" ? state.bytes.toString("latin1") : null;
  const manager = disabled ? null : managerOf({ hooksPath: hooksPath?.value ?? null, hookText: text });
  const name = configHookName(event);
  const configured = settings.some((entry) => entry.key === `hook.${name}.event` && entry.value === event);
  const off = lastEntry(settings, `hook.${name}.enabled`);
  return {
    event,
    folder,
    file,
    state,
    what: classify(state),
    manager,
    hooksPath,
    folderIs: disabled ? "disabled" : isOwnFolder(folder, repository) ? "own" : "elsewhere",
    folderExists: fileState(folder).kind === "folder" || fileState(folder).kind === "symlink",
    managerRunsUs:
      manager !== null && managerScripts(manager, event, repository).some((script) => runsOurHook(script, event)),
    dormant:
      manager === null
        ? (MANAGERS.find((one) =>
            one.settings.some((path) => fileState(join(repository.topLevel, path)).kind !== "absent"),
          ) ?? null)
        : null,
    configHook: !configured
      ? "absent"
      : off !== undefined && /^(?:false|no|off|0|)$/i.test(off.value ?? "true")
        ? "disabled"
        : "enabled",
  };
}

function managerScripts(manager: HookManager, event: string, repository: Repository): string[] {
  const files = manager.name === "husky" ? [`${HUSKY_FOLDER}/${event}`] : [...manager.settings, "package.json"];
  return files.flatMap((path) => {
    const state = fileState(join(repository.topLevel, path));
    return state.kind === "file" ? [state.bytes.toString("latin1")] : [];
  });
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
  return real(folder) === join(real(repository.commonDir), "hooks");
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
  if (isStub(text)) return { kind: "stub" };
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

/** The stub as it is written: the probe for a config hook costs 9 ms, and is left out where there is none. */
export function stubText(source: string, event: string, withConfigHook: boolean): string {
  const { action, again } = actionOf(event);
  return (withConfigHook ? source.replace(CONFIG_HOOK_MARKS, "") : source.replace(CONFIG_HOOK_PART, ""))
    .replaceAll("@EVENT@", event)
    .replaceAll("@ACTION@", action)
    .replaceAll("@AGAIN@", again);
}

function actionOf(event: string): { action: string; again: string } {
  return ACTIONS[event] ?? { action: "step", again: "try again" };
}

/** The block for an untracked hook of the user's. It closes when the runtime is gone, as the stub does. */
export function hookBlock(event: string): string[] {
  const { action, again } = actionOf(event);
  return [
    "muxi_git_run=$(git rev-parse --git-common-dir)/muxi-git/run",
    'if [ -x "$muxi_git_run" ]; then',
    `  "$muxi_git_run" hook ${event} "$@" || exit $?`,
    "else",
    `  echo "muxi-git: error: its runtime is missing, so this ${action} was not checked" >&2`,
    `  echo "muxi-git: hint: run 'npx muxi-git install', then ${again}" >&2`,
    "  exit 2",
    "fi",
    "unset muxi_git_run",
  ];
}

export type HookMechanism = "file" | "file+config" | "config" | "block" | "husky" | "manager" | "none";

export interface HookPlan {
  event: string;
  mechanism: HookMechanism;
  /** What to do with the file at the site; husky's script is `script`. */
  write: "stub" | "block" | "husky-script" | null;
  config: boolean;
  /** Call the husky package first. */
  callHusky: boolean;
  /** Why it will not run, where it will not. */
  reason?: string;
  snippet?: Snippet;
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
  if (site.managerRunsUs && site.manager?.name !== "husky") {
    return { event, mechanism: "manager", write: null, config: false, callHusky: false };
  }
  if (site.manager !== null) {
    const missing = site.folderExists
      ? undefined
      : `${site.manager.name} is not set up in this working tree: its own hooks are skipped`;
    if (canConfig) return byConfig(missing);
    if (site.manager.name === "husky") return planHusky(site, options, none);
    return none(`${site.manager.name} generates the ${event} hook`, site.manager.snippet(event));
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
  const dormant =
    site.dormant === null
      ? undefined
      : `the project has settings for ${site.dormant.name}: when it is set up here, run '${tool("install")}' again`;
  const plain = (mechanism: HookMechanism, write: HookPlan["write"], config: boolean): HookPlan => ({
    event,
    mechanism,
    write,
    config,
    callHusky: false,
    ...(dormant === undefined ? {} : { note: dormant }),
  });
  if (options.mode === "config") return byConfig();
  switch (site.what.kind) {
    case "absent":
    case "stub":
      return plain(canConfig ? "file+config" : "file", "stub", canConfig);
    case "block":
      return plain("block", "block", false);
    case "shell":
      return canConfig ? byConfig() : plain("block", "block", false);
    default: {
      if (canConfig) return byConfig();
      const fix =
        site.what.reason === "not executable"
          ? { file: site.file, lines: [`chmod +x '${site.file.replaceAll("'", "'\\''")}'`] }
          : { file: site.file, lines: guardedLines(event) };
      return none(`the ${event} hook here is ${site.what.reason}`, fix);
    }
  }
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
    return none(
      `husky runs '${HUSKY_FOLDER}/${event}', which is tracked; '${tool(options.mode === "husky" ? "install --hooks husky --yes" : "install --yes")}' adds these lines`,
      {
        file: `${HUSKY_FOLDER}/${event}`,
        lines: guardedLines(event),
      },
    );
  }
  return { event, mechanism: "husky", write: site.managerRunsUs ? null : "husky-script", config: false, callHusky };
}

/** A hook as it is now: whether git will run it, and by what. */
export interface HookState {
  event: string;
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
  const byFile = site.folderIs === "own" && (site.what.kind === "stub" || site.what.kind === "block");
  if (byConfig) return state(site.what.kind === "stub" && byFile ? "file+config" : "config", true);
  const off =
    configHooks && site.configHook === "disabled" ? `hook.${configHookName(event)}.enabled is false` : undefined;
  if (byFile) return state(site.what.kind === "stub" ? "file" : "block", true);
  if (off !== undefined) return state("config", false, off);
  if (site.folderIs === "disabled") return state("none", false, "core.hooksPath switches hooks off");
  if (site.managerRunsUs) {
    if (site.manager?.name !== "husky") return state("manager", site.state.kind === "file");
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
  if (site.manager !== null) return state("none", false, `${site.manager.name} runs the hooks here, without muxi-git`);
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
