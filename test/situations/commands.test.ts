/** Commands that read: which versions they compare, what they refuse, and that they answer alike. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fakeGroqKey, fakeKey } from "../support/fake.ts";
import { writeFormation } from "../support/formation.ts";
import { isolatedEnvironment, MAIN, preparedRepo, type Ran, type TempRepo, tempRepo } from "../support/repo.ts";

interface DiffAnswer {
  base: string;
  head: string;
  formations: { path: string; added: string[]; removed: string[]; problems: { code: string }[] }[];
}

/** Two formations, three commits: `one`, `two` (a name more in a), `three` (a name more in b). */
const history = preparedRepo((repo) => {
  const folders = ["a", "-dash"].map((folder) => writeFormation(repo, folder));
  for (const { at } of folders) repo.git("add", "--", ...["formation.afs", "secrets", "secrets.enc"].map(at));
  repo.write(".gitignore", ".key\n");
  repo.git("add", ".gitignore");
  repo.git("commit", "-qm", "one");
  repo.git("tag", "one");
  for (const [tag, folder] of [
    ["two", "a"],
    ["three", "-dash"],
  ] as const) {
    repo.write(`${folder}/secrets`, `${repo.read(`${folder}/secrets`)}SENTRY_API_KEY=\n`);
    repo.git("commit", "-qam", tag);
    repo.git("tag", tag);
  }
});

function failed(ran: Ran, says: RegExp): void {
  assert.equal(ran.code, 2, ran.all);
  assert.match(ran.stderr, says);
  assert.equal(ran.stdout, "");
}

test("diff takes revisions and paths as git diff does", (t) => {
  const { repo } = history(t);
  const ask = (...args: string[]): { answer: DiffAnswer; changed: string[] } => {
    const ran = repo.muxi("diff", "--json", ...args);
    assert.equal(ran.code, 0, ran.all);
    const answer = JSON.parse(ran.stdout) as DiffAnswer;
    return { answer, changed: answer.formations.map(({ path }) => path) };
  };
  const oid = (rev: string) => repo.git("rev-parse", rev);

  for (const range of [["one", "two"], ["one..two"], ["one...two"]]) {
    const { answer, changed } = ask(...range);
    assert.deepEqual([answer.base, answer.head, changed], [oid("one"), oid("two"), ["a"]], range.join(" "));
  }
  assert.deepEqual(ask("one").answer.head, "working tree");
  assert.deepEqual(ask().changed, []);
  assert.deepEqual(ask("one").changed, ["-dash", "a"]);
  assert.deepEqual(ask("one", "three", "--", "a").changed, ["a"]);
  assert.deepEqual(ask("one", "--", "-dash").changed, ["-dash"]);
  assert.deepEqual(ask("one", "a").changed, ["a"]);
  assert.deepEqual(ask("one", "three", "a/secrets").changed, ["a"]);
  assert.deepEqual(ask("one..", "a").changed, ["a"]);
  assert.deepEqual(ask("--", "a").changed, []);
  repo.write("a/secrets", `${repo.read("a/secrets")}LINEAR_API_KEY=\n`);
  assert.deepEqual(ask("--", "a").changed, ["a"]);
  assert.deepEqual(ask("a").changed, ["a"]);
});

test("diff says what it cannot tell apart, and never compares nothing in silence", (t) => {
  const { repo } = history(t);
  failed(repo.muxi("diff", "--", "nowhere"), /no formation at 'nowhere'/);
  failed(repo.muxi("diff", "one", "two", "--", "nowhere"), /no formation at 'nowhere'/);
  failed(repo.muxi("diff", "nowhere"), /git knows no commit 'nowhere' here/);
  failed(repo.muxi("diff", "one", "three", "two"), /there is no 'two' here/);
  failed(repo.muxi("diff", "one", "two", "three", "--"), /at most two revisions/);
  failed(repo.muxi("diff", "one..two", "three"), /two revisions, or one range/);
  repo.git("tag", "a");
  failed(repo.muxi("diff", "a"), /'a' is both a revision and a file/);
  assert.equal(repo.muxi("diff", "a", "--").code, 0);
  assert.equal(repo.muxi("diff", "--", "a").code, 0);
});

test("diff before the first commit: everything is new", (t) => {
  const repo = tempRepo(t);
  writeFormation(repo, "a");
  assert.match(repo.muxi("diff").stdout, /new formation/);
  assert.match(repo.muxi("diff", "HEAD").stdout, /new formation/);
});

test("a revision that looks like an option is none", (t) => {
  const { repo } = history(t);
  const target = repo.path("written");
  for (const hostile of [`--output=${target}`, "--all", "-z", "^HEAD", ""]) {
    for (const verb of [
      ["check", `--rev=${hostile}`],
      ["scan", `--range=${hostile}`],
      ["diff", "--", hostile],
    ]) {
      const ran = repo.muxi(...verb);
      if (verb[0] === "diff" && hostile === "") continue;
      failed(ran, verb[0] === "diff" ? /no formation at/ : /git knows no commit '.*' here|commit '' here/);
    }
    failed(repo.muxi("scan", `--range=${hostile || "^HEAD"}..HEAD`), /git knows no commit/);
  }
  assert.throws(() => repo.read("written"));
});

test("check, scan and diff take the same names for a commit", (t) => {
  const { repo } = history(t);
  for (const rev of ["one", "HEAD~1", "main", repo.git("rev-parse", "--short", "two"), "HEAD^{/one}", "@"]) {
    assert.notEqual(repo.muxi("check", "--rev", rev).code, 2, rev);
    assert.equal(repo.muxi("scan", "--range", rev).code, 0, rev);
    assert.equal(repo.muxi("diff", rev).code, 0, rev);
  }
});

test("paths after -- may begin with a dash; a command without paths takes none", (t) => {
  const { repo } = history(t);
  assert.match(repo.muxi("normalize", "--", "-dash/secrets.enc").stdout, /rewrote -dash\/secrets\.enc/);
  assert.match(repo.muxi("check", "--", "-dash").stdout, /^-dash:/);
  assert.match(repo.muxi("scan", "--", "-dash").stdout, /scanned 3 files/);
  failed(repo.muxi("status", "--", "a"), /takes no paths/);
});

test("a path with which no formation has to do is an error, and one inside a formation names it", (t) => {
  const { repo } = history(t);
  failed(repo.muxi("check", "a", "nowhere"), /no formation at 'nowhere'/);
  repo.write("a/agents/x.afs", "id: x\n");
  assert.match(repo.muxi("check", "a/agents/x.afs").stdout, /^a: /);
});

test("-C accumulates as git's, and a folder that is not there is an error", (t) => {
  const { repo } = history(t);
  const ran = repo.muxiWith({ cwd: repo.base }, "-C", repo.root, "-C", "a", "-C", "", "-C", "../-dash", "check", ".");
  assert.match(ran.stdout, /^-dash: /);
  failed(repo.muxi("-C", "/no/such/folder", "check"), /cannot change to '\/no\/such\/folder'/);
  failed(repo.muxi("-C", "a/secrets", "status"), /cannot change to 'a\/secrets'/);
});

test("a reader that goes away does not make help a crash", (t) => {
  const { repo } = history(t);
  const script = '"$1" "$2" --help | : ; "$1" "$2" diff --help | head -1 >/dev/null';
  const ran = spawnSync("bash", ["-o", "pipefail", "-c", `set -e; ${script}`, "bash", process.execPath, MAIN], {
    env: repo.env,
    encoding: "utf8",
  });
  assert.equal(ran.status, 0);
  assert.equal(ran.stderr, "");
});

test("a relative GIT_DIR counts from where the command is started", (t) => {
  const { repo } = history(t);
  const options = { cwd: repo.path("a"), env: { GIT_DIR: "../.git", GIT_WORK_TREE: ".." } };
  for (const verb of [["check", "."], ["diff", "one"], ["scan"], ["scan", "--staged"], ["normalize", "--dry-run"]]) {
    const ran = repo.muxiWith(options, ...verb);
    assert.notEqual(ran.code, 2, `${verb.join(" ")}: ${ran.all}`);
    assert.equal(ran.stdout, repo.muxiWith({ cwd: options.cwd }, ...verb).stdout);
  }
  const status = JSON.parse(repo.muxiWith(options, "status", "--json").stdout) as { formations: unknown[] };
  assert.equal(status.formations.length, 2);
});

test("a bare repository gets one answer from all that need a working tree", (t) => {
  const { repo } = history(t);
  const cwd = join(repo.base, "bare.git");
  repo.git("clone", "-q", "--bare", ".", cwd);
  for (const verb of [
    "scan",
    "scan --staged",
    "check",
    "check --staged",
    "normalize",
    "secrets sync --template-only",
    "secrets set A_KEY --stdin",
    "key accept",
    "key rotate",
    "key generate",
    "baseline accept 0123456789abcdef --reason because",
    "diff",
    "diff one",
    "status",
  ]) {
    const ran = repo.muxiWith({ cwd }, ...verb.split(" "));
    failed(ran, /error: .*bare repository/);
    assert.match(ran.stderr, /hint: /, verb);
  }
  for (const verb of ["scan --range one..HEAD", "check --rev HEAD", "diff one HEAD", "diff one..two", "scan --stdin"]) {
    const ran = repo.muxiWith({ cwd }, ...verb.split(" "));
    assert.notEqual(ran.code, 2, `${verb}: ${ran.all}`);
  }
});

test("severities of muxi-git.json count in check, status, diff and after install alike", (t) => {
  const repo = tempRepo(t);
  const { at } = writeFormation(repo, "a");
  repo.write(".gitignore", ".key\n");
  repo.write(at("agents/x.afs"), 'token: "${{ secrets.NOT_IN_TEMPLATE }}"\n');
  repo.git("add", "-A");
  repo.git("commit", "-qm", "with a reference that is not in the template");
  const code = "reference-not-in-template";
  const diffCodes = () =>
    (JSON.parse(repo.muxi("diff", "--json", "HEAD~1", "HEAD").stdout) as DiffAnswer).formations.flatMap((one) =>
      one.problems.map((problem) => problem.code),
    );
  const status = () =>
    JSON.parse(repo.muxi("status", "--json").stdout) as {
      formations: { problems: { errors: number } }[];
      problems: { code: string }[];
    };
  repo.git("commit", "-q", "--allow-empty", "-m", "nothing");
  assert.equal(repo.muxi("check").code, 1);
  assert.ok((status().formations[0]?.problems.errors ?? 0) > 0);
  assert.ok(status().problems.some((problem) => problem.code === code));

  repo.write("muxi-git.json", JSON.stringify({ severities: { [code]: "off", "reference-without-value": "off" } }));
  repo.git("add", "-A");
  repo.git("commit", "-q", "-m", "settings");
  assert.equal(repo.muxi("check").code, 0);
  assert.equal(status().formations[0]?.problems.errors, 0);
  assert.ok(!status().problems.some((problem) => problem.code === code));
  repo.write(at("agents/y.afs"), 'token: "${{ secrets.NOT_THERE_EITHER }}"\n');
  repo.git("add", "-A");
  repo.git("commit", "-q", "-m", "one more");
  assert.ok(!diffCodes().includes(code));
  assert.doesNotMatch(repo.muxi("install").all, /already in the last commit/);
});

test("status lists what HEAD holds already, without calling the repository unprotected for it", (t) => {
  const repo = tempRepo(t);
  writeFormation(repo, "a");
  const dotenv = `GROQ_API_KEY=${fakeGroqKey("status")}\n`;
  repo.write("web/.env", dotenv);
  repo.write("old/.key", fakeKey());
  repo.git("add", "-f", "web/.env", "old/.key");
  repo.git("commit", "-qm", "leaks of long ago");
  repo.muxi("install");
  const ran = repo.muxi("status");
  assert.equal(ran.code, 0, ran.all);
  assert.match(ran.stdout, /already in the last commit:\n/);
  assert.match(ran.stdout, /web\/\.env:1: .*\n {4}fix: /);
  assert.match(ran.stdout, /key-file: old\/\.key:1: .*\n {4}fix: /);
  assert.ok(!ran.all.includes(dotenv.slice(13).trim()));
  const answer = JSON.parse(repo.muxi("status", "--json").stdout) as { protected: boolean; problems: object[] };
  assert.equal(answer.protected, true);
  assert.equal(answer.problems.length, 2);
  for (const problem of answer.problems) assert.deepEqual(Object.keys(problem), ["code", "message", "fix"]);
});

test("an accepted finding is not wrong in HEAD either", (t) => {
  const repo = tempRepo(t);
  repo.write(".env", `GROQ_API_KEY=${fakeGroqKey("accepted")}\n`);
  repo.git("add", "-f", ".env");
  const [finding] = (JSON.parse(repo.muxi("scan", "--json").stdout) as { findings: { fingerprint: string }[] })
    .findings;
  assert.equal(repo.muxi("baseline", "accept", finding!.fingerprint, "--reason", "of a closed account").code, 0);
  repo.git("add", "-A");
  repo.git("commit", "-qm", "accepted");
  assert.doesNotMatch(repo.muxi("status").stdout, /already in the last commit/);
});

test("outside git, scan walks a folder without following links, and its fixes name no index", (t) => {
  const { base } = tempRepo(t);
  const root = join(base, "plain");
  const token = fakeGroqKey("plain");
  for (const folder of ["sub/.git", "node_modules/x"]) mkdirSync(join(root, folder), { recursive: true });
  for (const file of ["b.txt", "sub/a.txt", "sub/.git/c.txt", "node_modules/x/d.txt"]) {
    writeFileSync(join(root, file), `key: ${token}\n`);
  }
  symlinkSync("..", join(root, "sub", "loop"));
  spawnSync("mkfifo", [join(root, "fifo")]);
  const env = { ...isolatedEnvironment(base), GIT_CEILING_DIRECTORIES: base };
  const run = (...args: string[]) => spawnSync(process.execPath, [MAIN, ...args], { cwd: base, env, encoding: "utf8" });

  const ran = run("scan", "plain", "--json");
  assert.equal(ran.status, 1);
  const report = JSON.parse(ran.stdout) as {
    findings: { path: string; fix: string }[];
    skipped: { path: string }[];
  };
  assert.deepEqual(
    report.findings.map(({ path }) => path),
    ["plain/b.txt", "plain/node_modules/x/d.txt", "plain/sub/a.txt"],
  );
  assert.deepEqual(
    report.skipped.map(({ path }) => path),
    ["plain/fifo"],
  );
  for (const { fix } of report.findings) assert.equal(fix, "take the value out of line 1");
  assert.ok(!ran.stdout.includes(token));
  assert.equal(run("scan", "plain/nothing").status, 2);
});

test("a finding on standard input is not told to be staged", (t) => {
  const { repo } = history(t);
  const ran = repo.muxiWith({ input: `\nkey: ${fakeGroqKey("stdin")}\n` }, "scan", "--stdin");
  assert.equal(ran.code, 1);
  assert.match(ran.stdout, /-:2:6 .*\n(?:.*\n){2}.*fix: take the value out of line 2$/m);
  assert.doesNotMatch(ran.all, /git add/);
});

test("-q silences the summary where nothing is found, and only there", (t) => {
  const { repo } = history(t);
  assert.deepEqual(repo.muxi("-q", "scan").all, "\n");
  assert.match(repo.muxi("scan").stdout, /^scanned \d+ files/);
  repo.write("leak.txt", `key: ${fakeGroqKey("quiet")}\n`);
  assert.match(repo.muxi("-q", "scan").stdout, /scanned \d+ files.*1 finding\n$/);
});

test("scan --output writes into what is no regular file, follows links and says what it cannot write", (t) => {
  const { repo } = history(t);
  const at = (name: string) => join(repo.base, name);
  repo.try("mkfifo", at("fifo"));
  const fifo = repo.try(
    "sh",
    "-c",
    `cat "$3" & "$1" "$2" scan --output "$3"; wait`,
    "sh",
    process.execPath,
    MAIN,
    at("fifo"),
  );
  assert.match(fifo.stdout, /^scanned /);
  assert.equal(repo.try("test", "-p", at("fifo")).code, 0);

  writeFileSync(at("log"), "before\n");
  const script = `"$1" "$2" scan --output /dev/stdout >> "$3"`;
  assert.equal(repo.try("sh", "-c", script, "sh", process.execPath, MAIN, at("log")).code, 0);
  assert.match(read(repo, at("log")), /^before\nscanned /);

  symlinkSync("log", at("link"));
  assert.equal(repo.muxi("scan", "--output", at("link")).code, 0);
  assert.equal(repo.try("test", "-L", at("link")).code, 0);
  assert.match(read(repo, at("log")), /^scanned /);

  failed(repo.muxi("scan", "--output", at("none/x\u001b")), /cannot write '.*none\/x\\x1b' \(ENOENT\)/);
  symlinkSync("none/x", at("dangling"));
  failed(repo.muxi("scan", "--output", at("dangling")), /cannot write/);
});

function read(repo: TempRepo, path: string): string {
  return repo.try("cat", path).stdout;
}

test("the JSON of check, scan and diff has the documented fields", (t) => {
  const { repo } = history(t);
  repo.write("leak.txt", `key: ${fakeGroqKey("json")}\n`);
  const keys = (value: unknown): string[] => Object.keys(value as object);
  const answer = (...args: string[]) => JSON.parse(repo.muxi(...args).stdout) as Record<string, never>;
  const includes = (value: unknown, wanted: string) => {
    for (const key of wanted.split(" ")) assert.ok(keys(value).includes(key), `${key} in ${keys(value).join(", ")}`);
  };
  const scan = answer("scan", "--json") as unknown as { scanned: object; findings: object[] };
  includes(scan, "schemaVersion scanned skipped findings");
  includes(scan.scanned, "files bytes");
  includes(scan.findings[0], "rule severity path line column endLine endColumn fingerprint message fix");
  const check = answer("check", "--json") as unknown as { formations: { names: object; problems: object[] }[] };
  includes(check, "schemaVersion formations");
  includes(check.formations[0], "path form canonical opened names problems");
  includes(check.formations[0]?.names, "template encrypted referenced");
  includes(check.formations[0]?.problems[0], "code severity path message fix");
  const diff = answer("diff", "one", "--json") as unknown as { formations: Record<string, object>[] };
  includes(diff, "schemaVersion base head formations");
  includes(diff.formations[0], "path keys added removed changed renamed rekeyed template references problems");
  includes(diff.formations[0]?.keys, "base head");
  const status = answer("status", "--json");
  includes(status, "schemaVersion protected hooks drivers attributes ignore runtime formations problems");
  includes(status.drivers, "filter diff merge");
  includes(status.runtime, "version node intact");
});
