/**
 * Fernet (https://github.com/fernet/spec): one token is
 *
 *     0x80 | time, 8 bytes big-endian | IV, 16 | AES-128-CBC with PKCS #7 padding | HMAC-SHA256 over all before it
 *
 * in URL-safe base64 with padding. No time limit is enforced: MUXI enforces none, and a canonical token has time 0.
 *
 * empty, truncated, binary, UTF-16, a BOM, white space before or inside: `token-malformed`. CR and LF after the token
 * are tolerated, as by both of MUXI's readers. So are bits that the last character has to spare (Go and Python do not
 * look at them); `isCanonicalToken` does. Missing padding and the standard alphabet are refused, as Go refuses them.
 * Truncation that leaves a possible length, like any changed byte, cannot be told from another key: null.
 *
 * Huge: everything is done in pieces of {@link PIECE} and decryption writes over the decoded token, so a token of
 * 100 MB costs the token and three quarters of it.
 */

import { crypto } from "../builtin.ts";
import { MuxiGitError } from "../errors.ts";
import type { Key } from "./key.ts";

const VERSION = 0x80;
const TIME_AT = 1;
const IV_AT = 9;
const CIPHERTEXT_AT = 25;
const BLOCK = 16;
const TAG = 32;
const SHORTEST = CIPHERTEXT_AT + BLOCK + TAG;

/** Every token starts so until the year 4147: version, and the upper 28 bits of the time. */
const TOKEN_PREFIX = "gAAAAA";

/** Bytes handled at once; a multiple of 12, so that base64 pieces meet without padding. */
const PIECE = 196_608;

/** What stands in the clear at the head of a token. */
export interface TokenHead {
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly iv: Buffer;
}

/** Whether the bytes have the shape of a whole token: prefix, alphabet, padding, a possible length, then only CR and LF. */
export function isTokenText(bytes: Uint8Array): boolean {
  const token = asBuffer(bytes);
  const end = endOfToken(token);
  if (!hasTokenPrefix(token) || end % 4 !== 0) return false;
  const padding = paddingOf(token, end);
  if (!isTokenLength((end / 4) * 3 - padding)) return false;
  for (let at = 0; at < end - padding; at++) {
    if (!isBase64Url(token[at] as number)) return false;
  }
  return true;
}

/** Whether the bytes begin as every token does. */
export function hasTokenPrefix(bytes: Uint8Array, at = 0): boolean {
  for (let i = 0; i < TOKEN_PREFIX.length; i++) {
    if (bytes[at + i] !== TOKEN_PREFIX.charCodeAt(i)) return false;
  }
  return true;
}

/** `A-Z a-z 0-9 - _`. */
export function isBase64Url(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2d ||
    byte === 0x5f
  );
}

/**
 * Open a token with one key.
 *
 * @returns the plaintext, or null where the token is well formed and its tag does not match this key
 * @throws MuxiGitError `token-malformed`; `token-padding` where the tag matches and the padding is wrong, which only a
 *   broken writer that holds the key can cause
 */
export function openToken(token: Uint8Array, key: Key): Buffer | null {
  const raw = decodeToken(token);
  return isSignedBy(raw, key) ? decryptInPlace(raw, key) : null;
}

/**
 * Open a token with the first of `keys` whose tag matches; decodes once.
 *
 * @throws as {@link openToken}
 */
export function openTokenWithAny(token: Uint8Array, keys: readonly Key[]): { key: Key; plaintext: Buffer } | null {
  const raw = decodeToken(token);
  const key = keys.find((candidate) => isSignedBy(raw, candidate));
  return key === undefined ? null : { key, plaintext: decryptInPlace(raw, key) };
}

/**
 * @param options.iv 16 bytes
 * @param options.timestamp seconds since 1970
 * @returns the token in ASCII, without a newline
 */
export function sealToken(plaintext: Uint8Array, key: Key, options: { iv: Uint8Array; timestamp: number }): Buffer {
  const head = Buffer.alloc(CIPHERTEXT_AT);
  head[0] = VERSION;
  head.writeBigUInt64BE(BigInt(options.timestamp), TIME_AT);
  head.set(options.iv, IV_AT);

  const ciphertext = plaintext.length - (plaintext.length % BLOCK) + BLOCK;
  const encoder = new TokenEncoder(CIPHERTEXT_AT + ciphertext + TAG);
  const hmac = crypto().createHmac("sha256", key.signing);
  const cipher = crypto().createCipheriv("aes-128-cbc", key.encryption, options.iv);
  const add = (bytes: Buffer): void => {
    hmac.update(bytes);
    encoder.add(bytes);
  };
  add(head);
  for (let at = 0; at < plaintext.length; at += PIECE) add(cipher.update(plaintext.subarray(at, at + PIECE)));
  add(cipher.final());
  encoder.add(hmac.digest());
  return encoder.finish();
}

/**
 * Time and IV, which need no key. Says nothing about the rest of the token.
 *
 * @throws MuxiGitError `token-malformed`
 */
export function tokenHead(token: Uint8Array): TokenHead {
  // 36 characters hold the 25 bytes of the head and two more.
  const head = Buffer.from(asBuffer(token).toString("latin1", 0, 36), "base64url");
  if (head.length < CIPHERTEXT_AT || head[0] !== VERSION) throw malformed("does not begin as a Fernet token does");
  return { timestamp: Number(head.readBigUInt64BE(TIME_AT)), iv: head.subarray(IV_AT, CIPHERTEXT_AT) };
}

/**
 * When the token says it was written, in seconds since 1970; 0 for a canonical token.
 *
 * @throws MuxiGitError `token-malformed`
 */
export function tokenTimestamp(token: Uint8Array): number {
  return tokenHead(token).timestamp;
}

/** Whether a token that opens is also written as we would write it: nothing after it, spare bits zero. */
export function isExactEncoding(token: Uint8Array): boolean {
  const bytes = asBuffer(token);
  const last = bytes.toString("latin1", Math.max(0, bytes.length - 4));
  const padding = paddingOf(bytes, bytes.length);
  return Buffer.from(last, "base64url").toString("base64url") + "=".repeat(padding) === last;
}

function isSignedBy(raw: Buffer, key: Key): boolean {
  const tagAt = raw.length - TAG;
  const expected = crypto().createHmac("sha256", key.signing).update(raw.subarray(0, tagAt)).digest();
  return crypto().timingSafeEqual(expected, raw.subarray(tagAt));
}

/** Decrypt a decoded token whose tag has been checked, over its own bytes. */
function decryptInPlace(raw: Buffer, key: Key): Buffer {
  const end = raw.length - TAG;
  const decipher = crypto().createDecipheriv("aes-128-cbc", key.encryption, raw.subarray(IV_AT, CIPHERTEXT_AT));
  try {
    if (end - CIPHERTEXT_AT <= PIECE) {
      const body = decipher.update(raw.subarray(CIPHERTEXT_AT, end));
      const last = decipher.final();
      return last.length === 0 ? body : Buffer.concat([body, last]);
    }
    let written = 0;
    // The decipher holds one block back, so what it gives never passes what it has read.
    for (let at = CIPHERTEXT_AT; at < end; at += PIECE) {
      written += decipher.update(raw.subarray(at, Math.min(at + PIECE, end))).copy(raw, written);
    }
    written += decipher.final().copy(raw, written);
    return raw.subarray(0, written);
  } catch (cause) {
    throw new MuxiGitError("token-padding", "the token is signed with this key but its padding is wrong", { cause });
  }
}

/** The bytes of a token of possible length and version. */
function decodeToken(token: Uint8Array): Buffer {
  const bytes = asBuffer(token);
  const end = endOfToken(bytes);
  if (end === 0) throw malformed("is empty");
  if (end % 4 !== 0) throw malformed("has a length that no token has; it may be cut off");
  const padding = paddingOf(bytes, end);
  const length = (end / 4) * 3 - padding;
  if (!isTokenLength(length)) throw malformed("has a length that no token has; it may be cut off");

  const raw = Buffer.allocUnsafe(length);
  const pieceCharacters = (PIECE / 3) * 4;
  let written = 0;
  for (let at = 0; at < end - padding; at += pieceCharacters) {
    const text = bytes.toString("latin1", at, Math.min(at + pieceCharacters, end - padding));
    // Node's decoder also takes the standard alphabet, and skips what is in neither: then it writes less.
    if (text.includes("+") || text.includes("/")) throw malformed("is not URL-safe base64");
    written += raw.write(text, written, "base64url");
  }
  if (written !== length) throw malformed("is not URL-safe base64");
  if (raw[0] !== VERSION) throw malformed("is not of Fernet's version 0x80");
  return raw;
}

function isTokenLength(length: number): boolean {
  return length >= SHORTEST && (length - SHORTEST) % BLOCK === 0;
}

/** Length without the CR and LF that follow. */
function endOfToken(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--;
  return end;
}

function paddingOf(bytes: Buffer, end: number): number {
  if (bytes[end - 1] !== 0x3d) return 0;
  return bytes[end - 2] === 0x3d ? 2 : 1;
}

function malformed(what: string): MuxiGitError {
  return new MuxiGitError("token-malformed", `the token ${what}`);
}

/** Base64 of bytes that come in pieces of any length, into a buffer of the right size. */
class TokenEncoder {
  readonly #out: Buffer;
  #written = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(length: number) {
    this.#out = Buffer.allocUnsafe(Math.ceil(length / 3) * 4);
  }

  add(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const whole = all.length - (all.length % 3);
    this.#written += this.#out.write(all.toString("base64url", 0, whole), this.#written, "latin1");
    this.#rest = all.subarray(whole);
  }

  finish(): Buffer {
    const last = this.#rest.toString("base64url");
    this.#out.write(last.padEnd(this.#out.length - this.#written, "="), this.#written, "latin1");
    return this.#out;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
