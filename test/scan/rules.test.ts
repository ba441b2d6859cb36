import assert from "node:assert/strict";
import { test } from "node:test";
import { createScanner } from "../../src/scan/engine.ts";
import { GENERIC } from "../../src/scan/generic/index.ts";
import { allRules } from "../../src/scan/rules/index.ts";
import { seededRandom } from "./seeded-random.ts";

const scanner = createScanner();
const scan = (text: string, path = "file.txt") => scanner.scan(path, Buffer.from(text, "latin1"));

const SURROUNDINGS: ((secret: string) => string)[] = [
  (s) => s,
  (s) => `first line\n  key: ${s}\nlast line\n`,
  (s) => `{"key": "${s}"}`,
  (s) => `const key = '${s}';\r\n`,
  (s) => `url=https://x.test/?key=${s}&more=1`,
  (s) => `"line\\n${s}\\n"`,
];

test("every rule's identity is its own", () => {
  const ids = allRules().map((rule) => rule.id);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => /^[a-z0-9][a-z0-9-]*$/.test(id)));
});

for (const [index, rule] of allRules().entries()) {
  test(`${rule.id}: true examples are found, near misses are not`, () => {
    const random = seededRandom(index * 7919 + 1);
    const path = rule.examplePath ?? "file.txt";
    // Alone, so that another rule cannot stand in for it; and with all others, where some rule must find it.
    const alone = createScanner({ rules: [rule] });
    for (let round = 0; round < 60; round++) {
      const example = rule.example(random);
      const around = SURROUNDINGS[round % SURROUNDINGS.length]!;
      const text = around(example);
      // No value in a message: the round says which.
      const own = alone.scan(path, Buffer.from(text, "latin1"));
      assert.equal(own.length, 1, `round ${round}: ${own.length} findings`);
      assert.equal(own[0]!.severity, rule.severity, `round ${round}`);
      assert.ok(scan(text, path).length >= 1, `round ${round}: not found among all rules`);
      for (const [at, miss] of rule.nearMisses(random).entries()) {
        assert.deepEqual(
          alone.scan(path, Buffer.from(around(miss), "latin1")).map((f) => f.rule),
          [],
          `round ${round}, near miss ${at}`,
        );
      }
    }
  });
}

test("near misses of one rule are not found by another", () => {
  // An opaque value beside a telling name is a secret whatever service it is none of.
  const generic = new Set(GENERIC.map((rule) => rule.id));
  for (const [index, rule] of allRules().entries()) {
    const random = seededRandom(index * 104729 + 3);
    for (const [at, miss] of rule.nearMisses(random).entries()) {
      const found = scan(` ${miss}\n`)
        .map((f) => f.rule)
        .filter((id) => !generic.has(id));
      assert.deepEqual(found, [], `${rule.id}, near miss ${at}`);
    }
  }
});

test("an encrypted private key, whose body follows headers, is a private key", () => {
  const label = ["RSA PRIVATE", "KEY"].join(" ");
  const body = "Zq4mN8vK2xR7tB5cY9wL3pD6hJ1sF0gAzQ4nM8bV2xC7kT5yR9wE+/aGhUiOpSdL".repeat(3);
  const text = `-----BEGIN ${label}-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n${body}\n`;
  assert.deepEqual(
    scan(text).map((f) => f.rule),
    ["private-key"],
  );
});
