/**
 * The blobs that a path already has in git: those of the inherited index, at any
 * stage, and of HEAD where the index has none.
 *
 * The list is read once and again whenever the index file's inode, modification
 * time or size changed: one git command (cherry-pick of four commits) may write
 * the index several times while the same filter serves it, and answers from the
 * first list made it fail with "local changes would be overwritten".
 *
 * Blobs are fetched by oid, some ahead: git asks in index order. What cannot be
 * read (a partial clone, a repository that is none) is not there; a filter never
 * fails for it.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { childProcess } from "../builtin.ts";
import { parseIndexEntries, parseTreeEntries } from "../git/entries.ts";
import { findGitPlaces } from "../git/git-dir.ts";
import { blobOid } from "../git/object-id.ts";
import { gitEnvironment, gitExecutable, tryGit } from "../git/run.ts";

/** Most blobs fetched at once. The first fetch takes few: often only one file is asked about. */
const MOST_AHEAD = 512;
const FIRST_AHEAD = 16;
/** Bytes of blobs fetched at once; beyond it only the one that is needed is read. */
const MOST_BYTES = 64 * 1024 * 1024;

export interface InheritedBlobs {
  /** What the path has now. */
  of(path: string): PathBlobs;
}

export interface PathBlobs {
  /** Whether one of them is exactly these bytes. Starts no process. */
  holds(bytes: Buffer): boolean;
  /** Stage 0, ours, theirs, base. */
  read(): Buffer[];
}

export function openInheritedBlobs(cwd: string, env: NodeJS.ProcessEnv = process.env): InheritedBlobs {
  let indexStamp: string | undefined;
  let indexFile: string | undefined;
  let index = new Map<string, string[]>();
  let order: string[] = [];
  let head: Map<string, string[]> | undefined;
  let ahead = FIRST_AHEAD;
  const fetched = new Map<string, Buffer | null>();

  function stamp(): string {
    if (indexFile === undefined) {
      const places = findGitPlaces(cwd, env);
      const given = env.GIT_INDEX_FILE;
      indexFile = given ? resolve(cwd, given) : places === null ? "" : resolve(places.gitDir, "index");
    }
    try {
      const stat = statSync(indexFile, { bigint: true, throwIfNoEntry: false });
      return stat === undefined ? "none" : `${stat.ino} ${stat.mtimeNs} ${stat.size}`;
    } catch {
      return "none";
    }
  }

  function refresh(): void {
    // Taken before the list: an index that is replaced meanwhile is read again next time.
    const now = stamp();
    if (now === indexStamp) return;
    indexStamp = now;
    index = new Map();
    order = [];
    head = undefined;
    fetched.clear();
    const result = tryGit(["ls-files", "-s", "-z", "--full-name", "--", "secrets.enc", "*/secrets.enc"], { cwd });
    if (result.code !== 0) return;
    for (const { path, oid, stage } of parseIndexEntries(result.stdout)) {
      const oids = index.get(path);
      if (oids === undefined) {
        index.set(path, [oid]);
        order.push(path);
      } else if (stage === 1) oids.push(oid);
      else oids.splice(stage === 2 ? 0 : oids.length, 0, oid);
    }
  }

  function headOids(path: string): string[] {
    if (head === undefined) {
      head = new Map();
      // No --full-tree: a filter runs at the top level. Unborn: code 128.
      const result = tryGit(["ls-tree", "-r", "-z", "--full-tree", "HEAD"], { cwd });
      if (result.code === 0) {
        for (const entry of parseTreeEntries(result.stdout)) {
          if (entry.path === "secrets.enc" || entry.path.endsWith("/secrets.enc")) head.set(entry.path, [entry.oid]);
        }
      }
    }
    return head.get(path) ?? [];
  }

  function oidsOf(path: string): string[] {
    refresh();
    return index.get(path) ?? headOids(path);
  }

  function fetchFor(path: string, needed: readonly string[]): void {
    const wanted = new Set(needed);
    const at = order.indexOf(path);
    for (let i = at + 1; at >= 0 && i < order.length && wanted.size < ahead; i += 1) {
      for (const oid of index.get(order[i]!) ?? []) if (!fetched.has(oid)) wanted.add(oid);
    }
    ahead = Math.min(MOST_AHEAD, ahead * 2);
    // Those fetched ahead are most likely served by now.
    if (fetched.size > 2 * MOST_AHEAD) fetched.clear();
    if (!fetchBlobs([...wanted], MOST_BYTES)) {
      for (const oid of needed) if (!fetchBlobs([oid], 0x7fff_ffff)) fetched.set(oid, null);
    }
  }

  /** @returns false where the batch was larger than `limit` or failed. */
  function fetchBlobs(oids: readonly string[], limit: number): boolean {
    const result = childProcess().spawnSync(gitExecutable(), ["cat-file", "--batch"], {
      cwd,
      env: gitEnvironment(),
      input: `${oids.join("\n")}\n`,
      maxBuffer: limit,
      stdio: ["pipe", "pipe", "ignore"],
      windowsHide: true,
    });
    if (result.error !== undefined) return false;
    let at = 0;
    for (const oid of oids) {
      const end = result.stdout.indexOf(0x0a, at);
      if (end < 0) return false;
      const [, type, size] = result.stdout.toString("latin1", at, end).split(" ");
      at = end + 1;
      if (type === "missing") {
        fetched.set(oid, null);
        continue;
      }
      const length = Number(size);
      if (!(at + length < result.stdout.length)) return false;
      fetched.set(oid, type === "blob" ? result.stdout.subarray(at, at + length) : null);
      at += length + 1;
    }
    return true;
  }

  return {
    of(path) {
      const oids = oidsOf(path);
      return {
        holds(bytes) {
          return oids[0] !== undefined && oids.includes(blobOid(bytes, oids[0].length));
        },
        read() {
          const needed = oids.filter((oid) => !fetched.has(oid));
          if (needed.length > 0) fetchFor(path, needed);
          return oids.flatMap((oid) => fetched.get(oid) ?? []);
        },
      };
    },
  };
}
