/** Whether a key is a formation's: what it opens of the secrets.enc on disk and in git. */
import { fileIn } from "../formation/discover.ts";
import { readWorkingFile } from "../git/working-file.ts";
import { type Key, sameKey } from "../secrets/key.ts";
import { classifyStored, openStored } from "../secrets/stored-form.ts";
import { LARGEST_OPENED } from "./clean.ts";
import { openInheritedBlobs } from "./inherited-blobs.ts";
import { type FormationPlace, linkedTo } from "./secrets-store.ts";

/** The tokens that a formation's key has to open. */
export interface SealedVersions {
  /** null where there is none, or what is there is no token. */
  workingTree: Buffer | null;
  /** Of the index, all stages of a conflict; of HEAD where the index has none. */
  inGit: readonly Buffer[];
}

export function sealedVersions({ topLevel, path, places }: FormationPlace): SealedVersions {
  const file = fileIn(path, "secrets.enc");
  const isToken = (bytes: Buffer | null): bytes is Buffer =>
    bytes !== null && bytes.length <= LARGEST_OPENED && classifyStored(bytes) === "token";
  const onDisk = readWorkingFile(topLevel, file);
  return {
    workingTree: isToken(onDisk) ? onDisk : null,
    inGit: places === null ? [] : openInheritedBlobs(topLevel).of(linkedTo(topLevel, file)).read().filter(isToken),
  };
}

export function isSealed({ workingTree, inGit }: SealedVersions): boolean {
  return workingTree !== null || inGit.length > 0;
}

/** Where a key opens something; null where it opens nothing. */
export function fitOf(key: Key, { workingTree, inGit }: SealedVersions): "working tree" | "git" | null {
  if (workingTree !== null && opensToken(key, workingTree)) return "working tree";
  return inGit.some((token) => opensToken(key, token)) ? "git" : null;
}

/** Whether the tag is this key's, whatever is inside. */
function opensToken(key: Key, token: Uint8Array): boolean {
  const opened = openStored(token, [key]);
  return opened.key !== undefined && sameKey(opened.key, key);
}
