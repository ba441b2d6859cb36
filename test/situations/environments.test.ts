/**
 * Where a repository can stand and of what kind it can be: in each, install
 * protects it, status says so, and uninstall leaves it as it was.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type MadeFormation, writeFormation } from "../support/formation.ts";
import { type Git, SLOW, triedOnGits } from "../support/gits.ts";
import { preparedRepo, repoAt, type TempRepo, tempRepo } from "../support/repo.ts";
import { wholeFolder } from "./install-support.ts";
import {
  assertBlocked,
  assertBlocks,
  assertFilters,
  assertProtected,
  assertSilent,
  assertStatus,
  assertUnprotected,
  install,
  protect,
} from "./protection.ts";

const onGits = triedOnGits((name, options, body) => void test(name, options, body));

const FILE_PROTOCOL = ["-c", "protocol.file.allow=always"];

const prepared = preparedRepo((repo) => protect(repo));

/** A protected repository with a committed formation in `bot/`. */
function protectedRepo(t: TestContext, git: Git): { repo: TempRepo; formation: MadeFormation } {
  const { repo, made } = prepared(t, git.path);
  return { repo, formation: { ...made } };
}

/** Another working tree under the same base. */
function elsewhere(repo: TempRepo, ...parts: string[]): TempRepo {
  return repoAt(repo.base, join(repo.base, ...parts), repo.env);
}

/** The key of a formation does not travel with a clone. */
function bringKey(repo: TempRepo, formation: MadeFormation): void {
  repo.write(formation.at(".key"), formation.key, 0o600);
}

describe("linked worktrees", () => {
  onGits(
    "made before and after install are protected by the key of the main one, and uninstall is for all",
    (t, git) => {
      const repo = tempRepo(t, { git: git.path });
      repo.git("commit", "-q", "--allow-empty", "-m", "root");
      const before = elsewhere(repo, "made before");
      repo.git("worktree", "add", "-q", "-b", "before", before.root);
      const found = wholeFolder(repo.path(".git"));
      const formation = protect(repo);
      const after = elsewhere(repo, "made 'after'");
      repo.git("worktree", "add", "-q", "-b", "after", after.root);
      before.git("merge", "-q", "--ff-only", "main");
      for (const linked of [before, after]) assert.ok(!existsSync(linked.path(formation.at(".key"))));
      assertFilters(before, formation);
      if (SLOW) assertBlocks(before, formation);
      assertBlocks(after, formation);
      if (SLOW) assertStatus(after);
      // git hands an alias GIT_DIR here, with which a folder below, or another repository, would pass for the top level.
      for (const [cwd, ...words] of [
        [after.path(formation.folder), "muxi"],
        [after.root, "muxi", "-C", formation.folder],
        [after.root, "muxi", "-C", repo.root],
      ] as const) {
        const ran = repo.tryWith({ cwd }, "git", ...words, "key", "check");
        assert.match(ran.stdout, new RegExp(`^${formation.folder}: the key \\w+ opens`), ran.all);
      }
      assert.equal(after.muxi("uninstall", "--shared").code, 0);
      assertUnprotected(repo);
      const left = wholeFolder(repo.path(".git"));
      for (const path of Object.keys({ ...found, ...left }))
        if (/^(?:config|hooks|muxi-git)/.test(path)) assert.equal(left[path], found[path], path);
    },
  );

  onGits(
    "with a core.hooksPath of its own: that worktree is not called protected, the others are",
    { slow: true },
    (t, git) => {
      const { repo, formation } = protectedRepo(t, git);
      const linked = elsewhere(repo, "linked");
      repo.git("worktree", "add", "-q", linked.root);
      repo.git("config", "extensions.worktreeConfig", "true");
      mkdirSync(join(repo.base, "their hooks"));
      linked.git("config", "--worktree", "core.hooksPath", join(repo.base, "their hooks"));
      assertStatus(repo);
      if (git.number >= 2054) {
        assertStatus(linked);
        assertBlocks(linked, formation);
        return;
      }
      const ran = linked.muxi("status");
      assert.equal(ran.code, 1, ran.all);
      assert.match(ran.stdout, /pre-commit, pre-merge-commit, commit-msg, pre-push do not run muxi-git/);
      const again = linked.muxi("install");
      assert.equal(again.code, 1, again.all);
      assert.match(again.stderr, /core\.hooksPath \(worktree\) leads to/);
    },
  );
});

describe("submodules", () => {
  /** A superproject with a formation of its own and one in the submodule `sub`, which is not installed yet. */
  function superproject(t: TestContext, git: Git) {
    const { repo, formation: outer } = protectedRepo(t, git);
    const inner = elsewhere(repo, "inner");
    mkdirSync(inner.root);
    inner.git("init", "-q", "-b", "main");
    const formation = writeFormation(inner, "agent");
    inner.git("add", "agent/formation.afs", "agent/secrets", "agent/secrets.enc");
    inner.git("commit", "-qm", "formation");
    repo.git(...FILE_PROTOCOL, "submodule", "add", "-q", inner.root, "sub");
    assertSilent(repo.try("git", "commit", "-qm", "submodule"));
    const sub = repoAt(repo.base, repo.path("sub"), repo.env);
    return { repo, outer, inner, sub, formation };
  }

  onGits("install is for one repository: the superproject's says nothing of the submodule's", (t, git) => {
    const { repo, outer, sub, formation } = superproject(t, git);
    assertUnprotected(sub);
    bringKey(sub, formation);
    install(sub);
    assert.ok(existsSync(repo.path(".git/modules/sub/muxi-git/run")));
    assertBlocks(sub, formation);
    if (!SLOW) return;
    // The superproject takes the submodule's new commit, and the older one back.
    repo.git("add", "sub");
    assertSilent(repo.try("git", "commit", "-qm", "newer"));
    repo.git("checkout", "-q", "HEAD~1");
    repo.git(...FILE_PROTOCOL, "submodule", "update", "-q");
    assert.equal(repo.git("diff", "--submodule=short", "--ignore-submodules=dirty"), "");
    repo.git("checkout", "-q", "main");
    assertBlocks(repo, outer);
  });

  onGits("a clone with --recurse-submodules has nothing of it until install ran in each", { slow: true }, (t, git) => {
    const { repo, outer, inner, formation } = superproject(t, git);
    const clone = elsewhere(repo, "clone");
    repo.git(...FILE_PROTOCOL, "clone", "-q", "--recurse-submodules", repo.root, clone.root);
    const inClone = repoAt(repo.base, clone.path("sub"), repo.env);
    for (const [one, made] of [
      [clone, outer],
      [inClone, formation],
    ] as const) {
      assertUnprotected(one);
      bringKey(one, made);
      install(one);
    }
    inClone.git("checkout", "-q", "-b", "work");
    assertBlocks(inClone, formation);
    assertBlocks(clone, outer);
    inner.git("commit", "-q", "--allow-empty", "-m", "later");
    clone.git(...FILE_PROTOCOL, "submodule", "update", "-q", "--remote", "--force");
    assert.equal(inClone.git("rev-parse", "HEAD"), inner.git("rev-parse", "HEAD"));
    assert.equal(inClone.muxi("uninstall").code, 0);
    assert.ok(!existsSync(clone.path(".git/modules/sub/muxi-git")));
    assertStatus(clone);
  });

  onGits("a linked worktree of a submodule finds the key in the submodule", { slow: true }, (t, git) => {
    const { repo, sub, formation } = superproject(t, git);
    bringKey(sub, formation);
    install(sub);
    sub.git("add", "-A");
    sub.git("commit", "-qm", "attributes");
    const linked = elsewhere(repo, "linked");
    sub.git("worktree", "add", "-q", linked.root);
    assertProtected(linked, formation);
  });
});

describe("places in a repository", () => {
  onGits("a subdirectory: install, status, commit and the printed fix work from there", (t, git) => {
    const repo = tempRepo(t, { git: git.path });
    const formation = writeFormation(repo, "deep/bot");
    repo.write("deep/er/leak.txt", `value: ${Object.values(formation.secrets)[0]}\n`);
    const cwd = repo.path("deep/er");
    assert.equal(repo.muxiWith({ cwd }, "install").code, 0);
    repo.git("add", "-A");
    const ran = repo.tryWith({ cwd }, "git", "commit", "-qm", "leak");
    assertBlocked(ran, Object.values(formation.secrets)[0]!);
    assert.ok(ran.stderr.trimEnd().endsWith("fix: git add -- leak.txt"), ran.stderr);
    assert.equal(repo.tryWith({ cwd }, "git", "muxi", "status").code, 0);
  });

  onGits("a bare repository and a git dir: refused with 2 and where to go instead", (t, git) => {
    const { repo } = protectedRepo(t, git);
    const bare = elsewhere(repo, "bare.git");
    repo.git("clone", "-q", "--bare", repo.root, bare.root);
    const before = wholeFolder(bare.root);
    const verbs = ["install", "normalize", "uninstall", "secrets sync --template-only", "status"];
    for (const [at, cwd] of [bare.root, repo.path(".git")].entries()) {
      for (const verb of SLOW ? verbs : verbs.slice(2 * at, 2 * at + 2)) {
        const ran = repo.muxiWith({ cwd }, ...verb.split(" "));
        assert.equal(ran.code, 2, `${verb}: ${ran.all}`);
        assert.equal(ran.stdout, "");
        assert.match(ran.stderr, /bare repository|inside a working tree|no working tree/, verb);
        assert.match(ran.stderr, /^muxi-git: hint: .*(?:working tree|clone)/m, verb);
      }
    }
    // What needs no working tree answers.
    assert.equal(repo.muxiWith({ cwd: bare.root }, "check", "--rev", "main").code, 0);
    assert.deepEqual(wholeFolder(bare.root), before);
  });
});
