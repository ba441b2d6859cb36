/** The release tag: made beside main without touching anything, the same for everybody, usable without a build. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { fakeKey } from "../support/fake.ts";
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
