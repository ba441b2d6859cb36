/** How old the keys and the values of formations are, for `status`. */
import { openBlobReader } from "../git/cat-file.ts";
import type { Snapshot } from "../git/snapshot.ts";
import { formationsOf, type Keyring, openFile } from "./formation-state.ts";
import { encryptedPath } from "./known.ts";
import { type LastChange, StoredHistory } from "./name-ages.ts";

export interface FormationAges {
  /** Of the formation's folder. */
  path: string;
  /** Since when secrets.enc is sealed with the key; null without a key that opens it. */
  key: LastChange | null;
  /** By name; null where it was not opened, or not asked. */
  names: Map<string, LastChange> | null;
  /** Why there is something whose age is not known; completes "cannot tell: ". */
  reason: string | null;
}

export interface AgesOptions {
  /** Without, only keys: names take the opening of every version. */
  names: boolean;
}

/** @param snapshot - of the working tree. */
export async function formationAges(
  topLevel: string,
  keyring: Keyring,
  snapshot: Snapshot,
  options: AgesOptions,
): Promise<FormationAges[]> {
  const reader = openBlobReader(topLevel);
  try {
    const formations = formationsOf(snapshot);
    const history = new StoredHistory(
      { topLevel, reader },
      formations.flatMap(({ encrypted }) => encrypted ?? []),
    );
    const ages: FormationAges[] = [];
    for (const { path, encrypted } of formations) {
      const own = keyring.of(path);
      const bytes = encrypted === null || own.state !== "ok" ? null : await snapshot.read(encrypted);
      const { key, secrets } = openFile(bytes, own.state === "ok" ? [own.key] : []);
      if (key === null || secrets === null) {
        const reason =
          encrypted === null ? null : own.state === "ok" ? "the key here does not open them" : "no key here";
        ages.push({ path, key: null, names: null, reason });
        continue;
      }
      const since = await history.keySince(key);
      ages.push({
        path,
        key: since,
        reason: (await history.isShallow()) ? "this clone is shallow, fetch its history: git fetch --unshallow" : null,
        names: options.names ? await history.lastChanges(encryptedPath(path), secrets, keyring.keysFor(path)) : null,
      });
    }
    return ages;
  } finally {
    reader.close();
  }
}
