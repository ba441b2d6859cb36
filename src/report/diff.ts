/** The report of `diff`: text for a terminal, markdown for a pull request, JSON for machines. Names, never values. */

import { escapeText, formatJson } from "../escape.ts";
import type { FormationReview, KeyReport, PlacedReference } from "../formation/review.ts";
import type { Style } from "../terminal.ts";
import { placeOf } from "./block.ts";

export interface DiffSides {
  base: string;
  head: string;
}

const KEY_TEXT: Record<KeyReport, string> = {
  opened: "opened",
  none: "no secrets.enc",
  "no-key": "no key here",
  "wrong-key": "the key here does not open it",
  damaged: "damaged",
  "not-encrypted": "not encrypted",
};

function title(review: FormationReview): string {
  return review.path === "" ? "." : review.path;
}

/** What could not be known, or null. */
function unknown(review: FormationReview): string | null {
  if (review.changed !== null) return null;
  const { base, head } = review.keys;
  const closed = [base, head].find((key) => key !== "opened" && key !== "none") ?? head;
  return `secrets.enc changed; which values changed is not known (${KEY_TEXT[closed]}): names are from template and references`;
}

/** One phrase a change, `+`, `-`, `~` and `>` in front. */
function changes(review: FormationReview): { sign: string; text: string }[] {
  const where = (name: string, places: readonly PlacedReference[]) => {
    const used = places.filter((place) => place.name === name);
    return used.length === 0 ? "" : ` (${used.slice(0, 3).map(placeOf).join(", ")})`;
  };
  return [
    ...review.added.map((name) => ({ sign: "+", text: `${escapeText(name)}${where(name, review.references.added)}` })),
    ...review.removed.map((name) => ({
      sign: "-",
      text: `${escapeText(name)}${where(name, review.references.removed)}`,
    })),
    ...(review.changed ?? []).map((name) => ({ sign: "~", text: escapeText(name) })),
    ...review.renamed.map(({ from, to }) => ({ sign: ">", text: `${escapeText(from)} is now ${escapeText(to)}` })),
  ];
}

/** Template and reference changes that the names above do not tell already. */
function beside(review: FormationReview): string[] {
  const told = new Set([...review.added, ...review.removed]);
  const rest = (names: readonly string[]) => names.filter((name) => !told.has(name)).map(escapeText);
  const lines: string[] = [];
  const [addedNames, removedNames] = [rest(review.template.added), rest(review.template.removed)];
  if (addedNames.length > 0) lines.push(`template: added ${addedNames.join(", ")}`);
  if (removedNames.length > 0) lines.push(`template: removed ${removedNames.join(", ")}`);
  const places = (list: readonly PlacedReference[]) =>
    list.filter(({ name }) => !told.has(name)).map((place) => `${escapeText(place.name)} at ${placeOf(place)}`);
  const [addedPlaces, removedPlaces] = [places(review.references.added), places(review.references.removed)];
  if (addedPlaces.length > 0) lines.push(`references: added ${addedPlaces.join(", ")}`);
  if (removedPlaces.length > 0) lines.push(`references: removed ${removedPlaces.join(", ")}`);
  return lines;
}

function headline(review: FormationReview): string {
  if (review.formation === "added") return "new formation";
  if (review.formation === "removed") return "formation removed";
  if (review.rekeyed === true) return "encrypted with another key";
  return "";
}

export function formatDiffText(reviews: readonly FormationReview[], style: Style): string[] {
  if (reviews.length === 0) return [];
  const lines: string[] = [];
  for (const review of reviews) {
    const head = headline(review);
    lines.push(`${style.bold(escapeText(title(review)))}${head === "" ? "" : `: ${style.yellow(head)}`}`);
    for (const { sign, text } of changes(review)) {
      const paint = sign === "+" ? style.green : sign === "-" ? style.red : style.yellow;
      lines.push(`  ${paint(sign)} ${text}`);
    }
    const notKnown = unknown(review);
    if (notKnown !== null) lines.push(`  ? ${notKnown}`);
    for (const line of beside(review)) lines.push(`  ${style.dim(line)}`);
    for (const problem of review.problems) {
      lines.push(`  ! ${placeOf(problem)}  ${problem.code}: ${escapeText(problem.message)}`);
    }
  }
  return lines;
}

/** GitHub's and GitLab's markdown: names are code, and nothing in a name can end it. */
function code(text: string): string {
  const shown = escapeText(text);
  const ticks = Math.max(0, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length)) + 1;
  const fence = "`".repeat(ticks);
  const pad = shown.startsWith("`") || shown.endsWith("`") ? " " : "";
  // A table cell ends at a bar even inside code.
  return `${fence}${pad}${shown}${pad}${fence}`.replaceAll("|", "\\|");
}

export function formatDiffMarkdown(reviews: readonly FormationReview[]): string[] {
  const lines = ["### Secrets"];
  if (reviews.length === 0) return [...lines, "", "No secret name changed."];
  for (const review of reviews) {
    const head = headline(review);
    lines.push("", `**${code(title(review))}**${head === "" ? "" : ` – ${head}`}`);
    const list = [
      ["added", review.added.map((name) => code(name) + usedAt(name, review.references.added))],
      ["removed", review.removed.map((name) => code(name) + usedAt(name, review.references.removed))],
      ["changed", (review.changed ?? []).map(code)],
      ["renamed", review.renamed.map(({ from, to }) => `${code(from)} → ${code(to)}`)],
    ] as const;
    const rows = list.filter(([, names]) => names.length > 0);
    if (rows.length > 0) {
      lines.push("", "| | names |", "|---|---|");
      for (const [what, names] of rows) lines.push(`| ${what} | ${names.join(", ")} |`);
    }
    const notKnown = unknown(review);
    if (notKnown !== null) lines.push("", `> ${notKnown}`);
    const extra = beside(review);
    if (extra.length > 0) lines.push("", ...extra.map((line) => `- ${code(line)}`));
    if (review.problems.length > 0) {
      lines.push("", ...review.problems.map((one) => `- **${one.code}** ${code(placeOf(one))} ${code(one.message)}`));
    }
  }
  return lines;
}

function usedAt(name: string, places: readonly PlacedReference[]): string {
  const used = places.filter((place) => place.name === name);
  return used.length === 0
    ? ""
    : ` (${used
        .slice(0, 3)
        .map((place) => code(placeOf(place)))
        .join(", ")})`;
}

export function formatDiffJson(sides: DiffSides, reviews: readonly FormationReview[]): string {
  return formatJson({ schemaVersion: 1, ...sides, formations: reviews }, 2);
}
