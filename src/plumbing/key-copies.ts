/**
 * Files beside `.key` that hold a key: whoever runs `git add .` gives it away.
 *
 * Asked of `git grep`, which looks through a large repository in the time that
 * reading its file list takes us. The patterns go in on stdin; what comes back are
 * paths. Ignored files are not looked at: git does not take them either. `scan`
 * knows more disguises than these.
 */
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { decodePath } from "../git/entries.ts";
import { gitFailed, splitNul, tryGit } from "../git/run.ts";
import { handThen, tool } from "../invocation.ts";
import { formatKey, type Key } from "../secrets/key.ts";

const GREP = [
  ...["grep", "-l", "-z", "-F", "-a", "--no-color", "--full-name", "--untracked", "--no-recurse-submodules"],
  ...["-f", "-"],
];

/**
 * Repository paths of tracked files, and of untracked ones that git does not ignore, that hold one of `keys`.
 *
 * @param formations - folders whose own `.key` is no copy.
 */
export function copiesOfKeys(topLevel: string, keys: readonly Key[], formations: readonly string[]): string[] {
  if (keys.length === 0) return [];
  const patterns = new Set(keys.flatMap(formsOf));
  const { code, stdout, stderr } = tryGit(GREP, { cwd: topLevel, input: [...patterns].join("\n") });
  // 1: nothing found.
  if (code > 1) throw gitFailed(GREP, code, stderr);
  const own = new Set(formations.map((folder) => fileIn(folder, ".key")));
  return splitNul(stdout)
    .map(decodePath)
    .filter((path) => !own.has(path));
}

/** In either alphabet, without the `=` that hands drop, and the digits that MUXI's old scaffold wrote. */
function formsOf(key: Key): string[] {
  const urlSafe = formatKey(key).replace(/=$/, "");
  const hex = Buffer.concat([key.signing, key.encryption]).toString("hex");
  return [urlSafe, urlSafe.replaceAll("-", "+").replaceAll("_", "/"), hex, hex.toUpperCase()];
}

/** What is to be said of one. Fit for a terminal. */
export function copyWarning(path: string): { message: string; fix: string } {
  return {
    message: `'${escapeText(path)}' holds a key, and git takes that file`,
    fix: handThen("take it out; if it was ever pushed", tool("key rotate")),
  };
}
