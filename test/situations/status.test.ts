import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fakeKey } from "../support/fake.ts";
import { preparedRepo, type Ran, type TempRepo } from "../support/repo.ts";
import { gitsUnderTest, repoWith, userHook, wholeFolder, writeFormation } from "./install-support.ts";

interface Answer {
  schemaVersion: number;
  protected: boolean;
  hooks: { event: string; mechanism: string; effective: boolean; reason?: string }[];
  drivers: { filter: boolean; diff: boolean; merge: boolean };
  attributes: { path: string; effective: boolean }[];
  ignore: { path: string; ignored: boolean; tracked: boolean }[];
  runtime: { version: string | null; node: string | null; intact: boolean };
  formations: { path: string }[];
  problems: { code: string; message: string; fix: string }[];
}

function ask(repo: TempRepo): Answer & { ran: Ran } {
  const ran = repo.muxi("status", "--json");
  return { ...(JSON.parse(ran.stdout) as Answer), ran };
}

function codes(answer: Answer): string[] {
  return answer.problems.map(({ code }) => code);
}

const protectedRepo = preparedRepo((repo) => {
  writeFormation(repo, "a");
  repo.write("a/secrets.enc", "");
  assert.equal(repo.muxi("install").code, 0);
});

describe("status", () => {
  it("says 0 and protected after install, and changes nothing", (t) => {
    for (const { git, configHooks } of gitsUnderTest(t)) {
      const repo = repoWith(t, git);
      writeFormation(repo, "a");
      repo.muxi("install");
      const before = wholeFolder(repo.root);
      const answer = ask(repo);
      assert.deepEqual(wholeFolder(repo.root), before);
      assert.equal(answer.ran.code, 0);
      assert.equal(answer.schemaVersion, 1);
      assert.equal(answer.protected, true);
      assert.deepEqual(
        answer.hooks,
        ["pre-commit", "pre-merge-commit", "commit-msg", "pre-push"].map((event) => ({
          event,
          mechanism: configHooks ? "file+config" : "file",
          effective: true,
        })),
      );
      assert.deepEqual(answer.drivers, { filter: true, diff: true, merge: true });
      assert.deepEqual(answer.ignore, [{ path: "a/.key", ignored: true, tracked: false }]);
      assert.equal(answer.runtime.intact, true);
      assert.deepEqual(
        answer.formations.map(({ path }) => path),
        ["a"],
      );
      assert.deepEqual(answer.problems, []);
    }
  });

  it("says 1 and the command where nothing is installed", (t) => {
    const repo = repoWith(t, null);
    const answer = ask(repo);
    assert.equal(answer.ran.code, 1);
    assert.equal(answer.protected, false);
    assert.deepEqual(answer.problems, [
      { code: "not-installed", message: "muxi-git is not installed in this clone", fix: "npx muxi-git install" },
    ]);
    const text = repo.muxi("status");
    assert.equal(text.code, 1);
    assert.match(text.stdout, /^not protected\n/);
    assert.match(text.stdout, /fix: npx muxi-git install/);
  });

  it("says 2 where there is no repository", (t) => {
    const repo = repoWith(t, null);
    const ran = repo.muxiWith({ cwd: repo.base, env: { GIT_CEILING_DIRECTORIES: repo.base } }, "status");
    assert.equal(ran.code, 2);
  });

  const broken: [string, (repo: TempRepo) => void, string][] = [
    [
      "the hook was replaced",
      (r) => r.write(".git/hooks/pre-commit", userHook("/bin/sh"), 0o755),
      "hook-not-effective",
    ],
    [
      "the hook lost its executable bit",
      (r) => chmodSync(r.path(".git/hooks/pre-commit"), 0o644),
      "hook-not-effective",
    ],
    ["hooks were switched off", (r) => r.git("config", "core.hooksPath", "/dev/null"), "hook-not-effective"],
    ["the bundle was changed", (r) => r.write(".git/muxi-git/main.cjs", "//"), "runtime-changed"],
    ["the launcher is gone", (r) => r.remove(".git/muxi-git/run"), "runtime-missing"],
    ["the launcher cannot be run", (r) => chmodSync(r.path(".git/muxi-git/run"), 0o644), "runtime-changed"],
    ["the whole runtime is gone", (r) => r.remove(".git/muxi-git"), "not-installed"],
    ["the record is damaged", (r) => writeFileSync(r.path(".git/muxi-git/install.json"), "{"), "record-damaged"],
    ["the include line is gone", (r) => r.git("config", "--unset", "include.path"), "driver-missing"],
    ["the filter is overridden", (r) => r.git("config", "filter.muxi-git.process", "cat"), "driver-missing"],
    ["the attributes block is gone", (r) => r.remove(".gitattributes"), "attributes-missing"],
    ["a nested line overrides it", (r) => r.write("a/.gitattributes", "*.enc -filter\n"), "attributes-overridden"],
    [
      "the key is not ignored",
      (r) => {
        r.write("a/.gitignore", "!.key\n");
      },
      "key-not-ignored",
    ],
    [
      "the key is tracked",
      (r) => {
        r.write("a/.key", fakeKey());
        r.git("add", "-f", "a/.key");
      },
      "key-tracked",
    ],
  ];
  for (const [name, breakIt, code] of broken) {
    it(`says 1 and why when ${name}`, (t) => {
      for (const { git, configHooks } of gitsUnderTest(t)) {
        // git's configuration runs the hook whatever became of the file.
        if (configHooks && code === "hook-not-effective") continue;
        const { repo } = protectedRepo(t, git);
        breakIt(repo);
        const answer = ask(repo);
        assert.equal(answer.ran.code, 1, answer.ran.all);
        assert.equal(answer.protected, false);
        assert.ok(codes(answer).includes(code), codes(answer).join());
        for (const problem of answer.problems) assert.notEqual(problem.fix, "");
      }
    });
  }

  it("names the overriding line", (t) => {
    const { repo } = protectedRepo(t);
    repo.write("a/.gitattributes", "# x\n*.enc binary\n");
    assert.match(ask(repo).problems[0]?.message ?? "", /from a\/\.gitattributes:2/);
  });

  it("shows no control characters of folder names", (t) => {
    const repo = repoWith(t, null);
    writeFormation(repo, "a\u001b[31m\nb");
    repo.muxi("install");
    repo.remove(".gitattributes");
    const ran = repo.muxi("status");
    assert.doesNotMatch(ran.all, /\u001b/);
  });
});
