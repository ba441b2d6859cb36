/** One history as clones of pipelines hold it: whole, cut off, of one branch, with the merge that a provider builds. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type Pipeline, pipelineOf } from "../../src/ci/environment.ts";
import { rangeAsTyped, rangeOf } from "../../src/ci/range.ts";
import { MuxiGitError } from "../../src/errors.ts";
import { findGitPlaces } from "../../src/git/git-dir.ts";
import { repoAt, type TempRepo, tempRepo } from "../support/repo.ts";

function commit(repo: TempRepo, file: string): string {
  repo.write(file, `${file}\n`);
  repo.git("add", "-A");
  repo.git("commit", "-qm", file);
  return repo.git("rev-parse", "HEAD");
}

test("the commits of a pipeline, in every clone it may have", (t) => {
  const origin = tempRepo(t);
  const root = commit(origin, "root");
  const first = commit(origin, "first");
  const second = commit(origin, "second");
  origin.git("checkout", "-qb", "topic", first);
  const one = commit(origin, "one");
  origin.git("merge", "-q", "--no-edit", second);
  const merged = origin.git("rev-parse", "HEAD");
  const two = commit(origin, "two");
  origin.git("checkout", "-q", "main");
  const third = commit(origin, "third");
  origin.git("checkout", "-q", "--detach");
  origin.git("merge", "-q", "--no-edit", two);
  const built = origin.git("rev-parse", "HEAD");
  origin.git("update-ref", "refs/pull/12/merge", built);
  origin.git("checkout", "-q", "--orphan", "other");
  const orphan = commit(origin, "other");
  origin.git("checkout", "-q", "main");

  const clone = (name: string, rev: string, ...options: string[]): TempRepo => {
    const folder = join(origin.base, name);
    origin.git("clone", "-q", "--no-checkout", ...options, `file://${origin.root}`, folder);
    const repo = repoAt(origin.base, folder, origin.env);
    const depth = options.filter((option) => option.startsWith("--depth"));
    repo.git("fetch", "-q", "--update-shallow", ...depth, "origin", rev);
    repo.git("checkout", "-q", "--detach", "FETCH_HEAD");
    return repo;
  };
  const base: Pipeline = {
    ...pipelineOf({}, null)!,
    provider: "github",
    head: two,
    defaultBranch: "main",
    branch: "topic",
  };
  const ranged = (repo: TempRepo, given: Partial<Pipeline>) => {
    const range = rangeOf({ ...base, ...given }, findGitPlaces(repo.root)!, repo.root);
    return { ...range, commits: range.commits.map(({ oid }) => oid) };
  };
  const refused = (repo: TempRepo, given: Partial<Pipeline>, code: string, hint: RegExp) =>
    assert.throws(
      () => ranged(repo, given),
      (error) => error instanceof MuxiGitError && error.code === code && hint.test(error.hint ?? ""),
    );

  const whole = clone("whole", "refs/pull/12/merge");
  // A base that was noted before main went on: the merge that is built knows better.
  const request = { request: 12, before: [first] };
  const brought = { head: two, base: second, commits: [two, merged, one] };
  assert.deepEqual(ranged(whole, request), brought);
  assert.deepEqual(ranged(whole, { before: [second] }), brought);
  assert.deepEqual(ranged(whole, { before: null }), brought, "a new branch");
  assert.deepEqual(ranged(whole, { before: ["e".repeat(40)], rewritten: true }), brought, "a forced push");
  refused(whole, { before: ["e".repeat(40)] }, "base-missing", /^git fetch origin eeee/);
  refused(whole, { head: "e".repeat(40) }, "base-missing", /^git fetch origin eeee/);
  assert.deepEqual(ranged(whole, { before: [merged] }).commits, [two]);
  assert.deepEqual(ranged(whole, { before: [two] }), { head: two, base: two, commits: [] });
  // No common ancestor.
  assert.deepEqual(ranged(whole, { head: orphan, before: [third] }).base, third);

  const main = { head: third, branch: "main", before: null };
  assert.deepEqual(ranged(whole, { ...main, alone: "tree" }), {
    head: third,
    base: third,
    commits: [third],
  });
  const [tree] = rangeOf({ ...base, ...main }, findGitPlaces(whole.root)!, whole.root).commits;
  assert.deepEqual(
    tree?.parents.flat().map(({ path }) => path),
    ["first", "root", "second", "third"],
  );
  const history = ranged(whole, { ...main, alone: "history" });
  assert.deepEqual(history.commits, [third, second, first, root]);
  assert.equal(whole.git("ls-tree", history.base), "", "compared with nothing");

  // The pipeline does not know the default branch: the clone does, or it is called main.
  assert.deepEqual(ranged(whole, { before: null, defaultBranch: null }), brought);
  whole.git("symbolic-ref", "--delete", "refs/remotes/origin/HEAD");
  assert.deepEqual(ranged(whole, { before: null, defaultBranch: null }), brought);

  const single = clone("single", "topic", "--single-branch", "--branch", "topic");
  refused(
    single,
    { before: null },
    "base-missing",
    /^.*\ngit fetch origin \+refs\/heads\/main:refs\/remotes\/origin\/main$/,
  );
  refused(
    single,
    { before: null, defaultBranch: "a b" },
    "base-missing",
    /'\+refs\/heads\/a b:refs\/remotes\/origin\/a b'$/,
  );
  refused(single, { before: ["refs/remotes/origin/main"] }, "base-missing", /\+refs\/heads\/main:/);
  refused(single, { before: null, defaultBranch: null }, "base-missing", /git remote set-head origin --auto$/);
  assert.deepEqual(ranged(single, { before: [merged] }).commits, [two]);

  for (const depth of [2, 4]) {
    const cut = clone(`depth ${depth}`, "refs/pull/12/merge", `--depth=${depth}`);
    const hint = /^give actions\/checkout 'fetch-depth: 0', or run:\ngit fetch --unshallow$/;
    refused(cut, request, "shallow-clone", hint);
    refused(cut, { ...request, provider: null }, "shallow-clone", /^git fetch --unshallow$/);
  }
  // Cut off below what is judged: enough.
  const enough = clone("enough", "refs/pull/12/merge", "--depth=5");
  assert.equal(enough.git("rev-parse", "--is-shallow-repository"), "true");
  assert.deepEqual(ranged(enough, { request: 12, before: [second] }).commits, [two, merged, one]);

  const typed = (text: string) => rangeAsTyped(text, findGitPlaces(whole.root)!, whole.root, null);
  assert.deepEqual(typed(`${third}..${two}`), typed(`${third}...${two}`));
  assert.deepEqual([typed(`${third}..${two}`).base, typed(`${third}..${two}`).commits.length], [second, 3]);
  assert.equal(typed(`${merged}..`).head, built);
  assert.deepEqual(
    typed(third).commits.map(({ oid }) => oid),
    [third, second, first, root],
  );
  for (const text of ["..", "...", `..${two}`]) assert.throws(() => typed(text), { code: "bad-revision" }, text);
  assert.throws(() => typed("--output=x..HEAD"), { code: "bad-revision" });
});
