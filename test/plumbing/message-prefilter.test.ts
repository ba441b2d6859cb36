/** The launcher's look at a commit message: what starts node, and what does not. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parseMessageFile } from "../../src/git/message.ts";
import { allRules } from "../../src/scan/rules/index.ts";
import { seededRandom } from "../scan/seeded-random.ts";
import { PROJECT } from "../support/repo.ts";

const launcher = readFileSync(join(PROJECT, "hooks", "run"), "utf8");
const [prefilter] = /^is_plain_message\(\) \{\n(?:.*\n)*?\}\n/m.exec(launcher)!;
const SHELLS = [["sh"], ["/usr/bin/dash"], ["/usr/bin/bash", "--norc", "--posix"], ["/usr/bin/busybox", "sh"]].filter(
  ([program]) => program === "sh" || existsSync(program!),
);

/** For each message whether the launcher calls it plain, in one process for all. */
function plain(messages: readonly string[], shell: readonly string[] = ["sh"], env = {}): boolean[] {
  const folder = mkdtempSync(join(tmpdir(), "muxi-git-messages-"));
  try {
    for (const [at, message] of messages.entries()) writeFileSync(join(folder, `${at}`), message);
    const script = `${prefilter}\nat=0\nwhile [ -f "$1/$at" ]; do\n  if (is_plain_message "$1/$at"); then echo plain; else echo node; fi\n  at=$((at + 1))\ndone\n`;
    const [program = "sh", ...args] = shell;
    const ran = spawnSync(program, [...args, "-c", script, "sh", folder], { env: { PATH: process.env.PATH, ...env } });
    assert.equal(ran.stderr.toString(), "");
    const answers = ran.stdout.toString().trim().split("\n");
    assert.equal(answers.length, messages.length);
    return answers.map((answer) => answer === "plain");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const SURROUNDINGS = [
  (s: string) => s,
  (s: string) => `Say what\n\nUse ${s}, please.\n`,
  (s: string) => `Say "${s}".\n`,
  (s: string) => `(${s})\r\n`,
  (s: string) => `Say\n\n[\`${s}\`]; and more`,
];

test("every rule's example starts node, however it stands in the message", () => {
  const messages: string[] = [];
  const named: string[] = [];
  for (const [index, rule] of allRules().entries()) {
    const random = seededRandom(index * 31 + 7);
    for (let round = 0; round < 2; round += 1) {
      const around = SURROUNDINGS[(index + round) % SURROUNDINGS.length]!;
      messages.push(around(rule.example(random)));
      named.push(rule.id);
    }
  }
  for (const [at, isPlain] of plain(messages).entries()) assert.equal(isPlain, false, named[at]);
});

test("every value of 8 characters with a digit, a mark inside or mixed case starts node", () => {
  const EDGE = /^[([{'"`]+|[.,:;)\]}'"`]+$/g;
  const value = fc
    .string({
      unit: fc.integer({ min: 33, max: 126 }).map((code) => String.fromCharCode(code)),
      minLength: 8,
      maxLength: 40,
    })
    // Marks at the edges alone are what a sentence puts there.
    .filter((text) => /[^A-Za-z]/.test(text.replace(EDGE, "")) || /.[A-Z]/.test(text.replace(EDGE, "")))
    // At the start of a line it would be a comment.
    .map((text) => `Use ${text} now`);
  const messages = fc.sample(value, { numRuns: 150, seed: 4 });
  for (const [at, isPlain] of plain(messages).entries()) assert.equal(isPlain, false, `message ${at}`);
});

test("plain words start no node, in every shell that is here", () => {
  const messages = [
    'Explain the difference between formations and repositories\n\nOtherwise, nothing; "everything" (However) stays.\n',
    "",
    "\n\n",
    "short a1 b-2 c_3 #1234 v1.2.3\n",
    "say it\n# Please enter the commit message for your changes. Lines starting\n#\tmodified:   agents/a1-b2.afs\n",
    `say it\n; ------------------------ >8 ------------------------\ndiff --git a/a1 b/a1-b2-c3-d4\n`,
  ];
  const suspicious = [
    "correct1horse",
    "say correctHorse",
    "say it\nnot-plain-at-all",
    "ÄÖÜäöüßé",
    `${"word ".repeat(820)}`,
    "the last line has no end: a1b2c3d4",
    "* a1b2c3d4",
    "[a1b2c3d4]",
    "\\a1b2c3d4",
    "12345678",
  ];
  for (const shell of SHELLS) {
    assert.deepEqual(
      plain([...messages, ...suspicious], shell),
      [...messages.map(() => true), ...suspicious.map(() => false)],
      shell.join(" "),
    );
  }
  // Without an editor a line that starts with '#' is a part of the message.
  assert.deepEqual(plain(["say it\n#a1b2c3d4e5\n"], ["sh"], { GIT_EDITOR: ":" }), [false]);
  assert.deepEqual(plain(["say it\n#a1b2c3d4e5\n"], ["sh"], {}), [true]);
});

test("the message is what git will make of its file", () => {
  const read = (text: string, comment: string | null) => {
    const { message, cut } = parseMessageFile(Buffer.from(text), comment);
    return [message.toString(), cut];
  };
  assert.deepEqual(read("a\n# b\nc", "#"), ["a\n\nc", false]);
  assert.deepEqual(read("a\n# b\nc", null), ["a\n# b\nc", false]);
  assert.deepEqual(read("a\n# b", "#"), ["a\n", false]);
  assert.deepEqual(read("a\n// b\n# c\n", "//"), ["a\n\n# c\n", false]);
  assert.deepEqual(read("a\n# ------------------------ >8 ------------------------\ndiff", "#"), ["a\n", true]);
  assert.deepEqual(read("a >8 b\n", "#"), ["a >8 b\n", false]);
  assert.deepEqual(read("", "#"), ["", false]);
});
