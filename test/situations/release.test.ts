/** The release tag: made beside main without touching anything, the same for everybody, usable without a build. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { readAction, runStep } from "../support/action.ts";
import { fakeGroqKey, fakeKey } from "../support/fake.ts";
import { BUILT, PROJECT, repoAt, type TempRepo, tempRepo } from "../support/repo.ts";

/** This project as it stands here, committed in a repository of its own. */
function projectIn(repo: TempRepo): TempRepo {
  const listed = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: PROJECT });
  assert.equal(listed.status, 0, String(listed.stderr));
  const root = join(repo.base, "project");
  for (const path of listed.stdout.toString("utf8").split("\0")) {
    if (path === "" || !existsSync(join(PROJECT, path)) || path.startsWith("test/")) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    cpSync(join(PROJECT, path), join(root, path));
  }
  const project = repoAt(repo.base, root, repo.env);
  project.git("init", "-q", "-b", "main");
  project.git("add", "-A");
  project.git("commit", "-qm", "the project");
  return project;
}

/** pre-commit where it is here and knows the stages by git's names; else what is missing. */
function preCommitMissing(): string | null {
  const ran = spawnSync("pre-commit", ["--version"], { encoding: "utf8" });
  const version = /(\d+)\.(\d+)/.exec(ran.stdout ?? "");
  if (version === null) return "pre-commit is not in PATH";
  const [major, minor] = [Number(version[1]), Number(version[2])];
  return major > 3 || (major === 3 && minor >= 2) ? null : `pre-commit ${version[0]} is older than 3.2`;
}

test("a release tag stands beside main, and npm and pre-commit run from it without a build", async (t) => {
  const repo = tempRepo(t);
  const project = projectIn(repo);
  const { version } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { version: string };
  const tag = `v${version}`;
  const release = (...args: string[]) =>
    project.try(
      process.execPath,
      project.path("scripts/release.mjs"),
      `--modules=${join(PROJECT, "node_modules")}`,
      ...args,
    );
  const state = () => [
    project.git("status", "--porcelain", "--ignored"),
    project.git("rev-parse", "HEAD"),
    project.git("branch", "--list", "-a"),
    project.git("ls-files", "--stage"),
  ];
  project.write("README.md", "not committed\n");
  project.write("src/main.ts", "not committed\n");
  project.git("add", "src");
  const before = state();

  const objects = project.git("count-objects", "-v");
  const dry = release("--dry-run");
  assert.equal(dry.code, 0, dry.all);
  assert.match(dry.stdout, /^nothing was changed$/m);
  assert.deepEqual([...state(), project.git("tag"), project.git("count-objects", "-v")], [...before, "", objects]);

  const made = release();
  assert.equal(made.code, 0, made.all);
  const commit = /commit ([0-9a-f]{40}) beside main/.exec(made.stdout)?.[1];
  assert.equal(commit, /commit ([0-9a-f]{40}) /.exec(dry.stdout)?.[1], "the same commit both times");
  assert.deepEqual([...state(), project.git("tag")], [...before, tag]);
  assert.equal(project.git("rev-parse", `${tag}^{commit}`), commit);
  assert.equal(project.git("rev-parse", `${tag}^`), project.git("rev-parse", "main"));

  const changed = project.git("diff", "--no-renames", "--name-status", "main", tag).split("\n");
  const dist = changed.filter((line) => line.startsWith("A\tdist/")).map((line) => line.slice("A\t".length));
  assert.deepEqual(
    changed.filter((line) => !line.startsWith("A\tdist/")),
    ["D\tpackage-lock.json", "M\tpackage.json"],
  );
  for (const file of BUILT) {
    assert.ok(dist.includes(file), `${file} is missing`);
  }
  const manifest = JSON.parse(project.git("show", `${tag}:package.json`)) as Record<string, unknown>;
  for (const field of ["scripts", "dependencies", "devDependencies"]) assert.equal(manifest[field], undefined);
  assert.equal(manifest.version, version);

  await t.test("the build is the same bytes wherever it is made", (t) => {
    if (process.env.COVERAGE === "1") return t.skip("coverage tests another build");
    for (const path of dist) {
      const here = project.git("hash-object", "--no-filters", "--", join(PROJECT, path));
      assert.equal(project.git("rev-parse", `${tag}:${path}`), here, path);
    }
    assert.equal(
      dist.length,
      readdirSync(join(PROJECT, "dist"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
        .length,
    );
  });

  await t.test("a second run finds the tag, and never moves one that leads elsewhere", () => {
    project.git("checkout", "-qf");
    project.git("commit", "-q", "--allow-empty", "-m", "later");
    const second = release();
    assert.equal(second.code, 2);
    assert.match(second.stderr, /error: the tag 'v.*' is there already and leads to [0-9a-f]{40}: raise 'version'/);
    assert.equal(project.git("rev-parse", `${tag}^{commit}`), commit);
    const again = release("main~1");
    assert.equal(again.code, 0, again.all);
    assert.match(again.stdout, /leads to this commit already$/m);
  });

  const env = {
    npm_config_cache: join(repo.base, "npm"),
    npm_config_offline: "true",
    PRE_COMMIT_HOME: join(repo.base, "pre-commit"),
  };
  repo.write("copy/.key", fakeKey());
  repo.git("add", "-f", "copy");
  await t.test("npm installs it from git, offline, and its hook runs", () => {
    const prefix = join(repo.base, "prefix");
    const npm = repo.tryWith(
      { env },
      "npm",
      "install",
      "--global",
      "--prefix",
      prefix,
      "--install-links",
      `git+file://${project.root}#${tag}`,
    );
    assert.equal(npm.code, 0, npm.all);
    const path = `${join(prefix, "bin")}${delimiter}${repo.env.PATH}`;
    const blocked = repo.tryWith({ env: { PATH: path } }, "muxi-git", "hook", "pre-commit");
    assert.equal(blocked.code, 1, blocked.all);
    assert.match(blocked.stderr, /copy\/\.key:1:1 {2}key-file/);
  });

  await t.test("GitHub's actions run from the tag, and say so where there is no build", () => {
    const action = join(repo.base, "action");
    project.git("worktree", "add", "-q", "--detach", action, tag);
    const pull = repoAt(repo.base, join(repo.base, "it's a pull"), repo.env);
    mkdirSync(pull.root);
    pull.git("init", "-q", "-b", "main");
    pull.git("commit", "-q", "--allow-empty", "-m", "base");
    const base = pull.git("rev-parse", "HEAD");
    pull.write("notes.txt", `key: ${fakeGroqKey("action")}\n`);
    pull.git("add", "-A");
    pull.git("commit", "-qm", "leak");
    const head = pull.git("rev-parse", "HEAD");
    pull.git("remote", "add", "origin", pull.root);
    const side = (sha: string) => ({ sha, repo: { full_name: "muxi/bots" } });
    const event = { pull_request: { number: 12, base: side(base), head: side(head) } };
    pull.write(".git/event.json", JSON.stringify(event));
    pull.write(".git/key file", fakeKey());
    const job = {
      GITHUB_ACTIONS: "true",
      GITHUB_API_URL: "http://127.0.0.1:1",
      GITHUB_EVENT_NAME: "pull_request",
      GITHUB_EVENT_PATH: pull.path(".git/event.json"),
      GITHUB_OUTPUT: pull.path(".git/output"),
      GITHUB_REPOSITORY: "muxi/bots",
      RUNNER_TEMP: repo.base,
    };
    const made = readAction(join(action, "action.yml"));
    const step = (at: number, context: Record<string, string>) =>
      runStep(pull, made, at, { "github.action_path": action, "github.token": "x", ...context }, job);

    const judged = step(0, { "inputs.key-file": ".git/key file\n", "inputs.sarif": ".git/it's.sarif" });
    assert.equal(judged.code, 1, judged.all);
    assert.match(judged.stdout, /^pull request 12: 1 commit, .*\nerror: notes\.txt:1:6 {2}groq-key/);
    assert.match(judged.stderr, /^::error file=notes\.txt/);
    assert.ok(existsSync(pull.path(".git/it's.sarif")));
    const comment = join(repo.base, "muxi-git-comment.md");
    assert.equal(pull.read(".git/output").toString(), `exit-code=1\ncomment-file=${comment}\n`);
    assert.match(readFileSync(comment, "utf8"), /^<!-- muxi-git:ci -->\n/);
    // What an input holds is one word.
    const odd = step(0, { "inputs.range": "$(touch pwned); --dry-run" });
    assert.deepEqual([odd.code, existsSync(pull.path("pwned"))], [2, false], odd.all);
    assert.ok(!existsSync(comment), "the comment of another run is gone");
    assert.equal(step(0, { "inputs.range": `${base}..${base}` }).code, 0);

    assert.match(made.steps[1]?.if ?? "", /inputs\.comment == 'true'/);
    const unwritten = step(1, { "steps.ci.outputs.comment-file": comment });
    assert.equal(unwritten.code, 0, unwritten.all);
    assert.match(unwritten.stderr, /error: GitHub did not answer to 'GET /);
    assert.match(unwritten.stdout, /^::warning::the pull request could not be commented on/);

    const after = readAction(join(action, "comment", "action.yml"));
    const later = (at: number, sha: string) =>
      runStep(
        pull,
        after,
        at,
        {
          "github.action_path": join(action, "comment"),
          "github.event.workflow_run.head_sha": sha,
          "github.token": "x",
        },
        { ...job, GITHUB_EVENT_NAME: "workflow_run" },
      );
    assert.equal(later(0, "--upload-pack=x").code, 2);
    assert.equal(later(0, head).code, 0);
    assert.equal(pull.git("rev-parse", "refs/remotes/origin/main"), head);
    pull.write(
      ".git/event.json",
      JSON.stringify({
        workflow_run: { head_sha: head, head_branch: "t", head_repository: { owner: { login: "s" } } },
      }),
    );
    assert.match(later(1, head).stderr, /error: GitHub did not answer to 'GET \/pulls'/);

    const unbuilt = runStep(pull, made, 0, { "github.action_path": project.root }, job);
    assert.equal(unbuilt.code, 2);
    assert.match(unbuilt.stdout, /^::error::this commit of muxi-git holds no dist\//);
    const workflow = parse(readFileSync(join(action, "comment", "workflow.yml"), "utf8"));
    assert.equal(workflow.jobs.comment.steps.at(-1).uses, `muxi-ai/muxi-git/comment@${tag}`);
    assert.deepEqual([Object.keys(workflow.on), workflow.permissions], [["workflow_run"], {}]);
  });

  await t.test("pre-commit runs it from the tag", (t) => {
    const missing = preCommitMissing();
    if (missing !== null) return t.skip(missing);
    const own = { env: { ...env, PATH: process.env.PATH } };
    // The system's node: to make one of its own, pre-commit would need the network.
    repo.write(
      ".pre-commit-config.yaml",
      `default_language_version: { node: system }\nrepos:\n  - repo: ${project.root}\n    rev: ${tag}\n    hooks: [{ id: muxi-git }]\n`,
    );
    repo.git("add", ".pre-commit-config.yaml");
    assert.equal(repo.tryWith(own, "pre-commit", "install").code, 0);
    const blocked = repo.tryWith(own, "git", "commit", "-qm", "key");
    assert.equal(blocked.code, 1, blocked.all);
    assert.match(blocked.stderr, /copy\/\.key:1:1 {2}key-file/);
    repo.git("rm", "-q", "--cached", "copy/.key");
    const passed = repo.tryWith(own, "git", "commit", "-qm", "configuration");
    assert.equal(passed.code, 0, passed.all);
    assert.match(passed.stderr, /muxi-git \(what is staged\)\.+Passed/);
  });
});
