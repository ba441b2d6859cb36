/**
 * A `.env` file, judged value by value.
 *
 * Rules and known values are the engine's business and are found there in any
 * file. What only a `.env` file says: this name is telling (`SMTP_PASSWORD`) and
 * the value beside it is opaque. That is a secret whatever its form.
 *
 * Silent, because of what the value is, never because of the path:
 * - encrypted values: dotenvx `encrypted:…`, SOPS `ENC[…]`, ansible-vault, Fernet tokens;
 * - public by the framework's rule: names that start with `NEXT_PUBLIC_`, `VITE_` …;
 * - references: `${X}`, `$X`, `{{x}}`, `<x>`, `op://…`, `vault:…`, command substitution.
 *   Of a value that holds some, the rest is judged; in single quotes `$x` is text;
 * - placeholders, paths of words, flags, numbers, addresses without credentials, words.
 *
 * - empty: nothing. Huge: one pass; a value is looked at up to 4 KiB.
 * - CRLF, a byte order mark, UTF-16: as the rest of the scanner (decode.ts); each
 *   view of the bytes is read.
 * - a quoted value may span lines, as dotenv libraries read it; an unclosed
 *   quote ends with its line. Binary: no line of it is an assignment.
 */
import { sha256 } from "../builtin.ts";
import { handThen, pathWord } from "../invocation.ts";
import { toScannable, viewsOf } from "./decode.ts";
import type { Finding } from "./finding.ts";
import { unstage } from "./paths.ts";
import { isExampleText, randomnessBits } from "./randomness.ts";

/** Files that hold examples by their name. Real values in them are still found, with a higher bar. */
const EXAMPLE_FILE = /[._-](?:example|sample|template|tmpl|tpl|dist|defaults?|schema|test)(?:\.|$)/i;

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Whether a path is a `.env` file: `.env`, `.env.local`, `prod.env`, `.envrc`, `.flaskenv`, `.dev.vars`; not `.env.ts`. */
export function isDotenvPath(path: string): boolean {
  const name = baseName(path).toLowerCase();
  // Most names are settled without compiling a long expression.
  if (!name.includes("env")) return /^\.dev\.vars(?:\.[\w-]{1,40})?$/.test(name);
  if (/\.(?:ts|js|mjs|cjs|tsx|jsx|py|rb|go|rs|java|md|d\.ts|html|lock)$/.test(name)) return false;
  return (
    /^\.env(?:rc)?(?:[._~-].*)?$/.test(name) ||
    /^[\w.-]{1,60}\.env$/.test(name) ||
    /^env\.(?:local|dev|development|prod|production|stage|staging|test|ci)$/.test(name) ||
    /^(?:\.flaskenv|dotenv|(?:local|dev|prod|production|stage|staging)_env)$/.test(name)
  );
}

/** Whether a `.env` file's name says that it is an example. */
export function isDotenvExample(path: string): boolean {
  return EXAMPLE_FILE.test(baseName(path));
}

function takeOut(path: string, line: number): string {
  return handThen(`take the value out of line ${line} of ${pathWord(path)}`, `git add -- ${pathWord(path)}`);
}

export interface Assignment {
  name: string;
  value: string;
  /** Whether it stands in single quotes, where no shell and no dotenv library replaces anything. */
  literal: boolean;
  /** Line and column of the value, from 1, in UTF-16 units. */
  line: number;
  column: number;
}

const LINE = /^[ \t]*(?:export[ \t]+|set[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]{0,200})[ \t]*[=:][ \t]*/;

/** Assignments of a `.env` text, in order. What is no assignment is skipped. */
export function parseDotenv(text: string): Assignment[] {
  const assignments: Assignment[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    const head = LINE.exec(line.length > 512 ? line.slice(0, 512) : line);
    if (head === null) continue;
    const at = head[0].length;
    const quote = line[at];
    const start = index + 1;
    let value: string;
    let column = at + 1;
    if (quote === '"' || quote === "'" || quote === "`") {
      column++;
      let rest = line.slice(at + 1);
      let end = closing(rest, quote);
      // A value over several lines, a PEM; looked for within reason, so that stray quotes cost nothing.
      let last = index;
      let joined = rest;
      while (end < 0 && last + 1 < lines.length && last - index < 200) {
        last++;
        const more = lines[last]!;
        const found = closing(more, quote);
        if (found >= 0) end = joined.length + 1 + found;
        joined += `\n${more}`;
      }
      if (end >= 0) {
        value = joined.slice(0, end);
        index = last;
      } else {
        rest = rest.trimEnd();
        value = rest;
      }
    } else {
      const rest = line.slice(at);
      // Not by an expression that runs to the line's end: one that fails there is tried again at every `#`.
      const comment = rest.search(/[ \t]#/);
      value = (comment < 0 ? rest : rest.slice(0, comment)).trimEnd();
    }
    assignments.push({ name: head[1]!, value: value.slice(0, 4096), literal: quote === "'", line: start, column });
  }
  return assignments;
}

function closing(text: string, quote: string): number {
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\" && quote !== "'") at++;
    else if (text[at] === quote) return at;
  }
  return -1;
}

const PUBLIC_PREFIX =
  /^(?:NEXT_PUBLIC_|VITE_|REACT_APP_|PUBLIC_|EXPO_PUBLIC_|NUXT_PUBLIC_|GATSBY_|VUE_APP_|NG_APP_|STORYBOOK_|SNOWPACK_PUBLIC_|PARCEL_PUBLIC_|DOTENV_PUBLIC_KEY)/i;

/** Whether a framework puts the value of this name into what it publishes. */
export function isPublished(name: string): boolean {
  return PUBLIC_PREFIX.test(name);
}

/** A name that says its value is secret. */
const TELLING =
  /(?:^|[_.-])(?:api[_-]?keys?|keys?|tokens?|secrets?|pass(?:word|wd|phrase|code)?|pwd|pw|credentials?|creds?|auth|bearer|jwt|salt|pepper|signature|signing|private|dsn|webhook|access[_-]?key|client[_-]?secret|encryption|hmac|session|cookie|pin)(?:[_.-]|\d|$)|(?:apikey|secretkey|accesskey|password|passwd|secret|token)$/i;

/** … and one that takes it back. */
const NOT_TELLING =
  /(?:^|[_.-])(?:public|publishable|url|uri|path|file|dir|folder|name|id|ids|user|username|email|host|port|region|zone|bucket|type|class|template|comment|format|algorithm|alg|ttl|lifetime|duration|timeout|expires?|expiry|expiration|max|min|limit|length|size|count|enabled|disabled|prefix|suffix|header|issuer|audience|scope|version|env|mode|level|provider|store|driver|domain|origin|endpoint|interval|days|hours|minutes|seconds|ms|rounds|hash_algorithm)$|publishable|public[_-]?key|site[_-]?key|_id$/i;

const ENCRYPTED =
  /^(?:encrypted:|ENC\[|\$ANSIBLE_VAULT|gAAAAA|age1|AQICAH|vault:v\d:|-----BEGIN (?:PGP MESSAGE|AGE ENCRYPTED))/;
const REFERENCE = /^%[A-Za-z_]\w*%$|^<[^>]*>$|^\[[^\]]*\]$|^`/;
const STORE =
  /^projects\/[\w-]{1,64}\/secrets\/|^(?:op|vault|secret|ssm|awssm|gcpsm|azkv|ref\+\w+|doppler|infisical|keychain|env|file|aws-sm|projects):?\/\//i;

/** Whether a value is encrypted, or says where another store keeps it. */
export function isKeptElsewhere(value: string): boolean {
  return ENCRYPTED.test(value) || STORE.test(value);
}

/** What is replaced before anybody reads the value, in single quotes too: templates, and `${NAME}`, which compose replaces there. */
const REPLACED = /\{\{[^{}]{0,200}\}\}|<%[^<>]{0,200}%>|\$\{[A-Z_][A-Z0-9_]{0,100}\}/g;
/** … and what a shell or a dotenv library replaces; of `${NAME:-default}` the default stays. */
const EXPANDED = /\$\((?:[^()]|\([^()]{0,200}\)){0,500}\)|\$\{\w{1,100}(?:\}|:?[-=?+])|^\$\w{1,100}$/g;
const PLAIN =
  /^(?:true|false|yes|no|on|off|null|none|nil|undefined|\d{1,9}|\d+(?:\.\d+)?(?:ms|s|m|h|d|kb|mb|gb)?|[a-z]{1,12}|\d{1,6} ?(?:sec(?:ond)?|min(?:ute)?|h(?:ou)?r|day|week|month|year)s?|[A-Za-z]:\\[\w.\\ -]{0,200})$/;

/** Lowest bits of a value beside a telling name; an example file asks for what a person does not type. */
const OPAQUE_BITS = 18;
const OPAQUE_BITS_IN_EXAMPLE = 40;

/** A path of words. base64 may begin with `/` and hold more of them, and is no path for that. */
function isPath(value: string): boolean {
  if (!/^(?:\.{1,2}|~)?\/[\w./@-]{1,200}$/.test(value) || !value.includes("/", 1)) return false;
  const segments = value.split("/").filter((segment) => segment !== "");
  return segments.every((segment) => randomnessBits(segment) < (segment.length < 12 ? 4 : 3.2) * segment.length);
}

function isSecretValue(whole: string, literal: boolean, example: boolean): boolean {
  const rest = whole.replace(REPLACED, "");
  const value = literal ? rest : rest.replace(EXPANDED, "");
  if (value.length < 6 || isKeptElsewhere(value) || REFERENCE.test(value) || PLAIN.test(value) || isPath(value))
    return false;
  if (isExampleText(value, example ? 2.4 : 1.2)) return false;
  // An address without a password is configuration; with them it is the database rule's.
  if (/^[a-z][a-z0-9+.-]{1,20}:\/\/(?:[\w.%-]{0,64}:?@)?[^@\s?]*$/i.test(value) && !/[A-Za-z0-9_-]{24,}/.test(value))
    return false;
  return randomnessBits(value) >= (example ? OPAQUE_BITS_IN_EXAMPLE : OPAQUE_BITS);
}

/**
 * Lines (from 1) whose name a framework publishes: what stands there reaches
 * every browser, so a key that is made for browsers is at home there.
 */
export function publishedLines(bytes: Uint8Array): Set<number> {
  const assignments = parseDotenv(Buffer.from(toScannable(bytes)).toString("utf8"));
  return new Set(assignments.filter(({ name }) => PUBLIC_PREFIX.test(name)).map(({ line }) => line));
}

/**
 * Findings in a `.env` file that its names make: a telling name with an opaque
 * value. What rules and known values find is found by the scanner, in this file
 * as in any; where both find a value, the scanner's finding tells more.
 */
export function checkDotenv(path: string, bytes: Uint8Array): Finding[] {
  const example = isDotenvExample(path);
  const findings: Finding[] = [];
  const seen = new Set<string>();
  const assignments = viewsOf(bytes).flatMap((view) => parseDotenv(Buffer.from(view).toString("utf8")));
  for (const { name, value, literal, line, column } of assignments) {
    if (PUBLIC_PREFIX.test(name) || !TELLING.test(name) || NOT_TELLING.test(name)) continue;
    if (!isSecretValue(value, literal, example)) continue;
    const secretId = sha256(value);
    const key = `${name} ${secretId} ${line}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const endColumn = column + (value.includes("\n") ? value.indexOf("\n") : value.length);
    findings.push({
      rule: "dotenv-secret",
      kind: "dotenv",
      severity: "error",
      path,
      line,
      column,
      endLine: line,
      endColumn,
      name,
      message: `a value for '${name}' that is no placeholder${example ? "" : "; a .env file stays out of git"}`,
      fix: example ? takeOut(path, line) : unstage(path),
      secretId,
    });
  }
  return findings;
}
