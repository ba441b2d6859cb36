/** muxi-git.json through real git: the staged version counts, loosening is told, a mistake is told with its line. */
import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { fakeGroqKey, opaque } from "../support/fake.ts";
import { goJson, type MadeFormation, writeFormation } from "../support/formation.ts";
import { NO_FILTER, preparedRepo, type Ran, type TempRepo } from "../support/repo.ts";

const prepared = preparedRepo((repo) => {
  const formation = writeFormation(repo, "bot");
  assert.equal(repo.muxi("install").code, 0);
  repo.git("add", "-A");
  repo.git("commit", "-qm", "first");
  return formation;
});

function prepare(t: TestContext): { repo: TempRepo; formation: MadeFormation } {
  const { repo, made } = prepared(t);
  return { repo, formation: made };
}

const FILE = "muxi-git.json";

function commit(repo: TempRepo, ...paths: string[]): Ran {
  if (paths.length > 0) repo.git("add", "-f", "--", ...paths);
  return repo.try("git", "commit", "-qm", "change");
}

function passes(ran: Ran, stderr: string): void {
  assert.equal(ran.stderr, stderr);
  assert.equal(ran.code, 0);
}

test("ignored paths switch rules off, and never the search for keys, known values and plaintext secrets", (t) => {
  const { repo, formation } = prepare(t);
  const value = formation.secrets.OPENAI_API_KEY!;
  const token = fakeGroqKey("ignored");
  repo.write(FILE, '{ "ignore": ["**"] }\n');
  repo.write("token.txt", `${token}\n`);
  passes(
    commit(repo, FILE, "token.txt"),
    "muxi-git: note: this commit loosens muxi-git.json: rules no longer apply to '**'\n",
  );
  repo.write("copy/.key", formation.key);
  repo.write("id.txt", formation.key);
  repo.write("value.txt", `${value}\n`);
  repo.write(".env", `DATABASE_PASSWORD=${opaque(30, "dotenv")}\n`);
  repo.write(formation.at("secrets.enc"), goJson(formation.secrets));
  repo.write(formation.at("secrets"), `OPENAI_API_KEY=${opaque(30, "template")}\nBRAVE_SEARCH_API_KEY=\n`);
  repo.git(...NO_FILTER, "add", formation.at("secrets.enc"), formation.at("secrets"));
  const ran = commit(repo, "copy", "id.txt", "value.txt", ".env");
  assert.equal(ran.code, 1);
  assert.ok(!ran.all.includes(value) && !ran.all.includes(formation.key));
  for (const says of [
    /copy\/\.key:1:1 {2}key-file/,
    /id\.txt:1:1 {2}known-key/,
    /value\.txt:1:1 {2}known-value/,
    /\.env:1:\d+ {2}dotenv-secret/,
    /bot\/secrets\.enc {2}not-encrypted/,
    /bot\/secrets:1 {2}template-value/,
  ]) {
    assert.match(ran.stderr, says);
  }
});

test("the staged settings count, whatever the working tree holds", (t) => {
  const { repo } = prepare(t);
  repo.write("doc/a.txt", `${fakeGroqKey("staged")}\n`);
  repo.write(FILE, '{ "ignore": ["doc/**"] }\n');
  assert.equal(commit(repo, "doc").code, 1, "not staged: does not count");
  repo.git("add", FILE);
  repo.write(FILE, "{ broken");
  passes(commit(repo), "muxi-git: note: this commit loosens muxi-git.json: rules no longer apply to 'doc/**'\n");
  repo.git("checkout", "-q", "--", FILE);

  repo.write(FILE, '{\n  "ignore": [],\n  "hooks": ["pre-comit"]\n}\n');
  repo.write("sub/x.txt", "x\n");
  repo.git("add", FILE, "sub");
  const mistaken = repo.tryWith({ cwd: repo.path("sub") }, "git", "commit", "-qm", "mistake");
  assert.equal(mistaken.code, 1, "git's own exit code for a hook that failed");
  assert.equal(
    mistaken.stderr,
    "muxi-git: error: 'muxi-git.json' line 3 names an unknown hook 'pre-comit' " +
      "(known: pre-commit, pre-merge-commit, commit-msg, pre-push)\n" +
      "muxi-git: hint: mend the line, then: git add -- ../muxi-git.json\n",
  );
  for (const args of [["check"], ["check", "--staged"]]) {
    const ran = repo.muxi(...args);
    assert.equal(ran.code, 2, args.join(" "));
    assert.match(ran.stderr, /error: 'muxi-git\.json' line 3 names an unknown hook/);
  }
  const status = repo.muxi("status");
  assert.equal(status.code, 0, "its hooks and filters are in place");
  assert.match(status.stdout, /^settings: 'muxi-git\.json' line 3 names an unknown hook/m);

  // Somebody else's mistake holds up nobody, and tightens.
  assert.equal(repo.tryWith({ env: { MUXI_GIT: "0" } }, "git", "commit", "-qm", "mistake").code, 0);
  repo.write("sub/y.txt", "y\n");
  passes(
    commit(repo, "sub"),
    "muxi-git: note: 'muxi-git.json' line 3 names an unknown hook 'pre-comit' " +
      "(known: pre-commit, pre-merge-commit, commit-msg, pre-push); the defaults are used\n",
  );
  assert.equal(repo.muxi("status").stdout.split("names an unknown hook").length, 2, "told once");
});

test("settings behind a link are followed inside the commit, and loosened there is told too", (t) => {
  const { repo } = prepare(t);
  repo.write("config/muxi.json", '{ "hooks": ["pre-commit", "pre-push"] }\n');
  symlinkSync("config/muxi.json", repo.path(FILE));
  const removed = (event: string) =>
    `muxi-git: note: this commit loosens muxi-git.json: install no longer sets up ${event}\n`;
  passes(commit(repo, FILE, "config"), removed("pre-merge-commit") + removed("commit-msg"));
  repo.write("config/muxi.json", '{ "hooks": ["pre-commit"] }\n');
  passes(commit(repo, "config"), removed("pre-push"));
  repo.write("a.txt", "a\n");
  passes(commit(repo, "a.txt"), "");
  repo.write("config/muxi.json", "{");
  assert.match(commit(repo, "config").stderr, /^muxi-git: error: 'muxi-git\.json' line 1 ends too early$/m);
  repo.git("rm", "-qf", "config/muxi.json");
  const dangling = commit(repo);
  assert.equal(dangling.code, 1);
  assert.match(dangling.stderr, /error: 'muxi-git\.json' cannot be read: it leads to no file of this repository/);
});

test("an older copy says that it is old, and stops nobody", (t) => {
  const { repo } = prepare(t);
  repo.write(FILE, '{ "requires": ">=999.1", "shiny": [1] }\n');
  const { version } = JSON.parse(repo.muxi("status", "--json").stdout).runtime as { version: string };
  const says = `this repository asks for muxi-git >=999.1, this copy is ${version} and passes over 'shiny' of muxi-git.json`;
  passes(commit(repo, FILE), `muxi-git: note: ${says}: npx 'muxi-git@>=999.1' install\n`);
  const check = repo.muxi("check");
  assert.equal(check.code, 0, check.all);
  assert.equal(check.stderr, `muxi-git: warning: ${says}: npx 'muxi-git@>=999.1' install\n`);
  assert.ok(repo.muxi("status").stdout.includes(`outdated: ${says}\n  fix: npx 'muxi-git@>=999.1' install\n`));

  repo.write(FILE, `{ "requires": ">=${version}" }\n`);
  passes(
    commit(repo, FILE),
    `muxi-git: note: this commit loosens muxi-git.json: 'requires' was >=999.1 and is now >=${version}\n`,
  );
});
