import assert from "node:assert/strict";
import { test } from "node:test";
import { findKeywords } from "../../src/scan/keyword-search.ts";
import { compileRules, formatRuleTable, parseRuleTable } from "../../src/scan/rule-table.ts";
import { allRules } from "../../src/scan/rules/index.ts";

test("the file of rules says what the rules say, at any place in memory", () => {
  const rules = allRules();
  const functions = new Map<string, unknown>();
  const bytes = formatRuleTable(rules, (rule, member) => {
    functions.set(`${rule.id} ${member}`, rule[member]);
    return `${rule.id} ${member}`;
  });
  const made = compileRules(rules);
  for (let shift = 0; shift < 4; shift++) {
    const moved = Buffer.alloc(bytes.length + shift);
    moved.set(bytes, shift);
    const read = parseRuleTable(moved.subarray(shift), (name) => functions.get(name));
    assert.equal(read.count, rules.length);
    for (const part of ["ruleOf", "masks", "minLengths", "flags"] as const)
      assert.deepEqual([...read[part]], [...made[part]], part);
    for (const part of ["at", "bytes", "folds", "anywhere"] as const)
      assert.deepEqual([...read.keywords[part]], [...made.keywords[part]], part);
    for (const [index, { keywords, example, nearMisses, ...kept }] of rules.entries())
      assert.deepEqual(read.rule(index), kept, kept.id);
    const text = Buffer.from(rules.flatMap((rule) => rule.keywords).join("A|"));
    const hits = (table: typeof read) => {
      const found: string[] = [];
      for (const search of [table.everywhere, table.nearValues])
        findKeywords(table.keywords, search, text, 0, text.length, (start, needle) => found.push(`${start} ${needle}`));
      return found;
    };
    assert.deepEqual(hits(read), hits(made));
    // Each stands there.
    const { from, to, inside, before } = read.prefixes;
    assert.equal(new Set(hits(read).map((hit) => hit.split(" ")[1])).size, made.ruleOf.length - (to - from));
    assert.deepEqual([inside, before], [made.prefixes.inside, made.prefixes.before]);
  }
  assert.doesNotMatch(Buffer.from(bytes).toString("latin1"), /nearMisses|"example"/);
});

test("a file of something else, and a function that is not there, are refused", () => {
  const rules = allRules()
    .filter((rule) => rule.checksum !== undefined)
    .slice(0, 1);
  assert.equal(rules.length, 1);
  const bytes = Buffer.from(formatRuleTable(rules, () => "gone"));
  assert.throws(() => parseRuleTable(bytes, () => undefined).rule(0), /no function 'gone'/);
  bytes[0]! ^= 1;
  assert.throws(() => parseRuleTable(bytes, () => undefined), /no file of rules/);
});
