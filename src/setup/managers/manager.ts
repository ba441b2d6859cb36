/**
 * Hook managers as install knows them. A hook that a manager generated belongs
 * to the manager: it is never edited, because the manager writes it again. What
 * the person pastes into the manager's own settings stays.
 *
 * What a manager does to hooks that are not its own was seen with lefthook 2.2,
 * husky 9.1, simple-git-hooks 2.14, pre-commit 3.0 and git-lfs 3.3; overcommit's
 * part was read in its source.
 */
import type { HookEvent } from "../../hook-events.ts";

export interface ManagerSigns {
  /** `core.hooksPath` as configured; null where it is not set. */
  hooksPath: string | null;
  /** A hook file at the place git looks, as latin1; null where there is none. */
  hookText: string | null;
}

/** A file of the working tree's root, as latin1; null where there is none. */
export type ReadProjectFile = (path: string) => string | null;

export interface Snippet {
  /** Where it goes, relative to the root of the working tree. */
  file: string;
  lines: string[];
  /** How it joins what is there, where that is not plain: "in front of what the hook runs now". */
  how?: string;
  /** The command after which the manager goes by it. */
  command?: string;
}

export interface HookManager {
  name: string;
  /** Whether it wrote this hook. */
  owns(signs: ManagerSigns): boolean;
  /** Whether the project uses it, also in clones that have not set it up. */
  usedBy(read: ReadProjectFile): boolean;
  /** The settings in which it may run our hook, first the one to paste into; a script of its own for each event. */
  settings(event: HookEvent, read: ReadProjectFile): string[];
  /**
   * Whether a hook of ours for this event stays out of its reach. Else it deletes
   * the hook or moves it aside, sooner or later, and install writes none.
   */
  leaves(event: HookEvent): boolean;
  /** What it does to a hook that is not its own, for a sentence. */
  fate: string;
  /** What to paste so that it runs these hooks; teammates without muxi-git must not be stopped by it. */
  snippet(events: readonly HookEvent[], read: ReadProjectFile): Snippet;
}

/** One line of sh that runs a hook where muxi-git is installed and passes where it is not. */
export function guardedCommand(event: string): string {
  return `r=$(git rev-parse --git-common-dir)/muxi-git/run; [ ! -x "$r" ] || "$r" hook ${event} "$@"`;
}

/** The same for a hook script in sh. What pre-push reads is given on to the lines that follow. */
export function guardedLines(event: string): string[] {
  if (event === "pre-push") {
    return [
      READ_INPUT,
      "muxi_git_run=$(git rev-parse --git-common-dir)/muxi-git/run",
      `if [ -x "$muxi_git_run" ]; then ${feed(event)} || exit $?; fi`,
      ...GIVE_INPUT_BACK,
    ];
  }
  return [
    "muxi_git_run=$(git rev-parse --git-common-dir)/muxi-git/run",
    `if [ -x "$muxi_git_run" ]; then "$muxi_git_run" hook ${event} "$@" || exit $?; fi`,
  ];
}

/** git writes one line a ref, or nothing; a shell variable holds that unchanged. */
export const READ_INPUT = "muxi_git_input=$(cat)";

export function feed(event: string): string {
  return `{ [ -z "$muxi_git_input" ] || printf '%s\\n' "$muxi_git_input"; } | "$muxi_git_run" hook ${event} "$@"`;
}

export const GIVE_INPUT_BACK = [
  'if [ -n "$muxi_git_input" ]; then exec <<MUXI_GIT_INPUT',
  "$muxi_git_input",
  "MUXI_GIT_INPUT",
  "else exec </dev/null; fi",
  "unset muxi_git_input",
];

/** Whether a settings file or script runs our hook for `event`, on a line that is no comment. */
export function runsOurHook(text: string, event: string): boolean {
  return text.split("\n").some((line) => {
    const code = line.trimStart();
    return !code.startsWith("#") && /muxi[-_]git/.test(code) && new RegExp(`hook ${event}(?![\\w-])`).test(code);
  });
}
