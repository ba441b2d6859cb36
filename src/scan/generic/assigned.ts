/**
 * Values beside telling names: `password = "…"`, `API_KEY=…`, `<token>…</token>`.
 *
 * Keywords such as `key` stand everywhere, so a look at the bytes behind the name
 * comes first ({@link mayAssign}): nearly every hit ends there, before any text is
 * made. What passes is read (assignment.ts) and judged (strength.ts).
 */
import { BASE62, draw, type JudgeContext, type Judged, type Rule } from "../rule.ts";
import { assignedTo, isConfiguration } from "./assignment.ts";
import { made } from "./example.ts";
import { type NameKind, type TellingName, tellingName } from "./name.ts";
import { assess, isWords, strengthOf } from "./strength.ts";

const BEFORE = 260;
const WINDOW = 640;

/** How far behind a name its value begins at most. */
const REACH = 96;

const NAME = 1;
const QUOTE = 2;
const OPERATOR = 4;
const BLANK = 8;
const BREAK = 16;
const DIGIT = 32;
const MARK = 64;

const KIND = new Uint8Array(256);
let built = false;

function build(): void {
  for (let byte = 33; byte < 256; byte++) KIND[byte] = MARK;
  for (let byte = 65; byte <= 90; byte++) KIND[byte] = NAME;
  for (let byte = 97; byte <= 122; byte++) KIND[byte] = NAME;
  for (let byte = 48; byte <= 57; byte++) KIND[byte] = NAME | DIGIT;
  KIND[95] = KIND[45] = NAME;
  for (const text of "\"'`") KIND[text.charCodeAt(0)] = QUOTE;
  for (const text of "=:,(>|?<") KIND[text.charCodeAt(0)] = OPERATOR;
  for (const text of "[]){}\\;/.") KIND[text.charCodeAt(0)] = 0;
  KIND[32] = KIND[9] = BLANK;
  KIND[10] = KIND[13] = BREAK;
  built = true;
}

/** Whether at least six bytes from `at` on could be an opaque value: a digit or a mark among them, or many letters. */
function mayBeValue(bytes: Uint8Array, at: number): boolean {
  const stop = Math.min(bytes.length, at + 40);
  let mixed = false;
  let upper = 0;
  let length = 0;
  for (; at < stop; at++, length++) {
    const kind = KIND[bytes[at]!]!;
    if ((kind & (QUOTE | BREAK)) !== 0) break;
    if ((kind & BLANK) !== 0) {
      // Four groups of four letters are an app password; else a value has no blanks so early.
      if (length < 4) return false;
      break;
    }
    if ((kind & (DIGIT | MARK)) !== 0) mixed = true;
    else if (bytes[at]! < 91) upper++;
  }
  return (
    (length >= 6 && mixed) ||
    length >= 14 ||
    (length >= 10 && upper > 1) ||
    (length === 4 && KIND[bytes[at]!] === BLANK)
  );
}

/** Whether the bytes behind a keyword could assign something to it; see the head of this file. */
export function mayAssign(bytes: Uint8Array, _start: number, end: number): boolean {
  if (!built) build();
  const length = bytes.length;
  let at = end;
  const nameStop = Math.min(length, end + 48);
  while (at < nameStop && (KIND[bytes[at]!]! & NAME) !== 0) at++;
  const stop = Math.min(length, at + REACH);
  const nameEnd = at;
  let operator = false;
  let breaks = 0;
  while (at < stop) {
    const byte = bytes[at]!;
    const kind = KIND[byte]!;
    if ((kind & QUOTE) !== 0) {
      // The name's own closing quote is followed by an operator or a bracket; a value's is not.
      if (at > nameEnd && (operator || at > nameEnd + 0) && mayBeValue(bytes, at + 1)) return true;
      at++;
      continue;
    }
    if ((kind & OPERATOR) !== 0) {
      operator = true;
      at++;
      continue;
    }
    if ((kind & BLANK) !== 0) {
      at++;
      continue;
    }
    if ((kind & BREAK) !== 0) {
      breaks++;
      // One line on: a value below its key, `value:` below `name:`.
      if (breaks > 2 || (breaks > 0 && !operator && bytes[end - 1] !== 58 && !mayFollow(bytes, at))) return false;
      at++;
      continue;
    }
    if ((kind & (NAME | MARK)) !== 0) {
      if ((operator || (at > nameEnd && KIND[bytes[at - 1]!] === BLANK)) && mayBeValue(bytes, at)) return true;
      const from = at;
      while (at < stop && (KIND[bytes[at]!]! & (NAME | MARK)) !== 0) at++;
      // Prose goes on with words: a name is followed by an operator soon.
      if (!operator && at - from > 0 && at - nameEnd > 24) return false;
      continue;
    }
    // `variable "name" {` of Terraform goes on in its block.
    if (byte === 123) {
      if (bytes[nameEnd] !== 34) return false;
      operator = true;
    }
    if (byte === 59 || byte === 125) return false;
    at++;
  }
  return false;
}

/** Whether a line break is followed by an indented `value`. */
function mayFollow(bytes: Uint8Array, at: number): boolean {
  let next = at;
  const stop = Math.min(bytes.length, at + 40);
  while (next < stop && (KIND[bytes[next]!]! & (BLANK | BREAK)) !== 0) next++;
  const byte = bytes[next]! | 32;
  return byte === 118 || byte === 34 || byte === 60 || byte === 100;
}

/** A name or a neighbourhood that says "this is a test's or a manual's". */
const TEST_NAME = /^(?:test|tests|testing|fake|mock|dummy|example|sample|demo|stub|fixture)$/;
const TEST_PATH =
  /(?:^|[/_.-])(?:tests?|specs?|__tests__|__mocks__|mocks?|fixtures?|testdata|test_data|examples?|samples?|demos?|e2e|docs?)(?:[/_.-]|$)/i;

export function isTestPath(path: string): boolean {
  return TEST_PATH.test(path);
}

export function judgeAssigned(
  text: string,
  at: number,
  keywordLength: number,
  wanted: (kind: NameKind, name: TellingName) => boolean,
  { path }: JudgeContext,
): Judged | undefined {
  const name = tellingName(text, at, keywordLength);
  if (name === undefined || !wanted(name.kind, name)) return undefined;
  const config = isConfiguration(path);
  const assigned = assignedTo(text, name.start, name.end, config);
  if (assigned === undefined) return undefined;
  const { value, start, end, quote, operator, alone } = assigned;
  if (operator === "pair" && !/^(?:auth|credentials?|creds)$/.test(name.words.at(-1) ?? "")) return undefined;
  const loose = (operator === "call" && name.kind !== "password") || (operator === "compare" && name.kind === "hint");
  const connection = quote === "" && CONNECTION.test(text.slice(Math.max(0, name.start - 160), name.start));
  const literal = connection || quote !== "" || operator === "element" || (config && alone) || operator === "flag";
  // An assignment inside the value is judged at its own name.
  if (quote === "" || name.kind !== "password") {
    if (/^[A-Za-z_][\w.]{1,40}=[^=]/.test(value)) return undefined;
  }
  // In code a value without quotes is a variable, a type or a call: it is none only where no one would write such a name.
  if (!literal && !isNoIdentifier(value, text, end)) return undefined;
  // Badges carry a token that is public, to be drawn.
  if (/badge[^\s"'<>]{0,60}\?(?:[^\s"'<>]{0,60}&)?$/.test(text.slice(Math.max(0, name.start - 128), name.start)))
    return undefined;
  const severity = assess(value, {
    kind: operator === "pair" ? "password" : name.kind,
    literal,
    loose,
    test: name.words.some((word) => TEST_NAME.test(word)) || isTestPath(path),
  });
  return severity === undefined ? undefined : { start, end, severity };
}

/** Other parts of a connection string before its password: `Server=…;`, `host=… `. */
const CONNECTION =
  /(?:server|host|hostname|data source|address|addr|user|user ?id|user ?name|uid|database|db|dbname|initial catalog|endpoint|accountname|port|driver|sharedaccesskeyname|provider|dsn)[ ]?=[^"'`\n=]{1,80}[; &](?:[\w ]{1,24}=[^"'`\n=]{0,60}[; &]){0,6}[ ]?$/i;

function isNoIdentifier(value: string, text: string, end: number): boolean {
  const next = text[end];
  if (/^[ \t]?\(/.test(text.slice(end, end + 2)) || next === "[" || next === "<") return false;
  if (!/^[A-Za-z_$][\w$]*$/.test(value)) return true;
  return value.length >= 16 && /\d/.test(value) && !isWords(value) && strengthOf(value).perCharacter >= 3.4;
}

/** Length of the keyword that stands at `at`, of a list where none begins another but longer ones come first. */
function keywordAt(text: string, at: number, keywords: readonly string[]): number {
  const lower = text.slice(at, at + 16).toLowerCase();
  for (const keyword of keywords) if (lower.startsWith(keyword)) return keyword.length;
  return 1;
}

const PASSWORD_KEYWORDS = [
  "pass",
  "pwd",
  "pswd",
  "psw",
  "kennwort",
  "senha",
  "contrase",
  "motdepas",
  "mot_de_p",
  "wachtwoo",
  "rootpw",
  "bindpw",
  "adminpw",
  "masterauth",
  "mdp",
  "identified",
];

const SECRET_KEYWORDS = [
  "secret",
  "token",
  "credential",
  "creds",
  "key",
  "auth",
  "bearer",
  "jwt",
  "hmac",
  "salt",
  "pepper",
];

const judgePassword: Rule["judge"] = (text, at, context) =>
  judgeAssigned(text, at, keywordAt(text, at, PASSWORD_KEYWORDS), (kind) => kind === "password", context);

const judgeSecret: Rule["judge"] = (text, at, context) =>
  judgeAssigned(text, at, keywordAt(text, at, SECRET_KEYWORDS), (kind) => kind !== "password", context);

export const ASSIGNED: readonly Rule[] = [
  {
    id: "generic-password",
    provider: "password",
    opens: "the account it belongs to",
    keywords: PASSWORD_KEYWORDS,
    ignoreCase: true,
    boundary: "none",
    before: BEFORE,
    window: WINDOW,
    gate: mayAssign,
    judge: judgePassword,
    severity: "error",
    generic: true,
    message: "a password written into the file",
    fix: "keep it with 'muxi secrets set NAME' and refer to it as ${{ secrets.NAME }}; outside a formation, read it from the environment",
    example: (random) => {
      const name = ["password", "DB_PASSWORD", "smtpPasswd", "admin_pwd", "userPassphrase"][random(5)]!;
      return `${name}=${made(random, 12)}`;
    },
    nearMisses: (random) => [
      "password=changeme",
      "password=${DB_PASSWORD}",
      "password={{ db_password }}",
      "password=<your-password>",
      "password=process.env.PASSWORD",
      "password=getPassword()",
      "passwordField=password_confirmation",
      "password_min_length=12345678",
      `password_hash=$2b$12$${draw(random, BASE62, 53)}`,
      `password=ENC[AES256_GCM,data:${draw(random, BASE62, 16)}]`,
      "compassion=Vx7Kq2Zx9Lm4",
    ],
    source: "https://cwe.mitre.org/data/definitions/798.html",
  },
  {
    id: "generic-secret",
    provider: "secret",
    opens: "the service it was made for",
    keywords: SECRET_KEYWORDS,
    ignoreCase: true,
    boundary: "none",
    before: BEFORE,
    window: WINDOW,
    gate: mayAssign,
    judge: judgeSecret,
    severity: "error",
    generic: true,
    message: "an opaque value beside a name that says it is secret",
    fix: "keep it with 'muxi secrets set NAME' and refer to it as ${{ secrets.NAME }}; outside a formation, read it from the environment",
    example: (random) => {
      const name = ["API_KEY", "clientSecret", "auth_token", "private-key", "accessKey", "service.credentials"][
        random(6)
      ]!;
      return `${name}=${made(random, 20 + random(24))}`;
    },
    nearMisses: (random) => [
      "api_key=YOUR_API_KEY_GOES_HERE",
      "secret=${{ secrets.API_TOKEN }}",
      "token=$GITHUB_TOKEN",
      "client_secret=os.environ['CLIENT_SECRET']",
      `public_key=${draw(random, BASE62, 40)}`,
      `token_type=${draw(random, BASE62, 20)}`,
      "tokenType=urn:ietf:params:oauth:token-type:jwt",
      "access_token_url=https://auth.acme.io/oauth2/v1/token",
      `cache_key=${draw(random, BASE62, 24)}`,
      "api_key=xxxxxxxxxxxxxxxxxxxxxxxx",
      `secret=encrypted:${draw(random, BASE62, 44)}`,
    ],
    source: "https://cwe.mitre.org/data/definitions/798.html",
  },
];
