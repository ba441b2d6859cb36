/**
 * Which values of a template are no secrets.
 *
 * MUXI ignores the values of a template and publishes the file word for word, so a real one in it is a leak that blocks.
 * Three answers, decided by the shape of the value and by what its name says:
 *
 * - a placeholder ({@link isPlaceholder}) passes: empty, a reference, brackets around words, a short prefix and then an
 *   ellipsis or a mask, or a phrase of ordinary words with a word in it that asks for a value. The shape alone is never
 *   enough: what stands in the brackets, beside the ellipsis or in the phrase must not look like a value itself.
 * - a setting ({@link isSetting}) passes: true, 8080, info, production, us-east-1, a loopback or plain URL, under a name
 *   that does not tell of a secret; `DB_PASSWORD=production` is a password, `APP_ENV=production` is none. Any ordinary
 *   word passes under a name that tells of a setting (_HOST, _MODEL, _REGION, …).
 * - everything else is a value and blocks, `hunter2` too. The remedy costs a second: empty it.
 *
 * empty: a placeholder · huge: more than {@link MAX_LENGTH} units are a value, unread · any text: linear.
 */
import { isOpaque } from "./names.ts";

const MAX_LENGTH = 512;

/**
 * @param name - where it is known, its words may stand in the value: `FIRECRAWL_API_KEY=firecrawl-key-here`.
 */
export function isPlaceholder(value: string, name = ""): boolean {
  if (value.length > MAX_LENGTH) return false;
  const text = bare(value);
  if (text === null) return false;
  if (text === "" || isMask(text) || isVariable(text)) return true;
  const inner = bracketed(text);
  if (inner !== null) return isMask(inner) || isInstruction(inner, name, true);
  return isElided(text) || isInstruction(text, name, false) || isUrlWithPlaceholders(text, name);
}

/** Whether `value` is an ordinary setting that a template may hold under `name`. */
export function isSetting(name: string, value: string): boolean {
  if (value.length > MAX_LENGTH) return false;
  const text = bare(value);
  if (text === null) return false;
  if (/^(?:true|false|yes|no|on|off|null|none|nil)$/i.test(text)) return true;
  const kind = kindOfName(name);
  // MUXI's own word for the key of a provider that runs on this machine.
  if (text === "local" && /API_?KEY$/i.test(name)) return true;
  if (kind === "secret") return false;
  if (/^-?[0-9]{1,5}(?:\.[0-9]{1,5})?(?:ms|s|m|h|d|kb|mb|gb|k|%)?$/i.test(text)) return true;
  if (/^(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[?::1?\]?)(?::[0-9]{1,5})?$/i.test(text)) return true;
  if (wordSet(SETTINGS).has(text.toLowerCase())) return true;
  if (/^[a-z]{2}(?:-gov)?-[a-z]{4,12}-?[0-9]{1,2}[a-z]?$/.test(text)) return true;
  if (/^(?:gpt|claude|gemini|llama|mistral|text-embedding|o[134])(?:-[a-z0-9.:]{1,12}){1,5}$/.test(text)) return true;
  if (/^[A-Za-z]{1,12}(?:\/[A-Za-z]{1,16}){1,2}$/.test(text)) return true;
  if (isPlainUrl(text)) return true;
  return kind === "setting" && isOrdinary(text);
}

/**
 * Whether a value may be a secret under this name, where a person will look at the answer: an ordinary word is one only
 * under a name that tells of a secret.
 */
export function mayBeSecret(name: string, value: string): boolean {
  return !isSetting(name, value) && (kindOfName(name) === "secret" || !isOrdinary(value.trim()));
}

/** Without quotes and without a comment after it; null where the comment is no prose. */
function bare(value: string): string | null {
  let text = value.trim();
  const comment = /(?:^|\s)#(?:\s|$)/.exec(text);
  if (comment !== null) {
    // `KEY= # sk-…` hides a key from who reads only values.
    if (wordsOf(text.slice(comment.index)).some((word) => isOpaque(word))) return null;
    text = text.slice(0, comment.index).trim();
  }
  const quote = text[0];
  if (text.length > 1 && (quote === '"' || quote === "'" || quote === "`") && text.endsWith(quote)) {
    text = text.slice(1, -1).trim();
  }
  return text;
}

function wordsOf(text: string): string[] {
  return text.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
}

/** `...`, `***`, `xxx`, `____`, `•••`, and xxxxxxxx-xxxx. */
function isMask(text: string): boolean {
  return /^(?:[.\u2026*xX_\u2022?#-]{3,512}|\u2026|-|\?|_)$/.test(text) || /^0{4,512}$/.test(text);
}

/** `${VAR}`, `$VAR`, `%VAR%`, `{{X}}`, `${{ secrets.X }}`, `{X}`: names in them, no defaults. */
function isVariable(text: string): boolean {
  const name =
    /^\$\{\{\s{0,8}([A-Za-z_][\w.-]{0,127})\s{0,8}\}\}$/.exec(text) ??
    /^\{\{\s{0,8}([A-Za-z_][\w.-]{0,127})\s{0,8}\}\}$/.exec(text) ??
    /^\$\{([A-Za-z_]\w{0,127})(?::?[-?])?\}$/.exec(text) ??
    /^\$([A-Z_][A-Z0-9_]{0,127})$/.exec(text) ??
    /^\{([A-Za-z_]\w{0,127})\}$/.exec(text) ??
    /^%([A-Z_][A-Z0-9_]{0,127})%$/.exec(text);
  return name !== null && !wordsOf((name[1] as string).replaceAll("_", "-")).some(isOpaque);
}

function bracketed(text: string): string | null {
  const match =
    /^<(.{1,200})>$/.exec(text) ??
    /^\[(.{1,200})\]$/.exec(text) ??
    /^\{\{?(.{1,200}?)\}?\}$/.exec(text) ??
    /^_{2}(.{1,200})_{2}$/.exec(text);
  return match === null ? null : (match[1] as string).trim();
}

/**
 * `sk-...`, `ghp_...`, `BSA...`, `sk-ant-xxxxxxxx`, `https://...`: nothing after the mask, and before it no more than a
 * kind's prefix.
 */
function isElided(text: string): boolean {
  const mask = /(?:\.{3,}|\u2026|\*{3,}|[xX]{3,}(?:-[xX]{3,}){0,8}|[xX*.\u2026-]{6,}|\u2022{3,})$/.exec(text);
  if (mask === null) return false;
  const prefix = text.slice(0, mask.index);
  if (/^[a-z][a-z0-9+]{1,15}:\/\/$/.test(prefix) || /^(?:Bearer|Basic|Token)\s{1,4}$/i.test(prefix)) return true;
  if (/^[A-Za-z]{1,6}$/.test(prefix)) return true;
  return /^(?:(?:Bearer|Token) )?(?:[A-Za-z]{1,8}[0-9]{0,2}[-_:.]){1,4}$/.test(prefix) || isPlainUrlStart(prefix);
}

/** `https://hooks.slack.com/services/` before an ellipsis. */
function isPlainUrlStart(prefix: string): boolean {
  return /[/=]$/.test(prefix) && isPlainUrl(prefix.replace(/[?&][A-Za-z_-]{1,32}=$/, ""));
}

/**
 * A phrase that asks for a value: `your-api-key`, YOUR_KEY_HERE, `changeme`, `replace me`, `TODO`.
 *
 * @param inBrackets - brackets ask by themselves, so no other asking word is needed.
 */
function isInstruction(text: string, name: string, inBrackets: boolean): boolean {
  if (!/^[A-Za-z0-9 _.,:;'"!?/()-]{1,200}$/.test(text)) return false;
  const asking = wordSet(ASKING);
  const vocabulary = wordSet(VOCABULARY);
  const own = new Set(wordsOf(name.replaceAll("_", "-").toLowerCase()));
  const words = wordsOf(text.replaceAll("_", "-")).map((word) => word.toLowerCase());
  if (words.length === 0 || words.length > 24) return false;
  let asks = inBrackets;
  let unknown = 0;
  for (const word of words) {
    if (asking.has(word) || /^x{3,}$/.test(word)) asks = true;
    else if (!vocabulary.has(word) && !own.has(word)) {
      if (!isPronounceable(word)) return false;
      unknown += 1;
    }
  }
  // What it stands for, in any case and with any separator: `my-api-key`, FIRECRAWL_API_KEY, and not `admin-admin`.
  const namesIt =
    words.length > 1 &&
    words.every((word) => own.has(word) || vocabulary.has(word)) &&
    words.some((word) => /^(?:api)?key$|^token$|^secret$|^password$/.test(word));
  const alone = words.length === 1 && wordSet(ALONE).has(words[0] as string);
  return (asks && (inBrackets ? unknown <= 8 : unknown <= 3)) || namesIt || alone;
}

/** Letters with a vowel in them and no long run without one: a word of some language, not a piece of a key. */
function isPronounceable(word: string): boolean {
  return /^[a-z]{1,14}$/.test(word) && (word.length <= 3 || /[aeiouy]/.test(word)) && !/[^aeiouy]{5}/.test(word);
}

/** `postgres://user:pass@host:5432/db`: each part a placeholder or ordinary. */
function isUrlWithPlaceholders(text: string, name: string): boolean {
  const url = /^([a-z][a-z0-9+]{1,24}):\/\/([^\s@/]{0,200})@([^\s@]{1,255})$/i.exec(text);
  if (url === null) return false;
  const colon = (url[2] as string).indexOf(":");
  const user = colon === -1 ? (url[2] as string) : (url[2] as string).slice(0, colon);
  const password = colon === -1 ? "" : (url[2] as string).slice(colon + 1);
  return (
    (isOrdinary(user) || isPlaceholder(user)) &&
    isPlaceholder(password, name) &&
    isPlainUrl(`${url[1]}://${(url[3] as string).replace(/[<>{}[\]$]/g, "")}`)
  );
}

/** A URL that names a place and holds no credential: no user, no long or random part in host, path or query. */
function isPlainUrl(text: string): boolean {
  const url =
    /^[a-z][a-z0-9+]{1,24}:\/\/([A-Za-z0-9.-]{1,255})(?::[0-9]{1,5})?((?:\/[\w.~-]{0,48}){0,12})(?:\?([\w.=&-]{0,200}))?$/.exec(
      text,
    );
  if (url === null) return false;
  const path = url[2] as string;
  // The unguessable path is the whole secret of a webhook; its host tells that one may stand there.
  return (
    ![...wordsOf(url[1] as string), ...wordsOf(path), ...wordsOf(url[3] ?? "")].some(isValueLike) &&
    !/[A-Za-z][0-9]{4}|[0-9]{6}/.test(path) &&
    !/(?:key|token|secret|sig|hash|password|auth)[a-z_]{0,8}=./i.test(url[3] ?? "")
  );
}

/** A word, a host, a file name, an address: short, no part of it random, and no password before an `@`. */
function isOrdinary(text: string): boolean {
  if (!/^[A-Za-z0-9 ._@/:,+-]{0,100}$/.test(text) || /:[^/@]*@/.test(text)) return false;
  return !wordsOf(text.replaceAll("_", "-")).some(isValueLike);
}

function isValueLike(word: string): boolean {
  return (
    isOpaque(word) ||
    (word.length >= 12 && /[0-9]/.test(word) && /[A-Za-z]/.test(word)) ||
    (/^[0-9a-f]{8,}$/i.test(word) && /[0-9]/.test(word))
  );
}

/** What a name says about its value, by its last word that says anything. */
function kindOfName(name: string): "secret" | "setting" | "unknown" {
  const words = wordsOf(name.replaceAll("_", "-").toUpperCase()).map((word) => word.replace(/[0-9]{1,8}$/, ""));
  while (words.length > 1 && wordSet(SUFFIXES).has(words.at(-1) as string)) words.pop();
  const last = words.at(-1) ?? "";
  if (/(?:KEY|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)$/.test(last) || wordSet(SECRET_WORDS).has(last))
    return "secret";
  return wordSet(SETTING_WORDS).has(last) ? "setting" : "unknown";
}

// Lists are text until they are first asked for: a hook loads this file and mostly asks nothing.
const ASKING = `your changeme change changethis replace replaceme todo fixme tbd tba example examples sample placeholder
 insert enter fill add put paste here dummy fake redacted removed hidden masked undefined unset set choose provide supply
 generate required optional`;
const ALONE = `password passwd pass pwd secret token key apikey value string user username test none null empty na blank foo
 bar baz foobar`;
const VOCABULARY = `my a an the in at of for from to with and or if it is this that me be not no own one as by on
 api apikey key keys token tokens secret secrets password passwd pass passphrase pwd value values string text id client
 user username email account access private public admin server webhook url uri host port database db name real actual
 personal bearer auth oauth app application bot sk pk pat live prod dev test new long random strong secure valid see docs
 github gitlab openai anthropic google azure aws slack brave firecrawl stripe mistral groq xai deepseek cohere muxi fma fmc
 com org net www https http`;
const SETTINGS = `production prod development dev staging stage test testing local debug info notice warn warning error fatal
 critical trace verbose silent quiet default auto enabled disabled utc gmt json yaml text plain stdout stderr sqlite postgres
 postgresql mysql redis memory http https tcp udp tls ssl openai anthropic google azure ollama low medium high small large`;
const SUFFIXES =
  "PROD PRODUCTION DEV DEVELOPMENT STAGING TEST LOCAL VALUE TEXT BASE B HEX JSON OLD NEW PRIMARY SECONDARY";
const SECRET_WORDS = `TOKEN PASS PWD PAT AUTH PIN SALT SIGNATURE COOKIE SESSION BEARER JWT CERT DSN WEBHOOK PEM OTP SEED
 MNEMONIC PW`;
const SETTING_WORDS = `HOST HOSTNAME PORT URL URI ENDPOINT DOMAIN REGION ZONE TIMEZONE TZ LOCALE LANG LANGUAGE MODEL LEVEL ENV
 ENVIRONMENT MODE BUCKET DATABASE DB NAME USER USERNAME LOGIN EMAIL FROM PROVIDER VERSION ORG ORGANIZATION PROJECT TENANT
 TEAM ACCOUNT SCHEMA PATH FILE DIR DIRECTORY FORMAT TYPE SIZE LIMIT TIMEOUT TTL COUNT MAX MIN RETRIES ENABLED DEBUG DRIVER
 BACKEND CHANNEL QUEUE TOPIC INDEX PREFIX NAMESPACE SERVICE SCOPE SCOPES ID`;

const sets = new Map<string, ReadonlySet<string>>();

function wordSet(list: string): ReadonlySet<string> {
  let set = sets.get(list);
  if (set === undefined) {
    set = new Set(list.split(/\s+/));
    sets.set(list, set);
  }
  return set;
}
