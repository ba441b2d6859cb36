/** Reads what JSON.parse reads, to the same value, but for doubled names and deep nesting; an error has a place in the text. */
import { JsonError, type JsonNode, readJson } from "../../../src/json-document.ts";
import { type FuzzTarget, law } from "../laws.ts";

/** What JSON.parse refuses or this reader does on purpose. */
const STRICTER = /^names '|^is nested more than/;

function plainOf(node: JsonNode): unknown {
  if (node.kind === "null") return null;
  if (node.kind === "array") return node.items.map(plainOf);
  if (node.kind !== "object") return node.value;
  return Object.fromEntries(node.members.map(({ name, value }) => [name, plainOf(value)]));
}

function assertPlaces(node: JsonNode, text: string): void {
  const first = text.charAt(node.at);
  const begins = { object: "{", array: "[", string: '"', number: "-0123456789", boolean: "tf", null: "n" }[node.kind];
  law(first !== "" && begins.includes(first), "a value is said to stand where it does not");
  if (node.kind === "array") for (const item of node.items) assertPlaces(item, text);
  if (node.kind !== "object") return;
  for (const { at, value } of node.members) {
    law(text.charAt(at) === '"', "a name is said to stand where it does not");
    assertPlaces(value, text);
  }
}

export const target: FuzzTarget = {
  maxLength: 400,
  run(data) {
    const text = data.toString("utf8");
    let expected: { value: unknown } | null;
    try {
      expected = { value: JSON.parse(text) };
    } catch {
      expected = null;
    }
    try {
      const node = readJson(text);
      law(expected !== null, "accepts what is no JSON");
      law(JSON.stringify(plainOf(node)) === JSON.stringify(expected.value), "another value");
      assertPlaces(node, text);
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      law(error.at >= 0 && error.at <= text.length, "a place outside the text");
      law(expected === null || STRICTER.test(error.message), "refuses what is JSON");
    }
  },
};
