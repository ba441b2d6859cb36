/** `key accept`: declare that a formation's key was changed on purpose, knowing which names are given up by it. */
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { findFormations, formationAt } from "../formation/discover.ts";
import { hasValue, namesOf } from "../formation/drift.ts";
import { shownName } from "../formation/names.ts";
import { findCommit } from "../git/ranges.ts";
import { readTree, workingTreeSnapshot } from "../git/snapshot.ts";
import { readWorkingFile } from "../git/working-file.ts";
import { tool } from "../invocation.ts";
import { acceptedKeys, acceptKey } from "../plumbing/accepted-keys.ts";
import { formationsOf, readFormation } from "../plumbing/formation-state.ts";
import { encryptedPath } from "../plumbing/known.ts";
import { formationOption, recoverSecrets } from "../plumbing/secrets-store.ts";
import { canAsk, confirm } from "../prompt.ts";
import type { Secrets } from "../secrets/json.ts";
import { keyFingerprint } from "../secrets/key.ts";
import { openStored } from "../secrets/stored-form.ts";
import { out } from "../terminal.ts";
import { shownFormation } from "./key-input.ts";
import { IN_A_CLONE, openContext, pickFormation, type RepositoryContext } from "./repository-context.ts";

export interface KeyAcceptOptions extends Invocation {
  formation?: string;
  yes: boolean;
  dryRun: boolean;
}

export async function keyAccept(options: KeyAcceptOptions): Promise<ExitCode> {
  const context = openContext(options, { workTreeOr: IN_A_CLONE });
  try {
    return await accept(context, options);
  } finally {
    context.reader.close();
  }
}

async function accept(context: RepositoryContext, options: KeyAcceptOptions): Promise<ExitCode> {
  const { places, topLevel, keyring } = context;
  const formations = formationsOf(workingTreeSnapshot(topLevel));
  const { path } = pickFormation(options, topLevel, formations, options.formation);
  if (!options.dryRun) await recoverSecrets({ topLevel, path, places });
  const shown = shownFormation(path);
  const key = keyring.of(path);
  if (key.state !== "ok") {
    throw new MuxiGitError("no-key", `no key of '${shown}' is here to accept`, {
      hint: `bring it first: ${tool(`key unlock${formationOption(path)}`)}`,
    });
  }
  const file = encryptedPath(path);
  const bytes = readWorkingFile(topLevel, file);
  const opened = bytes === null ? null : openStored(bytes, [key.key]);
  if (opened === null || opened.failure !== undefined) {
    throw new MuxiGitError(
      "key-opens-nothing",
      `the key here does not open '${escapeText(file)}', so it is not its new key`,
      { hint: `bring the one that does: ${tool(`key unlock${formationOption(path)}`)}` },
    );
  }
  const fingerprint = keyFingerprint(key.key);
  if (acceptedKeys(places, path).includes(fingerprint)) {
    out(`the key ${fingerprint} of ${shown} was accepted before`);
    return EXIT.ok;
  }
  const { names, known } = await givenUp(context, path, opened.secrets);
  if (names.length > 0) {
    out(
      `the new '${escapeText(file)}' has no value for ${names.length === 1 ? "a name" : `${names.length} names`} that the last commit ${known ? "has one for" : "lists"}:`,
    );
    for (const name of names) out(`  ${shownName(name)}`);
  }
  if (!known) out("no key here opens the version in the last commit: the values in it are given up");
  if (options.dryRun) {
    out(`would accept the key ${fingerprint} of ${shown}`);
    return EXIT.ok;
  }
  if (names.length > 0 && !options.yes) {
    if (!canAsk()) {
      throw new MuxiGitError("needs-yes", "these names would be given up, and there is nobody to ask", {
        hint: tool(`key accept --yes${formationOption(path)}`),
      });
    }
    if (!(await confirm("Give them up?"))) {
      out("nothing was accepted");
      return EXIT.no;
    }
  }
  acceptKey(places, path, fingerprint);
  out(`accepted the key ${fingerprint} of ${shown}`);
  if (!options.quiet) out("your teammates need this key to read the next version: hand it over outside git");
  return EXIT.ok;
}

/** Names that the last commit has, and the new file no value for. `known`: its file was opened; else its template says them. */
async function givenUp(
  { topLevel, reader, keyring }: RepositoryContext,
  path: string,
  now: Secrets,
): Promise<{ names: string[]; known: boolean }> {
  const head = findCommit("HEAD", topLevel);
  if (head === null) return { names: [], known: true };
  const tree = readTree(head, reader, topLevel);
  const formation = formationAt(path, findFormations(tree.entries.keys()));
  if (formation === undefined || formation.encrypted === null) return { names: [], known: true };
  const { state, opened } = await readFormation(tree, formation, keyring.stateFor(path), keyring.keysFor(path));
  const before =
    opened.secrets === null
      ? namesOf(state).template
      : [...opened.secrets].filter(([, value]) => hasValue(value)).map(([name]) => name);
  return { names: before.filter((name) => !hasValue(now.get(name))), known: opened.secrets !== null };
}
