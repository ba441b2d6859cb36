/** What is written as `NAME='value'` is read so; no message repeats a value. */
import { parseAssignments } from "../../../src/secrets/assignments.ts";
import { attempt, type FuzzTarget, law, Pieces, planted } from "../laws.ts";

const CODES = ["json-syntax", "json-duplicate-name", "json-encoding"];

export const target: FuzzTarget = {
  maxLength: 400,
  run(data) {
    const pieces = new Pieces(data);
    if (pieces.byte() < 128) {
      const bytes = planted(pieces.rest());
      const result = attempt(CODES, () => parseAssignments(bytes));
      if ("refused" in result || result.value === null) return;
      for (const [name, value] of result.value) {
        law(/^[A-Za-z_][A-Za-z0-9_.-]{0,255}$/.test(name), "a name that is none");
        law(value.kind === "string", "a value that is no string");
      }
      return;
    }
    const expected = new Map<string, string>();
    const lines: string[] = [];
    while (pieces.left > 0 && expected.size < 10) {
      const name = `N${expected.size}`;
      const value = planted(pieces.bytes(60)).toString("utf8").replace(/\r+\n/g, "\n");
      // The quotes that the value does not hold; where it holds both, the double ones with escapes.
      if (value.includes("\0")) continue;
      if (!value.includes("'")) lines.push(`${name}='${value}'`);
      else if (!value.includes("`")) lines.push(`export ${name} = \`${value}\` # note`);
      else lines.push(`${name}="${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`);
      expected.set(name, value);
    }
    const read = parseAssignments(Buffer.from(lines.join("\n")));
    law(read !== null && read.size === expected.size, "an assignment is lost");
    for (const [name, value] of expected) {
      const found = read.get(name);
      law(found?.kind === "string" && found.value === value, "another value than was written");
    }
  },
};
