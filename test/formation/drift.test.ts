import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { findFormations } from "../../src/formation/discover.ts";
import {
  checkFormation,
  compareWithParents,
  type EncryptedState,
  type FormationState,
  namesOf,
  type ParentState,
  problemIdentity,
  withPredecessor,
} from "../../src/formation/drift.ts";
import type { Occasion, Problem } from "../../src/formation/problem.ts";
import type { Secrets } from "../../src/secrets/json.ts";
import { SHARED_ABSENT, sharedFile } from "../support/shared.ts";

const VALUE = ["hunter2", "Qk7TzR4m"].join("-");

function opened(values: Record<string, string | number>, canonical = true): EncryptedState {
  const secrets: Secrets = new Map(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === "string" ? { kind: "string", value } : { kind: "other", text: String(value) },
    ]),
  );
  return { kind: "opened", secrets, canonical };
}

interface Given {
  template?: string | Uint8Array | null;
  encrypted?: EncryptedState;
  files?: Record<string, string>;
  keyState?: FormationState["keyState"];
  openedBy?: "current" | "old";
}

const REFERENCES = { "f/formation.afs": "a: ${{ secrets.ALPHA_KEY }}\nb: ${{ secrets.BETA_KEY }}\n" };

function stateOf({
  template = "ALPHA_KEY=\nBETA_KEY=\n",
  encrypted = { kind: "none" },
  files = REFERENCES,
  keyState = "ok",
  openedBy,
}: Given): FormationState {
  const [formation] = findFormations(["f/formation.afs", ...Object.keys(files), "f/secrets", "f/secrets.enc"]);
  assert.ok(formation);
  return {
    formation,
    template: typeof template === "string" ? Buffer.from(template) : template,
    encrypted,
    keyState,
    ...(openedBy === undefined ? {} : { openedBy }),
    referenceFiles: Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text) })),
  };
}

const brief = (problems: Problem[]) =>
  problems.map(
    ({ code, severity, path, line, name }) =>
      `${severity} ${code} ${path}${line ? `:${line}` : ""}${name === undefined ? "" : ` ${name}`}`,
  );
const check = (given: Given, occasion: Occasion = "check") => brief(checkFormation(stateOf(given), occasion));

const FULL = opened({ ALPHA_KEY: "x1", BETA_KEY: "x2" });

test("a formation that agrees with itself has no problem, with and without secrets.enc", () => {
  assert.deepEqual(check({}), []);
  assert.deepEqual(check({ encrypted: FULL }), []);
  assert.deepEqual(check({ encrypted: FULL }, "commit"), []);
  assert.deepEqual(check({ template: "\ufeff# note\r\nALPHA_KEY=sk-...\r\n\r\nBETA_KEY=\r\n", encrypted: FULL }), []);
});

const ROWS: [title: string, given: Given, atCheck: string[]][] = [
  ["plaintext", { encrypted: { kind: "plaintext" } }, ["error not-encrypted f/secrets.enc"]],
  ["no token", { encrypted: { kind: "other" } }, ["error not-encrypted f/secrets.enc"]],
  ["markers in secrets.enc", { encrypted: { kind: "conflict-markers" } }, ["error conflict-markers f/secrets.enc"]],
  ["damaged", { encrypted: { kind: "damaged", message: "it is empty" } }, ["error damaged f/secrets.enc"]],
  [
    "no key",
    { encrypted: { kind: "locked", reason: "no-key" }, keyState: "missing" },
    ["note key-missing f/secrets.enc"],
  ],
  ["other key", { encrypted: { kind: "locked", reason: "wrong-key" } }, ["note key-missing f/secrets.enc"]],
  [
    "hex key",
    { encrypted: { kind: "locked", reason: "no-key" }, keyState: "hex" },
    ["warning hex-key f/.key", "note key-missing f/secrets.enc"],
  ],
  [
    "not canonical",
    { encrypted: opened({ ALPHA_KEY: "1", BETA_KEY: "2" }, false) },
    ["note not-canonical f/secrets.enc"],
  ],
  [
    "markers in the template",
    { template: "<<<<<<< a\nALPHA_KEY=\n=======\nBETA_KEY=\n>>>>>>> b\n" },
    ["error conflict-markers f/secrets:1"],
  ],
  [
    "a value in the template",
    { template: `ALPHA_KEY=${VALUE}\nBETA_KEY=\n` },
    ["error template-value f/secrets:1 ALPHA_KEY"],
  ],
  [
    "a value between markers",
    { template: `<<<<<<< a\nALPHA_KEY=${VALUE}\n=======\nBETA_KEY=\n>>>>>>> b\n` },
    ["error conflict-markers f/secrets:1", "error template-value f/secrets:2 ALPHA_KEY"],
  ],
  [
    "a UTF-16 template with a value",
    { template: Buffer.from(`\ufeffALPHA_KEY=${VALUE}\nBETA_KEY=\n`, "utf16le") },
    ["error template-unreadable f/secrets", "error template-value f/secrets:1 ALPHA_KEY"],
  ],
  [
    "a key on a line of its own",
    { template: `ALPHA_KEY=\nBETA_KEY=\n${["Qk7TzR4mWv9L", "pXc2Hd8sYb3N"].join("")}==\n` },
    ["error template-value f/secrets:3"],
  ],
  [
    "stored, not in the template",
    { encrypted: opened({ ALPHA_KEY: "1", BETA_KEY: "2", GAMMA_KEY: "3" }) },
    ["error name-not-in-template f/secrets.enc GAMMA_KEY"],
  ],
  [
    "referenced, not in the template",
    { template: "ALPHA_KEY=\n" },
    ["error reference-not-in-template f/formation.afs:2 BETA_KEY"],
  ],
  [
    "no template at all",
    { template: null },
    [
      "error reference-not-in-template f/formation.afs:1 ALPHA_KEY",
      "error reference-not-in-template f/formation.afs:2 BETA_KEY",
    ],
  ],
  [
    "stored and referenced, not in the template",
    { template: "ALPHA_KEY=\n", encrypted: FULL },
    ["error reference-not-in-template f/formation.afs:2 BETA_KEY"],
  ],
  [
    "referenced, without value",
    { encrypted: opened({ ALPHA_KEY: "1" }) },
    ["error reference-without-value f/formation.afs:2 BETA_KEY"],
  ],
  [
    "an empty value is none",
    { encrypted: opened({ ALPHA_KEY: "1", BETA_KEY: "" }) },
    ["error reference-without-value f/formation.afs:2 BETA_KEY"],
  ],
  [
    "unreferenced, without value",
    { template: "ALPHA_KEY=\nBETA_KEY=\nGAMMA_KEY=\n", encrypted: FULL },
    ["warning name-unreferenced f/secrets:3 GAMMA_KEY", "error name-without-value f/secrets:3 GAMMA_KEY"],
  ],
  ["a user's credential is in use", { template: "ALPHA_KEY=\nBETA_KEY=\nUSER_CREDENTIALS_GITHUB=\n" }, []],
  [
    "a stored name that MUXI cannot look up",
    { encrypted: opened({ ALPHA_KEY: "1", "beta-key": "2" }) },
    ["error name-not-normalised f/secrets.enc beta-key"],
  ],
  [
    "no string",
    { encrypted: opened({ ALPHA_KEY: "1", BETA_KEY: 2 }) },
    ["warning value-not-string f/secrets.enc BETA_KEY"],
  ],
  [
    "a backslash",
    { encrypted: opened({ ALPHA_KEY: "1", BETA_KEY: "a\\d" }) },
    ["warning value-with-backslash f/secrets.enc BETA_KEY"],
  ],
  [
    "export in the template",
    { template: "export ALPHA_KEY=\nBETA_KEY=\n" },
    ["warning name-not-normalised f/secrets:1 ALPHA_KEY"],
  ],
  [
    "lower case in the template",
    { template: "alpha_key=\nBETA_KEY=\n" },
    ["warning name-not-normalised f/secrets:1 ALPHA_KEY"],
  ],
  [
    "MUXI's own keys",
    {
      template: "ALPHA_KEY=\nBETA_KEY=\n",
      files: { "f/formation.afs": `${REFERENCES["f/formation.afs"]}c: \${{ secrets.FORMATION_ADMIN_API_KEY }}` },
    },
    ["note reference-not-in-template f/formation.afs:3 FORMATION_ADMIN_API_KEY"],
  ],
  [
    "a lower-case reference",
    { files: { "f/formation.afs": "a: ${{ secrets.ALPHA_KEY }}\nb: ${{ secrets.beta_key }}" } },
    ["error reference-never-substituted f/formation.afs:2 BETA_KEY"],
  ],
  [
    "a lower-case reference in a procedure",
    { files: { ...REFERENCES, "f/sops/x.md": "use ${{ secrets.beta-key }}" } },
    ["warning reference-never-substituted f/sops/x.md:1 BETA_KEY"],
  ],
  [
    "a name that says nothing",
    {
      template: "ALPHA_KEY=\nBETA_KEY=\nTOKEN=\n",
      files: { "f/formation.afs": `${REFERENCES["f/formation.afs"]}c: \${{ secrets.TOKEN }}` },
    },
    ["note name-not-descriptive f/secrets:3 TOKEN"],
  ],
];
for (const [title, given, expected] of ROWS) {
  test(`check: ${title}`, () => {
    const problems = checkFormation(stateOf(given), "check");
    assert.deepEqual(brief(problems), expected);
    for (const problem of problems) {
      assert.ok(!JSON.stringify(problem).includes(VALUE), "no value in a problem");
      assert.match(problem.message, /^['a-zM]/);
      assert.doesNotMatch(problem.message, /\.$/);
      assert.ok(problem.fix.length > 0);
    }
  });
}

test("at commit, a value that nobody has yet only warns", () => {
  assert.deepEqual(
    check({ encrypted: opened({ ALPHA_KEY: "1" }) }, "commit").filter((line) => !line.startsWith("note")),
    ["warning reference-without-value f/formation.afs:2 BETA_KEY"],
  );
});

test("another value on the same line is another problem, the same one is the same", () => {
  const identity = (value: string) =>
    checkFormation(stateOf({ template: `ALPHA_KEY=${value}\nBETA_KEY=\n` }), "commit")
      .filter(({ code }) => code === "template-value")
      .map(problemIdentity);
  assert.deepEqual(identity(VALUE), identity(VALUE));
  assert.notDeepEqual(identity(VALUE), identity(`${VALUE}x`));
});

const parent = (encrypted: EncryptedState, more: Partial<ParentState> = {}): ParentState => ({
  encrypted,
  openedBy: encrypted.kind === "opened" ? "current" : null,
  ...more,
});
const locked: EncryptedState = { kind: "locked", reason: "wrong-key" };

test("a commit may change values and add a secrets.enc, and not lose or re-key one", () => {
  const rows: [title: string, given: Given, parents: ParentState[], expected: string[]][] = [
    ["first secrets.enc", { encrypted: FULL }, [parent({ kind: "none" })], []],
    ["no parent", { encrypted: FULL }, [], []],
    ["value changed", { encrypted: FULL }, [parent(opened({ ALPHA_KEY: "old", BETA_KEY: "x2" }))], []],
    ["plaintext before", { encrypted: FULL }, [parent({ kind: "plaintext" })], []],
    [
      "value dropped",
      { encrypted: opened({ ALPHA_KEY: "1" }) },
      [parent(FULL)],
      ["error value-dropped f/secrets.enc BETA_KEY"],
    ],
    [
      "value emptied",
      { encrypted: opened({ ALPHA_KEY: "1", BETA_KEY: "" }) },
      [parent(FULL)],
      ["error value-dropped f/secrets.enc BETA_KEY"],
    ],
    [
      "name gone everywhere",
      {
        template: "ALPHA_KEY=\n",
        files: { "f/formation.afs": "a: ${{ secrets.ALPHA_KEY }}" },
        encrypted: opened({ ALPHA_KEY: "1" }),
      },
      [parent(FULL)],
      [],
    ],
    [
      "one side of a merge lost",
      { encrypted: opened({ ALPHA_KEY: "1" }) },
      [parent(opened({ ALPHA_KEY: "1" })), parent(FULL)],
      ["error value-dropped f/secrets.enc BETA_KEY"],
    ],
    [
      "file deleted",
      {},
      [parent(FULL)],
      ["error value-dropped f/secrets.enc ALPHA_KEY", "error value-dropped f/secrets.enc BETA_KEY"],
    ],
    ["no longer opens", { encrypted: locked }, [parent(FULL)], ["error damaged f/secrets.enc"]],
    ["never opened", { encrypted: locked }, [parent(locked)], []],
    ["taken whole from the other side", { encrypted: locked }, [parent(FULL), parent(locked, { same: true })], []],
    ["another key", { encrypted: FULL }, [parent(locked)], ["error key-changed f/secrets.enc"]],
    [
      "another key, old one held",
      { encrypted: FULL },
      [parent(FULL, { openedBy: "old" })],
      ["error key-changed f/secrets.enc"],
    ],
    ["a rotation that was declared", { encrypted: FULL }, [parent(FULL, { openedBy: "old", accepted: true })], []],
    ["back to an old key", { encrypted: FULL, openedBy: "old" }, [parent(FULL)], ["error key-changed f/secrets.enc"]],
    ["merge of a branch with an unknown key", { encrypted: FULL }, [parent(FULL), parent(locked)], []],
  ];
  for (const [title, given, parents, expected] of rows) {
    assert.deepEqual(brief(compareWithParents(stateOf(given), parents, "commit")), expected, title);
  }
});

test("problems come in one order, whatever the order of the files", () => {
  const files = {
    "f/mcp/a.afs": "x: ${{ secrets.Z_ONE }}\ny: ${{ secrets.Y_ONE }}",
    "f/agents/a.afs": "x: ${{ secrets.Z_ONE }}",
  };
  const reversed = Object.fromEntries(Object.entries(files).reverse());
  const expected = [
    "error reference-not-in-template f/agents/a.afs:1 Z_ONE",
    "error reference-not-in-template f/mcp/a.afs:2 Y_ONE",
  ];
  assert.deepEqual(check({ template: "", files }), expected);
  assert.deepEqual(check({ template: "", files: reversed }), expected);
  assert.deepEqual(namesOf(stateOf({ template: "B=\nA=\n", files })), {
    template: ["A", "B"],
    encrypted: null,
    referenced: ["Y_ONE", "Z_ONE"],
  });
});

test("MUXI's published formations have the problems they are known for, and no other", (t) => {
  const root = sharedFile("formations");
  if (root === null) return t.skip(SHARED_ABSENT);
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  const formations = findFormations(paths);
  assert.equal(formations.length, 6);
  const problems = formations.flatMap((formation) =>
    checkFormation(
      {
        formation,
        template: formation.template === null ? null : readFileSync(join(root, formation.template)),
        encrypted: { kind: "none" },
        referenceFiles: formation.referenceFiles.map((path) => ({ path, bytes: readFileSync(join(root, path)) })),
        keyState: "missing",
      },
      "check",
    ),
  );
  assert.deepEqual(brief(problems), [
    "error reference-not-in-template 04-code-reviewer/formation.afs:33 WEBHOOK_URL",
    "warning name-unreferenced hello-muxi/secrets:1 OPENAI_API_KEY",
  ]);
  assert.match(
    problems[0]?.fix ?? "",
    / secrets sync --template-only -F 04-code-reviewer && git add -- 04-code-reviewer\/secrets$/,
  );
});

const fixOf = (given: Given, code: string, occasion: Occasion = "commit") =>
  checkFormation(stateOf(given), occasion).find((problem) => problem.code === code)?.fix;

test("what is no secrets.enc leaves the commit, and comes back from HEAD where it stands there", () => {
  for (const kind of ["damaged", "other", "conflict-markers"] as const) {
    const encrypted: EncryptedState = kind === "damaged" ? { kind, message: "it is empty" } : { kind };
    const [problem] = checkFormation(stateOf({ encrypted }), "commit").filter(({ path }) => path === "f/secrets.enc");
    assert.ok(problem);
    assert.equal(problem.fix, "git rm --cached -f -- f/secrets.enc");
    const back = kind === "conflict-markers" ? "git checkout HEAD --" : "git restore --staged --worktree --";
    assert.equal(withPredecessor(problem).fix, `${back} f/secrets.enc`);
    const [asItStands] = checkFormation(stateOf({ encrypted }), "check").filter(({ path }) => path === "f/secrets.enc");
    assert.equal(asItStands?.fix, "git restore --staged --worktree -- f/secrets.enc");
  }
  const markers = checkFormation(stateOf({ encrypted: { kind: "conflict-markers" } }), "commit")[0]!;
  assert.match(withPredecessor(markers).message, /theirs: git checkout MERGE_HEAD -- f\/secrets\.enc\)$/);
});

test("another problem's fix does not change with what HEAD holds", () => {
  for (const encrypted of [opened({ ALPHA_KEY: "1", BETA_KEY: "2", GAMMA_KEY: "3" }), { kind: "plaintext" } as const]) {
    for (const problem of checkFormation(stateOf({ encrypted }), "commit")) {
      assert.equal(withPredecessor(problem), problem);
    }
  }
});

test("a stored name that MUXI cannot look up blocks until the name it asks for is stored as well", () => {
  const dead = { BETA_KEY: "2", "alpha-key": "1" };
  assert.deepEqual(check({ encrypted: opened(dead) }, "commit"), ["error name-not-normalised f/secrets.enc alpha-key"]);
  assert.equal(
    fixOf({ encrypted: opened(dead) }, "name-not-normalised"),
    "npx muxi-git secrets set ALPHA_KEY -F f && git add -- f/secrets.enc f/secrets",
  );
  assert.deepEqual(check({ encrypted: opened({ ...dead, ALPHA_KEY: "1" }) }, "commit"), [
    "warning name-not-normalised f/secrets.enc alpha-key",
  ]);
  const empty = check({ encrypted: opened({ ...dead, ALPHA_KEY: "" }) }, "commit");
  assert.ok(empty.includes("error name-not-normalised f/secrets.enc alpha-key"), empty.join("\n"));
});

test("plaintext is encrypted with the key, and the key is asked for where it is missing", () => {
  const encrypted: EncryptedState = { kind: "plaintext" };
  assert.equal(fixOf({ encrypted }, "not-encrypted"), "npx muxi-git normalize f/secrets.enc");
  assert.equal(
    fixOf({ encrypted, keyState: "missing" }, "not-encrypted"),
    "put the formation's key into f/.key, then: npx muxi-git normalize f/secrets.enc",
  );
});
