/** Nothing that moves the cursor or turns the reading order passes, and every shell reads the word that was meant. */
import { escapeText, formatJson } from "../../../src/escape.ts";
import { decodePath, encodePath } from "../../../src/git/entries.ts";
import { pathWord, setReaderDirectory, shellQuote, splitFix } from "../../../src/invocation.ts";
import { type FuzzTarget, law } from "../laws.ts";

/** What may not reach a terminal: written anew, so that it does not share a mistake with the code. */
function isUnsafe(code: number): boolean {
  return (
    code < 0x20 ||
    (code >= 0x7f && code <= 0x9f) ||
    code === 0xad ||
    code === 0x61c ||
    (code >= 0x180b && code <= 0x180f) ||
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x206f) ||
    (code >= 0xd800 && code <= 0xdfff) ||
    code === 0xfeff ||
    (code >= 0xfff9 && code <= 0xfffb) ||
    (code >= 0xe0000 && code <= 0xe0fff)
  );
}

export function assertSafe(text: string, allowed = ""): void {
  for (const character of text) {
    law(allowed.includes(character) || !isUnsafe(character.codePointAt(0)!), "an unsafe character is printed");
  }
}

export const target: FuzzTarget = {
  maxLength: 200,
  run(data) {
    for (const text of [decodePath(data), data.toString("utf16le"), data.toString("latin1")]) {
      const escaped = escapeText(text);
      assertSafe(escaped);
      law(escapeText(escaped) === escaped, "escaping twice is not once");
      const json = formatJson({ [text]: [text, 1] }, data.length % 3);
      assertSafe(json, "\n");
      const back: unknown = JSON.parse(json);
      law(Object.keys(back as object)[0] === text, "JSON that holds another name");
      law((back as Record<string, unknown[]>)[text]?.[0] === text, "JSON that holds another text");
    }
    const path = decodePath(Buffer.from(data.filter((byte) => byte !== 0)));
    setReaderDirectory("");
    for (const word of [shellQuote(path), pathWord(path)]) {
      assertSafe(word);
      law(splitFix(word).step === null, "a path poses as a command");
    }
    const meant = encodePath(path);
    if (meant.at(-1) !== 0x0a && meant.length > 0)
      law(readWord(shellQuote(path)).equals(meant), "a shell reads another word");
  },
};

/** One word as POSIX sh reads it, for the three forms that we write; anything else is a broken law. */
function readWord(word: string): Buffer {
  const printf = /^"\$\(printf '([^']*)'\)"$/.exec(word);
  if (printf !== null) {
    const parts: Buffer[] = [];
    for (const [part] of printf[1]!.matchAll(/\\[0-7]{3}|\\\\|%%|[\s\S]/gu)) {
      law(
        part !== "%" && part !== "\\" && part !== '"' && part !== "$" && part !== "`",
        "printf would read more into it",
      );
      if (part.length === 4 && part.startsWith("\\")) parts.push(Buffer.of(Number.parseInt(part.slice(1), 8)));
      else parts.push(Buffer.from(part === "%%" ? "%" : part === "\\\\" ? "\\" : part));
    }
    return Buffer.concat(parts);
  }
  let text = "";
  for (let at = 0; at < word.length; ) {
    if (word[at] === "'") {
      const end = word.indexOf("'", at + 1);
      law(end > 0, "a quote is not closed");
      text += word.slice(at + 1, end);
      at = end + 1;
    } else if (word[at] === "\\") {
      text += word[at + 1];
      at += 2;
    } else {
      law(/[A-Za-z0-9_./@%+=:,-]/.test(word[at]!), "a character that a shell does not take as it is");
      text += word[at];
      at += 1;
    }
  }
  return Buffer.from(text);
}
