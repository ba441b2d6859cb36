/** `uninstall`: what install did is undone, and what stays is said. */

import { existsSync } from "node:fs";
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { openRepository, type Repository } from "../git/repository.ts";
import { installLock, withLock } from "../lock.ts";
import { heldFolder } from "../plumbing/held-keys.ts";
import { clearLeftovers } from "../setup/leftovers.ts";
import { shownPath } from "../setup/places.ts";
import { applyUndo, planUndo, type UndoStep } from "../setup/undo.ts";
import { out } from "../terminal.ts";

export interface UninstallOptions extends Invocation {
  /** Also the blocks that HEAD holds. */
  shared: boolean;
  dryRun: boolean;
}

export async function uninstall(options: UninstallOptions): Promise<ExitCode> {
  const repository = openRepository(options.cwd, options.env);
  const plan = options.dryRun
    ? planUndo(repository, await repository.settings(), options.shared)
    : await withLock(installLock(repository.commonDir), async (held) => {
        clearLeftovers(repository);
        const planned = planUndo(repository, await repository.settings(), options.shared);
        await held.checkInterrupted();
        applyUndo(planned, repository, held.renew);
        return planned;
      });
  const notes = [...plan.notes];
  const held = heldFolder(repository);
  if (existsSync(held)) notes.push(`'${escapeText(held)}' stays: it holds keys that open older versions`);
  if (plan.steps.length === 0) {
    if (!options.quiet) {
      out("muxi-git is not installed here");
      for (const note of notes) out(`note: ${note}`);
    }
    return EXIT.ok;
  }
  if (options.quiet) return EXIT.ok;
  if (!options.dryRun) out("muxi-git is uninstalled");
  for (const step of plan.steps) out(`${options.dryRun ? "" : "  "}${describe(step, repository, options.dryRun)}`);
  for (const note of notes) out(`note: ${note}`);
  if (options.dryRun) out("nothing was changed");
  return EXIT.ok;
}

function describe(step: UndoStep, repository: Repository, planned: boolean): string {
  const say = (verb: string, past: string, what: string): string => `${planned ? verb : past} ${what}`;
  switch (step.kind) {
    case "restore-config":
      return say("restore", "restored", "the repository's git config");
    case "unset-include":
      return say("remove", "removed", "include.path = muxi-git/config from the repository's git config");
    case "unset-husky-path":
      return say("remove", "removed", "core.hooksPath = .husky/_, which husky set for install");
    case "write":
      return say("restore", "restored", escapeText(step.what));
    case "delete":
      return say("delete", "deleted", escapeText(step.what));
    case "remove-empty-folder":
      return say("remove", "removed", `${escapeText(shownPath(step.path, repository))} if empty`);
    case "remove-tree":
      return say("remove", "removed", escapeText(shownPath(step.path, repository)));
  }
}
