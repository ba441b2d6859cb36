/**
 * Which node the launcher takes, in an environment that has nothing but what the
 * test gives it. The nodes are scripts that say their own path.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";

import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { PROJECT } from "../support/repo.ts";

const SHELL = ["/bin/dash", "/bin/sh"].find((path) => existsSync(path)) ?? "sh";
/** Where the launcher looks at last; what is there cannot be taken away for a test. */
const FIXED = [
  "/opt/homebrew/bin/node",
  "/home/linuxbrew/.linuxbrew/bin/node",
  "/usr/local/bin/node",
  "/opt/local/bin/node",
  "/usr/bin/node",
].find((path) => existsSync(path));

interface Place {
  base: string;
  /** The working tree, which is the current directory. */
  tree: string;
  home: string;
  /** A program that acts as a node. @returns its absolute path. */
  node(path: string, usable?: boolean): string;
  record(path: string): void;
  run(env: Record<string, string>, ...args: string[]): { code: number | null; stdout: string; stderr: string };
}

function place(t: TestContext, home = "home of user2 v1.2.3"): Place {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "muxi-git-launcher-")));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const tree = join(base, "tree");
  const folder = join(tree, ".git/muxi-git");
  mkdirSync(folder, { recursive: true });
  mkdirSync(join(base, home));
  copyFileSync(join(PROJECT, "hooks/run"), join(folder, "run"));
  for (const name of ["main.cjs", "plumbing.cjs"]) writeFileSync(join(folder, name), "// never read\n");
  return {
    base,
    tree,
    home: join(base, home),
    node(path, usable = true) {
      const full = join(base, path);
      mkdirSync(dirname(full), { recursive: true });
      // Asked for its version by -e; NODE_OPTIONS would reach it there too.
      const asked = usable ? `[ -z "\${NODE_OPTIONS+x}" ]` : "false";
      writeFileSync(full, `#!/bin/sh\nif [ "$1" = -e ]; then ${asked}; exit; fi\necho "$0"\n`);
      chmodSync(full, 0o755);
      return full;
    },
    record: (path) => writeFileSync(join(folder, "node"), `${path}\n`),
    run(env, ...args) {
      const ran = spawnSync(SHELL, [join(folder, "run"), ...args], { cwd: tree, env, encoding: "utf8" });
      assert.equal(ran.error, undefined);
      return { code: ran.status, stdout: ran.stdout.trimEnd(), stderr: ran.stderr };
    },
  };
}

const skip = process.platform === "win32" && "POSIX shells";

describe("the launcher's node", { skip }, () => {
  test("the recorded one comes first, whatever PATH has", (t) => {
    const here = place(t);
    here.record(here.node("chosen at install/node"));
    const PATH = dirname(here.node("bin/node"));
    assert.deepEqual(here.run({ PATH }, "status"), {
      code: 0,
      stdout: join(here.base, "chosen at install/node"),
      stderr: "",
    });
  });

  test("recorded and gone, no program or relative: the first in PATH that is new enough", (t) => {
    const here = place(t);
    const old = dirname(here.node("old/node", false));
    const PATH = `/nonexistent:${old}:${dirname(here.node("new/node"))}:${dirname(here.node("later/node"))}`;
    mkdirSync(join(here.base, "folder/node"), { recursive: true });
    writeFileSync(join(here.base, "plain"), "");
    for (const gone of ["/nonexistent/node", join(here.base, "folder/node"), join(here.base, "plain"), "node", ""]) {
      here.record(gone);
      const ran = here.run({ PATH, NODE_OPTIONS: "--require ./x" }, "status");
      assert.equal(ran.stdout, join(here.base, "new/node"), `${gone}: ${ran.stderr}`);
    }
  });

  test("never one that a commit can put there: in the tree, in node_modules, by a relative entry or a link", (t) => {
    const here = place(t);
    here.node("tree/bin/node");
    here.node("elsewhere/node_modules/.bin/node");
    symlinkSync(join(here.tree, "bin"), join(here.base, "link"));
    const bad = ["bin", "./bin", "", ".", join(here.tree, "bin"), join(here.base, "elsewhere/node_modules/.bin")];
    bad.push(join(here.base, "link"), `${here.tree}/../tree/bin`);
    const PATH = [...bad, dirname(here.node("good/node"))].join(":");
    assert.equal(here.run({ PATH }, "status").stdout, join(here.base, "good/node"));
  });

  for (const [name, layout] of [
    ["volta", ".volta/tools/image/node/VERSION/bin/node"],
    ["mise", ".local/share/mise/installs/node/VERSION/bin/node"],
    ["asdf", ".asdf/installs/nodejs/VERSION/bin/node"],
    ["nvm", ".nvm/versions/node/vVERSION/bin/node"],
    ["fnm", ".local/share/fnm/node-versions/vVERSION/installation/bin/node"],
    ["fnm on macOS", "Library/Application Support/fnm/node-versions/vVERSION/installation/bin/node"],
  ] as const) {
    test(`${name}: the newest that it keeps, by number and not by letter`, (t) => {
      const here = place(t);
      const at = (version: string) => join(here.home.slice(here.base.length + 1), layout.replace("VERSION", version));
      // The usable one is neither the first nor the last of a listing, nor is its major number alone.
      for (const version of ["22.4.0", "22.9.0", "8.17.1", "9.11.2"]) here.node(at(version), false);
      here.node(at("lts"), false);
      const newest = here.node(at("22.19.0"));
      assert.equal(here.run({ HOME: here.home, PATH: "/nonexistent" }, "status").stdout, newest);
    });
  }

  for (const [variable, layout] of [
    ["VOLTA_HOME", "tools/image/node/22.1.0/bin/node"],
    ["MISE_DATA_DIR", "installs/node/22.1.0/bin/node"],
    ["ASDF_DATA_DIR", "installs/nodejs/22.1.0/bin/node"],
    ["NVM_DIR", "versions/node/v22.1.0/bin/node"],
    ["FNM_DIR", "node-versions/v22.1.0/installation/bin/node"],
  ] as const) {
    test(`${variable} says where, without HOME`, (t) => {
      const here = place(t);
      const node = here.node(`kept "here" 2/${layout}`);
      assert.equal(
        here.run({ PATH: "/nonexistent", [variable]: join(here.base, `kept "here" 2`) }, "status").stdout,
        node,
      );
    });
  }

  test("a manager that has only old ones is passed over", (t) => {
    const here = place(t, "home");
    here.node("home/.volta/tools/image/node/18.0.0/bin/node", false);
    const node = here.node("home/.nvm/versions/node/v20.19.0/bin/node");
    assert.equal(here.run({ HOME: here.home, PATH: "/nonexistent" }, "status").stdout, node);
  });

  test("MUXI_GIT_NODE goes before all; one that is no absolute path is said and not used", (t) => {
    const here = place(t);
    here.record(here.node("recorded/node"));
    const mine = here.node("my own/node");
    assert.equal(here.run({ MUXI_GIT_NODE: mine }, "status").stdout, mine);
    const ran = here.run({ MUXI_GIT_NODE: "recorded/node" }, "status");
    assert.equal(ran.stdout, join(here.base, "recorded/node"));
    assert.match(ran.stderr, /MUXI_GIT_NODE is no absolute path of a program/);
  });

  test("none at all: hooks fail closed and name the recorded one", { skip: FIXED && `${FIXED} is there` }, (t) => {
    const here = place(t);
    here.record("/gone/node");
    const ran = here.run({ PATH: "/nonexistent" }, "hook", "pre-commit");
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /no node of version 20\.19 or later was found \(install recorded '\/gone\/node'\)/);
    assert.match(ran.stderr, /hint: run 'npx muxi-git install'.*\n$/);
  });

  test("Windows drives are absolute paths, drive-relative and UNC-like ones are judged as written", (t) => {
    const here = place(t);
    const source = `${/^is_absolute\(\) \{\n[\s\S]*?^\}$/m.exec(readFileSync(join(PROJECT, "hooks/run"), "utf8"))?.[0]}\nis_absolute "$1"`;
    const isAbsolute = (path: string) => spawnSync(SHELL, ["-c", source, "sh", path], { cwd: here.tree }).status === 0;
    for (const path of [
      "/usr/bin/node",
      "C:/Program Files/nodejs/node.exe",
      "c:\\nodejs\\node.exe",
      "//server/share/node",
    ])
      assert.ok(isAbsolute(path), path);
    for (const path of ["", "node", "./node", "C:node.exe", "\\node.exe", "1:/node", "CC:/node"])
      assert.ok(!isAbsolute(path), path);
  });
});

describe("a hook that git's configuration runs as well", { skip }, () => {
  test("runs once and is skipped with one word, by the configuration's call", (t) => {
    const at = place(t);
    const node = at.node("nodes/node");
    at.record(node);
    const git = join(at.base, "gits", "git");
    mkdirSync(dirname(git));
    writeFileSync(git, '#!/bin/sh\n[ "$1 $2" = "hook list" ] && echo "muxi-git-$3"\n', { mode: 0o755 });
    writeFileSync(join(at.tree, ".git/muxi-git/config"), '[hook "muxi-git-pre-push"]\n');
    const PATH = dirname(git);
    const skipped = "muxi-git: hook pre-push skipped, MUXI_GIT=0 is set\n";
    const said = (env: Record<string, string>) => {
      const { code, stdout, stderr } = at.run({ PATH, ...env }, "hook", "pre-push", "origin", "url");
      return [code, stdout, stderr];
    };
    assert.deepEqual(said({ MUXI_GIT_CONFIG_HOOK: "1" }), [0, node, ""]);
    assert.deepEqual(said({}), [0, "", ""]);
    assert.deepEqual(said({ MUXI_GIT_CONFIG_HOOK: "1", MUXI_GIT: "0" }), [0, "", skipped]);
    assert.deepEqual(said({ MUXI_GIT: "0" }), [0, "", ""]);
    // An older git on the same repository lists nothing.
    writeFileSync(git, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    assert.deepEqual(said({}), [0, node, ""]);
    assert.deepEqual(said({ MUXI_GIT: "0" }), [0, "", skipped]);
  });
});
