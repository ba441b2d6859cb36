/**
 * The filter over many files, beside git-crypt on the same files in one run.
 *
 *     node test/bench/filter.mjs [FILES] [GIT_CRYPT_FILES]
 *
 * FILES (10,000) formation folders with a secrets.enc each: add, checkout, and
 * status with every file touched. git-crypt starts a process a file, so it may
 * be given fewer; it is compared by files a second. Needs dist/ (npm run build).
 */
import { spawnSync } from "node:child_process";
import { createCipheriv, createHmac, randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const dist = process.env.MUXI_GIT_BENCH_DIST ?? join(PROJECT, "dist");
const files = Number(process.argv[2] ?? 10_000);
const peerFiles = Number(process.argv[3] ?? Math.min(files, 1_000));

const base = mkdtempSync(join(tmpdir(), "muxi-git-bench-"));
process.on("exit", () => rmSync(base, { recursive: true, force: true }));
const env = {
  ...process.env,
  HOME: base,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: join(base, ".gitconfig"),
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.com",
};

function run(cwd, command, ...args) {
  const result = spawnSync(command, args, { cwd, env, maxBuffer: 1 << 30 });
  if (result.error || result.status !== 0) {
    throw new Error(`${command} ${args.join(" ")}: ${result.error ?? result.stderr.toString().slice(0, 500)}`);
  }
  return result.stdout;
}

function seconds(action) {
  const start = process.hrtime.bigint();
  action();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/** A Fernet token as MUXI writes one: random IV, the time of writing. */
function token(key) {
  const plaintext = JSON.stringify(
    { ANTHROPIC_API_KEY: "a".repeat(100), OPENAI_API_KEY: randomBytes(24).toString("hex") },
    null,
    2,
  );
  const iv = randomBytes(16);
  const cipher = createCipheriv("aes-128-cbc", key.subarray(16), iv);
  const head = Buffer.alloc(9);
  head[0] = 0x80;
  head.writeBigUInt64BE(1_700_000_000n, 1);
  const body = Buffer.concat([head, iv, cipher.update(plaintext), cipher.final()]);
  const bytes = Buffer.concat([body, createHmac("sha256", key.subarray(0, 16)).update(body).digest()]);
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

function makeTree(root, count, attributes) {
  mkdirSync(root);
  run(root, "git", "init", "-q");
  run(root, "git", "config", "gc.auto", "0");
  writeFileSync(join(root, ".gitattributes"), attributes);
  writeFileSync(join(root, ".gitignore"), ".key\n");
  for (let at = 0; at < count; at += 1) {
    const folder = join(root, `formation-${String(at).padStart(5, "0")}`);
    mkdirSync(folder);
    const key = randomBytes(32);
    writeFileSync(join(folder, ".key"), key.toString("base64").replaceAll("+", "-").replaceAll("/", "_"));
    writeFileSync(join(folder, "formation.afs"), "schema: 1.0.0\n");
    writeFileSync(join(folder, "secrets.enc"), token(key));
  }
}

function touchAll(root) {
  const now = Date.now() / 1000 - 100;
  for (const folder of readdirSync(root)) {
    if (folder.startsWith("formation-")) utimesSync(join(root, folder, "secrets.enc"), now, now);
  }
}

function measure(root, count) {
  const add = seconds(() => run(root, "git", "add", "-A"));
  run(root, "git", "commit", "-qm", "all");
  for (const folder of readdirSync(root)) {
    if (folder.startsWith("formation-")) rmSync(join(root, folder, "secrets.enc"));
  }
  const checkout = seconds(() => run(root, "git", "checkout", "-q", "-f", "HEAD", "--", "."));
  touchAll(root);
  let dirty = "";
  const status = seconds(() => {
    dirty = run(root, "git", "status", "--porcelain").toString();
  });
  if (dirty !== "") throw new Error(`status is not quiet: ${dirty.slice(0, 200)}`);
  return { count, add, checkout, status };
}

const rows = [];

const ours = join(base, "ours");
makeTree(ours, files, "secrets.enc -text filter=muxi-git\n");
const runtime = join(ours, ".git", "muxi-git");
mkdirSync(runtime);
cpSync(dist, runtime, { recursive: true });
cpSync(join(PROJECT, "hooks", "run"), join(runtime, "run"));
writeFileSync(join(runtime, "node"), `${process.execPath}\n`);
run(
  ours,
  "git",
  "config",
  "filter.muxi-git.process",
  '"$(git rev-parse --git-common-dir)"/muxi-git/run filter-process',
);
run(ours, "git", "config", "filter.muxi-git.required", "true");
rows.push(["muxi-git", measure(ours, files)]);

const bare = join(base, "none");
makeTree(bare, files, "");
rows.push(["no filter", measure(bare, files)]);

if (peerFiles > 0 && spawnSync("git-crypt", ["--version"]).status === 0) {
  const peer = join(base, "peer");
  makeTree(peer, peerFiles, "secrets.enc filter=git-crypt diff=git-crypt\n");
  run(peer, "git-crypt", "init");
  rows.push(["git-crypt", measure(peer, peerFiles)]);
} else {
  console.log("git-crypt is not in PATH: not compared");
}

const show = (value, count) =>
  `${`${value.toFixed(2)} s`.padStart(9)} ${String(Math.round(count / value)).padStart(7)}/s`;
console.log("            files            add           checkout   status, all touched");
for (const [name, row] of rows) {
  console.log(
    name.padEnd(10),
    String(row.count).padStart(6),
    ...["add", "checkout", "status"].map((key) => show(row[key], row.count)),
  );
}
const [, mine] = rows[0];
const peer = rows.find(([name]) => name === "git-crypt")?.[1];
if (peer) {
  for (const key of ["add", "checkout", "status"]) {
    const ratio = mine.count / mine[key] / (peer.count / peer[key]);
    console.log(`${key}: ${ratio.toFixed(1)} times as many files a second as git-crypt`);
  }
}
