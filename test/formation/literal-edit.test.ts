import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import {
  findSecret,
  findTemplateValue,
  freeName,
  LARGEST_EDITED,
  nameOfRule,
  offsetOf,
} from "../../src/formation/literal-edit.ts";

const V = ["sk", "Qk7TzR4m1Xw9"].join("-");
const REF = "${{ secrets.A_KEY }}";

/** The text with `V` replaced, and what the secret was; or the reason why not. */
function edited(text: string, path = "agents/helper.afs", value = V): { text: string | null; value: string } | string {
  const at = text.indexOf(value);
  // A rule may know less than the whole of a secret.
  const found = findSecret(path, text, [at, at + value.length - 2]);
  if ("reason" in found) return found.reason;
  return { text: found.place.write("A_KEY"), value: found.place.value };
}

test("the reference takes the place of the secret, and nothing else changes", () => {
  const rows: [before: string, after?: string | undefined, path?: string][] = [
    [`llm:\n  api_keys:\n    openai: "${V}" # mine`],
    [`token: '${V}'`],
    [`token:   ${V}   # mine`],
    [`token:\n  ${V}\nother: 1`],
    [`headers:\n  Authorization: Bearer ${V}`],
    [`url: "https://u:${V}@host.example/p?q=1"`],
    [`? a\n: ${V}`],
    [`- - ${V}\n  - x`],
    [`a: &anchor ${V}\nb: *anchor\nc: !!str ${V.slice(0, 4)}`],
    [`a: |\r\n  one\r\n\r\n  key ${V}\r\nb: 2\r\n`],
    [`a: >-\n  one\n  key ${V}\n  two\nb: 2`],
    [`--- # first\na: 1\n---\na: ${V}\n...\n`],
    [`%YAML 1.2\n---\na: "${V}"`],
    [`# was: ${V}\na: 1 # or ${V.slice(0, 4)}`],
    [`{"a": {"b": "${V}"}}`],
    [`it: 'it''s ${V}'`],
    [`a: "line\\n${V}\\tend"`],
    [`\ta: 1 ${V}`, undefined, "sops/help.md"],
    [`# Use ${V}\n`, undefined, "skills/x/SKILL.md"],
    [`a: [${V}, b]`, `a: ["${REF}", b]`],
    [`a: {t: Bearer ${V}, u: 1}`, `a: {t: "Bearer ${REF}", u: 1}`],
    [`a: [https://u:${V}@h/?q="1"&r=\\2]`, `a: ["https://u:${REF}@h/?q=\\"1\\"&r=\\\\2"]`],
    [`a: [\n  b, # c\n  ${V}\n]`, `a: [\n  b, # c\n  "${REF}"\n]`],
    // As MUXI's readers take it.
    [`a: [\n  b,\n  "${V}"\n]\nc: 1`],
    [`a: 1\na: ${V}`],
    // The field is for a credential, so all of it is one.
    [`auth:\n  type: bearer\n  token: x.${V}=`, `auth:\n  type: bearer\n  token: ${REF}`],
  ];
  for (const [before, after = before.replace(V, REF), path] of rows) {
    const got = edited(before, path);
    assert.deepEqual(typeof got === "string" ? got : got.text, after, before);
  }
});

test("the value is what MUXI reads, whatever it is written in", () => {
  const pem = (end: string, indent: string) =>
    ["-----BEGIN X-----", "AAAA", "  BBBB", "-----END X-----"].join(`${end}${indent}`);
  const rows: [text: string, found: string, value: string][] = [
    [`token: 'it''s-${V}'`, `it''s-${V}`, `it's-${V}`],
    [`token: "a\\u0041\\"${V}\\/b"`, `a\\u0041\\"${V}\\/b`, `aA"${V}/b`],
    [`x:\n  k: |\n    ${pem("\n", "    ")}\n  l: 1`, pem("\n", "    "), pem("\n", "")],
    [`x:\r\n  k: |\r\n    ${pem("\r\n", "    ")}\r\n  l: 1`, pem("\r\n", "    "), pem("\n", "")],
    [`k: "${pem("\\n", "")}"`, pem("\\n", ""), pem("\n", "")],
    [`k: ${V}\n  ${V}`, `${V}\n  ${V}`, `${V} ${V}`],
    ["k: 1234567890123456789012", "1234567890123456789012", "1234567890123456789012"],
  ];
  for (const [text, raw, value] of rows) {
    const at = text.indexOf(raw);
    const found = findSecret("agents/a.afs", text, [at, at + raw.length]);
    assert.ok("place" in found, text);
    assert.equal(found.place.value, value);
    const after = found.place.write("A_KEY");
    assert.equal(after, text.replace(raw, REF));
  }
});

test("of what runs over lines all is taken, whatever part of it a rule knows", () => {
  const lines = ["-----BEGIN X KEY-----", "AAAA", "BBBB", "-----END X KEY-----"];
  const pem = (end: string) => lines.join(end);
  const rows: [text: string, value: string, after: string][] = [
    [`k: |\n  ${pem("\n  ")}\nl: 1`, pem("\n"), `k: |\n  ${REF}\nl: 1`],
    [`k: |2-\r\n\r\n  ${pem("\r\n  ")}\r\nl: 1`, pem("\n"), `k: |2-\r\n\r\n  ${REF}\r\nl: 1`],
    [`k: "see ${pem("\\n")}\\n"`, pem("\n"), `k: "see ${REF}\\n"`],
    [`k: >\n  x\n  ${pem("\n  ")}\n`, `x ${pem(" ")}`, `k: >\n  ${REF}\n`],
    [`k: '\n  ${pem("\n  ")}'`, ` ${pem(" ")}`, `k: '${REF}'`],
  ];
  for (const [text, value, after] of rows) {
    const from = text.indexOf("AAAA") - 1;
    const found = findSecret("agents/a.afs", text, [from, text.indexOf("-----END")]);
    assert.ok("place" in found, text);
    assert.deepEqual([found.place.value, found.place.write("A_KEY")], [value, after], text);
  }
  const note = `# Keys\n\n${pem("\n")}\n`;
  const found = findSecret("skills/a/SKILL.md", note, [note.indexOf("AAAA"), note.indexOf("BBBB")]);
  assert.ok("place" in found);
  assert.deepEqual([found.place.value, found.place.write("A_KEY")], [pem("\n"), `# Keys\n\n${REF}\n`]);
});

test("what cannot be replaced safely is said", () => {
  const rows: [text: string, reason: RegExp][] = [
    [`${V}: 1`, /name of a field/],
    [`{"${V}": 1}`, /name of a field/],
    [`a: 1\n\tb: ${V}`, /no valid YAML \(line 2\)/],
    [`a: "${V}`, /no valid YAML/],
    [`a: |\n  ${V}\n  x\nb: [`, /no valid YAML/],
    [`%FOO ${V}\n---\na: 1`, /no single value/],
    [`a: ${"x".repeat(LARGEST_EDITED)}\nb: ${V}`, /too large/],
  ];
  for (const [text, reason] of rows) {
    const got = edited(text);
    assert.match(typeof got === "string" ? got : "", reason, text.slice(0, 80));
  }
  assert.ok("reason" in findSecret("agents/a.afs", "a: b", [2, 90]), "changed since");
  assert.ok("reason" in findSecret("agents/a.afs", `a: ${REF}`, [3, 3 + REF.length]), "a reference");
});

test("a template keeps the name and what its comment says, unless a value stands there too", () => {
  const rows: [line: string, after: string, value: string][] = [
    [`A_KEY=${V}`, "A_KEY=", V],
    [` export A_KEY = "${V} # x"\r`, " export A_KEY =\r", `${V} # x`],
    [`A_KEY='${V}' # ask Ann`, "A_KEY= # ask Ann", V],
    [`A_KEY=${V}#x # or ${V}`, "A_KEY=", `${V}#x`],
  ];
  for (const [line, after, value] of rows) {
    const text = (one: string) => `B=\n${one}\nC=`;
    const found = findTemplateValue(text(line), 2);
    assert.ok("place" in found, line);
    assert.deepEqual([found.place.value, found.place.fieldName, found.place.write("X")], [value, "A_KEY", text(after)]);
  }
  for (const [text, reason] of [
    [`B=\nA_KEY="${V}\nC="`, /several lines/],
    [`B=\n${V}`, /no NAME=value/],
    ["B=", /no NAME=value/],
  ] as const) {
    const found = findTemplateValue(text, 2);
    assert.match("reason" in found ? found.reason : "", reason);
  }
});

test("no message holds a part of the file", () => {
  for (const text of [`${V}: 1`, `a: "${V}`, `\t${V}: [`, `a: *${V}`, `!${V} {`]) {
    assert.doesNotMatch(JSON.stringify(edited(text)), /Qk7T/, text);
  }
});

test("any text around a secret comes through in every style", () => {
  const around = fc.string({ unit: fc.constantFrom(..."ab é💥'\"\\:#,{}[]&*!|>%@`-? ".split("")), maxLength: 8 });
  const styles: ((text: string) => string)[] = [
    (text) => `k: ${JSON.stringify(text)} # c`,
    (text) => `k: '${text.replaceAll("'", "''")}'`,
    (text) => `k: |2-\n  ${text}\nl: 1`,
    (text) => `k: {a: ${JSON.stringify(text)}, b: [c]}`,
    (text) => `k: x${text}`,
    (text) => `k: [x${text}, c]`,
  ];
  let compared = 0;
  fc.assert(
    fc.property(around, around, fc.constantFrom(...styles), (before, after, style) => {
      const text = style(`${before} ${V} ${after}`);
      let held: unknown;
      try {
        held = parse(text);
      } catch {
        return;
      }
      const got = edited(text);
      if (typeof got === "string" || got.text === null) return;
      compared += 1;
      const restored = JSON.stringify(parse(got.text)).replace(REF, V);
      assert.equal(restored, JSON.stringify(held));
    }),
    { numRuns: process.env.SLOW === "1" ? 20_000 : 500 },
  );
  assert.ok(compared > 200, String(compared));
});

test("a name is offered from the field, else from the rule, and is free", () => {
  const nameOf = (text: string, path?: string) => {
    const at = text.indexOf(V);
    const found = findSecret(path ?? "agents/helper.afs", text, [at, at + V.length]);
    return "place" in found ? [found.place.fieldName, found.place.pathName] : found.reason;
  };
  assert.deepEqual(nameOf(`llm:\n  api_keys:\n    openai: ${V}`, "formation.afs"), [
    "OPENAI_API_KEY",
    "OPENAI_API_KEY",
  ]);
  assert.deepEqual(nameOf(`env:\n  GITHUB_PAT: ${V}`), ["GITHUB_PAT", "HELPER_GITHUB_PAT"]);
  assert.deepEqual(nameOf(`search:\n  credential: x ${V}`), [null, "HELPER_CREDENTIAL"]);
  assert.deepEqual(nameOf(`args: [--key, ${V}]`), [null, null]);
  assert.deepEqual(nameOf(`# ${V}`), [null, null]);
  assert.deepEqual(
    ["groq-key", "openai-project-key", "aws-secret-access-key", "slack-webhook", "private-key", "nylas-v3-key"].map(
      nameOfRule,
    ),
    ["GROQ_API_KEY", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "SLACK_WEBHOOK", "PRIVATE_KEY", "NYLAS_API_KEY"],
  );
  const taken = new Set(["A", "A_2"]);
  assert.equal(
    freeName("A", (name) => taken.has(name)),
    "A_3",
  );
  assert.equal(
    freeName("B", (name) => taken.has(name)),
    "B",
  );
});

test("a place is found by line and column", () => {
  const text = "a\r\n💥b\n";
  assert.deepEqual(
    [offsetOf(text, 1, 1), offsetOf(text, 2, 1), offsetOf(text, 2, 3), offsetOf(text, 9, 1)],
    [0, 3, 5, text.length + 1],
  );
});
