/**
 * What git stores of a secrets.enc: the decision, apart from the protocol.
 * "Formation" means that a formation file stands beside it, in the working tree
 * or in the index. Rows are tried from the top.
 *
 * | content | formation, key | answer |
 * |---|---|---|
 * | empty | | itself |
 * | token, exactly a blob that this path has in the index or HEAD | | itself |
 * | token | no formation, no key | itself |
 * | token, canonical | opens | itself |
 * | token | opens; a blob of this path in the index (any stage; HEAD if none) opens with the same key to the same secrets | that blob |
 * | token | opens | the canonical token |
 * | token whose content is no set of secrets (a name twice, no object) | opens | itself, and a line |
 * | token | no key, a key that is none | itself, and a line |
 * | token of another key, or damaged: cut off, doubled | | itself, and a line |
 * | conflict markers | | itself; a line unless only tokens stand between them |
 * | plaintext or other bytes | no formation | itself: not MUXI's |
 * | plaintext, exactly a blob that this path has in the index or HEAD | | itself |
 * | plaintext, JSON or NAME=value | key | a blob of this path as above, else the canonical token |
 * | plaintext that is no set of secrets | key | a token of its bytes, and a line |
 * | plaintext | no key | **refused** |
 * | a key and nothing else, not yet a blob of this path | | **refused**: it is plaintext that no key of its own can seal |
 * | other bytes | | itself, and a line |
 *
 * These two are the only refusals. What passes with a line, the hooks refuse. Refusing it here would stop `git
 * status` and `git diff`, and MUXI does not write its file atomically.
 * Plaintext with a key never reaches the object database, not even when it is
 * broken: it is sealed as it stands.
 *
 * A blob with the same secrets answers before the canonical token, so that a
 * clone which pulls a file written without this tool sees no change; only under
 * the same key, else a rotation of the key would be undone in silence.
 *
 * truncated, binary, UTF-16, BOM, CRLF: as `classifyStored` says · huge: linear,
 * and a token larger than {@link LARGEST_OPENED} is not opened but passed with a line.
 */

import { crypto } from "../builtin.ts";
import { escapeText } from "../escape.ts";
import { folderOf } from "../formation/discover.ts";
import { pathWord } from "../invocation.ts";
import { isKeyContent } from "../scan/paths.ts";
import { canonicalToken, IV_LABEL, IV_SEPARATOR } from "../secrets/canonical.ts";
import { hasTokenPrefix, sealToken } from "../secrets/fernet.ts";
import { parseAssignments, parseSecrets, type Secrets, sameSecrets } from "../secrets/json.ts";
import { deriveKey, type Key, sameKey } from "../secrets/key.ts";
import { classifyStored, isSealedConflict, openStored } from "../secrets/stored-form.ts";
import type { InheritedBlobs, PathBlobs } from "./inherited-blobs.ts";
import type { FormationKey } from "./keyring.ts";

/**
 * Bytes. Opening costs several times the token's size in memory, and 500 MB in
 * all are not to be passed. No person's secrets come near it.
 */
export const LARGEST_OPENED = 32 * 1024 * 1024;

/** What the decision needs to know of the world. Folders are repository paths, `""` for the root. */
export interface CleanWorld {
  isFormation(folder: string): boolean;
  keyOf(folder: string): FormationKey;
  inherited: InheritedBlobs;
  /** One line for the person; called at most three times a file. */
  say(line: string): void;
}

/** The bytes to store, or null where storing is refused. */
export type Cleaned = Uint8Array | null;

/**
 * Decide for one file.
 *
 * @param path - repository path.
 */
export function clean(path: string, content: Buffer, world: CleanWorld): Cleaned {
  const kind = classifyStored(content);
  try {
    switch (kind) {
      case "empty":
        return content;
      case "token":
        return cleanToken(path, content, world);
      case "conflict-markers":
        if (!isSealedConflict(content)) note(world, path, "holds conflict markers and more than tokens");
        return content;
      case "plaintext-json":
      case "plaintext-assignments":
        if (!world.isFormation(folderOf(path))) return content;
        // It is in git already: refusing it would stop status and switch, and would keep nothing out.
        if (world.inherited.of(path).holds(content)) return content;
        return cleanPlaintext(path, content, kind, world);
      case "other":
        if (isKeyContent(content) && world.isFormation(folderOf(path)) && !world.inherited.of(path).holds(content)) {
          refuse(world, path, "holds a key and no secrets");
          return null;
        }
        if (world.isFormation(folderOf(path))) note(world, path, "is neither a token nor secrets in JSON");
        return content;
    }
  } catch {
    // The cause may hold what it was working on, so it is not shown. Plaintext is never stored for an error of ours.
    if (kind === "plaintext-json" || kind === "plaintext-assignments") {
      refuse(world, path, "could not be encrypted (internal error)");
      return null;
    }
    note(world, path, "could not be examined (internal error)");
    return content;
  }
}

function cleanToken(path: string, content: Buffer, world: CleanWorld): Uint8Array {
  const folder = folderOf(path);
  const found = world.keyOf(folder);
  if (found.state !== "ok") {
    // A clone without keys asks for its own blobs all the time; only what is new is worth a line.
    if (world.isFormation(folder) && !world.inherited.of(path).holds(content))
      note(world, path, `was not examined: ${describeKey(found)}`);
    return content;
  }
  if (content.length > LARGEST_OPENED) {
    note(world, path, "is too large to be opened");
    return content;
  }
  const { key } = found;
  const opened = openStored(content, [key]);
  if (opened.failure !== undefined) {
    if (world.inherited.of(path).holds(content)) return content;
    if (opened.key !== undefined) note(world, path, `opens, but ${opened.message}`);
    else if (opened.failure === "malformed") note(world, path, `is damaged: ${opened.message}`);
    else note(world, path, "does not open with the key in its folder: another key, or damaged");
    return content;
  }
  if (opened.canonical) return content;
  const inherited = world.inherited.of(path);
  if (inherited.holds(content)) return content;
  return inheritedToken(inherited, opened.secrets, key) ?? canonicalToken(opened.secrets, key);
}

/** The path's blob with these secrets under this key. */
function inheritedToken(inherited: PathBlobs, secrets: Secrets, key: Key): Uint8Array | null {
  for (const blob of inherited.read()) {
    if (!hasTokenPrefix(blob) || blob.length > LARGEST_OPENED) continue;
    const opened = openStored(blob, [key]);
    if (opened.failure === undefined && sameKey(opened.key, key) && sameSecrets(opened.secrets, secrets)) return blob;
  }
  return null;
}

function cleanPlaintext(
  path: string,
  content: Buffer,
  kind: "plaintext-json" | "plaintext-assignments",
  world: CleanWorld,
): Cleaned {
  const found = world.keyOf(folderOf(path));
  if (found.state !== "ok") {
    refuse(world, path, `holds secrets in plain text, and ${describeKey(found)}`);
    return null;
  }
  const secrets = secretsIn(content, kind);
  if (secrets === null) {
    note(world, path, "holds plain text that is no set of secrets; it was encrypted as it stands");
    return sealAsIs(content, found.key);
  }
  // Under another index blob's IV the same secrets give the same answer as a token would: status stays quiet.
  return inheritedToken(world.inherited.of(path), secrets, found.key) ?? canonicalToken(secrets, found.key);
}

function secretsIn(content: Buffer, kind: "plaintext-json" | "plaintext-assignments"): Secrets | null {
  if (content.length > LARGEST_OPENED) return null;
  try {
    return kind === "plaintext-json" ? parseSecrets(content) : parseAssignments(content);
  } catch {
    return null;
  }
}

/** A token of any bytes, the same each time, as the canonical token is made. */
function sealAsIs(plaintext: Buffer, key: Key): Buffer {
  const hmac = crypto().createHmac("sha256", deriveKey(key, IV_LABEL));
  const iv = hmac.update(IV_SEPARATOR).update(plaintext).digest().subarray(0, 16);
  return sealToken(plaintext, key, { iv, timestamp: 0 });
}

function describeKey(found: Exclude<FormationKey, { state: "ok" }>): string {
  switch (found.state) {
    case "missing":
      return "its key is not here";
    case "hex":
      return "its .key holds 64 hexadecimal digits, which is no Fernet key";
    case "malformed":
      return "its .key holds no Fernet key";
    case "unreadable":
      return "its .key cannot be read";
  }
}

function note(world: CleanWorld, path: string, what: string): void {
  world.say(`muxi-git: '${escapeText(path)}' ${escapeText(what)}`);
}

/** Whether git has a version to restore. Asked after an error of ours as well, so it may not throw. */
function isStored({ inherited }: CleanWorld, path: string): boolean {
  try {
    return inherited.of(path).read().length > 0;
  } catch {
    return false;
  }
}

function refuse(world: CleanWorld, path: string, why: string): void {
  const folder = folderOf(path);
  const word = pathWord(path);
  world.say(`muxi-git: error: '${escapeText(path)}' ${why}; nothing was stored`);
  if (isStored(world, path))
    world.say(`muxi-git: hint: to take the stored version back instead: git restore -- ${word}`);
  const key = pathWord(folder === "" ? ".key" : `${folder}/.key`);
  world.say(`muxi-git: hint: put the formation's key into ${key}, then: git add -- ${word}`);
}
