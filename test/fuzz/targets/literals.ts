/** Comments, block scalars and literals are ranges of the text, in order and apart. */
import { sha256 } from "../../../src/builtin.ts";
import { findLiterals } from "../../../src/formation/literals.ts";
import { normalizeName } from "../../../src/formation/names.ts";
import { type Range, yamlLayout } from "../../../src/formation/yaml-layout.ts";
import { type FuzzTarget, law, offsetOf, Pieces, planted } from "../laws.ts";

const PATHS = ["formation.afs", "agents/a.afs", "mcp/a.yml"];

function assertRanges(ranges: readonly Range[], text: string, what: string): void {
  let end = 0;
  for (const [from, to] of ranges) {
    law(from >= end && to >= from && to <= text.length, `${what} are out of order`);
    end = to;
  }
}

export const target: FuzzTarget = {
  maxLength: 512,
  run(data) {
    const pieces = new Pieces(data);
    const path = PATHS[pieces.byte() % PATHS.length]!;
    const text = planted(pieces.rest()).toString("utf8");
    const layout = yamlLayout(text);
    assertRanges(layout.comments, text, "comments");
    assertRanges(layout.blocks, text, "block scalars");
    for (const [from] of layout.comments) law(text[from] === "#", "a comment without its sign");

    const literals = findLiterals(path, text);
    assertRanges(
      literals.map(({ start, end }) => [start, end]),
      text,
      "literals",
    );
    for (const literal of literals) {
      law(literal.start < literal.end, "an empty literal");
      law(offsetOf(text, literal.line, literal.column) === literal.start, "a literal stands elsewhere");
      law(offsetOf(text, literal.endLine, literal.endColumn) === literal.end, "a literal ends elsewhere");
      law(literal.secretId === sha256(text.slice(literal.start, literal.end)), "another secret");
      law(!text.slice(literal.start, literal.end).includes("${{"), "a reference is called a literal");
      law(normalizeName(literal.suggestedName) === literal.suggestedName, "a name that MUXI would not store");
    }
  },
};
