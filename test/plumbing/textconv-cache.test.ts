/** What `git log -p` costs: the launcher answers from what was shown before, as long as it would be shown again. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { formatKey, generateKey } from "../../src/secrets/key.ts";
import { elsewhere, type FilterRepository, filterRepo, randomToken } from "../situations/filter-repository.ts";
import { NO_FILTER } from "../support/repo.ts";

const PATH = "agents/secrets.enc";
const VERSIONS = 4;
const VALUE = "value-that-is-nowhere";

/** Without its bundle the launcher shows tokens as they are: what shows names then was kept. */
function withoutNode<T>({ runtime }: FilterRepository, body: () => T): T {
  const [bundle, aside] = [join(runtime, "main.cjs"), join(runtime, "main.aside")];
  renameSync(bundle, aside);
  try {
    return body();
  } finally {
    renameSync(aside, bundle);
  }
}

function log(repo: Pick<FilterRepository, "git">, ...args: string[]): string {
  return repo.git("log", "-p", "--format=%s", ...args, "--", PATH);
}

function withVersions(t: TestContext): FilterRepository {
  const repo = filterRepo(t);
  for (let version = 1; version < VERSIONS; version += 1) {
    repo.write(PATH, randomToken({ FIRST: `${VALUE}-${version}`, "it's": "x" }, repo.key));
    repo.git("commit", "-qam", `version ${version}`);
  }
  return repo;
}

function entries({ runtime }: FilterRepository): string[] {
  return readdirSync(join(runtime, "textconv")).filter((name) => name.startsWith("1-"));
}

test("git log -p keeps all versions after the second one that it asks for, and starts no node for them again", (t) => {
  const repo = withVersions(t);
  const shown = log(repo);
  assert.equal(shown.match(/^[-+]FIRST {2}[0-9a-f]{8}$/gm)?.length, 2 * VERSIONS - 1);
  assert.equal(entries(repo).length, VERSIONS);
  withoutNode(repo, () => {
    assert.equal(log(repo), shown);
    repo.git("worktree", "add", "-q", "../linked");
    const linked = elsewhere(repo, "linked");
    assert.equal(log(linked), shown, "in a linked worktree");
    const inside = { cwd: repo.path("agents") };
    assert.equal(repo.tryWith(inside, "git", "log", "-p", "--format=%s", "--", "secrets.enc").stdout.trim(), shown);
    assert.equal(log({ git: (...args) => repo.git("--git-dir", repo.path(".git"), ...args) }), shown);
    // Of other bytes with the same end nothing is known.
    const token = Buffer.from(repo.git("cat-file", "blob", `HEAD:${PATH}`));
    token[20] = token[20] === 65 ? 66 : 65;
    repo.write(PATH, token);
    assert.ok(repo.git("diff", "--", PATH).includes(token.toString("latin1")));
  });
  const folder = join(repo.runtime, "textconv");
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const name of readdirSync(folder)) {
    const kept = readFileSync(join(folder, name), "latin1");
    assert.ok(!kept.includes(VALUE) && !kept.includes(formatKey(repo.key).slice(0, 12)), name);
    assert.equal(statSync(join(folder, name)).mode & 0o077, name.startsWith("asked-") ? 0o044 : 0, name);
  }
});

test("under another key nothing is shown that was kept, and with the old one it is again", (t) => {
  const repo = withVersions(t);
  const shown = log(repo);
  const [file, old] = [repo.path("agents/.key"), repo.read("agents/.key")];
  const { atime, mtime } = statSync(file);
  const put = (bytes: Buffer | string): void => {
    writeFileSync(file, bytes);
    // As `cp -p` does: the time of a file is no evidence.
    utimesSync(file, atime, mtime);
  };
  put(formatKey(generateKey()));
  const locked = log(repo);
  assert.equal(locked.match(/^[-+]\(locked: no key here opens it\) [0-9a-f]{8}$/gm)?.length, 2 * VERSIONS - 1);
  assert.doesNotMatch(locked, /FIRST/);
  rmSync(file);
  assert.equal(log(repo), locked);
  put(old);
  assert.equal(log(repo), shown, "that it was locked counted for the git that asked");
});

test("an entry that is cut short or of another time is written anew, and old ones go", (t) => {
  const repo = withVersions(t);
  const shown = log(repo, "-1");
  const folder = join(repo.runtime, "textconv");
  for (const name of entries(repo)) {
    const path = join(folder, name);
    writeFileSync(path, readFileSync(path).subarray(0, -14));
  }
  assert.equal(log(repo, "-1"), shown);
  for (let number = 0; number < 4100; number += 1) writeFileSync(join(folder, `1-${number}`), "");
  for (const name of entries(repo)) if (name.length > 40) rmSync(join(folder, name));
  assert.equal(log(repo, "-1"), shown);
  assert.ok(entries(repo).length < 2100, String(entries(repo).length));
  withoutNode(repo, () => assert.equal(log(repo, "-1"), shown));
});

test("a token of a megabyte takes no longer than reading it, the first time and again", (t) => {
  const repo = filterRepo(t);
  repo.write(PATH, randomToken({ FIRST: VALUE.repeat(40_000) }, repo.key));
  for (const _ of ["first", "again"]) {
    const started = performance.now();
    assert.match(repo.git("diff", "--", PATH), /^\+FIRST {2}[0-9a-f]{8}$/m);
    // An expansion of the shell that looks at the text once a character takes hours.
    assert.ok(performance.now() - started < 60_000);
  }
  assert.ok(readdirSync(join(repo.runtime, "textconv")).includes("large"));
});

test("many gits at once, from nothing, show the same", async (t) => {
  const repo = withVersions(t);
  const all = Array.from({ length: 6 }, async () => {
    const child = spawn("git", ["log", "-p", "--format=%s", "--", PATH], { cwd: repo.root, env: repo.env });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    await new Promise((done) => child.on("close", done));
    return text.trim();
  });
  const [first, ...others] = await Promise.all(all);
  assert.match(first ?? "", /^\+FIRST/m);
  for (const other of others) assert.equal(other, first);
  assert.deepEqual(
    readdirSync(join(repo.runtime, "textconv")).filter((name) => name.endsWith(".tmp")),
    [],
  );
  assert.equal(log(repo), first);
});

test("without a runtime, or in a place that cannot be written, git goes on", (t) => {
  const repo = withVersions(t);
  const shown = log(repo, "-1");
  rmSync(join(repo.runtime, "textconv"), { recursive: true });
  writeFileSync(join(repo.runtime, "textconv"), "in the way");
  assert.equal(log(repo, "-1"), shown);
  rmSync(join(repo.runtime, "run"));
  const withoutFilter = { git: (...args: string[]) => repo.git(...NO_FILTER, ...args) };
  assert.ok(log(withoutFilter, "-1").includes(repo.git("show", "--no-textconv", `HEAD:${PATH}`)));
});
