/** Changes of secrets at once, and changes that are killed: nothing is lost, and what is left opens. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { normalizeName } from "../../src/formation/names.ts";
import { parseTemplate, templateEntries } from "../../src/formation/template.ts";
import { fakeKey } from "../support/fake.ts";
import { openWith, writeFormation } from "../support/formation.ts";
import { NOT_EVERY_DAY, SLOW } from "../support/gits.ts";
import { MAIN, preparedRepo, type TempRepo } from "../support/repo.ts";
import { stopAt } from "../support/stop-at.ts";

const committed = preparedRepo((repo) => {
  const made = writeFormation(repo, "bot", { OPENAI_API_KEY: "one", STALE_API_KEY: "two" });
  repo.write("bot/formation.afs", 'a: "${{ secrets.OPENAI_API_KEY }}"\n');
  repo.write(".gitignore", ".key\n");
  repo.git("add", "-A");
  repo.git("commit", "-qm", "bot");
  return made;
});

function start(repo: TempRepo, input: string, ...args: string[]): Promise<{ code: number | null; stderr: string }> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: repo.root, env: repo.env });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.stdout.resume();
    child.stdin.end(input);
    child.on("close", (code) => done({ code, stderr }));
  });
}

/** Every value; what stands there must open with the key beside it, and every name must be in the template. */
function valuesLeft(repo: TempRepo, where: string): Record<string, string> {
  const secrets = openWith(repo.read("bot/.key").toString(), repo.read("bot/secrets.enc"));
  assert.ok(secrets !== null, `${where}: secrets.enc does not open`);
  const entries = templateEntries(parseTemplate(repo.read("bot/secrets").toString()));
  const names = new Set(entries.map((entry) => normalizeName(entry.name)));
  for (const name of secrets.keys()) assert.ok(names.has(name), `${where}: ${name} is not in the template`);
  return Object.fromEntries([...secrets].map(([name, value]) => [name, value.kind === "string" ? value.value : "?"]));
}

function assertNoTraces(repo: TempRepo, where: string): void {
  for (const folder of [repo.path("bot"), repo.path(".git")]) {
    const left = readdirSync(folder).filter((name) => /muxi-git-.*(lock|tmp|next-key)$|\.tmp$/.test(name));
    assert.deepEqual(left, [], where);
  }
}

test("many commands at once lose nothing, and MUXI's own writes stay whole", async (t) => {
  const { repo } = committed(t);
  const count = SLOW ? 50 : 8;
  const names = Array.from({ length: count }, (_, at) => `NAME_${at}`);
  const all = [
    ...names.map((name) => start(repo, `value of ${name}\n`, "secrets", "set", name, "--stdin", "-F", "bot")),
    start(repo, "", "secrets", "delete", "STALE_API_KEY"),
    start(repo, "", "normalize"),
    start(repo, "", "secrets", "sync"),
  ];
  for (const ran of await Promise.all(all)) assert.equal(ran.code, 0, ran.stderr);
  const expected = Object.fromEntries(names.map((name) => [name, `value of ${name}`]));
  assert.deepEqual(valuesLeft(repo, "at once"), { ...expected, OPENAI_API_KEY: "one" });
  assertNoTraces(repo, "at once");
});

interface Killed {
  args: string[];
  prepare?(repo: TempRepo): void;
  /** A further case of what another tries every day. */
  slow?: boolean;
  /** What the values may be afterwards. */
  outcomes: Record<string, string>[];
}

const before = { OPENAI_API_KEY: "one", STALE_API_KEY: "two" };
const KILLED: Record<string, Killed> = {
  set: {
    args: ["secrets", "set", "NEW_API_KEY", "--from-file", "value"],
    outcomes: [before, { ...before, NEW_API_KEY: "three" }],
  },
  delete: { slow: true, args: ["secrets", "delete", "STALE_API_KEY"], outcomes: [before, { OPENAI_API_KEY: "one" }] },
  rotate: { slow: true, args: ["key", "rotate"], outcomes: [before] },
  "setup --new-key": {
    slow: true,
    args: ["secrets", "setup", "--new-key", "--yes"],
    prepare: (repo) => repo.write("bot/.key", fakeKey(), 0o600),
    outcomes: [{}],
  },
};

for (const [name, { args, prepare, slow, outcomes }] of Object.entries(KILLED)) {
  test(`${name}, killed at any step, leaves what opens, and the next command goes on`, {
    skip: slow ? NOT_EVERY_DAY : false,
  }, (t) => {
    const { repo, made } = committed(t);
    const files = ["bot/.key", "bot/secrets", "bot/secrets.enc"] as const;
    repo.write("value", "three\n");
    prepare?.(repo);
    const start = files.map((file) => repo.read(file));
    const log = join(repo.base, "steps");
    const counted = stopAt(repo, { STOP_AT: "0", STOP_LOG: log }, ...args);
    assert.ok(counted.code < 2, counted.all);
    const steps = readFileSync(log, "utf8").trimEnd().split("\n");
    // A step changes what others see where it names a file; the rest is tried with SLOW=1.
    const seen = steps.flatMap((step, at) => (SLOW || /^renameSync/.test(step) ? [at + 1] : []));
    assert.ok(seen.length > 1, steps.join("\n"));
    for (const at of [...seen, ...(SLOW ? [] : [steps.length])]) {
      for (const how of SLOW ? ["kill", "half"] : ["kill"]) {
        for (const [index, file] of files.entries()) repo.write(file, start[index]!);
        // rotate seals what is staged as well, and holds the old key.
        repo.git("read-tree", "HEAD");
        rmSync(repo.path(".git/muxi-git-keys"), { recursive: true, force: true });
        const where = `${how} at ${at} of ${steps.length}, ${steps[at - 1]}`;
        stopAt(repo, { STOP_AT: String(at), STOP_HOW: how }, ...args);
        const listed = repo.muxi("secrets", "list");
        if (listed.code === 2 && prepare !== undefined) {
          // Nothing was given up yet: as it was, it opens with the key that was lost.
          assert.ok(openWith(made.key, repo.read("bot/secrets.enc")) !== null, `${where}: ${listed.all}`);
        } else {
          assert.equal(listed.code, 0, `${where}: ${listed.all}`);
          const left = valuesLeft(repo, where);
          assert.ok(
            outcomes.some((one) => JSON.stringify(sorted(one)) === JSON.stringify(sorted(left))),
            `${where}: ${Object.keys(left).join()}`,
          );
        }
        const again = repo.muxi(...args);
        assert.ok(again.code < 2 || prepare !== undefined, `${where}: ${again.all}`);
      }
    }
    // What a kill left is cleared by whoever takes the lock next.
    assert.equal(repo.muxi("secrets", "set", "LAST_API_KEY", "--from-file", "value").code, 0);
    assertNoTraces(repo, name);
  });
}

function sorted(values: Record<string, string>): [string, string][] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}
