import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv } from "ajv";
import fc from "fast-check";
import { PROBLEM_CODES } from "../src/formation/problem.ts";
import { globFault } from "../src/glob-form.ts";
import { parseSettings, SEVERITIES } from "../src/settings.ts";
import { formatSettingsSchema } from "../src/settings-schema.ts";
import { PROJECT } from "./support/repo.ts";

const RUNS = process.env.SLOW === "1" ? 100_000 : 3_000;
const SHIPPED = readFileSync(join(PROJECT, "muxi-git.schema.json"), "utf8");
const validate = new Ajv({ strict: true, allErrors: false }).compile(JSON.parse(SHIPPED));

function accepts(value: unknown): boolean {
  try {
    parseSettings(Buffer.from(JSON.stringify(value)), "99.0.0");
    return true;
  } catch {
    return false;
  }
}

test("the shipped schema is made from the parser's tables", () => {
  assert.equal(SHIPPED, formatSettingsSchema(), "run: npm run schema");
  const { files } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { files: string[] };
  assert.ok(files.includes("muxi-git.schema.json"));
});

test("the schema accepts what the parser accepts", () => {
  const odd = fc.oneof(
    fc.constantFrom<unknown>(null, 1, true, "", "x", [], {}, [1], [""], [null], { a: 1 }),
    fc.jsonValue(),
  );
  const named = <T>(values: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 5, arbitrary: values as fc.Arbitrary<unknown> }, odd);
  const values: Record<string, fc.Arbitrary<unknown>> = {
    $schema: named(fc.string()),
    requires: named(fc.constantFrom(">=0.3", ">=1.2.3-rc.1", "^1", ">=1.", ">=01", `>=1.0.0-${"a".repeat(60)}`)),
    hooks: named(fc.array(fc.constantFrom("pre-commit", "pre-push", "commit-msg", "post-commit"), { maxLength: 3 })),
    publicNames: named(fc.array(fc.string(), { maxLength: 2 })),
    ignore: named(
      fc.array(fc.constantFrom("a/**", "*.{a,b}", "!a", "(a)", "a/", "", "a".repeat(257)), { maxLength: 2 }),
    ),
    severities: named(
      fc.dictionary(fc.constantFrom<string>(...PROBLEM_CODES, "x"), fc.constantFrom(...SEVERITIES, "x"), {
        maxKeys: 2,
      }),
    ),
    allowComments: named(
      fc.array(fc.constantFrom("gitleaks:allow", "pragma: allowlist secret", "nosec"), { maxLength: 2 }),
    ),
    rules: named(
      fc.record(
        {
          off: fc.dictionary(
            fc.constantFrom("groq-key", "known-value", "known-values", "A"),
            fc.constantFrom("why", "", "x"),
            {
              maxKeys: 2,
            },
          ),
          custom: fc.array(
            fc.record(
              {
                id: fc.constantFrom("custom-a", "custom-a", "a", "custom-A"),
                pattern: fc.constantFrom("abc_[a-z]{4,9}", "", "a".repeat(513)),
                keywords: fc.constantFrom(["abc_"], ["abc_", "xyz"], [], ["ab"], ["äbc"], [1]),
                severity: fc.constantFrom("error", "note", "off"),
                message: fc.constantFrom("a token", "a", "a".repeat(201)),
                more: fc.constant(1),
              },
              { requiredKeys: ["id", "pattern", "keywords", "message"] },
            ),
            { maxLength: 1 },
          ),
          severities: fc.array(
            fc.record(
              {
                paths: fc.constantFrom<unknown>(["a/**"], ["a/**", "*.md"], ["a/"], [], "a"),
                rules: fc.constantFrom<unknown>(["groq-key"], ["custom-a"], ["known-key"], [""], []),
                severity: fc.constantFrom("off", "note", "x"),
                reason: fc.constantFrom("why", " x"),
                more: fc.constant(1),
              },
              { requiredKeys: ["paths", "severity", "reason"] },
            ),
            { maxLength: 1 },
          ),
          other: odd,
        },
        { requiredKeys: [] },
      ),
    ),
    other: odd,
  };
  const member = fc.oneof(...Object.entries(values).map(([name, value]) => fc.tuple(fc.constant(name), value)));
  const settings = fc.array(member, { maxLength: 2 }).map((members): unknown => Object.fromEntries(members));
  let accepted = 0;
  fc.assert(
    fc.property(fc.oneof({ weight: 9, arbitrary: settings }, odd), (value) => {
      const expected = accepts(value);
      assert.equal(validate(value), expected, JSON.stringify(validate.errors));
      accepted += Number(expected);
    }),
    { numRuns: RUNS },
  );
  assert.ok(accepted > RUNS / 20 && accepted < RUNS * 0.95, `${accepted} of ${RUNS} accepted`);
});

test("the schema knows the same globs", () => {
  const pieces = [
    "a",
    "b",
    ".",
    "..",
    "/",
    "*",
    "**",
    "?",
    "{a,b}",
    "{a}",
    "{",
    "}",
    ",",
    "$",
    "!",
    "(",
    "[",
    "]",
    "|",
    "\\",
    '"',
    "+",
  ];
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 7 }), (chosen) => {
      const glob = chosen.join("");
      const expected = globFault(glob) === null;
      assert.equal(validate({ ignore: [glob] }), expected, glob);
      accepted += Number(expected);
    }),
    { numRuns: RUNS * 3 },
  );
  assert.ok(accepted > RUNS / 20, `${accepted} accepted`);
});
