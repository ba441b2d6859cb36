/** References to keys in stores, and the words of a configured command. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MuxiGitError } from "../../src/errors.ts";
import { type ProgramCall, parseReference, splitCommand } from "../../src/key-stores/reference.ts";
import { fakeKey } from "../support/fake.ts";

const READING: readonly [reference: string, program: string, args: string][] = [
  ["vault:kv/bot", "vault", "kv get -field=key kv/bot"],
  ["vault:kv/team/bot#muxi", "vault", "kv get -field=muxi kv/team/bot"],
  ["aws:muxi/bot", "aws", "secretsmanager get-secret-value --secret-id muxi/bot --query SecretString --output text"],
  [
    "aws:arn:aws:secretsmanager:eu-west-1:1:secret:bot",
    "aws",
    "secretsmanager get-secret-value --secret-id arn:aws:secretsmanager:eu-west-1:1:secret:bot --query SecretString --output text",
  ],
  ["azure:team/bot", "az", "keyvault secret show --vault-name team --name bot --query value --output tsv"],
  ["gcp:bot", "gcloud", "secrets versions access latest --secret=bot"],
  ["gcp:project/bot", "gcloud", "secrets versions access latest --secret=bot --project=project"],
  ["op:Team/bot", "op", "read --no-newline op://Team/bot/password"],
  ["op://Team/bot/key", "op", "read --no-newline op://Team/bot/key"],
  ["bw:muxi bot", "bw", "get password muxi bot"],
];

test("a reference names a program and its arguments", () => {
  for (const [text, program, args] of READING) {
    const reference = parseReference(text);
    assert.deepEqual([reference.program, reference.reading.args.join(" ")], [program, args], text);
  }
});

test("what is no reference is refused, and nothing in one becomes an option", () => {
  const bad = [
    ...[
      "",
      "bot",
      "kv/bot",
      "ftp:bot",
      "constructor:x",
      "__proto__:x",
      "vault:bot",
      "vault:kv/a#b#c",
      "vault:",
      "vault:kv/a#",
    ],
    ...[
      "azure:bot",
      "azure:/bot",
      "azure:team/",
      "op:bot",
      "op:a/b/c/d",
      "op:Team//f",
      "bw:",
      "aws:",
      "gcp:a/",
      "gcp:",
    ],
    ...[
      "vault:-address=https://evil/kv",
      "aws:--debug",
      "gcp:-x",
      "gcp:p/--flag",
      "op:-a/b",
      "bw:--session",
      "azure:-v/n",
    ],
    ...["vault:kv/a\nb", "bw:a\u202eb", "aws:\u0000"],
  ];
  for (const text of bad) {
    assert.throws(
      () => parseReference(text),
      (error) => error instanceof MuxiGitError && error.code === "bad-reference",
      text,
    );
  }
});

test("a key that is stored is on stdin and in no argument", () => {
  const key = fakeKey();
  const encoded = Buffer.from(key).toString("base64").slice(0, 20);
  for (const [text] of READING) {
    const { unless, orElse, ...call } = parseReference(text).storing(key);
    const calls: ProgramCall[] = [
      call,
      ...(unless === undefined ? [] : [unless]),
      ...(orElse === undefined ? [] : [orElse.call]),
    ];
    for (const { args } of calls) {
      assert.ok(!args.some((word) => word.includes(key.slice(0, 20)) || word.includes(encoded)), text);
    }
    const input = call.input ?? "";
    const told = text.startsWith("bw:") ? Buffer.from(input, "base64").toString() : input;
    assert.ok(told.includes(key), text);
  }
});

test("a configured command is split as git splits an alias, without a shell", () => {
  const words: readonly [text: string, words: string[]][] = [
    ["pass show muxi/{formation}", ["pass", "show", "muxi/{formation}"]],
    [`a 'b c' "d \\" e" f\\ g ''`, ["a", "b c", 'd " e', "f g", ""]],
    ["  a\tb\n", ["a", "b"]],
    [`a'b'"c"`, ["abc"]],
    ["a $HOME `id` $(id) ; rm", ["a", "$HOME", "`id`", "$(id)", ";", "rm"]],
    [`a '\\'`, ["a", "\\"]],
  ];
  for (const [text, expected] of words) assert.deepEqual(splitCommand(text), expected, text);
  for (const text of ["", "  ", "'a", 'a "b', "''"]) {
    assert.throws(
      () => splitCommand(text),
      (error) => error instanceof MuxiGitError && error.code === "bad-command",
      text,
    );
  }
});
