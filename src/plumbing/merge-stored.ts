/**
 * Three versions of a secrets.enc made one, for the merge driver and for
 * `resolve`. Each is opened with whichever key of this clone fits; what is
 * plaintext already is read as it is and comes out sealed.
 */
import { folderOf } from "../formation/discover.ts";
import { findGitPlaces } from "../git/git-dir.ts";
import { canonicalToken } from "../secrets/canonical.ts";
import { parseAssignments, parseSecrets, type Secrets, sameSecrets } from "../secrets/json.ts";
import { type Key, sameKey } from "../secrets/key.ts";
import { isSameOrAbsent, type MergeOptions, mergeSecrets, type NameConflict } from "../secrets/merge.ts";
import { classifyStored, openStored } from "../secrets/stored-form.ts";
import { LARGEST_OPENED } from "./clean.ts";
import { keyBatches } from "./every-key.ts";
import type { FoundKey } from "./held-keys.ts";
import { keyOfFormation } from "./keyring.ts";

interface OpenedFile {
  readonly secrets: Secrets;
  /** null where none was needed. */
  readonly key: Key | null;
  readonly why?: undefined;
}

/** Completes "cannot be merged: …". Holds no value. */
interface Shut {
  readonly why: string;
}

/** Three versions that can be merged, in as many ways as there are choices. */
export interface OpenedVersions {
  readonly base: OpenedFile;
  readonly ours: OpenedFile;
  readonly theirs: OpenedFile;
  /** That the result is sealed with. */
  readonly key: Key;
  readonly bytes: readonly [Buffer, Buffer, Buffer];
  readonly why?: undefined;
}

export interface MergedFile {
  readonly bytes: Uint8Array;
  readonly conflicts: readonly NameConflict[];
}

/**
 * @param path - repository path.
 * @param bytes - base, ours, theirs, as git stores them.
 * @param topLevel - absolute root of this working tree.
 * @param given - keys to try before those that are here.
 */
export function openVersions(
  path: string,
  bytes: readonly [Buffer, Buffer, Buffer],
  topLevel: string,
  given: readonly Key[] = [],
): OpenedVersions | Shut {
  const keys = new KeyRing(folderOf(path), topLevel, given);
  const [base, ours, theirs] = bytes.map((one) => read(one, keys)) as [Content, Content, Content];
  if (base.why !== undefined) return { why: `the common ancestor's version ${base.why}` };
  if (ours.why !== undefined) return { why: `our version ${ours.why}` };
  if (theirs.why !== undefined) return { why: `their version ${theirs.why}` };
  const key = keyOf(base.key, ours.key, theirs.key) ?? keys.own();
  if (key === "both") return { why: "both sides changed the key" };
  if (key === null) return { why: "its key is not here" };
  return { base, ours, theirs, key, bytes };
}

export function mergeStored(
  { base, ours, theirs, key, bytes }: OpenedVersions,
  options: MergeOptions = {},
): MergedFile {
  const { secrets, conflicts } = mergeSecrets(base.secrets, ours.secrets, theirs.secrets, options);
  const same = [ours, theirs].findIndex(
    (side) => side.key !== null && sameKey(side.key, key) && sameSecrets(side.secrets, secrets),
  );
  // A side's own bytes where they say the same: then the merge changes nothing for it.
  const result = same < 0 ? canonicalToken(secrets, key) : (bytes[same + 1] as Buffer);
  return { bytes: result, conflicts };
}

/**
 * The versions of a merge whose ours has names that an earlier merge left open:
 * base and theirs get back what they had there, so that each is in conflict again.
 * Names that this merge changes itself are as it has them.
 */
export function reopened(versions: OpenedVersions, earlier: OpenedVersions): OpenedVersions {
  const { key } = versions;
  const base: Secrets = new Map(versions.base.secrets);
  const theirs: Secrets = new Map(versions.theirs.secrets);
  for (const { name } of mergeStored(earlier).conflicts) {
    if (!isSameOrAbsent(base.get(name), theirs.get(name))) continue;
    put(base, name, earlier.base.secrets);
    put(theirs, name, earlier.theirs.secrets);
  }
  const bytes = [canonicalToken(base, key), versions.bytes[1], canonicalToken(theirs, key)] as const;
  return { ...versions, base: { secrets: base, key }, theirs: { secrets: theirs, key }, bytes };
}

function put(secrets: Secrets, name: string, from: Secrets): void {
  const value = from.get(name);
  if (value === undefined) secrets.delete(name);
  else secrets.set(name, value);
}

type Content = OpenedFile | Shut;

/** The key that the result gets, by the law of a three-way merge; null where no side has one. */
function keyOf(base: Key | null, ours: Key | null, theirs: Key | null): Key | null | "both" {
  if (ours === null || theirs === null) return ours ?? theirs;
  if (sameKey(ours, theirs)) return ours;
  if (base !== null && sameKey(base, ours)) return theirs;
  if (base !== null && sameKey(base, theirs)) return ours;
  return "both";
}

function read(bytes: Buffer, keys: KeyRing): Content {
  if (bytes.length > LARGEST_OPENED) return { why: "is too large to be opened" };
  try {
    switch (classifyStored(bytes)) {
      case "empty":
        return { secrets: new Map(), key: null };
      case "token":
        return keys.open(bytes);
      case "plaintext-json":
        return { secrets: parseSecrets(bytes), key: null };
      case "plaintext-assignments":
        return { secrets: parseAssignments(bytes) ?? new Map(), key: null };
      case "conflict-markers":
        return { why: "holds conflict markers" };
      case "other":
        return { why: "is neither a token nor secrets in JSON" };
    }
  } catch {
    // The cause may hold what it was reading.
    return { why: "is plain text that is no set of secrets" };
  }
}

/** The keys of this clone, read as far as they are needed. */
class KeyRing {
  readonly #folder: string;
  readonly #topLevel: string;
  readonly #batches: Generator<FoundKey[]>;
  readonly #known: Key[];

  constructor(folder: string, topLevel: string, given: readonly Key[]) {
    this.#folder = folder;
    this.#topLevel = topLevel;
    this.#batches = keyBatches([folder], topLevel);
    this.#known = [...given];
  }

  open(token: Buffer): Content {
    for (let tried: Key[] = this.#known; ; ) {
      const opened = openStored(token, tried);
      if (opened.failure === undefined) return { secrets: opened.secrets, key: opened.key };
      if (opened.key !== undefined) return { why: `opens, but ${opened.message}` };
      if (opened.failure === "malformed" && tried.length > 0) return { why: `is damaged: ${opened.message}` };
      const next = this.#batches.next();
      if (next.done === true) break;
      tried = next.value.map(({ key }) => key);
      this.#known.push(...tried);
    }
    return { why: this.#known.length === 0 ? "cannot be opened: no key is here" : "opens with no key that is here" };
  }

  /** The formation's own; that of another is not taken where it has none. */
  own(): Key | null {
    const found = keyOfFormation(this.#folder, this.#topLevel, findGitPlaces(this.#topLevel));
    return found.state === "ok" ? found.key : null;
  }
}
