/**
 * Path globs of settings. Loaded only where a repository has some.
 *
 * The language is a part of micromatch's (glob-form.ts), and a test holds the two
 * against each other. The regular expressions that micromatch makes backtrack: of
 * legal globs `*a*a*b` took 11 s on a name of 4,096 characters, and one of five
 * `**` 3 s on 200. So braces are expanded by micromatch, and the rest is
 * matched here, at a cost of at most glob times path.
 */
import micromatch from "micromatch";

/** Whether a repository path matches one of the globs; dot files included, as git's own patterns do. */
export function globMatcher(globs: readonly string[]): (path: string) => boolean {
  const patterns = globs
    .flatMap(expanded)
    .map((glob) => glob.split("/").filter((segment, at, all) => segment !== "**" || all[at - 1] !== "**"));
  return (path) => {
    const segments = path.split("/");
    return patterns.some((pattern) => matchesPath(pattern, segments));
  };
}

function expanded(glob: string): string[] {
  return glob.includes("{") ? micromatch.braces(glob, { expand: true }) : [glob];
}

/** `**` stands for any number of segments, none included. */
function matchesPath(pattern: readonly string[], path: readonly string[]): boolean {
  // How many segments of the path the pattern so far can have taken.
  let taken = new Set([0]);
  for (const glob of pattern) {
    const next = new Set<number>();
    for (const at of taken) {
      if (glob === "**") for (let end = at; end <= path.length && !next.has(end); end += 1) next.add(end);
      else if (at < path.length && matchesSegment(glob, path[at] as string)) next.add(at + 1);
    }
    if (next.size === 0) return false;
    taken = next;
  }
  return taken.has(path.length);
}

/**
 * The parts between stars have a fixed length, so the first place where one fits
 * is as good as any later one, and nothing is tried twice.
 */
function matchesSegment(glob: string, text: string): boolean {
  const [first = "", ...others] = glob.split("*");
  const last = others.pop();
  if (last === undefined) return text.length === first.length && fits(first, text, 0);
  if (!fits(first, text, 0)) return false;
  let at = first.length;
  for (const part of others) {
    while (at + part.length <= text.length && !fits(part, text, at)) at += 1;
    at += part.length;
  }
  const end = text.length - last.length;
  return end >= at && fits(last, text, end);
}

/** Whether `part` (literal, with `?` for any one UTF-16 unit) stands at `at`. */
function fits(part: string, text: string, at: number): boolean {
  if (at + part.length > text.length) return false;
  for (let i = 0; i < part.length; i += 1) {
    const unit = part.charCodeAt(i);
    if (unit !== 0x3f && unit !== text.charCodeAt(at + i)) return false;
  }
  return true;
}
