/**
 * Key changes that somebody declared with `key accept`, by formation: a commit
 * that re-keys a secrets.enc by accident is stopped, one that was declared is not.
 *
 * Kept in the git common dir: it says what this clone accepted, and holds
 * fingerprints only. A file that is damaged counts as empty, which blocks and
 * says what to run.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeFileDurably } from "../durable-file.ts";
import type { GitPlaces } from "../git/git-dir.ts";

type Accepted = Record<string, string[]>;

function fileOf(places: GitPlaces): string {
  return join(places.commonDir, "muxi-git", "accepted-keys.json");
}

function read(places: GitPlaces): Accepted {
  try {
    const data: unknown = JSON.parse(readFileSync(fileOf(places), "utf8"));
    const accepted = (data as { accepted?: unknown }).accepted;
    if (typeof accepted !== "object" || accepted === null) return {};
    return Object.fromEntries(
      Object.entries(accepted).filter((entry): entry is [string, string[]] => Array.isArray(entry[1])),
    );
  } catch {
    return {};
  }
}

/** Fingerprints of the keys declared for the formation at `path`. */
export function acceptedKeys(places: GitPlaces, path: string): string[] {
  const accepted = read(places);
  return Object.hasOwn(accepted, path) ? (accepted[path] ?? []) : [];
}

export function acceptKey(places: GitPlaces, path: string, fingerprint: string): void {
  const accepted = new Map(Object.entries(read(places)));
  accepted.set(path, [...new Set([...(accepted.get(path) ?? []), fingerprint])]);
  mkdirSync(dirname(fileOf(places)), { recursive: true });
  const content = { schemaVersion: 1, accepted: Object.fromEntries(accepted) };
  writeFileDurably(fileOf(places), `${JSON.stringify(content, null, 2)}\n`, 0o600);
}
