/**
 * Every fuzz target, over the inputs that are kept and some that are made of
 * them: pieces put together, bytes changed, anything at all. `npm run fuzz` does
 * the same with coverage to guide it, and millions of times.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { PROJECT } from "../support/repo.ts";
import type { FuzzTarget } from "./laws.ts";

const RUNS = process.env.SLOW === "1" ? 20_000 : 300;
const TARGETS = join(PROJECT, "test", "fuzz", "targets");
const CORPUS = join(PROJECT, "test", "fuzz", "corpus");

/** Bytes of a kept input, some of them changed. */
function mutated(kept: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const piece = fc
    .tuple(fc.constantFrom(...kept), fc.nat(), fc.nat({ max: 80 }))
    .map(([bytes, from, length]) => bytes.subarray(from % (bytes.length + 1)).subarray(0, length));
  const whole = fc.constantFrom(...kept);
  const some = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes));
  return fc
    .tuple(whole, fc.nat(), fc.array(fc.oneof(piece, some), { maxLength: 5 }), fc.nat({ max: 20 }))
    .map(([bytes, cut, parts, dropped]) => {
      const at = cut % (bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, at), ...parts, bytes.subarray(at + dropped)]);
    });
}

for (const file of readdirSync(TARGETS).sort()) {
  const name = file.replace(/\.ts$/, "");
  test(`${name} keeps its laws`, async () => {
    const { target } = (await import(join(TARGETS, file))) as { target: FuzzTarget };
    const names = readdirSync(join(CORPUS, name));
    const kept = names.map((one) => readFileSync(join(CORPUS, name, one)));
    for (const [at, bytes] of kept.entries()) {
      try {
        target.run(bytes);
      } catch (cause) {
        throw new Error(`corpus/${name}/${names[at]}`, { cause });
      }
    }
    const input = fc.oneof(
      { weight: 4, arbitrary: mutated(kept) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: target.maxLength }).map((bytes) => Buffer.from(bytes)) },
    );
    fc.assert(
      fc.property(input, (bytes) => target.run(bytes.subarray(0, target.maxLength))),
      { numRuns: RUNS },
    );
  });
}
