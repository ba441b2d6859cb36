/** Made-up secrets, put together at run time so that no scanner stops on this repository's own tests. */
import { createHash, randomBytes } from "node:crypto";

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** The same `seed` gives the same characters. */
export function opaque(length: number, seed: string, alphabet = BASE62): string {
  let text = "";
  for (let round = 0; text.length < length; round += 1) {
    const digest = createHash("sha256").update(`${seed}/${round}`).digest();
    for (const byte of digest) text += alphabet[byte % alphabet.length];
  }
  return text.slice(0, length);
}

export function fakeKey(): string {
  return randomBytes(32).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

export function fakeAnthropicKey(seed = "anthropic"): string {
  return ["sk", "ant", "api03", `${opaque(93, seed)}AA`].join("-");
}

export function fakeGroqKey(seed = "groq"): string {
  return ["gsk", opaque(52, seed)].join("_");
}
