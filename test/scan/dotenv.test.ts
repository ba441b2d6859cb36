import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkDotenv, isDotenvPath, parseDotenv } from "../../src/scan/dotenv.ts";

const OPAQUE = "Zq4mN8vK2xR7tB5c";
const names = (text: string | Buffer, path = ".env") =>
  checkDotenv(path, Buffer.from(text as string)).map((f) => f.name);

test("which files are .env files", () => {
  for (const path of [
    ".env",
    "a/.env.local",
    ".ENV",
    ".env.production",
    "prod.env",
    ".envrc",
    ".env.example",
    ".env~",
    "env.dev",
    ".flaskenv",
    "a/.dev.vars",
    ".dev.vars.prod",
    "prod_env",
    "dotenv",
  ])
    assert.ok(isDotenvPath(path), path);
  for (const path of [
    "env.ts",
    ".env.ts",
    ".environment",
    "environment.md",
    "src/env/index.js",
    ".env.d.ts",
    "env",
    "virtual_env",
    "conda_env",
    ".dev.vars.d.ts",
    "dev.vars",
    "dotenv.ts",
  ])
    assert.ok(!isDotenvPath(path), path);
});

describe("a telling name with an opaque value is found", () => {
  for (const line of [
    `SMTP_PASSWORD=${OPAQUE}`,
    `export JWT_SECRET="${OPAQUE}"`,
    `SESSION_KEY='${OPAQUE}'   # rotate`,
    `  apiKey = ${OPAQUE}`,
    `STRIPE_WEBHOOK_SECRET: ${OPAQUE}`,
    `DB_PASS=Tr0ub4dor&3x!`,
    `APP_KEY=base64:${OPAQUE}${OPAQUE}=`,
    `MYSQL_ROOT_PASSWORD=${OPAQUE}\r`,
    `A_KEY=/${OPAQUE}Zq4mN8vK`,
    `B_KEY=/${OPAQUE}/8vK2xR7tB5c+Q==`,
    `C_KEY=/8vK2xR7tB5cZq4/mN8vK2xR7tB5cY9w`,
    `D_PASS='$uperSecret99xZ-kQ'`,
    `E_PASS='$uperSecret99xZkQ'`,
    `F_PASS=$uperSecret99xZ-kQ`,
    `G_TOKEN={{x}}${OPAQUE}`,
    `H_TOKEN=\${X:-${OPAQUE}}`,
    `I_TOKEN=\${X}${OPAQUE}`,
  ]) {
    test(line.split(/[=:]/)[0]!, () => assert.equal(names(`# c\n\n${line}\n`).length, 1));
  }
  test("with line and column of the value, and no value shown", () => {
    const found = checkDotenv(".env", Buffer.from(`\uFEFFA=1\r\nexport API_TOKEN="${OPAQUE}"\r\n`));
    assert.deepEqual(
      found.map((f) => [f.name, f.line, f.column, f.endColumn]),
      [["API_TOKEN", 2, 19, 19 + OPAQUE.length]],
    );
    assert.ok(!JSON.stringify(found).includes(OPAQUE));
  });
  test("behind a mark of UTF-16 that is not true", () => {
    const bytes = Buffer.concat([Buffer.from([0xff, 0xfe, 10]), Buffer.from(`API_TOKEN=${OPAQUE}\n`)]);
    assert.deepEqual(
      checkDotenv(".env", bytes).map((f) => [f.name, f.line]),
      [["API_TOKEN", 2]],
    );
  });
  test("in UTF-16", () => {
    assert.equal(checkDotenv(".env", Buffer.from(`\uFEFFAPI_TOKEN=${OPAQUE}\n`, "utf16le")).length, 1);
  });
  test("in an example file too, where the value is real", () => {
    assert.deepEqual(names(`API_TOKEN=${OPAQUE}${OPAQUE.toLowerCase()}\n`, ".env.example"), ["API_TOKEN"]);
  });
});

describe("silent", () => {
  for (const line of [
    "API_KEY=",
    "API_KEY=changeme",
    "API_KEY=your-api-key-here",
    "API_KEY=xxxxxxxxxxxxxxxxxxxx",
    "API_KEY=<your key>",
    "API_KEY=sk-...",
    "OPENAI_API_KEY=${OPENAI_API_KEY}",
    "API_KEY=$OTHER_KEY",
    "API_KEY=$(pass show api)",
    "API_KEY=op://vault/item/field",
    `API_KEY="encrypted:BD${OPAQUE}${OPAQUE}${OPAQUE}"`,
    `API_KEY=ENC[AES256_GCM,data:${OPAQUE},iv:${OPAQUE},tag:x,type:str]`,
    `API_KEY=gAAAAAB${OPAQUE}${OPAQUE}`,
    `NEXT_PUBLIC_API_KEY=${OPAQUE}`,
    `VITE_TOKEN=${OPAQUE}`,
    `REACT_APP_SECRET=${OPAQUE}`,
    `STRIPE_PUBLISHABLE_KEY=${OPAQUE}`,
    `DOTENV_PUBLIC_KEY_PROD="03${OPAQUE}"`,
    "TOKEN_TTL=3600",
    "PASSWORD_MIN_LENGTH=12",
    "SECRET_NAME=prod/app/database",
    "API_KEY_HEADER=X-Api-Key-Value",
    "SSH_KEY_PATH=/home/app/.ssh/id_ed25519",
    "PRIVATE_KEY=./certs/server.pem",
    "AUTH_ENABLED=true",
    `BUILD=${OPAQUE}`,
    `COMMIT=${OPAQUE}`,
    "DB_PASSWORD=postgres",
    "DB_PASSWORD=secret",
    "TOKEN_URL=https://login.example.com/oauth/token",
    "TOKEN_LIFETIME=15minutes",
    "TOKEN=15 minutes",
    "AUTH_PROVIDER_CLASS=app.authentication.TokenAuth",
    "S3_KEY_TEMPLATE=uploads/{yyyy}/{mm}/{uuid}",
    "SSH_KEY_COMMENT=deploy@build-7.example.com",
    "SECRET_MANAGER_TOKEN=projects/acme-4711/secrets/stripe-live/versions/4",
    "API_KEY='${OPENAI_API_KEY}'",
    'API_KEY="${OPENAI_API_KEY:-}"',
    "API_KEY={{ vault_api_key_9xZ }}",
    "API_KEY=<%= ENV['KEY9'] %>",
    'API_KEY="$(op read op://Vault9/item)"',
    "DB_DSN=postgres://app:${DB_PASSWORD}@db/app",
    "DB_DSN=postgres://${DB_USER}:${DB_PASSWORD}@db/app",
    "PRIVATE_KEY=/home/app/.ssh/id_ed25519",
    "PRIVATE_KEY=~/keys/deploy_key_2024",
    "SESSION=/var/lib/app-sessions/current",
  ]) {
    test(line.slice(0, 40).replace(OPAQUE, "…"), () => assert.deepEqual(names(`${line}\n`), []));
  }
  test("binary, empty, prose", () => {
    for (const text of ["", "\0\0\0", "This is = not a file of keys\n"]) assert.deepEqual(names(text), []);
  });
});

test("a quoted value over lines is one value, and an unclosed quote ends with its line", () => {
  const parsed = parseDotenv(`A="one\ntwo"\nB='x\nC=3 # c\nD="a\\"b"\n`);
  assert.deepEqual(
    parsed.map((p) => [p.name, p.value, p.line]),
    [
      ["A", "one\ntwo", 1],
      ["B", "x", 3],
      ["C", "3", 4],
      ["D", 'a\\"b', 5],
    ],
  );
});

test("a large file of stray quotes is read in linear time", () => {
  const lines = (n: number) => `A="x\n`.repeat(n);
  assert.equal(parseDotenv(lines(20_000)).length > 0, true);
});
