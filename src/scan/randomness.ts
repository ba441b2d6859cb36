/**
 * How hard a text is to guess, in bits, by a measure a person can follow.
 *
 * Shannon entropy of the characters is the usual measure and a poor one: it
 * calls `abcdefghijklmnop` random and a repeated random unit half as random.
 * This one walks the text once and asks of each character how surprising it is
 * after the one before it:
 *
 * | what comes next | bits |
 * |---|---|
 * | a word of the list below, whole | 4 |
 * | the same character, or the next one up or down (`aa`, `ab`, `21`) | 0.5 |
 * | a letter that makes a frequent English pair with the one before | 1.8 |
 * | any other letter | 4.7 (one of 26) |
 * | a digit | 3.3 (one of 10); 2 where the whole text is digits |
 * | a date of eight digits, as versions of models carry | 6 |
 * | a change between lower case, upper case and digits | 1 more |
 * | punctuation | 1.2; 3 where it is no separator (`!`, `#`, `%` …) |
 * | not ASCII | 5 |
 *
 * and a text that repeats a unit counts the unit once. So an eight-character
 * random password has about 32 bits, `production` 4, `localhost:8080` under 20,
 * and `xxxxxxxx` 8. Linear time, no allocation that grows with more than the
 * text; only the first 512 characters are looked at, which is enough to decide.
 */

const LIMIT = 512;

/** Frequent pairs of English letters, from any published table of digrams; built into a set on first use. */
const PAIRS =
  "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh ir su id os iv ia am fi ci vi pl ig tu ev ld ry mp fe bl ab gh ty op wo sa ay ex ke fr oo av ag if ap gr od bo sp rd do uc bu ei ov by rm ep tt oc fa ef cu rn sc gi da yo cr cl du ga qu ue ff ba ey ls va um pp ua up lu go ht ru ug ds lt pi rc rr eg au ck ew mu br bi pt ak pu ui rg ib tl ny ki rk ys ob mm fu ph og ms ye ud mb ip ub oi rl gu dr hr cc tw ft wn nu af hu nn eo vo rv nf xp gn sm fl iz ok nl my gl aw ju oa eq sy sl ps jo lf nv je nk kn gs dy hy ze ks xt bs ik dd pt rp sk xi oe oy ws lv dl rf eu dg wr xa yi nm eb yp";

/** Words that a configuration is made of: nobody guesses less for seeing one. Lower case, at least three letters. */
const WORDS =
  "abc access account admin administrator agent alpha amazon amazonaws analytics anthropic apache api app application apps assistant async auth azure backend backup base beta billing bucket cache central change changeme chat claude client cloud cluster com config connection console container content core count customer dashboard data database dbname default demo deploy dev development disabled docker docs domain dummy east eastus edge email enabled endpoint engine env example example fake false file files flash formation foo frontend full gateway gemini git github global google gpt group guest hello here home hook hooks host hosted hosting hosts http https info insert instance int internal invalid key keys lambda large latest level lib live llm local localhost log login logs mail main manager master max medium memory message mini mistral model models mongo mongodb monitor muxi mysql name net network nginx node none north null oauth only open openai opus org page pass passphrase passwd password path placeholder platform pool port portal postgres postgresql preview private pro prod production profile project prompt proxy public qwerty rabbitmq read redacted redis region registry release remote replace replica report root route sample sandbox schema secret secrets secure server service services session set shared site sonnet source south sql ssl stage staging standard start static status storage store stream string support svc system table team tenant test testing tests text the time timeout token tokens tool tools true turbo undefined unknown update url user username users value vendor version view vpc web webhook webhooks welcome west westus with worker workspace world write www xxx your zone";

let pairs: Set<string> | undefined;
let words: Set<string> | undefined;
let longestWord = 0;

function load(): void {
  pairs = new Set(PAIRS.split(" "));
  words = new Set(WORDS.split(" "));
  for (const word of words) longestWord = Math.max(longestWord, word.length);
}

type CharacterClass = 0 | 1 | 2 | 3 | 4;
const LOWER = 0;
const UPPER = 1;
const DIGIT = 2;
const MARK = 3;
const OTHER = 4;

function classOf(code: number): CharacterClass {
  if (code >= 97 && code <= 122) return LOWER;
  if (code >= 65 && code <= 90) return UPPER;
  if (code >= 48 && code <= 57) return DIGIT;
  return code < 128 ? MARK : OTHER;
}

const DATE = /(?:19|20)\d\d[01]\d[0-3]\d(?!\d)/y;

const SEPARATORS = " \t\r\n-_./:@,;=+\"'()[]{}<>";

/**
 * The shortest unit that the text repeats, or the text itself.
 * The border array of Knuth, Morris and Pratt: linear, no regex back-reference.
 */
function unitOf(text: string): string {
  // A repeated unit begins with the text's first two characters; most texts have them once.
  if (text.length < 2 || text.indexOf(text.slice(0, 2), 1) < 0) return text;
  const border = new Uint16Array(text.length);
  for (let at = 1, length = 0; at < text.length; at++) {
    while (length > 0 && text[at] !== text[length]) length = border[length - 1]!;
    if (text[at] === text[length]) length++;
    border[at] = length;
  }
  const period = text.length - (border[text.length - 1] ?? 0);
  return period * 2 <= text.length ? text.slice(0, period) : text;
}

/** Length of the listed word that starts at `at` of a lower-cased text, 0 where none does. The longest wins. */
function wordAt(lower: string, at: number): number {
  for (let length = Math.min(longestWord, lower.length - at); length >= 3; length--) {
    if (words!.has(lower.slice(at, at + length))) return length;
  }
  return 0;
}

/**
 * Whether a word may be read at `at`: it has to start where a reader would see
 * a start, or a random token would lose bits for a chance `key` inside it.
 */
function startsWord(text: string, at: number): boolean {
  if (at === 0) return true;
  const before = classOf(text.charCodeAt(at - 1));
  const here = classOf(text.charCodeAt(at));
  return before !== here && !(before === UPPER && here === LOWER);
}

function endsWord(text: string, end: number): boolean {
  if (end >= text.length) return true;
  const last = classOf(text.charCodeAt(end - 1));
  const next = classOf(text.charCodeAt(end));
  return next !== last;
}

/**
 * Estimated bits of guessing in a text; see the head of this file.
 *
 * @param enough - stop counting here: a caller with a threshold needs no more.
 */
export function randomnessBits(value: string, enough = Number.POSITIVE_INFINITY): number {
  if (pairs === undefined) load();
  const text = unitOf(value.slice(0, LIMIT));
  const lower = text.toLowerCase();
  const onlyDigits = /^[\d\s.:+-]*$/.test(text);
  let bits = 0;
  let at = 0;
  let previous = -1;
  while (at < text.length && bits < enough) {
    const code = text.charCodeAt(at);
    const kind = classOf(code);
    if (kind <= UPPER && startsWord(text, at)) {
      let length = wordAt(lower, at);
      // Words written together (`changeme`, `yourapikey`) end where the next listed word starts.
      if (length > 0 && !endsWord(text, at + length) && wordAt(lower, at + length) === 0) length = 0;
      if (length > 0) {
        bits += 4;
        at += length;
        previous = -1;
        // What follows a word directly may itself be a word.
        while (at < text.length && classOf(text.charCodeAt(at)) <= UPPER) {
          const more = wordAt(lower, at);
          if (more === 0) break;
          bits += 4;
          at += more;
        }
        continue;
      }
    }
    const before = previous < 0 ? -1 : classOf(previous);
    if (kind === DIGIT && before !== DIGIT) {
      DATE.lastIndex = at;
      if (DATE.test(text)) {
        bits += 6;
        at += 8;
        previous = 48;
        continue;
      }
    }
    if (previous >= 0 && kind !== MARK && kind === before && Math.abs(code - previous) <= 1) bits += 0.5;
    else if (kind <= UPPER) {
      const pair = before >= 0 && before <= UPPER && pairs!.has(lower.slice(at - 1, at + 1));
      bits += pair ? 1.8 : 4.7;
    } else if (kind === DIGIT) bits += onlyDigits ? 2 : 3.3;
    else if (kind === MARK) bits += code === previous ? 0.5 : SEPARATORS.includes(text[at]!) ? 1.2 : 3;
    else bits += code === previous ? 0.5 : 5;
    if (kind <= DIGIT && before >= 0 && before <= DIGIT && before !== kind) bits += 1;
    previous = code;
    at++;
  }
  return bits;
}

/** Words that a published example carries and that are too long to stand in a random token by chance. */
const EXAMPLE_WORDS =
  /example|placeholder|changeme|change_me|redacted|your[-_]?(?:api|key|token|secret)|[-_]here$|insert[-_]|replace[-_]?me|dummy[-_]|fake[-_]|x{6}|\*{3}|\.{3}|0123456789|1234567890|abcdefgh/i;

/**
 * Whether a text of fixed form (a token's body) is an example rather than a
 * secret: it says so, or it has less than `bitsPerCharacter` of randomness.
 * Real base62 has about 4.4 a character by this measure, real hex about 3.4.
 */
export function isExampleText(text: string, bitsPerCharacter = 2.2): boolean {
  const enough = bitsPerCharacter * Math.min(text.length, LIMIT);
  return EXAMPLE_WORDS.test(text) || randomnessBits(text, enough) < enough;
}

/** At or above this a known value blocks; below it only warns. An eight-character random password has about 32. */
export const STRONG_BITS = 26;

const HOST_LIKE =
  /^(?:[a-z][a-z0-9+.-]{1,20}:\/\/)?[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}(?::\d{1,5})?(?:\/[^?#]*)?$/i;
const EMAIL = /^[\w.+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}$/i;

/**
 * Whether a value is secret by its own weight: at least 8 characters and
 * {@link STRONG_BITS}. Addresses (a host, a URL without credentials or query,
 * a mail address) are public parts of a configuration: of their pieces only
 * those count that look like no name at all.
 */
export function isStrongValue(value: string): boolean {
  if (value.length < 8) return false;
  if (value.includes("@") && EMAIL.test(value)) return false;
  const head = value.slice(0, LIMIT);
  if (head.includes(".") && HOST_LIKE.test(head)) {
    return head.split(/[/.:]/).some((piece) => piece.length >= 16 && randomnessBits(piece) >= 2.6 * piece.length);
  }
  return randomnessBits(value, STRONG_BITS) >= STRONG_BITS;
}
