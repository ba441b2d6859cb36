import assert from "node:assert/strict";
import { createCipheriv, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  isExactEncoding,
  isTokenText,
  openToken,
  openTokenWithAny,
  sealToken,
  tokenHead,
  tokenTimestamp,
} from "../../src/secrets/fernet.ts";
import { type Key, keyFromBytes, parseKey } from "../../src/secrets/key.ts";
import { SHARED_ABSENT, sharedFile } from "../support/shared.ts";

interface Vector {
  desc: string;
  token: string;
  now: string;
  iv: number[];
  src: string;
  secret: string;
}

function vectors(name: string): Vector[] {
  const path = sharedFile("vectors", "fernet-spec", name);
  return path === null ? [] : (JSON.parse(readFileSync(path, "utf8")) as Vector[]);
}

const absent = sharedFile("vectors", "fernet-spec") === null ? SHARED_ABSENT : false;
const KEY = keyFromBytes(Buffer.from(Array.from({ length: 32 }, (_, i) => i * 7)));
const OTHER = keyFromBytes(Buffer.from(Array.from({ length: 32 }, (_, i) => i * 11)));
const IV = Buffer.from(Array.from({ length: 16 }, (_, i) => 0xf0 + i));

function seal(plaintext: string | Uint8Array, timestamp = 0): Buffer {
  return sealToken(typeof plaintext === "string" ? Buffer.from(plaintext) : plaintext, KEY, { iv: IV, timestamp });
}

/** A token with a right tag over whatever stands before it. */
function sign(unsigned: Buffer, key: Key = KEY): Buffer {
  const tag = createHmac("sha256", key.signing).update(unsigned).digest();
  const raw = Buffer.concat([unsigned, tag]);
  return Buffer.from(raw.toString("base64").replaceAll("+", "-").replaceAll("/", "_"));
}

describe("the specification's vectors", { skip: absent }, () => {
  test("generate: the same token from the same time, IV and key", () => {
    assert.equal(vectors("generate.json").length, 1);
    for (const { token, now, iv, src, secret } of vectors("generate.json")) {
      const timestamp = Date.parse(now) / 1000;
      const sealed = sealToken(Buffer.from(src), parseKey(Buffer.from(secret)), { iv: Buffer.from(iv), timestamp });
      assert.equal(sealed.toString(), token);
    }
  });

  test("verify: opens", () => {
    assert.equal(vectors("verify.json").length, 1);
    for (const { token, src, secret, now } of vectors("verify.json")) {
      assert.equal(openToken(Buffer.from(token), parseKey(Buffer.from(secret)))?.toString(), src);
      assert.equal(tokenTimestamp(Buffer.from(token)), Date.parse(now) / 1000 - 1);
    }
  });

  /** What must come of each invalid vector, and why. MUXI enforces no time, so the two that are invalid by time open. */
  const expected: Record<string, string | null | { opens: string }> = {
    "incorrect mac": null,
    "too short": "token-malformed",
    "invalid base64": "token-malformed",
    "payload size not multiple of block size": "token-malformed",
    "payload padding error": "token-padding",
    "far-future TS (unacceptable clock skew)": { opens: "" },
    "expired TTL": { opens: "" },
    "incorrect IV (causes padding error)": "token-padding",
  };

  test("invalid: every case is known", () => {
    const names = vectors("invalid.json").map(({ desc }) => desc);
    assert.deepEqual(new Set(names), new Set(Object.keys(expected)));
  });

  for (const { desc, token, secret } of vectors("invalid.json")) {
    test(`invalid: ${desc}`, () => {
      const open = (): Buffer | null => openToken(Buffer.from(token), parseKey(Buffer.from(secret)));
      const outcome = expected[desc];
      if (typeof outcome === "string") assert.throws(open, { code: outcome });
      else assert.equal(open()?.toString() ?? null, outcome?.opens ?? null);
    });
  }
});

describe("a sealed token", () => {
  test("opens to the same bytes, of any length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (plaintext, timestamp) => {
        const token = seal(plaintext, timestamp);
        assert.equal(isTokenText(token), true);
        assert.equal(isExactEncoding(token), true);
        assert.deepEqual(openToken(token, KEY), Buffer.from(plaintext));
        assert.equal(tokenTimestamp(token), timestamp);
      }),
    );
  });

  test("opens around every boundary of the pieces it is handled in", () => {
    const piece = 196_608;
    for (const size of [
      0,
      1,
      15,
      16,
      17,
      piece - 57,
      piece - 17,
      piece - 16,
      piece - 1,
      piece,
      piece + 1,
      2 * piece,
      2 * piece + 31,
    ]) {
      const plaintext = Buffer.alloc(size, "abcdefg");
      const token = seal(plaintext);
      assert.equal(token.length, Math.ceil((57 + size - (size % 16) + 16) / 3) * 4);
      assert.equal(openToken(token, KEY)?.equals(plaintext), true, `${size} bytes`);
      assert.equal(openToken(token, OTHER), null);
    }
  });

  test("is the one another implementation gives, in pieces or whole", () => {
    const plaintext = Buffer.alloc(400_001, "0123456789");
    const cipher = createCipheriv("aes-128-cbc", KEY.encryption, IV);
    const head = Buffer.concat([Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 5]), IV]);
    assert.equal(
      seal(plaintext, 5).equals(sign(Buffer.concat([head, cipher.update(plaintext), cipher.final()]))),
      true,
    );
  });

  test("leaves the token it opens untouched", () => {
    for (const size of [10, 300_000]) {
      const token = seal(Buffer.alloc(size, "x"));
      const copy = Buffer.from(token);
      openToken(token, KEY);
      assert.equal(token.equals(copy), true);
    }
  });

  test("opens with the one key of several that fits, and says which", () => {
    const token = seal("hello");
    const opened = openTokenWithAny(token, [OTHER, KEY]);
    assert.equal(opened?.key, KEY);
    assert.equal(opened?.plaintext.toString(), "hello");
    assert.equal(openTokenWithAny(token, [OTHER]), null);
    assert.equal(openTokenWithAny(token, []), null);
  });
});

describe("a token that was tampered with", () => {
  const token = seal("the quick brown fox jumps");
  const opensTo = (bytes: Buffer, key: Key = KEY): string | null => {
    try {
      return openToken(bytes, key)?.toString() ?? null;
    } catch (error) {
      const { code } = error as { code?: string };
      assert.ok(code === "token-malformed" || code === "token-padding", String(code));
      return null;
    }
  };

  test("never opens, whichever bit of its bytes is changed", () => {
    const raw = Buffer.from(token.toString(), "base64url");
    for (let bit = 0; bit < raw.length * 8; bit++) {
      const changed = Buffer.from(raw);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      const padding = "=".repeat(token.length - token.indexOf("=") || 0);
      const text = Buffer.from(changed.toString("base64url") + (token.includes("=") ? padding : ""));
      assert.equal(text.length, token.length);
      assert.equal(opensTo(text), null, `bit ${bit}`);
    }
  });

  test("never opens to anything else, whichever character becomes whichever byte", () => {
    for (let at = 0; at < token.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = Buffer.from(token);
        changed[at] = byte;
        const opened = opensTo(changed);
        // Spare bits of the last character, and an end made of CR or LF, are all that may differ.
        if (opened !== null) assert.equal(opened, "the quick brown fox jumps", `character ${at}`);
        if (opened !== null && !changed.equals(token)) assert.equal(isExactEncoding(changed), false);
      }
    }
  });

  test("never opens when it is cut, doubled or shifted", () => {
    for (let length = 0; length < token.length; length++) assert.equal(opensTo(token.subarray(0, length)), null);
    for (let from = 1; from < token.length; from++) assert.equal(opensTo(token.subarray(from)), null);
    assert.equal(opensTo(Buffer.concat([token, token])), null);
    assert.equal(opensTo(Buffer.concat([token, Buffer.from("\n"), token])), null);
  });

  test("is not decrypted before its tag is checked: bad padding under a bad tag is a bad tag", () => {
    const raw = Buffer.from(token.toString(), "base64url");
    raw.fill(0, 25, 57);
    assert.equal(openToken(sign(raw.subarray(0, -32), OTHER), KEY), null);
    assert.throws(() => openToken(sign(raw.subarray(0, -32)), KEY), { code: "token-padding" });
  });
});

describe("what stands around a token", () => {
  const text = seal("hello").toString();

  for (const end of ["", "\n", "\r\n", "\n\n", "\r\r\n"]) {
    test(`${JSON.stringify(end)} after it is tolerated`, () => {
      assert.equal(openToken(Buffer.from(text + end), KEY)?.toString(), "hello");
      assert.equal(isTokenText(Buffer.from(text + end)), true);
      assert.equal(isExactEncoding(Buffer.from(text + end)), end === "");
    });
  }

  for (const [what, damaged] of [
    ["nothing at all", ""],
    ["only line ends", "\r\n"],
    ["a space after", `${text} `],
    ["a space before", ` ${text}`],
    ["a newline before", `\n${text}`],
    ["a newline inside", `${text.slice(0, 40)}\n${text.slice(40)}`],
    ["a BOM before", `\ufeff${text}`],
    ["no padding", text.replaceAll("=", "")],
    ["too much padding", `${text}====`],
    ["the standard alphabet", text.replaceAll("-", "+").replaceAll("_", "/")],
    ["padding in the middle", `${text.slice(0, 40)}====${text.slice(44)}`],
    ["UTF-16", Buffer.from(text, "utf16le")],
    ["a NUL inside", `${text.slice(0, 40)}\0${text.slice(41)}`],
    [
      "a byte over 0x7f inside",
      Buffer.concat([Buffer.from(text.slice(0, 40)), Buffer.from([0xff]), Buffer.from(text.slice(41))]),
    ],
  ] as const) {
    test(`${what} is refused`, () => {
      const bytes = Buffer.from(damaged as string);
      assert.throws(() => openToken(bytes, KEY), { code: "token-malformed" });
      assert.equal(isTokenText(bytes), false);
    });
  }

  test("the test's token holds both characters in which the alphabets differ", () => {
    assert.match(text, /[-_]/);
  });

  test("a token of another version is refused, even signed", () => {
    const raw = Buffer.from(text, "base64url").subarray(0, -32);
    const other = Buffer.from(raw);
    other[0] = 0x81;
    assert.equal(openToken(sign(raw), KEY)?.toString(), "hello");
    assert.throws(() => openToken(sign(other), KEY), { code: "token-malformed" });
    assert.throws(() => tokenHead(sign(other)), { code: "token-malformed" });
  });

  test("a token whose ciphertext is no whole number of blocks is refused, even signed", () => {
    for (const extra of [1, 8, 15]) {
      const token = sign(Buffer.concat([Buffer.from(text, "base64url").subarray(0, -32), Buffer.alloc(extra)]));
      assert.throws(() => openToken(token, KEY), { code: "token-malformed" });
      assert.equal(isTokenText(token), false);
    }
  });

  test("a token without ciphertext is refused, even signed", () => {
    const raw = Buffer.from(text, "base64url").subarray(0, 25);
    assert.throws(() => openToken(sign(raw), KEY), { code: "token-malformed" });
  });

  test("the head of what is no token is refused", () => {
    for (const none of ["", "gAAAAA", "hello", "gAAAAABrBNl5oQdG-TkFOlc-TqnMQvJde"]) {
      assert.throws(() => tokenTimestamp(Buffer.from(none)), { code: "token-malformed" });
    }
    assert.deepEqual(tokenHead(Buffer.from(text)).iv, IV);
  });

  test("no message of a refusal holds a piece of the token", () => {
    for (const damaged of [text.slice(0, -8), `%${text.slice(1)}`, text.slice(0, 40)]) {
      assert.throws(
        () => openToken(Buffer.from(damaged), KEY),
        (error: Error) => !error.message.includes(damaged.slice(6, 12)),
      );
    }
  });
});
