/**
 * lefthook: renames a hook that its settings name and that is not its own to `.old`, which it does not run, and writes
 * its hooks again whenever its settings change.
 */
import type { HookEvent } from "../../hook-events.ts";
import { guardedCommand, type HookManager } from "./manager.ts";

const FILES = ["lefthook", ".lefthook", ".config/lefthook"].flatMap((name) =>
  [".yml", ".yaml", ".toml", ".json"].map((suffix) => `${name}${suffix}`),
);
const LOCAL_FILES = ["lefthook-local.yml", "lefthook-local.yaml", ".lefthook-local.yml"];

export const lefthook: HookManager = {
  name: "lefthook",
  owns: ({ hookText }) => hookText !== null && /call_lefthook|LEFTHOOK/.test(hookText),
  usedBy: (read) => [...FILES, ...LOCAL_FILES].some((path) => read(path) !== null),
  settings: () => [...FILES, ...LOCAL_FILES],
  leaves: () => false,
  fate: "lefthook moves a hook that its settings name aside, to '.old'",
  snippet: (events, read) => {
    const file = FILES.find((path) => /ya?ml$/.test(path) && read(path) !== null) ?? "lefthook.yml";
    return {
      file,
      how: "jobs of a hook that it has go under its 'jobs'",
      lines: events.flatMap((event) => [
        `${event}:`,
        "  jobs:",
        "    - name: muxi-git",
        ...run(event),
        ...(event === "pre-push" ? ["      use_stdin: true"] : []),
      ]),
      command: "npx lefthook install",
    };
  },
};

/**
 * lefthook puts arguments into the text that its shell runs, as they are: a remote's URL of `;` and more would be run.
 * A quoted here-document takes them as text. pre-push gets the remote's name, which is what it needs.
 */
function run(event: HookEvent): string[] {
  if (event !== "commit-msg" && event !== "pre-push")
    return [`      run: ${guardedCommand(event).replace(' "$@"', "")}`];
  return [
    "      run: |",
    "        muxi_git_run=$(git rev-parse --git-common-dir)/muxi-git/run",
    "        IFS= read -r argument <<'MUXI_GIT_ARGUMENT'",
    "        {1}",
    "        MUXI_GIT_ARGUMENT",
    `        [ ! -x "$muxi_git_run" ] || "$muxi_git_run" hook ${event} "$argument"`,
  ];
}
