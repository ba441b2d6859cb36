/** What a terminal sends, byte by byte, and the line that it makes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TypedLine } from "../src/typed-line.ts";

const PASTED = (text: string): string => `\u001b[200~${text}\u001b[201~`;

/** Each string is one read. */
function type(hidden: boolean, ...reads: (string | Uint8Array)[]): string {
  const line = new TypedLine(hidden);
  for (const read of reads) {
    const taken = line.take(typeof read === "string" ? Buffer.from(read) : read);
    if (taken !== null) return taken.typed.kind === "line" ? `line ${taken.typed.text}` : taken.typed.kind;
  }
  return `open ${line.text}`;
}

test("keys make the line: letters, backspace, the two that erase, and no others", () => {
  for (const [reads, line] of [
    [["abc\r"], "line abc"],
    [["a", "b", "\n"], "line ab"],
    [["grüße 世界 🔑\r"], "line grüße 世界 🔑"],
    [["ab🔑\u007f\u007fc\r"], "line ac"],
    [["\u007f\b", "a\r"], "line a"],
    [["abc\u0015d\r"], "line d"],
    [["one two \u0017x\r"], "line one x"],
    [["a\u001b[D\u001b[1;5Cb\u001bOP\u001b[3~\u001bxc\r"], "line abc"],
    [["a\u001b", "[", "20", "~b\r"], "line ab"],
    [["a\u0001\u0007\u001a\u0000b\r"], "line ab"],
    [["a\tb\r"], "line a\tb"],
    [["abc"], "open abc"],
  ] as const) {
    assert.equal(type(true, ...reads), line, JSON.stringify(reads));
  }
});

test("Ctrl-C ends it anywhere but in what is pasted, Ctrl-D an empty one only", () => {
  assert.equal(type(true, "ab\u0003"), "interrupted");
  assert.equal(type(true, "\u0004"), "end");
  assert.equal(type(true, "a\u0004b\r"), "line ab");
  assert.equal(type(true, PASTED("a\u0003\u0004b"), "\r"), "line a\u0003\u0004b");
});

test("what is pasted is one value, however it arrives, and its line ends are those of text", () => {
  const pem = "-----BEGIN\rabc\r\ndef\n-----END\r";
  const value = "-----BEGIN\nabc\ndef\n-----END\n";
  assert.equal(type(true, PASTED(pem), "\r"), `line ${value}`);
  assert.equal(type(true, ...PASTED(pem), "\r"), `line ${value}`);
  assert.equal(type(true, `${PASTED("a\u001b[20b")}\r`), "line a\u001b[20b");
  assert.equal(type(true, PASTED("a"), "\u007f", PASTED("b"), "\r"), "line b");
});

test("a terminal that marks no paste: a line end with more behind it does not end the value", () => {
  assert.equal(type(true, "first\rsecond\r"), "line first\nsecond");
  assert.equal(type(true, "first\r"), "line first");
});

test("a shown answer ends at its line, and what was typed ahead is kept", () => {
  const line = new TypedLine(false);
  const taken = line.take(Buffer.from("y\rné\r"));
  assert.deepEqual(taken?.typed, { kind: "line", text: "y" });
  assert.equal(taken.rest.toString(), "né\r");
});

test("characters cut by a read are put together; what is no UTF-8 is refused and not repeated", () => {
  const bytes = Buffer.from("é世🔑\r");
  assert.equal(type(true, ...[...bytes].map((byte) => Buffer.of(byte))), "line é世🔑");
  assert.throws(
    () => type(true, Buffer.from([0x61, 0xff])),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, "not-utf8");
      assert.equal(error.message, "the terminal sent bytes that are no UTF-8");
      return true;
    },
  );
});

test("a value of a megabyte is one line", () => {
  const line = new TypedLine(true);
  const piece = Buffer.from("x".repeat(4096));
  for (let at = 0; at < 256; at++) assert.equal(line.take(piece), null);
  const taken = line.take(Buffer.from("\r"));
  assert.equal(taken?.typed.kind === "line" && taken.typed.text.length, 1024 * 1024);
});
