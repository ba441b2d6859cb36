/**
 * URLs with credentials: `scheme://user:password@host`, `https://token@host`.
 *
 * Schemes of databases are the database-url rule's. Silent: references, a
 * manual's words, the user's own name as password. On this machine's own
 * addresses, on one-word hosts and on those that RFC 2606 reserves only a strong
 * password counts: `http://admin:dev1234@localhost` opens nothing elsewhere.
 */
import { isStrongValue } from "../randomness.ts";
import { BASE32, BASE62, draw, type Judged, type Rule } from "../rule.ts";
import { made } from "./example.ts";
import { isSomethingElse, isTemplated } from "./recognise.ts";
import { assess, isOpaque, strengthOf } from "./strength.ts";

const DATABASE =
  /^(?:postgres(?:ql)?(?:\+\w{1,20})?|mysql(?:\+\w{1,20})?|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|clickhouse|cockroachdb|nats|libsql|neo4j|bolt|ldaps?|smtps?|s?ftp)$/i;
const LOCAL =
  /^(?:localhost|127\.[\d.]{1,12}|0\.0\.0\.0|10\.[\d.]{1,12}|192\.168\.[\d.]{1,10}|\[::1\]|host\.docker\.internal|[\w-]{1,63}|(?:[\w-]{1,63}\.){0,6}(?:example\.(?:com|org|net|edu)|example|test|local|localdomain|invalid|lan|internal))$/i;
const CREDENTIALS = /:\/\/([^\s"'`<>@/:\\?#]{0,100}):([^\s"'`<>@/\\]{3,256})@(\[[0-9a-fA-F:.]{2,45}\]|[\w.-]{1,253})/y;
const TOKEN = /:\/\/([\w~.-]{16,200}):?@([\w.-]{3,253})/y;

/** Whether `user:password@` or `token@` may follow within 300 bytes. */
export function hasCredentials(bytes: Uint8Array, start: number, end: number): boolean {
  const before = bytes[start - 1]! | 32;
  if (!(before >= 97 && before <= 122) && !(bytes[start - 1]! >= 48 && bytes[start - 1]! <= 57)) return false;
  const stop = Math.min(bytes.length, end + 300);
  for (let at = end; at < stop; at++) {
    const byte = bytes[at]!;
    if (byte === 64) return at - end >= 5;
    // Space and controls, " ' / < > \ `: no user information goes on behind them.
    if (byte <= 34 || byte === 39 || byte === 47 || byte === 60 || byte === 62 || byte === 92 || byte === 96)
      return false;
  }
  return false;
}

export function judgeUrl(text: string, at: number): Judged | undefined {
  const scheme = /[A-Za-z][A-Za-z0-9+.-]{0,30}$/.exec(text.slice(0, at))?.[0] ?? "";
  if (DATABASE.test(scheme)) return undefined;
  CREDENTIALS.lastIndex = at;
  const match = CREDENTIALS.exec(text);
  // A public key stands where a user would: EIP-1459, and devp2p's node addresses.
  if (/(?:enrtree|enode)$/i.test(scheme)) return undefined;
  if (match === null) return judgeToken(text, at);
  const [whole, user, password, host] = match as unknown as [string, string, string, string];
  if (
    password === user ||
    isSomethingElse(`${user}:${password}`) ||
    /^(?:p%40ss|p@ss)/.test(password) ||
    isTemplated(host) ||
    isSomethingElse(password)
  )
    return undefined;
  const start = at + whole.length - host.length - 1 - password.length;
  const span = { start, end: start + password.length };
  const severity = assess(password, { kind: "password", literal: true, loose: false, test: false });
  if (LOCAL.test(host))
    return severity === "error" && isStrongValue(password) ? { ...span, severity: "warning" } : undefined;
  if (severity !== undefined) return { ...span, severity };
  // On a server that others reach, a word is a password as well.
  const { bits, manual } = strengthOf(password);
  return password.length >= 6 &&
    bits >= 16 &&
    !manual &&
    !/^[A-Z_]+$/.test(password) &&
    !/^user|name$|^\w{1,20}:/i.test(password)
    ? { ...span, severity: "warning" }
    : undefined;
}

export const URLS: readonly Rule[] = [
  {
    id: "url-credentials",
    provider: "URL",
    opens: "the server it names",
    keywords: ["://"],
    boundary: "none",
    before: 32,
    window: 640,
    gate: hasCredentials,
    judge: judgeUrl,
    severity: "error",
    generic: true,
    message: "a URL with a password or token in it",
    fix: "keep the whole URL with 'git muxi secrets set NAME' and refer to it as ${{ secrets.NAME }}; outside a formation, read it from the environment",
    example: (random) => `https://deploy:${made(random, 16 + random(12))}@git${random(90) + 10}.acme.io/repo.git`,
    nearMisses: (random) => [
      "https://user:password@acme.io/",
      "https://user:${TOKEN}@git.acme.io/repo.git",
      "https://<user>:<password>@git.acme.io/repo.git",
      "http://admin:admin123@localhost:8080/",
      `https://acme.io/@scope/${draw(random, BASE62, 20)}`,
      "ssh://git@github.com:22/acme/repo.git",
      "https://acme.io:8443/path@1.2.3",
      `enrtree://${draw(random, BASE32, 53)}@all.mainnet.acme.io`,
    ],
    source: "https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1",
  },
];

/** `https://TOKEN@host`. A DSN of Sentry is made to be public. */
function judgeToken(text: string, at: number): { start: number; end: number } | undefined {
  TOKEN.lastIndex = at;
  const match = TOKEN.exec(text);
  if (match === null) return undefined;
  const [, token, host] = match as unknown as [string, string, string];
  if (/sentry|ingest|bugsink|glitchtip/i.test(host) || isSomethingElse(token) || !isOpaque(token, 16)) return undefined;
  // A DSN's host may be anybody's: its key is 32 hex digits and its path a number.
  if (/^[0-9a-f]{32}$/.test(token) && /^(?::\d{1,5})?\/\d/.test(text.slice(at + match[0].length))) return undefined;
  return { start: at + 3, end: at + 3 + token.length };
}
