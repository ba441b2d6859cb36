import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { NOT_EVERY_DAY } from "../support/gits.ts";
import { MAIN, PROJECT, repoAt, type TempRepo } from "../support/repo.ts";
import { gitsUnderTest, missingGit, repoWith, userHook, wholeFolder, writeFormation } from "./install-support.ts";

/** What a commit says when our hook ran: nothing, in silence. So it is told by taking the runtime away. */
function hookRuns(repo: TempRepo): boolean {
  const run = join(repo.git("rev-parse", "--git-common-dir").replace(/^\.git/, repo.path(".git")), "muxi-git", "run");
  const aside = `${run}.aside`;
  renameSync(run, aside);
  const ran = repo.try("git", "commit", "-q", "--allow-empty", "-m", "probe");
  renameSync(aside, run);
  return ran.code !== 0 && ran.stderr.includes("its runtime is missing") && ran.stderr.includes("npx muxi-git install");
}

describe("install in a plain repository", () => {
  it("sets up the filter, the hook and the blocks, and ends with what to commit", (t) => {
    for (const { git } of gitsUnderTest(t)) {
      const repo = repoWith(t, git);
      writeFormation(repo, "my agent");
      const ran = repo.muxi("install");
      assert.equal(ran.code, 0, ran.all);
      assert.equal(ran.stderr, "");
      assert.match(ran.stdout, /^muxi-git is installed\n/);
      assert.ok(ran.stdout.includes("git add -- .gitattributes .gitignore && git commit -m "), ran.stdout);
      assert.equal(repo.git("config", "--local", "--get-all", "include.path"), "muxi-git/config");
      assert.equal(
        repo.git("check-attr", "filter", "diff", "merge", "text", "--", "my agent/secrets.enc"),
        ["filter: muxi-git", "diff: muxi-git", "merge: muxi-git", "text: unset"]
          .map((a) => `my agent/secrets.enc: ${a}`)
          .join("\n"),
      );
      assert.equal(
        repo.git("check-attr", "merge", "--", "my agent/secrets"),
        "my agent/secrets: merge: muxi-git-template",
      );
      assert.ok(repo.read(".gitattributes").toString().includes("npx muxi-git install"));
      assert.ok(hookRuns(repo));
      assert.equal(repo.git("config", "alias.muxi"), '!"$(git rev-parse --git-common-dir)"/muxi-git/run');
    }
  });

  it("copies the runtime with deliberate modes; the record, which may hold credentials, is private", (t) => {
    const repo = repoWith(t, null, { install: true });
    const mode = (name: string): number => statSync(repo.path(".git", "muxi-git", name)).mode & 0o777;
    assert.equal(mode("run") & 0o111, 0o111);
    assert.equal(mode("main.cjs") & 0o111, 0);
    assert.equal(mode("install.json"), 0o600);
    assert.deepEqual(
      readFileSync(repo.path(".git/muxi-git/main.cjs")),
      readFileSync(join(PROJECT, "dist", "main.cjs")),
    );
    const node = readFileSync(repo.path(".git/muxi-git/node"), "utf8");
    assert.match(node, /^\/[^\n]+\n$/);
  });

  it("changes no byte the second time", (t) => {
    for (const { git } of gitsUnderTest(t)) {
      const repo = repoWith(t, git, { install: true });
      writeFormation(repo, "a");
      assert.equal(repo.muxi("install").code, 0);
      const before = wholeFolder(repo.root);
      const again = repo.muxi("install");
      assert.equal(again.code, 0, again.all);
      assert.match(again.stdout, /nothing to change/);
      assert.deepEqual(wholeFolder(repo.root), before);
    }
  });

  it("touches no tracked file where there is no formation", (t) => {
    const repo = repoWith(t, null, { install: true });
    assert.equal(repo.git("status", "--porcelain"), "");
    assert.ok(!existsSync(repo.path(".gitattributes")));
    assert.ok(!existsSync(repo.path(".gitignore")));
    repo.write(".key", "x");
    assert.equal(repo.git("status", "--porcelain"), "");
  });

  it("touches no tracked file with --local, and protects all the same", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    assert.equal(repo.muxi("install", "--local").code, 0);
    assert.ok(!existsSync(repo.path(".gitattributes")));
    assert.ok(!existsSync(repo.path(".gitignore")));
    assert.equal(repo.git("check-attr", "filter", "--", "a/secrets.enc"), "a/secrets.enc: filter: muxi-git");
    assert.equal(repo.git("check-ignore", "a/.key", "a/.env", "a/memory.db"), "a/.key\na/.env\na/memory.db");
    assert.equal(repo.try("git", "check-ignore", "a/.env.example").code, 1);
  });

  it("adds a new formation's lines to the block that is there", { skip: NOT_EVERY_DAY }, (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    repo.muxi("install");
    writeFormation(repo, "b");
    assert.equal(repo.muxi("install").code, 0);
    const text = repo.read(".gitattributes").toString();
    assert.equal(text.split(">>> muxi-git >>>").length, 2);
    assert.ok(text.includes("\n/a/secrets merge") && text.includes("\n/b/secrets merge"));
  });

  it("adds only the ignore lines that are missing", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    repo.write(".gitignore", ".key\n.key.*\n.env*\n!.env.example\nmemory.db\n");
    assert.equal(repo.muxi("install").code, 0);
    const added = repo.read(".gitignore").toString().split("\n").slice(5);
    assert.deepEqual(
      added.filter((line) => !line.startsWith("#") && line !== ""),
      [".key~"],
    );
  });

  it("does not count the person's own ignore file, which teammates have not", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    writeFileSync(join(repo.base, "home", ".config", "ignored"), ".key\n.env\n");
    repo.git("config", "core.excludesFile", join(repo.base, "home", ".config", "ignored"));
    repo.muxi("install");
    assert.match(repo.read(".gitignore").toString(), /^\.key\n/m);
  });

  it("refreshes no index", { skip: NOT_EVERY_DAY }, (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    repo.git("add", "-A");
    repo.git("commit", "-q", "-m", "one");
    const index = repo.read(".git/index");
    // Touched files make a refresh write the index.
    repo.write("a/secrets", repo.read("a/secrets"));
    repo.muxi("install");
    repo.muxi("status");
    assert.deepEqual(repo.read(".git/index"), index);
  });

  it("says what it would do with --dry-run, and changes nothing", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    const before = wholeFolder(repo.base);
    const ran = repo.muxi("install", "--dry-run");
    assert.equal(ran.code, 0, ran.all);
    assert.ok(ran.stdout.includes("+ secrets.enc -text filter=muxi-git diff=muxi-git merge=muxi-git"));
    assert.ok(ran.stdout.endsWith("nothing was changed\n"));
    assert.deepEqual(wholeFolder(repo.base), before);
  });
});

describe("several installs at once", () => {
  it("end with one include line and one block", async (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    const codes = await Promise.all(
      [1, 2, 3].map(
        () =>
          new Promise((done) => {
            spawn(process.execPath, [MAIN, "install"], { cwd: repo.root, env: repo.env, stdio: "ignore" }).on(
              "close",
              done,
            );
          }),
      ),
    );
    assert.deepEqual(codes, [0, 0, 0]);
    assert.equal(repo.git("config", "--get-all", "include.path"), "muxi-git/config");
    assert.equal(repo.read(".gitattributes").toString().split(">>> muxi-git >>>").length, 2);
    assert.ok(!existsSync(repo.path(".git/muxi-git.lock")));
  });

  it("a lock of a process that is gone does not stop the next one", (t) => {
    const repo = repoWith(t, null);
    repo.write(".git/muxi-git.lock", "999999999\n");
    assert.equal(repo.muxi("install").code, 0);
    assert.ok(!existsSync(repo.path(".git/muxi-git.lock")));
  });
});

describe("where there is nothing to install into", () => {
  it("a CI run skips, with --force it installs", (t) => {
    const repo = repoWith(t, null);
    const before = wholeFolder(repo.root);
    const skipped = repo.muxiWith({ env: { CI: "true" } }, "install");
    assert.equal(skipped.code, 0);
    assert.match(skipped.stderr, /^muxi-git: CI is set .*nothing installed\n$/);
    assert.deepEqual(wholeFolder(repo.root), before);
    assert.equal(repo.muxiWith({ env: { CI: "false" } }, "install", "--dry-run").stderr, "");
    assert.equal(repo.muxiWith({ env: { CI: "1" } }, "install", "--force").code, 0);
    assert.ok(existsSync(repo.path(".git/muxi-git/run")));
  });

  it("MUXI_GIT=0 skips", (t) => {
    const repo = repoWith(t, null);
    const ran = repo.muxiWith({ env: { MUXI_GIT: "0" } }, "install");
    assert.equal(ran.code, 0);
    assert.ok(!existsSync(repo.path(".git/muxi-git")));
  });

  it("a folder without repository is an error, and none with --if-git", (t) => {
    const repo = repoWith(t, null);
    const elsewhere = join(repo.base, "elsewhere");
    mkdirSync(elsewhere);
    const ran = repo.muxiWith({ cwd: elsewhere, env: { GIT_CEILING_DIRECTORIES: repo.base } }, "install");
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /^muxi-git: error: no git repository at /);
    const quiet = repo.muxiWith({ cwd: elsewhere, env: { GIT_CEILING_DIRECTORIES: repo.base } }, "install", "--if-git");
    assert.equal(quiet.code, 0);
    assert.equal(quiet.stderr.split("\n").length, 2);
  });

  it("a machine without git is an error, and none with --if-git", (t) => {
    const repo = repoWith(t, null);
    assert.equal(repo.muxiWith({ env: { PATH: join(repo.base, "empty") } }, "install").code, 2);
    assert.equal(repo.muxiWith({ env: { PATH: join(repo.base, "empty") } }, "install", "--if-git").code, 0);
  });

  it("a bare repository is refused", (t) => {
    const repo = repoWith(t, null, { init: ["--bare"], name: "bare.git" });
    const ran = repo.muxi("install");
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /bare repository/);
  });
});

describe("from any place in the repository", () => {
  it("a subdirectory", { skip: NOT_EVERY_DAY }, (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a/b");
    assert.equal(repo.muxiWith({ cwd: repo.path("a/b") }, "install").code, 0);
    assert.ok(existsSync(repo.path(".gitattributes")));
    assert.ok(hookRuns(repo));
  });

  it("a linked worktree, for all worktrees", { skip: NOT_EVERY_DAY }, (t) => {
    for (const { git } of gitsUnderTest(t)) {
      const repo = repoWith(t, git);
      writeFormation(repo, "a");
      repo.git("add", "-A");
      repo.git("commit", "-q", "-m", "one");
      const linked = join(repo.base, "linked tree");
      repo.git("worktree", "add", "-q", "-b", "linked", linked);
      const there = repoAt(repo.base, linked, repo.env);
      const ran = there.muxi("install");
      assert.equal(ran.code, 0, ran.all);
      assert.ok(existsSync(join(linked, ".gitattributes")));
      assert.ok(!existsSync(repo.path(".gitattributes")));
      assert.ok(hookRuns(repo));
      assert.equal(there.muxi("status").code, 0);
    }
  });

  it("a submodule", { skip: NOT_EVERY_DAY }, (t) => {
    const repo = repoWith(t, null);
    const inner = repoAt(repo.base, join(repo.base, "inner"), repo.env);
    mkdirSync(inner.root);
    inner.git("init", "-q", "-b", "main");
    writeFormation(inner, "");
    inner.git("add", "-A");
    inner.git("commit", "-q", "-m", "one");
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.root, "sub");
    const sub = repoAt(repo.base, repo.path("sub"), repo.env);
    const ran = sub.muxi("install");
    assert.equal(ran.code, 0, ran.all);
    assert.ok(existsSync(repo.path(".git/modules/sub/muxi-git/run")));
    assert.equal(sub.muxi("status").code, 0);
  });

  it("a moved repository still runs its hook", { skip: NOT_EVERY_DAY }, (t) => {
    const repo = repoWith(t, null, { install: true });
    const moved = join(repo.base, "moved here");
    renameSync(repo.root, moved);
    const there = repoAt(repo.base, moved, repo.env);
    assert.equal(there.muxi("status").code, 0);
    assert.equal(there.try("git", "commit", "-q", "--allow-empty", "-m", "x").code, 0);
  });

  it("GIT_DIR and GIT_WORK_TREE, relative", { skip: NOT_EVERY_DAY }, (t) => {
    const repo = repoWith(t, null);
    renameSync(repo.path(".git"), repo.path("dotgit"));
    mkdirSync(repo.path("deep"));
    const ran = repo.muxiWith(
      { cwd: repo.path("deep"), env: { GIT_DIR: "../dotgit", GIT_WORK_TREE: ".." } },
      "install",
    );
    assert.equal(ran.code, 0, ran.all);
    assert.ok(existsSync(repo.path("dotgit/muxi-git/run")));
  });
});

describe("attributes of others", () => {
  const refuses = (name: string, prepare: (repo: TempRepo) => void, said: RegExp): void => {
    it(`${name}: refused with file and line, nothing changed`, (t) => {
      const repo = repoWith(t, null);
      writeFormation(repo, "a");
      prepare(repo);
      const before = wholeFolder(repo.root);
      for (const flags of [[], ["--dry-run"], ["--force"], ["--local"]]) {
        const ran = repo.muxi("install", ...flags);
        // info/attributes is stronger than any nested file.
        if (flags[0] === "--local" && !/lfs|crypt/.test(said.source)) continue;
        assert.equal(ran.code, 2, ran.all);
        assert.match(ran.stderr, said);
        assert.deepEqual(wholeFolder(repo.root), before);
      }
    });
  };
  refuses(
    "a foreign filter at the root",
    (r) => r.write(".gitattributes", "*.txt text\n*.enc filter=lfs\n"),
    /filter=lfs from \.gitattributes:2/,
  );
  refuses(
    "a foreign filter in info/attributes",
    (r) => r.write(".git/info/attributes", "secrets.enc filter=git-crypt\n"),
    /filter=git-crypt from info\/attributes:1/,
  );
  refuses(
    "a nested '*.enc binary'",
    (r) => r.write("a/.gitattributes", "\n*.enc binary\n"),
    /-diff from a\/\.gitattributes:2/,
  );
  refuses(
    "a nested '!filter'",
    (r) => r.write("a/.gitattributes", "secrets.enc !filter\n"),
    /no filter from a\/\.gitattributes:1/,
  );

  it("a root '*.enc binary' gives way to our block", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    repo.write(".gitattributes", "*.enc binary\n");
    assert.equal(repo.muxi("install").code, 0);
    assert.equal(repo.muxi("status").code, 0);
  });

  for (const name of [".gitattributes", ".gitignore"]) {
    it(`a ${name} that is a symlink is refused`, (t) => {
      const repo = repoWith(t, null);
      writeFormation(repo, "a");
      repo.write("real", "x\n");
      symlinkSync("real", repo.path(name));
      const ran = repo.muxi("install");
      assert.equal(ran.code, 2);
      assert.ok(ran.stderr.includes(`'${name}' is a symbolic link`), ran.stderr);
      assert.equal(repo.read("real").toString(), "x\n");
      assert.ok(!existsSync(repo.path(".git/muxi-git")));
    });
  }

  it("a foreign value of our driver is refused, and overridden with --force", (t) => {
    const repo = repoWith(t, null);
    repo.git("config", "filter.muxi-git.clean", "cat");
    const ran = repo.muxi("install");
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /'filter\.muxi-git\.clean' is already set, in '\.git\/config'/);
    assert.ok(!existsSync(repo.path(".git/muxi-git")));
    assert.equal(repo.muxi("install", "--force").code, 0);
    assert.match(repo.git("config", "filter.muxi-git.clean"), /muxi-git\/run clean %f$/);
  });

  it("an alias of the user's stays", { skip: NOT_EVERY_DAY }, (t) => {
    const repo = repoWith(t, null);
    repo.git("config", "alias.muxi", "status");
    const ran = repo.muxi("install");
    assert.equal(ran.code, 0);
    assert.match(ran.stdout, /'git muxi' is an alias of yours/);
    assert.equal(repo.git("config", "alias.muxi"), "status");
  });

  it("the user's own include stays", { skip: NOT_EVERY_DAY }, (t) => {
    const repo = repoWith(t, null);
    repo.git("config", "include.path", "mine");
    assert.equal(repo.muxi("install").code, 0);
    assert.equal(repo.git("config", "--get-all", "include.path"), "mine\nmuxi-git/config");
  });
});

describe("a failure on the way", () => {
  const undone = (name: string, prepare: (repo: TempRepo) => void, skip: string | false = false): void => {
    it(`${name}: everything is as before, exit 2`, { skip }, (t) => {
      for (const { git } of gitsUnderTest(t)) {
        const repo = repoWith(t, git);
        writeFormation(repo, "a");
        prepare(repo);
        const before = wholeFolder(repo.root);
        const ran = repo.muxi("install");
        assert.equal(ran.code, 2, ran.all);
        assert.match(ran.stderr, /^muxi-git: error: /);
        assert.equal(ran.stdout, "");
        assert.deepEqual(wholeFolder(repo.root), before);
      }
    });
  };
  undone("a file where the runtime's folder goes", (r) => r.write(".git/muxi-git", "x"));
  undone("a folder called .gitignore", (r) => mkdirSync(r.path(".gitignore")));
  undone("a folder called .gitattributes", (r) => mkdirSync(r.path(".gitattributes")), NOT_EVERY_DAY);
  undone("a locked config", (r) => r.write(".git/config.lock", ""));
  undone("a block without its end", (r) => r.write(".gitattributes", "# >>> muxi-git >>>\nx\n"), NOT_EVERY_DAY);
  undone("UTF-16", (r) => r.write(".gitignore", Buffer.from("\ufeffx\n", "utf16le")), NOT_EVERY_DAY);
  undone("a hooks folder that is a file", (r) => {
    r.git("config", "core.hooksPath", ".git/hooks/");
    r.try("rm", "-rf", r.path(".git/hooks"));
    r.write(".git/hooks", "x");
  });

  it("a folder in the place of the runtime's file or the record: install takes it away", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    for (const name of ["main.cjs", "install.json"]) mkdirSync(repo.path(".git/muxi-git", name), { recursive: true });
    const ran = repo.muxi("install");
    assert.equal(ran.code, 0, ran.all);
    assert.equal(repo.muxi("status").code, 0);
  });

  it("a node that is too old or none: MUXI_GIT_NODE", (t) => {
    const repo = repoWith(t, null);
    const before = wholeFolder(repo.root);
    const ran = repo.muxiWith({ env: { MUXI_GIT_NODE: "/nowhere/node" } }, "install");
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /MUXI_GIT_NODE/);
    assert.deepEqual(wholeFolder(repo.root), before);
  });

  it("a node that does not work is found out: never a success that will not run", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    const before = wholeFolder(repo.root);
    const ran = repo.muxiWith({ env: { MUXI_GIT_NODE: "/bin/true" } }, "install");
    assert.equal(ran.code, 2);
    assert.equal(ran.stdout, "");
    assert.match(ran.stderr, /the installed copy does not run/);
    assert.deepEqual(wholeFolder(repo.root), before);
  });

  it("a failed upgrade leaves the older install working", (t) => {
    const repo = repoWith(t, null, { install: true });
    repo.write(".git/muxi-git/main.cjs", "// older\n");
    writeFormation(repo, "a");
    mkdirSync(repo.path(".gitignore"));
    const before = wholeFolder(repo.root);
    assert.equal(repo.muxi("install").code, 2);
    assert.deepEqual(wholeFolder(repo.root), before);
  });

  it("an older, damaged or missing runtime is mended by a second install", (t) => {
    const repo = repoWith(t, null, { install: true });
    repo.write(".git/muxi-git/main.cjs", "// older\n");
    repo.remove(".git/muxi-git/run");
    repo.remove(".git/muxi-git/node");
    assert.equal(repo.muxi("status").code, 1);
    assert.equal(repo.muxi("install").code, 0);
    assert.equal(repo.muxi("status").code, 0);
    repo.remove(".git/muxi-git");
    assert.equal(repo.muxi("install").code, 0);
    assert.equal(repo.muxi("status").code, 0);
    assert.equal(repo.git("config", "--get-all", "include.path"), "muxi-git/config");
  });
});

describe("hooks that are there", () => {
  const SHELLS = ["/bin/sh", "/usr/bin/env bash", "/bin/bash -e", "/usr/bin/env -S sh -eu"];
  for (const [at, shell] of SHELLS.entries()) {
    it(`a user's hook for '${shell}' runs as before, after ours`, {
      skip: at % 4 === 0 ? false : NOT_EVERY_DAY,
    }, (t) => {
      for (const { git, configHooks } of gitsUnderTest(t)) {
        const repo = repoWith(t, git);
        const text = userHook(shell);
        repo.write(".git/hooks/pre-commit", text, 0o755);
        const ran = repo.muxi("install");
        assert.equal(ran.code, 0, ran.all);
        if (configHooks) assert.equal(repo.read(".git/hooks/pre-commit").toString(), text);
        else assert.ok(repo.read(".git/hooks/pre-commit").toString().startsWith(`#!${shell}\n# >>> muxi-git >>>`));
        const commit = repo.try("git", "commit", "-q", "--allow-empty", "-m", "x");
        assert.equal(commit.code, 0, commit.all);
        assert.ok(commit.stderr.includes("mine: 0 []"), commit.stderr);
        assert.ok(hookRuns(repo));
      }
    });
  }

  it("a user's hook that says no still says no", (t) => {
    for (const { git } of gitsUnderTest(t)) {
      const repo = repoWith(t, git);
      repo.write(".git/hooks/pre-commit", userHook("/bin/sh", 7), 0o755);
      assert.equal(repo.muxi("install").code, 0);
      const commit = repo.try("git", "commit", "-q", "--allow-empty", "-m", "x");
      assert.equal(commit.code, 1);
      assert.ok(commit.stderr.includes("mine: 0 []"));
    }
  });

  it("a hook that changes nothing of its own variables: arguments and options of the shell survive the block", (t) => {
    const repo = repoWith(t, null);
    repo.write(".git/hooks/pre-commit", '#!/bin/sh -eu\necho "${muxi_git_run-unset} $#" >&2\n', 0o755);
    repo.muxi("install");
    assert.ok(repo.try("git", "commit", "-q", "--allow-empty", "-m", "x").stderr.includes("unset 0"));
  });

  const leftAlone: [string, (repo: TempRepo) => void][] = [
    [
      "a hook in another language",
      (r) => r.write(".git/hooks/pre-commit", "#!/usr/bin/env node\nconsole.error('mine')\n", 0o755),
    ],
    ["a hook without '#!' line", (r) => r.write(".git/hooks/pre-commit", "echo mine >&2\n", 0o755)],
    ["a binary hook", (r) => r.write(".git/hooks/pre-commit", Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0]), 0o755)],
    ["a hook that is not executable", (r) => r.write(".git/hooks/pre-commit", userHook("/bin/sh"), 0o644)],
    [
      "a symlinked hook",
      (r) => {
        r.write("tools/hook", userHook("/bin/sh"), 0o755);
        symlinkSync("../../tools/hook", r.path(".git/hooks/pre-commit"));
      },
    ],
    [
      "lefthook",
      (r) => {
        r.write(
          ".git/hooks/pre-commit",
          '#!/bin/sh\ncall_lefthook()\n{\n  true\n}\ncall_lefthook run "pre-commit" "$@"\n',
          0o755,
        );
        r.write("lefthook.yml", "pre-commit: {}\n");
      },
    ],
    [
      "simple-git-hooks",
      (r) =>
        r.write(".git/hooks/pre-commit", '#!/bin/sh\nif [ "$SKIP_SIMPLE_GIT_HOOKS" = "1" ]; then exit 0; fi\n', 0o755),
    ],
    [
      "overcommit",
      (r) =>
        r.write(
          ".git/hooks/pre-commit",
          "#!/usr/bin/env ruby\nif ENV['OVERCOMMIT_DISABLE'].to_i != 0\n  exit\nend\n",
          0o755,
        ),
    ],
    [
      "a tracked hooks folder of the project's",
      (r) => {
        r.write(".githooks/pre-commit", userHook("/bin/sh"), 0o755);
        r.git("config", "core.hooksPath", ".githooks");
      },
    ],
    [
      "a global hooks folder",
      (r) => {
        const folder = join(r.base, "home", "hooks");
        mkdirSync(folder);
        writeFileSync(join(folder, "pre-commit"), userHook("/bin/sh"), { mode: 0o755 });
        writeFileSync(join(r.base, "home", ".gitconfig"), `[core]\n\thooksPath = ${folder}\n`);
      },
    ],
    [
      "a hooks folder that links into the tree",
      (r) => {
        r.try("rm", "-rf", r.path(".git/hooks"));
        mkdirSync(r.path("shared-hooks"));
        symlinkSync("../shared-hooks", r.path(".git/hooks"));
      },
    ],
  ];
  for (const [at, [name, prepare]] of leftAlone.entries()) {
    const skip = at % 8 === 0 ? false : NOT_EVERY_DAY;
    it(`${name} is left alone: a snippet and exit 1, or git's own configuration`, { skip }, (t) => {
      for (const { git, configHooks } of gitsUnderTest(t)) {
        // git 2.30 does not know GIT_CONFIG_GLOBAL; HOME does for it.
        const repo = repoWith(t, git);
        prepare(repo);
        const before = wholeFolder(repo.root);
        const ran = repo.muxi("install");
        assert.equal(ran.code, configHooks ? 0 : 1, ran.all);
        const after = wholeFolder(repo.root);
        for (const path of Object.keys(before)) {
          if (path !== ".git/config" && path !== ".git/info/exclude" && path !== ".git")
            assert.equal(after[path], before[path], path);
        }
        // Hooks of other events are written where there is none and the folder is the clone's own.
        const hooks = [".git/hooks/pre-merge-commit", ".git/hooks/commit-msg", ".git/hooks/pre-push"];
        const made = Object.keys(after).filter((path) => !(path in before) && !path.startsWith(".git/muxi-git"));
        assert.deepEqual(
          made.filter((path) => !hooks.includes(path)),
          [],
        );
        if (configHooks) assert.ok(hookRuns(repo));
        else {
          assert.match(ran.stderr, /^muxi-git: error: not protected: pre-commit/);
          assert.match(ran.stderr, /put this into|chmod/);
          assert.doesNotMatch(ran.stdout, /muxi-git is installed/);
        }
        assert.equal(repo.muxi("status").code, configHooks ? 0 : 1);
      }
    });
  }

  it("a project's script that runs our snippet counts as protected", (t) => {
    const repo = repoWith(t, null);
    repo.git("config", "core.hooksPath", ".githooks");
    const { stderr } = repo.muxi("install");
    let script = "";
    const snippets = new Map<string, string>();
    for (const line of stderr.split("\n")) {
      script = /put this into '(.*)':$/.exec(line)?.[1] ?? script;
      if (line.startsWith("    ")) snippets.set(script, `${snippets.get(script) ?? ""}${line.slice(4)}\n`);
    }
    if (snippets.size > 0) {
      mkdirSync(repo.path(".githooks"));
      for (const [path, text] of snippets) writeFileSync(path, text, { mode: 0o755 });
      const ran = repo.muxi("install");
      assert.equal(ran.code, 0, ran.all);
      assert.equal(repo.muxi("status").code, 0);
      assert.equal(repo.try("git", "commit", "-q", "--allow-empty", "-m", "x").code, 0);
      // Teammates without muxi-git keep working.
      repo.remove(".git/muxi-git");
      assert.equal(repo.try("git", "commit", "-q", "--allow-empty", "-m", "x").code, 0);
    }
  });

  for (const value of ["/dev/null", ""]) {
    it(`hooks switched off by core.hooksPath '${value}' stay off`, (t) => {
      for (const { git, configHooks } of gitsUnderTest(t)) {
        const repo = repoWith(t, git);
        repo.git("config", "core.hooksPath", value);
        const ran = repo.muxi("install");
        assert.equal(ran.code, 1, ran.all);
        assert.match(ran.stderr, /which switches hooks off/);
        assert.equal(repo.try("git", "config", "--get-regexp", "^hook").stdout, "");
        assert.equal(repo.muxi("status").code, 1);
        assert.equal(repo.muxi("install", "--force").code, configHooks ? 0 : 1);
        assert.equal(repo.git("config", "core.hooksPath"), value);
      }
    });
  }

  it("no hooks with --hooks none: filters are set up, status says what is missing", (t) => {
    const repo = repoWith(t, null);
    assert.equal(repo.muxi("install", "--hooks", "none").code, 0);
    assert.ok(!existsSync(repo.path(".git/hooks/pre-commit")));
    assert.equal(repo.muxi("status").code, 1);
  });

  it("muxi-git.json says which hooks are wanted; a malformed one stops install", (t) => {
    const repo = repoWith(t, null);
    repo.write("muxi-git.json", '{ "hooks": ["pre-commit", "pre-push"] }\n');
    const ran = repo.muxi("install");
    assert.equal(ran.code, 0, ran.all);
    assert.match(ran.stdout, /note: pre-merge-commit, commit-msg: left out by muxi-git\.json\n/);
    assert.ok(existsSync(repo.path(".git/hooks/pre-push")) && !existsSync(repo.path(".git/hooks/commit-msg")));
    const status = repo.muxi("status");
    assert.equal(status.code, 0, status.all);
    assert.match(status.stdout, /pre-merge-commit, commit-msg \(left out by muxi-git\.json\)\n/);
    const before = wholeFolder(repo.path(".git"));
    repo.write("muxi-git.json", '{\n  "hooks": ["pre-commmit"]\n}\n');
    const refused = repo.muxi("install");
    assert.equal(refused.code, 2, refused.all);
    assert.match(refused.stderr, /^muxi-git: error: 'muxi-git\.json' line 2 /);
    assert.deepEqual(wholeFolder(repo.path(".git")), before);
    assert.match(repo.muxi("status").stdout, /^settings: 'muxi-git\.json' line 2 /m);
  });

  it("--hooks config needs a git that runs them", (t) => {
    for (const { git, configHooks } of gitsUnderTest(t)) {
      const repo = repoWith(t, git);
      const ran = repo.muxi("install", "--hooks", "config");
      assert.equal(ran.code, configHooks ? 0 : 2, ran.all);
      assert.ok(!existsSync(repo.path(".git/hooks/pre-commit")));
    }
  });

  it("a missing hooks folder is made", (t) => {
    const repo = repoWith(t, null, { init: ["--template="] });
    assert.equal(repo.muxi("install").code, 0);
    assert.ok(hookRuns(repo));
  });

  it("the config hook runs once, and not twice through the hook file", (t) => {
    const skip = missingGit(t, true);
    if (skip) return t.skip(skip);
    for (const { git, configHooks } of gitsUnderTest(t)) {
      if (!configHooks) continue;
      const repo = repoWith(t, git, { install: true });
      repo.write(".git/muxi-git/main.cjs", 'console.error("ran", process.argv[2], process.argv[3])');
      const both = "ran hook pre-commit\nran hook commit-msg\n";
      // A message of plain words starts no node.
      const commit = ["commit", "-q", "--allow-empty", "-m", "Release 2026-01-02"];
      assert.equal(repo.try("git", ...commit).stderr, both);
      const skipped = repo.tryWith({ env: { MUXI_GIT: "0" } }, "git", ...commit);
      assert.equal(skipped.stderr, both.replace(/ran (.*)/g, "muxi-git: $1 skipped, MUXI_GIT=0 is set"));
      repo.git("config", "hook.muxi-git-pre-commit.enabled", "false");
      assert.equal(repo.try("git", ...commit).stderr, both);
    }
  });
});

describe("husky", () => {
  const HUSKY_9 = (repo: TempRepo): void => {
    repo.git("config", "core.hooksPath", ".husky/_");
    for (const event of ["pre-commit", "pre-merge-commit", "commit-msg", "pre-push"])
      repo.write(`.husky/_/${event}`, '#!/usr/bin/env sh\n. "$(dirname "$0")/h"\n', 0o755);
    repo.write(
      ".husky/_/h",
      '#!/usr/bin/env sh\nn=$(basename "$0")\ns=$(dirname "$(dirname "$0")")/$n\n[ ! -f "$s" ] && exit 0\nsh -e "$s" "$@"\n',
      0o755,
    );
    repo.write(".husky/_/.gitignore", "*");
    repo.write(".husky/pre-commit", "echo mine >&2\n");
  };

  it("its tracked script is edited only with --yes; git's configuration needs no edit", (t) => {
    for (const { git, configHooks } of gitsUnderTest(t)) {
      const repo = repoWith(t, git);
      HUSKY_9(repo);
      const script = repo.read(".husky/pre-commit");
      const first = repo.muxi("install");
      assert.deepEqual(repo.read(".husky/pre-commit"), script);
      assert.equal(first.code, configHooks ? 0 : 1, first.all);
      if (configHooks) continue;
      assert.match(first.stderr, /--yes/);
      const second = repo.muxi("install", "--yes");
      assert.equal(second.code, 0, second.all);
      assert.ok(repo.read(".husky/pre-commit").toString().endsWith("# <<< muxi-git <<<\necho mine >&2\n"));
      const commit = repo.try("git", "commit", "-q", "--allow-empty", "-m", "x");
      assert.ok(commit.stderr.includes("mine"), commit.all);
      assert.equal(repo.muxi("status").code, 0);
      // A teammate without muxi-git.
      renameSync(repo.path(".git/muxi-git"), join(repo.base, "aside"));
      assert.equal(repo.try("git", "commit", "-q", "--allow-empty", "-m", "x").code, 0);
    }
  });

  it("HUSKY=0 in its own init file is reported", (t) => {
    const git = gitsUnderTest(t).find((one) => !one.configHooks);
    if (git === undefined) return t.skip("no git before 2.54 here");
    const repo = repoWith(t, git.git);
    HUSKY_9(repo);
    repo.muxi("install", "--yes");
    mkdirSync(join(repo.base, "home", ".config", "husky"));
    writeFileSync(join(repo.base, "home", ".config", "husky", "init.sh"), "export HUSKY=0\n");
    const ran = repo.muxi("status");
    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /HUSKY=0 switches husky off/);
  });

  it("its missing folder is made by the husky package, where the setting names it", (t) => {
    const git = gitsUnderTest(t).find((one) => !one.configHooks);
    if (git === undefined) return t.skip("no git before 2.54 here");
    if (!existsSync(join(PROJECT, "dist", "husky"))) return t.skip("the build does not copy husky's shim");
    const repo = repoWith(t, git.git);
    repo.git("config", "core.hooksPath", ".husky/_");
    repo.write(".husky/pre-commit", "echo mine >&2\n");
    const ran = repo.muxi("install", "--yes");
    assert.equal(ran.code, 0, ran.all);
    assert.ok(existsSync(repo.path(".husky/_/pre-commit")));
    assert.ok(repo.try("git", "commit", "-q", "--allow-empty", "-m", "x").stderr.includes("mine"));
  });

  it("--hooks husky never switches off a hook that runs now", (t) => {
    const repo = repoWith(t, null);
    repo.write(".git/hooks/pre-commit", userHook("/bin/sh"), 0o755);
    const before = wholeFolder(repo.root);
    const ran = repo.muxi("install", "--hooks", "husky", "--yes");
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /husky would switch off/);
    assert.deepEqual(wholeFolder(repo.root), before);
  });
});
