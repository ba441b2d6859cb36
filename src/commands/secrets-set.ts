/** `secrets set`: store one value. It comes from a prompt, from standard input or a file; never as an argument. */
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { tool } from "../invocation.ts";
import { changeSecrets, type FormationPlace, readSecrets } from "../plumbing/secrets-store.ts";
import { askHidden, canAsk } from "../prompt.ts";
import { out, talk } from "../terminal.ts";
import { openFormation } from "./formation-place.ts";
import { type GivenSource, givenBytes, singleLine, textValue } from "./given-value.ts";
import { storedName, valueAsArgument } from "./secret-name.ts";
import { extentOf, sayNewKey, sayNext, warnOfValue } from "./secrets-notices.ts";

export interface SecretsSetOptions extends Invocation, GivenSource {
  /** The name; what follows it is a value that must not be there. */
  given: readonly string[];
  formation?: string;
  dryRun: boolean;
}

export async function secretsSet(options: SecretsSetOptions): Promise<ExitCode> {
  const [typed = "", ...more] = options.given;
  const name = storedName(typed);
  if (more.length > 0) throw valueAsArgument(name);
  const place = await openFormation(options, options.formation);
  const value = await valueFor(name, place, options);
  if (value === null) return EXIT.failed;

  const changed = await changeSecrets(
    place,
    ({ secrets }) => ({ secrets: secrets.set(name, { kind: "string", value }), addToTemplate: [name] }),
    options,
  );
  const file = escapeText(fileIn(place.path, "secrets.enc"));
  warnOfValue(name, value);
  sayNewKey(place, changed, options.dryRun);
  if (options.quiet) return EXIT.ok;
  if (name !== typed) talk(`MUXI's name for it is ${name}`);
  const what = `${name} in ${file} (${extentOf(value)})`;
  if (changed.written.length === 0) out(`${name} has this value already`);
  else out(options.dryRun ? `would store ${what}` : `stored ${what}`);
  if (!options.dryRun) sayNext(place, changed.written, options);
  return EXIT.ok;
}

/** null where the person at the terminal gave none. */
async function valueFor(name: string, place: FormationPlace, options: SecretsSetOptions): Promise<string | null> {
  const bytes = givenBytes(options, options);
  if (bytes !== null) return textValue(bytes);
  if (!canAsk()) {
    throw new MuxiGitError("no-value", `no value for ${name}: this is no terminal to ask at`, {
      hint: `give it on standard input or in a file: ${tool(`secrets set ${name} --stdin`)}`,
    });
  }
  // Nobody is asked for a value that cannot be stored.
  const exists = readSecrets(place).secrets.has(name);
  const typed = await askHidden(`${name}${exists ? " (replaces the stored value)" : ""}: `);
  if (typed !== null && typed !== "") return singleLine(typed);
  talk("no value given, nothing was changed");
  return null;
}
