/** `key rotate`, killed or failing at its steps: what is sealed always opens with a key that is here, and the next run finishes. */
import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fakeKey } from "../support/fake.ts";
import { freshToken, goJson, openWith, writeFormation } from "../support/formation.ts";
import { type TempRepo, tempRepo } from "../support/repo.ts";
import { stopAt } from "../support/stop-at.ts";

/** Every so many steps; all with SLOW=1. */
const SLOW = process.env.SLOW === "1";
const EVERY = SLOW ? 1 : 17;

/** Keys that this tool looks for: in place, held, noted for what comes next. */
function keysHere(repo: TempRepo): string[] {
  const held = repo.path(".git/muxi-git-keys");
  const names = existsSync(held) ? readdirSync(held).filter((name) => /^[0-9a-f]{16}$/.test(name)) : [];
  const noted = repo.path(".git/muxi-git-next-key");
  return [
    ...["a/.key", "b/.key"].map((path) => repo.read(path).toString()),
    ...names.map((name) => readFileSync(join(held, name), "utf8")),
    ...(existsSync(noted) ? [(JSON.parse(readFileSync(noted, "utf8")) as { key: string }).key] : []),
  ];
}

function valuesUnder(keys: readonly string[], token: Buffer): string | null {
  for (const key of new Set(keys)) {
    const secrets = openWith(key, token);
    if (secrets !== null)
      return [...secrets].map(([name, value]) => `${name}=${value.kind === "string" && value.value}`).join();
  }
  return null;
}

/** What stands in the working tree and in the index, opened. */
function everything(repo: TempRepo, keys: readonly string[]): (string | null)[] {
  const staged = repo.git("cat-file", "blob", ":a/secrets.enc");
  return [repo.read("a/secrets.enc"), repo.read("b/secrets.enc"), Buffer.from(staged)].map((one) =>
    valuesUnder(keys, one),
  );
}

test("rotate loses nothing wherever it is killed, and running it again finishes", (t) => {
  const repo = tempRepo(t);
  const key = fakeKey();
  for (const folder of ["a", "b"]) {
    writeFormation(repo, folder, { ONE: `${folder}-one`, TWO: `${folder}-two` });
    repo.write(`${folder}/.key`, key);
    repo.write(`${folder}/secrets.enc`, freshToken(key, goJson({ ONE: `${folder}-one`, TWO: `${folder}-two` })));
  }
  repo.write(".gitignore", ".key\n");
  repo.git("add", "-A");
  repo.git("commit", "-qm", "two formations with copies of a key");
  repo.write("a/secrets.enc", freshToken(key, goJson({ ONE: "only staged", TWO: "a-two" })));
  repo.git("add", "a/secrets.enc");
  repo.write("a/secrets.enc", freshToken(key, goJson({ ONE: "only on disk", TWO: "a-two" })));
  const clean = join(repo.base, "clean");
  cpSync(repo.root, clean, { recursive: true, preserveTimestamps: true });
  const before = everything(repo, [key]);
  assert.ok(!before.includes(null));

  const log = join(repo.base, "steps");
  assert.equal(stopAt(repo, { STOP_AT: "0", STOP_LOG: log }, "key", "rotate", "-F", "a").code, 0);
  const steps = readFileSync(log, "utf8").trimEnd().split("\n").length;
  assert.ok(steps > 20, `${steps}`);
  let killed = 0;
  for (const how of SLOW ? ["kill", "half", "ENOSPC"] : ["kill", "ENOSPC"]) {
    for (let step = how === "kill" ? 1 : 9; step <= steps; step += EVERY) {
      rmSync(repo.root, { recursive: true });
      cpSync(clean, repo.root, { recursive: true, preserveTimestamps: true });
      const ran = stopAt(repo, { STOP_AT: `${step}`, STOP_HOW: how }, "key", "rotate", "-F", "a");
      killed += ran.code === 0 ? 0 : 1;
      assert.deepEqual(everything(repo, keysHere(repo)), before, `${how} at step ${step}`);

      const again = repo.muxi("key", "rotate", "-F", "a");
      assert.equal(again.code, 0, `${how} at step ${step}: ${again.all}`);
      const [one, other] = ["a/.key", "b/.key"].map((path) => repo.read(path).toString());
      assert.equal(one, other);
      assert.notEqual(one, key);
      assert.deepEqual(everything(repo, [one!]), before, `after ${how} at step ${step}`);
      assert.ok(!existsSync(repo.path(".git/muxi-git-next-key")));
    }
  }
  // A full disk late on fails nothing any more.
  assert.ok(killed >= steps / EVERY, `${killed}`);
});
