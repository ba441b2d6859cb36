/**
 * Two versions over one another. A clone is shared by branches, and each may pin
 * its own muxi-git in its package.json, so install runs with the older one time
 * and again. An older one leaves a newer install as it is: it does not know the
 * newer one's hooks, whose files would then call a runtime that refuses them, nor
 * what its record holds of the user's. Uninstall goes by the record, whichever
 * version wrote it, and refuses one it cannot read.
 */
import { VERSION } from "../version.ts";
import type { Situation } from "./detect.ts";

/** A version as it may stand in a command that is printed to be pasted: semver 2.0.0. */
const VERSION_TEXT = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]{1,60}))?(?:\+[0-9A-Za-z.-]{1,60})?$/;

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

/** By the precedence of semver 2.0.0 §11. What is no version is neither: a copy built by hand replaces and is replaced. */
export function isLater(a: string, b: string): boolean {
  const left = VERSION_TEXT.exec(a);
  const right = VERSION_TEXT.exec(b);
  if (left === null || right === null) return false;
  for (const part of [1, 2, 3]) {
    const difference = Number(left[part]) - Number(right[part]);
    if (difference !== 0) return difference > 0;
  }
  return comparePrereleases(left[4], right[4]) > 0;
}

function comparePrereleases(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  const left = a.split(".");
  const right = b.split(".");
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const [x, y] = [left[at]!, right[at]!];
    if (x === y) continue;
    const [numberX, numberY] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    if (numberX && numberY) return Number(x) - Number(y);
    if (numberX !== numberY) return numberX ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return left.length - right.length;
}
