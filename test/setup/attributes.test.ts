import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAttributeRules } from "../../src/git/attributes.ts";

function parsed(text: string): [number, string, Record<string, string>][] {
  return parseAttributeRules(text).map(({ line, pattern, states }) => [line, pattern, Object.fromEntries(states)]);
}

describe("the rules of an attributes file", () => {
  it("have a line, a pattern and what they say of each attribute", () => {
    assert.deepEqual(parsed("# comment\n\n*.enc filter=lfs -diff !merge text\r\n"), [
      [3, "*.enc", { filter: "lfs", diff: "unset", merge: "unspecified", text: "set" }],
    ]);
  });
  it("know what 'binary' stands for", () => {
    assert.deepEqual(parsed("a binary\n"), [[1, "a", { diff: "unset", merge: "unset", text: "unset" }]]);
  });
  it("may have a quoted pattern", () => {
    assert.deepEqual(parsed('"a b" text\n'), [[1, "a b", { text: "set" }]]);
  });
  it("are none in an empty file, a truncated line or binary data", () => {
    assert.deepEqual(parsed(""), []);
    assert.deepEqual(parsed("pattern"), []);
    assert.deepEqual(parsed('"unfinished'), []);
  });
  it("cost linear time on a huge line", () => {
    const start = performance.now();
    parseAttributeRules(`${" ".repeat(1_000_000)}x\n${"a ".repeat(1_000_000)}\n${'"\\'.repeat(500_000)}`);
    assert.ok(performance.now() - start < 500);
  });
});
