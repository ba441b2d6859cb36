/**
 * One line typed or pasted into a terminal in raw mode, from the bytes as they
 * come. Opens nothing and shows nothing, and its errors hold nothing of a value.
 *
 * What is pasted is text, line ends included, so that a PEM file is one answer
 * and not one answer and the next twenty. A terminal marks it (bracketed paste,
 * https://invisible-island.net/xterm/ctlseqs/ctlseqs.html); of one that does not,
 * a line end with more behind it in the same read is taken as pasted.
 */
import { MuxiGitError } from "./errors.ts";

export type Typed =
  | { readonly kind: "line"; readonly text: string }
  /** Ctrl-C */
  | { readonly kind: "interrupted" }
  /** Ctrl-D on an empty line. */
  | { readonly kind: "end" };

const ESC = "\u001b";
const PASTE_BEGINS = "[200~";
const PASTE_ENDS = `${ESC}[201~`;
/** A longer escape sequence is none of a keyboard's. */
const LONGEST_SEQUENCE = 32;

export class TypedLine {
  readonly #hidden: boolean;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** One character each, so that a backspace takes one. */
  #characters: string[] = [];
  /** From ESC on, while it is not complete. */
  #sequence = "";
  #pasting: boolean = false;
  /** Of a paste: what may be the beginning of its end. */
  #held = "";

  /** @param hidden - the answer may have several lines; a shown one ends at the first. */
  constructor(hidden: boolean) {
    this.#hidden = hidden;
  }

  /** Characters typed so far. */
  get length(): number {
    return this.#characters.length;
  }

  get text(): string {
    return this.#characters.join("");
  }

  /**
   * @returns null while the line goes on, and what of `bytes` came after its end.
   * @throws MuxiGitError `not-utf8`.
   */
  take(bytes: Uint8Array): { typed: Typed; rest: Buffer } | null {
    let text: string;
    try {
      text = this.#decoder.decode(bytes, { stream: true });
    } catch {
      throw new MuxiGitError("not-utf8", "the terminal sent bytes that are no UTF-8", {
        hint: "give the value with --from-file FILE",
      });
    }
    const characters = [...text];
    for (let at = 0; at < characters.length; at++) {
      const typed = this.#character(characters[at]!, at === characters.length - 1);
      if (typed !== null) return { typed, rest: Buffer.from(characters.slice(at + 1).join("")) };
    }
    return null;
  }

  #character(character: string, isLast: boolean): Typed | null {
    if (this.#pasting) {
      this.#pasted(character);
      return null;
    }
    if (this.#sequence !== "") {
      this.#escape(character);
      return null;
    }
    switch (character) {
      case ESC:
        this.#sequence = ESC;
        return null;
      case "\u0003":
        return { kind: "interrupted" };
      case "\u0004":
        return this.length === 0 ? { kind: "end" } : null;
      case "\r":
      case "\n":
        if (isLast || !this.#hidden) return { kind: "line", text: withUnixLineEnds(this.text) };
        this.#characters.push("\n");
        return null;
      case "\u007f":
      case "\b":
        this.#characters.pop();
        return null;
      case "\u0015":
        this.#characters = [];
        return null;
      case "\u0017":
        this.#withoutLastWord();
        return null;
      default:
        // Tab is text in a value; what else has no character is a key of the terminal's.
        if (character >= " " || (character === "\t" && this.#hidden)) this.#characters.push(character);
        return null;
    }
  }

  /** ESC alone, ESC and a character, or ESC `[` up to a letter or `~`: arrows, function keys, the marks of a paste. */
  #escape(character: string): void {
    const sequence = this.#sequence + character;
    const control = sequence[1] === "[" || sequence[1] === "O";
    const complete = control ? sequence.length > 2 && /[@-~]/.test(character) : true;
    this.#sequence = complete || sequence.length > LONGEST_SEQUENCE ? "" : sequence;
    if (complete && sequence === ESC + PASTE_BEGINS) this.#pasting = true;
  }

  #pasted(character: string): void {
    this.#held += character;
    while (this.#held !== "" && !PASTE_ENDS.startsWith(this.#held)) {
      this.#characters.push(this.#held[0]!);
      this.#held = this.#held.slice(1);
    }
    if (this.#held !== PASTE_ENDS) return;
    this.#held = "";
    this.#pasting = false;
  }

  #withoutLastWord(): void {
    while (this.#characters.at(-1) === " ") this.#characters.pop();
    while (this.length > 0 && this.#characters.at(-1) !== " ") this.#characters.pop();
  }
}

/** Terminals send CR for each line end of what is pasted. */
function withUnixLineEnds(text: string): string {
  return text.replace(/\r\n?/g, "\n");
}
