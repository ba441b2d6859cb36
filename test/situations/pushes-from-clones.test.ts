/** Pushes from a linked worktree, a submodule, a shallow and a partial clone: a leak is stopped, its twin passes in silence. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fakeGroqKey, opaque } from "../support/fake.ts";
import type { MadeFormation } from "../support/formation.ts";
import { NOT_EVERY_DAY, SLOW } from "../support/gits.ts";
import { repoAt, type TempRepo } from "../support/repo.ts";
import { missingObjects } from "./protection.ts";
import { assertBlocked, assertSilent, commitLeak, push, pushable } from "./push-support.ts";

const BLOCKED = /^muxi-git: error: push blocked: 1 problem in 1 commit$/;

function another(repo: TempRepo, ...parts: string[]): TempRepo {
  return repoAt(repo.base, join(repo.base, ...parts), repo.env);
}

function remote(repo: TempRepo, ...args: string[]): string {
  return repo.git(`--git-dir=${join(repo.base, "remote.git")}`, ...args);
}

/** A clone of the remote, given the key and installed. */
function protect(clone: TempRepo, formation: MadeFormation): void {
  clone.write(formation.at(".key"), formation.key, 0o600);
  const ran = clone.muxi("install");
  assert.equal(ran.code, 0, ran.all);
}

/** @param secret - a token by its form, or a value that only the formation's key tells. */
function assertJudged(at: TempRepo, branch: string, secret: string, twin: string): void {
  const to = `HEAD:refs/heads/${branch}`;
  const before = remote(at, "for-each-ref");
  commitLeak(at, "Leak", { "leak.txt": `key ${secret}\n` });
  assertBlocked(push(at, "origin", to), BLOCKED, [secret]);
  assert.equal(remote(at, "for-each-ref"), before);
  at.git("reset", "-q", "--hard", "HEAD~1");
  commitLeak(at, "Twin", { "leak.txt": `key ${twin}\n` });
  assertSilent(push(at, "origin", to));
  assert.equal(remote(at, "rev-parse", `refs/heads/${branch}`), at.git("rev-parse", "HEAD"));
}

function value(formation: MadeFormation): string {
  return Object.values(formation.secrets)[0]!;
}

function started(t: TestContext): { repo: TempRepo; formation: MadeFormation; url: string } {
  const { repo, made } = pushable(t);
  remote(repo, "config", "uploadpack.allowFilter", "true");
  return { repo, formation: { ...made }, url: `file://${repo.base}/remote.git` };
}

describe("a push from", () => {
  test("a linked worktree, to a new branch and on: the key is the main one's", (t) => {
    const { repo, formation } = started(t);
    const linked = another(repo, "linked tree");
    repo.git("worktree", "add", "-q", "-b", "work", linked.root);
    assertJudged(linked, "work", value(formation), opaque(28, "twin"));
    if (SLOW) assertJudged(linked, "work", fakeGroqKey(), "none");
  });

  test("a submodule, which has a hook of its own", { skip: NOT_EVERY_DAY }, (t) => {
    const { repo, formation, url } = started(t);
    const outer = another(repo, "outer");
    repo.git("init", "-q", outer.root);
    outer.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", url, "sub");
    const sub = another(repo, "outer", "sub");
    protect(sub, formation);
    assertJudged(sub, "main", value(formation), opaque(28, "twin"));
  });

  test("a shallow clone: what is above its edge is not there, and not judged", { skip: NOT_EVERY_DAY }, (t) => {
    const { repo, formation, url } = started(t);
    commitLeak(repo, "An old leak", { "old.txt": `key ${fakeGroqKey("old")}\n` });
    const pushed = repo.tryWith({ env: { MUXI_GIT: "0" } }, "git", "push", "-q", "origin", "main");
    assert.equal(pushed.code, 0, pushed.all);
    const clone = another(repo, "shallow");
    repo.git("clone", "-q", "--depth=1", url, clone.root);
    protect(clone, formation);
    // A new branch: the remote-tracking refs say what the remote has.
    assertJudged(clone, "topic", fakeGroqKey(), "none");
    if (SLOW) assertJudged(clone, "main", value(formation), opaque(28, "twin"));
    assert.ok(clone.git("rev-parse", "--is-shallow-repository") === "true");
  });

  test("a partial clone: the hook fetches nothing", (t) => {
    const { repo, formation, url } = started(t);
    for (const line of ["one", "two"]) {
      repo.write("notes.txt", `${line}\n`);
      repo.git("commit", "-qam", line);
    }
    assertSilent(push(repo, "origin", "main"));
    const clone = another(repo, "partial");
    repo.git("clone", "-q", "--filter=blob:none", url, clone.root);
    protect(clone, formation);
    const before = missingObjects(clone);
    assert.ok(before.length > 0, "nothing is missing in the clone");
    assertJudged(clone, "main", value(formation), opaque(28, "twin"));
    assert.deepEqual(missingObjects(clone), before);
  });
});
