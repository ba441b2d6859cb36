/**
 * `requires` of muxi-git.json: the oldest version that a repository asks for.
 *
 * One form, `>=VERSION`, and not every range of npm's: a copy has to understand
 * it in order to say that it is old, so its grammar can never grow; and an upper
 * bound would let a repository send people to an older version.
 *
 * Order of versions: Semantic Versioning 2.0.0, §11. `>=0.3` is `>=0.3.0`.
 */

const NUMBER = "(?:0|[1-9][0-9]{0,8})";
const IDENTIFIER = "(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)";
/** For JSON Schema too: no flags, no look-behind. */
export const REQUIRES_PATTERN = `^>=${NUMBER}(?:\\.${NUMBER}(?:\\.${NUMBER}(?:-${IDENTIFIER}(?:\\.${IDENTIFIER})*)?)?)?$`;
export const MAX_REQUIRES_LENGTH = 64;

const FORM = new RegExp(REQUIRES_PATTERN);

export function isRequires(text: string): boolean {
  return text.length <= MAX_REQUIRES_LENGTH && FORM.test(text);
}

/** Whether `version` (of a package.json) is at least what `requires` asks for. */
export function isMet(requires: string, version: string): boolean {
  return compareVersions(version, minimum(requires)) >= 0;
}

/** Negative where `a` asks for less than `b`; absent asks for nothing. */
export function compareRequires(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return compareVersions(minimum(a), minimum(b));
}

function minimum(requires: string): string {
  return requires.slice(2);
}

/** Missing numbers count as 0, build metadata (`+…`) does not count. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  for (let at = 0; at < 3; at += 1) {
    const difference = (left.numbers[at] ?? 0) - (right.numbers[at] ?? 0);
    if (difference !== 0) return difference;
  }
  // A version without a pre-release is later than one with.
  if (left.identifiers.length === 0 || right.identifiers.length === 0) {
    return right.identifiers.length - left.identifiers.length;
  }
  for (let at = 0; at < Math.min(left.identifiers.length, right.identifiers.length); at += 1) {
    const difference = compareIdentifiers(left.identifiers[at] as string, right.identifiers[at] as string);
    if (difference !== 0) return difference;
  }
  return left.identifiers.length - right.identifiers.length;
}

function parts(version: string): { numbers: number[]; identifiers: string[] } {
  const bare = version.split("+", 1)[0] ?? "";
  const dash = bare.indexOf("-");
  const core = dash < 0 ? bare : bare.slice(0, dash);
  return { numbers: core.split(".").map(Number), identifiers: dash < 0 ? [] : bare.slice(dash + 1).split(".") };
}

/** Numbers by size and before words; words by their ASCII characters. */
function compareIdentifiers(a: string, b: string): number {
  const [x, y] = [a, b].map((one) => /^[0-9]+$/.test(one));
  if (x && y) return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
  if (x !== y) return x ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
