import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkPath, isKeyContent, isKeyPath, isMemoryDatabasePath } from "../../src/scan/paths.ts";

const KEY = `${"Zq4mN8vK2xR7tB5cY9wL3pD6hJ1sF0gAzQ4nM8bV2xC".slice(0, 42)}A=`;
const info = { mode: "100644", formations: ["bots/one", ""] };

describe("a key by its name", () => {
  for (const path of [
    ".key",
    "a/.key",
    "A/B/.KEY",
    "a/.Key",
    ".key.bak",
    ".key~",
    ".key.old",
    ".key.orig",
    ".key.save",
    ".key copy",
    ".key copy 2",
    ".key (1)",
    "x/.key.swp",
    ".key.swo",
    "..key.swp",
    ".key.prod",
    ".key-old",
    ".key_backup",
    "#.key#",
    ".key.2024-01-01",
    "Copy of .key",
    ".key.txt",
    ".key.zip",
    ".key 2",
    ".key - Copy",
    ".key - Copy (2)",
    ".key,v",
  ]) {
    test(`${path} is a key or its copy`, () => {
      assert.ok(isKeyPath(path));
      assert.deepEqual(
        checkPath(path, Buffer.from("x"), info).map((f) => [f.rule, f.kind, f.severity]),
        [["key-file", "key", "error"]],
      );
    });
  }
  for (const path of [
    "server.key",
    "a/tls.key",
    "key",
    ".keys",
    ".keyring",
    "monkey",
    "a.key.bak",
    ".key/readme.md",
    ".key.pub",
    ".key.example",
    ".keep",
    ".gitkeep",
    ".keystore",
    "src/.keyboard.ts",
    ".key.d.ts",
  ]) {
    test(`${path} is not`, () => {
      assert.ok(!isKeyPath(path));
      assert.deepEqual(checkPath(path, Buffer.from("x"), info), []);
    });
  }
  test("a symbolic link is no leak, whatever its name and target", () => {
    assert.deepEqual(checkPath("a/.key", Buffer.from("../.key"), { ...info, mode: "120000" }), []);
  });
  test("the fix can be pasted for a path with quotes and blanks", () => {
    assert.match(checkPath("it's/.key", Buffer.from("x"), info)[0]!.fix, /'it'\\''s\/\.key'/);
  });
});

describe("a key by its content", () => {
  const forms: Record<string, Buffer> = {
    "as MUXI writes it": Buffer.from(KEY),
    "with a line end": Buffer.from(`${KEY}\n`),
    "with CRLF and blanks": Buffer.from(`  ${KEY}\r\n\r\n`),
    "with a mark": Buffer.from(`\uFEFF${KEY}`),
    "in UTF-16": Buffer.from(`\uFEFF${KEY}\r\n`, "utf16le"),
    "in UTF-16BE without a mark": Buffer.from(KEY, "utf16le").swap16(),
  };
  for (const [name, bytes] of Object.entries(forms)) {
    test(`in any file, ${name}`, () => {
      assert.ok(isKeyContent(bytes));
      const found = checkPath("notes/a.txt", bytes, info);
      assert.deepEqual(
        found.map((f) => [f.rule, f.kind]),
        [["key-content", "path"]],
      );
      assert.ok(!JSON.stringify(found).includes(KEY.slice(0, 10)));
    });
  }
  test("behind a mark that is not true", () => {
    for (const mark of [
      [0xff, 0xfe],
      [0xfe, 0xff],
      [0, 0, 0xfe, 0xff],
    ]) {
      assert.ok(isKeyContent(Buffer.concat([Buffer.from(mark), Buffer.from(`${KEY}\n`)])), String(mark));
    }
  });
  test("a blank key file is no key", () => {
    for (const blank of ["", "\n", " \r\n", "\uFEFF"]) {
      assert.deepEqual(checkPath("a/.key", Buffer.from(blank), info), []);
      assert.deepEqual(checkPath("a/.key", Buffer.from(blank, "utf16le"), info), []);
    }
    assert.equal(checkPath("a/.key", Buffer.from("x"), info).length, 1);
  });
  test("a copy by an extension of data only where it holds a key or is opaque", () => {
    for (const [path, text] of [
      [".key.json", "{}"],
      [".key.yaml", "x"],
      [".key.properties", "a.b=c d"],
    ] as const) {
      assert.deepEqual(checkPath(path, Buffer.from(text), info), [], path);
      for (const content of [`{"k": "${KEY}"}`, KEY, `${"0a9f3c57".repeat(8)}\n`]) {
        assert.equal(checkPath(path, Buffer.from(content), info)[0]?.rule, "key-file", path);
      }
    }
  });
  test("a note or a sealed file beside the key only where a key stands in it", () => {
    for (const path of [".key.md", ".key.enc", ".key.example", ".KEY.GPG"]) {
      assert.deepEqual(checkPath(path, Buffer.from("the key is kept in the vault"), info), [], path);
      assert.equal(checkPath(path, Buffer.from(`the key:\n${KEY}\n`), info)[0]?.rule, "key-content", path);
    }
    assert.deepEqual(checkPath(".key.pub", Buffer.from(`wg ${KEY}`), info), []);
  });
  test("not with anything else beside it, nor with bits that 32 bytes do not leave", () => {
    for (const text of [
      `x${KEY}`,
      `${KEY}\n${KEY}`,
      `key=${KEY}`,
      KEY.slice(0, -1),
      `${KEY.slice(0, 42)}B=`,
      KEY.replace("Z", "+"),
      "",
      `${"A".repeat(60)}`,
    ]) {
      assert.ok(!isKeyContent(Buffer.from(text)));
    }
  });
});

describe("a formation's memory", () => {
  test("beside a formation or in its data folder", () => {
    for (const path of [
      "memory.db",
      "data/memory.db",
      "bots/one/memory.db",
      "bots/one/data/memory.db-wal",
      "bots/one/Memory.db-journal",
      "memory.db-shm",
    ]) {
      assert.ok(isMemoryDatabasePath(path, info.formations), path);
      assert.equal(checkPath(path, Buffer.from("SQLite"), info)[0]!.rule, "memory-db");
    }
    for (const path of [
      "other/memory.db",
      "bots/memory.db",
      "bots/one/x/memory.db",
      "my-memory.db",
      "memory.db.ts",
      "bots/one/data/x/memory.db",
    ]) {
      assert.ok(!isMemoryDatabasePath(path, info.formations), path);
    }
    assert.deepEqual(checkPath("memory.db", Buffer.from("x"), { formations: ["bots"] }), []);
  });
});
