/**
 * Annotations of GitHub Actions: a line that begins with `::` is a command to
 * the runner, so nothing of a repository may begin a line or end a property.
 *
 * Source: docs.github.com, "Workflow commands for GitHub Actions", "Setting an
 * error message"; escaping as the runner undoes it: `%`, CR and LF everywhere,
 * `:` and `,` in properties.
 */
import { escapeText } from "../escape.ts";
import type { Severity } from "../formation/problem.ts";
import { type ReportedFinding, type ScanReport, summaryOf } from "./scan.ts";

const COMMAND = { error: "error", warning: "warning", note: "notice" } as const;

export function formatGithub(report: ScanReport, quiet = false): string {
  const counted = report.findings.filter(({ accepted }) => accepted !== true);
  const lines = counted.map((finding) => {
    const title = `${finding.rule}${finding.commit === undefined ? "" : ` in ${finding.commit.slice(0, 12)}`}`;
    const text = `${finding.message}; fingerprint ${finding.fingerprint}; fix: ${finding.fix}`;
    return annotation(finding.severity, { ...placeOf(finding), title }, text);
  });
  for (const { path, reason } of report.skipped)
    lines.push(annotation("warning", { file: path }, `not scanned: ${reason}`));
  for (const note of report.notes) lines.push(annotation("note", {}, note));
  if (!quiet || counted.length > 0) lines.push(summaryOf(report));
  return lines.join("\n");
}

/** Columns only within one line, as GitHub asks. */
function placeOf({ path, line, column, endLine, endColumn }: ReportedFinding): Record<string, string> {
  const columns = line === endLine ? { col: String(column), endColumn: String(Math.max(column, endColumn - 1)) } : {};
  return { file: path, line: String(line), endLine: String(endLine), ...columns };
}

/** @param severity - what kind of annotation it is. */
export function annotation(severity: Severity, properties: Record<string, string>, text: string): string {
  const given = Object.entries(properties).map(([key, value]) => `${key}=${escapeProperty(value)}`);
  return `::${COMMAND[severity]}${given.length === 0 ? "" : ` ${given.join(",")}`}::${escapeData(text)}`;
}

/** What GitHub can undo is escaped its way, what else moves a terminal's cursor ours. */
function escapeData(text: string): string {
  return escapeText(text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A"));
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
