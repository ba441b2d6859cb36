/**
 * `secrets sync`: let references, template and secrets.enc name the same. Names
 * are added to the template; a name that no file uses is deleted only where
 * somebody says yes. The plan comes first. Comments and order stay.
 *
 * References are looked for in every file that any version of MUXI reads them
 * from. MUXI's own `sync` reads fewer, and deletes what it does not find.
 */
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { inventory, isUsedByMuxi, type NameReport } from "../formation/inventory.ts";
import { shownName } from "../formation/names.ts";
import { readWorkingFile } from "../git/working-file.ts";
import { tool } from "../invocation.ts";
import { filesBelow, readFormationOnDisk } from "../plumbing/formation-on-disk.ts";
import { changeSecrets, type FormationPlace, formationOption, readSecrets } from "../plumbing/secrets-store.ts";
import { canAsk, confirm } from "../prompt.ts";
import { placesOf } from "../report/secrets.ts";
import { out, talk } from "../terminal.ts";
import { openFormation } from "./formation-place.ts";
import { sayNext } from "./secrets-notices.ts";

export interface SecretsSyncOptions extends Invocation {
  formation?: string;
  templateOnly: boolean;
  yes: boolean;
  dryRun: boolean;
}

interface SyncPlan {
  /** Stored or used, and missing in the template. */
  add: NameReport[];
  /** Stored or in the template, and used by no file. */
  unused: NameReport[];
  /** Needed, without a value. */
  empty: NameReport[];
}

export async function secretsSync(options: SecretsSyncOptions): Promise<ExitCode> {
  const place = await openFormation(options, options.formation);
  if (!options.templateOnly) readSecrets(place);
  const { state } = await readFormationOnDisk(place);
  const plan = planOf(inventory(state), options);
  const template = escapeText(fileIn(place.path, "secrets"));
  const isClosed = state.encrypted.kind !== "opened" && state.encrypted.kind !== "none";

  if (!options.quiet) sayPlan(place, plan);
  const deletes = plan.unused.length > 0 && !options.dryRun && (await agrees(plan.unused, options));
  const gone = deletes ? plan.unused.map(({ name }) => name) : [];
  const added = plan.add.map(({ name }) => name).filter((name) => !gone.includes(name));
  const { written } = await changeSecrets(
    place,
    ({ secrets }) => {
      for (const name of gone) secrets.delete(name);
      return {
        ...(gone.length > 0 && { secrets }),
        addToTemplate: added,
        removeFromTemplate: gone,
      };
    },
    options,
  );
  const did = (done: string, would: string, names: readonly string[]): void => {
    if (names.length > 0) out(`${options.dryRun ? would : done}: ${names.map(shownName).join(", ")}`);
  };
  did(`added to ${template}`, `would add to ${template}`, added);
  did("deleted", "would delete", gone);
  if (options.quiet) return EXIT.ok;
  if (added.length + gone.length === 0) {
    out(`${template} has every name that secrets.enc and the references have`);
  }
  if (isClosed) out("names of secrets.enc could not be read without its key");
  if (plan.unused.length > 0 && !deletes) {
    talk(`to delete what no file uses: ${tool(`secrets sync --yes${formationOption(place.path)}`)}`);
  }
  if (plan.empty.length > 0) {
    talk(`without a value: ${plan.empty.map(({ name }) => shownName(name)).join(", ")}`);
    talk(`to give them one: ${tool(`secrets setup${formationOption(place.path)}`)}`);
  }
  if (!options.dryRun) sayNext(place, written, options);
  return EXIT.ok;
}

function planOf(names: readonly NameReport[], { templateOnly }: SecretsSyncOptions): SyncPlan {
  const reachable = names.filter(({ state }) => state !== "unreachable");
  // Where nothing is referenced at all, the references stand somewhere else, and not a name is called unused.
  const anyUsed = names.some(({ references }) => references.length > 0);
  const unused = reachable.filter(({ name, references }) => references.length === 0 && !isUsedByMuxi(name));
  return {
    add: reachable.filter(({ inTemplate }) => !inTemplate),
    unused: templateOnly || !anyUsed ? [] : unused,
    empty: templateOnly ? [] : reachable.filter(({ state }) => state === "missing"),
  };
}

function sayPlan(place: FormationPlace, { add, unused }: SyncPlan): void {
  for (const one of add) {
    const why = one.references.length > 0 ? `used in ${placesOf(one)}` : "stored";
    talk(`  add to the template  ${shownName(one.name)}  ${why}`);
  }
  if (unused.length === 0) return;
  const mentions = mentionsOf(place, unused);
  for (const one of unused) {
    const where = mentions.get(one.name);
    const stands = one.state === "stored" ? "stored, used in no file" : "in the template, used in no file";
    talk(
      `  no reference         ${shownName(one.name)}  ${stands}${where ? `; its name stands in ${escapeText(where)}` : ""}`,
    );
  }
}

/** Largest file that is searched, in bytes. */
const SEARCHED_AT_MOST = 1024 * 1024;

/** A file that holds a name without a reference: a script that a skill runs gets its secrets in the environment. */
function mentionsOf({ topLevel, path }: FormationPlace, names: readonly NameReport[]): Map<string, string> {
  const found = new Map<string, string>();
  const own = new Set(["secrets", "secrets.enc", ".key"].map((name) => fileIn(path, name)));
  for (const file of filesBelow(topLevel, path)) {
    if (own.has(file) || found.size === names.length) continue;
    const bytes = readWorkingFile(topLevel, file, SEARCHED_AT_MOST);
    for (const { name } of names) if (!found.has(name) && bytes?.includes(name)) found.set(name, file);
  }
  return found;
}

async function agrees(unused: readonly NameReport[], { yes }: SecretsSyncOptions): Promise<boolean> {
  if (yes) return true;
  return canAsk() && (await confirm(`Delete ${unused.map(({ name }) => shownName(name)).join(", ")}?`));
}
