/**
 * Text from a repository, made safe to show. A file name must not move the
 * cursor, hide a line or reverse the reading order of a report, and in a pipeline
 * it must not command the runner, which reads what we print: GitHub and Forgejo
 * take a line that begins with `::` for a command, GitHub, Azure and TeamCity
 * also `##[…]` and `##word[…]` anywhere in a line.
 */

// C0, DEL, C1, line and paragraph separators, bidi marks, embeddings and isolates, BOM, annotations, tags, and what else
// has no width: two names that look alike are not the same name. The selectors U+FE00 to U+FE0F stay, emoji have them.
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|\u034f|[\u17b4-\u17b5]|[\u180b-\u180f]|[\ud800-\udfff]|(?<=#)#(?=[a-zA-Z]*\[)|(?<=^\s*):(?=:)/gu;

/** Show control characters and bidi marks as escapes; every other character stays. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    if (character === "\r") return "\\r";
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** JSON that a terminal shows as it is: JSON escapes only C0 by itself. */
export function formatJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNSAFE, (character) =>
    character === "\n"
      ? character
      : [...Array(character.length).keys()].map((at) => unicodeEscape(character, at)).join(""),
  );
}

function unicodeEscape(text: string, at: number): string {
  return `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`;
}
