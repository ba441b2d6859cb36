/**
 * Three-way merge of secrets, by name: the law of every line-based merge, with
 * names for lines, so that neighbours never conflict and order means nothing.
 *
 * | base, ours, theirs | result |
 * |---|---|
 * | ours = theirs | that |
 * | base = ours | theirs |
 * | base = theirs | ours |
 * | all differ | a conflict |
 *
 * "Absent" is a value like any other here: a name that one side removed and the
 * other left alone is removed; one that the other changed is a conflict.
 */
import { compareUtf8, type Secrets, type SecretValue, sameValue } from "./json.ts";

export type Side = "ours" | "theirs";

export type ConflictKind = "both-changed" | "both-added" | "removed-by-ours" | "removed-by-theirs";

/** What each side did, to follow the name. */
export const WHAT_WAS_DONE: Record<ConflictKind, string> = {
  "both-changed": "was changed on both sides",
  "both-added": "was added on both sides, with two values",
  "removed-by-ours": "was removed by us and changed by them",
  "removed-by-theirs": "was removed by them and changed by us",
};

export interface NameConflict {
  readonly name: string;
  readonly kind: ConflictKind;
}

export interface MergedSecrets {
  readonly secrets: Secrets;
  /** Sorted by UTF-8 bytes of the name. */
  readonly conflicts: readonly NameConflict[];
}

export interface MergeOptions {
  /** Which side's value a conflicting name gets. Such a name is no conflict any more. */
  choices?: ReadonlyMap<string, Side>;
  /**
   * What a conflict leaves: our value, or no such name. The second is for the
   * base that git makes of several merge bases: there the name must differ from
   * both sides, or the one that it resembles would lose to the other in silence.
   */
  unresolved?: "ours" | "absent";
}

export function mergeSecrets(base: Secrets, ours: Secrets, theirs: Secrets, options: MergeOptions = {}): MergedSecrets {
  const secrets: Secrets = new Map();
  const conflicts: NameConflict[] = [];
  const names = [...new Set([...base.keys(), ...ours.keys(), ...theirs.keys()])].sort(compareUtf8);
  for (const name of names) {
    const [before, mine, other] = [base.get(name), ours.get(name), theirs.get(name)];
    let value = mine;
    if (!isSameOrAbsent(mine, other)) {
      if (isSameOrAbsent(before, mine)) value = other;
      else if (!isSameOrAbsent(before, other)) {
        const choice = options.choices?.get(name);
        if (choice === undefined) conflicts.push({ name, kind: kindOf(before, mine, other) });
        if (choice === "theirs") value = other;
        else if (choice === undefined && options.unresolved === "absent") value = undefined;
      }
    }
    if (value !== undefined) secrets.set(name, value);
  }
  return { secrets, conflicts };
}

export function isSameOrAbsent(a: SecretValue | undefined, b: SecretValue | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameValue(a, b);
}

function kindOf(
  base: SecretValue | undefined,
  ours: SecretValue | undefined,
  theirs: SecretValue | undefined,
): ConflictKind {
  if (ours === undefined) return "removed-by-ours";
  if (theirs === undefined) return "removed-by-theirs";
  return base === undefined ? "both-added" : "both-changed";
}
