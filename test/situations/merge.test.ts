/**
 * Every operation of git that merges × what the two sides did to the secrets,
 * each result read by decrypting it, and every object and file of the repository
 * searched for the values in clear. SLOW=1 tries the
 * whole table, on every git that is given.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fakeKey, opaque } from "../support/fake.ts";
import { freshToken, goJson, openWith, writeFormation } from "../support/formation.ts";
import { type Git, triedOnGits } from "../support/gits.ts";
import { preparedRepo, type Ran, type TempRepo } from "../support/repo.ts";

const FILE = "bot/secrets.enc";

/** A value that is found wherever it stands in clear. */
const value = (seed: string): string => `val-${opaque(26, `merge/${seed}`)}`;
const BASE = { A_API_KEY: value("a"), B_API_KEY: value("b") };
type Values = Record<string, string>;

const initial = preparedRepo((repo) => {
  const { key } = writeFormation(repo, "bot", BASE);
  const ran = repo.muxi("install");
  if (ran.code !== 0) throw new Error(ran.all);
  repo.git("add", "-A");
  repo.git("commit", "-qm", "base");
  return key;
});

interface Case {
  name: string;
  ours: Values;
  theirs: Values;
  /** What the file holds at the end; where a name is in conflict, our value. */
  merged: Values;
  /** Names that are told. */
  conflict?: string[];
}

const CASES: Case[] = [
  {
    name: "no conflict",
    ours: { ...BASE, C_API_KEY: value("c") },
    theirs: { A_API_KEY: value("a2"), B_API_KEY: BASE.B_API_KEY, D_API_KEY: value("d") },
    merged: { A_API_KEY: value("a2"), B_API_KEY: BASE.B_API_KEY, C_API_KEY: value("c"), D_API_KEY: value("d") },
  },
  {
    name: "a conflict",
    ours: { ...BASE, A_API_KEY: value("ours") },
    theirs: { ...BASE, A_API_KEY: value("theirs"), D_API_KEY: value("d") },
    merged: { A_API_KEY: value("ours"), B_API_KEY: BASE.B_API_KEY, D_API_KEY: value("d") },
    conflict: ["A_API_KEY"],
  },
  {
    name: "a name that both added",
    ours: { ...BASE, C_API_KEY: value("ours c") },
    theirs: { ...BASE, C_API_KEY: value("their c") },
    merged: { ...BASE, C_API_KEY: value("ours c") },
    conflict: ["C_API_KEY"],
  },
  {
    name: "a name that one removed and the other changed",
    ours: { ...BASE, C_API_KEY: value("c"), A_API_KEY: value("kept") },
    theirs: { B_API_KEY: BASE.B_API_KEY },
    merged: { ...BASE, C_API_KEY: value("c"), A_API_KEY: value("kept") },
    conflict: ["A_API_KEY"],
  },
  {
    name: "the same change on both sides, and one more",
    ours: { ...BASE, A_API_KEY: value("same") },
    theirs: { ...BASE, A_API_KEY: value("same"), D_API_KEY: value("d") },
    merged: { ...BASE, A_API_KEY: value("same"), D_API_KEY: value("d") },
  },
];

function save(repo: TempRepo, key: string, secrets: Values): void {
  repo.write(FILE, freshToken(key, goJson(secrets)), 0o600);
  const names = Object.keys(secrets);
  repo.write("bot/secrets", names.map((name) => `${name}=\n`).join(""));
  repo.write(
    "bot/formation.afs",
    `schema: "1.0.0"\nid: made-up\nllm:\n  api_keys:\n    a: "\${{ secrets.A_API_KEY }}"\n`,
  );
}

/** `main` has ours, `side` theirs, each one commit after the base; `main` is checked out. */
function diverge(repo: TempRepo, key: string, ours: Values, theirs: Values): void {
  repo.git("switch", "-qc", "side");
  save(repo, key, theirs);
  commit(repo, "theirs");
  repo.git("switch", "-q", "main");
  save(repo, key, ours);
  commit(repo, "ours");
}

/** Past the hooks: what they say of a removed name is not what is tried here. */
function commit(repo: TempRepo, message: string): void {
  const ran = repo.tryWith({ env: { MUXI_GIT: "0" } }, "git", "commit", "-qam", message);
  assert.equal(ran.code, 0, ran.all);
}

interface Operation {
  name: string;
  /** From `main` with ours and `side` with theirs: bring theirs in. */
  run(repo: TempRepo): Ran;
  /** What is "ours" to git is what is merged onto: the two sides are swapped. */
  swapped?: true;
  /** git 2.55 does it by a stash whose output it keeps to itself. */
  mayBeQuiet?: true;
}

const OPERATIONS: Operation[] = [
  { name: "merge", run: (repo) => repo.try("git", "merge", "-q", "--no-edit", "side") },
  { name: "cherry-pick", run: (repo) => repo.try("git", "cherry-pick", "side") },
  { name: "rebase", swapped: true, run: (repo) => repo.try("git", "rebase", "-q", "side") },
  {
    name: "revert",
    run(repo) {
      // The opposite of "theirs" on top of it, undone again: what comes in is theirs.
      repo.git("switch", "-q", "side");
      const back = repo.git("commit-tree", "-p", "side", "-m", "undo", "main~1^{tree}");
      repo.git("switch", "-q", "main");
      return repo.try("git", "revert", "--no-edit", back);
    },
  },
  {
    name: "am -3",
    run(repo) {
      const patch = repo.tryWith({}, "git", "format-patch", "--binary", "--full-index", "--stdout", "side~1..side");
      return repo.tryWith({ input: patch.stdout }, "git", "am", "-3", "-q");
    },
  },
  {
    name: "stash pop",
    run(repo) {
      repo.git("switch", "-q", "--detach", "main~1");
      repo.git("checkout", "-q", "side", "--", "bot");
      repo.git("stash", "-q");
      repo.git("switch", "-q", "main");
      return repo.try("git", "stash", "pop", "-q");
    },
  },
  {
    name: "checkout -m",
    run(repo) {
      repo.git("switch", "-q", "--detach", "main~1");
      for (const path of readdirSync(repo.path("bot")).filter((name) => name !== ".key"))
        repo.write(`bot/${path}`, repo.tryWith({}, "git", "cat-file", "blob", `side:bot/${path}`).stdout);
      return repo.try("git", "checkout", "-q", "-m", "main");
    },
    mayBeQuiet: true,
  },
];

const read = (key: string, token: Uint8Array): Values => {
  const secrets = openWith(key, token);
  assert.ok(secrets !== null, "the file does not open");
  return Object.fromEntries([...secrets].map(([name, one]) => [name, one.kind === "string" ? one.value : one.text]));
};

/** No value stands in clear in any object, or in any file under the repository's folder. */
function assertSealed(repo: TempRepo): void {
  const objects = repo.try("sh", "-c", "git cat-file --batch-all-objects --batch --buffer").stdout;
  assert.ok(objects.length > 100);
  const files = readdirSync(repo.base, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const everything = [objects, ...files.map((file) => readFileSync(file, "latin1"))];
  for (const seed of ["a", "b", "c", "d", "a2", "ours", "theirs", "ours c", "their c", "kept", "same"])
    assert.ok(!everything.some((text) => text.includes(value(seed))), `a value stands in clear: ${seed}`);
}

function assertMerged(repo: TempRepo, key: string, ran: Ran, one: Case, { swapped, mayBeQuiet }: Operation): void {
  const said = ran.all.match(/muxi-git: conflict: .*/g) ?? [];
  assert.ok(
    !Object.values({ ...one.ours, ...one.theirs }).some((held) => ran.all.includes(held)),
    "a value is printed",
  );
  const conflict = one.conflict ?? [];
  const told = mayBeQuiet === true && said.length === 0 ? [] : conflict;
  assert.equal(said.length, told.length, ran.all);
  for (const name of told)
    assert.ok(
      said.some((line) => line.includes(name)),
      ran.all,
    );
  const merged = { ...one.merged };
  if (swapped === true) {
    for (const name of conflict) {
      const theirs = one.theirs[name];
      if (theirs === undefined) delete merged[name];
      else merged[name] = theirs;
    }
  }
  assert.deepEqual(read(key, repo.read(FILE)), merged);
  const unmerged = repo.git("ls-files", "-u", "--", FILE) !== "";
  assert.equal(unmerged, conflict.length > 0, ran.all);
  // The working tree may still have what MUXI saved, where the merge changed nothing.
  if (!unmerged) assert.match(repo.git("cat-file", "blob", `:${FILE}`), /^gAAAAAAAAAA/, "not canonical");
  if (conflict.length === 0) assert.ok(!repo.read("bot/secrets").toString().includes("<<<<<<<"));
  assertSealed(repo);
}

describe("what merges", () => {
  const on = triedOnGits((name, options, body) => void it(name, options, body));
  for (const [row, operation] of OPERATIONS.entries()) {
    for (const [column, one] of CASES.entries()) {
      // Daily the cases of a merge, and a rebase and a stash, which turn the sides round or have no commit to stand on.
      const turns = ["rebase", "stash pop"].includes(operation.name) && column === row % CASES.length;
      const slow = !turns && !(row === 0 && column < 3);
      on(`${operation.name}: ${one.name}`, { slow }, (t, git) => {
        const { repo, made: key } = initial(t, git.path);
        diverge(repo, key, one.ours, one.theirs);
        assertMerged(repo, key, operation.run(repo), one, operation);
      });
    }
  }

  on("merge-tree: in no working tree", { from: 2038, slow: true }, (t, git) => {
    const { repo, made: key } = initial(t, git.path);
    const [clean, conflict] = CASES as [Case, Case];
    diverge(repo, key, clean.ours, clean.theirs);
    const tree = repo.git("merge-tree", "--write-tree", "main", "side");
    assert.deepEqual(read(key, Buffer.from(repo.git("cat-file", "blob", `${tree}:${FILE}`))), clean.merged);
    save(repo, key, conflict.ours);
    commit(repo, "ours again");
    repo.git("switch", "-q", "side");
    save(repo, key, conflict.theirs);
    commit(repo, "theirs again");
    const ran = repo.try("git", "merge-tree", "--write-tree", "main", "side");
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /conflict: 'bot\/secrets\.enc': A_API_KEY/);
    // Nothing was merged here, so nothing is held against the next commit.
    repo.write("notes.txt", "a line\n");
    repo.git("add", "notes.txt");
    assert.deepEqual(repo.try("git", "commit", "-qm", "Note").code, 0);
  });

  on(
    "octopus: names that do not meet are merged, a conflict is refused and nothing is left",
    { slow: true },
    (t, git) => {
      const { repo, made: key } = initial(t, git.path);
      const [clean, conflict] = CASES as [Case, Case];
      diverge(repo, key, conflict.ours, conflict.theirs);
      repo.git("branch", "other", "main~1");
      const before = repo.git("rev-parse", "HEAD");
      const ran = repo.try("git", "merge", "-q", "--no-edit", "side", "other", "main");
      assert.notEqual(ran.code, 0, ran.all);
      assert.equal(repo.git("rev-parse", "HEAD"), before);
      repo.try("git", "merge", "--abort");
      repo.git("reset", "-q", "--hard");
      assert.deepEqual(read(key, repo.read(FILE)), conflict.ours);
      assert.ok(clean.merged);
      assertSealed(repo);
    },
  );

  on("a criss-cross history: what the merge bases disagree about is asked again, not decided", (t, git) => {
    const { repo, made: key } = initial(t, git.path);
    const with_ = (a: string): Values => ({ ...BASE, A_API_KEY: value(a) });
    diverge(repo, key, with_("ours"), with_("theirs"));
    const take = (onto: string, from: string, a: string): void => {
      repo.git("switch", "-q", onto);
      repo.try("git", "merge", "-q", "--no-edit", from);
      save(repo, key, with_(a));
      repo.git("add", "-A");
      commit(repo, `merge ${from} into ${onto}`);
    };
    repo.git("tag", "m1", "main");
    repo.git("tag", "s1", "side");
    // Each side merged the other and kept its own value.
    take("main", "s1", "ours");
    take("side", "m1", "theirs");
    repo.git("switch", "-q", "main");
    const ran = repo.try("git", "merge", "-q", "--no-edit", "side");
    assert.match(ran.stderr, /conflict: 'bot\/secrets\.enc': A_API_KEY was added on both sides/, ran.all);
    assert.deepEqual(read(key, repo.read(FILE)), with_("ours"));
    assertSealed(repo);
  });
});

describe("keys", () => {
  const on = triedOnGits((name, options, body) => void it(name, options, body));
  const [clean] = CASES as [Case];

  /** `side` is under a new key, `main` goes on under the old one. @returns the new key. */
  function rekeySide(repo: TempRepo, key: string): string {
    const fresh = fakeKey();
    repo.git("switch", "-qc", "side");
    repo.write("bot/.key", fresh, 0o600);
    save(repo, fresh, clean.theirs);
    commit(repo, "re-keyed");
    repo.git("switch", "-q", "main");
    repo.write("bot/.key", key, 0o600);
    save(repo, key, clean.ours);
    commit(repo, "ours");
    return fresh;
  }

  on("one side under a new key that is here: merged, under the new one", (t, git) => {
    const { repo, made: key } = initial(t, git.path);
    // The old key is known through a formation that still has it.
    writeFormation(repo, "old", BASE);
    repo.write("old/.key", key, 0o600);
    const fresh = rekeySide(repo, key);
    // As git writes it: what MUXI saved would be a change to git once its key is gone.
    repo.remove(FILE);
    repo.git("checkout", "-q", "--", FILE);
    repo.write("bot/.key", fresh, 0o600);
    const ran = repo.tryWith({ env: { MUXI_GIT: "0" } }, "git", "merge", "-q", "--no-edit", "side");
    assert.equal(ran.code, 0, ran.all);
    assert.deepEqual(read(fresh, repo.read(FILE)), clean.merged);
  });

  on("one side under a key that is not here, or no key at all: ours stays, and it is said", (t, git) => {
    const { repo, made: key } = initial(t, git.path);
    const fresh = rekeySide(repo, key);
    for (const why of [/their version opens with no key that is here/, /cannot be opened: no key is here/]) {
      const ran = repo.try("git", "merge", "-q", "--no-edit", "side");
      assert.equal(ran.code, 1, ran.all);
      assert.match(ran.stderr, why);
      assert.deepEqual(read(key, repo.read(FILE)), clean.ours);
      const resolved = repo.muxi("resolve");
      assert.equal(resolved.code, 1, resolved.all);
      assert.match(resolved.stderr, why);
      repo.git("merge", "--abort");
      if (existsSync(repo.path("bot/.key"))) repo.remove("bot/.key");
    }
    // The teammate's key brings the way on, without a trace of it in the tree.
    repo.write("bot/.key", key, 0o600);
    repo.try("git", "merge", "-q", "--no-edit", "side");
    repo.write("../theirs.key", fresh);
    const resolved = repo.muxi("resolve", "--key-file", "../theirs.key");
    assert.equal(resolved.code, 0, resolved.all);
    assert.deepEqual(read(fresh, repo.read(FILE)), clean.merged);
    assert.equal(repo.git("ls-files", "-u"), "");
  });
});

describe("a name left in conflict", () => {
  const conflict = CASES[1] as Case;
  const stopped = (t: Parameters<typeof initial>[0], git?: Git) => {
    const { repo, made: key } = initial(t, git?.path ?? null);
    diverge(repo, key, conflict.ours, conflict.theirs);
    assert.equal(repo.try("git", "merge", "-q", "--no-edit", "side").code, 1);
    return { repo, key };
  };

  it("does not pass for resolved because it was added: commit is stopped, resolve ends it", (t) => {
    const { repo, key } = stopped(t);
    repo.git("add", "-A");
    const blocked = repo.try("git", "commit", "-qm", "merge");
    assert.equal(blocked.code, 1, blocked.all);
    assert.match(blocked.stderr, /merge-unresolved: a merge left 'A_API_KEY' at ours, and nobody has decided/);
    assert.match(blocked.stderr, /\nmuxi-git: fix: git muxi resolve bot\/secrets\.enc\n$/);
    assert.ok(!blocked.all.includes(value("ours")) && !blocked.all.includes(value("theirs")));

    const asked = repo.muxi("resolve", "bot", "--key-file", "bot/.key");
    assert.deepEqual([asked.code, asked.stdout], [1, ""]);
    assert.match(
      asked.stderr,
      /A_API_KEY was changed on both sides\n.*\.key --theirs A_API_KEY\n.*\.key --ours A_API_KEY\n$/,
    );
    const before = repo.read(FILE);
    const wrong = repo.muxi("resolve", "--theirs", "A_API_KEY", "B_API_KEY");
    assert.deepEqual([wrong.code, wrong.stdout], [2, ""], wrong.all);
    assert.match(wrong.stderr, /no conflict about 'B_API_KEY', so nothing was resolved/);
    assert.deepEqual(repo.read(FILE), before);

    const done = repo.muxi("resolve", FILE, "--theirs", "A_API_KEY");
    assert.deepEqual([done.code, done.stderr], [0, ""], done.all);
    assert.deepEqual(read(key, repo.read(FILE)), { ...conflict.merged, A_API_KEY: value("theirs") });
    assert.equal(repo.try("git", "commit", "-qm", "merge").code, 0);
    assert.equal(repo.muxi("resolve").stdout, "no secrets.enc has a merge conflict\n");
    assert.ok(!existsSync(repo.path(".git/muxi-git-unresolved.json")));
    assertSealed(repo);
  });

  it("is settled by ours as a decision, or by another token; an abort leaves nothing behind", (t) => {
    const { repo, key } = stopped(t);
    assert.equal(repo.muxi("resolve", "--ours", "A_API_KEY").code, 0);
    assert.deepEqual(read(key, repo.read(FILE)), conflict.merged);
    assert.equal(repo.try("git", "commit", "-qm", "merge").code, 0);
    repo.git("reset", "-q", "--hard", "HEAD~1");

    repo.try("git", "merge", "-q", "--no-edit", "side");
    const third = { ...conflict.merged, A_API_KEY: value("third") };
    repo.write(FILE, freshToken(key, goJson(third)), 0o600);
    const kept = repo.muxi("resolve", "--ours", "A_API_KEY");
    assert.equal(kept.code, 1);
    assert.match(kept.stderr, /was changed since the merge, and would be overwritten/);
    repo.git("add", "-A");
    assert.equal(repo.try("git", "commit", "-qm", "merge").code, 0);
    assert.deepEqual(read(key, Buffer.from(repo.git("cat-file", "blob", `HEAD:${FILE}`))), third);
    repo.git("reset", "-q", "--hard", "HEAD~1");

    repo.try("git", "merge", "-q", "--no-edit", "side");
    repo.git("merge", "--abort");
    repo.write("notes.txt", "a line\n");
    repo.git("add", "notes.txt");
    const after = repo.try("git", "commit", "-qm", "Note");
    assert.deepEqual([after.code, after.all.includes("merge-unresolved")], [0, false], after.all);
  });

  it("left by a rebase is told at the next commit, which did not do it", (t) => {
    const { repo, made: key } = initial(t);
    diverge(repo, key, conflict.theirs, conflict.ours);
    assert.equal(repo.try("git", "rebase", "-q", "side").code, 1);
    repo.git("add", "-A");
    assert.equal(repo.try("git", "rebase", "--continue").code, 0);
    repo.write("notes.txt", "a line\n");
    repo.git("add", "notes.txt");
    const after = repo.try("git", "commit", "-qm", "Note");
    assert.equal(after.code, 0, after.all);
    assert.match(after.stderr, /warning: bot\/secrets\.enc {2}merge-unresolved/);
  });

  it("left by a rebase is stopped at the push, and told no more once somebody has decided", (t) => {
    const { repo, made: key } = initial(t);
    repo.git("init", "-q", "--bare", "../server.git");
    repo.git("remote", "add", "origin", "../server.git");
    const push = () => repo.try("git", "push", "-q", "origin", "HEAD:main");
    diverge(repo, key, conflict.theirs, conflict.ours);
    assert.equal(repo.try("git", "rebase", "-q", "side").code, 1);
    repo.git("rebase", "--abort");
    assert.equal(push().code, 0, "aborted, there is none");
    assert.equal(repo.try("git", "rebase", "-q", "side").code, 1);
    repo.git("add", "-A");
    assert.equal(repo.try("git", "rebase", "--continue").code, 0);
    const blocked = repo.try("git", "push", "-qf", "origin", "HEAD:main");
    assert.equal(blocked.code, 1, blocked.all);
    assert.match(blocked.stderr, /merge-unresolved: a merge left 'A_API_KEY' at ours, and nobody has decided/);
    assert.match(blocked.stderr, /\nmuxi-git: fix: git muxi resolve bot\/secrets\.enc && git commit\n/);
    assert.equal(repo.muxi("resolve", "--theirs", "A_API_KEY").code, 0);
    repo.git("commit", "-qm", "decided");
    const after = repo.try("git", "push", "-qf", "origin", "HEAD:main");
    assert.deepEqual([after.code, after.stderr], [0, ""], after.all);
  });

  it("left by one step of a rebase is not settled by the next step, which merges cleanly", (t) => {
    const { repo, made: key } = initial(t);
    diverge(repo, key, conflict.theirs, conflict.ours);
    save(repo, key, { ...conflict.theirs, B_API_KEY: value("b2"), E_API_KEY: value("e") });
    repo.git("commit", "-qam", "the next step");
    assert.equal(repo.try("git", "rebase", "-q", "side").code, 1);
    repo.git("add", "-A");
    assert.equal(repo.try("git", "rebase", "--continue").code, 0);
    repo.git("init", "-q", "--bare", "../server.git");
    const push = () => repo.try("git", "push", "-q", "../server.git", "HEAD:main");
    const blocked = push();
    assert.equal(blocked.code, 1, blocked.all);
    assert.match(blocked.stderr, /merge-unresolved: a merge left 'A_API_KEY' at ours/);
    const resolved = repo.muxi("resolve", "--theirs", "A_API_KEY");
    assert.equal(resolved.code, 0, resolved.all);
    const merged = { ...conflict.merged, B_API_KEY: value("b2"), E_API_KEY: value("e") };
    assert.deepEqual(read(key, repo.read(FILE)), { ...merged, A_API_KEY: value("theirs") });
    repo.git("commit", "-qm", "decided");
    assert.equal(push().code, 0);
    assertSealed(repo);
  });

  it("is nobody's after an abort, however many commits follow", (t) => {
    const { repo, made: key } = initial(t);
    repo.git("init", "-q", "--bare", "../server.git");
    repo.git("remote", "add", "origin", "../server.git");
    // Nothing but the name in conflict: what is left is ours to the byte.
    diverge(repo, key, conflict.ours, { ...BASE, A_API_KEY: value("theirs") });
    assert.equal(repo.try("git", "cherry-pick", "side").code, 1);
    repo.git("cherry-pick", "--abort");
    for (const text of ["one", "two"]) {
      repo.write("notes.txt", text);
      repo.git("add", "notes.txt");
      const ran = repo.try("git", "commit", "-qm", text);
      assert.deepEqual([ran.code, ran.stderr], [0, ""], ran.all);
    }
    const pushed = repo.try("git", "push", "-q", "origin", "main");
    assert.deepEqual([pushed.code, pushed.stderr], [0, ""], pushed.all);
  });

  it("says nothing where there is none: a merge without a conflict", (t) => {
    const { repo, made: key } = initial(t);
    const clean = CASES[4] as Case;
    diverge(repo, key, clean.ours, clean.theirs);
    const ran = repo.try("git", "merge", "-q", "--no-edit", "side");
    assert.deepEqual([ran.code, ran.stderr], [0, ""], ran.all);
    assert.ok(!existsSync(repo.path(".git/muxi-git-unresolved.json")));
  });
});

it("a secrets.enc that is not MUXI's is merged as text, markers and all", (t) => {
  const { repo } = initial(t);
  const text = (middle: string) => `one\n${middle}\nthree\n`;
  const put = (middle: string) => {
    repo.write("other/secrets.enc", text(middle));
    repo.git("add", "-A");
    commit(repo, middle);
  };
  put("two");
  repo.git("switch", "-qc", "side");
  put("theirs");
  repo.git("switch", "-q", "main");
  put("ours");
  const ran = repo.try("git", "merge", "-q", "--no-edit", "side");
  assert.equal(ran.code, 1);
  assert.equal(repo.read("other/secrets.enc").toString(), text("<<<<<<< ours\nours\n=======\ntheirs\n>>>>>>> theirs"));
});
