/**
 * No value ever in an argument, the environment, a report, a crash, a temporary
 * file or an object of git's: every command is run on marked values, and all that
 * it shows, hands to other programs and leaves behind is searched.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { opaque } from "../support/fake.ts";
import { writeFormation } from "../support/formation.ts";
import { MAIN, PROJECT, type Ran, type TempRepo, tempRepo } from "../support/repo.ts";

const WATCH = join(PROJECT, "test", "support", "watch.cjs");
const STOP = join(PROJECT, "test", "support", "stop-at.cjs");

/** A text as it stands, in base64, hex and percent signs: what a log or an object could hold of it. */
function formsOf(mark: string): Buffer[] {
  const bytes = Buffer.from(mark);
  const base64 = [0, 1, 2].map((at) =>
    Buffer.concat([Buffer.alloc(at), bytes])
      .toString("base64")
      .slice(4, -4),
  );
  return [mark, encodeURIComponent(mark), bytes.toString("hex"), ...base64].map((form) => Buffer.from(form));
}

function seenIn(bytes: Buffer, marks: readonly string[]): boolean {
  return marks.some((mark) => formsOf(mark).some((form) => bytes.includes(form)));
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

/** Every object that git keeps, reachable or not, as it is once unpacked. */
function objects(repo: TempRepo): Buffer {
  const options = { cwd: repo.root, env: repo.env, maxBuffer: 1 << 30 };
  return execFileSync("git", ["cat-file", "--batch", "--batch-all-objects"], options);
}

test("the search finds what it is to find", () => {
  const mark = `mark-${opaque(24, "leak")}/+é`;
  for (const text of [
    `x ${mark} y`,
    encodeURIComponent(`"${mark}"`),
    Buffer.from(`ab${mark}cd`).toString("base64"),
    Buffer.from(`a${mark}`).toString("hex"),
  ]) {
    assert.ok(seenIn(Buffer.from(text), [mark]), text);
  }
  assert.ok(!seenIn(Buffer.from(mark.slice(1)), [mark]));
});

test("no command hands a value to anybody, or leaves one behind", (t) => {
  const repo = tempRepo(t);
  const old = { OPENAI_API_KEY: `old-${opaque(30, "leak/old")}`, STALE_API_KEY: `stale-${opaque(30, "leak/stale")}` };
  const value = `new-${opaque(30, "leak/new")}<&>\\é`;
  const pem = `-----BEGIN\n${opaque(40, "leak/pem")}\n-----END\n`;
  const [moved, imported] = [opaque(40, "leak/moved"), opaque(40, "leak/imported")];
  const marks = [...Object.values(old), value, pem.split("\n")[1]!, moved, imported];
  const made = writeFormation(repo, "bot", old);
  repo.write("bot/formation.afs", 'a: "${{ secrets.OPENAI_API_KEY }}"\nb: "${{ secrets.MAIL_TOKEN }}"\n');
  repo.write("bot/secrets", "MAIL_TOKEN=\nOPENAI_API_KEY=\nSTALE_API_KEY=\n");
  repo.muxi("install");
  repo.git("add", "-A");
  repo.git("commit", "-qm", "formation");

  // Outside all that is searched: what the person holds, and the marks themselves.
  const own = `${repo.base}-own`;
  mkdirSync(own);
  t.after(() => execFileSync("rm", ["-rf", own]));
  writeFileSync(join(own, "pem"), pem);
  writeFileSync(join(own, "env"), `MAIL_KEY=${imported}\nMAIL_TOKEN='${imported}'\nPORT=1\n${imported}\n`);
  writeFileSync(join(own, "marks"), [...marks, made.key].join("\n"));
  // Every git that is started says how it was.
  const log = join(own, "log");
  writeFileSync(log, "");
  const real = execFileSync("sh", ["-c", "command -v git"], { env: repo.env, encoding: "utf8" }).trim();
  mkdirSync(join(own, "bin"));
  writeFileSync(
    join(own, "bin", "git"),
    `#!/bin/sh\ncat /proc/$$/cmdline /proc/$$/environ >> '${log}.git'\nexec '${real}' "$@"\n`,
  );
  chmodSync(join(own, "bin", "git"), 0o755);
  const env = { WATCH_MARKS: join(own, "marks"), WATCH_LOG: log, PATH: `${join(own, "bin")}:${repo.env.PATH}` };
  const run = (input: string, ...args: string[]): Ran =>
    repo.tryWith({ env, input }, process.execPath, "--require", WATCH, MAIN, ...args);

  const shown: Ran[] = [];
  const commands: [input: string, code: number, ...args: string[]][] = [
    ["", 0, "secrets", "list"],
    ["", 0, "secrets", "list", "--json", "--age"],
    ["", 1, "secrets", "setup"],
    [value, 0, "secrets", "set", "OPENAI_API_KEY", "--stdin", "--dry-run"],
    [value, 0, "secrets", "set", "OPENAI_API_KEY", "--stdin"],
    ["", 0, "secrets", "set", "MAIL_TOKEN", "--from-file", join(own, "pem")],
    ["", 0, "secrets", "sync"],
    ["", 0, "secrets", "delete", "STALE_API_KEY"],
    ["", 1, "secrets", "get", "STALE_API_KEY"],
    ["", 2, "secrets", "set", value],
    ["", 2, "secrets", "set", "OPENAI_API_KEY", value],
    ["", 2, "secrets", "set", `--value=${value}`],
    ["", 0, "normalize"],
    ["", 0, "check"],
    ["", 0, "status"],
    ["", 0, "diff"],
    ["", 0, "key", "fingerprint"],
    ["", 0, "key", "check"],
    ["", 0, "key", "rotate"],
    ["", 0, "key", "exposure"],
    ["", 0, "scan"],
  ];
  for (const [input, code, ...args] of commands) {
    const misused = args.some((arg) => arg.includes(value));
    const ran = misused ? repo.muxiWith({ env: { PATH: env.PATH } }, ...args) : run(input, ...args);
    assert.equal(ran.code, code, `${args.slice(0, 2).join(" ")}: ${ran.stderr.slice(0, 300)}`);
    shown.push(ran);
  }
  shown.push(run("", "secrets", "import", join(own, "env"), "--yes", "-F", "bot"));
  repo.write("bot/agents/a.afs", `auth:\n  token: ${moved}\n`);
  shown.push(run("", "fix", "--all"));
  assert.deepEqual(
    shown.slice(-2).map(({ code }) => code),
    [1, 0],
  );
  // What was asked for is on standard output, and nowhere else.
  for (const args of [
    ["secrets", "get", "OPENAI_API_KEY"],
    ["secrets", "list", "--with-values"],
  ]) {
    const ran = run("", ...args);
    assert.ok(ran.stdout.includes(args[1] === "get" ? value : JSON.stringify(value)), args.join(" "));
    shown.push({ ...ran, stdout: "", all: ran.stderr });
  }
  // A disk that fails, and a defect, in the middle.
  for (const how of ["ENOSPC", "EIO"]) {
    const ran = repo.tryWith(
      { env: { ...env, STOP_AT: "8", STOP_HOW: how }, input: `${value}2` },
      process.execPath,
      ...["--require", WATCH, "--require", STOP, MAIN, "secrets", "set", "OPENAI_API_KEY", "--stdin"],
    );
    assert.equal(ran.code, 2, ran.all);
    shown.push(ran);
  }
  repo.git("add", "-A");
  repo.git("commit", "-qm", "values");

  const keys = [made.key, repo.read("bot/.key").toString()];
  for (const { all } of shown) assert.ok(!seenIn(Buffer.from(all), [...marks, ...keys]), all.slice(0, 500));
  const given = readFileSync(log, "utf8");
  const keyFiles = /^written to .*(?:\/bot\/\..*\.tmp|\/muxi-git-keys\/.*|muxi-git-next-key.*)$/;
  assert.deepEqual(
    given.split("\n").filter((line) => line !== "" && !keyFiles.test(line)),
    [],
  );
  const gits = readFileSync(`${log}.git`);
  assert.ok(gits.includes("cat-file"), "no git was seen");
  assert.ok(!seenIn(gits, [...marks, ...keys]), "git was given a value");
  for (const file of filesUnder(repo.base)) {
    const bytes = readFileSync(file);
    assert.ok(!seenIn(bytes, marks), `${file} holds a value`);
    if (!file.endsWith("/.key") && !file.includes("/muxi-git-keys/")) {
      assert.ok(!seenIn(bytes, keys), `${file} holds a key`);
    }
  }
  const all = objects(repo);
  assert.ok(all.includes("gAAAAA"), "no token among the objects");
  assert.ok(!seenIn(all, [...marks, ...keys]), "an object holds a value");
  assert.ok(existsSync(repo.path("bot/.key")));
});
