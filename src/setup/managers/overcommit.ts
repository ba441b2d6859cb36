/** overcommit: moves a foreign hook to `old-hooks/`, which it does not run, and writes its own again on each run. */
import { guardedCommand, type HookManager } from "./manager.ts";

export const overcommit: HookManager = {
  name: "overcommit",
  owns: ({ hookText }) => hookText !== null && /OVERCOMMIT_DISABLE/.test(hookText),
  settings: [".overcommit.yml"],
  snippet: (event) => ({
    file: ".overcommit.yml",
    lines: [
      `${event.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}:`,
      "  MuxiGit:",
      "    enabled: true",
      "    required: true",
      "    required_executable: 'sh'",
      `    command: ['sh', '-c', '${guardedCommand(event)}']`,
    ],
  }),
};
