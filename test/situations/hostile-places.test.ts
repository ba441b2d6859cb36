/**
 * Repositories that are made to run something, to write to a terminal, or to keep
 * a command waiting. Every command answers in time, nothing of theirs runs, and
 * nothing that moves a cursor or turns the reading order is printed.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { assertSafe } from "../fuzz/targets/escape.ts";
import { fakeGroqKey } from "../support/fake.ts";
import { writeFormation } from "../support/formation.ts";
import { NOT_EVERY_DAY } from "../support/gits.ts";
import { MAIN, preparedRepo, type Ran, type TempRepo } from "../support/repo.ts";

const prepared = preparedRepo((repo) => {
  const formation = writeFormation(repo, "bot");
  const installed = repo.muxi("install");
  assert.equal(installed.code, 0, installed.all);
  repo.git("add", "-A");
  repo.git("commit", "-qm", "first");
  return formation;
});

/** Generous: a command takes a second on a busy machine, and what hangs hangs for good. */
const PATIENCE_MS = 60_000;

/** Run a command that has to end by itself. */
function inTime(repo: TempRepo, command: string, ...args: string[]): Ran {
  const ran = spawnSync(command, args, {
    cwd: repo.root,
    env: repo.env,
    input: "",
    timeout: PATIENCE_MS,
    killSignal: "SIGKILL",
    maxBuffer: 1 << 30,
  });
  assert.equal(ran.error, undefined, `'${args.join(" ")}' does not end`);
  const [stdout, stderr] = [ran.stdout.toString("utf8"), ran.stderr.toString("utf8")];
  return { code: ran.status ?? 255, stdout, stderr, all: `${stdout}\n${stderr}` };
}

const muxi = (repo: TempRepo, ...args: string[]): Ran => inTime(repo, process.execPath, MAIN, ...args);

/** No unsafe character but LF in what is printed; JSON is JSON. */
function assertClean(ran: Ran, what: string): void {
  for (const text of [ran.stdout, ran.stderr]) {
    try {
      assertSafe(text.replaceAll("\n", ""));
    } catch (cause) {
      throw new Error(`${what}: ${JSON.stringify(text)}`, { cause });
    }
  }
  if (ran.stdout.startsWith("{")) JSON.parse(ran.stdout);
}

/** A line of our own form that did not come from us would be followed. */
function assertNoForgery(ran: Ran, what: string): void {
  assert.doesNotMatch(ran.all, /^\s*muxi-git: fix: rm -rf/m, what);
}

// Escape sequences, a bell, a C1 control, marks of reading order, separators, nothing of width, and words for a shell.
const NASTY = "\u001b[2J\r\u0007\u009b1m\u202e\u2066\u2028\u200b$(touch pwned)`touch pwned`;'\" x";
const FORGED = "a\nmuxi-git: fix: rm -rf ~\n";

test("names and texts reach no terminal as they are, and printed commands run as they stand", (t) => {
  const { repo } = prepared(t);
  const secret = fakeGroqKey();
  const folder = `n ${NASTY}`;
  writeFormation(repo, folder);
  repo.write(
    `${folder}/agents/${FORGED}.afs`,
    'id: a\nx: "${{ secrets.NOT_THERE }}"\nllm:\n  api_key: "hunter2hunter2"\n',
  );
  repo.write(`${folder}/${NASTY}.txt`, `k = ${secret}\n`);
  repo.write(`-${FORGED}.env`, `DB_PASSWORD=${secret}\n`);
  repo.write(`${folder}/secrets`, `OPENAI_API_KEY=\nBAD${NASTY}=\nexport B\u202e=\n`);
  repo.git("add", "-A");

  for (const env of [{}, { MUXI_GIT_FORMAT: "json" }, { FORCE_COLOR: "0" }]) {
    const ran = repo.tryWith({ env }, "git", "commit", "-qm", "x");
    assert.equal(ran.code, 1, ran.all);
    assertClean(ran, "commit");
    assertNoForgery(ran, "commit");
    assert.ok(!ran.all.includes(secret), "a secret is printed");
  }
  const blocked = repo.try("git", "commit", "-qm", "x");
  const fixes = blocked.stderr.split("\n").flatMap((line) => /^muxi-git: fix: (git .*)$/.exec(line)?.[1] ?? []);
  assert.ok(fixes.length >= 3, blocked.stderr);
  for (const fix of fixes) {
    const ran = repo.try("sh", "-c", fix);
    assert.equal(ran.code, 0, `${fix}\n${ran.all}`);
  }
  repo.git("add", "-A");
  repo.tryWith(
    { env: { MUXI_GIT: "0" } },
    "git",
    "commit",
    "-qm",
    `subject ${NASTY}`,
    "--author",
    "E\u001b[31m \u202e <e@x>",
  );
  assert.equal(repo.try("git", "branch", "b\u202e\u200b$(touch${IFS}pwned)").code, 0);

  for (const args of [
    ["status"],
    ["status", "--json"],
    ["check"],
    ["check", "--json"],
    ["scan"],
    ["scan", "--json"],
    ["scan", "--range", "HEAD~1..b\u202e\u200b$(touch${IFS}pwned)"],
    ["scan", "--range", `HEAD..${NASTY}`],
    ["diff", "HEAD~1"],
    ["diff", "HEAD~1", "--json"],
    ["diff", "HEAD~1", "--format", "markdown"],
    ["check", NASTY],
    ["normalize", `${folder}/secrets.enc`],
    ["baseline", "create", "--reason", NASTY],
    ["install", "--dry-run"],
    [NASTY],
  ]) {
    const ran = muxi(repo, ...args);
    assertClean(ran, args.join(" "));
    assertNoForgery(ran, args.join(" "));
    assert.ok(!ran.all.includes(secret), "a secret is printed");
  }
  const remote = join(repo.base, `remote ${NASTY.replaceAll("\n", "")}.git`);
  repo.git("init", "-q", "--bare", remote);
  const pushed = repo.try("git", "push", "-q", remote, "HEAD:refs/heads/t\u202e\u200b");
  assert.notEqual(pushed.code, 0);
  const ours = pushed.stderr.split("\n").filter((line) => /^(?:muxi-git: | {2}\S)/.test(line));
  assert.ok(ours.length > 2, pushed.stderr);
  assertClean({ ...pushed, stdout: "", stderr: ours.join("\n") }, "push");
  assert.ok(!existsSync(repo.path("pwned")), "a name was run");
});

test("a configuration that runs programs runs none of them for us", (t) => {
  const { repo } = prepared(t);
  const mark = repo.path("pwned");
  const touch = `touch '${mark}'; false`;
  for (const [key, value] of [
    ["core.fsmonitor", touch],
    ["core.sshCommand", touch],
    ["core.pager", touch],
    ["core.editor", touch],
    ["core.askPass", touch],
    ["diff.external", touch],
    ["diff.other.textconv", touch],
    ["diff.other.command", touch],
    ["merge.other.driver", touch],
    ["gpg.program", touch],
    ["log.showSignature", "true"],
    ["credential.helper", `!${touch}`],
    ["alias.status", `!${touch}`],
    ["alias.rev-parse", `!${touch}`],
    ["pager.diff-index", touch],
    ["diff.orderFile", "/nonexistent"],
    ["safe.bareRepository", "explicit"],
  ] as const) {
    repo.git("config", "--local", "--add", key, value);
  }
  repo.write("bot/.gitattributes", "*.afs diff=other merge=other\n");
  // The tool itself started by git's own commands would only show what git does: these start it as a person would.
  for (const args of [["status"], ["check"], ["scan"], ["scan", "--range", "HEAD"], ["diff"], ["diff", "HEAD"]]) {
    rmSync(mark, { force: true });
    const ran = muxi(repo, ...args);
    assertClean(ran, args.join(" "));
    assert.ok(!existsSync(mark), `${args.join(" ")} runs a program that the configuration names`);
  }
  // A file that includes itself: git can read no setting any more, and so it is said.
  repo.git("config", "--local", "--add", "include.path", "config");
  const ran = muxi(repo, "status");
  assert.equal(ran.code, 2, ran.all);
  assertClean(ran, "status");
});

test("a FIFO, a device, a loop or a file of the kernel's in place of any file keeps nobody waiting", {
  skip: NOT_EVERY_DAY,
}, (t) => {
  const { repo, made } = prepared(t);
  const places = [
    "muxi-git.json",
    ".muxi-git-baseline.json",
    made.at("secrets"),
    made.at("secrets.enc"),
    made.at(".key"),
    made.at("formation.afs"),
    made.at("agents/a.afs"),
    ".env",
  ];
  const kinds: Record<string, (path: string) => void> = {
    FIFO: (path) => assert.equal(spawnSync("mkfifo", [path]).status, 0),
    device: (path) => symlinkSync("/dev/zero", path),
    loop: (path) => symlinkSync(path, path),
    ...(existsSync("/proc/self/pagemap")
      ? { "kernel's": (path: string) => symlinkSync("/proc/self/pagemap", path) }
      : {}),
  };
  for (const [kind, make] of Object.entries(kinds)) {
    // Every kind is opened and asked what it is in the same way: two stand for all from day to day.
    if (process.env.SLOW !== "1" && (kind === "device" || kind === "loop")) continue;
    for (const place of places) {
      const path = repo.path(place);
      rmSync(path, { force: true });
      mkdirSync(dirname(path), { recursive: true });
      make(path);
    }
    for (const args of [["status"], ["check"], ["scan"], ["diff", "HEAD"]]) {
      const ran = muxi(repo, ...args);
      assert.ok(ran.code <= 2, `${kind}, ${args.join(" ")}: ${ran.all}`);
      assertClean(ran, `${kind}, ${args.join(" ")}`);
    }
    repo.write("note.txt", kind);
    repo.git("add", "note.txt");
    const ran = inTime(repo, "git", "commit", "-qm", kind);
    assert.equal(ran.code, 0, `${kind}: ${ran.all}`);
  }
});

test("what git reads may be a FIFO's stand-in; what we read of it is not", { skip: NOT_EVERY_DAY }, (t) => {
  const { repo } = prepared(t);
  // A huge attributes file, a repository in a folder, a .git file that leads away, settings and a baseline beyond all bounds.
  repo.write(".gitattributes", `${repo.read(".gitattributes")}${"*.x -text\n".repeat(100_000)}`);
  repo.git("init", "-q", "--bare", repo.path("nested.git"));
  repo.write("away/.git", `gitdir: ${"\n".repeat(60_000)}x`);
  repo.write("muxi-git.json", `{"ignore": [${'"a",'.repeat(1 << 18)}"a"]}`);
  repo.write(".muxi-git-baseline.json", Buffer.alloc(16 * 1024 * 1024 + 1, "["));
  for (const args of [["status"], ["check"], ["scan"], ["-C", "away", "status"], ["-C", "nested.git", "status"]]) {
    const ran = muxi(repo, ...args);
    assert.ok(ran.code <= 2, `${args.join(" ")}: ${ran.all}`);
    assertClean(ran, args.join(" "));
    assert.ok(ran.all.length < 10_000, `${args.join(" ")} prints ${ran.all.length} characters`);
  }
  repo.write("muxi-git.json", '{"ignore": ["**/a/**/a/**/a/**/a/**/a/**"]}\n');
  repo.remove(".muxi-git-baseline.json");
  writeFileSync(repo.path("deep.txt"), "x\n");
  repo.git("add", "muxi-git.json", "deep.txt");
  const ran = inTime(repo, "git", "commit", "-qm", "slow globs");
  assertClean(ran, "commit");
});
