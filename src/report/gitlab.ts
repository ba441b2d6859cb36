/**
 * GitLab's code quality report: a list of issues, which GitLab shows in the merge
 * request that brings them.
 *
 * Source: docs.gitlab.com, "Code Quality", "Code Quality report format":
 * `description`, `check_name`, `fingerprint` (unique: equal ones are one issue to
 * GitLab), `severity` (info, minor, major, critical, blocker), `location.path`,
 * `location.lines.begin`. It knows nothing of accepted findings: they are left out.
 */
import { escapeText, formatJson } from "../escape.ts";
import type { ReportedFinding, ScanReport } from "./scan.ts";

export function formatGitlab(report: ScanReport): string {
  const times = new Map<string, number>();
  const issues = report.findings
    .filter(({ accepted }) => accepted !== true)
    .map((finding) => {
      const time = (times.get(finding.fingerprint) ?? 0) + 1;
      times.set(finding.fingerprint, time);
      return {
        description: escapeText(`${finding.rule}: ${finding.message}`),
        check_name: finding.rule,
        // The same secret twice in a file has one fingerprint of ours; the second is counted, so that lines may move.
        fingerprint: time === 1 ? finding.fingerprint : `${finding.fingerprint}-${time}`,
        severity: severityOf(finding),
        location: { path: finding.path, lines: { begin: finding.line, end: finding.endLine } },
      };
    });
  return formatJson(issues, 2);
}

/** A key or value of this repository is known to be real. */
function severityOf({ severity, kind }: ReportedFinding): string {
  if (severity !== "error") return severity === "warning" ? "minor" : "info";
  return kind === "key" || kind === "known-value" ? "blocker" : "critical";
}
