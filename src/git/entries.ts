/**
 * What git lists with `-z`: index entries, tree entries, raw diffs.
 *
 * A path is bytes. Those that are UTF-8 (nearly all) become strings; others
 * become strings with each stray byte as a lone surrogate U+DC80..U+DCFF, as
 * Python's `surrogateescape` does (PEP 383), so that two different paths never
 * become one and {@link encodePath} gives the bytes back.
 */
import { isUtf8 } from "node:buffer";
import { splitNul } from "./run.ts";

/** An object id in full, SHA-1 or SHA-256. */
export const OID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
export const ZERO_OID = /^0+$/;
export const MODE_SYMLINK = "120000";
export const MODE_SUBMODULE = "160000";
export const MODE_TREE = "040000";

export function decodePath(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = utf8LengthAt(bytes, at);
    if (length > 0) {
      text += bytes.toString("utf8", at, at + length);
      at += length;
    } else {
      text += String.fromCharCode(0xdc00 + bytes[at]!);
      at += 1;
    }
  }
  return text;
}

/** Bytes of the valid UTF-8 sequence that begins at `at`; 0 where none does. */
function utf8LengthAt(bytes: Buffer, at: number): number {
  const first = bytes[at]!;
  const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  return length > 0 && at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}

export function encodePath(path: string): Buffer {
  if (path.isWellFormed()) return Buffer.from(path, "utf8");
  const parts: Buffer[] = [];
  for (const character of path) {
    const code = character.charCodeAt(0);
    parts.push(
      character.length === 1 && code >= 0xdc80 && code <= 0xdcff
        ? Buffer.from([code - 0xdc00])
        : Buffer.from(character),
    );
  }
  return Buffer.concat(parts);
}

export interface IndexEntry {
  mode: string;
  oid: string;
  /** 0; 1 to 3 for the base, ours and theirs of an unmerged path. */
  stage: number;
  path: string;
}

/** Parse `git ls-files -s -z`: `100644 <oid> 0\t<path>\0`. */
export function parseIndexEntries(output: Buffer): IndexEntry[] {
  return splitNul(output).map((record) => {
    const tab = record.indexOf(9);
    const [mode = "", oid = "", stage = ""] = record.toString("latin1", 0, tab).split(" ");
    return { mode, oid, stage: Number(stage), path: decodePath(record.subarray(tab + 1)) };
  });
}

export interface TreeEntry {
  mode: string;
  oid: string;
  path: string;
}

/** Parse `git ls-tree -r -z`: `100644 blob <oid>\t<path>\0`. */
export function parseTreeEntries(output: Buffer): TreeEntry[] {
  return splitNul(output).map((record) => {
    const tab = record.indexOf(9);
    const [mode = "", , oid = ""] = record.toString("latin1", 0, tab).split(" ");
    return { mode, oid, path: decodePath(record.subarray(tab + 1)) };
  });
}

export interface RawChange {
  oldMode: string;
  newMode: string;
  oldOid: string;
  newOid: string;
  /** A, M, D, T or U (no renames are asked for). */
  status: string;
  path: string;
}

/**
 * Parse `--raw -z --no-renames --no-abbrev`:
 * `:100644 100644 <oid> <oid> M\0<path>\0`, and of a commit in `diff-tree --stdin`
 * nothing: such callers split by commit first.
 */
export function parseRawDiff(output: Buffer): RawChange[] {
  const records = splitNul(output);
  const changes: RawChange[] = [];
  for (let at = 0; at + 1 < records.length; at += 2) {
    const [oldMode = "", newMode = "", oldOid = "", newOid = "", status = ""] = records[at]!.toString(
      "latin1",
      1,
    ).split(" ");
    changes.push({ oldMode, newMode, oldOid, newOid, status: status.charAt(0), path: decodePath(records[at + 1]!) });
  }
  return changes;
}
