import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compareNames } from "../../src/formation/names.ts";
import { formatTemplate, parseTemplate, templateEntries } from "../../src/formation/template.ts";
import { mergeTemplates } from "../../src/formation/template-merge.ts";

const merge = (base: string, ours: string, theirs: string): string =>
  formatTemplate(mergeTemplates(base, ours, theirs));
const namesOf = (text: string): string[] => templateEntries(parseTemplate(text)).map(({ name }) => name);
const sortedNamesOf = (text: string): string[] => namesOf(text).sort(compareNames);

const TABLE: [what: string, base: string, ours: string, theirs: string, merged: string][] = [
  ["both add a name", "A=\n", "A=\nOURS=\n", "A=\nTHEIRS=\n", "A=\nTHEIRS=\nOURS=\n"],
  ["their notes come along", "A=\n", "A=\n", "A=\n\n# of B\nB=\n", "A=\n\n# of B\nB=\n"],
  [
    "notes that are there already do not",
    "# of all\nA=\n",
    "# of all\nA=\n",
    "# of all\nB=\nA=\n",
    "B=\n# of all\nA=\n",
  ],
  ["at the front", "A=\n", "A=\n", "B=\nA=\n", "B=\nA=\n"],
  ["theirs removed, ours left alone", "A=\n# of B\nB=\nC=\n", "A=\n# of B\nB=\nC=\nD=\n", "A=\nC=\n", "A=\nC=\nD=\n"],
  ["a note of ours above it stays", "A=\n", "# mine\nA=\n", "", "# mine\n"],
  ["ours removed, theirs left alone", "A=\nB=\n", "A=\n", "A=\nB=\nC=\n", "A=\nC=\n"],
  ["theirs removed, ours changed", "A=x\n", "A=y\n", "", "A=y\n"],
  ["a placeholder of theirs", "A=x\n", "A=x\nB=\n", "A=y\n", "A=y\nB=\n"],
  ["a placeholder of both", "A=x\n", "A=y\n", "A=z\n", "A=y\n"],
  ["both added the same", "", "A=\n", "A=\n", "A=\n"],
  ["no line end at the end", "A=", "A=", "A=\nB=", "A=\nB=\n"],
  ["CRLF stays CRLF", "A=\r\n", "A=\r\n", "A=\nB=\n", "A=\r\nB=\r\n"],
  ["a BOM stays", "A=\n", "\uFEFFA=\n", "A=\nB=\n", "\uFEFFA=\nB=\n"],
  ["from nothing", "", "", "# hello\nA=\n", "# hello\nA=\n"],
];

describe("a merge of templates", () => {
  for (const [what, base, ours, theirs, merged] of TABLE) {
    it(what, () => assert.equal(merge(base, ours, theirs), merged));
  }

  const names = fc.uniqueArray(fc.constantFrom("A", "B", "C", "D", "E"));
  const template = names.map((held) => held.map((name) => `# of ${name}\n${name}=\n`).join(""));

  it("holds each name that either side added, and none that either side removed, once", () => {
    fc.assert(
      fc.property(template, template, template, (base, ours, theirs) => {
        const [b, o, t] = [base, ours, theirs].map((text) => new Set(namesOf(text)));
        const expected = ["A", "B", "C", "D", "E"].filter((name) =>
          b!.has(name) ? o!.has(name) && t!.has(name) : o!.has(name) || t!.has(name),
        );
        assert.deepEqual(sortedNamesOf(merge(base, ours, theirs)), expected);
      }),
    );
  });

  it("with a side that did nothing is the other side's names, and ours to the byte where theirs did nothing", () => {
    fc.assert(
      fc.property(template, template, (base, changed) => {
        assert.equal(merge(base, changed, base), changed);
        assert.deepEqual(sortedNamesOf(merge(base, base, changed)), sortedNamesOf(changed));
      }),
    );
  });
});
