import assert from "node:assert/strict";
import { test } from "node:test";
import { createScanner } from "../../src/scan/engine.ts";
import { GENERIC } from "../../src/scan/generic/index.ts";
import type { Rule } from "../../src/scan/rule.ts";
import { bitsOfBytes, compileRules } from "../../src/scan/rule-table.ts";
import { allRules } from "../../src/scan/rules/index.ts";
import { SLOW } from "../support/gits.ts";
import { seededRandom } from "./seeded-random.ts";

const scanner = createScanner();
const scan = (text: string, path = "file.txt") => scanner.scan(path, Buffer.from(text, "latin1"));

const SURROUNDINGS: ((secret: string) => string)[] = [
  (s) => s,
  (s) => `first line\n  key: ${s}\nlast line\n`,
  (s) => `{"key": "${s}"}`,
  (s) => `const key = '${s}';\r\n`,
  (s) => `url=https://x.test/?key=${s}&more=1`,
  (s) => `"line\\n${s}\\n"`,
];

/** What stands before and behind a secret in files; each begins and ends a token. */
const BEFORE = [
  "=",
  '"',
  "'",
  ":",
  "Bearer ",
  "//",
  "\n",
  "\\n",
  "\\t",
  "%3D",
  "%22",
  "\\u003d",
  "(",
  "[",
  "<",
  ">",
  ",",
];
const BEHIND = ['"', "'", ",", "\n", "\r\n", "\\n", "%22", "&quot;", "", ";", ")", "]", "<", " ", "\t", "`", "|", "\\"];

test("every rule's identity is its own", () => {
  const ids = allRules().map((rule) => rule.id);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => /^[a-z0-9][a-z0-9-]*$/.test(id)));
});

test("every rule says who issued the secret, what it opens and where that is written", () => {
  for (const rule of allRules()) {
    assert.ok(rule.provider.length > 0 && rule.opens.length > 0, rule.id);
    assert.match(rule.source, /^https:\/\//, rule.id);
    assert.ok((rule.pattern === undefined) !== (rule.judge === undefined), `${rule.id}: a pattern or a judge`);
  }
});

test("no quantifier of a pattern is without bound", () => {
  for (const rule of allRules()) {
    for (const source of [rule.pattern, rule.opening]) {
      if (source === undefined) continue;
      const bare = source.replace(/\\./g, "_").replace(/\[[^\]]*\]/g, "_");
      assert.doesNotMatch(bare, /[*+](?!\?\))|\{\d+,\}/, rule.id);
    }
  }
});

test("a keyword is short only where a class and a length follow it", () => {
  for (const rule of allRules()) {
    if (rule.judge !== undefined || rule.gate !== undefined) continue;
    for (const keyword of rule.keywords) {
      const cheap = rule.class !== undefined && (rule.minLength ?? 0) >= 12;
      assert.ok(keyword.length >= 4 || cheap, `${rule.id}: '${keyword}'`);
    }
  }
});

/** Keywords that no example of their rule begins with, and how many: one that is taken away is missed here. */
const UNDRAWN: Record<string, number> = {
  "openai-project-key": 2,
  "github-token": 1,
  "gitlab-token": 4,
  "aws-secret-access-key": 7,
  "aws-session-token": 4,
  "google-service-account-base64": 3,
  "akamai-token": 1,
  "kubernetes-bootstrap-token": 3,
  "slack-token": 4,
  "slack-configuration-token": 1,
  "slack-webhook": 2,
  "discord-webhook": 1,
  "shopify-token": 3,
  "database-url": 7,
  "ado-connection-string": 4,
  "libpq-connection-string": 2,
  "redis-command-password": 1,
  "private-key-der": 18,
  "jwk-private-key": 1,
  "wireguard-private-key": 1,
  "agent-config-literal": 8,
  "kubernetes-secret": 2,
  "pgpass-password": 4,
  "password-hash-list": 8,
  "login-call": 17,
  "command-line-password": 36,
  "authorization-header": 2,
  "generic-password": 17,
  "generic-secret": 7,
};

test("examples begin with every keyword of their rule, but for those that are counted", () => {
  const undrawn: Record<string, number> = {};
  for (const [index, rule] of allRules().entries()) {
    // Names of services are one shape, tried in near-name.test.ts.
    if (rule.near !== undefined) continue;
    const random = seededRandom(index + 5);
    const folded = (text: string) => (rule.ignoreCase === true ? text.toLowerCase() : text);
    const left = new Set(rule.keywords);
    for (let round = 0; round < 400 && left.size > 0; round++) {
      const example = folded(rule.example(random));
      const at = keywordIn(rule, example);
      for (const keyword of left) if (at >= 0 && example.startsWith(folded(keyword), at)) left.delete(keyword);
    }
    if (left.size > 0) undrawn[rule.id] = left.size;
  }
  assert.deepEqual(undrawn, UNDRAWN);
});

const CLASSES = [
  "digit",
  "hex",
  "lower-alnum",
  "upper-alnum",
  "alnum",
  "word",
  "url64",
  "base64",
  "printable",
] as const;
/** Rules whose examples are drawn from fewer characters than their class has, or have keywords of several kinds. */
const WIDER: Record<string, string> = {
  "fal-key": "printable",
  "sourcegraph-token": "hex",
  "aws-bedrock-key": "base64",
  "google-service-account-base64": "base64",
  "databricks-token": "url64",
  "supabase-token": "hex",
  "supabase-service-role-key": "url64",
  "onepassword-service-account-token": "url64",
  "npm-legacy-token": "url64",
  "stripe-webhook-secret": "base64",
  "private-key-base64": "base64",
  "json-web-token": "url64",
  "stytch-secret": "printable",
  "atlassian-oauth-secret": "printable",
  "dropbox-token": "url64",
};

test("a rule's class is the narrowest that what follows the keyword has in its examples", () => {
  const some = allRules()[0]!;
  const { masks } = compileRules(CLASSES.map((name) => ({ ...some, class: name })));
  const bits = bitsOfBytes();
  const wider: Record<string, string> = {};
  for (const [index, rule] of allRules().entries()) {
    if (rule.class === undefined) continue;
    const random = seededRandom(index + 5);
    let possible = CLASSES.map((_, at) => at);
    for (let round = 0; round < 60; round++) {
      const example = rule.example(random);
      const keyword = rule.keywords.find((one) => example.includes(one)) ?? "";
      const from = example.indexOf(keyword) + keyword.length;
      for (const byte of Buffer.from(example.slice(from, from + (rule.minLength ?? 1)), "latin1"))
        possible = possible.filter((at) => (bits[byte]! & masks[at]!) !== 0);
    }
    if (possible[0] !== CLASSES.indexOf(rule.class)) wider[rule.id] = rule.class;
  }
  assert.deepEqual(wider, WIDER);
});

/** The keyword that a text holds first, and where. */
function keywordIn(rule: Rule, text: string): number {
  const all = rule.ignoreCase === true ? text.toLowerCase() : text;
  const found = rule.keywords
    .map((keyword) => all.indexOf(rule.ignoreCase === true ? keyword.toLowerCase() : keyword))
    .filter((at) => at >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}

for (const [index, rule] of allRules().entries()) {
  test(`${rule.id}: true examples are found, near misses are not`, () => {
    const path = rule.examplePath ?? "file.txt";
    // Alone, so that another rule cannot stand in for it; and with all others, where some rule must find it.
    const alone = createScanner({ rules: [rule] });
    for (const seed of SLOW ? [1, 2, 3] : [1]) {
      const random = seededRandom(index * 7919 + seed);
      for (let round = 0; round < 12; round++) {
        const example = rule.example(random);
        assert.ok(keywordIn(rule, example) >= 0, "an example holds no keyword");
        const around = SURROUNDINGS[round % SURROUNDINGS.length]!;
        const text = around(example);
        // No value in a message: the seed and the round say which.
        const own = alone.scan(path, Buffer.from(text, "latin1"));
        assert.equal(own.length, 1, `seed ${seed}, round ${round}: ${own.length} findings`);
        assert.equal(own[0]!.severity, rule.severity, `seed ${seed}, round ${round}`);
        assert.ok(scan(text, path).length >= 1, `seed ${seed}, round ${round}: not found among all rules`);
        for (const [at, miss] of rule.nearMisses(random).entries()) {
          assert.deepEqual(
            alone.scan(path, Buffer.from(around(miss), "latin1")).map((f) => f.rule),
            [],
            `seed ${seed}, round ${round}, near miss ${at}`,
          );
        }
      }
    }
  });
}

const generic = new Set(
  allRules()
    .filter((rule) => rule.generic === true)
    .map((rule) => rule.id)
    .concat(GENERIC.map((rule) => rule.id)),
);
/** Rules whose match is a token by itself: what stands around it is no part of it, and is not looked at. */
const TOKENS = allRules().filter(
  (rule) =>
    rule.generic !== true &&
    (rule.before === undefined || rule.judge !== undefined) &&
    !generic.has(rule.id) &&
    // What may hold an escape takes one that follows for its own.
    !rule.pattern?.includes("%") &&
    !/[\s"=]/.test(rule.example(seededRandom(5))),
);

test("a token is found whatever stands before and behind it", () => {
  assert.ok(TOKENS.length > 100);
  for (const [index, rule] of TOKENS.entries()) {
    const alone = createScanner({ rules: [rule] });
    const random = seededRandom(index * 31 + 11);
    for (const [at, before] of BEFORE.entries()) {
      for (let step = 0; step < 3; step++) {
        const behind = BEHIND[(at * 3 + step) % BEHIND.length]!;
        const found = alone.scan("file.txt", Buffer.from(`x${before}${rule.example(random)}${behind}`, "latin1"));
        assert.equal(found.length, 1, `${rule.id} between ${JSON.stringify(before)} and ${JSON.stringify(behind)}`);
      }
    }
  }
});

test("wrong check digits make a warning", () => {
  let checked = 0;
  for (const [index, rule] of allRules().entries()) {
    const { checksum } = rule;
    if (checksum === undefined) continue;
    const alone = createScanner({ rules: [rule] });
    const random = seededRandom(index + 77);
    for (let round = 0; round < 40; round++) {
      const example = rule.example(random);
      assert.equal(checksum(example), true, `${rule.id}: its own examples are right`);
      // One character that the check covers, changed within its class.
      const at = Math.floor(example.length / 2);
      const other = { a: "b", A: "C", "2": "3" }[
        /[a-z]/.test(example[at]!) ? "a" : /[A-Z]/.test(example[at]!) ? "A" : "2"
      ]!;
      const broken = example.slice(0, at) + (example[at] === other ? "4" : other) + example.slice(at + 1);
      if (checksum(broken)) continue;
      const found = alone.scan("file.txt", Buffer.from(broken, "latin1"));
      if (found.length === 0) continue;
      assert.equal(found[0]!.severity, "warning", rule.id);
      assert.match(found[0]!.message, /check digits are wrong/, rule.id);
      checked++;
    }
  }
  assert.ok(checked > 100, `${checked} were checked`);
});

test("no content costs a rule more than its length", () => {
  // What is counted: how often a regular expression runs. Each runs over one window, and has bounded quantifiers.
  let executed = 0;
  const { exec } = RegExp.prototype;
  RegExp.prototype.exec = function (this: RegExp, text: string) {
    executed++;
    return exec.call(this, text);
  } as typeof exec;
  try {
    // Anchored patterns only: the generic rules judge a window with many small expressions.
    for (const [index, rule] of allRules()
      .filter((one) => !generic.has(one.id))
      .entries()) {
      const alone = createScanner({ rules: [rule] });
      const keyword = rule.keywords[0]!;
      const example = rule.example(seededRandom(index));
      const nearly = example.slice(0, -2);
      const contents: ((times: number) => string)[] = [
        (times) => keyword.repeat(times),
        (times) => `${keyword} `.repeat(times),
        (times) => keyword + "a1B2".repeat(times * 8),
        (times) => `${nearly}!`.repeat(Math.ceil(times / 16)),
        (times) => nearly.repeat(Math.ceil(times / 16)),
      ];
      for (const [at, content] of contents.entries()) {
        const work = (times: number): number => {
          executed = 0;
          const text = Buffer.from(content(times), "latin1");
          alone.scan(rule.examplePath ?? "file.txt", text);
          return executed;
        };
        // Larger than a window, from where on work can only grow with the content.
        const least = at < 3 ? 32 : 128;
        const small = work(least);
        const large = work(8 * least);
        // Eight times the content is about eight times the work; quadratic work would be 64 times.
        assert.ok(large <= 16 * small + 1024, `${rule.id}, content ${at}: ${small} and ${large} executions`);
      }
    }
  } finally {
    RegExp.prototype.exec = exec;
  }
});

test("near misses of one rule are not found by another", () => {
  // An opaque value beside a telling name is a secret whatever service it is none of.
  for (const [index, rule] of allRules().entries()) {
    const random = seededRandom(index * 104729 + 3);
    for (const [at, miss] of rule.nearMisses(random).entries()) {
      const found = scan(` ${miss}\n`)
        .map((f) => f.rule)
        .filter((id) => !generic.has(id));
      assert.deepEqual(found, [], `${rule.id}, near miss ${at}`);
    }
  }
});

test("an encrypted private key, whose body follows headers, is a private key", () => {
  const label = ["RSA PRIVATE", "KEY"].join(" ");
  const body = "Zq4mN8vK2xR7tB5cY9wL3pD6hJ1sF0gAzQ4nM8bV2xC7kT5yR9wE+/aGhUiOpSdL".repeat(3);
  const text = `-----BEGIN ${label}-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n${body}\n`;
  assert.deepEqual(
    scan(text).map((f) => f.rule),
    ["private-key"],
  );
});
