/**
 * What the hook adds to a commit of 5 small files, beside `node -e 0` and beside
 * the same commit without a hook. Interleaved, medians of `--runs=N` (20).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { base, initialised, MAIN, medians, nodeAlone, run, runsWanted, time } from "../support/measure.mjs";

/** A repository with a formation that has secrets, its key, and a first commit. */
function repository(name, installed) {
  const root = join(base, name);
  mkdirSync(join(root, "agents"), { recursive: true });
  initialised(root);
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

const {
  node,
  plain: without,
  hooked: withHook,
} = medians(3, runsWanted(20), () => ({ node: nodeAlone(), plain: commit(plain), hooked: commit(hooked) }));
const share = withHook - without;
console.log(`node -e 0                ${node.toFixed(1)} ms`);
console.log(`git commit, no hook      ${without.toFixed(1)} ms`);
console.log(`git commit, with hook    ${withHook.toFixed(1)} ms`);
console.log(`the hook's share         ${share.toFixed(1)} ms = ${(share / node).toFixed(2)} x node -e 0`);
