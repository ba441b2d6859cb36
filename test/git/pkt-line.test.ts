import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  encodeContent,
  encodeList,
  encodePacket,
  FLUSH,
  MAX_PAYLOAD,
  PacketDecoder,
  PktLineError,
} from "../../src/git/pkt-line.ts";

function decode(chunks: readonly Uint8Array[]): (Buffer | "flush")[] {
  const decoder = new PacketDecoder();
  const packets: (Buffer | "flush")[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let packet = decoder.next(); packet !== null; packet = decoder.next()) {
      packets.push(packet === "flush" ? packet : Buffer.from(packet));
    }
  }
  decoder.end();
  return packets;
}

test("frames as the specification's examples do", () => {
  assert.equal(encodePacket(Buffer.from("a\n")).toString(), "0006a\n");
  assert.equal(encodePacket(Buffer.from("a")).toString(), "0005a");
  assert.equal(encodePacket(Buffer.from("foobar\n")).toString(), "000bfoobar\n");
  assert.equal(encodeList(["version=2"]).toString(), "000eversion=2\n0000");
  assert.deepEqual(decode([Buffer.from("000Bfoobar\n00040000")]), [Buffer.from("foobar\n"), Buffer.from(""), "flush"]);
});

for (const size of [0, 1, 65_515, 65_516, 65_517, 131_032, 131_033, 16 * MAX_PAYLOAD, 16 * MAX_PAYLOAD + 1]) {
  test(`content of ${size} bytes comes back, in packets that are as full as they may be`, () => {
    const content = Buffer.alloc(size, "x");
    const packets = decode([...encodeContent(content)]);
    assert.equal(packets.pop(), "flush");
    assert.equal(packets.length, Math.ceil(size / MAX_PAYLOAD));
    assert.ok(Buffer.concat(packets as Buffer[]).equals(content));
  });
}

test("any chunking gives the same packets", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constant(null), fc.uint8Array({ minLength: 1, maxLength: 300 })), { maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
      (payloads, cuts) => {
        const stream = Buffer.concat(payloads.map((payload) => (payload === null ? FLUSH : encodePacket(payload))));
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < stream.length; i += 1) {
          const length = cuts[i % cuts.length]!;
          chunks.push(stream.subarray(at, at + length));
          at += length;
        }
        const expected = payloads.map((payload) => (payload === null ? "flush" : Buffer.from(payload)));
        assert.deepEqual(decode(chunks), expected);
        assert.deepEqual(decode([stream]), expected);
      },
    ),
  );
});

for (const [input, code] of [
  ["0001", "bad-length"],
  ["0003", "bad-length"],
  ["fff1", "bad-length"],
  ["00g0", "bad-length"],
  ["hello", "bad-length"],
  ["000", "truncated"],
  ["0006a", "truncated"],
] as const) {
  test(`'${input}' is ${code}, and the error holds no content`, () => {
    assert.throws(
      () => decode([Buffer.from(input)]),
      (error: unknown) => error instanceof PktLineError && error.code === code && !error.message.includes("hello"),
    );
  });
}

test("a packet cannot be empty or too long", () => {
  for (const size of [0, MAX_PAYLOAD + 1]) {
    assert.throws(() => encodePacket(Buffer.alloc(size)), { code: "payload-size" });
  }
});
