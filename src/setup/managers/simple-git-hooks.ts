/** simple-git-hooks: overwrites hooks, and deletes those that its settings do not name. */
import { guardedCommand, guardedLines, type HookManager, type ReadProjectFile } from "./manager.ts";

const FILES = [".simple-git-hooks", "simple-git-hooks"].flatMap((name) =>
  [".cjs", ".js", ".mjs", ".json"].map((suffix) => `${name}${suffix}`),
);

function inPackage(read: ReadProjectFile): boolean {
  return /"simple-git-hooks"\s*:\s*\{/.test(read("package.json") ?? "");
}

export const simpleGitHooks: HookManager = {
  name: "simple-git-hooks",
  owns: ({ hookText }) => hookText !== null && /SKIP_SIMPLE_GIT_HOOKS/.test(hookText),
  usedBy: (read) => inPackage(read) || FILES.some((path) => read(path) !== null),
  settings: () => [...FILES, "package.json"],
  leaves: () => false,
  fate: "simple-git-hooks deletes a hook that its settings do not name",
  snippet: (events, read) => {
    const own = inPackage(read) ? undefined : FILES.find((path) => read(path) !== null);
    // The lines that give pre-push's input back to what follows.
    const entries = events.map((event): [string, string] => [
      event,
      event === "pre-push" ? guardedLines(event).join("\n") : `${guardedCommand(event)} || exit $?`,
    ]);
    const text = JSON.stringify(Object.fromEntries(entries), null, 2).split("\n");
    return {
      file: own ?? "package.json",
      how: "in front of what a hook runs that it has",
      lines: own === undefined ? [`"simple-git-hooks": ${text[0]}`, ...text.slice(1)] : text,
      command: "npx simple-git-hooks",
    };
  },
};
