/**
 * Attributes that would win over ours: a foreign filter, or a line in a nested
 * `.gitattributes` (`*.enc binary`). The plan is asked of git before anything is
 * changed, in a scratch copy of nothing but the attributes files, so that a dry
 * run answers as exactly as the real one.
 */
import { join, posix } from "node:path";
import micromatch from "micromatch";
import { type Attributes, checkAttributes, parseAttributeRules } from "../git/attributes.ts";
import { type ConfigEntry, FILTER } from "../git/config.ts";
import type { Repository } from "../git/repository.ts";
import { findBlock } from "./blocks.ts";
import { foldersAbove, inScratch, readOrNull } from "./scratch.ts";

const OURS = ["filter", "diff", "merge"] as const;

export interface Override {
  path: string;
  attribute: (typeof OURS)[number];
  /** The value that counts: `lfs`, `unset`. */
  value: string;
  /** `dir/.gitattributes:3`, where the line was found. */
  rule: string | null;
}

/** Planned bytes of an attributes file: the root's, or `info/attributes`. */
export interface PlannedAttributes {
  file: ".gitattributes" | "info/attributes";
  bytes: Uint8Array;
}

/** Attributes as they will be once the planned file is written. */
export function attributesUnderPlan(
  paths: readonly string[],
  planned: PlannedAttributes | null,
  repository: Repository,
  settings: readonly ConfigEntry[],
): Map<string, Attributes> {
  if (paths.length === 0) return new Map();
  const files = new Map(planned === null ? [] : [[planned.file, planned.bytes] as const]);
  return inScratch(
    repository,
    settings,
    { name: ".gitattributes", info: "attributes", paths, planned: files },
    (options) => checkAttributes(paths, options),
  );
}

function attributesFile(folder: string): string {
  return folder === "" ? ".gitattributes" : `${folder}/.gitattributes`;
}

/** Values of another tool that stand there now; `unset` and `set` are settled by what the plan gives. */
export function foreignAttributes(current: ReadonlyMap<string, Attributes>): Omit<Override, "rule">[] {
  const plain = new Set(["unspecified", "unset", "set", FILTER]);
  return [...current].flatMap(([path, attributes]) =>
    OURS.filter((name) => !plain.has(attributes[name])).map((attribute) => ({
      path,
      attribute,
      value: attributes[attribute],
    })),
  );
}

export function wrongAttributes(found: ReadonlyMap<string, Attributes>): Omit<Override, "rule">[] {
  return [...found].flatMap(([path, attributes]) =>
    OURS.filter((name) => attributes[name] !== FILTER).map((attribute) => ({
      path,
      attribute,
      value: attributes[attribute],
    })),
  );
}

/** The line that gives `attribute` its value for a path: the last match of the strongest file. */
export function findRule(override: Omit<Override, "rule">, repository: Repository): string | null {
  const { path, attribute, value } = override;
  const sources = [
    { name: "info/attributes", folder: "", file: join(repository.commonDir, "info", "attributes") },
    ...foldersAbove(path)
      .reverse()
      .map((folder) => ({
        name: attributesFile(folder),
        folder,
        file: join(repository.topLevel, attributesFile(folder)),
      })),
  ];
  for (const source of sources) {
    const bytes = readOrNull(source.file);
    if (bytes === null || bytes.length > 1024 * 1024) continue;
    const text = bytes.toString("utf8");
    const block = findBlock(text);
    const skipped = block === null || block === "unfinished" ? null : block;
    const relative = source.folder === "" ? path : path.slice(source.folder.length + 1);
    const from = skipped === null ? 0 : text.slice(0, skipped.start).split("\n").length;
    const to = skipped === null ? 0 : text.slice(0, skipped.end).split("\n").length;
    const rule = parseAttributeRules(text).findLast(
      ({ line, pattern, states }) =>
        !(skipped !== null && line >= from && line < to) &&
        states.get(attribute) === value &&
        matches(pattern, relative),
    );
    if (rule !== undefined) return `${source.name}:${rule.line}`;
  }
  return null;
}

/** gitattributes(5): without a slash the pattern is for the base name, else for the path from its file's folder. */
function matches(pattern: string, path: string): boolean {
  // Backtracking is exponential in the stars of one segment; such a pattern is not looked at.
  if (pattern.length > 256 || pattern.split("/").some((segment) => segment.split("*").length > 4)) return false;
  const anchored = pattern.includes("/");
  const glob = pattern.startsWith("/") ? pattern.slice(1) : pattern;
  try {
    return micromatch.isMatch(anchored ? path : posix.basename(path), glob, {
      dot: true,
      nobrace: true,
      noextglob: true,
    });
  } catch {
    return false;
  }
}
