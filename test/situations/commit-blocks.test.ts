/**
 * Every kind of leak and error that a commit must not bring, through real git,
 * in each of the ways a commit is made; and for each its twin: the nearest
 * honest commit, which passes in silence.
 */
import assert from "node:assert/strict";
import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fakeAnthropicKey, fakeGroqKey, fakeKey, opaque } from "../support/fake.ts";
import { freshToken, goJson, type MadeFormation, writeFormation } from "../support/formation.ts";
import { NO_FILTER, preparedRepo, type Ran, repoAt, type TempRepo, tempRepo } from "../support/repo.ts";

interface Situation {
  /** Where the change is made and committed. */
  repo: TempRepo;
  formation: MadeFormation;
}

interface Case {
  name: string;
  /** What the block must say: the rule or code, at its place. */
  says: RegExp;
  /** Make the change in the working tree; return the paths and the texts that must appear in no output. */
  leak(at: Situation): { paths: string[]; marks?: string[] };
  /** The nearest honest change. */
  twin(at: Situation): { paths: string[] };
  /** Staged without the filter, as by a clone that lacks it. */
  unfiltered?: boolean;
}

function add(repo: TempRepo, paths: string[], unfiltered = false): void {
  repo.git(...(unfiltered ? NO_FILTER : []), "add", "-f", "--", ...paths);
}

const CASES: Case[] = [
  {
    name: "a key file",
    says: /\.key:1:1 {2}key-file/,
    leak({ repo, formation }) {
      repo.write("backup/.key", formation.key);
      return { paths: ["backup/.key"], marks: [formation.key] };
    },
    twin({ repo }) {
      repo.write("backup/server.key", "not a key of any kind, the extension says nothing\n");
      return { paths: ["backup/server.key"] };
    },
  },
  {
    name: "a copy of a key file",
    says: /\.key\.bak:1:1 {2}key-file/,
    leak({ repo }) {
      const key = fakeKey();
      repo.write(".key.bak", key);
      return { paths: [".key.bak"], marks: [key] };
    },
    twin({ repo }) {
      repo.write("monkey.txt", "about .key.bak files\n");
      return { paths: ["monkey.txt"] };
    },
  },
  {
    name: "a file that is nothing but a key",
    says: /notes\.txt:1:1 {2}key-content/,
    leak({ repo }) {
      const key = fakeKey();
      repo.write("notes.txt", `${key}\n`);
      return { paths: ["notes.txt"], marks: [key] };
    },
    twin({ repo }) {
      repo.write("notes.txt", "integrity: sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
      return { paths: ["notes.txt"] };
    },
  },
  {
    name: "a formation's memory",
    says: /memory\.db:1:1 {2}memory-db/,
    leak({ repo, formation }) {
      repo.write(formation.at("memory.db"), "SQLite format 3\0conversation");
      return { paths: [formation.at("memory.db")] };
    },
    twin({ repo }) {
      repo.write("elsewhere/memory.db", "SQLite format 3\0nothing of MUXI");
      return { paths: ["elsewhere/memory.db"] };
    },
  },
  {
    name: "a .env file with a secret in it",
    says: /\.env:2:\d+ {2}/,
    leak({ repo }) {
      const password = `${opaque(20, "smtp")}`;
      repo.write(".env", `MODE=production\nSMTP_PASSWORD=${password}\n`);
      return { paths: [".env"], marks: [password] };
    },
    twin({ repo }) {
      repo.write(
        ".env",
        `MODE=production\nNEXT_PUBLIC_API_KEY=${opaque(24, "public")}\nSMTP_PASSWORD=encrypted:${opaque(80, "x")}\n`,
      );
      repo.write(".env.example", "SMTP_PASSWORD=your-password\nOPENAI_API_KEY=sk-...\n");
      return { paths: [".env", ".env.example"] };
    },
  },
  {
    name: "a template with a real value",
    says: /secrets:1(?::\d+)? {2}template-value/,
    leak({ repo, formation }) {
      const value = opaque(30, "template");
      repo.write(formation.at("secrets"), `OPENAI_API_KEY=${value}\nBRAVE_SEARCH_API_KEY=\n`);
      return { paths: [formation.at("secrets")], marks: [value] };
    },
    twin({ repo, formation }) {
      repo.write(
        formation.at("secrets"),
        "# get one from the console\nOPENAI_API_KEY=sk-...\nBRAVE_SEARCH_API_KEY=<your key>\n",
      );
      return { paths: [formation.at("secrets")] };
    },
  },
  {
    name: "plaintext in secrets.enc",
    says: /secrets\.enc {2}not-encrypted/,
    unfiltered: true,
    leak({ repo, formation }) {
      const value = opaque(30, "plaintext");
      repo.write(formation.at("secrets.enc"), goJson({ ...formation.secrets, OPENAI_API_KEY: value }));
      return { paths: [formation.at("secrets.enc")], marks: [value, ...Object.values(formation.secrets)] };
    },
    twin({ repo, formation }) {
      const rotated = { ...formation.secrets, OPENAI_API_KEY: opaque(30, "rotated") };
      repo.write(formation.at("secrets.enc"), freshToken(formation.key, goJson(rotated)));
      return { paths: [formation.at("secrets.enc")] };
    },
  },
  {
    name: "a damaged secrets.enc",
    says: /secrets\.enc {2}damaged/,
    unfiltered: true,
    leak({ repo, formation }) {
      const token = freshToken(formation.key, goJson(formation.secrets));
      repo.write(formation.at("secrets.enc"), token.subarray(0, 60));
      return { paths: [formation.at("secrets.enc")] };
    },
    twin({ repo, formation }) {
      const rotated = { ...formation.secrets, OPENAI_API_KEY: opaque(31, "rotated") };
      repo.write(formation.at("secrets.enc"), `${freshToken(formation.key, goJson(rotated))}\r\n`);
      return { paths: [formation.at("secrets.enc")] };
    },
  },
  {
    name: "conflict markers in secrets.enc",
    says: /secrets\.enc(?::1)? {2}conflict-markers/,
    leak({ repo, formation }) {
      const [a, b] = [freshToken(formation.key, "{}"), freshToken(formation.key, "{}")];
      repo.write(formation.at("secrets.enc"), `<<<<<<< HEAD\n${a}\n=======\n${b}\n>>>>>>> side\n`);
      return { paths: [formation.at("secrets.enc")] };
    },
    twin({ repo }) {
      repo.write("docs/merging.md", "git writes\n\n    <<<<<<< HEAD\n    =======\n    >>>>>>> side\n");
      return { paths: ["docs/merging.md"] };
    },
  },
  {
    name: "a secrets.enc re-keyed by accident",
    says: /secrets\.enc {2}key-changed/,
    leak({ repo, formation }) {
      const key = fakeKey();
      repo.write(formation.at(".key"), key, 0o600);
      repo.write(formation.at("secrets.enc"), freshToken(key, goJson(formation.secrets)));
      return { paths: [formation.at("secrets.enc")], marks: [key] };
    },
    twin({ repo, formation }) {
      repo.write(formation.at(".key"), formation.key, 0o600);
      const rotated = { ...formation.secrets, OPENAI_API_KEY: opaque(32, "rotated") };
      repo.write(formation.at("secrets.enc"), freshToken(formation.key, goJson(rotated)));
      return { paths: [formation.at("secrets.enc")] };
    },
  },
  {
    name: "a value that is gone and still needed",
    says: /secrets\.enc {2}value-dropped/,
    leak({ repo, formation }) {
      const { OPENAI_API_KEY: _, ...rest } = formation.secrets;
      repo.write(formation.at("secrets.enc"), freshToken(formation.key, goJson(rest)));
      return { paths: [formation.at("secrets.enc")] };
    },
    twin({ repo, formation }) {
      const { OPENAI_API_KEY: _, ...rest } = formation.secrets;
      repo.write(formation.at("secrets.enc"), freshToken(formation.key, goJson(rest)));
      repo.write(formation.at("secrets"), "BRAVE_SEARCH_API_KEY=\n");
      repo.write(
        formation.at("formation.afs"),
        'id: made-up\nllm:\n  api_keys:\n    brave: "${{ secrets.BRAVE_SEARCH_API_KEY }}"\n',
      );
      return { paths: [formation.at("secrets.enc"), formation.at("secrets"), formation.at("formation.afs")] };
    },
  },
  {
    name: "a stored name that the template lacks",
    says: /secrets\.enc {2}name-not-in-template/,
    leak({ repo, formation }) {
      const more = { ...formation.secrets, EXTRA_TOKEN: opaque(30, "extra") };
      repo.write(formation.at("secrets.enc"), freshToken(formation.key, goJson(more)));
      return { paths: [formation.at("secrets.enc")], marks: [more.EXTRA_TOKEN] };
    },
    twin({ repo, formation }) {
      const more = { ...formation.secrets, USER_CREDENTIALS_GITHUB: opaque(30, "extra") };
      repo.write(formation.at("secrets.enc"), freshToken(formation.key, goJson(more)));
      repo.write(formation.at("secrets"), "OPENAI_API_KEY=\nBRAVE_SEARCH_API_KEY=\nUSER_CREDENTIALS_GITHUB=\n");
      return { paths: [formation.at("secrets.enc"), formation.at("secrets")] };
    },
  },
  {
    name: "a reference that the template lacks",
    says: /agents\/a\.afs:2(?::\d+)? {2}reference-not-in-template/,
    leak({ repo, formation }) {
      repo.write(formation.at("agents/a.afs"), 'id: a\nhook: "${{ secrets.WEBHOOK_URL }}"\n');
      return { paths: [formation.at("agents/a.afs")] };
    },
    twin({ repo, formation }) {
      repo.write(
        formation.at("agents/a.afs"),
        'id: a\n# hook: "${{ secrets.WEBHOOK_URL }}"\nuser: "${{ user.credentials.github }}"\n',
      );
      repo.write(".github/workflows/ci.yml", "env:\n  TOKEN: ${{ secrets.GITHUB_TOKEN }}\n");
      return { paths: [formation.at("agents/a.afs"), ".github/workflows/ci.yml"] };
    },
  },
  {
    name: "a reference that MUXI leaves as it is",
    says: /agents\/a\.afs:2(?::\d+)? {2}reference-never-substituted/,
    leak({ repo, formation }) {
      repo.write(formation.at("agents/a.afs"), 'id: a\nkey: "${{ secrets.openai_api_key }}"\n');
      return { paths: [formation.at("agents/a.afs")] };
    },
    twin({ repo, formation }) {
      repo.write(formation.at("agents/a.afs"), 'id: a\nkey: "${{secrets.OPENAI_API_KEY}}"\n');
      return { paths: [formation.at("agents/a.afs")] };
    },
  },
  {
    name: "a stored name that MUXI cannot look up",
    says: /secrets\.enc {2}name-not-normalised/,
    leak({ repo, formation }) {
      const odd = { ...formation.secrets, "odd-name": opaque(30, "odd") };
      repo.write(formation.at("secrets.enc"), freshToken(formation.key, goJson(odd)));
      repo.write(formation.at("secrets"), "OPENAI_API_KEY=\nBRAVE_SEARCH_API_KEY=\nODD_NAME=\n");
      return { paths: [formation.at("secrets.enc"), formation.at("secrets")], marks: [odd["odd-name"]] };
    },
    twin({ repo, formation }) {
      const even = { ...formation.secrets, USER_CREDENTIALS_ODD: opaque(30, "odd") };
      repo.write(formation.at("secrets.enc"), freshToken(formation.key, goJson(even)));
      repo.write(formation.at("secrets"), "OPENAI_API_KEY=\nBRAVE_SEARCH_API_KEY=\nUSER_CREDENTIALS_ODD=\n");
      return { paths: [formation.at("secrets.enc"), formation.at("secrets")] };
    },
  },
  {
    name: "a known value in a file of no formation",
    says: /src\/app\.py:2:8 {2}known-value: the value of 'OPENAI_API_KEY'/,
    leak({ repo, formation }) {
      const value = formation.secrets.OPENAI_API_KEY!;
      repo.write("src/app.py", `import os\nkey = "${value}"\n`);
      return { paths: ["src/app.py"], marks: [value] };
    },
    twin({ repo, formation }) {
      repo.write(
        "src/app.py",
        `import os\nkey = os.environ["OPENAI_API_KEY"]  # ${formation.secrets.OPENAI_API_KEY!.slice(0, 5)}...\n`,
      );
      return { paths: ["src/app.py"] };
    },
  },
  {
    name: "a known value in base64",
    says: /k8s\.yaml:2:\d+ {2}known-value: the value of 'BRAVE_SEARCH_API_KEY'.* \(base64\)/,
    leak({ repo, formation }) {
      const value = formation.secrets.BRAVE_SEARCH_API_KEY!;
      const encoded = Buffer.from(`x${value}\n`).toString("base64");
      repo.write("k8s.yaml", `data:\n  key: ${encoded}\n`);
      return { paths: ["k8s.yaml"], marks: [value, encoded] };
    },
    twin({ repo }) {
      repo.write("k8s.yaml", `data:\n  key: ${Buffer.from("just some words in base64").toString("base64")}\n`);
      return { paths: ["k8s.yaml"] };
    },
  },
  {
    name: "a formation's key inside a file",
    says: /deploy\.sh:2:\d+ {2}known-key/,
    leak({ repo, formation }) {
      repo.write("deploy.sh", `#!/bin/sh\necho ${formation.key} > .key\n`);
      return { paths: ["deploy.sh"], marks: [formation.key] };
    },
    twin({ repo }) {
      repo.write("deploy.sh", '#!/bin/sh\necho "$FORMATION_KEY" > .key\n');
      return { paths: ["deploy.sh"] };
    },
  },
  {
    name: "a provider token",
    says: /docs\/setup\.md:1:\d+ {2}anthropic/,
    leak({ repo }) {
      const token = fakeAnthropicKey();
      repo.write("docs/setup.md", `use ${token}\n`);
      return { paths: ["docs/setup.md"], marks: [token] };
    },
    twin({ repo }) {
      repo.write("docs/setup.md", "use sk-ant-api03-xxxxxxxxxxxxxxxxxxxx or ghp_XXXXXXXXXXXXXXXXXXXX\n");
      return { paths: ["docs/setup.md"] };
    },
  },
  {
    name: "a literal in a formation file where a reference belongs",
    says: /formation\.afs:4:\d+ {2}literal-secret/,
    leak({ repo, formation }) {
      const value = `own-${opaque(10, "literal")}`;
      repo.write(
        formation.at("formation.afs"),
        `id: made-up\nllm:\n  api_keys:\n    openai: "${value}"\n    brave: "\${{ secrets.BRAVE_SEARCH_API_KEY }}"\n`,
      );
      return { paths: [formation.at("formation.afs")], marks: [value] };
    },
    twin({ repo, formation }) {
      repo.write(
        formation.at("formation.afs"),
        'id: made-up\nllm:\n  api_keys:\n    openai: "${{ secrets.OPENAI_API_KEY }}"\n    brave: "${{ secrets.BRAVE_SEARCH_API_KEY }}"\n    llama_cpp: "local"\n',
      );
      return { paths: [formation.at("formation.afs")] };
    },
  },
];

type Way = (
  at: Situation,
  one: Case,
  change: Case["leak"] | Case["twin"],
) => { ran: Ran; marks: string[]; before: string; after: string };

function indexOf(repo: TempRepo): string {
  return repo.git("ls-files", "-s");
}

function way(commit: (repo: TempRepo, paths: string[], unfiltered: boolean) => Ran): Way {
  return (at, one, change) => {
    const { paths, marks = [] } = change(at) as { paths: string[]; marks?: string[] };
    const ran = commit(at.repo, paths, one.unfiltered === true && change === one.leak);
    return { ran, marks, before: stagedBefore.get(at.repo) ?? "", after: indexOf(at.repo) };
  };
}

const stagedBefore = new WeakMap<TempRepo, string>();
function remember(repo: TempRepo): void {
  stagedBefore.set(repo, indexOf(repo));
}

const WAYS: Record<string, Way> = {
  commit: way((repo, paths, unfiltered) => {
    add(repo, paths, unfiltered);
    remember(repo);
    return repo.try("git", "commit", "-qm", "change");
  }),
  "commit -a": way((repo, paths, unfiltered) => {
    repo.git("add", "-N", "-f", "--", ...paths);
    remember(repo);
    return repo.try("git", ...(unfiltered ? NO_FILTER : []), "commit", "-qam", "change");
  }),
  "commit <path>": way((repo, paths, unfiltered) => {
    repo.git("add", "-N", "-f", "--", ...paths);
    remember(repo);
    return repo.try("git", ...(unfiltered ? NO_FILTER : []), "commit", "-qm", "change", "--", ...paths);
  }),
  "partial staging": way((repo, paths, unfiltered) => {
    add(repo, paths, unfiltered);
    // What is staged is committed, whatever the working tree looks like by then.
    for (const path of paths) if (!path.endsWith("secrets.enc")) repo.write(path, "cleaned\n");
    remember(repo);
    return repo.try("git", "commit", "-qm", "change");
  }),
  "commit --amend": way((repo, paths, unfiltered) => {
    add(repo, paths, unfiltered);
    remember(repo);
    return repo.try("git", "commit", "-q", "--amend", "--no-edit");
  }),
  merge: way((repo, paths, unfiltered) => {
    const branch = `side-${Math.random().toString(36).slice(2)}`;
    repo.git("branch", branch, "side");
    repo.git("merge", "-q", "--no-ff", "--no-commit", branch);
    add(repo, paths, unfiltered);
    remember(repo);
    return repo.try("git", "commit", "-qm", "merge");
  }),
};

/** An installed repository with a committed formation and a branch to merge. */
const prepared = preparedRepo((repo) => {
  const formation = writeFormation(repo, "bot");
  repo.write("README.md", "a repository\n");
  const install = repo.muxi("install");
  assert.equal(install.code, 0, install.all);
  repo.git("add", "-A");
  repo.git("commit", "-qm", "first");
  repo.git("checkout", "-qb", "side");
  repo.write("side.txt", "side\n");
  repo.git("add", "side.txt");
  repo.git("commit", "-qm", "side");
  repo.git("checkout", "-q", "main");
  return formation;
});

function prepare(t: TestContext): Situation {
  const { repo, made } = prepared(t);
  return { repo, formation: made };
}

/** Installed, with a formation, and no commit yet. */
const unborn = preparedRepo((repo) => {
  const formation = writeFormation(repo, "bot");
  assert.equal(repo.muxi("install").code, 0);
  return formation;
});

function reset({ repo, formation }: Situation, head: string): void {
  repo.git("reset", "-q", "--hard", head);
  repo.git("clean", "-fdq");
  repo.write(formation.at(".key"), formation.key, 0o600);
}

function assertBlocked(one: Case, { ran, marks, before, after }: ReturnType<Way>): void {
  assert.equal(ran.code, 1, ran.all);
  assert.match(ran.stderr, /^muxi-git: error: commit blocked: \d+ problems? in what is staged\n/);
  assert.match(ran.stderr, one.says);
  assert.match(ran.stderr.trimEnd().split("\n").at(-1) ?? "", /^muxi-git: fix: /);
  assert.doesNotMatch(ran.stderr, /no-verify|MUXI_GIT=0/);
  for (const mark of marks) assert.ok(!ran.all.includes(mark), "a secret value appears in the output");
  assert.equal(after, before, "the index changed");
}

function assertSilent({ ran }: ReturnType<Way>): void {
  assert.equal(ran.code, 0, ran.all);
  assert.equal(ran.stderr, "");
  assert.equal(ran.stdout, "");
}

/**
 * `SLOW=1` tries every case in every way. The everyday run tries a part of them, so chosen that every way and every
 * case has its turn: each costs a few processes, and there are hundreds.
 */
function hasItsTurn(one: Case, turn: number, outOf: number): boolean {
  return process.env.SLOW === "1" || (turn + CASES.indexOf(one)) % outOf === 0;
}

for (const one of CASES) {
  describe(one.name, () => {
    test(`is stopped in the ways a commit is made: ${Object.keys(WAYS).join(", ")}`, (t) => {
      const at = prepare(t);
      const head = at.repo.git("rev-parse", "HEAD");
      for (const [turn, commit] of Object.values(WAYS).entries()) {
        if (!hasItsTurn(one, turn, 14)) continue;
        const result = commit(at, one, one.leak);
        assertBlocked(one, result);
        assert.equal(at.repo.git("rev-parse", "HEAD"), head);
        reset(at, head);
      }
    });

    test("has a twin that passes in silence", (t) => {
      const at = prepare(t);
      const head = at.repo.git("rev-parse", "HEAD");
      for (const [turn, [name, commit]] of Object.entries(WAYS).entries()) {
        if (!hasItsTurn(one, turn, 14)) continue;
        // Staged is the honest version; what "partial staging" leaves in the working tree does not matter.
        const result = commit(at, one, one.twin);
        assertSilent(result);
        if (name !== "commit --amend") assert.notEqual(at.repo.git("rev-parse", "HEAD"), head);
        reset(at, head);
      }
    });

    if (!hasItsTurn(one, 0, 6)) return;
    test("is stopped in a first commit and in a linked worktree", (t) => {
      const { repo: first, made: formation } = unborn(t);
      const predecessor = /key-changed|value-dropped/.test(one.says.source);
      first.git("add", ".");
      const { paths, marks = [] } = one.leak({ repo: first, formation });
      add(first, paths, one.unfiltered === true);
      remember(first);
      const initial = first.try("git", "commit", "-qm", "first");
      // Nothing came before: there is no key to have changed and no value to have been dropped.
      if (!predecessor) {
        assertBlocked(one, { ran: initial, marks, before: stagedBefore.get(first) ?? "", after: indexOf(first) });
      }

      const at = prepare(t);
      const root = join(at.repo.base, "linked worktree");
      at.repo.git("worktree", "add", "-q", "-b", "linked", root);
      const linked = repoAt(at.repo.base, root, at.repo.env);
      const there = { repo: linked, formation: at.formation };
      assertBlocked(one, WAYS.commit!(there, one, one.leak));
    });
  });
}

test("a tracked symlink called .key is no leak", (t) => {
  const { repo } = prepare(t);
  symlinkSync("../bot/.key", repo.path("link-to-.key"));
  rmSync(repo.path("link-to-.key"));
  repo.write("other/.gitkeep", "");
  symlinkSync("../bot/.key", repo.path("other/.key"));
  repo.git("add", "-f", "other");
  const ran = repo.try("git", "commit", "-qm", "link");
  assert.equal(ran.code, 0, ran.all);
  assert.equal(ran.stderr, "");
});

test("a known value is found in every encoding that text is pasted in", (t) => {
  const { repo, formation } = prepare(t);
  const value = `${opaque(9, "odd")}&/é'+${opaque(9, "ends")}=`;
  repo.write(
    formation.at("secrets.enc"),
    freshToken(formation.key, goJson({ ...formation.secrets, OPENAI_API_KEY: value })),
  );
  repo.git("commit", "-qam", "an awkward value");
  const raw = Buffer.from(value);
  const forms: Record<string, Buffer | string> = {
    raw: value,
    "base64, second alignment": Buffer.from(`a${value}`).toString("base64"),
    "base64, third alignment": Buffer.from(`ab${value}`).toString("base64"),
    base64url: Buffer.from(value).toString("base64url"),
    hex: raw.toString("hex"),
    HEX: raw.toString("hex").toUpperCase(),
    percent: encodeURIComponent(value),
    "percent, lower case": encodeURIComponent(value).replace(/%../g, (triple) => triple.toLowerCase()),
    json: JSON.stringify({ value }).replaceAll("&", "\\u0026"),
    "json, ASCII only": `"${value.replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)}"`,
    shell: `KEY='${value.replaceAll("'", "'\\''")}'`,
    "UTF-16": Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(`key=${value}\n`, "utf16le")]),
    "UTF-16 without BOM": Buffer.from(`key=${value}\n`, "utf16le"),
    "in a binary file": Buffer.concat([Buffer.from([0, 1, 2, 0]), raw, Buffer.from([0, 255])]),
  };
  for (const [name, content] of Object.entries(forms)) {
    repo.write("pasted.txt", content);
    repo.git("add", "pasted.txt");
    const ran = repo.try("git", "commit", "-qm", "paste");
    assert.equal(ran.code, 1, `${name}: ${ran.all}`);
    assert.match(ran.stderr, /pasted\.txt:1:\d+ {2}known-value: the value of 'OPENAI_API_KEY'/, name);
    assert.ok(!ran.all.includes(value), name);
    repo.git("reset", "-q");
  }
});

test("a weak value such as a host name is pointed at and passes", (t) => {
  const repo = tempRepo(t);
  writeFormation(repo, "", { DATABASE_HOST: "production", OPENAI_API_KEY: `val-${opaque(20, "weak")}` });
  assert.equal(repo.muxi("install").code, 0);
  repo.git("add", "-A");
  repo.git("commit", "-qm", "first");
  repo.write("docs.md", "deploy to production\n");
  repo.git("add", "docs.md");
  const ran = repo.try("git", "commit", "-qm", "docs");
  assert.equal(ran.code, 0, ran.all);
  assert.match(ran.stderr, /^muxi-git: warning: docs\.md:1:11 {2}known-value: the value of 'DATABASE_HOST'/);

  repo.write("muxi-git.json", '{ "publicNames": ["DATABASE_HOST"] }\n');
  repo.write("more.md", "production\n");
  repo.git("add", ".");
  const exempt = repo.try("git", "commit", "-qm", "public");
  assert.equal(exempt.code, 0);
  assert.equal(
    exempt.stderr,
    "muxi-git: note: this commit loosens muxi-git.json: the value of 'DATABASE_HOST' is declared public\n",
  );
});

test("what stood there before is not held against a commit", (t) => {
  const repo = tempRepo(t);
  const token = fakeGroqKey();
  repo.write("old.txt", `token ${token}\n`);
  repo.git("add", ".");
  repo.git("commit", "-qm", "before muxi-git");
  assert.equal(repo.muxi("install").code, 0);
  repo.write("old.txt", `a new first line\ntoken ${token}\n`);
  repo.git("mv", "-k", "old.txt", "moved.txt");
  repo.git("add", "-A");
  const moved = repo.try("git", "commit", "-qm", "move");
  assert.equal(moved.code, 0, moved.all);
  assert.equal(moved.stderr, "");
  repo.write("copy.txt", `token ${token}\n`);
  repo.git("add", "-A");
  const copied = repo.try("git", "commit", "-qm", "copy");
  assert.equal(copied.code, 1, "a copy is a new place");
});

test("a missing template name that is there but not staged: the fix is git add", (t) => {
  const { repo, formation } = prepare(t);
  repo.write(formation.at("agents/a.afs"), 'id: a\nhook: "${{ secrets.WEBHOOK_URL }}"\n');
  repo.git("add", "-A");
  repo.write(formation.at("secrets"), "OPENAI_API_KEY=\nBRAVE_SEARCH_API_KEY=\nWEBHOOK_URL=\n");
  const ran = repo.try("git", "commit", "-qm", "agent");
  assert.equal(ran.code, 1);
  assert.equal(ran.stderr.trimEnd().split("\n").at(-1), "muxi-git: fix: git add -- bot/secrets");
  repo.git("add", "bot/secrets");
  assert.equal(repo.try("git", "commit", "-qm", "agent").code, 0);
});

test("the allow comment and the baseline let a finding through, and the loosening shows", (t) => {
  const { repo } = prepare(t);
  const token = fakeGroqKey("allowed");
  repo.write("a.py", `key = "${token}"  # muxi-git:allow groq-key revoked, kept for the parser's test\n`);
  repo.git("add", "a.py");
  const allowed = repo.try("git", "commit", "-qm", "allowed");
  assert.equal(allowed.code, 0, allowed.all);
  assert.match(allowed.stderr, /^muxi-git: note: an allow comment accepts a\.py:1 {2}groq-key, because: revoked/);

  repo.write("c.py", `key = "${fakeGroqKey("no reason")}"  # muxi-git:allow groq-key\n`);
  repo.git("add", "c.py");
  const warned = repo.try("git", "commit", "-qm", "no reason");
  assert.equal(warned.code, 0, warned.all);
  assert.match(
    warned.stderr,
    /^muxi-git: warning: c\.py:1:8 {2}groq-key: a Groq credential, .*; its allow comment gives no reason\n$/,
  );

  repo.write("d.py", `key = "${fakeGroqKey("other rule")}"  # muxi-git:allow npm-token revoked\n`);
  repo.git("add", "d.py");
  const idle = repo.try("git", "commit", "-qm", "other rule");
  assert.equal(idle.code, 1);
  assert.match(
    idle.stderr,
    /note: the allow comment at d\.py:1 does nothing: names another rule: the finding's is groq-key\n/,
  );
  repo.git("rm", "-qf", "d.py");

  repo.write("b.json", `{ "key": "${fakeGroqKey("json")}" }\n`);
  repo.git("add", "b.json");
  const blocked = repo.try("git", "commit", "-qm", "json");
  assert.equal(blocked.code, 1);
  const fingerprint = /baseline accept ([0-9a-f]{16}) --reason/.exec(blocked.stderr)?.[1] ?? "";
  const accept = repo.try("git", "muxi", "baseline", "accept", fingerprint, "--reason", "revoked last year");
  assert.equal(accept.code, 0, accept.all);
  repo.git("add", ".muxi-git-baseline.json");
  const accepted = repo.try("git", "commit", "-qm", "json");
  assert.equal(accepted.code, 0, accepted.all);
  assert.match(
    accepted.stderr,
    /^muxi-git: note: this commit accepts a finding: groq-key in b\.json, because: revoked last year/,
  );
});

test("key accept lets a declared change of key through", (t) => {
  const { repo, formation } = prepare(t);
  const key = fakeKey();
  repo.write(formation.at(".key"), key, 0o600);
  repo.write(formation.at("secrets.enc"), freshToken(key, goJson(formation.secrets)));
  repo.git("add", formation.at("secrets.enc"));
  assert.equal(repo.try("git", "commit", "-qm", "rotate").code, 1);
  const accept = repo.try("git", "muxi", "key", "accept", "-F", "bot");
  assert.equal(accept.code, 0, accept.all);
  assert.ok(!accept.all.includes(key));
  const ran = repo.try("git", "commit", "-qm", "rotate");
  assert.equal(ran.code, 0, ran.all);
  assert.equal(ran.stderr, "");
});

test("MUXI_GIT=0 skips the hook and says so; JSON goes to stderr on request", (t) => {
  const { repo, formation } = prepare(t);
  repo.write("leak.txt", formation.secrets.OPENAI_API_KEY!);
  repo.git("add", "leak.txt");
  const json = repo.tryWith({ env: { MUXI_GIT_FORMAT: "json" } }, "git", "commit", "-qm", "leak");
  assert.equal(json.code, 1);
  const report = JSON.parse(json.stderr);
  assert.equal(report.schemaVersion, 1);
  assert.equal(report.findings[0].rule, "known-value");
  assert.equal(report.findings[0].secretId, undefined);
  assert.ok(!json.all.includes(formation.secrets.OPENAI_API_KEY!));
  const skipped = repo.tryWith({ env: { MUXI_GIT: "0" } }, "git", "commit", "-qm", "leak");
  assert.equal(skipped.code, 0);
  const said = ["pre-commit", "commit-msg"].map((hook) => `muxi-git: hook ${hook} skipped, MUXI_GIT=0 is set\n`);
  assert.equal(skipped.stderr, said.join(""));
});
