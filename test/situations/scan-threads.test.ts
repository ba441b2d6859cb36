import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { linkSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fakeGroqKey } from "../support/fake.ts";
import { writeFormation } from "../support/formation.ts";
import { isolatedEnvironment, MAIN, tempRepo } from "../support/repo.ts";

const FILES = 320;
const SIZE = 200_000;

/** Says on stderr how many threads there were. */
const COUNTED = `
  const threads = require("node:worker_threads");
  let count = 0;
  threads.Worker = class extends threads.Worker { constructor(...args) { super(...args); count += 1; } };
  process.on("exit", () => process.stderr.write("threads: " + count));
`;

test("a large scan in threads answers as a small one: same settings, same values, same order", (t) => {
  const repo = tempRepo(t);
  const { base, root } = repo;
  const { secrets } = writeFormation(repo, "bot");
  const [name = "", value = ""] = Object.entries(secrets)[0]!;
  const custom = {
    id: "custom-order",
    pattern: "ord_([a-z0-9]{12})(?![a-z0-9])",
    keywords: ["ord_"],
    message: "an order",
  };
  const severities = [{ paths: ["files/**"], rules: ["custom-order"], severity: "warning", reason: "old orders" }];
  repo.write("muxi-git.json", JSON.stringify({ ignore: ["**/31?.txt"], rules: { custom: [custom], severities } }));
  repo.write("plain", "the agent returns a value\n".repeat(SIZE / 26));
  const secretsIn: Record<number, string> = {
    0: `key: ${fakeGroqKey("first")}`,
    260: `key: ${fakeGroqKey("thread")}`,
    280: `x ${value} y`,
    290: "ord_abcabcabcabc",
    315: `key: ${fakeGroqKey("ignored")}`,
    319: `x ${value} y`,
  };
  const path = (index: number) => `files/${String(index).padStart(3, "0")}.txt`;
  repo.write(path(0), "");
  for (let index = 0; index < FILES; index++) {
    const secret = secretsIn[index];
    if (secret !== undefined) repo.write(path(index), `${secret}\n`);
    else linkSync(join(root, "plain"), join(root, path(index)));
  }
  const preload = join(base, "counted.cjs");
  writeFileSync(preload, COUNTED);
  const env = { ...isolatedEnvironment(base), NODE_OPTIONS: `--require ${preload}` };
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [MAIN, "scan", "--json", ...args], {
      cwd: root,
      env,
      encoding: "utf8",
      maxBuffer: 1 << 24,
    });
  const found = ({ stdout }: { stdout: string }) =>
    (
      JSON.parse(stdout) as { findings: { path: string; rule: string; severity: string; name?: string }[] }
    ).findings.map((finding) => [finding.path, finding.rule, finding.severity, finding.name]);

  const large = run("files");
  assert.equal(large.status, 1, large.stderr);
  assert.equal(large.stderr, `threads: ${availableParallelism() > 1 ? 1 : 0}`);
  assert.deepEqual(found(large), [
    [path(0), "groq-key", "error", undefined],
    [path(260), "groq-key", "error", undefined],
    [path(280), "known-value", "error", name],
    [path(290), "custom-order", "warning", undefined],
    [path(319), "known-value", "error", name],
  ]);
  assert.ok(!large.stdout.includes(value));
  const small = run(...Object.keys(secretsIn).map((index) => path(Number(index))));
  assert.equal(small.stderr, "threads: 0");
  assert.deepEqual(found(small), found(large));
});
