/**
 * Offline checks of what a token is made of, as rules name them: check digits
 * and structure. The built table of rules holds these by name, so each is an
 * export and this module imports no rule.
 */
import { Buffer } from "node:buffer";
import { crc32, crc36Suffix, fineGrainedCheck, hasCrc62Suffix } from "./checksum.ts";
import type { Judged } from "./rule.ts";

/** `xxx_` and a body whose last six are its CRC-32: GitHub, npm, Vercel. */
export function checkCrc62(token: string): boolean {
  return hasCrc62Suffix(token, 4);
}

/** Server tokens of the first kind were seen with other check digits: no opinion on those. */
export function checkGithub(token: string): boolean {
  return token.startsWith("ghs_") || hasCrc62Suffix(token, 4);
}

export function checkFineGrained(token: string): boolean {
  return token.slice(77, 85) === fineGrainedCheck(token.slice(0, 77));
}

/** Routable tokens carry a checksum, the others none. */
export function checkGitlab(token: string): boolean {
  return !/\.01\.[0-9a-z]{9}$/.test(token) || token.slice(-7) === crc36Suffix(token.slice(0, -7));
}

/** Zuplo: the last eight are the CRC-32 of everything before their underscore, in hexadecimal. */
export function checkZuplo(token: string): boolean {
  const end = token.lastIndexOf("_");
  const sum = token.slice(end + 1);
  return [token.slice(0, end), token.slice(5, end)].some((body) => crc32(body).toString(16).padStart(8, "0") === sum);
}

/** Confluent: the last six are base64 of the CRC-32 of the rest, lowest byte first. */
export function checkConfluent(token: string): boolean {
  return confluentCheck(token.slice(0, -6)) === token.slice(-6);
}

export function confluentCheck(body: string): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(body));
  return sum.toString("base64").slice(0, 6);
}

function jsonOf(base64: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(base64, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** A JSON Web Token's header, so that a body that merely has two dots is told apart. Unsigned ones open nothing. */
export function hasJwtHeader(token: string): boolean {
  const head = /^([\w-]{10,800})\./.exec(token)?.[1];
  const alg = head === undefined ? undefined : jsonOf(head)?.alg;
  return typeof alg === "string" && alg.toLowerCase() !== "none";
}

/** Supabase keys are tokens of a role; `anon` is in every page by design. */
function roleOf(token: string): unknown {
  const claims = jsonOf(token.split(".")[1] ?? "");
  return claims !== undefined && "role" in claims && /^supabase/.test(String(claims.iss)) ? claims.role : undefined;
}

/** Subjects of the tokens in RFC 7519 and at jwt.io, which every manual shows. */
function isManualClaims(token: string): boolean {
  const claims = jsonOf(token.split(".")[1] ?? "");
  return claims === undefined || claims.sub === "1234567890" || claims.name === "John Doe" || claims.iss === "joe";
}

export function isSignedJwt(token: string): boolean {
  const role = roleOf(token);
  return hasJwtHeader(token) && !isManualClaims(token) && role !== "anon" && role !== "service_role";
}

export function isServiceRoleJwt(token: string): boolean {
  return hasJwtHeader(token) && roleOf(token) === "service_role";
}

export function isEmbeddedJwt(token: string): boolean {
  return hasJwtHeader(token.slice(token.indexOf("eyJ")));
}

/** `ops_` and base64 of JSON that holds the account's sign-in address and keys. */
export function isServiceAccountToken(token: string): boolean {
  const text = Buffer.from(token.slice(4), "base64url").toString("latin1");
  return text.startsWith("{") && /"(?:email|signInAddress|userAuth|srpX|muk|secretKey|deviceUuid)"/.test(text);
}

/** Base64 of a Google service account's JSON. */
export function isServiceAccountJson(text: string): boolean {
  return /"private_key(?:_id)?"/.test(Buffer.from(text.slice(0, 4000), "base64").toString("latin1"));
}

/** Base64 of `PREFIX:key` as Bedrock's long-lived keys carry it. */
export function isBedrockKey(token: string): boolean {
  return /^[\w-]{3,80}:/.test(Buffer.from(token.slice(4), "base64").toString("latin1"));
}

/** DER of a private key: a sequence whose length the header gives and that begins with a small version number. */
export function isPrivateDer(text: string): boolean {
  const bytes = Buffer.from(text, "base64");
  if (bytes[0] !== 0x30) return false;
  const long = bytes[1] === 0x82 ? 4 : bytes[1] === 0x81 ? 3 : 2;
  if (long === 2 && bytes[1]! > 0x7f) return false;
  const length = long === 4 ? (bytes[2]! << 8) | bytes[3]! : long === 3 ? bytes[2]! : bytes[1]!;
  if (length + long !== bytes.length) return false;
  // INTEGER 0 or 1, one byte, then a large INTEGER (RSA), an algorithm (PKCS 8) or 32 and more octets (EC).
  if (bytes[long] !== 2 || bytes[long + 1] !== 1 || bytes[long + 2]! > 1) return false;
  const next = bytes[long + 3];
  return next === 2 || next === 0x30 || (next === 4 && bytes[long + 4]! >= 28);
}

/** The binary header of an OpenSSH private key, in base64. */
export function isOpensshKey(text: string): boolean {
  return Buffer.from(text.slice(0, 24), "base64").toString("latin1").startsWith("openssh-key-v1\0");
}

/** A PEM body: long enough and mixed enough to be one, and no manual's. */
export function isPemBody(body: string): boolean {
  const plain = body.replace(/[A-Za-z-]+: [^\r\n]*/g, "").replace(/\\+[rn]|[^A-Za-z0-9+/]/g, "");
  return plain.length >= 64 && new Set(plain.slice(0, 200)).size >= 16 && !/EXAMPLE|YOURKEY|YourPrivateKey/.test(plain);
}

/** PuTTY's private lines: short for modern keys, so the mix of characters decides. */
export function isPuttyBody(body: string): boolean {
  return new Set(body.replace(/\\[rn]|\s/g, "").slice(0, 200)).size >= 16;
}

export function isPemInBase64(text: string): boolean {
  return Buffer.from(text.slice(0, 80), "base64").toString("latin1").includes("PRIVATE KEY");
}

/** Docker's configuration: base64 of `user:password`. */
export function isBasicPair(text: string): boolean {
  const plain = Buffer.from(text, "base64").toString("latin1");
  return (
    /^[\x21-\x7e]{1,200}:[\x21-\x7e]{6,400}$/.test(plain) && !/:(?:password|pass|secret|changeme|test)$/i.test(plain)
  );
}

/** A Datadog or AWS-like body of one case has letters and digits both. */
export function hasLettersAndDigits(text: string): boolean {
  return /[0-9]/.test(text) && /[A-Za-z]/.test(text);
}

/** Whether the run of characters goes on before `start`; an escape (`\n`, `%3D`) ends one. */
function continues(text: string, start: number, one: RegExp): boolean {
  if (start === 0 || !one.test(text[start - 1]!)) return false;
  return !/(?:\\[nrt]|%[0-9A-Fa-f]{2}|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4})$/.test(
    text.slice(Math.max(0, start - 6), start),
  );
}

/** base64 characters of a key from a mark in its middle, as far as the issuer's lengths allow. */
function marked(before: number, after: number, one: RegExp): (text: string, at: number) => Judged | undefined {
  return (text, at) => {
    const start = at - before;
    const end = at + after;
    if (start < 0 || end > text.length) return undefined;
    if (continues(text, start, PLAIN_CHARACTER)) return undefined;
    if (end < text.length && one.test(text[end]!) && text[end] !== "=") return undefined;
    for (let i = start; i < end; i++) if (!one.test(text[i]!)) return undefined;
    const secret = text.slice(start, end);
    return /[0-9]/.test(secret) && /[a-z]/.test(secret) && new Set(secret).size >= 16 ? { start, end } : undefined;
  };
}

const KEY_CHARACTER = /[A-Za-z0-9+/]/;
const PLAIN_CHARACTER = /[A-Za-z0-9]/;
const SECRET_CHARACTER = /[A-Za-z0-9_~.-]/;

/** 84 characters: 76 of random and place, the mark, four of check digits (learn.microsoft.com, "AZDO"). */
export const azureDevopsToken = marked(76, 8, PLAIN_CHARACTER);
/** 84 characters, with the mark of Microsoft's common annotated keys after 52 of random. */
export const azureAnnotatedKey = marked(52, 32, PLAIN_CHARACTER);
/** 52 characters: search keys carry their mark after 42. */
export const azureSearchKey = marked(42, 10, PLAIN_CHARACTER);
/** 86 characters and `==`, the mark after 76. */
export const azureStorageMarkedKey = marked(76, 10, KEY_CHARACTER);
/** 52 characters: container registries, the mark after 42. */
export const azureRegistryKey = marked(42, 10, KEY_CHARACTER);
/** 43 characters and `=`: buses, hubs and caches, the mark after 33. */
export const azureBusKey = marked(33, 10, KEY_CHARACTER);
/** 54 characters and `==`: functions, the mark after 44. */
export const azureFunctionKey = marked(44, 10, /[A-Za-z0-9_-]/);

/** 40 characters, `Q~` after three letters or digits and one digit. */
export function azureClientSecret(text: string, at: number): Judged | undefined {
  const start = at - 4;
  if (start < 0 || continues(text, start, SECRET_CHARACTER)) return undefined;
  if (!/^[A-Za-z0-9_~.-]{3}[0-9]$/.test(text.slice(start, at))) return undefined;
  const body = /^Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~-])/.exec(text.slice(at, at + 48));
  if (body === null) return undefined;
  // A full stop behind it ends a sentence.
  const end = at + body[0].replace(/\.$/, "").length;
  return new Set(text.slice(start, end)).size >= 14 ? { start, end } : undefined;
}

/** HCP Terraform: 14 characters, `.atlasv1.`, 60 to 70 more. */
export function terraformToken(text: string, at: number): Judged | undefined {
  const start = at - 14;
  if (start < 0 || continues(text, start, /\w/)) return undefined;
  if (!/^[A-Za-z0-9]{14}$/.test(text.slice(start, at))) return undefined;
  const body = /^\.atlasv1\.[A-Za-z0-9_=-]{60,70}(?![\w=-])/.exec(text.slice(at, at + 96));
  if (body === null || new Set(body[0]).size < 20) return undefined;
  return { start, end: at + body[0].length };
}
