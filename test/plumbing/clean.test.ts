/** The decision table of src/plumbing/clean.ts, a test a row, without git. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type CleanWorld, clean } from "../../src/plumbing/clean.ts";
import type { FormationKey } from "../../src/plumbing/keyring.ts";
import { openToken } from "../../src/secrets/fernet.ts";
import { generateKey, type Key } from "../../src/secrets/key.ts";
import { canonical, randomToken, tokenOf } from "../situations/filter-repository.ts";
import { fakeKey } from "../support/fake.ts";

const KEY = generateKey();
const OTHER = generateKey();
const VALUES = { FIRST: "one", SECOND: "two" };
const PATH = "agents/secrets.enc";

interface Given {
  formation?: boolean;
  key?: Key | Exclude<FormationKey["state"], "ok">;
  /** Blobs of the path in the index or HEAD. */
  blobs?: Buffer[];
}

function decide(content: Buffer, given: Given = {}): { answer: Uint8Array | null; said: string[] } {
  const said: string[] = [];
  const key = given.key ?? KEY;
  const blobs = given.blobs ?? [];
  const world: CleanWorld = {
    isFormation: () => given.formation ?? true,
    keyOf: () => {
      if (typeof key !== "string") return { state: "ok", key, path: "" };
      if (key === "missing") return { state: key };
      return key === "hex" ? { state: key, key: KEY, path: "" } : { state: key, path: "" };
    },
    inherited: { of: () => ({ holds: (bytes) => blobs.some((blob) => blob.equals(bytes)), read: () => blobs }) },
    say: (line) => said.push(line),
  };
  return { answer: clean(PATH, content, world), said };
}

function passes(content: Buffer, given: Given, line?: RegExp): void {
  const { answer, said } = decide(content, given);
  assert.equal(answer, content);
  assert.equal(said.length, line === undefined ? 0 : 1, said.join("\n"));
  if (line !== undefined) assert.match(said[0]!, line);
}

test("empty: itself", () => passes(Buffer.alloc(0), { key: "missing" }));

test("a token that the path has already: itself, also without its key", () => {
  const token = randomToken(VALUES, KEY);
  passes(token, { blobs: [token] });
  passes(token, { key: "missing", blobs: [token] });
  passes(token, { key: OTHER, blobs: [token] });
});

test("a token without formation and key: itself, not a word", () =>
  passes(randomToken(VALUES, KEY), { formation: false, key: "missing" }));

test("a canonical token: itself, even where the index has another form", () =>
  passes(canonical(VALUES, KEY), { blobs: [randomToken(VALUES, KEY)] }));

test("the same secrets under the same key as a blob at any stage: that blob", () => {
  const blob = randomToken(VALUES, KEY);
  const blobs = [Buffer.from("junk"), randomToken({ X: "y" }, KEY), blob];
  assert.equal(decide(randomToken(VALUES, KEY), { blobs }).answer, blob);
});

test("the same secrets under another key than the blob: the canonical token, so a rotation holds", () =>
  assert.deepEqual(
    decide(randomToken(VALUES, KEY), { blobs: [randomToken(VALUES, OTHER)] }).answer,
    canonical(VALUES, KEY),
  ));

test("any other token that opens: the canonical token", () => {
  const { answer, said } = decide(Buffer.concat([randomToken(VALUES, KEY), Buffer.from("\n")]));
  assert.deepEqual([answer, said], [canonical(VALUES, KEY), []]);
});

test("a token with a name twice, or no object: itself, and a line", () => {
  passes(tokenOf(Buffer.from('{"A":"1","A":"2"}'), KEY), {}, /'agents\/secrets\.enc' opens, but .*'A'/);
  passes(tokenOf(Buffer.from("[1]"), KEY), {}, /opens, but /);
});

test("a token without key, or with a key that is none: itself, and a line", () => {
  const token = randomToken(VALUES, KEY);
  passes(token, { key: "missing" }, /its key is not here/);
  passes(token, { key: "hex" }, /64 hexadecimal/);
  passes(token, { key: "malformed" }, /no Fernet key/);
  passes(token, { key: "unreadable" }, /cannot be read/);
});

test("a token of another key, cut off or doubled: itself, and a line", () => {
  const token = randomToken(VALUES, OTHER);
  passes(token, {}, /another key, or damaged/);
  passes(token.subarray(0, 61), {}, /is damaged/);
  passes(Buffer.concat([token, Buffer.from("\n"), token]), {}, /is damaged/);
});

test("conflict markers: itself; a line where more than tokens stand between them", () => {
  const [a, b] = [randomToken(VALUES, KEY), randomToken(VALUES, KEY)];
  passes(Buffer.from(`<<<<<<< ours\n${a}\n=======\n${b}\n>>>>>>> theirs\n`), {});
  passes(Buffer.from('<<<<<<< ours\n{"A":"1"}\n=======\n>>>>>>> theirs\n'), {}, /conflict markers/);
});

test("plaintext or other bytes without a formation: itself, not MUXI's", () => {
  passes(Buffer.from('{"A":"1"}'), { formation: false });
  passes(Buffer.from([0, 1, 2]), { formation: false });
});

test("plaintext with the key: the canonical token, or the blob that says the same", () => {
  const json = Buffer.from(JSON.stringify(VALUES));
  assert.deepEqual(decide(json).answer, canonical(VALUES, KEY));
  assert.deepEqual(decide(Buffer.from("FIRST=one\r\nexport SECOND='two'\n")).answer, canonical(VALUES, KEY));
  const blob = randomToken(VALUES, KEY);
  assert.equal(decide(json, { blobs: [blob] }).answer, blob);
});

test("plaintext that is no set of secrets: sealed as it stands, the same each time, and a line", () => {
  for (const text of ['{"A":"1","A":"2"}', '{"A": "cut o', "A=1\nA=2\n"]) {
    const { answer, said } = decide(Buffer.from(text));
    assert.equal(openToken(answer!, KEY)?.toString(), text);
    assert.deepEqual(decide(Buffer.from(text)).answer, answer);
    assert.match(said[0]!, /encrypted as it stands/);
    passes(Buffer.from(answer!), {}, /opens, but /);
  }
});

test("plaintext that git has already: itself, with a key and without", () => {
  const json = Buffer.from(JSON.stringify(VALUES));
  passes(json, { blobs: [json, randomToken(VALUES, KEY)] });
  passes(json, { key: "missing", blobs: [json] });
});

test("plaintext without a key: refused; the way on is named, and the way back where there is one, no value is", () => {
  const json = Buffer.from('{"A":"value-mark"}');
  for (const key of ["missing", "hex", "malformed", "unreadable"] as const) {
    const { answer, said } = decide(json, { key, blobs: [randomToken(VALUES, KEY)] });
    assert.equal(answer, null);
    assert.match(
      said.join("\n"),
      /error: 'agents\/secrets\.enc'.*\n.*git restore -- agents\/secrets\.enc\n.*key into agents\/\.key, then: git add -- agents\/secrets\.enc$/,
    );
    assert.doesNotMatch(said.join("\n"), /value-mark/);
    const fresh = decide(json, { key }).said;
    assert.match(
      fresh.at(-1)!,
      /hint: put the formation's key into agents\/\.key, then: git add -- agents\/secrets\.enc$/,
    );
    assert.doesNotMatch(fresh.join("\n"), /restore|unlock/);
  }
});

test("other bytes: itself, and a line", () => passes(Buffer.from([0, 1, 2]), {}, /neither a token nor secrets/));

test("an error of ours: a token passes, plaintext is refused, and the cause is not shown", () => {
  const world = {
    isFormation: () => true,
    keyOf: () => {
      throw new Error("cause-mark");
    },
    say: (line: string) => assert.doesNotMatch(line, /cause-mark/),
  } as unknown as CleanWorld;
  const token = randomToken(VALUES, KEY);
  assert.equal(clean(PATH, token, world), token);
  assert.equal(clean(PATH, Buffer.from('{"A":"1"}'), world), null);
});

test("cleaning twice gives what cleaning once gave", () => {
  const secrets = fc.dictionary(fc.string({ minLength: 1 }), fc.string());
  fc.assert(
    fc.property(secrets, fc.boolean(), (values, sealed) => {
      const content = sealed ? randomToken(values, KEY) : Buffer.from(JSON.stringify(values));
      const once = decide(content).answer!;
      assert.deepEqual(decide(Buffer.from(once)).answer, once);
    }),
    { numRuns: 100 },
  );
});

test("a key put into secrets.enc by mistake is refused, and named as what it is", () => {
  const { answer, said } = decide(Buffer.from(`${fakeKey()}\n`));
  assert.equal(answer, null);
  assert.match(said[0] ?? "", /holds a key and no secrets; nothing was stored/);
  const other = decide(Buffer.from(`${fakeKey()}\n`), { formation: false });
  assert.notEqual(other.answer, null, "beside no formation it is not ours to judge");
});
