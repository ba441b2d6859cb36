/**
 * What every fuzz target has: a parser, fed with bytes, and laws that it must
 * keep. A target throws where a law is broken; the fuzzer (`npm run fuzz`) and
 * corpus.test.ts call that a crash.
 */
import { MuxiGitError } from "../../src/errors.ts";
import { opaque } from "../support/fake.ts";

export interface FuzzTarget {
  /** Bytes of the longest input: parsers are small machines, and short inputs run many times as often. */
  readonly maxLength: number;
  /** @throws where a law is broken. */
  run(data: Buffer): void;
}

/** Fail with words that hold nothing of the input. */
export function law(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`broken law: ${what}`);
}

/** A value that no message may repeat. */
export const PLANT = opaque(24, "fuzz");

/** The byte that stands for {@link PLANT} in an input: a fuzzer finds one byte at once, and 24 never. */
const PLANT_BYTE = 0x7f;

/** The input with every {@link PLANT_BYTE} replaced. */
export function planted(data: Buffer, most = 8): Buffer {
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = data.indexOf(PLANT_BYTE); at >= 0 && parts.length < 2 * most; at = data.indexOf(PLANT_BYTE, start)) {
    parts.push(data.subarray(start, at), Buffer.from(PLANT));
    start = at + 1;
  }
  return start === 0 ? data : Buffer.concat([...parts, data.subarray(start)]);
}

/** No run of eight characters of the planted value stands in a text. */
export function assertNoLeak(text: string, where: string): void {
  for (let at = 0; at + 8 <= PLANT.length; at += 1) {
    law(!text.includes(PLANT.slice(at, at + 8)), `${where} repeats a secret`);
  }
}

/**
 * Run a parser that may refuse its input with one of `codes`.
 *
 * @returns what it gave, or the code.
 */
export function attempt<T>(codes: readonly string[], parse: () => T): { value: T } | { refused: string } {
  try {
    return { value: parse() };
  } catch (error) {
    // Anything else than our own error is a crash, whatever caused it.
    if (!(error instanceof MuxiGitError)) throw error;
    law(codes.includes(error.code), `an error with the code '${error.code}'`);
    // A name that stands twice is named on purpose, and the plant may stand where a name belongs.
    if (error.code !== "json-duplicate-name") assertNoLeak(`${error.message}\n${error.hint ?? ""}`, "an error message");
    return { refused: error.code };
  }
}

/** Cuts an input into the pieces that a structured target is made of. Reads past the end give nothing. */
export class Pieces {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get left(): number {
    return this.#data.length - this.#at;
  }

  byte(): number {
    return this.#at < this.#data.length ? this.#data[this.#at++]! : 0;
  }

  /** Up to 255 bytes, their number first. */
  bytes(most = 255): Buffer {
    const length = Math.min(this.byte(), most, this.left);
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }

  rest(): Buffer {
    const rest = this.#data.subarray(this.#at);
    this.#at = this.#data.length;
    return rest;
  }
}

/** The bytes in chunks whose lengths `cuts` names, over and over. */
export function chunked(bytes: Buffer, cuts: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const length = cuts.length === 0 ? bytes.length : Math.max(1, cuts[turn % cuts.length]!);
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return chunks;
}

/** Offset of a place that is told as line and column, from 1, in a text whose lines end with LF. */
export function offsetOf(text: string, line: number, column: number): number {
  let start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  for (let at = 1; at < line; at += 1) {
    const end = text.indexOf("\n", start);
    law(end >= 0, "a line beyond the last one");
    start = end + 1;
  }
  return start + column - 1;
}
