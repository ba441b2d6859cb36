/**
 * Runs a store's own program. It is found in PATH by absolute path and never in
 * the working tree, nor is what it starts itself: `npx` puts the repository's
 * `node_modules/.bin` first. It starts in the home folder, since `az` and others
 * read configuration of the folder they are in.
 *
 * What it prints is the key. So its output reaches no error, and of what it says
 * on stderr one line is repeated, without anything that looks like a key.
 */
import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, isAbsolute } from "node:path";
import { childProcess } from "../builtin.ts";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { isExecutable, isInside, pathFolders, programCandidates } from "../git/run.ts";
import type { ProgramCall } from "./reference.ts";

/** No answer is longer, in bytes; one that is is no key. */
const MOST_OUTPUT = 64 * 1024;
/** A sign-in in a browser takes a while; nobody signs in where there is no terminal. */
const WAIT_MS = { terminal: 5 * 60_000, none: 60_000 };

export interface ProgramOptions {
  env: NodeJS.ProcessEnv;
  /** Root of the working tree. */
  topLevel: string;
  timeoutMs?: number;
}

export interface ProgramResult {
  code: number;
  stdout: Buffer;
  /** One line, fit to be shown; empty where it went to the terminal. */
  said: string;
}

/** @throws MuxiGitError `program-not-found`. */
export function findProgram(name: string, { env, topLevel }: ProgramOptions): string {
  const outside = (path: string): boolean =>
    isExecutable(path) && !isInside(realpathSync(path), realpathSync(topLevel));
  const found = isAbsolute(name)
    ? [name].find(outside)
    : /[\\/]/.test(name)
      ? undefined
      : programCandidates(name, env, topLevel).find(outside);
  if (found !== undefined) return found;
  throw new MuxiGitError("program-not-found", `'${escapeText(name)}' was not found in PATH, outside the working tree`, {
    hint: isAbsolute(name)
      ? "name a program outside the working tree"
      : `install ${escapeText(name)}, or add its folder to PATH`,
  });
}

/**
 * @throws MuxiGitError `program-not-found`; `program-failed` where it cannot be started, does not end in time, or
 *   prints more than a key. Its exit code is the caller's to judge.
 */
export async function runProgram(name: string, call: ProgramCall, options: ProgramOptions): Promise<ProgramResult> {
  const program = findProgram(name, options);
  // What node opens for a child's stdin is a socket, and a socket cannot be opened by name.
  const [file, args] = call.opensStdin
    ? [findProgram("sh", options), ["-c", 'cat | "$0" "$@"', program, ...call.args]]
    : [program, [...call.args]];
  const terminal = call.input === undefined && process.stdin.isTTY === true && process.stderr.isTTY === true;
  const shown = escapeText(name);
  return await new Promise((done, fail) => {
    const child = childProcess().spawn(file, args, {
      cwd: homeOutside(options),
      env: { ...options.env, PATH: pathFolders(options.env, options.topLevel).join(delimiter) },
      stdio: [
        call.input !== undefined ? "pipe" : terminal ? "inherit" : "ignore",
        "pipe",
        terminal ? "inherit" : "pipe",
      ],
      windowsHide: true,
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let size = 0;
    const giveUp = (why: string): void => {
      child.kill("SIGKILL");
      // What it started may hold the pipes open; nobody waits for it.
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
      clearTimeout(timer);
      fail(
        new MuxiGitError("program-failed", `'${shown}' ${why}`, {
          hint: `see that you are signed in: ${shown} --help`,
        }),
      );
    };
    const waitMs = options.timeoutMs ?? (terminal ? WAIT_MS.terminal : WAIT_MS.none);
    const timer = setTimeout(() => giveUp(`gave no answer in ${waitMs / 1000} s`), waitMs);
    child.stdout?.on("data", (chunk: Buffer) => {
      size += chunk.length;
      stdout.push(chunk);
      if (size > MOST_OUTPUT) giveUp("printed more than a key");
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      if (stderr.length < 64) stderr.push(chunk);
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(call.input);
    child.on("error", (cause) => {
      clearTimeout(timer);
      fail(new MuxiGitError("program-failed", `'${shown}' could not be run`, { cause }));
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      done({ code: code ?? 255, stdout: Buffer.concat(stdout), said: lastLine(Buffer.concat(stderr)) });
    });
  });
}

function homeOutside({ topLevel }: ProgramOptions): string {
  const home = homedir();
  return isInside(home, topLevel) ? "/" : home;
}

/** The last line, in which most programs say what is wrong. A key that somebody's program repeats there is no part of it. */
function lastLine(stderr: Buffer): string {
  const line =
    stderr
      .toString("utf8")
      .split(/\r?\n/)
      .findLast((one) => one.trim() !== "") ?? "";
  return escapeText(line.replace(/[A-Za-z0-9+/_=-]{40,}/g, "…").slice(0, 300));
}
