/**
 * Repository paths as patterns of gitattributes(5) and gitignore(5), anchored at
 * the root, on latin1 strings (one character a byte).
 *
 * Empty path: the root formation. A folder name may hold any byte but NUL:
 * glob characters are escaped; a line end, which no ignore line can hold, is
 * matched by `?`.
 */
import { folderOf } from "../formation/discover.ts";
import { encodePath } from "../git/entries.ts";

/** A folder with more formations than this in it is covered by one pattern: git compares every line with every path. */
const SIBLINGS = 20;

function latin1(path: string): string {
  return encodePath(path).toString("latin1");
}

function escapeGlob(name: string): string {
  return name.replace(/[\\*?[\]]/g, "\\$&").replace(/[\r\n]/g, "?");
}

/** Anchored patterns for `file` in each folder; many siblings become one pattern for their parent. */
function anchoredPatterns(folders: readonly string[], file: string): string[] {
  const byParent = new Map<string, string[]>();
  for (const folder of folders) {
    const parent = folderOf(folder);
    const key = folder === "" ? "root" : `in ${parent}`;
    const siblings = byParent.get(key);
    if (siblings === undefined) byParent.set(key, [folder]);
    else siblings.push(folder);
  }
  const patterns: string[] = [];
  for (const siblings of byParent.values()) {
    const first = siblings[0]!;
    const parent = first.slice(0, first.lastIndexOf("/") + 1);
    if (siblings.length > SIBLINGS) patterns.push(`/${escapeGlob(latin1(parent))}*/${file}`);
    else {
      for (const folder of siblings) patterns.push(`/${escapeGlob(latin1(folder === "" ? "" : `${folder}/`))}${file}`);
    }
  }
  return patterns;
}

/** gitattributes reads a pattern in double quotes as a C string. */
function quoteAttributePattern(pattern: string): string {
  return /[\s"]/.test(pattern) ? `"${pattern.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"` : pattern;
}

export function attributeLines(folders: readonly string[], file: string, attributes: string): string[] {
  return anchoredPatterns(folders, file).map((pattern) => `${quoteAttributePattern(pattern)} ${attributes}`);
}

/** The line that ignores this one file. */
export function ignoreLineOf(path: string): string {
  return `/${escapeGlob(latin1(path))}`.replace(/ +$/, (blanks) => "\\ ".repeat(blanks.length));
}

export function ignoreLines(folders: readonly string[], file: string): string[] {
  return anchoredPatterns(folders, file);
}
