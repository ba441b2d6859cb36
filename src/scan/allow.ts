/**
 * The allow comment: `muxi-git:allow RULE reason`, in any comment syntax, after
 * the finding on its line or alone on the line before it.
 *
 * - The reason is printed, so it ends where the comment ends, and a reason that
 *   holds a finding itself does nothing.
 * - It names the rule, so that it does not hide another secret on the line. One
 *   that names none, or another, does nothing and is reported as such.
 * - It gives a reason (at least two letters), so that a reviewer reads why. Without
 *   one the finding stops nothing and stays, as a warning that says what is missing.
 * - It accepts tokens, literals, secrets in `.env` files and weak known values.
 *   It never accepts a key, a strong known value, a file that must not be
 *   tracked: those have no innocent twin.
 * - Comments of other tools (`gitleaks:allow`, `pragma: allowlist secret`) name no
 *   rule and no reason, and were written for findings of another tool. They count
 *   only where the settings say so, after the finding on its line, and for no more
 *   than ours do.
 *
 * Lines are read only where there is a finding: looking for comments in every
 * line is most of the cost of one peer. UTF-16 is decoded; CRLF does not matter;
 * of a huge line the last KiB is looked at: a comment stands at the end of its line.
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
  /** Comments that do nothing and why, at lines with findings only. */
  ineffective: { line: number; why: string }[];
}

const COMMENT =
  /muxi-git:allow(?:[ \t]+([a-z0-9]{1,60}(?:-[a-z0-9]{1,60}){0,20}))?(?:[ \t]+(?:--[ \t]*)?((?:(?!muxi-git:allow)[^\r\n]){1,300}))?/g;

/** Where a comment ends that does not run to the end of its line. */
const COMMENT_END = /\*\/|-->|#\}|%>|\}\}/;

/** Whether a finding of this kind can be accepted in its own file. */
function canBeAllowedInline(finding: Finding): boolean {
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

/** Comments of other tools that a repository may honour. */
export const FOREIGN_COMMENTS = ["gitleaks:allow", "pragma: allowlist secret"] as const;
export type ForeignComment = (typeof FOREIGN_COMMENTS)[number];

/** How much of a line's end may hold the comment, in bytes. */
const TAIL = 1024;

interface Comment {
  line: number;
  /** From 1, in UTF-16 units, as a finding's. */
  column: number;
  /** Undefined where it names none. */
  rule: string | undefined;
  reason: string;
  /** Nothing but the comment is on its line. */
  alone: boolean;
  /** A finding stands in the reason. */
  leaks: boolean;
}

/** The end of a line, and how many UTF-16 units of the line stand before it. */
interface LineEnd {
  text: string;
  before: number;
}

function commentsIn({ text, before }: LineEnd, line: number, findings: readonly Finding[]): Comment[] {
  return [...text.matchAll(COMMENT)].map((match) => {
    const rest = match[2] ?? "";
    const end = rest.search(COMMENT_END);
    const reason = end < 0 ? rest : rest.slice(0, end);
    const column = before + match.index + 1;
    const to = column + match[0].length - (rest.length - reason.length);
    const after = end < 0 ? "" : rest.slice(end).replace(COMMENT_END, "");
    return {
      line,
      column,
      rule: match[1],
      reason: reason.trim(),
      alone: before === 0 && OPENING.test(text.slice(0, text.indexOf("muxi-git:allow"))) && after.trim() === "",
      leaks: findings.some((finding) => covers(finding, line, column, to)),
    };
  });
}

/** What may stand before a comment that is alone on its line. */
const OPENING = /^[\s#/*;<!>{%'"-]*(?:REM\s+|rem\s+)?$/;

function covers(finding: Finding, line: number, from: number, to: number): boolean {
  if (line < finding.line || line > finding.endLine) return false;
  const start = line === finding.line ? finding.column : 1;
  const end = line === finding.endLine ? finding.endColumn : Number.POSITIVE_INFINITY;
  return start < to && from < end;
}

/**
 * Split findings into kept and allowed.
 *
 * @param findings - of one file, as the scanner orders them.
 * @param bytes - the same bytes that were scanned.
 * @param startLine - as given to the scanner.
 * @param foreign - comments of other tools that count as well.
 */
export function applyAllowComments(
  findings: readonly Finding[],
  bytes: Uint8Array,
  startLine = 1,
  foreign: readonly ForeignComment[] = [],
): Allowed {
  const result: Allowed = { kept: [], allowed: [], ineffective: [] };
  if (findings.length === 0) return result;
  const buffer = withComments(bytes, foreign);
  if (buffer === null) {
    result.kept.push(...findings);
    return result;
  }
  const lines = readLines(buffer, findings, startLine);
  const idle = new Map<string, { comment: Comment; why: string }>();
  const used = new Set<Comment>();
  const report = (comment: Comment, why: string): void => {
    idle.set(`${comment.line} ${why}`, { comment, why });
  };
  const onLine = new Map<number, Comment[]>();
  const commentsOn = (line: number): Comment[] => {
    let comments = onLine.get(line);
    if (comments === undefined) {
      const end = lines.get(line);
      comments = end?.text.includes("muxi-git:allow") === true ? commentsIn(end, line, findings) : [];
      onLine.set(line, comments);
    }
    return comments;
  };
  for (const finding of findings) {
    const beside = commentsOn(finding.endLine);
    const comments = [
      ...beside.filter(({ column }) => column >= finding.endColumn),
      ...commentsOn(finding.line - 1).filter(({ alone }) => alone),
    ];
    const named = comments.filter(({ rule }) => rule === finding.rule);
    const comment = named.find(givesReason) ?? named[0];
    for (const early of [...beside, ...commentsOn(finding.line)]) {
      if (early.rule === finding.rule && !comments.includes(early)) report(early, "stands before the finding");
    }
    const other = comment === undefined ? foreignOn(lines.get(finding.endLine), finding, foreign) : undefined;
    if (other !== undefined && canBeAllowedInline(finding)) {
      result.allowed.push({ finding, line: finding.endLine, reason: `'${other}'` });
    } else if (comment === undefined) {
      for (const other of comments)
        report(
          other,
          `names ${other.rule === undefined ? "no rule" : "another rule"}: the finding's is ${finding.rule}`,
        );
      result.kept.push(finding);
    } else if (!canBeAllowedInline(finding)) {
      report(comment, "keys and known values cannot be allowed in a comment");
      result.kept.push(finding);
    } else if (comment.leaks) {
      report(comment, "has a finding in its reason");
      result.kept.push(finding);
    } else if (!givesReason(comment)) {
      used.add(comment);
      result.kept.push(finding.severity === "error" ? withoutReason(finding) : finding);
    } else {
      used.add(comment);
      result.allowed.push({ finding, line: comment.line, reason: comment.reason });
    }
  }
  for (const { comment, why } of idle.values())
    if (!used.has(comment)) result.ineffective.push({ line: comment.line, why });
  return result;
}

/** The bytes as the scanner reads them, null where no allow comment stands among them. */
export function withComments(bytes: Uint8Array, foreign: readonly ForeignComment[]): Buffer | null {
  const scanned = toScannable(bytes);
  const buffer = Buffer.from(scanned.buffer, scanned.byteOffset, scanned.byteLength);
  return ["muxi-git:allow", ...foreign].some((mark) => buffer.includes(mark)) ? buffer : null;
}

function givesReason({ reason }: Comment): boolean {
  return /\p{L}\p{L}/u.test(reason);
}

function withoutReason(finding: Finding): Finding {
  return { ...finding, severity: "warning", message: `${finding.message}; its allow comment gives no reason` };
}

/** The comment of another tool after a finding on its line. */
function foreignOn(
  line: LineEnd | undefined,
  { endColumn }: Finding,
  foreign: readonly ForeignComment[],
): ForeignComment | undefined {
  if (line === undefined) return undefined;
  return foreign.find((mark) => {
    const at = line.text.lastIndexOf(mark);
    return at >= 0 && line.before + at + 1 >= endColumn;
  });
}

/** The lines that findings stand on or below, each cut to its last {@link TAIL} bytes. One walk. */
function readLines(buffer: Buffer, findings: readonly Finding[], startLine: number): Map<number, LineEnd> {
  const wanted = new Set<number>();
  for (const { line, endLine } of findings)
    wanted
      .add(line - 1)
      .add(line)
      .add(endLine);
  const last = Math.max(...wanted);
  const lines = new Map<number, LineEnd>();
  let line = startLine;
  // As the scanner counts: a byte order mark has no column.
  const first = buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf ? 3 : 0;
  for (let at = first; at <= buffer.length && line <= last; line++) {
    const found = buffer.indexOf(10, at);
    const end = found < 0 ? buffer.length : found;
    if (wanted.has(line)) {
      let from = Math.max(at, end - TAIL);
      while (from < end && (buffer[from]! & 0xc0) === 0x80) from++;
      lines.set(line, { text: buffer.toString("utf8", from, end), before: unitsIn(buffer, at, from) });
    }
    at = end + 1;
  }
  return lines;
}

/** UTF-16 units of UTF-8 bytes. */
function unitsIn(bytes: Uint8Array, from: number, to: number): number {
  let units = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (byte < 0x80 || byte >= 0xc0) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}
