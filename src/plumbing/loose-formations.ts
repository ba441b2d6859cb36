/**
 * Formations that stand in the working tree and not in the index: a folder just
 * unpacked, whose values may already have been pasted elsewhere. Asking git for
 * untracked files walks the whole tree at every commit, so this looks near the
 * root only, and never further than its limits.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";

const MAX_DEPTH = 3;
const MAX_FOLDERS = 200;
const FORMATION_FILE = /^formation\.(?:afs|yaml|yml)$/;
/** Folders that hold other people's code or generated files, by names fixed by their tools. */
const SKIPPED = new Set([".git", "node_modules", "dist", "build", "target", "vendor", "__pycache__"]);

/** Repository paths of folders with a formation file, breadth first. */
export function looseFormations(topLevel: string): string[] {
  const found: string[] = [];
  let level = [""];
  let visited = 0;
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth += 1) {
    const next: string[] = [];
    for (const folder of level) {
      visited += 1;
      if (visited > MAX_FOLDERS) return found;
      for (const entry of list(join(topLevel, folder))) {
        const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
        if (entry.isFile() && FORMATION_FILE.test(entry.name)) {
          if (!found.includes(folder)) found.push(folder);
        } else if (entry.isDirectory() && !SKIPPED.has(entry.name)) {
          next.push(path);
        }
      }
    }
    level = next;
  }
  return found;
}

function list(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
