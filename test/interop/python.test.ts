/** Python's `cryptography`, which MUXI's runtime uses, opens what we seal and computes what we compute. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { canonicalToken } from "../../src/secrets/canonical.ts";
import { sealToken } from "../../src/secrets/fernet.ts";
import { formatSecrets, parseSecrets, type Secrets } from "../../src/secrets/json.ts";
import { generateKey, type Key } from "../../src/secrets/key.ts";

const PROGRAM = fileURLToPath(new URL("python-cryptography.py", import.meta.url));
const VECTORS = JSON.parse(readFileSync(new URL("../vectors/canonical-v1.json", import.meta.url), "utf8")) as {
  cases: { key: string; plaintext: string; token: string[] }[];
};

interface Answer {
  opened: (string | null)[];
  canonical: string[];
}

function ask(request: object): Answer {
  const python = spawnSync("python3", [PROGRAM], { input: JSON.stringify(request), encoding: "utf8" });
  assert.equal(python.status, 0, python.stderr);
  return JSON.parse(python.stdout) as Answer;
}

const probe = spawnSync("python3", ["-c", "import cryptography.fernet"]);
const skip = probe.status === 0 ? false : "python3 with the package cryptography is not here";

function hex(key: Key): string {
  return Buffer.concat([key.signing, key.encryption]).toString("hex");
}

describe("Python's cryptography", { skip }, () => {
  test("opens our tokens, canonical or not, to the plaintext we sealed", () => {
    const sets: Secrets[] = [
      new Map(),
      new Map([["A", { kind: "string", value: "x" }]]),
      new Map([["GREETING", { kind: "string", value: "grüße 世界 🔑 <&> \u2028 \u0000" }]]),
      new Map([["BIG", { kind: "string", value: "line\n".repeat(100_000) }]]),
      new Map([["N", { kind: "other", text: "12345678901234567890" }]]),
    ];
    const tokens = sets.map((secrets) => {
      const key = generateKey();
      return {
        key: hex(key),
        token: canonicalToken(secrets, key).toString(),
        plaintext: formatSecrets(secrets).toString(),
      };
    });
    const key = generateKey();
    const dated = sealToken(Buffer.from("dated"), key, { iv: Buffer.alloc(16, 7), timestamp: 1_700_000_000 });
    tokens.push({ key: hex(key), token: dated.toString(), plaintext: "dated" });
    tokens.push({ key: hex(key), token: `${dated.toString()}\r\n`, plaintext: "dated" });

    const { opened } = ask({ cases: tokens, canonical: { cases: [] } });
    assert.deepEqual(
      opened,
      tokens.map(({ plaintext }) => plaintext),
    );
  });

  test("does not open them with another key", () => {
    const token = canonicalToken(new Map(), generateKey()).toString();
    assert.deepEqual(ask({ cases: [{ key: hex(generateKey()), token }], canonical: { cases: [] } }).opened, [null]);
  });

  test("computes the published vectors from their description", () => {
    const { canonical } = ask({ cases: [], canonical: VECTORS });
    assert.deepEqual(
      canonical,
      VECTORS.cases.map(({ token }) => token.join("")),
    );
  });

  test("computes our canonical token for a key of today", () => {
    const key = generateKey();
    const secrets = parseSecrets(Buffer.from('{"B":"2","A":"grüße","N":1.10}'));
    const cases = [{ key: hex(key), plaintext: formatSecrets(secrets).toString() }];
    assert.deepEqual(ask({ cases: [], canonical: { ...VECTORS, cases } }).canonical, [
      canonicalToken(secrets, key).toString(),
    ]);
  });
});
