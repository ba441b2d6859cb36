/**
 * Which names say that their value is secret.
 *
 * A keyword (`password`, `key`) was found; the whole name around it is read and
 * split into words, in every casing and joined form: `dbPassword`, `DB_PASSWORD`,
 * `db-password`, `spring.datasource.password`, `DBPASSWORD`, `API key`. The last
 * telling word decides, with what stands around it: `apiKey` tells, `primaryKey`
 * and `publicKey` do not; `password` tells, `passwordField`, `tokenType` and
 * `secret_name` are about something else.
 *
 * Bounded: at most 64 characters to the left and 48 to the right are read.
 */

export type NameKind =
  /** A person may have chosen it: judged by what a person types. */
  | "password"
  /** A machine made it: only an opaque value counts. */
  | "secret"
  /** Says little (`key`, `auth`, `salt`): the value has to say the rest. */
  | "hint";

export interface TellingName {
  kind: NameKind;
  /** Its words in lower case. */
  words: readonly string[];
  /** Where the name stands in the text. */
  start: number;
  end: number;
}

const LEFT = 64;
const RIGHT = 48;

function isNameCode(code: number): boolean {
  return (
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code === 95 ||
    code === 45
  );
}

/** Words of a name: split at separators, at lower-to-upper and letter-to-digit changes. */
export function wordsOf(name: string): string[] {
  return (name.match(/[A-Z]{1,64}(?![a-z])|[A-Z]?[a-z]{1,64}|\d{1,64}/g) ?? []).map((word) => word.toLowerCase());
}

const PASSWORD_WORD =
  /(?:passwor[dt]|passwd|passphrase|passcode|pass_?phrase|pwd|pswd|psswd|userpass|dbpass|mypass|kennwort|senha|contrasena|motdepasse|wachtwoord|passord|haslo)$/;
const SHORT_PASSWORD =
  "pass pw psw mdp requirepass masterauth rootpw adminpw sshpass smtppass mailpass adminpass rootpass loginpass keypass storepass bindpw userpw";

const SECRET_WORD =
  /(?:secret|token|credential|apikey|secretkey|accesskey|privatekey|authkey|masterkey|signingkey|encryptionkey|accountkey|sharedkey|appkey|clientkey|consumerkey|hmackey|servicekey|sessionkey|sharedaccesskey)s?$/;

/** Before `key`: what makes a key secret. */
const KEY_OF =
  "api access private secret encryption encrypt decryption decrypt signing sign signature auth authentication authorization account master shared client consumer app application service admin license hmac aes cipher crypto crypt session jwt webhook deploy deployment integration subscription server ingest ingestion write token root bot user developer dev org team project prod production live customer merchant partner rest rpc sdk ssh gpg wireguard fernet cookie vault data functions function host management storage blob cosmos search bus event eventhub sas";

/** Before `key` or `token`: a key of another trade. */
const OTHER_TRADE =
  "public publishable pub primarykey foreign cache sort row col column index unique partition composite natural surrogate map hash object dict query config setting settings translation i18n message label locale lang menu tab route nav item list array record field attr prop property meta node tree react vnode component element css style theme color design syntax lexer parser ast grammar next prev previous page pagination continuation continue cursor cancel cancellation cancelled resume skip sync start end begin open close keyword reserved punctuation operator comment string identifier whitespace eof bos eos pad unk mask special sep cls stop csrf xsrf socket websocket pubkey etag idempotency arrow enter escape esc ctrl alt shift meta modifier hot shortcut shortcuts keyboard press down up dedup dedupe lookup group bucket s3 object registry feature flag metric trace span correlation site recaptcha sitekey anon fake mock dummy example sample placeholder invalid wrong bad empty missing masked redacted hashed encrypted sealed wrapped unknown no non is has needs require requires max min num total count";

/** After the telling word: the name is about it, and its value is something else. */
const ABOUT =
  "id ids name names nm type types typename url urls uri uris path paths file files filename dir directory folder field fields label labels title titles placeholder hint help error errors err message messages msg length len size count counter counts limit max min policy policies rule rules regex regexp re pattern patterns validator validators validation valid validity strength reset resets change changed changing confirm confirmation confirmed forgot forgotten expired expiry expires expire expiration expiring ttl timeout age lifetime duration at on date time timestamp created updated last column columns header headers prefix prefixes suffix format formats algorithm algorithms alg algo method methods scheme schema mode modes provider providers service manager factory class classes module handler handlers callback endpoint endpoints scope scopes issuer audience claim claims parser lexer kind kinds list lists map maps store stores storage cache caches version versions enabled disabled enable disable required optional visible visibility show hide toggle input inputs box form forms page pages view views screen dialog modal button link links template templates ref refs reference arn resource resources param params parameter parameters property properties attr attribute attributes option options opt opts index indexes indices position pos start end line lines offset range ranges char chars character characters set sets group groups hash hashes hashed hasher hashing digest checksum fingerprint thumbprint encrypted encryptor encoder usage usages event events action actions request requests response responses result results status state states info infos details description desc comment comments note notes text label icon tooltip tree stream streams table tables node nodes pair pairs spec specs selector selectors rotation rotate generator generate generated getter setter helper helpers util utils policy prompt question answer owner user users username account role roles host port issue issues source sources target targets context contexts config configs configuration settings setting entity dao dto repository controller model models interface impl builder test tests spec check checks checker check_box checkbox match matches compare equals equal empty missing invalid wrong incorrect mismatch error_message error_code error_msg failure failed fail success mapping mapper code codes press pressed down up event code listener listeners binding bindings bind handler frame frames framed signature signatures usage curve bits bytes sizes sha md bcrypt argon scrypt pbkdf crypt exchange agreement derivation derive iterations rounds metadata meta props prop component components screen guard middleware interceptor strategy";

interface Lists {
  shortPassword: Set<string>;
  keyOf: Set<string>;
  otherTrade: Set<string>;
  about: Set<string>;
}

let made: Lists | undefined;

/** The lists as sets, made at the first name. */
function lists(): Lists {
  const set = (words: string) => new Set(words.split(" "));
  made ??= { shortPassword: set(SHORT_PASSWORD), keyOf: set(KEY_OF), otherTrade: set(OTHER_TRADE), about: set(ABOUT) };
  return made;
}

/**
 * The telling name around a keyword, or undefined where it is none.
 *
 * @param at - where the keyword stands in `text`.
 */
export function tellingName(text: string, at: number, keywordLength: number): TellingName | undefined {
  let start = at;
  while (start > 0 && at - start < LEFT && isNameCode(text.charCodeAt(start - 1))) start--;
  let end = at + keywordLength;
  while (end < text.length && end - at < RIGHT && isNameCode(text.charCodeAt(end))) end++;
  // Escapes before a name: `\npassword`, `%22token`, `u0022secret`.
  const head = text.slice(Math.max(0, start - 1), at);
  if (head.startsWith("\\") && /^\\[nrt]/.test(head)) start++;
  while (start < at && text[start] === "-") start++;
  const words = wordsOf(text.slice(start, end));
  // "API key", "Client Secret": the word before belongs to the name.
  if (text[start - 1] === " " && words[0] !== undefined && /^(?:key|token|secret|phrase)$/.test(words[0])) {
    const before = /(?:^|[^<\w])([A-Za-z]{2,16})[ ]$/.exec(text.slice(Math.max(0, start - 18), start));
    if (before !== null) words.unshift(before[1]!.toLowerCase());
  } else if (text[start - 1] === ".") {
    // `token.key`, `api.key`: the qualifier counts.
    const before = /([A-Za-z]{2,24})\.$/.exec(text.slice(Math.max(0, start - 25), start));
    if (before !== null && words.length === 1) words.unshift(...wordsOf(before[1]!).slice(-1));
  }
  const kind = kindOf(words);
  return kind === undefined ? undefined : { kind, words, start, end };
}

function wordKind(words: readonly string[], index: number): NameKind | undefined {
  const word = words[index]!;
  if (lists().shortPassword.has(word) || PASSWORD_WORD.test(word)) return "password";
  if (word === "phrase" && words[index - 1] === "pass") return "password";
  if (word === "word" && words[index - 1] === "pass") return "password";
  if (word === "identified") return "password";
  if (word === "creds" || word === "cred" || SECRET_WORD.test(word)) return "secret";
  if (word === "key" || word === "keys") {
    const before = words[index - 1];
    if (before !== undefined && lists().otherTrade.has(before)) return undefined;
    return before !== undefined && lists().keyOf.has(before) ? "secret" : "hint";
  }
  if (word === "auth" || word === "bearer" || word === "jwt" || word === "hmac" || word === "salt" || word === "pepper")
    return "hint";
  return word.endsWith("key") && lists().keyOf.has(word.slice(0, -3)) ? "secret" : undefined;
}

function kindOf(words: readonly string[]): NameKind | undefined {
  for (let index = words.length - 1; index >= 0; index--) {
    const kind = wordKind(words, index);
    if (kind === undefined) {
      if (lists().about.has(words[index]!)) return undefined;
      // `password_db` tells; a name with much behind its telling word is about something else.
      if (words.length - index > 3) return undefined;
      continue;
    }
    for (let before = index - 1; before >= 0; before--) {
      if (lists().otherTrade.has(words[before]!) && !(before < index - 2)) return undefined;
    }
    return kind;
  }
  return undefined;
}
