/**
 * The allow comment: `muxi-git:allow RULE reason`, in any comment syntax, on
 * the finding's line or alone on the line before it.
 *
 * - It names the rule, so that it does not hide another secret on the line, and
 *   gives a reason (at least two letters), so that a reviewer reads why. Without
 *   either it does nothing and is reported as such.
 * - It accepts tokens, literals, secrets in `.env` files and weak known values.
 *   It never accepts a key, a strong known value, a file that must not be
 *   tracked: those have no innocent twin.
 * - Comments of other tools (`gitleaks:allow`, `pragma: allowlist secret`) are
 *   not honoured: they name no rule and no reason, and were written for findings
 *   of another tool. A repository that wants them says so in its settings, later.
 *
 * Lines are read only where there is a finding: looking for comments in every
 * line is most of the cost of one peer. UTF-16 is decoded; CRLF does not matter;
 * of a huge line 512 bytes before and after the finding are looked at... by its
 * ends: a comment stands at the end of its line.
 */
import { Buffer } from "node:buffer";
import { toScannable } from "./decode.ts";
import type { Finding } from "./finding.ts";

export interface AllowedFinding {
  finding: Finding;
  /** Line of the comment, from 1. */
  line: number;
  reason: string;
}

export interface Allowed {
  /** Findings that no comment accepts. */
  kept: Finding[];
  /** Findings that a comment accepts: to be shown, so that the loosening is seen. */
  allowed: AllowedFinding[];
  /** Comments that accept nothing and why, at lines with findings only. */
  ineffective: { line: number; rule: string; why: string }[];
}

const COMMENT = /muxi-git:allow[ \t]+([a-z0-9][a-z0-9-]{1,60})(?:[ \t]+(?:--[ \t]*)?([^\r\n]{1,300}))?/g;

/** Whether a finding of this kind can be accepted in its own file. */
export function canBeAllowedInline(finding: Finding): boolean {
  switch (finding.kind) {
    case "token":
    case "literal":
    case "dotenv":
      return true;
    case "known-value":
      return finding.severity !== "error";
    case "key":
    case "path":
      return false;
  }
}

/** How much of a line's end may hold the comment, in bytes. */
const TAIL = 1024;

interface Comment {
  line: number;
  rule: string;
  reason: string;
}

function commentsIn(text: string, line: number): Comment[] {
  return [...text.matchAll(COMMENT)].map((match) => ({
    line,
    rule: match[1]!,
    reason: (match[2] ?? "").replace(/(?:-->|\*\/|\}\}|#\}|%>)\s*$/, "").trim(),
  }));
}

/** Whether a line has nothing but a comment on it. */
function standsAlone(text: string): boolean {
  const before = text.slice(0, text.indexOf("muxi-git:allow"));
  return /^[\s#/*;<!>{%'"-]*(?:REM\s+|rem\s+)?$/.test(before);
}

/**
 * Split findings into kept and allowed.
 *
 * @param findings - of one file, as the scanner orders them.
 * @param bytes - the same bytes that were scanned.
 * @param startLine - as given to the scanner.
 */
export function applyAllowComments(findings: readonly Finding[], bytes: Uint8Array, startLine = 1): Allowed {
  const result: Allowed = { kept: [], allowed: [], ineffective: [] };
  if (findings.length === 0) return result;
  const scanned = toScannable(bytes);
  const buffer = Buffer.from(scanned.buffer, scanned.byteOffset, scanned.byteLength);
  if (!buffer.includes("muxi-git:allow")) {
    result.kept.push(...findings);
    return result;
  }
  const lines = readLines(buffer, findings, startLine);
  const reported = new Set<string>();
  const report = (comment: Comment, why: string): void => {
    const key = `${comment.line} ${comment.rule} ${why}`;
    if (reported.has(key)) return;
    reported.add(key);
    result.ineffective.push({ line: comment.line, rule: comment.rule, why });
  };
  for (const finding of findings) {
    const own = lines.get(finding.line) ?? "";
    const last = finding.endLine === finding.line ? "" : (lines.get(finding.endLine) ?? "");
    const above = lines.get(finding.line - 1) ?? "";
    const comments = [
      ...commentsIn(own, finding.line),
      ...commentsIn(last, finding.endLine),
      ...(standsAlone(above) ? commentsIn(above, finding.line - 1) : []),
    ];
    const comment = comments.find(({ rule }) => rule === finding.rule);
    if (comment === undefined) {
      for (const other of comments) report(other, "names another rule");
      result.kept.push(finding);
    } else if (!canBeAllowedInline(finding)) {
      report(comment, "keys and known values cannot be allowed in a comment");
      result.kept.push(finding);
    } else if (!/\p{L}\p{L}/u.test(comment.reason)) {
      report(comment, "gives no reason");
      result.kept.push(finding);
    } else {
      result.allowed.push({ finding, line: comment.line, reason: comment.reason });
    }
  }
  return result;
}

/** The lines that findings stand on or below, each cut to its last {@link TAIL} bytes. One walk. */
function readLines(buffer: Buffer, findings: readonly Finding[], startLine: number): Map<number, string> {
  const wanted = new Set<number>();
  for (const { line, endLine } of findings)
    wanted
      .add(line - 1)
      .add(line)
      .add(endLine);
  const last = Math.max(...wanted);
  const lines = new Map<number, string>();
  let line = startLine;
  for (let at = 0; at <= buffer.length && line <= last; line++) {
    const found = buffer.indexOf(10, at);
    const end = found < 0 ? buffer.length : found;
    if (wanted.has(line)) lines.set(line, buffer.toString("utf8", Math.max(at, end - TAIL), end));
    at = end + 1;
  }
  return lines;
}
