/**
 * The laws of reading: the findings of a file do not depend on how it is cut, known
 * values are found wherever they begin, base64 hides nothing that stands in it.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { crc62Suffix } from "../../src/scan/checksum.ts";
import { Decoder, encodingOf, Narrower, toScannable, viewsOf } from "../../src/scan/decode.ts";
import { readEncoded } from "../../src/scan/encoded.ts";
import { createScanner } from "../../src/scan/engine.ts";
import { buildKnownSearch, findKnown } from "../../src/scan/known-search.ts";
import { buildKnownValues, Comparisons, matchersOf } from "../../src/scan/known-values.ts";
import { runsOf } from "./runs-of.ts";
import { seededRandom } from "./seeded-random.ts";

// Fake tokens, assembled so that no scanner trips on this file.
const npm = (n: number) => {
  const body = `Q7xWzp3Nv${String(n).padStart(6, "0")}K9tRb2LmYc5dHsJ`;
  return ["np", "m_"].join("") + body + crc62Suffix(body);
};
const VALUE = ["qX7$", "mZ2vK9", "<&>", "pL4wR8tN1c"].join("");
const KEY = Buffer.from(Array.from({ length: 32 }, (_, at) => (at * 37 + 11) & 255)).toString("base64url");
const known = buildKnownValues(
  [
    { formation: "a", name: "TOKEN", value: VALUE, kind: "value" },
    { formation: "a", name: ".key", value: KEY, kind: "key" },
    { formation: "a", name: "LEVEL", value: "quiet-mode", kind: "value" },
  ],
  { publicNames: new Set() },
);

/** Lines of prose with a secret about every 250 bytes: some of them stand across the edges of any windows. */
function file(seed: number, size: number): Buffer {
  const random = seededRandom(seed);
  const words = "the agent reads config.host returns value: each request = order ä漢🙂 # note".split(" ");
  let text = "";
  while (text.length < size) {
    for (let length = random(450); length > 0; length -= 6) {
      text += words[random(words.length)]! + (random(7) === 0 ? "\n" : " ");
    }
    text += ` ${planted[random(planted.length)]!} `;
  }
  return Buffer.from(text);
}

const planted = [
  npm(1),
  VALUE,
  Buffer.from(`token ${npm(2)} of the registry`).toString("base64"),
  encodeURIComponent(VALUE),
  KEY,
  "quiet-mode",
  Buffer.from(VALUE).toString("hex"),
  Buffer.from(` ${VALUE}!`).toString("base64"),
  npm(3),
  JSON.stringify(VALUE).slice(1, -1),
];

describe("however a file is cut, the findings are those of the whole", () => {
  const whole = createScanner({ known, testOnlyWindow: { size: 1 << 30, reach: 0 } });
  const windows = createScanner({ known, testOnlyWindow: { size: 1024, reach: 4096 } });

  function inPieces(bytes: Buffer, sizes: () => number) {
    const scan = windows.open("f", { size: bytes.length });
    const held = Buffer.alloc(1 << 20);
    for (let at = 0; at < bytes.length; ) {
      const part = held.subarray(0, bytes.copy(held, 0, at, at + Math.max(1, sizes())));
      scan.write(part);
      at += part.length;
      // What was handed over may be overwritten.
      part.fill(0x2e);
    }
    return scan.end();
  }

  for (const [name, encode] of [
    ["UTF-8", (bytes: Buffer) => bytes],
    ["UTF-8 with a mark", (bytes: Buffer) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes])],
    ["UTF-16LE", (bytes: Buffer) => Buffer.from(`\uFEFF${bytes.toString("utf8")}`, "utf16le")],
    ["UTF-16BE without a mark", (bytes: Buffer) => Buffer.from(bytes.toString("latin1"), "utf16le").swap16()],
  ] as const) {
    test(name, () => {
      for (let seed = 1; seed <= 3; seed++) {
        const bytes = encode(file(seed, 80_000));
        const expected = whole.scan("f", bytes);
        assert.ok(expected.length >= 200, `${expected.length} found`);
        const random = seededRandom(seed + 100);
        assert.deepEqual(
          inPieces(bytes, () => 1 + random(4000)),
          expected,
        );
        assert.deepEqual(windows.scan("f", bytes), expected);
      }
    });
  }

  test("a token split by any two cuts", () => {
    const text = Buffer.from(`first\n  key: ${npm(7)}\nlast`);
    const expected = whole.scan("f", text);
    assert.equal(expected.length, 1);
    for (let a = 0; a <= text.length; a++) {
      const scan = createScanner({ testOnlyWindow: { size: 8, reach: 512 } }).open("f");
      scan.write(text.subarray(0, a));
      scan.write(text.subarray(a));
      assert.deepEqual(scan.end(), expected, `cut at ${a}`);
    }
  });

  test("a budget that is spent and a cap that is reached are said once", () => {
    const many = Buffer.from(Array.from({ length: 1300 }, (_, n) => npm(n)).join("\n"));
    for (const scanner of [whole, createScanner({ known, testOnlyWindow: { size: 4096, reach: 4096 } })]) {
      assert.equal(scanner.scan("f", many).filter(({ rule }) => rule === "too-many-findings").length, 1);
    }
  });
});

describe("text in other encodings, in pieces", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((list) => Buffer.from(list)),
    fc.string({ unit: "grapheme", maxLength: 60 }).map((text) => Buffer.from(`\uFEFF${text}`, "utf16le")),
    fc
      .array(fc.constantFrom("abcdefgh", "\0\0\0", "x", "\0", "secret-name"), { maxLength: 12 })
      .map((parts) => Buffer.concat(parts.map((part, at) => Buffer.from(part, at % 2 === 0 ? "utf16le" : "latin1")))),
  );
  const cuts = fc.array(fc.nat({ max: 200 }), { maxLength: 6 });
  const parts = (whole: Buffer, at: number[]) => {
    const places = [0, ...at.map((place) => Math.min(place, whole.length)).sort((a, b) => a - b), whole.length];
    return places.slice(1).map((to, index) => whole.subarray(places[index], to));
  };

  test("decoding does not see the cuts", () => {
    fc.assert(
      fc.property(bytes, cuts, (whole, at) => {
        const encoding = encodingOf(whole);
        if (encoding === "bytes") return;
        const decoder = new Decoder(encoding);
        const pieces = parts(whole, at).map((part) => Buffer.from(decoder.write(part)));
        assert.deepEqual(Buffer.concat([...pieces, decoder.end()]), Buffer.from(toScannable(whole)));
      }),
      { numRuns: 500 },
    );
  });

  test("narrowing does not see the cuts", () => {
    fc.assert(
      fc.property(bytes, cuts, (whole, at) => {
        const narrower = new Narrower();
        const pieces = parts(whole, at).map((part) => Buffer.from(narrower.write(part)));
        const all = Buffer.concat([...pieces, narrower.end()]);
        const views = viewsOf(whole);
        const expected = views.length > (encodingOf(whole) === "bytes" ? 1 : 2) ? views.at(-1)! : whole;
        assert.deepEqual(all, Buffer.from(expected));
      }),
      { numRuns: 500 },
    );
  });
});

describe("anchors of known values", () => {
  const matcher = (anchor: string, base64: boolean) => ({
    anchor,
    ...(base64 && { base64: true as const }),
    match: (_: Uint8Array, __: number, ___: Comparisons) => [],
  });
  const anchors = fc.array(
    fc.tuple(fc.string({ unit: fc.constantFrom(..."aBc1+/_-é"), minLength: 1, maxLength: 12 }), fc.boolean()),
    { minLength: 1, maxLength: 8 },
  );

  test("every one is found at every offset, whatever the memory's alignment, once, and only in its part", () => {
    fc.assert(
      fc.property(anchors, fc.nat({ max: 7 }), fc.nat({ max: 40 }), (list, shift, before) => {
        const search = buildKnownSearch(list.map(([anchor, base64]) => matcher(anchor, base64)));
        for (const [index, [anchor]] of list.entries()) {
          const bytes = Buffer.alloc(shift + before + anchor.length + 9, ".").subarray(shift);
          bytes.write(anchor, before, "latin1");
          for (const [from, to] of [
            [0, bytes.length],
            [before, before + 1],
            [before + 1, bytes.length],
            [0, before],
          ] as const) {
            const hits: number[] = [];
            findKnown(search, bytes, from, to, (end, found) => {
              if (found === index && end === before + anchor.length) hits.push(end);
            });
            assert.equal(hits.length, before >= from && before < to ? 1 : 0, `${JSON.stringify(anchor)} ${from} ${to}`);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a base64 anchor is found in the other alphabet and the other case of nothing else", () => {
    const search = buildKnownSearch([matcher("ab+/c+d", true)]);
    const found = (text: string) => {
      let hits = 0;
      findKnown(search, Buffer.from(text), 0, text.length, () => hits++);
      return hits;
    };
    assert.equal(found("..ab+/c+d.."), 1);
    assert.equal(found("..ab-_c-d.."), 1);
    assert.equal(found("..ab+/c.d.abc"), 0);
  });

  test("a thousand formations with one weak value: it is compared once, and told for each", () => {
    const entries = Array.from({ length: 1000 }, (_, n) => ({
      formation: `f${n}`,
      name: "LOG_LEVEL",
      value: "verbose",
      kind: "value" as const,
    }));
    const values = buildKnownValues(entries, { publicNames: new Set() });
    assert.equal(values.count, 1000);
    assert.equal(matchersOf(values).length, 1);
    const text = Buffer.from("level: verbose\n".repeat(20_000));
    const comparisons = new Comparisons(text.length);
    const found = createScanner({ known: values, rules: [] }).scan("f", text, { comparisons });
    assert.ok(comparisons.count < text.length);
    assert.deepEqual([...new Set(found.map(({ rule }) => rule))], ["known-value", "too-many-findings"]);
  });
});

describe("base64, one level deep", () => {
  const scanner = createScanner();
  const scan = (text: string) => scanner.scan("f", Buffer.from(text));
  const base64 = (text: string) => Buffer.from(text).toString("base64");

  test("a token is found at each alignment, and pointed at where it stands", () => {
    for (let pad = 0; pad < 7; pad++) {
      const inner = `${"x".repeat(pad)} ${npm(4)} `;
      const text = `kind: Secret\ndata:\n  token: ${base64(inner)}\n`;
      const [finding, ...others] = scan(text);
      assert.equal(others.length, 0);
      assert.equal(finding?.rule, "npm-token");
      assert.match(finding.message, /base64/);
      assert.equal(finding.line, 3);
      // The column is the character that holds the token's first bits.
      assert.equal(finding.column, 10 + Math.floor(((pad + 1) * 8) / 6));
      assert.equal(finding.secretId, scan(npm(4))[0]!.secretId);
    }
  });

  test("wrapped lines, indented or not, are one text", () => {
    const config = JSON.stringify({ note: "y".repeat(70), auths: { "registry.example": { token: npm(5) } } });
    for (const [width, end] of [
      [64, "\n"],
      [76, "\r\n    "],
      [60, "\n\t"],
    ] as const) {
      const wrapped = base64(config).replace(new RegExp(`.{${width}}`, "g"), `$&${end}`);
      assert.deepEqual(
        scan(`a\n${wrapped}\n`).map(({ rule }) => rule),
        ["npm-token"],
        JSON.stringify(end),
      );
    }
  });

  test("an encoded command, which is UTF-16", () => {
    const command = Buffer.from(`$env:T = '${npm(6)}'; publish`, "utf16le").toString("base64");
    assert.deepEqual(
      scan(`powershell -EncodedCommand ${command}`).map(({ rule, line }) => [rule, line]),
      [["npm-token", 1]],
    );
  });

  test("twice encoded, binary, and what is no text stays silent", () => {
    assert.deepEqual(scan(base64(base64(`token ${npm(8)} of somebody`))), []);
    const binary = Buffer.concat([Buffer.from([0xff, 0xd8, 0x80]), Buffer.from(npm(8))]);
    assert.deepEqual(scan(binary.toString("base64")), []);
  });

  test("runs are decoded once, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("QUJD", "\n", "    ", "=", "é", "aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ"), { maxLength: 60 }),
        (pieces) => {
          const bytes = Buffer.from(pieces.join(""));
          let last = 0;
          for (const start of runsOf(bytes).encoded) {
            const text = start < last ? undefined : readEncoded(bytes, start);
            if (text === undefined) continue;
            assert.ok(text.start === start && text.end > text.start && text.end <= bytes.length);
            last = text.end;
            for (let at = 0; at < text.decoded.length; at++) {
              const place = text.placeOf(at);
              assert.ok(place >= text.start && place < text.end);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
