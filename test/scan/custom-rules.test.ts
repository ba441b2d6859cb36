import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { severityOf } from "../../src/formation/problem.ts";
import { patternFault, rulesUnder } from "../../src/scan/custom-rules.ts";
import { createScanner } from "../../src/scan/engine.ts";
import { buildKnownValues } from "../../src/scan/known-values.ts";
import { DEFAULT_SETTINGS, loosenedSettings, parseSettings, type Settings } from "../../src/settings.ts";
import { fakeGroqKey, opaque } from "../support/fake.ts";

const ORDER = {
  id: "custom-order",
  pattern: "ord_([a-z0-9]{12})(?![a-z0-9])",
  keywords: ["ord_"],
  message: "an order token",
};

function settings(rules: object): Settings {
  return parseSettings(Buffer.from(JSON.stringify({ rules }, null, 1)));
}

test("a rule of the repository's own is found, one that is off is not, keys and values always are", () => {
  const value = `val-${opaque(28, "custom")}`;
  const known = buildKnownValues([{ formation: "", name: "A_KEY", kind: "value", value }], { publicNames: new Set() });
  const { rules } = settings({ off: { "groq-key": "ours are examples" }, custom: [ORDER] });
  const text = `${fakeGroqKey("custom")}\nx ord_abcabcabcabc y\n${value}\nord_short\n`;
  const scan = (given: Settings["rules"]) => {
    return createScanner({ known, ...rulesUnder(given) })
      .scan("a", Buffer.from(text))
      .map(({ rule, line, column, severity, message }) => [rule, line, column, severity, message.slice(0, 14)]);
  };
  const named = createScanner(rulesUnder(rules)).scan("a", Buffer.from(`api_key = "${fakeGroqKey("custom")}"`));
  assert.deepEqual(named, [], "not as something more general either");
  const found = scan(rules);
  assert.deepEqual(found[0], ["custom-order", 2, 7, "error", "an order token"]);
  assert.deepEqual(
    found.map(([rule]) => rule),
    ["custom-order", "known-value"],
  );
  assert.deepEqual(
    scan(DEFAULT_SETTINGS.rules).map(([rule]) => rule),
    ["groq-key", "known-value"],
  );
  assert.deepEqual(rulesUnder(DEFAULT_SETTINGS.rules), {});
});

describe("a pattern that may cost too much is refused", () => {
  for (const [pattern, fault] of [
    ["abc[a-z]*", /unbounded quantifier/],
    ["abc(?:x+)", /unbounded quantifier/],
    ["abcx{3,}", /unbounded quantifier/],
    ["(abc)\\1", /backreference/],
    ["(?<n>abc)\\k<n>", /names a group/],
    ["abc(?:a{1,9}){1,9}", /more than 2000 ways/],
    ["abc(?:a|a){30}", /more than 2000 ways/],
    ["abc(?:a?){40}", /more than 2000 ways/],
    ["abca{0,500}a{0,500}b", /more than 2000 ways/],
    ["abc(?=(?:a?){40})b", /more than 2000 ways/],
    ["abca{1001}", /repeats more than 1000 times/],
    ["abca{9999}", /repeats/],
    ["abca{99999}", /'\{' that is no quantifier/],
    ["(".repeat(20), /nests/],
    ["abc(", /does not close a group/],
    ["abc)", /closes a group/],
    ["abc[", /does not close a class/],
    ["abc\\", /escape/],
    ["abc\\p{L}", /escape/],
    ["?", /nothing before it/],
    ["a{2,1}", /no regular expression/],
    ["(?:abc)?", /where nothing stands/],
    ["", /empty/],
  ] as const) {
    test(pattern.slice(0, 30), () => assert.match(String(patternFault(pattern)), fault));
  }
  test("and what is bounded is not", () => {
    for (const pattern of [
      ORDER.pattern,
      "a{16,247}(?!\\w)",
      "x(?:[0-9a-f]{4}-){3}[*+(\\]]?",
      "(?:ab|cd){3}",
      "(?<![a-z])k\\.\\x41",
    ]) {
      assert.equal(patternFault(pattern), null, pattern);
    }
  });
});

test("an error names the line and not the pattern", () => {
  const refuse = (rules: object, wanted: RegExp) =>
    assert.throws(() => settings(rules), { code: "settings", message: wanted });
  refuse(
    { custom: [{ ...ORDER, pattern: "(zz)\\1" }] },
    /line 6 has a custom rule 'custom-order' whose pattern has a backreference$/,
  );
  refuse({ custom: [ORDER, ORDER] }, /two custom rules/);
  refuse({ custom: [{ ...ORDER, id: "groq-key" }] }, /no name such as 'custom-/);
  refuse({ off: { "known-value": "why not" } }, /line 4 cannot switch off 'known-value'/);
  refuse({ off: { "groq-key": " " } }, /line 4 switches off 'groq-key' without a reason/);
});

test("a commit that looks for less says so", () => {
  const loosened = (before: object, after: object) =>
    loosenedSettings(settings(before), settings(after), (code) => severityOf(code, "commit"));
  assert.deepEqual(loosened({}, { off: { "groq-key": "only examples" } }), [
    "rule 'groq-key' is switched off, because: only examples",
  ]);
  assert.deepEqual(loosened({ custom: [ORDER] }, {}), ["custom rule 'custom-order' is gone"]);
  assert.deepEqual(loosened({ custom: [ORDER] }, { custom: [{ ...ORDER, severity: "note" }] }), [
    "custom rule 'custom-order' is now a note",
  ]);
  assert.deepEqual(loosened({ custom: [ORDER] }, { custom: [{ ...ORDER, pattern: "ord_x" }] }), [
    "custom rule 'custom-order' looks for something else",
  ]);
  assert.deepEqual(loosened({}, { custom: [ORDER] }), []);
  const honours = parseSettings(Buffer.from('{"allowComments": ["gitleaks:allow"]}'));
  assert.deepEqual(
    loosenedSettings(DEFAULT_SETTINGS, honours, (code) => severityOf(code, "commit")),
    ["comments 'gitleaks:allow' of other tools now accept findings"],
  );
  assert.deepEqual(loosened({ off: { "groq-key": "why" } }, {}), []);
});
