/**
 * Our scan beside other scanners, in one run: MB/s and ratios.
 *
 *   (a) the hook's share of a commit of 5 small files
 *   (b) a source tree, MUXI_GIT_CORPUS/tree or the first `--mb=N` (300) of it
 *   (c) a history, MUXI_GIT_CORPUS/history, beside `git cat-file --batch-all-objects --batch` read byte by byte
 *
 * The others are fetched into MUXI_GIT_CORPUS/peers, never into the project: secretlint with its recommended rules
 * from npm, git-secrets and gitleaks as Debian packages. One that cannot be had is left out, and said to be.
 * `--only=a,b,c` picks parts; MUXI_GIT_GITLEAKS names a gitleaks that is here already.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { base, initialised, MAIN, medians, nodeAlone, run, runsWanted, time } from "../support/measure.mjs";
import { corpus } from "./corpus.mjs";

const folder = process.env.MUXI_GIT_CORPUS;
const corpora = corpus();
if (corpora === null) {
  console.error("no corpus: MUXI_GIT_CORPUS=DIR node test/bench/corpus.mjs makes one");
  process.exit(2);
}
const option = (name, usual) =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3) ?? usual;
const only = option("only", "a,b,c").split(",");
const peers = join(folder, "peers");
mkdirSync(peers, { recursive: true });

/** A program that the system's package manager can fetch without installing it; undefined where it cannot. */
function fromDebian(name, file) {
  const root = join(peers, name);
  const program = join(root, file);
  if (!existsSync(program)) {
    mkdirSync(root, { recursive: true });
    spawnSync("apt-get", ["download", "-q", name], { cwd: root, stdio: "ignore" });
    const deb = readdirSync(root).find((one) => one.endsWith(".deb"));
    if (deb !== undefined) spawnSync("dpkg", ["-x", join(root, deb), root], { stdio: "ignore" });
  }
  return existsSync(program) ? program : undefined;
}

function secretlint() {
  const root = join(peers, "secretlint");
  const program = join(root, "node_modules", ".bin", "secretlint");
  if (!existsSync(program)) {
    mkdirSync(root, { recursive: true });
    const names = ["secretlint", "@secretlint/secretlint-rule-preset-recommend"];
    spawnSync("npm", [
      "install",
      "--silent",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--prefix",
      root,
      ...names,
    ]);
  }
  if (!existsSync(program)) return undefined;
  const rules = join(root, "rules.json");
  writeFileSync(rules, JSON.stringify({ rules: [{ id: "@secretlint/secretlint-rule-preset-recommend" }] }));
  return (...paths) => ["node", program, "--secretlintrc", rules, ...paths];
}

const gitleaks =
  process.env.MUXI_GIT_GITLEAKS ??
  [join(peers, "sid", "run", "gitleaks")].find(existsSync) ??
  fromDebian("gitleaks", "usr/bin/gitleaks");
const gitSecrets =
  fromDebian("git-secrets", "usr/lib/git-core/git-secrets") ?? fromDebian("git-secrets", "usr/bin/git-secrets");
const lint = secretlint();
for (const [name, there] of Object.entries({ gitleaks, "git-secrets": gitSecrets, secretlint: lint }))
  if (there === undefined) console.log(`${name} cannot be had here and is left out`);

/** Seconds of a command that may say "found" with any code. */
function seconds(cwd, [command, ...args]) {
  const start = process.hrtime.bigint();
  const result = spawnSync(command, args, {
    cwd,
    env: {
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      HOME: base,
      GIT_CONFIG_NOSYSTEM: "1",
      LC_ALL: "C",
    },
    stdio: ["ignore", "ignore", "pipe"],
    maxBuffer: 1 << 26,
  });
  if (result.error !== undefined) throw result.error;
  return { seconds: Number(process.hrtime.bigint() - start) / 1e9, code: result.status, said: String(result.stderr) };
}

/** The floor: every file read, every byte looked at. */
const READER = `
  import { readdirSync, readFileSync } from "node:fs";
  import { join } from "node:path";
  let sum = 0;
  for (const entry of readdirSync(process.argv[1], { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = readFileSync(join(entry.parentPath, entry.name));
    for (let i = 0; i < bytes.length; i++) sum ^= bytes[i];
  }
  process.exitCode = sum & 1;
`;

const PATTERNS = ["register-aws"];
function withPatterns(root) {
  for (const one of PATTERNS) run(root, "bash", gitSecrets, `--${one}`, "--global");
}

if (only.includes("a")) {
  console.log("(a) 5 staged files");
  const hooks = {
    "muxi-git": (root) => run(root, process.execPath, MAIN, "install"),
    ...(gitleaks && { gitleaks: (root) => hook(root, `exec "${gitleaks}" git --pre-commit --staged --no-banner`) }),
    ...(gitSecrets && {
      "git-secrets": (root) => {
        withPatterns(root);
        hook(root, `exec bash "${gitSecrets}" --pre_commit_hook -- "$@"`);
      },
    }),
    ...(lint && {
      secretlint: (root) => {
        const words = lint().map((word) => `"${word}"`);
        hook(root, `git diff --cached --name-only -z --diff-filter=ACMR | xargs -0 ${words.join(" ")}`);
      },
    }),
  };
  const hook = (root, line) =>
    writeFileSync(join(root, ".git", "hooks", "pre-commit"), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  const roots = Object.fromEntries(
    ["none", ...Object.keys(hooks)].map((name) => [name, repository(name, hooks[name])]),
  );
  let round = 0;
  const commit = (root) => {
    round += 1;
    for (let file = 0; file < 5; file += 1)
      writeFileSync(join(root, `file-${file}.md`), `round ${round}\n${"line of text\n".repeat(40)}`);
    run(root, "git", "add", "-A");
    return time(root, "git", "commit", "-qm", `round ${round}`);
  };
  const median = medians(1, runsWanted(10), () => ({
    node: nodeAlone(),
    ...Object.fromEntries(Object.entries(roots).map(([name, root]) => [name, commit(root)])),
  }));
  for (const name of Object.keys(hooks)) {
    const share = median[name] - median.none;
    console.log(
      `  ${name.padEnd(12)} ${share.toFixed(0).padStart(6)} ms = ${(share / median.node).toFixed(2)} x node -e 0`,
    );
  }
}

function repository(name, protect) {
  const root = join(base, `commit-${name}`);
  mkdirSync(root);
  initialised(root);
  writeFileSync(join(root, "README.md"), "a project\n");
  protect?.(root);
  run(root, "git", "add", "-A");
  run(root, "git", "commit", "-qm", "first");
  return root;
}

/** Packages of the corpus up to a size, linked into a folder: every scanner reads the same files. */
function slice(megabytes) {
  const tree = join(folder, `slice-${megabytes}`);
  let bytes = 0;
  let files = 0;
  for (const name of readdirSync(corpora.tree).sort((a, b) => (hash(a) < hash(b) ? -1 : 1))) {
    if (bytes > megabytes * 1e6) break;
    for (const entry of readdirSync(join(corpora.tree, name), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const from = join(entry.parentPath, entry.name);
      const to = join(tree, from.slice(corpora.tree.length + 1));
      bytes += statSync(from).size;
      files += 1;
      if (existsSync(to)) continue;
      mkdirSync(dirname(to), { recursive: true });
      linkSync(from, to);
    }
  }
  return { tree, bytes, files };
}

/** An order that mixes large and small packages and is the same everywhere. */
function hash(name) {
  let sum = 7;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 1_000_003;
  return sum;
}

if (only.includes("b")) {
  const { tree, bytes, files } = slice(Number(option("mb", "300")));
  console.log(`(b) a tree of ${files} files, ${(bytes / 1e6).toFixed(0)} MB`);
  // A first reading, so that no scanner pays for the disk.
  seconds(tree, ["sh", "-c", "find . -type f -print0 | xargs -0 cat >/dev/null"]);
  const all = {
    "bytes read": [process.execPath, "--input-type=module", "-e", READER, tree],
    "muxi-git": [process.execPath, MAIN, "scan", "--format", "json", tree],
    ...(gitleaks && { gitleaks: [gitleaks, "dir", "--no-banner", "--exit-code", "0", "--redact", tree] }),
    ...(lint && { secretlint: lint("--format", "json", "**/*") }),
    ...(gitSecrets && { "git-secrets": ["sh", "-c", `bash "${gitSecrets}" --scan -r --no-index . || :`] }),
  };
  let [reading, ours] = [0, 0];
  for (const [name, command] of Object.entries(all)) {
    if (name === "git-secrets") withPatterns(base);
    const { seconds: took, code, said } = seconds(tree, command);
    if (name === "bytes read") reading = took;
    if (took < reading / 4) {
      console.log(`  ${name.padEnd(12)} did not read it: ended after ${took.toFixed(2)} s`);
      continue;
    }
    if (name === "muxi-git") ours = took;
    const ratio = name === "bytes read" ? "" : `  ${(took / ours).toFixed(1)} x ours`;
    const ended = code === 0 || code === 1 ? "" : `  ended with ${code}: ${said.slice(0, 80)}`;
    console.log(
      `  ${name.padEnd(12)} ${took.toFixed(1).padStart(7)} s  ${(bytes / 1e6 / took).toFixed(0).padStart(5)} MB/s${ratio}${ended}`,
    );
  }
}

if (only.includes("c") && existsSync(corpora.history)) {
  const batch = ["cat-file", "--batch-all-objects", "--batch"];
  const [count, floor] = await read(corpora.history, batch);
  console.log(`(c) a history, ${(count / 1e6).toFixed(0)} MB of objects`);
  console.log(`  cat-file     ${floor.toFixed(1).padStart(7)} s`);
  for (const [name, command] of Object.entries({
    "muxi-git": [process.execPath, MAIN, "scan", "--history", "--format", "json"],
    ...(gitleaks && { gitleaks: [gitleaks, "git", "--no-banner", "--exit-code", "0", "--redact", "."] }),
  })) {
    const { seconds: took, code, said } = seconds(corpora.history, command);
    const ended = code === 0 || code === 1 ? "" : `  ended with ${code}: ${said.slice(0, 80)}`;
    console.log(
      `  ${name.padEnd(12)} ${took.toFixed(1).padStart(7)} s  ${(took / floor).toFixed(2)} x cat-file${ended}`,
    );
  }
}

/** Seconds that git's output takes to be read byte by byte. */
function read(cwd, args) {
  return new Promise((resolve) => {
    const start = process.hrtime.bigint();
    let bytes = 0;
    let sum = 0;
    const child = spawn("git", args, { cwd, stdio: ["ignore", "pipe", "ignore"] });
    child.stdout.on("data", (chunk) => {
      bytes += chunk.length;
      for (let i = 0; i < chunk.length; i++) sum ^= chunk[i];
    });
    child.on("close", () => resolve([bytes, Number(process.hrtime.bigint() - start) / 1e9, sum]));
  });
}
