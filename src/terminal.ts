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
import { escapeText } from "./escape.ts";

/** Write it all to a descriptor; a reader that went away (EPIPE) is not our failure. */
function writeAll(fd: number, given: string | Uint8Array): void {
  const bytes = typeof given === "string" ? Buffer.from(given, "utf8") : given;
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

/** Part of a line of talk: a question, and what it shows of the answer. */
export function talkPart(text: string): void {
  writeAll(2, text);
}

/** The answer itself, byte for byte: a value that was asked for. */
export function outBytes(bytes: Uint8Array): void {
  writeAll(1, bytes);
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

/** The day of a time in seconds since 1970, in UTC: 2026-01-02. */
export function day(time: number): string {
  const date = new Date(time * 1000);
  // A commit may say any time.
  return Number.isNaN(date.getTime()) ? "an unknown day" : date.toISOString().slice(0, 10);
}

/** One line on a terminal's stderr that is written over, once the work takes over a second. Nothing elsewhere. */
export class Progress {
  readonly #what: string;
  readonly #since = Date.now();
  #shown = 0;

  constructor(what: string) {
    this.#what = what;
  }

  show(done: number, all: number): void {
    if (!process.stderr.isTTY) return;
    const now = Date.now();
    if (now - this.#since < 1000 || now - this.#shown < 100) return;
    this.#shown = now;
    writeAll(2, `\r${this.#what}: ${done} of ${all}\u001b[K`);
  }

  end(): void {
    if (this.#shown > 0) writeAll(2, "\r\u001b[K");
  }
}
