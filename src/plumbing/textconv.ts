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
import { classifyStored, type OpenedSecrets, openStored } from "../secrets/stored-form.ts";
import { out } from "../terminal.ts";
import { folderInside, keyBatches } from "./every-key.ts";
import { type FoundKey, isHeld } from "./held-keys.ts";
import { keepShown, type Shown } from "./textconv-cache.ts";

/** Bytes of a file that is shown at all. */
const LARGEST = 32 * 1024 * 1024;

/**
 * @param file - relative to the current directory or absolute.
 * @param git - process id of the git that asks, `""` where it is not known.
 * @returns 0, always.
 */
export function textconv(file: string, git: string): number {
  try {
    for (const line of describe(file, git)) out(line);
  } catch {
    // The cause may hold what it was working on.
    out("(muxi-git could not read this file)");
  }
  return 0;
}

function describe(file: string, git: string): string[] {
  if (!lstatSync(file).isFile()) return ["(no regular file)"];
  const content = readFileSync(file);
  if (content.length > LARGEST) return [`(too large to show) ${content.length} bytes`];
  const kind = classifyStored(content);
  if (kind === "empty") return [];
  const cwd = process.cwd();
  switch (kind) {
    case "token":
      return describeToken(content, file, cwd, git);
    case "plaintext-json":
    case "plaintext-assignments":
      return describePlaintext(content, kind, file, cwd);
    case "conflict-markers":
      return [`(conflict markers) ${opaqueDigest(content, file, cwd)}`];
    case "other":
      return [`(no token) ${opaqueDigest(content, file, cwd)}`];
  }
}

function describeToken(token: Buffer, file: string, cwd: string, git: string): string[] {
  const tried: FoundKey[] = [];
  for (const batch of keyBatches(folderInside(file, cwd), cwd)) {
    const opened = openAny(token, batch);
    tried.push(...batch);
    if (opened.failure === undefined) {
      const shown = shownOf(opened, batch);
      // Under the key in place, so that the values on both sides of a rotation show as the same.
      if (shown === null) return lines(opened.secrets, firstKey(file, cwd) ?? opened.key);
      // Of the others not all keys were tried.
      keepShown(token, shown, git, (other, own) => {
        const keys = own === null ? batch : [own, ...batch];
        const found = openAny(other, keys);
        return found.failure === undefined ? shownOf(found, keys) : null;
      });
      return [...shown.lines];
    }
    if (opened.failure === "malformed") return [`(damaged: ${escapeText(opened.message)}) ${tokenDigest(token)}`];
    if (opened.key !== undefined)
      return [`(damaged: it opens, but ${escapeText(opened.message)}) ${tokenDigest(token)}`];
  }
  const shown = lockedAs(token);
  keepShown(token, shown, git, (other) => {
    const found = openAny(other, tried);
    if (found.failure === undefined) return shownOf(found, tried);
    return found.failure === "wrong-key" || found.failure === "no-key" ? lockedAs(other) : null;
  });
  return [...shown.lines];
}

function openAny(token: Buffer, keys: readonly FoundKey[]): ReturnType<typeof openStored> {
  return openStored(
    token,
    keys.map(({ key }) => key),
  );
}

/** null under a key that is held: what is kept depends on the key that opens it alone. */
function shownOf({ key, secrets }: OpenedSecrets, keys: readonly FoundKey[]): Shown | null {
  if (isHeld(key)) return null;
  return { held: keys.find((held) => held.key === key) ?? null, lines: lines(secrets, key) };
}

function lockedAs(token: Buffer): Shown {
  return { held: null, lines: [`(locked: no key here opens it) ${tokenDigest(token)}`] };
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
  for (const [first] of keyBatches(folderInside(file, cwd), cwd)) if (first !== undefined) return first.key;
  return null;
}
