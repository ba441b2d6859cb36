/**
 * Values that stand in a formation's files and belong in its secrets.enc: found
 * in what is staged and in the working tree, and moved.
 *
 * Each version of a file is edited from its own bytes, and of the index each of
 * template, secrets.enc and file gets that change alone: what was not staged
 * stays so. The value is stored before the first literal goes, the index changes
 * in one step and last. What a kill leaves is a value that stands in two places,
 * and the same command ends it.
 */
import { isUtf8 } from "node:buffer";
import { existsSync, lstatSync } from "node:fs";
import { join, posix } from "node:path";
import { writeFileDurably } from "../durable-file.ts";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { type Formation, fileIn, findFormations } from "../formation/discover.ts";
import { checkFormation } from "../formation/drift.ts";
import {
  type Found,
  findSecret,
  findTemplateValue,
  nameOfRule,
  offsetOf,
  type SecretPlace,
} from "../formation/literal-edit.ts";
import { normalizeName } from "../formation/names.ts";
import {
  addNames,
  decodeTemplate,
  entriesByName,
  formatTemplate,
  parseTemplate,
  templateEntries,
} from "../formation/template.ts";
import type { BlobReader } from "../git/cat-file.ts";
import { decodePath, type IndexEntry, MODE_SYMLINK } from "../git/entries.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import { indexBits, type NewEntry, refreshIndex, setIndexEntries, writeBlob } from "../git/index-entry.ts";
import { tryGit } from "../git/run.ts";
import { indexSnapshot, type Snapshot, workingTreeSnapshot } from "../git/snapshot.ts";
import { readIndex } from "../git/staged.ts";
import { diskPath, readForRewrite, readWorkingFile } from "../git/working-file.ts";
import { pathWord, shellQuote, tool } from "../invocation.ts";
import { withLock } from "../lock.ts";
import { rulesById } from "../report/rule-descriptions.ts";
import { type Baseline, canBeAccepted, DEFAULT_SALT, fingerprint, isAccepted } from "../scan/baseline.ts";
import type { Scanner } from "../scan/engine.ts";
import { canonicalToken } from "../secrets/canonical.ts";
import { type Secrets, type SecretValue, sameValue } from "../secrets/json.ts";
import type { Key } from "../secrets/key.ts";
import { openStored } from "../secrets/stored-form.ts";
import type { Settings } from "../settings.ts";
import { checkIgnoredIn } from "../setup/ignored.ts";
import { baselineOf, type PathRules, rulesByPath, scannerUnder, settingsOf } from "./configuration.ts";
import { formationToFix, problemFingerprint } from "./fixable.ts";
import type { Keyring } from "./formation-state.ts";
import { judgeFile, LARGE_FILE } from "./judge-file.ts";
import { encryptedPath, formationPaths, gatherKnown } from "./known.ts";
import { shownPath } from "./secret-names.ts";
import { changeSecrets, type FormationPlace, readSecrets } from "./secrets-store.ts";

interface At {
  places: GitPlaces;
  topLevel: string;
  reader: BlobReader;
  keyring: Keyring;
}

/** A value that can be moved, or should be. */
export interface Movable {
  /** As a report prints it: by the salt of the baseline that is staged. */
  fingerprint: string;
  /** By the salts that `scan` may have gone by: of the working tree's baseline, of none. */
  otherFingerprints: readonly string[];
  formation: Formation;
  /** Repository path. */
  path: string;
  /** In what is staged, else in the working tree. */
  line: number;
  column: number;
  rule: string;
  /** In the baseline, or in a file that settings ignore. */
  livedWith: boolean;
  /** Else in the working tree alone. */
  staged: boolean;
  /** What a template's own line is called. */
  templateName: string | null;
}

/** One place of a value in one version of a file. */
type Occurrence = Pick<Movable, "fingerprint" | "otherFingerprints" | "line" | "column" | "rule" | "templateName"> & {
  endLine: number;
  endColumn: number;
  livedWith: boolean;
};

/** What is to be done with one value. */
export interface Move {
  movable: Movable;
  name: string;
  value: string;
}

/** What formations hold, for the choice of names. */
export interface Held {
  place: FormationPlace;
  /** The file behind links: formations may share one, and its names with it. */
  file: string;
  onDisk: Secrets;
  /** null where no secrets.enc is staged. */
  staged: Secrets | null;
}

/** Repository paths. */
export interface CarriedOut {
  staged: string[];
  /** Written in the working tree alone. */
  unstaged: string[];
  /** Formations that had no key. */
  madeKeys: FormationPlace[];
}

/** The repository as it was when the command began. */
interface State {
  /** By path; of an unmerged one, any. */
  entries: ReadonlyMap<string, IndexEntry>;
  unmerged: ReadonlySet<string>;
  index: Snapshot;
  working: Snapshot;
  formations: readonly Formation[];
  scanner: Scanner;
  settings: Settings;
  baseline: Baseline;
  /** The staged baseline's, then others that a report may have gone by. */
  salts: readonly [string, ...string[]];
  rulesAt: (path: string) => PathRules;
}

/** Entries of the index to be, by path, with their bytes. */
type Staging = Map<string, NewEntry & { bytes: Buffer }>;

export class ValueMover {
  readonly #at: At;
  readonly #state: State;
  #ends: readonly string[] | undefined;

  private constructor(at: At, state: State) {
    this.#at = at;
    this.#state = state;
  }

  static async open(at: At): Promise<ValueMover> {
    const { topLevel, reader, keyring } = at;
    const listed = await readIndex(topLevel);
    const entries = new Map(listed.map((entry) => [entry.path, entry]));
    const unmerged = new Set(listed.filter(({ stage }) => stage !== 0).map(({ path }) => path));
    const index = indexSnapshot(listed, reader);
    const working = workingTreeSnapshot(topLevel);
    const formations = findFormations(new Set([...index.entries.keys(), ...working.entries.keys()]));
    // What is staged is what a hook judges by.
    const settings = await settingsOf(index);
    const baseline = await baselineOf(index);
    const others = new Set([(await baselineOf(working)).salt, DEFAULT_SALT]);
    others.delete(baseline.salt);
    const salts = [baseline.salt, ...others] as const;
    const scanner = scannerUnder(settings, await gatherKnown(formationPaths(formations), [index], keyring, topLevel));
    const rulesAt = await rulesByPath(settings);
    return new ValueMover(at, {
      entries,
      unmerged,
      index,
      working,
      formations,
      scanner,
      settings,
      baseline,
      salts,
      rulesAt,
    });
  }

  /** Of fingerprints. */
  get salts(): readonly string[] {
    return this.#state.salts;
  }

  get formations(): readonly Formation[] {
    return this.#state.formations;
  }

  /** A path as it may be printed: one that is named after a secret is told to nobody, and its values are not moved. */
  shownPath(path: string): string {
    return shownPath(this.#state.scanner, path);
  }

  /** Every value in the formations' own files, each fingerprint once, in the order of the files. */
  async find(): Promise<Movable[]> {
    const found: Movable[] = [];
    for (const formation of this.#state.formations) {
      const { template, referenceFiles } = formation;
      for (const path of [...(template === null ? [] : [template]), ...referenceFiles]) {
        if (this.shownPath(path) !== path) continue;
        const byId = new Map<string, Movable>();
        const versions = [
          [true, await this.#staged(path)],
          [false, this.#inWorkingTree(path)],
        ] as const;
        for (const [staged, bytes] of versions) {
          if (bytes === null) continue;
          for (const one of this.#occurrences(formation, path, bytes)) {
            const { fingerprint: id, endLine: _, endColumn: __, ...own } = one;
            if (!byId.has(id)) byId.set(id, { ...own, fingerprint: id, formation, path, staged });
          }
        }
        found.push(...byId.values());
      }
    }
    return found;
  }

  /** The value, and what to call it. */
  async read(movable: Movable): Promise<Found> {
    const { formation, path, staged } = movable;
    const bytes = staged ? await this.#staged(path) : this.#inWorkingTree(path);
    const text = textOf(bytes);
    if (bytes === null || text === null) return { reason: "it is not UTF-8 text" };
    const occurrence = this.#occurrences(formation, path, bytes).find((one) => one.fingerprint === movable.fingerprint);
    return occurrence === undefined
      ? { reason: "the file was changed since" }
      : placeIn(formation, path, text, occurrence);
  }

  /**
   * What a formation's secrets.enc holds, on disk and staged.
   *
   * @throws MuxiGitError where one of them cannot be opened: nothing must be stored then.
   */
  async held(formation: Formation): Promise<Held> {
    const { topLevel, places } = this.#at;
    const place = { topLevel, path: formation.path, places };
    const { key, secrets, files } = readSecrets(place);
    const path = encryptedPath(formation.path);
    const staged = await this.#stagedSoFar(new Map(), path);
    const file = files.encrypted.disk.toString("latin1");
    if (staged === null) return { place, file, onDisk: secrets, staged: null };
    if (files.encrypted.bytes === null) {
      throw new MuxiGitError("no-secrets", `'${escapeText(path)}' is staged, and missing in the working tree`, {
        hint: `bring it back: git restore -- ${pathWord(path)}`,
      });
    }
    return { place, file, onDisk: secrets, staged: openedStaged(path, staged, key) };
  }

  /** Whether a remote has the value too, as far as what was fetched and pushed says: then it is known. */
  async isPushed({ formation, path, fingerprint: id }: Movable): Promise<boolean> {
    for (const commit of this.#pushedEnds()) {
      const found = tryGit(["rev-parse", "--verify", "--quiet", "--end-of-options", `${commit}:${path}`], {
        cwd: this.#at.topLevel,
      });
      if (found.code !== 0) continue;
      const bytes = await this.#at.reader.read(found.stdout.toString("latin1").trim());
      if (bytes !== null && this.#occurrences(formation, path, bytes).some((one) => one.fingerprint === id))
        return true;
    }
    return false;
  }

  /** The newest commits before HEAD that a remote has. */
  #pushedEnds(): readonly string[] {
    this.#ends ??= this.#findPushedEnds();
    return this.#ends;
  }

  #findPushedEnds(): string[] {
    const cwd = this.#at.topLevel;
    const lines = (args: string[]) => {
      const { code, stdout } = tryGit(args, { cwd });
      return code === 0 ? stdout.toString("latin1").split("\n").filter(Boolean) : [];
    };
    if (lines(["for-each-ref", "--count=1", "--format=%(objectname)", "refs/remotes"]).length === 0) return [];
    const unpushed = lines(["rev-list", "--boundary", "HEAD", "--not", "--remotes"]);
    if (unpushed.length === 0) return ["HEAD"];
    return unpushed.flatMap((line) => (line.startsWith("-") ? [line.slice(1)] : [])).slice(0, MOST_ENDS);
  }

  /**
   * Try the moves on every version of every file, in memory.
   *
   * @returns why a move cannot be made, by fingerprint; nothing for those that can.
   */
  async rehearse(moves: readonly Move[]): Promise<Map<string, string>> {
    const refused = new Map<string, string>();
    for (const [path, same] of byPath(moves)) {
      for (const bytes of [await this.#staged(path), this.#inWorkingTree(path)]) {
        if (bytes === null) continue;
        let now = bytes;
        for (const move of same) {
          const edited = this.#edit(path, now, [move]);
          if (typeof edited === "string") refused.set(move.movable.fingerprint, edited);
          else now = edited;
        }
      }
    }
    return refused;
  }

  /** Store, edit, stage. Every move has passed {@link rehearse}. @throws MuxiGitError where something changed meanwhile. */
  async carryOut(moves: readonly Move[]): Promise<CarriedOut> {
    const { places, topLevel } = this.#at;
    this.assertIndexIsFree();
    const lock = {
      folder: places.gitDir,
      name: "muxi-git-fix.lock",
      code: "fix-locked",
      busy: "another fix is at work",
    };
    return await withLock(lock, async () => {
      const madeKeys: FormationPlace[] = [];
      const written = new Set<string>();
      const next: Staging = new Map();
      for (const [formation, own] of byFormation(moves)) {
        const held = await this.held(formation);
        const names = [...new Set(own.map(({ name }) => name))];
        const changed = await changeSecrets(held.place, (current) => ({
          secrets: withValues(current.secrets, own),
          addToTemplate: names,
        }));
        if (changed.madeKey) madeKeys.push(held.place);
        for (const path of changed.written) written.add(path);
        for (const [path, same] of byPath(own)) {
          if (this.#editWorkingFile(path, same)) written.add(path);
          const staged = await this.#staged(path);
          if (staged !== null) await this.#put(next, path, this.#edited(path, staged, same));
        }
        if (this.#isTracked(formation)) await this.#stageSecrets(next, formation, own, changed.key);
      }
      const entries = [...next.values()];
      if (entries.length > 0) {
        await this.#assertIndexUnchanged(entries);
        setIndexEntries(topLevel, entries);
        refreshIndex(
          topLevel,
          entries.map(({ file }) => file),
        );
      }
      const unstaged: string[] = [];
      for (const path of written) {
        if (!next.has((await this.#linkEnd(path)) ?? path) && !/(?:^|\/)\.key$/.test(path)) unstaged.push(path);
      }
      return { staged: [...next.keys()], unstaged, madeKeys };
    });
  }

  /** @throws MuxiGitError `index-locked` */
  assertIndexIsFree(): void {
    const file = `${process.env.GIT_INDEX_FILE ?? join(this.#at.places.gitDir, "index")}.lock`;
    if (!existsSync(file)) return;
    throw new MuxiGitError("index-locked", "another git command is at work here: the index is locked", {
      hint: `wait for it, or where none is at work any more: rm -f ${shellQuote(file)}`,
    });
  }

  /** @throws MuxiGitError `conflict` where a merge left one in a file that a move changes. */
  assertMerged({ formation, path }: Movable): void {
    for (const file of [path, fileIn(formation.path, "secrets"), encryptedPath(formation.path)]) {
      if (!this.#state.unmerged.has(file)) continue;
      throw new MuxiGitError("conflict", `'${escapeText(file)}' has an unresolved merge conflict`, {
        hint: file.endsWith("secrets.enc")
          ? tool(`resolve ${pathWord(file)}`)
          : `end it, then: git add -- ${pathWord(file)}`,
      });
    }
  }

  // ---- reading

  #entry(path: string): IndexEntry | undefined {
    return this.#state.entries.get(path);
  }

  /** Not through a link: what it leads to is a file of its own, or none of this repository. */
  async #staged(path: string): Promise<Buffer | null> {
    const entry = this.#state.index.entries.get(path);
    if (entry === undefined || entry.mode === MODE_SYMLINK) return null;
    return await this.#state.index.read(path);
  }

  #inWorkingTree(path: string): Buffer | null {
    if (!this.#state.working.entries.has(path)) return null;
    const { topLevel } = this.#at;
    if (isLink(topLevel, path)) return null;
    return readWorkingFile(topLevel, path, LARGE_FILE);
  }

  #occurrences(formation: Formation, path: string, bytes: Buffer): Occurrence[] {
    const all = formationPaths(this.#state.formations);
    const rules = this.#state.rulesAt(path);
    const file = { path, mode: "100644", bytes, formations: all, ...rules, rulesApply: true };
    const isTemplate = path === formation.template;
    const [salt, ...otherSalts] = this.#state.salts;
    const ids = (of: (salt: string) => string): [string, ...string[]] => [of(salt), ...otherSalts.map(of)];
    const found = judgeFile(this.#state.scanner, file).findings.flatMap((finding): Occurrence[] => {
      if (finding.severity !== "error") return [];
      if (!isTemplate && formationToFix(finding, all) !== formation.path) return [];
      const [id, ...otherFingerprints] = ids((salt) => fingerprint(salt, finding));
      const { rule, line, column, endLine, endColumn } = finding;
      const livedWith = !rules.rulesApply || (canBeAccepted(finding) && isAccepted(this.#state.baseline, finding, id));
      return [
        { fingerprint: id, otherFingerprints, rule, line, column, endLine, endColumn, livedWith, templateName: null },
      ];
    });
    if (!isTemplate) return found;
    const state = {
      formation,
      template: bytes,
      encrypted: { kind: "none" },
      referenceFiles: [],
      keyState: "ok",
    } as const;
    const problems = checkFormation(state, "commit");
    return problems.flatMap((problem): Occurrence[] => {
      if (problemFingerprint(problem, "") === null) return [];
      const [id, ...otherFingerprints] = ids((salt) => problemFingerprint(problem, salt) ?? "");
      const { line = 1, name = null, code } = problem;
      const own = { rule: code, line, column: 1, endLine: line, endColumn: 1, livedWith: false, templateName: name };
      // What a scan found on this line is the same value.
      return [
        { fingerprint: id, otherFingerprints, ...own },
        ...found.filter((one) => one.line === line).map((one) => ({ ...one, ...own, rule: one.rule, livedWith: true })),
      ];
    });
  }

  // ---- changing

  /** The file with every place of each value replaced, or why not. The same bytes where none is there. */
  #edit(path: string, bytes: Buffer, moves: readonly Move[]): Buffer | string {
    let now = bytes;
    for (const { movable, name, value } of moves) {
      const occurrences = () =>
        this.#occurrences(movable.formation, path, now).filter((one) => one.fingerprint === movable.fingerprint);
      for (let left = occurrences(); left[0] !== undefined; ) {
        const text = textOf(now);
        if (text === null) return "it is not UTF-8 text";
        const found = placeIn(movable.formation, path, text, left[0]);
        if ("reason" in found) return found.reason;
        if (found.place.value !== value) return "it stands in the file in two forms";
        const after = found.place.write(name);
        if (after === null) return "it is written in a form that cannot be replaced safely";
        now = Buffer.from((hasBom(now) ? "\ufeff" : "") + after);
        const fewer = occurrences();
        if (fewer.length >= left.length) return "it is still found where it was replaced";
        left = fewer;
      }
    }
    return now;
  }

  /** @returns whether there was something to replace. */
  #editWorkingFile(path: string, moves: readonly Move[]): boolean {
    if (this.#inWorkingTree(path) === null) return false;
    const { disk, bytes, mode } = readForRewrite(this.#at.topLevel, path);
    if (bytes === null) return false;
    const edited = this.#edited(path, bytes, moves);
    if (edited.equals(bytes)) return false;
    writeFileDurably(disk, edited, mode);
    return true;
  }

  #edited(path: string, bytes: Buffer, moves: readonly Move[]): Buffer {
    const edited = this.#edit(path, bytes, moves);
    if (typeof edited !== "string") return edited;
    throw new MuxiGitError("changed", `'${escapeText(path)}' was changed meanwhile: ${edited}`, {
      hint: "close what is writing it, then run this again",
    });
  }

  #isTracked({ path, formationFile, referenceFiles }: Formation): boolean {
    const own = [formationFile, fileIn(path, "secrets"), encryptedPath(path), ...referenceFiles];
    return own.some((file) => this.#entry(file) !== undefined);
  }

  /** The same names and values in what is staged of template and secrets.enc, and nothing else of the working tree's. */
  async #stageSecrets(next: Staging, { path }: Formation, moves: readonly Move[], key: Key | null): Promise<void> {
    const { topLevel } = this.#at;
    const file = fileIn(path, "secrets");
    const bytes = (await this.#stagedSoFar(next, file)) ?? readWorkingFile(topLevel, file) ?? Buffer.alloc(0);
    const { text, problem } = decodeTemplate(bytes);
    if (text !== null && problem === undefined) {
      const template = parseTemplate(text);
      const held = entriesByName(templateEntries(template));
      const names = moves.map(({ name }) => name).filter((name) => !held.has(name));
      await this.#put(next, file, Buffer.from(formatTemplate(addNames(template, names))));
    }
    const encrypted = encryptedPath(path);
    const token = await this.#stagedSoFar(next, encrypted);
    const sealed =
      token === null || key === null
        ? readWorkingFile(topLevel, encrypted)
        : canonicalToken(withValues(openedStaged(encrypted, token, key), moves), key);
    if (sealed !== null) await this.#put(next, encrypted, sealed);
  }

  /** A file's bytes in the index to be; null where it holds none: `git add -N` stages an empty one. */
  async #stagedSoFar(next: Staging, path: string): Promise<Buffer | null> {
    const file = await this.#linkEnd(path);
    const bytes = file === null ? null : (next.get(file)?.bytes ?? (await this.#state.index.read(file)));
    return bytes === null || bytes.length === 0 ? null : bytes;
  }

  /** Where links lead inside the index, that file's entry; nothing for what git ignores or a link leads out of. */
  async #put(next: Staging, path: string, bytes: Buffer): Promise<void> {
    const { topLevel } = this.#at;
    const file = await this.#linkEnd(path);
    if (file === null) return;
    const entry = this.#entry(file);
    if (entry === undefined && (isLink(topLevel, file) || isIgnored(topLevel, file))) return;
    const bits = entry === undefined ? { skipWorktree: false, assumeUnchanged: false } : indexBits(topLevel, file);
    if (bits.skipWorktree) {
      throw new MuxiGitError("sparse", `'${escapeText(file)}' is outside the sparse checkout`, {
        hint: `bring it in: git sparse-checkout add ${pathWord(posix.dirname(file))}`,
      });
    }
    const oid = writeBlob(topLevel, bytes);
    if (entry?.oid === oid) next.delete(file);
    else next.set(file, { file, oid, entry, assumeUnchanged: bits.assumeUnchanged, bytes });
  }

  /** null where a link leads to no file of the index. */
  async #linkEnd(path: string): Promise<string | null> {
    const { index } = this.#state;
    let file = path;
    for (let links = 0; links < MAX_LINKS; links += 1) {
      const entry = index.entries.get(file);
      if (entry?.mode !== MODE_SYMLINK) return links > 0 && entry === undefined ? null : file;
      const target = entry.oid === null ? null : await this.#at.reader.read(entry.oid);
      if (target === null) return null;
      file = posix.normalize(posix.join(posix.dirname(file), decodePath(target)));
    }
    return null;
  }

  async #assertIndexUnchanged(entries: readonly NewEntry[]): Promise<void> {
    const now = new Map((await readIndex(this.#at.topLevel)).map((entry) => [entry.path, entry.oid]));
    const changed = entries.find(({ file, entry }) => now.get(file) !== entry?.oid);
    if (changed === undefined) return;
    throw new MuxiGitError("changed", `another command staged '${escapeText(changed.file)}' meanwhile`, {
      hint: "run this again",
    });
  }
}

/** @throws MuxiGitError `staged-unopened` */
function openedStaged(path: string, token: Buffer, key: Key | null): Secrets {
  const opened = openStored(token, key === null ? [] : [key]);
  if (opened.failure === undefined) return opened.secrets;
  throw new MuxiGitError("staged-unopened", `what is staged of '${escapeText(path)}' cannot be opened`, {
    hint: `see what is wrong with it: ${tool("check --staged")}`,
  });
}

const MAX_LINKS = 8;
/** After many merges there are many; the newest tell. */
const MOST_ENDS = 20;

function isLink(topLevel: string, path: string): boolean {
  return lstatSync(diskPath(topLevel, path), { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function isIgnored(topLevel: string, path: string): boolean {
  return checkIgnoredIn([path], { cwd: topLevel }).get(path)?.ignored === true;
}

/** Without BOM; null for what is no UTF-8 text. */
function textOf(bytes: Buffer | null): string | null {
  if (bytes === null || !isUtf8(bytes) || bytes.includes(0)) return null;
  return bytes.toString("utf8", hasBom(bytes) ? 3 : 0);
}

function hasBom(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

function placeIn({ path: folder }: Formation, path: string, text: string, occurrence: Occurrence): Found {
  const { line, column, endLine, endColumn, templateName } = occurrence;
  if (templateName !== null) return findTemplateValue(text, line);
  const inside = folder === "" ? path : path.slice(folder.length + 1);
  return findSecret(inside, text, [offsetOf(text, line, column), offsetOf(text, endLine, endColumn)]);
}

/** What to call a value: as its template line, its field or its provider does, else after where it stands. */
export function nameFor({ rule, path, templateName }: Movable, place: SecretPlace): string {
  if (templateName !== null) return templateName;
  const described = rulesById().get(rule);
  const knowsProvider = described !== undefined && (described.generic !== true || described.near !== undefined);
  const stem = path.slice(path.lastIndexOf("/") + 1).replace(/\.[^.]*$/, "");
  return (
    place.fieldName ?? (knowsProvider ? nameOfRule(rule) : null) ?? place.pathName ?? normalizeName(`${stem}_SECRET`)
  );
}

/** @throws MuxiGitError `name-taken`: a value that is stored is never replaced. */
function withValues(secrets: Secrets, moves: readonly Move[]): Secrets {
  const all = new Map(secrets);
  for (const { name, value } of moves) {
    const next: SecretValue = { kind: "string", value };
    const held = all.get(name);
    if (held !== undefined && !sameValue(held, next)) {
      throw new MuxiGitError("name-taken", `'${name}' is stored with another value`, {
        hint: "choose another name with --name NAME",
      });
    }
    all.set(name, next);
  }
  return all;
}

function byFormation(moves: readonly Move[]): Map<Formation, Move[]> {
  return grouped(moves, ({ movable }) => movable.formation);
}

function byPath(moves: readonly Move[]): Map<string, Move[]> {
  return grouped(moves, ({ movable }) => movable.path);
}

function grouped<K>(moves: readonly Move[], keyOf: (move: Move) => K): Map<K, Move[]> {
  const groups = new Map<K, Move[]>();
  for (const move of moves) {
    const group = groups.get(keyOf(move));
    if (group === undefined) groups.set(keyOf(move), [move]);
    else group.push(move);
  }
  return groups;
}
