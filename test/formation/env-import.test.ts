import assert from "node:assert/strict";
import { test } from "node:test";
import { readEnv } from "../../src/formation/env-import.ts";
import { opaque } from "../support/fake.ts";

const V = opaque(24, "env");

/** What is moved, and the reasons of what is left. */
function plan(text: string): Record<string, string> {
  return Object.fromEntries(
    readEnv(text).entries.map(({ name, value, left }) => [name, left === null ? `= ${value}` : left]),
  );
}

test("secrets are moved, and settings stay", () => {
  const text = [
    "# the app",
    "NODE_ENV=production",
    "PORT=3000",
    "HOST=0.0.0.0",
    "DEBUG=true",
    "LOG_LEVEL=info",
    "APP_URL=https://app.acme.dev/start",
    "COMPANY='Acme and sons'",
    "SMTP_USER=mailer@example.com",
    `NEXT_PUBLIC_KEY=${V}`,
    "EMPTY_API_KEY=",
    "TODO_API_KEY=your-api-key",
    "VAULTED=op://vault/item/field",
    "SEALED_KEY=encrypted:AbCd",
    `export OPENAI_API_KEY="${V}" # mine`,
    "DB_PASSWORD=hunter2",
    `DATABASE_URL=postgres://app:${V}@db.example.com/app`,
    "HASHED=ab#cd$1-9QzT",
    `stripe-key=${V}`,
  ].join("\r\n");
  assert.deepEqual(plan(text), {
    NODE_ENV: "setting",
    PORT: "setting",
    HOST: "setting",
    DEBUG: "setting",
    LOG_LEVEL: "setting",
    APP_URL: "setting",
    COMPANY: "setting",
    SMTP_USER: "setting",
    NEXT_PUBLIC_KEY: "published",
    EMPTY_API_KEY: "empty",
    TODO_API_KEY: "placeholder",
    VAULTED: "kept elsewhere",
    SEALED_KEY: "kept elsewhere",
    OPENAI_API_KEY: `= ${V}`,
    DB_PASSWORD: "= hunter2",
    DATABASE_URL: `= postgres://app:${V}@db.example.com/app`,
    HASHED: "= ab#cd$1-9QzT",
    STRIPE_KEY: `= ${V}`,
  });
});

test("what refers to another value is left where it is", () => {
  assert.deepEqual(
    plan(
      [
        "USER=app",
        `A_KEY=x\${USER}${V}`,
        `B_KEY="x$USER${V}"`.replace("USER", "USER:"),
        `C_KEY='x\${USER}${V}'`,
        `D_KEY=x$USERS:${V}`,
        `E_KEY=$(cat key)`,
        `F_KEY="x\\$\{USER}${V}"`,
      ].join("\n"),
    ),
    {
      USER: "setting",
      A_KEY: "refers to another value",
      B_KEY: "refers to another value",
      C_KEY: `= x\${USER}${V}`,
      D_KEY: `= x$USERS:${V}`,
      E_KEY: "refers to another value",
      F_KEY: `= x\\$\{USER}${V}`,
    },
  );
});

test("of a name that stands several times the last counts, and the others are named", () => {
  const { entries } = readEnv(`A_KEY=one-${V}\nB=1\na-key=two-${V}\nA_KEY=two-${V}\n`);
  assert.deepEqual(
    entries.map(({ name, value, line, otherLines }) => [name, value, line, otherLines]),
    [
      ["A_KEY", `two-${V}`, 4, [1]],
      ["B", "1", 2, []],
    ],
  );
});

test("several lines are one value; what is no assignment is counted by line and not shown", () => {
  const pem = `-----BEGIN X-----\n${V}\n-----END X-----\n`;
  const { entries, otherLines } = readEnv(`A_PEM="${pem}"\n${V}\n${opaque(42, "k")}A=\nB_KEY=${V}\n---=x\n`);
  assert.deepEqual(
    entries.map(({ name, value }) => [name, value]),
    [
      ["A_PEM", pem],
      ["B_KEY", V],
    ],
  );
  assert.deepEqual(otherLines, [5, 6, 8]);
  assert.deepEqual(readEnv(""), { entries: [], otherLines: [] });
  assert.deepEqual(readEnv(`_=${V}`).entries[0]?.left, "no name");
});

test("many lines of one name cost no more than many names", () => {
  const since = process.hrtime.bigint();
  readEnv(`A_KEY=${V}\n`.repeat(200_000));
  assert.ok(Number(process.hrtime.bigint() - since) / 1e6 < 5000);
});
