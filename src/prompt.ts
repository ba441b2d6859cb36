/**
 * Questions to the person at the terminal, on stderr: stdout is the answer. Only
 * where stdin and stderr are terminals; whoever asks looks at {@link canAsk} and
 * says which option answers in its place.
 *
 * The terminal is in raw mode while a question stands, and between the questions
 * of a conversation, so that nothing of a value is echoed even where it is pasted
 * too early; and it may be longer than the 4095 bytes that a terminal's own line
 * holds. Its mode is given back however this ends, short of SIGKILL.
 */
import { MuxiGitError } from "./errors.ts";
import { talkPart } from "./terminal.ts";
import { TypedLine } from "./typed-line.ts";

export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

const SIGNALS = ["SIGTERM", "SIGHUP", "SIGINT"] as const;
/** Bracketed paste, see typed-line.ts. */
const [PASTE_ON, PASTE_OFF] = ["\u001b[?2004h", "\u001b[?2004l"];

let depth = 0;
/** Typed and not asked for yet: the next question's. */
let ahead: Buffer = Buffer.alloc(0);
/** The terminal is gone: no more comes. */
let ended = false;
/** Of the question that stands. */
let arrived: () => void = () => undefined;

/** Ask several questions, and let nothing show that is typed between them. */
export async function conversation<T>(work: () => Promise<T>): Promise<T> {
  if (depth === 0) begin();
  depth += 1;
  try {
    return await work();
  } finally {
    depth -= 1;
    if (depth === 0) restore();
  }
}

function begin(): void {
  const { stdin } = process;
  ended = false;
  stdin.setRawMode(true);
  stdin.on("data", keep).on("end", stop).on("error", stop).resume();
  process.once("exit", restore);
  for (const name of SIGNALS) process.on(name, endBy);
  talkPart(PASTE_ON);
}

function restore(): void {
  const { stdin } = process;
  process.off("exit", restore);
  for (const name of SIGNALS) process.off(name, endBy);
  stdin.off("data", keep).off("end", stop).off("error", stop).pause();
  try {
    talkPart(PASTE_OFF);
    stdin.setRawMode(false);
  } catch {
    // The terminal is gone, and its mode with it.
  }
}

function keep(bytes: Buffer): void {
  ahead = Buffer.concat([ahead, bytes]);
  arrived();
}

function stop(): void {
  ended = true;
  arrived();
}

/** Where a lock is held, its holder has the signal too, and ends when its work is done. */
function endBy(signal: NodeJS.Signals): void {
  restore();
  talkPart("\n");
  process.kill(process.pid, signal);
}

/**
 * Ask for a line.
 *
 * @returns what was typed; null where the input ended (Ctrl-D). Ctrl-C ends this process as SIGINT does.
 */
export async function ask(question: string): Promise<string | null> {
  return await answerTo(question, false);
}

/** Ask for a value: each character shows as a dot, up to a limit that says nothing of its length. */
export async function askHidden(question: string): Promise<string | null> {
  return await answerTo(question, true);
}

/** @returns whether the answer was yes; anything else is no. */
export async function confirm(question: string): Promise<boolean> {
  return /^y(?:es)?$/i.test(((await ask(`${question} [y/N] `)) ?? "").trim());
}

/** Dots that are shown of a value. */
const MOST_DOTS = 24;

async function answerTo(question: string, hidden: boolean): Promise<string | null> {
  return await conversation(async () => {
    const line = new TypedLine(hidden);
    let shown = "";
    talkPart(question);
    try {
      for (;;) {
        const bytes = ahead;
        ahead = Buffer.alloc(0);
        const taken = line.take(bytes);
        shown = showInstead(shown, hidden ? "•".repeat(Math.min(line.length, MOST_DOTS)) : line.text);
        if (taken !== null) {
          ahead = taken.rest;
          if (taken.typed.kind === "line") return taken.typed.text;
          if (taken.typed.kind === "end") return null;
          endBy("SIGINT");
          // Where that signal is ignored.
          throw new MuxiGitError("interrupted", "interrupted");
        }
        if (ended) return null;
        await new Promise<void>((go) => {
          arrived = go;
        });
      }
    } finally {
      arrived = () => undefined;
      talkPart("\n");
    }
  });
}

/** Write over what is shown, from where it differs. */
function showInstead(shown: string, now: string): string {
  const [before, after] = [[...shown], [...now]];
  let same = 0;
  while (same < before.length && same < after.length && before[same] === after[same]) same++;
  const text = "\b \b".repeat(before.length - same) + after.slice(same).join("");
  if (text !== "") talkPart(text);
  return now;
}
