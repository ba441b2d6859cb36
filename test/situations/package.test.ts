/** The package as npm makes it: what is in it, and that it runs from a tarball with no network and no install script. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { writeFormation } from "../support/formation.ts";
import { BUILT, PROJECT, tempRepo } from "../support/repo.ts";

test("npx runs install from a tarball, offline, and the hook works", (t) => {
  const repo = tempRepo(t);
  const formation = writeFormation(repo);
  // dist/ is built by now; npm would build it again under the feet of other tests.
  const pack = spawnSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", repo.base], {
    cwd: PROJECT,
    env: { ...repo.env, npm_config_cache: join(repo.base, "npm") },
    encoding: "utf8",
  });
  assert.equal(pack.status, 0, pack.stderr);
  const tarball = join(repo.base, readdirSync(repo.base).find((name) => name.endsWith(".tgz")) ?? "");
  const [{ files }] = JSON.parse(pack.stdout) as [{ files: { path: string }[] }];
  const packed = files.map(({ path }) => path).sort((a, b) => (a < b ? -1 : 1));
  for (const file of BUILT) {
    assert.ok(packed.includes(file), `${file} is not packed`);
  }
  assert.ok(!packed.some((path) => /^(?:src|test|scripts|node_modules)\//.test(path)), packed.join(" "));

  const manifest = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
  assert.equal(manifest.dependencies, undefined);
  for (const script of ["preinstall", "install", "postinstall"]) assert.equal(manifest.scripts[script], undefined);

  const npx = repo.tryWith(
    { env: { npm_config_cache: join(repo.base, "npm"), npm_config_offline: "true" } },
    "npx",
    "--yes",
    "--package",
    tarball,
    "muxi-git",
    "install",
  );
  assert.equal(npx.code, 0, npx.all);
  assert.match(npx.stdout, /^muxi-git is installed$/m);
  repo.write("copy/.key", formation.key);
  repo.git("add", "-f", "copy");
  const commit = repo.try("git", "commit", "-qm", "key");
  assert.equal(commit.code, 1, commit.all);
  assert.match(commit.stderr, /copy\/\.key:1:1 {2}key-file/);
});
