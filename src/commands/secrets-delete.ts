/** `secrets delete`: names out of secrets.enc and the template; a name that a file references only where that is meant. */
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { fileIn } from "../formation/discover.ts";
import { inventory } from "../formation/inventory.ts";
import { normalizeName, shownName } from "../formation/names.ts";
import { shellQuote, tool } from "../invocation.ts";
import { readFormationOnDisk } from "../plumbing/formation-on-disk.ts";
import { changeSecrets, formationOption, readSecrets } from "../plumbing/secrets-store.ts";
import { canAsk, confirm } from "../prompt.ts";
import { placesOf } from "../report/secrets.ts";
import { out, talk } from "../terminal.ts";
import { openFormation } from "./formation-place.ts";
import { storedName } from "./secret-name.ts";
import { sayNext } from "./secrets-notices.ts";

export interface SecretsDeleteOptions extends Invocation {
  names: readonly string[];
  formation?: string;
  yes: boolean;
  dryRun: boolean;
}

export async function secretsDelete(options: SecretsDeleteOptions): Promise<ExitCode> {
  const place = await openFormation(options, options.formation);
  const { secrets, templateNames } = readSecrets(place);
  const names = [...new Set(options.names.map((typed) => (secrets.has(typed) ? typed : storedName(typed))))];
  const there = names.filter((name) => secrets.has(name) || templateNames.has(name));
  for (const name of names) if (!there.includes(name)) talk(`no secret ${shownName(name)} is stored`);
  if (there.length === 0) return EXIT.ok;

  const reports = inventory((await readFormationOnDisk(place)).state);
  const used = reports.filter(({ name, references }) => there.includes(name) && references.length > 0);
  for (const one of used) talk(`${shownName(one.name)} is used in ${placesOf(one)}`);
  if (used.length > 0 && !options.dryRun && !options.yes) {
    if (!canAsk()) {
      const words = there.map(shellQuote).join(" ");
      throw new MuxiGitError("in-use", `${used.map(({ name }) => shownName(name)).join(", ")}: still in use`, {
        hint: `take the references out first, or delete all the same: ${tool(`secrets delete ${words} --yes${formationOption(place.path)}`)}`,
      });
    }
    if (!(await confirm(`Delete ${there.map(shownName).join(", ")} all the same?`))) return EXIT.no;
  }
  // The formation still needs a name that its files use: the template goes on saying so.
  const needed = new Set(used.map(({ name }) => name));
  const changed = await changeSecrets(
    place,
    (current) => {
      for (const name of there) current.secrets.delete(name);
      return {
        secrets: current.secrets,
        // The line of a name that MUXI cannot look up belongs to the one that it looks up instead.
        removeFromTemplate: there.filter((name) => !needed.has(name) && normalizeName(name) === name),
      };
    },
    options,
  );
  const file = fileIn(place.path, "secrets");
  out(`${options.dryRun ? "would delete" : "deleted"} ${there.map(shownName).join(", ")}`);
  if (options.quiet) return EXIT.ok;
  for (const name of needed) if (templateNames.has(name)) talk(`${file} still lists ${shownName(name)}`);
  if (!options.dryRun) {
    sayNext(place, changed.written, options);
    if (place.places !== null)
      talk("what was committed still holds it: replace the value at its provider if it was shared");
  }
  return EXIT.ok;
}
