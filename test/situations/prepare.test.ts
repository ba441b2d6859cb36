/** `"prepare": "muxi-git install --if-git"` in a project that has muxi-git among its devDependencies, under real npm. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fakeKey } from "../support/fake.ts";
import { PROJECT, tempRepo } from "../support/repo.ts";

test("prepare sets up a clone from a package below its root, and passes outside git and in CI", (t) => {
  const repo = tempRepo(t);
  const env = { npm_config_cache: join(repo.base, "npm"), npm_config_offline: "true" };
  const pack = repo.tryWith({ env, cwd: PROJECT }, "npm", "pack", "--ignore-scripts", "--pack-destination", repo.base);
  assert.equal(pack.code, 0, pack.all);
  const tarball = join(repo.base, readdirSync(repo.base).find((name) => name.endsWith(".tgz")) ?? "");
  const project = (folder: string): string => {
    mkdirSync(folder, { recursive: true });
    const manifest = {
      name: "user",
      version: "1.0.0",
      scripts: { prepare: "muxi-git install --if-git" },
      devDependencies: { "muxi-git": `file:${tarball}` },
    };
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
    return folder;
  };

  const outside = project(join(repo.base, "outside"));
  const none = repo.tryWith({ env, cwd: outside }, "npm", "install", "--foreground-scripts");
  assert.equal(none.code, 0, none.all);
  assert.match(none.stderr, /^muxi-git: no git repository here, nothing installed$/m);

  const inside = project(repo.path("packages/web"));
  const ci = repo.tryWith({ env: { ...env, CI: "true" }, cwd: inside }, "npm", "install", "--foreground-scripts");
  assert.equal(ci.code, 0, ci.all);
  assert.match(ci.stderr, /^muxi-git: CI is set .*nothing installed$/m);

  const ran = repo.tryWith({ env, cwd: inside }, "npm", "run", "prepare");
  assert.equal(ran.code, 0, ran.all);
  repo.write("copy/.key", fakeKey());
  repo.git("add", "-f", "copy");
  const commit = repo.try("git", "commit", "-qm", "key");
  assert.equal(commit.code, 1, commit.all);
  assert.match(commit.stderr, /copy\/\.key:1:1 {2}key-file/);
});
