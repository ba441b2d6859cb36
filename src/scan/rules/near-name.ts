/**
 * One shape of rule for every service whose keys have no form of their own: the
 * service's name near an opaque value of the right class and length.
 *
 * The value is looked at from its own name, what it is assigned to, passed to or
 * sent as, read backwards from it. It is taken where
 *
 * - that name tells of a secret and is the service's: `MY_DATADOG_API_KEY=`,
 *   `datadogApiKey: "…"`, `X-Datadog-Key: …`, `--datadog-token …`, an element, an attribute;
 * - it tells of a secret, and the service is named shortly before: in a comment or
 *   a key at most two lines above, in the host of a URL (`api.service.com/?api_key=…`);
 * - it tells of a secret, and a comment or a URL after it names the service;
 * - it is the service's and nothing more: `new Service("…")`, `service.init('…')`.
 *
 * Names of something else (`…_KEY_ID`, `…_TOKEN_URL`, `…_SECRET_SHA256`, `…PublicKey`)
 * take nothing. Lengths are exact, so that a hash of another length is no hit, and
 * the value must be random.
 *
 * Names of services stand in ordinary text everywhere: {@link mayBeNearName} looks at
 * a few bytes around and ends nearly all of those hits before any text is made.
 */
import { Buffer } from "node:buffer";
import { wordsOf } from "../generic/name.ts";
import { isExampleText } from "../randomness.ts";
import {
  BASE62,
  DIGITS,
  draw,
  HEX,
  type JudgeContext,
  type Judged,
  LOWER,
  type Random,
  type Rule,
  UPPER,
} from "../rule.ts";
import {
  afterCutRun,
  hasOpaqueRun,
  isMixed,
  kindsOfBytes,
  LETTER_LOWER,
  LETTER_UPPER,
  VALUE_AFTER,
  VALUE_BEFORE,
} from "../runs.ts";

/** A row of the table of services. */
export interface Service {
  id: string;
  provider: string;
  opens: string;
  /** Beginnings of names that mean the service, in lower case. A short one has to be a word of its own. */
  names: readonly string[];
  /** Classes and lengths of its keys: `hex:32`, `alnum:24,40`, `url64:20-64`, `uuid`; several with blanks between. */
  values: string;
  source: string;
}

/** Bytes that are looked at before and after a name. */
const BEFORE = VALUE_BEFORE;
const WINDOW = VALUE_AFTER + 80;

/** A shorter name has to be a word of its own: `box` is part of many. */
const LONG_NAME = 6;

/** Whether a letter goes on with the word before it; after `\n` in a string the letter belongs to the escape. */
function continuesWord(twoBefore: number | undefined, before: number, here: number): boolean {
  const kind = kindsOfBytes();
  const joins = kind[before] === LETTER_LOWER || kind[before] === LETTER_UPPER;
  return joins && twoBefore !== 0x5c && !(kind[before] === LETTER_LOWER && kind[here] === LETTER_UPPER);
}

/** Whether a name at `bytes[start..end)` is a word of its own and an opaque run stands near. */
export function mayBeNearName(bytes: Uint8Array, start: number, end: number): boolean {
  const short = end - start < LONG_NAME && start > 0;
  if (short && continuesWord(bytes[start - 2], bytes[start - 1]!, bytes[start]!)) return false;
  return (
    hasOpaqueRun(bytes, end, Math.min(bytes.length, end + VALUE_AFTER)) ||
    hasOpaqueRun(bytes, afterCutRun(bytes, Math.max(0, start - BEFORE), start), start)
  );
}

interface ValueForm {
  /** The run that has to be the whole value. */
  base64: boolean;
  body: RegExp;
  /** Lengths of the shortest and the longest value. */
  least: number;
  most: number;
  /** So many things look like it that only a telling name makes it a secret. */
  weak: boolean;
  bits: number;
}

const BODIES: Record<string, string> = {
  digit: "\\d",
  hex: "[0-9a-f]",
  HEX: "[0-9A-F]",
  "lower-alnum": "[0-9a-z]",
  "upper-alnum": "[0-9A-Z]",
  alnum: "[0-9A-Za-z]",
  word: "\\w",
  url64: "[\\w-]",
  base64: "[\\w+/-]",
};

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

const forms = new Map<string, ValueForm[]>();

/** `hex:32 alnum:20-24,40` as expressions, each made once. */
function formsOf(values: string): ValueForm[] {
  const known = forms.get(values);
  if (known !== undefined) return known;
  const made = values.split(" ").map((part): ValueForm => {
    const [kind = "", lengths = ""] = part.split(":");
    if (kind === "uuid")
      return { base64: false, body: new RegExp(`^${UUID}$`, "i"), least: 36, most: 36, weak: true, bits: 2.2 };
    const one = BODIES[kind]!;
    const bodies = lengths.split(",").map((length) => `${one}{${length.replace("-", ",")}}`);
    const ends = lengths.split(/[,-]/).map(Number);
    const hex = kind === "hex" || kind === "HEX";
    return {
      base64: kind === "base64",
      body: new RegExp(`^(?:${bodies.join("|")})${kind === "base64" ? "={0,2}" : ""}$`, kind === "hex" ? "i" : ""),
      least: Math.min(...ends),
      most: Math.max(...ends) + (kind === "base64" ? 2 : 0),
      weak: hex || kind === "digit",
      bits: kind === "digit" ? 1.5 : hex ? 2.3 : 2.8,
    };
  });
  forms.set(values, made);
  return made;
}

function isOpaque(value: string, form: ValueForm): boolean {
  if (isExampleText(value, form.bits)) return false;
  const bytes = Buffer.from(value, "latin1");
  return isMixed(bytes, 0, bytes.length) || (form.bits < 2 && /^\d*$/.test(value));
}

/** What a value is assigned to, passed to or sent as. */
interface OwnName {
  text: string;
  start: number;
  end: number;
  /** What stands between it and the value: operators, quotes, blanks, words that are no name. */
  between: string;
}

const SEPARATORS = new Set(" \t\r\n\"'`\\=:>(),|?[]<&@!+~");

/** Between a name and its value, and no name: types, conversions, `value` of an attribute, schemes of a header. */
const NO_NAME = new Set(
  "string str char text bytes byte value values default val content contents bearer basic const new from some any object as or is to eq secretstr unsecured literal equals nstring qstring u8 buffer.from string.valueof pulumi.string aws.string ptr.string convertto-securestring key-value securestring kbd code td".split(
    " ",
  ),
);

/** A name's code units: words, with the dots of a path. */
function isNamePart(code: number): boolean {
  return (
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code === 95 ||
    code === 45 ||
    code === 46 ||
    code === 36
  );
}

function ownNameOf(text: string, valueStart: number): OwnName | undefined {
  const floor = Math.max(0, valueStart - 120);
  let end = valueStart;
  for (let step = 0; step < 5; step++) {
    while (end > floor && SEPARATORS.has(text[end - 1]!)) end--;
    // `</key><string>`: a closing element.
    if (text[end - 1] === "/" && text[end - 2] === "<") {
      end -= 2;
      continue;
    }
    let start = end;
    while (start > floor && isNamePart(text.charCodeAt(start - 1))) start--;
    if (start === end) return undefined;
    const word = text.slice(start, end);
    const isNone = !/[A-Za-z]/.test(word) || NO_NAME.has(word.toLowerCase());
    if (isNone || (text[start - 1] === "/" && text[start - 2] === "<")) {
      end = start;
      // `<key>NAME</key>`: its words, then its slash and bracket.
      if (text[end - 1] === "/") end--;
      continue;
    }
    const escaped = text[start - 1] === "\\" && /^[nrt]/.test(word) ? 1 : 0;
    return { text: word.slice(escaped), start: start + escaped, end, between: text.slice(end, valueStart) };
  }
  return undefined;
}

const TELLING =
  /(?:key|keys|token|tokens|secret|secrets|password|passwd|passphrase|pwd|credential|credentials|creds|auth|authorization|apikeys?|pass|bearer|jwt)$/;
const TELLING_WORDS = new Set(["pat", "dsn", "sk", "u", "pw", "oauth2", "license", "licence", "sig", "hapikey", "tk"]);

/** After a telling word: the name is about the secret. */
const ABOUT = new Set(
  "id ids name names url uri urls path file filename type types hash hashed sha sha1 sha256 sha512 md5 checksum digest fingerprint thumbprint version length len ttl expires expiry expiration expired prefix suffix hint format header headers size count index label title description regex pattern example placeholder last4 arn endpoint host user username account email field provider manager service store storage cache scope scopes issuer ref reference created updated at date time alias policy status state error message valid enabled required".split(
    " ",
  ),
);

/** Before a telling word: the key is public, or of another trade. */
const OTHER = new Set(
  "public publishable pub cache foreign sort partition idempotency csrf xsrf anon anonymous site translation unique group lookup dedupe dedup object registry feature item row col column next page cursor continuation routing style sha hash etag integrity commit revision checksum digest example fake dummy mock sample".split(
    " ",
  ),
);

type Telling = "no" | "weakly" | "yes" | "denied";

function tellingOf(name: string): Telling {
  const words = wordsOf(name);
  for (let index = words.length - 1; index >= 0; index--) {
    const word = words[index]!;
    if (TELLING.test(word) || TELLING_WORDS.has(word)) {
      for (let before = index - 1; before >= 0; before--) if (OTHER.has(words[before]!)) return "denied";
      return words.length === 1 && /^keys?$/.test(word) ? "weakly" : "yes";
    }
    if (ABOUT.has(word) || OTHER.has(word)) return "denied";
  }
  return "no";
}

/** Words beside a service's name in the name of its client or of nothing but its key. */
const NEUTRAL =
  /^(?:my|the|our|new|prod|production|dev|test|live|staging|client|api|default|config|init|initialize|setup|configure|connect|create|sdk|app|v\d|\d+|com|io|use|x)$/;

/** Whether a name is the service's and nothing more. */
function isOnlyName(own: string, service: string): boolean {
  const rest = own.toLowerCase().replace(service, " ");
  return wordsOf(rest).every((word) => NEUTRAL.test(word));
}

/** Whether `text[from..to)` lets two things belong together: few lines, no end of a statement on one line. */
function isClose(text: string, from: number, to: number, breaks: number): boolean {
  let left = breaks;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === 10) {
      if (left-- === 0) return false;
    } else if (code === 59 || code === 125) {
      const next = text.charCodeAt(at + 1);
      const after = next === 44 || next === 59 ? text.charCodeAt(at + 2) : next;
      // `${HOST}` is no end, and neither is an entity of markup.
      const reference = code === 125 && /\$\{?\{[^{}\n]{1,40}\}?$/.test(text.slice(Math.max(from, at - 44), at));
      const entity = code === 59 && /&(?:amp|quot|#\d{2,3})$/.test(text.slice(Math.max(from, at - 5), at));
      if (!reference && !entity && after !== 10 && after !== 13) return false;
    }
  }
  return true;
}

interface Place {
  text: string;
  /** The service's name. */
  start: number;
  end: number;
}

function isTaken(place: Place, valueStart: number, valueEnd: number, form: ValueForm): boolean {
  const { text, start, end } = place;
  const own = ownNameOf(text, valueStart);
  if (own === undefined) return false;
  const telling = tellingOf(own.text);
  if (telling === "denied") return false;
  const name = text.slice(start, end).toLowerCase();
  const where = own.text.toLowerCase().indexOf(name);
  if (where >= 0 && isWord(own.text, where, where + name.length)) {
    if (telling !== "no") return true;
    if (!isOnlyName(own.text, name)) return false;
    const call = /^\s{0,4}\(\s{0,20}["'`]$/.test(own.between);
    if (call) return !form.weak || /^[A-Z]|[.](?:init|setup|configure|connect|client)$/i.test(own.text);
    return !form.weak && /[=:>]/.test(own.between) && !own.between.includes(",");
  }
  if (telling === "no") return false;
  if (start > valueEnd) {
    const between = text.slice(valueEnd, start);
    const comment = Math.max(
      between.lastIndexOf("//"),
      between.lastIndexOf("#"),
      between.lastIndexOf("/*"),
      between.lastIndexOf("<!--"),
    );
    if (comment < 0 || telling === "weakly") return false;
    return !between.slice(comment).includes("\n") && isClose(text, valueEnd, start, 1) && between.length <= 120;
  }
  if (end > own.start) return false;
  if (!isClose(text, end, own.start, 2)) return false;
  const between = text.slice(end, own.start);
  if (telling === "yes") return between.length <= 160 || /[?&]/.test(text[own.start - 1] ?? "");
  return /[?&]$/.test(between) || between.includes("\n") || /^["'\s:={([.\w-]{0,24}$/.test(between);
}

/** Whether the name at `text[start..end)` is a word of its own, where it has to be. */
function isWord(text: string, start: number, end: number): boolean {
  if (end - start >= LONG_NAME) return true;
  const at = (offset: number): number => text.charCodeAt(offset);
  if (start > 0 && continuesWord(at(start - 2), at(start - 1), at(start))) return false;
  const kind = kindsOfBytes();
  const last = kind[text.charCodeAt(end - 1)];
  const next = kind[text.charCodeAt(end)] ?? 0;
  if (next !== LETTER_LOWER && next !== LETTER_UPPER) return true;
  if (last === LETTER_LOWER && next === LETTER_UPPER) return true;
  return /^(?:api|key|token|secret|client|auth|access|pass|app|bot|channel)/i.test(text.slice(end, end + 8));
}

/** Where the run that begins at `start` ends. */
function endOfRun(text: string, start: number, base64: boolean): number {
  const kind = kindsOfBytes();
  let end = start;
  while (end < text.length) {
    const code = text.charCodeAt(end);
    if (kind[code] === 0 && !(base64 && (code === 43 || code === 47))) break;
    end++;
  }
  // The padding of base64.
  if (base64) for (let pad = 0; pad < 2 && end > start && text.charCodeAt(end) === 61; pad++) end++;
  return end;
}

/** Whether what stands directly before and after a run makes it part of something longer, or of a reference. */
function isPart(text: string, start: number, end: number): boolean {
  const before = text[start - 1] ?? "";
  const after = text[end] ?? "";
  if (before === "." || before === "+" || before === "/" || before === "#" || before === "$" || before === "@")
    return true;
  if (before === "{" && (text[start - 2] === "$" || text[start - 2] === "{")) return true;
  if (before === "<" && after === ">") return true;
  if (after === "=" || after === "+" || after === "(" || after === "[") return true;
  return after === "." && /\w/.test(text[end + 1] ?? "");
}

export function judgeNearName(text: string, at: number, { near }: JudgeContext): readonly Judged[] | undefined {
  if (near === undefined) return undefined;
  const lower = text
    .slice(at, at + 40)
    .toLowerCase()
    .replaceAll("-", "_");
  let length = 0;
  for (const name of near.names) {
    if (name.length > length && lower.startsWith(name)) length = name.length;
  }
  const place = { text, start: at, end: at + length };
  if (length === 0 || !isWord(text, at, place.end)) return undefined;
  let found: Judged[] | undefined;
  for (const form of formsOf(near.values)) {
    for (let from = Math.max(0, at - BEFORE); from < text.length; ) {
      const end = endOfRun(text, from, form.base64);
      // `${NAME:-value}` of shells: the hyphen belongs to the operator.
      const start = text[from] === "-" && text[from - 1] === ":" ? from + 1 : from;
      from = Math.max(end, from + 1);
      if (end - start < form.least || end - start > form.most) continue;
      const value = text.slice(start, end);
      if (!form.body.test(value) || isPart(text, start, end)) continue;
      // Randomness costs most and is asked last.
      if (isTaken(place, start, end, form) && isOpaque(value, form)) {
        found ??= [];
        found.push({ start, end });
      }
    }
  }
  return found;
}

const ALPHABETS: Record<string, string> = {
  digit: DIGITS,
  hex: HEX,
  HEX: HEX.toUpperCase(),
  "lower-alnum": DIGITS + LOWER,
  "upper-alnum": DIGITS + UPPER,
  alnum: BASE62,
  word: BASE62,
  url64: BASE62,
  base64: BASE62,
};

/** A value of the first form; one in some hundred real ones looks too regular to be taken, and is drawn again. */
export function drawValue(random: Random, values: string): string {
  const [kind = "", lengths = ""] = values.split(" ")[0]!.split(":");
  const length = Number(lengths.split(/[,-]/)[0]);
  const form = formsOf(values)[0]!;
  for (;;) {
    const value =
      kind === "uuid"
        ? [8, 4, 4, 4, 12].map((part) => draw(random, HEX, part)).join("-")
        : draw(random, ALPHABETS[kind]!, length);
    if (isOpaque(value, form)) return value;
  }
}

export function nearName(service: Service): Rule {
  const { id, provider, opens, values, source } = service;
  const names = service.names.flatMap((name) => (name.includes("_") ? [name, name.replaceAll("_", "-")] : [name]));
  const upper = names[0]!
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, "_")
    .replace(/_$/, "");
  const suffix = /(?:key|token|secret|password)_?$/.test(names[0]!) ? "" : "_API_KEY";
  return {
    id,
    provider,
    opens,
    keywords: names,
    ignoreCase: true,
    // `MY_DATADOG_KEY`: the name may be the tail of a longer one.
    boundary: "none",
    before: BEFORE,
    window: WINDOW,
    gate: mayBeNearName,
    judge: judgeNearName,
    near: { names, values },
    severity: "error",
    generic: true,
    example: (random) => {
      const value = drawValue(random, values);
      const name = `${upper}${suffix}`;
      return [`${name}=${value}`, `${name}: ${value}`, `--${name.toLowerCase().replaceAll("_", "-")} ${value}`][
        random(3)
      ]!;
    },
    nearMisses: (random) => [
      `${upper}${suffix}=process.env.${upper}${suffix}`,
      `${names[0]}: see the page about keys`,
      `${upper}${suffix}=${"x".repeat(32)}`,
      `${upper}${suffix}=\${{ secrets.${upper}${suffix} }}`,
      `${upper}${suffix}_SHA256=${drawValue(random, values)}`,
      `${upper}_PUBLIC_KEY_ID=${drawValue(random, values)}`,
      `sha256:${drawValue(random, "hex:64")} ${names[0]}`,
    ],
    source,
  };
}
