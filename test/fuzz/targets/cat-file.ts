/** Blobs of a batch come back; a batch that is cut short gives those before the cut, a foreign one nothing that is not in it. */
import { parseBatch } from "../../../src/git/cat-file.ts";
import { type FuzzTarget, law, Pieces } from "../laws.ts";

export const target: FuzzTarget = {
  maxLength: 512,
  run(data) {
    const pieces = new Pieces(data);
    if (pieces.byte() < 128) {
      const bytes = pieces.rest();
      for (const [oid, blob] of parseBatch(bytes)) {
        law(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(oid), "an oid that is none");
        law(bytes.includes(`${oid} blob `) && bytes.includes(blob), "a blob that is not there");
      }
      return;
    }
    const cut = pieces.byte() * 2;
    const expected = new Map<string, Buffer>();
    const ends: number[] = [];
    const parts: Buffer[] = [];
    let length = 0;
    while (pieces.left > 0 && expected.size < 10) {
      const oid = String(expected.size).padStart(pieces.byte() < 128 ? 40 : 64, "a0");
      const blob = pieces.bytes();
      const missing = Buffer.from(blob.length % 7 === 6 ? `${oid.replace("a", "b")} missing\n` : "");
      const part = Buffer.concat([missing, Buffer.from(`${oid} blob ${blob.length}\n`), blob, Buffer.from("\n")]);
      expected.set(oid, blob);
      parts.push(part);
      length += part.length;
      ends.push(length);
    }
    const whole = Buffer.concat(parts);
    const found = parseBatch(whole);
    law(found.size === expected.size, "a blob is lost");
    for (const [oid, blob] of expected) law(found.get(oid)?.equals(blob) === true, "another blob");
    const some = parseBatch(whole.subarray(0, cut));
    law(some.size === ends.filter((end) => end <= cut).length, "a cut batch gives more or less than is whole");
  },
};
