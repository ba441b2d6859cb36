/** Joins a formation's files, wherever they stand, to the pure checks of src/formation. */
import { sha256 } from "../builtin.ts";
import { type Formation, findFormations } from "../formation/discover.ts";
import type { EncryptedState, FormationState, KeyState, OpenedBy } from "../formation/drift.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import type { Snapshot } from "../git/snapshot.ts";
import type { Secrets } from "../secrets/json.ts";
import type { Key } from "../secrets/key.ts";
import { classifyStored, isSealedConflict, openStored } from "../secrets/stored-form.ts";
import { heldKeys, isHeld } from "./held-keys.ts";
import { type FormationKey, keyOfFormation } from "./keyring.ts";

/** A secrets.enc as far as the keys at hand can read it. */
export interface OpenedFile {
  state: EncryptedState;
  /** The key that opened it; null where none did. */
  key: Key | null;
  secrets: Secrets | null;
}

/**
 * Open the bytes of a secrets.enc.
 *
 * @param bytes - null where the file is absent.
 * @param keys - tried in order.
 */
export function openFile(bytes: Uint8Array | null, keys: readonly Key[]): OpenedFile {
  const closed = (state: EncryptedState): OpenedFile => ({ state, key: null, secrets: null });
  if (bytes === null) return closed({ kind: "none" });
  switch (classifyStored(bytes)) {
    case "empty":
      return closed({ kind: "damaged", message: "it is empty" });
    case "plaintext-json":
    case "plaintext-assignments":
      return closed({ kind: "plaintext", contentId: digestOf(bytes) });
    case "conflict-markers":
      // Markers around anything but tokens: a merge of plaintext is plaintext.
      return closed(
        isSealedConflict(bytes) ? { kind: "conflict-markers" } : { kind: "plaintext", contentId: sha256(bytes) },
      );
    case "other":
      return closed({ kind: "other", contentId: digestOf(bytes) });
    case "token": {
      const opened = openStored(bytes, keys);
      if (opened.failure === undefined) {
        const { key, secrets } = opened;
        return {
          state: {
            kind: "opened",
            secrets,
            get canonical() {
              return opened.canonical;
            },
          },
          key,
          secrets,
        };
      }
      return opened.failure === "no-key" || opened.failure === "wrong-key"
        ? closed({ kind: "locked", reason: opened.failure })
        : closed({ kind: "damaged", message: opened.message });
    }
  }
}

/** Tells two plaintexts apart inside this process; never printed. */
function digestOf(bytes: Uint8Array): string {
  return sha256(bytes);
}

export interface ReadFormation {
  formation: Formation;
  state: FormationState;
  opened: OpenedFile;
}

/** Read all of a formation from a snapshot, opening its secrets.enc with `keys`. */
export async function readFormation(
  snapshot: Snapshot,
  formation: Formation,
  keyState: KeyState,
  keys: readonly Key[],
): Promise<ReadFormation> {
  const bytesOf = async (path: string | null) => (path === null ? null : await snapshot.read(path));
  const [template, encrypted, ...references] = await Promise.all([
    bytesOf(formation.template),
    bytesOf(formation.encrypted),
    ...formation.referenceFiles.map(bytesOf),
  ]);
  const opened = openFile(encrypted ?? null, keys);
  const referenceFiles = formation.referenceFiles.flatMap((path, at) => {
    const bytes = references[at];
    return bytes == null ? [] : [{ path, bytes }];
  });
  return {
    formation,
    opened,
    state: {
      formation,
      template: template ?? null,
      encrypted: opened.state,
      openedBy: openedBy(opened),
      referenceFiles,
      keyState,
    },
  };
}

/** Whose key opened a file. */
export function openedBy({ key }: OpenedFile): OpenedBy {
  return key === null ? null : isHeld(key) ? "old" : "current";
}

/** How the pure checks call what the keyring found. */
function keyStateOf(key: FormationKey): KeyState {
  return key.state === "unreadable" ? "malformed" : key.state;
}

/** Every key held here for the given formations, each once, with the formations it stands at. */
export class Keyring {
  readonly #byFormation = new Map<string, FormationKey>();
  readonly #extra: readonly Key[];
  readonly #topLevel: string;
  readonly #places: GitPlaces | null;
  #held: readonly Key[] | undefined;

  /** @param extra - keys of `--key-file`, tried before a formation's own. */
  constructor(topLevel: string, places: GitPlaces | null, extra: readonly Key[] = []) {
    this.#topLevel = topLevel;
    this.#places = places;
    this.#extra = extra;
  }

  of(formation: string): FormationKey {
    let key = this.#byFormation.get(formation);
    if (key === undefined) {
      key = keyOfFormation(formation, this.#topLevel, this.#places);
      this.#byFormation.set(formation, key);
    }
    return key;
  }

  /** Keys that are held for older versions. */
  held(): readonly Key[] {
    this.#held ??= heldKeys(this.#places);
    return this.#held;
  }

  /** Keys to try on a formation's secrets.enc: given ones, its own, those that are held. */
  keysFor(formation: string): Key[] {
    const own = this.of(formation);
    return [...this.#extra, ...(own.state === "ok" ? [own.key] : []), ...this.held()];
  }

  stateFor(formation: string): KeyState {
    return this.#extra.length > 0 ? "ok" : keyStateOf(this.of(formation));
  }
}

/** The formations of a snapshot. */
export function formationsOf(snapshot: Snapshot): Formation[] {
  return findFormations(snapshot.entries.keys());
}
