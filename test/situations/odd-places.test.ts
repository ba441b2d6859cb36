/**
 * Places and environments that a shell, a path or a permission makes difficult:
 * what protects elsewhere protects there, or refuses and says why.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type MadeFormation, writeFormation } from "../support/formation.ts";
import { NOT_EVERY_DAY, SLOW } from "../support/gits.ts";
import { MAIN, preparedRepo, repoAt, type TempRepo, tempRepo } from "../support/repo.ts";
import { usersFiles, wholeFolder } from "./install-support.ts";
import {
  assertBlocked,
  assertBlocks,
  assertFilters,
  assertSilent,
  assertStatus,
  fixOf,
  install,
} from "./protection.ts";

/** Uninstall; the line that ignores keys stays for as long as there is one. */
function uninstall(repo: TempRepo, formation: MadeFormation): void {
  repo.remove(formation.at(".key"));
  const ran = repo.muxi("uninstall", "--shared");
  assert.equal(ran.code, 0, ran.all);
}

/** States in short: a difference should fit on a screen. */
function assertSame(found: Record<string, string>, wanted: Record<string, string>): void {
  for (const path of Object.keys({ ...found, ...wanted })) assert.equal(found[path], wanted[path], path);
}

/** What install may touch, without the working tree's own files. */
function setUp(repo: TempRepo): Record<string, string> {
  const ours = /^(?:\.git\/|\.gitattributes$|\.gitignore$|\.husky)/;
  return Object.fromEntries(Object.entries(usersFiles(repo.root)).filter(([path]) => ours.test(path)));
}

const prepared = preparedRepo((repo) => {
  const formation = writeFormation(repo, "bot");
  install(repo);
  repo.git("add", "-A");
  assertSilent(repo.try("git", "commit", "-qm", "formation"));
  return formation;
});

function protectedRepo(t: TestContext): { repo: TempRepo; formation: MadeFormation } {
  const { repo, made } = prepared(t);
  return { repo, formation: { ...made } };
}

/** Another user of this machine, where there is one that we can become. */
const NOBODY = 65_534;
const AS_NOBODY = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] as const;
const noOtherUser: string | false = (() => {
  if (process.platform === "win32" || process.getuid?.() !== 0) return "only root can become another user";
  const [program, ...args] = AS_NOBODY;
  const ran = spawnSync(program, [...args, process.execPath, "-e", ""]);
  return ran.status === 0 ? false : "setpriv or a node that others may run is missing";
})();
const noModes = process.platform === "win32" ? "no permission bits on Windows" : false;

/** Give a folder and what is in it to the user, or to the group, of the other one. */
function give(path: string, uid: number, gid: number): void {
  chownSync(path, uid, gid);
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    if (!entry.isSymbolicLink()) chownSync(join(entry.parentPath, entry.name), uid, gid);
  }
}

/** Under the other user; HOME and TMPDIR are shared with it. */
function asNobody(repo: TempRepo, ...command: string[]) {
  for (const folder of [repo.base, repo.env.HOME!, repo.env.TMPDIR!]) chmodSync(folder, 0o777);
  return repo.try(...([...AS_NOBODY, ...command] as [string, ...string[]]));
}
const TOGETHER = `-x "q" 'a' $(touch pwned) \\b é\nline`;
const NAMES =
  process.platform === "win32"
    ? ["it's é"]
    : SLOW
      ? [
          TOGETHER,
          "two  words ",
          `"double"`,
          "it's",
          "$HOME",
          "back\\slash",
          "a\nb",
          "-dash",
          "日本語 é",
          "~",
          "*",
          "a;b&c",
          "#c",
          "!",
        ]
      : [TOGETHER];

describe("names", () => {
  for (const name of NAMES) {
    test(`${JSON.stringify(name)} as the folder of the repository and of a formation`, (t) => {
      const repo = tempRepo(t, { name });
      const formation = writeFormation(repo, name);
      const before = setUp(repo);
      install(repo);
      if (SLOW) assertStatus(repo);
      // A first commit, with a file that may not go in: the fix is pasted into a shell.
      repo.write(formation.at("memory.db"), "SQLite format 3\0");
      repo.git("add", "-A", "-f", "--", ".", ":!.key", `:!*/.key`);
      const ran = repo.try("git", "commit", "-qm", "one");
      assert.equal(ran.code, 1, ran.all);
      const fix = fixOf(ran);
      const mended = repo.try("sh", "-c", fix);
      assert.equal(mended.code, 0, `${fix}\n${mended.all}`);
      assertSilent(repo.try("git", "commit", "-qm", "one"));
      assert.ok(!repo.git("ls-files", "-z").includes("memory.db"));
      repo.remove(formation.at("memory.db"));
      assertFilters(repo, formation);
      uninstall(repo, formation);
      assertSame(setUp(repo), before);
      for (const folder of [repo.base, repo.root, repo.path(name)]) assert.ok(!readdirSync(folder).includes("pwned"));
    });
  }

  const noDepth = process.platform !== "linux" ? "4096 is Linux's" : !SLOW && "tried with SLOW=1";
  test("a path near the longest that there is", { skip: noDepth }, (t) => {
    const outer = tempRepo(t);
    // git keeps some room for what it puts below.
    const parts: string[] = [];
    for (let length = outer.base.length; length < 3700; length += 201) parts.push("n".repeat(200));
    const repo = repoAt(outer.base, join(outer.base, ...parts), outer.env);
    mkdirSync(repo.root, { recursive: true });
    repo.git("init", "-q");
    const formation = writeFormation(repo, "bot");
    const before = setUp(repo);
    install(repo);
    repo.git("add", "-A");
    assertSilent(repo.try("git", "commit", "-qm", "one"));
    assertBlocks(repo, formation);
    uninstall(repo, formation);
    assertSame(setUp(repo), before);
  });
});

describe("a git dir that is elsewhere", () => {
  test("--separate-git-dir", { skip: NOT_EVERY_DAY }, (t) => {
    const outer = tempRepo(t);
    const repo = repoAt(outer.base, join(outer.base, "tree"), outer.env);
    const gitDir = join(outer.base, "git's dir");
    outer.git("init", "-q", "--separate-git-dir", gitDir, repo.root);
    const formation = writeFormation(repo, "bot");
    const before = wholeFolder(gitDir);
    install(repo);
    assert.ok(existsSync(join(gitDir, "muxi-git/run")));
    repo.git("add", "-A");
    assertSilent(repo.try("git", "commit", "-qm", "one"));
    assertBlocks(repo, formation);
    uninstall(repo, formation);
    const after = wholeFolder(gitDir);
    for (const path of Object.keys({ ...before, ...after }))
      if (/^(?:config|hooks|info|muxi-git)/.test(path)) assert.equal(after[path], before[path], path);
  });

  test("core.worktree, and GIT_DIR with GIT_WORK_TREE", { skip: NOT_EVERY_DAY }, (t) => {
    const { repo, formation } = protectedRepo(t);
    const git = { ...repo.env, GIT_DIR: repo.path(".git"), GIT_WORK_TREE: repo.root };
    // From outside: nothing but the variables leads there.
    const named = repoAt(repo.base, repo.root, git);
    const away = (...args: string[]) => named.tryWith({ cwd: repo.base }, args[0]!, ...args.slice(1));
    repo.write("leak.txt", `${Object.values(formation.secrets)[0]}\n`);
    assert.equal(away("git", "add", "-A").code, 0);
    assertBlocked(away("git", "commit", "-qm", "leak"), Object.values(formation.secrets)[0]!);
    assert.equal(named.muxiWith({ cwd: repo.root }, "status").code, 0);
    repo.git("rm", "-q", "--cached", "leak.txt");
    repo.remove("leak.txt");

    const tree = repoAt(repo.base, join(repo.base, "another tree"), repo.env);
    mkdirSync(tree.root);
    repo.git("config", "core.worktree", tree.root);
    const there = repoAt(repo.base, tree.root, { ...repo.env, GIT_DIR: repo.path(".git") });
    there.git("reset", "-q", "--hard");
    there.write(formation.at(".key"), formation.key, 0o600);
    assertBlocks(there, formation);
    if (!SLOW) return;
    assertFilters(there, formation);
    assertStatus(there);
  });
});

describe("permissions", { skip: noModes }, () => {
  test("an owner that git does not trust: refused with the reason, and a hook fails closed", (t) => {
    const { repo } = protectedRepo(t);
    const env = { GIT_TEST_ASSUME_DIFFERENT_OWNER: "1" };
    if (repo.tryWith({ env }, "git", "status").code === 0) {
      t.skip("this git does not look at the owner");
      return;
    }
    const before = setUp(repo);
    for (const verb of SLOW ? ["install", "uninstall", "status", "check"] : ["install"]) {
      const ran = repo.muxiWith({ env }, verb);
      assert.equal(ran.code, 2, ran.all);
      assert.match(ran.stderr, /does not trust the owner of the repository/);
      assert.match(ran.stderr, /hint: .*safe\.directory/);
    }
    assertSame(setUp(repo), before);
    const hook = repo.tryWith({ env }, repo.path(".git/hooks/pre-commit"));
    assert.equal(hook.code, 2, hook.all);
    assert.match(hook.stderr, /^muxi-git: error: /m);
  });

  for (const umask of SLOW ? ["077", "000", "027"] : ["077"]) {
    test(`umask ${umask}: the runtime follows it, the record is the owner's alone`, (t) => {
      const repo = tempRepo(t);
      const formation = writeFormation(repo, "bot");
      const before = setUp(repo);
      const under = (command: string) => repo.try("sh", "-c", `umask ${umask}; ${command}`);
      const ran = under(`"${process.execPath}" "${MAIN}" install`);
      assert.equal(ran.code, 0, ran.all);
      const denied = Number.parseInt(umask, 8);
      const mode = (path: string) => statSync(repo.path(".git", path)).mode & 0o777;
      assert.equal(mode("muxi-git/install.json"), 0o600);
      assert.equal(mode("muxi-git/run"), 0o777 & ~denied);
      assert.equal(mode("muxi-git/plumbing.cjs"), 0o666 & ~denied);
      assert.equal(mode("hooks/pre-commit"), 0o777 & ~denied);
      if (SLOW) assertSilent(under("git add -A && git commit -qm one"));
      uninstall(repo, formation);
      assertSame(setUp(repo), before);
    });
  }

  test("core.sharedRepository=group under umask 077: another of the group is protected", { skip: noOtherUser }, (t) => {
    const repo = tempRepo(t, { init: ["--shared=group"] });
    const formation = writeFormation(repo, "bot");
    repo.git("config", "--global", "--add", "safe.directory", "*");
    const before = setUp(repo);
    give(repo.root, 0, NOBODY);
    const ran = repo.try("sh", "-c", `umask 077; "${process.execPath}" "${MAIN}" install`);
    assert.equal(ran.code, 0, ran.all);
    const mode = (path: string) => statSync(repo.path(".git", path)).mode & 0o7777;
    assert.equal(mode("muxi-git") & 0o2777, 0o2770);
    assert.equal(mode("muxi-git/run"), 0o770);
    assert.equal(mode("muxi-git/plumbing.cjs"), 0o660);
    assert.equal(mode("muxi-git/config"), 0o660);
    assert.equal(mode("hooks/pre-commit"), 0o770);
    assert.equal(mode("muxi-git/install.json"), 0o600);
    // A second install finds nothing to mend.
    assert.match(repo.muxi("install").stdout, /nothing to change/);
    repo.git("add", "-A");
    assertSilent(repo.try("git", "commit", "-qm", "one"));
    chmodSync(repo.root, 0o770);
    for (const entry of readdirSync(repo.root, { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath, entry.name);
      if (!path.startsWith(repo.path(".git/"))) chmodSync(path, entry.isDirectory() ? 0o770 : 0o660);
    }
    give(repo.root, 0, NOBODY);
    writeFileSync(repo.path("bot/leak.txt"), `${Object.values(formation.secrets)[0]}\n`, { mode: 0o666 });
    const added = asNobody(repo, "git", "add", "bot/leak.txt");
    assert.equal(added.code, 0, added.all);
    // git itself does not share this one.
    repo.remove(".git/COMMIT_EDITMSG");
    assertBlocked(asNobody(repo, "git", "commit", "-qm", "leak"), Object.values(formation.secrets)[0]!);
    writeFileSync(repo.path("bot/leak.txt"), "nothing\n");
    assertSilent(asNobody(repo, "git", "commit", "-qam", "twin"));
    uninstall(repo, formation);
    const after = setUp(repo);
    for (const path of Object.keys({ ...before, ...after }))
      if (path.startsWith(".git/") && path !== ".git/hooks") assert.equal(after[path], before[path], path);
  });

  test("a git dir that may not be written: install says so and leaves nothing", { skip: noOtherUser }, (t) => {
    const repo = tempRepo(t);
    writeFormation(repo, "bot");
    repo.git("config", "--global", "--add", "safe.directory", "*");
    give(repo.root, NOBODY, NOBODY);
    for (const path of [".git/hooks", ".git"]) chmodSync(repo.path(path), 0o555);
    const before = wholeFolder(repo.root);
    const ran = asNobody(repo, process.execPath, MAIN, "install");
    assert.equal(ran.code, 2, ran.all);
    assert.match(ran.stderr, /^muxi-git: error: cannot (?:make|write) .*\((?:EACCES|EROFS)\)/m);
    assert.doesNotMatch(ran.all, /internal error|\n {4}at /);
    assertSame(wholeFolder(repo.root), before);
  });

  test("an installed repository turned read-only still reads", { skip: noOtherUser }, (t) => {
    const { repo } = protectedRepo(t);
    repo.git("config", "--global", "--add", "safe.directory", "*");
    const token = repo.git("show", "HEAD:bot/secrets.enc");
    give(repo.root, NOBODY, NOBODY);
    for (const entry of readdirSync(repo.path(".git"), { withFileTypes: true, recursive: true }))
      if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), 0o555);
    chmodSync(repo.path(".git"), 0o555);
    assert.equal(asNobody(repo, "git", "status", "--porcelain").stdout, "");
    assert.equal(asNobody(repo, "git", "show", "--no-textconv", "HEAD:bot/secrets.enc").stdout.trimEnd(), token);
    const status = asNobody(repo, process.execPath, MAIN, "status");
    assert.equal(status.code, 0, status.all);
    const uninstall = asNobody(repo, process.execPath, MAIN, "uninstall");
    assert.equal(uninstall.code, 2, uninstall.all);
    assert.doesNotMatch(uninstall.all, /internal error/);
    assert.equal(asNobody(repo, process.execPath, MAIN, "status").code, 0, "all of it is still there");
  });
});

describe("settings and variables", () => {
  test("core.fsmonitor is set, HOME and XDG_CONFIG_HOME are not", { skip: NOT_EVERY_DAY }, (t) => {
    const { repo, formation } = protectedRepo(t);
    const hook = join(repo.base, "fs monitor");
    // Version 2 of the protocol: a token, then `/`: everything may have changed.
    writeFileSync(hook, `#!/bin/sh\nprintf 'token\\0/\\0'\n`, { mode: 0o755 });
    repo.git("config", "core.fsmonitor", `'${hook}'`);
    repo.git("config", "core.untrackedCache", "true");
    const { HOME, XDG_CONFIG_HOME, GIT_CONFIG_GLOBAL, ...env } = repo.env;
    assert.ok(HOME && XDG_CONFIG_HOME && GIT_CONFIG_GLOBAL);
    const bare = repoAt(repo.base, repo.root, env);
    const without = { HOME: undefined, XDG_CONFIG_HOME: undefined };
    assert.equal(bare.muxiWith({ env: without }, "install").code, 0);
    if (SLOW) assertFilters(bare, formation);
    assertBlocks(bare, formation);
  });
});
