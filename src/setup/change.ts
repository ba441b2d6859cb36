/** One file that install leaves otherwise than it found it. A plan is a list of these: it can be printed, applied and undone. */
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { tool } from "../invocation.ts";
import { type AddedBlock, appendBlock, findBlock, insertBlock, rewriteBlock } from "./blocks.ts";
import { type FileState, fileState, newMode } from "./disk.ts";
import type { Place } from "./record.ts";

export interface FileChange {
  path: string;
  place: Place;
  before: { bytes: Buffer; mode: number } | null;
  after: Buffer;
  mode: number;
  /** What was put before the block to end the last line. */
  pad: string;
  /** For the person: what the file gets, as text. */
  summary: string;
  /** Lines the file gets that it had not. */
  added: string[];
  /** Part of the tree that commits share, where git does not ignore it. */
  shared: boolean;
}

export interface BlockTarget {
  path: string;
  place: Place;
  /** As shown in messages. */
  name: string;
  shared: boolean;
  summary: string;
}

/** The file as one that install may edit. @throws MuxiGitError `refused-file`. */
function editable(state: FileState, name: string): { bytes: Buffer; mode: number } | null {
  if (state.kind === "absent") return null;
  if (state.kind !== "file") {
    const what =
      state.kind === "symlink" ? "a symbolic link" : state.kind === "folder" ? "a folder" : "no regular file";
    throw new MuxiGitError("refused-file", `'${escapeText(name)}' is ${what}`, {
      hint: `put a regular file in its place, or run '${tool("install --local")}', which touches no tracked file`,
    });
  }
  if (state.bytes.includes(0)) {
    throw new MuxiGitError("refused-file", `'${escapeText(name)}' is no text that git can read`, {
      hint: "save it as UTF-8 without NUL bytes, then install again",
    });
  }
  return state;
}

/**
 * Put `lines` into the file's marked block. A block that is there keeps all it
 * has, a teammate's newer version may have written it, and gets what it lacks.
 *
 * @returns null where nothing is missing.
 */
export function planBlock(
  target: BlockTarget,
  comment: string,
  lines: readonly string[],
  where: "end" | "start",
): FileChange | null {
  const before = editable(fileState(target.path), target.name);
  const text = before?.bytes.toString("latin1") ?? "";
  const block = findBlock(text);
  if (block === "unfinished") {
    throw new MuxiGitError("refused-file", `the muxi-git block in '${escapeText(target.name)}' has no end line`, {
      hint: "complete or remove it by hand, then install again",
    });
  }
  let added: AddedBlock;
  let missing = [...lines];
  if (block === null) {
    added = where === "end" ? appendBlock(text, comment, lines) : insertBlock(text, comment, lines);
  } else if (where === "start") {
    missing = lines.filter((line) => !block.lines.includes(line));
    added = { text: rewriteBlock(text, block, lines), pad: "", eol: "\n" };
  } else {
    missing = lines.filter((line) => !block.lines.includes(line));
    added = { text: rewriteBlock(text, block, [...block.lines, ...missing]), pad: "", eol: "\n" };
  }
  if (added.text === text && before !== null) return null;
  return {
    path: target.path,
    place: target.place,
    before,
    after: Buffer.from(added.text, "latin1"),
    mode: before?.mode ?? newMode(false),
    pad: added.pad,
    summary: target.summary,
    added: missing,
    shared: target.shared,
  };
}
