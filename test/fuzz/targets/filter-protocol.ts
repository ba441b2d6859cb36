/** git's side is arbitrary bytes, or well-formed requests; the answers do not depend on how the bytes are cut. */
import { encodePath } from "../../../src/git/entries.ts";
import { type FilterRequest, serveFilter } from "../../../src/git/filter-protocol.ts";
import { encodeContent, encodeList, encodePacket, FLUSH, PacketDecoder } from "../../../src/git/pkt-line.ts";
import { attempt, chunked, type FuzzTarget, law, Pieces, planted } from "../laws.ts";

const HELLO = encodeList(["git-filter-client", "version=2"]);
const CAPABILITIES = encodeList(["capability=clean", "capability=smudge", "capability=delay"]);

interface Talk {
  requests: FilterRequest[];
  answer: Buffer;
  end: string;
}

function serve(chunks: readonly Buffer[]): Talk {
  const requests: FilterRequest[] = [];
  const written: Buffer[] = [];
  const waiting = chunks.filter((chunk) => chunk.length > 0);
  const result = attempt(["filter-protocol", "bad-length", "truncated"], () =>
    serveFilter(
      {
        read(room) {
          const chunk = waiting.shift();
          if (chunk === undefined) return 0;
          const length = chunk.copy(room);
          law(length > 0, "no room to read to");
          if (length < chunk.length) waiting.unshift(chunk.subarray(length));
          return length;
        },
        write: (bytes) => void written.push(Buffer.from(bytes)),
      },
      (request) => {
        requests.push({ ...request, content: Buffer.from(request.content) });
        return request.command === "clean" ? request.content : null;
      },
    ),
  );
  return { requests, answer: Buffer.concat(written), end: "refused" in result ? result.refused : "end" };
}

function show(talk: Talk): string {
  const requests = talk.requests.map(({ command, path, content }) => [command, path, content.toString("latin1")]);
  return JSON.stringify([requests, talk.answer.toString("latin1"), talk.end]);
}

/** Whatever is answered is whole packets: git must not wait for the rest of one. */
function assertWhole(answer: Buffer): void {
  const decoder = new PacketDecoder();
  decoder.push(answer);
  while (decoder.next() !== null);
  decoder.end();
}

export const target: FuzzTarget = {
  maxLength: 600,
  run(data) {
    const pieces = new Pieces(data);
    const kind = pieces.byte();
    const cuts = pieces.bytes(8);
    if (kind < 96) {
      const stream = kind < 32 ? pieces.rest() : Buffer.concat([HELLO, CAPABILITIES, pieces.rest()]);
      const bytes = planted(stream);
      const whole = serve([bytes]);
      law(show(serve(chunked(bytes, cuts))) === show(whole), "chunking changes the answers");
      assertWhole(whole.answer);
      return;
    }
    // Requests of git's own form, whatever the path and the content are.
    const sent: { command: string; path: Buffer; content: Buffer }[] = [];
    const stream: Buffer[] = [HELLO, CAPABILITIES];
    while (pieces.left > 0 && sent.length < 8) {
      const command = pieces.byte() < 128 ? "clean" : "smudge";
      // git ends the line with LF, so a path that ends with one has two.
      const path = pieces.bytes();
      const content = planted(pieces.bytes());
      sent.push({ command, path, content });
      stream.push(
        encodePacket(Buffer.from(`command=${command}\n`)),
        encodePacket(Buffer.concat([Buffer.from("pathname="), path, Buffer.from("\n")])),
        FLUSH,
        ...encodeContent(content),
      );
    }
    const talk = serve(chunked(Buffer.concat(stream), cuts));
    law(talk.end === "end" && talk.requests.length === sent.length, "a request was lost");
    for (const [at, { command, path, content }] of sent.entries()) {
      const request = talk.requests[at]!;
      law(request.command === command, "another command");
      law(encodePath(request.path).equals(path), "another path");
      law(request.content.equals(content), "another content");
    }
    assertWhole(talk.answer);
  },
};
