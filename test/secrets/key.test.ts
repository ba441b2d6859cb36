import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import {
  deriveKey,
  formatKey,
  generateKey,
  type Key,
  keyFingerprint,
  keyFromBytes,
  keyFromHex,
  parseKey,
  sameKey,
} from "../../src/secrets/key.ts";

/** 32 bytes whose base64 holds both characters in which the two alphabets differ. */
const RAW = Buffer.from(Array.from({ length: 32 }, (_, i) => (i < 16 ? 0xfb : 0xff - i)));
const TEXT = `${RAW.toString("base64url")}=`;
const STANDARD = RAW.toString("base64");

function bytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

function raw(key: Key): string {
  return Buffer.concat([key.signing, key.encryption]).toString("hex");
}

describe("a key file", () => {
  test("gives the first 16 bytes for signing and the last 16 for encryption", () => {
    const key = parseKey(bytes(TEXT));
    assert.equal(key.signing.toString("hex"), RAW.subarray(0, 16).toString("hex"));
    assert.equal(key.encryption.toString("hex"), RAW.subarray(16).toString("hex"));
  });

  for (const [what, content] of [
    ["as MUXI writes it", TEXT],
    ["with a newline, as echo writes it", `${TEXT}\n`],
    ["with CRLF", `${TEXT}\r\n`],
    ["with blank lines and spaces around", `\n \t${TEXT} \n\n`],
    ["with a BOM", `\xef\xbb\xbf${TEXT}\r\n`],
    ["in the standard alphabet", STANDARD],
  ] as const) {
    test(`${what} opens`, () => {
      assert.equal(raw(parseKey(bytes(content))), RAW.toString("hex"));
    });
  }

  test("with spare bits set is the same key, as Go and Python read it", () => {
    const spare = TEXT.slice(0, 42) + String.fromCharCode(TEXT.charCodeAt(42) + 1);
    assert.equal(raw(parseKey(bytes(`${spare}=`))), RAW.toString("hex"));
  });

  for (const blank of ["", "\n", "\r\n", " \t\r\n\n", "\xef\xbb\xbf", "\xef\xbb\xbf\n"]) {
    test(`that is blank (${JSON.stringify(blank)}) counts as no key`, () => {
      assert.throws(() => parseKey(bytes(blank)), { code: "key-blank" });
    });
  }

  for (const hex of [RAW.toString("hex"), `${RAW.toString("hex").toUpperCase()}\n`]) {
    test("in hexadecimal is refused with the way out", () => {
      assert.throws(
        () => parseKey(bytes(hex)),
        (error: Error & { code: string; hint: string }) => {
          assert.equal(error.code, "key-hex");
          assert.match(error.message, /64 hexadecimal digits/);
          assert.match(error.hint, /base64/);
          return true;
        },
      );
    });
  }

  for (const [what, content] of [
    ["without its padding", TEXT.slice(0, 43)],
    ["cut off", TEXT.slice(0, 20)],
    ["one character too long", `A${TEXT}`],
    ["with a line end in the middle", `${TEXT.slice(0, 20)}\n${TEXT.slice(20)}`],
    ["in both alphabets at once", `+${TEXT.slice(1)}`],
    ["with something after it", `${TEXT} # key`],
    ["given twice", `${TEXT}\n${TEXT}\n`],
    ["of 44 characters that are not base64", `${"%".repeat(43)}=`],
    ["in hexadecimal of another length", RAW.toString("hex").slice(1)],
    ["of binary", "\x00\xff".repeat(22)],
    ["in UTF-16", `\xff\xfe${TEXT.split("").join("\0")}\0`],
    ["of more than 4 KiB", `${TEXT}${"\n".repeat(5000)}`],
  ] as const) {
    test(`${what} is refused, without a word of what it holds`, () => {
      assert.throws(
        () => parseKey(bytes(content)),
        (error: Error & { code: string; hint: string }) => {
          assert.equal(error.code, "key-malformed");
          assert.equal(`${error.message} ${error.hint}`.includes(TEXT.slice(2, 20)), false);
          return true;
        },
      );
    });
  }

  test("of 64 hexadecimal digits is the same 32 bytes, in whatever stands around them", () => {
    for (const around of [
      ["", ""],
      ["\xef\xbb\xbf", "\r\n"],
      [" \n", "\n\n"],
    ] as const) {
      const key = keyFromHex(bytes(around.join(RAW.toString("hex").toUpperCase())));
      assert.equal(key && raw(key), RAW.toString("hex"));
    }
    for (const other of [TEXT, "", RAW.toString("hex").slice(1), `${RAW.toString("hex")} 00`]) {
      assert.equal(keyFromHex(bytes(other)), null);
    }
  });

  test("in UTF-16 is named as such", () => {
    assert.throws(() => parseKey(bytes(`\xff\xfeA\0`)), { hint: /UTF-16/ });
    assert.throws(() => parseKey(bytes(`\xfe\xff\0A`)), { hint: /UTF-16/ });
  });

  test("is written back as it was read", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (material) => {
        const key = keyFromBytes(material);
        assert.match(formatKey(key), /^[A-Za-z0-9_-]{43}=$/);
        assert.equal(sameKey(parseKey(bytes(formatKey(key))), key), true);
      }),
    );
  });

  test("of 31 or 33 bytes does not exist", () => {
    for (const length of [0, 31, 33]) {
      assert.throws(() => keyFromBytes(Buffer.alloc(length)), { code: "key-malformed" });
    }
  });
});

describe("a key in the hand", () => {
  const key = keyFromBytes(RAW);

  test("shows its fingerprint and none of its bytes, however it is printed", () => {
    const material = [RAW.toString("hex").slice(0, 8), TEXT.slice(0, 8), "fb fb fb"];
    for (const shown of [
      inspect(key),
      inspect({ deep: [key] }, { depth: 9 }),
      JSON.stringify({ key }),
      inspect(new Map([["k", key]])),
    ]) {
      for (const part of material) assert.equal(shown.includes(part), false);
      assert.match(shown, new RegExp(keyFingerprint(key)));
    }
  });

  test("does not change when the bytes it was made from do", () => {
    const material = Buffer.from(RAW);
    const copy = keyFromBytes(material);
    material.fill(0);
    assert.equal(sameKey(copy, key), true);
  });

  test("equals another only in all 32 bytes", () => {
    assert.equal(sameKey(key, keyFromBytes(RAW)), true);
    for (const at of [0, 15, 16, 31]) {
      const other = Buffer.from(RAW);
      other[at] = (other[at] as number) ^ 1;
      assert.equal(sameKey(key, keyFromBytes(other)), false);
      assert.notEqual(keyFingerprint(key), keyFingerprint(keyFromBytes(other)));
    }
  });

  test("is made anew each time", () => {
    assert.equal(sameKey(generateKey(), generateKey()), false);
  });

  test("derives different keys for different labels and lengths, and the same again for the same", () => {
    assert.equal(deriveKey(key, "a").length, 32);
    assert.notDeepEqual(deriveKey(key, "a"), deriveKey(key, "b"));
    assert.equal(deriveKey(key, "a", 8).length, 8);
    assert.deepEqual(deriveKey(key, "a"), deriveKey(keyFromBytes(RAW), "a"));
    assert.match(keyFingerprint(key), /^[0-9a-f]{16}$/);
  });
});
