/**
 * The values this repository must not show: of every formation whose key is
 * here or was given, all values of its secrets.enc in each snapshot given, and the
 * key itself, as well as those that are held for older versions.
 */
import { sha256 } from "../builtin.ts";
import { type Formation, fileIn } from "../formation/discover.ts";
import type { BlobReader } from "../git/cat-file.ts";
import { blobOid } from "../git/object-id.ts";
import type { Snapshot } from "../git/snapshot.ts";
import { readWorkingFile } from "../git/working-file.ts";
import type { KnownEntry } from "../scan/known-values.ts";
import { formatKey } from "../secrets/key.ts";
import { openStored } from "../secrets/stored-form.ts";
import type { Ciphertexts } from "./ciphertext-cache.ts";
import type { Keyring } from "./formation-state.ts";
import { isHeld } from "./held-keys.ts";

/** Largest secrets.enc whose values are looked for, in bytes; the filter opens none that is larger either. */
const LARGEST_OPENED = 32 * 1024 * 1024;

/** Blobs of secrets.enc files, by repository path. */
export interface MoreVersions {
  reader: BlobReader;
  oids: ReadonlyMap<string, ReadonlySet<string>>;
}

const OID = /^[0-9a-f]{40,64}$/;

/**
 * @param formations - by repository path of their folder.
 * @param snapshots - where to read each formation's secrets.enc; the working
 * tree's is always read too: a value may be newer than what is staged.
 * @param used - is given every token that was read out of git and opened.
 * @param more - other versions to open.
 */
export async function gatherKnown(
  formations: readonly string[],
  snapshots: readonly Snapshot[],
  keyring: Keyring,
  topLevel: string,
  used: Ciphertexts = new Map(),
  more?: MoreVersions,
): Promise<KnownEntry[]> {
  const known = keyring.held().map(
    (key): KnownEntry => ({
      formation: formations[0] ?? "",
      name: ".key",
      kind: "key",
      value: formatKey(key),
    }),
  );
  for (const formation of formations) {
    const own = keyring.of(formation);
    const ownKey = own.state === "ok" || own.state === "hex" ? own.key : null;
    const keys = [...new Set([...keyring.keysFor(formation), ...(ownKey === null ? [] : [ownKey])])];
    if (keys.length === 0) continue;
    if (ownKey !== null) known.push({ formation, name: ".key", kind: "key", value: formatKey(ownKey) });
    if (own.state === "hex") {
      const digits = Buffer.concat([own.key.signing, own.key.encryption]).toString("hex");
      known.push({ formation, name: ".key", kind: "key", value: digits });
    }
    const path = encryptedPath(formation);
    const versions = new Map<string, Buffer>();
    for (const snapshot of snapshots) {
      const oid = snapshot.entries.get(path)?.oid ?? null;
      const bytes = oid === null || versions.has(oid) ? null : await snapshot.read(path);
      if (bytes !== null && oid !== null) versions.set(oid, bytes);
    }
    for (const oid of more?.oids.get(path) ?? []) {
      const bytes = versions.has(oid) ? null : ((await more?.reader.read(oid)) ?? null);
      if (bytes !== null) versions.set(oid, bytes);
    }
    const working = readWorkingFile(topLevel, path, LARGEST_OPENED);
    if (working !== null) versions.set("working tree", working);
    const seen = new Set<string>();
    const told = new Set<string>();
    for (const [oid, bytes] of versions) {
      const digest = sha256(bytes);
      if (bytes.length > LARGEST_OPENED || seen.has(digest)) continue;
      seen.add(digest);
      const opened = openStored(bytes, keys);
      if (opened.failure !== undefined) continue;
      if (opened.key !== ownKey && !isHeld(opened.key) && !told.has(formatKey(opened.key))) {
        told.add(formatKey(opened.key));
        known.push({ formation, name: ".key", kind: "key", value: formatKey(opened.key) });
      }
      if (OID.test(oid) && blobOid(bytes, oid.length) === oid) used.set(oid, bytes);
      for (const [name, stored] of opened.secrets) {
        const value = stored.kind === "string" ? stored.value : stored.text;
        if (told.has(`${name}\0${value}`)) continue;
        told.add(`${name}\0${value}`);
        known.push({ formation, name, kind: "value", value });
      }
    }
  }
  return known;
}

export function encryptedPath(formation: string): string {
  return fileIn(formation, "secrets.enc");
}

/** Folders of the formations of several lists, each once. */
export function formationPaths(...lists: readonly (readonly Formation[])[]): string[] {
  return [...new Set(lists.flat().map((formation) => formation.path))];
}
