/**
 * Where a formation's files name secrets, by the grammar of MUXI's own readers.
 *
 * A reference is `${{`, white space, `secrets.NAME`, white space, `}}`, NAME of A-Z, 0-9 and `_`: the one form that the
 * runtime substitutes. White space is what Python's `\s` matches, line ends included. What looks like a reference and
 * is left in place as literal text, to be sent to a provider as if it were the key, is `never-substituted`: other case
 * in the name or in the word `secrets`, a hyphen, brackets, an expression, and a name such as `A__B` that no stored
 * name can equal. Other namespaces (`user.credentials`, `data`, `context`, `response`, `ui`, `env`) are none of ours.
 *
 * Comments. MUXI's command line drops each line whose first sign is `#`, its runtime parses YAML. A name must never be
 * called unreferenced while the runtime still substitutes it, so this follows the runtime where the two differ:
 * - YAML: comments of YAML are ignored, at a line's end too; `#` inside quotes or in the body of a block scalar is text.
 * - `.md` of sops/ and triggers/, which only the command line reads: lines that begin with `#` are ignored, headings
 *   included.
 * - SKILL.md, whose body only the runtime reads: headings count; comment lines of its front matter are ignored.
 *
 * empty: no references · huge: linear, every unit is looked at a bounded number of times · CRLF, BOM: line and column
 * are the same as with LF · truncated: an open `${{` is no reference · not UTF-8, UTF-16: the caller decodes.
 */
import { isPrintableName, normalizeName } from "./names.ts";
import { type Range, yamlLayout } from "./yaml-layout.ts";

export interface Reference {
  /** The name as MUXI would store it: OPENAI_API_KEY for `${{ secrets.openai_api_key }}`. */
  readonly name: string;
  /** The name as written, or `name` where what is written may be no name. Never the rest of an expression. */
  readonly raw: string;
  /** From 1, of the `$`. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  readonly kind: "reference" | "never-substituted";
  /** Why it is never substituted; completes "because …". */
  readonly reason?: string;
}

/**
 * Whether MUXI, in any version or mode, reads references from this file. A superset of what each of its readers reads.
 *
 * @param path - relative to the formation's folder.
 */
export function isReferenceFile(path: string): boolean {
  if (/(?:^|\/)(?:\.github|\.git|node_modules)\//.test(path)) return false;
  return (
    /^formation\.(?:afs|ya?ml)$/.test(path) ||
    /^(?:agents|mcps?|a2a|transformers)\/[^/]+\.(?:afs|ya?ml)$/.test(path) ||
    /^(?:sops|triggers)\/[^/]+\.md$/.test(path) ||
    /(?:^|\/)SKILL\.md$/.test(path)
  );
}

/** In the order of the text. */
export function findReferences(pathInFormation: string, text: string): Reference[] {
  const found: Reference[] = [];
  let first = text.indexOf("${{");
  if (first === -1) return found;
  const ignored = ignoredRanges(pathInFormation, text);
  let range = 0;
  let line = 1;
  let lineStart = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let newline = text.indexOf("\n");
  for (; first !== -1; first = text.indexOf("${{", first + 3)) {
    const match = matchReference(text, first + 3);
    if (match === null) continue;
    while (range < ignored.length && (ignored[range] as Range)[1] <= first) range += 1;
    if (range < ignored.length && (ignored[range] as Range)[0] <= first) continue;
    while (newline !== -1 && newline < first) {
      line += 1;
      lineStart = newline + 1;
      newline = text.indexOf("\n", lineStart);
    }
    found.push({ ...match, line, column: first - lineStart + 1 });
  }
  return found;
}

function ignoredRanges(path: string, text: string): Range[] {
  if (!path.endsWith(".md")) return yamlLayout(text).comments;
  if (!/(?:^|\/)SKILL\.md$/.test(path)) return hashLines(text, text.length);
  const opening = /^\uFEFF?---[ \t]*\r?\n/.exec(text);
  if (opening === null) return [];
  const closing = text.indexOf("\n---", opening[0].length - 1);
  return closing === -1 ? [] : hashLines(text, closing);
}

/** Lines whose first sign is `#`, up to `limit`. */
function hashLines(text: string, limit: number): Range[] {
  const lines: Range[] = [];
  for (let start = 0; start < limit; ) {
    const found = text.indexOf("\n", start);
    const end = found === -1 ? text.length : found;
    let at = start;
    while (at < end && (isSpace(text.charCodeAt(at)) || text.charCodeAt(at) === 0xfeff)) at += 1;
    if (text[at] === "#" && at < end) lines.push([start, end]);
    start = end + 1;
  }
  return lines;
}

type Match = Pick<Reference, "name" | "raw" | "kind" | "reason">;

/** How far an expression may go on after a name and still be shown as a broken reference. */
const MAX_TAIL = 200;
const MAX_NAME = 256;

/** What follows `${{` at `at`, where it is ours. */
function matchReference(text: string, at: number): Match | null {
  let here = skipSpace(text, at);
  const word = text.slice(here, here + 7);
  if (word.toLowerCase() !== "secrets") return null;
  here += 7;
  const dot = skipSpace(text, here);
  const sign = text[dot];
  if (sign === ".") {
    const nameAt = skipSpace(text, dot + 1);
    const nameEnd = runEnd(text, nameAt, isNameUnit);
    const raw = text.slice(nameAt, nameEnd);
    const close = skipSpace(text, nameEnd);
    if (raw === "" || raw.length > MAX_NAME) return null;
    if (text.startsWith("}}", close)) {
      if (word !== "secrets") return never(raw, "MUXI knows only the lower-case word 'secrets'");
      if (dot !== here || nameAt !== dot + 1) return never(raw, "a space stands beside the dot");
      if (!/^[A-Z0-9_]+$/.test(raw)) return never(raw, "MUXI substitutes names in upper case only");
      if (normalizeName(raw) !== raw) return never(raw, "MUXI stores no name with leading, trailing or doubled '_'");
      return { name: raw, raw, kind: "reference" };
    }
    const hyphenEnd = runEnd(text, nameEnd, isHyphenatedUnit);
    if (hyphenEnd > nameEnd && hyphenEnd - nameAt <= MAX_NAME && text.startsWith("}}", skipSpace(text, hyphenEnd))) {
      return never(text.slice(nameAt, hyphenEnd), "MUXI's names hold letters, digits and '_' only");
    }
    return closes(text, nameEnd) ? never(raw, "MUXI knows no expressions inside '${{ }}'") : null;
  }
  if (sign === "[") {
    const bracketed = /^\[\s{0,8}(["'])([A-Za-z0-9_-]{1,256})\1\s{0,8}\]/.exec(text.slice(dot, dot + 300));
    if (bracketed === null || !closes(text, dot)) return null;
    return never(bracketed[2] as string, "MUXI knows no brackets inside '${{ }}'");
  }
  return null;
}

function never(raw: string, reason: string): Match {
  // A value pasted where a name belongs must not travel on in a message.
  if (!isPrintableName(raw)) return { name: "", raw: "", kind: "never-substituted", reason };
  return { name: normalizeName(raw), raw, kind: "never-substituted", reason };
}

/** Whether `}}` comes on the same line, before any other brace and soon. */
function closes(text: string, from: number): boolean {
  const limit = Math.min(text.length, from + MAX_TAIL);
  for (let at = from; at < limit; at += 1) {
    const sign = text[at];
    if (sign === "\n" || sign === "{") return false;
    if (sign === "}") return text[at + 1] === "}";
  }
  return false;
}

function skipSpace(text: string, from: number): number {
  return runEnd(text, from, isSpace);
}

function runEnd(text: string, from: number, holds: (unit: number) => boolean): number {
  let at = from;
  while (at < text.length && holds(text.charCodeAt(at))) at += 1;
  return at;
}

function isNameUnit(unit: number): boolean {
  return (
    (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a) || unit === 0x5f
  );
}

function isHyphenatedUnit(unit: number): boolean {
  return isNameUnit(unit) || unit === 0x2d || unit === 0x2e;
}

/** Python's `\s`: what the runtime's expression allows. */
function isSpace(unit: number): boolean {
  if (unit <= 0x20) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d) || (unit >= 0x1c && unit <= 0x1f);
  if (unit < 0x80) return false;
  return (
    unit === 0x85 ||
    unit === 0xa0 ||
    unit === 0x1680 ||
    (unit >= 0x2000 && unit <= 0x200a) ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000
  );
}
