/**
 * `secrets sync --template-only`: add to the template the names that secrets.enc
 * and the references have. Nothing is removed or reordered; references need no key.
 */

import type { Invocation } from "../cli.ts";
import { writeFileDurably } from "../durable-file.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { namesOf } from "../formation/drift.ts";
import { addNames, decodeTemplate, formatTemplate, parseTemplate, templateEntries } from "../formation/template.ts";
import { workingTreeSnapshot } from "../git/snapshot.ts";
import { readForRewrite } from "../git/working-file.ts";
import { pathWord } from "../invocation.ts";
import { formationsOf, readFormation } from "../plumbing/formation-state.ts";
import { out } from "../terminal.ts";
import { IN_A_CLONE, openContext, pickFormation } from "./repository-context.ts";

export interface SecretsSyncOptions extends Invocation {
  formation?: string;
  dryRun: boolean;
}

export async function secretsSync(options: SecretsSyncOptions): Promise<ExitCode> {
  const { topLevel, keyring, reader } = openContext(options, { workTreeOr: IN_A_CLONE });
  reader.close();
  const snapshot = workingTreeSnapshot(topLevel);
  const formation = pickFormation(options, topLevel, formationsOf(snapshot), options.formation);
  const read = await readFormation(
    snapshot,
    formation,
    keyring.stateFor(formation.path),
    keyring.keysFor(formation.path),
  );
  const { template: held, encrypted, referenced } = namesOf(read.state);
  const known = new Set(held);
  const missing = [...new Set([...(encrypted ?? []), ...referenced])].filter((name) => !known.has(name));

  const path = fileIn(formation.path, "secrets");
  const { disk, bytes, mode } = readForRewrite(topLevel, path);
  const { text, problem } = decodeTemplate(bytes ?? Buffer.alloc(0));
  if (text === null || problem !== undefined) {
    throw new MuxiGitError("template-unreadable", `cannot edit '${escapeText(path)}': it ${problem ?? "is not text"}`, {
      hint: "save it as UTF-8 first",
    });
  }
  if (missing.length === 0) {
    if (!options.quiet) out(`${escapeText(path)} has every name that secrets.enc and the references have`);
    return EXIT.ok;
  }
  const before = parseTemplate(text);
  const after = addNames(before, missing);
  const added = templateEntries(after)
    .slice(templateEntries(before).length)
    .map((entry) => entry.name);
  if (!options.dryRun) writeFileDurably(disk, formatTemplate(after), mode);
  out(`${options.dryRun ? "would add" : "added"} to ${escapeText(path)}: ${added.join(", ")}`);
  if (encrypted === null && formation.encrypted !== null && !options.quiet) {
    out("names of secrets.enc could not be read without its key");
  }
  if (!options.quiet && !options.dryRun) out(`next: git add -- ${pathWord(path)}`);
  return EXIT.ok;
}
