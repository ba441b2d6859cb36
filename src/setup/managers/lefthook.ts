/**
 * lefthook: renames a hook that its settings name and that is not its own to `.old`, which it does not run, and writes
 * its hooks again whenever its settings change.
 */
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
        `      run: ${command(event)}`,
        ...(event === "pre-push" ? ["      use_stdin: true"] : []),
      ]),
      command: "npx lefthook install",
    };
  },
};

/** lefthook passes arguments as `{1}`, `{0}` is all of them; its shell gets none. */
function command(event: string): string {
  const args = event === "commit-msg" ? " '{1}'" : event === "pre-push" ? " {0}" : "";
  return guardedCommand(event).replace(' "$@"', args);
}
