/** `secrets list`: every name of a formation, whether it has a value, and where it is used. */
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { inventory, type NameReport } from "../formation/inventory.ts";
import { openBlobReader } from "../git/cat-file.ts";
import { readFormationOnDisk } from "../plumbing/formation-on-disk.ts";
import { Keyring } from "../plumbing/formation-state.ts";
import { type FormationPlace, openSecrets } from "../plumbing/secrets-store.ts";
import { type ChangeOfName, formatSecretsJson, formatSecretsText, type ListedSecret } from "../report/secrets.ts";
import type { Secrets } from "../secrets/json.ts";
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
    for (const line of formatSecretsText(listed, style, Math.floor(Date.now() / 1000))) out(line);
  }
  // What template and references say is printed; which of it has a value could not be told, and this says why.
  if (state.encrypted.kind !== "opened" && state.encrypted.kind !== "none") openSecrets(place);
  return EXIT.ok;
}

async function withDetails(
  place: FormationPlace,
  names: readonly NameReport[],
  options: SecretsListOptions,
): Promise<ListedSecret[]> {
  const { secrets, encrypted } = openSecrets(place);
  const changes = options.age ? await lastChanges(place, encrypted.path, secrets) : undefined;
  return names.map((one) => {
    const value = secrets.get(one.name);
    const change = secrets.has(one.name) ? changes?.get(one.name) : undefined;
    return {
      ...one,
      ...(options.withValues && value !== undefined && { value: value.kind === "string" ? value.value : value.text }),
      ...(change !== undefined && { changed: change }),
    };
  });
}

async function lastChanges(
  { places, topLevel, path }: FormationPlace,
  file: string | null,
  secrets: Secrets,
): Promise<Map<string, ChangeOfName | null>> {
  if (places === null) {
    throw new MuxiGitError("no-repository", "when a value was changed stands in git's history, and there is none here");
  }
  const { StoredHistory } = await import("../plumbing/name-ages.ts");
  const reader = openBlobReader(topLevel);
  try {
    const keys = new Keyring(topLevel, places).keysFor(path);
    const found = await new StoredHistory({ topLevel, reader }).lastChanges(file ?? "", secrets, keys);
    return new Map(
      [...found].map(([name, { commit, time, exact }]) => [
        name,
        commit === null || time === null ? null : { commit, time, exact },
      ]),
    );
  } finally {
    reader.close();
  }
}
