/** Which names changed between two sets of secrets. Holds names only; values are compared and forgotten. */
import { compareUtf8, type Secrets, type SecretValue, sameValue } from "./json.ts";

/** Each list sorted by UTF-8 bytes, `renamed` by `from`. */
export interface NamesDiff {
  readonly added: string[];
  readonly removed: string[];
  readonly changed: string[];
  readonly renamed: { readonly from: string; readonly to: string }[];
}

/**
 * A rename is a removed and an added name that hold the same value, where no other removed or added name holds it.
 * Empty strings are no evidence: most templates have several.
 */
export function diffNames(before: Secrets, after: Secrets): NamesDiff {
  const added = [...after.keys()].filter((name) => !before.has(name));
  const removed = [...before.keys()].filter((name) => !after.has(name));
  const changed = [...before].filter(([name, value]) => {
    const now = after.get(name);
    return now !== undefined && !sameValue(value, now);
  });

  const addedBy = byValue(added, after);
  const renamed: { from: string; to: string }[] = [];
  for (const [value, from] of byValue(removed, before)) {
    const to = addedBy.get(value);
    if (from.length === 1 && to?.length === 1) renamed.push({ from: from[0] as string, to: to[0] as string });
  }
  const settled = new Set(renamed.flatMap(({ from, to }) => [`-${from}`, `+${to}`]));
  return {
    added: added.filter((name) => !settled.has(`+${name}`)).sort(compareUtf8),
    removed: removed.filter((name) => !settled.has(`-${name}`)).sort(compareUtf8),
    changed: changed.map(([name]) => name).sort(compareUtf8),
    renamed: renamed.sort((a, b) => compareUtf8(a.from, b.from)),
  };
}

/** Names by the value they hold, one key for each distinct non-empty value. */
function byValue(names: readonly string[], secrets: Secrets): Map<string, string[]> {
  const holders = new Map<string, string[]>();
  for (const name of names) {
    const value = secrets.get(name) as SecretValue;
    if (value.kind === "string" && value.value === "") continue;
    const slot = value.kind === "string" ? `s${value.value}` : `o${value.text}`;
    const others = holders.get(slot);
    if (others === undefined) holders.set(slot, [name]);
    else others.push(name);
  }
  return holders;
}
