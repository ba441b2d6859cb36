/** lefthook: renames a foreign hook to `.old`, which it does not run, and writes its hooks again whenever its settings change. */
import { guardedCommand, type HookManager } from "./manager.ts";

export const lefthook: HookManager = {
  name: "lefthook",
  owns: ({ hookText }) => hookText !== null && /call_lefthook|LEFTHOOK/.test(hookText),
  settings: [
    "lefthook.yml",
    "lefthook.yaml",
    ".lefthook.yml",
    ".lefthook.yaml",
    "lefthook-local.yml",
    "lefthook.toml",
    "lefthook.json",
  ],
  snippet: (event) => ({
    file: "lefthook.yml",
    lines: [`${event}:`, "  jobs:", "    - name: muxi-git", `      run: '${guardedCommand(event)}'`],
  }),
};
