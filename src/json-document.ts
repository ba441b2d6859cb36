/**
 * JSON (RFC 8259) read with the place of each value, for files that people write
 * and errors that name the line. `JSON.parse` tells no places, says "position"
 * for some errors only, and takes the last of two members with one name.
 *
 * Accepts exactly what `JSON.parse` accepts, without doubled names and without
 * nesting deeper than {@link MAX_DEPTH}: reading is recursive. Linear.
 */

export type JsonNode = { readonly at: number } & (
  | { readonly kind: "object"; readonly members: readonly JsonMember[] }
  | { readonly kind: "array"; readonly items: readonly JsonNode[] }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "null" }
);

export interface JsonMember {
  readonly name: string;
  /** Where the name stands; the value has its own place. */
  readonly at: number;
  readonly value: JsonNode;
}

/** What is wrong, as a predicate ("has a string that is not closed"), and where. */
export class JsonError extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.name = "JsonError";
    this.at = at;
  }
}

const MAX_DEPTH = 32;
const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;

/** @throws JsonError */
export function readJson(text: string): JsonNode {
  let at = 0;

  const wrong = (message: string, where = at): JsonError => new JsonError(where, message);

  function match(pattern: RegExp): string {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? "";
    at += found.length;
    return found;
  }

  /** Past white space; the character there, `""` at the end. */
  function next(): string {
    match(SPACE);
    return text.charAt(at);
  }

  function string(): string {
    const start = at;
    for (at += 1; ; at += 1) {
      const unit = text.charCodeAt(at);
      if (unit === 0x22) break;
      if (unit === 0x5c) at += 1;
      else if (unit < 0x20 && unit !== 0x0a && unit !== 0x0d) throw wrong("has a control character in a string");
      // The end of the line or of the file: the string was meant to end before.
      else if (!(unit >= 0x20)) throw wrong("has a string that is not closed", start);
    }
    at += 1;
    try {
      return JSON.parse(text.slice(start, at)) as string;
    } catch {
      throw wrong("has a string with an escape that JSON does not know", start);
    }
  }

  /** From the opening bracket past the closing one. */
  function list(close: string, item: () => void): void {
    at += 1;
    if (next() === close) {
      at += 1;
      return;
    }
    for (;;) {
      item();
      const after = next();
      if (after !== "," && after !== close) {
        throw wrong(after === "" ? "ends too early" : `lacks a ',' or '${close}' here`);
      }
      at += 1;
      if (after === close) return;
      if (next() === close) throw wrong(`has a ',' before '${close}'`);
    }
  }

  function members(depth: number): JsonMember[] {
    const found: JsonMember[] = [];
    const names = new Set<string>();
    list("}", () => {
      const start = at;
      if (text.charAt(at) !== '"') throw wrong(at >= text.length ? "ends too early" : 'lacks a name in "quotes" here');
      const name = string();
      if (names.has(name)) throw wrong(`names '${name}' twice`, start);
      names.add(name);
      if (next() !== ":") throw wrong("lacks a ':' here");
      at += 1;
      found.push({ name, at: start, value: value(depth) });
    });
    return found;
  }

  function value(depth: number): JsonNode {
    const first = next();
    const start = at;
    if ((first === "{" || first === "[") && depth >= MAX_DEPTH) throw wrong(`is nested more than ${MAX_DEPTH} deep`);
    if (first === "{") return { kind: "object", at: start, members: members(depth + 1) };
    if (first === "[") {
      const items: JsonNode[] = [];
      list("]", () => items.push(value(depth + 1)));
      return { kind: "array", at: start, items };
    }
    if (first === '"') return { kind: "string", at: start, value: string() };
    const word = match(WORD);
    if (word === "null") return { kind: "null", at: start };
    if (word !== "") return { kind: "boolean", at: start, value: word === "true" };
    const digits = match(NUMBER);
    if (digits !== "") return { kind: "number", at: start, value: Number(digits) };
    throw wrong(
      first === "" ? "ends too early" : first === "/" ? "has a comment, which JSON has not" : "lacks a value here",
    );
  }

  const document = value(0);
  if (next() !== "") throw wrong("goes on after its end");
  return document;
}
