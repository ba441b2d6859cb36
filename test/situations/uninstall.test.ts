import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fakeKey } from "../support/fake.ts";
import { NOT_EVERY_DAY } from "../support/gits.ts";
import { PROJECT, repoAt, type TempRepo } from "../support/repo.ts";
import { gitsUnderTest, repoWith, userHook, wholeFolder, writeFormation } from "./install-support.ts";

const TEAM_BLOCK = "# >>> muxi-git >>> (each clone runs once: npx muxi-git install)\n";

function commitAll(repo: TempRepo): void {
  repo.git("add", "-A");
  repo.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "--no-verify", "-m", "one");
}

/** States to start from; install then uninstall must give back every byte and mode. */
const STATES: [string, (repo: TempRepo) => void, flags?: string[]][] = [
  ["an empty repository", () => undefined],
  ["a formation, no other file", (r) => writeFormation(r, "a")],
  [
    "a formation at the root, committed",
    (r) => {
      writeFormation(r, "");
      commitAll(r);
    },
  ],
  [
    "empty attributes and ignore files",
    (r) => {
      writeFormation(r, "a");
      r.write(".gitattributes", "");
      r.write(".gitignore", "");
    },
  ],
  [
    "files without a final newline",
    (r) => {
      writeFormation(r, "a");
      r.write(".gitattributes", "*.txt text");
      r.write(".gitignore", "build");
    },
  ],
  [
    "files with CRLF",
    (r) => {
      writeFormation(r, "a");
      r.write(".gitattributes", "*.txt text\r\n*.png binary\r\n");
      r.write(".gitignore", "build\r\n");
    },
  ],
  [
    "CRLF without a final one",
    (r) => {
      writeFormation(r, "a");
      r.write(".gitattributes", "*.a text\r\n*.b text");
      r.write(".gitignore", "a\r\nb");
    },
  ],
  [
    "files that are not UTF-8",
    (r) => {
      writeFormation(r, "a");
      r.write(".gitattributes", Buffer.from([0x23, 0xff, 0xfe, 0x80, 10]));
      r.write(".gitignore", Buffer.from([0xe9, 0x0a]));
    },
  ],
  [
    "a UTF-8 BOM",
    (r) => {
      writeFormation(r, "a");
      r.write(".gitattributes", "\ufeff*.txt text\n");
    },
  ],
  [
    "read-only files",
    (r) => {
      writeFormation(r, "a");
      for (const path of [".gitattributes", ".gitignore"]) r.write(path, "# mine\n", 0o444);
      chmodSync(r.path(".git/config"), 0o440);
      chmodSync(r.path(".git/info/exclude"), 0o600);
    },
  ],
  [
    "executable ignore file",
    (r) => {
      writeFormation(r, "a");
      r.write(".gitignore", "x\n", 0o755);
    },
  ],
  [
    "a user's hook in sh",
    (r) => {
      writeFormation(r, "a");
      r.write(".git/hooks/pre-commit", userHook("/bin/sh"), 0o750);
    },
  ],
  [
    "a user's hook in bash without final newline",
    (r) => r.write(".git/hooks/pre-commit", "#!/usr/bin/env bash\nexit 0", 0o755),
  ],
  ["a hook that is nothing but its '#!' line", (r) => r.write(".git/hooks/pre-commit", "#!/bin/sh", 0o755)],
  ["a hook in another language", (r) => r.write(".git/hooks/pre-commit", "#!/usr/bin/env python3\n", 0o755)],
  [
    "a symlinked hook",
    (r) => {
      r.write("tools/hook", userHook("/bin/sh"), 0o755);
      symlinkSync("../../tools/hook", r.path(".git/hooks/pre-commit"));
    },
  ],
  [
    "no hooks and no info folder",
    (r) => {
      writeFormation(r, "a");
      rmSync(r.path(".git/hooks"), { recursive: true });
      rmSync(r.path(".git/info"), { recursive: true });
    },
  ],
  [
    "a config with comments, an include of the user's and no final newline",
    (r) => {
      const config = `${r.read(".git/config").toString()}# mine\n[include] ; why\n\t# this\n\tpath = mine\n[user]\n\tname = "A # B"`;
      r.write(".git/config", config);
    },
  ],
  ["a config with CRLF", (r) => r.write(".git/config", r.read(".git/config").toString().replaceAll("\n", "\r\n"))],
  [
    "a config that is a symlink",
    (r) => {
      writeFileSync(join(r.base, "shared-config"), r.read(".git/config"));
      rmSync(r.path(".git/config"));
      symlinkSync(join(r.base, "shared-config"), r.path(".git/config"));
    },
  ],
  [
    "--local",
    (r) => {
      writeFormation(r, "a");
      r.write(".git/info/attributes", "*.x text");
    },
    ["--local"],
  ],
  [
    "an exclude file without final newline",
    (r) => {
      writeFormation(r, "a");
      r.write(".git/info/exclude", "mine");
    },
  ],
  [
    "husky",
    (r) => {
      r.git("config", "core.hooksPath", ".husky/_");
      r.write(".husky/_/pre-commit", "#!/bin/sh\nexit 0\n", 0o755);
      r.write(".husky/pre-commit", "npm test");
    },
    ["--yes"],
  ],
  [
    "husky whose folder is missing",
    (r) => {
      r.git("config", "core.hooksPath", ".husky/_");
      r.write(".husky/pre-commit", "npm test\n");
    },
    // Where the build has no husky shim to copy, install leaves it at a snippet.
    existsSync(join(PROJECT, "dist", "husky")) ? ["--yes"] : [],
  ],
  [
    "a key that is ignored already",
    (r) => {
      writeFormation(r, "a");
      r.write("a/.key", fakeKey());
      r.write(".gitignore", ".key\n");
    },
  ],
  [
    "many formations in one folder",
    (r) => {
      for (let i = 0; i < 30; i += 1) writeFormation(r, `f/${i}`);
    },
  ],
];

describe("install, then uninstall", () => {
  for (const [at, [name, prepare, flags = []]] of STATES.entries()) {
    it(`leaves every byte and mode as it was: ${name}`, { skip: at % 12 === 0 ? false : NOT_EVERY_DAY }, (t) => {
      for (const { git } of gitsUnderTest(t)) {
        const repo = repoWith(t, git);
        prepare(repo);
        const before = wholeFolder(repo.base);
        const installed = repo.muxi("install", ...flags);
        assert.ok(installed.code <= 1, installed.all);
        assert.notDeepEqual(wholeFolder(repo.base), before);
        // A second install must not spoil what the record knows.
        repo.muxi("install", ...flags);
        const ran = repo.muxi("uninstall");
        assert.equal(ran.code, 0, ran.all);
        assert.deepEqual(wholeFolder(repo.base), before);
        const again = repo.muxi("uninstall");
        assert.equal(again.code, 0);
        assert.match(again.stdout, /^muxi-git is not installed here\n/);
        assert.deepEqual(wholeFolder(repo.base), before);
      }
    });
  }

  it("also from a linked worktree, and for the files of the worktree it was installed from", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    commitAll(repo);
    const linked = join(repo.base, "linked");
    repo.git("worktree", "add", "-q", "-b", "linked", linked);
    const before = wholeFolder(repo.base);
    assert.equal(repo.muxi("install").code, 0);
    assert.equal(repoAt(repo.base, linked, repo.env).muxi("uninstall").code, 0);
    assert.deepEqual(wholeFolder(repo.base), before);
  });

  it("also by the vendored copy, which removes itself", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    const before = wholeFolder(repo.base);
    repo.muxi("install");
    const ran = repo.try("git", "muxi", "uninstall");
    assert.equal(ran.code, 0, ran.all);
    assert.deepEqual(wholeFolder(repo.base), before);
  });

  it("also after a formation was added and installed again", (t) => {
    const repo = repoWith(t, null);
    repo.write(".gitattributes", "*.txt text");
    repo.muxi("install");
    writeFormation(repo, "a");
    repo.muxi("install");
    writeFormation(repo, "b");
    repo.muxi("install");
    assert.equal(repo.muxi("uninstall").code, 0);
    assert.equal(repo.read(".gitattributes").toString(), "*.txt text");
    assert.ok(!existsSync(repo.path(".gitignore")));
  });

  it("also where husky was set up on request, in a second install", (t) => {
    if (!existsSync(join(PROJECT, "dist", "husky"))) return t.skip("the build does not copy husky's shim");
    const repo = repoWith(t, null);
    const before = wholeFolder(repo.root);
    assert.equal(repo.muxi("install", "--hooks", "none").code, 0);
    const ran = repo.muxi("install", "--hooks", "husky", "--yes");
    assert.equal(ran.code, 0, ran.all);
    assert.equal(repo.git("config", "core.hooksPath"), ".husky/_");
    assert.equal(repo.muxi("uninstall").code, 0);
    assert.deepEqual(wholeFolder(repo.root), before);
    // Edited since: the setting that would switch hooks off goes all the same.
    repo.muxi("install", "--hooks", "husky", "--yes");
    repo.git("config", "user.name", "me");
    repo.muxi("uninstall");
    assert.equal(repo.try("git", "config", "core.hooksPath").code, 1);
    assert.equal(repo.git("config", "user.name"), "me");
  });

  it("says what it would do with --dry-run, and changes nothing", (t) => {
    const repo = repoWith(t, null, { install: true });
    const before = wholeFolder(repo.base);
    const ran = repo.muxi("uninstall", "--dry-run");
    assert.equal(ran.code, 0);
    assert.match(ran.stdout, /^restore the repository's git config\n/);
    assert.deepEqual(wholeFolder(repo.base), before);
  });
});

describe("what was edited since install", () => {
  it("keeps the edits and loses only what is ours", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    repo.write(".gitattributes", "*.txt text");
    repo.write(".git/hooks/pre-commit", userHook("/bin/sh"), 0o755);
    repo.muxi("install");
    repo.write(".gitattributes", `${repo.read(".gitattributes").toString()}*.png binary\n`);
    repo.write(".git/hooks/pre-commit", `${repo.read(".git/hooks/pre-commit").toString()}# later\n`, 0o700);
    repo.git("config", "user.name", "me");
    const ran = repo.muxi("uninstall");
    assert.equal(ran.code, 0, ran.all);
    assert.match(ran.stdout, /edited since install/);
    assert.equal(repo.read(".gitattributes").toString(), "*.txt text\n*.png binary\n");
    assert.equal(repo.read(".git/hooks/pre-commit").toString(), `${userHook("/bin/sh")}# later\n`);
    assert.equal(repo.git("config", "user.name"), "me");
    assert.equal(repo.try("git", "config", "--get-all", "include.path").code, 1);
    assert.ok(!existsSync(repo.path(".git/muxi-git")));
  });

  it("keeps the comments around the include line", (t) => {
    const repo = repoWith(t, null, { install: true });
    repo.write(".git/config", `${repo.read(".git/config").toString()}# mine\n[user]\n\tname = me\n`);
    repo.muxi("uninstall");
    assert.match(repo.read(".git/config").toString(), /# mine\n\[user\]\n\tname = me\n$/);
    assert.equal(repo.try("git", "config", "--get-all", "include.path").code, 1);
  });

  it("lines that a person added to our hook file stay", (t) => {
    const repo = repoWith(t, null, { install: true });
    const hook = repo.read(".git/hooks/pre-commit").toString();
    repo.write(".git/hooks/pre-commit", hook.replace("\nmuxi_git_folder=", "\necho mine >&2\nmuxi_git_folder="), 0o755);
    const ran = repo.muxi("uninstall");
    assert.equal(ran.code, 0, ran.all);
    assert.equal(repo.read(".git/hooks/pre-commit").toString(), "#!/bin/sh\necho mine >&2\n");
  });

  it("a hook that replaced ours is not touched", (t) => {
    const repo = repoWith(t, null, { install: true });
    repo.write(".git/hooks/pre-commit", userHook("/bin/sh"), 0o755);
    repo.muxi("uninstall");
    assert.equal(repo.read(".git/hooks/pre-commit").toString(), userHook("/bin/sh"));
  });
});

describe("what belongs to the team", () => {
  it("stays when HEAD holds it, and goes with --shared", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    repo.muxi("install");
    commitAll(repo);
    const ran = repo.muxi("uninstall");
    assert.equal(ran.code, 0);
    assert.match(ran.stdout, /the block in '\.gitattributes' stays: HEAD holds it/);
    assert.match(ran.stdout, /uninstall --shared/);
    assert.equal(repo.git("status", "--porcelain"), "");
    assert.ok(!existsSync(repo.path(".git/muxi-git")));
    assert.equal(repo.muxi("uninstall", "--shared").code, 0);
    assert.ok(!existsSync(repo.path(".gitattributes")));
    assert.ok(!existsSync(repo.path(".gitignore")));
  });

  it("a clone's install adds nothing to it and its uninstall takes nothing away", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    repo.muxi("install");
    commitAll(repo);
    const clone = repoAt(repo.base, join(repo.base, "clone"), repo.env);
    repo.git("clone", "-q", repo.root, clone.root);
    const before = wholeFolder(clone.root);
    // git status, asked below, refreshes it.
    const index = clone.read(".git/index");
    const ran = clone.muxi("install");
    assert.equal(ran.code, 0, ran.all);
    assert.doesNotMatch(ran.stdout, /git add/);
    assert.equal(clone.git("status", "--porcelain"), "");
    clone.write(".git/index", index);
    assert.equal(clone.muxi("uninstall").code, 0);
    assert.deepEqual(wholeFolder(clone.root), before);
  });

  it("lines that this clone added to the team's block go", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    repo.muxi("install");
    commitAll(repo);
    repo.muxi("uninstall");
    const team = repo.read(".gitattributes");
    writeFormation(repo, "b");
    repo.muxi("install");
    assert.notDeepEqual(repo.read(".gitattributes"), team);
    repo.muxi("uninstall");
    assert.deepEqual(repo.read(".gitattributes"), team);
  });
});

describe("a .key that undoing would make addable", () => {
  it("stays ignored in info/exclude, and uninstall says so", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    repo.write("a/.key", fakeKey());
    repo.muxi("install");
    const ran = repo.muxi("uninstall");
    assert.equal(ran.code, 0);
    assert.match(ran.stdout, /'\.key' stays ignored in '\.git\/info\/exclude': 'a\/\.key' would be added/);
    assert.ok(!existsSync(repo.path(".gitignore")));
    assert.equal(repo.git("status", "--porcelain", "-uall", "--", "a/.key"), "");
    const before = wholeFolder(repo.root);
    const again = repo.muxi("uninstall");
    assert.equal(again.code, 0);
    assert.match(again.stdout, /not installed/);
    assert.deepEqual(wholeFolder(repo.root), before);
    // With the key gone there is nothing left to keep.
    repo.remove("a/.key");
    repo.muxi("uninstall");
    assert.ok(!repo.read(".git/info/exclude").toString().includes("muxi-git"));
  });

  it("install takes that line over again", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a");
    repo.write("a/.key", fakeKey());
    const exclude = repo.read(".git/info/exclude");
    repo.muxi("install");
    repo.muxi("uninstall");
    repo.muxi("install");
    assert.equal(repo.read(".git/info/exclude").toString().split(">>> muxi-git >>>").length, 2);
    repo.remove("a/.key");
    repo.muxi("uninstall");
    assert.deepEqual(repo.read(".git/info/exclude"), exclude);
  });
});

describe("a broken install", () => {
  const broken: [string, (repo: TempRepo) => void][] = [
    ["the record is missing", (r) => r.remove(".git/muxi-git/install.json")],
    [
      "the record is cut short",
      (r) => r.write(".git/muxi-git/install.json", r.read(".git/muxi-git/install.json").subarray(0, 200)),
    ],
    ["the record is of another shape", (r) => r.write(".git/muxi-git/install.json", '{"schemaVersion":1}')],
    [
      "the runtime is gone in part",
      (r) => {
        r.remove(".git/muxi-git/main.cjs");
        r.remove(".git/muxi-git/run");
      },
    ],
    ["the runtime is gone", (r) => r.remove(".git/muxi-git")],
    ["the drivers are gone", (r) => r.remove(".git/muxi-git/config")],
  ];
  for (const [name, breakIt] of broken) {
    it(`is removed by its marks when ${name}`, (t) => {
      for (const { git } of gitsUnderTest(t)) {
        const repo = repoWith(t, git);
        writeFormation(repo, "a");
        repo.write(".gitignore", "build\n");
        repo.write(".git/hooks/pre-commit", userHook("/bin/sh"), 0o755);
        const before = wholeFolder(repo.root);
        repo.muxi("install");
        breakIt(repo);
        const ran = repo.muxi("uninstall");
        assert.equal(ran.code, 0, ran.all);
        assert.deepEqual(wholeFolder(repo.root), before);
      }
    });
  }

  it("paths that lead out of the repository in a record are not followed", (t) => {
    const repo = repoWith(t, null, { install: true });
    const victim = join(repo.base, "victim");
    writeFileSync(victim, "x");
    const path = repo.path(".git/muxi-git/install.json");
    const record = JSON.parse(repo.read(".git/muxi-git/install.json").toString()) as { files: unknown[] };
    record.files.push({
      place: { base: "common", path: "../../victim" },
      before: null,
      beforeMode: null,
      after: "",
      afterMode: 420,
      pad: "",
    });
    writeFileSync(path, JSON.stringify(record));
    assert.equal(repo.muxi("uninstall").code, 0);
    assert.ok(existsSync(victim));
  });

  it("a locked config stops it before anything is removed", (t) => {
    const repo = repoWith(t, null, { install: true });
    repo.write(".git/config.lock", "");
    const before = wholeFolder(repo.root);
    const ran = repo.muxi("uninstall");
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /locked/);
    assert.deepEqual(wholeFolder(repo.root), before);
  });

  it("outside a repository it says so", (t) => {
    const repo = repoWith(t, null);
    mkdirSync(join(repo.base, "elsewhere"));
    const ran = repo.muxiWith(
      { cwd: join(repo.base, "elsewhere"), env: { GIT_CEILING_DIRECTORIES: repo.base } },
      "uninstall",
    );
    assert.equal(ran.code, 2);
  });
});

describe("a team block that nobody installed here", () => {
  it("is not uninstall's to remove", (t) => {
    const repo = repoWith(t, null);
    repo.write(".gitattributes", `${TEAM_BLOCK}secrets.enc -text filter=muxi-git\n# <<< muxi-git <<<\n`);
    commitAll(repo);
    const ran = repo.muxi("uninstall");
    assert.equal(ran.code, 0);
    assert.match(ran.stdout, /not installed/);
    assert.equal(repo.git("status", "--porcelain"), "");
  });
});
