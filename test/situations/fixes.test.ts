/**
 * The last line of a block is a command. Followed to the letter where the
 * person stands, it mends: the same commit then passes. In each of the places
 * and ways a person commits, and with folder names that a shell reads otherwise.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fakeGroqKey, fakeKey, opaque } from "../support/fake.ts";
import { freshToken, goJson, type MadeFormation, openWith, writeFormation } from "../support/formation.ts";
import { MAIN, NO_FILTER, PROJECT, preparedRepo, type Ran, type TempRepo, tempRepo } from "../support/repo.ts";

/** Where and how somebody commits. */
interface Place {
  name: string;
  folder: string;
  /** From the root; made where it is missing. */
  from: string;
  /** No commit yet. */
  first?: boolean;
  /** `commit -a` in place of `add` and `commit`. */
  all?: boolean;
}

const ODD = "-it's $HOME; ö/dë mo";
const PLACES: Place[] = [
  { name: "a first commit", folder: "bot", from: "", first: true },
  { name: "commit -a", folder: "bot", from: "", all: true },
  { name: "a subdirectory, the formation elsewhere", folder: "bot", from: "docs/deep" },
  { name: "a subdirectory of a formation at the root", folder: "", from: "docs" },
  { name: "a folder with a dash, a quote, spaces and letters beyond ASCII", folder: ODD, from: "" },
  { name: "… and from inside of it", folder: ODD, from: `${ODD}/agents` },
];

interface Case {
  name: string;
  says: RegExp;
  /** @returns what to stage. */
  change(repo: TempRepo, formation: MadeFormation): string[];
  /** After staging, before the commit. */
  later?(repo: TempRepo, formation: MadeFormation): void;
  /** What the block says to do by hand. */
  byHand?(repo: TempRepo, formation: MadeFormation): void;
  after?(repo: TempRepo, formation: MadeFormation, place: Place): void;
  unfiltered?: boolean;
  /** Only where a version stands before. */
  predecessor?: boolean;
}

const DAMAGED: [string, (formation: MadeFormation) => string | Uint8Array][] = [
  ["truncated", ({ key, secrets }) => freshToken(key, goJson(secrets)).subarray(0, 60)],
  ["empty", () => ""],
  ["foreign", () => Buffer.from([0, 1, 2, 3, 0xff])],
];

const CASES: Case[] = [
  {
    name: "a copy of the key, edited after it was staged",
    says: /key-file/,
    change(repo, formation) {
      repo.write(formation.at(".key.bak"), fakeKey());
      return [formation.at(".key.bak")];
    },
    later: (repo, formation) => repo.write(formation.at(".key.bak"), fakeKey()),
    after: (repo, formation) => assert.notEqual(repo.read(formation.at(".key.bak")).length, 0, "the file stays"),
  },
  {
    name: "a .env file with a token, a known value and a telling name",
    says: /\.env:2:\d+ {2}/,
    change(repo, formation) {
      const lines = [`MODE=x`, `A=${fakeGroqKey()}`, `B=${formation.secrets.OPENAI_API_KEY}`];
      repo.write(formation.at(".env"), `${lines.join("\n")}\nSMTP_PASSWORD=${opaque(20, "smtp")}\n`);
      return [formation.at(".env")];
    },
  },
  {
    name: "a formation's memory",
    says: /memory-db/,
    change(repo, formation) {
      repo.write(formation.at("memory.db"), "SQLite format 3\0");
      return [formation.at("memory.db")];
    },
  },
  {
    name: "a token in a file",
    says: /notes\.txt:1:\d+ {2}groq/,
    change(repo, formation) {
      repo.write(formation.at("notes.txt"), `token ${fakeGroqKey()}\n`);
      return [formation.at("notes.txt")];
    },
    byHand: (repo, formation) => repo.write(formation.at("notes.txt"), "token\n"),
  },
  {
    name: "a value in an agent's file and one in the template",
    says: /agents\/a\.afs:2:\d+ {2}groq-key(?:.|\n)*secrets:3 {2}template-value/,
    change(repo, formation) {
      repo.write(formation.at("agents/a.afs"), `id: a\nx: [Bearer ${fakeGroqKey()}]\n`);
      repo.write(formation.at("secrets"), `${repo.read(formation.at("secrets"))}MY_PASSWORD=${opaque(20, "mine")}\n`);
      return [formation.at("agents/a.afs"), formation.at("secrets")];
    },
    later: (repo, formation) => repo.write(formation.at("agents/a.afs"), "id: a\nx: later\n"),
    after(repo, formation) {
      const secrets = openWith(formation.key, stored(repo, formation.at("secrets.enc")));
      assert.deepEqual(secrets?.get("GROQ_API_KEY"), { kind: "string", value: fakeGroqKey() });
      assert.deepEqual(secrets?.get("MY_PASSWORD"), { kind: "string", value: opaque(20, "mine") });
      assert.match(stored(repo, formation.at("agents/a.afs")).toString(), /"Bearer \$\{\{ secrets\.GROQ_API_KEY \}\}"/);
    },
  },
  {
    name: "plaintext in secrets.enc",
    says: /secrets\.enc {2}not-encrypted/,
    unfiltered: true,
    change(repo, formation) {
      repo.write(formation.at("secrets.enc"), goJson({ ...formation.secrets, OPENAI_API_KEY: opaque(30, "new") }));
      return [formation.at("secrets.enc")];
    },
    after: (repo, formation) =>
      assert.equal(openWith(formation.key, stored(repo, formation.at("secrets.enc")))?.size, 2),
  },
  ...DAMAGED.map(
    ([name, bytes]): Case => ({
      name: `a secrets.enc that is ${name}`,
      says: /secrets\.enc {2}(?:damaged|not-encrypted)/,
      unfiltered: true,
      change(repo, formation) {
        repo.write(formation.at("secrets.enc"), bytes(formation));
        return [formation.at("secrets.enc")];
      },
      after(repo, formation, place) {
        const tracked = repo.git("ls-files", "--", formation.at("secrets.enc").replace(/^-/, "./-"));
        if (place.first) assert.equal(tracked, "");
        else assert.equal(openWith(formation.key, stored(repo, formation.at("secrets.enc")))?.size, 2);
      },
    }),
  ),
  {
    name: "a reference that the template lacks",
    says: /reference-not-in-template/,
    change(repo, formation) {
      repo.write(formation.at("agents/a.afs"), 'id: a\nhook: "${{ secrets.WEBHOOK_URL }}"\n');
      return [formation.at("agents/a.afs")];
    },
    after: (repo, formation) => assert.match(stored(repo, formation.at("secrets")).toString(), /^WEBHOOK_URL=$/m),
  },
  {
    name: "a stored name that the template lacks",
    says: /name-not-in-template/,
    change(repo, formation) {
      repo.write(
        formation.at("secrets.enc"),
        freshToken(formation.key, goJson({ ...formation.secrets, EXTRA_API_KEY: opaque(20, "extra") })),
      );
      return [formation.at("secrets.enc")];
    },
  },
  {
    name: "a reference that MUXI leaves as it stands",
    says: /reference-never-substituted/,
    change(repo, formation) {
      repo.write(formation.at("agents/a.afs"), 'id: a\nx: "${{ secrets.openai-api-key }}"\n');
      return [formation.at("agents/a.afs")];
    },
    byHand: (repo, formation) =>
      repo.write(formation.at("agents/a.afs"), 'id: a\nx: "${{ secrets.OPENAI_API_KEY }}"\n'),
  },
  {
    name: "a value that was dropped",
    says: /value-dropped/,
    predecessor: true,
    change(repo, formation) {
      const { OPENAI_API_KEY: _, ...rest } = formation.secrets;
      repo.write(formation.at("secrets.enc"), freshToken(formation.key, goJson(rest)));
      return [formation.at("secrets.enc")];
    },
    after: (repo, formation) =>
      assert.ok(openWith(formation.key, stored(repo, formation.at("secrets.enc")))?.has("OPENAI_API_KEY")),
  },
  {
    name: "a name that MUXI cannot look up",
    says: /name-not-normalised/,
    change(repo, formation) {
      const { OPENAI_API_KEY: value = "", ...rest } = formation.secrets;
      const secrets = { ...rest, "openai-api-key": value };
      repo.write(formation.at("secrets.enc"), freshToken(formation.key, goJson(secrets)));
      return [formation.at("secrets.enc")];
    },
  },
  {
    name: "another key",
    says: /key-changed/,
    predecessor: true,
    change(repo, formation) {
      const key = fakeKey();
      repo.write(formation.at(".key"), key);
      repo.write(formation.at("secrets.enc"), freshToken(key, goJson(formation.secrets)));
      return [formation.at("secrets.enc")];
    },
    after: (repo, formation) =>
      assert.equal(openWith(formation.key, stored(repo, formation.at("secrets.enc")))?.size, 2),
  },
];

function stored(repo: TempRepo, path: string): Buffer {
  return spawnSync("git", ["cat-file", "blob", `:${path}`], { cwd: repo.root, env: repo.env }).stdout;
}

/** Run what stands after `fix:`, as it stands. A value that is asked for at a terminal comes by standard input. */
function follow(repo: TempRepo, cwd: string, blocked: Ran): void {
  assert.equal(blocked.code, 1, blocked.all);
  const lines = blocked.stderr.trimEnd().split("\n");
  assert.match(lines.at(-1) ?? "", /^muxi-git: fix: /);
  for (const line of lines.filter((one) => one.startsWith("muxi-git: fix: "))) {
    const command = line.slice("muxi-git: fix: ".length);
    const typed = command.replace(/ secrets set \S+/, "$& --stdin");
    const ran = repo.tryWith({ cwd, input: "a value" }, "sh", "-c", typed);
    assert.equal(ran.code, 0, `${command}\n${ran.all}`);
  }
}

for (const place of PLACES) {
  const prepared = preparedRepo((repo) => {
    const formation = writeFormation(repo, place.folder);
    assert.equal(repo.muxi("install").code, 0);
    // What is to be found is staged on purpose, also where the ignore lines keep it out.
    repo.git("add", "-A");
    if (!place.first) repo.git("commit", "-qm", "first");
    mkdirSync(repo.path(place.from), { recursive: true });
    return formation;
  });
  describe(`followed to the letter in ${place.name}, the fix mends`, () => {
    for (const [at, one] of CASES.entries()) {
      if (place.first && one.predecessor) continue;
      // `SLOW=1` tries every case in every place; the everyday run a part, so chosen that every place has its turn.
      const turn = (at + PLACES.indexOf(place)) % 10;
      if (process.env.SLOW !== "1" && turn !== 0) continue;
      test(one.name, (t) => {
        const { repo, made: formation } = prepared(t);
        const cwd = repo.path(place.from);
        const paths = one.change(repo, formation);
        const filter = one.unfiltered ? NO_FILTER : [];
        repo.git(...filter, "add", "-f", ...(place.all ? ["-N"] : []), "--", ...paths);
        if (!place.all) one.later?.(repo, formation);
        const commit = place.all ? ["commit", "-qam", "change"] : ["commit", "-qm", "change", "--allow-empty"];
        const blocked = repo.tryWith({ cwd }, "git", ...filter, ...commit);
        assert.match(blocked.stderr, one.says);
        assert.equal(blocked.stderr.includes("muxi-git: by hand: "), one.byHand !== undefined, blocked.stderr);
        one.byHand?.(repo, formation);
        follow(repo, cwd, blocked);
        const again = repo.tryWith({ cwd }, "git", ...commit, "--allow-empty");
        assert.equal(again.code, 0, `${blocked.stderr}\n${again.all}`);
        one.after?.(repo, formation, place);
      });
    }
  });
}

for (const from of ["", "docs"]) {
  test(`conflict markers that were added: the fix takes one side${from && ", from a subdirectory too"}`, (t) => {
    const repo = tempRepo(t);
    const formation = writeFormation(repo, "it's a bot");
    assert.equal(repo.muxi("install").code, 0);
    repo.git("add", "-A");
    repo.git("commit", "-qm", "first");
    mkdirSync(repo.path(from), { recursive: true });
    const path = formation.at("secrets.enc");
    const save = (value: string) => {
      const secrets = { ...formation.secrets, OPENAI_API_KEY: value };
      repo.write(path, freshToken(formation.key, goJson(secrets)));
      repo.git("commit", "-qam", "change");
    };
    repo.git("checkout", "-qb", "side");
    save(opaque(30, "theirs"));
    repo.git("checkout", "-q", "main");
    save(opaque(30, "ours"));
    // As in a clone without the driver: the text merge.
    const asText = ["-c", "merge.muxi-git.driver=git merge-file %A %O %B"];
    assert.equal(repo.try("git", ...asText, "merge", "-q", "side").code, 1);
    repo.git("add", "-A");
    const cwd = repo.path(from);
    const blocked = repo.tryWith({ cwd }, "git", "commit", "-qm", "merge");
    assert.match(blocked.stderr, /conflict-markers/);
    const theirs = /theirs: (git checkout MERGE_HEAD -- .*)\)$/m.exec(blocked.stderr)?.[1] ?? "";
    assert.equal(repo.tryWith({ cwd }, "sh", "-c", theirs).code, 0, theirs);
    assert.deepEqual(
      stored(repo, path),
      spawnSync("git", ["cat-file", "blob", `side:${path}`], { cwd: repo.root }).stdout,
    );
    follow(repo, cwd, blocked);
    assert.equal(repo.tryWith({ cwd }, "git", "commit", "-qm", "merge").code, 0);
    assert.deepEqual(
      stored(repo, path),
      spawnSync("git", ["cat-file", "blob", `main:${path}`], { cwd: repo.root }).stdout,
    );
  });
}

test("a name with control characters is shown by no command, and the command mends", (t) => {
  const repo = tempRepo(t);
  const folder = "a\u001b[2Jb\tc\u202e%s\\n'\"`$(x)";
  const formation = writeFormation(repo, folder);
  assert.equal(repo.muxi("install").code, 0);
  repo.git("add", "-A");
  repo.write(formation.at("agents/a.afs"), 'id: a\nhook: "${{ secrets.WEBHOOK_URL }}"\n');
  repo.write(formation.at(".key.bak"), fakeKey());
  repo.git("add", "-f", "--", folder);
  repo.git("rm", "-q", "--cached", "--", formation.at(".key"));
  const blocked = repo.try("git", "commit", "-qm", "first");
  assert.doesNotMatch(blocked.stderr, /[\u001b\t\u202e]/);
  const shells = [["sh"], ["dash"], ["bash"], ["busybox", "sh"]];
  for (const shell of shells.filter(([command, ...args]) => spawnSync(command!, [...args, "-c", ":"]).status === 0)) {
    for (const line of blocked.stderr.split("\n").filter((one) => /^muxi-git: fix: git rm/.test(one))) {
      const word = line.slice(line.indexOf("-- ") + 3);
      const said = repo.try(shell[0]!, ...shell.slice(1), "-c", `printf %s ${word}`);
      assert.equal(said.stdout, formation.at(".key.bak"), shell.join(" "));
    }
  }
  follow(repo, repo.root, blocked);
  assert.equal(repo.try("git", "commit", "-qm", "first").code, 0);
});

test("a path cannot pose as a command", (t) => {
  const repo = tempRepo(t, { install: true });
  const path = "x, then: touch pwned #.txt";
  repo.write(path, `token ${fakeGroqKey()}\n`);
  repo.git("add", "--", path);
  const blocked = repo.try("git", "commit", "-qm", "first");
  repo.write(path, "token\n");
  follow(repo, repo.root, blocked);
  assert.equal(repo.try("git", "commit", "-qm", "first").code, 0);
  assert.ok(!readdirSync(repo.root).includes("pwned"));
});

test("plaintext that the filter refuses: the way on it names stores it", (t) => {
  const repo = tempRepo(t);
  const formation = writeFormation(repo, ODD);
  assert.equal(repo.muxi("install").code, 0);
  const key = repo.read(formation.at(".key"));
  repo.remove(formation.at(".key"));
  repo.write(formation.at("secrets.enc"), goJson(formation.secrets));
  const add = repo.try("git", "add", "--", formation.at("secrets.enc"));
  assert.notEqual(add.code, 0);
  assert.doesNotMatch(add.stderr, /git restore/, "nothing is stored yet");
  const [, file = "", command = ""] = /hint: put the formation's key into (.*), then: (.*)$/m.exec(add.stderr) ?? [];
  assert.equal(repo.tryWith({ input: key }, "sh", "-c", `cat >${file}`).code, 0, add.stderr);
  assert.equal(repo.try("sh", "-c", command).code, 0, add.stderr);
  assert.equal(openWith(formation.key, stored(repo, formation.at("secrets.enc")))?.size, 2);
});

test("every command of this tool that the sources print exists, with its options", () => {
  const printed = new Set<string>();
  for (const file of readdirSync(join(PROJECT, "src"), { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts")) continue;
    const text = readFileSync(join(PROJECT, "src", file), "utf8");
    for (const [, args = ""] of text.matchAll(/\btool\(\s*["`]([a-z][^"`$]*)/g)) printed.add(args.trim());
    for (const [, args = ""] of text.matchAll(/\b(?:git muxi|npx muxi-git) ([a-z-]+(?: --[a-z-]+)*)(?=['"`])/g))
      printed.add(args);
  }
  assert.ok(printed.size > 8, [...printed].join("\n"));
  for (const args of printed) {
    const words = args.split(/\s+/);
    const verbs = words.filter((word) => /^[a-z][a-z-]*$/.test(word));
    const { status, stdout } = spawnSync(process.execPath, [MAIN, ...verbs, "--help"], { encoding: "utf8" });
    assert.equal(status, 0, args);
    assert.ok(stdout.startsWith(`Usage: muxi-git ${verbs.join(" ")}`), `${args}: ${stdout.split("\n")[0]}`);
    for (const option of words.filter((word) => word.startsWith("-") && word !== "--")) {
      assert.match(stdout, new RegExp(`(?:^|[ ,])${option}\\b`, "m"), args);
    }
  }
});

test("what install says to share is shared from a subdirectory too", (t) => {
  const repo = tempRepo(t);
  writeFormation(repo, "bot");
  const cwd = repo.path("bot");
  const ran = repo.muxiWith({ cwd }, "install");
  const share = /^ {2}(git add .*)$/m.exec(ran.stdout)?.[1] ?? "";
  assert.equal(repo.tryWith({ cwd }, "sh", "-c", share).code, 0, ran.all);
  assert.equal(repo.git("ls-tree", "--name-only", "HEAD"), ".gitattributes\n.gitignore");
});
