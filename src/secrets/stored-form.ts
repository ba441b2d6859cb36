/**
 * What a secrets.enc holds, and how it is opened.
 *
 * {@link classifyStored} looks at bytes only and needs no key:
 *
 * | kind | |
 * |---|---|
 * | `empty` | nothing, or nothing but BOM and white space |
 * | `token` | one line, or several, that each begin as a token and hold its alphabet only: whole, truncated, doubled |
 * | `conflict-markers` | a line begins with seven `<`, `=`, `|` or `>`, then a space or the line's end |
 * | `plaintext-json` | text that begins with `{`, valid JSON and UTF-8 or not; a JSON list |
 * | `plaintext-assignments` | `NAME=value` lines, at least one |
 * | `other` | anything else: another tool's file, binary, a token with foreign characters in it, a bare key |
 *
 * A BOM, white space before the content, CRLF and UTF-16 change none of these: what a person or an editor can put there
 * must not turn a leak into "other". A token so dressed is `token`, though it may not open. JSON and assignments that
 * are not UTF-8 are still that, and their parsers say `json-encoding`. Binary, which a NUL shows: `other`. Huge: linear.
 */
import { MuxiGitError } from "../errors.ts";
import { canonicalToken, isCanonicalOpened } from "./canonical.ts";
import { hasTokenPrefix, isBase64Url, isTokenText, openTokenWithAny } from "./fernet.ts";
import { parseAssignments, parseSecrets, type Secrets } from "./json.ts";
import type { Key } from "./key.ts";
import { decodeText, utf16Of } from "./text.ts";

export type StoredKind = "empty" | "token" | "plaintext-json" | "plaintext-assignments" | "conflict-markers" | "other";

export type OpenFailureCode =
  /** the file is well formed and no key was given */
  | "no-key"
  /** no key given opens it: another key, or a changed byte */
  | "wrong-key"
  /** no key can open it: not of the form, cut off, or padded wrongly */
  | "malformed"
  /** it opens, and what it holds is not a set of secrets */
  | "json-syntax"
  | "json-not-object"
  | "json-duplicate-name"
  | "json-encoding"
  | "json-depth"
  | "json-too-large";

export interface OpenFailure {
  readonly failure: OpenFailureCode;
  /** Lower case, no full stop; holds at most a name and a position. */
  readonly message: string;
  /** The key that opened it, where the failure is what it holds. */
  readonly key?: Key;
}

export interface OpenedSecrets {
  readonly failure?: undefined;
  /** The one of the given keys that opened it. */
  readonly key: Key;
  readonly secrets: Secrets;
  /** Whether the bytes are what {@link StoredForm.seal} gives for these secrets. */
  readonly canonical: boolean;
}

/** A way to keep secrets in a file of the repository. */
export interface StoredForm {
  readonly name: string;
  /** Whether bytes are of this form, needing no key. */
  recognises(bytes: Uint8Array): boolean;
  /** Open with the first key that fits. Never throws for what the bytes hold. */
  open(bytes: Uint8Array, keys: readonly Key[]): OpenedSecrets | OpenFailure;
  /** The one sequence of bytes for these secrets and this key. */
  seal(secrets: Secrets, key: Key): Buffer;
}

/** MUXI's own: one Fernet token, written canonically. */
export const FERNET_FORM: StoredForm = {
  name: "fernet",
  recognises: isTokenText,
  open: openFernet,
  seal: canonicalToken,
};

const FORMS: readonly StoredForm[] = [FERNET_FORM];

/** Open bytes of whichever form. */
export function openStored(bytes: Uint8Array, keys: readonly Key[]): OpenedSecrets | OpenFailure {
  const form = FORMS.find((candidate) => candidate.recognises(bytes));
  return (form ?? FERNET_FORM).open(bytes, keys);
}

function openFernet(bytes: Uint8Array, keys: readonly Key[]): OpenedSecrets | OpenFailure {
  try {
    if (keys.length === 0) {
      return isTokenText(bytes)
        ? { failure: "no-key", message: "no key is here" }
        : { failure: "malformed", message: "the file is not one whole token" };
    }
    const opened = openTokenWithAny(bytes, keys);
    if (opened === null) return { failure: "wrong-key", message: "no key here opens the token, or it is damaged" };
    return readOpened(bytes, opened);
  } catch (error) {
    if (error instanceof MuxiGitError) return { failure: "malformed", message: error.message };
    throw error;
  }
}

function readOpened(bytes: Uint8Array, opened: { key: Key; plaintext: Buffer }): OpenedSecrets | OpenFailure {
  const { key, plaintext } = opened;
  try {
    const secrets = parseSecrets(plaintext);
    let canonical: boolean | undefined;
    return {
      key,
      secrets,
      // Asked by few, and it takes as long as opening.
      get canonical() {
        canonical ??= isCanonicalOpened(bytes, plaintext, secrets, key);
        return canonical;
      },
    };
  } catch (error) {
    if (error instanceof MuxiGitError) return { failure: error.code as OpenFailureCode, message: error.message, key };
    throw error;
  }
}

export function classifyStored(bytes: Uint8Array): StoredKind {
  const content = utf8Of(bytes);
  if (content === null) return "other";
  const start = startOf(content);
  if (start === content.length) return "empty";
  if (isTokenLines(content, start)) return "token";
  if (hasConflictMarkers(content)) return "conflict-markers";
  if (content.includes(0)) return "other";
  const first = content[start];
  if (first === 0x7b) return "plaintext-json";
  if (first === 0x5b && isJsonList(content)) return "plaintext-json";
  return isAssignments(content) ? "plaintext-assignments" : "other";
}

/**
 * Whether a file with conflict markers holds nothing else but tokens: then no plaintext stands in it, and ours and
 * theirs can both be opened.
 */
export function isSealedConflict(bytes: Uint8Array): boolean {
  const content = utf8Of(bytes);
  if (content === null || !hasConflictMarkers(content)) return false;
  for (const [from, to] of linesOf(content)) {
    if (from < to && !isMarker(content, from) && !isTokenLine(content, from, to)) return false;
  }
  return true;
}

/** The bytes themselves, or UTF-16 as UTF-8; null for broken UTF-16. */
function utf8Of(bytes: Uint8Array): Buffer | null {
  if (utf16Of(bytes) === null) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = decodeText(bytes);
  return text === null ? null : Buffer.from(text);
}

/** Past BOM and white space. */
function startOf(content: Buffer): number {
  let at = content[0] === 0xef && content[1] === 0xbb && content[2] === 0xbf ? 3 : 0;
  for (; at < content.length; at++) {
    const byte = content[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
  }
  return at;
}

function isTokenLines(content: Buffer, start: number): boolean {
  if (!hasTokenPrefix(content, start)) return false;
  for (const [from, to] of linesOf(content, start)) {
    if (from < to && !isTokenLine(content, from, to)) return false;
  }
  return true;
}

function isTokenLine(content: Buffer, from: number, to: number): boolean {
  if (!hasTokenPrefix(content, from)) return false;
  let end = to;
  // Spaces may follow; at most two `=` end a token, and one in the middle would make it `NAME=value`.
  while (end > from && (content[end - 1] === 0x20 || content[end - 1] === 0x09)) end--;
  for (let padding = 0; padding < 2 && content[end - 1] === 0x3d; padding++) end--;
  for (let at = from; at < end; at++) if (!isBase64Url(content[at] as number)) return false;
  return true;
}

function hasConflictMarkers(content: Buffer): boolean {
  for (const [from] of linesOf(content)) if (isMarker(content, from)) return true;
  return false;
}

const MARKER_LENGTH = 7;

function isMarker(content: Buffer, from: number): boolean {
  const sign = content[from];
  if (sign !== 0x3c && sign !== 0x3d && sign !== 0x3e && sign !== 0x7c) return false;
  for (let i = 1; i < MARKER_LENGTH; i++) if (content[from + i] !== sign) return false;
  const next = content[from + MARKER_LENGTH];
  return next === undefined || next === 0x20 || next === 0x0a || next === 0x0d;
}

/** Start and end of each line, without CR and LF. */
function* linesOf(content: Buffer, start = 0): Generator<[from: number, to: number]> {
  for (let from = start; from < content.length; ) {
    const found = content.indexOf(0x0a, from);
    const end = found === -1 ? content.length : found;
    let to = end;
    while (to > from && content[to - 1] === 0x0d) to--;
    yield [from, to];
    from = end + 1;
  }
}

function isJsonList(content: Buffer): boolean {
  try {
    parseSecrets(content);
    return false;
  } catch (error) {
    return error instanceof MuxiGitError && error.code === "json-not-object";
  }
}

function isAssignments(content: Buffer): boolean {
  try {
    return (parseAssignments(content)?.size ?? 0) > 0;
  } catch (error) {
    if (error instanceof MuxiGitError) return true;
    throw error;
  }
}
