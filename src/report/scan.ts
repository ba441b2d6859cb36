/** The report of `scan`, as text and as JSON. */

import { escapeText, formatJson } from "../escape.ts";
import type { Finding, Frame } from "../scan/finding.ts";
import type { Style } from "../terminal.ts";
import { count, placeOf } from "./block.ts";
import { widthOf } from "./width.ts";

/** Cells of a line that are shown before and after a secret. */
const BEFORE = 60;
const AFTER = 40;

export interface ReportedFinding extends Finding {
  fingerprint: string;
  /** Oid of the commit that introduced it, in a scan of commits. */
  commit?: string;
  /** Whether a remote-tracking ref contains that commit, in a scan of the history. */
  onRemote?: boolean;
  /** Listed in the baseline. */
  accepted?: boolean;
}

export interface ScanReport {
  scanned: { files: number; bytes: number; commits?: number };
  skipped: { path: string; reason: string }[];
  findings: ReportedFinding[];
  /** Allow comments that were used, and the like. */
  notes: string[];
  /** What to do now, in this order. Text only. */
  next?: string[];
}

/**
 * @param quiet - without the closing line where nothing was found.
 * @returns text without a final newline; the answer goes to stdout.
 */
export function formatScanText(report: ScanReport, style: Style, quiet = false): string {
  const lines: string[] = [];
  const counted = report.findings.filter((finding) => finding.accepted !== true);
  for (const finding of counted) {
    const mark = finding.severity === "error" ? style.red(finding.severity) : style.yellow(finding.severity);
    const remote = finding.onRemote === undefined ? "" : finding.onRemote ? "(on a remote) " : "(on no remote) ";
    const commit = finding.commit === undefined ? "" : `${finding.commit.slice(0, 12)} ${remote}`;
    lines.push(`${commit}${style.bold(placeOf(finding))}  ${mark}  ${finding.rule}: ${escapeText(finding.message)}`);
    if (finding.frame !== undefined) lines.push(...formatFrame(finding.frame, finding.line, style));
    lines.push(`    ${style.dim(`fingerprint ${finding.fingerprint}; fix: ${escapeText(finding.fix)}`)}`);
  }
  for (const { path, reason } of report.skipped) lines.push(`not scanned: ${escapeText(path)}: ${escapeText(reason)}`);
  for (const note of report.notes) lines.push(`note: ${escapeText(note)}`);
  if (quiet && counted.length === 0) return lines.join("\n");
  lines.push(summaryOf(report));
  for (const [index, step] of (report.next ?? []).entries()) lines.push(`${index + 1}. ${step}`);
  return lines.join("\n");
}

/** What was looked at and how much was found, in one line. */
export function summaryOf({ findings, scanned: { files, bytes, commits }, skipped }: ScanReport): string {
  const accepted = findings.filter((finding) => finding.accepted === true).length;
  const where = commits === undefined ? count(files, "file") : `${count(files, "blob")} of ${count(commits, "commit")}`;
  const tail = accepted > 0 ? `, ${accepted} accepted in the baseline` : "";
  const left = skipped.length > 0 ? `, ${skipped.length} not scanned` : "";
  return `scanned ${where}, ${count(bytes, "byte")}${left}: ${count(findings.length - accepted, "finding")}${tail}`;
}

/** The line and a line of carets below the secret; wide characters and tabs take the cells that a terminal gives them. */
export function formatFrame({ before, secret, after }: Frame, line: number, style: Style): string[] {
  const left = cellsOf(before, BEFORE, true);
  const right = cellsOf(after, AFTER, false);
  const masked = escapeText(secret);
  const number = String(line);
  return [
    `    ${style.dim(`${number} |`)} ${left}${style.red(masked)}${right}`,
    `    ${style.dim(`${" ".repeat(number.length)} |`)} ${" ".repeat(widthOf(left))}${style.red("^".repeat(widthOf(masked)))}`,
  ];
}

/** As much of a text's end, or of its beginning, as fits: a tab is four blanks, what is unsafe an escape. */
function cellsOf(text: string, most: number, fromEnd: boolean): string {
  const characters = [...text].map((character) => (character === "\t" ? "    " : escapeText(character)));
  if (fromEnd) characters.reverse();
  const shown: string[] = [];
  let width = 0;
  for (const character of characters) {
    width += widthOf(character);
    if (width > most) {
      if (shown.at(-1) !== "…") shown.push("…");
      break;
    }
    shown.push(character);
  }
  if (fromEnd) shown.reverse();
  return shown.join("");
}

export function formatScanJson(report: ScanReport): string {
  return formatJson({ schemaVersion: 1, ...publicScan(report) }, 2);
}

/** What of a report JSON holds. */
export function publicScan({ scanned, skipped, findings, notes }: ScanReport) {
  const shown = findings.map(({ secretId: _, kind: __, frame: ___, ...rest }) => rest);
  return { scanned, skipped, findings: shown, notes };
}
