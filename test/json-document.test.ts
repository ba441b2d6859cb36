import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JsonError, type JsonNode, readJson } from "../src/json-document.ts";

const RUNS = process.env.SLOW === "1" ? 100_000 : 2_000;

/** What JSON.parse would have given. */
function plain(node: JsonNode): unknown {
  switch (node.kind) {
    case "object": {
      const object: Record<string, unknown> = {};
      for (const { name, value } of node.members) {
        Object.defineProperty(object, name, {
          value: plain(value),
          enumerable: true,
          configurable: true,
          writable: true,
        });
      }
      return object;
    }
    case "array":
      return node.items.map(plain);
    case "null":
      return null;
    default:
      return node.value;
  }
}

function parsed(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

test("reads what JSON.parse reads, with the place of every value", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 1, "\t"), (compact, indent) => {
      const text = JSON.stringify(JSON.parse(compact), null, indent);
      const document = readJson(text);
      assert.deepEqual(plain(document), JSON.parse(text));
      const visit = (node: JsonNode): void => {
        assert.match(text.slice(node.at), /^[[{"\-0-9tfn]/);
        if (node.kind === "array") node.items.forEach(visit);
        if (node.kind !== "object") return;
        for (const { name, at, value } of node.members) {
          assert.ok(text.startsWith(JSON.stringify(name), at));
          assert.ok(value.at > at);
          visit(value);
        }
      };
      visit(document);
    }),
    { numRuns: RUNS },
  );
});

test("refuses what JSON.parse refuses, and no more than doubled names beside", () => {
  const pieces = [
    '{"a":',
    '"b"',
    "[",
    "]",
    "}",
    ",",
    ":",
    "1",
    "-0.5e3",
    "01",
    "true",
    "null",
    " ",
    "\n",
    "\\",
    '"\\u00',
    "x",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (chosen) => {
      const text = chosen.join("");
      const expected = parsed(text);
      try {
        const document = readJson(text);
        assert.ok(expected !== null, `accepted: ${text}`);
        assert.deepEqual(plain(document), expected.value);
      } catch (error) {
        assert.ok(error instanceof JsonError, `no JsonError for: ${text}`);
        assert.ok(error.at >= 0 && error.at <= text.length);
        if (expected !== null) assert.match(error.message, /twice/, text);
      }
    }),
    { numRuns: RUNS * 5 },
  );
});

test("says what is wrong at its place", () => {
  const cases: [text: string, rest: string, message: RegExp][] = [
    ["", "", /^ends too early$/],
    ['{"a": 1', "", /^ends too early$/],
    ['{"a": 1,\n}', "}", /has a ',' before '}'/],
    ['{"a": 1 "b": 2}', '"b": 2}', /lacks a ',' or '}' here/],
    ["{a: 1}", "a: 1}", /lacks a name in "quotes" here/],
    ['{"a" 1}', "1}", /lacks a ':' here/],
    ['{"a": "b\n}', '"b\n}', /string that is not closed/],
    ['{"a": "b', '"b', /string that is not closed/],
    ['["\\x"]', '"\\x"]', /escape that JSON does not know/],
    ['["\t"]', '\t"]', /control character/],
    ["// note\n{}", "// note\n{}", /comment/],
    ['{"a": 1, "a": 2}', '"a": 2}', /names 'a' twice/],
    ['{"a": {"b": 1, "\\u0062": 2}}', '"\\u0062": 2}}', /names 'b' twice/],
    ["{} {}", "{}", /goes on after its end/],
    ["[01]", "1]", /lacks a ','/],
    ["'a'", "'a'", /lacks a value here/],
  ];
  for (const [text, rest, message] of cases) {
    assert.throws(
      () => readJson(text),
      (error) => {
        assert.ok(error instanceof JsonError, text);
        assert.match(error.message, message);
        assert.equal(text.slice(error.at), rest, text);
        return true;
      },
    );
  }
});

test("deep nesting is an error and no stack overflow; a large file costs linear time", () => {
  assert.throws(() => readJson("[".repeat(500_000)), /nested more than 32 deep/);
  assert.throws(() => readJson('{"a":'.repeat(100_000)), /nested more than 32 deep/);
  readJson(`${"[".repeat(32)}${"]".repeat(32)}`);
  const start = process.cpuUsage();
  readJson(`{${Array.from({ length: 60_000 }, (_, at) => `"name${at}": [1, "x"]`).join(",\n")}}`);
  assert.throws(() => readJson(`"${"\\\\".repeat(500_000)}`), /not closed/);
  assert.ok(process.cpuUsage(start).user < 3_000_000);
});
