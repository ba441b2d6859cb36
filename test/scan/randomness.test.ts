import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isExampleText, isStrongValue, randomnessBits, STRONG_BITS } from "../../src/scan/randomness.ts";
import { BASE62, draw, HEX } from "../../src/scan/rule.ts";
import { seededRandom } from "./seeded-random.ts";

describe("a value blocks or only warns", () => {
  for (const weak of [
    "production",
    "localhost:8080",
    "postgres",
    "muxi_service_account",
    "admin@example.com",
    "us-east-1",
    "12345678",
    "aaaaaaaaaaaa",
    "abcdefghijkl",
    "changeme123",
    "hunter2hunter2",
    "claude-3-5-sonnet-20241022",
    "gpt-4o-mini",
    "https://api.internal.acme.io/v1",
    "db1.eu-central.acme.io:5432",
    "short1!",
  ]) {
    test(`${weak} only warns`, () => assert.equal(isStrongValue(weak), false));
  }
  for (const strong of [
    "Vw7Kq2Zx9Lm4",
    "S3cr3t!xQ",
    "correct-horse-battery-staple",
    "9f3b7c1e5a8d2046",
    "postgres://app:Vw7Kq2Zx@db.acme.io/main",
    "https://hooks.acme.io/T02AB/Zq4mN8vK2xR7tB5cY9wL3pD6",
  ]) {
    test(`${strong.slice(0, 5)}… blocks`, () => assert.equal(isStrongValue(strong), true));
  }
  test("of random eight-character passwords nine in ten block, of ten characters practically all", () => {
    const random = seededRandom(1);
    const share = (length: number) => {
      let strong = 0;
      for (let i = 0; i < 2000; i++) if (isStrongValue(draw(random, BASE62, length))) strong++;
      return strong / 2000;
    };
    assert.ok(share(8) > 0.88);
    assert.ok(share(10) > 0.98);
    assert.ok(share(12) > 0.999);
  });
});

test("random texts are no examples, examples are", () => {
  const random = seededRandom(2);
  for (let i = 0; i < 2000; i++) {
    assert.equal(isExampleText(draw(random, BASE62, 36)), false);
    assert.equal(isExampleText(draw(random, HEX, 32), 1.8), false);
  }
  for (const text of [
    "x".repeat(36),
    "your-api-key-here",
    "sk-...",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "0123456789abcdef0123456789abcdef",
    "AKIAIOSFODNN7EXAMPLE",
    "insert-your-token",
    "<redacted>",
    "deadbeef".repeat(4),
  ]) {
    assert.equal(isExampleText(text), true);
  }
});

test("repeating a text adds nothing, and counting stops where it is enough", () => {
  assert.equal(randomnessBits("Vw7Kq2".repeat(20)), randomnessBits("Vw7Kq2"));
  assert.ok(randomnessBits("Vw7Kq2Zx9Lm4Vw8Kq3", STRONG_BITS) < STRONG_BITS + 10);
  assert.ok(randomnessBits("x9".repeat(1_000_000)) < 20);
});
