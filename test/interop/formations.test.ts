/**
 * What our commands write is opened by the libraries that MUXI's two programs
 * use, and what these write by ours: the files themselves, `.key` included.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { opaque } from "../support/fake.ts";
import { tempFolder } from "../support/folder.ts";
import { NOT_EVERY_DAY, SLOW } from "../support/gits.ts";
import { type TempRepo, tempRepo } from "../support/repo.ts";

/** A program that reads and writes as one of MUXI's does. */
interface Theirs {
  name: string;
  skip: string | false;
  /** Started when it is needed: Go has to be compiled. */
  command(): { program: string; args: string[]; env?: NodeJS.ProcessEnv };
}

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const works = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;

const python: Theirs = {
  name: "Python's cryptography",
  skip: works("python3", "-c", "import cryptography.fernet")
    ? false
    : "python3 with the package cryptography is not here",
  command: () => ({ program: "python3", args: [here("formations.py")] }),
};

/** Where Debian puts the sources of golang-github-fernet-fernet-go-dev. */
const GOPATH = process.env.GOPATH ?? "/usr/share/gocode";
let compiled: string | undefined;

const go: Theirs = {
  name: "Go's fernet",
  skip: !SLOW
    ? NOT_EVERY_DAY
    : works("go", "version")
      ? false
      : "go is not here (Debian: golang-go, golang-github-fernet-fernet-go-dev)",
  command() {
    if (compiled === undefined) {
      const folder = mkdtempSync(join(tmpdir(), "muxi-git-go-"));
      process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
      compiled = join(folder, "formations");
      const env = { ...process.env, GO111MODULE: "off", GOPATH, GOCACHE: join(folder, "cache"), GOFLAGS: "" };
      const built = spawnSync("go", ["build", "-o", compiled, here("formations.go")], { env, encoding: "utf8" });
      assert.equal(built.status, 0, built.stderr);
    }
    return { program: compiled, args: [] };
  },
};

type Values = Record<string, string>;

function theirs(them: Theirs, verb: string, folders: readonly string[], input = ""): string {
  const { program, args } = them.command();
  const ran = spawnSync(program, [...args, verb, ...folders], { input, encoding: "utf8", maxBuffer: 1 << 28 });
  assert.equal(ran.status, 0, ran.stderr);
  return ran.stdout;
}

const VALUES: Values = {
  PLAIN_API_KEY: opaque(40, "interop"),
  NOT_ASCII: "grüße 世界 🔑 \u2028 ﬁ",
  MARKUP: '<a href="x">&amp;</a> \'"',
  BACKSLASHES: "C:\\new\\table \\1 \\\\",
  SEVERAL_LINES: "-----BEGIN X-----\nabc\r\n\tdef\n-----END X-----\n",
  LARGE: `${opaque(63, "large")}\n`.repeat(16_384),
};

/** The formation after each command, kept aside, with what it is to hold. */
function stages(repo: TempRepo): Map<string, Values> {
  const kept = new Map<string, Values>();
  const folder = repo.path("bot");
  const run = (holds: Values, ...args: string[]): void => {
    const ran = repo.muxi(...args);
    assert.ok(ran.code < 2, `${args.join(" ")}: ${ran.all}`);
    const aside = join(repo.base, `after ${kept.size} ${args[1]}`);
    cpSync(folder, aside, { recursive: true });
    kept.set(aside, holds);
  };
  repo.write("bot/formation.afs", "id: x\n");
  let now: Values = {};
  for (const [name, value] of Object.entries(VALUES)) {
    repo.write("value", value.includes("\n") ? value : `${value}\n`);
    now = { ...now, [name]: value };
    run(now, "secrets", "set", name, "--from-file", "value", "-F", "bot");
  }
  const { PLAIN_API_KEY: _, ...rest } = now;
  run(rest, "secrets", "delete", "PLAIN_API_KEY", "-F", "bot");
  run(rest, "key", "rotate", "-F", "bot");
  run(rest, "secrets", "sync", "-F", "bot");
  run(rest, "normalize", "bot");
  repo.remove("bot/.key");
  run({}, "secrets", "setup", "--new-key", "--yes", "-F", "bot");
  return kept;
}

for (const them of [python, go]) {
  test(`${them.name} opens what every command leaves`, { skip: them.skip }, (t) => {
    const repo = tempRepo(t);
    const written = stages(repo);
    const read = JSON.parse(theirs(them, "read", [...written.keys()])) as Record<string, Values>;
    for (const [folder, holds] of written) assert.deepEqual(read[folder], holds, folder);
  });

  test(`we open what ${them.name} leaves, an empty value too, and write it back`, { skip: them.skip }, (t) => {
    const repo = tempFolder(t);
    repo.write("formation.afs", "id: x\n");
    theirs(them, "write", [repo.root], JSON.stringify({ ...VALUES, EMPTY: "" }));
    const listed = repo.muxi("secrets", "list", "--with-values", "--json");
    assert.equal(listed.code, 0, listed.all);
    const { secrets } = JSON.parse(listed.stdout) as { secrets: { name: string; state: string; value: string }[] };
    assert.deepEqual(Object.fromEntries(secrets.map(({ name, value }) => [name, value])), { ...VALUES, EMPTY: "" });
    assert.deepEqual(
      secrets.filter(({ state }) => state !== "stored").map(({ name, state }) => `${name} ${state}`),
      ["EMPTY missing"],
    );
    assert.equal(repo.muxi("secrets", "get", "SEVERAL_LINES").stdout, VALUES.SEVERAL_LINES);
    const set = repo.muxiWith({ input: "filled" }, "secrets", "set", "EMPTY", "--stdin");
    assert.equal(set.code, 0, set.all);
    const read = JSON.parse(theirs(them, "read", [repo.root])) as Record<string, Values>;
    assert.deepEqual(read[repo.root], { ...VALUES, EMPTY: "filled" });
  });
}
