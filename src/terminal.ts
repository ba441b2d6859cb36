/**
 * The only writer to stdout and stderr for people.
 *
 * Its rules: stdout is the answer, stderr is talk. Lines on stderr that report
 * a failure begin with `muxi-git: error:`, the way on with `muxi-git: hint:`.
 * Lower case, no full stop. Every text that comes from a repository (paths,
 * names, refs) passes {@link escapeText}: a file name must not move the cursor,
 * hide a line or reverse the reading order of a report.
 */
import { writeSync } from "node:fs";
import type { MuxiGitError } from "./errors.ts";

// C0, DEL, C1, zero-width characters, line and paragraph separators, bidi marks, embeddings and isolates, BOM, tags.
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]|[\ud800-\udfff]/gu;

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

/** Write all of `text` to a descriptor; a reader that went away (EPIPE) is not our failure. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  let done = 0;
  while (done < bytes.length) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EAGAIN") continue;
      if (code === "EPIPE") return;
      throw error;
    }
  }
}

/** One line of the answer. */
export function out(line = ""): void {
  writeAll(1, `${line}\n`);
}

/** One line of talk. */
export function talk(line = ""): void {
  writeAll(2, `${line}\n`);
}

/** Report a failure and the way on. */
export function printError(error: MuxiGitError): void {
  talk(`muxi-git: error: ${escapeText(error.message)}`);
  for (const line of error.hint?.split("\n") ?? []) talk(`muxi-git: hint: ${escapeText(line)}`);
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
  green(text: string): string;
}

const PLAIN: Style = { bold: same, dim: same, red: same, yellow: same, green: same };
const COLOUR: Style = {
  bold: (t) => `\u001b[1m${t}\u001b[22m`,
  dim: (t) => `\u001b[2m${t}\u001b[22m`,
  red: (t) => `\u001b[31m${t}\u001b[39m`,
  yellow: (t) => `\u001b[33m${t}\u001b[39m`,
  green: (t) => `\u001b[32m${t}\u001b[39m`,
};

function same(text: string): string {
  return text;
}

/** Colour for a stream: `--no-color`, then NO_COLOR (https://no-color.org), then FORCE_COLOR, then whether it is a terminal. */
export function styleFor(isTerminal: boolean, env: NodeJS.ProcessEnv, noColor = false): Style {
  if (noColor || env.NO_COLOR) return PLAIN;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "0") return COLOUR;
  return isTerminal && env.TERM !== "dumb" ? COLOUR : PLAIN;
}
