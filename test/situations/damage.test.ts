/**
 * Files of the runtime that are gone, unreadable or something else: git works on,
 * a leak is not committed, status says which and install mends it. And a full disk
 * under what git starts and under the commands that write: the old file or the new.
 * `SLOW=1` tries each file in each way; the everyday run some of them.
 */
import assert from "node:assert/strict";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fakeGroqKey } from "../support/fake.ts";
import { freshToken, goJson, writeFormation } from "../support/formation.ts";
import { NOT_EVERY_DAY, SLOW } from "../support/gits.ts";
import { preparedRepo, type Ran, type TempRepo } from "../support/repo.ts";
import { STOP, stopAt } from "../support/stop-at.ts";

const SECRETS = "agents/secrets.enc";
const RUNTIME = ".git/muxi-git";

/** Installed and committed, another branch with other values. */
const installed = preparedRepo((repo) => {
  const made = writeFormation(repo, "agents");
  const ran = repo.muxi("install");
  assert.equal(ran.code, 0, ran.all);
  repo.git("add", "-A");
  repo.git("commit", "-qm", "formation");
  repo.git("switch", "-qc", "other");
  repo.write(SECRETS, freshToken(made.key, goJson({ ...made.secrets, OPENAI_API_KEY: "later" })));
  repo.git("commit", "-qam", "later");
  repo.git("switch", "-q", "main");
  return made;
});

const DAMAGE: Record<string, (path: string) => void> = {
  deleted: (path) => rmSync(path),
  // Modes do not stop root; a link to itself stops everybody (ELOOP).
  unreadable: (path) => {
    rmSync(path);
    symlinkSync(path, path);
  },
  "a folder": (path) => {
    rmSync(path);
    mkdirSync(path);
    writeFileSync(join(path, "file"), "");
  },
  empty: (path) => writeFileSync(path, ""),
};

const FILES = [
  "main.cjs",
  "plumbing.cjs",
  "cli.cjs",
  "secrets.cjs",
  "globs.cjs",
  "rules.bin",
  "hooks/stub",
  "THIRD-PARTY-NOTICES",
  "node",
  "config",
  "install.json",
];
const EVERYDAY = new Set(["plumbing.cjs unreadable", "rules.bin empty", "config deleted"]);

describe("a file of the runtime", () => {
  for (const file of FILES) {
    for (const [how, damage] of Object.entries(DAMAGE)) {
      // git itself ends there ("bad config line", "unable to access"), before anything of ours is asked.
      if (file === "config" && (how === "a folder" || how === "unreadable")) continue;
      if (!SLOW && !EVERYDAY.has(`${file} ${how}`)) continue;
      it(`${file}, ${how}: git works, a leak is not committed, status says it, install mends it`, (t) => {
        const { repo } = installed(t);
        damage(repo.path(RUNTIME, file));
        for (const args of [
          ["status", "--porcelain"],
          ["diff", "main", "other"],
          ["switch", "-q", "other"],
        ]) {
          const ran = repo.try("git", ...args);
          assert.equal(ran.code, 0, `git ${args[0]}: ${ran.all}`);
        }
        repo.write("leak.txt", `key = ${fakeGroqKey()}\n`);
        repo.git("add", "leak.txt");
        const leak = repo.try("git", "commit", "-qm", "leak");
        assert.notEqual(leak.code, 0, leak.all);
        assert.match(leak.stderr, /npx muxi-git install|leak\.txt/);
        repo.git("reset", "-q", "--hard");

        const status = repo.muxi("status");
        assert.equal(status.code, 1, status.all);
        assert.match(status.all, file === "install.json" ? /the install record/ : new RegExp(`muxi-git/${file}`));
        const again = repo.muxi("install");
        assert.equal(again.code, 0, again.all);
        assert.equal(repo.muxi("status").code, 0);
        assert.ok(lstatSync(repo.path(RUNTIME, file)).isFile());
        repo.git("commit", "-q", "--allow-empty", "-m", "honest");
      });
    }
  }

  it("the launcher gone: plaintext is not staged, nothing is committed, and both say how to mend it", (t) => {
    const { repo, made } = installed(t);
    rmSync(repo.path(RUNTIME, "run"));
    const blob = repo.git("rev-parse", `:${SECRETS}`);
    repo.write(SECRETS, goJson({ ...made.secrets, OPENAI_API_KEY: "plain" }));
    assert.notEqual(repo.try("git", "add", SECRETS).code, 0);
    assert.equal(repo.git("rev-parse", `:${SECRETS}`), blob);
    const commit = repo.try("git", "commit", "-q", "--allow-empty", "-m", "x");
    assert.notEqual(commit.code, 0);
    assert.match(commit.stderr, /npx muxi-git install/);
    assert.match(repo.muxi("status").all, /muxi-git\/run' is missing/);
    assert.equal(repo.muxi("install").code, 0);
    repo.git("add", SECRETS);
    repo.git("commit", "-qm", "mended");
  });
});

describe("the runtime's place", () => {
  for (const kind of ["a link", "a link that leads nowhere", "a file"]) {
    it(`${kind}: install refuses and touches nothing, status says so`, {
      skip: kind === "a link" ? false : NOT_EVERY_DAY,
    }, (t) => {
      const { repo } = installed(t);
      const elsewhere = join(repo.base, "elsewhere");
      if (kind === "a link") renameSync(repo.path(RUNTIME), elsewhere);
      else rmSync(repo.path(RUNTIME), { recursive: true });
      if (kind === "a file") repo.write(RUNTIME, "somebody's");
      else symlinkSync(elsewhere, repo.path(RUNTIME));
      const config = repo.read(".git/config");
      const hook = repo.read(".git/hooks/pre-commit");

      const ran = repo.muxi("install");
      assert.equal(ran.code, 2, ran.all);
      assert.match(ran.stderr, /muxi-git' is no folder/);
      assert.deepEqual(repo.read(".git/config"), config);
      assert.deepEqual(repo.read(".git/hooks/pre-commit"), hook);
      if (kind === "a file") assert.equal(repo.read(RUNTIME).toString(), "somebody's");
      else assert.ok(lstatSync(repo.path(RUNTIME)).isSymbolicLink());
      const status = repo.muxi("status");
      assert.equal(status.code, 1, status.all);
      assert.match(status.all, /no folder of install's/);
      rmSync(repo.path(RUNTIME), { force: true });
      assert.equal(repo.muxi("install").code, 0);
    });
  }
});

/** As `muxi`, with no room on the disk from the first write on. */
function withoutRoom(repo: TempRepo, ...args: string[]): Ran {
  return stopAt(repo, { STOP_AT: "1", STOP_HOW: "ENOSPC" }, ...args);
}

describe("no room on the disk", () => {
  it("commands that write say so with 2, the old files whole, nothing left beside them", (t) => {
    const { repo, made } = installed(t);
    repo.write(SECRETS, freshToken(made.key, goJson({ ...made.secrets, OPENAI_API_KEY: "other" })));
    repo.write("agents/agents/more.afs", 'token: "${{ secrets.SENTRY_API_KEY }}"\n');
    repo.write("leak.txt", `key = ${fakeGroqKey()}\n`);
    repo.write("report.json", "the report of before");
    const fingerprint = /"fingerprint": ?"([0-9a-f]+)"/.exec(repo.muxi("scan", "--json").stdout)?.[1];
    assert.ok(fingerprint !== undefined);
    const files = [SECRETS, "agents/secrets", "report.json"];
    const before = files.map((path) => repo.read(path));
    const names = readdirSync(repo.root, { recursive: true })
      .filter((name) => !String(name).startsWith(".git/"))
      .sort();
    for (const args of [
      ["normalize"],
      ["secrets", "sync", "--template-only", "-F", "agents"],
      ["secrets", "set", "NEW_API_KEY", "--from-file", "leak.txt", "-F", "agents"],
      ["baseline", "accept", fingerprint, "--reason", "made up for this test"],
      ["scan", "--json", "--output", "report.json"],
    ]) {
      const ran = withoutRoom(repo, ...args);
      const what = `${args.join(" ")}: ${ran.all}`;
      assert.equal(ran.code, 2, what);
      assert.match(ran.stderr, /ENOSPC/, what);
      assert.deepEqual(
        files.map((path) => repo.read(path)),
        before,
        what,
      );
      const now = readdirSync(repo.root, { recursive: true })
        .filter((name) => !String(name).startsWith(".git/"))
        .sort();
      assert.deepEqual(now, names, what);
    }
  });

  it("the filter stages whole blobs and keeps silent where only its caches cannot be written", {
    skip: NOT_EVERY_DAY,
  }, (t) => {
    const { repo, made } = installed(t);
    repo.write(SECRETS, freshToken(made.key, goJson({ ...made.secrets, OPENAI_API_KEY: "other" })));
    // So that there is a cache to write.
    for (const name of readdirSync(repo.path(RUNTIME))) if (name.endsWith(".cache")) rmSync(repo.path(RUNTIME, name));
    const log = join(repo.base, "steps");
    const env = { STOP_AT: "1", STOP_HOW: "ENOSPC", STOP_LOG: log, MUXI_GIT_NODE: nodeThatStops(repo) };
    const added = repo.tryWith({ env }, "git", "add", SECRETS);
    assert.deepEqual([added.code, added.all.trim()], [0, ""]);
    // It did meet the full disk.
    assert.match(readFileSync(log, "utf8"), /muxi-git/);
    const staged = repo.git("rev-parse", `:${SECRETS}`);
    repo.git("commit", "-qm", "with room");
    repo.git("add", "--renormalize", SECRETS);
    assert.equal(repo.git("rev-parse", `:${SECRETS}`), staged);
    assert.equal(repo.git("status", "--porcelain"), "");
  });
});

/** A node that git's filter is started with, whose writes go through stop-at.cjs: NODE_OPTIONS is unset for it. */
function nodeThatStops(repo: TempRepo): string {
  const path = join(repo.base, "node");
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' --require '${STOP}' "$@"\n`, { mode: 0o755 });
  return path;
}
