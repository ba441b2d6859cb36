import assert from "node:assert/strict";
import { test } from "node:test";
import { parseObjects } from "../../src/git/object-stream.ts";

const OID = (digit: string) => digit.repeat(40);

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("objects come whole or in windows that overlap, however the stream is cut", async () => {
  const large = Buffer.from(Array.from({ length: 47 }, (_, index) => 65 + (index % 26)));
  const stream = Buffer.concat([
    Buffer.from(`${OID("a")} blob 0\n\n${OID("b")} tree 3\n\0\n\0\n${OID("c")} missing\n${OID("d")} blob 47\n`),
    large,
    Buffer.from(`\n${OID("e")} commit 2\n\n\n\n`),
  ]);
  for (let size = 1; size <= stream.length; size += 1) {
    const pieces: string[] = [];
    for await (const { oid, at, bytes, size: whole } of parseObjects(
      chunksOf(stream, size),
      (_, type) => type !== "tree",
      20,
      5,
    )) {
      assert.ok(bytes.length <= 20);
      pieces.push(`${oid[0]} ${at}/${whole} ${bytes.toString("latin1")}`);
      if (oid === OID("d")) assert.ok(bytes.equals(large.subarray(at, at + bytes.length)));
    }
    assert.deepEqual(
      pieces.map((piece) => piece.split(" ").slice(0, 2).join(" ")),
      ["d 0/47", "d 15/47", "d 30/47", "e 0/2"],
      `chunks of ${size}`,
    );
    assert.equal(pieces.at(-1), "e 0/2 \n\n");
  }
  await assert.rejects(async () => {
    for await (const _ of parseObjects(chunksOf(Buffer.from("no such\n"), 3), () => true)) assert.fail();
  }, /malformed/);
});
