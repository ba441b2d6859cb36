/**
 * The values this repository must not show: of every formation whose key is
 * here, all values of its secrets.enc in each snapshot given, and the key itself.
 */
import type { Formation } from "../formation/discover.ts";
import type { Snapshot } from "../git/snapshot.ts";
import { readWorkingFile } from "../git/working-file.ts";
import type { KnownEntry } from "../scan/known-values.ts";
import { formatKey } from "../secrets/key.ts";
import { openStored } from "../secrets/stored-form.ts";
import type { Keyring } from "./formation-state.ts";

/**
 * @param formations - by repository path of their folder.
 * @param snapshots - where to read each formation's secrets.enc; the working
 * tree's is always read too: a value may be newer than what is staged.
 */
export async function gatherKnown(
  formations: readonly string[],
  snapshots: readonly Snapshot[],
  keyring: Keyring,
  topLevel: string,
): Promise<KnownEntry[]> {
  const known: KnownEntry[] = [];
  for (const formation of formations) {
    const own = keyring.of(formation);
    if (own.state !== "ok") continue;
    known.push({ formation, name: ".key", kind: "key", value: formatKey(own.key) });
    const path = encryptedPath(formation);
    const versions = await Promise.all([readWorkingFile(topLevel, path), ...snapshots.map((one) => one.read(path))]);
    const seen = new Set<string>();
    for (const bytes of versions) {
      if (bytes === null) continue;
      const text = bytes.toString("latin1");
      if (seen.has(text)) continue;
      seen.add(text);
      const opened = openStored(bytes, [own.key]);
      if (opened.failure !== undefined) continue;
      for (const [name, value] of opened.secrets) {
        known.push({ formation, name, kind: "value", value: value.kind === "string" ? value.value : value.text });
      }
    }
  }
  return known;
}

export function encryptedPath(formation: string): string {
  return formation === "" ? "secrets.enc" : `${formation}/secrets.enc`;
}

/** Folders of the formations of several lists, each once. */
export function formationPaths(...lists: readonly (readonly Formation[])[]): string[] {
  return [...new Set(lists.flat().map((formation) => formation.path))];
}
