/** `key accept`: declare that a formation's key was changed on purpose. */
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { workingTreeSnapshot } from "../git/snapshot.ts";
import { readWorkingFile } from "../git/working-file.ts";
import { acceptedKeys, acceptKey } from "../plumbing/accepted-keys.ts";
import { formationsOf } from "../plumbing/formation-state.ts";
import { encryptedPath } from "../plumbing/known.ts";
import { keyFingerprint } from "../secrets/key.ts";
import { openStored } from "../secrets/stored-form.ts";
import { out } from "../terminal.ts";
import { IN_A_CLONE, openContext, pickFormation } from "./repository-context.ts";

export interface KeyAcceptOptions extends Invocation {
  formation?: string;
  dryRun: boolean;
}

export async function keyAccept(options: KeyAcceptOptions): Promise<ExitCode> {
  const { places, topLevel, keyring, reader } = openContext(options, { workTreeOr: IN_A_CLONE });
  reader.close();
  const formations = formationsOf(workingTreeSnapshot(topLevel));
  const { path } = pickFormation(options, topLevel, formations, options.formation);
  const shown = escapeText(path === "" ? "the root formation" : path);
  const key = keyring.of(path);
  if (key.state !== "ok") {
    throw new MuxiGitError("no-key", `no key of '${shown}' is here to accept`, {
      hint: "put the new key into the formation's .key first",
    });
  }
  const file = encryptedPath(path);
  const bytes = readWorkingFile(topLevel, file);
  if (bytes === null || openStored(bytes, [key.key]).failure !== undefined) {
    throw new MuxiGitError(
      "key-opens-nothing",
      `the key here does not open '${escapeText(file)}', so it is not its new key`,
      {
        hint: "ask a teammate for the current key",
      },
    );
  }
  const fingerprint = keyFingerprint(key.key);
  if (acceptedKeys(places, path).includes(fingerprint)) {
    out(`the key ${fingerprint} of ${shown} was accepted before`);
    return EXIT.ok;
  }
  if (options.dryRun) {
    out(`would accept the key ${fingerprint} of ${shown}`);
    return EXIT.ok;
  }
  acceptKey(places, path, fingerprint);
  out(`accepted the key ${fingerprint} of ${shown}`);
  if (!options.quiet) out("your teammates need this key to read the next version: hand it over outside git");
  return EXIT.ok;
}
