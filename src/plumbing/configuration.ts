/** A repository's settings and accepted findings, as a snapshot holds them. */
import type { Snapshot } from "../git/snapshot.ts";
import { BASELINE_FILE, type Baseline, EMPTY_BASELINE, parseBaseline } from "../scan/baseline.ts";
import { DEFAULT_SETTINGS, parseSettings, SETTINGS_FILE, type Settings } from "../settings.ts";

/** @throws MuxiGitError `settings` with the line. */
export async function settingsOf(snapshot: Snapshot): Promise<Settings> {
  const bytes = await snapshot.read(SETTINGS_FILE);
  return bytes === null ? DEFAULT_SETTINGS : parseSettings(bytes);
}

/** @throws MuxiGitError where the file is malformed. */
export async function baselineOf(snapshot: Snapshot): Promise<Baseline> {
  const bytes = await snapshot.read(BASELINE_FILE);
  return bytes === null ? EMPTY_BASELINE : parseBaseline(bytes);
}

/** Whether settings say that rules do not apply to a path. The matcher is loaded only where there are globs. */
export async function ignoredPaths(settings: Settings): Promise<(path: string) => boolean> {
  if (settings.ignore.length === 0) return () => false;
  const { globMatcher } = await import("../globs.ts");
  return globMatcher(settings.ignore);
}
