/**
 * A formation as MUXI reads it: every file in its folder, tracked, untracked or
 * ignored. What a command deletes or calls missing must not depend on git.
 */
import { readdirSync, realpathSync, statSync } from "node:fs";
import { sep } from "node:path";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn, findFormations } from "../formation/discover.ts";
import { decodePath } from "../git/entries.ts";
import { diskSnapshot } from "../git/snapshot.ts";
import { diskPath } from "../git/working-file.ts";
import { Keyring, type ReadFormation, readFormation } from "./formation-state.ts";
import type { FormationPlace } from "./secrets-store.ts";

/** Folders that hold no part of a formation, however it is laid out. */
const SKIPPED = new Set([".git", "node_modules"]);

/** @throws MuxiGitError `no-formation` where its formation file is gone. */
export async function readFormationOnDisk({ topLevel, path, places }: FormationPlace): Promise<ReadFormation> {
  const snapshot = diskSnapshot(topLevel, filesBelow(topLevel, path));
  const formation = findFormations(snapshot.entries.keys()).find((one) => one.path === path);
  if (formation === undefined) throw new MuxiGitError("no-formation", `'${escapeText(path)}' is no formation any more`);
  const keyring = new Keyring(topLevel, places);
  return await readFormation(snapshot, formation, keyring.stateFor(path), keyring.keysFor(path));
}

/** Repository paths of the files below a folder. Links to folders of the working tree are followed, each folder once. */
export function filesBelow(topLevel: string, start: string): string[] {
  const root = realpathSync.native(topLevel);
  const files: string[] = [];
  const seen = new Set<string>();
  const folders = [start];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const disk = diskPath(topLevel, folder);
    try {
      const real = realpathSync.native(disk);
      if (seen.has(real) || (real !== root && !real.startsWith(root.endsWith(sep) ? root : root + sep))) continue;
      seen.add(real);
      for (const entry of readdirSync(disk, { withFileTypes: true, encoding: "buffer" })) {
        const path = fileIn(folder, decodePath(entry.name));
        const stat = entry.isSymbolicLink() ? statSync(diskPath(topLevel, path), { throwIfNoEntry: false }) : entry;
        if (stat?.isDirectory()) {
          if (!SKIPPED.has(entry.name.toString())) folders.push(path);
        } else if (stat?.isFile()) files.push(path);
      }
    } catch {
      // Gone, or not ours to read: MUXI reads nothing of it either.
    }
  }
  return files;
}
