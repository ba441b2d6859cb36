/**
 * The template: the file `secrets` beside a formation file, NAME= lines that say which secrets a formation needs.
 *
 * Grammar, as MUXI's GetTemplateKeys reads it: lines end with LF; white space around a line does not count; blank lines
 * and lines that begin with `#` say nothing; the name is what stands before the first `=`, trimmed; a line without `=`
 * is a name; a line that begins with `=` is skipped; names may stand twice. `export NAME=` is a habit of shells and
 * dotenv: to MUXI it is the name `export NAME`; here it is NAME with `exported` set, so that a check can say so.
 *
 * Reading loses nothing: comments, blank lines, order, line ends and a BOM come back byte for byte, because MUXI's own
 * writers drop them and a person's notes are worth keeping.
 *
 * empty: no lines · huge: linear · truncated: the last line has no line end, as any file may · CRLF, mixed: each line
 * keeps its end · BOM: kept, no part of a name · UTF-16, not UTF-8, binary: {@link decodeTemplate} says so.
 */
import { isUtf8 } from "node:buffer";
import { compareUtf8, decodeText } from "../secrets/text.ts";
import { isPrintableName, normalizeName } from "./names.ts";

export { isPlaceholder, isSetting } from "./placeholder.ts";

export interface TemplateLine {
  /** Without its line end and without BOM. */
  readonly text: string;
  readonly end: "\n" | "\r\n" | "";
}

export interface Template {
  readonly bom: boolean;
  readonly lines: readonly TemplateLine[];
}

export interface TemplateEntry {
  /** As written, not normalised. */
  readonly name: string;
  /** As written after the first `=`, trimmed; `""` for a bare name. Secret until proved a placeholder. */
  readonly value: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units: where the name stands. */
  readonly column: number;
  /** Where the value stands. */
  readonly valueColumn: number;
  readonly exported: boolean;
  /** False for a line without `=`. */
  readonly assigned: boolean;
}

/** A template's text, or why MUXI cannot read it. `text` stands with a problem too where the bytes show one. */
export interface DecodedTemplate {
  readonly text: string | null;
  /** Completes "the template …". */
  readonly problem?: string;
}

export function decodeTemplate(bytes: Uint8Array): DecodedTemplate {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (isUtf8(buffer) && !buffer.includes(0)) return { text: buffer.toString("utf8") };
  const utf16 = isUtf8(buffer) && !hasZeroInFirstUnit(buffer) ? null : decodeText(buffer);
  if (utf16 !== null) return { text: utf16, problem: "is UTF-16, and MUXI reads UTF-8" };
  if (buffer.includes(0)) return { text: null, problem: "is not text" };
  // Windows-1252 or the like: a name is ASCII, so lines can still be judged.
  return { text: buffer.toString("latin1"), problem: "is not UTF-8" };
}

function hasZeroInFirstUnit(buffer: Buffer): boolean {
  return buffer.length > 1 && (buffer[0] === 0 || buffer[1] === 0);
}

export function parseTemplate(text: string): Template {
  const bom = text.charCodeAt(0) === 0xfeff;
  const lines: TemplateLine[] = [];
  for (let start = bom ? 1 : 0; start < text.length; ) {
    const found = text.indexOf("\n", start);
    if (found === -1) {
      lines.push({ text: text.slice(start), end: "" });
      break;
    }
    const crlf = found > start && text[found - 1] === "\r";
    lines.push({ text: text.slice(start, crlf ? found - 1 : found), end: crlf ? "\r\n" : "\n" });
    start = found + 1;
  }
  return { bom, lines };
}

/** The exact inverse of {@link parseTemplate}. */
export function formatTemplate(template: Template): string {
  let text = template.bom ? "\uFEFF" : "";
  for (const line of template.lines) text += line.text + line.end;
  return text;
}

/** In the order of the file, duplicates included; conflict markers are no entries. */
export function templateEntries(template: Template): TemplateEntry[] {
  const entries: TemplateEntry[] = [];
  template.lines.forEach(({ text }, at) => {
    const trimmed = text.trim();
    if (trimmed === "" || trimmed.startsWith("#") || isConflictMarker(text)) return;
    const equals = text.indexOf("=");
    let left = (equals === -1 ? text : text.slice(0, equals)).trimEnd();
    let column = left.length - left.trimStart().length + 1;
    left = left.trim();
    const exported = /^export\s+/.exec(left);
    if (exported !== null) {
      column += exported[0].length;
      left = left.slice(exported[0].length);
    }
    if (left === "") return;
    const right = equals === -1 ? "" : text.slice(equals + 1);
    entries.push({
      name: left,
      value: right.trim(),
      line: at + 1,
      column,
      valueColumn: equals === -1 ? column : equals + 2 + (right.length - right.trimStart().length),
      exported: exported !== null,
      assigned: equals !== -1,
    });
  });
  return entries;
}

/** First entry of each name as MUXI stores it; a line that is no name, a pasted value say, is none. */
export function entriesByName(entries: readonly TemplateEntry[]): Map<string, TemplateEntry> {
  const byName = new Map<string, TemplateEntry>();
  for (const entry of entries) {
    const name = normalizeName(entry.name);
    if (isPrintableName(entry.name) && name !== "" && !byName.has(name)) byName.set(name, entry);
  }
  return byName;
}

/** Without the lines of `names` (as MUXI stores them), however these write them. All else stays, comments too. */
export function removeNames(template: Template, names: Iterable<string>): Template {
  const gone = new Set(names);
  const lines = new Set(
    templateEntries(template)
      .filter((entry) => gone.has(normalizeName(entry.name)))
      .map((entry) => entry.line),
  );
  return lines.size === 0 ? template : { ...template, lines: template.lines.filter((_, at) => !lines.has(at + 1)) };
}

/**
 * Append `NAME=` for each of `names` that no entry has, sorted by UTF-8 bytes. Every line there stays as it is, except
 * that a last line without line end gets one; the line end is the file's first, LF where it has none.
 */
export function addNames(template: Template, names: Iterable<string>): Template {
  const held = new Set(
    templateEntries(template)
      .filter((entry) => !entry.exported)
      .map((entry) => entry.name),
  );
  const missing = [...new Set(names)].filter((name) => name !== "" && !held.has(name)).sort(compareUtf8);
  if (missing.length === 0) return template;
  const end = template.lines.find((line) => line.end !== "")?.end || "\n";
  const lines = [...template.lines];
  const last = lines.at(-1);
  if (last !== undefined && last.end === "") lines[lines.length - 1] = { text: last.text, end };
  for (const name of missing) lines.push({ text: `${name}=`, end });
  return { bom: template.bom, lines };
}

/** Lines that a merge left, from 1; empty where a `=======` stands alone, as people underline titles so. */
export function conflictMarkerLines(template: Template): number[] {
  const marked = template.lines.flatMap(({ text }, at) => (isConflictMarker(text) ? [at + 1] : []));
  return marked.some((line) => !template.lines[line - 1]?.text.startsWith("=")) ? marked : [];
}

function isConflictMarker(text: string): boolean {
  return /^(?:<{7}|>{7}|\|{7}|={7})(?: |\r?$)/.test(text);
}
