/** Commands that rewrite files of the working tree or the index: what they must not destroy. */
import assert from "node:assert/strict";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { writeFileDurably, writeOutput } from "../../src/durable-file.ts";
import { MuxiGitError } from "../../src/errors.ts";
import { isAbsent, readForRewrite } from "../../src/git/working-file.ts";
import { fakeGroqKey } from "../support/fake.ts";
import { freshToken, goJson, type MadeFormation, writeFormation } from "../support/formation.ts";
import { preparedRepo, type Ran, type TempRepo } from "../support/repo.ts";

/** Two formations, committed with tokens of another writer; a reference to a name that the template lacks. */
const committed = preparedRepo((repo) => {
  const made = ["a", "b"].map((folder) => writeFormation(repo, folder)) as [MadeFormation, MadeFormation];
  repo.write("a/agents/x.afs", 'token: "${{ secrets.SENTRY_API_KEY }}"\n');
  repo.write(".gitignore", ".key\n");
  repo.git("add", "-A");
  repo.git("commit", "-qm", "two formations");
  return { a: made[0], b: made[1] };
});

function tags(repo: TempRepo, path: string): string {
  return repo.git("ls-files", "-v", "--", path).slice(0, 1);
}

function refused(ran: Ran, says: RegExp): void {
  assert.equal(ran.code, 2, ran.all);
  assert.match(ran.stderr, says);
}

test("normalize leaves what is outside the sparse checkout alone, and says so", (t) => {
  const { repo } = committed(t);
  // git leaves a file that it has not seen unchanged; this repository is a copy.
  repo.git("update-index", "--refresh");
  repo.git("sparse-checkout", "set", "a");
  rmSync(repo.path("b"), { recursive: true, force: true });
  assert.equal(tags(repo, "b/secrets.enc"), "S");
  const before = repo.git("rev-parse", ":b/secrets.enc");

  const ran = repo.muxi("normalize");

  assert.equal(ran.code, 0, ran.all);
  assert.match(ran.stdout, /rewrote a\/secrets\.enc/);
  assert.match(ran.stderr, /left alone: b\/secrets\.enc: it is outside the sparse checkout/);
  assert.equal(tags(repo, "b/secrets.enc"), "S");
  assert.equal(repo.git("rev-parse", ":b/secrets.enc"), before);
  assert.equal(repo.git("status", "--porcelain"), "M  a/secrets.enc");
  assert.doesNotMatch(repo.muxi("normalize").stdout, /every secrets file/);
});

test("normalize keeps the assume-unchanged bit", (t) => {
  const { repo } = committed(t);
  repo.git("update-index", "--assume-unchanged", "a/secrets.enc");
  assert.match(repo.muxi("normalize", "a").stdout, /rewrote a\/secrets\.enc \(staged\)/);
  assert.equal(tags(repo, "a/secrets.enc"), "h");
  assert.equal(tags(repo, "b/secrets.enc"), "H");
});

test("secrets sync writes through a link, and the link stays one", (t) => {
  const { repo } = committed(t);
  repo.write("shared/template", "# ours\nOPENAI_API_KEY=\n", 0o640);
  rmSync(repo.path("a/secrets"));
  symlinkSync("../shared/template", repo.path("a/secrets"));
  const ran = repo.muxi("secrets", "sync", "--template-only", "-F", "a");
  assert.equal(ran.code, 0, ran.all);
  assert.equal(readlinkSync(repo.path("a/secrets")), "../shared/template");
  assert.match(repo.read("shared/template").toString(), /^# ours\nOPENAI_API_KEY=\n.*SENTRY_API_KEY=/s);
  assert.equal(lstatSync(repo.path("shared/template")).mode & 0o777, 0o640);
  assert.match(ran.stdout, /next: git add -- a\/secrets$/m);
});

test("the next command that sync prints is right from where it was run", (t) => {
  const { repo } = committed(t);
  const cwd = repo.path("a", "agents");
  const ran = repo.muxiWith({ cwd }, "secrets", "sync", "--template-only");
  const next = /^next: (.*)$/m.exec(ran.stdout)?.[1] ?? "false";
  assert.equal(repo.tryWith({ cwd }, "sh", "-c", next).code, 0, ran.all);
  assert.match(repo.git("diff", "--cached", "--name-only"), /^a\/secrets$/m);
});

test("secrets sync never writes over a template that it could not read", (t) => {
  const { repo } = committed(t);
  const sync = () => repo.muxi("secrets", "sync", "--template-only", "-F", "a");
  const template = repo.path("a", "secrets");
  const outside = join(repo.base, "outside");
  writeFileSync(outside, "OPENAI_API_KEY=\n");

  rmSync(template);
  symlinkSync(outside, template);
  refused(sync(), /a link leads from 'a\/secrets' out of the repository/);
  assert.equal(readFileSync(outside, "utf8"), "OPENAI_API_KEY=\n");

  rmSync(template);
  symlinkSync("secrets", template);
  refused(sync(), /cannot read 'a\/secrets' \(ELOOP\)/);

  rmSync(template);
  symlinkSync("nowhere", template);
  refused(sync(), /cannot read 'a\/secrets' \(it is a link that leads nowhere\)/);
  assert.ok(lstatSync(template).isSymbolicLink());

  rmSync(template);
  mkdirSync(template);
  refused(sync(), /cannot read 'a\/secrets' \(it is no regular file\)/);

  rmSync(template, { recursive: true });
  repo.try("mkfifo", template);
  refused(sync(), /cannot read 'a\/secrets' \(it is no regular file\)/);
  assert.ok(lstatSync(template).isFIFO());

  rmSync(template);
  assert.equal(sync().code, 0);
});

test("a file counts as absent only where nothing is there", () => {
  const failure = (code: string) => Object.assign(new Error(code), { code });
  for (const code of ["ENOENT", "ENOTDIR"]) assert.equal(isAbsent(failure(code)), true, code);
  for (const code of ["EACCES", "EPERM", "EIO", "ELOOP", "EMFILE", "ENAMETOOLONG", "ESTALE"]) {
    assert.equal(isAbsent(failure(code)), false, code);
  }
});

test("normalize refuses a secrets.enc that is a folder or leads out of the repository, and goes on with the others", (t) => {
  const { repo, made } = committed(t);
  const outside = join(repo.base, "outside.enc");
  const token = freshToken(made.a.key, goJson(made.a.secrets));
  writeFileSync(outside, token);
  rmSync(repo.path("a/secrets.enc"));
  symlinkSync(outside, repo.path("a/secrets.enc"));
  const ran = repo.muxi("normalize");
  refused(ran, /cannot normalize 'a\/secrets\.enc': a link leads from/);
  assert.match(ran.stdout, /rewrote b\/secrets\.enc/);
  assert.ok(readFileSync(outside).equals(token));

  rmSync(repo.path("a/secrets.enc"));
  mkdirSync(repo.path("a/secrets.enc"));
  refused(repo.muxi("normalize", "a"), /cannot normalize 'a\/secrets\.enc': cannot read/);
});

test("a baseline that is a link stays one; one that cannot be read is not replaced", (t) => {
  const { repo } = committed(t);
  repo.write("leak.txt", `key: ${fakeGroqKey("baseline")}\n`);
  const { findings } = JSON.parse(repo.muxi("scan", "--json").stdout) as { findings: { fingerprint: string }[] };
  const accept = () =>
    repo.muxi("baseline", "accept", findings[0]!.fingerprint, "--reason", "an account that was closed");
  mkdirSync(repo.path(".muxi-git-baseline.json"));
  refused(accept(), /cannot read '\.muxi-git-baseline\.json'/);

  rmSync(repo.path(".muxi-git-baseline.json"), { recursive: true });
  mkdirSync(repo.path("config"));
  assert.equal(accept().code, 0);
  repo.git("mv", "-f", "a/secrets", "config/x");
  const bytes = repo.read(".muxi-git-baseline.json");
  rmSync(repo.path(".muxi-git-baseline.json"));
  repo.write("config/baseline.json", bytes);
  symlinkSync("config/baseline.json", repo.path(".muxi-git-baseline.json"));
  assert.match(accept().stdout, /was accepted before/);
  assert.ok(lstatSync(repo.path(".muxi-git-baseline.json")).isSymbolicLink());
});

test("a durable write says what it could not do, and leaves nothing behind", (t) => {
  const { repo } = committed(t);
  const folder = repo.path("new");
  mkdirSync(folder);
  const code = (action: () => void): string => {
    try {
      action();
    } catch (error) {
      if (error instanceof MuxiGitError) return `${error.code}: ${error.message}`;
    }
    return "no error of ours";
  };
  writeFileDurably(join(folder, "x"), "one", 0o600);
  writeFileDurably(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff])]), "two", 0o644);
  mkdirSync(join(folder, "in the way"));
  writeFileSync(join(folder, "in the way", "file"), "");
  assert.match(
    code(() => writeFileDurably(join(folder, "in the way"), "x", 0o600)),
    /^unwritable: cannot write '.*in the way' \(E\w+\)$/,
  );
  assert.match(
    code(() => writeFileDurably(join(folder, "none", "a\nb"), "x", 0o600)),
    /^unwritable: cannot write '.*none\/a\\nb' \(ENOENT\)$/,
  );
  assert.match(
    code(() => writeOutput(folder, "x")),
    /^unwritable: /,
  );
  assert.equal(readdirSync(folder).length, 3);
  assert.equal(lstatSync(join(folder, "x")).mode & 0o777, 0o600);
});

test("a file is read for rewriting where its links lead inside the repository, whatever its name", (t) => {
  const { repo } = committed(t);
  mkdirSync(repo.path("real"));
  symlinkSync("real", repo.path("linked"));
  writeFileSync(repo.path("real", "file"), "content", { mode: 0o640 });
  const read = readForRewrite(repo.root, "linked/file");
  assert.equal(String(read.disk), repo.path("real", "file"));
  assert.equal(String(read.bytes), "content");
  const fresh = readForRewrite(repo.root, "linked/new");
  assert.deepEqual([String(fresh.disk), fresh.bytes], [repo.path("real", "new"), null]);
  symlinkSync(repo.base, repo.path("out"));
  assert.throws(() => readForRewrite(repo.root, "out/new"), { code: "outside-repository" });
  const odd = readForRewrite(repo.root, "real/\udcff");
  assert.equal(odd.disk.at(-1), 0xff);
});
