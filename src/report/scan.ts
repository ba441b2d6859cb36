/** The report of `scan`, as text and as JSON. */

import { escapeText, formatJson } from "../escape.ts";
import type { Finding } from "../scan/finding.ts";
import type { Style } from "../terminal.ts";
import { count, placeOf } from "./block.ts";

export interface ReportedFinding extends Finding {
  fingerprint: string;
  /** Oid of the commit that introduced it, in a scan of commits. */
  commit?: string;
  /** Listed in the baseline. */
  accepted?: boolean;
}

export interface ScanReport {
  scanned: { files: number; bytes: number; commits?: number };
  skipped: { path: string; reason: string }[];
  findings: ReportedFinding[];
  /** Allow comments that were used, and the like. */
  notes: string[];
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
    const commit = finding.commit === undefined ? "" : `${finding.commit.slice(0, 12)} `;
    lines.push(`${commit}${style.bold(placeOf(finding))}  ${mark}  ${finding.rule}: ${escapeText(finding.message)}`);
    lines.push(`    ${style.dim(`fingerprint ${finding.fingerprint}; fix: ${escapeText(finding.fix)}`)}`);
  }
  for (const { path, reason } of report.skipped) lines.push(`not scanned: ${escapeText(path)}: ${escapeText(reason)}`);
  for (const note of report.notes) lines.push(`note: ${escapeText(note)}`);
  if (quiet && counted.length === 0) return lines.join("\n");
  const accepted = report.findings.length - counted.length;
  const { files, bytes, commits } = report.scanned;
  const where = commits === undefined ? count(files, "file") : `${count(files, "blob")} of ${count(commits, "commit")}`;
  const tail = accepted > 0 ? `, ${accepted} accepted in the baseline` : "";
  lines.push(`scanned ${where}, ${count(bytes, "byte")}: ${count(counted.length, "finding")}${tail}`);
  return lines.join("\n");
}

export function formatScanJson(report: ScanReport): string {
  const findings = report.findings.map(({ secretId: _, kind: __, ...shown }) => shown);
  const { scanned, skipped, notes } = report;
  return formatJson({ schemaVersion: 1, scanned, skipped, findings, notes }, 2);
}
