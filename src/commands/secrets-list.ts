/** `secrets list`: every name of a formation, whether it has a value, and where it is used. */
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { inventory, type NameReport } from "../formation/inventory.ts";
import { readFormationOnDisk } from "../plumbing/formation-on-disk.ts";
import { type FormationPlace, readSecrets } from "../plumbing/secrets-store.ts";
import { type ChangeOfName, formatSecretsJson, formatSecretsText, type ListedSecret } from "../report/secrets.ts";
import { out, styleFor } from "../terminal.ts";
import { openFormation } from "./formation-place.ts";

export interface SecretsListOptions extends Invocation {
  formation?: string;
  withValues: boolean;
  age: boolean;
  json: boolean;
}

export async function secretsList(options: SecretsListOptions): Promise<ExitCode> {
  const place = await openFormation(options, options.formation);
  const { state } = await readFormationOnDisk(place);
  const names = inventory(state);
  const secrets =
    options.withValues || options.age ? await withDetails(place, names, options) : (names satisfies ListedSecret[]);
  const listed = { path: place.path, secrets };
  if (options.json) out(formatSecretsJson(listed));
  else {
    const style = styleFor(process.stdout.isTTY, options.env, options.noColor);
    for (const line of formatSecretsText(listed, style, new Date())) out(line);
  }
  // What template and references say is printed; which of it has a value could not be told, and this says why.
  if (state.encrypted.kind !== "opened" && state.encrypted.kind !== "none") readSecrets(place);
  return EXIT.ok;
}

async function withDetails(
  place: FormationPlace,
  names: readonly NameReport[],
  options: SecretsListOptions,
): Promise<ListedSecret[]> {
  const { secrets, key, files } = readSecrets(place);
  let changes: ReadonlyMap<string, ChangeOfName | null> | undefined;
  if (options.age) {
    const { places, topLevel } = place;
    if (places === null) {
      throw new MuxiGitError("no-repository", "the age of a value stands in git's history, and this is no repository");
    }
    const { lastChanges } = await import("../plumbing/name-ages.ts");
    const { path } = files.encrypted;
    changes = key === null || path === null ? new Map() : await lastChanges(places, topLevel, path, secrets, [key]);
  }
  return names.map((one) => {
    const value = secrets.get(one.name);
    const change = changes?.get(one.name);
    return {
      ...one,
      ...(options.withValues && value !== undefined && { value: value.kind === "string" ? value.value : value.text }),
      ...(change !== undefined && { changed: change }),
    };
  });
}
