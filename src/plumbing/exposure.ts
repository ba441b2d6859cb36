/**
 * What a key gives away: every name that any secrets.enc in the history held
 * under it, in all refs and at all paths, copies beside it included, and in what
 * only the reflog knows any more: it may have been pushed. Who has the key and a
 * clone has these values, whatever was rotated since.
 */
import { MODE_SYMLINK } from "../git/entries.ts";
import { readObjects } from "../git/object-stream.ts";
import { type PathCommit, readPathHistory } from "../git/path-history.ts";
import { isShallow, remoteCommits } from "../git/ranges.ts";
import { valueDigest } from "../secrets/digest.ts";
import type { Secrets } from "../secrets/json.ts";
import { type Key, keyFingerprint } from "../secrets/key.ts";
import { compareUtf8 } from "../secrets/text.ts";
import { LARGEST_OPENED } from "./clean.ts";
import { openFile } from "./formation-state.ts";
import { STORED_PATHSPEC } from "./name-ages.ts";

export interface SeenAt {
  commit: string;
  /** Seconds since 1970. */
  time: number;
}

export interface ExposedName {
  name: string;
  /** Repository paths of the files that held it. */
  paths: string[];
  /** How many different values. */
  values: number;
  /** One of them is what the name has now, in some formation here. */
  inUse: boolean;
  /** null: only in the working tree. */
  since: SeenAt | null;
  /** The latest commit that stored one. */
  last: SeenAt | null;
  /** A remote-tracking ref contains a commit that stored one. */
  onRemote: boolean;
}

export interface Exposure {
  fingerprint: string;
  /** Different files that the key opens. */
  versions: number;
  /** By name. */
  names: ExposedName[];
}

export interface Exposures {
  keys: Exposure[];
  /** Versions that this clone lacks, or that are too large to be opened. */
  unread: number;
  shallow: boolean;
}

/** A file of the working tree, opened. */
export interface OpenedNow {
  path: string;
  key: Key;
  secrets: Secrets;
}

/** @param now - what the formations hold at present. */
export async function exposuresOf(
  keys: readonly Key[],
  now: readonly OpenedNow[],
  topLevel: string,
): Promise<Exposures> {
  const history = readPathHistory(["--all", "--reflog"], [STORED_PATHSPEC], topLevel);
  const places = placesOf(history);
  const opened = new Map<string, { key: Key; secrets: Secrets }>();
  const left = new Set(places.keys());
  for await (const { oid, size, bytes } of readObjects(topLevel, [...left], (_, type) => type === "blob")) {
    if (size > LARGEST_OPENED || bytes.length !== size) continue;
    left.delete(oid);
    const { key, secrets } = openFile(bytes, keys);
    if (key !== null && secrets !== null) opened.set(oid, { key, secrets });
  }
  const remote = opened.size === 0 ? new Set<string>() : remoteCommits(topLevel);
  const collected = keys.map((key) => new Collected(key, now));
  for (const [oid, { key, secrets }] of opened) {
    const of = collected.find((one) => one.key === key);
    of?.add(secrets, places.get(oid) ?? [], remote);
  }
  for (const { path, key, secrets } of now) {
    collected.find((one) => keyFingerprint(one.key) === keyFingerprint(key))?.addPresent(secrets, path);
  }
  return { keys: collected.map((one) => one.result()), unread: left.size, shallow: isShallow(topLevel) };
}

interface Place {
  commit: PathCommit;
  path: string;
}

/** By blob, where it was put: each commit and path that brings it. */
function placesOf(history: readonly PathCommit[]): Map<string, Place[]> {
  const places = new Map<string, Place[]>();
  for (const commit of history) {
    for (const path of commit.changed) {
      const file = commit.files.get(path);
      if (file === undefined || file.mode === MODE_SYMLINK) continue;
      const known = places.get(file.oid);
      if (known === undefined) places.set(file.oid, [{ commit, path }]);
      else known.push({ commit, path });
    }
  }
  return places;
}

interface Seen {
  paths: Set<string>;
  values: Set<string>;
  since: SeenAt | null;
  last: SeenAt | null;
  onRemote: boolean;
}

class Collected {
  readonly key: Key;
  readonly #now: readonly OpenedNow[];
  readonly #names = new Map<string, Seen>();
  #versions = 0;

  constructor(key: Key, now: readonly OpenedNow[]) {
    this.key = key;
    this.#now = now;
  }

  add(secrets: Secrets, places: readonly Place[], remote: ReadonlySet<string>): void {
    this.#versions += 1;
    for (const [name, value] of secrets) {
      const seen = this.#seen(name);
      seen.values.add(valueDigest(this.key, name, value));
      for (const { commit, path } of places) {
        const { oid, time } = commit;
        seen.paths.add(path);
        if (seen.since === null || time < seen.since.time) seen.since = { commit: oid, time };
        if (seen.last === null || time >= seen.last.time) seen.last = { commit: oid, time };
        seen.onRemote ||= remote.has(oid);
      }
    }
  }

  addPresent(secrets: Secrets, path: string): void {
    for (const [name, value] of secrets) {
      const seen = this.#seen(name);
      seen.paths.add(path);
      seen.values.add(valueDigest(this.key, name, value));
    }
  }

  #seen(name: string): Seen {
    let seen = this.#names.get(name);
    if (seen === undefined) {
      seen = { paths: new Set(), values: new Set(), since: null, last: null, onRemote: false };
      this.#names.set(name, seen);
    }
    return seen;
  }

  result(): Exposure {
    const present = (name: string): string[] =>
      this.#now.flatMap(({ secrets }) => {
        const value = secrets.get(name);
        return value === undefined ? [] : [valueDigest(this.key, name, value)];
      });
    const names = [...this.#names].map(([name, { paths, values, ...seen }]) => ({
      name,
      paths: [...paths].sort(compareUtf8),
      values: values.size,
      inUse: present(name).some((digest) => values.has(digest)),
      ...seen,
    }));
    names.sort((a, b) => compareUtf8(a.name, b.name));
    return { fingerprint: keyFingerprint(this.key), versions: this.#versions, names };
  }
}
