/**
 * Which globs a settings file may hold: of micromatch's language what can be
 * matched in linear time and means the same to everybody.
 *
 * `*` and `?` inside one segment, `**` as a whole segment, `{a,b}` with plain
 * alternatives. Extglobs, groups and classes are left out: micromatch passes
 * `(a+)+` on to a backtracking engine, reads `[id]` in two ways at once, and turns
 * a leading `!` into "everything but", which would switch rules off everywhere.
 * A `+` is a plus.
 */

/** micromatch took 30 s on a pattern of eight stars against 60 characters. */
export const MAX_GLOB_LENGTH = 256;
const MAX_STARS_IN_SEGMENT = 3;
/** Every alternative of a glob is matched on its own. */
const MAX_ALTERNATIVES = 32;

const SPECIAL = /[[\]()|\\"'`]/;
const BRACES = /\{([^{}]*)\}/g;

/** What is wrong with a glob, as a predicate; null where nothing is. */
export function globFault(glob: string): string | null {
  if (glob.length > MAX_GLOB_LENGTH) return `has a glob of more than ${MAX_GLOB_LENGTH} characters`;
  if (glob.startsWith("!")) return "has a glob that starts with '!': it can only say what is ignored";
  const special = SPECIAL.exec(glob)?.[0];
  if (special !== undefined) return `has a glob with '${special}': write '?' for that character`;
  let alternatives = 1;
  for (const [, inside = ""] of glob.matchAll(BRACES)) {
    const parts = inside.split(",");
    if (parts.length < 2 || parts.includes("") || /[*?/]|\.\./.test(inside)) {
      return "has a glob whose braces are not plain alternatives such as '{png,jpg}'";
    }
    alternatives *= parts.length;
  }
  if (/[{}]/.test(glob.replace(BRACES, "")) || glob.includes("${")) return "has a glob with a brace that stands alone";
  if (alternatives > MAX_ALTERNATIVES) return `has a glob of more than ${MAX_ALTERNATIVES} alternatives`;
  for (const segment of glob.split("/")) {
    if (segment === "") return "has a glob that starts or ends with '/': a folder is 'folder/**'";
    if (segment === "." || segment === "..") return `has a glob with '${segment}': paths start at the root`;
    if (segment.split("*").length - 1 > MAX_STARS_IN_SEGMENT) {
      return `has a glob of more than ${MAX_STARS_IN_SEGMENT} stars in a segment`;
    }
    if (segment.includes("**") && segment !== "**") return "has a glob where '**' is not a whole segment";
  }
  return null;
}
