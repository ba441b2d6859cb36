/**
 * `secrets setup`: ask for every value that a formation needs and has not, one
 * name after the other, each with the places that use it. Each answer is stored
 * at once, so that leaving in the middle loses nothing. `--new-key` is the way on
 * for a formation whose key is lost: what it sealed is given up.
 */
import { crypto } from "../builtin.ts";
import type { Invocation } from "../cli.ts";
import { isLink } from "../durable-file.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { inventory, type NameReport } from "../formation/inventory.ts";
import { isGeneratedByMuxi, shownName } from "../formation/names.ts";
import { diskPath } from "../git/working-file.ts";
import { pathWord, tool } from "../invocation.ts";
import { acceptKey } from "../plumbing/accepted-keys.ts";
import { readFormationOnDisk } from "../plumbing/formation-on-disk.ts";
import { isSealed, sealedVersions } from "../plumbing/key-fit.ts";
import {
  changeSecrets,
  type FormationPlace,
  formationOption,
  readSecrets,
  type StoredSecrets,
} from "../plumbing/secrets-store.ts";
import { askHidden, canAsk, confirm, conversation } from "../prompt.ts";
import { count } from "../report/block.ts";
import { placesOf } from "../report/secrets.ts";
import { generateKey, keyFingerprint } from "../secrets/key.ts";
import { out, type Style, styleFor, talk } from "../terminal.ts";
import { openFormation } from "./formation-place.ts";
import { singleLine } from "./given-value.ts";
import { keyThatIsHere } from "./key-here.ts";
import { holdReplacedKey } from "./key-input.ts";
import { extentOf, sayNewKey, sayNext, warnOfValue } from "./secrets-notices.ts";

export interface SecretsSetupOptions extends Invocation {
  formation?: string;
  newKey: boolean;
  yes: boolean;
  dryRun: boolean;
}

/** @returns 0 every name has a value; 1 some have none still. */
export async function secretsSetup(options: SecretsSetupOptions): Promise<ExitCode> {
  const place = await openFormation(options, options.formation);
  const written = new Set<string>();
  const before = await namesOf(place);
  if (options.newKey) {
    if (!(await giveUpKey(place, before, options, written))) return EXIT.no;
  } else readSecrets(place);
  const missing = (options.newKey && options.dryRun ? before : await namesOf(place))
    .filter(({ state }) => state !== "stored" && state !== "unreachable")
    .sort((a, b) => Number(b.references.length > 0) - Number(a.references.length > 0));
  const shown = escapeText(place.path === "" ? "this formation" : place.path);
  if (missing.length === 0) {
    out(before.length === 0 ? `${shown} names no secret` : `every name of ${shown} has a value`);
    return EXIT.ok;
  }
  const style = styleFor(process.stderr.isTTY, options.env, options.noColor);
  if (options.dryRun || !canAsk()) {
    out(`${count(missing.length, "name")} of ${shown} without a value:`);
    for (const one of missing) out(`  ${shownName(one.name)}  ${usedIn(one)}`);
    if (!options.dryRun) {
      const next = `secrets set ${missing[0]!.name} --stdin${formationOption(place.path)}`;
      talk(`muxi-git: hint: run this at a terminal, or give one by one: ${tool(next)}`);
    }
    return options.dryRun ? EXIT.ok : EXIT.no;
  }
  const left = await conversation(async () => {
    talk(`${count(missing.length, "name")} of ${shown} without a value. Enter skips one, Ctrl-D ends.`);
    return await askForEach(place, missing, style, written);
  });
  const stored = missing.length - left.length;
  out(`${count(stored, "value")} stored${left.length === 0 ? ", nothing is missing" : ""}`);
  if (left.length > 0) out(`without a value still: ${left.map(shownName).join(", ")}`);
  sayNext(place, [...written], options);
  return left.length === 0 ? EXIT.ok : EXIT.no;
}

async function namesOf(place: FormationPlace): Promise<NameReport[]> {
  return inventory((await readFormationOnDisk(place)).state);
}

function usedIn(one: NameReport): string {
  return one.references.length > 0 ? `used in ${placesOf(one)}` : "in the template, used in no file";
}

/** @returns names that are without a value still. */
async function askForEach(
  place: FormationPlace,
  missing: readonly NameReport[],
  style: Style,
  written: Set<string>,
): Promise<string[]> {
  const left: string[] = [];
  let ended = false;
  for (const [at, one] of missing.entries()) {
    const { name } = one;
    if (ended) {
      left.push(name);
      continue;
    }
    const makes = isGeneratedByMuxi(name);
    talk();
    talk(`${style.dim(`${at + 1}/${missing.length}`)}  ${style.bold(name)}  ${style.dim(usedIn(one))}`);
    const typed = await askHidden(makes ? "value (Enter makes one): " : "value: ");
    ended = typed === null;
    const value = typed?.trim() ? singleLine(typed) : makes && !ended ? madeByMuxi(name) : null;
    if (value === null) {
      talk(style.yellow("skipped"));
      left.push(name);
      continue;
    }
    const changed = await changeSecrets(place, ({ secrets }) => ({
      secrets: secrets.set(name, { kind: "string", value }),
      addToTemplate: [name],
    }));
    for (const path of changed.written) written.add(path);
    talk(style.green(`stored (${typed?.trim() ? extentOf(value) : "made now"})`));
    warnOfValue(name, value);
    sayNewKey(place, changed, false);
  }
  talk();
  return left;
}

/** What a lost key looks like; any other reason why nothing opens is mended in its own way, and loses nothing. */
const LOST = new Set(["no-key", "wrong-key", "key-malformed", "key-unreadable"]);

function openedOrLost(place: FormationPlace): StoredSecrets {
  try {
    return readSecrets(place);
  } catch (error) {
    if (error instanceof MuxiGitError && LOST.has(error.code)) return readSecrets(place, { giveUp: true });
    throw error;
  }
}

/** As MUXI's own command makes the two keys of a formation's server. */
function madeByMuxi(name: string): string {
  return `${name === "FORMATION_ADMIN_API_KEY" ? "fma" : "fmc"}_${crypto().randomBytes(32).toString("hex")}`;
}

/** @returns false where the person would rather not. */
async function giveUpKey(
  place: FormationPlace,
  names: readonly NameReport[],
  options: SecretsSetupOptions,
  written: Set<string>,
): Promise<boolean> {
  const file = fileIn(place.path, "secrets.enc");
  const option = formationOption(place.path);
  const { files } = openedOrLost(place);
  if (files.sealed !== null || files.encrypted.bytes === null) {
    throw files.sealed !== null
      ? new MuxiGitError("key-opens", "the key here opens the secrets: nothing has to be given up", {
          hint: `to change the key: ${tool(`key rotate${option}`)}`,
        })
      : new MuxiGitError("key-opens", "nothing is sealed here that needs a new key", {
          hint: tool(`secrets setup${option}`),
        });
  }
  const keyFile = fileIn(place.path, ".key");
  if (isLink(diskPath(place.topLevel, keyFile))) {
    throw new MuxiGitError(
      "key-shared",
      `'${escapeText(keyFile)}' is a link: other secrets may need the key it leads to`,
      {
        hint: `take the link away, then try again: rm ${pathWord(keyFile)}`,
      },
    );
  }
  const versions = sealedVersions(place);
  if (isSealed(versions) && keyThatIsHere(place, versions) !== null) {
    throw new MuxiGitError("key-opens", "a key that is here opens the secrets: nothing has to be given up", {
      hint: tool(`key unlock${option}`),
    });
  }
  talk(`what '${escapeText(file)}' holds cannot be read without its key, and is given up:`);
  for (const one of names) talk(`  ${shownName(one.name)}  ${usedIn(one)}`);
  talk("and every value whose name is neither in the template nor in a file. Each has to be found or made anew.");
  if (options.dryRun) return true;
  if (!options.yes) {
    if (!canAsk()) {
      throw new MuxiGitError("not-confirmed", "giving up values needs a yes", {
        hint: tool(`secrets setup --new-key --yes${option}`),
      });
    }
    if (!(await confirm("Give them up and make a new key?"))) return false;
  }
  const next = generateKey();
  const replaced = holdReplacedKey(place, next);
  if (place.places !== null) acceptKey(place.places, place.path, keyFingerprint(next));
  const changed = await changeSecrets(place, () => ({ secrets: new Map(), key: next }), { giveUp: true });
  for (const path of changed.written) written.add(path);
  if (replaced !== null) talk(`${replaced} stood in '${escapeText(keyFile)}'; it is held in git's folder`);
  sayNewKey(place, { ...changed, madeKey: true }, false);
  return true;
}
