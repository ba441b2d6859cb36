/**
 * Connection URLs with a password in them.
 *
 * Silent: no password, a reference or a variable (`${X}`, `{{x}}`, `<x>`,
 * `$X`, `%s`), a password that is a word of every manual (`pass`, `password`,
 * `secret`, `changeme`, the user's own name). On this machine's own addresses,
 * on one-word hosts (compose services) and on `example.com` only a password that
 * is hard to guess counts: `postgres://postgres:dev@localhost/app` opens nothing
 * elsewhere, a random one was made for something.
 */
import { isExampleText, isStrongValue, randomnessBits } from "../randomness.ts";
import { BASE62, draw, type Rule } from "../rule.ts";

const MANUAL =
  /^(?:p(?:ass)?w(?:or)?d|pass(?:phrase|wd|word)?\d{0,4}|my[-_]?(?:secret|pass(?:word)?)|user|username|secret|secure|token|key|changeme|change[-_]me|example|placeholder|test|foo|bar|baz|xxx+|\*+|\.+|-+|your.{0,40}|.{0,20}password.{0,8}|\[.{0,40}\]?|redacted|hunter2|guest|root|admin|postgres|mysql|redis|mongo|string|none|null|undefined)$/i;

const TEMPLATED = /[${}<>]|%[sdv]|^[A-Z_]{3,}$/;

function isRealPassword(match: string, user: string, password: string, host: string): boolean {
  if (TEMPLATED.test(password) || MANUAL.test(password) || password === user) return false;
  if (TEMPLATED.test(host) && !/^[A-Z0-9.-]+$/.test(host)) return false;
  if (isExampleText(password, 1)) return false;
  const local =
    /^(?:localhost|127\.[\d.]{1,12}|0\.0\.0\.0|\[::1\]|host\.docker\.internal|[\w-]{1,63}|(?:[\w-]{1,63}\.){0,6}(?:example\.(?:com|org|net)|example|test|local|localdomain|invalid))$/i.test(
      host,
    );
  if (local) return isStrongValue(password);
  return match.length > 0 && randomnessBits(password) >= 8;
}

const SCHEMES = [
  "postgres",
  "postgresql",
  "mysql",
  "mariadb",
  "mongodb",
  "redis",
  "rediss",
  "amqp",
  "amqps",
  "mssql",
  "sqlserver",
  "clickhouse",
  "cockroachdb",
  "nats",
  "libsql",
  "neo4j",
  "bolt",
  "ldap",
  "ldaps",
  "smtp",
  "smtps",
  "ftp",
  "sftp",
];

export const DATABASES: readonly Rule[] = [
  {
    id: "database-url",
    provider: "connection URL",
    opens: "the server it names",
    keywords: [
      ...SCHEMES.map((scheme) => `${scheme}://`),
      "mongodb+srv://",
      ...["psycopg2", "psycopg", "asyncpg"].map((d) => `postgresql+${d}://`),
      ...["pymysql", "aiomysql"].map((d) => `mysql+${d}://`),
    ],
    ignoreCase: true,
    pattern:
      "[a-z][a-z0-9]{1,12}(?:\\+[a-z0-9]{2,10})?://[^\\s\"'`<>@/:\\\\]{0,100}:([^\\s\"'`<>@/\\\\]{3,200})@(?:\\[[0-9a-f:.]{2,45}\\]|[\\w.-]{1,253})",
    window: 640,
    boundary: "word",
    bitsPerCharacter: 0,
    verify: (password, match) => {
      const [, user, host] = /:\/\/([^:]*):.*@([^@]*)$/s.exec(match) ?? [];
      return isRealPassword(match, user ?? "", password, host ?? "");
    },
    severity: "error",
    generic: true,
    example: (random) => {
      const scheme = SCHEMES[random(SCHEMES.length)]!;
      return `${scheme}://app:${draw(random, BASE62, 12 + random(12))}@db${random(90) + 10}.prod.acme.io:5432/main`;
    },
    nearMisses: (random) => [
      "postgres://user:pass@host:5432/db",
      "postgresql://user:password@localhost/db",
      "postgres://postgres:postgres@localhost:5432/postgres",
      "mysql://root:root@127.0.0.1/app",
      "postgres://app:${DB_PASSWORD}@db.acme.io/main",
      "postgres://app:${{ secrets.DB_PASSWORD }}@db.acme.io/main",
      "mongodb+srv://{{user}}:{{password}}@cluster0.mongodb.net",
      "redis://<user>:<password>@cache.acme.io",
      "mongodb://username:password@mongo.acme.io",
      `postgres://${draw(random, BASE62, 8)}@db.acme.io/main`,
      "redis://cache.acme.io:6379/0",
    ],
    source: "https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1",
    fix: "store the whole URL with 'muxi secrets set DATABASE_URL' and refer to it as ${{ secrets.DATABASE_URL }}",
  },
];
