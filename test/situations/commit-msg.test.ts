/** The message of a commit is scanned, where it is the commit's; and the printed command writes it anew. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fakeGroqKey } from "../support/fake.ts";
import { type MadeFormation, writeFormation } from "../support/formation.ts";
import { preparedRepo, type Ran, repoAt, type TempRepo } from "../support/repo.ts";

const prepared = preparedRepo((repo): MadeFormation => {
  const formation = writeFormation(repo, "bot");
  const installed = repo.muxi("install");
  assert.equal(installed.code, 0, installed.all);
  repo.git("add", "-A");
  repo.git("commit", "-qm", "Add a formation and its secrets, e.g. secrets.enc");
  return formation;
});

function change(repo: TempRepo, path = "notes.txt"): void {
  repo.write(path, `${Math.random()}\n`);
  repo.git("add", "--", path);
}

function blocked(ran: Ran, rule: RegExp, secret: string): string {
  assert.equal(ran.code, 1, ran.all);
  const lines = ran.stderr.trimEnd().split("\n");
  assert.match(lines[0]!, /^muxi-git: error: commit blocked: 1 problem in its message$/);
  assert.match(lines[1]!, rule);
  assert.ok(!ran.all.includes(secret), "the secret is printed");
  const command = /^muxi-git: fix: (.*)$/.exec(lines.at(-1)!)?.[1];
  assert.ok(command, ran.stderr);
  return command;
}

/** An editor that puts a word for the secret. */
function takeOut(secret: string): Record<string, string> {
  return { GIT_EDITOR: `sed -i.orig -e 's/${secret}/[taken out]/'` };
}

test("a message with a token or a known value is stopped, and mended by what is printed", (t) => {
  const { repo, made } = prepared(t);
  const value = made.secrets.OPENAI_API_KEY!;
  const head = repo.git("rev-parse", "HEAD");
  for (const [secret, rule] of [
    [fakeGroqKey(), /^ {2}\(commit message\):3:\d+ {2}groq-key: /],
    [value, /^ {2}\(commit message\):3:\d+ {2}known-value: .*'OPENAI_API_KEY'/],
    [made.key, /^ {2}\(commit message\):3:\d+ {2}known-key: /],
  ] as const) {
    change(repo);
    const stopped = repo.try("git", "commit", "-q", "-m", "Say it", "-m", `It is ${secret}.`);
    const command = blocked(stopped, rule, secret);
    // As printed, from a subdirectory, whose name holds a blank.
    mkdirSync(repo.path("a folder"), { recursive: true });
    const again = repo.tryWith({ cwd: repo.path("a folder"), env: takeOut(secret) }, "sh", "-c", command);
    assert.equal(again.code, 0, again.all);
    assert.equal(repo.git("log", "-1", "--format=%B"), "Say it\n\nIt is [taken out].");
  }
  assert.equal(repo.git("rev-list", "--count", `${head}..`), "3");

  // The twin: names and placeholders, in silence.
  change(repo);
  const honest = repo.try(
    "git",
    "commit",
    "-q",
    "-m",
    "Rotate OPENAI_API_KEY, see ${{ secrets.OPENAI_API_KEY }} and sk-...",
  );
  assert.deepEqual([honest.code, honest.stderr], [0, ""]);
});

test("what git drops is not read: comments, and the diff below the scissors", (t) => {
  const { repo } = prepared(t);
  const secret = fakeGroqKey();
  const editor = join(repo.base, "editor");
  // git commit -v shows the whole diff of a removal in the file; the comment is typed by hand.
  repo.write("old.txt", `${secret}\n`);
  repo.git("add", "old.txt");
  repo.tryWith({ env: { MUXI_GIT: "0" } }, "git", "commit", "-qm", "Old");
  repo.git("rm", "-q", "old.txt");
  repo.write(
    "../editor",
    `#!/bin/sh\n{ echo 'Take it out, a1-b2-c3-d4'; echo '# was ${secret}'; cat "$1"; } >"$1.new"\nmv "$1.new" "$1"\n`,
    0o755,
  );
  const ran = repo.tryWith({ env: { GIT_EDITOR: editor } }, "git", "commit", "-v");
  assert.deepEqual([ran.code, ran.stderr], [0, ""]);
  assert.equal(repo.git("log", "-1", "--format=%B"), "Take it out, a1-b2-c3-d4");

  // The same with another comment character, where '#' is a part of the message.
  repo.git("config", "core.commentChar", ";");
  change(repo);
  const stopped = repo.tryWith({ env: { GIT_EDITOR: editor } }, "git", "commit", "-v");
  // '# was' starts no node in the launcher; the words before it do.
  const command = blocked(stopped, /\(commit message\):2:\d+ {2}groq-key/, secret);
  assert.match(command, / -v /);
  const again = repo.tryWith({ env: takeOut(secret) }, "sh", "-c", command);
  assert.equal(again.code, 0, again.all);
  assert.equal(repo.git("log", "-1", "--format=%B"), "Take it out, a1-b2-c3-d4\n# was [taken out]");
});

test("in a linked worktree, with -a, and as JSON", (t) => {
  const { repo } = prepared(t);
  const secret = fakeGroqKey();
  repo.git("worktree", "add", "-q", "-b", "linked", "../linked tree");
  const linked = repoAt(repo.base, join(repo.base, "linked tree"), repo.env);
  linked.write("bot/formation.afs", `${linked.read("bot/formation.afs")}# changed\n`);
  const stopped = linked.try("git", "commit", "-qam", `It is ${secret}`);
  const command = blocked(stopped, /\(commit message\):1:\d+ {2}groq-key/, secret);
  const again = linked.tryWith({ env: takeOut(secret) }, "sh", "-c", command);
  assert.equal(again.code, 0, again.all);
  assert.equal(linked.git("status", "--porcelain"), "");

  change(linked);
  const json = linked.tryWith({ env: { MUXI_GIT_FORMAT: "json" } }, "git", "commit", "-qm", `It is ${secret}`);
  assert.equal(json.code, 1);
  const answers = json.stderr
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    answers.at(-1).findings.map((one: { rule: string; path: string }) => [one.rule, one.path]),
    [["groq-key", "(commit message)"]],
  );
  assert.ok(!json.all.includes(secret));
  const skipped = linked.tryWith({ env: { MUXI_GIT: "0" } }, "git", "commit", "-qm", `It is ${secret}`);
  assert.equal(skipped.code, 0);
  assert.match(skipped.stderr, /hook commit-msg skipped, MUXI_GIT=0 is set/);
});
