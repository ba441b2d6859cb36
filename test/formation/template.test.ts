import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { normalizeName } from "../../src/formation/names.ts";
import {
  addNames,
  conflictMarkerLines,
  decodeTemplate,
  formatTemplate,
  parseTemplate,
  templateEntries,
} from "../../src/formation/template.ts";

const entriesOf = (text: string) => templateEntries(parseTemplate(text));
const add = (text: string, ...names: string[]) => formatTemplate(addNames(parseTemplate(text), names));
const templateText = fc
  .array(
    fc.oneof(
      fc.constantFrom("\n", "\r\n", "\r", "=", "#", " ", "\ufeff", "A=", "export B=", "C", "\t"),
      fc.string({ unit: "binary" }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

test("a template comes back byte for byte", () => {
  fc.assert(fc.property(templateText, (text) => assert.equal(formatTemplate(parseTemplate(text)), text)));
});

test("lines are read as MUXI reads them", () => {
  const text = "\ufeff# comment\r\nA=1\r\n\n  B = two = 2  \nBARE\n=skipped\nexport C=x\nA=again\n  # D=\nE=# note";
  assert.deepEqual(
    entriesOf(text).map(({ name, value, line, column, valueColumn, exported, assigned }) => [
      name,
      value,
      line,
      column,
      valueColumn,
      exported,
      assigned,
    ]),
    [
      ["A", "1", 2, 1, 3, false, true],
      ["B", "two = 2", 4, 3, 7, false, true],
      ["BARE", "", 5, 1, 1, false, false],
      ["C", "x", 7, 8, 10, true, true],
      ["A", "again", 8, 1, 3, false, true],
      ["E", "# note", 10, 1, 3, false, true],
    ],
  );
  assert.deepEqual(entriesOf(""), []);
});

test("names are added after what is there, in the file's own line end", () => {
  assert.equal(add("", "B", "A"), "A=\nB=\n");
  assert.equal(add("# note\r\nA=\r\n", "C", "B", "A"), "# note\r\nA=\r\nB=\r\nC=\r\n");
  assert.equal(add("A=", "B"), "A=\nB=\n");
  assert.equal(add("A=\n\n# end", "B"), "A=\n\n# end\nB=\n");
  assert.equal(add("\ufeffA=\n", "B"), "\ufeffA=\nB=\n");
  assert.equal(add("A=\nB", "B", "A"), "A=\nB");
});

test("adding names keeps every line and is done once", () => {
  const names = fc.array(fc.string().map(normalizeName), { maxLength: 5 });
  fc.assert(
    fc.property(templateText, names, (text, wanted) => {
      const once = add(text, ...wanted);
      assert.ok(once.startsWith(text));
      assert.equal(add(once, ...wanted), once);
      const held = new Set(entriesOf(once).map((entry) => entry.name));
      for (const name of wanted) assert.ok(name === "" || held.has(name));
    }),
  );
});

test("a merge's marker lines are found, a title's underline is none", () => {
  const text = "A=\n<<<<<<< HEAD\nB=\n||||||| base\n=======\nC=\n>>>>>>> other\n";
  assert.deepEqual(conflictMarkerLines(parseTemplate(text)), [2, 4, 5, 7]);
  assert.deepEqual(conflictMarkerLines(parseTemplate(text.replaceAll("\n", "\r\n"))), [2, 4, 5, 7]);
  assert.deepEqual(
    entriesOf(text).map((entry) => entry.name),
    ["A", "B", "C"],
  );
  assert.deepEqual(conflictMarkerLines(parseTemplate("# Title\n=======\nA=\n")), []);
});

test("a template that MUXI cannot read is named as such, and its lines are still found", () => {
  assert.deepEqual(decodeTemplate(Buffer.from("\ufeffA=\r\n")), { text: "\ufeffA=\r\n" });
  assert.deepEqual(decodeTemplate(Buffer.alloc(0)), { text: "" });
  const utf16 = decodeTemplate(Buffer.from("\ufeffA=x\n", "utf16le"));
  assert.match(utf16.problem ?? "", /UTF-16/);
  assert.equal(utf16.text, "A=x\n");
  assert.equal(decodeTemplate(Buffer.from("A=x\n", "utf16le")).text, "A=x\n");
  const latin = decodeTemplate(Buffer.from("# cl\u00e9\nA=\n", "latin1"));
  assert.match(latin.problem ?? "", /not UTF-8/);
  assert.ok(latin.text?.endsWith("A=\n"));
  const binary = decodeTemplate(Buffer.from([0x41, 0x3d, 0, 1, 2, 0xff, 0]));
  assert.deepEqual(binary, { text: null, problem: "is not text" });
});
