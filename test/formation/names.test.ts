import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareNames, isDescriptive, isPrintableName, normalizeName } from "../../src/formation/names.ts";

test("names are stored as MUXI stores them", () => {
  const rows: [raw: string, stored: string][] = [
    ["openai-api-key", "OPENAI_API_KEY"],
    ["MySecret123", "MYSECRET123"],
    ["_leading_", "LEADING"],
    ["GitHubToken", "GITHUBTOKEN"],
    ["A__B", "A_B"],
    ["---", ""],
    ["", ""],
    ["1ST_KEY", "1ST_KEY"],
    ["a.b c/d", "A_B_C_D"],
    ["stra\u00dfe", "STRASSE"],
    ["cl\u00e9", "CL"],
    ["key\u{1f511}x", "KEY_X"],
  ];
  for (const [raw, stored] of rows) assert.equal(normalizeName(raw), stored, raw);
});

test("a stored name is its own stored name", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (raw) => {
      const once = normalizeName(raw);
      assert.equal(normalizeName(once), once);
      assert.match(once, /^(?:[A-Z0-9]+(?:_[A-Z0-9]+)*)?$/);
    }),
  );
});

test("names sort by UTF-8 bytes, as Go sorts them", () => {
  const names = ["\u{1f511}", "\ufffd", "B", "A_B", "AB", "A"];
  assert.deepEqual(
    names.sort(compareNames),
    [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
});

test("a name that says whose secret it is, is descriptive", () => {
  for (const name of ["OPENAI_API_KEY", "NOTION_KEY", "WEBHOOK_URL", "GITHUB_PAT", "RCE_TOKEN"])
    assert.ok(isDescriptive(name), name);
  for (const name of ["KEY1", "TOKEN", "SECRET", "API_KEY", "KEY_2", "MY_SECRET", "PASSWORD"])
    assert.ok(!isDescriptive(name), name);
});

test("a key that stands where a name belongs is not repeated", () => {
  for (const name of ["OPENAI_API_KEY", "MYSECRET123", "my-key", "A2A_HMAC_SECRET", "S3_BUCKET", "OAUTH2_CLIENT_ID"])
    assert.ok(isPrintableName(name), name);
  for (const key of [
    "Qk7TzR4mWv9LpXc2Hd8s",
    `AK${"IAQK7TZR4MWV9LPXC2"}`,
    `gh${"p_Qk7TzR4mWv9LpXc2Hd8sYb3NfGj6"}`,
    "a".repeat(64),
    "two words",
  ])
    assert.ok(!isPrintableName(key));
});
