/**
 * What the next commit would introduce: findings in the blobs it adds, problems
 * of the formations it touches. A finding or problem counts only where it is
 * absent from every parent's version of the file and from the files this commit
 * deletes: nobody is held up by what stood there before.
 *
 * Read: the staged blobs of the inherited index, never the working tree (apart
 * from keys and from values newer than what is staged). Not UTF-8, binary, huge,
 * CRLF, UTF-16: the scanner's and the formation modules' headers say what of
 * those. A blob that is not here (partial clone) is said, not skipped in silence.
 */

import { existsSync } from "node:fs";
import { MuxiGitError } from "../errors.ts";
import { FORMATION_FILES, type Formation, findFormations, formationOf } from "../formation/discover.ts";
import {
  checkFormation,
  compareWithParents,
  type ParentState,
  problemIdentity,
  withPredecessor,
} from "../formation/drift.ts";
import { normalizeName } from "../formation/names.ts";
import { type Problem, severityOf } from "../formation/problem.ts";
import { applySeverities } from "../formation/severity.ts";
import { decodeTemplate, parseTemplate, templateEntries } from "../formation/template.ts";
import { type BlobReader, openBlobReader } from "../git/cat-file.ts";
import { encodePath, MODE_SYMLINK, type RawChange, ZERO_OID } from "../git/entries.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import { tryGit } from "../git/run.ts";
import { indexSnapshot, type Snapshot, snapshotBefore } from "../git/snapshot.ts";
import { type Listing, newBlob, ownChanges, readStaged, type Staged } from "../git/staged.ts";
import { diskPath, readWorkingFile } from "../git/working-file.ts";
import { pathWord } from "../invocation.ts";
import {
  BASELINE_FILE,
  type Baseline,
  canBeAccepted,
  EMPTY_BASELINE,
  fingerprint,
  isAccepted,
  parseBaseline,
} from "../scan/baseline.ts";
import { createScanner, type Scanner } from "../scan/engine.ts";
import type { Finding } from "../scan/finding.ts";
import { buildKnownValues } from "../scan/known-values.ts";
import { type Key, keyFingerprint, sameKey } from "../secrets/key.ts";
import { DEFAULT_SETTINGS, loosenedSettings, parseSettings, SETTINGS_FILE, type Settings } from "../settings.ts";
import { acceptedKeys } from "./accepted-keys.ts";
import { type Ciphertexts, keepCiphertexts, readCiphertexts } from "./ciphertext-cache.ts";
import { Keyring, type ReadFormation, readFormation } from "./formation-state.ts";
import { type FileVerdict, judgeFile } from "./judge-file.ts";
import { formationPaths, gatherKnown } from "./known.ts";
import { looseFormations } from "./loose-formations.ts";

export interface Verdict {
  findings: { finding: Finding; fingerprint: string }[];
  problems: Problem[];
  /** Findings and problems of what this commit touches that stood there before. */
  older: number;
  /** Settings loosened, findings accepted, things that could not be read: one phrase each. */
  notes: string[];
  scanned: { files: number; bytes: number };
  skipped: { path: string; reason: string }[];
  /** Formations of the index. */
  formations: Formation[];
  /** Repository paths this commit adds or changes. */
  changed: string[];
}

interface Context {
  index: Snapshot;
  parents: Snapshot[];
  formations: Formation[];
  parentFormations: Formation[][];
  keyring: Keyring;
  reader: BlobReader;
  configuration: Configuration;
  places: GitPlaces;
  topLevel: string;
}

interface Configuration {
  settings: Settings;
  baseline: Baseline;
  notes: string[];
}

/** @throws MuxiGitError where the index cannot be read or staged settings are malformed: the hook then blocks with 2. */
export async function judgeCommit(
  places: GitPlaces,
  topLevel: string,
  listing: Listing | null = null,
): Promise<Verdict> {
  const staged = await readStaged(places, topLevel, listing);
  const kept = readCiphertexts(places);
  const used: Ciphertexts = new Map();
  const reader = openBlobReader(topLevel, kept);
  try {
    const verdict = await judge(staged, places, topLevel, reader, used);
    keepCiphertexts(places, kept, used);
    return verdict;
  } finally {
    reader.close();
  }
}

async function judge(
  staged: Staged,
  places: GitPlaces,
  topLevel: string,
  reader: BlobReader,
  used: Ciphertexts,
): Promise<Verdict> {
  const index = indexSnapshot(staged.index, reader);
  const parents = staged.parents.map((parent) => snapshotBefore(index, parent.changes, reader));
  const formations = findFormations(index.entries.keys());
  const parentFormations = parents.map((parent) => findFormations(parent.entries.keys()));
  const keyring = new Keyring(topLevel, places);
  const changes = ownChanges(staged.parents);
  const configuration = await readConfiguration(index, parents, changes);

  const loose = looseFormations(topLevel);
  const everywhere = [...new Set([...formationPaths(formations, ...parentFormations), ...loose])];
  const known = await gatherKnown(everywhere, [index, ...parents], keyring, topLevel, used);
  const context: Context = {
    index,
    parents,
    formations,
    parentFormations,
    keyring,
    reader,
    configuration,
    places,
    topLevel,
  };

  const scan = await scanChanges(context, changes, known, everywhere);
  const touched = formations.filter((formation) => isTouched(formation, formations, staged));
  const partial = partialFormations(context, changes, everywhere);
  const checked = await checkFormations(context, touched, partial);

  const findings = withoutRepeats(scan.findings, checked.problems, formations);
  return {
    findings: findings.flatMap((finding) => {
      const id = fingerprint(configuration.baseline.salt, finding);
      return canBeAccepted(finding) && isAccepted(configuration.baseline, id) ? [] : [{ finding, fingerprint: id }];
    }),
    problems: checked.problems,
    older: scan.older + checked.older,
    notes: [...configuration.notes, ...scan.notes],
    scanned: scan.scanned,
    skipped: scan.skipped,
    formations,
    changed: changes.filter((change) => newBlob(change) !== null).map((change) => change.path),
  };
}

/**
 * The settings and accepted findings that count are the staged ones. Where this
 * commit did not touch them and they are malformed, it is not this commit's
 * fault: the defaults, which are stricter, are used and a line says so.
 */
async function readConfiguration(
  index: Snapshot,
  parents: readonly Snapshot[],
  changes: readonly RawChange[],
): Promise<Configuration> {
  const notes: string[] = [];
  const changed = new Set(changes.map((change) => change.path));

  async function load<T>(snapshot: Snapshot, file: string, parse: (bytes: Uint8Array) => T, absent: T): Promise<T> {
    const bytes = await snapshot.read(file);
    return bytes === null ? absent : parse(bytes);
  }
  async function current<T>(file: string, parse: (bytes: Uint8Array) => T, absent: T): Promise<T> {
    try {
      return await load(index, file, parse, absent);
    } catch (error) {
      if (changed.has(file) || !(error instanceof MuxiGitError)) throw error;
      notes.push(`${error.message}; the defaults are used`);
      return absent;
    }
  }
  /** What any parent had, or null where this commit leaves the file alone. */
  async function before<T>(file: string, parse: (bytes: Uint8Array) => T, absent: T): Promise<T[] | null> {
    if (!changed.has(file)) return null;
    return await Promise.all(parents.map((parent) => load(parent, file, parse, absent).catch((): T => absent)));
  }

  const settings = await current(SETTINGS_FILE, parseSettings, DEFAULT_SETTINGS);
  for (const phrase of common(
    (await before(SETTINGS_FILE, parseSettings, DEFAULT_SETTINGS))?.map((old) =>
      loosenedSettings(old, settings, (code) => severityOf(code, "commit")),
    ),
  )) {
    notes.push(`this commit loosens ${SETTINGS_FILE}: ${phrase}`);
  }
  const baseline = await current(BASELINE_FILE, parseBaseline, EMPTY_BASELINE);
  for (const phrase of common(
    (await before(BASELINE_FILE, parseBaseline, EMPTY_BASELINE))?.map((old) =>
      baseline.findings
        .filter((entry) => !isAccepted(old, entry.fingerprint))
        .map((entry) => `${entry.rule} in ${entry.path}, because: ${entry.reason}`),
    ),
  )) {
    notes.push(`this commit accepts a finding: ${phrase}`);
  }
  return { settings, baseline, notes };
}

/** Phrases that stand in every list. */
function common(lists: readonly string[][] | undefined): string[] {
  const [first = [], ...others] = lists ?? [];
  return first.filter((phrase) => others.every((list) => list.includes(phrase)));
}

interface ScanResult {
  findings: Finding[];
  older: number;
  notes: string[];
  scanned: { files: number; bytes: number };
  skipped: { path: string; reason: string }[];
}

async function scanChanges(
  context: Context,
  changes: readonly RawChange[],
  known: Parameters<typeof buildKnownValues>[0],
  formations: readonly string[],
): Promise<ScanResult> {
  const { settings } = context.configuration;
  const scanner = createScanner({
    known: buildKnownValues(known, { publicNames: new Set(settings.publicNames) }),
  });
  const ignored = await ignoredPaths(settings);
  const judge = (path: string, mode: string, bytes: Buffer): FileVerdict =>
    judgeFile(scanner, { path, mode, bytes, formations, rulesApply: !ignored(path) });

  const result: ScanResult = { findings: [], older: 0, notes: [], scanned: { files: 0, bytes: 0 }, skipped: [] };
  const suspects = new Map<string, Finding[]>();
  const blobs = changes.flatMap((change) => {
    const blob = newBlob(change);
    return blob === null ? [] : [{ ...blob, path: change.path }];
  });
  // Asked for ahead, read one after the other: at most a few blobs are in memory at once.
  for await (const { path, mode, bytes } of readAhead(blobs, context.reader)) {
    if (bytes === null) {
      // What cannot be read cannot be called clean. In a partial clone it came from the remote, and is there already.
      if (!isPartialClone(context.topLevel)) {
        throw new MuxiGitError("object-unreadable", `the staged blob of '${path}' cannot be read`, {
          hint: "git fsck",
        });
      }
      result.skipped.push({ path, reason: "its blob is not in this partial clone" });
      continue;
    }
    if (!context.parents.some((parent) => parent.entries.has(path)))
      result.findings.push(...namedAfterSecrets(scanner, path));
    result.scanned.files += 1;
    result.scanned.bytes += bytes.length;
    const verdict = judge(path, mode, bytes);
    for (const allowed of verdict.allowed) result.notes.push(`an allow comment accepts ${allowed}`);
    if (verdict.findings.length > 0) suspects.set(path, verdict.findings);
  }
  for (const { path, reason } of result.skipped) result.notes.push(`'${path}' was not scanned: ${reason}`);
  if (suspects.size === 0) return result;

  const earlier = await earlierSecrets(context, [...suspects.keys()], judge);
  for (const [path, findings] of suspects) {
    for (const finding of findings) {
      if (earlier(path, finding)) result.older += 1;
      else result.findings.push(finding);
    }
  }
  return result;
}

function isPartialClone(cwd: string): boolean {
  return tryGit(["config", "--get-regexp", "^(extensions\\.partialclone|remote\\..*\\.promisor)$"], { cwd }).code === 0;
}

/** What stands for a path that must not be printed. */
const HIDDEN_PATH = "(a file whose name holds a secret)";

/** A file's name goes wherever its content goes. */
function namedAfterSecrets(scanner: Scanner, path: string): Finding[] {
  return scanner
    .scan(path, encodePath(path))
    .filter((finding) => finding.severity === "error")
    .map((finding) => ({
      ...finding,
      path: HIDDEN_PATH,
      line: 1,
      column: 1,
      endLine: 1,
      endColumn: 1,
      message: `in the file's name: ${finding.message}`,
      fix: "take it out of the index and rename it; 'git status' lists it",
    }));
}

/** Blobs in order, a few asked for ahead of the one in hand. */
async function* readAhead<T extends { oid: string; path: string; mode: string }>(
  wanted: readonly T[],
  reader: BlobReader,
): AsyncGenerator<T & { bytes: Buffer | null }> {
  const AHEAD = 16;
  const asked: Promise<Buffer | null>[] = [];
  for (const [at, item] of wanted.entries()) {
    while (asked.length < wanted.length && asked.length <= at + AHEAD) {
      const { oid, path, mode } = wanted[asked.length]!;
      asked.push(reader.read(oid, mode === MODE_SYMLINK ? undefined : path));
    }
    const bytes = await asked[at]!;
    asked[at] = Promise.resolve(null);
    yield { ...item, bytes };
  }
}

async function ignoredPaths(settings: Settings): Promise<(path: string) => boolean> {
  if (settings.ignore.length === 0) return () => false;
  const { globMatcher } = await import("../globs.ts");
  return globMatcher(settings.ignore);
}

/**
 * Whether a finding stood in a parent's version of its file, or in a file that
 * this commit deletes (a rename is a deletion and an addition).
 */
async function earlierSecrets(
  context: Context,
  paths: readonly string[],
  judge: (path: string, mode: string, bytes: Buffer) => FileVerdict,
): Promise<(path: string, finding: Finding) => boolean> {
  const { index, parents } = context;
  const seen = await Promise.all(
    parents.map(async (parent) => {
      const deleted = [...parent.entries.keys()].filter((path) => !index.entries.has(path));
      const inFile = new Map<string, Set<string>>();
      for (const path of new Set([...paths, ...deleted])) {
        const entry = parent.entries.get(path);
        if (entry?.oid == null || ZERO_OID.test(entry.oid)) continue;
        const bytes = await context.reader.read(entry.oid);
        if (bytes === null) continue;
        const secrets = new Set(judge(path, entry.mode, bytes).findings.map(identity));
        if (secrets.size > 0) inFile.set(path, secrets);
      }
      const gone = new Set(deleted.flatMap((path) => [...(inFile.get(path) ?? [])]));
      return (path: string, id: string) => inFile.get(path)?.has(id) === true || gone.has(id);
    }),
  );
  return (path, finding) => seen.some((stood) => stood(path, identity(finding)));
}

function identity(finding: Finding): string {
  return `${finding.rule} ${finding.secretId}`;
}

/**
 * One leak, one line: plaintext in secrets.enc and a value in the template are
 * reported as such, not once more for each rule that knows the value.
 */
function withoutRepeats(
  findings: readonly Finding[],
  problems: readonly Problem[],
  formations: readonly Formation[],
): Finding[] {
  const encrypted = new Set(formations.map((formation) => formation.encrypted));
  const plaintext = new Set(problems.filter((one) => one.code === "not-encrypted").map((one) => one.path));
  const templateLines = new Set(
    problems.filter((one) => one.code === "template-value").map((one) => `${one.path}:${one.line}`),
  );
  return findings.filter(
    (finding) =>
      !(encrypted.has(finding.path) && plaintext.has(finding.path)) &&
      !templateLines.has(`${finding.path}:${finding.line}`),
  );
}

function isTouched(formation: Formation, formations: readonly Formation[], staged: Staged): boolean {
  return staged.parents.some((parent) =>
    parent.changes.some((change) => formationOf(change.path, formations)?.path === formation.path),
  );
}

/**
 * A better fix than the problem alone tells. HEAD's secrets.enc can be brought back where it was one. And the missing
 * name may stand in the working tree's template already: then only `git add` is missing.
 *
 * @param before - the formation in the parents that have it.
 */
function withShorterWay(
  problem: Problem,
  formation: Formation,
  { topLevel, parentFormations }: Context,
  before: readonly Before[],
): Problem {
  const inHead = parentFormations[0]?.some((one) => one.path === formation.path) === true;
  const stored = inHead ? before[0]?.read.opened.state.kind : undefined;
  if (stored === "opened" || stored === "locked") return withPredecessor(shorter(problem, formation, topLevel));
  return shorter(problem, formation, topLevel);
}

function shorter(problem: Problem, formation: Formation, topLevel: string): Problem {
  if (problem.code !== "name-not-in-template" && problem.code !== "reference-not-in-template") return problem;
  const path = formation.template ?? (formation.path === "" ? "secrets" : `${formation.path}/secrets`);
  const { text } = decodeTemplate(readWorkingFile(topLevel, path) ?? Buffer.alloc(0));
  const names = templateEntries(parseTemplate(text ?? "")).map((entry) => normalizeName(entry.name));
  return problem.name !== undefined && names.includes(problem.name)
    ? { ...problem, fix: `git add -- ${pathWord(path)}` }
    : problem;
}

/**
 * Folders whose template or secrets.enc this commit changes, and whose formation
 * file is not staged: not added yet, taken out, or on disk only. They leak alike.
 */
function partialFormations(
  { formations, topLevel }: Context,
  changes: readonly RawChange[],
  everywhere: readonly string[],
): Formation[] {
  const folders = new Set<string>();
  for (const change of changes) {
    const name = /(?:^|\/)secrets(?:\.enc)?$/.exec(change.path);
    if (name !== null && newBlob(change) !== null) folders.add(change.path.slice(0, name.index));
  }
  return [...folders].flatMap((path): Formation[] => {
    if (formations.some((formation) => formation.path === path)) return [];
    const at = (name: string) => (path === "" ? name : `${path}/${name}`);
    const onDisk = FORMATION_FILES.map(at).find((file) => existsSync(diskPath(topLevel, file)));
    if (onDisk === undefined && !everywhere.includes(path)) return [];
    return [
      {
        path,
        formationFile: onDisk ?? at("formation.afs"),
        template: at("secrets"),
        encrypted: at("secrets.enc"),
        referenceFiles: [],
      },
    ];
  });
}

/** What is wrong with a file whatever the rest of its formation is. */
const WITHOUT_FORMATION = new Set<Problem["code"]>(["not-encrypted", "template-value", "conflict-markers"]);

/** What a formation was in one parent. */
interface Before {
  read: ReadFormation;
  /** Its secrets.enc is the very blob that is staged. */
  sameEncrypted: boolean;
}

async function checkFormations(
  context: Context,
  touched: readonly Formation[],
  partial: readonly Formation[],
): Promise<{ problems: Problem[]; older: number }> {
  const { configuration } = context;
  const problems: Problem[] = [];
  let older = 0;
  for (const formation of [...touched, ...partial]) {
    const { keyring } = context;
    const keys = keyring.keysFor(formation.path);
    const now = await readFormation(context.index, formation, keyring.stateFor(formation.path), keys);
    const candidates = checkFormation(now.state, "commit").filter(
      // Nothing could be compared: worth a line only where that mattered.
      ({ code }) =>
        (!partial.includes(formation) || WITHOUT_FORMATION.has(code)) &&
        (code !== "key-missing" ||
          differs(context, formation, "secrets.enc") ||
          differs(context, formation, "secrets")),
    );
    // In the usual commit there is nothing to tell apart, and the parents' blobs need not be read.
    if (candidates.length === 0 && !differs(context, formation, "secrets.enc")) continue;
    if (candidates.length === 0 && partial.includes(formation)) continue;

    const before = await readBefore(context, formation, keys);
    const stood = before.map(({ read }) => new Set(checkFormation(read.state, "commit").map(problemIdentity)));
    const introduced = candidates.filter((problem) => {
      if (!stood.some((set) => set.has(problemIdentity(problem)))) return true;
      older += problem.severity === "note" ? 0 : 1;
      return false;
    });
    if (!partial.includes(formation)) {
      introduced.push(...compareWithParents(now.state, parentStates(context, now, before), "commit"));
    }
    for (const problem of applySeverities(introduced, configuration.settings.severities, "commit")) {
      problems.push(withShorterWay(problem, formation, context, before));
    }
  }
  return { problems, older };
}

/** Whether a file of the formation is not the same blob in every parent; absent equals absent. */
function differs({ index, parents }: Context, formation: Formation, name: string): boolean {
  const path = formation.path === "" ? name : `${formation.path}/${name}`;
  const oid = index.entries.get(path)?.oid;
  return parents.some((parent) => parent.entries.get(path)?.oid !== oid);
}

/** The same formation in the parents that have it. */
async function readBefore(context: Context, formation: Formation, keys: readonly Key[]): Promise<Before[]> {
  const { index, parents, parentFormations, keyring } = context;
  const before: Before[] = [];
  for (const [at, parent] of parents.entries()) {
    const same = parentFormations[at]?.find((one) => one.path === formation.path);
    if (same === undefined) continue;
    const oids = [parent.entries.get(same.encrypted ?? "")?.oid, index.entries.get(formation.encrypted ?? "")?.oid];
    before.push({
      read: await readFormation(parent, same, keyring.stateFor(formation.path), keys),
      sameEncrypted: oids[0] === oids[1],
    });
  }
  return before;
}

function parentStates(context: Context, now: ReadFormation, before: readonly Before[]): ParentState[] {
  const { keyring, places } = context;
  const own = keyring.of(now.formation.path);
  const declared =
    own.state === "ok" &&
    now.opened.key !== null &&
    sameKey(now.opened.key, own.key) &&
    acceptedKeys(places, now.formation.path).includes(keyFingerprint(own.key));
  return before.map(({ read, sameEncrypted }) => ({
    encrypted: read.opened.state,
    openedBy: read.opened.key === null ? null : "current",
    same: sameEncrypted,
    accepted: declared,
  }));
}
