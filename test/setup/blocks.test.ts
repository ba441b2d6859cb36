import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { appendBlock, BEGIN, END, findBlock, insertBlock, removeBlocks, rewriteBlock } from "../../src/setup/blocks.ts";

const LINES = [".key", ".env"];

/** Texts of lines that are no markers, with every kind of line end, and bytes that are not UTF-8. */
const text = fc
  .array(
    fc.tuple(
      fc.constantFrom("", "a", "*.txt text", "\u00e9\u00ff", "# >>> other >>>", "#"),
      fc.constantFrom("\n", "\r\n"),
    ),
  )
  .chain((lines) =>
    fc.constantFrom("", "last line", "\r").map((last) => lines.map(([line, end]) => line + end).join("") + last),
  );

describe("a block at the end of a file", () => {
  const cases: [string, string][] = [
    ["an empty file", ""],
    ["a final newline", "*.txt text\n"],
    ["no final newline", "*.txt text"],
    ["CRLF", "*.txt text\r\n"],
    ["CRLF without a final one", "*.a\r\n*.b"],
    ["bytes that are not UTF-8", "\u00ff\u00fe\u0080\n"],
    ["nothing but a newline", "\n"],
  ];
  for (const [name, before] of cases) {
    it(`comes off byte for byte: ${name}`, () => {
      const added = appendBlock(before, "(why)", LINES);
      assert.notEqual(added.text, before);
      assert.ok(added.text.startsWith(before));
      assert.equal(removeBlocks(added.text, added.pad), before);
    });
  }

  it("comes off byte for byte, whatever the file holds", () => {
    fc.assert(
      fc.property(text, (before) => {
        const added = appendBlock(before, "", LINES);
        assert.equal(removeBlocks(added.text, added.pad), before);
      }),
    );
  });

  it("takes the file's line ends", () => {
    assert.equal(appendBlock("a\r\n", "", ["x"]).text, `a\r\n${BEGIN}\r\nx\r\n${END}\r\n`);
    assert.equal(appendBlock("a\n", "", ["x"]).text, `a\n${BEGIN}\nx\n${END}\n`);
  });

  it("leaves alone what was written after it", () => {
    const added = appendBlock("a", "", LINES);
    assert.equal(removeBlocks(`${added.text}b\n`, added.pad), "a\nb\n");
  });
});

describe("a block in a script", () => {
  it("stands right after the '#!' line", () => {
    assert.equal(insertBlock("#!/bin/sh\nexit 0\n", "", ["x"]).text, `#!/bin/sh\n${BEGIN}\nx\n${END}\nexit 0\n`);
  });
  it("stands first in a script without one", () => {
    assert.equal(insertBlock("npm test\n", "", ["x"]).text, `${BEGIN}\nx\n${END}\nnpm test\n`);
  });
  it("comes off byte for byte", () => {
    for (const before of ["#!/bin/sh", "#!/bin/sh\n", "#!/bin/sh\nexit 0", "npm test", "", "#!/bin/sh\r\nexit\r\n"]) {
      const added = insertBlock(before, "", LINES);
      assert.equal(removeBlocks(added.text, added.pad), before);
    }
  });
});

describe("a block that is there", () => {
  it("is found with its lines", () => {
    const found = findBlock(appendBlock("a\n", "(why)", LINES).text);
    assert.ok(found !== null && found !== "unfinished");
    assert.deepEqual(found.lines, LINES);
    assert.equal(found.header, `${BEGIN} (why)`);
  });
  it("keeps its place, header and line ends when its lines change", () => {
    const before = `a\r\n${BEGIN} (old)\r\nx\r\n${END} kept\r\nb\r\n`;
    const block = findBlock(before);
    assert.ok(block !== null && block !== "unfinished");
    assert.equal(rewriteBlock(before, block, ["x", "y"]), `a\r\n${BEGIN} (old)\r\nx\r\ny\r\n${END} kept\r\nb\r\n`);
  });
  it("is reported when its end line is missing, and never cut", () => {
    const broken = `a\n${BEGIN}\nx\n`;
    assert.equal(findBlock(broken), "unfinished");
    assert.equal(removeBlocks(broken), broken);
  });
  it("is not seen inside a line", () => {
    assert.equal(findBlock(`x ${BEGIN}\n${END}\n`), null);
  });
  it("is removed as often as it stands there", () => {
    const twice = appendBlock(appendBlock("a\n", "", LINES).text, "", LINES).text;
    assert.equal(removeBlocks(twice), "a\n");
  });
});
