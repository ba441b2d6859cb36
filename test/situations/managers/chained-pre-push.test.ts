/** What pre-push reads is read by us first and reaches, unchanged, the lines it was meant for. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { hookBlock } from "../../../src/setup/hooks.ts";
import { guardedLines } from "../../../src/setup/managers/manager.ts";
import type { TempRepo } from "../../support/repo.ts";
import { gitsUnderTest, repoWith, wholeFolder } from "../install-support.ts";
import { lfsMissing } from "./tools.ts";

const OID = "1".repeat(40);
const ZERO = "0".repeat(40);
const INPUTS: [string, string][] = [
  ["one new branch", `refs/heads/main ${OID} refs/heads/main ${ZERO}\n`],
  [
    "two refs and a deletion, with what a shell would expand",
    `refs/heads/$(x)'"\\n %s ${OID} refs/heads/a*b ${OID}\nHEAD ${OID} refs/tags/v1 ${ZERO}\n(delete) ${ZERO} refs/heads/o ${OID}\n`,
  ],
  ["nothing to push", ""],
  ["a mirror of 3000 refs", `refs/heads/${"x".repeat(60)} ${OID} refs/heads/y ${ZERO}\n`.repeat(3000)],
];
const RESTS: [string, string][] = [
  ["lines", 'cat >theirs; echo "$# $1 $2" >>theirs\n'],
  ["exec", 'exec sh -c \'cat >theirs; echo "$# $1 $2" >>theirs\' x "$@"\n'],
  ["a loop", 'while IFS= read -r line; do printf "%s\\n" "$line"; done >theirs; echo "$# $1 $2" >>theirs\n'],
];

function shells(): string[] {
  return ["dash", "bash", "zsh", "busybox"]
    .filter((name) => !spawnSync(name, ["-c", ":"]).error || name === "busybox")
    .filter((name) => spawnSync(name, ["true"]).error === undefined)
    .map((name) => (name === "busybox" ? "busybox sh" : name));
}

function withLauncher(repo: TempRepo, exit: number): void {
  repo.write(".git/muxi-git/run", `#!/bin/sh\ncat >ours; echo "$*" >>ours\nexit ${exit}\n`, 0o755);
}

describe("a pre-push hook behind ours", () => {
  for (const shell of shells()) {
    it(`reads what git wrote, under ${shell}`, (t) => {
      const repo = repoWith(t, null);
      withLauncher(repo, 0);
      const [program = "sh", ...first] = shell.split(" ");
      for (const lines of [hookBlock("pre-push"), guardedLines("pre-push")]) {
        for (const option of ["-e", "-eu"]) {
          for (const [rest, text] of RESTS) {
            repo.write("hook", `${lines.join("\n")}\n${text}`);
            for (const [name, input] of INPUTS) {
              // All inputs for one rest, all rests for one input.
              if (name !== INPUTS[0]![0] && (option === "-eu" || rest !== RESTS[0]![0])) continue;
              const ran = repo.tryWith({ input }, program, ...first, option, "hook", "origin", "a url");
              const said = `${rest}, ${name}: ${ran.all}`;
              assert.equal(ran.code, 0, said);
              assert.equal(ran.stderr, "", said);
              assert.equal(repo.read("ours").toString(), `${input}hook pre-push origin a url\n`, said);
              assert.equal(repo.read("theirs").toString(), `${input}2 origin a url\n`, said);
            }
          }
        }
      }
    });

    it(`does not run once ours says no, under ${shell}`, (t) => {
      const repo = repoWith(t, null);
      withLauncher(repo, 1);
      const [program = "sh", ...first] = shell.split(" ");
      for (const lines of [hookBlock("pre-push"), guardedLines("pre-push")]) {
        repo.write("hook", `${lines.join("\n")}\n${RESTS[0]![1]}`);
        const ran = repo.tryWith({ input: INPUTS[0]![1] }, program, ...first, "hook", "origin", "url");
        assert.equal(ran.code, 1, ran.all);
        assert.ok(!existsSync(repo.path("theirs")));
      }
    });
  }

  it("without the runtime: ours stops in an untracked hook, and passes where the lines are shared", (t) => {
    const repo = repoWith(t, null);
    const input = INPUTS[0]![1];
    repo.write("hook", `${hookBlock("pre-push").join("\n")}\n${RESTS[0]![1]}`);
    const stopped = repo.tryWith({ input }, "sh", "hook", "origin", "url");
    assert.equal(stopped.code, 2);
    assert.match(stopped.stderr, /this push was not checked\n.*npx muxi-git install/);
    repo.write("hook", `${guardedLines("pre-push").join("\n")}\n${RESTS[0]![1]}`);
    const passed = repo.tryWith({ input }, "sh", "hook", "origin", "url");
    assert.deepEqual([passed.code, passed.stderr], [0, ""]);
    assert.equal(repo.read("theirs").toString(), `${input}2 origin url\n`);
  });
});

describe("git-lfs", () => {
  it("still uploads, and uninstall gives its hook back", (t) => {
    const missing = lfsMissing();
    if (missing) return t.skip(missing);
    for (const { git, configHooks } of gitsUnderTest(t)) {
      const repo = repoWith(t, git);
      const remote = join(repo.base, "remote.git");
      repo.git("init", "-q", "--bare", remote);
      repo.git("lfs", "install", "--local");
      repo.git("lfs", "track", "*.bin");
      const hook = repo.read(".git/hooks/pre-push");
      const before = wholeFolder(repo.path(".git/hooks"));
      const ran = repo.muxi("install");
      assert.equal(ran.code, 0, ran.all);
      if (configHooks) assert.deepEqual(repo.read(".git/hooks/pre-push"), hook);
      else assert.match(ran.stdout, /note: pre-push: git-lfs's hook runs as before/);
      repo.write("large.bin", "large\n");
      repo.git("add", "-A");
      repo.git("commit", "-q", "-m", "large");
      const pushed = repo.try("git", "push", "-q", `file://${remote}`, "main");
      assert.equal(pushed.code, 0, pushed.all);
      const oid = /sha256:(\w+)/.exec(repo.git("cat-file", "blob", "HEAD:large.bin"))?.[1] ?? "";
      const stored = join(remote, "lfs", "objects", oid.slice(0, 2), oid.slice(2, 4), oid);
      assert.equal(readFileSync(stored, "utf8"), "large\n");
      assert.equal(repo.muxi("uninstall").code, 0);
      assert.deepEqual(wholeFolder(repo.path(".git/hooks")), before);
    }
  });

  it("set up after us without hooks from the configuration: its lines run once install was asked again", (t) => {
    const missing = lfsMissing();
    if (missing) return t.skip(missing);
    const one = gitsUnderTest(t).find(({ configHooks }) => !configHooks);
    if (one === undefined) return t.skip("no git before 2.54 here");
    const repo = repoWith(t, one.git, { install: true });
    assert.match(repo.try("git", "lfs", "install", "--local").all, /Hook already exists: pre-push/);
    // What 'git lfs update --manual' says to do.
    repo.write(".git/hooks/pre-push", `${repo.read(".git/hooks/pre-push").toString()}cat >theirs\n`, 0o755);
    const status = repo.muxi("status");
    assert.match(
      status.stdout,
      /hook-hides-lines: what was appended to the pre-push hook of muxi-git never runs\n {2}fix: npx muxi-git install\n/,
    );
    assert.equal(repo.muxi("install").code, 0);
    assert.doesNotMatch(repo.muxi("status").stdout, /hook-hides-lines/);
    repo.git("commit", "-q", "--allow-empty", "-m", "one");
    repo.git("init", "-q", "--bare", join(repo.base, "remote.git"));
    repo.git("push", "-q", join(repo.base, "remote.git"), "main");
    const oid = repo.git("rev-parse", "HEAD");
    assert.equal(repo.read("theirs").toString(), `refs/heads/main ${oid} refs/heads/main ${ZERO}\n`);
    assert.equal(repo.muxi("uninstall").code, 0);
    assert.equal(repo.read(".git/hooks/pre-push").toString(), "#!/bin/sh\ncat >theirs\n");
  });
});
