/**
 * `Authorization` headers, in any language and notation: `Authorization: Basic …`,
 * `"Authorization": "Bearer …"`, `-H 'Authorization: token …'`, `Bearer …` alone.
 * RFC 7617 (Basic: base64 of user and password), RFC 6750 (Bearer).
 */
import { Buffer } from "node:buffer";
import type { Judged, Rule } from "../rule.ts";
import { made } from "./example.ts";
import { isSomethingElse, isTemplated } from "./recognise.ts";
import { assess, isOpaque } from "./strength.ts";

const AUTHORIZATION =
  /authorization\\{0,3}["'`]?\]?[ \t]{0,8}(?::|=>?|,|[ \t])[ \t]{0,8}(?:[bfru]?\\{0,3}["'`])?(?:(?:[A-Za-z][A-Za-z-]{2,20})[ \t]{1,4}|)(?:(?:token|key|api_?key)[=:]"?)?([\w.~+/:@=-]{8,2048})/iy;
const BEARER = /bearer[ \t]{1,4}(?:\\?["'])?([\w.~+/=-]{16,2048})/iy;
const BASIC = /basic[ \t]{1,4}([A-Za-z0-9+/_-]{8,512}={0,2})/iy;

/** Whether eight bytes of a token, a digit among them or two cases, follow soon. */
export function tokenFollows(bytes: Uint8Array, _start: number, end: number): boolean {
  const stop = Math.min(bytes.length, end + 56);
  let run = 0;
  let digits = 0;
  let upper = 0;
  for (let at = end; at < stop; at++) {
    const byte = bytes[at]!;
    const digit = byte >= 48 && byte <= 57;
    const capital = byte >= 65 && byte <= 90;
    if (
      digit ||
      capital ||
      (byte >= 97 && byte <= 122) ||
      byte === 95 ||
      byte === 45 ||
      byte === 46 ||
      byte === 43 ||
      byte === 47 ||
      byte === 61
    ) {
      run++;
      if (digit) digits++;
      if (capital) upper++;
      if (run >= 8 && (digits > 0 || upper > 1)) return true;
    } else {
      run = digits = upper = 0;
      if (byte === 10 || byte === 59 || byte === 123) return false;
    }
  }
  return false;
}

export function judgeHeader(text: string, at: number): Judged | undefined {
  const first = text.charCodeAt(at) | 32;
  const expression = first === 97 ? AUTHORIZATION : BEARER;
  if (text.slice(at, at + 5).toLowerCase() === "basic") return judgeBasic(text, at);
  expression.lastIndex = at;
  const match = expression.exec(text);
  if (match === null) return undefined;
  const value = match[1]!;
  const end = at + match[0].length;
  const start = end - value.length;
  if (/^basic$/i.test(/([A-Za-z]{1,10})[ \t]{1,4}$/.exec(text.slice(at, start))?.[1] ?? "")) {
    return judgeBasic(text, text.slice(0, start).search(/basic[ \t]{1,4}$/i));
  }
  if (isSomethingElse(value) || isTemplated(text.slice(start, end + 2)) || !isOpaque(value, 16)) return undefined;
  return { start, end };
}

function judgeBasic(text: string, at: number): Judged | undefined {
  BASIC.lastIndex = at;
  const match = BASIC.exec(text);
  if (match === null) return undefined;
  const value = match[1]!;
  const end = at + match[0].length;
  const pair = Buffer.from(value, "base64").toString("latin1");
  const colon = pair.indexOf(":");
  if (colon < 0 || !/^[\x20-\x7e]{3,}$/.test(pair) || isSomethingElse(value)) return undefined;
  const user = pair.slice(0, colon);
  const password = pair.slice(colon + 1);
  const severity =
    password === ""
      ? assess(user, { kind: "secret", literal: true, loose: false, test: false })
      : password === user
        ? undefined
        : assess(password, { kind: "password", literal: true, loose: false, test: false });
  return severity === undefined ? undefined : { start: end - value.length, end, severity };
}

export const HEADERS: readonly Rule[] = [
  {
    id: "authorization-header",
    provider: "authorization header",
    opens: "the service it is sent to",
    keywords: ["authorization", "bearer ", "basic "],
    ignoreCase: true,
    boundary: "none",
    window: 2200,
    gate: tokenFollows,
    judge: judgeHeader,
    severity: "error",
    generic: true,
    message: "credentials in an Authorization header",
    fix: "keep the token with 'git muxi secrets set NAME' and refer to it as ${{ secrets.NAME }}; outside a formation, read it from the environment",
    example: (random) => {
      if (random(2) === 0) return `Authorization: Bearer ${made(random, 24 + random(24))}`;
      return `Authorization: Basic ${Buffer.from(`svc:${made(random, 14)}`).toString("base64")}`;
    },
    nearMisses: () => [
      "Authorization: Bearer <token>",
      "Authorization: Bearer ${TOKEN}",
      "Authorization: Bearer YOUR_API_KEY",
      "Authorization: Basic dXNlcm5hbWU6cGFzc3dvcmQ=",
      "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
      "authorization: process.env.AUTHORIZATION2",
      "basic authentication2024settings",
      "bearer authenticationMiddleware2",
    ],
    source: "https://www.rfc-editor.org/rfc/rfc7617",
  },
];
