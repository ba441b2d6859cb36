/**
 * Answers kept for the launcher under `<git common dir>/muxi-git/`, so that it
 * starts no node for what one node has worked out: see textconv-cache.ts and
 * merge-ahead.ts for what they are and when they count.
 *
 * Written beside and renamed, without fsync: one that is cut short can be told.
 * A folder that cannot be written is no failure; that is the caller's to catch.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeQuietly, temporaryName } from "../durable-file.ts";
import { parseBatch } from "../git/cat-file.ts";
import { tryGit } from "../git/run.ts";

/** Bytes of a token that is kept. The launcher knows this number: a shell reads slowly. */
export const LARGEST_KEPT = 65_536;

/** Every secrets.enc, as a pathspec. */
export const STORED = ":(top,glob)**/secrets.enc";

export class KeptAnswers {
  readonly folder: string;

  /** @param runtime - where install puts what git runs. */
  constructor(runtime: string, name: string) {
    this.folder = join(runtime, name);
  }

  /** @returns false where install put nothing that would read it. */
  open(): boolean {
    if (!existsSync(join(this.folder, "..", "run"))) return false;
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    return true;
  }

  read(name: string): string | null {
    try {
      return readFileSync(join(this.folder, name), "utf8");
    } catch {
      return null;
    }
  }

  write(name: string, text: string): void {
    const temporary = join(this.folder, temporaryName());
    try {
      writeFileSync(temporary, text, { flag: "wx", mode: 0o600 });
      renameSync(temporary, join(this.folder, name));
    } catch (error) {
      removeQuietly(temporary);
      throw error;
    }
  }

  remove(name: string): void {
    removeQuietly(join(this.folder, name));
  }

  /** The names of answers. */
  names(): string[] {
    return readdirSync(this.folder).filter((name) => name.startsWith("1-"));
  }

  /** Whether this git was not answered from here before either: the file `miss` holds its process id. */
  isMissedAgain(git: string): boolean {
    if (git === "") return false;
    if (this.read("miss") === `${git}\n`) return true;
    this.write("miss", `${git}\n`);
    return false;
  }
}

/** The end of a token is its MAC: 32 bytes. */
export function macOf(token: Buffer): string {
  return token
    .toString("latin1")
    .replace(/=*\n?$/, "")
    .slice(-43);
}

/** Blobs that are not too large to be kept, by oid. */
export function readSmall(oids: readonly string[], cwd: string): Map<string, Buffer> {
  const input = oids.map((oid) => `${oid}\n`).join("");
  const format = "--batch-check=%(objectname) %(objecttype) %(objectsize)";
  const small = tryGit(["cat-file", format], { cwd, input })
    .stdout.toString("latin1")
    .split("\n")
    .filter((line) => Number(/ blob (\d+)$/.exec(line)?.[1] ?? LARGEST_KEPT + 1) <= LARGEST_KEPT)
    .map((line) => `${line.split(" ")[0]}\n`)
    .join("");
  return parseBatch(tryGit(["cat-file", "--batch"], { cwd, input: small }).stdout);
}
