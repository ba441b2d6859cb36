/** What is assigned stands where it is said to stand; a finding repeats no value. */
import { checkDotenv, isDotenvPath, parseDotenv, publishedLines } from "../../../src/scan/dotenv.ts";
import { assertNoLeak, type FuzzTarget, law, Pieces, PLANT, planted } from "../laws.ts";

export const target: FuzzTarget = {
  maxLength: 512,
  run(data) {
    const pieces = new Pieces(data);
    const path = pieces.byte() < 128 ? ".env" : ".env.example";
    const bytes = planted(pieces.rest());
    const text = bytes.toString("utf8");
    const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
    for (const { name, value, line, column } of parseDotenv(text)) {
      const at = lines[line - 1];
      law(at?.includes(name) === true, "a name stands elsewhere");
      const first = value.split("\n", 1)[0]!;
      law(at.startsWith(first, column - 1), "a value stands elsewhere");
    }
    isDotenvPath(text.slice(0, 100));
    publishedLines(bytes);
    const findings = checkDotenv(path, bytes);
    for (const finding of findings) {
      assertNoLeak(finding.message.replaceAll(`'${finding.name}'`, "") + finding.fix, "a finding");
    }
    // Whatever stands before it: a password on a line of its own is found.
    const closed = Buffer.concat([bytes, Buffer.from(`\n\`\n"\n'\nDB_PASSWORD=${PLANT}\n`)]);
    const all = checkDotenv(".env", closed);
    law(bytes.includes(0) || hasOpenQuote(text) || all.some((one) => one.name === "DB_PASSWORD"), "a secret is missed");
  },
};

/** A quote that is never closed takes the next lines into its value; then what it takes is the value. */
function hasOpenQuote(text: string): boolean {
  return /["'`]/.test(text);
}
