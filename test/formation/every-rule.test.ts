/** Whatever a rule finds in a formation's file can be moved, in every style of YAML, and what is left is clean. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { findSecret, offsetOf } from "../../src/formation/literal-edit.ts";
import { judgeFile } from "../../src/plumbing/judge-file.ts";
import { createScanner } from "../../src/scan/engine.ts";
import { allRules } from "../../src/scan/rules/index.ts";
import { seededRandom } from "../scan/seeded-random.ts";

const STYLES: ((example: string) => string)[] = [
  (example) => `a: ${JSON.stringify(example)} # c\n`,
  (example) => `a: [${JSON.stringify(example)}, b]\n`,
  (example) => `a: |\n${example.replace(/^/gm, "  ")}\nb: 1\n`,
];

/** What stands in no value of its own: its example begins with an empty line. */
const REFUSED = new Set(["openssh-key-body"]);

test("the example of every rule", () => {
  const scanner = createScanner();
  const find = (text: string) =>
    judgeFile(scanner, {
      path: "agents/a.afs",
      mode: "100644",
      bytes: Buffer.from(text),
      formations: [""],
      rulesApply: true,
    }).findings.filter(({ kind }) => kind === "token" || kind === "literal");
  let moved = 0;
  for (const [at, rule] of allRules().entries()) {
    if ((process.env.SLOW !== "1" && at % 20 !== 0) || REFUSED.has(rule.id)) continue;
    const example = rule.example(seededRandom(at));
    for (const style of STYLES) {
      let text = style(example);
      for (let [finding] = find(text); finding !== undefined; [finding] = find(text)) {
        const { line, column, endLine, endColumn } = finding;
        const found = findSecret("agents/a.afs", text, [
          offsetOf(text, line, column),
          offsetOf(text, endLine, endColumn),
        ]);
        assert.ok("place" in found, `${rule.id}: ${JSON.stringify(found)}`);
        const after = found.place.write("A_KEY") ?? "";
        const value = JSON.stringify(found.place.value).slice(1, -1);
        const restored = JSON.stringify(parse(after)).replace("${{ secrets.A_KEY }}", () => value);
        assert.equal(restored, JSON.stringify(parse(text)), rule.id);
        text = after.replace("secrets.A_KEY", `secrets.B_${moved}`);
        moved += 1;
        assert.ok(moved < 10_000, `${rule.id}: what was moved is found again`);
      }
    }
  }
  assert.ok(moved > 120, String(moved));
});
