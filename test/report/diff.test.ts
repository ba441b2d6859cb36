import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Ajv } from "ajv";
import fc from "fast-check";
import type { FormationReview } from "../../src/formation/review.ts";
import {
  type DiffReport,
  formatDiffGithub,
  formatDiffGitlab,
  formatDiffJson,
  formatDiffMarkdown,
  formatDiffText,
} from "../../src/report/diff.ts";
import { formatDiffSchema } from "../../src/report/diff-schema.ts";
import { styleFor } from "../../src/terminal.ts";
import { PROJECT } from "../support/repo.ts";

const PLAIN = styleFor(false, {});
const NOTHING: FormationReview = {
  path: "bot",
  formation: "kept",
  movedFrom: null,
  keys: { base: "opened", head: "opened" },
  exact: true,
  added: [],
  removed: [],
  changed: [],
  renamed: [],
  rekeyed: false,
  encryptedChanged: true,
  template: { added: [], removed: [] },
  references: { added: [], removed: [] },
  uses: [],
  removedInUse: [],
  problems: [],
  unread: [],
};

function report(formations: Partial<FormationReview>[], loosened: DiffReport["loosened"] = []): DiffReport {
  return {
    base: "a".repeat(40),
    head: "working tree",
    formations: formations.map((one) => ({ ...NOTHING, ...one })),
    loosened,
  };
}

const at = (name: string, line: number, path = "bot/a.afs") => ({ name, path, line });
const full = report(
  [
    {
      added: ["NEW"],
      removed: ["OLD", "LEFT"],
      changed: ["SAME"],
      renamed: [{ from: "WAS", to: "IS" }],
      template: { added: ["NEW", "ONLY_HERE"], removed: [] },
      references: { added: [at("NEW", 1), at("WRONG", 2), at("BESIDE", 3)], removed: [] },
      uses: [
        at("IS", 9),
        at("LEFT", 4),
        at("NEW", 1),
        ...[5, 6, 7, 8].map((line) => at("SAME", line, `bot/${line}.afs`)),
      ],
      removedInUse: ["LEFT"],
      problems: [
        {
          code: "reference-not-in-template",
          severity: "error",
          formation: "bot",
          path: "bot/a.afs",
          line: 2,
          name: "WRONG",
          message: "'WRONG' is missing",
          fix: "F",
        },
      ],
    },
    { path: "", formation: "moved", movedFrom: "was here", rekeyed: true, changed: [], unread: ["secrets"] },
    { path: "shut", exact: false, changed: null, rekeyed: null, keys: { base: "wrong-key", head: "no-key" } },
  ],
  [{ kind: "setting", path: "muxi-git.json", message: "rules no longer apply to 'docs/**'" }],
);

test("text: what happened to each name and who uses it", () => {
  assert.deepEqual(formatDiffText(full, PLAIN), [
    "bot",
    "  + NEW  bot/a.afs:1",
    "  - OLD",
    "  - LEFT  still used: bot/a.afs:4",
    "  ~ SAME  bot/5.afs:5, bot/6.afs:6, bot/7.afs:7 and 1 more",
    "  > WAS is now IS  bot/a.afs:9",
    "  template: added ONLY_HERE",
    "  references: added BESIDE at a.afs:3",
    "  ! bot/a.afs:2  reference-not-in-template: 'WRONG' is missing",
    ".: moved from was here, encrypted with another key, no value changed",
    "  ? not compared, since it cannot be read here: secrets",
    "shut",
    "  ? secrets.enc changed; which names in it did is not known (before: the key here does not open it, now: no key here)",
    "where secrets.enc was not opened, names are those of the template",
    "loosened",
    "  ! muxi-git.json  rules no longer apply to 'docs/**'",
  ]);
  assert.deepEqual(formatDiffText(report([]), PLAIN), []);
});

test("markdown: the same, a table for the names", () => {
  const lines = formatDiffMarkdown(full);
  for (const line of [
    "### Secrets: 3 formations differ, 1 problem, 1 loosening",
    "- `muxi-git.json`: rules no longer apply to `docs/**`",
    "#### `bot`",
    "| removed | `OLD` |  |",
    "| removed | `LEFT` | **still used**: `a.afs:4` |",
    "| renamed | `WAS` → `IS` | `a.afs:9` |",
    "- **error** `a.afs:2`: `WRONG` is missing",
    "#### `.`: moved from `was here`, encrypted with another key, no value changed",
    "Where secrets.enc was not opened, names are those of the template.",
  ])
    assert.ok(lines.includes(line), `${line}\n--\n${lines.join("\n")}`);
  assert.deepEqual(formatDiffMarkdown(report([])), ["### Secrets: nothing changed"]);
});

test("places are those in the formation's folder, where it was and where it is", () => {
  const references = { added: [at("NEW", 2, "new/bot/x.afs")], removed: [at("OLD", 1, "old/x.afs")] };
  const lines = formatDiffMarkdown(report([{ path: "new/bot", formation: "moved", movedFrom: "old", references }]));
  assert.ok(
    lines.includes("- references: added `NEW at x.afs:2`") && lines.includes("- references: removed `OLD at x.afs:1`"),
  );
});

test("markdown stays within its room, and says what is left out", () => {
  const many = report(
    Array.from({ length: 200 }, (_, number) => ({ path: `bot-${number}`, added: [`NAME_${number}`] })),
  );
  const cut = formatDiffMarkdown(many, 4000);
  const bytes = Buffer.byteLength(cut.join("\n"));
  assert.ok(bytes <= 4000 && bytes > 3000, String(bytes));
  const shown = cut.filter((line) => line.startsWith("#### ")).length;
  assert.ok(cut.includes(`${200 - shown} more formations are not shown here.`), cut.at(-1));
});

test("GitHub: at most ten annotations, the worst first, and a line that counts", () => {
  const problem = full.formations[0]!.problems[0]!;
  const problems = Array.from({ length: 12 }, (_, line) => ({ ...problem, line: line + 1, name: `N${line}` }));
  const lines = formatDiffGithub(report([{ rekeyed: true, changed: ["X"], problems, removedInUse: ["LEFT"] }]));
  assert.equal(lines.length, 11);
  assert.equal(
    lines[0],
    "::error file=bot/secrets.enc,title=removed-in-use::'LEFT' is referenced here and was removed",
  );
  assert.ok(lines.slice(0, 10).every((line) => line.startsWith("::error ")));
  assert.equal(lines[10], "secrets: 1 formation differs, 12 problems, 5 more in the summary");

  const few = formatDiffGithub(report([{ rekeyed: true, changed: ["X"] }]));
  assert.deepEqual(few, [
    "::warning file=bot/secrets.enc,title=rekeyed::encrypted with another key",
    "::notice file=bot/secrets.enc,title=secrets::changed 'X'",
    "secrets: 1 formation differs",
  ]);
});

test("GitLab: an issue each, with a fingerprint of its own that does not hang on the line", () => {
  const issues = (given: DiffReport) => JSON.parse(formatDiffGitlab(given)) as Record<string, string>[];
  const found = issues(full);
  assert.deepEqual(found.map((issue) => [issue.severity, issue.check_name]).slice(0, 4), [
    ["major", "removed-in-use"],
    ["major", "reference-not-in-template"],
    ["minor", "rekeyed"],
    ["minor", "loosened"],
  ]);
  assert.equal(new Set(found.map((issue) => issue.fingerprint)).size, found.length);
  const [first] = full.formations;
  const below = { ...first!, problems: first!.problems.map((one) => ({ ...one, line: 77 })) };
  const moved = issues({ ...full, formations: [below, ...full.formations.slice(1)] });
  assert.deepEqual(
    moved.map((issue) => issue.fingerprint),
    found.map((issue) => issue.fingerprint),
  );
});

test("ten thousands of names that are all referenced take no time that grows with their square", () => {
  const names = Array.from({ length: 30_000 }, (_, index) => `N${index}_KEY`);
  const uses = names.map((name, index) => at(name, index + 1));
  const many = report([{ removed: names, removedInUse: names, uses }]);
  const before = performance.now();
  assert.equal(formatDiffText(many, PLAIN).length, names.length + 1);
  assert.equal(formatDiffGithub(many).length, 11);
  const took = performance.now() - before;
  assert.ok(took < 4000, `${Math.round(took)} ms`);
});

test("JSON is as the shipped schema says", () => {
  const shipped = readFileSync(join(PROJECT, "muxi-git-diff.schema.json"), "utf8");
  assert.equal(shipped, formatDiffSchema(), "run: npm run schema");
  const { files } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { files: string[] };
  assert.ok(files.includes("muxi-git-diff.schema.json"));
  const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(JSON.parse(shipped) as object);
  assert.ok(validate(JSON.parse(formatDiffJson(full))), JSON.stringify(validate.errors));
  assert.ok(!validate({ ...(JSON.parse(formatDiffJson(full)) as object), value: "x" }));
});

describe("a name, path or reason cannot say anything but itself", () => {
  const bit = fc.constantFrom(
    "`",
    "``",
    "|",
    "\\",
    "\n",
    "\r",
    "::error::x",
    "##[error]",
    "@team",
    "<img src=x>",
    "*",
    "_",
    "[a](b)",
    "http://a.b",
    "www.a.b",
    "#1",
    "'",
    " ",
    "-",
    ">",
    "%0A",
    "\u202e",
    "\u001b[2J",
    "$",
    ":",
    ",",
    "A",
    "~~~",
    "&lt;",
  ); // prettier-ignore
  const text = fc.array(bit, { minLength: 1, maxLength: 6 }).map((bits) => bits.join(""));
  const hostile = fc.array(text, { minLength: 12, maxLength: 12 }).map((list) => {
    const next = (): string => list.shift() ?? "x";
    const path = next();
    const used = next();
    return report(
      [
        {
          path,
          formation: "moved",
          movedFrom: next(),
          added: [used],
          removed: [next()],
          changed: [next()],
          renamed: [{ from: next(), to: next() }],
          template: { added: [next()], removed: [] },
          references: { added: [at(next(), 1, `${path}/${next()}`)], removed: [] },
          uses: [at(used, 1, `${path}/${used}`)],
          unread: [`${path}/${next()}`],
          problems: [
            {
              ...full.formations[0]!.problems[0]!,
              path: `${path}/${used}`,
              name: used,
              message: `'${used}' is ${used}`,
            },
          ],
        },
      ],
      [{ kind: "baseline", path, message: `a finding of x is accepted, because: ${next()}` }],
    );
  });

  /** CommonMark: a code span ends at the next run of as many backticks. */
  function withoutCode(line: string): string {
    return line.replace(/(?<!`)(`+)(?!`)(?:.*?[^`])\1(?!`)/g, "CODE");
  }

  test("markdown", () => {
    fc.assert(
      fc.property(hostile, (given) => {
        for (const line of formatDiffMarkdown(given)) {
          assert.match(withoutCode(line), /^[A-Za-z0-9 ,.;:()→*#>|-]*$/, line);
          assert.doesNotMatch(withoutCode(line), /www\./);
          if (line.startsWith("| ")) assert.equal(line.split("|").length, 5, line);
        }
      }),
      { numRuns: 400 },
    );
  });

  test("text and annotations", () => {
    fc.assert(
      fc.property(hostile, (given) => {
        for (const line of formatDiffText(given, PLAIN)) {
          assert.doesNotMatch(line, /[\p{Cc}\u202e]/u);
          assert.doesNotMatch(line.trim(), /^(?:::|##\[)/);
        }
        for (const line of formatDiffGithub(given).slice(0, -1)) {
          assert.match(line, /^::(?:error|warning|notice) file=[^,:]*(?:,line=\d+)?,title=[a-z-]+::[^\p{Cc}]*$/u);
        }
        JSON.parse(formatDiffGitlab(given));
        JSON.parse(formatDiffJson(given));
      }),
      { numRuns: 200 },
    );
  });
});
