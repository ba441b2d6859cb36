/**
 * `key rotate`: a new key for a formation and for all that share its key. What is
 * in the working tree and what is staged is sealed with it; what was committed
 * stays as it is, and whoever has the old key still reads it.
 *
 * Nothing is written before every file of every formation has been opened. Then,
 * in this order, so that a kill at any point leaves nothing that no key here
 * opens: the old key is held, the change is declared, the files and the key are
 * replaced (secrets-store.ts notes the next key first), the staged blobs follow,
 * and the old key is let go. Run anew after a kill, it finishes.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { type Formation, fileIn } from "../formation/discover.ts";
import { compareNames, shownName } from "../formation/names.ts";
import type { IndexEntry } from "../git/entries.ts";
import { mainWorktree } from "../git/git-dir.ts";
import { indexBits, indexEntries, refreshIndex, stageBytes } from "../git/index-entry.ts";
import { isInside } from "../git/run.ts";
import { workingTreeSnapshot } from "../git/snapshot.ts";
import { diskPath } from "../git/working-file.ts";
import { pathWord, shellQuote, tool } from "../invocation.ts";
import { acceptKey } from "../plumbing/accepted-keys.ts";
import { exposuresOf } from "../plumbing/exposure.ts";
import { formationsOf, Keyring } from "../plumbing/formation-state.ts";
import { heldKeys, holdKey, letGoOfKey } from "../plumbing/held-keys.ts";
import { encryptedPath } from "../plumbing/known.ts";
import {
  changeSecretsOf,
  type FormationPlace,
  formationOption,
  keyTarget,
  linkedTo,
  readSecrets,
  recoverSecrets,
} from "../plumbing/secrets-store.ts";
import { canonicalToken } from "../secrets/canonical.ts";
import type { Secrets } from "../secrets/json.ts";
import { generateKey, type Key, keyFingerprint, sameKey } from "../secrets/key.ts";
import { classifyStored, openStored } from "../secrets/stored-form.ts";
import { out } from "../terminal.ts";
import { ownKey, shownFormation } from "./key-input.ts";
import { IN_A_CLONE, openContext, pickFormation, type RepositoryContext } from "./repository-context.ts";

export interface KeyRotateOptions extends Invocation {
  formation?: string;
  keepOld: boolean;
  dryRun: boolean;
}

/** A secrets.enc as the index has it. */
interface Staged {
  file: string;
  entry: IndexEntry;
  assumeUnchanged: boolean;
  secrets: Secrets;
}

export async function keyRotate(options: KeyRotateOptions): Promise<ExitCode> {
  const context = openContext(options, { workTreeOr: IN_A_CLONE });
  const { topLevel, places, reader } = context;
  try {
    const formations = formationsOf(workingTreeSnapshot(topLevel));
    const { path } = pickFormation(options, topLevel, formations, options.formation);
    const place: FormationPlace = { topLevel, path, places };
    const finished = !options.dryRun && (await recoverSecrets(place));
    const old = ownKey(place);
    const group = sharing(context, formations, old);
    assertHere(place, group);
    const staged = await stagedVersions(context, group, old);
    const names = await namesIn(group, old, topLevel);
    const next = finished ? old : generateKey();
    // Where a link leads out, other repositories may have sealed with the key that is replaced there.
    const keepsOld = options.keepOld || group.some(leadsOut);
    if (options.dryRun) {
      printPlan(group, staged, old, names);
      return EXIT.ok;
    }
    if (!finished) {
      holdKey(places, old);
      for (const one of group) acceptKey(places, one.path, keyFingerprint(next));
      await changeSecretsOf(group, (current) => current.map(() => ({ key: next })));
      stage(topLevel, staged, next);
      if (!keepsOld) letGoOfKey(places, old);
    } else stage(topLevel, staged, next);
    const what = finished ? "finished a rotation that was interrupted, to" : `rotated ${keyFingerprint(old)} to`;
    out(`${what} the key ${keyFingerprint(next)}: ${group.map((one) => shownFormation(one.path)).join(", ")}`);
    if (!options.quiet) printRest(group, staged, names, keepsOld || finished);
    return EXIT.ok;
  } finally {
    reader.close();
  }
}

/** Every formation whose `.key` is this one, be it the same file or a copy. */
function sharing(
  { topLevel, places }: RepositoryContext,
  formations: readonly Formation[],
  key: Key,
): FormationPlace[] {
  // Not the context's: what it knew may have been changed just now.
  const keyring = new Keyring(topLevel, places);
  return formations.flatMap(({ path }) => {
    const own = keyring.of(path);
    return (own.state === "ok" || own.state === "hex") && sameKey(own.key, key) ? [{ topLevel, path, places }] : [];
  });
}

/** In a linked worktree the key of the main one counts, whose files are not here. */
function assertHere({ topLevel, places }: FormationPlace, group: readonly FormationPlace[]): void {
  for (const one of group) {
    const { bytes } = keyTarget(one);
    if (bytes !== null && bytes.length > 0) continue;
    const main = mainWorktree(places!);
    throw new MuxiGitError(
      "elsewhere",
      `the key of ${shownFormation(one.path)} stands in the main worktree, which has files of its own`,
      { hint: `rotate it there: ${tool(`-C ${shellQuote(main ?? "DIR")} key rotate${formationOption(one.path)}`)}` },
    );
  }
  for (const one of group) readSecrets(one);
  for (const one of group) {
    const file = encryptedPath(one.path);
    if (places === null || !indexBits(topLevel, file).skipWorktree) continue;
    throw new MuxiGitError("sparse", `'${escapeText(file)}' is outside the sparse checkout`, {
      hint: "check it out first: git sparse-checkout disable",
    });
  }
}

/** Each secrets.enc once: formations may share one by a link. */
function sealedFiles(topLevel: string, group: readonly FormationPlace[]): Set<string> {
  return new Set(group.map(({ path }) => linkedTo(topLevel, encryptedPath(path))));
}

/** @throws MuxiGitError where a merge is under way, or what is staged does not open. */
async function stagedVersions(
  { topLevel, reader, places }: RepositoryContext,
  group: readonly FormationPlace[],
  old: Key,
): Promise<Staged[]> {
  const lock = join(places.gitDir, "index.lock");
  if (existsSync(lock)) {
    throw new MuxiGitError("index-locked", "another git is at work on the index", {
      hint: `wait for it; if there is none: rm ${shellQuote(lock)}`,
    });
  }
  const keys = [old, ...heldKeys(places)];
  const staged: Staged[] = [];
  for (const file of sealedFiles(topLevel, group)) {
    const entries = indexEntries(topLevel, file);
    if (entries.some(({ stage: at }) => at !== 0)) {
      throw new MuxiGitError("conflict", `'${escapeText(file)}' has an unresolved merge conflict`, {
        hint: tool(`resolve ${pathWord(file)}`),
      });
    }
    const [entry] = entries;
    if (entry === undefined) continue;
    const bytes = await reader.read(entry.oid);
    if (bytes === null || classifyStored(bytes) !== "token") continue;
    const opened = openStored(bytes, keys);
    if (opened.failure !== undefined) {
      throw new MuxiGitError("wrong-key", `no key here opens what is staged as '${escapeText(file)}'`, {
        hint: `take it out of the index: git restore --staged -- ${pathWord(file)}`,
      });
    }
    const { assumeUnchanged } = indexBits(topLevel, file);
    staged.push({ file, entry, assumeUnchanged, secrets: opened.secrets });
  }
  return staged;
}

function stage(topLevel: string, staged: readonly Staged[], key: Key): void {
  try {
    for (const { file, entry, assumeUnchanged, secrets } of staged) {
      stageBytes(topLevel, file, canonicalToken(secrets, key), entry, assumeUnchanged);
    }
  } catch (cause) {
    if (!(cause instanceof MuxiGitError)) throw cause;
    const message = `the key was replaced, and the old one is held: what is staged is still sealed with it (${cause.message})`;
    throw new MuxiGitError("not-staged", message, {
      cause,
      hint: `see to that, then: ${tool("key rotate")}`,
    });
  }
  if (staged.length > 0)
    refreshIndex(
      topLevel,
      staged.map(({ file }) => file),
    );
}

/** Every name that the key opens, here or in the history, and the formations where it has a value now. */
async function namesIn(group: readonly FormationPlace[], old: Key, topLevel: string): Promise<Map<string, string[]>> {
  const names = new Map<string, string[]>();
  const { keys } = await exposuresOf([old], [], topLevel);
  for (const { name } of keys.flatMap((key) => key.names)) names.set(name, []);
  for (const place of group) {
    for (const name of readSecrets(place).secrets.keys()) names.set(name, [...(names.get(name) ?? []), place.path]);
  }
  return new Map([...names].sort(([a], [b]) => compareNames(a, b)));
}

function printPlan(
  group: readonly FormationPlace[],
  staged: readonly Staged[],
  old: Key,
  names: Map<string, string[]>,
): void {
  out(`would replace the key ${keyFingerprint(old)} of ${group.map(({ path }) => shownFormation(path)).join(", ")}`);
  // A key that formations share by a link is one file.
  const keys = new Map(
    group.toReversed().map((one) => [keyTarget(one).disk.toString("latin1"), fileIn(one.path, ".key")]),
  );
  for (const file of [...sealedFiles(group[0]!.topLevel, group), ...keys.values()])
    out(`would write ${escapeText(file)}`);
  for (const { file } of staged) out(`would stage ${escapeText(file)}`);
  printShared(group);
  out("what was committed stays open to the old key:");
  printNames(names);
}

function printRest(
  group: readonly FormationPlace[],
  staged: readonly Staged[],
  names: Map<string, string[]>,
  isHeld: boolean,
): void {
  const { topLevel } = group[0]!;
  for (const file of sealedFiles(topLevel, group)) {
    const isStaged = staged.some((one) => one.file === file);
    if (isStaged || existsSync(diskPath(topLevel, file)))
      out(`  sealed anew: ${escapeText(file)}${isStaged ? ", and staged" : ""}`);
  }
  printShared(group);
  out(
    isHeld
      ? "the old key is held in git's folder: older versions still open here"
      : "the old key is gone from here: older versions do not open any more",
  );
  out(
    "it still opens what was committed before, wherever that is. Where it leaked, replace the values at their providers:",
  );
  printNames(names);
  const option = formationOption(group[0]?.path ?? "");
  out(`next: git commit; hand the new key over outside git: ${tool(`key export${option}`)}`);
}

function printShared(group: readonly FormationPlace[]): void {
  for (const { path } of group.filter(leadsOut)) {
    const file = escapeText(fileIn(path, ".key"));
    out(
      `  note: ${file} leads out of this repository: what else was sealed with that key needs the old one, which is held`,
    );
  }
}

function printNames(names: Map<string, string[]>): void {
  const several = new Set([...names.values()].flat()).size > 1;
  for (const [name, folders] of names) {
    const where = folders.length === 0 ? "older versions only" : several ? folders.map(shownFormation).join(", ") : "";
    out(`  ${shownName(name)}${where === "" ? "" : ` (${where})`}`);
  }
}

function leadsOut(place: FormationPlace): boolean {
  return !isInside(keyTarget(place).disk.toString(), place.topLevel);
}
