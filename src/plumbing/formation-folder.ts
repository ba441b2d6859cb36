/** Whether a folder is a formation's, for what git runs on one file at a time. */
import { statSync } from "node:fs";
import { FORMATION_FILES, fileIn } from "../formation/discover.ts";
import { tryGit } from "../git/run.ts";
import { diskPath } from "../git/working-file.ts";

/**
 * @param folder - repository path.
 * @param cwd - root of the working tree.
 */
export function isFormationFolder(folder: string, cwd: string): boolean {
  for (const name of FORMATION_FILES) {
    if (statSync(diskPath(cwd, fileIn(folder, name)), { throwIfNoEntry: false })?.isFile()) return true;
  }
  // Not checked out (sparse), or deleted just now.
  const paths = FORMATION_FILES.map((name) => `:(top,literal)${fileIn(folder, name)}`);
  const result = tryGit(["ls-files", "-z", "--", ...paths], { cwd });
  return result.code === 0 && result.stdout.length > 0;
}
