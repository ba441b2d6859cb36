/**
 * git's side of a long-running filter, protocol version 2
 * (gitattributes(5), "Long Running Filter Process"):
 *
 *     git>     git-filter-client, version=2, flush
 *     filter>  git-filter-server, version=2, flush
 *     git>     capability=clean, capability=smudge, capability=delay, flush
 *     filter>  capability=clean, capability=smudge, flush
 *     then, for each file:
 *     git>     command=clean, pathname=PATH, …, flush, content, flush
 *     filter>  status=success, flush, content, flush, flush
 *
 * The channel is read and written synchronously: requests come one after the
 * other, and an event loop only adds to each. A request is read to its last
 * packet before it is answered, else both sides could wait with full pipes.
 * `delay` is not offered: nothing here waits for a network.
 *
 * Keys of a request that are not known are ignored; a value may contain `=`. A
 * path is what {@link decodePath} makes of its bytes. Content may be empty,
 * binary, in any encoding; of large content one copy is kept.
 */
import { MuxiGitError } from "../errors.ts";
import { decodePath } from "./entries.ts";
import { encodeContent, encodeList, FLUSH, MAX_PAYLOAD, PacketDecoder } from "./pkt-line.ts";

/** Bytes in and out, both blocking. */
export interface Channel {
  /** Read at least one byte into `target`; 0 at the end. */
  read(target: Buffer): number;
  /** Write all of it. */
  write(bytes: Uint8Array): void;
}

export interface FilterRequest {
  command: string;
  /** Relative to the top level. */
  path: string;
  content: Buffer;
}

/** The content to answer with, or null for `status=error`: this file fails, the process lives on. */
export type Answer = Uint8Array | null;

/**
 * Speak the protocol until git closes its end.
 *
 * @throws MuxiGitError `filter-protocol` where git speaks another version;
 * PktLineError where the framing broke.
 */
export function serveFilter(channel: Channel, answer: (request: FilterRequest) => Answer): void {
  const packets = new PacketReader(channel);
  const hello = packets.list();
  if (hello === null) return;
  if (hello[0] !== "git-filter-client" || !hello.includes("version=2")) {
    throw new MuxiGitError("filter-protocol", "git speaks another version of the filter protocol than 2");
  }
  channel.write(encodeList(["git-filter-server", "version=2"]));
  const offered = packets.list() ?? [];
  // Asking for a capability that git did not offer ends git.
  channel.write(encodeList(["capability=clean", "capability=smudge"].filter((line) => offered.includes(line))));

  for (;;) {
    const request = packets.request();
    if (request === null) return;
    sendAnswer(channel, answer(request));
  }
}

const SUCCESS = encodeList(["status=success"]);
const ERROR = encodeList(["status=error"]);

function sendAnswer(channel: Channel, answer: Answer): void {
  if (answer === null) {
    channel.write(ERROR);
    return;
  }
  // One write for small content: each costs git a wake-up. The last list is empty: the status stays.
  if (answer.length <= MAX_PAYLOAD) {
    channel.write(Buffer.concat([SUCCESS, ...encodeContent(answer), FLUSH]));
    return;
  }
  channel.write(SUCCESS);
  for (const piece of encodeContent(answer)) channel.write(piece);
  channel.write(FLUSH);
}

class PacketReader {
  readonly #channel: Channel;
  readonly #decoder = new PacketDecoder();

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** The next packet, or null where the input ended between two. */
  #next(): Buffer | "flush" | null {
    for (;;) {
      const packet = this.#decoder.next();
      if (packet !== null) return packet;
      const length = this.#channel.read(this.#decoder.space());
      if (length === 0) {
        this.#decoder.end();
        return null;
      }
      this.#decoder.filled(length);
    }
  }

  /** Lines up to a flush packet as latin1, without their LF; null where the input ended before the first. */
  list(): string[] | null {
    const lines: string[] = [];
    for (;;) {
      const packet = this.#next();
      if (packet === "flush") return lines;
      if (packet === null) {
        if (lines.length === 0) return null;
        throw new MuxiGitError("filter-protocol", "git ended in the middle of a request");
      }
      const end = packet.at(-1) === 0x0a ? packet.length - 1 : packet.length;
      lines.push(packet.toString("latin1", 0, end));
    }
  }

  request(): FilterRequest | null {
    const lines = this.list();
    if (lines === null) return null;
    const field = (key: string): string =>
      lines.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1) ?? "";
    const path = decodePath(Buffer.from(field("pathname"), "latin1"));
    return { command: field("command"), path, content: this.#content() };
  }

  #content(): Buffer {
    const content = new GrowingBuffer();
    for (;;) {
      const packet = this.#next();
      if (packet === "flush") return content.take();
      if (packet === null) throw new MuxiGitError("filter-protocol", "git ended in the middle of a content");
      content.add(packet);
    }
  }
}

/** Bytes that come in pieces, in one buffer that doubles: of large content no list of pieces stands beside the whole. */
export class GrowingBuffer {
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;

  add(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#buffer.length) {
      // Most contents are one piece: exactly that.
      const larger = Buffer.allocUnsafeSlow(this.#length === 0 ? needed : Math.max(needed, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#buffer.set(piece, this.#length);
    this.#length = needed;
  }

  take(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}
