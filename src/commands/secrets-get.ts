/** `secrets get`: one value, byte for byte, on standard output. */
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { shownName } from "../formation/names.ts";
import { tool } from "../invocation.ts";
import { formationOption, openSecrets } from "../plumbing/secrets-store.ts";
import { outBytes } from "../terminal.ts";
import { openFormation } from "./formation-place.ts";
import { storedName } from "./secret-name.ts";

export interface SecretsGetOptions extends Invocation {
  name: string;
  formation?: string;
}

export async function secretsGet(options: SecretsGetOptions): Promise<ExitCode> {
  const place = await openFormation(options, options.formation);
  const { secrets } = openSecrets(place);
  // As it stands there first: what another program stored under a name that MUXI cannot look up.
  const name = secrets.has(options.name) ? options.name : storedName(options.name);
  const value = secrets.get(name);
  if (value === undefined) {
    throw new MuxiGitError("no-secret", `no secret '${shownName(name)}' is stored`, {
      hint: tool(`secrets set ${name}${formationOption(place.path)}`),
      exit: EXIT.no,
    });
  }
  const text = value.kind === "string" ? value.value : value.text;
  // A person's prompt belongs on a line of its own.
  outBytes(Buffer.from(process.stdout.isTTY && !text.endsWith("\n") ? `${text}\n` : text));
  return EXIT.ok;
}
