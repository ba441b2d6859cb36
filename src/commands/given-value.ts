/**
 * What a person gives a command that must not be an argument: a value, a key.
 * Arguments stand in the shell's history and in the list of processes.
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { resolve } from "node:path";
import type { Invocation } from "../cli.ts";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { isOpaque } from "../formation/names.ts";
import { tool } from "../invocation.ts";
import { decodeText } from "../secrets/text.ts";
import { readToEnd } from "../standard-input.ts";

export interface GivenSource {
  stdin: boolean;
  fromFile?: string;
}

/** Largest that is taken, in bytes. Far more than any secret; a device gives any number. */
const LIMIT = 64 * 1024 * 1024;

/**
 * The bytes of `--stdin` or `--from-file`; null where neither was said. A file may be a pipe, as `<(command)` is one.
 *
 * @throws MuxiGitError `usage`, `unreadable`, `too-large`.
 */
export function givenBytes({ cwd }: Pick<Invocation, "cwd">, { stdin, fromFile }: GivenSource): Buffer | null {
  if (stdin && fromFile !== undefined) throw new MuxiGitError("usage", "--stdin and --from-file exclude one another");
  if (stdin) return readAll(0, "standard input");
  if (fromFile === undefined) return null;
  const shown = `'${escapeText(fromFile)}'`;
  let fd: number;
  try {
    fd = openSync(resolve(cwd, fromFile), "r");
  } catch (cause) {
    // The value itself may stand where its file belongs.
    throw unreadable(fromFile.split(/[^A-Za-z0-9]+/).some(isOpaque) ? "the file of that name" : shown, cause);
  }
  try {
    if (fstatSync(fd).isDirectory()) throw new MuxiGitError("unreadable", `cannot read ${shown} (it is a folder)`);
    return readAll(fd, shown);
  } finally {
    closeSync(fd);
  }
}

function readAll(fd: number, shown: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readToEnd(fd, LIMIT);
  } catch (cause) {
    throw unreadable(shown, cause);
  }
  if (bytes.length <= LIMIT) return bytes;
  throw new MuxiGitError("too-large", `${shown} is larger than ${LIMIT / 1024 / 1024} MB`);
}

function unreadable(shown: string, cause: unknown): MuxiGitError {
  return new MuxiGitError("unreadable", `cannot read ${shown} (${(cause as NodeJS.ErrnoException).code ?? "unknown"})`);
}

/**
 * A value as it is stored: text, without the line end that `echo` and editors put behind a single line. A value of
 * several lines stays as it is, since a PEM file needs its last one.
 *
 * @throws MuxiGitError `not-text`, `empty-value`.
 */
export function textValue(bytes: Uint8Array): string {
  const text = decodeText(bytes);
  if (text === null || text.includes("\0")) {
    throw new MuxiGitError("not-text", "the value is no text: MUXI stores text in UTF-8 only", {
      hint: "encode binary data first, with base64 for example",
    });
  }
  return singleLine(text);
}

/** @throws MuxiGitError `empty-value`. */
export function singleLine(text: string): string {
  const end = text.indexOf("\n");
  const value = end === text.length - 1 ? text.replace(/\r?\n$/, "") : text;
  if (value === "") {
    throw new MuxiGitError("empty-value", "the value is empty, and to MUXI an empty value is none", {
      hint: `to take a stored one away: ${tool("secrets delete NAME")}`,
    });
  }
  return value;
}
