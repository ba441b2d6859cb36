/** What README.md and test/situations/README.md say was tried: every test they name exists, and no way and no manager is left out. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PROJECT } from "../support/repo.ts";
import { TOOLS } from "./managers/tools.ts";
import { WAYS } from "./ways.ts";

const SITUATIONS = join(PROJECT, "test", "situations");

/** The rows of all tables whose first column has this heading, each as its cells. */
function rows(file: string, heading: string): string[][] {
  const lines = readFileSync(file, "utf8").split("\n");
  const found = lines.flatMap((line, at) => {
    if (!line.startsWith(`| ${heading} |`)) return [];
    assert.match(lines[at + 1] ?? "", /^\|[-|]+\|$/);
    const end = lines.findIndex((other, index) => index > at && !other.startsWith("|"));
    return lines.slice(at + 2, end);
  });
  assert.ok(found.length > 0, `no table '${heading}' in '${file}'`);
  return found.map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim().replace(/\\([<*_])/g, "$1")),
  );
}

/**
 * What a test file calls its tests and groups of them: the literals that stand first in a call. A
 * part that is filled in at run time is `…`, as the tables write it.
 */
function titles(file: string): ReadonlySet<string> {
  const calls = /\b(?:describe|test|it|on|onGits)\(\s*(?:"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g;
  const found = readFileSync(file, "utf8").matchAll(calls);
  return new Set([...found].map(([, plain, filled]) => plain ?? filled!.replace(/\$\{[^}]*\}/g, "…")));
}

test("every way a change moves has its row, with the gate that its test asserts", () => {
  assert.deepEqual(
    rows(join(PROJECT, "README.md"), "a change moves by"),
    WAYS.map(({ name, gate }) => [
      name,
      gate === "none" ? "nothing to stop" : `stopped at ${gate}`,
      "passes in silence",
    ]),
  );
});

test("every hook manager has its row", () => {
  const names = rows(join(PROJECT, "README.md"), "beside").map(([name]) => name);
  assert.deepEqual(
    names,
    TOOLS.map(({ name }) => name),
  );
});

test("every situation that is named is a test", () => {
  const named = rows(join(SITUATIONS, "README.md"), "about");
  assert.ok(named.length > 50);
  for (const [, situation = "", gits = "", file = ""] of named) {
    const path = join(SITUATIONS, `${file.replaceAll("`", "")}.test.ts`);
    assert.ok(existsSync(path), `no test file '${path}'`);
    assert.ok(titles(path).has(situation), `no test '${situation}' in '${path}'`);
    assert.match(gits, /^(?:—|(?:2\.30|2\.39|2\.47|2\.55)(?:, (?:2\.39|2\.47|2\.55))*)$/, situation);
  }
});
