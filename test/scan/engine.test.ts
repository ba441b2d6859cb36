import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { crc62Suffix } from "../../src/scan/checksum.ts";
import { createScanner, MAX_ERRORS_PER_FILE, MAX_OF_ONE_SECRET, MAX_WARNINGS_PER_FILE } from "../../src/scan/engine.ts";
import { buildKnownValues } from "../../src/scan/known-values.ts";
import type { Rule } from "../../src/scan/rule.ts";
import { allRules } from "../../src/scan/rules/index.ts";
import { SLOW } from "../support/gits.ts";
import { seededRandom } from "./seeded-random.ts";

const scanner = createScanner();
const scan = (content: string | Buffer, path = "a.txt") =>
  scanner.scan(path, typeof content === "string" ? Buffer.from(content) : content);

// Fake tokens, assembled so that no scanner trips on this file.
const npm = (n: number) => {
  const body = `Q7xWzp3Nv${String(n).padStart(6, "0")}K9tRb2LmYc5dHsJ`;
  return ["np", "m_"].join("") + body + crc62Suffix(body);
};
const GROQ = `${["gs", "k_"].join("")}Zq4mN8vK2xR7tB5cY9wL3pD6hJ1sF0gAzQ4nM8bV2xC7kT5yR9wE`;

describe("where a finding stands", () => {
  test("line and column in UTF-16 units, whatever stands before", () => {
    const found = scan(`ä漢🙂\r\nkey🙂: ${npm(1)} end\n`);
    assert.deepEqual(
      found.map((f) => [f.line, f.column, f.endLine, f.endColumn]),
      [[2, 8, 2, 8 + 40]],
    );
  });
  test("a byte order mark counts no column", () => {
    assert.equal(scan(`\uFEFF${npm(1)}`)[0]!.column, 1);
  });
  test("UTF-16 and UTF-32, with and without a mark", () => {
    const text = `héllo = 1\r\ntoken: "${npm(2)}"\n`;
    const little = Buffer.from(text, "utf16le");
    const utf32 = Buffer.alloc((text.length + 1) * 4);
    utf32.writeUInt32LE(0xfeff, 0);
    for (let i = 0; i < text.length; i++) utf32.writeUInt32LE(text.charCodeAt(i), 4 + i * 4);
    const forms = [
      little,
      Buffer.from(little).swap16(),
      Buffer.from(`\uFEFF${text}`, "utf16le"),
      Buffer.from(`\uFEFF${text}`, "utf16le").swap16(),
      utf32,
      Buffer.from(utf32).swap32(),
      little.subarray(0, -1),
    ];
    for (const [at, bytes] of forms.entries()) {
      assert.deepEqual(
        scan(bytes).map((f) => [f.line, f.column]),
        [[2, 9]],
        `form ${at}`,
      );
    }
  });
  describe("first bytes that claim another encoding hide nothing", () => {
    const mixed = (...parts: (string | Buffer)[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string)));
    const wide = (text: string) => Buffer.from(text, "utf16le");
    const utf32 = Buffer.alloc(160);
    for (let i = 0; i < 40; i++) utf32.writeUInt32LE(npm(8).charCodeAt(i), i * 4);
    for (const [name, bytes] of Object.entries({
      "a UTF-16LE mark before ASCII": mixed(Buffer.from([0xff, 0xfe]), `\n${npm(8)}\n`),
      "a UTF-16BE mark before ASCII": mixed(Buffer.from([0xfe, 0xff]), `\n${npm(8)}\n`),
      "a UTF-32LE mark before ASCII": mixed(Buffer.from([0xff, 0xfe, 0, 0]), `\n${npm(8)}\n`),
      "a UTF-32BE mark before ASCII": mixed(Buffer.from([0, 0, 0xfe, 0xff]), `\n${npm(8)}\n`),
      "UTF-16 that goes on as ASCII": mixed(wide("\uFEFFname = value\n"), `${npm(8)}\n`),
      "ASCII that goes on as UTF-16": mixed("name = value\n", wide(`${npm(8)}\n`)),
      "ASCII that goes on as UTF-16BE": mixed("name = value\n", wide(`${npm(8)}\n`).swap16()),
      "UTF-16 that goes on as ASCII and as UTF-16 again": mixed(wide("\uFEFFname\n"), "x: ", wide(npm(8))),
      "UTF-32LE without a mark": mixed(Buffer.from([10, 0, 0, 0]), utf32),
      "UTF-32BE without a mark": mixed(Buffer.from([0, 0, 0, 10]), Buffer.from(utf32).swap32()),
    })) {
      test(name, () =>
        assert.deepEqual(
          scan(bytes).map((f) => [f.rule, f.line]),
          [["npm-token", 2]],
        ),
      );
    }
    test("strings that NULs part in a binary file are not joined", () => {
      assert.deepEqual(scan(`ab\0${npm(9).slice(0, 20)}\0${npm(9).slice(20)}\0`), []);
    });
  });
  test("files with NULs and bytes that are no text are scanned", () => {
    const bytes = Buffer.concat([Buffer.from([0, 1, 2, 255, 254, 10, 0]), Buffer.from(`${npm(3)}\0tail`)]);
    assert.deepEqual(
      scan(bytes).map((f) => f.line),
      [2],
    );
  });
  test("a part of a file counts from its first line", () => {
    assert.equal(scanner.scan("a", Buffer.from(`\n${npm(1)}`), { startLine: 41 })[0]!.line, 42);
  });
  test("a Uint8Array that is a window of a larger buffer", () => {
    const buffer = Buffer.from(`xxxx ${npm(1)} yyyy`);
    const found = scanner.scan("a", new Uint8Array(buffer.buffer, buffer.byteOffset + 4, buffer.length - 8));
    assert.deepEqual(
      found.map((f) => f.column),
      [2],
    );
  });
  test("empty and tiny files have no findings", () => {
    for (const content of ["", "\n", "\uFEFF", "g", "npm_", "\0"]) assert.deepEqual(scan(content), []);
  });
});

describe("which finding is reported", () => {
  test("ordered by place, the same in every run", () => {
    const text = `${GROQ}\n${npm(1)}\n${GROQ}\n`;
    const found = scan(text);
    assert.deepEqual(
      found.map((f) => [f.rule, f.line]),
      [
        ["groq-key", 1],
        ["npm-token", 2],
        ["groq-key", 3],
      ],
    );
    assert.deepEqual(scan(text), found);
    assert.equal(found[0]!.secretId, found[2]!.secretId);
    assert.notEqual(found[0]!.secretId, found[1]!.secretId);
  });
  test("a known value beats the rule that also sees it", () => {
    const known = buildKnownValues([{ formation: "", name: "NPM_TOKEN", value: npm(5), kind: "value" }], {
      publicNames: new Set(),
    });
    const found = createScanner({ known }).scan("a", Buffer.from(`//r/:_authToken=${npm(5)}`));
    assert.deepEqual(
      found.map((f) => [f.rule, f.name]),
      [["known-value", "NPM_TOKEN"]],
    );
  });
  test("a token beats a weak known value inside it", () => {
    const known = buildKnownValues([{ formation: "", name: "HOST", value: "acme", kind: "value" }], {
      publicNames: new Set(),
    });
    const url = `postgres://app:${"Vw7Kq2Zx"}9Lm@acme/db`;
    const found = createScanner({ known }).scan("a", Buffer.from(`${url} acme`));
    assert.ok(found.some((f) => f.rule === "database-url"));
  });
  test("OpenAI's own rule beats the looser ones", () => {
    const mark = ["T3Blbk", "FJ"].join("");
    const half = GROQ.slice(4, 24);
    assert.deepEqual(
      scan(`sk-${half}${mark}${half}`).map((f) => f.rule),
      ["openai-legacy-key"],
    );
    assert.deepEqual(
      scan(`sk-proj-${half}${mark}${half}`).map((f) => f.rule),
      ["openai-key"],
    );
  });
  test("wrong check digits make a warning, never silence", () => {
    assert.deepEqual(
      allRules().flatMap((rule) => (rule.checksum === undefined ? [] : [rule.id])),
      [
        "github-token",
        "github-refresh-token",
        "github-fine-grained-token",
        "gitlab-token",
        "aws-bedrock-key",
        "vercel-token",
        "confluent-secret",
        "zuplo-key",
        "onepassword-service-account-token",
        "npm-token",
        "age-secret-key",
        "age-post-quantum-key",
      ],
    );
    // These have no check digits at the end of every example, or hexadecimal ones; rules.test.ts has them all.
    const others = ["gitlab-token", "aws-bedrock-key", "onepassword-service-account-token", "zuplo-key"];
    for (const rule of allRules().filter((one) => one.checksum !== undefined && !others.includes(one.id))) {
      const example = rule.example(seededRandom(7));
      const at = rule.id === "github-fine-grained-token" ? 80 : example.length - 3;
      const other = /[a-z]/.test(example[at]!) ? "q" : "Q";
      const wrong =
        example.slice(0, at) +
        (example[at] === other ? other.replace("q", "p").replace("Q", "P") : other) +
        example.slice(at + 1);
      const found = createScanner({ rules: [rule] }).scan("a", Buffer.from(wrong));
      assert.deepEqual(
        found.map((f) => f.severity),
        ["warning"],
        rule.id,
      );
      assert.match(found[0]!.message, /check digits/);
    }
  });
  test("no finding shows its secret", () => {
    for (const rule of allRules()) {
      const example = rule.example(seededRandom(11));
      const shown = JSON.stringify(scan(` ${example} `));
      const body = example.slice(-24, -4);
      assert.ok(!shown.includes(body), rule.id);
    }
  });
});

describe("a rule with a judge", () => {
  const asked: { text: string; at: number; path: string }[] = [];
  const rule: Rule = {
    id: "judged",
    provider: "test",
    opens: "nothing",
    keywords: ["mark:"],
    before: 4,
    window: 32,
    gate: (bytes, _start, end) => bytes[end] !== 0x21,
    judge: (text, at, { path }) => {
      asked.push({ text, at, path });
      const words = [...text.matchAll(/[a-z]{6}/g)].filter(({ index }) => index > at);
      return words.map(({ index }) => ({
        start: index,
        end: index + 6,
        ...(text[index] === "w" ? { severity: "warning" as const } : {}),
      }));
    },
    severity: "error",
    generic: true,
    message: "as the rule words it",
    example: () => "",
    nearMisses: () => [],
    source: "",
  };
  const scan = (text: string) => createScanner({ rules: [rule] }).scan("a/b", Buffer.from(text, "latin1"));

  test("reports each span it answers, with its severity and the rule's words", () => {
    const found = scan("line\n..mark: abcdef wbcdef\n");
    assert.deepEqual(
      found.map(({ line, column, endColumn, severity, message }) => [line, column, endColumn, severity, message]),
      [
        [2, 9, 15, "error", "as the rule words it"],
        [2, 16, 22, "warning", "as the rule words it"],
      ],
    );
    assert.notEqual(found[0]!.secretId, found[1]!.secretId);
  });

  test("sees the window, the keyword's place in it and the path", () => {
    asked.length = 0;
    scan(`0123456mark:${"x".repeat(90)}`);
    assert.deepEqual(asked, []); // no token begins inside a word
    scan(`012345 mark:${" ".repeat(90)}`);
    assert.deepEqual(asked, [{ text: `345 mark:${" ".repeat(27)}`, at: 4, path: "a/b" }]);
  });

  test("is not asked where the gate says no, nor again inside what it found", () => {
    asked.length = 0;
    assert.deepEqual(scan("mark:!abcdef"), []);
    assert.deepEqual(asked, []);
    assert.equal(scan("mark: mark: abcdef").length, 1);
    assert.equal(asked.length, 1);
  });
});

describe("what stays silent", () => {
  const silent: Record<string, string> = {
    "a reference": "key: ${{ secrets.OPENAI_API_KEY }}\nauth: ${{secrets.GITHUB_TOKEN}}",
    "placeholders of MUXI's examples":
      "OPENAI_API_KEY=sk-...\nGITHUB_TOKEN=ghp_...\nBRAVE_SEARCH_API_KEY=BSA...\nA=sk-ant-xxxxx",
    "AWS's example": `AKIAIOSFODNN7${"EXAMPLE"} wJalrXUtnFEMI/K7MDENG/bPxRfiCY${"EXAMPLEKEY"}`,
    "an alphabet": `${["gs", "k_"].join("")}abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ`,
    "a Fernet token": `gAAAAABl${"Zq4mN8vK2xR7tB5cY9wL3pD6hJ1sF0gA".repeat(4)}==`,
    "subresource integrity":
      '"integrity": "sha512-Zq4mN8vK2xR7tB5cY9wL3pD6hJ1sF0gAzQ4nM8bV2xC7kT5yR9wEZq4mN8vK2xR7tB5cY9wL3pD6hJ1sF0gAzQ=="',
    "object names and UUIDs":
      "commit 3b18e512dba79e4c8300dd08aeb37f8e728b8dad\nid: 123e4567-e89b-42d3-a456-426614174000",
    "code that reads keys": 'const apiKey = process.env["OPENAI_API_KEY"] ?? os.getenv("MISTRAL_API_KEY");',
    "words with a prefix inside": "task-management disk-usage risk-assessment week_number mask-image",
  };
  for (const [name, text] of Object.entries(silent)) {
    test(name, () =>
      assert.deepEqual(
        scan(text).map((f) => f.rule),
        [],
      ),
    );
  }
  test("the formations of the shared folder's examples' shape", () => {
    assert.deepEqual(
      scan('llm:\n  api_keys:\n    openai: "${{ secrets.OPENAI_API_KEY }}"\n  # postgres://user:pass@host:5432/db\n'),
      [],
    );
  });
});

describe("cost", () => {
  test("findings have a cap, and where it is reached a finding says so", () => {
    const many = Array.from({ length: MAX_ERRORS_PER_FILE + 500 }, (_, i) => npm(i)).join("\n");
    const found = scan(many);
    assert.equal(found.length, MAX_ERRORS_PER_FILE + 1);
    assert.equal(found.at(-1)!.rule, "too-many-findings");
  });
  test("where errors are left out, that is an error, and a new one when the file changes", () => {
    const many = Array.from({ length: MAX_ERRORS_PER_FILE }, (_, i) => npm(i)).join("\n");
    const notice = (text: string) => scan(text).find((f) => f.rule === "too-many-findings");
    assert.equal(notice(many), undefined);
    const one = notice(`${many}\n${npm(900_001)}`)!;
    const other = notice(`${many}\n${npm(900_002)}`)!;
    assert.equal(one.severity, "error");
    assert.notEqual(one.secretId, other.secretId);
  });
  test("one secret, however often, pushes no other out", () => {
    const found = scan(`${`${npm(1)}\n`.repeat(3000)}${npm(2)}\n`);
    assert.equal(found.length, MAX_OF_ONE_SECRET + 1);
    assert.equal(found.at(-1)!.line, 3001);
  });
  test("tokens, however many, push no known value out", () => {
    const value = `q7XwZp3N${"vK9tRb2L"}`;
    const known = buildKnownValues([{ formation: "", name: "A", value, kind: "value" }], { publicNames: new Set() });
    const many = Array.from({ length: MAX_ERRORS_PER_FILE + 500 }, (_, i) => npm(i)).join("\n");
    const found = createScanner({ known }).scan("a", Buffer.from(`${many}\n${value}`));
    assert.equal(found.filter((f) => f.rule === "known-value").length, 1);
  });
  test("without rules only known values are found, and nothing is left out", () => {
    const value = `q7XwZp3N${"vK9tRb2L"}`;
    const known = buildKnownValues([{ formation: "", name: "A", value, kind: "value" }], { publicNames: new Set() });
    const many = Array.from({ length: MAX_ERRORS_PER_FILE + 500 }, (_, i) => npm(i)).join("\n");
    const found = createScanner({ known }).scan("a", Buffer.from(`${many}\n${value}`), { rulesApply: false });
    assert.deepEqual(
      found.map((f) => f.rule),
      ["known-value"],
    );
  });
  test("warnings do not push an error out", () => {
    const wrong = (n: number) => `${npm(n).slice(0, -6)}000000`;
    const found = scan(`${Array.from({ length: 100_000 }, (_, i) => wrong(i)).join("\n")}\n${npm(7)}\n`);
    assert.equal(found.filter((f) => f.severity === "error").length, 1);
    assert.equal(found.filter((f) => f.rule === "npm-token" && f.severity === "warning").length, MAX_WARNINGS_PER_FILE);
  });
  test("one line of 10 MB with findings at both ends", () => {
    const filler = "lorem ipsum dolor sit amet sk- key token ".repeat(250_000);
    const found = scan(`${npm(1)} ${filler}${npm(2)}`);
    assert.deepEqual(
      found.map((f) => [f.line, f.column]),
      [
        [1, 1],
        [1, npm(1).length + 2 + filler.length],
      ],
    );
  });

  /** Bytes that rules' expressions are run over, counted by a rule that is wrapped for it. */
  function work(rule: Rule, content: Buffer): number {
    let bytes = 0;
    const original = RegExp.prototype.exec;
    RegExp.prototype.exec = function (this: RegExp, text: string) {
      bytes += text.length;
      return original.call(this, text);
    };
    try {
      createScanner({ rules: [rule] }).scan("a", content);
    } finally {
      RegExp.prototype.exec = original;
    }
    return bytes;
  }

  // Rules of one shape run the same code: daily one in eight, and each that has code of its own.
  const shapes = new Set<unknown>();
  const tried = allRules().filter((rule, at) => {
    const own = rule.judge !== undefined && !shapes.has(rule.judge);
    shapes.add(rule.judge);
    return SLOW || own || at % 8 === 0;
  });
  for (const rule of tried) {
    test(`${rule.id}: twice the hostile input, at most about twice the work`, () => {
      const example = rule.example(seededRandom(5));
      const hostile = [
        rule.keywords[0]!,
        `${rule.keywords[0]!}=`,
        rule.keywords[0]! + "a".repeat((rule.minLength ?? 40) * 2),
        example.slice(0, -1),
        `${example.slice(0, Math.ceil(example.length / 2))}\n`,
        `${rule.keywords[0]!} ${"_key ".repeat(6)}`,
        `${rule.keywords[0]!}${"A\\n".repeat(50)}`,
      ];
      // A judge asks its window more than once, with expressions that read a part of it each.
      const looks = rule.judge === undefined ? 1 : 24;
      const shortest = Math.min(...rule.keywords.map((keyword) => keyword.length));
      const size = Math.max(20_000, (rule.window ?? 512) * 12);
      for (const [at, unit] of hostile.entries()) {
        const small = Buffer.from(unit.repeat(Math.ceil(size / unit.length)));
        const large = Buffer.concat([small, small]);
        const one = work(rule, small);
        assert.ok(work(rule, large) <= 2.2 * one + 4 * (rule.window ?? 512), `hostile form ${at}, doubled`);
        // And bounded by the input itself: a window at each keyword at most.
        assert.ok(
          one <= (small.length / shortest + 2) * ((rule.before ?? 0) + (rule.window ?? 512) + 256) * looks,
          `hostile form ${at}`,
        );
      }
    });
  }

  test("every quantifier of every rule is bounded", () => {
    for (const rule of allRules()) {
      const plain = (rule.pattern ?? "").replace(/\\./g, "").replace(/\[[^\]]*\]/g, "");
      assert.doesNotMatch(plain, /[*+]|\{\d+,\}/, rule.id);
    }
  });
});
