/** What a person sees of the filter in ordinary work with git: nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatKey, parseKey } from "../../src/secrets/key.ts";
import { fakeKey } from "../support/fake.ts";
import { addFilter, canonical, elsewhere, filterRepo, randomToken } from "./filter-repository.ts";

const PATH = "agents/secrets.enc";
const VALUES = { FIRST: "one", SECOND: "two" };

/** `SLOW=1` runs all of them; the everyday run stays quick. */
const ROUNDS = process.env.SLOW === "1" ? 100 : 10;

test("saves of the same secrets leave status quiet", (t) => {
  const repo = filterRepo(t);
  for (let round = 0; round < ROUNDS; round += 1) {
    repo.write(PATH, randomToken(VALUES, repo.key));
    assert.equal(repo.git("status", "--porcelain"), "", `round ${round}`);
  }
  assert.equal(repo.git("diff"), "");
  repo.git("diff", "--quiet");
});

test("a changed value is a change, and two clones store the same bytes for it", (t) => {
  const repo = filterRepo(t);
  repo.write(PATH, randomToken({ ...VALUES, SECOND: "2!!" }, repo.key));
  assert.equal(repo.git("status", "--porcelain"), `M ${PATH}`.padStart(PATH.length + 3));
  repo.git("add", "-A");
  assert.deepEqual(Buffer.from(repo.git("show", `:${PATH}`)), canonical({ ...VALUES, SECOND: "2!!" }, repo.key));
});

test("a pulled file that was written without the tool is quiet, and stays so when it is saved again", (t) => {
  const repo = filterRepo(t);
  const other = elsewhere(repo, "other");
  repo.git("clone", "-q", ".", other.root);
  const foreign = randomToken({ ...VALUES, THIRD: "three" }, repo.key);
  other.write(PATH, foreign);
  other.git("commit", "-qam", "written without the tool");
  assert.deepEqual(Buffer.from(other.git("show", `HEAD:${PATH}`)), foreign);

  repo.git("pull", "-q", other.root, "HEAD");
  assert.equal(repo.git("status", "--porcelain"), "");
  assert.deepEqual(repo.read(PATH), foreign);
  repo.write(PATH, randomToken({ ...VALUES, THIRD: "three" }, repo.key));
  assert.equal(repo.git("status", "--porcelain"), "");
  repo.git("add", "--renormalize", ".");
  assert.equal(repo.git("status", "--porcelain"), "");

  const clone = elsewhere(repo, "clone");
  repo.git("-c", "core.attributesFile=/dev/null", "clone", "-q", other.root, clone.root);
  addFilter(clone);
  clone.write("agents/.key", formatKey(repo.key));
  clone.write(PATH, clone.read(PATH));
  assert.equal(clone.git("status", "--porcelain"), "");
});

test("a rotated key is not undone", (t) => {
  const repo = filterRepo(t);
  const text = fakeKey();
  const key = parseKey(Buffer.from(text));
  repo.write("agents/.key", text);
  repo.write(PATH, randomToken(VALUES, key));
  assert.match(repo.git("status", "--porcelain"), /M agents\/secrets\.enc/);
  repo.git("commit", "-qam", "rotate");
  assert.deepEqual(Buffer.from(repo.git("show", `HEAD:${PATH}`)), canonical(VALUES, key));
  assert.equal(repo.git("status", "--porcelain"), "");
});

test("commit <path>, add -p, stash and stash -u work and leave nothing behind", (t) => {
  const repo = filterRepo(t);
  repo.write(PATH, randomToken({ ...VALUES, A: "1" }, repo.key));
  repo.git("commit", "-qm", "by path", PATH);
  assert.equal(repo.git("status", "--porcelain"), "");

  repo.write(PATH, randomToken({ ...VALUES, A: "2" }, repo.key));
  assert.equal(repo.tryWith({ input: "y\n" }, "git", "add", "-p").code, 0);
  assert.deepEqual(Buffer.from(repo.git("show", `:${PATH}`)), canonical({ ...VALUES, A: "2" }, repo.key));
  assert.equal(repo.git("diff"), "");

  repo.write("notes.txt", "new\n");
  repo.git("stash", "-q", "-u");
  assert.equal(repo.git("status", "--porcelain"), "");
  repo.git("stash", "pop", "-q");
  assert.deepEqual(repo.git("status", "--porcelain").split("\n").length, 2);
  repo.git("add", PATH);
  repo.git("stash", "-q");
  repo.git("stash", "apply", "-q", "--index");
  assert.match(repo.git("status", "--porcelain"), /^M {2}agents\/secrets\.enc/m);
});

test("cherry-pick -n and revert -n of four commits go through in one go", (t) => {
  const repo = filterRepo(t);
  const side = elsewhere(repo, "side");
  repo.git("clone", "-q", ".", side.root);
  // Written without the tool: every blob is in a form of its own.
  for (let n = 1; n <= 4; n += 1) {
    side.write(PATH, randomToken({ ...VALUES, STEP: `${n}` }, repo.key));
    side.git("commit", "-qam", `step ${n}`);
  }
  repo.git("fetch", "-q", side.root, "HEAD:side");
  repo.git("cherry-pick", "-n", "main..side");
  repo.git("commit", "-qm", "picked");
  assert.equal(repo.git("status", "--porcelain"), "");
  assert.equal(repo.git("rev-parse", `HEAD:${PATH}`), repo.git("rev-parse", `side:${PATH}`));

  repo.git("checkout", "-q", "side");
  repo.write(PATH, randomToken({ ...VALUES, STEP: "4" }, repo.key));
  repo.git("revert", "-n", "HEAD~4..HEAD");
  repo.git("commit", "-qm", "reverted");
  assert.equal(repo.git("rev-parse", `HEAD:${PATH}`), repo.git("rev-parse", `main~1:${PATH}`));
});

test("rebase, merge, am, switch, checkout -f and renormalize meet no local changes", (t) => {
  const repo = filterRepo(t);
  const touch = () => repo.write(PATH, repo.read(PATH));
  repo.git("checkout", "-qb", "topic");
  for (let n = 1; n <= 3; n += 1) {
    repo.write(PATH, randomToken({ ...VALUES, TOPIC: `${n}` }, repo.key));
    repo.git("commit", "-qam", `topic ${n}`);
  }
  repo.git("format-patch", "-q", "-o", "../patches", "main");
  repo.git("switch", "-q", "main");
  touch();
  repo.write("other.txt", "x\n");
  repo.git("add", "other.txt");
  repo.git("commit", "-qm", "other");
  repo.git("switch", "-q", "topic");
  touch();
  repo.git("rebase", "-q", "main");
  assert.equal(repo.git("status", "--porcelain"), "");
  repo.git("checkout", "-q", "-f", "main");
  touch();
  repo.git("merge", "-q", "--no-ff", "--no-edit", "topic");
  assert.equal(repo.git("status", "--porcelain"), "");
  repo.git("reset", "-q", "--hard", "HEAD^");
  const patches = ["1-topic-1", "2-topic-2", "3-topic-3"].map((name) => `../patches/000${name}.patch`);
  touch();
  repo.git("am", "-q", ...patches);
  assert.equal(repo.git("status", "--porcelain"), "");
  assert.equal(repo.git("rev-parse", `HEAD:${PATH}`), repo.git("rev-parse", `topic:${PATH}`));
  repo.git("add", "--renormalize", ".");
  assert.equal(repo.git("status", "--porcelain"), "");
});

test("a linked worktree finds the key of the main one", (t) => {
  const repo = filterRepo(t);
  repo.git("worktree", "add", "-q", "../linked", "-b", "linked");
  const linked = elsewhere(repo, "linked");
  linked.write(PATH, randomToken(VALUES, repo.key));
  assert.equal(linked.git("status", "--porcelain"), "");
  linked.write(PATH, '{"FIRST": "changed"}');
  linked.git("add", PATH);
  assert.deepEqual(Buffer.from(linked.git("show", `:${PATH}`)), canonical({ FIRST: "changed" }, repo.key));
});

test("plaintext never becomes an object: encrypted with the key, refused without it", (t) => {
  const repo = filterRepo(t);
  const marked = ["plain", "text", "mark"].join("-");
  repo.write(PATH, JSON.stringify({ FIRST: marked }));
  repo.git("add", PATH);
  assert.deepEqual(Buffer.from(repo.git("show", `:${PATH}`)), canonical({ FIRST: marked }, repo.key));

  repo.write(PATH, `export FIRST=${marked}2\n# note\n`);
  repo.git("add", PATH);
  assert.deepEqual(Buffer.from(repo.git("show", `:${PATH}`)), canonical({ FIRST: `${marked}2` }, repo.key));

  repo.remove("agents/.key");
  const before = repo.git("ls-files", "-s");
  repo.write(PATH, JSON.stringify({ FIRST: `${marked}3` }));
  const add = repo.try("git", "add", PATH);
  assert.equal(add.code, 128);
  assert.match(add.stderr, /error: 'agents\/secrets\.enc' holds secrets in plain text, and its key is not here/);
  assert.match(add.stderr, /git restore -- agents\/secrets\.enc/);
  assert.doesNotMatch(add.all, new RegExp(marked));
  assert.equal(repo.git("ls-files", "-s"), before);
  repo.git("restore", "--", PATH);
  repo.write("agents/.key", formatKey(repo.key));
  assert.equal(repo.try("git", "status", "--porcelain").code, 0);

  const objects = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split("\n");
  for (const oid of objects) assert.ok(!repo.git("cat-file", "-p", oid).includes(marked), oid);
});

for (const kind of ["fifo", "device", "folder", "hex"] as const) {
  test(`a .key that is a ${kind} stops nothing`, (t) => {
    const repo = filterRepo(t);
    repo.remove("agents/.key");
    if (kind === "fifo") repo.try("mkfifo", "agents/.key");
    if (kind === "device") repo.try("ln", "-s", "/dev/zero", "agents/.key");
    if (kind === "folder") repo.write("agents/.key/x", "");
    if (kind === "hex") repo.write("agents/.key", "ab".repeat(32));
    repo.write(PATH, randomToken(VALUES, repo.key));
    const status = repo.try("timeout", "20", "git", "status", "--porcelain");
    assert.equal(status.code, 0);
    assert.match(status.stderr, /muxi-git: 'agents\/secrets\.enc' was not examined: its \.key /);
  });
}

for (const [what, init, prepare] of [
  ["a split index", [], ["update-index", "--split-index"]],
  ["a SHA-256 repository", ["--object-format=sha256"], undefined],
  ["a sparse checkout", [], ["sparse-checkout", "set", "agents"]],
] as const) {
  test(`quiet in ${what}`, (t) => {
    const repo = filterRepo(t, { init: [...init] });
    if (prepare) repo.git(...prepare);
    const foreign = randomToken(VALUES, repo.key);
    repo.git(
      "update-index",
      "--cacheinfo",
      `100644,${repo.tryWith({ input: foreign }, "git", "hash-object", "-w", "--stdin").stdout.trim()},${PATH}`,
    );
    repo.git("commit", "-qm", "written without the tool");
    repo.write(PATH, foreign);
    assert.equal(repo.git("status", "--porcelain"), "");
    repo.write(PATH, randomToken(VALUES, repo.key));
    assert.equal(repo.git("status", "--porcelain"), "");
  });
}

test("a secrets.enc that is not MUXI's is stored as it is, without a word", (t) => {
  const repo = filterRepo(t);
  const bytes = Buffer.from([0, 1, 2, 255, 10, 13, 10, 0]);
  repo.write("rails/secrets.enc", bytes);
  repo.write("plain/secrets.enc", '{"A": "1"}');
  const add = repo.try("git", "add", "-A");
  assert.deepEqual([add.code, add.all.trim()], [0, ""]);
  assert.equal(repo.git("cat-file", "-s", ":rails/secrets.enc"), "8");
  assert.equal(repo.git("show", ":plain/secrets.enc"), '{"A": "1"}');
});

test("an implementation of git without long-running filters gets the same answers, a process a file", (t) => {
  const repo = filterRepo(t);
  repo.git("config", "--unset", "filter.muxi-git.process");
  repo.write(PATH, randomToken(VALUES, repo.key));
  assert.equal(repo.git("status", "--porcelain"), "");
  repo.write(PATH, '{"FIRST": "one"}');
  repo.git("add", PATH);
  assert.deepEqual(Buffer.from(repo.git("show", `:${PATH}`)), canonical({ FIRST: "one" }, repo.key));
  repo.git("checkout", "-q", "-f", "HEAD");
  assert.deepEqual(repo.read(PATH), canonical(VALUES, repo.key));
  repo.remove("agents/.key");
  const refused = repo.tryWith({ input: '{"FIRST": "one"}' }, `${repo.runtime}/run`, "clean", PATH);
  assert.deepEqual([refused.code, refused.stdout], [1, ""]);
});
