import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findReferences, isReferenceFile } from "../../src/formation/references.ts";

const found = (text: string, path = "formation.afs") =>
  findReferences(path, text).map(
    ({ raw, line, column, kind }) => `${kind === "reference" ? "" : "!"}${raw}@${line}:${column}`,
  );

test("a reference is what MUXI's runtime substitutes, and what looks like one is told apart", () => {
  const rows: [text: string, expected: string[]][] = [
    ["a: ${{ secrets.A_1 }}", ["A_1@1:4"]],
    ["a: ${{secrets.A}}", ["A@1:4"]],
    ["a: ${{\t secrets.A\n  }}", ["A@1:4"]],
    ["a: ${{\r\nsecrets.A\r\n}}", ["A@1:4"]],
    ["a: ${{\u00a0secrets.A }}", ["A@1:4"]],
    ["a: ${{ secrets.A }}${{ secrets.B }}", ["A@1:4", "B@1:20"]],
    ["a: '\u{1f511} ${{ secrets.A }}'", ["A@1:8"]],
    ["\ufeffa: ${{ secrets.A }}", ["A@1:4"]],
    ["a: ${{ secrets.openai_api_key }}", ["!openai_api_key@1:4"]],
    ["a: ${{ secrets.Mixed }}", ["!Mixed@1:4"]],
    ["a: ${{ secrets.my-key }}", ["!my-key@1:4"]],
    ["a: ${{ secrets['A'] }}", ["!A@1:4"]],
    ['a: ${{ secrets["A"] }}', ["!A@1:4"]],
    ["a: ${{ secrets.A || 'x' }}", ["!A@1:4"]],
    ["a: ${{ secrets.A__B }}", ["!A__B@1:4"]],
    ["a: ${{ secrets._A }}", ["!_A@1:4"]],
    ["a: ${{ Secrets.A }}", ["!A@1:4"]],
    ["a: ${{ secrets . A }}", ["!A@1:4"]],
    ["a: ${{ secrets.A ||\n'x' }}", []],
    ["a: {{ secrets.A }}", []],
    ["a: $ {{ secrets.A }}", []],
    ["a: ${{ secrets.A }", []],
    ["a: ${{ secrets.A", []],
    ["a: ${{ secrets. }}", []],
    ["a: ${{ mysecrets.A }}", []],
    ["a: ${{ user.credentials.github }}", []],
    ["a: ${{ data.secrets.A }}", []],
    ["a: ${{ context.A }} ${{ response.A }} ${{ ui.slack.A }} ${{ env.A }}", []],
    ["${{ ${{ secrets.A }}", ["A@1:5"]],
    ["", []],
  ];
  for (const [text, expected] of rows) assert.deepEqual(found(text), expected, JSON.stringify(text));
});

test("YAML comments hold no references, text with a # in it does", () => {
  const rows: [text: string, expected: string[]][] = [
    ["# ${{ secrets.A }}", []],
    ['   #     anthropic: "${{ secrets.A }}"', []],
    ["key: v # ${{ secrets.A }}", []],
    ["key: v# ${{ secrets.A }}", ["A@1:9"]],
    ['key: "a # ${{ secrets.A }}"', ["A@1:11"]],
    ["key: 'it''s # ${{ secrets.A }}'", ["A@1:15"]],
    ['key: "a \\" # ${{ secrets.A }}"', ["A@1:14"]],
    ["key: it's # ${{ secrets.A }}", []],
    ['key: "a"  # ${{ secrets.A }}', []],
    ["- 'x' # ${{ secrets.A }}", []],
    ["key: {a: 'b # c', d: x} # ${{ secrets.A }}", []],
    ["key: |\n  # ${{ secrets.A }}\nother: 1 # ${{ secrets.B }}", ["A@2:5"]],
    ["key: >-  # note\n\n  # ${{ secrets.A }}\n\n# ${{ secrets.B }}\n", ["A@3:5"]],
    ["- key: |\n    # ${{ secrets.A }}\n  next: 1 # ${{ secrets.B }}", ["A@2:7"]],
    ['- "key": !!str |2\n     # ${{ secrets.A }}\n  # ${{ secrets.B }}', ["A@2:8"]],
    ["key: |text\n  # ${{ secrets.A }}", []],
    ['key: "a\n  # ${{ secrets.A }}"\n# ${{ secrets.B }}', ["A@2:5"]],
    ["key: a | b\n  # ${{ secrets.A }}", []],
  ];
  for (const [text, expected] of rows) {
    assert.deepEqual(found(text), expected, JSON.stringify(text));
    assert.deepEqual(found(text.replaceAll("\n", "\r\n")), expected, `CRLF ${JSON.stringify(text)}`);
  }
});

test("headings of procedures are comments to MUXI, those of skills are not", () => {
  const text = "# Use ${{ secrets.A }}\n\nCall ${{ secrets.B }} # ${{ secrets.C }}\n";
  assert.deepEqual(found(text, "sops/review.md"), ["B@3:6", "C@3:25"]);
  assert.deepEqual(found(text, "skills/web/SKILL.md"), ["A@1:7", "B@3:6", "C@3:25"]);
  assert.deepEqual(found(`---\n# ${"${{ secrets.X }}"}\nname: web\n---\n${text}`, "skills/web/SKILL.md"), [
    "A@5:7",
    "B@7:6",
    "C@7:25",
  ]);
});

test("neither the rest of an expression nor a pasted key is kept", () => {
  const secret = ["hunter2", "hunter2"].join("-");
  const pasted = ["Qk7TzR4mWv9L", "pXc2Hd8sYb3NfGj6"].join("");
  for (const text of [`${"${{ secrets.A || '"}${secret}' }}`, `${"${{ secrets."}${pasted} }}`]) {
    const references = JSON.stringify(findReferences("formation.afs", text));
    assert.ok(!references.includes(secret) && !references.includes(pasted) && references.length > 2);
  }
});

test("references stand in every place that some reader of MUXI's reads, and nowhere else", () => {
  const places = [
    "formation.afs formation.yaml formation.yml agents/a.afs agents/a.yml mcp/a.yaml mcps/a.afs a2a/a.afs transformers/a.yaml",
    "sops/a.md triggers/a.md skills/a/SKILL.md agents/a/skills/b/SKILL.md SKILL.md",
  ].flatMap((line) => line.split(" "));
  for (const path of places) assert.ok(isReferenceFile(path), path);
  const others = [
    "README.md SOUL.md secrets knowledge/a.md agents/sub/a.afs sops/sub/a.md agents/a.md agents/a.json other/a.afs my.afs",
    ".github/workflows/a.yml .github/skills/SKILL.md node_modules/x/SKILL.md Formation.afs skills/a/skill.md xagents/a.afs",
  ].flatMap((line) => line.split(" "));
  for (const path of others) assert.ok(!isReferenceFile(path), path);
});

test("references stand at the same places whatever the line ends", () => {
  const piece = fc.constantFrom(
    "\n",
    "\n",
    "# ",
    "key: ",
    "- ",
    '"',
    "'",
    "|",
    "${{ secrets.A }}",
    "${{ secrets.b }}",
    "  ",
    "x",
    "{",
    "}",
    ",",
    "#",
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }),
      fc.constantFrom("formation.afs", "sops/a.md", "SKILL.md"),
      (parts, path) => {
        const text = parts.join("");
        assert.deepEqual(found(text.replaceAll("\n", "\r\n"), path), found(text, path));
      },
    ),
    { numRuns: 300 },
  );
});

test("any text is read without failing", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void found(`\${{ secrets${text}`)));
});

/** Counts what is read of a text: code units by charCodeAt and index, and the length of slices. */
function cost(text: string): number {
  let count = 0;
  const proto = String.prototype as unknown as Record<string, (...args: never[]) => unknown>;
  const saved = new Map(
    ["charCodeAt", "slice", "startsWith"].map((name) => [name, proto[name] as (...args: never[]) => unknown]),
  );
  for (const [name, original] of saved) {
    proto[name] = function (this: string, ...args: never[]) {
      const result = Reflect.apply(original, this, args) as unknown;
      count += typeof result === "string" ? result.length : 1;
      return result;
    };
  }
  try {
    findReferences("formation.afs", text);
  } finally {
    for (const [name, original] of saved) proto[name] = original;
  }
  return count;
}

test("twice the text costs twice the work, hostile text too", () => {
  for (const piece of [
    "${{",
    "${{ secrets.",
    "${{ secrets.A ",
    "${{ secrets.A-",
    "${{ ",
    '"',
    "- ",
    "${{ secrets['",
    "a: |\n ",
    "!x ",
    "#",
    "\n",
  ]) {
    const once = cost(piece.repeat(5_000));
    const twice = cost(piece.repeat(10_000));
    assert.ok(twice <= 2.2 * once + 100, `${JSON.stringify(piece)}: ${once} then ${twice}`);
  }
});
