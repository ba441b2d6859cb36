/** Ways in which a leak was once found to pass, each through real git, and honest work beside them. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { fakeKey, opaque } from "../support/fake.ts";
import { freshToken, goJson, type MadeFormation, writeFormation } from "../support/formation.ts";
import { NO_FILTER, preparedRepo, type Ran, type TempRepo, tempRepo } from "../support/repo.ts";

const prepared = preparedRepo((repo) => {
  const formation = writeFormation(repo, "bot");
  assert.equal(repo.muxi("install").code, 0);
  repo.git("add", "-A");
  repo.git("commit", "-qm", "first");
  return formation;
});

function prepare(t: TestContext): { repo: TempRepo; formation: MadeFormation; value: string } {
  const { repo, made } = prepared(t);
  return { repo, formation: made, value: made.secrets.OPENAI_API_KEY! };
}

function commit(repo: TempRepo, ...paths: string[]): Ran {
  repo.git("add", "-f", "--", ...paths);
  return repo.try("git", "commit", "-qm", "change");
}

function assertStopped(ran: Ran, says: RegExp, ...marks: string[]): void {
  assert.equal(ran.code, 1, ran.all);
  assert.match(ran.stderr, says);
  for (const mark of marks) assert.ok(!ran.all.includes(mark), "a secret value appears in the output");
}

test("two bytes of a byte order mark, or NULs, hide nothing", (t) => {
  const { repo, value } = prepare(t);
  const utf16 = Buffer.from(`hello\r\n`, "utf16le");
  const ascii = Buffer.from(`key=${value}\n`);
  const forms = {
    "a false mark": Buffer.concat([Buffer.from([0xff, 0xfe]), ascii]),
    "UTF-16, then ASCII": Buffer.concat([Buffer.from([0xff, 0xfe]), utf16, ascii]),
    "ASCII, then UTF-16": Buffer.concat([Buffer.from("hello\n"), Buffer.from(`key=${value}\n`, "utf16le")]),
    "NULs around it": Buffer.concat([Buffer.alloc(4), ascii]),
  };
  for (const [name, content] of Object.entries(forms)) {
    repo.write("f.txt", content);
    assertStopped(commit(repo, "f.txt"), /known-value: the value of 'OPENAI_API_KEY'/, value);
    repo.git("reset", "-q");
    assert.ok(name);
  }
});

test("a sparse index hides no folder", (t) => {
  const { repo, formation, value } = prepare(t);
  repo.write("out/deep/a.txt", "clean\n");
  repo.write("in/b.txt", "clean\n");
  assert.equal(commit(repo, "out", "in").code, 0);
  repo.write("out/deep/a.txt", `x ${value}\n`);
  repo.git("add", ".");
  assert.equal(repo.tryWith({ env: { MUXI_GIT: "0" } }, "git", "commit", "-qm", "leak").code, 0);
  if (repo.try("git", "sparse-checkout", "init", "--cone", "--sparse-index").code !== 0) {
    t.skip("this git has no sparse index");
    return;
  }
  repo.git("sparse-checkout", "set", "in", "bot");
  // git deletes ignored files of folders that leave the cone, and the key is one.
  repo.write(formation.at(".key"), formation.key, 0o600);
  repo.git("reset", "-q", "--soft", "HEAD~1");
  assertStopped(repo.try("git", "commit", "-qm", "leak"), /out\/deep\/a\.txt:1:3 {2}known-value/, value);
});

test("a weak value inside a stronger one hides it not", (t) => {
  const { repo, formation } = prepare(t);
  const secrets = { ...formation.secrets, DB_USER: "postgres" };
  repo.write(formation.at("secrets.enc"), freshToken(formation.key, goJson(secrets)));
  repo.write(formation.at("secrets"), `${Object.keys(secrets).join("=\n")}=\n`);
  assert.equal(commit(repo, formation.at("secrets"), formation.at("secrets.enc")).code, 0);
  const password = `postgres-${opaque(14, "weak")}`;
  repo.write(".env", `DB_PASSWORD=${password}\n`);
  assertStopped(commit(repo, ".env"), /\.env:1:\d+ {2}dotenv-secret/, password);
});

test("template and secrets.enc leak alike where the formation file is not staged", (t) => {
  const { repo } = prepare(t);
  const value = opaque(30, "unstaged");
  repo.write("new/formation.afs", "id: new\n");
  repo.write("new/secrets", `OPENAI_API_KEY=${value}\n`);
  assertStopped(commit(repo, "new/secrets"), /new\/secrets:1(?::\d+)? {2}template-value/, value);
  repo.write("new/secrets", "OPENAI_API_KEY=sk-...\n");
  const honest = commit(repo, "new/secrets");
  assert.equal(honest.code, 0, honest.all);
  assert.equal(honest.stderr, "");
});

test("conflict markers around plaintext are plaintext, whatever the settings say", (t) => {
  const { repo, formation } = prepare(t);
  const value = opaque(30, "markers");
  repo.write("muxi-git.json", '{ "severities": { "conflict-markers": "off" } }\n');
  repo.write(formation.at("secrets.enc"), `<<<<<<< HEAD\n{"A": "${value}"}\n=======\n{}\n>>>>>>> side\n`);
  assertStopped(commit(repo, "muxi-git.json", formation.at("secrets.enc")), /secrets\.enc {2}not-encrypted/, value);
});

test("a key of 64 hexadecimal digits is a key, and so are its values", (t) => {
  const repo = tempRepo(t);
  const formation = writeFormation(repo);
  const digits = Buffer.from(formation.key, "base64url").toString("hex");
  repo.write(".key", digits, 0o600);
  assert.equal(repo.muxi("install").code, 0);
  repo.git("add", "-A");
  repo.git("commit", "-qm", "first");
  repo.write("deploy.sh", `KEY=${digits}\n`);
  assertStopped(commit(repo, "deploy.sh"), /deploy\.sh:1:5 {2}known-key/, digits);
  repo.write("deploy.sh", `V=${formation.secrets.OPENAI_API_KEY}\n`);
  assertStopped(commit(repo, "deploy.sh"), /deploy\.sh:1:3 {2}known-value/);
});

test("a formation in a folder whose name is no UTF-8 has its key and values", (t) => {
  const { repo } = prepare(t);
  const folder = Buffer.concat([Buffer.from(`${repo.root}/`), Buffer.from([0x66, 0xff])]);
  const at = (name: string) => Buffer.concat([folder, Buffer.from(`/${name}`)]);
  const key = fakeKey();
  const value = opaque(30, "bytes");
  mkdirSync(folder);
  writeFileSync(at("formation.afs"), 'id: odd\nx: "${{ secrets.A_KEY }}"\n');
  writeFileSync(at("secrets"), "A_KEY=\n");
  writeFileSync(at(".key"), key);
  writeFileSync(at("secrets.enc"), freshToken(key, goJson({ A_KEY: value })));
  repo.git("add", "-A");
  assert.equal(repo.try("git", "commit", "-qm", "odd").code, 0);
  repo.write("leak.txt", `${value} ${key}\n`);
  assertStopped(commit(repo, "leak.txt"), /leak\.txt:1:1 {2}known-value[\s\S]*leak\.txt:1:32 {2}known-key/, value, key);
});

test("a file's name is scanned, and not repeated, nor where the file holds the value as well", (t) => {
  const { repo, value } = prepare(t);
  repo.write(`${value}.txt`, "hi\n");
  assertStopped(commit(repo, `${value}.txt`), /\(a file whose name holds a secret\)/, value);
  repo.write(`${value}.txt`, `${value}\n`);
  assertStopped(commit(repo, `${value}.txt`), /\(a file whose name holds a secret\)/, value);
});

test("an accepted memory.db does not carry other secrets along", (t) => {
  const { repo, formation, value } = prepare(t);
  repo.write(formation.at("memory.db"), `SQLite format 3\0${value}`);
  const ran = commit(repo, formation.at("memory.db"));
  assertStopped(ran, /memory-db/, value);
  assert.match(ran.stderr, /known-value/);
});

test("a staged blob that cannot be read stops the commit", (t) => {
  const { repo } = prepare(t);
  repo.write("a.txt", "content\n");
  repo.git("add", "a.txt");
  const oid = repo.git("rev-parse", ":a.txt");
  repo.remove(`.git/objects/${oid.slice(0, 2)}/${oid.slice(2)}`);
  repo.write("a.txt", "other\n");
  const ran = repo.try("git", "commit", "-qm", "gone");
  assert.notEqual(ran.code, 0);
  assert.match(ran.stderr, /the staged blob of 'a\.txt' cannot be read/);
});

test("a huge secrets.enc on disk stops no commit", (t) => {
  const { repo } = prepare(t);
  repo.write("loose/formation.afs", "id: loose\n");
  repo.write("loose/.key", fakeKey());
  repo.write("loose/secrets.enc", Buffer.alloc(64 * 1024 * 1024, 0x41));
  repo.write("a.txt", "a\n");
  const ran = commit(repo, "a.txt");
  assert.equal(ran.code, 0, ran.all);
  assert.equal(ran.stderr, "");
});

test("control characters of settings and names reach no terminal", (t) => {
  const { repo } = prepare(t);
  repo.write("muxi-git.json", '{"a\\u001b]0;x\\u0007\\u202eb": 1}\n');
  const ran = commit(repo, "muxi-git.json");
  assert.equal(ran.code, 1, "git's own exit code for a hook that failed");
  assert.doesNotMatch(ran.stderr, /[\u001b\u0007\u202e]/);
  assert.match(ran.stderr, /has an unknown setting 'a\\x1b\]0;x\\x07\\u\{202e\}b'/);
});

test("plaintext that is in git already stops neither status nor switch, with the key and without", (t) => {
  const { repo, formation } = prepare(t);
  const sealed = repo.git("rev-parse", `HEAD:${formation.at("secrets.enc")}`);
  repo.write(formation.at("secrets.enc"), goJson(formation.secrets));
  repo.git(...NO_FILTER, "add", formation.at("secrets.enc"));
  assert.equal(repo.tryWith({ env: { MUXI_GIT: "0" } }, "git", "commit", "-qm", "plaintext").code, 0);
  repo.git("checkout", "-q", "-b", "later");
  for (const withKey of [true, false]) {
    if (!withKey) repo.remove(formation.at(".key"));
    repo.git("checkout", "-q", "later");
    repo.write(formation.at("secrets.enc"), goJson(formation.secrets));
    assert.equal(repo.git("status", "--porcelain"), "", `withKey: ${withKey}`);
    repo.git("switch", "-q", "--detach", "HEAD~1");
    assert.equal(repo.git("rev-parse", `HEAD:${formation.at("secrets.enc")}`), sealed);
  }
});

test("where 'git muxi' is an alias of somebody's own, no printed command uses it", (t) => {
  const repo = tempRepo(t);
  writeFormation(repo);
  repo.git("config", "alias.muxi", "status");
  assert.equal(repo.muxi("install").code, 0);
  repo.write("agents/a.afs", 'id: a\nhook: "${{ secrets.WEBHOOK_URL }}"\n');
  repo.git("add", "-A");
  const ran = repo.try("git", "commit", "-qm", "agent");
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /^muxi-git: fix: npx muxi-git secrets sync/m);
});
