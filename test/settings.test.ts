import assert from "node:assert/strict";
import { test } from "node:test";
import { MuxiGitError } from "../src/errors.ts";
import { severityOf } from "../src/formation/problem.ts";
import { compareVersions, isMet, isRequires } from "../src/requires.ts";
import { DEFAULT_SETTINGS, loosenedSettings, outdatedNotice, parseSettings, wantedHooks } from "../src/settings.ts";

const VERSION = "0.4.0";

function settings(value: unknown, version = VERSION) {
  return parseSettings(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)), version);
}

function refused(text: string | Uint8Array, line: number, message: RegExp, version = VERSION): void {
  assert.throws(
    () => parseSettings(Buffer.from(text), version),
    (error) => {
      assert.ok(error instanceof MuxiGitError, String(error));
      assert.equal(error.code, "settings");
      assert.equal(error.exit, 2);
      assert.equal(/^'muxi-git\.json' line (\d+) /.exec(error.message)?.[1], String(line), error.message);
      assert.match(error.message, message);
      assert.equal(error.hint, "mend the line, then: git add -- muxi-git.json");
      return true;
    },
  );
}

test("every setting is read", () => {
  const all = {
    $schema: "./muxi-git.schema.json",
    requires: ">=0.3",
    hooks: ["pre-push", "pre-commit"],
    publicNames: ["DATABASE_HOST"],
    ignore: ["test/fixtures/**"],
    severities: { "name-unreferenced": "off", damaged: "warning" },
    allowComments: ["gitleaks:allow"],
    rules: {
      off: { "groq-key": "examples" },
      custom: [{ id: "custom-a", pattern: "abc_[a-z]{4}", keywords: ["abc_"], severity: "note", message: "a token" }],
      severities: [{ paths: ["test/**"], rules: ["groq-key"], severity: "off", reason: "examples" } as const],
    },
  };
  const { $schema: _, ...rest } = all;
  assert.deepEqual(settings(all), { ...rest, outdated: null });
  assert.deepEqual(settings("{}"), DEFAULT_SETTINGS);
  assert.deepEqual(settings("\ufeff{\r\n}\r\n"), DEFAULT_SETTINGS);
  assert.deepEqual(wantedHooks(settings(all)), ["pre-commit", "pre-push"]);
  assert.deepEqual(wantedHooks(DEFAULT_SETTINGS), ["pre-commit", "pre-merge-commit", "commit-msg", "pre-push"]);
  assert.deepEqual(wantedHooks(settings({ hooks: [] })), []);
});

test("an error names the line of the name or value that is wrong, wherever the same text stands before", () => {
  refused(
    '{\n "publicNames": ["ignored"],\n "ignored": 1\n}',
    3,
    /unknown setting 'ignored' \(known: \$schema, requires/,
  );
  refused('{\n "publicNames":\n  ["A",\n   5]\n}', 4, /'publicNames' that is no list of strings/);
  refused('{\n "publicNames": ["A",\n ""]\n}', 3, /'publicNames' that is no list of strings/);
  refused('{\n "publicNames":\n  "A"\n}', 3, /'publicNames' that is no list of strings/);
  refused('{\n "severities": {\n  "damaged": "note",\n  "nonsense": "note"}}', 4, /unknown problem 'nonsense'/);
  refused('{\n "severities": {\n  "damaged":\n "severe"}}', 4, /'damaged' a severity that is none of error, warning/);
  refused('{\n "severities": {\n  "not-encrypted": "off"}}', 3, /cannot change the severity of 'not-encrypted'/);
  refused('{"severities": {"__proto__": "off"}}', 1, /unknown problem '__proto__'/);
  refused('{"severities": []}', 1, /no object/);
  refused('{"__proto__": 1}', 1, /unknown setting '__proto__'/);
  refused('{"toString": 1}', 1, /unknown setting 'toString'/);
  refused('{\n "hooks": ["pre-commit",\n "post-commit"]}', 3, /unknown hook 'post-commit' \(known: pre-commit, /);
  refused('{"$schema": 1}', 1, /'\$schema' that is no string/);
  refused('{\n"requires":\n"0.3"}', 3, /'requires' that is no minimum version such as ">=0\.3"/);
  refused('{\n "ignore": [],\n "ignore": []\n}', 3, /names 'ignore' twice/);
  const at = (one: string) => `{"rules": {"severities": [\n${one}\n]}}`;
  const rest = '"severity": "off", "reason": "old"';
  refused('{"rules":\n{"severities": {}}}', 2, /no list of at most 100/);
  refused(at('"a"'), 2, /a severity of rules that is no object/);
  refused(at(`{${rest}}`), 2, /'paths' that is no list/);
  refused(at(`{"paths": [], ${rest}}`), 2, /without paths/);
  refused(at(`{"paths": ["a",\n"!b"], ${rest}}`), 3, /starts with '!'/);
  refused(at(`{"paths": ["a"], "rules": [], ${rest}}`), 2, /an empty list of them/);
  refused(at(`{"paths": ["a"], "rules": ["b",\n"known-value"], ${rest}}`), 3, /the severity of 'known-value'/);
  refused(at('{"paths": ["a"], "severity": "off"}'), 2, /without a reason/);
  refused(at('{"paths": ["a"], "reason": "old"}'), 2, /none of error, warning, note, off/);
  refused(at(`{"paths": ["a"], "path": ["a"], ${rest}}`), 2, /an unknown member 'path'/);
  refused("[]", 1, /no JSON object/);
  refused("null", 1, /no JSON object/);
});

test("what is no JSON in UTF-8 is an error with its line", () => {
  refused("", 1, /is empty/);
  refused(" \r\n\t", 1, /is empty/);
  refused('{\n "ignore": [],\n}', 3, /has a ',' before '}'/);
  refused('{\r\n // why\r\n "ignore": []\r\n}', 2, /lacks a name|comment/);
  refused(
    Buffer.concat([Buffer.from('{\n "publicNames": ["'), Buffer.from([0xe4]), Buffer.from('"]}\n')]),
    2,
    /not UTF-8$/,
  );
  refused(Buffer.from([0x7b, 0x0a, 0x0a, 0xc3]), 3, /not UTF-8$/);
  refused(Buffer.from("\ufeff{}", "utf16le"), 1, /not UTF-8 but UTF-16/);
  refused(Buffer.from("{}", "utf16le"), 1, /not UTF-8 but UTF-16/);
  refused(`{}${" ".repeat(1024 * 1024)}`, 1, /larger than 1 MiB/);
  refused(`{"ignore": ${"[".repeat(400_000)}`, 1, /nested more than 32 deep/);
});

test("a repository that asks for a newer version: what this copy does not know is passed over and said", () => {
  const newer = { requires: ">=0.5", shiny: true, hooks: ["pre-commit", "post-rewrite"], publicNames: ["A"] };
  const read = settings(newer);
  assert.deepEqual(read.publicNames, ["A"]);
  assert.equal(read.hooks, null, "the default, which protects more");
  assert.equal(
    outdatedNotice(read),
    "this repository asks for muxi-git >=0.5, this copy is 0.4.0 and passes over 'shiny', 'hooks' of muxi-git.json: " +
      "npx 'muxi-git@>=0.5' install",
  );
  assert.equal(
    outdatedNotice(settings({ requires: ">=0.5" })),
    "this repository asks for muxi-git >=0.5, this copy is 0.4.0: npx 'muxi-git@>=0.5' install",
  );
  // The twins: a copy that is new enough is silent, and knows what is a mistake.
  assert.equal(outdatedNotice(settings({ requires: ">=0.4" })), null);
  assert.equal(outdatedNotice(DEFAULT_SETTINGS), null);
  refused(JSON.stringify(newer), 1, /unknown setting 'shiny'/, "0.5.0");
  // Broken JSON is broken in every version.
  refused('{"requires": ">=9",\n "ignore": [}', 2, /lacks a value here/);
  refused('{"shiny": 1, "requires": "latest"}', 1, /'requires' that is no minimum/);
});

test("requires has one form", () => {
  for (const good of [">=0", ">=0.3", ">=1.20.300", ">=1.0.0-rc.1", ">=1.0.0-0a.-"]) assert.ok(isRequires(good), good);
  const bad = [
    "",
    "0.3",
    "^0.3",
    ">= 0.3",
    ">0.3",
    ">=0.3 <1",
    ">=v0.3",
    ">=0.3.x",
    ">=01",
    ">=1.2-rc",
    ">=1.0.0-01",
    ">=1.0.0-",
  ];
  for (const text of [...bad, ">=1.0.0+build", ">=0.3\n", ">=0.3; rm", `>=1.0.0-${"a".repeat(60)}`]) {
    assert.ok(!isRequires(text), text);
  }
});

test("versions are ordered as Semantic Versioning says", () => {
  // The example of §11, and numbers that differ in length.
  const order = ["0.3.0", "0.10.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"];
  order.push("1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1-0", "1.0.1", "2.1.0", "2.1.1");
  for (const [i, a] of order.entries()) {
    for (const [j, b] of order.entries()) assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${a} ${b}`);
  }
  assert.ok(isMet(">=0.3", "0.3.0+build.5"));
  assert.ok(!isMet(">=0.3", "0.3.0-rc.1"));
  assert.ok(isMet(">=0.3.0-rc.1", "0.3.0"));
  assert.ok(!isMet(">=0.1", "0.0.0-source"));
});

test("a loosened setting is told, a tightened one is not", () => {
  const loosened = (before: unknown, after: unknown) =>
    loosenedSettings(settings(before), settings(after), (code) => severityOf(code, "commit"));
  assert.deepEqual(loosened({}, { hooks: ["pre-commit", "pre-push"] }), [
    "install no longer sets up pre-merge-commit",
    "install no longer sets up commit-msg",
  ]);
  assert.deepEqual(loosened({ hooks: ["pre-commit"] }, {}), []);
  assert.deepEqual(loosened({ requires: ">=0.3" }, { requires: ">=0.2.9" }), [
    "'requires' was >=0.3 and is now >=0.2.9",
  ]);
  assert.deepEqual(loosened({ requires: ">=0.3" }, {}), ["'requires' was >=0.3 and is now gone"]);
  assert.deepEqual(loosened({}, { requires: ">=0.3" }), []);
  assert.deepEqual(loosened({ requires: ">=0.3" }, { requires: ">=0.3.0" }), []);
  assert.deepEqual(loosened({ severities: { damaged: "off" } }, { severities: { damaged: "note" } }), []);
  assert.deepEqual(
    loosened({}, { publicNames: ["A"], ignore: ["a/**"], severities: { damaged: "off", "key-missing": "error" } }),
    ["the value of 'A' is declared public", "rules no longer apply to 'a/**'", "'damaged' is now off"],
  );
  const severities = (...list: string[]) => ({
    rules: {
      severities: list.map((one) => {
        const [rule = "", severity] = one.split(" ");
        return { paths: ["a/**", "b"], ...(rule === "all" ? {} : { rules: [rule] }), severity, reason: "why" };
      }),
    },
  });
  const changed = (before: string[], after: string[]) => loosened(severities(...before), severities(...after));
  assert.deepEqual(changed([], ["x off", "all warning", "y error"]), [
    "'x' at 'a/**', 'b': off, because: why",
    "all rules at 'a/**', 'b': a warning, because: why",
  ]);
  assert.deepEqual(changed(["x off", "y error"], ["x off"]), ["no longer: 'y' at 'a/**', 'b': an error"]);
  assert.deepEqual(changed(["x off", "y note"], ["y note"]), []);
  assert.deepEqual(changed(["x off", "all error"], ["all error", "x off"]), ["'x' at 'a/**', 'b': off, because: why"]);
  assert.deepEqual(changed(["all error", "x off"], ["x off", "all error"]), []);
});
