/**
 * Bytes of a JSON or `NAME=value` text to a string, without loss.
 *
 * UTF-8, with or without BOM; UTF-16 with BOM, or without one where the first two bytes show it as RFC 4627 §3
 * describes (Windows PowerShell writes UTF-16, and Python's json reads it). Anything else is no text of ours: invalid
 * UTF-8, an odd number of UTF-16 bytes, an unpaired UTF-16 surrogate, more than a string can hold.
 */
import { constants, isUtf8 } from "node:buffer";

/** The text without its BOM, or null where the bytes are not text. */
export function decodeText(bytes: Uint8Array): string | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.length > constants.MAX_STRING_LENGTH) return null;
  const utf16 = utf16Of(buffer);
  if (utf16 !== null) return decodeUtf16(buffer, utf16);
  if (!isUtf8(buffer)) return null;
  const hasBom = buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf;
  return buffer.toString("utf8", hasBom ? 3 : 0);
}

/** Which UTF-16 the bytes begin as, if any. */
export function utf16Of(bytes: Uint8Array): "utf-16le" | "utf-16be" | null {
  if (bytes.length < 2) return null;
  const [first, second] = bytes as unknown as [number, number];
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return "utf-16le";
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0)) return "utf-16be";
  return null;
}

function decodeUtf16(bytes: Buffer, encoding: "utf-16le" | "utf-16be"): string | null {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/**
 * Order by UTF-8 bytes, as Go sorts; `<` on strings orders by UTF-16 units, which puts U+1F511 before U+FFFD.
 * Negative, zero or positive.
 */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for characters beyond U+FFFF, so they rank above every other unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
