/**
 * `textconv FILE`: what `git diff`, `git log -p` and `git blame` show of a
 * secrets.enc. Names, each with a keyed digest of its value, sorted by UTF-8
 * bytes; never a value.
 *
 *     OPENAI_API_KEY  3f9c01aa
 *
 * | content | shown |
 * |---|---|
 * | token, plaintext, opened or read | `NAME  DIGEST` lines |
 * | plaintext without any key | `NAME  ????????`: a digest without a key lets short values be guessed |
 * | token that no key here opens | `(locked: no key here opens it) DIGEST`, the digest of the token: a change still shows |
 * | empty | nothing |
 * | conflict markers, anything else | what it is, and a digest of the bytes that is keyed where a key is here |
 *
 * git passes a temporary file that has lost its folder, so the key of every
 * formation is tried; the tag says which is right. It ends with 0 whatever
 * happens: any other code ends the whole `git log`.
 */
import { lstatSync, readFileSync } from "node:fs";
import { escapeText } from "../escape.ts";
import { shownName } from "../formation/names.ts";
import { tokenDigest, valueDigest } from "../secrets/digest.ts";
import { compareUtf8, parseAssignments, parseSecrets, type Secrets } from "../secrets/json.ts";
import type { Key } from "../secrets/key.ts";
import { classifyStored, openStored } from "../secrets/stored-form.ts";
import { out } from "../terminal.ts";
import { folderInside, keyBatches } from "./every-key.ts";
import { isHeld } from "./held-keys.ts";

/** Bytes of a file that is shown at all. */
const LARGEST = 32 * 1024 * 1024;

/** @param file - relative to the current directory or absolute. @returns 0, always. */
export function textconv(file: string): number {
  try {
    for (const line of describe(file)) out(line);
  } catch {
    // The cause may hold what it was working on.
    out("(muxi-git could not read this file)");
  }
  return 0;
}

function describe(file: string): string[] {
  if (!lstatSync(file).isFile()) return ["(no regular file)"];
  const content = readFileSync(file);
  if (content.length > LARGEST) return [`(too large to show) ${content.length} bytes`];
  const kind = classifyStored(content);
  if (kind === "empty") return [];
  const cwd = process.cwd();
  switch (kind) {
    case "token":
      return describeToken(content, file, cwd);
    case "plaintext-json":
    case "plaintext-assignments":
      return describePlaintext(content, kind, file, cwd);
    case "conflict-markers":
      return [`(conflict markers) ${opaqueDigest(content, file, cwd)}`];
    case "other":
      return [`(no token) ${opaqueDigest(content, file, cwd)}`];
  }
}

function describeToken(token: Buffer, file: string, cwd: string): string[] {
  let failure = "no key here opens it";
  for (const keys of keyBatches(folderInside(file, cwd), cwd)) {
    const opened = openStored(token, keys);
    if (opened.failure === undefined) {
      // Under the key in place, so that the values on both sides of a rotation show as the same.
      const old = isHeld(opened.key) ? firstKey(file, cwd) : null;
      return lines(opened.secrets, old ?? opened.key);
    }
    if (opened.failure === "malformed") return [`(damaged: ${escapeText(opened.message)}) ${tokenDigest(token)}`];
    if (opened.key !== undefined) {
      failure = `it opens, but ${opened.message}`;
      return [`(damaged: ${escapeText(failure)}) ${tokenDigest(token)}`];
    }
  }
  return [`(locked: ${failure}) ${tokenDigest(token)}`];
}

function describePlaintext(
  content: Buffer,
  kind: "plaintext-json" | "plaintext-assignments",
  file: string,
  cwd: string,
): string[] {
  let secrets: Secrets | null = null;
  try {
    secrets = kind === "plaintext-json" ? parseSecrets(content) : parseAssignments(content);
  } catch {
    // Described by its digest below.
  }
  if (secrets === null) return [`(plain text that is no set of secrets) ${opaqueDigest(content, file, cwd)}`];
  const key = firstKey(file, cwd);
  return key === null
    ? [...lines(secrets, null), "(plain text, and no key here: values are not compared)"]
    : lines(secrets, key);
}

function lines(secrets: Secrets, key: Key | null): string[] {
  return [...secrets]
    .sort(([a], [b]) => compareUtf8(a, b))
    .map(([name, value]) => `${shownName(name)}  ${key === null ? "????????" : valueDigest(key, name, value)}`);
}

/** Of bytes that may be a secret as they stand; unkeyed it would let them be guessed. */
function opaqueDigest(content: Buffer, file: string, cwd: string): string {
  const key = firstKey(file, cwd);
  return key === null ? `${content.length} bytes` : valueDigest(key, "", content.toString("latin1"));
}

function firstKey(file: string, cwd: string): Key | null {
  for (const keys of keyBatches(folderInside(file, cwd), cwd)) if (keys[0] !== undefined) return keys[0];
  return null;
}
