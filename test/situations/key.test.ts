/** The `key` commands, in repositories. What no assertion here lacks: the key shows in nothing but `key export`. */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { canonicalToken } from "../../src/secrets/canonical.ts";
import type { Secrets } from "../../src/secrets/json.ts";
import { keyFingerprint, parseKey } from "../../src/secrets/key.ts";
import { fakeKey } from "../support/fake.ts";
import { freshToken, goJson, type MadeFormation, openWith, someSecrets, writeFormation } from "../support/formation.ts";
import { preparedRepo, type Ran, type RunOptions, repoAt, type TempRepo } from "../support/repo.ts";

interface Made {
  /** `b` has its key by a link to a's, and secrets of its own; `c` has another key. */
  a: MadeFormation;
  b: MadeFormation;
  c: MadeFormation;
}

const committed = preparedRepo<Made>((repo) => {
  const [a, b, c] = ["a", "b", "c"].map((folder) => writeFormation(repo, folder)) as [
    MadeFormation,
    MadeFormation,
    MadeFormation,
  ];
  rmSync(repo.path("b/.key"));
  symlinkSync("../a/.key", repo.path("b/.key"));
  repo.write("b/secrets.enc", freshToken(a.key, goJson(b.secrets)));
  const ran = repo.muxi("install");
  assert.equal(ran.code, 0, ran.all);
  repo.git("add", "-A");
  repo.git("commit", "-qm", "three formations");
  return { a, b: { ...b, key: a.key }, c };
});

function fingerprintOf(key: string): string {
  return keyFingerprint(parseKey(Buffer.from(key)));
}

/** Run it, and see that no key and no value that is given shows. */
function quietly(repo: TempRepo, secrets: readonly string[], options: RunOptions, ...args: string[]): Ran {
  const ran = repo.muxiWith(options, ...args);
  for (const secret of secrets) assert.ok(!ran.all.includes(secret.slice(0, 16)), `${args.join(" ")} shows a secret`);
  return ran;
}

function valuesOf(secrets: Secrets | null): Record<string, string> | null {
  return secrets === null
    ? null
    : Object.fromEntries([...secrets].map(([name, value]) => [name, value.kind === "string" ? value.value : "?"]));
}

function keyIn(repo: TempRepo, path: string): string {
  return repo.read(path).toString();
}

function heldIn(repo: TempRepo): string[] {
  const folder = repo.path(".git/muxi-git-keys");
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

const POSIX = process.platform !== "win32";

test("fingerprint and check tell keys apart and say what opens, warn of copies, and change nothing", (t) => {
  const { repo, made } = committed(t);
  const { a, c } = made;
  const secrets = [a.key, c.key];
  const run = (...args: string[]) => quietly(repo, secrets, {}, ...args);
  assert.equal(run("key", "fingerprint", "-F", "a").stdout, `${fingerprintOf(a.key)}\n`);
  assert.equal(
    quietly(repo, secrets, { input: `${c.key}\n` }, "key", "fingerprint", "--stdin").stdout,
    `${fingerprintOf(c.key)}\n`,
  );

  const all = run("key", "check");
  assert.equal(all.code, 0, all.all);
  assert.equal(all.stderr, "");
  const opens = (path: string, key: string) => `${path}: the key ${fingerprintOf(key)} opens secrets.enc (2 names)`;
  assert.deepEqual(all.stdout.trimEnd().split("\n"), [opens("a", a.key), opens("b", a.key), opens("c", c.key)]);
  assert.equal(run("-q", "key", "check").all.trim(), "");

  // Another formation's key, by stdin and at a commit.
  const other = quietly(repo, secrets, { input: c.key }, "key", "check", "-F", "a", "--stdin", "--rev", "HEAD");
  assert.equal(other.code, 1);
  assert.match(
    other.stdout,
    new RegExp(`does not open 'a/secrets.enc'; the key ${fingerprintOf(a.key)}, which is here, does`),
  );
  const json = JSON.parse(run("key", "check", "-F", "c", "--json").stdout) as { formations: object[] };
  assert.deepEqual(json.formations, [
    { path: "c", key: fingerprintOf(c.key), opens: true, names: 2, reason: null, fix: null },
  ]);

  repo.write("notes.txt", `the key: ${c.key.slice(0, 43)}\n`);
  repo.write("ignored.txt", c.key);
  repo.write(".git/info/exclude", "ignored.txt\n.key\n");
  if (POSIX) chmodSync(repo.path("c/.key"), 0o644);
  const careless = run("key", "check", "-F", "c");
  assert.equal(careless.code, 0);
  assert.match(careless.stderr, /^muxi-git: warning: 'notes\.txt' holds a key, .*key rotate$/m);
  assert.doesNotMatch(careless.stderr, /ignored\.txt/);
  if (POSIX) assert.match(careless.stderr, /others on this machine may read 'c\/\.key': chmod 600 c\/\.key/);
  const status = JSON.parse(run("status", "--json").stdout) as { problems: { code: string; message: string }[] };
  assert.deepEqual(
    status.problems.map(({ code, message }) => [code, message]),
    [["key-copy", "'notes.txt' holds a key, and git takes that file"]],
  );

  rmSync(repo.path("c/.key"));
  const missing = run("key", "check", "-F", "c");
  assert.deepEqual(
    [missing.code, missing.stdout],
    [2, "c: there is no key here\n  fix: npx muxi-git key unlock -F c\n"],
  );
});

test("generate makes the first key, and none where another key is needed or in use", (t) => {
  const { repo, made } = committed(t);
  const run = (...args: string[]) => quietly(repo, [made.a.key, made.c.key], {}, "key", "generate", ...args);
  const inUse = run("-F", "a");
  assert.equal(inUse.code, 2);
  assert.match(inUse.stderr, /opens the secrets of a\n.*hint: to replace it: npx muxi-git key rotate -F a$/m);
  rmSync(repo.path("c/.key"));
  assert.match(run("-F", "c").stderr, /sealed with a key that is not here\n.*key unlock -F c\n.*setup --new-key -F c/);
  // Not in the working tree: git's version counts.
  rmSync(repo.path("c/secrets.enc"));
  assert.match(run("-F", "c").stderr, /sealed with a key that is not here/);
  assert.ok(!existsSync(repo.path("c/.key")));

  repo.write("new/formation.afs", 'schema: "1.0.0"\nid: new\n');
  assert.match(run("-F", "new", "--dry-run").stdout, /^would make a key in 'new\/\.key'$/m);
  assert.ok(!existsSync(repo.path("new/.key")));
  const first = run("-F", "new");
  assert.equal(first.code, 0, first.all);
  const key = keyIn(repo, "new/.key");
  assert.equal(first.stdout.split("\n")[0], `made the key ${fingerprintOf(key)} in 'new/.key'`);
  assert.ok(!first.all.includes(key));
  assert.equal(key.length, 44);
  if (POSIX) assert.equal(statSync(repo.path("new/.key")).mode & 0o777, 0o600);
  // It opens nothing yet, so another may take its place; it is not lost.
  assert.equal(run("-F", "new").code, 0);
  assert.deepEqual(heldIn(repo), [fingerprintOf(key)]);
  repo.write("new/.key", "no key at all");
  assert.match(run("-F", "new").stderr, /not 44 characters/);
});

test("unlock tries a key before it is written, and holds what it replaces", (t) => {
  const { repo, made } = committed(t);
  const { a, c } = made;
  const wrong = fakeKey();
  const secrets = [a.key, c.key, wrong];
  const unlock = (input: string, ...args: string[]) =>
    quietly(repo, secrets, { input }, "key", "unlock", "-F", "c", ...args);
  assert.match(unlock("").stdout, /^c: the key [0-9a-f]{16} is here and opens its secrets$/m);
  rmSync(repo.path("c/.key"));
  const refused = unlock(wrong, "--stdin");
  assert.equal(refused.code, 2);
  assert.match(
    refused.stderr,
    new RegExp(`the key ${fingerprintOf(wrong)} does not open the secrets of c; nothing was written`),
  );
  for (const [bad, says] of [
    ["", /the key file is blank/],
    ["short", /not 44 characters/],
    ["x".repeat(100_000), /not 44 characters/],
    ["\0\0", /not 44 characters/],
  ] as const) {
    assert.match(unlock(bad, "--stdin").stderr, says);
  }
  assert.ok(!existsSync(repo.path("c/.key")));
  assert.match(unlock(c.key, "--stdin", "--dry-run").stdout, /would write the key/);
  assert.ok(!existsSync(repo.path("c/.key")));
  const done = unlock(`${c.key}\r\n`, "--stdin");
  assert.deepEqual([done.code, done.all.trim()], [0, `c: unlocked with the key ${fingerprintOf(c.key)}`]);
  assert.equal(keyIn(repo, "c/.key"), c.key);
  if (POSIX) assert.equal(statSync(repo.path("c/.key")).mode & 0o777, 0o600);
  assert.equal(repo.git("status", "--porcelain"), "");

  // A key that opens nothing here, as `muxi` makes one; then something that is no key.
  repo.write("c/.key", wrong);
  const file = join(repo.base, "from a teammate");
  writeFileSync(file, c.key);
  assert.match(unlock("", "--from-file", file).stdout, new RegExp(`the key ${fingerprintOf(wrong)} stood in 'c/.key'`));
  repo.write("c/.key", "not a key");
  assert.equal(unlock("", "--from-file", file).code, 0);
  assert.equal(keyIn(repo, "c/.key"), c.key);
  const held = heldIn(repo).map((name) => keyIn(repo, `.git/muxi-git-keys/${name}`));
  assert.deepEqual(new Set(held), new Set([wrong, "not a key"]));

  // A link that leads nowhere yet, as in a clone of formations that share a key: the key goes where it leads.
  rmSync(repo.path("a/.key"));
  const linked = quietly(repo, secrets, { input: a.key }, "key", "unlock", "-F", "b", "--stdin");
  assert.equal(linked.code, 0, linked.all);
  assert.equal(readlinkSync(repo.path("b/.key")), "../a/.key");
  assert.equal(keyIn(repo, "a/.key"), a.key);
  // One that leads out of the repository is not written through.
  rmSync(repo.path("a/.key"));
  symlinkSync(join(repo.base, "elsewhere"), repo.path("a/.key"));
  assert.equal(quietly(repo, secrets, { input: a.key }, "key", "unlock", "-F", "a", "--stdin").code, 2);
  assert.ok(!existsSync(join(repo.base, "elsewhere")));
});

/** Put a store's program in PATH. */
function withProgram(repo: TempRepo, name: string, script: string): Record<string, string> {
  const bin = join(repo.base, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  return { PATH: `${bin}${delimiter}${repo.env.PATH}` };
}

test("unlock asks a store for every formation's key, and tells those that fail", { skip: !POSIX }, (t) => {
  const { repo, made } = committed(t);
  const { a, c } = made;
  for (const folder of ["a", "c"]) {
    writeFileSync(join(repo.base, `key-${folder}`), folder === "a" ? `${a.key}\n` : c.key);
    rmSync(repo.path(folder, ".key"));
  }
  const env = withProgram(
    repo,
    "vault",
    `echo "$*" >>"${repo.base}/asked"; case $4 in kv/b) exit 2;; *) cat "${repo.base}/key-\${4#kv/}";; esac`,
  );
  const all = quietly(repo, [a.key, c.key], { env }, "key", "unlock", "--all", "--from", "vault:kv/{formation}");
  assert.equal(all.code, 0, all.all);
  // b's key is a link to a's, so it was here by then.
  assert.match(all.stdout, /^a: unlocked .*\nb: the key .* is here .*\nc: unlocked/);
  assert.equal(readFileSync(join(repo.base, "asked"), "utf8"), "kv get -field=key kv/a\nkv get -field=key kv/c\n");

  rmSync(repo.path("c/.key"));
  const some = quietly(
    repo,
    [a.key, c.key],
    { env: withProgram(repo, "bw", `echo "not signed in: ${c.key}" >&2; exit 1`) },
    ...["key", "unlock", "--all", "--from", "bw:{formation}"],
  );
  assert.equal(some.code, 2);
  assert.match(some.stderr, /'bw' gave no key for bw:c \(exit code 1\): not signed in: …\n.*hint/);
  assert.match(some.stdout, /a: the key/);
  // What stands in a tracked file is no program of ours.
  repo.write("bw", `#!/bin/sh\necho ${c.key}\n`, 0o755);
  const tree = quietly(
    repo,
    [c.key],
    { env: { PATH: `${repo.root}${delimiter}${repo.env.PATH}` } },
    ...[...["key", "unlock", "-F", "c", "--from", "bw:c"]],
  );
  assert.match(tree.stderr, /'bw' was not found in PATH, outside the working tree/);
});

test("unlock without a source finds a key that is here, else runs the repository's own command only", {
  skip: !POSIX,
}, (t) => {
  const { repo, made } = committed(t);
  const { c } = made;
  const run = (options: RunOptions, ...args: string[]) =>
    quietly(repo, [c.key], options, "key", "unlock", "-F", "c", ...args);
  rmSync(repo.path("c/.key"));
  const none = run({});
  assert.equal(none.code, 2);
  assert.match(
    none.stderr,
    /no key that is here opens the secrets of c\n.*vault:MOUNT\/PATH.*\n.*muxi-git\.keyCommand.*\n.*--from-file FILE -F c\n$/,
  );

  const env = withProgram(repo, "keeper", `printf %s "$2" >"${repo.base}/asked"; cat "${repo.base}/c.key"`);
  writeFileSync(join(repo.base, "c.key"), c.key);
  // Not from a file that the configuration includes, which may be tracked, nor from the person's own.
  repo.write("team.config", "[muxi-git]\n\tkeyCommand = keeper from-include\n");
  repo.git("config", "--local", "--add", "include.path", "../team.config");
  repo.git("config", "--global", "muxi-git.keyCommand", "keeper from-global");
  assert.equal(repo.git("config", "muxi-git.keyCommand"), "keeper from-include");
  assert.match(run({ env }).stderr, /no key that is here/);
  assert.ok(!existsSync(join(repo.base, "asked")));

  repo.git("config", "--local", "muxi-git.keyCommand", "keeper get 'team/{formation} $(id)'");
  const asked = run({ env });
  assert.equal(asked.code, 0, asked.all);
  assert.match(asked.stderr, /^asking '.*\/bin\/keeper' \(muxi-git\.keyCommand\)$/m);
  assert.equal(readFileSync(join(repo.base, "asked"), "utf8"), "team/c $(id)");
  assert.equal(keyIn(repo, "c/.key"), c.key);

  // A held key needs no source.
  rmSync(join(repo.base, "asked"));
  mkdirSync(repo.path(".git/muxi-git-keys"));
  repo.write(`.git/muxi-git-keys/${fingerprintOf(c.key)}`, c.key);
  rmSync(repo.path("c/.key"));
  assert.equal(run({ env }).code, 0);
  assert.ok(!existsSync(join(repo.base, "asked")));
});

test("export prints the key on request, or stores it and reads it back", { skip: !POSIX }, (t) => {
  const { repo, made } = committed(t);
  const { c } = made;
  assert.equal(repo.muxi("key", "export", "-F", "c").stdout, `${c.key}\n`);
  const run = (env: Record<string, string>, ...args: string[]) =>
    quietly(repo, [c.key], { env }, "key", "export", "-F", "c", ...args);
  assert.match(run({}, "--dry-run").stdout, /^would print the key [0-9a-f]{16}$/m);
  const store = join(repo.base, "store");
  const seen = `{ tr '\\0' ' ' </proc/$$/cmdline; echo; tr '\\0' '\\n' </proc/$$/environ; } >>"${repo.base}/seen";`;
  const vault = withProgram(
    repo,
    "vault",
    `${seen} case $2 in patch) echo "No value found at kv/data/c" >&2; exit 2;; put) cat >"${store}";; get) cat "${store}";; esac`,
  );
  assert.match(
    run(vault, "--to", "vault:kv/c", "--dry-run").stdout,
    /^would store the key .* in vault:kv\/c, with 'vault'$/m,
  );
  assert.ok(!existsSync(store));
  const stored = run(vault, "--to", "vault:kv/{formation}");
  assert.deepEqual([stored.code, stored.stderr], [0, ""]);
  assert.match(stored.stdout, /^stored the key [0-9a-f]{16} in vault:kv\/c, and read it back$/m);
  assert.equal(readFileSync(store, "utf8"), c.key);
  const processes = readFileSync(join(repo.base, "seen"), "utf8");
  assert.match(processes, /kv put kv\/c key=-/);
  assert.ok(!processes.includes(c.key.slice(0, 16)));

  const aws = withProgram(repo, "aws", `case $2 in put-*) cat /dev/stdin >"${store}2";; *) cat "${store}2";; esac`);
  assert.equal(run(aws, "--to", "aws:muxi/c").code, 0);
  assert.equal(readFileSync(`${store}2`, "utf8"), c.key);
  const liar = withProgram(repo, "gcloud", 'case $3 in add) cat >/dev/null;; *) echo "nothing";; esac');
  assert.equal(run(liar, "--to", "gcp:c").code, 2);
  const other = withProgram(repo, "vault", "cat >/dev/null; echo nothing");
  assert.match(
    run(other, "--to", "vault:kv/two words").stderr,
    /by hand: vault kv get '-field=key' 'kv\/two words'\n$/,
  );
  const there = withProgram(repo, "op", 'case "$1 $2" in "item get") exit 0;; *) exit 1;; esac');
  assert.match(run(there, "--to", "op:Team/c").stderr, /op:Team\/c is there already/);
});

test("rotate seals what is here and what is staged with a new key, for all that share it, and the commit passes", (t) => {
  const { repo, made } = committed(t);
  const { a, b, c } = made;
  const staged = { ...a.secrets, OPENAI_API_KEY: "staged-value-0123456789" };
  const unstaged = { ...a.secrets, OPENAI_API_KEY: "unstaged-value-0123456789" };
  repo.write("a/secrets.enc", freshToken(a.key, goJson(staged)));
  repo.git("add", "a/secrets.enc");
  repo.write("a/secrets.enc", freshToken(a.key, goJson(unstaged)));
  if (POSIX) chmodSync(repo.path("a/secrets.enc"), 0o640);
  const values = [...Object.values(unstaged), ...Object.values(b.secrets), staged.OPENAI_API_KEY, a.key, c.key];
  const before = repo.git("ls-files", "-s");

  const plan = quietly(repo, values, {}, "key", "rotate", "-F", "b", "--dry-run");
  assert.equal(plan.code, 0, plan.all);
  assert.match(
    plan.stdout,
    /^would replace the key [0-9a-f]{16} of a, b\nwould write a\/secrets\.enc\nwould write b\/secrets\.enc\nwould write a\/\.key\n/,
  );
  assert.deepEqual([repo.git("ls-files", "-s"), keyIn(repo, "a/.key"), heldIn(repo)], [before, a.key, []]);

  const ran = quietly(repo, values, {}, "key", "rotate", "-F", "b");
  assert.equal(ran.code, 0, ran.all);
  const next = keyIn(repo, "a/.key");
  assert.notEqual(next, a.key);
  assert.ok(!ran.all.includes(next));
  assert.match(
    ran.stdout,
    new RegExp(`^rotated ${fingerprintOf(a.key)} to the key ${fingerprintOf(next)}: a, b$`, "m"),
  );
  assert.match(
    ran.stdout,
    /older versions do not open any more\n.*replace the values at their providers:\n {2}BRAVE_SEARCH_API_KEY \(a, b\)\n {2}OPENAI_API_KEY \(a, b\)\n/,
  );
  assert.equal(readlinkSync(repo.path("b/.key")), "../a/.key");
  assert.deepEqual(valuesOf(openWith(next, repo.read("a/secrets.enc"))), unstaged);
  assert.deepEqual(valuesOf(openWith(next, repo.read("b/secrets.enc"))), b.secrets);
  assert.deepEqual(valuesOf(openWith(next, Buffer.from(repo.git("cat-file", "blob", ":a/secrets.enc")))), staged);
  assert.equal(openWith(a.key, repo.read("b/secrets.enc")), null);
  if (POSIX) assert.equal(lstatSync(repo.path("a/secrets.enc")).mode & 0o777, 0o640);
  assert.equal(keyIn(repo, "c/.key"), c.key);
  assert.deepEqual(heldIn(repo), []);
  assert.equal(repo.git("status", "--porcelain"), "MM a/secrets.enc\nM  b/secrets.enc");
  // Neither key nor value stands anywhere else: no temporary file, note, lock, log or object.
  for (const secret of [a.key, next, ...Object.values(unstaged)]) {
    const found = repo.tryWith({ cwd: repo.base, input: secret }, "grep", "-rlF", "-f", "-", ".");
    assert.equal(found.stdout, secret === next ? "./wörk tree/a/.key\n" : "");
  }
  const objects = repo.git("cat-file", "--batch", "--batch-all-objects");
  for (const secret of values) assert.ok(!objects.includes(secret.slice(0, 16)));
  const commit = repo.try("git", "commit", "-qm", "rotate");
  assert.deepEqual([commit.code, commit.stderr], [0, ""], commit.all);

  // Kept on request: then older versions still read, and what is told from them is right.
  repo.git("checkout", "-q", "a/secrets.enc");
  const lacking = repo.read("a/secrets.enc");
  for (const version of [freshToken(next, goJson({ ...a.secrets, OLD_TOKEN: "old-value" })), lacking]) {
    repo.write("a/secrets.enc", version);
    assert.equal(repo.tryWith({ env: { MUXI_GIT: "0" } }, "git", "commit", "-qam", "a name that goes").code, 0);
  }
  const kept = quietly(repo, [next, "old-value"], {}, "key", "rotate", "-F", "a", "--keep-old").stdout;
  assert.match(kept, /older versions still open here\n.*\n(?: {2}.*\n)* {2}OLD_TOKEN \(older versions only\)\n/);
  assert.deepEqual(heldIn(repo), [fingerprintOf(next)]);
  assert.equal(repo.try("git", "commit", "-qm", "again").code, 0);
  assert.equal(repo.git("diff", "HEAD~1", "HEAD"), "", "the values are the same");
  const diff = repo.muxi("diff", "HEAD~1", "HEAD");
  assert.match(
    diff.stdout,
    /^a: encrypted with another key, no value changed\nb: encrypted with another key, no value changed\n$/,
  );
  assert.match(
    repo.muxi("uninstall", "--dry-run").stdout,
    /muxi-git-keys' stays: it holds keys that open older versions/,
  );
  // It is a secret still.
  repo.write("pasted.txt", `the old one was ${next}\n`);
  const scanned = repo.muxi("scan", "pasted.txt");
  assert.equal(scanned.code, 1);
  assert.match(scanned.stdout, /known-key/);
  // A version that only the held key opens says so, and is not taken for a rotation.
  repo.git("checkout", "-q", "HEAD~1", "--", "b/secrets.enc");
  const back = repo.try("git", "commit", "-qm", "back");
  assert.equal(back.code, 1);
  assert.match(back.stderr, /key-changed/);
  assert.match(repo.muxi("check", "b").stdout, /key-missing.*only a key that is held for older versions opens it/);
});

test("rotate refuses before anything is written where a file does not open, a merge is open or the key is elsewhere", (t) => {
  const { repo, made } = committed(t);
  const { a, b } = made;
  const same = () => [
    keyIn(repo, "a/.key"),
    repo.read("a/secrets.enc").toString(),
    repo.git("ls-files", "-s", "a"),
    heldIn(repo),
  ];
  const refused = (says: RegExp, ...args: string[]) => {
    const before = same();
    const ran = quietly(repo, [a.key], {}, ...args, "key", "rotate", "-F", "a");
    assert.equal(ran.code, 2, ran.all);
    assert.match(ran.stderr, says);
    assert.deepEqual(same(), before);
  };
  repo.write("b/secrets.enc", freshToken(fakeKey(), goJson(b.secrets)));
  refused(/does not open 'b\/secrets\.enc'/);
  repo.write("b/secrets.enc", repo.git("cat-file", "blob", "HEAD:b/secrets.enc").slice(0, -8));
  refused(/b\/secrets\.enc/);
  repo.git("checkout", "-q", "b/secrets.enc");
  const oid = repo.git("rev-parse", "HEAD:b/secrets.enc");
  repo.tryWith(
    { input: `0 ${"0".repeat(40)}\tb/secrets.enc\n100644 ${oid} 2\tb/secrets.enc\n` },
    "git",
    "update-index",
    "--index-info",
  );
  refused(/'b\/secrets\.enc' has an unresolved merge conflict/);
  repo.git("reset", "-q");
  // Staged under a key that is nowhere.
  const other = repo.tryWith(
    { input: freshToken(fakeKey(), "{}") },
    "git",
    "hash-object",
    "-w",
    "--no-filters",
    "--stdin",
  );
  repo.git("update-index", "--cacheinfo", `100644,${other.stdout.trim()},b/secrets.enc`);
  refused(/no key here opens what is staged as 'b\/secrets\.enc'/);
  repo.git("reset", "-q");

  const linked = join(repo.base, "linked");
  repo.git("worktree", "add", "-q", linked, "-b", "other");
  const there = repoAt(repo.base, linked, repo.env);
  const elsewhere = quietly(there, [a.key], {}, "key", "rotate", "-F", "c");
  assert.equal(elsewhere.code, 2);
  assert.match(elsewhere.stderr, /the key of c stands in the main worktree.*\n.*-C .* key rotate -F c/);
});

test("rotate keeps a key that other repositories may use", { skip: !POSIX }, (t) => {
  const { repo, made } = committed(t);
  const { c } = made;
  const shared = join(repo.base, "shared.key");
  writeFileSync(shared, c.key);
  rmSync(repo.path("c/.key"));
  symlinkSync(shared, repo.path("c/.key"));
  const run = (...args: string[]) => quietly(repo, [c.key], {}, "key", "rotate", "-F", "c", ...args);
  assert.match(run("--dry-run").stdout, /note: c\/\.key leads out of this repository/);
  assert.match(run().stdout, /note: c\/\.key leads out .*\nthe old key is held/);
  assert.notEqual(readFileSync(shared, "utf8"), c.key);
  assert.equal(keyIn(repo, `.git/muxi-git-keys/${fingerprintOf(c.key)}`), c.key);
});

test("accept lists the names that are given up, and asks", (t) => {
  const { repo, made } = committed(t);
  const { c } = made;
  const next = fakeKey();
  repo.write("c/.key", next, 0o600);
  const { OPENAI_API_KEY: kept } = someSecrets("c");
  repo.write("c/secrets.enc", freshToken(next, goJson({ OPENAI_API_KEY: kept! })));
  const run = (...args: string[]) => quietly(repo, [next, c.key, kept!], {}, "key", "accept", "-F", "c", ...args);
  const asked = run();
  assert.equal(asked.code, 2);
  assert.match(
    asked.stdout,
    /has no value for a name that the last commit lists:\n {2}BRAVE_SEARCH_API_KEY\nno key here opens/,
  );
  assert.match(asked.stderr, /nobody to ask\n.*key accept --yes -F c/);
  assert.equal(run("--dry-run").code, 0);
  assert.ok(!existsSync(repo.path(".git/muxi-git/accepted-keys.json")));
  assert.match(run("--yes").stdout, new RegExp(`accepted the key ${fingerprintOf(next)} of c`));
  assert.match(run().stdout, /was accepted before/);
});

test("exposure tells every name that a key opens anywhere in the history", (t) => {
  const { repo, made } = committed(t);
  const { a, c } = made;
  const commitOn = (day: number, ...args: string[]) => {
    const date = `2026-02-0${day}T00:00:00Z`;
    const ran = repo.tryWith(
      { env: { GIT_COMMITTER_DATE: date, MUXI_GIT: "0" } },
      "git",
      "commit",
      "-qm",
      `${day}`,
      ...args,
    );
    assert.equal(ran.code, 0, ran.all);
  };
  const seal = (path: string, secrets: Record<string, string>) => {
    repo.write(
      path,
      canonicalToken(openWith(a.key, freshToken(a.key, goJson(secrets)))!, parseKey(Buffer.from(a.key))),
    );
    repo.git("add", "-f", path);
  };
  // On a branch that is pushed: a name that was taken out since. Then a copy, on a branch that is gone from the present.
  repo.git("checkout", "-q", "-b", "pushed");
  seal("a/secrets.enc", { ...a.secrets, OLD_TOKEN: "old-value-1" });
  commitOn(1);
  repo.git("update-ref", "refs/remotes/origin/pushed", "HEAD");
  repo.git("checkout", "-q", "-b", "side");
  seal("backup/secrets.enc.bak", { COPIED_TOKEN: "copied-value" });
  commitOn(2);
  seal("a/secrets.enc", { ...a.secrets, OLD_TOKEN: "old-value-2" });
  commitOn(3);
  repo.git("checkout", "-q", "main");
  repo.git("branch", "-q", "-D", "side");
  repo.write("a/secrets.enc", freshToken(a.key, goJson({ ...a.secrets, NEW_TOKEN: "never committed" })));

  const values = [...Object.values(a.secrets), a.key, c.key, "old-value", "copied-value", "never committed"];
  const file = join(repo.base, "leaked.key");
  writeFileSync(file, a.key);
  const ran = quietly(repo, values, {}, "key", "exposure", "--from-file", file, "--json");
  assert.equal(ran.code, 0, ran.all);
  interface Told {
    name: string;
    paths: string[];
    values: number;
    inUse: boolean;
    since: { time: number } | null;
    onRemote: boolean;
  }
  const answer = JSON.parse(ran.stdout) as { keys: { fingerprint: string; names: Told[] }[] };
  assert.equal(answer.keys[0]?.fingerprint, fingerprintOf(a.key));
  const day = (time: number) => new Date(time * 1000).toISOString().slice(5, 10);
  const told = answer.keys[0]?.names.map((one) => [
    one.name,
    `${one.values} ${one.inUse ? "in use" : "replaced"} ${one.since === null ? "-" : day(one.since.time)} ${one.onRemote}`,
    one.paths.join(" "),
  ]);
  assert.deepEqual(told, [
    // Two values: each formation has its own.
    ["BRAVE_SEARCH_API_KEY", "2 in use 01-02 true", "a/secrets.enc b/secrets.enc"],
    ["COPIED_TOKEN", "1 replaced 02-02 false", "backup/secrets.enc.bak"],
    ["NEW_TOKEN", "1 in use - false", "a/secrets.enc"],
    ["OLD_TOKEN", "2 replaced 02-01 true", "a/secrets.enc"],
    ["OPENAI_API_KEY", "2 in use 01-02 true", "a/secrets.enc b/secrets.enc"],
  ]);
  const text = quietly(repo, values, {}, "key", "exposure", "-F", "a");
  assert.match(text.stdout, /^the key [0-9a-f]{16} opens \d committed versions, 5 names:$/m);
  assert.match(
    text.stdout,
    /^ {2}OLD_TOKEN +2 values, replaced, since 2026-02-01 \([0-9a-f]{12}\), on a remote, a\/secrets\.enc$/m,
  );
  assert.match(text.stdout, /^first, so that no new value is sealed with it: npx muxi-git key rotate -F a$/m);
  const all = JSON.parse(quietly(repo, values, {}, "key", "exposure", "--all", "--json").stdout) as typeof answer;
  assert.deepEqual(
    new Set(all.keys.map(({ fingerprint }) => fingerprint)),
    new Set([fingerprintOf(a.key), fingerprintOf(c.key)]),
  );
  // A bare clone has no key, and is asked with one.
  const bare = join(repo.base, "bare.git");
  repo.git("clone", "-q", "--bare", repo.root, bare);
  const there = quietly(repo, values, { cwd: bare }, "key", "exposure", "--from-file", file);
  assert.match(there.stdout, /OPENAI_API_KEY.*replaced.*not on a remote/);
});

test("status tells since when a key is in use, and fails for what is older than it may be", (t) => {
  const { repo, made } = committed(t);
  const { c } = made;
  const run = (...args: string[]) => quietly(repo, [c.key, ...Object.values(c.secrets)], {}, "status", ...args);
  assert.match(run().stdout, /^ {2}c: key [0-9a-f]{16}; in use since 2026-01-02; names: /m);
  const young = run("--max-age", "99999");
  assert.equal(young.code, 0, young.all);
  // One value is new: it is not committed.
  repo.write("c/secrets.enc", freshToken(c.key, goJson({ ...c.secrets, OPENAI_API_KEY: "another-value" })));
  const old = run("--max-age", "1", "--json");
  assert.equal(old.code, 1);
  const { problems, formations } = JSON.parse(old.stdout) as {
    problems: { code: string; message: string; fix: string }[];
    formations: { path: string; names: { since: Record<string, { commit: string } | null> } }[];
  };
  const ofC = problems.filter(({ message }) => message.startsWith("c: ")).map(({ code, fix }) => [code, fix]);
  assert.deepEqual(ofC, [
    ["key-old", "npx muxi-git key rotate -F c"],
    ["value-old", "npx muxi-git secrets set BRAVE_SEARCH_API_KEY -F c"],
  ]);
  const since = formations.find(({ path }) => path === "c")?.names.since;
  assert.equal(since?.OPENAI_API_KEY, null);
  assert.equal(since?.BRAVE_SEARCH_API_KEY?.commit, repo.git("rev-parse", "HEAD"));

  rmSync(repo.path("c/.key"));
  const unknown = run("--max-age", "99999");
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /cannot tell how old the secrets of c are: no key here/);
  assert.match(run("--max-age", "soon").stderr, /a number of days/);
});
