/** `status`: what protects this repository, what does not, and the command that mends it. */
import { relative, sep } from "node:path";
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import { escapeText, formatJson } from "../escape.ts";
import { openRepository } from "../git/repository.ts";
import { workingTreeSnapshot } from "../git/snapshot.ts";
import { setReaderDirectory, tool } from "../invocation.ts";
import { type AuditProblem, auditHead, auditSettings } from "../plumbing/audit.ts";
import { type FormationReport, formationReports } from "../plumbing/formation-report.ts";
import { SETTINGS_FILE } from "../settings.ts";
import { detect } from "../setup/detect.ts";
import type { HookState } from "../setup/hooks.ts";
import { inspect, type SetupState } from "../setup/inspect.ts";
import { out, type Style, styleFor } from "../terminal.ts";

export interface StatusOptions extends Invocation {
  json: boolean;
}

/** @returns 0 protected, 1 not. */
export async function status(options: StatusOptions): Promise<ExitCode> {
  const repository = openRepository(options.cwd, options.env);
  setReaderDirectory(relative(repository.topLevel, options.cwd).split(sep).join("/"));
  const state = inspect(await detect(repository));
  const { topLevel, gitDir, commonDir } = repository;
  const workingTree = workingTreeSnapshot(topLevel);
  const formations = await formationReports(topLevel, { topLevel, gitDir, commonDir }, workingTree);
  const inSettings = await auditSettings(workingTree);
  const told = new Set(inSettings.map((problem) => problem.message));
  const inHead = (await auditHead(topLevel)).problems.filter((problem) => !told.has(problem.message));
  if (options.json) {
    // What HEAD holds does not make a repository unprotected: `protected` is about what comes next.
    out(
      formatJson(
        { schemaVersion: 1, ...state, formations, problems: [...state.problems, ...inSettings, ...inHead] },
        2,
      ),
    );
  } else if (!options.quiet) {
    const style = styleFor(process.stdout.isTTY, options.env, options.noColor);
    printText(state, formations, inSettings, style);
    printHead(inHead, style);
  }
  return state.protected ? EXIT.ok : EXIT.no;
}

function printText(
  state: SetupState,
  formations: readonly FormationReport[],
  inSettings: readonly AuditProblem[],
  style: Style,
): void {
  const mark = (good: boolean): string => (good ? style.green("ok") : style.red("no"));
  out(state.protected ? style.green("protected") : style.red("not protected"));
  const how = ({ effective, mechanism, reason }: HookState): string => (effective ? mechanism : (reason ?? mechanism));
  for (const first of state.hooks.filter((hook, at) => state.hooks.findIndex((one) => how(one) === how(hook)) === at)) {
    const events = state.hooks.filter((hook) => how(hook) === how(first)).map((hook) => hook.event);
    out(`  ${mark(first.effective)}  ${events.join(", ")} (${how(first)})`);
  }
  if (state.leftOut.length > 0) out(`  --  ${state.leftOut.join(", ")} (left out by ${SETTINGS_FILE})`);
  out(`  ${mark(state.drivers.filter && state.drivers.diff && state.drivers.merge)}  filter, diff and merge drivers`);
  out(
    `  ${mark(state.attributes.every((one) => one.effective))}  attributes of ${count(state.attributes.length, "secrets file")}`,
  );
  out(
    `  ${mark(state.ignore.every((one) => one.ignored && !one.tracked))}  .key ignored in ${count(state.ignore.length, "formation")}`,
  );
  const { version, node, intact } = state.runtime;
  out(`  ${mark(intact)}  runtime ${version ?? "unknown"}, node ${node === null ? "unknown" : escapeText(node)}`);
  for (const formation of formations) out(`  ${describeFormation(formation)}`);
  for (const problem of [...state.problems, ...inSettings]) {
    out(`${style.yellow(problem.code)}: ${problem.message}`);
    out(`  fix: ${problem.fix}`);
  }
}

/** What a block counts as older problems, as far as it is seen without reading every file. */
function printHead(problems: readonly AuditProblem[], style: Style): void {
  if (problems.length === 0) return;
  out("already in the last commit:");
  for (const { code, message, fix } of problems) {
    out(`  ${style.yellow(code)}: ${message}`);
    out(`    fix: ${fix}`);
  }
}

function describeFormation(report: FormationReport): string {
  const { path, key, keyFingerprint, opened, phantom, names, problems } = report;
  const parts = [
    key === "ok" ? `key ${keyFingerprint ?? ""}` : key === "missing" ? "no key here" : `key ${key}`,
    opened === null ? null : opened ? null : "secrets.enc not opened by it",
    phantom ? `git shows a change that is none: ${tool("normalize")}` : null,
    `names: ${names.template} in the template, ${names.referenced} referenced${names.encrypted === null ? "" : `, ${names.encrypted} encrypted`}`,
    problems.errors + problems.warnings === 0
      ? null
      : `${count(problems.errors, "error")}, ${count(problems.warnings, "warning")}: ${tool("check")}`,
  ];
  return `${escapeText(path || ".")}: ${parts.filter((part) => part !== null).join("; ")}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
