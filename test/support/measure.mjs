/** What the benchmarks of the commit hook share: a folder, an environment without anything of the person's, a stopwatch. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const MAIN = join(PROJECT, "dist", "main.cjs");

export const base = mkdtempSync(join(tmpdir(), "muxi-git-bench-"));
process.on("exit", () => rmSync(base, { recursive: true, force: true }));
const env = {
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  HOME: base,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@example.com",
};

/** `--runs=N` of the command line. */
export function runsWanted(usual) {
  return Number(process.argv.find((argument) => argument.startsWith("--runs="))?.slice(7) ?? usual);
}

export function run(cwd, command, ...args) {
  const result = spawnSync(command, args, { cwd, env, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

/** Milliseconds. */
export function time(cwd, ...command) {
  const start = process.hrtime.bigint();
  run(cwd, ...command);
  return Number(process.hrtime.bigint() - start) / 1e6;
}

export function nodeAlone() {
  return time(base, process.execPath, "-e", "0");
}

export function initialised(root) {
  run(root, "git", "init", "-q");
  run(root, "git", "config", "commit.gpgsign", "false");
  run(root, "git", "config", "gc.auto", "0");
}

/** Median of each thing measured in one turn, after `warmUp` turns that do not count. */
export function medians(warmUp, runs, turn) {
  const series = {};
  for (let at = -warmUp; at < runs; at += 1) {
    const measured = turn();
    if (at < 0) continue;
    for (const [name, value] of Object.entries(measured)) series[name] = [...(series[name] ?? []), value];
  }
  const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
  return Object.fromEntries(Object.entries(series).map(([name, values]) => [name, middle(values)]));
}
