/**
 * `NAME=value` lines, as people paste them into secrets.enc from a `.env` file.
 *
 * The conventions are dotenv's (https://github.com/motdotla/dotenv): blank lines and lines that begin with `#` are
 * skipped; `export ` may stand before a name; white space around name and value goes; a value in single quotes or
 * backticks is literal, in double quotes \n, \r, \t, \" and \\ are escapes; quoted values may run over several lines.
 * A quote that is never closed, or is followed by more than a comment, is an ordinary character.
 *
 * Two differences, so that no part of a secret is dropped in silence: in an unquoted value only a `#` after white space
 * begins a comment, and a name that stands twice is an error.
 *
 * A Fernet key reads as a long name without a value. It is none: a name is printed, in differences and in messages, and
 * a key never. Alone it makes no assignments; among others it is an error, so that these still count as plaintext.
 *
 * empty: no assignments · BOM, UTF-16: as text.ts decodes · LF, CRLF: line ends, and a multi-line value keeps LF · not
 * UTF-8: `json-encoding` · binary: null · truncated: what is left · huge: linear.
 */
import { constants } from "node:buffer";
import { MuxiGitError } from "../errors.ts";
import type { Secrets, SecretValue } from "./json.ts";
import { decodeText } from "./text.ts";

const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]{0,255})[ \t]*=[ \t]*/;

/**
 * @returns the values, all strings, under their names as written; null where a line that is neither blank nor a comment
 *   is no assignment, or where nothing stands but keys
 * @throws MuxiGitError `json-syntax` where a key stands among assignments; `json-duplicate-name`, the message holds the
 *   name; `json-encoding` where only the encoding keeps
 *   the bytes from being assignments, so that a `.env` file saved as Latin-1 is not taken for something harmless
 */
export function parseAssignments(bytes: Uint8Array): Secrets | null {
  const text = decodeText(bytes);
  if (text !== null) return readAssignments(text);
  if (bytes.length > constants.MAX_STRING_LENGTH) return null;
  const latin1 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  if (readAssignments(latin1) === null) return null;
  throw new MuxiGitError("json-encoding", "the assignments are not UTF-8 text");
}

function readAssignments(text: string): Secrets | null {
  if (text.includes("\0")) return null;
  const secrets = new Map<string, SecretValue>();
  let keyLine = 0;
  for (const { line, assignment, isKey } of assignmentLines(text)) {
    if (isKey) {
      keyLine = line;
      continue;
    }
    if (assignment === null) return null;
    const { name, value } = assignment;
    if (secrets.has(name)) {
      throw new MuxiGitError("json-duplicate-name", `the name '${name}' stands twice (line ${line})`);
    }
    secrets.set(name, { kind: "string", value });
  }
  if (keyLine === 0) return secrets;
  if (secrets.size === 0) return null;
  throw new MuxiGitError("json-syntax", `line ${keyLine} is no assignment`);
}

export interface Assignment {
  /** As written. */
  readonly name: string;
  readonly value: string;
  /** What stands around the value; `""` for nothing. */
  readonly quote: string;
}

export interface AssignmentLine {
  /** From 1; of the first line where a value runs over several. */
  readonly line: number;
  /** null where the line is none. */
  readonly assignment: Assignment | null;
  /** A Fernet key on a line of its own. */
  readonly isKey: boolean;
}

/** Every line that is neither blank nor a comment, by the grammar above. */
export function* assignmentLines(text: string): Generator<AssignmentLine> {
  const lines = new Lines(text);
  for (let line = lines.next(); line !== null; line = lines.next()) {
    if (isBlankOrComment(line)) continue;
    const { number } = lines;
    const match = ASSIGNMENT.exec(line);
    const name = match?.[1] ?? "";
    const column = match?.[0].length ?? 0;
    const isKey = match !== null && isFernetKey(name, line.slice(column));
    if (match === null || isKey) {
      yield { line: number, assignment: null, isKey };
      continue;
    }
    const quoted = lines.quoted(column);
    const value = quoted ?? unquoted(line.slice(column));
    yield { line: number, assignment: { name, value, quote: quoted === null ? "" : line.charAt(column) }, isKey };
  }
}

const LONGEST_PLAIN_NAME = 40;

/** base64 of 32 bytes has letters of both cases; a name that was typed has one. */
function isFernetKey(name: string, rest: string): boolean {
  if (name.length <= LONGEST_PLAIN_NAME || !/[a-z]/.test(name) || !/[A-Z]/.test(name)) return false;
  return /^=?$/.test(unquoted(rest));
}

function isBlankOrComment(line: string): boolean {
  const text = line.trimStart();
  return text === "" || text.startsWith("#");
}

function unquoted(rest: string): string {
  const comment = rest.startsWith("#") ? 0 : indexOfComment(rest);
  return (comment === -1 ? rest : rest.slice(0, comment)).trim();
}

function indexOfComment(rest: string): number {
  const spaced = rest.indexOf(" #");
  const tabbed = rest.indexOf("\t#");
  if (spaced === -1 || tabbed === -1) return Math.max(spaced, tabbed);
  return Math.min(spaced, tabbed);
}

function unescapeDouble(value: string): string {
  return value.replace(/\\([nrt"\\])/g, (_, letter: string) => ({ n: "\n", r: "\r", t: "\t" })[letter] ?? letter);
}

/** The lines of a text, and quoted values that may run on into later ones. */
class Lines {
  /** Number of the line given last, from 1. */
  number = 0;
  readonly #text: string;
  #at = 0;
  #lineAt = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Without its line end; null at the end. */
  next(): string | null {
    if (this.#at >= this.#text.length) return null;
    const end = this.#endOfLine(this.#at);
    const line = this.#text.slice(this.#at, end);
    this.#lineAt = this.#at;
    this.#at = end + 1;
    this.number++;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }

  /** The value where a quote stands at this column of the line given last and is closed; else null. */
  quoted(column: number): string | null {
    const open = this.#lineAt + column;
    const quote = this.#text.charAt(open);
    if (quote !== '"' && quote !== "'" && quote !== "`") return null;
    const close = this.#closing(quote, open + 1);
    // At most once a kind of quote: a later value that began with one would have closed this.
    if (close === -1) return null;
    const end = this.#endOfLine(close);
    if (!isBlankOrComment(this.#text.slice(close + 1, end))) return null;
    const value = this.#text.slice(open + 1, close).replaceAll("\r\n", "\n");
    if (end + 1 > this.#at) {
      this.number += value.split("\n").length - 1;
      this.#at = end + 1;
    }
    return quote === '"' ? unescapeDouble(value) : value;
  }

  #closing(quote: string, from: number): number {
    if (quote !== '"') return this.#text.indexOf(quote, from);
    for (let at = from; at < this.#text.length; at++) {
      const unit = this.#text.charCodeAt(at);
      if (unit === 0x22) return at;
      if (unit === 0x5c) at++;
    }
    return -1;
  }

  #endOfLine(from: number): number {
    const end = this.#text.indexOf("\n", from);
    return end === -1 ? this.#text.length : end;
  }
}
