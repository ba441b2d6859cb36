/**
 * install, upgrade and uninstall stopped at each of their steps: killed,
 * interrupted, or with no room left; and several of them at once. `SLOW=1` tries
 * every step, and both ways on from it; the everyday run a few, of every kind.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { NOT_EVERY_DAY, SLOW } from "../support/gits.ts";
import { MAIN, PROJECT, preparedRepo, type TempRepo } from "../support/repo.ts";
import { stopAt } from "../support/stop-at.ts";
import { olderBuild, usersFiles, wholeFolder, writeFormation } from "./install-support.ts";

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "muxi-git-faults-")));
after(() => rmSync(scratch, { recursive: true, force: true }));
const older = olderBuild(join(scratch, "older"));
const later = olderBuild(join(scratch, "later"), "99.0.0");

/** A user's repository with something of its own in every place that install writes. */
function prepare(repo: TempRepo): Record<string, string> {
  writeFormation(repo, "agents");
  repo.write("agents/secrets.enc", `gAAAAA${"B".repeat(114)}`);
  repo.write(".gitignore", "*.log\n/build");
  repo.git("add", "-A");
  repo.git("commit", "-qm", "formation");
  repo.git("branch", "other");
  repo.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n", 0o755);
  repo.write(".git/config", `${repo.read(".git/config").toString()}# mine, no line end\n[user]\n\tname = x`);
  return usersFiles(repo.root);
}

const from = (dist: string | null) =>
  preparedRepo((repo) => {
    const before = prepare(repo);
    if (dist !== null) assert.equal(repo.try(process.execPath, join(dist, "main.cjs"), "install").code, 0);
    return before;
  });

const WORK = {
  install: { repo: from(null), verb: "install" },
  upgrade: { repo: from(older), verb: "install" },
  uninstall: { repo: from(join(PROJECT, "dist")), verb: "uninstall" },
};

/** What each step is, in order. */
function stepsOf(t: TestContext, work: keyof typeof WORK): string[] {
  const { repo } = WORK[work].repo(t);
  const log = join(repo.base, "steps");
  assert.equal(stopAt(repo, { STOP_LOG: log }, WORK[work].verb).code, 0);
  return readFileSync(log, "utf8").trim().split("\n");
}

/** All of them, or `number` spread over those that change what others see. */
function sample(steps: readonly string[], number: number): number[] {
  const all = steps.map((_, at) => at + 1);
  if (SLOW) return all;
  const seen = all.filter((at) => /^(?:rename|link|unlink|mkdir|rmdir)Sync/.test(steps[at - 1] ?? ""));
  return Array.from({ length: number }, (_, at) => seen[Math.floor(((at + 0.5) * seen.length) / number)]!);
}

function assertGitWorks(repo: TempRepo, where: string): void {
  for (const args of [
    ["status", "--porcelain"],
    ["add", "agents"],
    ["switch", "-q", "other"],
  ]) {
    const ran = repo.try("git", ...args);
    assert.equal(ran.code, 0, `${where}: git ${args[0]}: ${ran.all}`);
  }
  const commit = repo.try("git", "commit", "-q", "--allow-empty", "-m", "probe");
  if (commit.code !== 0) assert.match(commit.stderr, /npx muxi-git install/, where);
}

function assertFinishes(
  repo: TempRepo,
  before: Record<string, string>,
  way: "install" | "uninstall",
  where: string,
): void {
  if (way === "install") {
    const again = repo.muxi("install");
    assert.equal(again.code, 0, `${where}: ${again.all}`);
    const status = repo.muxi("status");
    assert.equal(status.code, 0, `${where}: ${status.all}`);
    const trash = Object.keys(wholeFolder(repo.root)).filter((path) => /\.tmp$|\.lock$|config\.muxi-git/.test(path));
    assert.deepEqual(trash, [], where);
  }
  const gone = repo.muxi("uninstall");
  assert.equal(gone.code, 0, `${where}: ${gone.all}`);
  assert.deepEqual(usersFiles(repo.root), before, where);
}

for (const work of ["install", "upgrade", "uninstall"] as const) {
  const skip = work === "upgrade" ? false : NOT_EVERY_DAY;
  it(`${work}, killed at any step, leaves a git that works and is finished by the next install or uninstall`, {
    skip,
  }, (t) => {
    const steps = stepsOf(t, work);
    assert.ok(steps.length > 20, String(steps.length));
    for (const [turn, at] of sample(steps, 1).entries()) {
      const half = SLOW && steps[at - 1]!.startsWith("writeSync") ? ["kill", "half"] : ["kill"];
      for (const how of half) {
        for (const way of SLOW
          ? (["install", "uninstall"] as const)
          : ([turn % 2 === 0 ? "install" : "uninstall"] as const)) {
          const { repo, made } = WORK[work].repo(t);
          const where = `${work}, ${how} at ${at}, ${steps[at - 1]}, then ${way}`;
          stopAt(repo, { STOP_AT: String(at), STOP_HOW: how }, WORK[work].verb);
          assertGitWorks(repo, where);
          assertFinishes(repo, made, way, where);
        }
      }
    }
  });
}

it("install without room undoes itself, or says that it could not, and is finished or put back later", (t) => {
  const steps = stepsOf(t, "install");
  const all = steps.map((_, at) => at + 1);
  const first = (step: RegExp): number => steps.findIndex((one) => step.test(one)) + 1;
  for (const at of SLOW ? all : [1, first(/^mkdtempSync/), first(/^openSync .*\.gitignore/)]) {
    for (const code of SLOW ? ["ENOSPC", "EIO", "EROFS", "EDQUOT"] : ["ENOSPC"]) {
      const { repo, made } = WORK.install.repo(t);
      const ran = stopAt(repo, { STOP_AT: String(at), STOP_HOW: code }, "install");
      const where = `${code} at ${at}, ${steps[at - 1]}: ${ran.all}`;
      if (ran.code === 0) {
        // The last step that grows anything was before it.
        assert.equal(repo.muxi("status").code, 0, where);
        continue;
      }
      assert.equal(ran.code, 2, where);
      assert.match(ran.stderr, new RegExp(code), where);
      if (!ran.stderr.includes("in part only")) assert.deepEqual(usersFiles(repo.root), made, where);
      assertGitWorks(repo, where);
      assertFinishes(repo, made, at % 2 === 0 ? "install" : "uninstall", where);
    }
  }
});

describe("the locks", () => {
  it("of a killed run are taken away, those of others are not", (t) => {
    const { repo, made } = WORK.install.repo(t);
    // Killed between our lock on git's config and its rename.
    const steps = stepsOf(t, "install");
    const at = steps.findIndex((step) => step.startsWith("linkSync") && step.endsWith("config.lock")) + 2;
    stopAt(repo, { STOP_AT: String(at) }, "install");
    assert.ok(Object.keys(usersFiles(repo.root)).includes(".git/config.lock"));
    assertFinishes(repo, made, "install", "config.lock");

    repo.write(".git/config.lock", "of a git at work");
    const refused = repo.muxi("install");
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /config' is locked by another process; what was done until then was undone/);
    assert.equal(repo.read(".git/config.lock").toString(), "of a git at work");
    repo.remove(".git/config.lock");
    assert.deepEqual(usersFiles(repo.root), made);
  });

  it("of installs: a dead holder's, one whose id was given again, and what is no lock", (t) => {
    const { repo } = WORK.install.repo(t);
    const where = [hostname(), readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()].join(" ");
    const log = join(repo.base, "steps");
    const own = stopAt(repo, { STOP_LOG: log, STOP_AT: "6" }, "uninstall");
    assert.equal(own.code, 255);
    // As this machine writes it.
    const text = repo.read(".git/muxi-git.lock").toString();
    assert.ok(text.includes(where), text);
    assert.equal(repo.muxi("install").code, 0);
    const holder = JSON.parse(text) as { pid: number };
    repo.write(".git/muxi-git.lock", JSON.stringify({ ...holder, pid: process.pid, started: "1" }));
    assert.equal(repo.muxi("uninstall").code, 0);
    mkdirSync(repo.path(".git/muxi-git.lock"));
    const folder = repo.muxi("install");
    assert.equal(folder.code, 2);
    assert.match(folder.stderr, /muxi-git\.lock' is in the way/);
    repo.remove(".git/muxi-git.lock");
    symlinkSync("config", repo.path(".git/muxi-git.lock"));
    assert.equal(repo.muxi("install").code, 2);
  });
});

describe("two versions", () => {
  it("the newer replaces the older and its files; the older leaves the newer as it is", (t) => {
    const { repo, made } = WORK.upgrade.repo(t);
    const up = repo.muxi("install");
    assert.equal(up.code, 0, up.all);
    assert.equal(repo.muxi("status").code, 0);
    const whole = usersFiles(repo.root);
    const down = repo.try(process.execPath, join(older, "main.cjs"), "install");
    assert.deepEqual([down.code, down.stdout], [0, ""], down.all);
    assert.match(
      down.stderr,
      /is installed here, later than this 0\.0\.1: it stays\nmuxi-git: hint: .* uninstall' first\n$/,
    );
    assert.deepEqual(usersFiles(repo.root), whole);
    // Uninstall goes by the record, whichever version wrote it.
    const gone = repo.try(process.execPath, join(older, "main.cjs"), "uninstall");
    assert.equal(gone.code, 0, gone.all);
    assert.deepEqual(usersFiles(repo.root), made);
  });

  it("a record of a later schema is neither replaced nor undone by guess", (t) => {
    const { repo } = WORK.install.repo(t);
    assert.equal(repo.try(process.execPath, join(later, "main.cjs"), "install").code, 0);
    const record = JSON.parse(repo.read(".git/muxi-git/install.json").toString()) as object;
    writeFileSync(repo.path(".git/muxi-git/install.json"), JSON.stringify({ ...record, schemaVersion: 2 }));
    const whole = usersFiles(repo.root);
    const gone = repo.muxi("uninstall");
    assert.equal(gone.code, 2);
    assert.match(gone.stderr, /whose record .* cannot read\nmuxi-git: hint: run 'npx muxi-git@99\.0\.0 uninstall'\n$/);
    assert.match(repo.muxi("install").stderr, /muxi-git 99\.0\.0 is installed here/);
    assert.deepEqual(usersFiles(repo.root), whole);
  });
});

it("install that is interrupted ends by the signal, with nothing changed or all of it", (t) => {
  const steps = stepsOf(t, "install");
  // From the lock on: before it there is nothing to keep whole.
  const locked = steps.findIndex((step) => step.startsWith("linkSync") && step.endsWith("muxi-git.lock")) + 1;
  assert.ok(locked > 0);
  for (const at of SLOW ? steps.map((_, index) => index + 1) : [locked + 20]) {
    for (const signal of SLOW ? ["SIGINT", "SIGTERM"] : ["SIGINT"]) {
      const { repo, made } = WORK.install.repo(t);
      const where = `${signal} at ${at}, ${steps[at - 1]}`;
      const ran = stopAt(repo, { STOP_AT: String(at), STOP_HOW: signal }, "install");
      // No exit code: it ended by the signal.
      assert.equal(ran.code, 255, `${where}: ${ran.all}`);
      if (at > locked) {
        if (repo.muxi("status").code !== 0) assert.deepEqual(usersFiles(repo.root), made, where);
        assert.ok(!existsSync(repo.path(".git/muxi-git.lock")), where);
      }
      assertFinishes(repo, made, "install", where);
    }
  }
});

/** Start, without waiting. */
function start(repo: TempRepo, cwd: string, verb: string): Promise<{ code: number | null; stderr: string }> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [MAIN, verb], { cwd, env: repo.env, stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on("close", (code) => done({ code, stderr }));
  });
}

describe("at once", () => {
  it("many installs, of two worktrees: all succeed, one state, taken back whole", {
    skip: NOT_EVERY_DAY,
  }, async (t) => {
    const { repo, made } = WORK.install.repo(t);
    const other = join(repo.base, "linked");
    repo.git("worktree", "add", "-q", other, "other");
    const all = Array.from({ length: SLOW ? 20 : 5 }, (_, turn) =>
      start(repo, turn % 2 ? other : repo.root, "install"),
    );
    for (const ran of await Promise.all(all)) assert.equal(ran.code, 0, ran.stderr);
    assert.equal(repo.git("config", "--get-all", "include.path"), "muxi-git/config");
    for (const root of [repo.root, other]) {
      const status = repo.muxiWith({ cwd: root }, "status");
      assert.equal(status.code, 0, status.all);
      assert.equal(readFileSync(join(root, ".gitattributes"), "latin1").split(">>> muxi-git >>>").length, 2);
    }
    assert.ok(!existsSync(repo.path(".git/muxi-git.lock")));
    assertFinishes(repo, made, "uninstall", "both");
    assert.ok(!existsSync(join(other, ".gitattributes")));
  });

  it("an install and an uninstall: one after the other, whichever is first", async (t) => {
    for (const head of SLOW ? [-200, -100, -50, 0, 50, 100, 200] : [0]) {
      const { repo, made } = WORK.uninstall.repo(t);
      const first = start(repo, repo.root, head < 0 ? "install" : "uninstall");
      await sleep(Math.abs(head));
      const second = start(repo, repo.root, head < 0 ? "uninstall" : "install");
      for (const ran of [await first, await second]) assert.equal(ran.code, 0, ran.stderr);
      if (repo.muxi("status").code !== 0) assert.deepEqual(usersFiles(repo.root), made, String(head));
      assertFinishes(repo, made, "install", `head ${head}`);
    }
  });
});

describe("the repository's config", () => {
  it("read-only stays so, and is given back so", { skip: NOT_EVERY_DAY }, (t) => {
    const { repo, made } = preparedReadOnly(t);
    const ran = repo.muxi("install");
    assert.equal(ran.code, 0, ran.all);
    assert.equal(lstatSync(repo.path(".git/config")).mode & 0o777, 0o444);
    assertFinishes(repo, made, "uninstall", "read-only");
  });

  it("a link stays one, its target is edited and given back", { skip: NOT_EVERY_DAY }, (t) => {
    const { repo } = WORK.install.repo(t);
    const target = join(repo.base, "dotfiles-config");
    renameSync(repo.path(".git/config"), target);
    symlinkSync(target, repo.path(".git/config"));
    const before = readFileSync(target);
    const made = usersFiles(repo.root);
    const ran = repo.muxi("install");
    assert.equal(ran.code, 0, ran.all);
    assert.ok(lstatSync(repo.path(".git/config")).isSymbolicLink());
    assert.match(readFileSync(target, "latin1"), /muxi-git\/config/);
    assertFinishes(repo, made, "uninstall", "a link");
    assert.deepEqual(readFileSync(target), before);
  });
});

function preparedReadOnly(t: TestContext): { repo: TempRepo; made: Record<string, string> } {
  const { repo } = WORK.install.repo(t);
  chmodSync(repo.path(".git/config"), 0o444);
  return { repo, made: usersFiles(repo.root) };
}
