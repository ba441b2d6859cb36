/**
 * Hook managers as install knows them. A hook that a manager generated belongs
 * to the manager: it is never edited, because the manager overwrites it or moves
 * it aside (lefthook to `.old`, overcommit to `old-hooks/`, simple-git-hooks
 * deletes). What the person pastes into the manager's own settings stays.
 */

export interface ManagerSigns {
  /** `core.hooksPath` as configured; null where it is not set. */
  hooksPath: string | null;
  /** The hook file at the place git looks, as latin1; null where there is none. */
  hookText: string | null;
}

export interface Snippet {
  /** Where it goes, relative to the root of the working tree. */
  file: string;
  lines: string[];
}

export interface HookManager {
  name: string;
  /** Whether it runs the hooks of this clone. */
  owns(signs: ManagerSigns): boolean;
  /** Its settings files at the root: present where the project uses it, also in clones that have not set it up. */
  settings: readonly string[];
  /** What to paste so that it runs muxi-git; teammates without muxi-git must not be stopped by it. */
  snippet(event: string): Snippet;
}

/** One line of sh that runs a hook where muxi-git is installed and passes where it is not. */
export function guardedCommand(event: string): string {
  return `r=$(git rev-parse --git-common-dir)/muxi-git/run; [ ! -x "$r" ] || "$r" hook ${event}`;
}

/** The same for a hook script in sh, with its arguments. */
export function guardedLines(event: string): string[] {
  return [
    "muxi_git_run=$(git rev-parse --git-common-dir)/muxi-git/run",
    `if [ -x "$muxi_git_run" ]; then "$muxi_git_run" hook ${event} "$@" || exit $?; fi`,
  ];
}

/** Whether a settings file or script runs our hook for `event`, on a line that is no comment. */
export function runsOurHook(text: string, event: string): boolean {
  return text.split("\n").some((line) => {
    const code = line.trimStart();
    return !code.startsWith("#") && /muxi[-_]git/.test(code) && code.includes(`hook ${event}`);
  });
}
