import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseAssignments } from "../../src/secrets/json.ts";
import { formatKey, keyFromBytes } from "../../src/secrets/key.ts";

function parse(text: string): Record<string, string> | null {
  const secrets = parseAssignments(Buffer.from(text));
  if (secrets === null) return null;
  return Object.fromEntries([...secrets].map(([name, value]) => [name, value.kind === "string" ? value.value : "?"]));
}

describe("NAME=value lines", () => {
  for (const [what, text, values] of [
    ["nothing", "", {}],
    ["one", "A=b", { A: "b" }],
    ["several, with comments and blank lines", "# head\n\nA=b\n  # more\nC_1=d\n", { A: "b", C_1: "d" }],
    ["CRLF", "A=b\r\nC=d\r\n\r\n", { A: "b", C: "d" }],
    ["export and white space", "export A = b \n\texport\tC=d\n", { A: "b", C: "d" }],
    ["an empty value", "A=\nB=\n", { A: "", B: "" }],
    ["a value with = in it", "A=b=c==\n", { A: "b=c==" }],
    ["a comment after a value", "A=b # c\nB=b\t# c\nC= # c\nD=#c\n", { A: "b", B: "b", C: "", D: "" }],
    ["# inside a value", "A=b#c\nB=https://x/#y\n", { A: "b#c", B: "https://x/#y" }],
    ["single quotes, literal", "A='b # \\n $c' # d\n", { A: "b # \\n $c" }],
    ["backticks, literal", "A=`b \"c\" 'd'`\n", { A: "b \"c\" 'd'" }],
    ["double quotes, with escapes", 'A="b\\nc\\t\\"d\\" \\\\n \\x # e"\n', { A: 'b\nc\t"d" \\n \\x # e' }],
    ["several lines in quotes", "A=\"b\nc\n\"\nB='d\r\ne'\nC=f\n", { A: "b\nc\n", B: "d\ne", C: "f" }],
    ["comments and assignments inside quotes", 'A="\n# b\nC=d\n"\n', { A: "\n# b\nC=d\n" }],
    ["a quote that is not closed", "A=\"b\nB='c\nC=d\n", { A: '"b', B: "'c", C: "d" }],
    ["a quote followed by something", 'A="b"c\nB=d\n', { A: '"b"c', B: "d" }],
    ["the same quote value as an earlier line's", 'A="x"\nB="x"\nC="x"', { A: "x", B: "x", C: "x" }],
    ["a BOM", "\ufeffA=b\n", { A: "b" }],
    ["an unusual separator in a comment", "# a\u2028b\nA=b", { A: "b" }],
    ["dots and hyphens in names", "a.b-c=d", { "a.b-c": "d" }],
    ["__proto__", "__proto__=x\nA=b", JSON.parse('{"__proto__":"x","A":"b"}') as Record<string, string>],
  ] as const) {
    test(what, () => {
      assert.deepEqual(parse(text), values);
    });
  }

  for (const [what, text] of [
    ["a bare name", "A=b\nNAME\n"],
    ["a name with a space", "A B=c\n"],
    ["a name that begins with a digit", "1A=c\n"],
    ["no name", "=c\n"],
    ["JSON", '{"A":"b"}'],
    ["YAML", "A: b\n"],
    ["conflict markers", "<<<<<<< ours\nA=b\n=======\nA=c\n>>>>>>> theirs\n"],
    ["a NUL", "A=b\0\n"],
    ["a name of 300 characters", `${"A".repeat(300)}=b`],
  ] as const) {
    test(`are not there in a text with ${what}`, () => {
      assert.equal(parse(text), null);
    });
  }

  test("that are not UTF-8 are an error, other such bytes are nothing", () => {
    assert.throws(() => parseAssignments(Buffer.from([0x41, 0x3d, 0xff])), { code: "json-encoding" });
    assert.equal(parseAssignments(Buffer.from([0x41, 0x20, 0xff])), null);
    assert.equal(parseAssignments(Buffer.from([0x41, 0x3d, 0xff, 0x00])), null);
  });

  test("are read from UTF-16 with a BOM", () => {
    assert.deepEqual(
      [...(parseAssignments(Buffer.from("\ufeffA=b\r\n", "utf16le")) ?? [])],
      [["A", { kind: "string", value: "b" }]],
    );
  });

  test("that name a secret twice are an error that says where", () => {
    assert.throws(
      () => parse('X="1\n2"\nA=b\n\nA=SECRET\n'),
      (error: Error & { code: string }) => {
        assert.equal(error.code, "json-duplicate-name");
        assert.equal(error.message, "the name 'A' stands twice (line 5)");
        return true;
      },
    );
  });

  test("of plain values read as written, whatever the line ends", () => {
    const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,9}$/);
    const value = fc.stringMatching(/^[!$-&(-_a-~]{0,20}$/);
    fc.assert(
      fc.property(fc.dictionary(name, value), fc.constantFrom("\n", "\r\n"), fc.boolean(), (values, end, quoted) => {
        const lines = Object.entries(values).map(([key, text]) => `${key}=${quoted ? `'${text}'` : text}${end}`);
        assert.deepEqual(parse(lines.join("")), { ...values });
      }),
    );
  });

  test("take time in proportion to their length", () => {
    const many = 100_000;
    for (const text of [
      Array.from({ length: many }, (_, i) => `A${i}="x`).join("\n"),
      Array.from({ length: many }, (_, i) => `A${i}='\nB${i}=\`\nC${i}="\\"`).join("\n"),
      Array.from({ length: many }, (_, i) => `A${i}="\nB${i}="y z`).join("\n"),
      `A=${" ".repeat(2_000_000)}x`,
      `${" ".repeat(2_000_000)}x`,
      `A="${"\\".repeat(2_000_000)}`,
      `A=${" #".repeat(1_000_000)}`,
      "\n".repeat(2_000_000),
    ]) {
      const start = process.hrtime.bigint();
      parse(text);
      assert.ok(Number(process.hrtime.bigint() - start) / 1e6 < 3000);
    }
  });
});

describe("a key is no name", () => {
  const key = formatKey(keyFromBytes(Buffer.from(Array.from({ length: 32 }, (_, i) => (i * 37) & 255))));
  test("alone it makes no assignments", () => {
    for (const text of [key, `${key}\n`, `# key\n${key}\r\n`, `${key}=\n`, `export ${key} # c`, `${key}\n${key}`]) {
      assert.equal(parse(text), null);
    }
  });
  test("among assignments it is an error that does not show it", () => {
    for (const text of [`A=b\n${key}\n`, `${key}\nA=b\n`]) {
      assert.throws(
        () => parse(text),
        (error: Error & { code?: string }) => error.code === "json-syntax" && !error.message.includes(key.slice(0, 8)),
      );
    }
  });
  test("a long name of one case, or one with a value, is a name", () => {
    const long = "THE_TOKEN_OF_A_SERVICE_WITH_QUITE_A_LONG_NAME_1";
    assert.deepEqual(parse(`${long}=\n${long.toLowerCase()}=\n`), { [long]: "", [long.toLowerCase()]: "" });
    assert.deepEqual(parse(`${key}x`), { [key.slice(0, -1)]: "x" });
  });
});
