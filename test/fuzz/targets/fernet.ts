/** A token is opened only where node:crypto, asked by a reader of its own, says so. */
import { createDecipheriv, createHmac } from "node:crypto";
import { isCanonicalToken } from "../../../src/secrets/canonical.ts";
import { isTokenText, openToken, sealToken, tokenHead } from "../../../src/secrets/fernet.ts";
import { keyFromBytes } from "../../../src/secrets/key.ts";
import { attempt, type FuzzTarget, law, Pieces, planted } from "../laws.ts";

const RAW = Buffer.alloc(32, 7);
const KEY = keyFromBytes(RAW);
const CODES = ["token-malformed", "token-padding"];

/** The plaintext, null where the tag is wrong, `refused` where it is no token. */
function oracle(token: Buffer): Buffer | "refused" | null {
  const match = /^([A-Za-z0-9_-]*={0,2})[\r\n]*$/.exec(token.toString("latin1"));
  if (match === null) return "refused";
  const text = match[1]!;
  const raw = Buffer.from(text.replaceAll("-", "+").replaceAll("_", "/"), "base64");
  if (text.length === 0 || text.length % 4 !== 0 || raw[0] !== 0x80) return "refused";
  if (raw.length < 73 || (raw.length - 57) % 16 !== 0) return "refused";
  const tag = createHmac("sha256", RAW.subarray(0, 16)).update(raw.subarray(0, -32)).digest();
  if (!tag.equals(raw.subarray(-32))) return null;
  try {
    const decipher = createDecipheriv("aes-128-cbc", RAW.subarray(16), raw.subarray(9, 25));
    return Buffer.concat([decipher.update(raw.subarray(25, -32)), decipher.final()]);
  } catch {
    return "refused";
  }
}

function assertAsOracle(token: Buffer): void {
  const copy = Buffer.from(token);
  const expected = oracle(copy);
  const result = attempt(CODES, () => openToken(token, KEY));
  law(token.equals(copy), "opening a token changes it");
  if ("refused" in result) law(expected === "refused", "a token is refused that node opens");
  else if (result.value === null) law(expected === null, "a token stays closed that node opens");
  else law(expected instanceof Buffer && expected.equals(result.value), "a token opens to something else");
  if (!("refused" in result) && copy.toString("latin1").startsWith("gAAAAA")) {
    law(isTokenText(token), "a token is not recognised as one");
  }
  attempt(CODES, () => tokenHead(token));
  isCanonicalToken(token, KEY);
}

export const target: FuzzTarget = {
  maxLength: 400,
  run(data) {
    const pieces = new Pieces(data);
    const kind = pieces.byte();
    if (kind < 64) return assertAsOracle(planted(pieces.rest()));
    const iv = Buffer.alloc(16, pieces.byte());
    const where = pieces.byte() * 256 + pieces.byte();
    const byte = pieces.byte();
    const plaintext = planted(pieces.rest());
    const token = sealToken(plaintext, KEY, { iv, timestamp: kind });
    law(openToken(token, KEY)?.equals(plaintext) === true, "what was sealed does not open");
    assertAsOracle(token);
    // One byte changed, one put in, one taken out, cut off.
    const at = where % token.length;
    const changed = Buffer.from(token);
    changed[at] = byte;
    assertAsOracle(changed);
    assertAsOracle(Buffer.concat([token.subarray(0, at), Buffer.from([byte]), token.subarray(at)]));
    assertAsOracle(Buffer.concat([token.subarray(0, at), token.subarray(at + 1)]));
    assertAsOracle(token.subarray(0, at));
  },
};
