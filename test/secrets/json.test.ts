import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  compareUtf8,
  formatSecrets,
  parseSecrets,
  type Secrets,
  type SecretValue,
  sameSecrets,
} from "../../src/secrets/json.ts";

function parse(text: string): Secrets {
  return parseSecrets(Buffer.from(text));
}

function format(secrets: Secrets): string {
  return formatSecrets(secrets).toString();
}

function strings(values: Record<string, string>): Secrets {
  return new Map(Object.entries(values).map(([name, value]) => [name, { kind: "string", value }]));
}

function other(name: string, text: string): Secrets {
  return new Map<string, SecretValue>([[name, { kind: "other", text }]]);
}

/** Any UTF-16 units at all, unpaired surrogates among them, the awkward ones often. */
const anyString = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0xd7f0, max: 0xe010 }),
      fc.integer({ min: 0, max: 0x80 }),
      fc.constantFrom(0x2028, 0x2029, 0x3c, 0x3e, 0x26, 0x22, 0x5c),
    ),
    { maxLength: 20 },
  )
  .map((units) => String.fromCharCode(...units));

const anyValue: fc.Arbitrary<SecretValue> = fc.oneof(
  { weight: 4, arbitrary: anyString.map((value): SecretValue => ({ kind: "string", value })) },
  {
    weight: 1,
    arbitrary: fc
      .jsonValue({ maxDepth: 4 })
      .filter((value) => typeof value !== "string")
      // Through the reader, for the one text of this value.
      .map((value) => parse(`{"x":${JSON.stringify(value)}}`).get("x") as SecretValue),
  },
);

const anySecrets: fc.Arbitrary<Secrets> = fc
  .array(fc.tuple(anyString, anyValue), { maxLength: 8 })
  .map((entries) => new Map(entries));

describe("laws", () => {
  test("what is written reads back as the same secrets", () => {
    fc.assert(
      fc.property(anySecrets, (secrets) =>
        assert.equal(sameSecrets(parseSecrets(formatSecrets(secrets)), secrets), true),
      ),
    );
  });

  test("writing again gives the same bytes, in whatever order the names came", () => {
    fc.assert(
      fc.property(anySecrets, (secrets) => {
        const text = format(secrets);
        assert.equal(format(parse(text)), text);
        assert.equal(format(new Map([...secrets].reverse())), text);
      }),
    );
  });

  test("what any JSON writer makes of string values is read as those values", () => {
    fc.assert(
      fc.property(fc.dictionary(anyString, anyString), fc.constantFrom(undefined, 2, "\t"), (values, space) => {
        assert.equal(sameSecrets(parse(JSON.stringify(values, null, space)), strings(values)), true);
      }),
    );
  });

  test("no input makes the reader fail in a way it does not declare", () => {
    const pieces = [
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      '"a"',
      "\\",
      "\\u",
      "1",
      "-",
      ".",
      "e",
      "true",
      "null",
      " ",
      "\n",
      "\u0001",
      "é",
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }), (parts) => {
        const text = parts.join("");
        let wanted: unknown;
        try {
          wanted = JSON.parse(text);
        } catch {
          assert.throws(() => parse(text), { code: /^json-(syntax|duplicate-name)$/ });
          return;
        }
        if (typeof wanted === "object" && wanted !== null && !Array.isArray(wanted)) {
          try {
            parse(text);
          } catch (error) {
            assert.equal((error as { code: string }).code, "json-duplicate-name");
          }
        } else assert.throws(() => parse(text), { code: /^json-(not-object|duplicate-name)$/ });
      }),
      { numRuns: 2000 },
    );
  });
});

describe("reading", () => {
  test("keeps the text of every number", () => {
    for (const number of ["0", "-0", "1.10", "12345678901234567890", "1E5", "1e+05", "-0.0e-1", "1e400"]) {
      assert.deepEqual(parse(`{"N": ${number} }`), other("N", number));
    }
  });

  test("gives other values one text, whoever laid them out", () => {
    const text = '{"a":[1.0,"x",{}],"b":{"c":null,"d":false}}';
    assert.deepEqual(parse(`{"V":${text}}`), other("V", text));
    assert.deepEqual(
      parse('{\r\n\t"V" : {"b": {"d":false , "c":null},\n"a":[ 1.0,"\\u0078", { } ] } }\n'),
      other("V", text),
    );
  });

  test("keeps the order of the file", () => {
    assert.deepEqual([...parse('{"b":"1","a":"2"}').keys()], ["b", "a"]);
  });

  test("unescapes as JSON does and keeps unpaired surrogates", () => {
    const text = String.raw`{"A":"\"\\\/\b\f\n\r\t\u00DF\ud83d\uDD11\ud800x\udc00"}`;
    assert.deepEqual(parse(text), strings({ A: '"\\/\b\f\n\r\tß🔑\ud800x\udc00' }));
  });

  for (const name of ["__proto__", "constructor", "toString", "", "0"]) {
    test(`takes '${name}' for an ordinary name`, () => {
      assert.deepEqual([...parse(`{"${name}":"x"}`)], [[name, { kind: "string", value: "x" }]]);
      assert.equal(format(parse(`{"${name}":{"${name}":1}}`)), `{\n  "${name}": {\n    "${name}": 1\n  }\n}`);
    });
  }

  for (const [what, bytes] of [
    ["a UTF-8 BOM", Buffer.from('\ufeff{"A":"é"}')],
    ["UTF-16 with a BOM", Buffer.from('\ufeff{"A":"é"}', "utf16le")],
    ["big-endian UTF-16 with a BOM", Buffer.from('\ufeff{"A":"é"}', "utf16le").swap16()],
    ["UTF-16 without a BOM", Buffer.from('{"A":"é"}', "utf16le")],
    ["big-endian UTF-16 without a BOM", Buffer.from('{"A":"é"}', "utf16le").swap16()],
  ] as const) {
    test(`reads ${what}`, () => {
      assert.deepEqual(parseSecrets(bytes), strings({ A: "é" }));
    });
  }

  for (const [what, text, position] of [
    ["nothing", "", "line 1, column 1"],
    ["white space", " \n", "line 2, column 1"],
    ["an open object", "{", "line 1, column 2"],
    ["an object cut off", '{\n  "A": "b",\n  "C": "SECRET', "line 3, column 8"],
    ["a trailing comma", '{"A":"b",}', "line 1, column 10"],
    ["a comma too many", '{"A":"b",,"C":"d"}', "line 1, column 10"],
    ["a missing comma", '{"A":"b" "C":"d"}', "line 1, column 10"],
    ["a missing colon", '{"A" "b"}', "line 1, column 6"],
    ["a missing value", '{"A":}', "line 1, column 6"],
    ["a name without quotes", '{A:"b"}', "line 1, column 2"],
    ["single quotes", "{'A':'b'}", "line 1, column 2"],
    ["a comment", '{"A":"b"} // c', "line 1, column 11"],
    ["two objects", '{"A":"b"}\n{}', "line 2, column 1"],
    ["a newline in a string", '{"A":"b\nc"}', "line 1, column 8"],
    ["a NUL in a string", '{"A":"\0"}', "line 1, column 7"],
    ["an unknown escape", '{"A":"\\x41"}', "line 1, column 6"],
    ["a short unicode escape", '{"A":"\\u12"}', "line 1, column 6"],
    ["a number with a leading zero", '{"A":01}', "line 1, column 7"],
    ["a number with a plus", '{"A":+1}', "line 1, column 6"],
    ["a number without digits after its point", '{"A":1.}', "line 1, column 7"],
    ["NaN", '{"A":NaN}', "line 1, column 6"],
    ["a word half written", '{"A":tru}', "line 1, column 6"],
    ["mismatched brackets", '{"A":[1}', "line 1, column 8"],
    ["a BOM in the middle", '{"A":\ufeff"b"}', "line 1, column 6"],
  ] as const) {
    test(`refuses ${what}, says where and not what`, () => {
      assert.throws(
        () => parse(text),
        (error: Error & { code: string; cause?: unknown }) => {
          assert.equal(error.code, "json-syntax");
          assert.ok(error.message.endsWith(`(${position})`), error.message);
          assert.equal(error.message.includes("SECRET"), false);
          assert.equal(error.cause, undefined);
          return true;
        },
      );
    });
  }

  for (const text of ["[]", '["A"]', '"A"', "1", "null", " true "]) {
    test(`refuses ${text}, which is JSON and no object`, () => {
      assert.throws(() => parse(text), { code: "json-not-object" });
    });
  }

  for (const [what, text] of [
    ["at the top", '{"A":"x","B":"y","A":"x"}'],
    ["spelled in two ways", '{"A":"x","\\u0041":"y"}'],
  ] as const) {
    test(`refuses a name that stands twice ${what}, and names it`, () => {
      assert.throws(() => parse(text), { code: "json-duplicate-name", message: /'A' stands twice.*line 1, column/ });
    });
  }

  test("refuses a name that stands twice inside a value, and shows nothing of the value", () => {
    for (const text of [
      '{"V":{"VALUE":1,"VALUE":1}}',
      '{"V":[{"q":{"VALUE":1,"VALUE":1}}]}',
      '[{"VALUE":1,"VALUE":1}]',
    ]) {
      assert.throws(
        () => parse(text),
        (error: Error & { code: string }) => {
          assert.equal(error.code, "json-duplicate-name");
          assert.match(error.message, /twice in one object \(line 1, column \d+\)$/);
          return !error.message.includes("VALUE");
        },
      );
    }
  });

  test("shows no more than the beginning of a long name", () => {
    const name = "N".repeat(1000);
    assert.throws(
      () => parse(`{"${name}":1,"${name}":2}`),
      (error: Error) => error.message.length < 200 && error.message.includes("NNN…"),
    );
  });

  test("the same name in different objects is not twice", () => {
    assert.equal(parse('{"A":{"A":{"A":1}},"B":{"A":2}}').size, 2);
  });

  for (const [what, bytes] of [
    ["a byte that is not UTF-8", Buffer.from([0x7b, 0x22, 0x41, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])],
    ["a UTF-8 sequence cut off", Buffer.from('{"A":"é').subarray(0, -1)],
    ["a surrogate in UTF-8", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ["half a UTF-16 unit", Buffer.concat([Buffer.from('\ufeff{"A":"x"}', "utf16le"), Buffer.from([0x41])])],
    ["an unpaired surrogate in UTF-16", Buffer.from('\ufeff{"A":"\ud800"}', "utf16le")],
  ] as const) {
    test(`refuses ${what}`, () => {
      assert.throws(() => parseSecrets(bytes), { code: "json-encoding" });
    });
  }

  test("stops at a depth no secret has, without growing the stack", () => {
    const nest = (depth: number): string => `{"A":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    assert.equal(parse(nest(64)).size, 1);
    assert.throws(() => parse(nest(65)), { code: "json-depth" });
    assert.throws(() => parse(`{"A":${"[".repeat(5_000_000)}`), { code: "json-depth" });
    assert.throws(() => parse(`{"A":${'{"A":'.repeat(1_000_000)}`), { code: "json-depth" });
    assert.throws(() => parse("[".repeat(5_000_000)), { code: "json-depth" });
  });

  test("stops at a number of items no file of secrets has", () => {
    assert.equal(parse(`{"A":[${"1,".repeat(200_000)}1]}`).size, 1);
    assert.throws(() => parse(`{"A":[${"1,".repeat(300_000)}1]}`), { code: "json-too-large" });
  });

  test("takes time in proportion to its length", () => {
    const time = (text: string): number => {
      const start = process.hrtime.bigint();
      try {
        format(parse(text));
      } catch {}
      return Number(process.hrtime.bigint() - start) / 1e6;
    };
    const lengths: Record<string, string> = {
      "one long string": `{"A":"${"x".repeat(4_000_000)}"}`,
      escapes: `{"A":"${"\\n".repeat(2_000_000)}"}`,
      backslashes: `{"A":"${"\\\\".repeat(2_000_000)}"}`,
      unclosed: `{"A":"${"\\".repeat(4_000_000)}`,
      space: `{"A":${" ".repeat(4_000_000)}1}`,
      digits: `{"A":${"1".repeat(4_000_000)}}`,
      lines: `{${"\n".repeat(4_000_000)}`,
      deep: `{"A":${"[".repeat(60)}"${"x".repeat(4_000_000)}"${"]".repeat(60)}}`,
    };
    for (const [what, text] of Object.entries(lengths)) assert.ok(time(text) < 5000, what);
  });
});

describe("writing", () => {
  test("sorts by UTF-8 bytes, as Go does, and not by UTF-16 units", () => {
    const names = ["\u{1f511}", "\ufffd", "\uff21", "é", "z", "a_", "aa", "a", "Z", ""];
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const byUnits = [...names].sort((a, b) => (a < b ? -1 : 1));
    assert.notDeepEqual(byUnits, sorted);
    assert.deepEqual([...parse(format(strings(Object.fromEntries(names.map((name) => [name, ""]))))).keys()], sorted);
    const nested = parse(format(other("V", '{"\u{1f511}":1,"\ufffd":2}'))).get("V");
    assert.deepEqual(nested, { kind: "other", text: '{"\ufffd":2,"\u{1f511}":1}' });
  });

  test("orders any names as their UTF-8 bytes", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(text, text, (a, b) => {
        assert.equal(Math.sign(compareUtf8(a, b)), Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
  });

  test("orders unpaired surrogates too, in one way", () => {
    fc.assert(
      fc.property(anyString, anyString, anyString, (a, b, c) => {
        assert.equal(Math.sign(compareUtf8(a, b)) + Math.sign(compareUtf8(b, a)), 0);
        assert.equal(compareUtf8(a, b) === 0, a === b);
        if (compareUtf8(a, b) <= 0 && compareUtf8(b, c) <= 0) assert.ok(compareUtf8(a, c) <= 0);
      }),
    );
  });

  test("escapes what Go escapes and nothing else", () => {
    for (let unit = 0; unit < 0xd800; unit++) {
      const character = String.fromCharCode(unit);
      const written = format(strings({ A: character })).slice('{\n  "A": "'.length, -'"\n}'.length);
      const short = { '"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t" }[
        character
      ];
      const long = unit < 0x20 || "<>&\u2028\u2029".includes(character);
      assert.equal(
        written,
        short ?? (long ? `\\u${unit.toString(16).padStart(4, "0")}` : character),
        unit.toString(16),
      );
    }
  });

  test("writes no secrets as {}", () => {
    assert.equal(format(new Map()), "{}");
  });

  test("lays other values out as Go's json.Indent does", () => {
    const text = '{"L":[1.10,{"a":null,"b":[],"c":{"d":"x, y: {z}\\\\\\"["}},{}],"N":"x"}';
    const laidOut = `{
  "L": [
    1.10,
    {
      "a": null,
      "b": [],
      "c": {
        "d": "x, y: {z}\\\\\\"["
      }
    },
    {}
  ],
  "N": "x"
}`;
    assert.equal(format(parse(text)), laidOut);
    assert.equal(format(other("L", '{ "b" : [ ],\n "a":1 }')), '{\n  "L": {\n    "a": 1,\n    "b": []\n  }\n}');
    assert.throws(() => format(other("L", "{")), { code: "json-syntax" });
    assert.throws(() => format(other("L", '1,"M":2')), { code: "json-syntax" });
  });

  test("writes large values in pieces without parting a character", () => {
    for (const size of [65_533, 65_534, 65_535, 65_536, 131_071]) {
      const value = `${"x".repeat(size)}🔑${"<é\ud800>".repeat(20_000)}`;
      const secrets = strings({ B: value, A: "1" });
      const text = format(secrets);
      assert.equal(sameSecrets(parse(text), secrets), true);
      assert.ok(text.startsWith('{\n  "A": "1",\n  "B": "xxx'));
      assert.ok(text.includes(`x🔑\\u003cé\\ud800\\u003e`));
      const nested = parse(`{"V":[${JSON.stringify(value)}]}`);
      assert.equal(sameSecrets(parse(format(nested)), nested), true);
    }
  });
});

describe("comparing", () => {
  test("order does not matter, anything else does", () => {
    const base = '{"A":"x","B":[1,2]}';
    assert.equal(sameSecrets(parse(base), parse('{ "B": [ 1 , 2 ], "A":"\\u0078" }')), true);
    for (const differs of [
      '{"A":"x"}',
      '{"A":"y","B":[1,2]}',
      '{"A":"x","B":[2,1]}',
      '{"A":"x","C":[1,2]}',
      '{"A":"x","B":"[1,2]"}',
      '{"A":"x","B":[1,2],"C":""}',
      '{"A":"x","B":[1,2.0]}',
    ]) {
      assert.equal(sameSecrets(parse(base), parse(differs)), false, differs);
    }
  });
});
