/**
 * Beside the real hook managers, set up before muxi-git and after it, on a git
 * that runs hooks from the configuration and one that does not: a leak is
 * blocked, an honest commit and push pass, either side's hook runs once, and
 * uninstall leaves what the manager alone would have left.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { fakeKey } from "../../support/fake.ts";
import type { Ran, RunOptions, TempRepo } from "../../support/repo.ts";
import { type GitUnderTest, gitsUnderTest, repoWith, wholeFolder } from "../install-support.ts";
import { TOOLS, type Tool, withTools } from "./tools.ts";

/** What a shell would run, where a manager put it into one. */
const REMOTE = "remote;touch ran;'$(touch ran)'.git";

/** A node that writes down which hook it was started for. */
const COUNTING_NODE = (log: string): string =>
  `#!/bin/sh\n[ "$2" != hook ] || echo "$3" >>'${log}'\nexec '${process.execPath}' "$@"\n`;

interface Logs {
  /** Which of our hooks node was started for, since the last call. */
  ours(): string[];
  /** What the other's hooks wrote down, since the last call. */
  theirs(): string[];
}

/** Hooks are counted through the environment, so that nothing in the repository differs from a person's. */
function counted(repo: TempRepo): Logs {
  const files = { ours: join(repo.base, "ours.log"), theirs: join(repo.base, "theirs.log") };
  const node = join(repo.base, "counting-node");
  writeFileSync(node, COUNTING_NODE(files.ours), { mode: 0o755 });
  repo.env.OTHER_LOG = files.theirs;
  const take = (file: string): string[] => {
    const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
    writeFileSync(file, "");
    return lines;
  };
  return { ours: () => take(files.ours), theirs: () => take(files.theirs) };
}

/** git with the counting node; install records the real one. */
function git(repo: TempRepo, ...args: string[]): Ran {
  const options: RunOptions = { env: { MUXI_GIT_NODE: join(repo.base, "counting-node") } };
  return repo.tryWith(options, "git", ...args);
}

/** The hooks, the configuration and the working tree: what install and managers write. */
function written(repo: TempRepo): Record<string, string> {
  const state = wholeFolder(repo.root);
  for (const path of Object.keys(state)) {
    const own = /^\.git\/(?:hooks|muxi-git)(?:\/|$)|^\.git\/(?:config|info\/exclude|info\/attributes)$/.test(path);
    if (path.startsWith(".git/") && !own) delete state[path];
  }
  return state;
}

function prepared(t: TestContext, tool: Tool, { git: program }: GitUnderTest): TempRepo {
  const repo = repoWith(t, program);
  withTools(repo);
  tool.project(repo);
  repo.git("add", "-A");
  repo.git("commit", "-q", "--no-verify", "-m", "project");
  repo.git("init", "-q", "--bare", join(repo.base, REMOTE));
  return repo;
}

/** What install prints to be pasted. */
function printed(ran: Ran): { lines: string[]; commands: string[] } {
  const said = ran.stderr.split("\n");
  return {
    lines: said.filter((line) => line.startsWith("    ")).map((line) => line.slice(4)),
    commands: said.flatMap((line) => /^muxi-git: hint: then run: (.*)$/.exec(line)?.[1] ?? []),
  };
}

/** Follow what install says until it is content. */
function install(repo: TempRepo, tool: Tool, { configHooks }: GitUnderTest): void {
  const first = repo.muxi("install");
  if (configHooks || tool.joins === "itself") assert.equal(first.code, 0, first.all);
  else {
    assert.equal(first.code, 1, first.all);
    assert.match(first.stderr, /^muxi-git: error: not protected: pre-commit, /);
    assert.doesNotMatch(first.stdout, /muxi-git is installed/);
    if (tool.joins === "--yes") {
      assert.match(first.stderr, /install --yes/);
      const second = repo.muxi("install", "--yes");
      assert.equal(second.code, 0, second.all);
    } else {
      const { lines, commands } = printed(first);
      tool.paste?.(repo, lines);
      for (const command of commands) {
        const ran = repo.try("sh", "-c", command.replace(/^npx /, ""));
        assert.equal(ran.code, 0, ran.all);
      }
      const second = repo.muxi("install");
      assert.equal(second.code, 0, second.all);
    }
  }
  const status = repo.muxi("status");
  assert.equal(status.code, 0, status.all);
}

function eachGateOnce(repo: TempRepo, tool: Tool, logs: Logs): void {
  repo.write("bot/.key", `${fakeKey()}\n`);
  repo.git("add", "-f", "bot/.key");
  logs.ours();
  logs.theirs();
  const blocked = git(repo, "commit", "-q", "-m", "leak");
  assert.notEqual(blocked.code, 0, blocked.all);
  assert.equal(blocked.stderr.split("commit blocked").length, 2, blocked.stderr);
  assert.deepEqual(logs.ours(), ["pre-commit"]);
  repo.git("rm", "-q", "--cached", "-f", "bot/.key");
  repo.remove("bot");
  logs.theirs();

  repo.write("notes.txt", "honest\n");
  repo.git("add", "notes.txt");
  const passed = git(repo, "commit", "-q", "-m", "Honest change 2026-01-02");
  assert.equal(passed.code, 0, passed.all);
  assert.doesNotMatch(passed.stderr, /muxi-git: /);
  assert.deepEqual(logs.ours(), ["pre-commit", "commit-msg"]);
  assert.deepEqual(logs.theirs(), ["commit"]);

  const pushed = git(repo, "push", "-q", join(repo.base, REMOTE), "main");
  assert.equal(pushed.code, 0, pushed.all);
  assert.deepEqual(logs.ours(), ["pre-push"]);
  assert.deepEqual(logs.theirs(), [tool.push]);
  assert.ok(!existsSync(repo.path("ran")));

  repo.git("checkout", "-q", "-b", "side", "HEAD~1");
  repo.git("commit", "-q", "--no-verify", "--allow-empty", "-m", "side");
  const merged = git(repo, "merge", "-q", "--no-ff", "-m", "Merge 2026-01-02", "main");
  assert.equal(merged.code, 0, merged.all);
  assert.deepEqual(logs.ours(), ["pre-merge-commit", "commit-msg"]);
  repo.git("checkout", "-q", "main");
  repo.remove("notes.txt");
  repo.git("reset", "-q", "--hard", "HEAD~1");
}

/** Every day each manager in each order; the gits take turns. SLOW=1 tries all. */
function sampled(t: TestContext, tool: Tool, order: "before" | "after"): GitUnderTest[] {
  const gits = gitsUnderTest(t).filter(
    (one, at, all) => all.findIndex((other) => other.configHooks === one.configHooks) === at || process.env.SLOW,
  );
  if (process.env.SLOW) return gits;
  const turn = TOOLS.indexOf(tool) + (order === "before" ? 0 : 1);
  // Without hooks from the configuration is where managers matter.
  return order === "before" ? gits.filter((one) => !one.configHooks) : [gits[turn % gits.length]!];
}

for (const tool of TOOLS) {
  describe(`beside ${tool.name}`, () => {
    it("set up before muxi-git", (t) => {
      const missing = tool.missing();
      if (missing) return t.skip(missing);
      for (const one of sampled(t, tool, "before")) {
        const repo = prepared(t, tool, one);
        tool.setUp(repo);
        const logs = counted(repo);
        const before = written(repo);
        install(repo, tool, one);
        eachGateOnce(repo, tool, logs);
        // Teammates without muxi-git are not stopped by what was pasted.
        assert.equal(repo.muxi("uninstall").code, 0);
        repo.write("notes.txt", "again\n");
        repo.git("add", "notes.txt");
        const passed = git(repo, "commit", "-q", "-m", "again");
        assert.equal(passed.code, 0, passed.all);
        assert.deepEqual([logs.ours(), logs.theirs()], [[], ["commit"]]);
        repo.git("reset", "-q", "--hard", "HEAD~1");
        if (tool.paste) (tool.goBack ?? tool.setUp)(repo);
        assert.deepEqual(written(repo), before);
      }
    });

    it("set up after muxi-git", (t) => {
      const missing = tool.missing();
      if (missing) return t.skip(missing);
      for (const one of sampled(t, tool, "after")) {
        const alone = prepared(t, tool, one);
        tool.setUp(alone);
        const repo = prepared(t, tool, one);
        assert.equal(repo.muxi("install").code, 0);
        tool.setUp(repo);
        const logs = counted(repo);
        const status = repo.muxi("status");
        if (tool.clobbers && !one.configHooks) {
          assert.equal(status.code, 1, status.all);
          assert.ok(status.stdout.includes(`hook-not-effective: pre-commit, `), status.stdout);
          assert.ok(status.stdout.includes(tool.name), status.stdout);
          assert.match(status.stdout, /fix: npx muxi-git install/);
          install(repo, tool, one);
        } else assert.equal(status.code, 0, status.all);
        eachGateOnce(repo, tool, logs);
        assert.equal(repo.muxi("uninstall").code, 0);
        if (tool.paste) (tool.goBack ?? tool.setUp)(repo);
        assert.deepEqual(written(repo), written(alone));
      }
    });
  });
}
