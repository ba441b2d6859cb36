import assert from "node:assert/strict";
import { test } from "node:test";
import { rulesByPath } from "../../src/plumbing/configuration.ts";
import { judgeFile, judgeLargeFile } from "../../src/plumbing/judge-file.ts";
import { createScanner } from "../../src/scan/engine.ts";
import { buildKnownValues } from "../../src/scan/known-values.ts";
import { parseSettings } from "../../src/settings.ts";
import { fakeGroqKey, fakeKey, opaque } from "../support/fake.ts";

const scanner = createScanner();

async function judgeUnder(settings: object, path: string, text: string, by = scanner) {
  const rulesAt = await rulesByPath(parseSettings(Buffer.from(JSON.stringify(settings))));
  const bytes = Buffer.from(text);
  const file = { path, mode: "100644", formations: [""], ...rulesAt(path) };
  const whole = judgeFile(by, { ...file, bytes }).findings;
  const inPieces = judgeLargeFile(by, { ...file, size: bytes.length, pieces: [bytes] }).findings;
  const shown = (findings: typeof whole) => findings.map(({ rule, severity }) => `${rule} ${severity}`);
  if (!path.endsWith(".afs") && !path.startsWith(".")) assert.deepEqual(shown(inPieces), shown(whole));
  return shown(whole);
}

test("a rule has the severity that the last match of its path gives it", async () => {
  const reason = "examples of the vendor";
  const rules = {
    severities: [
      { paths: ["docs/**"], severity: "note", reason },
      { paths: ["docs/**", "*.md"], rules: ["groq-key"], severity: "warning", reason },
      { paths: ["docs/old/**"], rules: ["npm-token", "groq-key"], severity: "off", reason },
    ],
  };
  const text = `a ${fakeGroqKey()}\nb ${Buffer.from(`api_key=${fakeGroqKey("b64")}`).toString("base64")}\n`;
  const found = (path: string, settings: object = { rules }) => judgeUnder(settings, path, text);
  assert.deepEqual(await found("src/a.ts"), ["groq-key error", "groq-key error"]);
  assert.deepEqual(await found("a.md"), ["groq-key warning", "groq-key warning"]);
  assert.deepEqual(await found("docs/a.ts"), ["groq-key warning", "groq-key warning"]);
  assert.deepEqual(await found("docs/old/a.md"), []);
  assert.deepEqual(await found("a.md", { rules, ignore: ["*.md"] }), []);
  const fma = `${["fm", "a_"].join("")}${"9f3b7c1e5a8d2046".repeat(4)}`;
  assert.deepEqual(await judgeUnder({ rules }, "docs/old/a.md", `${text}${fma}\n`), ["muxi-formation-key note"]);
});

test("a literal of a formation has it too", async () => {
  const text = `mcp:\n  auth:\n    token: "abc123def456"\n`;
  const severities = (severity: string) => ({
    rules: { severities: [{ paths: ["agents/**"], severity, reason: "examples" }] },
  });
  assert.deepEqual(await judgeUnder({}, "agents/a.afs", text), ["literal-secret error"]);
  assert.deepEqual(await judgeUnder(severities("warning"), "agents/a.afs", text), ["literal-secret warning"]);
  assert.deepEqual(await judgeUnder(severities("off"), "agents/a.afs", text), []);
});

test("keys, known values and files that must not be tracked have their own, whatever hides the rule that overlaps them", async () => {
  const off = { rules: { severities: [{ paths: ["**"], severity: "off", reason: "they are only examples" }] } };
  const strong = `val-${opaque(28, "known")}`;
  const known = buildKnownValues(
    [
      { formation: "", name: "STRONG", kind: "value", value: strong },
      { formation: "", name: "WEAK", kind: "value", value: "hunter2!x" },
    ],
    { publicNames: new Set() },
  );
  const text = `db_password = "hunter2!x"\nx ${strong}\n`;
  const by = createScanner({ known });
  const plain = await judgeUnder({}, "a.py", text, by);
  assert.equal(plain.length, 2);
  assert.equal(plain[0], "generic-password warning", "a rule speaks for the weak value");
  assert.deepEqual(await judgeUnder(off, "a.py", text, by), ["known-value warning", "known-value error"]);
  assert.deepEqual(await judgeUnder(off, "bot/.key", fakeKey()), ["key-file error"]);
  assert.deepEqual(
    (await judgeUnder(off, ".env", `A_TOKEN=${opaque(40, "env")}\n`)).map((one) => one.split(" ")[1]),
    ["error"],
  );
});
