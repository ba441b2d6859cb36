/**
 * What a file's name, or its whole content, says before any scanning.
 *
 * The base name `.key` holds a formation's key; every other tool asks for at
 * least one character before a dot and lets it pass. Its copies are named by
 * editors, file managers and hands. The extension alone says nothing:
 * `server.key` is judged by what is in it.
 *
 * Content: trimmed, with or without a byte order mark, in UTF-8 or UTF-16, one
 * well-formed Fernet key and nothing else. Empty, long, truncated: no key. A
 * mark before what it does not describe hides nothing (decode.ts).
 *
 * A blank `.key` is no key. `.key.json`, `.key.md` and their like are copies only
 * where their content says so. A file that is nothing but a Fernet key may be
 * somebody's public half, so it can be accepted in the baseline; a key of a
 * formation is found by its value as well, and that finding cannot.
 */

import { Buffer } from "node:buffer";
import { sha256 } from "../builtin.ts";
import { pathWord } from "../invocation.ts";
import { viewsOf } from "./decode.ts";
import type { Finding } from "./finding.ts";

/** Mode of a symbolic link in git's trees: its content is a path. */
const SYMLINK_MODE = "120000";

export interface FileInfo {
  /** git's mode, `"100644"`. A symbolic link leaks nothing by its name. */
  mode?: string;
  /** Repository paths of all formations, `""` for the root. */
  formations: readonly string[];
}

/** `.key`, in any case, and what copying it makes: `.key.bak`, `.key~`, `.key copy 2`, `.key - Copy`, `.key 2`, `.key,v`, `..key.swp`. */
const KEY_NAME =
  /^(?:#?\.key#?|\.key[~_-]{1,3}(?:bak|backup|old|orig|copy|save|new|prod|dev|staging|\d{1,8})?|\.key(?:[ ._-]?\(\d{1,3}\)|[ ._-](?:copy|kopie|copie|copia)(?:[ ._-]?\(?\d{1,3}\)?)?)|\.key \d{1,3}|\.key - (?:copy|kopie|copie|copia)(?: \(\d{1,3}\))?|\.key,v|\.{1,2}key\.sw[a-p]|\.key\d{0,3}\.[^/]{1,40}|copy of \.key|copy of key)$/i;

/** Extensions that make `.key.X` something else than a copy, unless a key stands in it: a template, a note, a sealed file. */
const NOT_A_COPY =
  /\.(?:pub|example|sample|template|dist|md|txt\.example|enc|gpg|age|asc|sig|sha256|ts|js|py|go|rs|java|json\.schema)$/i;

/** Extensions of data that may be about anything: a copy only where the content is one. */
const DATA = /\.(?:json|ya?ml|toml|properties|ini|conf|cfg|xml|html|css|lock|schema)$/i;

const DATABASE_NAME = /^memory\.db(?:-(?:wal|shm|journal))?$/i;

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Whether a path is a formation's key file or a copy of one, in any folder and case. */
export function isKeyPath(path: string): boolean {
  const name = baseName(path);
  // Most names are settled without compiling a long expression.
  return name.toLowerCase().includes("key") && KEY_NAME.test(name) && !NOT_A_COPY.test(name);
}

/** Whether a path is `memory.db` (or its journal) beside a formation or in its `data` folder. */
export function isMemoryDatabasePath(path: string, formations: readonly string[]): boolean {
  const name = baseName(path);
  if (!DATABASE_NAME.test(name)) return false;
  const folder = path.slice(0, Math.max(0, path.length - name.length - 1));
  return formations.some(
    (formation) => folder === formation || folder === (formation === "" ? "data" : `${formation}/data`),
  );
}

/** 43 characters of 32 bytes and the pad. Character 43 has two zero bits to fill, so only sixteen letters may stand there. */
const FERNET_KEY = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]=$/;

/**
 * Whether the whole content is one well-formed Fernet key.
 *
 * A key of one repeated unit (`AAAA…=`) is well formed and stays one: whoever
 * uses it encrypts with it.
 */
export function isKeyContent(bytes: Uint8Array): boolean {
  if (bytes.length < 44 || bytes.length > 1024) return false;
  return textsOf(bytes).some((text) => FERNET_KEY.test(text));
}

/** The content, trimmed, as each view of it reads; without byte order marks. */
function textsOf(bytes: Uint8Array): string[] {
  return viewsOf(bytes).map((view) =>
    Buffer.from(view.buffer, view.byteOffset, view.byteLength)
      .toString("latin1")
      .replace(/^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff|\0)+/, "")
      .trim(),
  );
}

/** How much of a file that is named like a key's copy is asked for one. */
const COPY_REGION = 65_536;
const KEY_INSIDE = /(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]=(?![A-Za-z0-9_=-])/;
const OPAQUE = /^[A-Za-z0-9+/_-]{32,512}={0,2}$/;

function holdsKey(bytes: Uint8Array): boolean {
  return textsOf(bytes.subarray(0, COPY_REGION)).some((text) => KEY_INSIDE.test(text));
}

/** Whether the whole content is one word that could be key material of any kind. */
function isOpaque(bytes: Uint8Array): boolean {
  return bytes.length <= 1024 && textsOf(bytes).some((text) => OPAQUE.test(text));
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.length <= 4096 && textsOf(bytes).every((text) => text.replaceAll("\0", "").trim() === "");
}

function finding(
  rule: string,
  kind: Finding["kind"],
  path: string,
  message: string,
  fix: string,
  identity: Uint8Array,
): Finding {
  return {
    rule,
    kind,
    severity: "error",
    path,
    line: 1,
    column: 1,
    endLine: 1,
    endColumn: 1,
    message,
    fix,
    secretId: sha256(identity),
  };
}

/** The fix for a file that stays on disk and out of git. */
export function unstage(path: string): string {
  // -f: git refuses where the file was edited after it was staged.
  return `git rm --cached -f -- ${pathWord(path)}`;
}

/**
 * Findings that a file's name or whole content make.
 *
 * @param bytes - the content; it identifies the secret, so that the same key
 * in a parent's version is recognised as the same finding.
 */
export function checkPath(path: string, bytes: Uint8Array, info: FileInfo): Finding[] {
  if (info.mode === SYMLINK_MODE) return [];
  if (isKeyPath(path) && !isBlank(bytes) && (!DATA.test(path) || holdsKey(bytes) || isOpaque(bytes))) {
    const exact = baseName(path).toLowerCase() === ".key";
    const what = exact ? "a key file" : "a copy of a key file";
    return [
      finding(
        "key-file",
        "key",
        path,
        `${what}: whoever has it reads every version of secrets.enc`,
        unstage(path),
        bytes,
      ),
    ];
  }
  if (isMemoryDatabasePath(path, info.formations)) {
    return [
      finding(
        "memory-db",
        "path",
        path,
        "a formation's memory: it can hold conversations and credentials of users",
        unstage(path),
        bytes,
      ),
    ];
  }
  if (isKeyContent(bytes)) {
    return [finding("key-content", "path", path, "this file is nothing but a Fernet key", unstage(path), bytes)];
  }
  const name = baseName(path);
  if (KEY_NAME.test(name) && NOT_A_COPY.test(name) && !/\.pub$/i.test(name) && holdsKey(bytes)) {
    return [finding("key-content", "path", path, "a Fernet key stands in this file", unstage(path), bytes)];
  }
  return [];
}
