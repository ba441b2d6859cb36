import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { createScanner } from "../../src/scan/engine.ts";
import { buildKnownValues, Comparisons, type KnownEntry } from "../../src/scan/known-values.ts";
import { isStrongValue } from "../../src/scan/randomness.ts";

const NONE = { publicNames: new Set<string>() };

function scannerFor(value: string | Buffer, more: Partial<KnownEntry> = {}) {
  const entry: KnownEntry = { formation: "bots/one", name: "SERVICE_TOKEN", value, kind: "value", ...more };
  return createScanner({ known: buildKnownValues([entry], NONE), rules: [] });
}

const find = (value: string | Buffer, content: string | Buffer, more: Partial<KnownEntry> = {}) =>
  scannerFor(value, more).scan("notes.txt", typeof content === "string" ? Buffer.from(content, "utf8") : content);

// Fake values, assembled so that no scanner trips on this file.
const TOKEN = ["q7Xw", "Zp3N", "vK9t", "Rb2L"].join("");
const SPICY = ["k<9&", "T\"q'", " \\x4$", "w%Z+/", "é€"].join("");

const pem = (() => {
  const line = (seed: number) => {
    let text = "";
    let state = seed;
    while (text.length < 64) {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      text += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(state >> 12) & 63];
    }
    return text;
  };
  const label = ["PRIVATE", "KEY"].join(" ");
  return [
    `-----BEGIN ${label}-----`,
    ...[1, 2, 3, 4, 5, 6].map((n) => line(n * 77 + 5)),
    `-----END ${label}-----`,
    "",
  ].join("\n");
})();

const goJson = (text: string) =>
  JSON.stringify(text)
    .slice(1, -1)
    .replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
const asciiJson = (text: string) =>
  JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
const lowerPercent = (text: string) => text.replace(/%../g, (t) => t.toLowerCase());
const strict = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const base64At = (shift: number) => (text: string) =>
  Buffer.concat([Buffer.from("zz".slice(0, shift)), Buffer.from(text, "utf8"), Buffer.from("yy")]).toString("base64");
const url = (text: string) => text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const ENCODINGS: Record<string, (text: string) => string> = {
  raw: (text) => text,
  "JSON as Go writes it": goJson,
  "JSON in ASCII": asciiJson,
  "JSON in JSON": (text) => JSON.stringify(JSON.stringify(text)).slice(3, -3),
  percent: encodeURIComponent,
  "percent, lower case": (text) => lowerPercent(encodeURIComponent(text)),
  "percent, strict": strict,
  "percent, form": (text) => new URLSearchParams([["", text]]).toString().slice(1),
  "shell, single quotes": (text) => text.replaceAll("'", "'\\''"),
  "shell, double quotes": (text) => text.replace(/["$`\\]/g, "\\$&"),
  "shell, backslashes": (text) => text.replace(/[^\p{L}\p{N}_./-]/gu, "\\$&"),
  "SQL quotes": (text) => text.replaceAll("'", "''"),
  XML: (text) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"),
  hex: (text) => Buffer.from(text, "utf8").toString("hex"),
  "hex, upper case": (text) => Buffer.from(text, "utf8").toString("hex").toUpperCase(),
  base64: base64At(0),
  "base64 after one byte": base64At(1),
  "base64 after two bytes": base64At(2),
  base64url: (text) => url(base64At(0)(text)),
  "base64url after one byte": (text) => url(base64At(1)(text)),
  "base64url after two bytes": (text) => url(base64At(2)(text)),
  "base64 in percent": (text) => encodeURIComponent(base64At(1)(text)),
};

describe("a value of the repository is found in every encoding", () => {
  for (const [name, encode] of Object.entries(ENCODINGS)) {
    for (const [kind, value] of [
      ["plain", TOKEN],
      ["with marks", SPICY],
      ["of marks only", "!(@)*~^&<'\"$#%"],
    ] as const) {
      test(`${name}, a value ${kind}`, () => {
        const found = find(value, `first\nsecond: ${encode(value)}\nthird\n`);
        assert.equal(found.length, 1);
        assert.equal(found[0]!.rule, "known-value");
        assert.equal(found[0]!.severity, "error");
        assert.equal(found[0]!.name, "SERVICE_TOKEN");
        assert.equal(found[0]!.formation, "bots/one");
        assert.equal(found[0]!.line, 2);
        if (!name.startsWith("base64")) assert.equal(found[0]!.column, 9);
        assert.ok(!JSON.stringify(found).includes(value), "the finding shows the value");
      });
    }
  }

  const value = fc
    .tuple(
      fc.string({ unit: "grapheme-ascii", minLength: 10, maxLength: 40 }),
      fc.constantFrom("q7Xw9Z", "Kp3vT8", "zR4bN6"),
      fc.string({ unit: "grapheme", minLength: 0, maxLength: 12 }),
    )
    .map(([a, b, c]) => `${a}${b}${c}`.trim())
    .filter(
      (text) =>
        // A weak value (what looks like a host and a path, say) is looked for as it stands only.
        isStrongValue(text) &&
        !/[\0\r\n\u2028\u2029]/.test(text) &&
        Buffer.from(text, "utf8").toString("utf8") === text,
    );
  const around = fc.string({ unit: fc.constantFrom(..."abc xyz\n\t:=,é漢🙂".split("")), maxLength: 60 });

  for (const [name, encode] of Object.entries(ENCODINGS)) {
    test(`whatever the value and the text around it: ${name}`, () => {
      fc.assert(
        fc.property(value, around, around, (secret, before, after) => {
          const head = `${before}\n[`;
          const content = `${head}${encode(secret)}]\n${after}`;
          const found = find(secret, content);
          const lines = head.split("\n");
          return (
            found.length === 1 &&
            found[0]!.line === lines.length &&
            (name.startsWith("base64") || found[0]!.column === lines.at(-1)!.length + 1)
          );
        }),
        { numRuns: 60, verbose: 0 },
      );
    });
  }

  test("text without the value is silent", () => {
    fc.assert(
      fc.property(value, fc.string({ unit: "grapheme", maxLength: 400 }), (secret, text) => {
        fc.pre(!text.includes(secret));
        return find(secret, text).length === 0;
      }),
      { numRuns: 200 },
    );
  });

  test("a value cut short by one character at either end is silent", () => {
    for (const encode of [ENCODINGS.raw!, ENCODINGS.hex!, ENCODINGS.percent!]) {
      assert.deepEqual(find(TOKEN, `x: ${encode(TOKEN.slice(0, -1))}!`), []);
      assert.deepEqual(find(TOKEN, `x: !${encode(TOKEN.slice(1))}`), []);
    }
    assert.deepEqual(find(TOKEN, TOKEN.toLowerCase()), []);
  });
});

describe("UTF-16", () => {
  for (const mark of ["\uFEFF", ""]) {
    for (const big of [false, true]) {
      test(`a file in UTF-16${big ? "BE" : "LE"} ${mark === "" ? "without" : "with"} a mark, line and column right`, () => {
        const bytes = Buffer.from(`${mark}name: x\nsecret = "${TOKEN}"\n`, "utf16le");
        const found = find(TOKEN, big ? bytes.swap16() : bytes);
        assert.deepEqual([found.length, found[0]?.line, found[0]?.column], [1, 2, 11]);
      });
      test(`UTF-16${big ? "BE" : "LE"} inside a binary file (${mark === "" ? "plain" : "with marks"})`, () => {
        for (const secret of [TOKEN, SPICY]) {
          const text = Buffer.from(secret, "utf16le");
          const found = find(
            secret,
            Buffer.concat([Buffer.alloc(9, 1), big ? text.swap16() : text, Buffer.from("\x01\x02tail of it")]),
          );
          assert.equal(found.length, 1);
        }
      });
    }
  }
});

describe("values of several lines", () => {
  const body = pem.trim();
  const forms: Record<string, string> = {
    "as it is": `x\n${body}\n`,
    CRLF: `x\n${body.replaceAll("\n", "\r\n")}\r\n`,
    "in a YAML block": `key: |\n${body
      .split("\n")
      .map((line) => `      ${line}`)
      .join("\n")}\n`,
    "joined in JSON": `{"k":\n"${body.replaceAll("\n", "\\n")}"}`,
    "joined in JSON in JSON": `{"k":\n"${body.replaceAll("\n", "\\\\n")}"}`,
    "folded with blanks": `k:\n${body.replaceAll("\n", " ")}`,
    "as concatenated strings": `k =\n${body
      .split("\n")
      .map((line) => `  "${line}\\n" +`)
      .join("\n")}\n`,
    "in percent": `k=\n${encodeURIComponent(body)}`,
    "as base64": `k:\n  ${Buffer.from(body).toString("base64")}`,
    "as wrapped base64": `k:\n${Buffer.from(body)
      .toString("base64")
      .match(/.{1,76}/g)!
      .map((line) => `  ${line}`)
      .join("\n")}`,
    "as base64 wrapped at 64 with CRLF": `k:\n${Buffer.from(`${body}\n`)
      .toString("base64")
      .match(/.{1,64}/g)!
      .join("\r\n")}`,
  };
  for (const [name, content] of Object.entries(forms)) {
    test(`a private key ${name}`, () => {
      const found = find(pem, content);
      assert.equal(found.length, 1);
      assert.equal(found[0]!.line, 2);
    });
  }
  test("one body line of it", () => {
    const found = find(pem, `a = "${body.split("\n")[3]}"`);
    assert.equal(found.length, 1);
    assert.match(found[0]!.message, /a line of it/);
  });
  test("a key stored with \\n as two characters is found with real line ends", () => {
    assert.equal(find(body.replaceAll("\n", "\\n"), `x\n${body}\n`).length, 1);
  });
  test("its header alone is silent", () => {
    assert.deepEqual(find(pem, body.split("\n")[0]!), []);
  });
  test("base64 of a short value, wrapped wherever a wrap can fall", () => {
    const encoded = Buffer.from(
      `prefix of forty bytes to be wrapped ......${TOKEN}${TOKEN.toUpperCase()}${TOKEN}`,
    ).toString("base64");
    for (let width = 8; width < encoded.length; width++) {
      const wrapped = encoded.match(new RegExp(`.{1,${width}}`, "g"))!.join("\n");
      const found = find(`${TOKEN}${TOKEN.toUpperCase()}${TOKEN}`, wrapped);
      if (width >= 40) assert.equal(found.length, 1, `width ${width}`);
    }
  });
});

describe("weak values", () => {
  for (const weak of [
    "production",
    "localhost:8080",
    "admin",
    "5432",
    "db.internal.acme.io",
    "https://api.acme.io/v1",
  ]) {
    test(`${weak} only warns, once a file, as a whole word`, () => {
      const found = find(weak, `${weak}\nx${weak}x\n"${weak}"\n${weak}\n`);
      assert.equal(found.length, 1);
      assert.equal(found[0]!.severity, "warning");
      assert.equal(found[0]!.line, 1);
      assert.deepEqual(find(weak, `x${weak}x ${weak}s x${weak} _${weak}_`), []);
      assert.deepEqual(find(weak, Buffer.from(`..${weak}..`).toString("base64")), []);
    });
  }
  test("values under four characters and bare constants are not looked for", () => {
    for (const value of ["", "a", "abc", "true", "null", "  ", "${{ secrets.OTHER }}"]) {
      assert.deepEqual(find(value, `x = ${value}\ntrue null abc a\n`), []);
    }
  });
  test("a name declared public is exempt, a key is not", () => {
    const entries: KnownEntry[] = [
      { formation: "", name: "A", value: TOKEN, kind: "value" },
      { formation: "", name: "B", value: TOKEN.toLowerCase(), kind: "value" },
    ];
    const known = buildKnownValues(entries, { publicNames: new Set(["A", ".key"]) });
    const found = createScanner({ known, rules: [] }).scan("f", Buffer.from(`${TOKEN} ${TOKEN.toLowerCase()}`));
    assert.deepEqual(
      found.map((f) => f.name),
      ["B"],
    );
    const key = buildKnownValues([{ formation: "", name: ".key", value: fernetKey(3), kind: "key" }], {
      publicNames: new Set([".key"]),
    });
    assert.equal(createScanner({ known: key, rules: [] }).scan("f", Buffer.from(fernetKey(3))).length, 1);
  });
});

function fernetKey(seed: number): string {
  return Buffer.from(Array.from({ length: 32 }, (_, i) => (seed * 131 + i * i * 57 + i * 19) & 255))
    .toString("base64")
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

describe("keys of the repository", () => {
  const key = fernetKey(7);
  const bytes = Buffer.from(key, "base64url");
  const forms: Record<string, string | Buffer> = {
    "as it is": key,
    "without its pad": key.replace("=", ""),
    "in the other base64 alphabet": bytes.toString("base64"),
    "percent-encoded": encodeURIComponent(key),
    "as base64 of the text": Buffer.from(`${key}\n`).toString("base64"),
    "as base64 of text that holds it": Buffer.from(`x${key}`).toString("base64"),
    "as hex of the text": Buffer.from(key).toString("hex"),
    "as hex of its bytes": bytes.toString("hex"),
    "as its 32 bytes": Buffer.concat([Buffer.from("\x01\x02"), bytes, Buffer.from("\x00tail")]),
    "in UTF-16": Buffer.from(`\uFEFFkey=${key}`, "utf16le"),
  };
  for (const [name, content] of Object.entries(forms)) {
    test(`${name}, always an error`, () => {
      for (const stored of [key, `${key}\n`, Buffer.from(`\uFEFF${key}\r\n`)]) {
        const found = find(stored, content, { kind: "key", name: ".key" });
        assert.deepEqual(
          found.map((f) => [f.rule, f.kind, f.severity]),
          [["known-key", "key", "error"]],
        );
      }
    });
  }
});

test("one value known under two names is reported for both", () => {
  const known = buildKnownValues(
    [
      { formation: "a", name: "ONE", value: TOKEN, kind: "value" },
      { formation: "b", name: "TWO", value: TOKEN, kind: "value" },
    ],
    NONE,
  );
  const found = createScanner({ known, rules: [] }).scan("f", Buffer.from(`x ${TOKEN}`));
  assert.deepEqual(new Set(found.map((f) => f.formation)), new Set(["a", "b"]));
});

test("known values show their number and nothing else", () => {
  const known = buildKnownValues([{ formation: "", name: "A", value: TOKEN, kind: "value" }], NONE);
  assert.equal(known.count, 1);
  for (const text of [
    inspect(known, { showHidden: true, depth: 9 }),
    JSON.stringify(known),
    String(Object.getOwnPropertyNames(known)),
  ]) {
    assert.ok(!text.includes(TOKEN.slice(0, 6)));
  }
});

test("the encrypted token of a value is silent", () => {
  const token = `gAAAAAB${"kQ9x".repeat(40)}==`;
  assert.deepEqual(find(token, token), []);
});

describe("the secret parts of a value are found alone", () => {
  const password = ["Tr0ub", "4dor-", "3xQz"].join("");
  const parts = (value: string, content: string) => find(value, content).map((f) => f.message);
  test("the password in a URL, as written and decoded", () => {
    const url = (secret: string) => `postgres://app:${secret}@db.example.org/app`;
    assert.match(parts(url(password), `PGPASSWORD=${password}`)[0]!, /SERVICE_TOKEN.*a part of it/);
    assert.equal(parts(url(encodeURIComponent(`${password}/@`)), `x "${password}/@"`).length, 1);
    assert.equal(parts(url(password), `x ${Buffer.from(password).toString("base64")}`).length, 1);
    assert.equal(parts(url(password), `u: ${url(password)}`).length, 1);
    assert.deepEqual(parts(url("postgres"), "user postgres, app, db.example.org"), []);
  });
  test("the strings of a JSON value, not its names and addresses", () => {
    const account = JSON.stringify({
      type: "service_account",
      project_id: "acme-x7q-prod-2",
      clientId: "117283940596071829304",
      nested: [{ private_key: TOKEN, auth_uri: "https://accounts.example.com/o/oauth2/auth" }],
    });
    assert.equal(parts(account, `k = ${TOKEN}`).length, 1);
    assert.equal(parts(account, `k = ${account}`).length, 1);
    assert.deepEqual(parts(account, "acme-x7q-prod-2 117283940596071829304 service_account"), []);
    assert.deepEqual(parts(`{"a": "${TOKEN}"`, TOKEN), []);
  });
  test("JSON as deep as it may be", () => {
    const depth = 20_000;
    assert.equal(parts(`${"[".repeat(depth)}"${TOKEN}"${"]".repeat(depth)}`, TOKEN).length, 1);
  });
});

test("base64 of a value of 15 bytes is found wherever a line breaks in it", () => {
  const secret = TOKEN.slice(0, 15);
  const encoded = Buffer.from(secret).toString("base64");
  for (let at = 1; at < encoded.length; at++) {
    assert.equal(find(secret, `x:\n${encoded.slice(0, at)}\n${encoded.slice(at)}\n`).length, 1, `at ${at}`);
  }
});

describe("a file that resembles a value everywhere", () => {
  const tail = Buffer.from(Array.from({ length: 45 }, (_, i) => (i * i * 89 + i * 37 + 11) & 255)).toString("base64");
  function judged(value: string, content: string) {
    const comparisons = new Comparisons(content.length);
    const found = scannerFor(value).scan("a", Buffer.from(content), { comparisons });
    return { comparisons: comparisons.count / content.length, rules: found.map((f) => f.rule) };
  }
  test("costs nothing where the value has a part that the file lacks", () => {
    const { comparisons, rules } = judged("Xk9Qa2".repeat(3000) + tail, "Xk9Qa2".repeat(20_000));
    assert.ok(comparisons < 2, `${comparisons} a byte`);
    assert.deepEqual(rules, []);
  });
  test("is stopped by its budget, and that is an error", () => {
    const { comparisons, rules } = judged(`${`${tail}\n`.repeat(500)}Zq9x`, `${tail} \n  "\n`.repeat(4000));
    assert.ok(comparisons < 50, `${comparisons} a byte`);
    assert.ok(rules.includes("too-much-to-compare"));
  });
  test("and an honest file spends little", () => {
    const { comparisons, rules } = judged(pem, `x\n${pem}\n`.repeat(50));
    assert.ok(comparisons < 16, `${comparisons} a byte`);
    assert.equal(new Set(rules).size, 1);
  });
});

test("100 values in one automaton are each found", () => {
  const entries = Array.from(
    { length: 100 },
    (_, i): KnownEntry => ({ formation: "", name: `N${i}`, value: `v${i}${fernetKey(i).slice(0, 24)}`, kind: "value" }),
  );
  const scanner = createScanner({ known: buildKnownValues(entries, NONE), rules: [] });
  const content = entries
    .map((entry, i) => (i % 2 ? entry.value : Buffer.from(entry.value).toString("base64")))
    .join("\n");
  assert.deepEqual(
    scanner.scan("f", Buffer.from(content)).map((f) => f.name),
    entries.map((entry) => entry.name),
  );
});
