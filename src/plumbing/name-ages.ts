/**
 * Since when each name has its value, and a key its place: told from the history
 * of all secrets.enc files, by opening every version with the keys at hand.
 *
 * As `git blame` does it: a name is passed on to a parent for as long as one has
 * the same value, and its last change is the commit at which none has. A folder
 * that was moved is followed; a commit that only changed the key changes no value.
 */
import type { BlobReader } from "../git/cat-file.ts";
import { ZERO_OID } from "../git/entries.ts";
import { blobAt, linkTarget, type PathCommit, readPathHistory } from "../git/path-history.ts";
import { findCommit, isShallow, readChanges } from "../git/ranges.ts";
import { type Secrets, sameValue } from "../secrets/json.ts";
import type { Key } from "../secrets/key.ts";
import { LARGEST_OPENED } from "./clean.ts";
import { openFile } from "./formation-state.ts";

/** Also a copy somebody committed beside it (`secrets.enc.bak`, `old-secrets.enc`). */
export const STORED_PATHSPEC = ":(top,glob)**/*secrets.enc*";

export interface LastChange {
  /** null: what is there now is not in the last commit. */
  commit: string | null;
  /** Of the commit, in seconds since 1970. */
  time: number | null;
  /** Otherwise it may be older: no key here opens what was before, or the clone ends there. */
  exact: boolean;
}

/** Files that git looks for by name; of more of them it is quicker to look at every secrets.enc. */
const MOST_LITERAL = 64;
/** How often the files of a history are found to have been elsewhere before. */
const MOST_MOVES = 16;

interface FileHistory {
  commits: readonly PathCommit[];
  shallow: boolean;
}

/** The history of HEAD as far as some secrets.enc files go, read at the first question. */
export class StoredHistory {
  readonly #topLevel: string;
  readonly #reader: BlobReader;
  readonly #paths: Set<string>;
  #read: FileHistory | undefined;

  /** @param paths - the files that will be asked about, where that is known: then the history is walked once. */
  constructor({ topLevel, reader }: { topLevel: string; reader: BlobReader }, paths: readonly string[] = []) {
    this.#topLevel = topLevel;
    this.#reader = reader;
    this.#paths = new Set(paths);
  }

  /**
   * When each name got the value that it has now.
   *
   * @param path - repository path of the secrets.enc.
   * @param current - what it holds now.
   * @param keys - those that may open older versions.
   */
  async lastChanges(path: string, current: Secrets, keys: readonly Key[]): Promise<Map<string, LastChange>> {
    if (!this.#paths.has(path)) {
      this.#paths.add(path);
      this.#read = undefined;
    }
    const { commits, shallow } = await this.#history();
    const byOid = new Map(commits.map((commit) => [commit.oid, commit]));
    const ages = new Map<string, LastChange>();
    const versions = new Map<string, Secrets | null>();
    /** By commit and path, the names that have there the value they have now. */
    const waiting = new Map<string, Map<string, string[]>>();
    const pass = async (commit: PathCommit, at: string, names: readonly string[]): Promise<string[] | null> => {
      const held = await this.#secretsAt(commit, at, keys, versions);
      if (held === null) return null;
      const same = names.filter((name) => isSame(held, current, name));
      const here = waiting.get(commit.oid) ?? new Map<string, string[]>();
      here.set(at, [...(here.get(at) ?? []), ...same]);
      waiting.set(commit.oid, here);
      return names.filter((name) => !isSame(held, current, name));
    };

    const head = commits.at(-1);
    const changed = head?.files.has(path) ? await pass(head, path, [...current.keys()]) : [...current.keys()];
    for (const name of changed ?? current.keys()) ages.set(name, { commit: null, time: null, exact: changed !== null });
    for (const commit of commits.toReversed()) {
      for (const [at, names] of waiting.get(commit.oid) ?? []) {
        let left = names;
        let exact = !shallow || commit.parentOids.length > 0;
        for (const oid of commit.parentOids) {
          const parent = byOid.get(oid);
          if (parent === undefined || left.length === 0) continue;
          const places = parent.files.has(at) ? [at] : commit.deleted.filter((moved) => parent.files.has(moved));
          for (const place of places) {
            const rest = await pass(parent, place, left);
            if (rest === null) exact = false;
            else left = rest;
          }
        }
        for (const name of left) ages.set(name, { commit: commit.oid, time: commit.time, exact });
      }
      waiting.delete(commit.oid);
    }
    return ages;
  }

  /** The first commit in which this key opens one of the files. */
  async keySince(key: Key): Promise<LastChange> {
    const { commits, shallow } = await this.#history();
    const asked = new Map<string, Secrets | null>();
    for (const commit of commits) {
      for (const path of commit.changed) {
        if ((await this.#secretsAt(commit, path, [key], asked)) === null) continue;
        return { commit: commit.oid, time: commit.time, exact: !shallow || commit.parentOids.length > 0 };
      }
    }
    return { commit: null, time: null, exact: true };
  }

  /** Whether the clone ends before the history does. */
  async isShallow(): Promise<boolean> {
    return (await this.#history()).shallow;
  }

  async #history(): Promise<FileHistory> {
    if (this.#read !== undefined) return this.#read;
    // No pathspec at all is every file.
    const head = this.#paths.size === 0 ? null : findCommit("HEAD", this.#topLevel);
    let commits: PathCommit[] = [];
    for (let moves = 0; head !== null && moves < MOST_MOVES; moves += 1) {
      // A path that is no UTF-8 cannot be an argument.
      const many = this.#paths.size > MOST_LITERAL || [...this.#paths].some((path) => !path.isWellFormed());
      const pathspecs = many ? [STORED_PATHSPEC] : [...this.#paths].map((path) => `:(top,literal)${path}`);
      commits = readPathHistory([head], pathspecs, this.#topLevel);
      const others = many ? [] : await this.#otherPaths(commits);
      if (others.every((path) => this.#paths.has(path))) break;
      for (const path of others) this.#paths.add(path);
    }
    this.#read = { commits, shallow: isShallow(this.#topLevel) };
    return this.#read;
  }

  /** Where links among the files lead, and what the commits that brought a file took away: it may be that file, moved. */
  async #otherPaths(commits: readonly PathCommit[]): Promise<string[]> {
    const paths: string[] = [];
    const bringing: PathCommit[] = [];
    const byOid = new Map(commits.map((commit) => [commit.oid, commit]));
    for (const commit of commits) {
      for (const path of commit.changed) {
        const target = await linkTarget(commit.files, path, this.#reader);
        if (target !== null) paths.push(target);
        if (!commit.parentOids.some((oid) => byOid.get(oid)?.files.has(path))) bringing.push(commit);
      }
    }
    for (const { parents } of readChanges(bringing, this.#topLevel, [STORED_PATHSPEC])) {
      for (const { newOid, path } of parents.flat()) if (ZERO_OID.test(newOid)) paths.push(path);
    }
    return paths;
  }

  /** null where no key opens it. */
  async #secretsAt(
    { files }: PathCommit,
    path: string,
    keys: readonly Key[],
    versions: Map<string, Secrets | null>,
  ): Promise<Secrets | null> {
    const oid = await blobAt(files, path, this.#reader);
    if (oid === null) return null;
    let secrets = versions.get(oid);
    if (secrets === undefined) {
      const bytes = await this.#reader.read(oid);
      secrets = bytes === null || bytes.length > LARGEST_OPENED ? null : openFile(bytes, keys).secrets;
      versions.set(oid, secrets);
    }
    return secrets;
  }
}

function isSame(a: Secrets, b: Secrets, name: string): boolean {
  const [one, other] = [a.get(name), b.get(name)];
  return one !== undefined && other !== undefined && sameValue(one, other);
}
