/**
 * `key unlock`: bring a formation's key from stdin, a file, a store's reference,
 * the command of `muxi-git.keyCommand` or the person at the terminal, and write it
 * to `.key` once it has opened the formation's secrets.enc.
 *
 * The command is read from the repository's own configuration file and nowhere
 * else: not from what that file includes, which may be tracked, nor from anything
 * in the working tree. A clone must not bring along what runs on its reader's
 * machine.
 */
import { join } from "node:path";
import { writeFileDurably } from "../durable-file.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { refreshIndex } from "../git/index-entry.ts";
import { splitNul, tryGit } from "../git/run.ts";
import { workingTreeSnapshot } from "../git/snapshot.ts";
import { pathWord, tool } from "../invocation.ts";
import { findProgram, type ProgramOptions, runProgram } from "../key-stores/program.ts";
import { parseReference, REFERENCE_FORMS, splitCommand } from "../key-stores/reference.ts";
import { formationsOf } from "../plumbing/formation-state.ts";
import { fitOf, isSealed, type SealedVersions, sealedVersions } from "../plumbing/key-fit.ts";
import {
  type FormationPlace,
  formationOption,
  keyTarget,
  recoverSecrets,
  withSecretsLock,
} from "../plumbing/secrets-store.ts";
import { askHidden, canAsk } from "../prompt.ts";
import { formatKey, type Key, keyFingerprint } from "../secrets/key.ts";
import { out, printError, talk } from "../terminal.ts";
import { openFormation } from "./formation-place.ts";
import { keyThatIsHere } from "./key-here.ts";
import {
  filledIn,
  givenKey,
  holdReplacedKey,
  type KeyInput,
  keyOf,
  notIgnored,
  readKey,
  shownFormation,
} from "./key-input.ts";
import { IN_A_CLONE, openContext } from "./repository-context.ts";

export interface KeyUnlockOptions extends KeyInput {
  formation?: string;
  from?: string;
  all: boolean;
  dryRun: boolean;
}

/** Where keys come from: one, whatever the formation, or asked for anew for each. null: this source has none. */
type Source = (place: FormationPlace, versions: SealedVersions) => Promise<Key | null>;

/** @returns 0 every formation that was meant has its key. */
export async function keyUnlock(options: KeyUnlockOptions): Promise<ExitCode> {
  const places = options.all ? await everyFormation(options) : [await openFormation(options, options.formation)];
  const source = sourceOf(options, places[0]!);
  if (!options.all) {
    await unlock(places[0]!, source, options);
    return EXIT.ok;
  }
  let failed = 0;
  for (const place of places) {
    try {
      await unlock(place, source, options);
    } catch (error) {
      if (!(error instanceof MuxiGitError)) throw error;
      printError(error);
      failed += 1;
    }
  }
  return failed === 0 ? EXIT.ok : EXIT.failed;
}

async function everyFormation(options: KeyUnlockOptions): Promise<FormationPlace[]> {
  if (options.formation !== undefined) throw new MuxiGitError("usage", "--all and --formation exclude one another");
  const { topLevel, places, reader } = openContext(options, { workTreeOr: IN_A_CLONE });
  reader.close();
  const all = formationsOf(workingTreeSnapshot(topLevel)).map(({ path }) => ({ topLevel, path, places }));
  if (all[0] === undefined) throw new MuxiGitError("no-formation", "no formation here");
  if (!options.dryRun) await recoverSecrets(all[0]);
  return all;
}

async function unlock(place: FormationPlace, source: Source, { dryRun, quiet }: KeyUnlockOptions): Promise<void> {
  const versions = sealedVersions(place);
  const where = shownFormation(place.path);
  const own = keyOf(place);
  if (own.state === "ok" && fitOf(own.key, versions) === "working tree") {
    if (!quiet) out(`${where}: the key ${keyFingerprint(own.key)} is here and opens its secrets`);
    return;
  }
  const key = await source(place, versions);
  if (key === null) throw noSource(place);
  const fit = fitOf(key, versions);
  if (fit === null && isSealed(versions)) {
    throw new MuxiGitError(
      "wrong-key",
      `the key ${keyFingerprint(key)} does not open the secrets of ${where}; nothing was written`,
      {
        hint: `ask a teammate for the fingerprint of the right one: ${tool(`key fingerprint${formationOption(place.path)}`)}`,
      },
    );
  }
  const file = escapeText(fileIn(place.path, ".key"));
  if (dryRun) {
    out(`${where}: would write the key ${keyFingerprint(key)} to '${file}'`);
    return;
  }
  const replaced = await withSecretsLock(place, async () => replaceKey(place, key));
  if (place.places !== null) refreshIndex(place.topLevel, [fileIn(place.path, "secrets.enc")]);
  out(`${where}: unlocked with the key ${keyFingerprint(key)}`);
  if (replaced !== null) out(`${where}: ${replaced} stood in '${file}'; it is held in git's folder`);
  if (fit === null) talk(`muxi-git: warning: there is no secrets.enc to try the key on`);
  if (fit === "git" && versions.workingTree !== null) {
    const encrypted = pathWord(fileIn(place.path, "secrets.enc"));
    talk(
      `muxi-git: warning: the key opens what git holds, not the file in the working tree: git restore -- ${encrypted}`,
    );
  }
  const warning = notIgnored(place);
  if (warning !== null) talk(`muxi-git: warning: ${warning}`);
}

/** @returns what was there and is held now. */
function replaceKey(place: FormationPlace, key: Key): string | null {
  const replaced = holdReplacedKey(place, key);
  const { disk, mode } = keyTarget(place);
  writeFileDurably(disk, formatKey(key), mode);
  return replaced;
}

function noSource({ path }: FormationPlace): MuxiGitError {
  return new MuxiGitError("no-key", `no key that is here opens the secrets of ${shownFormation(path)}`, {
    hint: [
      `name a store: ${tool(`key unlock --from REFERENCE${formationOption(path)}`)}, where REFERENCE is ${REFERENCE_FORMS.join(", ")}`,
      `set a command once: git config --local ${COMMAND} 'PROGRAM ARGUMENT…'`,
      `give it: ${tool(`key unlock --from-file FILE${formationOption(path)}`)}`,
    ].join("\n"),
  });
}

// ---- sources

function sourceOf(options: KeyUnlockOptions, first: FormationPlace): Source {
  const given = [options.stdin, options.fromFile !== undefined, options.from !== undefined].filter(Boolean);
  if (given.length > 1) throw new MuxiGitError("usage", "--stdin, --from-file and --from exclude one another");
  const at: ProgramOptions = { env: options.env, topLevel: first.topLevel };
  if (options.from !== undefined) return fromReference(options.from, at);
  const key = givenKey(options);
  if (key !== null) return async () => key;
  const command = configuredCommand(first);
  return async (place, versions) => {
    const here = keyThatIsHere(place, versions);
    if (here !== null) return here;
    if (command !== null) return await fromCommand(command, place, at);
    return canAsk() ? await typedKey(place) : null;
  };
}

async function typedKey({ path }: FormationPlace): Promise<Key | null> {
  const typed = await askHidden(`the key of ${shownFormation(path)}: `);
  return typed === null || typed.trim() === "" ? null : readKey(Buffer.from(typed));
}

/** One program run for each reference, however many formations share it. */
function fromReference(from: string, at: ProgramOptions): Source {
  const asked = new Map<string, Promise<Key>>();
  return async ({ path }) => {
    const { text, program, reading } = parseReference(filledIn(from, path));
    const key = asked.get(text) ?? ask(program, reading.args, text, at);
    asked.set(text, key);
    return await key;
  };
}

/** Not `GIT_DIR`'s nor an included file's: what install and people wrote with `git config --local`. */
const COMMAND = "muxi-git.keyCommand";

function configuredCommand({ topLevel, places }: FormationPlace): string[] | null {
  if (places === null) return null;
  const args = ["config", "--file", join(places.commonDir, "config"), "--no-includes", "-z", "--get-all", COMMAND];
  const { code, stdout } = tryGit(args, { cwd: topLevel });
  const last = code === 0 ? splitNul(stdout).at(-1) : undefined;
  return last === undefined ? null : splitCommand(last.toString("utf8"));
}

async function fromCommand(command: readonly string[], { path }: FormationPlace, at: ProgramOptions): Promise<Key> {
  const [name = "", ...args] = command;
  talk(`asking '${escapeText(findProgram(name, at))}' (${COMMAND})`);
  return await ask(
    name,
    args.map((word) => filledIn(word, path)),
    COMMAND,
    at,
  );
}

async function ask(program: string, args: readonly string[], what: string, at: ProgramOptions): Promise<Key> {
  const shown = escapeText(program);
  const { code, stdout, said } = await runProgram(program, { args }, at);
  if (code !== 0) {
    throw new MuxiGitError(
      "program-failed",
      `'${shown}' gave no key for ${escapeText(what)} (exit code ${code})${said === "" ? "" : `: ${said}`}`,
      {
        hint: `see that you are signed in: ${shown} --help`,
      },
    );
  }
  try {
    return readKey(stdout);
  } catch (error) {
    if (!(error instanceof MuxiGitError)) throw error;
    throw new MuxiGitError("no-key", `what '${shown}' gave for ${escapeText(what)} is no key: ${error.message}`, {
      hint: "see that the reference names the key itself, as 'key export' prints it",
    });
  }
}
