/**
 * The formation's key, as MUXI writes and reads it, and what is derived from it.
 *
 * `.key` holds 44 ASCII bytes: 32 random bytes in URL-safe base64 with one `=`
 * and no final newline. The first 16 bytes sign, the last 16 encrypt
 * (https://github.com/fernet/spec). What both of MUXI's readers accept is
 * accepted here:
 *
 * - spaces, tabs and line ends (LF, CRLF) around the key; a UTF-8 BOM before it
 *   (Go refuses the BOM, Python takes it);
 * - the standard base64 alphabet, `+/` for `-_`, though not both in one key (Go
 *   tries one alphabet, then the other);
 * - any value of the two bits the last character has to spare.
 *
 * empty, or nothing but white space: `key-blank`, which counts as no key · 64
 * hexadecimal digits: `key-hex` (an old scaffold wrote them; the Go CLI opens
 * with them and the runtime does not) · huge, truncated, binary, UTF-16, not
 * UTF-8, unpadded, more than one line: `key-malformed`.
 *
 * A key prints as its fingerprint, so that no inspection of an object that
 * happens to hold one, and no failed assertion, shows its bytes.
 */

import { crypto } from "../builtin.ts";
import { MuxiGitError } from "../errors.ts";

export interface Key {
  /** 16 bytes: HMAC-SHA256 over the token. */
  readonly signing: Buffer;
  /** 16 bytes: AES-128-CBC. */
  readonly encryption: Buffer;
}

/** Salt of every derivation. Version 1: it never changes; test/vectors/canonical-v1.json pins it. */
export const HKDF_SALT = "muxi-git/v1/hkdf-salt";

/** Label of {@link keyFingerprint}. */
export const FINGERPRINT_LABEL = "muxi-git/v1/key-fingerprint";

const KEY_BYTES = 32;
const KEY_CHARACTERS = 44;
/** No honest `.key` comes near; the rest of a larger file is not looked at. */
const MAX_KEY_FILE = 4096;

const URL_SAFE = /^[A-Za-z0-9_-]{43}=$/;
const STANDARD = /^[A-Za-z0-9+/]{43}=$/;
const HEX = /^[0-9A-Fa-f]{64}$/;

class FernetKey implements Key {
  readonly signing: Buffer;
  readonly encryption: Buffer;

  constructor(raw: Buffer) {
    this.signing = raw.subarray(0, 16);
    this.encryption = raw.subarray(16, 32);
  }

  toJSON(): string {
    return `key ${keyFingerprint(this)}`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toJSON();
  }
}

/**
 * @param bytes the content of a `.key` file
 * @throws MuxiGitError `key-blank`, `key-hex`, `key-malformed`; the message says what is wrong with the form, never
 *   what stands there
 */
export function parseKey(bytes: Uint8Array): Key {
  const text = keyText(bytes);
  if (text === "") throw new MuxiGitError("key-blank", "the key file is blank");
  if (text !== null && HEX.test(text)) {
    throw new MuxiGitError(
      "key-hex",
      "the key is written as 64 hexadecimal digits, which the MUXI runtime cannot read",
      {
        hint: "write the same 32 bytes in URL-safe base64, secrets.enc stays as it is: xxd -r -p .key | base64 | tr '+/' '-_'",
      },
    );
  }
  if (text === null || !(URL_SAFE.test(text) || STANDARD.test(text))) {
    throw new MuxiGitError("key-malformed", `the key is not ${KEY_CHARACTERS} characters of URL-safe base64`, {
      hint: malformedHint(bytes),
    });
  }
  return keyFromBytes(Buffer.from(text, "base64"));
}

function malformedHint(bytes: Uint8Array): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return "the file is UTF-16; save it as ASCII (a redirection in Windows PowerShell writes UTF-16)";
  }
  return "ask a teammate for the key file; a new key cannot open what the old one sealed";
}

/** @param raw 32 bytes; copied */
export function keyFromBytes(raw: Uint8Array): Key {
  if (raw.length !== KEY_BYTES) throw new MuxiGitError("key-malformed", `a key has ${KEY_BYTES} bytes`);
  return new FernetKey(Buffer.from(raw));
}

/** The key of MUXI's old scaffold, which wrote 64 hexadecimal digits; null for any other text. */
export function keyFromHex(bytes: Uint8Array): Key | null {
  const text = keyText(bytes);
  return text !== null && HEX.test(text) ? keyFromBytes(Buffer.from(text, "hex")) : null;
}

export function generateKey(): Key {
  return keyFromBytes(crypto().randomBytes(KEY_BYTES));
}

/** The bytes MUXI writes: 44 characters, no newline. This is the secret itself. */
export function formatKey(key: Key): string {
  return `${rawKey(key).toString("base64url")}=`;
}

/** Whether two keys are the same 32 bytes, in constant time. */
export function sameKey(a: Key, b: Key): boolean {
  return crypto().timingSafeEqual(rawKey(a), rawKey(b));
}

/** 16 hexadecimal digits that tell keys apart. Derived, so safe to print and to compare between people. */
export function keyFingerprint(key: Key): string {
  return deriveKey(key, FINGERPRINT_LABEL, 8).toString("hex");
}

const derived = new WeakMap<Key, Map<string, Buffer>>();

/**
 * HKDF-SHA256 (RFC 5869) of the 32 key bytes, salt {@link HKDF_SALT}, info `label`. Each use has its own versioned
 * label, so that no two uses share a key and none touches the Fernet key. Remembered for as long as the key lives.
 *
 * @param length bytes
 */
export function deriveKey(key: Key, label: string, length = 32): Buffer {
  let ofKey = derived.get(key);
  if (ofKey === undefined) {
    ofKey = new Map();
    derived.set(key, ofKey);
  }
  const slot = `${length} ${label}`;
  let bytes = ofKey.get(slot);
  if (bytes === undefined) {
    bytes = Buffer.from(crypto().hkdfSync("sha256", rawKey(key), HKDF_SALT, label, length));
    ofKey.set(slot, bytes);
  }
  return bytes;
}

function rawKey(key: Key): Buffer {
  return Buffer.concat([key.signing, key.encryption]);
}

/** The content without BOM and surrounding white space; null where it is too large to be a key. */
function keyText(bytes: Uint8Array): string | null {
  if (bytes.length > MAX_KEY_FILE) return null;
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  // latin1 keeps one character a byte; the patterns above accept ASCII only.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, bytes.length - start).toString("latin1");
  return text.replace(/^[ \t\r\n\v\f]+/, "").replace(/[ \t\r\n\v\f]+$/, "");
}
