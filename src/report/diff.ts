/**
 * The report of `diff`: text for a terminal, markdown for a pull request, JSON
 * for machines, annotations for GitHub, code quality for GitLab. Names, never
 * values; and names are a repository's own, so none of them can end a line, a
 * cell or a code span, mention somebody or be read as a command.
 */
import { sha256 } from "../builtin.ts";
import { escapeText, formatJson } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { isUserCredential, normalizeName } from "../formation/names.ts";
import type { Severity } from "../formation/problem.ts";
import type { FormationReview, KeyReport, Loosening, PlacedReference, Review } from "../formation/review.ts";
import type { Style } from "../terminal.ts";
import { count, placeOf } from "./block.ts";
import { annotation } from "./github.ts";

export interface DiffReport extends Review {
  /** Oid of a commit or of the empty tree. */
  base: string;
  /** The same, or `working tree`. */
  head: string;
}

/** Places that are shown of one name. */
const PLACES = 3;

const KEY_TEXT: Record<KeyReport, string> = {
  opened: "opened",
  none: "no secrets.enc",
  "no-key": "no key here",
  "wrong-key": "the key here does not open it",
  damaged: "damaged",
  "not-encrypted": "not encrypted",
  unread: "it cannot be read here",
};

/** A folder as one can type it, and no line begins with a sign that means something to a runner. */
function folder(path: string): string {
  return path === "" ? "." : /^\s*[-:#]/.test(path) ? `./${path}` : path;
}

/** What happened to the formation as a whole, one phrase each. */
function headlines(review: FormationReview): string[] {
  const lines: string[] = [];
  if (review.formation === "added") lines.push("new formation");
  if (review.formation === "removed") lines.push("formation removed");
  if (review.rekeyed === true) lines.push(rekeyedPhrase(review));
  const silent = review.exact && review.encryptedChanged && changesOf(review).length === 0;
  if (silent && review.formation !== "added" && review.formation !== "removed")
    lines.push(review.rekeyed === true ? "no value changed" : "secrets.enc was written anew, no value changed");
  return lines;
}

function rekeyedPhrase({ exact }: FormationReview): string {
  return exact ? "encrypted with another key" : "encrypted with another key, or damaged";
}

/** What could not be known, one sentence each. */
function unknowns(review: FormationReview): string[] {
  const { formation, keys } = review;
  const lines: string[] = [];
  if (isByTemplate(review)) {
    const [before, now] = [keys.base, keys.head].map((key) =>
      key === "opened" || key === "none" ? "" : KEY_TEXT[key],
    );
    const why = before === now ? now : [before && `before: ${before}`, now && `now: ${now}`].filter(Boolean).join(", ");
    const what =
      formation === "added" || formation === "removed"
        ? "what secrets.enc holds is not known"
        : "secrets.enc changed; which names in it did is not known";
    lines.push(`${what} (${why})`);
  }
  for (const path of review.unread) {
    if (!path.endsWith("secrets.enc")) lines.push(`not compared, since it cannot be read here: ${path}`);
  }
  return lines;
}

function isByTemplate({ exact, encryptedChanged }: FormationReview): boolean {
  return !exact && encryptedChanged;
}

interface Change {
  what: "added" | "removed" | "changed" | "renamed";
  name: string;
  to?: string;
  /** Where the newer version references it. */
  uses: PlacedReference[];
  /** It is gone, and still referenced. */
  inUse: boolean;
  /** It is there, and no file of the formation references it. */
  unused: boolean;
}

/** The references of each name, which is written as MUXI looks it up. */
function usesByName({ uses }: FormationReview): Map<string, PlacedReference[]> {
  const byName = new Map<string, PlacedReference[]>();
  for (const place of uses) {
    const places = byName.get(place.name);
    if (places === undefined) byName.set(place.name, [place]);
    else places.push(place);
  }
  return byName;
}

function changesOf(review: FormationReview): Change[] {
  const usesOf = usesByName(review);
  const gone = new Set(review.removedInUse);
  const change = (what: Change["what"], name: string, to?: string): Change => {
    const inUse = gone.has(name);
    const referenced = normalizeName(inUse ? name : (to ?? name));
    const uses = usesOf.get(referenced) ?? [];
    const unused = uses.length === 0 && what !== "removed" && !isUserCredential(referenced);
    return { what, name, ...(to !== undefined && { to }), uses, inUse, unused };
  };
  return [
    ...review.added.map((name) => change("added", name)),
    ...review.removed.map((name) => change("removed", name)),
    ...(review.changed ?? []).map((name) => change("changed", name)),
    ...review.renamed.map(({ from, to }) => change("renamed", from, to)),
  ];
}

/** Changes of template and references that neither the names nor the problems tell already. */
function beside(review: FormationReview): { what: string; items: string[] }[] {
  const told = new Set(changesOf(review).flatMap(({ name, to }) => [name, to]));
  const wrong = new Set(review.problems.map((problem) => `${problem.name} ${placeOf(problem)}`));
  const names = (list: readonly string[]) => list.filter((name) => !told.has(name));
  const places = (list: readonly PlacedReference[]) =>
    list
      .filter((place) => !told.has(place.name) && !wrong.has(`${place.name} ${placeOf(place)}`))
      .map((place) => `${place.name} at ${withinFolder(review, place.path)}:${place.line}`);
  return [
    { what: "template: added", items: names(review.template.added) },
    { what: "template: removed", items: names(review.template.removed) },
    { what: "references: added", items: places(review.references.added) },
    { what: "references: removed", items: places(review.references.removed) },
  ].filter(({ items }) => items.length > 0);
}

/** As much of a list as is shown, and how much is not. */
function shortened(items: readonly string[], most: number): string {
  const shown = items.slice(0, most).join(", ");
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}

/** Of a name that is gone. */
function stillUsed(what: Change["what"]): string {
  return what === "renamed" ? "the old name is still used" : "still used";
}

const NOT_REFERENCED = "not referenced";
/** Said once, below all. */
const NAMES_OF_TEMPLATE = "where secrets.enc was not opened, names are those of the template";

const SIGN = { added: "+", removed: "-", changed: "~", renamed: ">" } as const;

/** Names and places that one line beside the names lists. */
const LISTED = 10;

/** @returns lines; none where nothing differs. */
export function formatDiffText({ formations, loosened }: DiffReport, style: Style): string[] {
  const lines: string[] = [];
  for (const review of formations) {
    const moved = review.movedFrom === null ? [] : [`moved from ${folder(review.movedFrom)}`];
    const heads = [...moved, ...headlines(review)].map(escapeText).join(", ");
    lines.push(`${style.bold(escapeText(folder(review.path)))}${heads === "" ? "" : `: ${style.yellow(heads)}`}`);
    for (const { what, name, to, uses, inUse, unused } of changesOf(review)) {
      const paint = what === "added" ? style.green : what === "removed" ? style.red : style.yellow;
      const shown = to === undefined ? escapeText(name) : `${escapeText(name)} is now ${escapeText(to)}`;
      const places = unused ? NOT_REFERENCED : shortened(uses.map(placeOf), PLACES);
      const used = inUse ? style.red(`${stillUsed(what)}: ${places}`) : style.dim(places);
      lines.push(`  ${paint(SIGN[what])} ${shown}${places === "" ? "" : `  ${used}`}`);
    }
    for (const line of unknowns(review)) lines.push(`  ? ${escapeText(line)}`);
    for (const { what, items } of beside(review))
      lines.push(`  ${style.dim(`${what} ${shortened(items.map(escapeText), LISTED)}`)}`);
    for (const problem of review.problems)
      lines.push(`  ! ${placeOf(problem)}  ${problem.code}: ${escapeText(problem.message)}`);
  }
  if (formations.some(isByTemplate)) lines.push(style.dim(NAMES_OF_TEMPLATE));
  if (loosened.length > 0) lines.push(style.yellow("loosened"));
  for (const one of loosened) lines.push(`  ! ${placeOf(one)}  ${escapeText(one.message)}`);
  return lines;
}

// ---- markdown

/** GitHub's and GitLab's markdown: nothing in the text can end the span, and inside it nothing has a meaning. */
export function code(text: string): string {
  const shown = escapeText(text);
  if (shown.trim() === "") return "(blank)";
  const fence = "`".repeat(Math.max(0, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
  const pad = /^[` ]|[` ]$/.test(shown) ? " " : "";
  return `${fence}${pad}${shown}${pad}${fence}`;
}

/** A table's cell ends at a bar even inside code, and an escaped bar does not survive a backslash before it. */
function cell(text: string): string {
  return text.replaceAll("|", "\\x7c");
}

/** A message of ours. What it quotes is code; where anything else in it could be markup, all of it is. */
export function prose(text: string): string {
  // "its owner's" quotes nothing.
  const parts = text.split(/(?<![A-Za-z])'([^']*)'(?![A-Za-z])/);
  const isPlain = parts.every(
    (part, at) =>
      at % 2 === 1 || (/^(?:[A-Za-z0-9 ,.;:()-]|(?<=[A-Za-z])'(?=[A-Za-z]))*$/.test(part) && !/www\./i.test(part)),
  );
  return isPlain ? parts.map((part, at) => (at % 2 === 1 ? code(part) : part)).join("") : code(text);
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function bold(text: string): string {
  return `**${text}**`;
}

/**
 * @param room - bytes that it may take: 1 MiB of GitHub's step summary, 65,536 characters of a comment. Whole
 * formations are left out beyond it, and that is said.
 * @returns lines, never none.
 */
export function formatDiffMarkdown(report: DiffReport, room = Number.POSITIVE_INFINITY): string[] {
  const lines = [`### Secrets: ${summaryOf(report)}`, ...markdownOfLoosened(report.loosened)];
  let left = room - bytesOf(lines) - 200;
  let hidden = 0;
  for (const review of report.formations) {
    const section = markdownOf(review);
    const size = bytesOf(section);
    if (hidden > 0 || size > left) hidden += 1;
    else lines.push(...section);
    left -= size;
  }
  if (report.formations.some(isByTemplate)) lines.push("", `${sentence(NAMES_OF_TEMPLATE)}.`);
  if (hidden > 0) lines.push("", `${count(hidden, "more formation")} are not shown here.`);
  return lines;
}

export function bytesOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
}

/** Loosenings that one list shows. */
const LOOSENED = 20;

function markdownOfLoosened(loosened: readonly Loosening[]): string[] {
  if (loosened.length === 0) return [];
  const lines = loosened.slice(0, LOOSENED).map((one) => `- ${code(placeOf(one))}: ${prose(one.message)}`);
  if (loosened.length > LOOSENED) lines.push(`- and ${loosened.length - LOOSENED} more`);
  return ["", bold("Loosened by this change"), "", ...lines];
}

function markdownOf(review: FormationReview): string[] {
  const heads = headlines(review);
  if (review.movedFrom !== null) heads.unshift(`moved from ${code(folder(review.movedFrom))}`);
  const lines = ["", `#### ${code(folder(review.path))}${heads.length === 0 ? "" : `: ${heads.join(", ")}`}`];
  const rows = changesOf(review).map(({ what, name, to, uses, inUse, unused }) => {
    const places = shortened(
      uses.map((place) => code(`${withinFolder(review, place.path)}:${place.line}`)),
      PLACES,
    );
    const names = to === undefined ? code(name) : `${code(name)} → ${code(to)}`;
    const used = inUse ? `${bold(stillUsed(what))}: ${places}` : unused ? NOT_REFERENCED : places;
    return `| ${what} | ${cell(names)} | ${cell(used)} |`;
  });
  if (rows.length > 0) lines.push("", "| | name | used in |", "|---|---|---|", ...rows);
  const notes = [
    ...beside(review).map(({ what, items }) => `- ${what} ${shortened(items.map(code), LISTED)}`),
    ...review.problems.map((one) => {
      const at = placeOf({ ...one, path: withinFolder(review, one.path) });
      return `- ${bold(one.severity)} ${code(at)}: ${prose(one.message)}`;
    }),
  ];
  if (notes.length > 0) lines.push("", ...notes);
  for (const line of unknowns(review)) lines.push("", `> ${prose(line)}`);
  return lines;
}

/** Of the older version of a moved formation too. */
function withinFolder({ path: now, movedFrom }: FormationReview, path: string): string {
  const from = [now, movedFrom].find((one) => one !== null && path.startsWith(`${one}/`));
  return from == null ? path : path.slice(from.length + 1);
}

/** `2 formations differ, 1 problem, 3 loosenings`. */
function summaryOf({ formations, loosened }: Review): string {
  if (formations.length + loosened.length === 0) return "nothing changed";
  const problems = formations.reduce((sum, { problems: list }) => sum + list.length, 0);
  const parts = [formations.length === 1 ? "1 formation differs" : `${formations.length} formations differ`];
  if (problems > 0) parts.push(count(problems, "problem"));
  if (loosened.length > 0) parts.push(count(loosened.length, "loosening"));
  return parts.join(", ");
}

// ---- machines

export function formatDiffJson({ base, head, formations, loosened }: DiffReport): string {
  return formatJson({ schemaVersion: 1, base, head, formations, loosened }, 2);
}

/** Something to look at, where it stands. */
interface Point {
  severity: Severity;
  /** A problem's code, or a word of `--fail-on`. */
  code: string;
  path: string;
  line?: number;
  message: string;
}

function placed({ path, line }: PlacedReference): { path: string; line: number } {
  return { path, line };
}

const WEIGHT = { error: 0, warning: 1, note: 2 } as const;

/** The worst first. */
function pointsOf({ formations, loosened }: Review): Point[] {
  const points = formations.flatMap((review): Point[] => {
    const path = fileIn(review.path, "secrets.enc");
    const gone = new Set(review.removedInUse);
    const usesOf = usesByName(review);
    const changes = changesOf(review);
    const parts = (["added", "removed", "changed", "renamed"] as const).flatMap((what) => {
      const names = changes.filter((change) => change.what === what);
      const shown = names.map(({ name, to }) => (to === undefined ? `'${name}'` : `'${name}' to '${to}'`));
      return names.length === 0 ? [] : [`${what} ${shortened(shown, LISTED)}`];
    });
    const heads = headlines(review).filter((phrase) => phrase !== rekeyedPhrase(review));
    const told = [...heads, ...parts, ...unknowns(review)];
    return [
      ...review.removedInUse.map((name): Point => {
        const use = usesOf.get(normalizeName(name))?.[0];
        const message = `'${name}' is referenced here and was removed`;
        return { severity: "error", code: "removed-in-use", path, ...(use !== undefined && placed(use)), message };
      }),
      // Said already, at the same place.
      ...review.problems.filter(
        ({ code: problem, name }) => name === undefined || !gone.has(name) || !problem.startsWith("reference-"),
      ),
      ...(review.rekeyed === true
        ? [{ severity: "warning", code: "rekeyed", path, message: rekeyedPhrase(review) } as const]
        : []),
      ...(told.length === 0 ? [] : [{ severity: "note", code: "secrets", path, message: told.join("; ") } as const]),
    ];
  });
  points.push(...loosened.map((one): Point => ({ ...one, severity: "warning", code: "loosened" })));
  return points.sort((a, b) => WEIGHT[a.severity] - WEIGHT[b.severity]);
}

/** Annotations that GitHub shows of one step and kind. */
const ANNOTATIONS = 10;

/** At most ten annotations, the worst first, and a line that counts. The rest is for the step's summary. */
export function formatDiffGithub(report: DiffReport): string[] {
  const points = pointsOf(report);
  const lines = points
    .slice(0, ANNOTATIONS)
    .map(({ severity, code: title, path, line, message }) =>
      annotation(severity, { file: path, ...(line !== undefined && { line: String(line) }), title }, message),
    );
  const more = points.length > ANNOTATIONS ? `, ${points.length - ANNOTATIONS} more in the summary` : "";
  return [...lines, `secrets: ${summaryOf(report)}${more}`];
}

const GITLAB_SEVERITY = { error: "major", warning: "minor", note: "info" } as const;

/** GitLab's code quality report: gitlab.ts says of what. Equal fingerprints are one issue, so a line that moves is no new one. */
export function formatDiffGitlab(report: DiffReport): string {
  const issues = pointsOf(report).map(({ severity, code: check, path, line, message }) => ({
    description: escapeText(`${check}: ${message}`),
    check_name: check,
    fingerprint: sha256([check, path, message].join("\0")).slice(0, 32),
    severity: GITLAB_SEVERITY[severity],
    location: { path, lines: { begin: line ?? 1 } },
  }));
  return formatJson(issues, 2);
}
