import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openBlobReader, parseBatch } from "../../src/git/cat-file.ts";
import { findGitPlaces, mainWorktree } from "../../src/git/git-dir.ts";
import { gitEnvironment, gitExecutable, runGit, tryGit } from "../../src/git/run.ts";
import { indexSnapshot, readTree, snapshotBefore, workingTreeSnapshot } from "../../src/git/snapshot.ts";
import { ownChanges, parseListing, readStaged } from "../../src/git/staged.ts";
import { readWorkingFile } from "../../src/git/working-file.ts";
import { repoAt, type TempRepo, tempRepo } from "../support/repo.ts";

/** Reading of ours runs in this process: give it the repository's isolated environment. */
function isolated(t: TestContext, repo: TempRepo): void {
  const before = { ...process.env };
  t.after(() => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  });
  for (const name of Object.keys(process.env)) if (name.startsWith("GIT_")) delete process.env[name];
  for (const name of ["HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL"]) {
    process.env[name] = repo.env[name] ?? "";
  }
}

test("the repository is found from a subdirectory, a linked worktree and inside .git", (t) => {
  const repo = tempRepo(t);
  repo.write("sub/dir/a", "a\n");
  repo.git("add", ".");
  repo.git("commit", "-qm", "one");
  const linked = join(repo.base, "linked");
  repo.git("worktree", "add", "-q", linked);

  const here = findGitPlaces(repo.path("sub", "dir"), {});
  assert.deepEqual(here, { gitDir: repo.path(".git"), commonDir: repo.path(".git"), topLevel: repo.root });
  const there = findGitPlaces(join(linked, "sub"), {});
  assert.equal(there?.topLevel, linked);
  assert.equal(there?.commonDir, repo.path(".git"));
  assert.match(there?.gitDir ?? "", /\.git\/worktrees\/linked$/);
  assert.equal(there && mainWorktree(there), repo.root);
  assert.equal(findGitPlaces(repo.path(".git", "refs"), {})?.topLevel, null);
  assert.equal(findGitPlaces(repo.base, {}), null);
});

test("a .git that leads nowhere is no repository", (t) => {
  const repo = tempRepo(t);
  const folder = join(repo.base, "other");
  mkdirSync(folder);
  writeFileSync(join(folder, ".git"), "gitdir: /nonexistent\n");
  assert.equal(findGitPlaces(folder, {}), null);
  writeFileSync(join(folder, ".git"), "no gitfile");
  assert.equal(findGitPlaces(folder, {}), null);
});

test("a git in the working tree, or at a relative path, is never run", (t) => {
  const repo = tempRepo(t);
  repo.write("bin/git", "#!/bin/sh\ntouch ran\n", 0o755);
  const script = `import { gitExecutable } from ${JSON.stringify(new URL("../../src/git/run.ts", import.meta.url).href)};
    console.log(gitExecutable());`;
  repo.write("../probe.mts", script);
  const real = gitExecutable();
  const path = [`${repo.root}/bin`, "bin", ".", repo.env.PATH].join(":");
  const tsx = new URL("../../node_modules/tsx/dist/loader.mjs", import.meta.url).href;
  const ran = repo.tryWith(
    { env: { ...repo.env, PATH: path } },
    process.execPath,
    "--import",
    tsx,
    join(repo.base, "probe.mts"),
  );
  assert.equal(ran.stdout.trim(), real);
});

test("replace refs, grafts and pathspec variables of the caller do not reach our reads", () => {
  const env = gitEnvironment({ GIT_LITERAL_PATHSPECS: "1", GIT_ICASE_PATHSPECS: "1", GIT_INDEX_FILE: "x" });
  assert.equal(env.GIT_NO_REPLACE_OBJECTS, "1");
  assert.equal(env.GIT_LITERAL_PATHSPECS, undefined);
  assert.equal(env.GIT_ICASE_PATHSPECS, undefined);
  assert.equal(env.GIT_INDEX_FILE, "x");
});

test("blobs come back byte for byte, a missing one as null, and reading goes on after it", async (t) => {
  const repo = tempRepo(t);
  isolated(t, repo);
  const contents = [Buffer.alloc(0), Buffer.from("line\n"), Buffer.from([0, 255, 10, 13]), Buffer.alloc(3_000_000, 7)];
  const oids = contents.map((bytes) =>
    runGit(["hash-object", "-w", "--stdin"], { cwd: repo.root, input: bytes }).toString().trim(),
  );
  const reader = openBlobReader(repo.root);
  const missing = reader.read("1".repeat(40));
  const read = await Promise.all(oids.map((oid) => reader.read(oid)));
  assert.equal(await missing, null);
  for (const [at, bytes] of contents.entries()) assert.ok(read[at]?.equals(bytes));
  reader.close();
  await assert.rejects(reader.read("HEAD"), { code: "git-failed" });
});

test("what is staged is told against HEAD, and before the first commit against nothing", async (t) => {
  const repo = tempRepo(t);
  isolated(t, repo);
  const places = findGitPlaces(repo.root, {})!;
  repo.write("a", "1\n");
  repo.git("add", "a");
  const first = await readStaged(places, repo.root);
  assert.deepEqual(
    first.parents[0]?.changes.map(({ status, path }) => [status, path]),
    [["A", "a"]],
  );
  repo.git("commit", "-qm", "one");
  repo.write("b", "2\n");
  repo.git("add", "-N", "b");
  repo.git("rm", "-q", "--cached", "a");
  const second = await readStaged(places, repo.root);
  assert.deepEqual(
    second.parents[0]?.changes.map(({ status, path }) => [status, path]),
    [["D", "a"]],
    "an intent to add is no content",
  );
});

test("a broken HEAD is an error, not an empty change", async (t) => {
  const repo = tempRepo(t);
  isolated(t, repo);
  repo.write("a", "1\n");
  repo.git("add", "a");
  repo.git("commit", "-qm", "one");
  const oid = repo.git("rev-parse", "HEAD^{tree}");
  repo.remove(`.git/objects/${oid.slice(0, 2)}/${oid.slice(2)}`);
  await assert.rejects(readStaged(findGitPlaces(repo.root, {})!, repo.root), { code: "git-failed" });
});

test("in a merge, only what differs from both parents is the commit's own", async (t) => {
  const repo = tempRepo(t);
  isolated(t, repo);
  for (const name of ["a", "b", "c"]) repo.write(name, "base\n");
  repo.git("add", ".");
  repo.git("commit", "-qm", "base");
  repo.git("checkout", "-qb", "side");
  repo.write("a", "side\n");
  repo.write("c", "side\n");
  repo.git("commit", "-qam", "side");
  repo.git("checkout", "-q", "main");
  repo.write("b", "main\n");
  repo.write("c", "main\n");
  repo.git("commit", "-qam", "main");
  repo.try("git", "merge", "-q", "--no-commit", "side");
  repo.write("c", "both\n");
  repo.git("add", "c");
  const { parents } = await readStaged(findGitPlaces(repo.root, {})!, repo.root);
  assert.equal(parents.length, 2);
  assert.deepEqual(
    ownChanges(parents).map((change) => change.path),
    ["c"],
  );
});

test("snapshots of index, commit, parent and working tree read the same files, links followed inside", async (t) => {
  const repo = tempRepo(t);
  isolated(t, repo);
  repo.write("shared/secrets.enc", "one\n");
  repo.write("f/formation.afs", "id: f\n");
  symlinkSync("../shared/secrets.enc", repo.path("f/secrets.enc"));
  symlinkSync("loop", repo.path("f/loop"));
  symlinkSync("/etc/passwd", repo.path("f/outside"));
  repo.git("add", ".");
  repo.git("commit", "-qm", "one");
  repo.write("shared/secrets.enc", "two\n");
  repo.git("add", ".");
  repo.write("shared/secrets.enc", "three\n");

  const reader = openBlobReader(repo.root);
  const { index, parents } = await readStaged(findGitPlaces(repo.root, {})!, repo.root);
  const staged = indexSnapshot(index, reader);
  assert.equal(String(await staged.read("f/secrets.enc")), "two\n");
  assert.equal(await staged.read("f/loop"), null);
  assert.equal(await staged.read("f/outside"), null);
  assert.equal(await staged.read("absent"), null);
  assert.equal(String(await snapshotBefore(staged, parents[0]!.changes, reader).read("f/secrets.enc")), "one\n");
  assert.equal(String(await readTree("HEAD", reader, repo.root).read("f/secrets.enc")), "one\n");
  assert.equal(String(await workingTreeSnapshot(repo.root).read("f/secrets.enc")), "three\n");
  reader.close();
});

test("a FIFO or a folder in the working tree is read as absent, at once", (t) => {
  const repo = tempRepo(t);
  assert.equal(repo.try("mkfifo", repo.path("pipe")).code, 0);
  mkdirSync(repo.path("folder"));
  assert.equal(readWorkingFile(repo.root, "pipe"), null);
  assert.equal(readWorkingFile(repo.root, "folder"), null);
  assert.equal(readWorkingFile(repo.root, "absent"), null);
});

test("paths that are no UTF-8 are read from disk and from git", async (t) => {
  const repo = tempRepo(t);
  isolated(t, repo);
  const name = Buffer.from([0x66, 0xff, 0x6f]);
  writeFileSync(Buffer.concat([Buffer.from(`${repo.root}/`), name]), "bytes\n");
  repo.git("add", ".");
  const reader = openBlobReader(repo.root);
  const { index } = await readStaged(findGitPlaces(repo.root, {})!, repo.root);
  const path = index[0]?.path ?? "";
  assert.equal(String(await indexSnapshot(index, reader).read(path)), "bytes\n");
  assert.equal(String(readWorkingFile(repo.root, path)), "bytes\n");
  reader.close();
});

test("git's exit code is the caller's to judge, and a failure names the verb", (t) => {
  const repo = tempRepo(t);
  isolated(t, repo);
  assert.equal(tryGit(["rev-parse", "--verify", "-q", "nope"], { cwd: repo.root }).code, 1);
  assert.throws(() => runGit(["ls-tree", "nope"], { cwd: repo.root }), /'git ls-tree' failed: Not a valid object name/);
  assert.equal(repoAt(repo.base, repo.root, repo.env).git("rev-parse", "--is-inside-work-tree"), "true");
});

test("the launcher's listing is taken as it is, and anything else is asked for again", () => {
  const oid = "a".repeat(40);
  const end = ["", "0", ""].join("\0");
  const listing = `100644 ${oid} 0\ta\0${end}:000000 100644 ${oid} ${oid} A\0a\0${end}`;
  const parsed = parseListing(Buffer.from(listing));
  assert.equal(parsed?.index.code, 0);
  assert.equal(String(parsed?.index.stdout), `100644 ${oid} 0\ta\0`);
  assert.equal(String(parsed?.head.stdout), `:000000 100644 ${oid} ${oid} A\0a\0`);
  // Before the first commit diff-index fails: its code says so.
  assert.equal(parseListing(Buffer.from(["", "0", "", "128", ""].join("\0")))?.head.code, 128);
  for (let cut = 0; cut < listing.length; cut += 1) {
    assert.equal(parseListing(Buffer.from(listing.slice(0, cut))), null, `cut at ${cut}`);
  }
  assert.equal(parseListing(Buffer.from(`${listing}more`)), null);
  const batch = `${oid} blob 3\nabc\n${"b".repeat(40)} missing\n${"c".repeat(40)} blob 2\nde`;
  assert.deepEqual([...parseBatch(Buffer.from(batch))], [[oid, Buffer.from("abc")]]);
});

test("a file of the working tree stands for a blob only where it hashes to it", async (t) => {
  const repo = tempRepo(t);
  isolated(t, repo);
  repo.write("a", "staged\n");
  repo.git("add", "a");
  const oid = repo.git("rev-parse", ":a");
  const reader = openBlobReader(repo.root);
  assert.equal(String(await reader.read(oid, "a")), "staged\n");
  repo.write("a", "Staged\n");
  assert.equal(String(await reader.read(oid, "a")), "staged\n");
  reader.close();
});
