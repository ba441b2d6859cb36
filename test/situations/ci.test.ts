/** A pull request of a stranger and what pipelines make of it: without key and token, with a key, cut off, and in its comment. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { formatCiSchema } from "../../src/report/ci-schema.ts";
import { readAction } from "../support/action.ts";
import { fakeGroqKey, fakeKey, opaque } from "../support/fake.ts";
import { fakeGithub } from "../support/fake-github.ts";
import { goJson, writeFormation } from "../support/formation.ts";
import { MAIN, PROJECT, preparedRepo, type Ran, repoAt, type TempRepo } from "../support/repo.ts";

const GROQ = fakeGroqKey("ci");
const WORDED = fakeGroqKey("ci, a message");
const PLAIN_VALUE = `val-${opaque(28, "ci")}`;

function commit(repo: TempRepo, message: string): string {
  repo.git("add", "-A");
  repo.git("commit", "-qm", message);
  return repo.git("rev-parse", "HEAD");
}

/** `main`, `clean` and `leaky`; the merge of the last as GitHub builds it; a clone that has all of it and no key. */
const prepared = preparedRepo((repo) => {
  const formation = writeFormation(repo, "bot");
  const [name = "", value = ""] = Object.entries(formation.secrets)[0]!;
  repo.write(".gitignore", ".key\n");
  const base = commit(repo, "main");
  repo.git("config", "uploadpack.allowFilter", "true");

  repo.git("checkout", "-qb", "clean");
  repo.write("README", "words\n");
  const clean = commit(repo, "clean");

  repo.git("checkout", "-qb", "leaky", base);
  repo.write("notes.txt", `key: ${GROQ}\n`);
  repo.write("bot/secrets.enc", goJson({ ...formation.secrets, [name]: PLAIN_VALUE }));
  const leak = commit(repo, `leak ${WORDED}`);
  repo.git("rm", "-q", "notes.txt");
  repo.git("checkout", "-q", base, "--", "bot/secrets.enc");
  repo.write("notes/`@team`.txt", `value: ${value}\n`);
  repo.write("bot/agents/a.afs", 'id: a\nhook: "${{ secrets.WEBHOOK_URL }}"\n');
  const leaky = commit(repo, "taken out again");
  repo.git("checkout", "-q", "--detach", base);
  repo.git("merge", "-q", "--no-ff", "--no-edit", leaky);
  repo.git("update-ref", "refs/pull/12/merge", "HEAD");
  repo.git("update-ref", "refs/pull/12/head", leaky);
  repo.git("checkout", "-q", "main");
  return { formation, value, base, clean, leak, leaky };
});

function clone(origin: TempRepo, rev: string, ...options: string[]): TempRepo {
  const root = join(origin.base, `clone ${options.join(" ")}`);
  origin.git("clone", "-q", "--no-checkout", ...options, `file://${origin.root}`, root);
  const repo = repoAt(origin.base, root, origin.env);
  repo.git("fetch", "-q", ...options.filter((option) => option.startsWith("--depth")), "origin", rev);
  return repo;
}

/** The files of a runner beside the clone. */
function runnerOf(repo: TempRepo, name: string, event: object) {
  const file = (suffix: string): string => join(repo.base, `runner.${suffix}`);
  writeFileSync(file("event.json"), JSON.stringify(event));
  writeFileSync(file("summary.md"), "before\n");
  const env = {
    GITHUB_ACTIONS: "true",
    GITHUB_EVENT_NAME: name,
    GITHUB_EVENT_PATH: file("event.json"),
    GITHUB_REF: "refs/heads/topic",
    GITHUB_REPOSITORY: "muxi/bots",
    GITHUB_SERVER_URL: "https://git.example",
    GITHUB_STEP_SUMMARY: file("summary.md"),
  };
  return { env, file, read: (suffix: string): string => readFileSync(file(suffix), "utf8") };
}

function pullRequest(base: string, head: string): object {
  const side = (sha: string, owner: string) => ({ sha, ref: "main", repo: { full_name: `${owner}/bots` } });
  return { pull_request: { number: 12, base: side(base, "muxi"), head: side(head, "stranger") } };
}

test("a stranger's pull request is judged without key and token, and with a key", (t) => {
  const { repo: origin, made } = prepared(t);
  const repo = clone(origin, "refs/pull/12/merge");
  repo.git("checkout", "-q", "--detach", "FETCH_HEAD");
  const state = (): string => repo.git("status", "--porcelain", "--ignored") + repo.git("count-objects", "-v");
  const before = state();
  const runner = runnerOf(repo, "pull_request", pullRequest(made.base, made.leaky));
  const { env, file } = runner;
  const outputs = [`--sarif=${file("sarif")}`, `--code-quality=${file("quality")}`, `--comment=${file("comment.md")}`];
  const secrets = [GROQ, WORDED, PLAIN_VALUE, made.formation.key, ...Object.values(made.formation.secrets)];
  const assertSilent = (...texts: string[]): void => {
    for (const secret of secrets) assert.ok(!texts.join("\n").includes(secret.slice(8)), "a secret is printed");
  };

  const judged = repo.muxiWith({ env }, "ci", ...outputs);
  assert.equal(judged.code, 1, judged.all);
  const short = made.leak.slice(0, 12);
  assert.match(judged.stdout, new RegExp(`^pull request 12 from a fork: 2 commits, ${made.base.slice(0, 12)}\\.\\.`));
  assert.match(judged.stdout, new RegExp(`^error: notes\\.txt:1:6 {2}groq-key: .* \\(commit ${short}\\)$`, "m"));
  assert.match(judged.stdout, new RegExp(`^error: bot/secrets\\.enc {2}not-encrypted: .* \\(commit ${short}\\)$`, "m"));
  const squash = `fix: squash the commits that brought it and took it out: git rebase -i ${made.base.slice(0, 12)}`;
  assert.equal(judged.stdout.split("\n").filter((line) => line.endsWith(squash)).length, 2);
  assert.match(
    judged.stdout,
    /^error: \(commit message\):1:6 {2}groq-key: .*\n.*; fix: reword it: git rebase -i [0-9a-f]{12}$/m,
  );
  assert.match(judged.stdout, /^error: bot\/agents\/a\.afs:2 {2}reference-not-in-template: 'WEBHOOK_URL'/m);
  assert.match(judged.stdout, /^ {4}references: added WEBHOOK_URL at agents\/a\.afs:2$/m);
  assert.match(judged.stdout, /^checked 1 formation \(values of 1 not compared: not opened\): 1 error, 0 warnings$/m);
  assert.match(judged.stdout, /^4 problems to mend$/m);
  assert.doesNotMatch(judged.stdout, /known-value|^::/m, "a value needs the key; the answer holds no commands");
  assert.deepEqual(
    judged.stderr
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/^(::[^:]*)::.*$/, "$1")),
    [
      `::error file=(commit message),line=1,title=groq-key in ${short}`,
      `::error file=notes.txt,line=1,title=groq-key in ${short}`,
      `::error file=bot/secrets.enc,title=not-encrypted in ${short}`,
      "::error file=bot/agents/a.afs,line=2,title=reference-not-in-template",
    ],
  );
  const rules = (sarif: string) =>
    (JSON.parse(sarif) as { runs: { results: { ruleId: string }[] }[] }).runs[0]!.results.map(({ ruleId }) => ruleId);
  assert.deepEqual(rules(runner.read("sarif")).sort(), [
    "groq-key",
    "groq-key",
    "not-encrypted",
    "reference-not-in-template",
  ]);
  assert.equal((JSON.parse(runner.read("quality")) as unknown[]).length, 4);
  assert.match(runner.read("comment.md"), /^<!-- muxi-git:ci -->\n### muxi-git: 4 problems to mend\n/);
  assert.match(runner.read("summary.md"), /^before\n### muxi-git: 4 problems to mend\n/);
  assert.ok(runner.read("comment.md").includes(`(https://git.example/muxi/bots/blob/${made.leak}/notes.txt#L1)`));
  assertSilent(judged.all, ...["sarif", "quality", "comment.md", "summary.md"].map(runner.read));

  writeFileSync(file("key"), fakeKey());
  const wrong = repo.muxiWith({ env }, "ci", `--key-file=${file("key")}`);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /^muxi-git: error: the key in '.*runner\.key' opens no secrets\.enc of either version$/m);
  writeFileSync(file("key"), made.formation.key);
  const opened = repo.muxiWith({ env }, "ci", `--key-file=${file("key")}`, "--json", "--require-key");
  assert.equal(opened.code, 1, opened.all);
  const report = JSON.parse(opened.stdout);
  const shipped = readFileSync(join(PROJECT, "muxi-git-ci.schema.json"), "utf8");
  assert.equal(shipped, formatCiSchema(), "run: npm run schema");
  const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(JSON.parse(shipped) as object);
  for (const printed of [report, JSON.parse(repo.muxiWith({ env }, "ci", "--json").stdout)])
    assert.ok(validate(printed), JSON.stringify(validate.errors));
  assert.ok(!validate({ ...report, value: "x" }));
  assert.deepEqual(
    report.scan.findings.map(({ rule, path }: { rule: string; path: string }) => [rule, path]),
    [
      ["known-value", "notes/`@team`.txt"],
      ["groq-key", "(commit message)"],
      ["groq-key", "notes.txt"],
    ],
  );
  assert.deepEqual([report.check.formations[0].opened, report.refused], [true, true]);
  assertSilent(opened.all);

  const gitlab = {
    GITLAB_CI: "true",
    CI_MERGE_REQUEST_IID: "7",
    CI_MERGE_REQUEST_DIFF_BASE_SHA: made.base,
    CI_COMMIT_SHA: made.clean,
  };
  const clean = repo.muxiWith({ env: gitlab }, "ci", `--comment=${file("comment.md")}`);
  assert.deepEqual([clean.code, clean.stderr], [0, ""], clean.all);
  assert.match(clean.stdout, /^merge request 7: 1 commit, .*\nscanned 1 blob of 1 commit, 6 bytes: 0 findings\n/);
  assert.match(clean.stdout, /\nnothing to mend\n$/);
  assert.match(runner.read("comment.md"), /^<!-- muxi-git:ci resolved -->\n/);
  assert.equal(repo.muxiWith({ env: gitlab }, "-q", "ci").all.trim(), "");
  const required = repo.muxiWith({ env: gitlab }, "ci", "--require-key");
  assert.equal(required.code, 1);
  assert.match(required.stdout, /^error: bot\/secrets\.enc {2}key-missing/m);
  const standing = repo.muxi("ci", "--range", `${made.base}..${made.leak}`, "--json");
  const { problems, check } = JSON.parse(standing.stdout);
  assert.deepEqual([problems, check.formations[0].problems[0].code], [[], "not-encrypted"], "what stands is told once");
  assert.equal(state(), before, "nothing in the repository changed");
});

test("what cannot be judged is no success", (t) => {
  const { repo: origin, made } = prepared(t);
  const refused = (repo: TempRepo, name: string, event: object, said: RegExp): void => {
    const { env, file } = runnerOf(repo, name, event);
    const ran = repo.muxiWith({ env }, "ci", `--comment=${file("comment.md")}`);
    assert.deepEqual([ran.code, ran.stdout], [2, ""], ran.all);
    assert.match(ran.stderr, said);
    assert.ok(!existsSync(file("comment.md")));
  };
  const request = pullRequest(made.base, made.leaky);
  const shallow = clone(origin, "refs/pull/12/merge", "--depth=1");
  refused(
    shallow,
    "pull_request",
    request,
    /^::error title=muxi-git::this clone is shallow: .*%0A.*%0Agit fetch --unshallow\nmuxi-git: error: this clone is shallow: .*\n.*: give actions\/checkout 'fetch-depth: 0', or run:\n.*: git fetch --unshallow\n$/,
  );
  refused(
    shallow,
    "pull_request_target",
    request,
    /error: 'pull_request_target' gives a stranger's commits a write token/,
  );
  // Each half of what is read, while the other is here.
  const partial = clone(origin, "refs/pull/12/merge", "--filter=blob:none");
  const lacking = /error: \d files? of these commits (?:is|are) not in this clone\n.*'filter'.*\n.*fetch --refetch/;
  partial.git("cat-file", "blob", `${made.clean}:README`);
  refused(partial, "pull_request", pullRequest(made.base, made.clean), lacking);
  partial.git("checkout", "-q", made.leaky, "--", "bot");
  refused(partial, "pull_request", request, lacking);

  const { env, file } = runnerOf(shallow, "push", { before: made.base, deleted: true });
  const deleted = shallow.muxiWith({ env }, "ci");
  assert.deepEqual([deleted.code, deleted.all], [0, "nothing to judge: a branch or a tag was deleted\n\n"]);
  writeFileSync(file("event.json"), "{");
  const broken = shallow.muxiWith({ env }, "ci");
  assert.equal(broken.code, 2);
  assert.match(broken.stderr, /error: the event in '.*' cannot be read\n.*ci --range BASE\.\.HEAD\n$/);
});

test("the comment on a stranger's pull request: begun, kept up to date, resolved", async (t) => {
  const { repo: origin, made } = prepared(t);
  const repo = clone(origin, "refs/pull/12/head");
  const github = await fakeGithub(t);
  const run = async (head: string, ...args: string[]): Promise<Ran> => {
    const event = {
      workflow_run: { head_sha: head, head_branch: "topic", head_repository: { owner: { login: "stranger" } } },
    };
    github.pulls = [{ number: 12, head: { sha: head }, base: { sha: made.base, ref: "main" } }];
    const { env } = runnerOf(repo, "workflow_run", event);
    return await new Promise((done) => {
      // The API answers in this process: it must not wait for the command.
      const all = { ...repo.env, ...env, ...github.env };
      execFile(
        process.execPath,
        [MAIN, "ci", "comment", ...args],
        { cwd: repo.root, env: all },
        (error, stdout, stderr) =>
          done({ code: error === null ? 0 : Number(error.code), stdout, stderr, all: `${stdout}\n${stderr}` }),
      );
    });
  };
  const begun = await run(made.leaky);
  assert.deepEqual([begun.code, begun.all], [0, "pull request 12: the comment was created\n\n"]);
  const [comment] = github.comments;
  assert.match(comment?.body ?? "", /^<!-- muxi-git:ci -->\n### muxi-git: 4 problems to mend\n/);
  assert.ok(!comment?.body.includes(GROQ.slice(8)));
  assert.match((await run(made.leaky)).stdout, /: the comment says so already\n$/);
  assert.match((await run(made.clean, "--dry-run")).stdout, /^### muxi-git: resolved$.*would be updated\n$/ms);
  assert.match((await run(made.clean)).stdout, /was updated\n$/);
  assert.match(github.comments[0]?.body ?? "", /^<!-- muxi-git:ci resolved -->\n/);
  assert.equal(github.comments.length, 1);

  const misplaced = repo.muxi("ci", "comment", "--json");
  assert.deepEqual([misplaced.code, misplaced.stderr], [2, "muxi-git: error: 'ci comment' takes no '--json'\n"]);
  for (const [option, said] of [
    ["--body", /error: a body that came from another run is not taken/],
    ["--key-file", /error: a key is not used for a stranger's commits/],
  ] as const) {
    const refused = await run(made.clean, option, "anything");
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, said);
  }
});

const README = readFileSync(join(PROJECT, "README.md"), "utf8");

test("the jobs that the README shows", {
  skip: README.includes("\n## In CI\n") ? false : "it has no section 'In CI'",
}, (t) => {
  const { version } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { version: string };
  const blocks = [...README.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = ""]) => text);
  const jobs = blocks.filter((text) => text.includes("muxi-git"));
  const steps = jobs.flatMap((text): Record<string, unknown>[] => {
    const parsed = parse(text) as { jobs?: Record<string, { steps: [] }> } | [];
    return Array.isArray(parsed) ? parsed : Object.values(parsed.jobs ?? {}).flatMap((job) => job.steps);
  });
  const uses = steps.filter((step) => String(step.uses).startsWith("muxi-ai/muxi-git"));
  const { inputs } = readAction(join(PROJECT, "action.yml"));
  const tagged = [`muxi-ai/muxi-git/comment@v${version}`, `muxi-ai/muxi-git@v${version}`];
  assert.deepEqual(new Set(uses.map((step) => step.uses)), new Set(tagged));
  for (const { with: given = {} } of uses)
    for (const name of Object.keys(given as object)) assert.ok(name in inputs, name);
  const shipped = readFileSync(join(PROJECT, "comment", "workflow.yml"), "utf8");
  assert.ok(
    jobs.some((text) => text.replace(/^#.*\n/, "") === shipped.replace(/^(?:#.*\n)+/, "")),
    "another workflow is shipped",
  );

  const { repo: origin, made } = prepared(t);
  const repo = clone(origin, "clean");
  // In place of npx, which would download the version that is named.
  const bin = join(repo.base, "bin");
  mkdirSync(bin);
  const npx = `#!/bin/sh\n[ "$1 $2" = "--yes muxi-git@${version}" ] && shift 2 && exec node ${JSON.stringify(MAIN)} "$@"\n`;
  writeFileSync(join(bin, "npx"), npx, { mode: 0o755 });
  const gitlab = jobs.map((text) => parse(text)).find((job) => job["muxi-git"] !== undefined)["muxi-git"];
  assert.equal(gitlab.variables.GIT_DEPTH, "0");
  const env = {
    ...{ PATH: `${bin}:${repo.env.PATH}`, GITLAB_CI: "true", CI_MERGE_REQUEST_IID: "7", CI_COMMIT_SHA: made.clean },
    CI_MERGE_REQUEST_DIFF_BASE_SHA: made.base,
  };
  const ran = repo.tryWith({ env }, "sh", "-ec", gitlab.script.join("\n"));
  assert.equal(ran.code, 0, ran.all);
  assert.match(ran.stdout, /^merge request 7: 1 commit, /);
  assert.deepEqual(JSON.parse(repo.read(gitlab.artifacts.reports.codequality).toString()), []);
});
