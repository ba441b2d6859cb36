/**
 * A look at the bytes behind a keyword, before any text is made of them.
 *
 * `key`, `token` and `auth` stand thousands of times in a megabyte of code. What is
 * assigned to one of them has to follow soon and in a narrow grammar: the name's
 * closing quote, an operator, at most a few words (a type, `value:`), the value.
 * Prose, calls and declarations fail at their first or second byte.
 *
 * This only rejects; assignment.ts reads what passes. It reads at most
 * {@link REACH} bytes behind the name and 40 of a value.
 */

/** How far behind a name its value begins at most. */
const REACH = 96;

const NAME = 1;
const QUOTE = 2;
const OPERATOR = 4;
const BLANK = 8;
const BREAK = 16;
const DIGIT = 32;
const MARK = 64;
const CLOSER = 128;

/** By byte; filled at the first look. */
const KIND = new Uint8Array(256);

function build(): void {
  for (let byte = 33; byte < 256; byte++) KIND[byte] = MARK;
  for (let byte = 65; byte <= 90; byte++) KIND[byte] = NAME;
  for (let byte = 97; byte <= 122; byte++) KIND[byte] = NAME;
  for (let byte = 48; byte <= 57; byte++) KIND[byte] = NAME | DIGIT;
  const set = (text: string, kind: number) => {
    for (const char of text) KIND[char.charCodeAt(0)] = kind;
  };
  for (let byte = 128; byte < 256; byte++) KIND[byte] = NAME;
  set("_-", NAME);
  set("\"'`", QUOTE);
  set("=:,(>|?<", OPERATOR);
  set("\\])", CLOSER);
  set("[{};/.", 0);
  set(" \t", BLANK);
  set("\r\n", BREAK);
}

function isVowel(byte: number): boolean {
  const letter = byte | 32;
  return letter === 97 || letter === 101 || letter === 105 || letter === 111 || letter === 117;
}

/**
 * Whether at least six bytes from `at` on could be an opaque value: a digit or a
 * mark among them, or letters with fewer vowels than words have.
 */
function mayBeValue(bytes: Uint8Array, at: number, quoted: boolean): boolean {
  // `${X}`, `$(x)`, `{{x}}`: of `${X:-v}` the name inside is looked at by itself.
  if (bytes[at] === 36 && (bytes[at + 1] === 123 || bytes[at + 1] === 40)) return false;
  if (bytes[at] === 123 && bytes[at + 1] === 123) return false;
  const stop = Math.min(bytes.length, at + 40);
  let mixed = false;
  let vowels = 0;
  let length = 0;
  for (; at < stop; at++, length++) {
    const byte = bytes[at]!;
    const kind = KIND[byte]!;
    if ((kind & (QUOTE | BREAK | BLANK)) !== 0) break;
    if (!quoted && !mixed && (byte === 59 || byte === 44 || byte === 41 || byte === 123)) break;
    if ((kind & (DIGIT | MARK)) !== 0) mixed = true;
    else if (isVowel(byte)) vowels++;
  }
  if (length >= 6 && mixed) return true;
  // Types and variables are letters without quotes; only what no word has is looked at.
  if (length >= 10 && vowels * 10 < length * (quoted ? 3 : 1.7)) return true;
  // An app password: four groups of four letters.
  return length === 4 && KIND[bytes[at]!] === BLANK && KIND[bytes[at + 5]!] === BLANK;
}

/**
 * Whether the keyword is a word's end: `tokens`, `TOKEN_`, `tokenValue`, not
 * `tokenizer`, `keyword`, `author`. Words that go on and tell as well (`password`,
 * `secretkey`) go on with one of a few letters.
 */
function endsWord(bytes: Uint8Array, start: number, end: number): boolean {
  const next = bytes[end] ?? 0;
  const last = bytes[end - 1]!;
  const small = next >= 97 && next <= 122;
  if (!small && !(next >= 65 && next <= 90 && last <= 90)) return true;
  switch (next | 32) {
    case 115: {
      // A plural's end.
      const after = bytes[end + 1] ?? 0;
      return !(after >= 97 && after <= 122) && !(next < 97 && after >= 65 && after <= 90);
    }
    case 119: // passw…
    case 112: // passp…
    case 99: // passc…
      return (bytes[start]! | 32) === 112 && (bytes[start + 1]! | 32) === 97;
    case 107: // secretk…, authk…
    case 116: // autht…, …
      return (bytes[start]! | 32) !== 107;
    default: {
      // `contraseña`, `motdepasse`, `wachtwoord` and `kennwort` are matched by their beginnings.
      const first = bytes[start]! | 32;
      return first === 109 || first === 119 || (first === 99 && (bytes[start + 1]! | 32) === 111);
    }
  }
}

/** Whether the bytes behind a keyword could assign something to it; see the head of this file. */
export function mayAssign(bytes: Uint8Array, start: number, end: number): boolean {
  if (KIND[65] === 0) build();
  const length = bytes.length;
  // `pw=` brings its operator along.
  const operator = bytes[end - 1] === 61 || bytes[end - 1] === 58;
  if (!operator && !endsWord(bytes, start, end)) return false;
  let at = operator ? end - 1 : end;
  const nameStop = Math.min(length, at + 48);
  while (at < nameStop && (KIND[bytes[at]!]! & NAME) !== 0) at++;
  const nameEnd = at;
  const stop = Math.min(length, at + REACH);
  // The name's end: `\"`, `"]`, `")`.
  while (at < stop && at - nameEnd < 6 && (KIND[bytes[at]!]! & (QUOTE | CLOSER)) !== 0) at++;
  const quotedName = at > nameEnd;
  const blank = at;
  while (at < stop && KIND[bytes[at]!] === BLANK) at++;
  if (at >= stop) return false;
  const byte = bytes[at]!;
  const kind = KIND[byte]!;
  const gap = at > blank;
  if ((kind & OPERATOR) === 0) {
    if ((kind & QUOTE) !== 0) return gap && !quotedName && mayBeValue(bytes, at + 1, true);
    if (kind === BREAK) return follows(bytes, at, stop);
    if (byte === 33 || byte === 43 || byte === 45) {
      // `!=`, `+=`, `->`.
      if (bytes[at + 1] !== 61 && bytes[at + 1] !== 62) return false;
    } else if (byte === 46) {
      // `.equals("…")`.
      if (bytes[at + 1] !== 101 && bytes[at + 1] !== 116 && bytes[at + 1] !== 105) return false;
    } else if (byte === 123) {
      // `variable "name" {` of Terraform goes on in its block.
      return bytes[nameEnd] === 34 && follows(bytes, at + 1, Math.min(length, at + 240));
    } else if (byte === 91) {
      // `char password[] = "…"`.
      if (bytes[at + 1] !== 93 && (KIND[bytes[at + 1]!]! & DIGIT) === 0) return false;
    } else if ((kind & (NAME | MARK)) !== 0) {
      // `--password v`, `ENV PASSWORD v`: one opaque word. Else a type or a word that compares.
      if (!gap) return false;
      if (!quotedName && mayBeValue(bytes, at, false)) return true;
      if (!isLink(bytes, at)) return false;
    } else return false;
  }
  return follows(bytes, at, stop);
}

/** Whether a word between a name and its value begins here: `string`, `As`, `or`, `is`, `eq`, `by`, `value`, `default`. */
function isLink(bytes: Uint8Array, at: number): boolean {
  switch (bytes[at]! | 32) {
    case 115: // string
      return (bytes[at + 1]! | 32) === 116 && (bytes[at + 2]! | 32) === 114;
    case 99: // char
      return bytes[at + 1] === 104 && bytes[at + 2] === 97;
    case 97: // as
      return (bytes[at + 1]! | 32) === 115 && bytes[at + 2] === 32;
    case 111: // or
    case 101: // eq, else
      return (bytes[at + 1]! | 32) === 114 || (bytes[at + 1]! | 32) === 113 || bytes[at + 1] === 108;
    case 105: // is
    case 98: // by
      return (
        (bytes[at + 2] === 32 || bytes[at + 2] === 58) &&
        ((bytes[at + 1]! | 32) === 115 || (bytes[at + 1]! | 32) === 121)
      );
    case 118: // value, varchar
      return (bytes[at + 1]! | 32) === 97;
    case 100: // default
      return (bytes[at + 1]! | 32) === 101 && (bytes[at + 2]! | 32) === 102;
    case 116: // text, type
      return (bytes[at + 1]! | 32) === 101 || (bytes[at + 1]! | 32) === 121;
    case 120: // xsi:type
      return bytes[at + 1] === 115;
    default:
      return false;
  }
}

/** Whether a value follows operators, blanks and at most four words that lead to it. */
function follows(bytes: Uint8Array, from: number, stop: number): boolean {
  let words = 0;
  let breaks = 0;
  let at = from;
  while (at < stop) {
    const byte = bytes[at]!;
    const kind = KIND[byte]!;
    if ((kind & (OPERATOR | BLANK | CLOSER)) !== 0) {
      at++;
      continue;
    }
    if (kind === BREAK) {
      if (byte === 10 && ++breaks > 3) return false;
      at++;
      continue;
    }
    if (kind === QUOTE) {
      if (mayBeValue(bytes, at + 1, true)) return true;
      // `"value":` on the way to the value; an empty string; the user of `("user", "password")`.
      let next = at + 1;
      while (next < stop && (KIND[bytes[next]!]! & NAME) !== 0) next++;
      if (bytes[next] === 92) next++;
      if (bytes[next] !== byte || ++words > 4) {
        // `"""` opens a long string; a quote before a blank or an operator closed one.
        if (KIND[bytes[next]!] !== QUOTE) return false;
      }
      at = next + 1;
      const after = KIND[bytes[at]!]!;
      if ((after & (OPERATOR | BLANK | QUOTE)) === 0) return false;
      continue;
    }
    if (byte === 38 && bytes[at + 1] === 39) {
      // `&'static str` of Rust.
      at += 2;
      continue;
    }
    if ((kind & (NAME | MARK)) !== 0) {
      if (mayBeValue(bytes, at, false)) return true;
      let next = at;
      while (next < stop && (KIND[bytes[next]!]! & NAME) !== 0) next++;
      if (next === at) {
        // A mark of an operator (`!=`, `+=`) or of a reference.
        at++;
        if (++words > 4) return false;
        continue;
      }
      if (++words > 4) return false;
      // A type, a conversion or a name leads on: `string =`, `Buffer.from(`, `value:`.
      let link = next;
      while (link < stop && KIND[bytes[link]!] === BLANK) link++;
      const then = bytes[link]!;
      const leads =
        then === 61 ||
        then === 58 ||
        then === 40 ||
        then === 62 ||
        then === 46 ||
        then === 34 ||
        then === 39 ||
        then === 60 ||
        then === 91 ||
        then === 93 ||
        then === 124 ||
        then === 10 ||
        then === 13;
      if (!leads && !(link > next && words === 1)) return false;
      at = link;
      continue;
    }
    // `/` of `</key>`, `.` of `Buffer.from`, `[` of a type or a list, `&'static`.
    if (byte === 47 || byte === 46 || byte === 91) {
      at++;
      continue;
    }
    return false;
  }
  return false;
}
