/**
 * Clones that lack something (sparse, partial, shallow, borrowed objects), other
 * hashes and ref formats, line end conversion, and repositories that moved.
 */
import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { freshToken, goJson, type MadeFormation, writeFormation } from "../support/formation.ts";
import { type Git, gitsToTry, SLOW, triedOnGits } from "../support/gits.ts";
import { preparedRepo, repoAt, type TempRepo, tempRepo } from "../support/repo.ts";
import { wholeFolder } from "./install-support.ts";
import {
  assertBlocked,
  assertBlocks,
  assertFilters,
  assertProtected,
  assertSilent,
  assertStatus,
  install,
  missingObjects,
  protect,
  staged,
} from "./protection.ts";

const onGits = triedOnGits((name, options, body) => void test(name, options, body));

interface Upstream {
  bot: MadeFormation;
  other: MadeFormation;
}

/** Two formations, each with a history of secrets, as they stand on a server. */
const upstream = preparedRepo((repo): Upstream => {
  repo.git("config", "uploadpack.allowFilter", "true");
  repo.git("config", "uploadpack.allowAnySHA1InWant", "true");
  const bot = writeFormation(repo, "bot");
  const other = writeFormation(repo, "other");
  repo.write("other/notes.txt", "one\n");
  repo.write(".gitignore", ".key\n");
  repo.write(".gitattributes", "secrets.enc -text filter=muxi-git diff=muxi-git merge=muxi-git\n");
  repo.git("add", "-A");
  repo.git("commit", "-qm", "one");
  repo.write("other/notes.txt", "two\n");
  repo.write("other/secrets.enc", freshToken(other.key, goJson(other.secrets)));
  repo.write("bot/secrets.enc", freshToken(bot.key, goJson({ ...bot.secrets, BRAVE_SEARCH_API_KEY: "x" })));
  repo.git("commit", "-qam", "two");
  return { bot, other };
});

function cloned(t: TestContext, git: Git, ...args: string[]): { repo: TempRepo; clone: TempRepo } & Upstream {
  const { repo, made } = upstream(t, git.path);
  const clone = repoAt(repo.base, join(repo.base, "a clone"), repo.env);
  repo.git("clone", "-q", ...args, `file://${repo.root}`, clone.root);
  return { repo, clone, bot: { ...made.bot }, other: { ...made.other } };
}

/** Stage bytes at a path that is not checked out. */
function stage(repo: TempRepo, path: string, content: string | Uint8Array): void {
  const oid = repo.tryWith({ input: content }, "git", "hash-object", "-w", "--no-filters", "--stdin").stdout.trim();
  repo.git("update-index", "--add", "--cacheinfo", `100644,${oid},${path}`);
}

describe("a sparse checkout", () => {
  for (const [name, from, args] of [
    ["in cone mode", 0, ["set", "--cone", "bot"]],
    ["with patterns", 0, ["set", "--no-cone", "/bot/", "/.git*"]],
    ["with a sparse index", 2032, ["set", "--cone", "--sparse-index", "bot"]],
  ] as const) {
    // The last row is the first two and more, where git knows it.
    const slow = from === 0 && (name !== "in cone mode" || gitsToTry().some((git) => git.number >= 2032));
    onGits(`${name} is protected, what is checked out and what is not`, { from, slow }, (t, git) => {
      const { clone, bot, other } = cloned(t, git);
      clone.write(bot.at(".key"), bot.key, 0o600);
      if (git.number < 2036) {
        clone.git("sparse-checkout", "init", ...(args.includes("--no-cone" as never) ? [] : ["--cone"]));
        clone.git("sparse-checkout", ...args.filter((arg) => !/^--(?:no-)?cone$/.test(arg)));
      } else clone.git("sparse-checkout", ...args);
      assert.ok(!existsSync(clone.path("other/notes.txt")));
      if (name === "with a sparse index")
        assert.match(clone.git("ls-files", "--sparse", "-s"), /^040000 .*\tother\/$/m);
      install(clone);
      clone.git("add", "-A");
      assertSilent(clone.try("git", "commit", "-qm", "attributes"));
      assertBlocks(clone, bot);
      if (SLOW) assertFilters(clone, bot);
      if (SLOW) assertStatus(clone);
      // Outside: a leak staged by plumbing, then plaintext where a secrets file was.
      const value = Object.values(bot.secrets)[0]!;
      stage(clone, "other/notes.txt", `value: ${value}\n`);
      assertBlocked(clone.try("git", "commit", "-qm", "leak"), value);
      clone.git("reset", "-q", "--hard");
      stage(clone, "other/secrets.enc", goJson(other.secrets));
      assertBlocked(clone.try("git", "commit", "-qm", "plaintext"), Object.values(other.secrets)[0]!);
      clone.git("reset", "-q", "--hard");
      clone.git("sparse-checkout", "disable");
      assert.equal(clone.git("status", "--porcelain"), "");
      assert.equal(clone.muxi("uninstall").code, 0);
      assert.equal(clone.git("status", "--porcelain"), "");
    });
  }
});

describe("a partial clone", () => {
  onGits("nothing is ever fetched by a hook, a filter or a command, and what could not be read is said", (t, git) => {
    const { repo, clone, bot } = cloned(t, git, "--filter=blob:none", "--no-checkout");
    clone.git("sparse-checkout", "init", "--cone");
    clone.git("sparse-checkout", "set", "bot");
    clone.git("checkout", "-q", "main");
    clone.write(bot.at(".key"), bot.key, 0o600);
    const before = missingObjects(clone);
    assert.ok(before.length >= 4, "the clone lacks what the test is about");
    // From here on each contact with the server is recorded, and fails.
    const asked = join(repo.base, "asked");
    const server = join(repo.base, "recording server");
    writeFileSync(server, `#!/bin/sh\necho "$*" >>'${asked}'\nexit 1\n`);
    chmodSync(server, 0o755);
    clone.git("config", "remote.origin.uploadpack", `'${server}'`);
    const lazy = clone.try("git", "cat-file", "-p", "HEAD:other/notes.txt");
    assert.notEqual(lazy.code, 0);
    assert.ok(existsSync(asked), "the recorder works");
    rmSync(asked);

    install(clone);
    clone.git("add", "-A");
    assertSilent(clone.try("git", "commit", "-qm", "attributes"));
    assertBlocks(clone, bot);
    // The old version of this one is not here: judged as new, blocked or passed all the same.
    const value = Object.values(bot.secrets)[0]!;
    stage(clone, "other/notes.txt", `value: ${value}\n`);
    assertBlocked(clone.try("git", "commit", "-qm", "leak"), value);
    stage(clone, "other/notes.txt", "three\n");
    const twin = clone.try("git", "commit", "-qm", "three");
    assert.equal(twin.code, 0, twin.all);
    // A secrets file whose stored version is not here.
    clone.write(bot.at("secrets.enc"), freshToken(bot.key, goJson(bot.secrets)));
    clone.git("add", bot.at("secrets.enc"));
    assert.match(staged(clone, bot.at("secrets.enc")), /^gAAAAA/);
    const daily = ["scan --range HEAD~2..HEAD", "diff HEAD~3"];
    const further = [
      "status",
      "status --json",
      "check",
      "check --staged",
      "check --rev HEAD~1",
      "scan --staged",
      "scan",
      "diff",
      "normalize --dry-run",
      "secrets sync --template-only --dry-run -F bot",
      "install --dry-run",
      "uninstall --dry-run",
    ];
    for (const verb of SLOW ? [...daily, ...further] : daily) {
      const ran = clone.muxi(...verb.split(" "));
      assert.ok(ran.code <= 1 || /^muxi-git: error: /m.test(ran.stderr), `${verb}: ${ran.code} ${ran.all}`);
      assert.ok(!ran.all.includes("internal error"), `${verb}: ${ran.all}`);
    }
    assert.equal(clone.muxi("uninstall").code, 0);
    assert.ok(!existsSync(asked), `the server was asked:\n${existsSync(asked) ? readFileSync(asked, "utf8") : ""}`);
    assert.ok(missingObjects(clone).length >= before.length, "objects arrived");
  });
});

describe("other clones", () => {
  onGits("a shallow clone", (t, git) => {
    const { clone, bot } = cloned(t, git, "--depth=1");
    clone.write(bot.at(".key"), bot.key, 0o600);
    install(clone);
    clone.git("add", "-A");
    assertSilent(clone.try("git", "commit", "-qm", "attributes"));
    assertBlocks(clone, bot);
    const ran = clone.muxi("scan", "--range", "HEAD~3..HEAD");
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /shallow.*git fetch --unshallow/);
    assert.ok(existsSync(clone.path(".git/shallow")));
  });

  onGits("one that borrows its objects", { slow: true }, (t, git) => {
    const { repo, made } = upstream(t, git.path);
    const bot = { ...made.bot };
    const borrowing = repoAt(repo.base, join(repo.base, "borrowing"), repo.env);
    repo.git("clone", "-q", "-s", repo.root, borrowing.root);
    borrowing.write(bot.at(".key"), bot.key, 0o600);
    install(borrowing);
    assertBlocks(borrowing, bot);
    assert.equal(borrowing.git("count-objects").startsWith("0 "), false);
  });
});

describe("another hash or ref format", () => {
  onGits("SHA-256: install, filter, commit, diff, status, uninstall", (t, git) => {
    const repo = tempRepo(t, { git: git.path, init: ["--object-format=sha256"] });
    const before = wholeFolder(repo.path(".git"));
    const formation = writeFormation(repo, "bot");
    install(repo);
    // Before the first commit: the empty tree has another name here.
    repo.write("leak.txt", `${Object.values(formation.secrets)[0]}\n`);
    repo.git("add", "-A");
    assertBlocked(repo.try("git", "commit", "-qm", "leak"), Object.values(formation.secrets)[0]!);
    repo.git("rm", "-q", "--cached", "leak.txt");
    repo.remove("leak.txt");
    assertSilent(repo.try("git", "commit", "-qm", "one"));
    assert.equal(repo.git("rev-parse", "HEAD").length, 64);
    if (SLOW) {
      assertFilters(repo, formation);
      assertStatus(repo);
    }
    const ran = repo.muxi("diff", "HEAD");
    assert.equal(ran.code, 0, ran.all);
    assert.equal(repo.muxi("uninstall", "--shared").code, 0);
    const after = wholeFolder(repo.path(".git"));
    for (const path of Object.keys({ ...before, ...after }))
      if (/^(?:config|hooks|muxi-git)/.test(path)) assert.equal(after[path], before[path], path);
  });

  onGits("reftable: no ref is read from disk", { from: 2045 }, (t, git) => {
    const repo = tempRepo(t, { git: git.path, init: ["--ref-format=reftable"] });
    assert.ok(existsSync(repo.path(".git/reftable")));
    const formation = protect(repo);
    assertProtected(repo, formation);
    assertStatus(repo);
    const linked = repoAt(repo.base, join(repo.base, "linked"), repo.env);
    repo.git("worktree", "add", "-q", linked.root);
    assertBlocks(linked, formation);
    assert.equal(repo.muxi("uninstall", "--shared").code, 0);
  });
});

describe("line ends", () => {
  onGits(
    "core.autocrlf=true, and files that are CRLF by attribute: tokens, template, blocks and hooks stay right",
    (t, git) => {
      const repo = tempRepo(t, { git: git.path });
      repo.git("config", "core.autocrlf", "true");
      repo.git("config", "core.safecrlf", "false");
      repo.write(".gitattributes", "* text=auto eol=crlf\r\n");
      repo.write(".gitignore", "node_modules\r\n");
      const formation = writeFormation(repo, "bot");
      install(repo);
      for (const name of [".gitattributes", ".gitignore"])
        assert.doesNotMatch(repo.read(name).toString(), /[^\r]\n/, `${name} keeps its line ends`);
      assert.doesNotMatch(repo.read(".git/hooks/pre-commit").toString(), /\r/);
      repo.git("add", "-A");
      const first = repo.try("git", "commit", "-qm", "formation");
      assert.equal(first.code, 0, first.all);
      if (SLOW) assertBlocks(repo, formation);
      // Checked out again with CRLF: the template's names and the token are the same.
      const token = staged(repo, "bot/secrets.enc");
      rmSync(repo.path("bot/secrets.enc"));
      rmSync(repo.path("bot/secrets"));
      rmSync(repo.path(".gitattributes"));
      repo.git("checkout", "-q", "--", ".");
      assert.match(repo.read("bot/secrets").toString(), /\r\n/);
      assert.equal(repo.read("bot/secrets.enc").toString(), token);
      assert.equal(repo.git("status", "--porcelain"), "");
      const check = repo.muxi("check");
      assert.equal(check.code, 0, check.all);
      if (SLOW) assertStatus(repo);
      if (SLOW) assert.match(repo.muxi("install").stdout, /nothing to change/);
      if (SLOW) assertFilters(repo, formation);
      assert.equal(repo.muxi("uninstall", "--shared").code, 0);
      assert.equal(repo.read(".gitattributes").toString(), "* text=auto eol=crlf\r\n");
      assert.equal(repo.read(".gitignore").toString(), "node_modules\r\n");
    },
  );
});

describe("moved and copied", () => {
  onGits("a moved repository and a copy work on their own: runtime, record, uninstall", { slow: true }, (t, git) => {
    const repo = tempRepo(t, { git: git.path });
    const before = wholeFolder(repo.path(".git"));
    const formation = protect(repo);
    const copy = repoAt(repo.base, join(repo.base, "a copy"), repo.env);
    cpSync(repo.root, copy.root, { recursive: true, verbatimSymlinks: true });
    const moved = repoAt(repo.base, join(repo.base, "moved here"), repo.env);
    renameSync(repo.root, moved.root);
    assertStatus(copy);
    assertProtected(copy, { ...formation });
    assert.equal(copy.muxi("uninstall", "--shared").code, 0);
    const left = wholeFolder(copy.path(".git"));
    for (const path of Object.keys({ ...before, ...left }))
      if (/^(?:config|hooks|muxi-git)/.test(path)) assert.equal(left[path], before[path], path);
    // The other one is none the worse.
    assertStatus(moved);
    assertProtected(moved, formation);
    const text = readFileSync(moved.path(".git/muxi-git/install.json"), "utf8");
    assert.ok(!text.includes(repo.root) && !text.includes(repo.base), "the record names no place");
    assert.equal(moved.muxi("uninstall", "--shared").code, 0);
    assert.ok(!existsSync(moved.path(".git/muxi-git")));
  });
});
