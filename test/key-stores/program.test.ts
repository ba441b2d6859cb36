/** Stores' programs, as small scripts: what is asked of them, and what they may do wrong. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "node:test";
import { MuxiGitError } from "../../src/errors.ts";
import { findProgram, type ProgramOptions, runProgram } from "../../src/key-stores/program.ts";
import { fakeKey } from "../support/fake.ts";

const SKIP = process.platform === "win32" ? "the programs are POSIX sh scripts" : false;

interface Machine {
  options: ProgramOptions;
  bin: string;
  tree: string;
  program(folder: string, name: string, script: string): string;
}

function machine(t: TestContext): Machine {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "muxi-git-program-")));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const [bin, tree] = [join(base, "bin"), join(base, "tree")];
  mkdirSync(bin);
  mkdirSync(join(tree, "bin"), { recursive: true });
  const path = [join(tree, "bin"), "bin", ".", "", bin, process.env.PATH].join(delimiter);
  return {
    bin,
    tree,
    options: { env: { ...process.env, PATH: path }, topLevel: tree },
    program(folder, name, script) {
      const file = join(folder, name);
      writeFileSync(file, `#!/bin/sh\n${script}\n`);
      chmodSync(file, 0o755);
      return file;
    },
  };
}

function failed(code: string, says: RegExp, key = "no key") {
  return (error: unknown): boolean => {
    assert.ok(error instanceof MuxiGitError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, says);
    assert.ok(!`${error.message} ${error.hint ?? ""}`.includes(key.slice(0, 12)));
    return true;
  };
}

test("a program is found outside the working tree only, and what it starts as well", { skip: SKIP }, async (t) => {
  const { options, bin, tree, program } = machine(t);
  const there = program(join(tree, "bin"), "vault", "echo from the working tree");
  assert.throws(() => findProgram("vault", options), failed("program-not-found", /outside the working tree/));
  symlinkSync(there, join(bin, "vault"));
  assert.throws(() => findProgram("vault", options), failed("program-not-found", /'vault'/));
  assert.throws(() => findProgram(there, options), failed("program-not-found", /./));
  assert.throws(() => findProgram("./bin/vault", options), failed("program-not-found", /./));
  assert.throws(() => findProgram("../bin/other", options), failed("program-not-found", /./));

  program(join(tree, "bin"), "helper", "echo tree");
  program(bin, "helper", "echo outside");
  program(bin, "bw", 'helper; pwd; echo "$PATH"; printf "<%s>" "$@"');
  const ran = await runProgram("bw", { args: ["a b", "$(id)", ""] }, options);
  const [helper, cwd, path, words] = ran.stdout.toString().split("\n");
  assert.equal(helper, "outside");
  assert.ok(!cwd?.startsWith(tree));
  assert.ok(!path?.split(delimiter).some((folder) => folder.startsWith(tree) || !folder.startsWith("/")), path);
  assert.equal(words, "<a b><$(id)><>");
});

test("a key goes in by a pipe that can be opened by name, and shows in no process", { skip: SKIP }, async (t) => {
  const { options, bin, program } = machine(t);
  const key = fakeKey();
  program(bin, "aws", 'cat /dev/stdin; tr "\\0" "\\n" </proc/self/environ >&2; ps -o args= -p $$,$PPID >&2 || :');
  const ran = await runProgram("aws", { args: ["x"], input: key, opensStdin: true }, options);
  assert.equal(ran.stdout.toString(), key);
  assert.equal(ran.code, 0);
  program(bin, "argv", 'exec cat "/proc/$$/cmdline" "/proc/$PPID/cmdline" "/proc/$$/environ"');
  const seen = await runProgram("argv", { args: ["x"], input: key, opensStdin: true }, options);
  assert.ok(seen.stdout.length > 0);
  assert.ok(!seen.stdout.toString().includes(key.slice(0, 12)));
});

test("a program that fails, hangs, floods or repeats the key ends in an error that holds no key", {
  skip: SKIP,
}, async (t) => {
  const { options, bin, program } = machine(t);
  const key = fakeKey();
  program(bin, "fails", `echo "first" >&2; echo "bad token ${key} given" >&2; echo "${key}"; exit 3`);
  const ran = await runProgram("fails", { args: [] }, options);
  assert.deepEqual([ran.code, ran.said], [3, "bad token … given"]);

  // Its child holds the pipe open after it was killed.
  program(bin, "hangs", `echo "${key}"; sleep 5 & wait`);
  const since = Date.now();
  await assert.rejects(
    runProgram("hangs", { args: [] }, { ...options, timeoutMs: 200 }),
    failed("program-failed", /'hangs' gave no answer in 0\.2 s/, key),
  );
  assert.ok(Date.now() - since < 3000);
  program(bin, "floods", `while :; do echo "${key}"; done`);
  await assert.rejects(runProgram("floods", { args: [] }, options), failed("program-failed", /more than a key/, key));
  program(bin, "broken", "");
  writeFileSync(join(bin, "broken"), "#!/no/such/interpreter\n");
  await assert.rejects(runProgram("broken", { args: [] }, options), failed("program-failed", /could not be run/));
  // Ends before it has read.
  program(bin, "ends", "exit 0");
  assert.equal((await runProgram("ends", { args: [], input: key.repeat(100_000) }, options)).code, 0);
});
