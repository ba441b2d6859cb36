import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openLargeFile } from "../../src/git/working-file.ts";
import { judgeFile, judgeLargeFile } from "../../src/plumbing/judge-file.ts";
import { createScanner } from "../../src/scan/engine.ts";
import { fakeGroqKey } from "../support/fake.ts";

test("a file read in pieces is judged as the same file read whole", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "muxi-git-large-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const scanner = createScanner();
  const prose = "the agent returns a value\n".repeat(150_000);
  const bytes = Buffer.from(`${prose}key = ${fakeGroqKey()}\n${prose}\0${prose}key = ${fakeGroqKey()}`);
  writeFileSync(join(folder, "large.log"), bytes);
  assert.equal(openLargeFile(folder, "large.log", bytes.length), null);
  assert.equal(openLargeFile(folder, ".", 0), null);
  assert.equal(openLargeFile(folder, "absent", 0), null);

  const large = openLargeFile(folder, "large.log", bytes.length - 1)!;
  const common = { path: "large.log", mode: "100644", formations: [], rulesApply: true };
  const inPieces = judgeLargeFile(scanner, { ...common, size: large.size, pieces: large.pieces() });
  large.close();
  assert.deepEqual(inPieces, judgeFile(scanner, { ...common, bytes }));
  assert.deepEqual(
    inPieces.findings.map(({ rule, line }) => [rule, line]),
    [
      ["groq-key", 150_001],
      ["groq-key", 450_002],
    ],
  );
});
