import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import { canonicalToken, IV_LABEL, IV_SEPARATOR, isCanonicalToken } from "../../src/secrets/canonical.ts";
import { DIGEST_LABEL, tokenDigest, valueDigest } from "../../src/secrets/digest.ts";
import { isTokenText, openToken, sealToken, tokenHead } from "../../src/secrets/fernet.ts";
import { formatSecrets, parseSecrets, type Secrets, sameSecrets } from "../../src/secrets/json.ts";
import {
  deriveKey,
  FINGERPRINT_LABEL,
  HKDF_SALT,
  type Key,
  keyFingerprint,
  keyFromBytes,
  parseKey,
} from "../../src/secrets/key.ts";
import { SHARED_ABSENT, sharedFile } from "../support/shared.ts";

interface Vectors {
  version: number;
  hkdf: { salt: string; ivInfo: string; length: number };
  ivSeparator: string;
  timestamp: number;
  cases: { name: string; key: string; secrets?: Record<string, string>; plaintext: string; token: string[] }[];
  fingerprints: { info: string; length: number; cases: { key: string; fingerprint: string }[] };
  digests: { info: string; length: number; cases: { key: string; name: string; value: string; digest: string }[] };
}

interface MuxiTokens {
  key: string;
  other_key: string;
  sets: {
    name: string;
    secrets: Record<string, string>;
    tokens: Record<string, { plaintext: string; token: string }>;
  }[];
  non_string: { plaintext: string; token: string };
}

const VECTORS = JSON.parse(readFileSync(new URL("../vectors/canonical-v1.json", import.meta.url), "utf8")) as Vectors;

function hexKey(hex: string): Key {
  return keyFromBytes(Buffer.from(hex, "hex"));
}

function strings(values: Record<string, string>): Secrets {
  return new Map(Object.entries(values).map(([name, value]) => [name, { kind: "string", value }]));
}

const KEY = hexKey("5a".repeat(32));
const OTHER = hexKey("a5".repeat(32));

describe("version 1, as published", () => {
  test("has the constants it was published with", () => {
    assert.equal(VECTORS.version, 1);
    assert.equal(HKDF_SALT, VECTORS.hkdf.salt);
    assert.equal(IV_LABEL, VECTORS.hkdf.ivInfo);
    assert.equal(IV_SEPARATOR, VECTORS.ivSeparator);
    assert.equal(FINGERPRINT_LABEL, VECTORS.fingerprints.info);
    assert.equal(DIGEST_LABEL, VECTORS.digests.info);
  });

  for (const { name, key, secrets, plaintext, token } of VECTORS.cases) {
    test(name, () => {
      const parsed = parseSecrets(Buffer.from(plaintext));
      if (secrets !== undefined) assert.equal(sameSecrets(parsed, strings(secrets)), true);
      assert.equal(formatSecrets(parsed).toString(), plaintext);
      assert.equal(canonicalToken(parsed, hexKey(key)).toString(), token.join(""));
      assert.equal(isCanonicalToken(Buffer.from(token.join("")), hexKey(key)), true);
    });
  }

  test("fingerprints and digests", () => {
    for (const { key, fingerprint } of VECTORS.fingerprints.cases)
      assert.equal(keyFingerprint(hexKey(key)), fingerprint);
    for (const { key, name, value, digest } of VECTORS.digests.cases) {
      assert.equal(valueDigest(hexKey(key), name, value), digest);
      assert.equal(valueDigest(hexKey(key), name, { kind: "string", value }), digest);
    }
  });
});

const muxiPath = sharedFile("vectors", "muxi-tokens.json");

describe("what MUXI's writers made", { skip: muxiPath === null ? SHARED_ABSENT : false }, () => {
  const muxi = muxiPath === null ? null : (JSON.parse(readFileSync(muxiPath, "utf8")) as MuxiTokens);
  const key = parseKey(Buffer.from(muxi?.key ?? "A".repeat(43).concat("=")));

  for (const { name, secrets, tokens } of muxi?.sets ?? []) {
    test(`${name}: one canonical token, whoever wrote it`, () => {
      const canonical = new Set<string>();
      assert.deepEqual(new Set(Object.keys(tokens)), new Set(["go", "python-orjson", "python-std"]));
      for (const { plaintext, token } of Object.values(tokens)) {
        const opened = openToken(Buffer.from(token), key);
        assert.equal(opened?.toString(), plaintext);
        const parsed = parseSecrets(opened as Buffer);
        assert.equal(sameSecrets(parsed, strings(secrets)), true);
        canonical.add(canonicalToken(parsed, key).toString());
        assert.equal(isCanonicalToken(Buffer.from(token), key), false);
      }
      assert.equal(canonical.size, 1);
      const [token] = [...canonical];
      assert.equal(token?.length, tokens.go?.token.length, "a save by the Go CLI keeps its length");
    });

    test(`${name}: byte for byte what Go writes`, () => {
      const plaintext = tokens.go?.plaintext ?? "";
      assert.equal(formatSecrets(parseSecrets(Buffer.from(plaintext))).toString(), plaintext);
    });
  }

  test("values that are no strings keep their text", () => {
    const opened = openToken(Buffer.from(muxi?.non_string.token ?? ""), key) as Buffer;
    assert.equal(opened.toString(), muxi?.non_string.plaintext);
    const secrets = parseSecrets(opened);
    assert.deepEqual(secrets.get("PORT"), { kind: "other", text: "12345678901234567890" });
    assert.deepEqual(secrets.get("RATIO"), { kind: "other", text: "1.10" });
    const again = openToken(canonicalToken(secrets, key), key) as Buffer;
    assert.equal(sameSecrets(parseSecrets(again), secrets), true);
  });
});

const anySecrets = fc
  .dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), { maxKeys: 6 })
  .map(strings);

describe("laws", () => {
  test("the canonical token opens to its secrets, and is canonical", () => {
    fc.assert(
      fc.property(anySecrets, (secrets) => {
        const token = canonicalToken(secrets, KEY);
        const opened = parseSecrets(openToken(token, KEY) as Buffer);
        assert.equal(sameSecrets(opened, secrets), true);
        assert.equal(canonicalToken(opened, KEY).equals(token), true);
        assert.equal(isCanonicalToken(token, KEY), true);
        assert.equal(isTokenText(token), true);
        assert.equal(tokenHead(token).timestamp, 0);
      }),
    );
  });

  test("a token is called canonical exactly when it is the canonical one", () => {
    const layouts = [undefined, 1, 2];
    fc.assert(
      fc.property(
        anySecrets,
        fc.constantFrom(...layouts),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 1 }),
        (secrets, space, randomIv, right, timestamp) => {
          const canonical = canonicalToken(secrets, KEY);
          const values = Object.fromEntries(
            [...secrets].map(([name, value]) => [name, value.kind === "string" ? value.value : ""]),
          );
          const plaintext = Buffer.from(JSON.stringify(values, null, space));
          const token = sealToken(plaintext, KEY, { iv: right ? tokenHead(canonical).iv : randomIv, timestamp });
          assert.equal(isCanonicalToken(token, KEY), token.equals(canonical));
        },
      ),
    );
  });

  test("different secrets, names or keys give different IVs", () => {
    const iv = (secrets: Record<string, string>, key: Key): string =>
      tokenHead(canonicalToken(strings(secrets), key)).iv.toString("hex");
    const ivs = [iv({ A: "1" }, KEY), iv({ A: "2" }, KEY), iv({ B: "1" }, KEY), iv({}, KEY), iv({ A: "1" }, OTHER)];
    assert.equal(new Set(ivs).size, ivs.length);
  });
});

describe("a token that is not canonical", () => {
  const secrets = strings({ A: "1", B: "2" });
  const canonical = canonicalToken(secrets, KEY);
  const plaintext = openToken(canonical, KEY) as Buffer;
  const { iv } = tokenHead(canonical);

  /** The synthetic IV of another plaintext, so that the plaintext alone is wrong. */
  const sealedWithOwnIv = (text: string): Buffer => {
    const bytes = Buffer.from(text);
    const own = tokenHead(sealToken(bytes, KEY, { iv: ivOf(bytes), timestamp: 0 })).iv;
    return sealToken(bytes, KEY, { iv: own, timestamp: 0 });
  };

  const wrong: [string, Buffer][] = [
    ["a newline after it", Buffer.concat([canonical, Buffer.from("\n")])],
    ["a time", sealToken(plaintext, KEY, { iv, timestamp: 1 })],
    ["another IV", sealToken(plaintext, KEY, { iv: Buffer.alloc(16), timestamp: 0 })],
    ["another key", canonicalToken(secrets, OTHER)],
    ["another order of names, under its own IV", sealedWithOwnIv('{\n  "B": "2",\n  "A": "1"\n}')],
    ["a final newline in its plaintext, under its own IV", sealedWithOwnIv('{\n  "A": "1"\n}\n')],
    ["an escape Go would not write, under its own IV", sealedWithOwnIv('{\n  "A": "\\u0031"\n}')],
    ["a BOM in its plaintext, under its own IV", sealedWithOwnIv('\ufeff{\n  "A": "1"\n}')],
    ["a duplicate name, under its own IV", sealedWithOwnIv('{\n  "A": "1",\n  "A": "1"\n}')],
    ["no JSON in it, under its own IV", sealedWithOwnIv("hello")],
    ["cut off", canonical.subarray(0, -4)],
    ["empty", Buffer.alloc(0)],
  ];
  for (const [what, token] of wrong) {
    test(`(${what}) is told apart`, () => {
      assert.equal(isCanonicalToken(token, KEY), false);
    });
  }

  test("(spare bits set in its last character) is told apart, though it opens", () => {
    let tried = 0;
    for (const value of ["", "x", "xx", "x".repeat(16), "x".repeat(32)]) {
      const token = canonicalToken(strings({ A: value }), KEY).toString();
      const padding = token.length - token.replaceAll("=", "").length;
      if (padding === 0) continue;
      const at = token.length - padding - 1;
      const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
      const next = alphabet.charAt(alphabet.indexOf(token.charAt(at)) + 1);
      const loose = Buffer.from(token.slice(0, at) + next + "=".repeat(padding));
      assert.notEqual(openToken(loose, KEY), null);
      assert.equal(isCanonicalToken(loose, KEY), false);
      assert.equal(isCanonicalToken(Buffer.from(token), KEY), true);
      tried++;
    }
    assert.ok(tried > 0);
  });

  function ivOf(bytes: Buffer): Buffer {
    return createHmac("sha256", deriveKey(KEY, IV_LABEL)).update(IV_SEPARATOR).update(bytes).digest().subarray(0, 16);
  }
});

describe("the IV", () => {
  test("is computed under a key of its own, never the Fernet key", () => {
    const ivKey = deriveKey(KEY, IV_LABEL);
    assert.equal(ivKey.length, VECTORS.hkdf.length);
    for (const part of [KEY.signing, KEY.encryption]) assert.equal(ivKey.includes(part), false);
    for (const label of [FINGERPRINT_LABEL, DIGEST_LABEL]) assert.equal(deriveKey(KEY, label).equals(ivKey), false);
  });

  test("cannot be that of another name and value run together", () => {
    assert.notEqual(valueDigest(KEY, "A", 'B":"C'), valueDigest(KEY, 'A":"B', "C"));
    assert.notEqual(valueDigest(KEY, "AB", "C"), valueDigest(KEY, "A", "BC"));
  });
});

describe("digests", () => {
  test("are 8 hexadecimal digits that depend on key, name, value and its kind", () => {
    const digests = [
      valueDigest(KEY, "A", "1"),
      valueDigest(KEY, "A", "2"),
      valueDigest(KEY, "B", "1"),
      valueDigest(OTHER, "A", "1"),
      valueDigest(KEY, "A", { kind: "other", text: "1" }),
      valueDigest(KEY, "A", "\ud800"),
      valueDigest(KEY, "A", "\ud801"),
    ];
    for (const digest of digests) assert.match(digest, /^[0-9a-f]{8}$/);
    assert.equal(new Set(digests).size, digests.length);
    assert.equal(valueDigest(KEY, "A", "1"), digests[0]);
  });

  test("of a locked token need no key", () => {
    assert.equal(tokenDigest(Buffer.from("abc")), "ba7816bf");
  });
});
