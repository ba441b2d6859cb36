/**
 * Questions to the person at the terminal, on stderr: stdout is the answer. Only
 * where stdin and stderr are terminals; whoever asks looks at {@link canAsk} and
 * says which option answers in its place.
 *
 * The terminal is in raw mode while a question stands: nothing of a value is
 * echoed, and it may be longer than the 4095 bytes that a terminal's own line
 * holds. Its mode is given back however the question ends, short of SIGKILL.
 */
import { MuxiGitError } from "./errors.ts";
import { talkPart } from "./terminal.ts";
import { TypedLine } from "./typed-line.ts";

export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Typed ahead: the next question's. */
let ahead: Buffer = Buffer.alloc(0);

const SIGNALS = ["SIGTERM", "SIGHUP", "SIGINT"] as const;
/** Bracketed paste, see typed-line.ts. */
const [PASTE_ON, PASTE_OFF] = ["\u001b[?2004h", "\u001b[?2004l"];

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
  const { stdin } = process;
  const line = new TypedLine(hidden);
  let shown = "";
  const show = (): void => {
    const now = hidden ? "•".repeat(Math.min(line.length, MOST_DOTS)) : line.text;
    if (now === shown) return;
    // Only what changed: most often a character at the end.
    const [before, after] = [[...shown], [...now]];
    let same = 0;
    while (same < before.length && same < after.length && before[same] === after[same]) same++;
    talkPart("\b \b".repeat(before.length - same) + after.slice(same).join(""));
    shown = now;
  };
  const restore = (): void => {
    stdin.setRawMode(false);
    talkPart(PASTE_OFF);
  };
  const end = (signal: NodeJS.Signals): void => {
    restore();
    talkPart("\n");
    for (const name of SIGNALS) process.off(name, end);
    process.kill(process.pid, signal);
  };
  stdin.setRawMode(true);
  process.once("exit", restore);
  for (const name of SIGNALS) process.on(name, end);
  talkPart(question + PASTE_ON);
  try {
    return await new Promise<string | null>((done, fail) => {
      const settle = (action: () => void): void => {
        stdin.off("data", take).off("end", ended).off("error", failed).pause();
        action();
      };
      const ended = (): void => settle(() => done(null));
      const failed = (cause: Error): void =>
        settle(() => fail(new MuxiGitError("no-answer", "cannot read from the terminal", { cause })));
      const take = (bytes: Buffer): void => {
        try {
          const taken = line.take(bytes);
          show();
          if (taken === null) return;
          ahead = taken.rest;
          if (taken.typed.kind === "interrupted") settle(() => end("SIGINT"));
          else if (taken.typed.kind === "end") ended();
          else {
            const { text } = taken.typed;
            settle(() => done(text));
          }
        } catch (error) {
          settle(() => fail(error as Error));
        }
      };
      stdin.on("data", take).on("end", ended).on("error", failed);
      const waiting = ahead;
      ahead = Buffer.alloc(0);
      if (waiting.length > 0) take(waiting);
      else stdin.resume();
    });
  } finally {
    process.off("exit", restore);
    for (const name of SIGNALS) process.off(name, end);
    restore();
    talkPart("\n");
  }
}
