/**
 * What a file's name, or its whole content, says before any scanning.
 *
 * The base name `.key` holds a formation's key; every other tool asks for at
 * least one character before a dot and lets it pass. Its copies are named by
 * editors, file managers and hands. The extension alone says nothing:
 * `server.key` is judged by what is in it.
 *
 * Content: trimmed, with or without a byte order mark, in UTF-8 or UTF-16, one
 * well-formed Fernet key and nothing else. Empty, long, truncated: no key.
 */

import { Buffer } from "node:buffer";
import { sha256 } from "../builtin.ts";
import { pathWord } from "../invocation.ts";
import { toScannable } from "./decode.ts";
import type { Finding } from "./finding.ts";

/** Mode of a symbolic link in git's trees: its content is a path. */
export const SYMLINK_MODE = "120000";

export interface FileInfo {
  /** git's mode, `"100644"`. A symbolic link leaks nothing by its name. */
  mode?: string;
  /** Repository paths of all formations, `""` for the root. */
  formations: readonly string[];
}

/** `.key`, in any case, and what copying it makes: `.key.bak`, `.key~`, `.key copy 2`, `.key (1)`, `..key.swp`, `#.key#`. */
const KEY_NAME =
  /^(?:#?\.key#?|\.key[~_-]{1,3}(?:bak|backup|old|orig|copy|save|new|prod|dev|staging|\d{1,8})?|\.key(?:[ ._-]?\(\d{1,3}\)|[ ._-](?:copy|kopie|copie|copia)(?:[ ._-]?\(?\d{1,3}\)?)?)|\.{1,2}key\.sw[a-p]|\.key\d{0,3}\.[^/]{1,40}|copy of \.key|copy of key)$/i;

/** Extensions that make `.key.X` something else than a copy: a public half, a template, a schema. */
const NOT_A_COPY =
  /\.(?:pub|example|sample|template|dist|md|txt\.example|enc|gpg|age|asc|sig|sha256|ts|js|py|go|rs|java|json\.schema)$/i;

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
  const text = Buffer.from(toScannable(bytes)).toString("latin1");
  return FERNET_KEY.test(text.replace(/^\xef\xbb\xbf/, "").trim());
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
  if (isKeyPath(path)) {
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
    return [finding("key-content", "key", path, "this file is nothing but a Fernet key", unstage(path), bytes)];
  }
  return [];
}
