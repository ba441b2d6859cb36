/** Check digits that issuers put into their tokens. Each works on a token of a few dozen bytes: no tables are built. */
import { crypto } from "../builtin.ts";

/** CRC-32 of IEEE 802.3 over ASCII. */
export function crc32(text: string): number {
  let crc = 0xffffffff;
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i) & 0xff;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** A number in base 62, digits before upper before lower case, padded with zeros to `width`. */
export function base62(value: number, width: number): string {
  let text = "";
  for (let rest = value; rest > 0; rest = Math.floor(rest / 62)) text = BASE62[rest % 62] + text;
  return text.padStart(width, "0");
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function base32(bytes: Uint8Array, length: number): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (let at = 0; text.length < length; ) {
    if (bits < 5) {
      value = ((value << 8) | bytes[at++]!) & 0xfff;
      bits += 8;
    }
    bits -= 5;
    text += BASE32[(value >> bits) & 31];
  }
  return text;
}

/** GitHub (except the new server tokens), npm, Vercel: the last six are base 62 of the CRC-32 of the body after the prefix. */
export function crc62Suffix(body: string): string {
  return base62(crc32(body), 6);
}

export function hasCrc62Suffix(token: string, prefixLength: number): boolean {
  return token.slice(-6) === crc62Suffix(token.slice(prefixLength, -6));
}

/** GitHub fine-grained tokens: eight base 32 characters of the SHA-256 of the first 77 characters follow those. */
export function fineGrainedCheck(first77: string): string {
  return base32(crypto().createHash("sha256").update(first77, "latin1").digest(), 8);
}

/** GitLab routable tokens, version 01: the last seven are base 36 of the CRC-32 of everything before. */
export function crc36Suffix(body: string): string {
  return crc32(body).toString(36).padStart(7, "0");
}

const BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/** BIP 173: the checksum polynomial over prefix and data. */
function bech32Polymod(values: readonly number[]): number {
  const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (let i = 0; i < 5; i++) if ((top >>> i) & 1) sum ^= generators[i]!;
  }
  return sum >>> 0;
}

function bech32Prefix(prefix: string): number[] {
  const codes = [...prefix].map((c) => c.charCodeAt(0));
  return [...codes.map((c) => c >> 5), 0, ...codes.map((c) => c & 31)];
}

/** Whether `PREFIX1DATA` carries a right Bech32 checksum (age secret keys). */
export function isBech32(text: string): boolean {
  const lower = text.toLowerCase();
  const split = lower.lastIndexOf("1");
  const data = [...lower.slice(split + 1)].map((c) => BECH32.indexOf(c));
  if (split < 1 || data.includes(-1)) return false;
  return bech32Polymod([...bech32Prefix(lower.slice(0, split)), ...data]) === 1;
}

/** Six checksum characters for a prefix and data characters, lower case. */
export function bech32Checksum(prefix: string, data: string): string {
  const values = [...bech32Prefix(prefix), ...[...data].map((c) => BECH32.indexOf(c)), 0, 0, 0, 0, 0, 0];
  const sum = bech32Polymod(values) ^ 1;
  let text = "";
  for (let i = 0; i < 6; i++) text += BECH32[(sum >>> (5 * (5 - i))) & 31];
  return text;
}
