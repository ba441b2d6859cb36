/** A repository's settings and accepted findings, as a snapshot holds them. */
import { MuxiGitError } from "../errors.ts";
import { MODE_SYMLINK } from "../git/entries.ts";
import { PARTIAL_HINT } from "../git/ranges.ts";
import type { Snapshot } from "../git/snapshot.ts";
import { handThen, pathWord } from "../invocation.ts";
import { BASELINE_FILE, type Baseline, EMPTY_BASELINE, parseBaseline } from "../scan/baseline.ts";
import { rulesUnder } from "../scan/custom-rules.ts";
import { createScanner, type Scanner } from "../scan/engine.ts";
import { buildKnownValues, type KnownEntry } from "../scan/known-values.ts";
import { DEFAULT_SETTINGS, parseSettings, SETTINGS_FILE, type Settings } from "../settings.ts";

/** @throws MuxiGitError `settings` with the line. */
export async function settingsOf(snapshot: Snapshot): Promise<Settings> {
  return await parsedOf(snapshot, SETTINGS_FILE, parseSettings, DEFAULT_SETTINGS);
}

/** @throws MuxiGitError where the file is malformed. */
export async function baselineOf(snapshot: Snapshot): Promise<Baseline> {
  return await parsedOf(snapshot, BASELINE_FILE, parseBaseline, EMPTY_BASELINE);
}

/**
 * A file of a snapshot as its parser reads it, `absent` where there is none.
 *
 * @throws MuxiGitError what the parser throws, and `unreadable` for a link that
 * leads to no file of the snapshot, or a blob that is not in this clone: that is
 * no absent file.
 */
export async function parsedOf<T>(
  snapshot: Snapshot,
  file: string,
  parse: (bytes: Uint8Array) => T,
  absent: T,
): Promise<T> {
  const entry = snapshot.entries.get(file);
  if (entry === undefined) return absent;
  const bytes = await snapshot.read(file);
  if (bytes !== null) return parse(bytes);
  if (entry.oid !== null && entry.mode !== MODE_SYMLINK) {
    throw new MuxiGitError("unreadable", `'${file}' cannot be read: its blob is not in this clone`, {
      hint: PARTIAL_HINT,
    });
  }
  throw new MuxiGitError("unreadable", `'${file}' cannot be read: it leads to no file of this repository`, {
    hint: handThen("put a file in its place", `git add -- ${pathWord(file)}`),
  });
}

/** Whether settings say that rules do not apply to a path. The matcher is loaded only where there are globs. */
export async function ignoredPaths(settings: Settings): Promise<(path: string) => boolean> {
  if (settings.ignore.length === 0) return () => false;
  const { globMatcher } = await import("../globs.ts");
  return globMatcher(settings.ignore);
}

/** A scanner for what settings call a secret. */
export function scannerUnder(
  { rules, publicNames }: Pick<Settings, "rules" | "publicNames">,
  known: readonly KnownEntry[] = [],
): Scanner {
  return createScanner({
    ...rulesUnder(rules),
    known: buildKnownValues(known, { publicNames: new Set(publicNames) }),
  });
}
