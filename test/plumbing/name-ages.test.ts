/** Since when each name has its value, from real histories. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openBlobReader } from "../../src/git/cat-file.ts";
import { judgeAges } from "../../src/plumbing/age-limit.ts";
import { type LastChange, StoredHistory } from "../../src/plumbing/name-ages.ts";
import { canonicalToken } from "../../src/secrets/canonical.ts";
import { parseSecrets, type Secrets } from "../../src/secrets/json.ts";
import { type Key, keyFingerprint, parseKey } from "../../src/secrets/key.ts";
import { fakeKey } from "../support/fake.ts";
import { type TempRepo, tempRepo } from "../support/repo.ts";

const DAY = 86_400;
const START = 1_700_000_000;

function secretsOf(values: Record<string, string>): Secrets {
  return parseSecrets(Buffer.from(JSON.stringify(values)));
}

/** Commits of day 0, 1, 2, … */
class Days {
  readonly repo: TempRepo;
  #day = 0;
  constructor(repo: TempRepo) {
    this.repo = repo;
  }
  git(...args: string[]): void {
    const date = `${START + this.#day * DAY} +0000`;
    const env = { GIT_COMMITTER_DATE: date, GIT_AUTHOR_DATE: date };
    const ran = this.repo.tryWith({ env }, "git", ...args);
    assert.equal(ran.code, 0, ran.all);
    this.#day += 1;
  }
  commit(path: string, key: Key, values: Record<string, string>): void {
    this.repo.write(path, canonicalToken(secretsOf(values), key));
    this.repo.git("add", "-A");
    this.git("commit", "-qm", `day ${this.#day}`);
  }
}

/** `NAME` to the day of its last change; `-` not committed, `?` at least as old. */
function daysOf(ages: ReadonlyMap<string, LastChange>): Record<string, string> {
  const day = ({ time, exact }: LastChange) => (time === null ? "-" : `${(time - START) / DAY}`) + (exact ? "" : "?");
  return Object.fromEntries([...ages].map(([name, age]) => [name, day(age)]));
}

test("a name is as old as its value: through merges, a moved folder, a new key, and what is not committed", async (t) => {
  const repo = tempRepo(t);
  const days = new Days(repo);
  const [key, next] = [parseKey(Buffer.from(fakeKey())), parseKey(Buffer.from(fakeKey()))];
  days.commit("bot/secrets.enc", key, { A: "1", B: "1", C: "1" });
  repo.git("branch", "side");
  days.commit("bot/secrets.enc", key, { A: "2", B: "1", C: "1" });
  repo.git("checkout", "-q", "side");
  days.commit("bot/secrets.enc", key, { A: "1", B: "2", C: "1" });
  repo.git("checkout", "-q", "main");
  repo.tryWith({}, "git", "merge", "-q", "--no-commit", "side");
  // day 3: both sides, and a name that only the merge brings.
  days.commit("bot/secrets.enc", key, { A: "2", B: "2", C: "1", D: "1" });
  repo.git("mv", "bot", "moved");
  days.git("commit", "-qm", "day 4: moved");
  repo.write("other.txt", "nothing to do with it\n");
  repo.git("add", "-A");
  days.git("commit", "-qm", "day 5");
  const reader = openBlobReader(repo.root);
  t.after(() => reader.close());
  const now = { A: "2", B: "2", C: "1", D: "1" };

  const history = new StoredHistory({ topLevel: repo.root, reader });
  const ages = await history.lastChanges("moved/secrets.enc", secretsOf({ ...now, D: "not committed", E: "1" }), [key]);
  assert.deepEqual(daysOf(ages), { A: "1", B: "2", C: "0", D: "-", E: "-" });
  const since = await history.keySince(key);
  assert.deepEqual([since.time, since.exact], [START, true]);
  assert.equal((await history.keySince(next)).commit, null);

  // A new key at day 6, a new value at day 7.
  days.commit("moved/secrets.enc", next, now);
  days.commit("moved/secrets.enc", next, { ...now, A: "3" });
  const later = new StoredHistory({ topLevel: repo.root, reader });
  const current = secretsOf({ ...now, A: "3" });
  const both = await later.lastChanges("moved/secrets.enc", current, [next, key]);
  assert.deepEqual(daysOf(both), { A: "7", B: "2", C: "0", D: "3" });
  // Without the old key nobody knows what was before the rotation.
  const only = await later.lastChanges("moved/secrets.enc", current, [next]);
  assert.deepEqual(daysOf(only), { A: "7", B: "6?", C: "6?", D: "6?" });
  assert.equal((await later.keySince(next)).time, START + 6 * DAY, keyFingerprint(next));

  repo.git("clone", "-q", "--depth=1", `file://${repo.root}`, `${repo.base}/shallow`);
  const shallow = openBlobReader(`${repo.base}/shallow`);
  t.after(() => shallow.close());
  const cut = new StoredHistory({ topLevel: `${repo.base}/shallow`, reader: shallow });
  assert.deepEqual(daysOf(await cut.lastChanges("moved/secrets.enc", current, [next])), {
    A: "7?",
    B: "7?",
    C: "7?",
    D: "7?",
  });
});

test("links are followed as MUXI does, and a repository without a commit has no ages", async (t) => {
  const repo = tempRepo(t);
  const days = new Days(repo);
  const key = parseKey(Buffer.from(fakeKey()));
  const reader = openBlobReader(repo.root);
  t.after(() => reader.close());
  const none = new StoredHistory({ topLevel: repo.root, reader });
  assert.deepEqual(daysOf(await none.lastChanges("a/secrets.enc", secretsOf({ A: "1" }), [key])), { A: "-" });
  assert.equal((await none.keySince(key)).time, null);

  repo.git("config", "core.symlinks", "true");
  repo.write("a/x", "");
  repo.try("ln", "-s", "../shared/secrets.enc", repo.path("a/secrets.enc"));
  days.commit("shared/secrets.enc", key, { A: "1", B: "1" });
  days.commit("shared/secrets.enc", key, { A: "1", B: "2" });
  const history = new StoredHistory({ topLevel: repo.root, reader });
  const ages = await history.lastChanges("a/secrets.enc", secretsOf({ A: "1", B: "2" }), [key]);
  assert.deepEqual(daysOf(ages), { A: "0", B: "1" });
});

test("an age that counts from a change of key is told apart, unless nothing before is known anyway", () => {
  const at = (exact: boolean): LastChange => ({ commit: "c", time: START, exact });
  const names = new Map([
    ["A", at(false)],
    ["B", at(true)],
  ]);
  const judged = (reason: string | null) =>
    judgeAges([{ path: "bot", key: at(true), names, reason }], 1, (START + DAY) * 1000);
  assert.deepEqual(judged(null), { problems: [], unknown: [], hidden: 1 });
  assert.deepEqual(judged("shallow").hidden, 0);
});
