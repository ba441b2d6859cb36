/**
 * Values beside telling names: `password = "…"`, `API_KEY=…`, `<token>…</token>`.
 *
 * Keywords such as `key` stand everywhere, so a look at the bytes behind the name
 * comes first (gate.ts): nearly every hit ends there, before any text is
 * made. What passes is read (assignment.ts) and judged (strength.ts).
 */
import { BASE62, draw, type JudgeContext, type Judged, type Rule } from "../rule.ts";
import { assignedTo, isConfiguration } from "./assignment.ts";
import { made } from "./example.ts";
import { mayAssign } from "./gate.ts";
import { type NameKind, type TellingName, tellingName } from "./name.ts";
import { assess, isWords, strengthOf } from "./strength.ts";

const BEFORE = 260;
const WINDOW = 640;

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
  // Other keywords of the same name would have it read again.
  const nothing = { start: name.end, end: name.end };
  const config = isConfiguration(path);
  const assigned = assignedTo(text, name.start, name.end, config);
  if (assigned === undefined || assigned.value.length < 6) return nothing;
  const { value, start, end, quote, operator, alone } = assigned;
  if (operator === "pair" && !/^(?:auth|credentials?|creds)$/.test(name.words.at(-1) ?? "")) return nothing;
  const loose = (operator === "call" && name.kind !== "password") || (operator === "compare" && name.kind === "hint");
  const connection =
    quote === "" &&
    text[name.end] === "=" &&
    !(config && alone) &&
    CONNECTION.test(text.slice(Math.max(0, name.start - 160), name.start));
  const literal = connection || quote !== "" || operator === "element" || (config && alone) || operator === "flag";
  // An assignment inside the value is judged at its own name.
  if (quote === "" || name.kind !== "password") {
    if (/^[A-Za-z_][\w.]{1,40}=[^=]/.test(value)) return nothing;
  }
  // In code a value without quotes is a variable, a type or a call: it is none only where no one would write such a name.
  if (!literal && !isNoIdentifier(value, text, end)) return nothing;
  // Badges carry a token that is public, to be drawn.
  if (/badge[^\s"'<>]{0,60}\?(?:[^\s"'<>]{0,60}&)?$/.test(text.slice(Math.max(0, name.start - 128), name.start)))
    return nothing;
  const severity = assess(value, {
    kind: operator === "pair" ? "password" : name.kind,
    literal,
    loose,
    key: name.words.at(-1) === "key",
    test: name.words.some((word) => TEST_NAME.test(word)) || isTestPath(path),
  });
  return severity === undefined ? nothing : { start, end, severity };
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
  for (const keyword of keywords) if (lower.startsWith(keyword)) return /^\w*/.exec(keyword)![0].length || 1;
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
  "pw=",
  "pw:",
  "_pw",
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

export function judgePassword(text: string, at: number, context: JudgeContext): Judged | undefined {
  return judgeAssigned(text, at, keywordAt(text, at, PASSWORD_KEYWORDS), (kind) => kind === "password", context);
}

export function judgeSecret(text: string, at: number, context: JudgeContext): Judged | undefined {
  return judgeAssigned(text, at, keywordAt(text, at, SECRET_KEYWORDS), (kind) => kind !== "password", context);
}

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
    fix: "keep it with 'git muxi secrets set NAME' and refer to it as ${{ secrets.NAME }}; outside a formation, read it from the environment",
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
    fix: "keep it with 'git muxi secrets set NAME' and refer to it as ${{ secrets.NAME }}; outside a formation, read it from the environment",
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
      `Sec-WebSocket-Key: ${draw(random, BASE62, 22)}==`,
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
