import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { applyAllowComments } from "../../src/scan/allow.ts";
import { createScanner } from "../../src/scan/engine.ts";
import { buildKnownValues } from "../../src/scan/known-values.ts";

const GROQ = `${["gs", "k_"].join("")}Zq4mN8vK2xR7tB5cY9wL3pD6hJ1sF0gAzQ4nM8bV2xC7kT5yR9wE`;
const scanner = createScanner();
const apply = (text: string | Buffer) => {
  const bytes = Buffer.from(text as string);
  const { kept, allowed, ineffective } = applyAllowComments(scanner.scan("a", bytes), bytes);
  return { kept: kept.length, allowed: allowed.map((a) => [a.line, a.reason]), why: ineffective.map((i) => i.why) };
};

describe("an allow comment accepts its finding", () => {
  for (const [name, text, line] of [
    ["same line, hash", `k: ${GROQ} # muxi-git:allow groq-key revoked in May`, 1],
    ["same line, slashes", `k("${GROQ}"); // muxi-git:allow groq-key revoked in May`, 1],
    ["same line, block", `k = "${GROQ}" /* muxi-git:allow groq-key revoked in May */ + x`, 1],
    ["same line, after a mark and other text", `\uFEFF漢🙂 k = "${GROQ}" # muxi-git:allow groq-key revoked in May`, 1],
    ["same line, far away", `${"🙂".repeat(900)}k = "${GROQ}" # muxi-git:allow groq-key revoked in May`, 1],
    [
      "same line, after another comment",
      `k: ${GROQ} # muxi-git:allow npm-token x # muxi-git:allow groq-key revoked in May`,
      1,
    ],
    ["line before, block", `/* muxi-git:allow groq-key revoked in May */\nk = "${GROQ}"`, 1],
    ["line before, hash", `# muxi-git:allow groq-key revoked in May\nk: ${GROQ}`, 1],
    ["line before, HTML", `x\n<!-- muxi-git:allow groq-key revoked in May -->\n${GROQ}`, 2],
    ["line before, SQL, CRLF", `x\r\n-- muxi-git:allow groq-key revoked in May\r\n${GROQ}\r\n`, 2],
    ["with dashes before the reason", `${GROQ} ; muxi-git:allow groq-key -- revoked in May`, 1],
  ] as const) {
    test(name, () => {
      const result = apply(text);
      assert.equal(result.kept, 0);
      assert.equal(result.allowed.length, 1);
      assert.equal(result.allowed[0]![0], line);
      assert.match(String(result.allowed[0]![1]), /^revoked in May/);
    });
  }
  test("in UTF-16", () => {
    const bytes = Buffer.from(`\uFEFF# muxi-git:allow groq-key revoked in May\nk: ${GROQ}`, "utf16le");
    assert.equal(applyAllowComments(scanner.scan("a", bytes), bytes).kept.length, 0);
  });
});

test("a reason ends where its comment ends, so that what follows is not printed", () => {
  for (const end of ["*/", "-->", "#}", "%>", "}}"]) {
    assert.deepEqual(apply(`${GROQ} /* muxi-git:allow groq-key revoked in May ${end} k = "x9"`).allowed, [
      [1, "revoked in May"],
    ]);
  }
});

describe("it does not", () => {
  test("before the finding on its line", () => {
    const result = apply(`/* muxi-git:allow groq-key revoked in May */ k = "${GROQ}"`);
    assert.deepEqual(result, { kept: 1, allowed: [], why: ["stands before the finding"] });
    assert.equal(apply(`# muxi-git:allow groq-key revoked ${GROQ}`).kept, 1);
  });
  test("on a line before that holds more than the comment", () => {
    assert.equal(apply(`/* muxi-git:allow groq-key revoked in May */ k = 1\nk = "${GROQ}"`).kept, 1);
  });
  test("with a finding in its reason, of whatever rule", () => {
    const fma = `${["fm", "a_"].join("")}${"9f3b7c1e5a8d2046".repeat(4)}`;
    for (const text of [
      `${GROQ} # muxi-git:allow groq-key like ${fma}`,
      `# muxi-git:allow groq-key is ${fma}\n${GROQ}`,
    ]) {
      const result = apply(text);
      assert.equal(result.kept, 2);
      assert.ok(result.why.includes("has a finding in its reason"));
    }
  });
  test("for another rule, nor for none", () => {
    for (const [comment, why] of [
      ["npm-token it is old", "names another rule: the finding's is groq-key"],
      ["groq-keys it is old", "names another rule: the finding's is groq-key"],
      ["", "names no rule: the finding's is groq-key"],
      [" -- it is old", "names no rule: the finding's is groq-key"],
      ["GROQ-KEY it is old", "names no rule: the finding's is groq-key"],
    ]) {
      assert.deepEqual(apply(`${GROQ} # muxi-git:allow ${comment}`), { kept: 1, allowed: [], why: [why] });
    }
  });
  test("from a line of code before", () =>
    assert.equal(apply(`a = 1 # muxi-git:allow groq-key it is old\n${GROQ}`).kept, 1));
  test("from two lines before or the line after", () => {
    assert.equal(apply(`# muxi-git:allow groq-key it is old\n\n${GROQ}`).kept, 1);
    assert.equal(apply(`${GROQ}\n# muxi-git:allow groq-key it is old`).kept, 1);
  });
  test("as a comment of another tool", () => {
    assert.equal(apply(`${GROQ} # gitleaks:allow`).kept, 1);
    assert.equal(apply(`${GROQ} # pragma: allowlist secret`).kept, 1);
  });
  test("for the second secret of a line that it does not name", () => {
    const fma = `${["fm", "a_"].join("")}${"9f3b7c1e5a8d2046".repeat(4)}`;
    assert.equal(apply(`${GROQ} ${fma} # muxi-git:allow groq-key it is old`).kept, 1);
  });
  test("for a known value that blocks, nor for a key; a weak known value it does", () => {
    const known = buildKnownValues(
      [
        { formation: "", name: "TOKEN", value: GROQ, kind: "value" },
        { formation: "", name: "HOST", value: "production", kind: "value" },
      ],
      { publicNames: new Set() },
    );
    const strict = createScanner({ known });
    const run = (text: string) => applyAllowComments(strict.scan("a", Buffer.from(text)), Buffer.from(text));
    const strong = run(`${GROQ} # muxi-git:allow known-value it is old`);
    assert.equal(strong.kept.length, 1);
    assert.match(strong.ineffective[0]!.why, /cannot be allowed/);
    assert.equal(run("x production # muxi-git:allow known-value it is the name").kept.length, 0);
  });
});

test("without a reason it turns the finding into a warning that says so", () => {
  for (const comment of [
    "# muxi-git:allow groq-key",
    "<!-- muxi-git:allow groq-key-->",
    "// muxi-git:allow groq-key -- !",
  ]) {
    for (const text of [`${GROQ} ${comment}`, `${comment}\n${GROQ}`]) {
      const bytes = Buffer.from(text);
      const [error] = scanner.scan("a", bytes);
      const { kept, ...rest } = applyAllowComments([error!], bytes);
      assert.equal(error!.severity, "error");
      assert.deepEqual(kept, [
        { ...error, severity: "warning", message: `${error!.message}; its allow comment gives no reason` },
      ]);
      assert.deepEqual(rest, { allowed: [], ineffective: [] });
    }
  }
  const both = `# muxi-git:allow groq-key revoked in May\n${GROQ} # muxi-git:allow groq-key`;
  assert.deepEqual(apply(both), { kept: 0, allowed: [[1, "revoked in May"]], why: [] });
});

test("a comment that accepts one finding of its line is not called idle for another", () => {
  const fma = `${["fm", "a_"].join("")}${"9f3b7c1e5a8d2046".repeat(4)}`;
  assert.deepEqual(apply(`${GROQ} ${fma} # muxi-git:allow groq-key it is old`).why, []);
});

test("comments of other tools count where the settings say so, after the finding, and for no key or value", () => {
  const foreign = ["gitleaks:allow", "pragma: allowlist secret"] as const;
  const value = "val-k3V9q2X7m4Zb8Nc1Tw6R";
  const known = buildKnownValues([{ formation: "", name: "A", kind: "value", value }], { publicNames: new Set() });
  const kept = (text: string, honoured: typeof foreign | []) => {
    const bytes = Buffer.from(text);
    return applyAllowComments(createScanner({ known }).scan("a", bytes), bytes, 1, honoured).kept.length;
  };
  for (const comment of foreign) {
    assert.equal(kept(`${GROQ} # ${comment}`, []), 1);
    assert.equal(kept(`${GROQ} # ${comment}`, foreign), 0);
    assert.equal(kept(`# ${comment} ${GROQ}`, foreign), 1, "before the finding");
    assert.equal(kept(`# ${comment}\n${GROQ}`, foreign), 1, "on another line");
    assert.equal(kept(`${value} # ${comment}`, foreign), 1, "a known value");
  }
});
