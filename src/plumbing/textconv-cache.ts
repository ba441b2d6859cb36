/**
 * What textconv has shown, kept under `<git common dir>/muxi-git/textconv/` for
 * the launcher, which answers from there without starting node. Names and keyed
 * digests, as they are shown, never a value.
 *
 * | file | lines |
 * |---|---|
 * | `1-<last 43 characters of the token>` | fingerprint of the key that opened it, or `git` and a process id; the token; what is shown; `.` |
 * | `key-<fingerprint>` | git's oids of the key file, SHA-1 and SHA-256, and its path, from the runtime folder or absolute |
 * | `asked-<fingerprint>` | the process id of the git for which the key file was hashed last; the launcher writes it |
 * | `miss` | the process id of the git that was answered by node last |
 * | `large` | nothing: longer tokens were seen, which a shell reads slowly |
 *
 * The end of a token is its MAC, and the whole of it is compared: a token with
 * another body is another token. What is shown of a token depends on nothing but
 * the key that opens it, so an entry counts as long as that key is in its file;
 * under another one it is as if it were not there. What no key opens may open once
 * a key has come: that it is locked counts for the git that asked, and no longer.
 *
 * The second miss of the same git is `git log -p`: then the older versions are
 * read ahead, since opening one costs a hundredth of starting node.
 */
import { statSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { sweepTemporaries } from "../durable-file.ts";
import { folderOf } from "../formation/discover.ts";
import { parseRawDiff } from "../git/entries.ts";
import { findGitPlaces, type GitPlaces } from "../git/git-dir.ts";
import { blobOid } from "../git/object-id.ts";
import { tryGit } from "../git/run.ts";
import { type Key, keyFingerprint, parseKey, sameKey } from "../secrets/key.ts";
import type { FoundKey } from "./held-keys.ts";
import { KeptAnswers, LARGEST_KEPT, macOf, readSmall, STORED } from "./kept-answers.ts";
import { keyOfFormation, readKeyFile } from "./keyring.ts";

/** Entries from which on the older half goes. */
const MOST = 4096;
/** Versions read ahead: of the same path, and of any. */
const AHEAD = 512;
/** A history that takes longer to walk is read as far as that. */
const WALK_MS = 1500;

const TOKEN = /^gAAAA[A-Za-z0-9_-]{60,}=*\n?$/;

/** What is shown of a token: the key that opens it, or null where none does, and the lines. */
export interface Shown {
  held: FoundKey | null;
  lines: readonly string[];
}

/**
 * Keep what was shown of a token, and of the versions before it where the same git asks on.
 *
 * @param git - process id of the git that asks, as the launcher gives it; `""` where that is not known.
 * @param show - what is shown of another token, the key of its formation tried first; null where that is not known.
 */
export function keepShown(
  token: Buffer,
  shown: Shown,
  git: string,
  show: (token: Buffer, own: FoundKey | null) => Shown | null,
): void {
  const places = findGitPlaces(process.cwd());
  if (places === null) return;
  const cache = new Cache(join(places.commonDir, "muxi-git"), git);
  try {
    if (!cache.open()) return;
    if (token.length > LARGEST_KEPT) {
      cache.write("large", "");
      return;
    }
    cache.keep(token, shown);
    if (cache.isMissedAgain(git)) readAhead(token, places, cache, show);
    cache.sweep();
  } catch {
    // A read-only repository, a full disk.
  }
}

class Cache extends KeptAnswers {
  readonly #runtime: string;
  readonly #keys = new Set<string>();
  readonly #git: string;

  constructor(runtime: string, git: string) {
    super(runtime, "textconv");
    this.#runtime = runtime;
    this.#git = git;
  }

  /** Whether it is kept under a key that is known to be here. */
  has(token: Buffer): boolean {
    const kept = this.read(nameOf(token)) ?? "";
    return this.#keys.has(kept.slice(0, kept.indexOf("\n")));
  }

  keep(token: Buffer, { held, lines }: Shown): void {
    const text = token.toString("latin1");
    if (!TOKEN.test(text) || (held === null && this.#git === "")) return;
    const fingerprint = held === null ? `git ${this.#git}` : keyFingerprint(held.key);
    if (held !== null && !this.#keepKey(fingerprint, held)) return;
    this.write(nameOf(token), `${[fingerprint, text.replace("\n", ""), ...lines, "."].join("\n")}\n`);
  }

  /** @returns false where the launcher could not find the key again, or it has changed by now. */
  #keepKey(fingerprint: string, { key, path }: FoundKey): boolean {
    if (this.#keys.has(fingerprint)) return true;
    const bytes = readKeyFile(path);
    if (bytes === null || !isHeld(bytes, key)) return false;
    const way = relative(this.#runtime, path).split(sep).join("/");
    const shown = isAbsolute(way) ? path : way;
    if (/[\r\n]/.test(shown)) return false;
    this.write(`key-${fingerprint}`, `${blobOid(bytes, 40)}\n${blobOid(bytes, 64)}\n${shown}\n`);
    this.#keys.add(fingerprint);
    return true;
  }

  /** Where there are too many, the older half goes, and with it what killed writers left. */
  sweep(): void {
    sweepTemporaries(this.folder);
    const names = this.names();
    if (names.length < MOST) return;
    const aged = names.map((name) => ({ name, age: statSync(join(this.folder, name)).mtimeMs }));
    aged.sort((a, b) => a.age - b.age);
    for (const { name } of aged.slice(0, Math.ceil(aged.length / 2))) this.remove(name);
  }
}

function nameOf(token: Buffer): string {
  return `1-${macOf(token)}`;
}

function isHeld(bytes: Buffer, key: Key): boolean {
  try {
    return sameKey(parseKey(bytes), key);
  } catch {
    return false;
  }
}

/** Keep the versions that git will come to next: those before `token`, of its path and of any. */
function readAhead(token: Buffer, places: GitPlaces, cache: Cache, show: Parameters<typeof keepShown>[3]): void {
  const cwd = places.topLevel ?? places.gitDir;
  const { stdout: commits } = tryGit(["rev-list", "--all", "--max-count=10000", "--", STORED], {
    cwd,
    timeoutMs: WALK_MS,
  });
  const raw = ["diff-tree", "--stdin", "--no-commit-id", "-r", "--root", "--raw", "-z", "--no-renames", "--no-abbrev"];
  const changes = parseRawDiff(tryGit([...raw, "--", STORED], { cwd, input: commits }).stdout);
  const oid = blobOid(token, changes[0]?.newOid.length ?? 40);
  const first = changes.findIndex((change) => change.newOid === oid || change.oldOid === oid);
  if (first < 0) return;
  const older = changes.slice(first);
  const ofPath = older.filter(({ path }) => path === changes[first]?.path).slice(0, AHEAD);
  const paths = new Map(
    [...older.slice(0, AHEAD), ...ofPath].flatMap(({ oldOid, newOid, path }) => [
      [oldOid, path],
      [newOid, path],
    ]),
  );
  const keys = new Map<string, FoundKey | null>();
  for (const [each, bytes] of readSmall([...paths.keys()], cwd)) {
    if (cache.has(bytes)) continue;
    const folder = folderOf(paths.get(each) ?? "");
    let own = keys.get(folder);
    if (own === undefined) {
      const found = keyOfFormation(folder, cwd, places);
      own = found.state === "ok" ? found : null;
      keys.set(folder, own);
    }
    const shown = show(bytes, own);
    if (shown !== null) cache.keep(bytes, shown);
  }
}
