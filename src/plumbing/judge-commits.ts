/**
 * What commits introduce, commit by commit: the one answer that `scan --range`,
 * pre-push and pre-receive give. A finding counts where it is absent from every
 * parent's version of the file and from the files that the commit deletes or
 * renames; every commit's message is its own.
 *
 * Read: the blobs that each commit adds, not only what is left of them at the
 * end; what a merge itself adds; the messages. A blob that is not here (partial
 * clone) is listed as skipped.
 *
 * One pass over the commits. A blob is scanned once for each path and mode it
 * has; older versions are scanned only where the newer one has a finding.
 */
import { existsSync } from "node:fs";
import type { Formation } from "../formation/discover.ts";
import { findFormations, folderOf } from "../formation/discover.ts";
import { isLeak, type Problem } from "../formation/problem.ts";
import type { BlobReader } from "../git/cat-file.ts";
import { MODE_SUBMODULE, type RawChange } from "../git/entries.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import { messageOf } from "../git/message.ts";
import type { CommitChanges } from "../git/ranges.ts";
import { readTree, snapshotBefore } from "../git/snapshot.ts";
import { newBlob, ownChanges } from "../git/staged.ts";
import { diskPath } from "../git/working-file.ts";
import { canBeAccepted, fingerprint, isAccepted } from "../scan/baseline.ts";
import type { Scanner } from "../scan/engine.ts";
import type { Finding } from "../scan/finding.ts";
import type { CommitContext, Configuration } from "./commit-context.ts";
import { withoutRepeats } from "./commit-verdict.ts";
import type { PathRules } from "./configuration.ts";
import type { FixContext } from "./fixable.ts";
import type { Keyring } from "./formation-state.ts";
import { checkFormations, partialFormations } from "./introduced-problems.ts";
import { judgeFile, notesOf } from "./judge-file.ts";
import type { MoreVersions } from "./known.ts";
import { COMMIT_MESSAGE, scanMessage } from "./scan-message.ts";
import { namedAfterSecrets, shownPath, withoutSecretName } from "./secret-names.ts";

/** A repository as the judges of commits see it. */
export interface CommitsAt {
  places: GitPlaces;
  /** Root of the working tree, the git dir in a bare repository. */
  topLevel: string;
  reader: BlobReader;
  keyring: Keyring;
}

/** Gives findings the line they are shown with. */
export type FrameMaker = (path: string, bytes: Buffer, findings: readonly Finding[]) => Finding[];

/** By what commits are judged: settings, baseline and formations of the newest of them. */
export interface Standard {
  scanner: Scanner;
  /** Repository paths of all formations. */
  formations: readonly string[];
  configuration: Configuration;
  rulesAt(path: string): PathRules;
  frames?: FrameMaker;
}

export interface CommitFinding {
  finding: Finding;
  fingerprint: string;
  accepted: boolean;
  /** Oid of the commit that introduced it. */
  commit: string;
}

export interface CommitProblem {
  problem: Problem;
  commit: string;
}

export interface CommitsVerdict {
  findings: CommitFinding[];
  /** Leaks of formations: plaintext in secrets.enc or the template. Empty where they were not asked for. */
  problems: CommitProblem[];
  /** Used allow comments, one phrase each. */
  notes: string[];
  scanned: { files: number; bytes: number; commits: number };
  skipped: { path: string; reason: string }[];
}

/** How a message is mended, said by whoever knows which ref the commit stands on. */
const REWORD = "git commit --amend";

/** The path of a secrets.enc. */
export const STORED = /(?:^|\/)secrets\.enc$/;
/** Files whose change can make a formation show its secrets. */
const TELLING = /(?:^|\/)(?:secrets(?:\.enc)?|formation\.(?:afs|ya?ml))$/;

/** Every secrets.enc that commits bring or replace: a value that was in any of them must not stand elsewhere. */
export function storedVersions(commits: readonly CommitChanges[], reader: BlobReader): MoreVersions {
  const oids = new Map<string, Set<string>>();
  for (const { parents } of commits) {
    for (const { path, oldMode, oldOid, newMode, newOid } of parents.flat()) {
      if (!STORED.test(path)) continue;
      const versions = oids.get(path) ?? new Set();
      oids.set(path, versions);
      for (const [mode, oid] of [
        [oldMode, oldOid],
        [newMode, newOid],
      ] as const) {
        if (mode !== "000000" && mode !== MODE_SUBMODULE) versions.add(oid);
      }
    }
  }
  return { reader, oids };
}

/** Folders of {@link storedVersions}: formations as far as their keys are here. */
export function storedFolders({ oids }: MoreVersions): string[] {
  return [...oids.keys()].map((path) => path.slice(0, Math.max(0, path.length - "/secrets.enc".length)));
}

/** What a commit itself brings; in a merge, what differs from every parent. */
export function changesOf({ parents }: CommitChanges): RawChange[] {
  return ownChanges(parents.map((changes) => ({ rev: "", changes })));
}

export class CommitJudge {
  readonly #at: CommitsAt;
  readonly #standard: Standard;
  /** By oid, mode and path. */
  readonly #judged = new Map<string, Finding[]>();
  readonly #verdict: CommitsVerdict = {
    findings: [],
    problems: [],
    notes: [],
    scanned: { files: 0, bytes: 0, commits: 0 },
    skipped: [],
  };

  constructor(at: CommitsAt, standard: Standard) {
    this.#at = at;
    this.#standard = standard;
  }

  /** @param options.formations - whether plaintext in formations' own files is asked for, commit by commit. */
  async judge(commits: Iterable<CommitChanges>, options: { formations: boolean }): Promise<CommitsVerdict> {
    for (const commit of commits) {
      this.#verdict.scanned.commits += 1;
      const own = changesOf(commit);
      const found = [...(await this.#message(commit)), ...(await this.#files(commit, own))];
      const leaks = options.formations ? await this.#leaks(commit, own) : { problems: [], formations: [] };
      for (const problem of leaks.problems) this.#verdict.problems.push({ problem, commit: commit.oid });
      for (const finding of withoutRepeats(found, leaks.problems, leaks.formations)) this.#add(finding, commit.oid);
    }
    return this.#verdict;
  }

  /** The findings of one blob under a path, as far as allow comments leave them. Null where the blob is not here. */
  async findingsOf(path: string, mode: string, oid: string, counted = false): Promise<Finding[] | null> {
    const id = `${oid} ${mode} ${path}`;
    const before = this.#judged.get(id);
    if (before !== undefined) return before;
    const { scanner, formations, rulesAt, frames } = this.#standard;
    const bytes = await this.#at.reader.read(oid);
    if (bytes === null) {
      const shown = shownPath(scanner, path);
      if (counted) this.#verdict.skipped.push({ path: shown, reason: "its blob is not in this clone" });
      return null;
    }
    const judged = judgeFile(scanner, { path, mode, bytes, formations, ...rulesAt(path) });
    const shown = { ...judged, findings: frames?.(path, bytes, judged.findings) ?? judged.findings };
    const { findings, allowed, idle } = withoutSecretName(scanner, path, shown);
    if (counted) {
      this.#verdict.scanned.files += 1;
      this.#verdict.scanned.bytes += bytes.length;
      this.#verdict.notes.push(...notesOf({ allowed, idle }));
    }
    this.#judged.set(id, findings);
    return findings;
  }

  /** What decides about `fix`, where a commit is checked out. */
  get fixes(): FixContext {
    const { formations, configuration } = this.#standard;
    const { keyring, topLevel } = this.#at;
    const has = (path: string) => existsSync(diskPath(topLevel, path));
    return { salt: configuration.baseline.salt, formations, keyring, has };
  }

  /** The findings of a path itself. */
  namesOf(path: string): Finding[] {
    return namedAfterSecrets(this.#standard.scanner, path);
  }

  /** A blob or tag that is pushed by itself. */
  addOther(findings: readonly Finding[], oid: string): void {
    for (const finding of findings) this.#add(finding, oid);
  }

  #add(finding: Finding, commit: string): void {
    const { baseline } = this.#standard.configuration;
    const id = fingerprint(baseline.salt, finding);
    const accepted = canBeAccepted(finding) && isAccepted(baseline, finding, id);
    this.#verdict.findings.push({ finding, fingerprint: id, accepted, commit });
  }

  async #message({ oid }: CommitChanges): Promise<Finding[]> {
    const object = await this.#at.reader.read(oid);
    return object === null ? [] : scanMessage(this.#standard.scanner, COMMIT_MESSAGE, messageOf(object), REWORD);
  }

  async #files({ parents }: CommitChanges, own: readonly RawChange[]): Promise<Finding[]> {
    const introduced: Finding[] = [];
    for (const change of own) {
      const blob = newBlob(change);
      if (blob === null) continue;
      const found = (await this.findingsOf(change.path, blob.mode, blob.oid, true)) ?? [];
      if (change.oldMode === "000000") introduced.push(...this.namesOf(change.path));
      if (found.length === 0) continue;
      const earlier = await this.#earlier(change.path, parents);
      for (const finding of found) {
        if (!earlier.has(identityOf(finding))) introduced.push(finding);
      }
    }
    return introduced;
  }

  /** What stood in the parents' versions of a file and in what the commit deletes. */
  async #earlier(path: string, parents: readonly RawChange[][]): Promise<Set<string>> {
    const earlier = new Set<string>();
    for (const old of parents.flat()) {
      const replaced = old.path === path || newBlob(old) === null;
      if (!replaced || old.oldMode === "000000" || old.oldMode === MODE_SUBMODULE) continue;
      for (const one of (await this.findingsOf(old.path, old.oldMode, old.oldOid)) ?? []) earlier.add(identityOf(one));
    }
    return earlier;
  }

  /** Formations' own files in plaintext. Only commits that touch such a file have their tree listed. */
  async #leaks(
    { oid, parents }: CommitChanges,
    own: readonly RawChange[],
  ): Promise<{ problems: Problem[]; formations: Formation[] }> {
    const telling = own.filter((change) => TELLING.test(change.path) && newBlob(change) !== null);
    if (telling.length === 0) return { problems: [], formations: [] };
    const { reader, topLevel, places, keyring } = this.#at;
    const index = readTree(oid, reader, topLevel);
    const before = parents.map((changes) => snapshotBefore(index, changes, reader));
    const formations = findFormations(index.entries.keys());
    const context: CommitContext = {
      index,
      parents: before,
      formations,
      parentFormations: before.map((parent) => findFormations(parent.entries.keys())),
      keyring,
      reader,
      configuration: this.#standard.configuration,
      places,
      topLevel,
    };
    const folders = new Set(telling.map(({ path }) => folderOf(path)));
    // Which files refer to a secret is no question here, and they need not be read.
    const touched = formations
      .filter(({ path }) => folders.has(path))
      .map((formation): Formation => ({ ...formation, referenceFiles: [] }));
    const partial = partialFormations(context, telling, this.#standard.formations);
    const { problems } = await checkFormations(context, [], [...touched, ...partial]);
    return { problems: problems.filter(({ code }) => isLeak(code)), formations };
  }
}

/** The same secret, found by the same rule. */
export function identityOf(finding: Finding): string {
  return `${finding.rule} ${finding.secretId}`;
}
