/**
 * A user and a password passed to a call that logs in: `new NetworkCredential("joe", "…")`,
 * `req.SetBasicAuth("joe", "…")`, `mysqli_connect("host", "joe", "…")`.
 */
import { draw, type JudgeContext, type Judged, type Rule } from "../rule.ts";
import { isTestPath } from "./assigned.ts";
import { made } from "./example.ts";
import { assess } from "./strength.ts";

/** Up to one argument that is no text and one that is the server's; then the user's, then the password's. */
const ARGUMENTS =
  /\(\s{0,20}(?:[^"'`(),]{1,80},\s{0,20})?(?:["'][^"'\n]{0,200}["'],\s{0,20})?["'][^"'\n]{1,100}["'],\s{0,20}(?:\(?ConvertTo-SecureString[ ](?:-String[ ])?)?["']([^"'\n]{4,128})["']/y;

/** Whether a quote follows within the call's first arguments. */
export function argumentFollows(bytes: Uint8Array, _start: number, end: number): boolean {
  const stop = Math.min(bytes.length, end + 120);
  let quotes = 0;
  for (let at = end; at < stop; at++) {
    const byte = bytes[at]!;
    if (byte === 34 || byte === 39) quotes++;
    if (quotes === 3) return true;
    if (byte === 59 || byte === 123) return false;
  }
  return false;
}

export function judgeCall(text: string, at: number, { path }: JudgeContext): Judged | undefined {
  const open = text.indexOf("(", at);
  if (open < 0 || open > at + 40) return undefined;
  ARGUMENTS.lastIndex = open;
  const match = ARGUMENTS.exec(text);
  if (match === null) return undefined;
  const value = match[1]!;
  const end = open + match[0].length - 1;
  const severity = assess(value, { kind: "password", literal: true, loose: false, test: isTestPath(path) });
  return severity === undefined ? undefined : { start: end - value.length, end, severity };
}

export const CALLS: readonly Rule[] = [
  {
    id: "login-call",
    provider: "login",
    opens: "what the call logs in to",
    keywords: [
      "NetworkCredential(",
      "UsernamePasswordCredentials(",
      "PasswordAuthentication(",
      "PSCredential(",
      "SetBasicAuth(",
      "set_basic_auth(",
      "basic_auth(",
      "basicAuth(",
      "HTTPBasicAuth(",
      "HTTPDigestAuth(",
      "DriverManager.getConnection(",
      "mysqli_connect(",
      "mysql_connect(",
      "new mysqli(",
      "new PDO(",
      "ftp_login(",
      "smtp.login(",
      "server.login(",
      "imap.login(",
      "client.login(",
    ],
    window: 640,
    gate: argumentFollows,
    judge: judgeCall,
    severity: "error",
    generic: true,
    message: "a password passed to a call that logs in",
    fix: "keep it with 'git muxi secrets set NAME' and refer to it as ${{ secrets.NAME }}; outside a formation, read it from the environment",
    example: (random) => {
      const password = made(random, 14);
      return [
        `req.SetBasicAuth("joe", "${password}")`,
        `mysqli_connect("db.acme.io", "joe", "${password}", "app")`,
        `new NetworkCredential("joe", "${password}")`,
      ][random(3)]!;
    },
    nearMisses: (random) => [
      'req.SetBasicAuth("user", "password")',
      "req.SetBasicAuth(user2, password2)",
      "mysqli_connect($host, $user, $password2)",
      'new NetworkCredential("joe", Environment.GetEnvironmentVariable("DB_PASSWORD2"))',
      `mysqli_connect("db.acme.io", "joe", getenv("${draw(random, "ABC", 8)}2"))`,
    ],
    source: "https://cwe.mitre.org/data/definitions/798.html",
  },
];
