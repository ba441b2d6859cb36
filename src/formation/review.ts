/**
 * Two versions of a formation, by secret name: what a reviewer wants to know
 * and what no ciphertext shows. Names only, never a value.
 *
 * With the keys of both versions it is exact. Without, names come from template
 * and references, and {@link FormationReview.changed} is null: not known.
 */
import { diffNames } from "../secrets/names-diff.ts";
import { compareUtf8, decodeText } from "../secrets/text.ts";
import type { Settings } from "../settings.ts";
import { type EncryptedState, type FormationState, namesOf, problemIdentity } from "./drift.ts";
import type { Problem } from "./problem.ts";
import { findReferences } from "./references.ts";
import { problemsOf } from "./severity.ts";

/** What could be read of one version's secrets.enc. */
export type KeyReport = "opened" | "no-key" | "wrong-key" | "damaged" | "not-encrypted" | "none";

export interface PlacedReference {
  name: string;
  path: string;
  line: number;
}

export interface FormationReview {
  /** Repository path of the folder, `""` for the root. */
  path: string;
  /** The formation itself is new, gone, or in both. */
  formation: "added" | "removed" | "kept";
  keys: { base: KeyReport; head: KeyReport };
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
  /** Problems that the base did not have. */
  problems: Problem[];
}

/** One version: the formation's state, whose key opened it, and the bytes' identity. */
export interface ReviewedVersion {
  state: FormationState;
  /** Fingerprint of the key that opened it; null where none did. */
  keyFingerprint: string | null;
  /** Equal for equal bytes of secrets.enc; null where there is none. */
  encryptedId: string | null;
}

/**
 * @param settings - of the newer version: what a change of them hides or shows is the reviewer's to see there.
 * @returns null where nothing that a reviewer would ask about differs.
 */
export function reviewFormation(
  path: string,
  base: ReviewedVersion | null,
  head: ReviewedVersion | null,
  settings: Pick<Settings, "severities"> = { severities: {} },
): FormationReview | null {
  const before = base?.state.encrypted ?? { kind: "none" as const };
  const after = head?.state.encrypted ?? { kind: "none" as const };
  const template = difference(templateNames(base), templateNames(head));
  const references = referenceDifference(base, head);
  const exact = secretsOf(before) !== null && secretsOf(after) !== null;
  const names = exact
    ? diffNames(secretsOf(before)!, secretsOf(after)!)
    : { ...difference(knownNames(base), knownNames(head)), renamed: [] };
  const encryptedChanged = (base?.encryptedId ?? null) !== (head?.encryptedId ?? null);
  const problemsIn = (version: ReviewedVersion | null): Problem[] =>
    version === null ? [] : problemsOf(version.state, settings, "check");
  const old = new Set(problemsIn(base).map(problemIdentity));
  const problems = problemsIn(head).filter((problem) => !old.has(problemIdentity(problem)));

  const review: FormationReview = {
    path,
    formation: base === null ? "added" : head === null ? "removed" : "kept",
    keys: { base: keyReport(before), head: keyReport(after) },
    added: names.added,
    removed: names.removed,
    changed: "changed" in names ? names.changed : encryptedChanged ? null : [],
    renamed: [...names.renamed],
    rekeyed: rekeyed(before, after, base, head),
    encryptedChanged,
    template,
    references,
    problems: problems.filter((problem) => problem.severity !== "note"),
  };
  return isQuiet(review) ? null : review;
}

function isQuiet(review: FormationReview): boolean {
  return (
    review.formation === "kept" &&
    !review.encryptedChanged &&
    [review.added, review.removed, review.renamed, review.problems].every((list) => list.length === 0) &&
    [...Object.values(review.template), ...Object.values(review.references)].every((list) => list.length === 0)
  );
}

/** An absent secrets.enc holds no names: that is known without a key. */
function secretsOf(state: EncryptedState) {
  if (state.kind === "none") return new Map();
  return state.kind === "opened" ? state.secrets : null;
}

function keyReport(state: EncryptedState): KeyReport {
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
  if (before.kind === "none" || after.kind === "none") return false;
  if (before.kind === "opened" && after.kind === "opened") return base?.keyFingerprint !== head?.keyFingerprint;
  // One key opens one version and not the other, which is well formed: another key, or one altered byte.
  if (before.kind === "opened" && after.kind === "locked") return true;
  if (before.kind === "locked" && after.kind === "opened") return true;
  return base?.encryptedId === head?.encryptedId ? false : null;
}

function templateNames(version: ReviewedVersion | null): string[] {
  return version === null ? [] : namesOf(version.state).template;
}

/** Names that can be seen without a key. */
function knownNames(version: ReviewedVersion | null): string[] {
  if (version === null) return [];
  const { template, referenced, encrypted } = namesOf(version.state);
  return [...new Set([...template, ...referenced, ...(encrypted ?? [])])];
}

function difference(before: readonly string[], after: readonly string[]): { added: string[]; removed: string[] } {
  const [old, now] = [new Set(before), new Set(after)];
  return {
    added: after.filter((name) => !old.has(name)).sort(compareUtf8),
    removed: before.filter((name) => !now.has(name)).sort(compareUtf8),
  };
}

/** First place of each name in each file; a reference that moved within its file is the same. */
function placesOf(version: ReviewedVersion | null): Map<string, PlacedReference> {
  const places = new Map<string, PlacedReference>();
  for (const { path, bytes } of version?.state.referenceFiles ?? []) {
    const folder = version?.state.formation.path ?? "";
    const text = decodeText(bytes);
    if (text === null) continue;
    for (const { name, line, kind } of findReferences(folder === "" ? path : path.slice(folder.length + 1), text)) {
      const id = `${path}\0${name}`;
      if (kind === "reference" && !places.has(id)) places.set(id, { name, path, line });
    }
  }
  return places;
}

function referenceDifference(
  base: ReviewedVersion | null,
  head: ReviewedVersion | null,
): FormationReview["references"] {
  const [before, after] = [placesOf(base), placesOf(head)];
  const only = (these: Map<string, PlacedReference>, those: Map<string, PlacedReference>) =>
    [...these]
      .filter(([id]) => !those.has(id))
      .map(([, place]) => place)
      .sort((a, b) => compareUtf8(a.name, b.name) || compareUtf8(a.path, b.path));
  return { added: only(after, before), removed: only(before, after) };
}
