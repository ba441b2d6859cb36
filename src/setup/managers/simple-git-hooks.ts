/** simple-git-hooks: overwrites hooks, and deletes those that its settings do not name. */
import { guardedCommand, type HookManager } from "./manager.ts";

export const simpleGitHooks: HookManager = {
  name: "simple-git-hooks",
  owns: ({ hookText }) => hookText !== null && /SKIP_SIMPLE_GIT_HOOKS/.test(hookText),
  settings: [
    ".simple-git-hooks.json",
    ".simple-git-hooks.cjs",
    ".simple-git-hooks.js",
    "simple-git-hooks.json",
    "simple-git-hooks.cjs",
    "simple-git-hooks.js",
  ],
  snippet: (event) => ({
    file: "package.json",
    lines: ['"simple-git-hooks": {', `  "${event}": ${JSON.stringify(guardedCommand(event))}`, "}"],
  }),
};
