/**
 * The JSON object inside a token, read and written without loss.
 *
 * Reading is strict (RFC 8259): one object, NAME to value. Numbers keep their text; `JSON.parse` would turn
 * 12345678901234567890 into another number. A name that stands twice in one object, at any depth, is an error: Go and
 * Python take the last, other readers the first, so the file has no one meaning. Escapes of unpaired surrogates
 * survive.
 *
 * Writing gives what MUXI's Go CLI writes, `json.MarshalIndent(secrets, "", "  ")` of Go 1.22 or later: names sorted by
 * UTF-8 bytes, two spaces, `<` `>` `&` U+2028 U+2029 and control characters escaped (before 1.22, Go wrote \b and \f
 * as \u0008 and \u000c), U+007F and all else raw, no final newline. Unpaired surrogates, which no Go string holds, are
 * written as escapes. Version 1 of the canonical token is a promise about these bytes.
 *
 * empty or blank: `json-syntax` · BOM: dropped · UTF-16: read where it shows (text.ts) · CRLF: white space, as JSON has
 * it · not UTF-8, binary: `json-encoding` · truncated: `json-syntax` at the last line · huge: linear; a text longer
 * than a string can be is `json-encoding`, more than {@link MAX_ITEMS} names and list items `json-too-large` · nested
 * more than {@link MAX_DEPTH} deep: `json-depth`.
 */
import { MuxiGitError } from "../errors.ts";
import { compareUtf8, decodeText } from "./text.ts";

export { parseAssignments } from "./assignments.ts";
export { compareUtf8 } from "./text.ts";

/**
 * A string, or any other JSON value. `text` of the latter is compact JSON with its names sorted and its numbers as
 * they were written, so that two writers of the same value give the same text.
 */
export type SecretValue =
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "other"; readonly text: string };

/** In the order of the file. */
export type Secrets = Map<string, SecretValue>;

/** Two spaces a level for each line: deeper nesting would let a small file indent itself into a huge one. */
const MAX_DEPTH = 64;

/** A hundred megabytes of `1,` would otherwise cost gigabytes of small strings. */
const MAX_ITEMS = 250_000;

/** Characters of a name in a message. */
const MAX_SHOWN = 100;

/**
 * @throws MuxiGitError `json-syntax`, `json-not-object`, `json-duplicate-name`, `json-encoding`, `json-depth`,
 *   `json-too-large`. The message has line and column, and of the content at most a duplicate name
 *   of a secret, cut to 100 characters.
 */
export function parseSecrets(plaintext: Uint8Array): Secrets {
  const text = decodeText(plaintext);
  if (text === null) throw new MuxiGitError("json-encoding", "the secrets are not UTF-8 text");
  return new Reader(text).secrets();
}

/** The canonical plaintext. Takes values of kind "other" in any JSON layout. */
export function formatSecrets(secrets: Secrets): Buffer {
  if (secrets.size === 0) return Buffer.from("{}");
  const names = [...secrets.keys()].sort(compareUtf8);
  let size = 0;
  for (const [name, value] of secrets)
    size += name.length + (value.kind === "string" ? value.value : value.text).length;
  if (size <= PIECE) {
    let text = "";
    writeSecrets(secrets, names, (piece) => {
      text += piece;
    });
    return Buffer.from(text);
  }
  // A string of it all and then its bytes would double what 100 MB cost: measure, then write.
  let length = 0;
  writeSecrets(secrets, names, (piece) => {
    length += Buffer.byteLength(piece);
  });
  const bytes = Buffer.allocUnsafe(length);
  let written = 0;
  writeSecrets(secrets, names, (piece) => {
    written += bytes.write(piece, written);
  });
  return bytes;
}

/** Whether both hold the same names with the same values, in whatever order. */
export function sameSecrets(a: Secrets, b: Secrets): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (other === undefined || !sameValue(value, other)) return false;
  }
  return true;
}

export function sameValue(a: SecretValue, b: SecretValue): boolean {
  if (a.kind === "string") return b.kind === "string" && a.value === b.value;
  return b.kind === "other" && a.text === b.text;
}

/** A string as Go's encoding/json writes it, with its quotes. */
export function quoteJson(value: string): string {
  if (value.length <= PIECE) return `"${escapeString(value)}"`;
  let quoted = '"';
  forEachPiece(value, (piece) => {
    quoted += escapeString(piece);
  });
  return `${quoted}"`;
}

type Emit = (piece: string) => void;

/** Characters handled at once. */
const PIECE = 65_536;

function writeSecrets(secrets: Secrets, names: readonly string[], emit: Emit): void {
  let lead = "{\n  ";
  for (const name of names) {
    const value = secrets.get(name) as SecretValue;
    emit(lead);
    writeString(name, emit);
    emit(": ");
    if (value.kind === "string") writeString(value.value, emit);
    else new Reader(value.text).indented(emit);
    lead = ",\n  ";
  }
  emit("\n}");
}

function writeString(value: string, emit: Emit): void {
  emit('"');
  forEachPiece(value, (piece) => emit(escapeString(piece)));
  emit('"');
}

/** Pieces never part a surrogate pair. */
function forEachPiece(value: string, take: Emit): void {
  if (value.length <= PIECE) {
    take(value);
    return;
  }
  for (let at = 0; at < value.length; ) {
    let end = Math.min(at + PIECE, value.length);
    const last = value.charCodeAt(end - 1);
    if (end < value.length && last >= 0xd800 && last <= 0xdbff) end--;
    take(value.slice(at, end));
    at = end;
  }
}

const GO_ESCAPES = /[<>&\u2028\u2029]/;

/**
 * Go's escapes are ECMAScript's (JSON.stringify, with the short forms and lower-case hex, unpaired surrogates escaped)
 * and five more, which keep JSON harmless inside HTML and JavaScript.
 */
function escapeString(value: string): string {
  const escaped = JSON.stringify(value).slice(1, -1);
  if (!GO_ESCAPES.test(escaped)) return escaped;
  return escaped
    .replaceAll("<", "\\u003c")
    .replaceAll(">", "\\u003e")
    .replaceAll("&", "\\u0026")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

class Reader {
  readonly #text: string;
  #at = 0;
  #items = 0;

  constructor(text: string) {
    this.#text = text;
  }

  secrets(): Secrets {
    this.#space();
    if (this.#unit() !== 0x7b) {
      // Tell broken JSON from JSON of another kind, at the cost of reading it.
      this.#compact(0);
      this.#end();
      throw new MuxiGitError("json-not-object", "the secrets are JSON, but not an object of names and values");
    }
    const secrets: Secrets = new Map();
    this.#members((name, at) => {
      if (secrets.has(name)) {
        throw new MuxiGitError("json-duplicate-name", `the name '${shown(name)}' stands twice (${this.#position(at)})`);
      }
      secrets.set(
        name,
        this.#unit() === 0x22 ? { kind: "string", value: this.#string() } : { kind: "other", text: this.#compact(1) },
      );
    });
    this.#end();
    return secrets;
  }

  /** Rewrite one value for a line of the outer object. */
  indented(emit: Emit): void {
    this.#space();
    const compact = this.#compact(1);
    this.#end();
    indent(compact, emit);
  }

  /** One value as compact JSON, names sorted. */
  #compact(depth: number): string {
    if (depth > MAX_DEPTH) throw new MuxiGitError("json-depth", `a value is nested more than ${MAX_DEPTH} deep`);
    switch (this.#unit()) {
      case 0x22:
        return quoteJson(this.#string());
      case 0x7b: {
        const members = new Map<string, string>();
        this.#members((name, at) => {
          // Inside a value even a name is part of the secret.
          if (members.has(name)) {
            throw new MuxiGitError(
              "json-duplicate-name",
              `inside a value, a name stands twice in one object (${this.#position(at)})`,
            );
          }
          members.set(name, this.#compact(depth + 1));
        });
        // Concatenation, not join: a string built so is laid out once, however deep it stands.
        let text = "";
        for (const name of [...members.keys()].sort(compareUtf8)) {
          text += `${text === "" ? "" : ","}${quoteJson(name)}:${members.get(name)}`;
        }
        return `{${text}}`;
      }
      case 0x5b: {
        let text = "";
        this.#elements(() => {
          text += (text === "" ? "" : ",") + this.#compact(depth + 1);
        });
        return `[${text}]`;
      }
      default:
        return this.#word("true") ?? this.#word("false") ?? this.#word("null") ?? this.#number();
    }
  }

  #members(value: (name: string, at: number) => void): void {
    this.#list(0x7d, () => {
      const at = this.#at;
      if (this.#unit() !== 0x22) throw this.#wrong("a name in double quotes is missing");
      const name = this.#string();
      this.#space();
      if (this.#unit() !== 0x3a) throw this.#wrong("a colon is missing");
      this.#at++;
      this.#space();
      value(name, at);
    });
  }

  #elements(value: () => void): void {
    this.#list(0x5d, value);
  }

  /** From the opening bracket past the closing one. */
  #list(close: number, item: () => void): void {
    this.#at++;
    this.#space();
    if (this.#unit() === close) {
      this.#at++;
      return;
    }
    for (;;) {
      if (++this.#items > MAX_ITEMS) {
        throw new MuxiGitError("json-too-large", `the secrets hold more than ${MAX_ITEMS} names and list items`);
      }
      item();
      this.#space();
      const unit = this.#unit();
      if (unit !== 0x2c && unit !== close) throw this.#wrong("a comma or a closing bracket is missing");
      this.#at++;
      if (unit === close) return;
      this.#space();
    }
  }

  #string(): string {
    const text = this.#text;
    const open = this.#at;
    let escaped = false;
    for (let at = open + 1; ; at++) {
      const unit = text.charCodeAt(at);
      if (unit === 0x22) {
        this.#at = at + 1;
        return escaped ? this.#unescape(open) : text.slice(open + 1, at);
      }
      if (unit === 0x5c) {
        escaped = true;
        at++;
      } else if (unit < 0x20) {
        this.#at = at;
        throw this.#wrong("a control character stands in a string");
      } else if (Number.isNaN(unit)) {
        this.#at = open;
        throw this.#wrong("a string is not closed");
      }
    }
  }

  /** The string from its opening quote to here. The engine's own reader keeps unpaired surrogates and is fast. */
  #unescape(open: number): string {
    try {
      return JSON.parse(this.#text.slice(open, this.#at)) as string;
    } catch {
      // No cause: the engine's message quotes what it read.
      this.#at = open;
      throw this.#wrong("a string holds an escape that is not valid");
    }
  }

  #word(word: string): string | undefined {
    if (!this.#text.startsWith(word, this.#at)) return undefined;
    this.#at += word.length;
    return word;
  }

  #number(): string {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw this.#wrong("a value is missing");
    this.#at += match[0].length;
    return match[0];
  }

  #space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at++;
    }
  }

  #end(): void {
    this.#space();
    if (this.#at < this.#text.length) throw this.#wrong("something follows the JSON value");
  }

  #unit(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #wrong(what: string): MuxiGitError {
    return new MuxiGitError("json-syntax", `the secrets are not valid JSON: ${what} (${this.#position(this.#at)})`);
  }

  #position(at: number): string {
    let line = 1;
    let start = 0;
    for (let end = this.#text.indexOf("\n"); end !== -1 && end < at; end = this.#text.indexOf("\n", start)) {
      line++;
      start = end + 1;
    }
    return `line ${line}, column ${at - start + 1}`;
  }
}

function shown(name: string): string {
  return name.length <= MAX_SHOWN ? name : `${name.slice(0, MAX_SHOWN)}…`;
}

/** Lay compact JSON out as Go's json.Indent does, one level down. */
function indent(compact: string, emit: Emit): void {
  let newline = "\n  ";
  let from = 0;
  const flush = (to: number): void => {
    if (to > from) forEachPiece(compact.slice(from, to), emit);
    from = to;
  };
  for (let at = 0; at < compact.length; at++) {
    const unit = compact.charCodeAt(at);
    if (unit === 0x22) {
      // Past the string: to the quote that no backslash escapes.
      for (at++; compact.charCodeAt(at) !== 0x22; at++) if (compact.charCodeAt(at) === 0x5c) at++;
    } else if (unit === 0x7b || unit === 0x5b) {
      const next = compact.charCodeAt(at + 1);
      if (next === 0x7d || next === 0x5d) {
        at++;
        continue;
      }
      newline += "  ";
      flush(at + 1);
      emit(newline);
    } else if (unit === 0x7d || unit === 0x5d) {
      newline = newline.slice(0, -2);
      flush(at);
      emit(newline);
    } else if (unit === 0x2c) {
      flush(at + 1);
      emit(newline);
    } else if (unit === 0x3a) {
      flush(at + 1);
      emit(" ");
    }
  }
  flush(compact.length);
}
