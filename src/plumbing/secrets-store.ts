/**
 * The one way to change a formation's secrets: secrets.enc, the template and the
 * key, so that two changes at once lose nothing and a killed one leaves files
 * that open.
 *
 * Under a lock of the repository the files are read through their links, opened
 * with the formation's key (a key that does not open them is refused, never
 * replaced by a new one), changed, and looked at once more: MUXI knows no lock.
 * Each file is replaced whole. Names enter the template before secrets.enc and
 * leave it after: what a kill leaves is at worst a name without a value.
 *
 * A key and what it seals cannot be replaced in one step. The next key is first
 * noted in a file of its own; whoever finds that note finishes what was begun.
 */
import { existsSync, readlinkSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { removeQuietly, writeFileDurably } from "../durable-file.ts";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import {
  addNames,
  conflictMarkerLines,
  decodeTemplate,
  entriesByName,
  formatTemplate,
  parseTemplate,
  removeNames,
  type Template,
  templateEntries,
} from "../formation/template.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import { indexBits, indexEntries, mayHoldBlob, refreshIndex, setIndexEntries } from "../git/index-entry.ts";
import { blobOid } from "../git/object-id.ts";
import { isInside } from "../git/run.ts";
import { type Rewritable, readForRewrite, readWorkingFile } from "../git/working-file.ts";
import { formationOption, pathWord, tool } from "../invocation.ts";
import { type Held, type LockFile, withLock } from "../lock.ts";
import { canonicalToken } from "../secrets/canonical.ts";
import { type Secrets, sameSecrets } from "../secrets/json.ts";
import { formatKey, generateKey, type Key, keyFingerprint, parseKey, sameKey } from "../secrets/key.ts";
import { classifyStored, openStored } from "../secrets/stored-form.ts";
import { keyOfFormation, refuseKey } from "./keyring.ts";

export { formationOption } from "../invocation.ts";

/** A formation on disk. */
export interface FormationPlace {
  /** Absolute: the root of the working tree; outside git, the formation's own folder. */
  readonly topLevel: string;
  /** Path of the folder below it, `""` for itself. */
  readonly path: string;
  /** null outside git. */
  readonly places: GitPlaces | null;
}

/** A formation's files as they are now, opened. */
export interface StoredSecrets {
  readonly place: FormationPlace;
  /** Opens secrets.enc; null where there is neither a key nor anything sealed yet: then a change makes one. */
  readonly key: Key | null;
  /** In the order of the file; a copy, to be changed and given back. Empty where there is no secrets.enc. */
  readonly secrets: Secrets;
  readonly template: Template;
  /** Names of the template as MUXI stores them. */
  readonly templateNames: ReadonlySet<string>;
  /** As they were read. */
  readonly files: {
    /** What it holds; null where nothing is sealed, or given up. */
    readonly sealed: Secrets | null;
    readonly encrypted: Rewritable;
    readonly template: Rewritable;
  };
}

/** What is to become of one formation. What is absent stays. */
export interface SecretsChange {
  /** All that secrets.enc is to hold. Names as MUXI stores them. */
  secrets?: Secrets;
  /** Names that the template is to have: appended where it lacks them. */
  addToTemplate?: Iterable<string>;
  removeFromTemplate?: Iterable<string>;
  /** Seals from now on, and is written to `.key`. */
  key?: Key;
}

export interface ChangedSecrets {
  /** Repository paths of the files that were written, or would be. */
  readonly written: readonly string[];
  /** The key was made, since there was none: it is the only one that opens what was written. */
  readonly madeKey: boolean;
  /** What seals secrets.enc now; null where there is no key still. */
  readonly key: Key | null;
}

export interface ChangeOptions {
  /** Read and decide, and change nothing. */
  dryRun?: boolean;
  /** Leave secrets.enc closed: no key is needed, and the change is about the template. */
  templateOnly?: boolean;
  /** The key is lost: what cannot be opened counts as empty, and the change brings a key. */
  giveUp?: boolean;
}

/**
 * Change one formation's secrets.
 *
 * @param change - given the files as they are; null leaves all as it is. Called anew where another program wrote in
 * between, so it keeps nothing from an earlier call.
 * @throws MuxiGitError `no-key`, `wrong-key` and what else keeps the files from being opened; `secrets-locked`;
 * `secrets-changing`; `unwritable`; `outside-repository`. Nothing is changed then.
 */
export async function changeSecrets(
  place: FormationPlace,
  change: (current: StoredSecrets) => SecretsChange | null,
  options: ChangeOptions = {},
): Promise<ChangedSecrets> {
  const [changed] = await changeSecretsOf([place], ([current]) => [change(current!)], options);
  return changed!;
}

/**
 * Change the secrets of several formations of one repository, all or none where a key is replaced.
 *
 * @param change - one answer for each place, in their order. Otherwise as of {@link changeSecrets}.
 */
export async function changeSecretsOf(
  all: readonly FormationPlace[],
  change: (current: readonly StoredSecrets[]) => readonly (SecretsChange | null)[],
  options: ChangeOptions = {},
): Promise<ChangedSecrets[]> {
  const [first] = all;
  if (first === undefined) return [];
  if (options.dryRun) {
    const current = all.map((place) => readSecrets(place, options));
    return plan(current, change(current)).map(({ changed }) => changed);
  }
  return await withSecretsLock(first, async (held) => {
    finishPending(first);
    for (let tries = 0; tries < TRIES; tries++) {
      const current = all.map((place) => readSecrets(place, options));
      const plans = plan(current, change(current));
      await held.checkInterrupted();
      if (!held.isHeld() || !current.every(isUnchanged)) continue;
      carryOut(plans, held);
      return plans.map(({ changed }) => changed);
    }
    throw new MuxiGitError("secrets-changing", "another program keeps changing these secrets", {
      hint: "close it, then try again",
    });
  });
}

/** Changes by another program in a row that are waited out. */
const TRIES = 20;

/**
 * Hold the lock of everything that rewrites secrets files of this repository (outside git: of this formation).
 *
 * @param place - a repository, or a formation anywhere.
 */
export async function withSecretsLock<T>(
  place: Pick<FormationPlace, "topLevel" | "places"> & Partial<Pick<FormationPlace, "path">>,
  work: (held: Held) => Promise<T>,
): Promise<T> {
  const lock: LockFile = {
    ...(place.places === null
      ? { folder: join(place.topLevel, place.path ?? ""), name: ".muxi-git-secrets.lock" }
      : { folder: place.places.commonDir, name: "muxi-git-secrets.lock" }),
    code: "secrets-locked",
    busy: "another command is changing the secrets here",
  };
  return await withLock(lock, work);
}

/**
 * Read and open a formation's files.
 *
 * @throws MuxiGitError where the key is missing, is no key, or does not open secrets.enc; where a file is not what it
 * has to be.
 */
export function readSecrets(
  place: FormationPlace,
  { giveUp = false, templateOnly = false }: ChangeOptions = {},
): StoredSecrets {
  const encrypted = readForRewrite(place.topLevel, fileIn(place.path, "secrets.enc"));
  const templateFile = readForRewrite(place.topLevel, fileIn(place.path, "secrets"));
  const { key, sealed } = templateOnly
    ? CLOSED
    : giveUp
      ? openIfPossible(place, encrypted.bytes)
      : open(place, encrypted.bytes);
  const template = readTemplate(place, templateFile.bytes);
  return {
    place,
    key,
    secrets: new Map(sealed),
    template,
    templateNames: new Set(entriesByName(templateEntries(template)).keys()),
    files: { sealed, encrypted, template: templateFile },
  };
}

/** The values alone, whatever state the template is in. @throws as {@link readSecrets} */
export function openSecrets(place: FormationPlace): { secrets: Secrets; encrypted: Rewritable } {
  const encrypted = readForRewrite(place.topLevel, fileIn(place.path, "secrets.enc"));
  return { secrets: open(place, encrypted.bytes).sealed ?? new Map(), encrypted };
}

interface Opened {
  key: Key | null;
  sealed: Secrets | null;
}

const CLOSED: Opened = { key: null, sealed: null };

function openIfPossible(place: FormationPlace, bytes: Buffer | null): Opened {
  try {
    return open(place, bytes);
  } catch (error) {
    if (error instanceof MuxiGitError) return CLOSED;
    throw error;
  }
}

function open(place: FormationPlace, bytes: Buffer | null): Opened {
  const file = fileIn(place.path, "secrets.enc");
  const shown = escapeText(file);
  if (bytes !== null) assertToken(place, file, bytes);
  const key = usableKey(place, bytes !== null);
  if (bytes === null) return { key, sealed: null };
  // Where something is sealed, a key that is missing was an error already.
  const opened = openStored(bytes, key === null ? [] : [key]);
  if (opened.failure === undefined) return { key, sealed: opened.secrets };
  if (opened.failure === "wrong-key" && key !== null) {
    throw new MuxiGitError("wrong-key", `the key here (${keyFingerprint(key)}) does not open '${shown}'`, {
      hint: keyHint(place),
    });
  }
  throw new MuxiGitError("damaged", `cannot open '${shown}': ${opened.message}`, { hint: restoreHint(place, file) });
}

/** null where there is none and none is needed. */
function usableKey(place: FormationPlace, needed: boolean): Key | null {
  const found = keyOfFormation(place.path, place.topLevel, place.places);
  const file = escapeText(fileIn(place.path, ".key"));
  switch (found.state) {
    case "ok":
      return found.key;
    case "missing":
      if (!needed) return null;
      throw new MuxiGitError("no-key", `there is no key here ('${file}'), and the secrets are sealed with one`, {
        hint: keyHint(place),
      });
    case "unreadable":
    case "hex":
    case "malformed":
      return refuseKey(found, place.path);
  }
}

function keyHint({ path }: FormationPlace): string {
  return (
    `get the key from a teammate, then: ${tool(`key unlock --from-file FILE${formationOption(path)}`)}\n` +
    `if nobody has it any more: ${tool(`secrets setup --new-key${formationOption(path)}`)}`
  );
}

function assertToken(place: FormationPlace, file: string, bytes: Buffer): void {
  const shown = escapeText(file);
  const kind = classifyStored(bytes);
  const word = pathWord(file);
  switch (kind) {
    case "token":
      return;
    case "conflict-markers":
      throw new MuxiGitError("conflict-markers", `'${shown}' has an unresolved merge conflict`, {
        hint: tool(`resolve ${word}`),
      });
    case "plaintext-json":
    case "plaintext-assignments":
      throw new MuxiGitError("not-encrypted", `'${shown}' holds secrets in clear`, { hint: tool(`normalize ${word}`) });
    case "empty":
    case "other":
      throw new MuxiGitError("damaged", `'${shown}' is ${kind === "empty" ? "empty" : "no token of MUXI's"}`, {
        hint: restoreHint(place, file),
      });
  }
}

function restoreHint({ places }: FormationPlace, file: string): string {
  return places === null ? "take it from a backup" : `take the last version: git restore -- ${pathWord(file)}`;
}

function readTemplate(place: FormationPlace, bytes: Buffer | null): Template {
  const file = fileIn(place.path, "secrets");
  const { text, problem } = decodeTemplate(bytes ?? Buffer.alloc(0));
  if (text === null || problem !== undefined) {
    throw new MuxiGitError("template-unreadable", `cannot edit '${escapeText(file)}': it ${problem ?? "is not text"}`, {
      hint: "save it as UTF-8 first",
    });
  }
  const template = parseTemplate(text);
  if (conflictMarkerLines(template).length > 0) {
    throw new MuxiGitError("conflict-markers", `'${escapeText(file)}' has an unresolved merge conflict`, {
      hint: `keep the names of both sides and delete the marker lines, then: git add -- ${pathWord(file)}`,
    });
  }
  return template;
}

/**
 * When a file is written, among all of a change. A key that is replaced follows everything that it seals: formations
 * may share one by a link. The first key of all comes before.
 */
const ORDER = ["names added", "sealed anew", "key", "sealed", "names removed"] as const;

interface Write {
  when: (typeof ORDER)[number];
  path: string;
  target: Rewritable;
  bytes: Buffer;
}

interface Plan {
  current: StoredSecrets;
  writes: Write[];
  /** Replaces the key of what is sealed: not one step. */
  rekeys: Key | null;
  changed: ChangedSecrets;
}

function plan(current: readonly StoredSecrets[], changes: readonly (SecretsChange | null)[]): Plan[] {
  const written = new Map<string, Buffer>();
  return current.map((one, at) => planOf(one, changes[at] ?? null, written));
}

/** @param written - where formations share a file by a link, it is written once. */
function planOf(current: StoredSecrets, change: SecretsChange | null, written: Map<string, Buffer>): Plan {
  const { place, files } = current;
  const writes: Write[] = [];
  const add = (when: Write["when"], name: string, target: Rewritable, bytes: Buffer): void => {
    const disk = target.disk.toString("latin1");
    if ((written.get(disk) ?? target.bytes)?.equals(bytes)) return;
    written.set(disk, bytes);
    writes.push({ when, path: fileIn(place.path, name), target, bytes });
  };
  const secrets = change?.secrets ?? current.secrets;
  const sealed = files.encrypted.bytes;
  const differs = files.sealed === null ? change?.secrets !== undefined : !sameSecrets(files.sealed, secrets);
  // A key alone makes no secrets.enc where there is none.
  const seals = change !== null && (differs || (change.key !== undefined && sealed !== null));
  const key = change?.key ?? current.key ?? (seals ? generateKey() : null);
  const newKey = key !== null && (current.key === null || !sameKey(key, current.key)) ? key : null;

  const rekeys = sealed === null ? null : newKey;

  const held = current.template;
  const missing = [...(change?.addToTemplate ?? [])].filter((name) => !current.templateNames.has(name));
  const grown = addNames(held, missing);
  const after = removeNames(grown, change?.removeFromTemplate ?? []);
  if (grown !== held) add("names added", "secrets", files.template, Buffer.from(formatTemplate(grown)));
  if (newKey !== null) {
    add("key", ".key", keyTarget(place), Buffer.from(formatKey(newKey)));
  }
  if (seals && key !== null) {
    const target = sealed === null ? { ...files.encrypted, mode: 0o600 } : files.encrypted;
    add(rekeys === null ? "sealed" : "sealed anew", "secrets.enc", target, canonicalToken(secrets, key));
  }
  if (after !== grown) add("names removed", "secrets", files.template, Buffer.from(formatTemplate(after)));
  return {
    current,
    writes,
    rekeys,
    changed: { written: [...new Set(writes.map(({ path }) => path))], madeKey: newKey !== null && !change?.key, key },
  };
}

/**
 * Where a formation's key is written. People keep keys outside their repositories: a link is followed to wherever a key
 * stands already, and inside the repository to where one is to stand, as in a clone of formations that share it.
 */
export function keyTarget(place: FormationPlace): Rewritable {
  const { topLevel, path } = place;
  const { state } = keyOfFormation(path, topLevel, null);
  const target = readForRewrite(topLevel, linkedTo(topLevel, fileIn(path, ".key")), { anywhere: state === "ok" });
  // 0400 is what MUXI's scaffold gives it, and nobody else is to read it.
  return { ...target, mode: (target.bytes === null ? 0 : target.mode & 0o600) || 0o600 };
}

/** Where the links that begin at `path` end; `path` itself where that is not inside the repository. */
export function linkedTo(topLevel: string, path: string): string {
  let file = join(topLevel, path);
  for (let links = 0; links < 8; links++) {
    let target: string;
    try {
      target = readlinkSync(file);
    } catch {
      return isInside(file, topLevel) ? relative(topLevel, file).split(sep).join("/") : path;
    }
    file = resolve(dirname(file), target);
  }
  return path;
}

/** Whether the files are still those that were read: MUXI writes without our lock. */
function isUnchanged({ place, files }: StoredSecrets): boolean {
  return (["secrets.enc", "secrets"] as const).every((name) => {
    const before = name === "secrets" ? files.template : files.encrypted;
    const now = readForRewrite(place.topLevel, fileIn(place.path, name));
    return before.bytes === null ? now.bytes === null : now.bytes?.equals(before.bytes) === true;
  });
}

function carryOut(plans: readonly Plan[], held: Held): void {
  const rekeyed = plans.filter(({ rekeys }) => rekeys !== null);
  const [first] = rekeyed;
  if (first !== undefined) notePending(first, rekeyed);
  const writes = plans.flatMap((one) => one.writes);
  writes.sort((a, b) => ORDER.indexOf(a.when) - ORDER.indexOf(b.when));
  for (const { target, bytes } of writes) {
    writeFileDurably(target.disk, bytes, target.mode);
    held.renew();
  }
  if (first !== undefined) removeQuietly(pendingFile(first.current.place));
  if (plans[0] !== undefined && writes.length > 0) settleIndex(plans[0].current.place, writes);
}

// ---- a key that is being replaced

interface Pending {
  /** Paths of their folders. */
  formations: string[];
  key: string;
}

/** Of this working tree; outside git of this formation, under a name that people's ignore rules for keys cover. */
function pendingFile({ topLevel, path, places }: FormationPlace): string {
  return places === null ? join(topLevel, path, ".key.next") : join(places.gitDir, "muxi-git-next-key");
}

function notePending({ rekeys, current: { place } }: Plan, rekeyed: readonly Plan[]): void {
  const formations = rekeyed.map(({ current }) => current.place.path);
  const pending: Pending = { formations, key: formatKey(rekeys!) };
  writeFileDurably(pendingFile(place), JSON.stringify(pending), 0o600);
}

/**
 * Finish a change of key that was killed, where it had begun to seal; else forget it.
 *
 * @returns whether it had begun.
 * @throws as {@link changeSecrets}
 */
function finishPending(place: FormationPlace): boolean {
  const file = pendingFile(place);
  const bytes = readWorkingFile(dirname(file), basename(file), PENDING_LIMIT);
  if (bytes === null) return false;
  let begun = false;
  const pending = parsePending(bytes);
  if (pending !== null) {
    const { key } = pending;
    // Outside git a path counts from wherever the command was started.
    const formations = place.places === null ? [place.path] : pending.formations;
    const all = formations.map((path) => {
      const target = readForRewrite(place.topLevel, fileIn(path, "secrets.enc"));
      const old = keyOfFormation(path, place.topLevel, place.places);
      const opened =
        target.bytes === null ? null : openStored(target.bytes, old.state === "ok" ? [key, old.key] : [key]);
      return { place: { ...place, path }, target, opened: opened?.failure === undefined ? opened : null };
    });
    begun = all.some(({ opened }) => opened !== null && sameKey(opened.key, key));
    if (begun) {
      // No key before the last file that it seals: this can be killed as well, and formations share keys by links.
      for (const { target, opened } of all) {
        if (opened === null || sameKey(opened.key, key)) continue;
        writeFileDurably(target.disk, canonicalToken(opened.secrets, key), target.mode);
      }
      for (const { place: one, opened } of all) {
        if (opened === null) continue;
        const { disk, mode } = keyTarget(one);
        writeFileDurably(disk, formatKey(key), mode);
      }
    }
  }
  removeQuietly(file);
  return begun;
}

const PENDING_LIMIT = 1024 * 1024;

function parsePending(bytes: Buffer): { formations: string[]; key: Key } | null {
  try {
    const { formations, key } = JSON.parse(bytes.toString("utf8")) as Partial<Pending>;
    if (!Array.isArray(formations) || typeof key !== "string") return null;
    return { formations: formations.filter((path) => typeof path === "string"), key: parseKey(Buffer.from(key)) };
  } catch {
    return null;
  }
}

/** Finish what an earlier change of key left half done; for commands that only read. @returns whether there was one. */
export async function recoverSecrets(place: FormationPlace): Promise<boolean> {
  if (!existsSync(pendingFile(place))) return false;
  return await withSecretsLock(place, async () => finishPending(place));
}

// ---- git's index

/**
 * Where a file now has the bytes of the index, git need not ask the filter to find it unchanged. A file that a filter
 * stores in another size than it had on disk stays "modified" for git until its entry is made anew.
 */
function settleIndex({ topLevel, places }: FormationPlace, writes: readonly Write[]): void {
  if (places === null || places.topLevel === null) return;
  const settled: string[] = [];
  for (const { target, bytes } of writes) {
    const file = target.path;
    if (file === null || !mayHoldBlob(places, topLevel, bytes)) continue;
    const [entry] = indexEntries(topLevel, file);
    if (entry === undefined || entry.stage !== 0 || blobOid(bytes, entry.oid.length) !== entry.oid) continue;
    const bits = indexBits(topLevel, file);
    if (bits.skipWorktree) continue;
    setIndexEntries(topLevel, [{ file, oid: entry.oid, entry, assumeUnchanged: bits.assumeUnchanged }]);
    settled.push(file);
  }
  if (settled.length > 0) refreshIndex(topLevel, settled);
}
