/** A runtime that is gone or damaged must not break git: the launcher answers in sh. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { encodeContent, encodeList, FLUSH, PacketDecoder } from "../../src/git/pkt-line.ts";
import { canonical, elsewhere, type FilterRepository, filterRepo, randomToken } from "./filter-repository.ts";

const PATH = "agents/secrets.enc";

/** Ways to lose the runtime; each leaves the launcher. */
const BREAKAGES: Record<string, (repo: FilterRepository) => void> = {
  "main.cjs is gone": ({ runtime }) => rmSync(join(runtime, "main.cjs")),
  "plumbing.cjs is gone": ({ runtime }) => rmSync(join(runtime, "plumbing.cjs")),
  "plumbing.cjs is cut off": ({ runtime }) => writeFileSync(join(runtime, "plumbing.cjs"), "const a = {"),
  "main.cjs is cut off": ({ runtime }) => writeFileSync(join(runtime, "main.cjs"), "const a = {"),
  "main.cjs is empty": ({ runtime }) => writeFileSync(join(runtime, "main.cjs"), ""),
  "the recorded node cannot start": ({ runtime }) => {
    const broken = join(runtime, "not-a-node");
    writeFileSync(broken, "#!/nonexistent/interpreter\n");
    chmodSync(broken, 0o755);
    writeFileSync(join(runtime, "node"), `${broken}\n`);
  },
  "the recorded node is too old": ({ runtime }) => {
    const old = join(runtime, "old-node");
    writeFileSync(old, "#!/bin/sh\necho 'SyntaxError: unexpected token' >&2\nexit 1\n");
    chmodSync(old, 0o755);
    writeFileSync(join(runtime, "node"), `${old}\n`);
  },
};

/** `SLOW=1` tries all; the everyday run a bundle that is gone, and a node that will not do. */
const EVERYDAY = ["main.cjs is gone", "the recorded node is too old"];

for (const [name, breakIt] of Object.entries(BREAKAGES)) {
  if (process.env.SLOW !== "1" && !EVERYDAY.includes(name)) continue;
  test(`git works on and refuses plaintext where ${name}`, (t) => {
    const repo = filterRepo(t);
    repo.git("branch", "before");
    repo.write(PATH, randomToken({ LATER: "value" }, repo.key));
    repo.git("commit", "-qam", "later");
    const stored = repo.read(PATH);
    breakIt(repo);

    repo.write(PATH, stored);
    assert.equal(repo.git("status", "--porcelain").replaceAll(" M agents/secrets.enc", ""), "");
    repo.git("checkout", "-f", "-q", "HEAD");
    repo.git("diff");
    repo.git("log", "-p", "--stat");
    repo.git("switch", "-q", "before");
    assert.notDeepEqual(repo.read(PATH), stored);
    repo.git("checkout", "-f", "-q", "main");
    assert.deepEqual(repo.read(PATH), canonical({ LATER: "value" }, repo.key));
    repo.write(PATH, randomToken({ ANOTHER: "value" }, repo.key));
    repo.git("stash", "-q");
    repo.git("stash", "pop", "-q");
    repo.git("checkout", "-f", "-q");
    repo.git("describe", "--always", "--dirty");
    repo.git("worktree", "add", "-q", "../linked");
    assert.deepEqual(elsewhere(repo, "linked").read(PATH), canonical({ LATER: "value" }, repo.key));
    repo.git("clone", "-q", ".", "../clone");

    repo.write(PATH, '{"PLAIN": "text"}');
    const add = repo.try("git", "add", PATH);
    assert.equal(add.code, 128);
    assert.match(add.stderr, /'agents\/secrets\.enc' is not encrypted and cannot be encrypted/);
    assert.match(add.stderr, /git restore -- 'agents\/secrets\.enc'/);
    repo.git("restore", "--", PATH);
    assert.deepEqual(repo.read(PATH), canonical({ LATER: "value" }, repo.key));
    assert.deepEqual(
      readdirSync(repo.runtime).filter((entry) => entry.startsWith(".passing")),
      [],
    );
  });
}

test("a bundle or a code cache with one bit flipped does not judge a commit", (t) => {
  const repo = filterRepo(t);
  const hook = () => repo.try(join(repo.runtime, "run"), "hook", "pre-commit");
  const caches = () =>
    readdirSync(repo.runtime).filter((name) => name.startsWith("plumbing.hook.") && name.endsWith(".cache"));
  assert.equal(hook().code, 0, hook().all);
  const [cache] = caches();
  assert.ok(cache !== undefined);
  const flip = (name: string): void => {
    const path = join(repo.runtime, name);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    const { atime, mtime } = statSync(path);
    writeFileSync(path, bytes);
    // As a disk does it: the times say nothing.
    utimesSync(path, atime, mtime);
  };
  flip(cache);
  assert.deepEqual([hook().code, hook().all.trim()], [0, ""]);
  // It was made anew.
  const made = readFileSync(join(repo.runtime, cache));
  assert.equal(made.readUInt32LE(made.length - 4), crc32(made.subarray(0, -4)));
  flip("plumbing.cjs");
  const damaged = hook();
  assert.equal(damaged.code, 2);
  assert.match(damaged.stderr, /could not check anything\nmuxi-git: hint: run 'npx muxi-git install'/);
});

/** A node that does `script` as the filter. */
function fakeNode(repo: FilterRepository, script: string): void {
  const path = join(repo.runtime, "fake-node");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  writeFileSync(join(repo.runtime, "node"), `${path}\n`);
}

test("git does not wait for a filter that was killed", (t) => {
  const repo = filterRepo(t);
  const before = repo.read(PATH);
  repo.write(PATH, randomToken({ FIRST: "edited" }, repo.key));
  const edited = repo.read(PATH);
  // It has taken git's first packet, or it has not.
  fakeNode(repo, "dd bs=22 count=1 >/dev/null 2>&1; kill -9 $$");
  const start = performance.now();
  const add = repo.tryWith({}, "timeout", "30", "git", "add", PATH);
  assert.equal(add.code, 128, add.all);
  assert.ok(performance.now() - start < 20_000);
  assert.deepEqual(repo.read(PATH), edited);
  assert.equal(
    repo.git("ls-files", "-s", PATH),
    repo.git("ls-tree", "HEAD", PATH).replace(" blob ", " ").replace("\t", " 0\t"),
  );
  fakeNode(repo, "kill -9 $$");
  repo.write(PATH, before);
  repo.git("add", PATH);
  // It said itself what was wrong.
  fakeNode(repo, "echo told >&2; exit 2");
  repo.write(PATH, edited);
  const told = repo.tryWith({}, "timeout", "30", "git", "add", PATH);
  assert.equal(told.code, 128, told.all);
  assert.match(told.stderr, /^told$/m);
});

const shells = [["dash"], ["bash", "--posix"], ["busybox", "sh"]].filter(
  ([command, ...args]) => spawnSync(command!, [...args, "-c", "exit 0"]).status === 0,
);

for (const shell of shells) {
  test(`${shell[0]} passes any bytes unchanged and never takes a byte of the next request`, (t) => {
    const repo = filterRepo(t);
    rmSync(join(repo.runtime, "main.cjs"));
    const token = randomToken({ A: "x".repeat(90_000) }, repo.key);
    const contents: [command: string, path: string, content: Buffer, answered: Buffer | null][] = [
      ["smudge", "a/secrets.enc", randomBytes(200_000), null],
      ["smudge", "a/secrets.enc", Buffer.from([0, 10, 13, 0, 255, 10]), null],
      ["smudge", "a/secrets.enc", Buffer.alloc(0), null],
      ["smudge", "a/secrets.enc", Buffer.alloc(65_516, 10), null],
      ["smudge", "a/secrets.enc", Buffer.alloc(65_517, 0), null],
      ["clean", "none/secrets.enc", randomBytes(70_000), null],
      ["clean", PATH, token, null],
      ["clean", PATH, token.subarray(0, 65_516), null],
      ["clean", PATH, Buffer.alloc(0), null],
      ["clean", PATH, Buffer.concat([randomToken({ A: "1" }, repo.key), Buffer.from("\r\n")]), null],
    ].map(([command, path, content]) => [command, path, content, content] as [string, string, Buffer, Buffer]);
    contents.push(
      ["clean", PATH, Buffer.from('{"A": "1"}'), null],
      ["clean", PATH, Buffer.from("gAAAAABNAME=value\nB=2\n"), null],
      ["clean", PATH, Buffer.concat([token.subarray(0, 200), Buffer.from([0])]), null],
      ["clean", PATH, Buffer.concat([token, Buffer.from("\n{}")]), null],
      ["clean", PATH, randomBytes(140_000), null],
      ["smudge", "a/secrets.enc", Buffer.from("last"), Buffer.from("last")],
    );
    const input = [
      encodeList(["git-filter-client", "version=2"]),
      encodeList(["capability=clean", "capability=smudge", "capability=delay"]),
    ];
    const expected = [
      encodeList(["git-filter-server", "version=2"]),
      encodeList(["capability=clean", "capability=smudge"]),
    ];
    for (const [command, path, content, answer] of contents) {
      input.push(encodeList([`command=${command}`, `pathname=${path}`, "unknown=a=b"]), ...encodeContent(content));
      if (answer === null) expected.push(encodeList(["status=error"]));
      else expected.push(encodeList(["status=success"]), ...encodeContent(answer), FLUSH);
    }
    const [command, ...args] = shell;
    const ran = spawnSync(command!, [...args, join(repo.runtime, "run"), "filter-process"], {
      cwd: repo.root,
      env: repo.env,
      input: Buffer.concat(input),
      maxBuffer: 1 << 27,
    });
    assert.equal(ran.status, 0, ran.stderr.toString());
    assert.ok(packets(ran.stdout).equals(packets(Buffer.concat(expected))));
    assert.doesNotMatch(ran.stderr.toString(), /NAME=value/);
    assert.deepEqual(
      readdirSync(repo.runtime).filter((entry) => entry.startsWith(".passing")),
      [],
    );
  });

  test(`${shell[0]} answers the other verbs without a node`, (t) => {
    const repo = filterRepo(t);
    rmSync(join(repo.runtime, "main.cjs"));
    const [command, ...args] = shell;
    const run = (input: Buffer | string, ...verb: string[]) =>
      repo.tryWith({ input }, command!, ...args, join(repo.runtime, "run"), ...verb);
    const token = randomToken({ A: "1" }, repo.key);
    assert.deepEqual(run(token, "clean", PATH).stdout, token.toString());
    assert.deepEqual(run("bytes", "smudge", PATH).stdout, "bytes");
    const refused = run('{"A": "1"}', "clean", PATH);
    assert.deepEqual([refused.code, refused.stdout], [1, ""]);
    assert.deepEqual(run("", "textconv", PATH).stdout, repo.read(PATH).toString());
    assert.equal(run("", "merge-driver", "o", "a", "b", "7", PATH).code, 1);
    const hook = run("", "hook", "pre-commit");
    assert.equal(hook.code, 2);
    assert.match(hook.stderr, /npx muxi-git install/);
    assert.equal(run("", "status").code, 2);
    const skipped = repo.tryWith(
      { env: { MUXI_GIT: "0" } },
      command!,
      ...args,
      join(repo.runtime, "run"),
      "hook",
      "pre-commit",
    );
    assert.deepEqual([skipped.code, skipped.stderr], [0, "muxi-git: hook pre-commit skipped, MUXI_GIT=0 is set\n"]);
  });
}

test("a node in the working tree is never started, nor code that NODE_OPTIONS names there", (t) => {
  const repo = filterRepo(t);
  repo.write("node_modules/.bin/node", `#!/bin/sh\ntouch "${repo.base}/started"\n`, 0o755);
  rmSync(join(repo.runtime, "node"));
  repo.write("evil.cjs", `require("node:fs").writeFileSync(${JSON.stringify(join(repo.base, "started"))}, "")`);
  repo.write(PATH, randomToken({ FIRST: "one", SECOND: "two" }, repo.key));
  const status = repo.tryWith(
    {
      env: {
        PATH: `node_modules/.bin:${repo.path("node_modules/.bin")}:${repo.env.PATH}`,
        NODE_OPTIONS: "--require ./evil.cjs",
        // node says what it cannot read of it, at every start.
        NODE_EXTRA_CA_CERTS: repo.path("nowhere.pem"),
      },
    },
    "git",
    "status",
    "--porcelain",
    "--untracked-files=no",
  );
  assert.deepEqual([status.code, status.stdout, status.stderr], [0, "", ""]);
  assert.ok(!readdirSync(repo.base).includes("started"));
});

/** Content may be cut into packets in any way: whole lists of payloads between flush packets are compared. */
function packets(bytes: Buffer): Buffer {
  const decoder = new PacketDecoder();
  decoder.push(bytes);
  const parts: Buffer[] = [];
  for (let packet = decoder.next(); packet !== null; packet = decoder.next()) {
    parts.push(packet === "flush" ? Buffer.from("|flush|") : Buffer.from(packet));
  }
  decoder.end();
  return Buffer.concat(parts);
}
