/**
 * Marked blocks in files of the user's: added and removed byte for byte.
 *
 * Texts are latin1 strings, one character a byte, so a file that is not UTF-8
 * comes back as it was. Empty and absent files are told apart by the caller.
 * Line ends: the block takes those of the file's first line. A file without a
 * final newline gets one before the block, told as `pad`, so that it can be
 * taken away again. CR-only files count as one line. UTF-16 is refused by the
 * caller: git reads neither attributes nor ignore rules in it.
 */

export const BEGIN = "# >>> muxi-git >>>";
export const END = "# <<< muxi-git <<<";

export type LineEnd = "\n" | "\r\n";

export interface FoundBlock {
  /** Offset of the first character of the begin line. */
  start: number;
  /** Offset after the end line and its line end. */
  end: number;
  /** The begin line and the lines between the markers, without line ends. */
  header: string;
  lines: string[];
}

/** The first block; null where there is none; `"unfinished"` where a begin line has no end line. */
export function findBlock(text: string): FoundBlock | "unfinished" | null {
  const start = text.startsWith(BEGIN) ? 0 : text.indexOf(`\n${BEGIN}`) + 1;
  if (start === 0 && !text.startsWith(BEGIN)) return null;
  const close = text.indexOf(`\n${END}`, start);
  if (close < 0) return "unfinished";
  const lineEnd = text.indexOf("\n", close + 1);
  const end = lineEnd < 0 ? text.length : lineEnd + 1;
  const [header = "", ...lines] = text
    .slice(start, close)
    .split("\n")
    .map((line) => line.replace(/\r$/, ""));
  return { start, end, header, lines };
}

export function lineEndOf(text: string): LineEnd {
  const first = text.indexOf("\n");
  return first > 0 && text[first - 1] === "\r" ? "\r\n" : "\n";
}

export interface AddedBlock {
  text: string;
  /** What was put before the block to end the last line. */
  pad: "" | LineEnd;
  eol: LineEnd;
}

export function formatBlock(comment: string, lines: readonly string[], eol: LineEnd): string {
  return [comment === "" ? BEGIN : `${BEGIN} ${comment}`, ...lines, END, ""].join(eol);
}

/** Put a block at the end of `text`. */
export function appendBlock(text: string, comment: string, lines: readonly string[]): AddedBlock {
  const eol = lineEndOf(text);
  const pad = text === "" || text.endsWith("\n") ? "" : eol;
  return { text: text + pad + formatBlock(comment, lines, eol), pad, eol };
}

/** Put a block after the first line when that is a `#!` line, else at the start. */
export function insertBlock(text: string, comment: string, lines: readonly string[]): AddedBlock {
  const eol = lineEndOf(text);
  if (!text.startsWith("#!")) return { text: formatBlock(comment, lines, eol) + text, pad: "", eol };
  const first = text.indexOf("\n") + 1;
  if (first === 0) return { text: text + eol + formatBlock(comment, lines, eol), pad: eol, eol };
  return { text: text.slice(0, first) + formatBlock(comment, lines, eol) + text.slice(first), pad: "", eol };
}

/** Put other lines between the markers of a block that is there; markers, line ends and place stay. */
export function rewriteBlock(text: string, block: FoundBlock, lines: readonly string[]): string {
  const old = text.slice(block.start, block.end);
  const eol = lineEndOf(old);
  const last = old.slice(old.lastIndexOf(`\n${END}`) + 1);
  return text.slice(0, block.start) + [block.header, ...lines, ""].join(eol) + last + text.slice(block.end);
}

/** Take every block out. `pad` is what {@link appendBlock} put before it. */
export function removeBlocks(text: string, pad = ""): string {
  let kept = "";
  let rest = text;
  // Once through: where blocks lie one after the other, what stands before them is not copied for each.
  for (let block = findBlock(rest); block !== null && block !== "unfinished"; block = findBlock(rest)) {
    kept += rest.slice(0, block.start);
    rest = rest.slice(block.end);
    if (pad !== "" && rest === "" && kept.endsWith(pad)) kept = kept.slice(0, -pad.length);
  }
  return kept + rest;
}
