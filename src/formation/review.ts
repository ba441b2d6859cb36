/**
 * Two versions of a formation, by secret name: what a reviewer wants to know
 * and what no ciphertext shows. Names only, never a value.
 *
 * With the keys of both versions it is exact. Without, names are those of the
 * template (where there is none, of references), and {@link FormationReview.changed} is null: not known. A
 * version's file that this clone lacks is {@link FormationReview.unread}, never
 * taken for one that is not there.
 */
import { diffNames } from "../secrets/names-diff.ts";
import { compareUtf8, decodeText } from "../secrets/text.ts";
import type { Settings } from "../settings.ts";
import type { Formation } from "./discover.ts";
import { type EncryptedState, type FormationState, namesOf, problemIdentity } from "./drift.ts";
import { normalizeName, withoutValue } from "./names.ts";
import type { Problem } from "./problem.ts";
import { findReferences } from "./references.ts";
import { problemsOf } from "./severity.ts";

/** What could be read of one version's secrets.enc. */
export type KeyReport = "opened" | "no-key" | "wrong-key" | "damaged" | "not-encrypted" | "unread" | "none";

/** The first place of a name in a file. */
export interface PlacedReference {
  name: string;
  /** Repository path. */
  path: string;
  /** From 1. */
  line: number;
}

export interface FormationReview {
  /** Repository path of the folder, `""` for the root; of one that is gone, where it was. */
  path: string;
  formation: "added" | "removed" | "moved" | "kept";
  /** Where a moved formation was; null for any other. */
  movedFrom: string | null;
  keys: { base: KeyReport; head: KeyReport };
  /** The names are those of secrets.enc; false where they are of the template, or of references. */
  exact: boolean;
  added: string[];
  removed: string[];
  /** null where a version could not be opened. */
  changed: string[] | null;
  renamed: { from: string; to: string }[];
  /** Another key opens the new version; null where that could not be told. */
  rekeyed: boolean | null;
  /** The bytes of secrets.enc differ. */
  encryptedChanged: boolean;
  template: { added: string[]; removed: string[] };
  references: { added: PlacedReference[]; removed: PlacedReference[] };
  /** Where the newer version references the names above. */
  uses: PlacedReference[];
  /** Names that are gone while the newer version references them. */
  removedInUse: string[];
  /** Problems that the base did not have; notes are left out. */
  problems: Problem[];
  /** Repository paths whose bytes this clone lacks. */
  unread: string[];
}

/** One version: the formation's state, whose key opened it, and the bytes' identity. */
export interface ReviewedVersion {
  state: FormationState;
  /** Fingerprint of the key that opened it; null where none did. */
  keyFingerprint: string | null;
  /** Equal for equal bytes of secrets.enc; null where there is none. */
  encryptedId: string | null;
  /** Repository paths of files of it that cannot be read here. */
  unread: readonly string[];
}

/**
 * @param settings - of the newer version: what a change of them hides or shows is the reviewer's to see there.
 * @returns null where nothing that a reviewer would ask about differs.
 */
export function reviewFormation(
  base: ReviewedVersion | null,
  head: ReviewedVersion | null,
  settings: Pick<Settings, "severities"> = { severities: {} },
): FormationReview | null {
  const [before, after] = [encryptedOf(base), encryptedOf(head)];
  const [old, now] = [secretsOf(before), secretsOf(after)];
  const exact = old !== null && now !== null;
  const [were, are] = [statedNames(base), statedNames(head)];
  const names = exact ? diffNames(old, now) : { ...difference(were.known, are.known), renamed: [] };
  const template = difference(were.template, are.template);
  const encryptedChanged = (base?.encryptedId ?? null) !== (head?.encryptedId ?? null);
  const from = base?.state.formation.path;
  const to = head?.state.formation.path;

  const gone = [...names.removed, ...names.renamed.map((one) => one.from)];
  const [placesBefore, placesNow] = [placesIn(base), placesIn(head)];
  const places = [...placesNow.values()];
  const referenced = new Set(places.map(({ name }) => name));
  const told = new Set(
    [
      ...names.added,
      ...gone,
      ...("changed" in names ? names.changed : []),
      ...names.renamed.map((one) => one.to),
      ...template.added,
      ...template.removed,
    ].map(normalizeName),
  );

  const review: FormationReview = {
    path: to ?? from ?? "",
    formation: base === null ? "added" : head === null ? "removed" : from === to ? "kept" : "moved",
    movedFrom: from !== undefined && to !== undefined && from !== to ? from : null,
    keys: { base: keyReport(base, before), head: keyReport(head, after) },
    exact,
    added: names.added.map(withoutValue),
    removed: names.removed.map(withoutValue),
    changed: "changed" in names ? names.changed.map(withoutValue) : encryptedChanged ? null : [],
    renamed: names.renamed.map((one) => ({ from: withoutValue(one.from), to: withoutValue(one.to) })),
    rekeyed: rekeyed(before, after, base, head),
    encryptedChanged,
    template,
    references: { added: onlyIn(placesNow, placesBefore), removed: onlyIn(placesBefore, placesNow) },
    uses: places
      .filter(({ name }) => told.has(name))
      .map(printable)
      .sort(byNameAndPlace),
    removedInUse:
      head === null
        ? []
        : [...new Set(gone)]
            .filter((name) => referenced.has(normalizeName(name)))
            .map(withoutValue)
            .sort(compareUtf8),
    problems: newProblems(base, head, settings),
    unread: [...new Set([...(base?.unread ?? []), ...(head?.unread ?? [])])].sort(compareUtf8),
  };
  return isQuiet(review) ? null : review;
}

/** Whether there is nothing in it that a reviewer would ask about. */
export function isQuiet(review: FormationReview): boolean {
  return (
    review.formation === "kept" &&
    !review.encryptedChanged &&
    [review.added, review.removed, review.renamed, review.problems, review.unread].every((list) => list.length === 0) &&
    [...Object.values(review.template), ...Object.values(review.references)].every((list) => list.length === 0)
  );
}

function encryptedOf(version: ReviewedVersion | null): EncryptedState {
  return version?.state.encrypted ?? { kind: "none" };
}

/** An absent secrets.enc holds no names: that is known without a key. */
function secretsOf(state: EncryptedState) {
  if (state.kind === "none") return new Map();
  return state.kind === "opened" ? state.secrets : null;
}

function keyReport(version: ReviewedVersion | null, state: EncryptedState): KeyReport {
  const path = version?.state.formation.encrypted ?? null;
  if (path !== null && version?.unread.includes(path)) return "unread";
  switch (state.kind) {
    case "opened":
    case "none":
      return state.kind;
    case "locked":
      return state.reason;
    case "plaintext":
      return "not-encrypted";
    default:
      return "damaged";
  }
}

function rekeyed(
  before: EncryptedState,
  after: EncryptedState,
  base: ReviewedVersion | null,
  head: ReviewedVersion | null,
): boolean | null {
  if (before.kind === "none" || after.kind === "none" || base?.encryptedId === head?.encryptedId) return false;
  if (before.kind === "opened" && after.kind === "opened") return base?.keyFingerprint !== head?.keyFingerprint;
  // One key opens one version and not the other, which is well formed: another key, or one altered byte.
  if (before.kind === "opened" && isShut(after)) return true;
  if (isShut(before) && after.kind === "opened") return true;
  return null;
}

function isShut(state: EncryptedState): boolean {
  return state.kind === "locked" && state.reason === "wrong-key";
}

/** `known` are the names that can be seen without a key: the template's, where there is none those that are referenced. */
function statedNames(version: ReviewedVersion | null): { template: string[]; known: string[] } {
  if (version === null) return { template: [], known: [] };
  const { template, referenced } = namesOf(version.state);
  return { template, known: version.state.template === null ? referenced : template };
}

function difference(before: readonly string[], after: readonly string[]): { added: string[]; removed: string[] } {
  const [old, now] = [new Set(before), new Set(after)];
  return {
    added: after.filter((name) => !old.has(name)).sort(compareUtf8),
    removed: before.filter((name) => !now.has(name)).sort(compareUtf8),
  };
}

/** As they stand in the formation's folder, wherever that is. */
function inside(formation: Formation, path: string): string {
  return formation.path === "" ? path : path.slice(formation.path.length + 1);
}

/** Problems of the newer version that the older, at the newer one's place, does not have. */
function newProblems(
  base: ReviewedVersion | null,
  head: ReviewedVersion | null,
  settings: Pick<Settings, "severities">,
): Problem[] {
  if (head === null) return [];
  const { formation } = head.state;
  const held = new Set(
    base === null
      ? []
      : problemsOf(base.state, settings, "check").map((problem) => {
          const way = inside(base.state.formation, problem.path);
          const path = formation.path === "" ? way : `${formation.path}/${way}`;
          return problemIdentity({ ...problem, formation: formation.path, path });
        }),
  );
  return problemsOf(head.state, settings, "check").filter(
    (problem) => problem.severity !== "note" && !held.has(problemIdentity(problem)),
  );
}

/** First place of each name in each file, by the file's place in the folder and the name. */
function placesIn(version: ReviewedVersion | null): Map<string, PlacedReference> {
  const places = new Map<string, PlacedReference>();
  if (version === null) return places;
  for (const { path, bytes } of version.state.referenceFiles) {
    const text = decodeText(bytes);
    if (text === null) continue;
    const way = inside(version.state.formation, path);
    for (const { name, line, kind } of findReferences(way, text)) {
      const id = `${way}\0${name}`;
      if (kind === "reference" && !places.has(id)) places.set(id, { name, path, line });
    }
  }
  return places;
}

/** A reference that moved within its file, or with it, is the same. */
function onlyIn(these: Map<string, PlacedReference>, those: Map<string, PlacedReference>): PlacedReference[] {
  return [...these]
    .filter(([id]) => !those.has(id))
    .map(([, place]) => printable(place))
    .sort(byNameAndPlace);
}

function printable(place: PlacedReference): PlacedReference {
  return { ...place, name: withoutValue(place.name) };
}

function byNameAndPlace(a: PlacedReference, b: PlacedReference): number {
  return compareUtf8(a.name, b.name) || compareUtf8(a.path, b.path) || a.line - b.line;
}

/** A file that more formations hold alike says nothing about which of them moved. */
const MOST_ALIKE = 64;

/** A formation by what its files hold: an identity of each file's bytes by its place in the folder. */
export interface FormationContents {
  path: string;
  files: ReadonlyMap<string, string>;
}

/**
 * Which of the formations that are new is which of those that are gone: the pairs that share most of their files, at
 * least half of the smaller one's. A formation moves with its folder, so files are compared by place and content.
 *
 * @returns old path by new path.
 */
export function pairMoved(
  gone: readonly FormationContents[],
  added: readonly FormationContents[],
): Map<string, string> {
  const byFile = new Map<string, FormationContents[]>();
  for (const one of gone) {
    for (const [place, id] of one.files) {
      const slot = `${place}\0${id}`;
      const holders = byFile.get(slot);
      if (holders === undefined) byFile.set(slot, [one]);
      else holders.push(one);
    }
  }
  const pairs: { from: FormationContents; to: FormationContents; shared: number }[] = [];
  for (const to of added) {
    const shared = new Map<FormationContents, number>();
    for (const [place, id] of to.files) {
      const holders = byFile.get(`${place}\0${id}`) ?? [];
      if (holders.length <= MOST_ALIKE) for (const from of holders) shared.set(from, (shared.get(from) ?? 0) + 1);
    }
    for (const [from, count] of shared) {
      if (count * 2 >= Math.min(from.files.size, to.files.size)) pairs.push({ from, to, shared: count });
    }
  }
  pairs.sort(
    (a, b) => b.shared - a.shared || compareUtf8(a.to.path, b.to.path) || compareUtf8(a.from.path, b.from.path),
  );
  const moved = new Map<string, string>();
  const taken = new Set<string>();
  for (const { from, to } of pairs) {
    if (moved.has(to.path) || taken.has(from.path)) continue;
    moved.set(to.path, from.path);
    taken.add(from.path);
  }
  return moved;
}

/** What a version lets through that the one before did not. */
export interface Loosening {
  kind: "setting" | "attributes" | "allow-comment" | "baseline";
  /** Repository path: of the settings or attributes, of the file with the comment, of the file whose finding is accepted. */
  path: string;
  line?: number;
  /** Holds the reason that was given. */
  message: string;
}

/** All that differs between two versions of a repository. */
export interface Review {
  /** Sorted by path. */
  formations: FormationReview[];
  loosened: Loosening[];
}

const some = (has: (formation: FormationReview) => boolean) => (review: Review) => review.formations.some(has);

/** What `--fail-on` knows. Words are never given another meaning. */
const FAILURES = {
  added: some(({ added }) => added.length > 0),
  removed: some(({ removed }) => removed.length > 0),
  changed: some(({ changed }) => changed !== null && changed.length > 0),
  renamed: some(({ renamed }) => renamed.length > 0),
  rekeyed: some((formation) => formation.rekeyed === true),
  "removed-in-use": some(({ removedInUse }) => removedInUse.length > 0),
  problems: some(({ problems }) => problems.some(({ severity }) => severity === "error")),
  loosened: ({ loosened }) => loosened.length > 0,
  "not-known": some(({ exact, encryptedChanged, unread }) => (!exact && encryptedChanged) || unread.length > 0),
  any: differs,
} as const satisfies Record<string, (review: Review) => boolean>;

export type FailOn = keyof typeof FAILURES;
export const FAIL_ON = Object.keys(FAILURES) as FailOn[];

export function failures(review: Review, words: readonly FailOn[]): FailOn[] {
  return words.filter((word) => FAILURES[word](review));
}

export function differs({ formations, loosened }: Review): boolean {
  return formations.length + loosened.length > 0;
}
