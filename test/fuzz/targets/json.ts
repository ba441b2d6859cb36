/**
 * `JSON.parse` agrees on what is valid and on every value. It differs on purpose
 * in two things: it takes the last of two equal names, and any depth or number.
 */
import { formatSecrets, parseSecrets, quoteJson, type Secrets, sameSecrets } from "../../../src/secrets/json.ts";
import { decodeText } from "../../../src/secrets/text.ts";
import { attempt, type FuzzTarget, law, planted } from "../laws.ts";

const CODES = [
  "json-syntax",
  "json-not-object",
  "json-duplicate-name",
  "json-encoding",
  "json-depth",
  "json-too-large",
] as const;

function oracle(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function assertAgrees(secrets: Secrets, value: unknown, what: string): void {
  law(isObject(value), `${what}: no object to JSON.parse`);
  const entries = Object.entries(value);
  law(entries.length === secrets.size, `${what}: another number of names than JSON.parse`);
  for (const [name, expected] of entries) {
    const found = secrets.get(name);
    law(found !== undefined, `${what}: a name is missing`);
    if (found.kind === "string") law(found.value === expected, `${what}: another value than JSON.parse`);
    else {
      law(typeof expected !== "string", `${what}: a string is none`);
      law(canonical(JSON.parse(found.text)) === canonical(expected), `${what}: another value than JSON.parse`);
    }
  }
}

/** A JSON value with its names sorted. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isObject(value)) return Object.is(value, -0) ? "-0" : JSON.stringify(value);
  return `{${Object.keys(value)
    .sort((a, b) => (a < b ? -1 : 1))
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)
    .join()}}`;
}

export const target: FuzzTarget = {
  maxLength: 512,
  run(data) {
    const bytes = planted(data);
    const text = decodeText(bytes);
    const result = attempt(CODES, () => parseSecrets(bytes));
    const expected = text === null ? null : oracle(text);
    if ("refused" in result) {
      law((result.refused === "json-encoding") === (text === null), "encoding and text do not agree");
      if (result.refused === "json-syntax") law(expected === null, "JSON.parse reads what was refused");
      if (result.refused === "json-not-object") {
        law(expected !== null && !isObject(expected.value), "JSON.parse reads an object, or nothing");
      }
      return;
    }
    law(expected !== null, "JSON.parse refuses what was read");
    const secrets = result.value;
    assertAgrees(secrets, expected.value, "parse");

    const formatted = formatSecrets(secrets);
    assertAgrees(secrets, JSON.parse(formatted.toString()), "format");
    const again = parseSecrets(formatted);
    law(sameSecrets(again, secrets), "the canonical plaintext holds other secrets");
    law(formatSecrets(again).equals(formatted), "the canonical plaintext is not its own canonical form");
    for (const name of secrets.keys()) law(JSON.parse(quoteJson(name)) === name, "a quoted string is another");
  },
};
