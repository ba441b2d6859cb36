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

import { MuxiGitError } from "../errors.ts";
import { type Formation, findFormations } from "../formation/discover.ts";
import { type Problem, severityOf } from "../formation/problem.ts";
import { applySeverities } from "../formation/severity.ts";
import { type BlobReader, openBlobReader } from "../git/cat-file.ts";
import { MODE_SYMLINK, type RawChange } from "../git/entries.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import { indexSnapshot, type Snapshot, snapshotBefore } from "../git/snapshot.ts";
import { type Listing, newBlob, ownChanges, readStaged, type Staged } from "../git/staged.ts";
import {
  BASELINE_FILE,
  canBeAccepted,
  EMPTY_BASELINE,
  fingerprint,
  isAccepted,
  newlyAccepted,
  parseBaseline,
} from "../scan/baseline.ts";
import type { Finding } from "../scan/finding.ts";
import { DEFAULT_SETTINGS, loosenedSettings, outdatedNotice, parseSettings, SETTINGS_FILE } from "../settings.ts";
import { type Ciphertexts, keepCiphertexts, readCiphertexts } from "./ciphertext-cache.ts";
import type { CommitContext, Configuration } from "./commit-context.ts";
import { parsedOf } from "./configuration.ts";
import { fixOfFinding, fixOfProblem } from "./fixable.ts";
import { Keyring } from "./formation-state.ts";
import { scanChanges } from "./introduced-findings.ts";
import { checkFormations, partialFormations, touchedFormations } from "./introduced-problems.ts";
import { formationPaths, gatherKnown } from "./known.ts";
import { looseFormations } from "./loose-formations.ts";
import { unresolvedProblems } from "./unresolved.ts";

export interface Verdict {
  findings: { finding: Finding; fingerprint: string }[];
  problems: Problem[];
  /** Findings and problems of what this commit touches that stood there before. */
  older: number;
  /** Those of them that only a scan lists. */
  olderFindings: number;
  /** Settings loosened, findings accepted, things that could not be read: one phrase each. */
  notes: string[];
  scanned: { files: number; bytes: number };
  skipped: { path: string; reason: string }[];
  /** Formations of the index. */
  formations: Formation[];
  /** Repository paths this commit adds or changes. */
  changed: string[];
}

/**
 * @param heads - the commits being merged; those of MERGE_HEAD when absent.
 * @throws MuxiGitError where the index cannot be read or staged settings are malformed: the hook then blocks with 2.
 */
export async function judgeCommit(
  places: GitPlaces,
  topLevel: string,
  listing: Listing | null = null,
  heads?: readonly string[],
): Promise<Verdict> {
  const staged = await readStaged(places, topLevel, listing, heads);
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
  const context: CommitContext = {
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
  const touched = touchedFormations(
    formations,
    staged.parents.flatMap((parent) => parent.changes),
  );
  const partial = partialFormations(context, changes, everywhere);
  const checked = await checkFormations(context, touched, partial);

  const unresolved = unresolvedProblems(
    places,
    (path) => index.entries.get(path)?.oid ?? undefined,
    (path) => parents[0]?.entries.get(path)?.oid ?? undefined,
  );

  const findings = withoutRepeats(scan.findings, checked.problems, formations);
  const { salt } = configuration.baseline;
  const fixes = { salt, formations: everywhere, keyring, has: (path: string) => index.entries.has(path) };
  const problems = checked.problems.map((problem) => ({ ...problem, fix: fixOfProblem(problem, fixes) }));
  return {
    findings: findings.flatMap((finding) => {
      const id = fingerprint(salt, finding);
      return canBeAccepted(finding) && isAccepted(configuration.baseline, finding, id)
        ? []
        : [{ finding: { ...finding, fix: fixOfFinding(finding, fixes) }, fingerprint: id }];
    }),
    problems: [...problems, ...applySeverities(unresolved, configuration.settings.severities, "commit")],
    older: scan.older + checked.older,
    olderFindings: scan.older,
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
export async function readConfiguration(
  index: Snapshot,
  parents: readonly Snapshot[],
  changes: readonly RawChange[],
  who = "this commit",
): Promise<Configuration> {
  const notes: string[] = [];
  const changed = new Set(changes.map((change) => change.path));

  /** Whether this commit changes what the file says; a link's target may change and the link itself not. */
  async function touches(file: string): Promise<boolean> {
    if (changed.has(file)) return true;
    if (index.entries.get(file)?.mode !== MODE_SYMLINK) return false;
    const [now, ...before] = await Promise.all([index, ...parents].map((snapshot) => snapshot.read(file)));
    return before.every((bytes) => bytes === null || now == null || !bytes.equals(now));
  }
  async function current<T>(file: string, parse: (bytes: Uint8Array) => T, absent: T): Promise<T> {
    try {
      return await parsedOf(index, file, parse, absent);
    } catch (error) {
      if (!(error instanceof MuxiGitError) || (await touches(file))) throw error;
      notes.push(`${error.message}; the defaults are used`);
      return absent;
    }
  }
  /** What any parent had, or null where this commit leaves the file alone. */
  async function before<T>(file: string, parse: (bytes: Uint8Array) => T, absent: T): Promise<T[] | null> {
    if (!(await touches(file))) return null;
    return await Promise.all(parents.map((parent) => parsedOf(parent, file, parse, absent).catch((): T => absent)));
  }

  const settings = await current(SETTINGS_FILE, parseSettings, DEFAULT_SETTINGS);
  const outdated = outdatedNotice(settings);
  if (outdated !== null) notes.push(outdated);
  for (const phrase of common(
    (await before(SETTINGS_FILE, parseSettings, DEFAULT_SETTINGS))?.map((old) =>
      loosenedSettings(old, settings, (code) => severityOf(code, "commit")),
    ),
  )) {
    notes.push(`${who} loosens ${SETTINGS_FILE}: ${phrase}`);
  }
  const baseline = await current(BASELINE_FILE, parseBaseline, EMPTY_BASELINE);
  for (const phrase of common(
    (await before(BASELINE_FILE, parseBaseline, EMPTY_BASELINE))?.map((old) =>
      newlyAccepted(old, baseline).map((entry) => `${entry.rule} in ${entry.path}, because: ${entry.reason}`),
    ),
  )) {
    notes.push(`${who} accepts a finding: ${phrase}`);
  }
  return { settings, baseline, notes };
}

/** Phrases that stand in every list. */
function common(lists: readonly string[][] | undefined): string[] {
  const [first = [], ...others] = lists ?? [];
  const sets = others.map((list) => new Set(list));
  return first.filter((phrase) => sets.every((set) => set.has(phrase)));
}

/**
 * One leak, one line: plaintext in secrets.enc and a value in the template are
 * reported as such, not once more for each rule that knows the value.
 */
export function withoutRepeats(
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
