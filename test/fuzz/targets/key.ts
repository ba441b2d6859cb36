/** A key is 44 characters of base64 in white space, and a message about anything else repeats none of it. */
import { formatKey, parseKey, sameKey } from "../../../src/secrets/key.ts";
import { attempt, type FuzzTarget, law, Pieces, planted } from "../laws.ts";

const SPACE = " \t\r\n\v\f";

function trim(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && SPACE.includes(text[from]!)) from += 1;
  while (to > from && SPACE.includes(text[to - 1]!)) to -= 1;
  return text.slice(from, to);
}

function assertKey(bytes: Buffer): void {
  const bom = bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]));
  const text = trim(bytes.subarray(bom ? 3 : 0).toString("latin1"));
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  const oneAlphabet = !(/[-_]/.test(text) && /[+/]/.test(text));
  const expected = bytes.length <= 4096 && oneAlphabet && /^[A-Za-z0-9+/]{43}=$/.test(standard);
  const result = attempt(["key-blank", "key-hex", "key-malformed"], () => parseKey(bytes));
  law("value" in result === expected, "a key is taken for none, or the other way");
  if (!("value" in result)) {
    if (bytes.length <= 4096) law((result.refused === "key-blank") === (text === ""), "blank and not blank");
    return;
  }
  law(sameKey(result.value, parseKey(Buffer.from(formatKey(result.value)))), "a key does not come back");
  law(!JSON.stringify(result.value).includes(text.slice(4, 12)), "a key prints its bytes");
}

export const target: FuzzTarget = {
  maxLength: 200,
  run(data) {
    const pieces = new Pieces(data);
    const kind = pieces.byte();
    if (kind < 128) return assertKey(planted(pieces.rest()));
    // A key by chance is never hit: build one, and what stands around it, from the input.
    const before = pieces.bytes(8);
    const raw = Buffer.alloc(32, pieces.bytes(32).toString("latin1") || "k", "latin1");
    const text = raw.toString("base64");
    const written = kind < 192 ? text : text.replaceAll("+", "-").replaceAll("/", "_");
    assertKey(Buffer.concat([before, Buffer.from(written), pieces.rest()]));
  },
};
