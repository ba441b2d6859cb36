/**
 * The summary of a step of GitHub Actions: markdown in a file that the runner
 * names. Source: docs.github.com, "Workflow commands for GitHub Actions",
 * "Adding a job summary": at most 1 MiB a step, or none of it is shown.
 */
import { appendFileSync, statSync } from "node:fs";
import { MuxiGitError } from "../errors.ts";
import { talk } from "../terminal.ts";

const LARGEST = 1024 * 1024;

/**
 * Append to it; where this is no step of GitHub Actions, say so.
 *
 * @param make - the lines, in at most so many bytes.
 * @throws MuxiGitError `unwritable`
 */
export function writeStepSummary(env: NodeJS.ProcessEnv, make: (room: number) => string[]): void {
  const path = env.GITHUB_STEP_SUMMARY;
  if (path === undefined || path === "") {
    talk("muxi-git: GITHUB_STEP_SUMMARY is not set, so no summary was written");
    return;
  }
  try {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    appendFileSync(path, `${make(LARGEST - size).join("\n")}\n\n`);
  } catch (cause) {
    throw new MuxiGitError("unwritable", "cannot write the file that GITHUB_STEP_SUMMARY names", { cause });
  }
}
