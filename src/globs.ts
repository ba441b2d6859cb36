/** Path globs of settings. Loaded only where a repository has some. */
import micromatch from "micromatch";

/** Whether a repository path matches one of the globs; dot files included, as git's own patterns do. */
export function globMatcher(globs: readonly string[]): (path: string) => boolean {
  const matchers = globs.map((glob) => micromatch.matcher(glob, { dot: true }));
  return (path) => matchers.some((matches) => matches(path));
}
