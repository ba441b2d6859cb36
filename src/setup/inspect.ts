/**
 * What protects this repository now: each part of the set-up as it is, and the
 * command that mends what is not. Fast and read-only: no filter is started, the
 * index is not refreshed.
 */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { escapeText } from "../escape.ts";
import { checkAttributes } from "../git/attributes.ts";
import { driverSettings, lastEntry } from "../git/config.ts";
import { pathWord } from "../invocation.ts";
import type { Situation } from "./detect.ts";
import { fileState } from "./disk.ts";
import { type HookState, hookState } from "./hooks.ts";
import { checkIgnored } from "./ignored.ts";
import { findRule, type Override, wrongAttributes } from "./overrides.ts";
import { describeOverride } from "./plan.ts";
import { sha256 } from "./runtime.ts";
import { laterInstalled } from "./versions.ts";

export interface SetupProblem {
  code:
    | "not-installed"
    | "runtime-missing"
    | "runtime-changed"
    | "record-damaged"
    | "node-missing"
    | "driver-missing"
    | "attributes-missing"
    | "attributes-overridden"
    | "key-not-ignored"
    | "key-tracked"
    | "hook-not-effective"
    | "hook-hides-lines";
  message: string;
  fix: string;
}

export interface AttributesState {
  path: string;
  filter: string;
  diff: string;
  merge: string;
  effective: boolean;
}

export interface KeyState {
  path: string;
  ignored: boolean;
  tracked: boolean;
}

export interface SetupState {
  protected: boolean;
  hooks: HookState[];
  /** Events that muxi-git.json leaves out. */
  leftOut: string[];
  /** Whether each driver takes effect. */
  drivers: { filter: boolean; diff: boolean; merge: boolean };
  attributes: AttributesState[];
  ignore: KeyState[];
  runtime: { version: string | null; node: string | null; intact: boolean };
  problems: SetupProblem[];
}

export function inspect(situation: Situation): SetupState {
  const problems: SetupProblem[] = [];
  // Whoever reads this may have no working install: the command is the one that always works.
  const later = laterInstalled(situation);
  const again = later === null ? "npx muxi-git install" : `${later.command} install`;
  // A link that leads nowhere is in the way of install, which refuses it.
  const installed = fileState(situation.runtime).kind !== "absent";
  const runtime = inspectRuntime(situation, again, problems);
  const drivers = inspectDrivers(situation);
  if (!installed)
    problems.push({ code: "not-installed", message: "muxi-git is not installed in this clone", fix: again });
  else if (!drivers.filter || !drivers.diff || !drivers.merge) {
    problems.push({ code: "driver-missing", message: "git does not see all of the drivers", fix: again });
  }

  const hooks = situation.hooks.map((site) => {
    const state = hookState(site, situation.configHooks, situation.repository.env);
    // The stub and the block stop every commit where there is no runtime; that is reported above.
    return state.effective && !runtime.intact && !existsSync(join(situation.runtime, "run"))
      ? { ...state, effective: false, reason: "the runtime is missing" }
      : state;
  });
  if (installed) {
    problems.push(...describeHooks(hooks, situation, again));
    for (const { event, what } of situation.hooks) {
      if (what.kind !== "stub" || what.appended === "") continue;
      problems.push({
        code: "hook-hides-lines",
        message: `what was appended to the ${event} hook of muxi-git never runs`,
        fix: again,
      });
    }
  }

  const attributes = inspectAttributes(situation, again, problems);
  const ignore = inspectKeys(situation, again, problems);
  return {
    protected:
      installed &&
      runtime.intact &&
      hooks.every((hook) => hook.effective) &&
      drivers.filter &&
      drivers.diff &&
      drivers.merge &&
      attributes.every((one) => one.effective) &&
      ignore.every((one) => one.ignored && !one.tracked),
    hooks,
    leftOut: situation.leftOut,
    drivers,
    attributes,
    ignore,
    runtime,
    problems,
  };
}

/** Events with the same reason are told together; each has its line in `hooks`. */
function describeHooks(hooks: readonly HookState[], situation: Situation, again: string): SetupProblem[] {
  const off = hooks.filter((hook) => !hook.effective);
  return [...new Set(off.map((hook) => hook.reason))].map((reason) => {
    const events = off.filter((hook) => hook.reason === reason).map((hook) => hook.event);
    const site = situation.hooks.find((one) => one.event === events[0]);
    const file =
      site?.manager?.name === "pre-commit" ? undefined : site?.manager?.snippet(events, site.readProject).file;
    return {
      code: "hook-not-effective",
      message: `${events.join(", ")} ${events.length > 1 ? "do" : "does"} not run muxi-git: ${reason ?? "unknown reason"}`,
      // Without hooks from the configuration, a manager's own settings are the person's to edit.
      fix:
        file === undefined || situation.configHooks
          ? again
          : site?.manager?.name === "husky"
            ? `${again} --yes`
            : `${again}  # prints the lines for ${file}`,
    };
  });
}

function inspectRuntime(situation: Situation, again: string, problems: SetupProblem[]): SetupState["runtime"] {
  const { runtime, record } = situation;
  if (fileState(runtime).kind === "absent") return { version: null, node: null, intact: false };
  const node = readNode(join(runtime, "node"));
  if (record.kind === "later") {
    const missing = ["run", "main.cjs", "plumbing.cjs"].filter(
      (name) => fileState(join(runtime, name)).kind !== "file",
    );
    for (const name of missing)
      problems.push({ code: "runtime-missing", message: `'muxi-git/${name}' is missing`, fix: again });
    return { version: record.version, node, intact: missing.length === 0 };
  }
  if (fileState(runtime).kind !== "folder") {
    problems.push({
      code: "runtime-changed",
      message: "'muxi-git' is no folder of install's",
      fix: "move it away, then run 'npx muxi-git install'",
    });
    return { version: null, node, intact: false };
  }
  if (record.kind !== "read") {
    problems.push({
      code: "record-damaged",
      message: record.kind === "none" ? "the install record is missing" : "the install record is damaged",
      fix: again,
    });
    return { version: null, node, intact: false };
  }
  let intact = true;
  for (const [name, expected] of Object.entries(record.record.runtime)) {
    const state = fileState(join(runtime, name));
    if (state.kind === "file" && sha256(state.bytes) === expected && (name !== "run" || (state.mode & 0o111) !== 0))
      continue;
    intact = false;
    problems.push({
      code: state.kind === "absent" ? "runtime-missing" : "runtime-changed",
      message: `'muxi-git/${escapeText(name)}' ${state.kind === "absent" ? "is missing" : "is not as install left it"}`,
      fix: again,
    });
  }
  if (node !== null && !isExecutable(node)) {
    problems.push({ code: "node-missing", message: `the recorded node is gone: '${escapeText(node)}'`, fix: again });
  }
  return { version: record.record.version, node, intact };
}

function readNode(path: string): string | null {
  try {
    return readFileSync(path, "utf8").split("\n", 1)[0] || null;
  } catch {
    return null;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function inspectDrivers(situation: Situation): SetupState["drivers"] {
  const wanted = driverSettings({ configHooks: [], alias: false });
  const takesEffect = (section: string): boolean =>
    wanted
      .filter(({ key }) => key.startsWith(section))
      .every(({ key, value }) => lastEntry(situation.settings, key)?.value === value);
  return {
    filter: takesEffect("filter."),
    diff: takesEffect("diff."),
    merge: takesEffect("merge."),
  };
}

function inspectAttributes(situation: Situation, again: string, problems: SetupProblem[]): AttributesState[] {
  const { repository, secretsFiles } = situation;
  const found = checkAttributes(secretsFiles, { cwd: repository.topLevel, env: repository.env });
  const wrong = new Set<string>();
  for (const override of wrongAttributes(found)) {
    if (wrong.has(override.path)) continue;
    wrong.add(override.path);
    const full: Override = { ...override, rule: findRule(override, repository) };
    if (override.value === "unspecified" && full.rule === null) {
      problems.push({
        code: "attributes-missing",
        message: `'${escapeText(override.path)}' has no muxi-git attributes`,
        fix: again,
      });
    } else {
      problems.push({
        code: "attributes-overridden",
        message: describeOverride(full),
        fix:
          full.rule === null
            ? `git check-attr -a -- ${pathWord(override.path)}`
            : `take secrets.enc out of the rule at ${escapeText(full.rule)}`,
      });
    }
  }
  return [...found].map(([path, { filter, diff, merge }]) => ({
    path,
    filter,
    diff,
    merge,
    effective: !wrong.has(path),
  }));
}

function inspectKeys(situation: Situation, again: string, problems: SetupProblem[]): KeyState[] {
  const { repository, folders } = situation;
  const paths = folders.map((folder) => (folder === "" ? ".key" : `${folder}/.key`));
  const answers = checkIgnored(paths, repository);
  const tracked = new Set(situation.trackedKeys);
  return paths.map((path) => {
    const ignored = answers.get(path)?.ignored === true;
    const isTracked = tracked.has(path);
    if (isTracked) {
      problems.push({
        code: "key-tracked",
        message: `'${escapeText(path)}' is tracked: the key is in the repository`,
        fix: `git rm --cached -f -- ${pathWord(path)}`,
      });
    } else if (!ignored) {
      problems.push({ code: "key-not-ignored", message: `'${escapeText(path)}' is not ignored`, fix: again });
    }
    return { path, ignored, tracked: isTracked };
  });
}
