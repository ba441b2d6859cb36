/**
 * `key generate`: the first key of a formation. Where something is sealed already
 * a new key is of no use, and MUXI's own habit of making one hides that the right
 * one is missing: refused.
 */
import type { Invocation } from "../cli.ts";
import { writeFileDurably } from "../durable-file.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { tool } from "../invocation.ts";
import { holdKey } from "../plumbing/held-keys.ts";
import { fitOf, isSealed, sealedVersions } from "../plumbing/key-fit.ts";
import { type FormationPlace, formationOption, keyTarget, withSecretsLock } from "../plumbing/secrets-store.ts";
import { formatKey, generateKey, type Key, keyFingerprint } from "../secrets/key.ts";
import { out, talk } from "../terminal.ts";
import { openFormation } from "./formation-place.ts";
import { keyOf, notIgnored, ownKey, shownFormation } from "./key-input.ts";

export interface KeyGenerateOptions extends Invocation {
  formation?: string;
  dryRun: boolean;
}

export async function keyGenerate(options: KeyGenerateOptions): Promise<ExitCode> {
  const place = await openFormation(options, options.formation);
  const file = escapeText(fileIn(place.path, ".key"));
  if (options.dryRun) {
    const replaced = replaceableKey(place);
    out(`would make a key in '${file}'${replaced === null ? "" : `, in the place of ${keyFingerprint(replaced)}`}`);
    return EXIT.ok;
  }
  const { key, replaced } = await withSecretsLock(place, async () => {
    const old = replaceableKey(place);
    if (old !== null && place.places !== null) holdKey(place.places, old);
    const made = generateKey();
    const { disk, mode } = keyTarget(place);
    writeFileDurably(disk, formatKey(made), mode);
    return { key: made, replaced: old };
  });
  out(`made the key ${keyFingerprint(key)} in '${file}'`);
  if (replaced !== null) out(`the key ${keyFingerprint(replaced)}, which opens nothing here, is held in git's folder`);
  const warning = notIgnored(place);
  if (warning !== null) talk(`muxi-git: warning: ${warning}`);
  if (!options.quiet)
    out(`keep a copy where your team keeps secrets: ${tool(`key export${formationOption(place.path)}`)}`);
  return EXIT.ok;
}

/**
 * The key that stands in the way and opens nothing; null where none does.
 *
 * @throws MuxiGitError `key-in-use`, `sealed` where a new key would be of no use.
 */
function replaceableKey(place: FormationPlace): Key | null {
  const versions = sealedVersions(place);
  const { state } = keyOf(place);
  const old = state === "missing" ? null : ownKey(place);
  const where = shownFormation(place.path);
  const option = formationOption(place.path);
  if (old !== null && fitOf(old, versions) !== null) {
    throw new MuxiGitError("key-in-use", `the key ${keyFingerprint(old)} opens the secrets of ${where}`, {
      hint: `to replace it: ${tool(`key rotate${option}`)}`,
    });
  }
  if (isSealed(versions)) {
    throw new MuxiGitError("sealed", `the secrets of ${where} are sealed with a key that is not here`, {
      hint: `${tool(`key unlock${option}`)}\nif nobody has it any more: ${tool(`secrets setup --new-key${option}`)}`,
    });
  }
  if (old !== null && place.places === null) {
    throw new MuxiGitError(
      "key-in-use",
      `there is a key already, ${keyFingerprint(old)}, and no repository that could hold it`,
      {
        hint: "it seals the first secret that is set",
      },
    );
  }
  return old;
}
