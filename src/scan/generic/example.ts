/** Values for the rules' examples, so made that no chance makes a word or a placeholder of them. */
import { draw, type Random } from "../rule.ts";

/** `length` characters of two cases and digits, as a password manager or a key's issuer makes them. */
export function made(random: Random, length: number): string {
  let text = "";
  while (text.length < length) {
    text += `${draw(random, "bkqvz", 1)}${draw(random, "KQVZ", 1)}${draw(random, "bkqvz", 1)}${draw(random, "2345679", 1)}`;
  }
  return text.slice(0, length);
}
