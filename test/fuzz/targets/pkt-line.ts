/** The packets are the same however the bytes are cut; what is framed comes back. */
import { encodeContent, encodePacket, FLUSH, MAX_PAYLOAD, PacketDecoder } from "../../../src/git/pkt-line.ts";
import { attempt, chunked, type FuzzTarget, law, Pieces, planted } from "../laws.ts";

/** Packets, one text each, and how it ended. */
function decode(chunks: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const result = attempt(["bad-length", "truncated"], () => {
    const decoder = new PacketDecoder();
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (let packet = decoder.next(); packet !== null; packet = decoder.next()) {
        if (packet !== "flush") law(packet.length <= MAX_PAYLOAD, "a packet longer than any");
        seen.push(packet === "flush" ? packet : `=${packet.toString("latin1")}`);
      }
    }
    decoder.end();
  });
  seen.push("refused" in result ? result.refused : "end");
  return seen;
}

export const target: FuzzTarget = {
  maxLength: 512,
  run(data) {
    const pieces = new Pieces(data);
    const cuts = pieces.bytes(8);
    const stream = planted(pieces.rest());
    const packets = decode([stream]);
    law(decode(chunked(stream, cuts)).join("\n") === packets.join("\n"), "chunking changes the packets");

    // What was read, framed again, is what was there, as far as it could be read.
    const framed = packets
      .slice(0, -1)
      .map((packet) => (packet === "flush" ? FLUSH : packet === "=" ? "0004" : encodePacket(latin1(packet.slice(1)))));
    const again = Buffer.concat(framed.map((part) => Buffer.from(part as string)));
    law(lengthsInLowerCase(stream, packets).subarray(0, again.length).equals(again), "framing is no inverse");

    const content = decode(chunked(Buffer.concat([...encodeContent(stream)]), cuts));
    const text = content
      .filter((packet) => packet.startsWith("="))
      .map((packet) => packet.slice(1))
      .join("");
    law(content.at(-1) === "end" && content.at(-2) === "flush", "a content does not end with a flush packet");
    law(text === stream.toString("latin1"), "a content does not come back");
  },
};

function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** Lengths may be written in either case; ours are in lower case. */
function lengthsInLowerCase(stream: Buffer, packets: readonly string[]): Buffer {
  const copy = Buffer.from(stream);
  let at = 0;
  for (const packet of packets.slice(0, -1)) {
    copy.write(copy.toString("latin1", at, at + 4).toLowerCase(), at, "latin1");
    at += packet === "flush" ? 4 : 3 + packet.length;
  }
  return copy;
}
