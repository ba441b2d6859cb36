/** Every commit on its way out is judged, and each printed way out mends what it was printed for. */
import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fakeGroqKey } from "../support/fake.ts";
import { NOT_EVERY_DAY } from "../support/gits.ts";
import { NO_FILTER } from "../support/repo.ts";
import { assertBlocked, assertSilent, commitLeak, push, pushable, remoteHolds, run, unhooked } from "./push-support.ts";

const LINES = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";

describe("the way out of a blocked push", () => {
  test("from the last commit: amend", (t) => {
    const { repo } = pushable(t);
    const secret = fakeGroqKey();
    commitLeak(repo, "Other", { "other.txt": "x\n" });
    const oid = commitLeak(repo, "Add a note", { "notes.txt": `${LINES}key ${secret}\n` });
    const { problems, byHand, commands } = assertBlocked(
      push(repo, "origin", "main"),
      /^muxi-git: error: push blocked: 1 problem in 1 commit$/,
      [secret],
    );
    assert.deepEqual(problems, [
      `notes.txt:11:5  groq-key: a Groq credential, which gives access to its models, at the owner's expense (commit ${oid.slice(0, 7)} "Add a note")`,
    ]);
    assert.deepEqual(byHand, ["take the value out of line 11 of notes.txt"]);
    assert.deepEqual(commands, ["git add -- notes.txt && git commit --amend --no-edit --allow-empty"]);
    repo.write("notes.txt", `${LINES}key\n`);
    run(repo, commands[0]!);
    assertSilent(push(repo, "origin", "main"));
    assert.equal(remoteHolds(repo, secret), false);
    assert.equal(repo.git("log", "--format=%s", "origin/main"), "Add a note\nOther\nBegin");
  });

  test("from the last commit, of which nothing is left", { skip: NOT_EVERY_DAY }, (t) => {
    const { repo } = pushable(t);
    commitLeak(repo, "Add settings", { ".env": `SMTP_PASSWORD=${fakeGroqKey()}\n` });
    const { commands } = assertBlocked(push(repo, "origin", "main"), /1 problem in 1 commit$|2 problems in 1 commit$/);
    run(repo, commands.at(-1)!);
    assertSilent(push(repo, "origin", "main"));
    assert.ok(repo.read(".env").length > 0, "the file stays on disk");
    // The same from an older commit, beside one that keeps something.
    repo.write("a/.env", `SMTP_PASSWORD=${fakeGroqKey("a")}\n`);
    commitLeak(repo, "Add other settings", { ".env": `SMTP_PASSWORD=${fakeGroqKey("b")}\n` });
    commitLeak(repo, "Add more", { "a/.env": repo.read("a/.env").toString(), "kept.txt": "x\n" });
    commitLeak(repo, "After", { "after.txt": "x\n" });
    run(repo, assertBlocked(push(repo, "origin", "main"), /in 2 commits$/).commands.at(-1)!);
    assertSilent(push(repo, "origin", "main"));
    assert.equal(repo.git("log", "-2", "--format=%s"), "After\nAdd more");
    assert.ok(repo.read(".env").length > 0 && repo.read("a/.env").length > 0, "the files stay on disk");
  });

  test("from older commits: fixups in one rebase, a dirty tree put aside and brought back", (t) => {
    const { repo } = pushable(t);
    const [a, b] = [fakeGroqKey("a"), fakeGroqKey("b")];
    commitLeak(repo, "First", { "notes.txt": LINES.replace("two", `two ${a}`) });
    commitLeak(repo, "Between", { "other.txt": "x\n" });
    commitLeak(repo, "Second", { "more.txt": `key ${b}\n` });
    commitLeak(repo, "Last", { "other.txt": "y\n" });
    const { commands, byHand } = assertBlocked(push(repo, "origin", "main"), /2 problems in 2 commits$/, [a, b]);
    assert.equal(byHand.length, 2);
    assert.equal(commands.length, 1);
    repo.write("notes.txt", LINES.replace("two", "two taken out"));
    repo.write("more.txt", "key taken out\n");
    repo.write("other.txt", "not yet committed\n");
    run(repo, commands[0]!);
    assert.equal(repo.read("other.txt").toString(), "not yet committed\n");
    assertSilent(push(repo, "origin", "main"));
    assert.equal(repo.git("log", "--format=%s"), "Last\nSecond\nBetween\nFirst\nBegin");
    assert.equal(remoteHolds(repo, a) || remoteHolds(repo, b), false);
  });

  test("of a file whose name is a secret, which is told nowhere", (t) => {
    const { repo } = pushable(t);
    const secret = fakeGroqKey();
    const allowed = `key "${secret}" # muxi-git:allow groq-key made up, so that a note is printed\n`;
    commitLeak(repo, "Bring", { [`${secret}.txt`]: `${secret}\n`, [`${secret}.py`]: allowed });
    commitLeak(repo, "Later", { "other.txt": "x\n" });
    const blocked = assertBlocked(push(repo, "origin", "main"), /3 problems in 1 commit$/, [secret]);
    assert.match(blocked.byHand.join("\n"), /^give the file another name with 'git mv'/);
    repo.write(`${secret}.txt`, "nothing\n");
    repo.git("add", "-A");
    repo.git("mv", `${secret}.txt`, "plain.txt");
    repo.git("rm", "-q", "--cached", `${secret}.py`);
    repo.remove(`${secret}.py`);
    run(repo, blocked.commands.at(-1)!);
    assertSilent(push(repo, "origin", "main"));
    assert.ok(!remoteHolds(repo, secret));
  });

  test("of what was taken out again: the commits become one, the later ones stay", (t) => {
    const { repo } = pushable(t);
    const secret = fakeGroqKey();
    commitLeak(repo, "Before", { "before.txt": "x\n" });
    commitLeak(repo, "Leak", { "notes.txt": `${LINES}key ${secret}\n`, "with.txt": "x\n" });
    commitLeak(repo, "Between", { "other.txt": "x\n" });
    commitLeak(repo, "Take it out", { "notes.txt": LINES });
    commitLeak(repo, "After", { "after.txt": "x\n" });
    const { commands } = assertBlocked(push(repo, "origin", "main"), /1 problem in 1 commit$/, [secret]);
    const tree = repo.git("rev-parse", "HEAD^{tree}");
    run(repo, commands[0]!);
    assert.equal(repo.git("rev-parse", "HEAD^{tree}"), tree);
    assert.equal(repo.git("log", "--format=%s"), "After\nLeak\nBefore\nBegin");
    assert.match(repo.git("log", "-1", "--format=%B", "HEAD~1"), /Leak\n\nBetween\n\nTake it out/);
    assertSilent(push(repo, "origin", "main"));
    assert.equal(remoteHolds(repo, secret), false);
  });

  test("of a file that came and went, in the first commit of all", { skip: NOT_EVERY_DAY }, (t) => {
    const { repo } = pushable(t);
    const secret = fakeGroqKey();
    repo.git("checkout", "-q", "--orphan", "fresh");
    unhooked(repo, "rm", "-rqf", ".");
    commitLeak(repo, "Root", { "old.txt": `${secret}\n` });
    commitLeak(repo, "Remove it", { "old.txt": null });
    commitLeak(repo, "After", { "after.txt": "x\n" });
    const { commands } = assertBlocked(push(repo, "origin", "fresh"), /1 problem in 1 commit$/, [secret]);
    run(repo, commands[0]!);
    assertSilent(push(repo, "origin", "fresh"));
    assert.equal(remoteHolds(repo, secret), false);
    assert.match(repo.git("log", "--format=%s"), /^After\n?$/);
  });

  test("of a message, the last and an older one", (t) => {
    const { repo } = pushable(t);
    const [a, b] = [fakeGroqKey("a"), fakeGroqKey("b")];
    const env = { GIT_EDITOR: `sed -i.orig -e 's/${a}/[gone]/' -e 's/${b}/[gone]/'` };
    commitLeak(repo, `Last ${a}`, { "other.txt": "x\n" });
    const last = assertBlocked(push(repo, "origin", "main"), /1 problem in 1 commit$/, [a]);
    // The subject holds the secret and is not shown.
    assert.match(last.problems[0]!, /^\(commit message\):1:6 {2}groq-key: .* \(commit [0-9a-f]{7}\)$/);
    assert.deepEqual(last.commands, ["git commit --amend --only"]);
    commitLeak(repo, `More\n\nOr ${b}`, { "more.txt": "x\n" });
    commitLeak(repo, "End", { "end.txt": "x\n" });
    const older = assertBlocked(push(repo, "origin", "main"), /2 problems in 2 commits$/, [a, b]);
    run(repo, older.commands[0]!, env);
    assertSilent(push(repo, "origin", "main"));
    assert.equal(repo.git("log", "--format=%s"), "End\nMore\nLast [gone]\nBegin");
  });

  test("beyond a merge, and in the merge itself", { skip: NOT_EVERY_DAY }, (t) => {
    const { repo } = pushable(t);
    const [a, b] = [fakeGroqKey("a"), fakeGroqKey("b")];
    commitLeak(repo, "Leak", { "notes.txt": LINES.replace("two", `two ${a}`) });
    repo.git("checkout", "-q", "-b", "side", "origin/main");
    commitLeak(repo, "Side", { "side.txt": "x\n" });
    repo.git("checkout", "-q", "main");
    unhooked(repo, "merge", "-q", "--no-ff", "--no-commit", "side");
    commitLeak(repo, "Merge side", { "evil.txt": `key ${b}\n` });
    commitLeak(repo, "After", { "after.txt": "x\n" });
    const both = assertBlocked(push(repo, "origin", "main"), /2 problems in 2 commits$/, [a, b]);
    assert.equal(both.commands.length, 2);
    // The merge first: what is printed last, the other's oids still name what it stands on.
    const merge = both.commands.findIndex((command) => command.includes("--onto"));
    const start = /'(git switch --detach [0-9a-f]+)'/.exec(both.byHand.join("\n"))![1]!;
    run(repo, start);
    repo.write("evil.txt", "key taken out\n");
    run(repo, both.commands[merge]!);
    const rest = assertBlocked(push(repo, "origin", "main"), /1 problem in 1 commit$/, [a]);
    repo.write("notes.txt", LINES.replace("two", "two taken out"));
    run(repo, rest.commands[0]!);
    assertSilent(push(repo, "origin", "main"));
    assert.equal(repo.git("rev-list", "--count", "--merges", "HEAD"), "1");
    assert.equal(remoteHolds(repo, a) || remoteHolds(repo, b), false);
  });

  test("of a tag: its message, its commit, and a blob it names", (t) => {
    const { repo } = pushable(t);
    const secret = fakeGroqKey();
    const env = { GIT_EDITOR: `sed -i.orig -e 's/${secret}/[gone]/'` };
    unhooked(repo, "tag", "-a", "-m", `Release ${secret}`, "v1");
    unhooked(repo, "tag", "-a", "-m", "Around it", "v1-nested", "v1");
    const nested = assertBlocked(push(repo, "origin", "v1-nested"), /1 problem in what is pushed$/, [secret]);
    assert.match(nested.problems[0]!, /^\(tag message\):1:9 {2}groq-key: .* \(tag v1-nested\)$/);
    run(repo, nested.commands[0]!, env);
    assertSilent(push(repo, "origin", "v1-nested"));
    run(repo, assertBlocked(push(repo, "origin", "v1"), /1 problem in what is pushed$/).commands[0]!, env);
    assertSilent(push(repo, "origin", "v1"));

    repo.write("../blob", `key ${secret}\n`);
    unhooked(repo, "tag", "a-blob", repo.git("hash-object", "-w", "../blob"));
    const blob = assertBlocked(push(repo, "origin", "a-blob"), /1 problem in what is pushed$/, [secret]);
    run(repo, blob.commands[0]!);
    assert.equal(repo.git("tag", "-l", "a-blob"), "");

    repo.git("checkout", "-q", "-b", "side");
    commitLeak(repo, "Leak", { "side.txt": `key ${secret}\n` });
    unhooked(repo, "tag", "v2");
    repo.git("checkout", "-q", "main");
    const tagged = assertBlocked(push(repo, "origin", "v2"), /1 problem in 1 commit$/, [secret]);
    assert.match(tagged.byHand[0]!, /git switch --detach v2/);
    repo.git("switch", "-q", "--detach", "v2");
    repo.write("side.txt", "taken out\n");
    run(repo, tagged.commands[0]!);
    assertSilent(push(repo, "origin", "v2"));
    assert.equal(remoteHolds(repo, secret), false);
  });

  test("of another branch than the one checked out, and of notes", { skip: NOT_EVERY_DAY }, (t) => {
    const { repo } = pushable(t);
    const secret = fakeGroqKey();
    repo.git("checkout", "-q", "-b", "side");
    commitLeak(repo, "Leak", { "side.txt": `key ${secret}\n` });
    repo.git("checkout", "-q", "main");
    const other = assertBlocked(push(repo, "origin", "side"), /1 problem in 1 commit$/, [secret]);
    assert.match(other.byHand[0]!, /git switch side/);
    repo.git("switch", "-q", "side");
    repo.write("side.txt", "taken out\n");
    run(repo, other.commands[0]!);
    assertSilent(push(repo, "origin", "side"));

    unhooked(repo, "notes", "add", "-m", `key ${secret}`);
    const notes = assertBlocked(push(repo, "origin", "refs/notes/commits"), /1 problem in 1 commit$/, [secret]);
    unhooked(repo, "notes", "add", "-f", "-m", "taken out");
    run(repo, notes.commands[0]!);
    assertSilent(push(repo, "origin", "refs/notes/commits"));
    assert.equal(remoteHolds(repo, secret), false);
  });
});

describe("what a push holds", () => {
  test("a force-push over commits never fetched, a push by URL, a deletion, nothing, and several refs", (t) => {
    const { repo } = pushable(t);
    const secret = fakeGroqKey();
    // Somebody else moves the remote.
    repo.git("clone", "-q", "../remote.git", "../other");
    repo.tryWith({ cwd: repo.path("../other") }, "git", "commit", "-q", "--allow-empty", "-m", "Theirs");
    assert.equal(repo.tryWith({ cwd: repo.path("../other") }, "git", "push", "-q").code, 0);
    commitLeak(repo, "Mine", { "mine.txt": "x\n" });
    assertSilent(push(repo, "--force", "origin", "main"));
    assertSilent(push(repo, "origin", "main"));
    assertSilent(push(repo, "origin", "main:refs/heads/same"));
    assertSilent(push(repo, "origin", ":refs/heads/same"));

    commitLeak(repo, "Leak", { "leak.txt": `key ${secret}\n` });
    const byUrl = push(repo, "../remote.git", "main:refs/heads/by-url");
    assertBlocked(byUrl, /1 problem in 1 commit$/, [secret]);
    repo.git("branch", "clean", "origin/main");
    assertBlocked(push(repo, "origin", "clean", "main", "HEAD~1:refs/heads/older"), /1 problem in 1 commit$/, [secret]);
    assert.equal(repo.git("ls-remote", "--heads", "origin", "clean"), "");
    assertSilent(push(repo, "origin", "clean", "HEAD~1:refs/heads/older"));

    const json = repo.tryWith({ env: { MUXI_GIT_FORMAT: "json" } }, "git", "push", "-q", "origin", "main");
    const [answer] = json.stderr.split("\n");
    const { findings, scanned } = JSON.parse(answer!);
    assert.equal(json.code, 1);
    assert.equal(scanned.commits, 1);
    assert.deepEqual([findings[0].path, findings[0].commit], ["leak.txt", repo.git("rev-parse", "HEAD")]);
    assert.ok(!json.all.includes(secret));

    // Under the Python framework stdin is read by it and told in variables.
    const env = {
      PRE_COMMIT_FROM_REF: repo.git("rev-parse", "origin/main"),
      PRE_COMMIT_TO_REF: repo.git("rev-parse", "HEAD"),
      PRE_COMMIT_LOCAL_BRANCH: "refs/heads/main",
      PRE_COMMIT_REMOTE_BRANCH: "refs/heads/main",
      PRE_COMMIT_REMOTE_NAME: "origin",
      PRE_COMMIT_REMOTE_URL: "../remote.git",
    };
    assertBlocked(repo.muxiWith({ env }, "hook", "pre-push"), /1 problem in 1 commit$/, [secret]);
    assertSilent(repo.muxi("hook", "pre-push"));
    const skipped = repo.tryWith({ env: { MUXI_GIT: "0" } }, "git", "push", "-q", "origin", "main");
    assert.deepEqual([skipped.code, skipped.stderr], [0, "muxi-git: hook pre-push skipped, MUXI_GIT=0 is set\n"]);
  });

  test("values of every version of secrets.enc, plaintext in it, and drift only where it still stands", (t) => {
    const { repo, made } = pushable(t);
    const value = made.secrets.OPENAI_API_KEY!;
    const head = repo.git("rev-parse", "HEAD");
    // Rotated away before the push: still a secret.
    repo.remove("bot/secrets.enc");
    repo.git("rm", "-q", "--cached", "bot/secrets.enc");
    commitLeak(repo, "Leak a value", { "value.txt": `it was ${value}\n` });
    const known = assertBlocked(push(repo, "origin", "main"), /problems? in \d commits?$/, [value]);
    assert.match(known.problems.join("\n"), /value\.txt:1:8 {2}known-value: /);

    unhooked(repo, "reset", "-q", "--hard", head);
    repo.write("bot/secrets.enc", JSON.stringify(made.secrets));
    unhooked(repo, ...NO_FILTER, "commit", "-qam", "Plain");
    const plain = assertBlocked(push(repo, "origin", "main"), /1 problem in 1 commit$/, [value]);
    assert.match(plain.problems[0]!, /^bot\/secrets\.enc\S* {2}not-encrypted: .*\(commit [0-9a-f]{7} "Plain"\)$/);
    run(repo, plain.commands.at(-1)!);
    assertSilent(push(repo, "origin", "main"));

    const template = repo.read("bot/secrets").toString();
    commitLeak(repo, "Drop a name", { "bot/secrets": template.replace(/^OPENAI.*\n/m, "") });
    const drift = assertBlocked(push(repo, "origin", "main"), /\d problems? in 1 commit$/);
    assert.match(drift.problems[0]!, /reference-not-in-template: .*"Drop a name"/);
    commitLeak(repo, "Bring it back", { "bot/secrets": template });
    assertSilent(push(repo, "origin", "main"));
  });

  test("a finding is accepted by the baseline of what is pushed, wherever it stands", (t) => {
    const { repo } = pushable(t);
    const secret = fakeGroqKey();
    commitLeak(repo, `Say ${secret}`, { "leak.txt": `key ${secret}\n` });
    const ran = push(repo, "origin", "main");
    assertBlocked(ran, /2 problems in 1 commit$/, [secret]);
    const [, first, others = ""] = /baseline accept ([0-9a-f]{16}) --reason 'why'(?: \(others: ([0-9a-f, ]+)\))?/.exec(
      ran.stderr,
    )!;
    for (const id of [first!, ...others.split(", ").filter(Boolean)]) {
      const accepted = repo.try("git", "muxi", "baseline", "accept", id, "--reason", "a made-up key");
      assert.equal(accepted.code, 0, accepted.all);
    }
    repo.git("add", ".muxi-git-baseline.json");
    unhooked(repo, "commit", "-qm", "Accept");
    assertSilent(push(repo, "origin", "main"));
  });

  test("a shallow and a partial clone: what they lack is the remote's, and nothing is fetched", {
    skip: NOT_EVERY_DAY,
  }, (t) => {
    const { repo } = pushable(t);
    const secret = fakeGroqKey();
    commitLeak(repo, "More", { "more.txt": "x\n", "big.txt": "big\n".repeat(100) });
    repo.git("push", "-q", "origin", "main");
    repo.git("--git-dir=../remote.git", "config", "uploadpack.allowFilter", "true");
    const url = `file://${encodeURI(repo.path("../remote.git"))}`;
    for (const how of ["--depth=1", "--filter=blob:none"]) {
      const folder = `../clone${how}`;
      repo.git("clone", "-q", how, url, folder);
      const at = { cwd: repo.path(folder) };
      const git = (...args: string[]) => repo.tryWith(at, "git", ...args);
      assert.equal(repo.muxiWith(at, "install").code, 0);
      appendFileSync(repo.path(folder, "more.txt"), "changed\n");
      assert.equal(git("commit", "-qam", "Change").code, 0);
      assertSilent(git("push", "-q", "origin", "HEAD:refs/heads/from-clone"));
      appendFileSync(repo.path(folder, "more.txt"), `key ${secret}\n`);
      repo.tryWith({ ...at, env: { MUXI_GIT: "0" } }, "git", "commit", "-qam", "Leak");
      assertBlocked(git("push", "-q", "origin", "HEAD:refs/heads/from-clone"), /1 problem in 1 commit$/, [secret]);
      git("push", "-q", "origin", ":refs/heads/from-clone");
    }
  });
});
