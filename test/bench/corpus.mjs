/**
 * The corpora that the benches and the false-alarm counts read, made from published packages, each at a pinned
 * version (corpus.json), so that a number of today can be compared with one of next year:
 *
 *   $MUXI_GIT_CORPUS/tree      packages unpacked, one folder each: ordinary code and configuration
 *   $MUXI_GIT_CORPUS/history   a repository with one commit for each published version of 20 packages, packed
 *
 *   MUXI_GIT_CORPUS=DIR node test/bench/corpus.mjs [tree] [history]
 *
 * The folder is a cache: what is there is kept. Nothing of a package is run (`npm pack` reads a tarball, no script).
 */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const folder = process.env.MUXI_GIT_CORPUS;
/** Packages that one npm fetches in one run. */
const AT_ONCE = 12;

/** Where the corpora are, or null where this machine has none. */
export function corpus() {
  if (folder === undefined || !existsSync(join(folder, "tree"))) return null;
  return { tree: join(folder, "tree"), history: join(folder, "history") };
}

function pinned() {
  return JSON.parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), "corpus.json"), "utf8"));
}

/** `@scope/name@1.2.3` → the name npm gives its tarball. */
function tarball(spec) {
  const at = spec.lastIndexOf("@");
  return `${spec.slice(0, at).replace("@", "").replace("/", "-")}-${spec.slice(at + 1)}.tgz`;
}

async function fetchAll(specs) {
  const tarballs = join(folder, "tarballs");
  mkdirSync(tarballs, { recursive: true });
  const missing = specs.filter((spec) => !existsSync(join(tarballs, tarball(spec))));
  const groups = [];
  for (let at = 0; at < missing.length; at += AT_ONCE) groups.push(missing.slice(at, at + AT_ONCE));
  const worker = async () => {
    for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
      const args = ["pack", "--silent", "--ignore-scripts", "--pack-destination", tarballs, ...group];
      await promisify(execFile)("npm", args, { cwd: folder });
    }
  };
  await Promise.all([worker(), worker()]);
  return (spec) => join(tarballs, tarball(spec));
}

function unpack(file, to) {
  mkdirSync(to, { recursive: true });
  run(folder, "tar", "-xzf", file, "--strip-components=1", "--no-same-owner", "--no-same-permissions", "-C", to);
  // Some packages hold folders that nobody may enter.
  run(folder, "chmod", "-R", "u+rwX", to);
}

function run(cwd, command, ...args) {
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "a",
    GIT_AUTHOR_EMAIL: "a@example.com",
    GIT_AUTHOR_DATE: "2026-01-01T00:00:00Z",
    GIT_COMMITTER_NAME: "a",
    GIT_COMMITTER_EMAIL: "a@example.com",
    GIT_COMMITTER_DATE: "2026-01-01T00:00:00Z",
  };
  const result = spawnSync(command, args, { cwd, env, encoding: "utf8", maxBuffer: 1 << 28 });
  if (result.status !== 0) throw new Error(`${command} ${args.slice(0, 3).join(" ")}: ${result.stderr}`);
  return result.stdout;
}

async function makeTree() {
  const tree = join(folder, "tree");
  mkdirSync(tree, { recursive: true });
  const specs = pinned().tree;
  const file = await fetchAll(specs);
  for (const spec of specs) {
    const to = join(tree, tarball(spec).replace(/\.tgz$/, ""));
    if (existsSync(to)) continue;
    rmSync(`${to}.part`, { recursive: true, force: true });
    unpack(file(spec), `${to}.part`);
    renameSync(`${to}.part`, to);
  }
  let files = 0;
  let bytes = 0;
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    files += 1;
    bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  console.log(`tree     ${files} files, ${(bytes / 1e6).toFixed(0)} MB`);
}

async function makeHistory() {
  const history = join(folder, "history");
  if (!existsSync(history)) {
    const { versions } = pinned();
    const part = `${history}.part`;
    rmSync(part, { recursive: true, force: true });
    mkdirSync(part, { recursive: true });
    run(part, "git", "init", "-q", "-b", "main");
    run(part, "git", "config", "gc.auto", "0");
    run(part, "git", "config", "core.autocrlf", "false");
    for (const [name, list] of Object.entries(versions)) {
      const file = await fetchAll(list.map((version) => `${name}@${version}`));
      const place = join("packages", name);
      for (const version of list) {
        rmSync(join(part, place), { recursive: true, force: true });
        unpack(file(`${name}@${version}`), join(part, place));
        run(part, "git", "add", "-A", "-f", "--", place);
        run(part, "git", "commit", "-q", "--allow-empty", "-m", `${name} ${version}`);
      }
    }
    run(part, "git", "repack", "-adq", "--threads=2");
    renameSync(part, history);
  }
  const blobs =
    run(history, "git", "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split("blob").length - 1;
  console.log(`history  ${run(history, "git", "rev-list", "--count", "HEAD").trim()} commits, ${blobs} blobs`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (folder === undefined) {
    console.error("set MUXI_GIT_CORPUS to a folder with 4 GB of room; packages are fetched into it");
    process.exit(2);
  }
  mkdirSync(folder, { recursive: true });
  const wanted = process.argv.slice(2);
  if (wanted.length === 0 || wanted.includes("tree")) await makeTree();
  if (wanted.length === 0 || wanted.includes("history")) await makeHistory();
}
