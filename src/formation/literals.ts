/**
 * Values written into a formation's YAML where a reference belongs.
 *
 * The fields are those in which MUXI expects a credential: `llm.api_keys.*`, `api_key` below llm and memory,
 * `server.api_keys.*`, what a mapping `auth` authenticates with, `memory.persistent.connection_string` with a password
 * in it, `rce.token`, the authorization headers, and the hash in `async.webhook_url`. A field's name decides, whatever its
 * value looks like: providers invent new shapes, and a self-made password has none. Not a literal: what holds `${{`,
 * a placeholder, a variable of the environment, `"local"`, null, a boolean, an alias.
 *
 * Reads the part of YAML 1.2 that formations are written in: block mappings and sequences, flow collections over any
 * number of lines, quoted scalars, quoted keys, anchors and tags, JSON. Bodies of block scalars are skipped. Text that is
 * no YAML gives some answer. Nothing recurses; collections nested deeper than {@link MAX_DEPTH} are skipped.
 *
 * empty: nothing · huge: linear · truncated: an open quote or bracket runs to the end · CRLF, tabs, BOM: no difference ·
 * not UTF-8, UTF-16: the caller decodes.
 */
import { sha256 } from "../builtin.ts";
import { normalizeName } from "./names.ts";
import { isPlaceholder, isSetting } from "./placeholder.ts";
import { isReferenceFile } from "./references.ts";
import { type Range, yamlLayout } from "./yaml-layout.ts";

export interface Literal {
  /** Where it stands: `llm.api_keys.openai`, `mcp.servers[0].auth.token`. */
  readonly path: string;
  /** From 1, of the secret's first character. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** Of the last line, where the value runs over several. */
  readonly endLine: number;
  /** Exclusive. */
  readonly endColumn: number;
  /** What to call it in secrets.enc. */
  readonly suggestedName: string;
  /** Offsets into the text, end exclusive, without quotes: where a reference would go. */
  readonly start: number;
  readonly end: number;
  /** SHA-256 of the value, hex. For identity inside one process; never printed. */
  readonly secretId: string;
}

const MAX_DEPTH = 64;

/** In the order of the text. Empty for a file that MUXI does not read as YAML. */
export function findLiterals(pathInFormation: string, text: string): Literal[] {
  if (!isReferenceFile(pathInFormation) || pathInFormation.endsWith(".md")) return [];
  const found: Literal[] = [];
  const lines = new Lines(text);
  readScalars(text, (keys, start, end) => {
    const range = literalRange(keys, text, start, end);
    if (range === null) return;
    const from = lines.at(range[0]);
    const to = lines.at(range[1]);
    found.push({
      path: showPath(keys),
      line: from.line,
      column: from.column,
      endLine: to.line,
      endColumn: to.column,
      suggestedName: suggestName(pathInFormation, keys),
      start: range[0],
      end: range[1],
      secretId: sha256(text.slice(range[0], range[1])),
    });
  });
  return found;
}

// ---- which fields

/** A number is a place in a sequence. */
type Keys = readonly (string | number)[];

/** What of `auth` tells how to authenticate, and not with what. */
const AUTH_SETTINGS =
  /^(?:type|mode|method|scheme|header|header_name|in|location|prefix|url|token_url|auth_url|scopes?|audience|region|accept_inline|enabled|id|name)$/;
const AUTH_SECRETS =
  /^(?:token|key|api_key|username|password|secret|client_secret|access_token|refresh_token|private_key)$/;

/** The range of the secret in a scalar, or null where the scalar is none. */
function literalRange(keys: Keys, text: string, start: number, end: number): Range | null {
  const names = keys.filter((key) => typeof key === "string");
  const last = names.at(-1);
  if (last === undefined || typeof keys.at(-1) === "number") return null;
  const top = names[0];
  const parent = names.at(-2);
  const value = text.slice(start, end);

  if (parent === "auth") {
    // Under `type: env` a key is the name of an environment variable; logging passes all of `auth` on.
    const isVariable = /^[A-Z][A-Z0-9_]*$/.test(last);
    if (!AUTH_SECRETS.test(last) && !isVariable && (top !== "logging" || AUTH_SETTINGS.test(last))) return null;
    if (isVariable && isSetting(last, value)) return null;
    return whole(value, last, start, end);
  }
  if (parent === "headers" && /^(?:proxy-)?authorization$|^x-api-key$|^api-key$/i.test(last)) {
    const scheme = /^(?:Bearer|Basic|Token|ApiKey)[ \t]{1,8}/i.exec(value)?.[0].length ?? 0;
    return whole(value.slice(scheme), last, start + scheme, end);
  }
  const isApiKey =
    (parent === "api_keys" && (names.at(-3) === "llm" || names.length === 2)) ||
    (top === "llm" && parent === "api_keys") ||
    (parent === "api_keys" && names.at(-3) === "server") ||
    (last === "api_key" && (top === "memory" || names.includes("llm") || parent === "models"));
  if (isApiKey) return whole(value, last, start, end);
  if (parent === "rce" && last === "token") return whole(value, last, start, end);
  if (last === "connection_string" && top === "memory") return passwordOf(value, start);
  if (last === "webhook_url" && parent === "async") return hashOf(value, start);
  return null;
}

function whole(value: string, name: string, start: number, end: number): Range | null {
  return isLiteral(value, name) ? [start, end] : null;
}

function isLiteral(value: string, name: string): boolean {
  const trimmed = value.trim();
  if (trimmed === "" || trimmed.includes("${{")) return false;
  if (/^(?:local|null|~|true|false|none)$/i.test(trimmed)) return false;
  return !isPlaceholder(trimmed, name);
}

/** The whole connection string belongs in secrets.enc, where it holds a user with a password. */
function passwordOf(value: string, start: number): Range | null {
  const match = /^([A-Za-z][A-Za-z0-9+.-]{1,32}:\/\/)([^\s/@:]{0,200}):([^\s/]{1,400})@/.exec(value);
  if (match === null) return null;
  return isLiteral(match[3] as string, "") && isLiteral(value, "") ? [start, start + value.length] : null;
}

function hashOf(value: string, start: number): Range | null {
  const match = /[?&](?:hash|token|secret|key|sig|signature)=([^&#\s]{1,500})/i.exec(value);
  if (match === null || !isLiteral(match[1] as string, "")) return null;
  const from = start + match.index + match[0].length - (match[1] as string).length;
  return [from, from + (match[1] as string).length];
}

function showPath(keys: Keys): string {
  let path = "";
  for (const key of keys) {
    if (typeof key === "number") path += `[${key}]`;
    else path += path === "" ? key : `.${key}`;
  }
  return path;
}

export function suggestName(file: string, keys: Keys): string {
  const names = keys.filter((key) => typeof key === "string");
  const last = names.at(-1) ?? "";
  const parent = names.at(-2);
  const stem = file.startsWith("formation.") ? "" : file.slice(file.lastIndexOf("/") + 1).replace(/\.[^.]*$/, "");
  if (parent === "api_keys") {
    return names.at(-3) === "server"
      ? normalizeName(`FORMATION_${last.replace(/_key$/, "")}_API_KEY`)
      : normalizeName(`${last}_API_KEY`);
  }
  if (parent === "auth" && /^[A-Z][A-Z0-9_]*$/.test(last)) return normalizeName(last);
  if (last === "connection_string") return "DATABASE_URL";
  if (last === "webhook_url") return "WEBHOOK_HASH";
  if (parent === "rce") return "RCE_TOKEN";
  const owner = stem.replace(/[-_]?mcp$/, "") || ownerOf(names);
  const what = /authorization/i.test(last) ? "token" : last;
  return normalizeName(`${owner}_${what}`);
}

/** The nearest key that is no part of the field's own name. */
function ownerOf(names: readonly string[]): string {
  for (const name of names.slice(0, -1).reverse()) {
    if (!/^(?:auth|headers|servers|models|settings|streams|persistent|llm)$/.test(name)) return name;
  }
  return names[0] ?? "";
}

// ---- YAML

type Take = (keys: Keys, start: number, end: number) => void;

interface Level {
  /** Column of the key, or of the dash. */
  readonly indent: number;
  readonly key: string | number;
}

/** Gives every scalar value with its keys; offsets are those of the text between its quotes. */
function readScalars(text: string, take: Take): void {
  const skipped = yamlLayout(text);
  const levels: Level[] = [];
  const keysNow = () => levels.map((level) => level.key);
  let block = 0;
  let comment = 0;
  // A key whose value may stand on the next line.
  let open = false;
  for (let start = text.charCodeAt(0) === 0xfeff ? 1 : 0; start < text.length; ) {
    const end = lineEnd(text, start);
    while (block < skipped.blocks.length && (skipped.blocks[block] as Range)[1] < start) block += 1;
    const body = skipped.blocks[block];
    if (body !== undefined && body[0] <= start && start <= body[1]) {
      open = false;
      start = end + 1;
      continue;
    }
    while (comment < skipped.comments.length && (skipped.comments[comment] as Range)[1] < start) comment += 1;
    const note = skipped.comments[comment];
    const stop = note !== undefined && note[0] >= start && note[0] < end ? note[0] : end;

    let at = skipBlank(text, start, stop);
    if (at >= stop || /^(?:---|\.\.\.)(?:\s|$)/.test(text.slice(start, start + 4))) {
      start = end + 1;
      if (at < stop) levels.length = 0;
      continue;
    }
    // Dashes of sequences, `- - x` too.
    while (text[at] === "-" && (at + 1 >= stop || isBlank(text.charCodeAt(at + 1)))) {
      const indent = at - start;
      let index = 0;
      for (let top = levels.at(-1); top !== undefined; top = levels.at(-1)) {
        const same = top.indent === indent && typeof top.key === "number";
        if (top.indent <= indent && !same) break;
        if (same) index = (top.key as number) + 1;
        levels.pop();
        if (same) break;
      }
      if (levels.length < MAX_DEPTH) levels.push({ indent, key: index });
      open = true;
      at = skipBlank(text, at + 1, stop);
    }
    if (at >= stop) {
      start = end + 1;
      continue;
    }
    const key = readKey(text, at, stop);
    if (key !== null) {
      const indent = at - start;
      while ((levels.at(-1)?.indent ?? -1) >= indent) levels.pop();
      if (levels.length < MAX_DEPTH) levels.push({ indent, key: key.name });
      at = skipBlank(text, key.end, stop);
      open = true;
    }
    // Anchors and tags before the value.
    while (at < stop && (text[at] === "&" || text[at] === "!")) {
      while (at < stop && !isBlank(text.charCodeAt(at))) at += 1;
      at = skipBlank(text, at, stop);
    }
    if (at >= stop) {
      start = end + 1;
      continue;
    }
    const sign = text[at];
    let after = stop;
    if (sign === '"' || sign === "'") {
      const close = quoteEnd(text, at);
      if (open) take(keysNow(), at + 1, Math.min(close, text.length));
      after = close + 1;
    } else if (sign === "{" || sign === "[") {
      after = readFlow(text, at, keysNow(), take);
    } else if (open && sign !== "|" && sign !== ">" && sign !== "*") {
      take(keysNow(), at, trimmedEnd(text, at, stop));
    }
    open = false;
    start = (after > end ? lineEnd(text, after) : end) + 1;
  }
}

/** A key and the offset behind its colon. */
function readKey(text: string, from: number, stop: number): { name: string; end: number } | null {
  const sign = text[from];
  if (sign === "{" || sign === "[") return null;
  if (sign === '"' || sign === "'") {
    const close = quoteEnd(text, from);
    if (close >= stop) return null;
    const colon = skipBlank(text, close + 1, stop);
    return text[colon] === ":" ? { name: text.slice(from + 1, close), end: colon + 1 } : null;
  }
  for (let at = from; at < stop; at += 1) {
    if (text[at] === ":" && (at + 1 >= stop || isBlank(text.charCodeAt(at + 1)))) {
      return { name: text.slice(from, at).trim(), end: at + 1 };
    }
  }
  return null;
}

interface Frame {
  readonly mapping: boolean;
  key: string | null;
  index: number;
}

/** A flow collection from its opening bracket; returns the offset behind the closing one. */
function readFlow(text: string, from: number, outer: Keys, take: Take): number {
  const frames: Frame[] = [];
  let depth = 0;
  let at = from;
  const give = (start: number, end: number): void => {
    const inner = frames.map((frame) => (frame.mapping ? (frame.key ?? "") : frame.index));
    if (depth === frames.length) take([...outer, ...inner], start, end);
  };
  while (at < text.length) {
    const sign = text[at] as string;
    const frame = frames.at(-1);
    if (sign === "{" || sign === "[") {
      depth += 1;
      if (depth <= MAX_DEPTH) frames.push({ mapping: sign === "{", key: null, index: 0 });
      at += 1;
    } else if (sign === "}" || sign === "]") {
      if (depth === frames.length) frames.pop();
      depth -= 1;
      at += 1;
      if (depth <= 0) return at;
    } else if (sign === ",") {
      if (frame !== undefined) {
        frame.key = null;
        frame.index += 1;
      }
      at += 1;
    } else if (isBlank(text.charCodeAt(at)) || sign === "\n" || sign === ":") {
      at += 1;
    } else if (sign === "#" && isBlankOrEnd(text.charCodeAt(at - 1))) {
      at = lineEnd(text, at);
    } else {
      const quoted = sign === '"' || sign === "'";
      const start = quoted ? at + 1 : at;
      const end = quoted ? quoteEnd(text, at) : flowPlainEnd(text, at);
      at = quoted ? end + 1 : end;
      let next = at;
      while (next < text.length && isBlankOrEnd(text.charCodeAt(next))) next += 1;
      if (frame?.mapping === true && frame.key === null && text[next] === ":") {
        frame.key = text.slice(start, quoted ? end : trimmedEnd(text, start, end));
        at = next + 1;
      } else if (quoted || !/[*&!]/.test(sign)) {
        give(start, quoted ? Math.min(end, text.length) : trimmedEnd(text, start, end));
        at = Math.max(at, start + 1);
      } else {
        at = Math.max(at, start + 1);
      }
    }
  }
  return at;
}

function flowPlainEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const sign = text[at] as string;
    if (text.startsWith("${{", at)) {
      const close = text.slice(at, at + 300).indexOf("}}");
      at += close === -1 ? 3 : close + 2;
      continue;
    }
    if (sign === "," || sign === "]" || sign === "}" || sign === "[" || sign === "{" || sign === "\n") break;
    if (sign === ":" && isFlowEnd(text, at + 1)) break;
    if (sign === "#" && isBlank(text.charCodeAt(at - 1))) break;
    if ((sign === "!" || sign === "&") && at === from) {
      while (at < text.length && !isBlankOrEnd(text.charCodeAt(at))) at += 1;
      return at;
    }
    at += 1;
  }
  return at;
}

function isFlowEnd(text: string, at: number): boolean {
  return at >= text.length || isBlankOrEnd(text.charCodeAt(at)) || /[,[\]{}]/.test(text[at] as string);
}

/** Offset of the closing quote, or the text's length. */
function quoteEnd(text: string, from: number): number {
  const quote = text[from] as string;
  for (let at = from + 1; at < text.length; at += 1) {
    if (quote === '"' && text[at] === "\\") at += 1;
    else if (text[at] === quote) {
      if (quote === "'" && text[at + 1] === "'") at += 1;
      else return at;
    }
  }
  return text.length;
}

function lineEnd(text: string, from: number): number {
  const found = text.indexOf("\n", from);
  return found === -1 ? text.length : found;
}

function skipBlank(text: string, from: number, stop: number): number {
  let at = from;
  while (at < stop && isBlank(text.charCodeAt(at))) at += 1;
  return at;
}

function trimmedEnd(text: string, from: number, stop: number): number {
  let end = stop;
  while (end > from && isBlankOrEnd(text.charCodeAt(end - 1))) end -= 1;
  return end;
}

function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x09 || unit === 0x0d;
}

function isBlankOrEnd(unit: number): boolean {
  return isBlank(unit) || unit === 0x0a || Number.isNaN(unit);
}

/** Lines and columns of offsets that are asked for in order. */
class Lines {
  readonly #text: string;
  #line = 1;
  #start: number;
  #newline: number;

  constructor(text: string) {
    this.#text = text;
    this.#start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
    this.#newline = text.indexOf("\n");
  }

  at(offset: number): { line: number; column: number } {
    while (this.#newline !== -1 && this.#newline < offset) {
      this.#line += 1;
      this.#start = this.#newline + 1;
      this.#newline = this.#text.indexOf("\n", this.#start);
    }
    return { line: this.#line, column: offset - this.#start + 1 };
  }
}
