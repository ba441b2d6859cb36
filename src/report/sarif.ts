/**
 * SARIF 2.1.0, which code scanning of GitHub and others read.
 *
 * Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version
 * 2.1.0": one run; rules as reportingDescriptors (3.49), each named by the index
 * that results give; columns in UTF-16 units (3.14.17); artifact locations as
 * relative URI references (3.4.3); accepted findings as external suppressions
 * (3.35), so that a viewer knows of them and does not count them.
 *
 * No snippet (3.30.13): it would hold the secret. The partial fingerprint is ours:
 * salted, and the same wherever the line moves.
 */
import { Buffer } from "node:buffer";
import { escapeText, formatJson } from "../escape.ts";
import type { Severity } from "../formation/problem.ts";
import { VERSION } from "../version.ts";
import { describeRule } from "./rule-descriptions.ts";
import type { ReportedFinding, ScanReport } from "./scan.ts";

const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

const LEVEL: Record<Severity, string> = { error: "error", warning: "warning", note: "note" };
/** GitHub orders by it: from 9 critical, from 7 high, from 4 medium, above 0 low. */
const SECURITY_SEVERITY: Record<Severity, string> = { error: "9.0", warning: "5.0", note: "2.0" };

export function formatSarif(report: ScanReport): string {
  const first = new Map<string, ReportedFinding>();
  for (const finding of report.findings) if (!first.has(finding.rule)) first.set(finding.rule, finding);
  const ids = [...first.keys()].sort((a, b) => (a < b ? -1 : 1));
  const indexOf = new Map(ids.map((id, index) => [id, index]));
  const log = {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "muxi-git", version: VERSION, rules: ids.map((id) => ruleOf(first.get(id)!)) } },
        columnKind: "utf16CodeUnits",
        invocations: [
          {
            executionSuccessful: true,
            toolExecutionNotifications: report.skipped.map(({ path, reason }) => ({
              level: "warning",
              message: { text: escapeText(`not scanned: ${reason}`) },
              locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(path) } } }],
            })),
          },
        ],
        results: report.findings.map((finding) => resultOf(finding, indexOf.get(finding.rule) ?? 0)),
      },
    ],
  };
  return formatJson(log, 2);
}

function ruleOf(finding: ReportedFinding): object {
  const { rule, severity } = finding;
  const { description, source } = describeRule(rule);
  return {
    id: rule,
    shortDescription: { text: description },
    ...(source === undefined ? {} : { helpUri: source }),
    defaultConfiguration: { level: LEVEL[severity] },
    properties: { tags: ["security", "secret"], "security-severity": SECURITY_SEVERITY[severity] },
  };
}

function resultOf(finding: ReportedFinding, ruleIndex: number): object {
  const { rule, severity, path, line, column, endLine, endColumn, message, fix, fingerprint, commit } = finding;
  return {
    ruleId: rule,
    ruleIndex,
    level: LEVEL[severity],
    message: { text: escapeText(`${message}; fix: ${fix}`) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(path) },
          region: { startLine: line, startColumn: column, endLine, endColumn },
        },
      },
    ],
    partialFingerprints: { "muxiGitFingerprint/v1": fingerprint },
    ...(finding.accepted === true ? { suppressions: [{ kind: "external", status: "accepted" }] } : {}),
    ...(commit === undefined ? {} : { properties: { commit } }),
  };
}

/** A path as a relative reference (RFC 3986, 4.2): each byte that is not unreserved as `%XX`, so no name is a scheme. */
export function uriOf(path: string): string {
  return path
    .split("/")
    .map((name) => [...name].map(percentEncoded).join(""))
    .join("/");
}

function percentEncoded(character: string): string {
  if (/^[\w.~-]$/.test(character)) return character;
  const code = character.charCodeAt(0);
  // A byte of a name that is no UTF-8 stands as a low surrogate: git/entries.ts.
  const bytes =
    character.length === 1 && code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(character);
  return [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}
