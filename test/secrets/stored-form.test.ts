import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { canonicalToken } from "../../src/secrets/canonical.ts";
import { openToken, sealToken } from "../../src/secrets/fernet.ts";
import type { Secrets } from "../../src/secrets/json.ts";
import { formatKey, keyFromBytes, parseKey } from "../../src/secrets/key.ts";
import { classifyStored, FERNET_FORM, isSealedConflict, openStored } from "../../src/secrets/stored-form.ts";
import { SHARED_ABSENT, sharedFile } from "../support/shared.ts";

const KEY = keyFromBytes(Buffer.alloc(32, 1));
const OTHER = keyFromBytes(Buffer.alloc(32, 2));
const KEY_TEXT = formatKey(keyFromBytes(Buffer.from(Array.from({ length: 32 }, (_, i) => (i * 37) & 255))));
const SECRETS: Secrets = new Map([["A", { kind: "string", value: "VALUE" }]]);
const TOKEN = canonicalToken(SECRETS, KEY).toString();

function conflict(ours: string, theirs: string, end = "\n"): string {
  return ["<<<<<<< HEAD", ours, "=======", theirs, ">>>>>>> branch", ""].join(end);
}

describe("what a secrets.enc holds", () => {
  for (const [kind, what, content] of [
    ["empty", "nothing", ""],
    ["empty", "white space", " \r\n\t\n"],
    ["empty", "a BOM", "\ufeff"],
    ["empty", "a UTF-16 BOM", Buffer.from("\ufeff", "utf16le")],
    ["empty", "a newline in UTF-16", Buffer.from("\ufeff\r\n", "utf16le")],
    ["token", "a token", TOKEN],
    ["token", "a token with a newline", `${TOKEN}\n`],
    ["token", "a token with CRLF", `${TOKEN}\r\n`],
    ["token", "a token cut off", TOKEN.slice(0, 51)],
    ["token", "a token cut off after six characters", TOKEN.slice(0, 6)],
    ["token", "two tokens, as a union merge leaves them", `${TOKEN}\n${TOKEN}\n`],
    ["token", "a token after a BOM", `\ufeff${TOKEN}\r\n`],
    ["token", "a token after blank lines", `\n ${TOKEN}`],
    ["token", "a token and spaces", `${TOKEN} \n`],
    ["token", "a token in UTF-16", Buffer.from(`\ufeff${TOKEN}\r\n`, "utf16le")],
    ["plaintext-json", "an object", '{"A":"b"}'],
    ["plaintext-json", "an object after blank lines, with CRLF", '\r\n{\r\n"A":"b"\r\n}\r\n'],
    ["plaintext-json", "an object after a BOM", '\ufeff{"A":"b"}'],
    ["plaintext-json", "an object in UTF-16", Buffer.from('\ufeff{"A":"b"}', "utf16le")],
    ["plaintext-json", "an object in big-endian UTF-16 without BOM", Buffer.from('{"A":"b"}', "utf16le").swap16()],
    ["plaintext-json", "an object cut off", '{"A":"b'],
    ["plaintext-json", "an object with a duplicate name", '{"A":"b","A":"c"}'],
    ["plaintext-json", "an object in Latin-1", Buffer.from('{"A":"\u00fc"}', "latin1")],
    ["plaintext-assignments", "assignments in Latin-1", Buffer.from("A=\u00fc\r\n", "latin1")],
    ["other", "a sentence in Latin-1", Buffer.from("fr\u00fch am Morgen\n", "latin1")],
    ["plaintext-json", "a list", '["A"]'],
    ["plaintext-assignments", "one assignment", "A=b\n"],
    ["plaintext-assignments", "assignments with comments, CRLF", "# c\r\nexport A=b\r\n"],
    ["plaintext-assignments", "assignments in UTF-16", Buffer.from("\ufeffA=b\r\n", "utf16le")],
    ["plaintext-assignments", "an assignment that is named like a token", "gAAAAABCD=b"],
    ["plaintext-assignments", "the same name twice", "A=b\nA=c\n"],
    ["conflict-markers", "a conflict of two tokens", conflict(TOKEN, TOKEN)],
    ["conflict-markers", "a conflict with CRLF", conflict(TOKEN, TOKEN, "\r\n")],
    ["conflict-markers", "a conflict after a token", `${TOKEN}\n${conflict("", TOKEN)}`],
    ["conflict-markers", "a conflict in plaintext", conflict('{"A":"b"}', '{"A":"c"}')],
    ["conflict-markers", "a marker left behind", `=======\n${TOKEN}\n`],
    ["conflict-markers", "a base marker without a name", `|||||||\n${TOKEN}\n`],
    ["conflict-markers", "a conflict in UTF-16", Buffer.from(`\ufeff${conflict("A=b", "A=c")}`, "utf16le")],
    ["other", "a key", KEY_TEXT],
    ["other", "a key with CRLF and blank lines", `\r\n ${KEY_TEXT}\r\n\n`],
    ["other", "a key in UTF-16", Buffer.from(`\ufeff${KEY_TEXT}\r\n`, "utf16le")],
    ["other", "two keys", `${KEY_TEXT}\n${KEY_TEXT}\n`],
    ["plaintext-assignments", "a key under an assignment", `A=b\n${KEY_TEXT}\n`],
    ["other", "another tool's file", "$ANSIBLE_VAULT;1.1;AES256\n6162\n"],
    ["other", "a token with an assignment under it", `${TOKEN}\nA B=c\n`],
    ["other", "an INI file", "[section]\nA=b\n"],
    ["other", "YAML", "A: b\n"],
    ["other", "comments only", "# nothing here\n"],
    ["other", "binary that begins like JSON", Buffer.from([0x7b, 1, 2, 0, 0, 3])],
    ["other", "half of UTF-16", Buffer.from([0xff, 0xfe, 0x41])],
    ["other", "a token with a foreign character", `${TOKEN.slice(0, 40)}%${TOKEN.slice(41)}`],
    ["other", "six equals signs", "======\nx y\n"],
    ["other", "eight equals signs", "========\nx y\n"],
    ["other", "five characters of a token", "gAAAA"],
  ] as const) {
    test(`${what}: ${kind}`, () => {
      assert.equal(classifyStored(Buffer.from(content as string)), kind);
    });
  }

  test("is never called a token while an assignment stands in it", () => {
    for (const content of [`${TOKEN}\nA=b`, "gAAAAA=b", "gAAAAA\nA=b", `A=b\n${TOKEN}`, "gAAAAAB=c==", "gAAAAAB==="]) {
      assert.notEqual(classifyStored(Buffer.from(content)), "token", content.slice(-10));
    }
  });

  test("is looked at in proportion to its length", () => {
    const megabytes = 8_000_000;
    for (const content of ["g", "\n", "=", "{", "[", "A=b\n", " ", "\0", "<<<<<<<x\n", "gAAAAA\n", 'A="\n']) {
      const start = process.hrtime.bigint();
      classifyStored(Buffer.alloc(megabytes, content));
      assert.ok(Number(process.hrtime.bigint() - start) / 1e6 < 5000, JSON.stringify(content));
    }
  });

  test("can be a conflict that holds nothing but tokens", () => {
    assert.equal(isSealedConflict(Buffer.from(conflict(TOKEN, TOKEN))), true);
    assert.equal(isSealedConflict(Buffer.from(conflict(TOKEN, TOKEN, "\r\n"))), true);
    assert.equal(isSealedConflict(Buffer.from(conflict(TOKEN, "A=b"))), false);
    assert.equal(isSealedConflict(Buffer.from(conflict('{"A":"b"}', TOKEN))), false);
    assert.equal(isSealedConflict(Buffer.from(TOKEN)), false);
  });
});

describe("opening", () => {
  test("gives secrets, key and whether the form is canonical", () => {
    const opened = openStored(Buffer.from(TOKEN), [OTHER, KEY]);
    assert.ok(opened.failure === undefined);
    assert.equal(opened.key, KEY);
    assert.deepEqual(opened.secrets, SECRETS);
    assert.equal(opened.canonical, true);
    const loose = openStored(Buffer.from(`${TOKEN}\n`), [KEY]);
    assert.ok(loose.failure === undefined);
    assert.equal(loose.canonical, false);
  });

  test("what was sealed gives it back", () => {
    assert.equal(FERNET_FORM.seal(SECRETS, KEY).toString(), TOKEN);
    assert.equal(FERNET_FORM.recognises(Buffer.from(TOKEN)), true);
    assert.equal(FERNET_FORM.recognises(Buffer.from('{"A":"b"}')), false);
  });

  const seal = (text: string | Buffer): Buffer =>
    sealToken(Buffer.from(text as string), KEY, { iv: Buffer.alloc(16), timestamp: 9 });
  const badPadding = (): Buffer => {
    const path = sharedFile("vectors", "fernet-spec", "invalid.json");
    if (path === null) return Buffer.alloc(0);
    const vectors = JSON.parse(readFileSync(path, "utf8")) as { desc: string; token: string; secret: string }[];
    return Buffer.from(vectors.find(({ desc }) => desc === "payload padding error")?.token ?? "");
  };

  for (const [what, bytes, keys, failure] of [
    ["without a key", Buffer.from(TOKEN), [], "no-key"],
    ["with another key", Buffer.from(TOKEN), [OTHER], "wrong-key"],
    ["with a key, of something else", Buffer.from("hello"), [KEY], "malformed"],
    ["without a key, of something else", Buffer.from("hello"), [], "malformed"],
    ["of nothing", Buffer.alloc(0), [KEY], "malformed"],
    ["of a token cut off", Buffer.from(TOKEN.slice(0, 40)), [KEY], "malformed"],
    ["of broken JSON", seal('{"A":"VALUE'), [KEY], "json-syntax"],
    ["of a list", seal('["VALUE"]'), [KEY], "json-not-object"],
    ["of a duplicate name", seal('{"A":"VALUE","A":"VALUE"}'), [KEY], "json-duplicate-name"],
    ["of bytes that are not text", seal(Buffer.from([0xff, 0x00, 0xff])), [KEY], "json-encoding"],
    ["of deep JSON", seal(`{"A":${"[".repeat(100)}`), [KEY], "json-depth"],
  ] as const) {
    test(`${what} fails as ${failure}, and shows no value`, () => {
      const outcome = openStored(bytes, keys);
      assert.equal(outcome.failure, failure);
      assert.ok(outcome.failure !== undefined);
      assert.equal(outcome.key, failure.startsWith("json-") ? KEY : undefined);
      assert.notEqual(outcome.message, "");
      assert.equal(outcome.message.includes("VALUE"), false);
    });
  }

  test("of bad padding under the right key fails as malformed", {
    skip: badPadding().length === 0 && SHARED_ABSENT,
  }, () => {
    const path = sharedFile("vectors", "fernet-spec", "verify.json") ?? "";
    const [vector] = JSON.parse(readFileSync(path, "utf8")) as { secret: string }[];
    assert.equal(openStored(badPadding(), [parseKey(Buffer.from(vector?.secret ?? ""))]).failure, "malformed");
  });
});

const muxiPath = sharedFile("vectors", "muxi-tokens.json");

describe("MUXI's damaged files", { skip: muxiPath === null ? SHARED_ABSENT : false }, () => {
  interface Muxi {
    key: string;
    other_key: string;
    wrong_key: { token: string };
    damaged: Record<string, string>;
  }
  const muxi = muxiPath === null ? null : (JSON.parse(readFileSync(muxiPath, "utf8")) as Muxi);
  const key = parseKey(Buffer.from(muxi?.key ?? `${"A".repeat(43)}=`));
  const expected: Record<string, [kind: string, outcome: string]> = {
    truncated: ["token", "malformed"],
    flipped: ["token", "wrong-key"],
    conflict_markers: ["conflict-markers", "malformed"],
    plaintext_json: ["plaintext-json", "malformed"],
    dotenv: ["plaintext-assignments", "malformed"],
    crlf: ["token", "opens"],
    trailing_newline: ["token", "opens"],
  };

  test("are all known", () => {
    assert.deepEqual(new Set(Object.keys(muxi?.damaged ?? {})), new Set(Object.keys(expected)));
  });

  for (const [what, content] of Object.entries(muxi?.damaged ?? {})) {
    test(`${what}: ${expected[what]?.join(", ")}`, () => {
      const bytes = Buffer.from(content);
      assert.deepEqual([classifyStored(bytes), openStored(bytes, [key]).failure ?? "opens"], expected[what]);
    });
  }

  test("another key's token opens with that key only", () => {
    const token = Buffer.from(muxi?.wrong_key.token ?? "");
    const other = parseKey(Buffer.from(muxi?.other_key ?? ""));
    assert.equal(openStored(token, [key]).failure, "wrong-key");
    assert.notEqual(openToken(token, other), null);
  });
});
