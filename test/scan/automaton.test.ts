import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildAutomaton, findAll } from "../../src/scan/automaton.ts";

const lower = (bytes: Buffer) =>
  bytes
    .toString("latin1")
    .replace(/[A-Z]/g, (c) => c.toLowerCase())
    .replaceAll("-", "+")
    .replaceAll("_", "/");

/** The definition: every needle at every place, letters of both cases and both base64 alphabets alike. */
function naive(needles: Buffer[], bytes: Buffer): string[] {
  const text = lower(bytes);
  const hits: string[] = [];
  for (const [index, needle] of needles.entries()) {
    for (let at = text.indexOf(lower(needle)); at >= 0; at = text.indexOf(lower(needle), at + 1)) {
      hits.push(`${at + needle.length}:${index}`);
    }
  }
  return hits.sort((a, b) => (a < b ? -1 : 1));
}

function ours(needles: Buffer[], bytes: Buffer): string[] {
  const hits: string[] = [];
  let last = 0;
  findAll(buildAutomaton(needles), bytes, (end, needle) => {
    assert.ok(end >= last, "not in order");
    last = end;
    hits.push(`${end}:${needle}`);
  });
  return hits.sort((a, b) => (a < b ? -1 : 1));
}

const few = fc.string({ unit: fc.constantFrom("a", "b", "A", "-", "+", "_", "/", "é"), minLength: 1, maxLength: 6 });
const needles = fc.array(few, { minLength: 1, maxLength: 12 }).map((list) => list.map((text) => Buffer.from(text)));

test("finds exactly what a search for each needle finds, duplicates and needles in needles included", () => {
  fc.assert(
    fc.property(
      needles,
      fc.string({ unit: fc.constantFrom("a", "b", "A", "-", "+", "_", "/", "é", "x"), maxLength: 200 }),
      (list, text) => {
        assert.deepEqual(ours(list, Buffer.from(text)), naive(list, Buffer.from(text)));
      },
    ),
    { numRuns: 400 },
  );
});

test("a needle across the seam of two lanes is found once, at every place", () => {
  const needle = Buffer.from("seam-token");
  const size = 40_000;
  const seams = [size >> 2, (size >> 2) * 2, (size >> 2) * 3, size];
  for (const seam of seams) {
    for (let shift = -12; shift <= 2; shift++) {
      const bytes = Buffer.alloc(size + 100, ".");
      const at = Math.min(seam + shift, bytes.length - needle.length);
      needle.copy(bytes, at);
      assert.deepEqual(ours([needle, Buffer.from("ea")], bytes), naive([needle, Buffer.from("ea")], bytes));
    }
  }
});

test("large inputs of dense hits are the same as the definition", () => {
  const list = ["a", "ab", "ba", "aba", "bb-"].map((text) => Buffer.from(text));
  const bytes = Buffer.from(Array.from({ length: 150_000 }, (_, i) => "ab-aB"[(i * 7 + ((i * i) >> 3)) % 5]).join(""));
  assert.deepEqual(ours(list, bytes), naive(list, bytes));
});

test("all 256 bytes can be needles", () => {
  const list = Array.from({ length: 256 }, (_, byte) => Buffer.from([byte, 255 - byte]));
  const bytes = Buffer.from(
    Array.from({ length: 2048 }, (_, i) => (i % 2 === 0 ? (i * 31) & 255 : 255 - (((i - 1) * 31) & 255))),
  );
  assert.deepEqual(ours(list, bytes), naive(list, bytes));
});
