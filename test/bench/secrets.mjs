/**
 * What `secrets list`, `get` and `set` take, beside `node -e 0`: as `npx` starts
 * them, and from the copy that install made. Interleaved, medians of `--runs=N` (20).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { base, initialised, MAIN, medians, nodeAlone, run, runsWanted, time } from "../support/measure.mjs";

const root = join(base, "formation");
mkdirSync(join(root, "agents"), { recursive: true });
initialised(root);
writeFileSync(
  join(root, "formation.afs"),
  'id: bench\nllm:\n  api_keys:\n    openai: "${{ secrets.OPENAI_API_KEY }}"\n',
);
writeFileSync(join(root, "agents", "mail.afs"), 'token: "${{ secrets.MAIL_TOKEN }}"\n');
writeFileSync(join(root, "secrets"), "OPENAI_API_KEY=\nMAIL_TOKEN=\n");
writeFileSync(join(root, "value"), "one\n");
run(root, process.execPath, MAIN, "secrets", "set", "OPENAI_API_KEY", "--from-file", "value");
run(root, process.execPath, MAIN, "install");
const vendored = join(root, ".git", "muxi-git", "main.cjs");

let round = 0;
function set(main) {
  round += 1;
  writeFileSync(join(root, "value"), `a made-up value, number ${round}\n`);
  return time(root, process.execPath, main, "secrets", "set", "OPENAI_API_KEY", "--from-file", "value");
}

const measured = medians(3, runsWanted(20), () => ({
  node: nodeAlone(),
  list: time(root, process.execPath, MAIN, "secrets", "list"),
  get: time(root, process.execPath, MAIN, "secrets", "get", "OPENAI_API_KEY"),
  set: set(MAIN),
  "list, installed": time(root, process.execPath, vendored, "secrets", "list"),
  "set, installed": set(vendored),
}));
for (const [name, value] of Object.entries(measured)) {
  const times = name === "node" ? "" : ` = ${(value / measured.node).toFixed(2)} x node -e 0`;
  console.log(`${name === "node" ? "node -e 0" : name}`.padEnd(22), `${value.toFixed(1)} ms${times}`);
}
