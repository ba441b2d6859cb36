/** How a command ends that did not end well: the one place that turns an error into words and an exit code. */
import { EXIT, type ExitCode, MuxiGitError } from "./errors.ts";
import { printError, talk } from "./terminal.ts";

export function reportFailure(error: unknown): ExitCode {
  if (error instanceof MuxiGitError) {
    printError(error);
    return error.exit;
  }
  // A crash must not print what it was working on: a stack's frames are code positions, its message may hold anything.
  const frames = error instanceof Error ? (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line)) : [];
  talk(`muxi-git: error: internal error (${error instanceof Error ? error.name : "unknown"}), nothing was changed`);
  for (const frame of frames.slice(0, 8)) talk(frame);
  talk("muxi-git: hint: please report the lines above; they hold no secret");
  return EXIT.failed;
}
