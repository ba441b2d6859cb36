/**
 * What the hook adds to a commit of 5 small files, beside `node -e 0` and beside
 * the same commit without a hook. Interleaved, medians of `--runs=N` (20).
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const MAIN = join(PROJECT, "dist", "main.cjs");
const runs = Number(process.argv.find((argument) => argument.startsWith("--runs="))?.slice(7) ?? 20);
const WARM_UP = 3;

const base = mkdtempSync(join(tmpdir(), "muxi-git-bench-"));
const env = {
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  HOME: base,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@example.com",
};

function run(cwd, command, ...args) {
  const result = spawnSync(command, args, { cwd, env, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

/** A repository with a formation that has secrets, its key, and a first commit. */
function repository(name, installed) {
  const root = join(base, name);
  mkdirSync(join(root, "agents"), { recursive: true });
  run(root, "git", "init", "-q");
  run(root, "git", "config", "commit.gpgsign", "false");
  run(root, "git", "config", "gc.auto", "0");
  const key = Buffer.from(Array.from({ length: 32 }, (_, at) => at * 7 + 3));
  writeFileSync(join(root, ".key"), key.toString("base64").replaceAll("+", "-").replaceAll("/", "_"), { mode: 0o600 });
  writeFileSync(join(root, ".gitignore"), ".key\n");
  writeFileSync(
    join(root, "formation.afs"),
    'id: bench\nllm:\n  api_keys:\n    openai: "${{ secrets.OPENAI_API_KEY }}"\n',
  );
  writeFileSync(join(root, "secrets"), "OPENAI_API_KEY=\n");
  if (installed) {
    run(root, process.execPath, MAIN, "install");
    // The clean filter encrypts it: plaintext never enters the object database.
    writeFileSync(join(root, "secrets.enc"), JSON.stringify({ OPENAI_API_KEY: "a made-up value of some length 0419" }));
  }
  run(root, "git", "add", "-A");
  run(root, "git", "commit", "-qm", "first");
  return root;
}

const plain = repository("plain", false);
const hooked = repository("hooked", true);

let round = 0;
function commit(root) {
  round += 1;
  for (let file = 0; file < 5; file += 1) {
    writeFileSync(
      join(root, "agents", `agent-${file}.afs`),
      `id: agent-${file}\n# round ${round}\n${"line of text\n".repeat(40)}`,
    );
  }
  run(root, "git", "add", "agents");
  return time(root, "git", "commit", "-qm", `round ${round}`);
}

function time(cwd, ...command) {
  const start = process.hrtime.bigint();
  run(cwd, ...command);
  return Number(process.hrtime.bigint() - start) / 1e6;
}

const series = { node: [], plain: [], hooked: [] };
for (let turn = -WARM_UP; turn < runs; turn += 1) {
  const measured = { node: time(base, process.execPath, "-e", "0"), plain: commit(plain), hooked: commit(hooked) };
  if (turn >= 0) for (const name of Object.keys(series)) series[name].push(measured[name]);
}
rmSync(base, { recursive: true, force: true });

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const [node, without, withHook] = [median(series.node), median(series.plain), median(series.hooked)];
const share = withHook - without;
console.log(`node -e 0                ${node.toFixed(1)} ms`);
console.log(`git commit, no hook      ${without.toFixed(1)} ms`);
console.log(`git commit, with hook    ${withHook.toFixed(1)} ms`);
console.log(`the hook's share         ${share.toFixed(1)} ms = ${(share / node).toFixed(2)} x node -e 0`);
