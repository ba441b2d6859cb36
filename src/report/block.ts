/**
 * What a hook says: one text for a person and for a coding agent that reads
 * stderr. The first line says what happened, the last line what to run. It
 * never offers a way round the hook, and never shows a secret.
 */

import { escapeText } from "../escape.ts";
import type { Problem, Severity } from "../formation/problem.ts";
import { movedFingerprint, splitFix, tool } from "../invocation.ts";
import type { Finding } from "../scan/finding.ts";

/** Findings shown in one block; the rest is counted. */
export const SHOWN = 10;

/** A finding or a problem, as one line of a report. */
export interface Item {
  severity: Severity;
  /** The finding's rule or the problem's code. */
  rule: string;
  path: string;
  line?: number | undefined;
  column?: number | undefined;
  message: string;
  fix: string;
  /** Whether a secret was about to leave the machine. */
  leak: boolean;
  /** Of findings that may be accepted. */
  fingerprint?: string | undefined;
  /** The commit or tag it stands in: ` (commit abc1234 "subject")`. Escaped, and safe to show. */
  suffix?: string | undefined;
}

export function itemOfProblem(problem: Problem, leak: boolean): Item {
  const { code, severity, path, line, message, fix } = problem;
  return { rule: code, severity, path, line, message, fix, leak };
}

export function itemOfFinding(finding: Finding, fingerprint: string | undefined): Item {
  const { rule, severity, path, line, column, message, fix } = finding;
  return { rule, severity, path, line, column, message, fix, leak: true, fingerprint };
}

/** `path:line:column`, with what is known of it. */
export function placeOf(item: Pick<Item, "path" | "line" | "column">): string {
  const line = item.line === undefined ? "" : `:${item.line}`;
  const column = item.line === undefined || item.column === undefined ? "" : `:${item.column}`;
  return `${escapeText(item.path)}${line}${column}`;
}

export interface Block {
  /** What was stopped: "commit", "push". */
  action: string;
  /** Where the problems are: "in what is staged". */
  where: string;
  /** What a leak that was stopped here has not done yet, one sentence. */
  stopped: string;
  items: readonly Item[];
  /** Loosened settings, used allow comments and the like, one phrase each. */
  notes: readonly string[];
  /** Problems that this commit did not bring. */
  older: number;
  /** The command that lists older problems. */
  statusCommand: string;
  /** The command that accepts a finding, without its fingerprint. */
  acceptCommand: string;
}

/** Lines for stderr; empty where there is nothing to say. */
export function formatBlock(block: Block): string[] {
  const errors = block.items.filter((item) => item.severity === "error");
  const others = block.items.filter((item) => item.severity !== "error");
  const lines: string[] = [];
  if (errors.length > 0) {
    lines.push(`muxi-git: error: ${block.action} blocked: ${count(errors.length, "problem")} ${block.where}`);
    for (const item of errors.slice(0, SHOWN))
      lines.push(`  ${placeOf(item)}  ${item.rule}: ${escapeText(item.message)}${item.suffix ?? ""}`);
    if (errors.length > SHOWN) lines.push(`  and ${errors.length - SHOWN} more`);
  }
  for (const item of others.slice(0, SHOWN)) {
    lines.push(
      `muxi-git: ${item.severity}: ${placeOf(item)}  ${item.rule}: ${escapeText(item.message)}${item.suffix ?? ""}`,
    );
  }
  if (others.length > SHOWN) lines.push(`muxi-git: and ${others.length - SHOWN} more warnings and notes`);
  for (const note of block.notes.slice(0, SHOWN)) lines.push(`muxi-git: note: ${escapeText(note)}`);
  if (block.notes.length > SHOWN) lines.push(`muxi-git: and ${block.notes.length - SHOWN} more such notes`);
  if (errors.length === 0) return lines;

  if (block.older > 0) lines.push(`muxi-git: ${count(block.older, "older problem")}: ${block.statusCommand}`);
  if (errors.some((item) => item.leak)) lines.push(`muxi-git: ${block.stopped}`);
  const shown = errors.slice(0, SHOWN).flatMap((item) => item.fingerprint ?? []);
  const [first, ...more] = new Set(shown);
  if (first !== undefined) {
    const which = more.length === 0 ? "" : ` (others: ${more.join(", ")})`;
    lines.push(`muxi-git: if this is not a secret: ${block.acceptCommand} ${first} --reason 'why'${which}`);
  }
  lines.push(...formatFixes(errors.slice(0, SHOWN).map((item) => item.fix)));
  return lines;
}

/** What a hand must do is said before the command that ends it; each line after `fix:` can be run as it stands. */
function formatFixes(fixes: readonly string[]): string[] {
  const steps = new Map<string, Set<string>>();
  const split = fixes.map(splitFix);
  const moved = split.flatMap(({ command }) => movedFingerprint(command) ?? []);
  for (const { step, command: alone } of split) {
    const command = movedFingerprint(alone) === null ? alone : tool(`fix ${[...new Set(moved)].join(" ")}`);
    const before = steps.get(command) ?? new Set();
    if (step !== null) before.add(step);
    steps.set(command, before);
  }
  return [...steps].flatMap(([command, before]) => [
    ...[...before].map((step) => `muxi-git: by hand: ${escapeText(step)}`),
    // A command has no unsafe character left in its words, see shellQuote.
    `muxi-git: fix: ${escapeText(command)}`,
  ]);
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
