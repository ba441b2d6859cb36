/**
 * What a review between two versions of a repository shows: each formation that
 * differs, by secret name, and what was loosened. Blobs are read as they are
 * stored, so it works in a bare repository, in CI and where no driver is set up.
 */
import type { Formation } from "../formation/discover.ts";
import { severityOf } from "../formation/problem.ts";
import {
  type FormationContents,
  type Loosening,
  pairMoved,
  type Review,
  type ReviewedVersion,
  reviewFormation,
} from "../formation/review.ts";
import { decodePath, MODE_SYMLINK, parseIndexEntries } from "../git/entries.ts";
import { blobOid } from "../git/object-id.ts";
import { runGit, splitNul } from "../git/run.ts";
import type { Snapshot } from "../git/snapshot.ts";
import { baselineOf, parsedOf, rulesByPath, scannerUnder, settingsOf } from "../plumbing/configuration.ts";
import { formationsOf, readFormation } from "../plumbing/formation-state.ts";
import { judgeFile, LARGE_FILE } from "../plumbing/judge-file.ts";
import { formationPaths, gatherKnown } from "../plumbing/known.ts";
import { withoutSecretName } from "../plumbing/secret-names.ts";
import { type AllowedFinding, withComments } from "../scan/allow.ts";
import { BASELINE_FILE, EMPTY_BASELINE, newlyAccepted, parseBaseline } from "../scan/baseline.ts";
import { sameSecrets } from "../secrets/json.ts";
import { type Key, keyFingerprint } from "../secrets/key.ts";
import { DEFAULT_SETTINGS, loosenedSettings, parseSettings, SETTINGS_FILE, type Settings } from "../settings.ts";
import type { RepositoryContext } from "./repository-context.ts";

/** One of the two versions. */
export interface Side {
  snapshot: Snapshot;
  /** Keys to try before the context's own: those of `--base-key-file`. */
  keys?: readonly Key[];
}

export interface ReviewOptions {
  /** Which formations and files are wanted, by repository path; all when absent. */
  wanted?: (path: string) => boolean;
}

/** Formations or files read at once: git answers one after the other, and is not waited for between them. */
const AT_ONCE = 32;

async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE)
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(work))));
  return results;
}

/**
 * @param base - a commit's tree.
 * @param head - a commit's tree, or the working tree.
 * @throws MuxiGitError `settings` where those of `head` are malformed.
 */
export async function reviewBetween(
  context: RepositoryContext,
  base: Side,
  head: Side,
  { wanted = () => true }: ReviewOptions = {},
): Promise<Review> {
  const settings = await settingsOf(head.snapshot);
  const changed = changedPaths(base.snapshot, head.snapshot, context.topLevel);
  const between = new Between(context, base, head, changed);
  const pairs = (await between.pairs()).filter(
    ({ old, now }) => (old !== null && wanted(old.path)) || (now !== null && wanted(now.path)),
  );
  const reviews = await inTurns(pairs, async ({ old, now }) => {
    const [before, after] = await between.versions(old, now);
    return reviewFormation(before, after, settings);
  });
  const formations = reviews.filter((review) => review !== null);
  const files = [...changed].filter(wanted);
  return { formations, loosened: await loosenings(context, base.snapshot, head.snapshot, settings, files) };
}

interface Pair {
  old: Formation | null;
  now: Formation | null;
}

class Between {
  readonly #context: RepositoryContext;
  readonly #base: Side;
  readonly #head: Side;
  readonly #changed: ReadonlySet<string>;
  /** Hexadecimal digits of an oid of this repository. */
  readonly #digits: number;

  constructor(context: RepositoryContext, base: Side, head: Side, changed: ReadonlySet<string>) {
    this.#context = context;
    this.#base = base;
    this.#head = head;
    this.#changed = changed;
    const [first] = base.snapshot.entries.values();
    this.#digits = first?.oid?.length ?? 40;
  }

  /** The formations of either version that differ in any file, a moved one with where it was; sorted by path. */
  async pairs(): Promise<Pair[]> {
    const [before, after] = [this.#base, this.#head].map(
      ({ snapshot }) => new Map(formationsOf(snapshot).map((one) => [one.path, one])),
    ) as [Map<string, Formation>, Map<string, Formation>];
    const gone = [...before.values()].filter(({ path }) => !after.has(path));
    const added = [...after.values()].filter(({ path }) => !before.has(path));
    const moved =
      gone.length === 0 || added.length === 0
        ? new Map<string, string>()
        : pairMoved(await this.#contents(this.#base, gone), await this.#contents(this.#head, added));
    const from = new Set(moved.values());
    const pairs: Pair[] = [];
    for (const [path, now] of after) {
      const old = before.get(moved.get(path) ?? path) ?? null;
      if (old === null || !this.#isSame(old, now)) pairs.push({ old, now });
    }
    for (const old of gone) if (!from.has(old.path)) pairs.push({ old, now: null });
    const place = ({ old, now }: Pair): string => (now ?? old)?.path ?? "";
    return pairs.sort((a, b) => (place(a) < place(b) ? -1 : 1));
  }

  async #contents({ snapshot }: Side, formations: readonly Formation[]): Promise<FormationContents[]> {
    return await Promise.all(
      formations.map(async (formation) => {
        const files = await Promise.all(
          filesOf(formation).map(
            async (path): Promise<[string, string]> => [
              formation.path === "" ? path : path.slice(formation.path.length + 1),
              (await this.#idOf(snapshot, path)) ?? "",
            ],
          ),
        );
        return { path: formation.path, files: new Map(files) };
      }),
    );
  }

  /** Whether no file of a formation differs. Most do not in a review, and are not read. */
  #isSame(old: Formation, now: Formation): boolean {
    const files = new Set([...filesOf(old), ...filesOf(now)]);
    // A link may lead to a file that differs.
    const isLink = (path: string) =>
      [this.#base, this.#head].some(({ snapshot }) => snapshot.entries.get(path)?.mode === MODE_SYMLINK);
    return old.path === now.path && ![...files].some((path) => this.#changed.has(path) || isLink(path));
  }

  /** The blob a file's bytes are or would be; null where they cannot be read. */
  async #idOf(snapshot: Snapshot, path: string): Promise<string | null> {
    const entry = snapshot.entries.get(path);
    if (entry !== undefined && entry.oid !== null && entry.mode !== MODE_SYMLINK) return entry.oid;
    const bytes = await snapshot.read(path);
    return bytes === null ? null : blobOid(bytes, this.#digits);
  }

  /** Both versions of a formation. A key is looked for where it is now and where it was. */
  async versions(
    old: Formation | null,
    now: Formation | null,
  ): Promise<[ReviewedVersion | null, ReviewedVersion | null]> {
    const { keyring } = this.#context;
    const places = [...new Set([now?.path, old?.path])].filter((path) => path !== undefined);
    const keys = places.flatMap((path) => keyring.keysFor(path));
    const version = async (side: Side, formation: Formation | null): Promise<ReviewedVersion | null> =>
      formation === null ? null : await this.#version(side, formation, [...(side.keys ?? []), ...keys]);
    const [before, after] = await Promise.all([version(this.#base, old), version(this.#head, now)]);
    // What MUXI saved and git has not seen yet is other bytes; the filter would give those that are committed.
    if (before !== null && after !== null && isWorkingTree(this.#head.snapshot) && isSavedAnew(before, after))
      after.encryptedId = before.encryptedId;
    return [before, after];
  }

  async #version({ snapshot }: Side, formation: Formation, keys: readonly Key[]): Promise<ReviewedVersion> {
    const { path, encrypted } = formation;
    const { state, opened } = await readFormation(snapshot, formation, this.#context.keyring.stateFor(path), keys);
    const held = new Set(state.referenceFiles.map((file) => file.path));
    const isShut = encrypted !== null && state.encrypted.kind === "none";
    return {
      state: isShut ? { ...state, encrypted: { kind: "locked", reason: "no-key" } } : state,
      keyFingerprint: opened.key === null ? null : keyFingerprint(opened.key),
      encryptedId: encrypted === null ? null : await this.#idOf(snapshot, encrypted),
      // Of a file that is the same in both versions nothing is missed.
      unread: [
        ...(isShut ? [encrypted] : []),
        ...(formation.template !== null && state.template === null ? [formation.template] : []),
        ...formation.referenceFiles.filter((file) => !held.has(file)),
      ].filter((file) => this.#changed.has(file)),
    };
  }
}

function filesOf({ template, encrypted, referenceFiles }: Formation): string[] {
  return [template, encrypted, ...referenceFiles].filter((path) => path !== null);
}

function isWorkingTree({ entries }: Snapshot): boolean {
  const [first] = entries.values();
  return first !== undefined && first.oid === null;
}

/** The same secrets under the same key. */
function isSavedAnew(before: ReviewedVersion, after: ReviewedVersion): boolean {
  const [old, now] = [before.state.encrypted, after.state.encrypted];
  return (
    old.kind === "opened" &&
    now.kind === "opened" &&
    before.keyFingerprint === after.keyFingerprint &&
    sameSecrets(old.secrets, now.secrets)
  );
}

/** The paths that differ. Of the working tree also some that do not: files that git would have to read to know. */
function changedPaths(base: Snapshot, head: Snapshot, topLevel: string): Set<string> {
  const changed = new Set<string>();
  const now = isWorkingTree(head) ? indexedOids(topLevel, changed) : head.entries;
  for (const [path, { mode, oid }] of base.entries) {
    const entry = now.get(path);
    if (entry === undefined || entry.oid !== oid || entry.mode !== mode) changed.add(path);
  }
  for (const path of head.entries.keys()) if (!base.entries.has(path)) changed.add(path);
  return changed;
}

/** The index, and into `changed` the files whose times say that they differ from it. */
function indexedOids(topLevel: string, changed: Set<string>): Map<string, { mode: string; oid: string }> {
  const listed = runGit(["ls-files", "-s", "-z", "--full-name"], { cwd: topLevel });
  const entries = new Map(parseIndexEntries(listed).map((entry) => [entry.path, entry]));
  // Again here, since git before 2.31 takes no setting from the environment.
  const files = ["-c", "core.fsmonitor=false", "diff-files", "--name-only", "-z", "--ignore-submodules=all"];
  for (const path of splitNul(runGit(files, { cwd: topLevel }))) changed.add(decodePath(path));
  return entries;
}

/** As much of a reason as is shown. */
function cut(reason: string): string {
  return reason.length > 300 ? `${reason.slice(0, 300)}…` : reason;
}

/** What a version lets through that the one before did not. */
async function loosenings(
  context: RepositoryContext,
  base: Snapshot,
  head: Snapshot,
  settings: Settings,
  changed: readonly string[],
): Promise<Loosening[]> {
  // Of a malformed older version the defaults count, which are stricter.
  const before = <T>(file: string, parse: (bytes: Uint8Array) => T, absent: T): Promise<T> =>
    parsedOf(base, file, parse, absent).catch(() => absent);
  const loosened: Loosening[] = [];
  if (changed.includes(SETTINGS_FILE)) {
    const old = await before(SETTINGS_FILE, parseSettings, DEFAULT_SETTINGS);
    for (const message of loosenedSettings(old, settings, (code) => severityOf(code, "check")))
      loosened.push({ kind: "setting", path: SETTINGS_FILE, message: cut(message) });
  }
  if (changed.includes(BASELINE_FILE)) {
    const old = await before(BASELINE_FILE, parseBaseline, EMPTY_BASELINE);
    for (const { rule, path, reason } of newlyAccepted(old, await baselineOf(head)))
      loosened.push({ kind: "baseline", path, message: `a finding of ${rule} is accepted, because: ${cut(reason)}` });
  }
  for (const path of changed.filter((one) => /(?:^|\/)\.gitattributes$/.test(one))) {
    const [old, now] = [await driverLines(base, path), await driverLines(head, path)];
    for (const line of old) {
      if (!now.includes(line)) loosened.push({ kind: "attributes", path, message: `the line '${cut(line)}' is gone` });
    }
  }
  for (const { finding, line, reason } of await newlyAllowed(context, base, head, settings, changed))
    loosened.push({
      kind: "allow-comment",
      path: finding.path,
      line,
      message: `a comment accepts a finding of ${finding.rule}, because: ${reason}`,
    });
  return loosened;
}

/** The lines of a `.gitattributes` that name one of our drivers: without them secrets.enc is a file like any other. */
async function driverLines(snapshot: Snapshot, path: string): Promise<string[]> {
  const lines = (await snapshot.read(path))?.toString("utf8").split(/\r?\n/) ?? [];
  return lines.filter((line) => /^[^#].*\s(?:filter|merge)=muxi-git/.test(line));
}

interface MarkedFile {
  path: string;
  mode: string;
  bytes: Buffer;
}

/** What allow comments of changed files accept, and accepted neither in the file's older version nor in one that is gone. */
async function newlyAllowed(
  { keyring, topLevel }: RepositoryContext,
  base: Snapshot,
  head: Snapshot,
  settings: Settings,
  changed: readonly string[],
): Promise<AllowedFinding[]> {
  const { allowComments } = settings;
  const marked = async (snapshot: Snapshot, paths: readonly string[]): Promise<MarkedFile[]> => {
    const files = await inTurns(paths, async (path): Promise<MarkedFile | null> => {
      const mode = snapshot.entries.get(path)?.mode ?? MODE_SYMLINK;
      const bytes = mode === MODE_SYMLINK ? null : await snapshot.read(path);
      const isMarked = bytes !== null && bytes.length <= LARGE_FILE && withComments(bytes, allowComments) !== null;
      return isMarked ? { path, mode, bytes } : null;
    });
    return files.filter((file) => file !== null);
  };
  const now = await marked(head, changed);
  if (now.length === 0) return [];

  const formations = formationPaths(formationsOf(base), formationsOf(head));
  const scanner = scannerUnder(settings, await gatherKnown(formations, [base, head], keyring, topLevel));
  const rulesAt = await rulesByPath(settings);
  const allowed = (files: readonly MarkedFile[]): AllowedFinding[] =>
    files.flatMap(({ path, mode, bytes }) => {
      const file = { path, mode, bytes, formations, ...rulesAt(path) };
      return withoutSecretName(scanner, path, judgeFile(scanner, file)).allowed;
    });
  const gone = changed.filter((path) => !head.entries.has(path));
  const old = allowed(await marked(base, [...now.map(({ path }) => path), ...gone]));
  const stood = new Set(
    old.map(
      ({ finding }) => `${head.entries.has(finding.path) ? finding.path : ""}\0${finding.rule}\0${finding.secretId}`,
    ),
  );
  return allowed(now).filter(({ finding: { path, rule, secretId } }) =>
    ["", path].every((place) => !stood.has(`${place}\0${rule}\0${secretId}`)),
  );
}
