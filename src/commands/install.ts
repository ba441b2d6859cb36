/** `install`: plan, apply, verify; undo where the result would not run. */

import { join, relative, sep } from "node:path";
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { parseTreeEntries } from "../git/entries.ts";
import { openRepository, type Repository, runtimeFolder } from "../git/repository.ts";
import { HOOK_EVENTS } from "../hook-events.ts";
import { pathWord, setReaderDirectory, shellQuote, tool } from "../invocation.ts";
import { type Held, installLock, withLock } from "../lock.ts";
import { auditHead } from "../plumbing/audit.ts";
import { type FormationReport, formationReports } from "../plumbing/formation-report.ts";
import { canAsk, confirm } from "../prompt.ts";
import { type Applied, applyPlan } from "../setup/apply.ts";
import { findBlock } from "../setup/blocks.ts";
import type { FileChange } from "../setup/change.ts";
import { detect, type Situation } from "../setup/detect.ts";
import { fileState } from "../setup/disk.ts";
import type { HookMode, HookPlan, HookState } from "../setup/hooks.ts";
import { inspect } from "../setup/inspect.ts";
import { clearLeftovers } from "../setup/leftovers.ts";
import { HUSKY_FOLDER } from "../setup/managers/husky.ts";
import { shownPath } from "../setup/places.ts";
import { type InstallPlan, makePlan, type PlanOptions } from "../setup/plan.ts";
import { readRecord } from "../setup/record.ts";
import { stableNode } from "../setup/runtime.ts";
import { verify } from "../setup/verify.ts";
import { type LaterInstall, laterInstalled } from "../setup/versions.ts";
import { out, styleFor, talk } from "../terminal.ts";
import { VERSION } from "../version.ts";

export interface InstallOptions extends Invocation {
  hooks: HookMode;
  local: boolean;
  yes: boolean;
  force: boolean;
  ifGit: boolean;
  dryRun: boolean;
  /** Folder that the runtime is copied from; the folder of the running bundle when absent. */
  source?: string;
}

/** Lines of one kind that a report shows. */
const SHOWN = 10;

/** @returns 0 protected, or skipped; 1 set up, and some hook will not run. */
export async function install(options: InstallOptions): Promise<ExitCode> {
  const skipped = reasonToSkip(options);
  if (skipped !== null) {
    talk(`muxi-git: ${skipped}, nothing installed`);
    return EXIT.ok;
  }
  const repository = repositoryFor(options);
  if (repository === null) {
    talk("muxi-git: no git repository here, nothing installed");
    return EXIT.ok;
  }
  setReaderDirectory(relative(repository.topLevel, options.cwd).split(sep).join("/"));
  const planOptions: PlanOptions = {
    hooks: options.hooks,
    local: options.local,
    force: options.force,
    editTracked: options.yes,
    source: options.source ?? bundleFolder(),
    node: stableNode(options.env, repository.topLevel),
  };
  const later = laterInstalled({ record: readRecord(runtimeFolder(repository)) });
  if (later !== null) return leaveLater(later, await detect(repository));
  if (options.dryRun) {
    const situation = await detect(repository);
    const plan = makePlan(situation, planOptions);
    printPlan(plan, situation);
    return plan.hooks.every(willRun) || options.hooks === "none" ? EXIT.ok : EXIT.no;
  }
  // Nobody is asked while the lock is held.
  if (!options.yes && canAsk() && (await agreesToEdit(await detect(repository), planOptions)))
    planOptions.editTracked = true;

  const { plan, situation, applied, hooks } = await withLock(installLock(repository.commonDir), (held) =>
    carryOut(repository, planOptions, held),
  );
  if (!options.quiet) {
    report(plan, situation, applied, hooks, options);
    if (situation.folders.length > 0) await reportSecrets(repository);
  }
  const unprotected = hooks.filter((hook) => !hook.effective);
  if (unprotected.length === 0 || options.hooks === "none") return EXIT.ok;
  printUnprotected(plan, unprotected, options.hooks);
  return EXIT.no;
}

interface Installed {
  plan: InstallPlan;
  situation: Situation;
  applied: Applied;
  hooks: HookState[];
}

/** Detected and planned under the lock: another install may have been at work until now. */
async function carryOut(repository: Repository, options: PlanOptions, held: Held): Promise<Installed> {
  clearLeftovers(repository);
  const situation = await detect(repository);
  const later = laterInstalled(situation);
  if (later !== null) throw new MuxiGitError("later-version", `muxi-git ${later.version} was installed here just now`);
  const plan = makePlan(situation, options);
  await held.checkInterrupted();
  const applied = await applyPlan(plan, situation, held.renew);
  try {
    await held.checkInterrupted();
    const hooks = await verify(plan, situation);
    await held.checkInterrupted();
    return { plan, situation, applied, hooks };
  } catch (error) {
    throw applied.undo(error);
  }
}

/** An older version, of another branch's package.json most likely, leaves a newer one in place: see versions.ts. */
function leaveLater(later: LaterInstall, situation: Situation): ExitCode {
  talk(`muxi-git: muxi-git ${later.version} is installed here, later than this ${VERSION}: it stays`);
  const state = inspect(situation);
  for (const { message, fix } of state.problems) {
    talk(`muxi-git: error: not protected: ${message}`);
    talk(`muxi-git: hint: ${fix}`);
  }
  if (state.protected) talk(`muxi-git: hint: to go back to ${VERSION}, run '${later.command} uninstall' first`);
  return state.protected ? EXIT.ok : EXIT.no;
}

function reasonToSkip({ env, force }: InstallOptions): string | null {
  if (env.MUXI_GIT === "0") return "MUXI_GIT=0";
  if (force || !env.CI || /^(?:false|0)$/i.test(env.CI)) return null;
  return "CI is set (use --force to install all the same)";
}

/** null: there is none, and `--if-git` says that this is right. */
function repositoryFor(options: InstallOptions): Repository | null {
  try {
    return openRepository(options.cwd, options.env);
  } catch (error) {
    if (options.ifGit && error instanceof MuxiGitError && ["no-repository", "git-not-found"].includes(error.code))
      return null;
    throw error;
  }
}

/** Where the running bundle stands: `dist/` of the package, or the vendored copy. */
function bundleFolder(): string {
  if (typeof __dirname === "string") return __dirname;
  throw new MuxiGitError("runtime-incomplete", "install runs from the built bundle only");
}

function willRun(hook: HookPlan): boolean {
  return hook.mechanism !== "none";
}

/** husky's script is tracked, so teammates get the lines: shown, and asked for where somebody can answer. */
async function agreesToEdit(situation: Situation, options: PlanOptions): Promise<boolean> {
  const { hooks } = options;
  const asks = situation.hooks.some(
    (site) =>
      !site.managerRunsUs &&
      (hooks === "husky" || (site.manager?.name === "husky" && (hooks === "file" || !situation.configHooks))),
  );
  if (!asks || hooks === "none") return false;
  const plan = makePlan(situation, { ...options, editTracked: true });
  for (const change of plan.files.filter((file) => file.path.includes(HUSKY_FOLDER)))
    printChange(change, situation, talk);
  return await confirm("Add these lines to the tracked file?");
}

function printChange(change: FileChange, situation: Situation, print: (line: string) => void): void {
  print(
    `${change.before === null ? "create" : "change"} ${escapeText(shownPath(change.path, situation.repository))} (${change.summary})`,
  );
  for (const line of change.added) print(`  + ${escapeText(Buffer.from(line, "latin1").toString("utf8"))}`);
}

function printPlan(plan: InstallPlan, situation: Situation): void {
  const { repository } = situation;
  out(`copy the runtime to ${escapeText(shownPath(situation.runtime, repository))} (node: ${escapeText(plan.node)})`);
  if (plan.addInclude) out("add include.path = muxi-git/config to the repository's git config");
  if (plan.drivers.configHooks.length > 0) out(`run ${plan.drivers.configHooks.join(", ")} from git's configuration`);
  if (plan.callHusky) out("let husky set up .husky/_ and core.hooksPath");
  for (const change of plan.files) printChange(change, situation, out);
  for (const note of plan.notes) out(`note: ${note}`);
  for (const [reason, events] of byReason(plan.hooks.filter((hook) => !willRun(hook))))
    out(`not protected: ${events}: ${reason}`);
  printSnippets(plan, out);
  out("nothing was changed");
}

function report(
  plan: InstallPlan,
  situation: Situation,
  applied: Applied,
  hooks: readonly HookState[],
  options: InstallOptions,
): void {
  const { repository } = situation;
  const style = styleFor(process.stdout.isTTY, options.env, options.noColor);
  const all = hooks.every((hook) => hook.effective);
  if (!applied.changed)
    out(all ? style.green("muxi-git is installed, nothing to change") : "muxi-git is set up, nothing to change");
  else {
    out(all ? style.green("muxi-git is installed") : "muxi-git is set up in part");
    out(`  filters, merges   ${escapeText(shownPath(join(situation.runtime, "config"), repository))}`);
    for (const mechanism of new Set(hooks.filter((hook) => hook.effective).map((hook) => hook.mechanism))) {
      const events = hooks.filter((hook) => hook.effective && hook.mechanism === mechanism).map((hook) => hook.event);
      out(`  hooks             ${events.join(", ")} (${HOW[mechanism]})`);
    }
    for (const change of plan.files.filter((file) => file.place.base === "worktree")) {
      out(
        `  ${escapeText(shownPath(change.path, repository))}  ${change.added.length > 0 ? `${change.added.length} lines, ` : ""}${change.summary}`,
      );
    }
    if (plan.drivers.alias) out("  git muxi          runs this copy, without network");
  }
  for (const note of plan.notes) out(`note: ${note}`);
  if (situation.folders.length === 0) {
    out(`no formation here yet: once there is one, run '${tool("install")}' again`);
    return;
  }
  printSharing(repository);
}

/** What install cannot mend by itself: secrets files to normalize, keys that open nothing, leaks that HEAD holds. */
async function reportSecrets(repository: Repository): Promise<void> {
  const { topLevel, gitDir, commonDir } = repository;
  const reports = await formationReports(topLevel, { topLevel, gitDir, commonDir });
  const secretsFile = (report: FormationReport): string => fileIn(report.path, "secrets.enc");
  const stale = reports.filter((report) => report.canonical === false);
  if (stale.length > 0) {
    out(
      `${stale.length === 1 ? "one secrets file is" : `${stale.length} secrets files are`} not in canonical form yet:`,
    );
    const paths = stale.slice(0, SHOWN).map((report) => pathWord(secretsFile(report)));
    out(`  ${tool(stale.length > SHOWN ? "normalize" : `normalize ${paths.join(" ")}`)}`);
  }
  for (const report of reports.filter((one) => one.opened === false).slice(0, SHOWN)) {
    out(`note: the .key of '${escapeText(report.path || ".")}' does not open its secrets.enc`);
  }
  const { lines } = await auditHead(topLevel);
  if (lines.length === 0) return;
  out("already in the last commit:");
  for (const line of lines.slice(0, SHOWN)) out(`  ${line}`);
  if (lines.length > SHOWN) out(`  and ${lines.length - SHOWN} more: ${tool("check")}`);
}

const HOW: Record<HookState["mechanism"], string> = {
  file: "hook files",
  "file+config": "git's configuration, and hook files for older gits",
  config: "git's configuration",
  block: "a block in your hook",
  legacy: "a hook file that pre-commit runs first",
  husky: "a block in husky's script",
  manager: "by your hook manager",
  none: "not set up",
};

/** The command that gives teammates what install wrote, as long as it is not committed. */
function printSharing(repository: Repository): void {
  const paths = sharedFiles(repository);
  if (paths.length === 0) return;
  out("share it with the team:");
  out(
    `  git add -- ${paths.map(pathWord).join(" ")} && git commit -m ${shellQuote("Protect MUXI secrets with muxi-git")}`,
  );
}

/** Shared files that differ from HEAD and carry our block. Read by hash: nothing refreshes the index. */
function sharedFiles(repository: Repository): string[] {
  const shared = [".gitattributes", ".gitignore", ...HOOK_EVENTS.map((event) => `${HUSKY_FOLDER}/${event}`)];
  // Without a commit it fails, and nothing is committed.
  const listed = repository.try(["ls-tree", "-z", "--full-tree", "HEAD", "--", ...shared]);
  const committed = new Map(parseTreeEntries(listed.stdout).map(({ path, oid }) => [path, oid]));
  return shared.filter((path) => {
    const here = readBlockFile(join(repository.topLevel, path));
    if (here === null) return false;
    const head = committed.get(path);
    if (head === undefined) return true;
    const now = repository.try(["hash-object", "--stdin", `--path=${path}`], { input: here });
    return now.code !== 0 || now.stdout.toString("latin1").trim() !== head;
  });
}

function readBlockFile(path: string): Buffer | null {
  const state = fileState(path);
  return state.kind === "file" && findBlock(state.bytes.toString("latin1")) !== null ? state.bytes : null;
}

function printUnprotected(plan: InstallPlan, hooks: readonly HookState[], mode: HookMode): void {
  const said = hooks.map(({ event, reason }) => ({
    event,
    reason: plan.hooks.find((one) => one.event === event)?.reason ?? reason,
  }));
  for (const [reason, events] of byReason(said)) talk(`muxi-git: error: not protected: ${events}: ${reason}`);
  printSnippets(plan, talk);
  if (plan.snippets.some(({ snippet }) => snippet.file.startsWith(`${HUSKY_FOLDER}/`)))
    talk(
      `muxi-git: hint: install adds them itself: ${tool(mode === "husky" ? "install --hooks husky --yes" : "install --yes")}`,
    );
}

/** Reasons with the events they hold for. */
function byReason(
  hooks: readonly { event: string; reason?: string | undefined }[],
): [reason: string, events: string][] {
  const reasons = new Map<string, string[]>();
  for (const { event, reason = "unknown reason" } of hooks)
    reasons.set(reason, [...(reasons.get(reason) ?? []), event]);
  return [...reasons].map(([reason, events]) => [reason, events.join(", ")]);
}

function printSnippets(plan: InstallPlan, print: (line: string) => void): void {
  for (const { snippet } of plan.snippets) {
    const { file, lines, how, command } = snippet;
    print(`muxi-git: hint: put this into '${escapeText(file)}'${how === undefined ? "" : ` (${how})`}:`);
    for (const line of lines) print(`    ${line}`);
    if (command !== undefined) print(`muxi-git: hint: then run: ${command}`);
  }
}
