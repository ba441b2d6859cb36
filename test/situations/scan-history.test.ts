/** One history with a leak in every place where patches, the present tree or one parent do not show it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ScanReport } from "../../src/report/scan.ts";
import { fakeGroqKey } from "../support/fake.ts";
import { freshToken, goJson, writeFormation } from "../support/formation.ts";
import { tempRepo } from "../support/repo.ts";

test("scan --history finds what was ever committed, says where it came from, goes on and is accepted", (t) => {
  const repo = tempRepo(t);
  const key = (name: string) => fakeGroqKey(`history ${name}`);
  const commit = (message: string): string => {
    repo.git("add", "-A");
    repo.git("commit", "-qm", message);
    return repo.git("rev-parse", "HEAD");
  };
  repo.write(".gitignore", ".key\n");
  repo.write("root.txt", `${key("root")}\n`);
  const formation = writeFormation(repo, "bot");
  const root = commit("formation");
  repo.git("mv", "root.txt", "a-moved-root.txt");
  commit("move");
  const [name = "", old = ""] = Object.entries(formation.secrets)[0]!;
  repo.write("deleted.txt", `\n\tkey: ${key("deleted")}\n`);
  const deleted = commit("deleted");
  repo.git("mv", "deleted.txt", "renamed.txt");
  commit("rename");
  repo.git("rm", "-q", "renamed.txt");
  repo.write("bot/secrets.enc", freshToken(formation.key, goJson({ ...formation.secrets, [name]: "another-value-8" })));
  commit("rotate");
  // A value that was replaced since.
  repo.write("old.txt", Buffer.from(`\uFEFF${old}\n`, "utf16le"));
  const replaced = commit("an old value");
  repo.git("update-ref", "refs/remotes/origin/main", replaced);
  repo.git("checkout", "-q", "-b", "side", deleted);
  repo.write("side.txt", "side\n");
  commit("side");
  repo.git("checkout", "-q", "main");
  repo.git("merge", "-q", "--no-ff", "--no-commit", "side");
  repo.write("merged.txt", `${key("merge")}\n`);
  const merge = commit("merge");
  repo.git("rm", "-q", "old.txt", "merged.txt");
  const worded = commit(`remove ${key("message")}`);
  repo.git("tag", "-am", `tag ${key("tag")}`, "v1");
  repo.write("loose.txt", `${key("branch")}\n`);
  repo.git("checkout", "-q", "--detach");
  const branch = commit("on a branch");
  repo.git("branch", "only-here");
  repo.git("checkout", "-q", "main");
  repo.git("gc", "-q");

  const scanned = repo.muxi("scan", "--history", "--json");
  assert.equal(scanned.code, 1, scanned.stderr);
  const report = JSON.parse(scanned.stdout) as ScanReport;
  const tag = repo.git("rev-parse", "v1");
  const found = report.findings.map(({ rule, path, line, commit: oid, onRemote }) => [rule, path, line, oid, onRemote]);
  assert.deepEqual(
    found.sort((a, b) => (String(a[1]) < String(b[1]) ? -1 : 1)),
    [
      ["groq-key", "(commit message)", 1, worded, false],
      ["groq-key", "(tag message)", 1, tag, false],
      ["groq-key", "deleted.txt", 2, deleted, true],
      ["groq-key", "loose.txt", 1, branch, false],
      ["groq-key", "merged.txt", 1, merge, false],
      ["known-value", "old.txt", 1, replaced, true],
      ["groq-key", "root.txt", 1, root, true],
    ],
  );
  assert.equal(report.scanned.commits, Number(repo.git("rev-list", "--all", "--count")));
  assert.deepEqual(report.skipped, []);

  const shown = repo.muxi("scan", "--history");
  assert.match(shown.stdout, new RegExp(`^${deleted.slice(0, 12)} \\(on a remote\\) deleted.txt:2:7 {2}error`, "m"));
  assert.match(shown.stdout, / {4}2 \| {5}key: gsk_\*{8}\n/);
  assert.match(repo.muxi("scan", "--range", `${deleted}^..${deleted}`).stdout, / {4}2 \| {5}key: gsk_\*{8}\n/);
  const order = ["1. revoke", "2. rotate", "3. then decide", "4. accept"].map((step) =>
    shown.stdout.indexOf(`\n${step}`),
  );
  assert.ok(
    order.every((at, index) => at > (order[index - 1] ?? 0)),
    order.join(" "),
  );
  for (const secret of [old, ...["deleted", "merge", "message", "tag", "branch"].map(key)]) {
    assert.ok(!`${shown.all}${scanned.all}`.includes(secret.slice(8)), "a secret is printed");
  }

  // The second run had nothing to read but what has findings; an interrupted one goes on where its records end.
  const state = join(repo.root, ".git/muxi-git/history-scan");
  const whole = readFileSync(state);
  const again = JSON.parse(repo.muxi("scan", "--history", "--json").stdout) as ScanReport;
  assert.deepEqual(again.findings, report.findings);
  assert.ok(again.scanned.files < report.scanned.files, "nothing was remembered");
  assert.deepEqual(readFileSync(state), whole);
  truncateSync(state, 64 + 16 * 5 + 7);
  assert.match(repo.muxi("scan", "--history").stdout, /note: 5 objects had nothing in them in an earlier scan/);
  assert.equal(readFileSync(state).length, whole.length);
  // Other settings: begun anew.
  writeFileSync(join(repo.root, "muxi-git.json"), `{"publicNames": ["${name}"]}`);
  assert.doesNotMatch(repo.muxi("scan", "--history").stdout, /in an earlier scan|known-value/);
  repo.remove("muxi-git.json");

  const fingerprint = report.findings.find(({ path }) => path === "deleted.txt")!.fingerprint;
  assert.equal(repo.muxi("baseline", "accept", fingerprint, "--reason", "revoked").code, 0);
  const accepted = JSON.parse(repo.muxi("scan", "--history", "--json").stdout) as ScanReport;
  assert.deepEqual(
    accepted.findings.filter((finding) => finding.accepted).map(({ path }) => path),
    ["deleted.txt"],
  );

  // Of two more entries one is in no commit, in no file: prune takes that one, and the history's only where it is not asked for.
  repo.git("rm", "-q", "a-moved-root.txt");
  repo.write("kept.txt", `${key("kept")}\n`);
  repo.write("gone.txt", `${key("gone")}\n`);
  const here = JSON.parse(repo.muxi("scan", "--json").stdout) as ScanReport;
  for (const finding of here.findings) repo.muxi("baseline", "accept", finding.fingerprint, "--reason", "an example");
  repo.remove("gone.txt");
  const entries = () =>
    (JSON.parse(repo.read(".muxi-git-baseline.json").toString()) as { findings: { path: string }[] }).findings.map(
      ({ path }) => path,
    );
  assert.deepEqual(entries(), ["deleted.txt", "gone.txt", "kept.txt"]);
  assert.match(
    repo.muxi("scan").stdout,
    /note: no file here needs [12] entr(?:y|ies) of the baseline: .* baseline prune/,
  );
  assert.match(
    repo.muxi("baseline", "prune", "--history", "--dry-run").stdout,
    /^would remove groq-key in gone.txt \(an example\)\n$/,
  );
  assert.equal(repo.muxi("baseline", "prune", "--history").code, 0);
  assert.deepEqual(entries(), ["deleted.txt", "kept.txt"]);
  assert.equal(repo.muxi("baseline", "prune").code, 0);
  assert.deepEqual(entries(), ["kept.txt"]);
  assert.equal(repo.muxi("baseline", "prune").stdout, "every entry is still needed\n");
});

test("clean is no answer where nothing could be read", (t) => {
  const repo = tempRepo(t);
  assert.equal(repo.muxi("scan").code, 0);
  mkdirSync(repo.path("only"));
  assert.equal(spawnSync("mkfifo", [repo.path("only/pipe")]).status, 0);
  const ran = repo.muxiWith({ cwd: repo.base }, "scan", repo.path("only"));
  assert.equal(ran.code, 2, ran.all);
  assert.match(ran.stderr, /error: nothing could be scanned: 1 file skipped\n.*hint: .*pipe': it is no regular file/);
});
