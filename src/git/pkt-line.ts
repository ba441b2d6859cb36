/**
 * pkt-line framing: the length-prefixed packets that git and a long-running
 * filter exchange over stdin and stdout.
 *
 * Source: Git, Documentation/gitprotocol-common.adoc, "pkt-line Format", and
 * Documentation/technical/long-running-process-protocol.adoc.
 *
 * This module sees bytes only and opens no stream. A payload may be a plaintext
 * secret, so its errors carry lengths and never contents.
 *
 * empty input: no packets · cut off inside a packet: `truncated` · a length that
 * is not hex, or 1 to 3: `bad-length`, and nothing after it can be understood ·
 * binary, any encoding, CRLF: a payload is bytes · huge: a packet at a time.
 */
import { MuxiGitError } from "../errors.ts";

/** Bytes of the length that stands before a payload, in ASCII hex; it counts itself. */
const LENGTH = 4;

/** Largest payload of one packet, in bytes: 65520 on the wire less the length. */
export const MAX_PAYLOAD = 65516;

/** The flush packet, which ends a list or a content. */
export const FLUSH: Buffer = Buffer.from("0000");

/** Framing broke. Not recoverable: the next byte's meaning is unknown. */
export class PktLineError extends MuxiGitError {
  declare readonly code: "payload-size" | "bad-length" | "truncated";
}

/**
 * Frame one payload.
 *
 * @param payload - 1 to {@link MAX_PAYLOAD} bytes.
 * @throws PktLineError `payload-size`: "0004", an empty packet, should not be sent.
 */
export function encodePacket(payload: Uint8Array): Buffer {
  if (payload.length === 0 || payload.length > MAX_PAYLOAD) {
    throw new PktLineError("payload-size", `a packet cannot hold ${payload.length} bytes`);
  }
  const packet = Buffer.allocUnsafe(LENGTH + payload.length);
  writeLength(packet, 0, payload.length);
  packet.set(payload, LENGTH);
  return packet;
}

/** Frame lines, each ended by LF, and a flush packet. */
export function encodeList(lines: readonly string[]): Buffer {
  return Buffer.concat([...lines.map((line) => encodePacket(Buffer.from(`${line}\n`))), FLUSH]);
}

/** Bytes of the longest pieces {@link encodeContent} gives: 16 packets, so that a large content is not framed whole. */
const PIECE_PACKETS = 16;

/** Frame content of any size as full packets and a last one, and a flush packet. */
export function* encodeContent(content: Uint8Array): Generator<Buffer> {
  for (let at = 0; at < content.length; ) {
    const end = Math.min(content.length, at + MAX_PAYLOAD * PIECE_PACKETS);
    const packets = Math.ceil((end - at) / MAX_PAYLOAD);
    const piece = Buffer.allocUnsafe(end - at + packets * LENGTH);
    for (let to = 0; at < end; ) {
      const payload = content.subarray(at, Math.min(end, at + MAX_PAYLOAD));
      writeLength(piece, to, payload.length);
      piece.set(payload, to + LENGTH);
      to += LENGTH + payload.length;
      at += payload.length;
    }
    yield piece;
  }
  yield FLUSH;
}

function writeLength(packet: Buffer, at: number, payload: number): void {
  packet.write((payload + LENGTH).toString(16).padStart(LENGTH, "0"), at, LENGTH, "latin1");
}

/**
 * Packets out of chunks that are cut anywhere.
 *
 * A payload given by {@link next} is a view that the next `push` may overwrite.
 */
export class PacketDecoder {
  #buffer: Buffer = Buffer.allocUnsafe(2 * (MAX_PAYLOAD + LENGTH));
  #start = 0;
  #end = 0;

  /** Where the next chunk may be read to directly; follow with {@link filled}. Holds room for one byte at least. */
  space(): Buffer {
    if (this.#start === this.#end) {
      this.#start = 0;
      this.#end = 0;
    } else if (this.#buffer.length - this.#end < MAX_PAYLOAD + LENGTH) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    return this.#buffer.subarray(this.#end);
  }

  /** Says how many bytes were put into {@link space}. */
  filled(length: number): void {
    this.#end += length;
  }

  /** Add a chunk of any length that fits behind what was not taken yet. */
  push(chunk: Uint8Array): void {
    let space = this.space();
    if (space.length < chunk.length) {
      const larger = Buffer.allocUnsafe(2 * (this.#end - this.#start + chunk.length));
      this.#buffer.copy(larger, 0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
      this.#buffer = larger;
      space = larger.subarray(this.#end);
    }
    space.set(chunk);
    this.filled(chunk.length);
  }

  /**
   * The next packet: its payload, `"flush"`, or null where more bytes are needed.
   *
   * @throws PktLineError `bad-length`
   */
  next(): Buffer | "flush" | null {
    if (this.#end - this.#start < LENGTH) return null;
    const length = lengthAt(this.#buffer, this.#start);
    if (length === 0) {
      this.#start += LENGTH;
      return "flush";
    }
    if (this.#end - this.#start < length) return null;
    const payload = this.#buffer.subarray(this.#start + LENGTH, this.#start + length);
    this.#start += length;
    return payload;
  }

  /** The input has ended. @throws PktLineError `truncated` where it ended inside a packet. */
  end(): void {
    const left = this.#end - this.#start;
    if (left > 0) throw new PktLineError("truncated", `the input ended ${left} bytes into a packet`);
  }
}

/** Whole packet's length in bytes; 0 for a flush packet. "0004", which git must not send, is an empty payload. */
function lengthAt(buffer: Buffer, at: number): number {
  let length = 0;
  for (let i = at; i < at + LENGTH; i += 1) {
    const digit = hexDigit(buffer[i]!);
    if (digit < 0) throw new PktLineError("bad-length", "the length of a packet is not hexadecimal");
    length = length * 16 + digit;
  }
  if ((length > 0 && length < LENGTH) || length > MAX_PAYLOAD + LENGTH) {
    throw new PktLineError("bad-length", `no packet has the length ${length}`);
  }
  return length;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
