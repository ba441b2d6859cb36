/** The install plan: what is to change, as data, decided before anything is touched. */

import { join } from "node:path";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { checkAttributes } from "../git/attributes.ts";
import {
  type DriverOptions,
  FILTER,
  foreignDrivers,
  formatDriverConfig,
  INCLUDE,
  isOwnOrigin,
  lastEntry,
  TEMPLATE_MERGE,
} from "../git/config.ts";
import type { HookEvent } from "../hook-events.ts";
import { tool } from "../invocation.ts";
import { SETTINGS_FILE } from "../settings.ts";
import { insertBlock } from "./blocks.ts";
import { type FileChange, planBlock } from "./change.ts";
import type { Situation } from "./detect.ts";
import { fileState, newMode } from "./disk.ts";
import { type HookMode, type HookPlan, type HookSite, hookBlock, planHook, stubText } from "./hooks.ts";
import { missingIgnoreLines } from "./ignored.ts";
import { HUSKY_FOLDER } from "./managers/husky.ts";
import { guardedLines, type Snippet } from "./managers/manager.ts";
import {
  attributesUnderPlan,
  findRule,
  foreignAttributes,
  type Override,
  type PlannedAttributes,
  wrongAttributes,
} from "./overrides.ts";
import { attributeLines } from "./patterns.ts";
import { placeOf } from "./places.ts";
import type { Place } from "./record.ts";
import { HOOK_STUB, type RuntimeFile, readRuntime } from "./runtime.ts";

const TEAM_COMMENT = "(each clone runs once: npx muxi-git install)";
const EXCLUDE_COMMENT = "(written by muxi-git install; removed by uninstall)";

export interface PlanOptions {
  hooks: HookMode;
  local: boolean;
  force: boolean;
  /** The person agreed to edit husky's tracked script. */
  editTracked: boolean;
  /** Folder of the bundle that runs. */
  source: string;
  node: string;
}

export interface InstallPlan {
  files: FileChange[];
  runtime: RuntimeFile[];
  node: string;
  local: boolean;
  drivers: DriverOptions;
  driverConfig: Buffer;
  /** The include line is missing. */
  addInclude: boolean;
  hooks: HookPlan[];
  /** What the person pastes so that the hooks without muxi-git run it, with the events each is for. */
  snippets: { events: HookEvent[]; snippet: Snippet }[];
  callHusky: boolean;
  notes: string[];
}

/** Lines that somebody appended to a stub, which ends before them: they become a hook of their own, with our block. */
function movedIntoHook(site: HookSite, place: Place): FileChange | null {
  if (site.what.kind !== "stub" || site.state.kind !== "file") return null;
  const { text, pad } = insertBlock(`#!/bin/sh\n${site.what.appended}`, EXCLUDE_COMMENT, hookBlock(site.event));
  return {
    path: site.file,
    place,
    before: { bytes: site.state.bytes, mode: site.state.mode },
    after: Buffer.from(text, "latin1"),
    mode: site.state.mode,
    pad,
    summary: `lines appended to muxi-git's ${site.event} hook run now`,
    added: [],
    shared: false,
  };
}

/** @throws MuxiGitError where the plan would override somebody else's settings, or a file cannot be edited. */
export function makePlan(situation: Situation, options: PlanOptions): InstallPlan {
  const { settings } = situation;
  if (situation.settingsError !== null) throw situation.settingsError;
  const notes: string[] = [];
  if (situation.leftOut.length > 0) notes.push(`${situation.leftOut.join(", ")}: left out by ${SETTINGS_FILE}`);
  const runtime = readRuntime(options.source);

  const hooks = situation.hooks.map((site) =>
    planHook(site, {
      mode: options.hooks,
      configHooks: situation.configHooks,
      gitVersion: situation.version.text,
      force: options.force,
      editTracked: options.editTracked,
    }),
  );
  // What holds for several events is said once.
  for (const note of new Set(hooks.flatMap((hook) => hook.note ?? []))) {
    const events = hooks.filter((hook) => hook.note === note).map((hook) => hook.event);
    notes.push(events.length === hooks.length ? note : `${events.join(", ")}: ${note}`);
  }

  const alias = lastEntry(settings, "alias.muxi");
  const ownAlias = alias === undefined || isOwnOrigin(alias);
  if (!ownAlias) notes.push("'git muxi' is an alias of yours and stays; use 'npx muxi-git' instead");
  const drivers: DriverOptions = {
    configHooks: hooks.filter((hook) => hook.config).map((hook) => hook.event),
    alias: ownAlias,
  };
  refuseForeignDrivers(situation, drivers, options.force);

  const files: FileChange[] = [];
  const exclude = planExclude(situation, options.local, notes);
  if (exclude !== null) files.push(exclude);
  for (const hook of hooks) {
    const site = situation.hooks.find((one) => one.event === hook.event);
    const change = site === undefined ? null : planHookFile(site, hook, runtime, situation);
    if (change !== null) files.push(change);
  }
  if (situation.folders.length > 0) {
    if (!options.local) {
      const ignore = planIgnore(situation);
      if (ignore !== null) files.push(ignore);
    }
    const attributes = planAttributes(situation, options.local);
    refuseOverrides(situation, attributes);
    if (attributes.change !== null) files.push(attributes.change);
  }

  return {
    files,
    runtime,
    node: options.node,
    local: options.local,
    drivers,
    driverConfig: Buffer.from(formatDriverConfig(drivers)),
    addInclude: !settings.some(
      (entry) => entry.scope === "local" && entry.key === "include.path" && entry.value === INCLUDE,
    ),
    hooks,
    snippets: snippetsOf(hooks, situation),
    callHusky: hooks.some((hook) => hook.callHusky),
    notes,
  };
}

/** One for all events of a manager, else one a file. */
function snippetsOf(hooks: readonly HookPlan[], situation: Situation): InstallPlan["snippets"] {
  const single = hooks.flatMap(({ event, snippet }) => (snippet === undefined ? [] : [{ events: [event], snippet }]));
  const managers = [...new Set(hooks.flatMap((hook) => hook.paste ?? []))];
  return [
    ...single,
    ...managers.flatMap((manager) => {
      const events = hooks.filter((hook) => hook.paste === manager).map((hook) => hook.event);
      const site = situation.hooks.find((one) => one.event === events[0]);
      return site === undefined ? [] : [{ events, snippet: manager.snippet(events, site.readProject) }];
    }),
  ];
}

function refuseForeignDrivers(situation: Situation, drivers: DriverOptions, force: boolean): void {
  const foreign = foreignDrivers(situation.settings, drivers);
  const first = foreign[0];
  if (first === undefined || force) return;
  const where = first.origin.replace(/^file:/, "");
  throw new MuxiGitError("foreign-driver", `'${escapeText(first.key)}' is already set, in '${escapeText(where)}'`, {
    hint:
      first.scope === "command"
        ? "it comes from the environment or the command line"
        : `remove it with 'git config --${first.scope} --unset-all ${first.key}', or override it with '${tool("install --force")}'`,
  });
}

function planExclude(situation: Situation, local: boolean, notes: string[]): FileChange | null {
  const path = join(situation.repository.commonDir, "info", "exclude");
  if (!local && fileState(path).kind === "symlink") {
    notes.push("'info/exclude' is a symbolic link and was left alone");
    return null;
  }
  const lines = local ? missingIgnoreLines(situation.folders, situation.repository, true) : [];
  return planBlock(
    {
      path,
      place: { base: "common", path: "info/exclude" },
      name: "info/exclude",
      shared: false,
      summary: "ignore lines of this clone",
    },
    EXCLUDE_COMMENT,
    [...new Set([".key", ...lines])],
    "end",
  );
}

function planIgnore(situation: Situation): FileChange | null {
  const { repository } = situation;
  const lines = missingIgnoreLines(situation.folders, repository, false);
  if (lines.length === 0) return null;
  const path = join(repository.topLevel, ".gitignore");
  const place = placeOf(path, repository);
  if (place === null) return null;
  return planBlock(
    { path, place, name: ".gitignore", shared: true, summary: "ignore lines" },
    TEAM_COMMENT,
    lines,
    "end",
  );
}

interface PlannedAttributesFile {
  change: FileChange | null;
  planned: PlannedAttributes | null;
}

function planAttributes(situation: Situation, local: boolean): PlannedAttributesFile {
  const { repository } = situation;
  const file = local ? "info/attributes" : ".gitattributes";
  const path = local ? join(repository.commonDir, "info", "attributes") : join(repository.topLevel, ".gitattributes");
  const place = local ? ({ base: "common", path: "info/attributes" } as const) : placeOf(path, repository);
  if (place === null) return { change: null, planned: null };
  // A formation without a template gets its line for `secrets`, the name that MUXI gives one.
  const byName = new Map<string, string[]>();
  for (const formation of situation.formations) {
    const name = formation.template?.slice(formation.template.lastIndexOf("/") + 1) ?? "secrets";
    byName.set(name, [...(byName.get(name) ?? []), formation.path]);
  }
  const lines = [
    `secrets.enc -text filter=${FILTER} diff=${FILTER} merge=${FILTER}`,
    ...[...byName].flatMap(([name, folders]) => attributeLines(folders, name, `merge=${TEMPLATE_MERGE}`)),
  ];
  const change = planBlock(
    { path, place, name: file, shared: !local, summary: "attributes" },
    local ? EXCLUDE_COMMENT : TEAM_COMMENT,
    lines,
    "end",
  );
  return { change, planned: change === null ? null : { file, bytes: change.after } };
}

function refuseOverrides(situation: Situation, attributes: PlannedAttributesFile): void {
  const { repository, settings, secretsFiles, folders } = situation;
  // Formations that have no secrets.enc yet will have one.
  const paths = [...new Set([...secretsFiles, ...folders.map((folder) => fileIn(folder, "secrets.enc"))])];
  const now = checkAttributes(paths, { cwd: repository.topLevel, env: repository.env });
  const then = attributesUnderPlan(paths, attributes.planned, repository, settings);
  const found = [...foreignAttributes(now), ...wrongAttributes(then)];
  const first = found[0];
  if (first === undefined) return;
  const override: Override = { ...first, rule: findRule(first, repository) };
  throw new MuxiGitError("foreign-attributes", describeOverride(override), {
    hint:
      override.rule === null
        ? "find the rule with 'git check-attr -a', take secrets.enc out of it, then install again"
        : `take secrets.enc out of the rule at ${escapeText(override.rule)}, then install again`,
  });
}

export function describeOverride(override: Override): string {
  const { path, attribute, value, rule } = override;
  const said =
    value === "unset"
      ? `-${attribute}`
      : value === "unspecified"
        ? `no ${attribute}`
        : value === "set"
          ? attribute
          : `${attribute}=${escapeText(value)}`;
  return `'${escapeText(path)}' has ${said}${rule === null ? "" : ` from ${escapeText(rule)}`}, which overrides muxi-git's`;
}

function planHookFile(
  site: HookSite,
  hook: HookPlan,
  runtime: readonly RuntimeFile[],
  situation: Situation,
): FileChange | null {
  const { repository } = situation;
  if (hook.write === null) return null;
  if (hook.write === "husky-script") {
    const path = join(repository.topLevel, HUSKY_FOLDER, hook.event);
    const place = placeOf(path, repository);
    if (place === null) return null;
    const change = planBlock(
      { path, place, name: `${HUSKY_FOLDER}/${hook.event}`, shared: true, summary: `block in husky's ${hook.event}` },
      TEAM_COMMENT,
      guardedLines(hook.event),
      "start",
    );
    // husky 5 to 8 needs the script executable, 9 does not mind.
    return change === null || change.before !== null ? change : { ...change, mode: newMode(true) };
  }
  const place = placeOf(site.file, repository);
  if (place === null) return null;
  if (hook.write === "block" && site.what.kind === "stub") return movedIntoHook(site, place);
  if (hook.write === "block") {
    return planBlock(
      { path: site.file, place, name: site.file, shared: false, summary: `block in your ${hook.event} hook` },
      EXCLUDE_COMMENT,
      hookBlock(hook.event),
      "start",
    );
  }
  const source = runtime.find((file) => file.name === HOOK_STUB);
  if (source === undefined) return null;
  const after = Buffer.from(stubText(source.bytes.toString("latin1"), hook.event), "latin1");
  const state = fileState(site.file);
  const before = state.kind === "file" ? { bytes: state.bytes, mode: state.mode } : null;
  if (before?.bytes.equals(after) && (before.mode & 0o111) !== 0) return null;
  return {
    path: site.file,
    place,
    before,
    after,
    mode: newMode(true),
    pad: "",
    summary: `${hook.event} hook`,
    added: [],
    shared: false,
  };
}
