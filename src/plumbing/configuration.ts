/** A repository's settings and accepted findings, as a snapshot holds them. */
import { MuxiGitError } from "../errors.ts";
import { MODE_SYMLINK } from "../git/entries.ts";
import { PARTIAL_HINT } from "../git/ranges.ts";
import type { Snapshot } from "../git/snapshot.ts";
import { handThen, pathWord } from "../invocation.ts";
import type { ForeignComment } from "../scan/allow.ts";
import { BASELINE_FILE, type Baseline, EMPTY_BASELINE, parseBaseline } from "../scan/baseline.ts";
import { rulesUnder, type SeverityOf } from "../scan/custom-rules.ts";
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

/** What settings say of the rules at one path. */
export interface PathRules {
  /** false: only keys, known values and files that must not be tracked count. */
  rulesApply: boolean;
  severityOf?: SeverityOf | undefined;
  /** Comments of other tools that count as well. */
  allowComments?: readonly ForeignComment[];
}

/** The rules at each path. The matcher is loaded only where there are globs. */
export async function rulesByPath({ ignore, rules, allowComments }: Settings): Promise<(path: string) => PathRules> {
  const everywhere: PathRules = { rulesApply: true, allowComments };
  if (ignore.length === 0 && rules.severities.length === 0) return () => everywhere;
  const { globMatcher } = await import("../globs.ts");
  const ignored = globMatcher(ignore);
  const severities = rules.severities.map((one) => ({ ...one, matches: globMatcher(one.paths) }));
  return (path) => {
    if (ignored(path)) return { rulesApply: false, allowComments };
    const here = severities.filter(({ matches }) => matches(path));
    if (here.length === 0) return everywhere;
    const severityOf: SeverityOf = (rule, usual) =>
      here.findLast((one) => one.rules === null || one.rules.includes(rule))?.severity ?? usual;
    return { rulesApply: true, severityOf, allowComments };
  };
}

/** A scanner for what settings call a secret. */
export function scannerUnder(
  { rules, publicNames }: { rules: Pick<Settings["rules"], "off" | "custom">; publicNames: readonly string[] },
  known: readonly KnownEntry[] = [],
): Scanner {
  return createScanner({
    ...rulesUnder(rules),
    known: buildKnownValues(known, { publicNames: new Set(publicNames) }),
  });
}
