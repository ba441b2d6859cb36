/**
 * Two versions over one another. A clone is shared by branches, and each may pin
 * its own muxi-git in its package.json, so install runs with the older one time
 * and again. An older one leaves a newer install as it is: it does not know the
 * newer one's hooks, whose files would then call a runtime that refuses them, nor
 * what its record holds of the user's. Uninstall goes by the record, whichever
 * version wrote it, and refuses one it cannot read.
 */
import { compareVersions } from "../requires.ts";
import { VERSION } from "../version.ts";
import type { Situation } from "./detect.ts";

/** A version as it may stand in a command that is printed to be pasted: semver 2.0.0. */
const VERSION_TEXT = /^\d{1,9}\.\d{1,9}\.\d{1,9}(?:-[0-9A-Za-z.-]{1,60})?(?:\+[0-9A-Za-z.-]{1,60})?$/;

/** The install here is of a later version than this one. */
export interface LaterInstall {
  version: string;
  /** What runs it. */
  command: string;
}

export function laterInstalled({ record }: Pick<Situation, "record">): LaterInstall | null {
  if (record.kind === "later")
    return { version: record.version ?? "a later version", command: commandOf(record.version) };
  if (record.kind !== "read" || !isLater(record.record.version, VERSION)) return null;
  return { version: record.record.version, command: commandOf(record.record.version) };
}

export function commandOf(version: string | null): string {
  return `npx muxi-git@${version ?? "latest"}`;
}

export function isVersion(text: unknown): text is string {
  return typeof text === "string" && VERSION_TEXT.test(text);
}

/** What is no version is neither: a copy built by hand replaces and is replaced. */
function isLater(a: string, b: string): boolean {
  return isVersion(a) && isVersion(b) && compareVersions(a, b) > 0;
}
