import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  beginsToken,
  buildKeywordSearch,
  findKeywords,
  type Keywords,
  SHORTEST_RUN,
} from "../../src/scan/keyword-search.ts";
import { compileRules } from "../../src/scan/rule-table.ts";
import { allRules } from "../../src/scan/rules/index.ts";
import { mayBeNearName } from "../../src/scan/rules/near-name.ts";
import { findPrefixes, Runs } from "../../src/scan/runs.ts";
import { runsOf } from "./runs-of.ts";

const MORE = process.env.SLOW === "1" ? 40 : 1;

interface Needle {
  text: string;
  folds: boolean;
  anywhere: boolean;
  /** null: any byte. */
  follow: string | null;
}

function keywordsOf(needles: readonly Needle[]): Keywords {
  const at = [0];
  for (const { text } of needles) at.push(at[at.length - 1]! + text.length);
  return {
    at: Uint32Array.from(at),
    bytes: Buffer.from(needles.map(({ text }) => text).join(""), "latin1"),
    folds: Uint8Array.from(needles, ({ folds }) => Number(folds)),
    anywhere: Uint8Array.from(needles, ({ anywhere }) => Number(anywhere)),
    narrows: (needle) => needles[needle]!.follow !== null,
    follows: (needle, byte, far) => far > 0 || (needles[needle]!.follow?.includes(String.fromCharCode(byte)) ?? true),
  };
}

/** As findKeywords says it: every needle at every place, letter by letter. */
function naive(needles: readonly Needle[], bytes: Buffer, from: number, to: number): string[] {
  const found: string[] = [];
  for (let start = from; start < to; start++) {
    for (const [index, { text, folds, anywhere, follow }] of needles.entries()) {
      const here = bytes.toString("latin1", start, start + text.length);
      if (folds ? here.toLowerCase() !== text.toLowerCase() : here !== text) continue;
      const next = bytes[start + text.length];
      if (follow !== null && (next === undefined || !follow.includes(String.fromCharCode(next)))) continue;
      if (anywhere || beginsToken(bytes, start)) found.push(`${start} ${index}`);
    }
  }
  return found;
}

/** What callers leave out: they ask for what stands before and after themselves. */
function wanted(needles: readonly Needle[], bytes: Buffer, found: readonly string[]): string[] {
  return found.filter((one) => {
    const [start = 0, index = 0] = one.split(" ").map(Number);
    const { text, anywhere, follow } = needles[index]!;
    const next = bytes[start + text.length];
    if (follow !== null && (next === undefined || !follow.includes(String.fromCharCode(next)))) return false;
    return anywhere || beginsToken(bytes, start);
  });
}

const LETTERS = [
  "a",
  "A",
  "b",
  "k",
  "K",
  "e",
  "y",
  "_",
  "-",
  ".",
  "0",
  " ",
  "\\",
  "n",
  "x",
  "%",
  "3",
  "D",
  "\0",
  "\xff",
];
const word = (least: number, most: number) =>
  fc.array(fc.constantFrom(...LETTERS), { minLength: least, maxLength: most }).map((letters) => letters.join(""));

test("every keyword is found where it stands, in order, at any place in memory, and nothing else", () => {
  const needle = fc.record<Needle>({
    text: word(2, 9),
    folds: fc.boolean(),
    anywhere: fc.boolean(),
    follow: fc.constantFrom(null, null, "abkK0", "e"),
  });
  let seen = 0;
  fc.assert(
    fc.property(
      fc.array(needle, { minLength: 1, maxLength: 4 }),
      fc.array(fc.oneof(word(0, 12), fc.nat(3)), { maxLength: 12 }),
      fc.nat(9),
      fc.nat(12),
      fc.nat(12),
      (needles, pieces, shift, first, last) => {
        const text = pieces
          .map((piece) => (typeof piece === "string" ? piece : needles[piece % needles.length]!.text))
          .join("");
        const memory = Buffer.alloc(text.length + shift + 2, "a");
        memory.write(text, shift, "latin1");
        const bytes = memory.subarray(shift, shift + text.length);
        const from = Math.min(first, bytes.length);
        const to = Math.max(from, bytes.length - last);
        const keywords = keywordsOf(needles);
        const search = buildKeywordSearch(keywords, 0, needles.length);
        const found: string[] = [];
        findKeywords(keywords, search, bytes, from, to, (start, index) => found.push(`${start} ${index}`));
        assert.equal(new Set(found).size, found.length);
        assert.deepEqual(
          found,
          found.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)),
        );
        const expected = naive(needles, bytes, from, to);
        assert.deepEqual(new Set(wanted(needles, bytes, found)), new Set(expected));
        seen += expected.length;
      },
    ),
    { numRuns: 400 * MORE },
  );
  assert.ok(seen > 50, `${seen} keywords`);
});

test("a short keyword at the second byte is found, however the bytes lie in memory", () => {
  const needles: Needle[] = ["aaa", "aa"].map((text) => ({ text, folds: false, anywhere: true, follow: null }));
  const keywords = keywordsOf(needles);
  const search = buildKeywordSearch(keywords, 0, needles.length);
  for (const shift of [2, 3]) {
    const bytes = Buffer.alloc(20, "a").subarray(shift, shift + 10);
    const found: string[] = [];
    findKeywords(keywords, search, bytes, 1, 2, (start, index) => found.push(`${start} ${index}`));
    assert.deepEqual(new Set(found), new Set(["1 0", "1 1"]), `from ${shift} on`);
  }
});

test("a long text is told of block by block, a search inside a report included", () => {
  const needles: Needle[] = [{ text: "needle_", folds: false, anywhere: true, follow: null }];
  const keywords = keywordsOf(needles);
  const search = buildKeywordSearch(keywords, 0, 1);
  const bytes = Buffer.from("hay ".repeat(20_000));
  const places = [0, 8189, 8190, 8191, 16_383, 40_001, bytes.length - 7];
  for (const place of places) bytes.write("needle_", place);
  // 8189 to 8191 overwrite one another: the last of them is whole.
  const found: number[] = [];
  findKeywords(keywords, search, bytes, 0, bytes.length, (start) => {
    findKeywords(keywords, search, Buffer.from("a needle_"), 0, 9, (inner) => assert.equal(inner, 2));
    found.push(start);
  });
  assert.deepEqual(found, [0, 8191, 16_383, 40_001, bytes.length - 7]);
});

test("every run of base64 digits is told of once", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(3 * SHORTEST_RUN), fc.constantFrom(" ", "\n", "=", "..")), { maxLength: 30 }),
      (runs) => {
        const text = runs.map(([length, end]) => "Ab3+/-_x".repeat(6).slice(0, length) + end).join("");
        const bytes = Buffer.from(text);
        const expected = [...text.matchAll(/[\w+/-]{24,}/g)].map(({ index }) => index);
        assert.deepEqual(runsOf(bytes).encoded, expected);
      },
    ),
    { numRuns: 300 },
  );
});

test("the prefix of a token is found where it begins one, before enough digits, and nowhere else", () => {
  const table = compileRules(allRules());
  const { from, to } = table.prefixes;
  assert.ok(to - from > 400);
  const { at, bytes: letters } = table.keywords;
  const texts = Array.from({ length: to - from }, (_, index) =>
    Buffer.from(letters.subarray(at[from + index], at[from + index + 1])).toString("latin1"),
  );
  const piece = fc.oneof(
    fc.constantFrom(...texts),
    fc.constantFrom(...texts.filter((text) => /[^\w+/-]$/.test(text) || text.length === 2)),
    fc.constantFrom(" ", "\n", "-", "/", "_", "=", "\\n", "%3D", "\\x3d", "\\u003d", "a", "Ab9".repeat(4)),
    fc.constantFrom("x7Kq2".repeat(3), "x7Kq2".repeat(9)),
  );
  let seen = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
      const text = pieces.join("");
      const bytes = Buffer.from(text, "latin1");
      const found: string[] = [];
      const runs = new Runs(bytes);
      findKeywords(
        table.keywords,
        table.everywhere,
        bytes,
        0,
        bytes.length,
        () => undefined,
        (place) => {
          const { start, end } = runs.add(place);
          findPrefixes(table.prefixes, bytes, start, end, (first, needle) => {
            if (beginsToken(bytes, first)) found.push(`${first} ${needle}`);
          });
        },
      );
      const expected: string[] = [];
      for (const [index, prefix] of texts.entries()) {
        for (let start = text.indexOf(prefix); start >= 0; start = text.indexOf(prefix, start + 1)) {
          const rest = text.slice(start + prefix.length);
          if (beginsToken(bytes, start) && /^[\w+/-]{14}/.test(rest)) expected.push(`${start} ${from + index}`);
        }
      }
      assert.deepEqual(new Set(found), new Set(expected), JSON.stringify(text));
      assert.equal(found.length, new Set(found).size);
      seen += expected.length;
    }),
    { numRuns: 1000 * MORE },
  );
  assert.ok(seen > 300, `${seen} prefixes`);
});

test("a name that may have a value near it stands in a zone", () => {
  const names = allRules()
    .filter(({ near }) => near !== undefined)
    .flatMap(({ keywords }) => keywords)
    .filter((_, index) => index % 40 === 0);
  const piece = fc.oneof(
    fc.constantFrom(...names),
    fc.constantFrom(" ", "\n", "_", "=", '"', "/", "+", ": ", "x".repeat(150), "the value of it "),
    fc.stringMatching(/^[A-Za-z0-9_+/-]{1,40}$/),
    fc.stringMatching(/^[a-f0-9]{14,70}$/),
    fc.stringMatching(/^[a-zA-Z]{10,16}$/),
  );
  let near = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      const text = pieces.join("");
      const bytes = Buffer.from(text);
      const { zones } = runsOf(bytes);
      for (let at = 2; at < zones.length; at += 2) assert.ok(zones[at]! > zones[at - 1]!);
      const lower = text.toLowerCase();
      for (const name of names) {
        for (let start = lower.indexOf(name); start >= 0; start = lower.indexOf(name, start + 1)) {
          if (!mayBeNearName(bytes, start, start + name.length)) continue;
          near++;
          const zone = zones.findIndex((edge, index) => index % 2 === 0 && edge <= start && start < zones[index + 1]!);
          assert.ok(zone >= 0, `${name} at ${start} of ${JSON.stringify(text)}`);
        }
      }
    }),
    { numRuns: 1000 * MORE },
  );
  assert.ok(near > 300, `${near} names`);
});
