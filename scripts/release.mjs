/**
 * Make the release commit and its tag: `npm run release [-- REV] [--dry-run]`. REV is `main`.
 *
 * pre-commit and `npm install git+https://…#v1.2.3` take a repository as it stands at a tag, without
 * building it. So the tag leads to a commit beside main: its parent is REV, its tree is REV's with
 *
 *   dist/               built from REV in a folder of its own, nothing of this working tree in it
 *   package.json        without scripts and devDependencies: npm would install those to run `prepare`
 *   package-lock.json   left out: it locks the devDependencies only
 *
 * Working tree, index, HEAD and branches are not touched, and nothing is pushed. The commit takes name and
 * time from REV, so whoever runs this on REV gets the same commit id, byte for byte.
 *
 * `--modules=DIR` builds with a node_modules that is there already, where it is what the lockfile says.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve, sep } from "node:path";
import { ROOT } from "./setup.mjs";

const args = process.argv.slice(2);
const dryRun = args.includes("--dry-run");
const modules = args.find((argument) => argument.startsWith("--modules="))?.slice("--modules=".length);
const unknown = args.find(
  (argument) => argument.startsWith("--") && argument !== "--dry-run" && !/^--modules=./.test(argument),
);
const [rev = "main", ...more] = args.filter((argument) => !argument.startsWith("--"));
if (unknown !== undefined || more.length > 0) fail("usage: npm run release [-- REV] [--dry-run] [--modules=DIR]");

const temporary = mkdtempSync(join(tmpdir(), "muxi-git-release-"));
process.once("exit", () => rmSync(temporary, { recursive: true, force: true }));
const env = { ...process.env };
// What a hook or another git around us has set is about another repository; COVERAGE builds other bundles.
for (const name of Object.keys(env))
  if (name.startsWith("GIT_") && !/^GIT_(?:COMMITTER|CONFIG_)/.test(name)) delete env[name];
delete env.COVERAGE;

function fail(message) {
  process.stderr.write(`muxi-git: error: ${message}\n`);
  process.exit(2);
}

function run(command, given, options = {}) {
  const result = spawnSync(command, given, { cwd: ROOT, env, maxBuffer: 1 << 28, ...options });
  if (result.status !== 0) {
    fail(`'${command} ${given.join(" ")}' failed${result.stderr ? `: ${result.stderr.toString().trim()}` : ""}`);
  }
  return result.stdout?.toString("utf8") ?? "";
}

const git = (given, options) => run("git", given, options).trim();

const parent = git(["rev-parse", "--verify", "--quiet", "--end-of-options", `${rev}^{commit}`]);
const manifest = JSON.parse(git(["show", `${parent}:package.json`]));
const tag = `v${manifest.version}`;

const source = join(temporary, "source");
mkdirSync(source);
env.GIT_INDEX_FILE = join(temporary, "index");
if (dryRun) {
  // New objects go where the rest goes; git reads the repository's beside them.
  env.GIT_ALTERNATE_OBJECT_DIRECTORIES = resolve(ROOT, git(["rev-parse", "--git-path", "objects"]));
  env.GIT_OBJECT_DIRECTORY = join(temporary, "objects");
  mkdirSync(env.GIT_OBJECT_DIRECTORY);
}
git(["read-tree", parent]);
git(["checkout-index", "--all", `--prefix=${source}/`]);
if (modules !== undefined) symlinkSync(resolve(modules), join(source, "node_modules"));
run(process.execPath, [join(source, "scripts", "build.mjs")], { cwd: source, stdio: ["ignore", 2, 2] });

const { scripts: _scripts, devDependencies: _devDependencies, ...released } = manifest;
const entries = [
  [
    git(["hash-object", "-w", "--stdin"], { input: `${JSON.stringify(released, null, 2)}\n` }),
    "100644",
    "package.json",
  ],
  ...readdirSync(join(source, "dist"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const bytes = readFileSync(file);
      // The file's own mode depends on who builds.
      const mode = bytes.toString("latin1", 0, 2) === "#!" ? "100755" : "100644";
      return [
        git(["hash-object", "-w", "--no-filters", "--", file]),
        mode,
        relative(source, file).split(sep).join("/"),
      ];
    }),
];
git(["update-index", "-z", "--index-info"], {
  input: [
    `0 ${"0".repeat(parent.length)}\tpackage-lock.json`,
    ...entries.map(([oid, mode, path]) => `${mode} ${oid}\t${path}`),
  ]
    .map((line) => `${line}\0`)
    .join(""),
});
const tree = git(["write-tree"]);
const [name, email, date] = git(["show", "-s", "--format=%cn%x00%ce%x00%cI", parent]).split("\0");
const commit = git(["commit-tree", tree, "-p", parent], {
  input: `release: ${tag}, with dist/\n\nMade by scripts/release.mjs from the parent commit.\n`,
  env: {
    ...env,
    ...{ GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_AUTHOR_DATE: date },
    ...{ GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email, GIT_COMMITTER_DATE: date },
  },
});

for (const [oid, mode, path] of entries) process.stdout.write(`${mode} ${oid} ${path}\n`);
process.stdout.write(`${tag}: commit ${commit} beside ${rev} (${parent})\n`);
const existing = spawnSync("git", ["rev-parse", "--verify", "--quiet", `refs/tags/${tag}^{commit}`], {
  cwd: ROOT,
  env,
});
if (existing.status === 0) {
  const there = existing.stdout.toString().trim();
  if (there !== commit)
    fail(`the tag '${tag}' is there already and leads to ${there}: raise 'version' in package.json`);
  process.stdout.write(`the tag '${tag}' leads to this commit already\n`);
} else if (dryRun) {
  process.stdout.write("nothing was changed\n");
} else {
  git(["tag", "-a", "-m", `muxi-git ${manifest.version}`, tag, commit]);
  process.stdout.write(`tagged; nothing was pushed: git push origin ${tag}\nto undo: git tag -d ${tag}\n`);
}
