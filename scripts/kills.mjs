/** Kill muxi-git at random: `npm run kills -- [N [SEED]]`. See test/bench/kills.ts. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureBuilt, ROOT } from "./setup.mjs";

ensureBuilt();
const args = ["--import", "tsx", join(ROOT, "test", "bench", "kills.ts"), ...process.argv.slice(2)];
process.exitCode = spawnSync(process.execPath, args, { cwd: ROOT, stdio: "inherit" }).status ?? 1;
