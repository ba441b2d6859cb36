import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { MuxiGitError } from "../../src/errors.ts";
import {
  type Baseline,
  canBeAccepted,
  DEFAULT_SALT,
  EMPTY_BASELINE,
  fingerprint,
  formatBaseline,
  isAccepted,
  parseBaseline,
} from "../../src/scan/baseline.ts";

const finding = { rule: "groq-key", path: "a/b.txt", secretId: "00".repeat(32) };
const entry = (n: number, path = "a.txt") => ({
  fingerprint: n.toString(16).padStart(16, "0"),
  rule: "r",
  path,
  reason: "old",
});

test("a fingerprint is pinned: 16 hex digits of salt, rule, path and secret", () => {
  assert.match(fingerprint(DEFAULT_SALT, finding), /^[0-9a-f]{16}$/);
  assert.equal(fingerprint(DEFAULT_SALT, finding), "db7246deb3ac689a");
});

test("it changes with each part, and parts do not run together", () => {
  const all = [
    fingerprint("s", finding),
    fingerprint("t", finding),
    fingerprint("s", { ...finding, rule: "groq-keya" }),
    fingerprint("s", { ...finding, path: "/b.txt", rule: "groq-keya" }),
    fingerprint("s", { ...finding, path: "a/c.txt" }),
    fingerprint("s", { ...finding, secretId: "01".repeat(32) }),
  ];
  assert.equal(new Set(all).size, all.length);
});

test("what is written is read back, sorted, with a final line end", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), fc.string({ minLength: 1 })), { maxLength: 12 }), (list) => {
      const seen = new Map(list.map(([n, path]) => [n, entry(n, path)]));
      const baseline: Baseline = { salt: "s", findings: [...seen.values()] };
      const text = formatBaseline(baseline);
      const again = parseBaseline(Buffer.from(text));
      assert.equal(formatBaseline({ ...again, findings: [...again.findings].reverse() }), text);
      assert.equal(again.findings.length, seen.size);
      assert.ok(text.endsWith("]\n}\n") || text.endsWith("[]\n}\n"));
    }),
    { numRuns: 100 },
  );
});

test("a byte order mark and CRLF are read", () => {
  const text = `\uFEFF${formatBaseline({ salt: "s", findings: [entry(1)] }).replaceAll("\n", "\r\n")}`;
  assert.equal(parseBaseline(Buffer.from(text)).findings.length, 1);
});

test("lookup", () => {
  const baseline = { salt: "s", findings: [entry(1)] };
  const one = { rule: "r", path: "a.txt" };
  assert.ok(isAccepted(baseline, one, entry(1).fingerprint));
  assert.ok(!isAccepted(baseline, one, entry(2).fingerprint));
  assert.ok(!isAccepted(EMPTY_BASELINE, one, entry(1).fingerprint));
  assert.ok(!canBeAccepted({ kind: "key" }));
  assert.ok(canBeAccepted({ kind: "token" }));
});

test("an entry that says another rule or path than the finding's accepts nothing", () => {
  const id = fingerprint("s", finding);
  const listed = (rule: string, path: string) => ({
    salt: "s",
    findings: [{ fingerprint: id, rule, path, reason: "old" }],
  });
  assert.ok(isAccepted(listed(finding.rule, finding.path), finding, id));
  assert.ok(!isAccepted(listed("npm-token", finding.path), finding, id));
  assert.ok(!isAccepted(listed(finding.rule, "docs/example.md"), finding, id));
});

test("a list is read once for any number of lookups", () => {
  let reads = 0;
  const findings = Array.from({ length: 100 }, (_, n) => ({
    ...entry(n),
    get fingerprint() {
      reads++;
      return entry(n).fingerprint;
    },
  }));
  const baseline = { salt: "s", findings };
  for (let n = 0; n < 100; n++) assert.ok(isAccepted(baseline, { rule: "r", path: "a.txt" }, entry(n).fingerprint));
  assert.equal(reads, 100);
});

describe("a malformed file is an error that says what is wrong", () => {
  const good = { schemaVersion: 1, salt: "s", findings: [entry(1)] };
  const forms: Record<string, [unknown, RegExp]> = {
    empty: ["", /no JSON/],
    truncated: ["{", /no JSON/],
    "a list": [[], /no object/],
    "of another version": [{ ...good, schemaVersion: 2 }, /schemaVersion/],
    "without a salt": [{ schemaVersion: 1, findings: [] }, /no 'salt'/],
    "with an empty salt": [{ ...good, salt: "" }, /'salt'/],
    "with an unknown member": [{ ...good, more: 1 }, /unknown/],
    "with findings that are no list": [{ ...good, findings: {} }, /no list/],
    "with a short fingerprint": [{ ...good, findings: [{ ...entry(1), fingerprint: "12" }] }, /16 hex/],
    "with a doubled fingerprint": [{ ...good, findings: [entry(1), entry(1)] }, /twice/],
    "without a reason": [{ ...good, findings: [{ ...entry(1), reason: "" }] }, /reason/],
    "with an unknown member in an entry": [{ ...good, findings: [{ ...entry(1), line: 3 }] }, /unknown/],
  };
  for (const [name, [value, message]] of Object.entries(forms)) {
    test(name, () => {
      const bytes = Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
      assert.throws(
        () => parseBaseline(bytes),
        (error) => error instanceof MuxiGitError && error.code === "baseline-malformed" && message.test(error.message),
      );
    });
  }
  test("not UTF-8", () => {
    assert.throws(() => parseBaseline(Buffer.from([0x7b, 0xff, 0x7d])), /not UTF-8/);
  });
});
