/** overcommit: moves a foreign hook to `old-hooks/`, which it does not run, and writes its own again on each run. It knows no pre-merge-commit. */
import { guardedCommand, type HookManager } from "./manager.ts";

const FILE = ".overcommit.yml";

export const overcommit: HookManager = {
  name: "overcommit",
  owns: ({ hookText }) => hookText !== null && /OVERCOMMIT_DISABLE/.test(hookText),
  usedBy: (read) => read(FILE) !== null,
  settings: () => [FILE],
  leaves: (event) => event === "pre-merge-commit",
  fate: "overcommit moves a hook that is not its own aside, to 'old-hooks'",
  snippet: (events) => ({
    file: FILE,
    how: "hooks of a section that it has go into that section",
    lines: events.flatMap((event) => [
      `${event.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}:`,
      "  MuxiGit:",
      "    enabled: true",
      "    required: true",
      "    required_executable: 'sh'",
      `    command: ['sh', '-c', '${guardedCommand(event)}', 'muxi-git']`,
    ]),
    command: "overcommit --sign",
  }),
};
