/** Nothing that moves the cursor or turns the reading order passes, and every shell reads the word that was meant. */
import { escapeText, formatJson } from "../../../src/escape.ts";
import { decodePath, encodePath } from "../../../src/git/entries.ts";
import { pathWord, setReaderDirectory, shellQuote, splitFix } from "../../../src/invocation.ts";
import { type FuzzTarget, law } from "../laws.ts";

/**
 * What may not reach a terminal, by Unicode's own properties, so that it shares
 * no list with the code: controls, surrogates, line separators, bidi controls, and
 * what has no width except the selectors of emoji.
 */
const UNSAFE =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\ufff9-\ufffb]|(?![\ufe00-\ufe0f])\p{Default_Ignorable_Code_Point}/u;

export function assertSafe(text: string): void {
  law(!UNSAFE.test(text), "an unsafe character is printed");
}

/** What the runner of a pipeline would obey. */
const RUNNER_COMMAND = /##[a-z]*\[|^\s*::/i;

export const target: FuzzTarget = {
  maxLength: 120,
  run(data) {
    for (const text of [decodePath(data), data.toString("utf16le"), data.toString("latin1")]) {
      const escaped = escapeText(text);
      const json = formatJson({ [text]: [text, 1] }, data.length % 3);
      assertSafe(escaped);
      law(!RUNNER_COMMAND.test(escaped) && !RUNNER_COMMAND.test(json), "a runner would take it for a command");
      law(escapeText(escaped) === escaped, "escaping twice is not once");
      assertSafe(json.replaceAll("\n", ""));
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
    const bytes = Buffer.from(printf[1]!).toString("latin1");
    const rest = bytes.replace(/\\[0-7]{3}|\\\\|%%/g, "");
    law(!/[%\\"$`]/.test(rest), "printf or the shell would read more into it");
    const read = bytes.replace(/\\([0-7]{3})|\\\\|%%/g, (part, octal: string | undefined) =>
      octal === undefined ? part[0]! : String.fromCharCode(Number.parseInt(octal, 8)),
    );
    return Buffer.from(read, "latin1");
  }
  const quoted = /'([^']*)'|\\'/g;
  law(/^[A-Za-z0-9_./@%+=:,-]*$/.test(word.replace(quoted, "")), "a character that a shell does not take as it is");
  return Buffer.from(word.replace(quoted, (part, inner: string | undefined) => (part === "\\'" ? "'" : (inner ?? ""))));
}
