/** Run muxi-git with stop-at.cjs loaded first: its header says what STOP_AT, STOP_HOW and STOP_LOG do. */
import { join } from "node:path";
import { MAIN, PROJECT, type Ran, type TempRepo } from "./repo.ts";

export const STOP = join(PROJECT, "test", "support", "stop-at.cjs");

export function stopAt(repo: TempRepo, env: Record<string, string>, ...args: string[]): Ran {
  return repo.tryWith({ env }, process.execPath, "--require", STOP, MAIN, ...args);
}
