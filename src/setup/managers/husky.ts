/**
 * husky: `core.hooksPath` names `.husky/_` (version 9, which git ignores and
 * each clone generates) or `.husky` (5 to 8). The scripts in `.husky/` are
 * tracked and shared, so they are edited only when the person says so.
 *
 * husky(dir) answers "" or a message, works from the current directory only,
 * and overwrites `core.hooksPath`: it is called on request, or where the setting
 * already names its folder and the folder is missing in this clone.
 */
import { MuxiGitError } from "../../errors.ts";
import { escapeText } from "../../escape.ts";
import { guardedLines, type HookManager } from "./manager.ts";

export const HUSKY_FOLDER = ".husky";

const HUSKY_PATH = /(?:^|[/\\])\.husky(?:[/\\]_)?[/\\]?$/;

export const husky: HookManager = {
  name: "husky",
  owns: ({ hooksPath }) => hooksPath !== null && HUSKY_PATH.test(hooksPath),
  usedBy: (read) => /"husky"\s*:/.test(read("package.json") ?? "") || read(`${HUSKY_FOLDER}/pre-commit`) !== null,
  settings: (event) => [`${HUSKY_FOLDER}/${event}`],
  leaves: () => false,
  fate: "husky switches the clone's own hooks off",
  snippet: ([event = "pre-commit"]) => ({ file: `${HUSKY_FOLDER}/${event}`, lines: guardedLines(event) }),
};

/** Whether the path is the generated folder of version 9, as against the scripts' own folder. */
export function isGeneratedFolder(hooksPath: string): boolean {
  return /[/\\]_[/\\]?$/.test(hooksPath);
}

/**
 * Let the husky package make `.husky/_` and set `core.hooksPath`.
 *
 * @throws MuxiGitError `husky-failed` with what it said.
 */
export async function setUpHusky(topLevel: string): Promise<void> {
  const before = process.cwd();
  let said: string;
  try {
    process.chdir(topLevel);
    const { default: setUp } = await import("husky");
    said = setUp(HUSKY_FOLDER);
  } catch (cause) {
    // A vendored copy has not the shim that the package copies.
    said = cause instanceof Error ? cause.message : "unknown error";
  } finally {
    process.chdir(before);
  }
  if (said !== "") {
    throw new MuxiGitError(
      "husky-failed",
      `husky could not set up its hooks: ${escapeText(said.split("\n")[0] ?? "")}`,
      {
        hint: "run 'npx husky', then install again",
      },
    );
  }
}
