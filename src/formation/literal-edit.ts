/**
 * Puts a reference where a secret stands in a formation's file, and says what the secret is.
 *
 * The YAML library finds the scalar, so that the secret is what MUXI's readers take for it: quotes undone, escapes and
 * foldings resolved, the indentation of a block taken off. Only the secret's own characters are replaced, `Bearer `
 * before it and the host behind it stay, and so does every other byte of the file. Inside a flow collection a plain
 * scalar gets double quotes, since `{{` would open a mapping there. What comes out is read again: each scalar must be
 * what it was, the one apart; where that is not so, nothing is offered.
 *
 * A comment and Markdown are text without grammar: the characters are replaced as they stand.
 *
 * empty: nothing to replace · truncated, no valid YAML, a secret in the name of a field, more than
 * {@link LARGEST_EDITED} characters: refused, with the reason · CRLF, tabs, anchors, tags, comments: kept · a BOM:
 * the caller takes it off and puts it back · UTF-16, not UTF-8, binary: the caller refuses · a scalar whose tag is no
 * string: as text.
 */
import { isMap, isPair, isScalar, isSeq, parseAllDocuments, type Scalar, visit } from "yaml";
import { assignmentLines } from "../secrets/assignments.ts";
import { findLiterals, suggestName } from "./literals.ts";
import { isDescriptive, normalizeName } from "./names.ts";
import { isPlaceholder, parseTemplate, templateEntries } from "./template.ts";
import { type Range, yamlLayout } from "./yaml-layout.ts";

/** Of a formation's file, in characters; the library takes seconds for it. */
export const LARGEST_EDITED = 1024 * 1024;

/** A secret found in a text. */
export interface SecretPlace {
  /** The secret as MUXI reads it. */
  readonly value: string;
  /** What to call it where the field says so: one of a list of providers, or named like an environment variable. */
  readonly fieldName: string | null;
  /** What the fields around it would call it. */
  readonly pathName: string | null;
  /** The text with a reference to `name` in its place; null where that would change something else. */
  write(name: string): string | null;
}

/** `reason` completes "…: ". */
export type Found = { readonly place: SecretPlace } | { readonly reason: string };

/** Offsets of a line and column, both from 1, the column in UTF-16 units; past the end where there is no such place. */
export function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let at = 1; at < line; at += 1) {
    const end = text.indexOf("\n", start);
    if (end === -1) return text.length + 1;
    start = end + 1;
  }
  return start + column - 1;
}

/**
 * The secret that a finding points at.
 *
 * @param text - of the file, without BOM.
 * @param found - offsets that a scanner gave, end exclusive. It may know less than the whole of the secret: characters
 *   that go on with it belong to it, and in a field for a credential the whole value does.
 */
export function findSecret(pathInFormation: string, text: string, found: Range): Found {
  if (text.length > LARGEST_EDITED) return { reason: "the file is too large to be edited safely" };
  if (found[0] < 0 || found[1] > text.length || found[0] >= found[1]) return { reason: "the file was changed since" };
  const literal = findLiterals(pathInFormation, text).find(({ start, end }) => start <= found[0] && found[1] <= end);
  const near =
    literal === undefined ? wordAround(text, pemAround(text, found)) : ([literal.start, literal.end] as const);
  if (pathInFormation.endsWith(".md")) return asText(text, near);
  const before = readYaml(text);
  if ("errorAt" in before) return { reason: `it is no valid YAML (line ${lineOf(text, before.errorAt)})` };
  const held = before.scalars.find(({ range }) => range[0] <= near[0] && near[1] <= range[1]);
  if (held === undefined) {
    const inComment = yamlLayout(text).comments.some(([from, to]) => from <= near[0] && near[1] <= to);
    return inComment ? asText(text, near) : { reason: "it stands in no single value" };
  }
  if (held.isKey) return { reason: "it is the name of a field, and MUXI puts values in, no names" };
  // What runs over lines is all of its value: a scanner knows the body of a key, and not where its file ends.
  const [start, end] = text.slice(...near).includes("\n") ? contentOf(text, held) : near;
  if (text.slice(start, end).includes("${{")) return { reason: "part of the value is a reference already" };
  const value = readPart(text, start, end, held);
  if (value === null) return { reason: "it is written in a form that cannot be replaced safely" };
  const keys = keysOf(held);
  const last = keys.at(-1);
  const isProviders = keys.at(-2) === "api_keys";
  const isVariable = typeof last === "string" && /^[A-Z][A-Z0-9_]{2,}$/.test(last);
  const write = (name: string): string | null => {
    const after = withReference(text, start, end, held, reference(name));
    return changesOnly(before.scalars, after, held, value, reference(name)) ? after : null;
  };
  return {
    place: {
      value,
      fieldName: isVariable ? usable(last) : isProviders ? (literal?.suggestedName ?? null) : null,
      pathName:
        literal?.suggestedName ?? (typeof last === "string" ? usable(suggestName(pathInFormation, keys)) : null),
      write,
    },
  };
}

/**
 * The value on a line of a template. In its place goes nothing: what a template needs is the name. A comment stays
 * where it says what a placeholder may say.
 *
 * @param text - of the template, without BOM.
 * @param line - from 1.
 */
export function findTemplateValue(text: string, line: number): Found {
  const start = offsetOf(text, line, 1);
  const [entry] = templateEntries(parseTemplate(text)).filter((one) => one.line === line);
  const end = text.indexOf("\n", start);
  const whole = text.slice(start, end === -1 ? text.length : end).replace(/\r$/, "");
  const equals = whole.indexOf("=");
  if (entry === undefined || equals === -1) return { reason: "it is no NAME=value line" };
  const read = (line: string) => [...assignmentLines(line)][0]?.assignment ?? { value: entry.value, quote: "" };
  const { value, quote } = read(whole);
  if (quote === "" && /^["'`]/.test(value)) return { reason: "its value runs over several lines" };
  const comment = /[ \t]#[ \t].*$/.exec(whole.slice(equals + 1))?.[0] ?? "";
  const isComment = read(whole.slice(0, whole.length - comment.length)).value === value;
  const kept = isComment && isPlaceholder(comment, entry.name) ? comment : "";
  const from = start + equals + 1;
  return {
    place: {
      value,
      fieldName: normalizeName(entry.name),
      pathName: null,
      write: () => splice(text, from, start + whole.length, kept),
    },
  };
}

function reference(name: string): string {
  return `\${{ secrets.${name} }}`;
}

function splice(text: string, start: number, end: number, by: string): string {
  return text.slice(0, start) + by + text.slice(end);
}

/** A comment, or Markdown. */
function asText(text: string, [start, end]: Range): Found {
  const value = text.slice(start, end);
  if (value.includes("${{")) return { reason: "part of the value is a reference already" };
  const write = (name: string) => splice(text, start, end, reference(name));
  return { place: { value, fieldName: null, pathName: null, write } };
}

/** From BEGIN to END of a PEM text, where a rule found what stands between; line ends may be written `\n`. */
function pemAround(text: string, found: Range): Range {
  const begin = text.lastIndexOf("-----BEGIN ", found[1]);
  if (begin === -1) return found;
  PEM_END.lastIndex = begin;
  const end = PEM_END.exec(text);
  return end !== null && end.index + end[0].length > found[0] && end.index >= found[0]
    ? [Math.min(begin, found[0]), Math.max(end.index + end[0].length, found[1])]
    : found;
}

const PEM_END = /-----END [A-Z0-9 ]{1,60}-----/g;

function wordAround(text: string, [from, to]: Range): Range {
  let start = from;
  let end = to;
  while (start > 0 && isWord(text.charAt(start - 1))) start -= 1;
  while (end < text.length && isWord(text.charAt(end))) end += 1;
  // `\n`, `\x3d`: the letters of an escape are no part of the word.
  const escaped = text[start - 1] === "\\" ? ESCAPE.exec(text.slice(start, from)) : null;
  return [start + (escaped?.[0].length ?? 0), end];
}

const ESCAPE = /^(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[A-Za-z0-9])/;

function isWord(sign: string): boolean {
  return /[A-Za-z0-9_-]/.test(sign);
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

// ---- YAML

interface HeldScalar {
  /** Of its source, quotes or block header included. */
  readonly range: Range;
  readonly type: Scalar.Type;
  /** As a string, whatever its tag. */
  readonly source: string;
  readonly isKey: boolean;
  readonly inFlow: boolean;
  /** Its place among its parent's, or "key" or "value" of a pair. */
  readonly at: unknown;
  /** Outermost first. */
  readonly above: readonly unknown[];
}

/** Every scalar in the order of the text, or where the first error stands. The library's own messages quote the text. */
function readYaml(text: string): { scalars: HeldScalar[] } | { errorAt: number } {
  // Failsafe: a value is the string that stands there. Not strict: MUXI's readers close brackets at any column.
  const documents = parseAllDocuments(text, {
    schema: "failsafe",
    strict: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  const scalars: HeldScalar[] = [];
  for (const document of documents) {
    const [error] = document.errors;
    if (error !== undefined) return { errorAt: error.pos[0] };
    visit(document, {
      Scalar(key, node, path) {
        const { range, type } = node;
        if (range == null || type === undefined) return;
        scalars.push({
          range: [range[0], range[1]],
          type: type as Scalar.Type,
          source: node.source ?? String(node.value),
          isKey: key === "key",
          inFlow: path.some((above) => (isMap(above) || isSeq(above)) && above.flow === true),
          at: key,
          above: path,
        });
      },
    });
  }
  return { scalars };
}

function keysOf({ at, above }: HeldScalar): (string | number)[] {
  const keys: (string | number)[] = [];
  for (const [depth, node] of above.entries()) {
    if (isPair(node)) {
      keys.push(isScalar(node.key) ? (node.key.source ?? String(node.key.value)) : "");
    } else if (isSeq(node)) {
      keys.push(depth + 1 === above.length ? Number(at) : node.items.indexOf(above[depth + 1]));
    }
  }
  return keys;
}

/** Where the characters of a scalar stand: without quotes, block header, and white space around a block's text. */
function contentOf(text: string, { type, range: [from, to] }: HeldScalar): Range {
  if (type === "QUOTE_DOUBLE" || type === "QUOTE_SINGLE") return [from + 1, to - 1];
  if (type === "PLAIN") return [from, to];
  const header = text.indexOf("\n", from) + 1;
  const body = text.slice(header, to);
  return [header + body.length - body.trimStart().length, header + body.trimEnd().length];
}

/** The characters of a part of a scalar as a reader gets them. */
function readPart(text: string, start: number, end: number, held: HeldScalar): string | null {
  const { type, source } = held;
  const [from, to] = contentOf(text, held);
  if (start === from && end === to) return type.startsWith("BLOCK") ? source.trim() : source;
  const slice = text.slice(start, end);
  switch (type) {
    case "QUOTE_DOUBLE":
    case "QUOTE_SINGLE": {
      const quote = type === "QUOTE_DOUBLE" ? '"' : "'";
      const read = readYaml(`${quote}${slice}${quote}`);
      return "errorAt" in read || read.scalars.length !== 1 ? null : (read.scalars[0] as HeldScalar).source;
    }
    case "BLOCK_LITERAL": {
      const indent = /^ */.exec(text.slice(text.lastIndexOf("\n", start - 1) + 1))?.[0].length ?? 0;
      return slice
        .split(/\r?\n/)
        .map((line, at) => (at === 0 ? line : line.replace(new RegExp(`^ {0,${indent}}`), "")))
        .join("\n");
    }
    default:
      return slice.includes("\n") ? null : slice;
  }
}

function withReference(text: string, start: number, end: number, held: HeldScalar, by: string): string {
  if (held.type !== "PLAIN" || !held.inFlow) return splice(text, start, end, by);
  const [from, to] = held.range;
  const escaped = (part: string) => part.replace(/[\\"]/g, "\\$&");
  return splice(text, from, to, `"${escaped(text.slice(from, start))}${by}${escaped(text.slice(end, to))}"`);
}

/** Whether `after` reads as before, but for the one scalar, and that one but for the value. */
function changesOnly(
  before: readonly HeldScalar[],
  after: string,
  held: HeldScalar,
  value: string,
  by: string,
): boolean {
  const read = readYaml(after);
  if ("errorAt" in read || read.scalars.length !== before.length) return false;
  return before.every((old, at) => {
    const now = read.scalars[at] as HeldScalar;
    if (now.isKey !== old.isKey || now.above.length !== old.above.length) return false;
    if (old !== held) return now.source === old.source;
    const place = now.source.indexOf(by);
    return place !== -1 && splice(now.source, place, place + by.length, value) === old.source;
  });
}

// ---- names

function usable(raw: string): string | null {
  const name = normalizeName(raw);
  return name.length <= 64 && isDescriptive(name) ? name : null;
}

/**
 * What to call the credential that a rule found by its own form: `groq-key` is GROQ_API_KEY, `slack-webhook`
 * SLACK_WEBHOOK.
 *
 * @param rule - of a rule that knows the provider.
 */
export function nameOfRule(rule: string): string {
  const subject = rule.replace(/-(?:own|legacy|project|realtime|live|fine-grained|md|v\d)(?=-)/g, "");
  const isOtherKey = /(?:^|-)(?:access|account|agent|api|hmac|insert|license|master|private|sdk|secret|user)-key$/;
  return normalizeName(isOtherKey.test(subject) ? subject : subject.replace(/-key$/, "-api-key"));
}

/** `name`, or the first of NAME_2, NAME_3 … that is not taken. */
export function freeName(name: string, isTaken: (name: string) => boolean): string {
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? name : `${name}_${number}`;
    if (!isTaken(candidate)) return candidate;
  }
}
