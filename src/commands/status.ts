/** `status`: what protects this repository, what does not, and the command that mends it. */
import { relative, sep } from "node:path";
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import { escapeText, formatJson } from "../escape.ts";
import { openRepository } from "../git/repository.ts";
import { workingTreeSnapshot } from "../git/snapshot.ts";
import { setReaderDirectory, tool } from "../invocation.ts";
import { judgeAges } from "../plumbing/age-limit.ts";
import { type AuditProblem, auditHead, auditSettings } from "../plumbing/audit.ts";
import { type FormationAges, formationAges } from "../plumbing/formation-ages.ts";
import { type FormationReport, formationReports } from "../plumbing/formation-report.ts";
import { Keyring } from "../plumbing/formation-state.ts";
import { copiesOfKeys, copyWarning } from "../plumbing/key-copies.ts";
import type { LastChange } from "../plumbing/name-ages.ts";
import { SETTINGS_FILE } from "../settings.ts";
import { detect } from "../setup/detect.ts";
import type { HookState } from "../setup/hooks.ts";
import { inspect, type SetupState } from "../setup/inspect.ts";
import { day, out, type Style, styleFor, talk } from "../terminal.ts";

export interface StatusOptions extends Invocation {
  /** Days that a key or a value may be old. */
  maxAge?: number;
  json: boolean;
}

/** @returns 0 protected, 1 not. With `maxAge`: 0 nothing is older, 1 something is, 2 not known. */
export async function status(options: StatusOptions): Promise<ExitCode> {
  const repository = openRepository(options.cwd, options.env);
  setReaderDirectory(relative(repository.topLevel, options.cwd).split(sep).join("/"));
  const state = inspect(await detect(repository));
  const { topLevel, gitDir, commonDir } = repository;
  const workingTree = workingTreeSnapshot(topLevel);
  const places = { topLevel, gitDir, commonDir };
  const reports = await formationReports(topLevel, places, workingTree);
  const keyring = new Keyring(topLevel, places);
  const ages = await formationAges(topLevel, keyring, workingTree, { names: options.maxAge !== undefined });
  const formations = reports.map((report) => withAges(report, ages));
  const old = options.maxAge === undefined ? null : judgeAges(ages, options.maxAge, Date.now());
  const inSettings = await auditSettings(workingTree);
  const copies = keyCopies(topLevel, keyring, formations);
  const told = new Set(inSettings.map((problem) => problem.message));
  const inHead = (await auditHead(topLevel)).problems.filter((problem) => !told.has(problem.message));
  if (options.json) {
    // What HEAD holds does not make a repository unprotected: `protected` is about what comes next.
    out(
      formatJson(
        {
          schemaVersion: 1,
          ...state,
          formations,
          problems: [...state.problems, ...inSettings, ...copies, ...(old?.problems ?? []), ...inHead],
        },
        2,
      ),
    );
  } else if (!options.quiet) {
    const style = styleFor(process.stdout.isTTY, options.env, options.noColor);
    printText(state, formations, [...inSettings, ...copies, ...(old?.problems ?? [])], style);
    printHead(inHead, style);
  }
  if (old !== null) {
    if (old.hidden > 0 && !options.quiet) {
      talk(
        `muxi-git: note: ${count(old.hidden, "value")} may be older: counted from the change of key, since no key here opens what was before`,
      );
    }
    if (old.problems.length > 0) return EXIT.no;
    for (const reason of old.unknown) talk(`muxi-git: error: ${reason}`);
    return old.unknown.length > 0 ? EXIT.failed : EXIT.ok;
  }
  return state.protected ? EXIT.ok : EXIT.no;
}

/** A formation's report, and how old its key and values are. */
interface AgedReport extends FormationReport {
  /** Since when its key is the one; null where that is not known or not committed. */
  keySince: SeenAt | null;
  /** The last change of each value, with `--max-age`. */
  names: FormationReport["names"] & { since?: Record<string, SeenAt | null> };
}

interface SeenAt {
  commit: string;
  /** Seconds since 1970. */
  time: number;
  /** Otherwise it may be longer ago. */
  exact: boolean;
}

function withAges(report: FormationReport, ages: readonly FormationAges[]): AgedReport {
  const own = ages.find(({ path }) => path === report.path);
  const seen = (change: LastChange | null | undefined): SeenAt | null =>
    change == null || change.commit === null || change.time === null
      ? null
      : { commit: change.commit, time: change.time, exact: change.exact };
  if (own?.names == null) return { ...report, keySince: seen(own?.key) };
  const since = Object.fromEntries([...own.names].map(([name, change]) => [name, seen(change)]));
  return { ...report, keySince: seen(own.key), names: { ...report.names, since } };
}

/** Copies of the keys that are here, in files that git takes. */
function keyCopies(topLevel: string, keyring: Keyring, formations: readonly FormationReport[]): AuditProblem[] {
  const folders = formations.map(({ path }) => path);
  const keys = folders.flatMap((folder) => {
    const own = keyring.of(folder);
    return own.state === "ok" || own.state === "hex" ? [own.key] : [];
  });
  const copies = copiesOfKeys(topLevel, [...keys, ...keyring.held()], folders);
  return copies.map((path) => ({ code: "key-copy", ...copyWarning(path) }));
}

function printText(
  state: SetupState,
  formations: readonly AgedReport[],
  others: readonly AuditProblem[],
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
  for (const problem of [...state.problems, ...others]) {
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

function describeFormation(report: AgedReport): string {
  const { path, key, keyFingerprint, keySince, opened, phantom, names, problems } = report;
  const parts = [
    key === "ok" ? `key ${keyFingerprint ?? ""}` : key === "missing" ? "no key here" : `key ${key}`,
    keySince === null ? null : `in use ${keySince.exact ? "since" : "at least since"} ${day(keySince.time)}`,
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
