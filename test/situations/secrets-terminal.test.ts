/** Questions at a terminal: what is shown of an answer, what is stored, and how the terminal is left. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { opaque } from "../support/fake.ts";
import { tempFolder } from "../support/folder.ts";
import { openWith } from "../support/formation.ts";
import { MAIN, PROJECT, type TempRepo } from "../support/repo.ts";

const PROGRAM = join(PROJECT, "test", "support", "terminal.py");
const skip = spawnSync("python3", ["-c", "import pty"]).status === 0 ? false : "python3 is not here";

interface Session {
  shown: string;
  code: number;
  echo: boolean;
  cooked: boolean;
}

function atTerminal(repo: TempRepo, steps: [expected: string, typed: string][], ...args: string[]): Session {
  const request = { command: [process.execPath, MAIN, ...args], steps };
  const ran = repo.tryWith({ input: JSON.stringify(request), env: { TERM: "xterm" } }, "python3", PROGRAM);
  assert.equal(ran.code, 0, ran.all);
  const session = JSON.parse(ran.stdout) as Session;
  assert.deepEqual([session.echo, session.cooked], [true, true], "the terminal is not as it was");
  assert.ok(session.shown.split("\u001b[?2004h").length === session.shown.split("\u001b[?2004l").length);
  return session;
}

function formation(repo: TempRepo): void {
  repo.write("formation.afs", 'a: "${{ secrets.OPENAI_API_KEY }}"\nb: "${{ secrets.TLS_KEY }}"\n');
  repo.write("secrets", "OPENAI_API_KEY=\nTLS_KEY=\nFORMATION_ADMIN_API_KEY=\nOLD_API_KEY=\n");
}

function values(repo: TempRepo): Record<string, string> {
  const secrets = openWith(readFileSync(repo.path(".key"), "utf8"), readFileSync(repo.path("secrets.enc")));
  return Object.fromEntries([...secrets!].map(([name, value]) => [name, value.kind === "string" ? value.value : "?"]));
}

test("setup asks for each value, shows none, takes a pasted file whole and says what is left", { skip }, (t) => {
  const repo = tempFolder(t);
  formation(repo);
  const value = `${opaque(30, "typed")}é`;
  const pem = `-----BEGIN X-----\n${opaque(6000, "pem")}\n-----END X-----\n`;
  const { shown, code } = atTerminal(
    repo,
    [
      ["OPENAI_API_KEY", `wrong\u0015${value}x\u007f\r`],
      ["TLS_KEY", `\u001b[200~${pem.replaceAll("\n", "\r")}\u001b[201~\r`],
      ["FORMATION_ADMIN_API_KEY", "\r"],
      ["OLD_API_KEY", "\r"],
    ],
    ...["--no-color", "secrets", "setup"],
  );
  assert.equal(code, 1);
  const { FORMATION_ADMIN_API_KEY: made, ...rest } = values(repo);
  assert.deepEqual(rest, { OPENAI_API_KEY: value, TLS_KEY: pem });
  assert.match(made!, /^fma_[0-9a-f]{64}$/);
  for (const secret of [value, "wrong", pem.slice(30, 60), made!]) assert.ok(!shown.includes(secret), secret);
  const lines = shown.replace(/\u001b\[\?2004[hl]|\u0008 \u0008/g, "").split("\r\n");
  assert.ok(lines.includes("1/4  OPENAI_API_KEY  used in formation.afs:1"), shown);
  assert.ok(lines.includes("stored (31 characters)"), shown);
  assert.ok(lines.includes("stored (3 lines, 6035 characters)"), shown);
  assert.ok(lines.includes("4/4  OLD_API_KEY  in the template, used in no file"), shown);
  assert.deepEqual(lines.slice(-3), ["3 values stored", "without a value still: OLD_API_KEY", ""]);
});

test("Ctrl-C and Ctrl-D leave the terminal as it was, and what was answered stored", { skip }, (t) => {
  const repo = tempFolder(t);
  formation(repo);
  const interrupted = atTerminal(
    repo,
    [
      ["OPENAI_API_KEY", "one\r"],
      ["TLS_KEY", "half of a value\u0003"],
    ],
    ...["secrets", "setup"],
  );
  assert.equal(interrupted.code, -2, "it ends by SIGINT");
  assert.deepEqual(values(repo), { OPENAI_API_KEY: "one" });
  assert.ok(!interrupted.shown.includes("half of"));
  const ended = atTerminal(repo, [["TLS_KEY", "\u0004"]], "secrets", "setup");
  assert.equal(ended.code, 1);
  assert.match(ended.shown, /without a value still: TLS_KEY, FORMATION_ADMIN_API_KEY, OLD_API_KEY\r\n$/);
  const replaced = atTerminal(
    repo,
    [["OPENAI_API_KEY (replaces the stored value): ", "two\r"]],
    "secrets",
    "set",
    "OPENAI_API_KEY",
  );
  assert.equal(replaced.code, 0, replaced.shown);
  const kept = atTerminal(repo, [["all the same? [y/N] ", "n\r"]], "secrets", "delete", "OPENAI_API_KEY");
  assert.equal(kept.code, 1);
  assert.deepEqual(values(repo), { OPENAI_API_KEY: "two" });
});
