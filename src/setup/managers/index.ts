/** The managers install recognises, in the order in which they are asked. */
import { husky } from "./husky.ts";
import { lefthook } from "./lefthook.ts";
import type { HookManager, ManagerSigns } from "./manager.ts";
import { overcommit } from "./overcommit.ts";
import { preCommitFramework } from "./pre-commit.ts";
import { simpleGitHooks } from "./simple-git-hooks.ts";

export const MANAGERS: readonly HookManager[] = [husky, lefthook, preCommitFramework, simpleGitHooks, overcommit];

export function managerOf(signs: ManagerSigns): HookManager | null {
  return MANAGERS.find((manager) => manager.owns(signs)) ?? null;
}
