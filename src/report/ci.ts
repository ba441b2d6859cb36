/**
 * The report of `ci`: one summary of what the scan, the check and the review
 * found. Text for the log, markdown for a summary and for a comment, JSON, and
 * GitHub's annotations. Everything in it may come from a stranger's commits.
 */
import { sha256 } from "../builtin.ts";
import { escapeText, formatJson } from "../escape.ts";
import { problemIdentity } from "../formation/drift.ts";
import { isLeak, type Problem } from "../formation/problem.ts";
import { differs, type FailOn, failures, isQuiet, type Review } from "../formation/review.ts";
import { splitFix, tool } from "../invocation.ts";
import { canBeAccepted } from "../scan/baseline.ts";
import type { Style } from "../terminal.ts";
import { VERSION } from "../version.ts";
import { count, type Item, itemOfFinding, itemOfProblem, placeOf } from "./block.ts";
import type { CheckedFormation } from "./check.ts";
import { bold, bytesOf, code, formatDiffMarkdown, formatDiffText, prose } from "./diff.ts";
import { annotation } from "./github.ts";
import { formatFrame, publicScan, type ReportedFinding, type ScanReport, summaryOf } from "./scan.ts";

export interface CiReport {
  /** What was judged: `pull request 12`. */
  about: string;
  /** Oids; the base may be the empty tree's. */
  base: string;
  head: string;
  scan: ScanReport;
  /** Plaintext of formations in commits, which the head does not hold any more. */
  leaks: { problem: Problem; commit: string }[];
  /** Formations of the head. */
  checked: CheckedFormation[];
  review: Review;
  /** Words of `--fail-on`. */
  failOn: readonly FailOn[];
  /** Where the provider shows a file of a commit; null where it does not. */
  addressOf(oid: string, path: string): string | null;
}

interface CiItem extends Item {
  /** Oid of the commit that brought it; of a problem of the head, none. */
  commit?: string | undefined;
  finding?: ReportedFinding;
}

/** What is shown: all errors, and the warnings that these commits bring. */
function itemsOf({ scan, leaks, checked, review }: CiReport): CiItem[] {
  const brought = new Set(review.formations.flatMap(({ problems }) => problems).map(problemIdentity));
  const items = [
    ...scan.findings
      .filter(({ accepted }) => accepted !== true)
      .map((finding): CiItem => {
        const id = canBeAccepted(finding) ? finding.fingerprint : undefined;
        return { ...itemOfFinding(finding, id), commit: finding.commit, finding };
      }),
    ...leaks.map(({ problem, commit }): CiItem => ({ ...itemOfProblem(problem, true), commit })),
    ...checked
      .flatMap(({ problems }) => problems)
      .filter((one) => one.severity === "error" || (one.severity === "warning" && brought.has(problemIdentity(one))))
      .map((problem): CiItem => itemOfProblem(problem, isLeak(problem.code))),
  ];
  const errors = items.filter(({ severity }) => severity === "error");
  return [...errors, ...items.filter(({ severity }) => severity !== "error")];
}

/** Whether the answer is no. */
export function isRefused(report: CiReport): boolean {
  return itemsOf(report).some(({ severity }) => severity === "error") || failedWords(report).length > 0;
}

function failedWords({ review, failOn }: CiReport): FailOn[] {
  return failures(review, failOn);
}

/** Whether a reader of the pull request has anything to see. */
export function hasNews(report: CiReport): boolean {
  return differs(report.review) || itemsOf(report).length > 0;
}

function verdictOf(report: CiReport): string {
  const items = itemsOf(report);
  const errors = items.filter(({ severity }) => severity === "error").length;
  const failed = failedWords(report);
  const parts = [
    ...(errors > 0 ? [`${count(errors, "problem")} to mend`] : []),
    ...(failed.length > 0 ? [`refused by --fail-on: ${failed.join(", ")}`] : []),
    ...(items.length > errors ? [count(items.length - errors, "warning")] : []),
  ];
  return parts.join(", ") || "nothing to mend";
}

/** How the check went, in one line, with what it could not know. */
function checkSummary({ checked }: CiReport): string {
  const number = (severity: string) =>
    checked.reduce((sum, { problems }) => sum + problems.filter((one) => one.severity === severity).length, 0);
  const shut = checked.filter(({ form, opened }) => form === "fernet" && opened !== true).length;
  const unknown = shut === 0 ? "" : ` (values of ${shut} not compared: not opened)`;
  const found = `${count(number("error"), "error")}, ${count(number("warning"), "warning")}`;
  return `checked ${count(checked.length, "formation")}${unknown}: ${found}`;
}

const REVOKE =
  "a secret that was pushed has been seen: revoke it where it was issued and put a new value in its place; taking it out is not enough";

/** The review without the problems, which stand in a list of their own. */
function namesOf({ base, head, review }: CiReport) {
  const formations = review.formations.map((one) => ({ ...one, problems: [] })).filter((one) => !isQuiet(one));
  return { base, head, formations, loosened: review.loosened };
}

// ---- text

/** @returns lines for the log, the verdict last. */
export function formatCiText(report: CiReport, style: Style, quiet: boolean): string[] {
  const items = itemsOf(report).filter(({ severity }) => !quiet || severity === "error");
  const lines: string[] = [];
  if (!quiet) lines.push(style.bold(escapeText(titleOf(report))));
  for (const item of items) {
    const mark = item.severity === "error" ? style.red(item.severity) : style.yellow(item.severity);
    lines.push(`${mark}: ${style.bold(placeOf(item))}  ${item.rule}: ${escapeText(item.message)}${commitOf(item)}`);
    const { finding } = item;
    if (finding?.frame !== undefined) lines.push(...formatFrame(finding.frame, finding.line, style));
    const accept = item.fingerprint === undefined ? "" : `fingerprint ${item.fingerprint}; `;
    lines.push(`    ${style.dim(`${accept}fix: ${escapeText(item.fix)}`)}`);
  }
  if (items.some(({ leak }) => leak)) lines.push(REVOKE);
  if (quiet) return lines;
  for (const note of report.scan.notes) lines.push(`note: ${escapeText(note)}`);
  const names = formatDiffText(namesOf(report), style);
  if (names.length > 0) lines.push("secrets, by name:", ...names.map((line) => `  ${line}`));
  const verdict = verdictOf(report);
  lines.push(summaryOf(report.scan), checkSummary(report));
  lines.push(isRefused(report) ? style.red(verdict) : style.green(verdict));
  return lines;
}

function titleOf({ about, base, head, scan }: CiReport): string {
  const commits = scan.scanned.commits ?? 0;
  if (base === head && commits > 0) return `${about}: the files of ${head.slice(0, 12)}`;
  return `${about}: ${count(commits, "commit")}, ${base.slice(0, 12)}..${head.slice(0, 12)}`;
}

function commitOf({ commit }: CiItem): string {
  return commit === undefined ? "" : ` (commit ${commit.slice(0, 12)})`;
}

// ---- markdown

/** Begins a comment of ours, and tells whether there is anything in it. No name can hold it: it would be in code. */
export const COMMENT_MARK = "<!-- muxi-git:ci -->";
export const RESOLVED_MARK = "<!-- muxi-git:ci resolved -->";
/** Characters of a comment at GitHub. */
export const LARGEST_COMMENT = 65_536;

/** Of the room, what the list of problems may take. */
const ITEMS_SHARE = 0.5;

/** @param room - bytes. */
export function formatCiMarkdown(report: CiReport, room = Number.POSITIVE_INFINITY): string[] {
  const items = itemsOf(report);
  const lines = [`### muxi-git: ${verdictOf(report)}`];
  if (items.length > 0) lines.push("", ...listOf(items, report, room * ITEMS_SHARE));
  if (items.some(({ leak }) => leak)) lines.push("", `${bold("Revoke first")}: ${REVOKE}.`);
  const acceptable = items.find(({ fingerprint }) => fingerprint !== undefined)?.fingerprint;
  if (acceptable !== undefined) {
    const command = tool(`baseline accept ${acceptable} --reason 'why'`);
    lines.push("", `If it is no secret: ${code(command)}, and commit the file that this writes.`);
  }
  const foot = footOf(report);
  const names = namesOf(report);
  if (differs(names)) {
    const left = room - bytesOf([...lines, ...foot]) - 1;
    lines.push("", ...fitting(formatDiffMarkdown(names, left), left));
  }
  return [...lines, ...foot];
}

/** Lines as far as there is room: a reason that somebody wrote may be longer than all of it. */
function fitting(lines: readonly string[], room: number): string[] {
  const cut = "(cut off here: there is no room for more)";
  let left = room - bytesOf([cut, ""]);
  const over = lines.findIndex((line) => {
    left -= bytesOf([line]);
    return left < 0;
  });
  return over < 0 ? [...lines] : [...lines.slice(0, over), "", cut];
}

function listOf(items: readonly CiItem[], report: CiReport, room: number): string[] {
  const lines: string[] = [];
  let left = room;
  for (const [at, item] of items.entries()) {
    const commit = item.commit === undefined ? "" : `, in commit ${code(item.commit.slice(0, 12))}`;
    const line = `- ${bold(item.severity)} ${placeLink(item, report)} ${item.rule}: ${prose(item.message)}${commit}`;
    const { step, command } = splitFix(item.fix);
    const entry = [line, `  - ${step === null ? "" : `${prose(step)}, then `}${code(command)}`];
    left -= bytesOf(entry);
    if (left < 0) return [...lines, `- and ${items.length - at} more`];
    lines.push(...entry);
  }
  return lines;
}

function placeLink(item: CiItem, { head, addressOf }: CiReport): string {
  const shown = code(placeOf(item));
  const address = addressOf(item.commit ?? head, item.path);
  return address === null ? shown : `[${shown}](${address}${item.line === undefined ? "" : `#L${item.line}`})`;
}

function footOf(report: CiReport): string[] {
  const warnings = report.checked.flatMap(({ problems }) => problems).filter(({ severity }) => severity === "warning");
  const shown = itemsOf(report).filter(({ severity, finding }) => severity === "warning" && finding === undefined);
  const older = warnings.length - shown.length;
  const rest = older === 0 ? [] : [`${count(older, "older warning")}: ${code(tool("check"))}`];
  const said = [prose(titleOf(report)), prose(summaryOf(report.scan)), prose(checkSummary(report)), ...rest];
  return ["", `<sub>${said.join("<br>")}<br>muxi-git ${VERSION}</sub>`];
}

/** The body of the one comment that is kept up to date; of a pull request that needs none, one that says so. */
export function formatCiComment(report: CiReport): string {
  const body = hasNews(report)
    ? [COMMENT_MARK, ...formatCiMarkdown(report, LARGEST_COMMENT - COMMENT_MARK.length - 2)]
    : [RESOLVED_MARK, "### muxi-git: resolved", "", "Nothing is left of what was shown here.", ...footOf(report)];
  return `${body.join("\n")}\n`;
}

// ---- machines

export function formatCiJson(report: CiReport): string {
  const { about, base, head, scan, leaks, checked, review } = report;
  const problems = leaks.map(({ problem, commit }) => ({ ...problem, commit }));
  const refused = isRefused(report);
  const { formations, loosened } = review;
  const shown = { about, base, head, refused, scan: publicScan(scan), problems };
  return formatJson({ schemaVersion: 1, ...shown, check: { formations: checked }, diff: { formations, loosened } }, 2);
}

/** Annotations that GitHub shows of one step and kind. */
const ANNOTATIONS = 10;

/** One command a problem, the worst first; the rest stands in the summary. */
export function formatCiAnnotations(report: CiReport): string[] {
  return itemsOf(report)
    .slice(0, ANNOTATIONS)
    .map((item) => {
      const line = item.line === undefined ? {} : { line: String(item.line) };
      const title = `${item.rule}${item.commit === undefined ? "" : ` in ${item.commit.slice(0, 12)}`}`;
      return annotation(item.severity, { file: item.path, ...line, title }, `${item.message}; fix: ${item.fix}`);
    });
}

/** All of it as findings, for formats that know nothing else: code scanning and code quality. */
export function asFindings({ scan, leaks, checked }: CiReport): ScanReport {
  const problems = [...leaks, ...checked.flatMap((one) => one.problems.map((problem) => ({ problem })))];
  const findings = problems
    .filter(({ problem }) => problem.severity !== "note")
    .map(({ problem, ...rest }): ReportedFinding => {
      const { code: rule, severity, path, line = 1, name, formation, message, fix } = problem;
      const place = { line, column: 1, endLine: line, endColumn: 1 };
      // A problem is the same wherever its line moves.
      const fingerprint = sha256([rule, formation, path, name ?? ""].join("\0")).slice(0, 16);
      return { rule, kind: "path", severity, path, ...place, message, fix, secretId: "", fingerprint, ...rest };
    });
  return { ...scan, findings: [...scan.findings, ...findings] };
}
