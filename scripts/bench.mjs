/**
 * Run the benchmarks of test/bench/, or those named: `npm run bench -- commit`.
 * Each prints ratios of things measured side by side in one run: machines differ, ratios hold.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ensureBuilt, ROOT } from "./setup.mjs";

ensureBuilt();
const folder = join(ROOT, "test", "bench");
const [names, options] = [
  process.argv.slice(2).filter((a) => !a.startsWith("--")),
  process.argv.slice(2).filter((a) => a.startsWith("--")),
];
const files = readdirSync(folder)
  // The corpora that some of them read are made by a script of its own.
  .filter((file) => file.endsWith(".mjs") && file !== "corpus.mjs")
  .filter((file) => names.length === 0 || names.includes(file.slice(0, -4)));
for (const file of files) {
  process.stdout.write(`\n== ${file.slice(0, -4)}\n`);
  const { status } = spawnSync(process.execPath, [join(folder, file), ...options], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
