/** `muxi-git secrets`: values in and out, names and places, and what is refused. */
import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fakeAnthropicKey, fakeKey, opaque } from "../support/fake.ts";
import { tempFolder } from "../support/folder.ts";
import { freshToken, goJson, openWith, writeFormation } from "../support/formation.ts";
import { preparedRepo, type Ran, type TempRepo, tempRepo } from "../support/repo.ts";

function done(ran: Ran): Ran {
  assert.equal(ran.code, 0, ran.all);
  return ran;
}

function failed(ran: Ran, code: number, says: RegExp): Ran {
  assert.equal(ran.code, code, ran.all);
  assert.match(ran.stderr, says);
  assert.equal(ran.stdout, "");
  return ran;
}

function set(repo: TempRepo, name: string, value: string | Uint8Array, ...more: string[]): Ran {
  return repo.muxiWith({ input: value }, "secrets", "set", name, "--stdin", ...more);
}

function values(repo: TempRepo, folder = ""): Record<string, string> {
  const secrets = openWith(repo.read(join(folder, ".key")).toString(), repo.read(join(folder, "secrets.enc")));
  assert.ok(secrets !== null, "secrets.enc does not open");
  return Object.fromEntries([...secrets].map(([name, value]) => [name, value.kind === "string" ? value.value : "?"]));
}

/** What an answer says, in lines without their indentation. */
function lines(text: string): string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.trim().replace(/ {2,}/g, " | "));
}

test("a value goes in by standard input or a file and comes out byte for byte, outside git too", (t) => {
  const repo = tempFolder(t);
  repo.write("formation.afs", 'a: "${{ secrets.A_KEY }}"\n');
  const first = done(set(repo, "a-key", "grüße <&> 世界\n"));
  assert.equal(first.stdout, "stored A_KEY in secrets.enc (12 characters)\n");
  assert.match(
    first.stderr,
    /^made a new key: \.key\nkeep a copy of it outside this machine: .*\nMUXI's name for it is A_KEY\n$/,
  );
  assert.deepEqual(values(repo), { A_KEY: "grüße <&> 世界" });
  assert.equal(done(repo.muxi("secrets", "get", "A_KEY")).stdout, "grüße <&> 世界");

  // A PEM file needs its last line end; echo's after a single line is none of the value.
  const pem = "-----BEGIN X-----\r\nabc\n-----END X-----\n";
  repo.write("../pem", pem);
  const second = done(repo.muxi("secrets", "set", "PEM_OF_X", "--from-file", "../pem"));
  assert.match(second.stdout, /\(3 lines, 39 characters\)/);
  assert.equal(done(repo.muxi("secrets", "get", "pem-of-x")).stdout, pem);

  const third = done(set(repo, "WINDOWS_PATH", "C:\\new\\x \r\n"));
  assert.deepEqual(lines(third.stderr), [
    "muxi-git: warning: the value of WINDOWS_PATH holds a backslash, which MUXI's runtime changes or refuses",
    "muxi-git: warning: the value of WINDOWS_PATH begins or ends with white space",
  ]);
  assert.equal(done(set(repo, "WINDOWS_PATH", "C:\\new\\x ")).stdout, "WINDOWS_PATH has this value already\n");

  const large = `${opaque(64, "large")}\n`.repeat(20_000);
  done(set(repo, "LARGE_ONE", large));
  assert.deepEqual(values(repo), {
    A_KEY: "grüße <&> 世界",
    LARGE_ONE: large,
    PEM_OF_X: pem,
    WINDOWS_PATH: "C:\\new\\x ",
  });
  assert.equal(repo.read("secrets").toString(), "A_KEY=\nPEM_OF_X=\nWINDOWS_PATH=\nLARGE_ONE=\n");
  assert.deepEqual(new Set(readdirSync(repo.root)), new Set([".key", "formation.afs", "secrets", "secrets.enc"]));
});

test("a value that cannot be stored, or a dry run, changes nothing", (t) => {
  const repo = tempFolder(t);
  repo.write("formation.yaml", "id: x\n");
  failed(set(repo, "A_KEY", ""), 2, /the value is empty/);
  failed(set(repo, "A_KEY", "\n"), 2, /the value is empty/);
  failed(set(repo, "A_KEY", Buffer.from([0xff, 0x00, 0x80])), 2, /the value is no text/);
  failed(repo.muxi("secrets", "set", "A_KEY", "--from-file", "nowhere"), 2, /cannot read 'nowhere' \(ENOENT\)/);
  const pasted = repo.muxi("secrets", "set", "A_KEY", "--from-file", fakeAnthropicKey());
  failed(pasted, 2, /^muxi-git: error: cannot read the file of that name \(ENOENT\)\n$/);
  failed(repo.muxi("secrets", "set", "A_KEY", "--from-file", "."), 2, /cannot read '\.' \(it is a folder\)/);
  failed(repo.muxi("secrets", "set", "A_KEY", "--stdin", "--from-file", "x"), 2, /exclude one another/);
  failed(repo.muxi("secrets", "set", "A_KEY"), 2, /no value for A_KEY: .*\n.*secrets set A_KEY --stdin$/m);
  const dry = done(set(repo, "A_KEY", "one", "--dry-run"));
  assert.equal(dry.stdout, "would store A_KEY in secrets.enc (3 characters)\n");
  assert.match(dry.stderr, /^would make a new key: \.key\n$/);
  assert.deepEqual(readdirSync(repo.root), ["formation.yaml"]);
});

test("a value is never an argument, and what was typed is not repeated", (t) => {
  const repo = tempFolder(t);
  repo.write("formation.afs", "id: x\n");
  const value = opaque(12, "argument");
  for (const args of [
    ["A_KEY", value],
    [`A_KEY=${value}`],
    [fakeAnthropicKey(value)],
    ["A_KEY", `--value=${value}`],
    ["A_KEY", `-p${value}`],
  ]) {
    const ran = failed(
      repo.muxi("secrets", "set", ...args),
      2,
      /^muxi-git: error: .*(never an argument|looks like a value)/,
    );
    assert.ok(!ran.all.includes(value), ran.all);
    assert.ok(!ran.all.includes(fakeAnthropicKey(value).slice(8, 30)), ran.all);
  }
  failed(set(repo, "_-_", "x"), 2, /letters, digits and '_'/);
  failed(set(repo, "ключ", "x"), 2, /letters, digits and '_'/);
  assert.deepEqual(readdirSync(repo.root), ["formation.afs"]);
});

/** A formation with a name in each state, its references in every place that some MUXI reads. */
const mixed = preparedRepo((repo) => {
  const made = writeFormation(repo, "bot", { OPENAI_API_KEY: `val-${opaque(20, "mixed")}`, STALE_API_KEY: "old" });
  repo.write("bot/formation.afs", 'a: "${{ secrets.OPENAI_API_KEY }}"\n');
  for (const [file, name] of [
    ["mcp/search.yml", "BRAVE_API_KEY"],
    ["transformers/t.yaml", "HOOK_TOKEN"],
    ["skills/mail/SKILL.md", "MAIL_TOKEN"],
    ["agents/local.afs", "LOCAL_TOKEN"],
  ] as const) {
    repo.write(`bot/${file}`, `x: "\${{ secrets.${name} }}"\n`);
  }
  repo.write("bot/skills/mail/send.py", "import os\nos.environ['SCRIPT_TOKEN']\n");
  const secrets = {
    ...made.secrets,
    BRAVE_API_KEY: "b",
    HOOK_TOKEN: "h",
    MAIL_TOKEN: "m",
    "odd-name": "o",
    SCRIPT_TOKEN: "s",
  };
  repo.write("bot/secrets.enc", freshToken(made.key, goJson({ ...secrets, USER_CREDENTIALS_X: "u" })), 0o600);
  repo.write("bot/secrets", "# ours\n\nSTALE_API_KEY=\nOPENAI_API_KEY=sk-...\n# mail\nMAIL_TOKEN=\nSCRIPT_TOKEN=\n");
  repo.write(".gitignore", ".key\nbot/agents/local.afs\n");
  repo.git("add", "-A");
  repo.git("commit", "-qm", "bot");
  return made;
});

test("list says of each name whether it has a value and where it is used", (t) => {
  const { repo, made } = mixed(t);
  const listed = done(repo.muxiWith({ cwd: repo.path("bot/skills") }, "secrets", "ls"));
  assert.deepEqual(lines(listed.stdout), [
    "bot: 7 secrets, 1 name without a value, 1 that MUXI cannot look up",
    "BRAVE_API_KEY | stored | bot/mcp/search.yml:1",
    "HOOK_TOKEN | stored | bot/transformers/t.yaml:1",
    "LOCAL_TOKEN | no value | bot/agents/local.afs:1",
    "MAIL_TOKEN | stored | bot/skills/mail/SKILL.md:1",
    "OPENAI_API_KEY | stored | bot/formation.afs:1",
    "SCRIPT_TOKEN | stored | in the template only",
    "STALE_API_KEY | stored | in the template only",
    "USER_CREDENTIALS_X | stored | in no file and not in the template",
    "odd-name | unreachable | MUXI asks for a name of A-Z, 0-9 and _",
  ]);
  assert.equal(listed.stderr, "");

  const shown = done(repo.muxi("secrets", "list", "--with-values", "--json", "-F", "bot"));
  const { path, secrets } = JSON.parse(shown.stdout) as { path: string; secrets: { name: string; value?: string }[] };
  assert.equal(path, "bot");
  assert.equal(secrets.find(({ name }) => name === "OPENAI_API_KEY")?.value, made.secrets.OPENAI_API_KEY);
  assert.equal(secrets.find(({ name }) => name === "LOCAL_TOKEN")?.value, undefined);

  // What MUXI cannot look up, we give and delete by the name that stands there.
  assert.equal(done(repo.muxi("secrets", "get", "odd-name")).stdout, "o");
  done(repo.muxi("secrets", "delete", "odd-name"));
  failed(repo.muxi("secrets", "get", "odd-name"), 1, /no secret 'ODD_NAME' is stored\n.*secrets set ODD_NAME -F bot$/m);

  repo.write("bot/.key", fakeKey());
  const sealed = repo.muxi("secrets", "list");
  assert.equal(sealed.code, 2);
  assert.match(sealed.stdout, /^bot: 7 names, not opened\n/);
  assert.match(sealed.stderr, /the key here \([0-9a-f]{16}\) does not open 'bot\/secrets\.enc'/);
});

test("delete takes a name out of both files, and one that is in use only where that is meant", (t) => {
  const { repo } = mixed(t);
  const before = values(repo, "bot");
  const used = repo.muxi("secrets", "delete", "STALE_API_KEY", "mail-token");
  failed(
    used,
    2,
    /^MAIL_TOKEN is used in bot\/skills\/mail\/SKILL\.md:1\n.*MAIL_TOKEN: still in use\n.*secrets delete STALE_API_KEY MAIL_TOKEN --yes -F bot$/m,
  );
  assert.deepEqual(values(repo, "bot"), before);
  assert.equal(
    done(repo.muxi("secrets", "delete", "STALE_API_KEY", "--dry-run")).stdout,
    "would delete STALE_API_KEY\n",
  );

  const ran = done(repo.muxi("secrets", "delete", "STALE_API_KEY", "mail-token", "--yes"));
  assert.equal(
    ran.stdout,
    "deleted STALE_API_KEY, MAIL_TOKEN\nnext: git add -- bot/secrets bot/secrets.enc\n".replace(
      "bot/secrets bot/secrets.enc",
      "bot/secrets.enc bot/secrets",
    ),
  );
  assert.match(ran.stderr, /bot\/secrets still lists MAIL_TOKEN\nwhat was committed still holds it/);
  const { STALE_API_KEY: _, MAIL_TOKEN: __, ...rest } = before;
  assert.deepEqual(values(repo, "bot"), rest);
  assert.equal(
    repo.read("bot/secrets").toString(),
    "# ours\n\nOPENAI_API_KEY=sk-...\n# mail\nMAIL_TOKEN=\nSCRIPT_TOKEN=\n",
  );
  const again = done(repo.muxi("secrets", "delete", "STALE_API_KEY"));
  assert.deepEqual([again.stdout, again.stderr], ["", "no secret STALE_API_KEY is stored\n"]);
});

test("sync adds what is missing, and deletes what no file uses only after a yes", (t) => {
  const { repo } = mixed(t);
  const before = values(repo, "bot");
  const planned = done(repo.muxi("secrets", "sync", "--dry-run"));
  const added = "BRAVE_API_KEY, HOOK_TOKEN, LOCAL_TOKEN, USER_CREDENTIALS_X";
  assert.equal(lines(planned.stdout)[0], `would add to bot/secrets: ${added}`);
  assert.deepEqual(lines(planned.stderr), [
    "add to the template | BRAVE_API_KEY | used in bot/mcp/search.yml:1",
    "add to the template | HOOK_TOKEN | used in bot/transformers/t.yaml:1",
    "add to the template | LOCAL_TOKEN | used in bot/agents/local.afs:1",
    "add to the template | USER_CREDENTIALS_X | stored",
    "no reference | SCRIPT_TOKEN | stored, used in no file; its name stands in bot/skills/mail/send.py",
    "no reference | STALE_API_KEY | stored, used in no file",
    "to delete what no file uses: npx muxi-git secrets sync --yes -F bot",
    "without a value: LOCAL_TOKEN",
    "to give them one: npx muxi-git secrets setup -F bot",
  ]);
  assert.equal(repo.git("status", "--porcelain"), "");

  const ran = done(repo.muxi("secrets", "sync"));
  assert.deepEqual(lines(ran.stdout), [`added to bot/secrets: ${added}`, "next: git add -- bot/secrets"]);
  assert.deepEqual(values(repo, "bot"), before);
  const template = "# ours\n\nSTALE_API_KEY=\nOPENAI_API_KEY=sk-...\n# mail\nMAIL_TOKEN=\nSCRIPT_TOKEN=\n";
  const names = "BRAVE_API_KEY=\nHOOK_TOKEN=\nLOCAL_TOKEN=\nUSER_CREDENTIALS_X=\n";
  assert.equal(repo.read("bot/secrets").toString(), template + names);

  const deleted = done(repo.muxi("secrets", "sync", "--yes"));
  assert.equal(lines(deleted.stdout)[0], "deleted: SCRIPT_TOKEN, STALE_API_KEY");
  const { STALE_API_KEY: _, SCRIPT_TOKEN: __, ...rest } = before;
  assert.deepEqual(values(repo, "bot"), rest);
  assert.equal(
    repo.read("bot/secrets").toString(),
    template.replace("STALE_API_KEY=\n", "").replace("SCRIPT_TOKEN=\n", "") + names,
  );

  // Nothing is called unused where no reference is found at all.
  for (const file of [
    "formation.afs",
    "mcp/search.yml",
    "transformers/t.yaml",
    "skills/mail/SKILL.md",
    "agents/local.afs",
  ]) {
    repo.write(`bot/${file}`, "id: x\n");
  }
  assert.doesNotMatch(done(repo.muxi("secrets", "sync", "--yes")).stdout, /deleted/);
  assert.deepEqual(values(repo, "bot"), rest);
});

test("a folder that links out of the repository, or back into itself, is no part of a formation", (t) => {
  const repo = tempFolder(t);
  repo.write("formation.afs", "id: x\n");
  mkdirSync(join(repo.base, "outside", "agents"), { recursive: true });
  writeFileSync(join(repo.base, "outside", "agents", "x.afs"), 'x: "${{ secrets.OUTSIDE_KEY }}"\n');
  symlinkSync(join(repo.base, "outside", "agents"), repo.path("agents"));
  mkdirSync(repo.path("mcps"));
  repo.write("mcps/y.afs", 'x: "${{ secrets.INSIDE_KEY }}"\n');
  symlinkSync("mcps", repo.path("mcp"));
  symlinkSync(".", repo.path("mcps/loop"));
  assert.deepEqual(lines(done(repo.muxi("secrets", "list")).stdout), [
    ".: no secrets stored, 1 name without a value",
    "INSIDE_KEY | no value | mcps/y.afs:1",
  ]);
});

test("setup without a terminal lists what is missing; a lost key is given up only after a yes, and the commit passes", (t) => {
  const repo = tempRepo(t);
  const made = writeFormation(repo, "bot");
  done(repo.muxi("install"));
  repo.git("add", "-A");
  repo.git("commit", "-qm", "formation");
  assert.equal(done(repo.muxi("secrets", "setup")).stdout, "every name of bot has a value\n");
  failed(
    repo.muxi("secrets", "setup", "--new-key", "--yes"),
    2,
    /the key here opens the secrets.*\n.*key rotate -F bot$/m,
  );

  // A key that others use is not written over.
  repo.remove("bot/.key");
  repo.write("shared.key", fakeKey());
  symlinkSync("../shared.key", repo.path("bot/.key"));
  failed(repo.muxi("secrets", "setup", "--new-key", "--yes"), 2, /'bot\/\.key' is a link.*\n.*: rm bot\/\.key$/m);
  repo.remove("bot/.key");
  repo.remove("shared.key");
  failed(repo.muxi("secrets", "setup"), 2, /there is no key here .*\n.*\n.*secrets setup --new-key -F bot$/m);
  // Nothing is given up that a key opens which lies elsewhere, as after a rotation with --keep-old.
  const held = `.git/muxi-git-keys/${"0".repeat(16)}`;
  repo.write(held, made.key, 0o600);
  failed(repo.muxi("secrets", "setup", "--new-key", "--yes"), 2, /a key that is here opens.*\n.*key unlock -F bot$/m);
  repo.remove(held);
  const asked = failed(repo.muxi("secrets", "setup", "--new-key"), 2, /secrets setup --new-key --yes -F bot$/m);
  assert.match(
    asked.stderr,
    /is given up:\n {2}BRAVE_SEARCH_API_KEY {2}used in bot\/formation\.afs:6\n {2}OPENAI_API_KEY/,
  );
  done(repo.muxi("secrets", "setup", "--new-key", "--dry-run"));
  assert.ok(!existsSync(repo.path("bot/.key")));

  const ran = repo.muxi("secrets", "setup", "--new-key", "--yes");
  assert.equal(ran.code, 1, ran.all);
  assert.deepEqual(lines(ran.stdout), [
    "2 names of bot without a value:",
    "BRAVE_SEARCH_API_KEY | used in bot/formation.afs:6",
    "OPENAI_API_KEY | used in bot/formation.afs:5",
  ]);
  assert.deepEqual(values(repo, "bot"), {});
  assert.equal(lstatSync(repo.path("bot/.key")).mode & 0o777, 0o600);
  for (const name of Object.keys(made.secrets)) done(set(repo, name, opaque(20, name)));
  repo.git("add", "-A");
  const commit = repo.try("git", "commit", "-qm", "new key");
  assert.deepEqual([commit.code, commit.stderr], [0, ""]);
  assert.equal(repo.git("status", "--porcelain"), "");
});

test("setting a value back leaves git status quiet, and the index as it was", (t) => {
  const repo = tempRepo(t);
  const { key, secrets } = writeFormation(repo, "bot");
  done(repo.muxi("install"));
  repo.git("add", "-A");
  repo.git("commit", "-qm", "formation");
  // As MUXI's runtime writes it: the same secrets in a file of another size.
  const reversed = Object.fromEntries(Object.entries(secrets).reverse());
  repo.write("bot/secrets.enc", freshToken(key, `${JSON.stringify(reversed)}${" ".repeat(100)}`));
  repo.git("add", "bot");
  done(set(repo, "OPENAI_API_KEY", "changed"));
  assert.equal(repo.git("status", "--porcelain"), " M bot/secrets.enc");
  const ran = done(set(repo, "OPENAI_API_KEY", secrets.OPENAI_API_KEY!));
  assert.equal(ran.stdout.split("\n").length, 3);
  assert.equal(repo.git("diff-files", "--name-only"), "");
  assert.equal(repo.git("status", "--porcelain"), "");
});

test("list tells when each value was last changed, which a merge and another writer's bytes do not count for", (t) => {
  const repo = tempRepo(t);
  const { key, secrets } = writeFormation(repo, "bot", { OLD_API_KEY: "o", OPENAI_API_KEY: "one", BRAVE_API_KEY: "b" });
  const commit = (day: number): string => {
    repo.git("add", "-A");
    const date = `2026-03-0${day}T12:00:00Z`;
    const ran = repo.tryWith(
      { env: { GIT_COMMITTER_DATE: date, GIT_AUTHOR_DATE: date } },
      "git",
      "commit",
      "-qm",
      date,
    );
    assert.equal(ran.code, 0, ran.all);
    return repo.git("rev-parse", "HEAD");
  };
  const [first] = [commit(1)];
  repo.write("bot/secrets.enc", freshToken(key, goJson({ ...secrets, OPENAI_API_KEY: "two" })));
  const second = commit(2);
  repo.write("bot/secrets.enc", freshToken(key, goJson({ ...secrets, OPENAI_API_KEY: "two" })));
  commit(3);
  repo.write("bot/secrets.enc", freshToken(key, goJson({ ...secrets, OPENAI_API_KEY: "two", BRAVE_API_KEY: "c" })));
  const listed = done(repo.muxi("secrets", "list", "--age", "--json"));
  const { secrets: names } = JSON.parse(listed.stdout) as { secrets: { name: string; changed: object | null }[] };
  const time = (day: number): number => Date.parse(`2026-03-0${day}T12:00:00Z`) / 1000;
  assert.deepEqual(
    names.map(({ name, changed }) => [name, changed]),
    [
      ["BRAVE_API_KEY", null],
      ["OLD_API_KEY", { commit: first, time: time(1), exact: true }],
      ["OPENAI_API_KEY", { commit: second, time: time(2), exact: true }],
    ],
  );
  const shown = lines(done(repo.muxi("secrets", "list", "--age")).stdout);
  assert.match(shown[1]!, /^BRAVE_API_KEY \| stored \| not committed \| bot\/formation\.afs:7$/);
  assert.match(shown[2]!, /^OLD_API_KEY \| stored \| 2026-03-01 \(\d+ days?\) \| bot\/formation\.afs:5$/);
});
