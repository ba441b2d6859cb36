/**
 * What git's attributes say about a path, asked of git itself: `check-attr`
 * knows macros, nested files, `info/attributes` and the system's.
 *
 * Source: git-check-attr(1): with `-z`, path NUL attribute NUL value NUL; the
 * value is `unspecified`, `unset`, `set` or the given text.
 */
import { decodePath, encodePath } from "./entries.ts";
import { type GitOptions, runGit, splitNul } from "./run.ts";

const ASKED = ["filter", "diff", "merge", "text"] as const;
export type AskedAttribute = (typeof ASKED)[number];
export type Attributes = Record<AskedAttribute, string>;

/** Attributes of each path, read from the working tree of `options.cwd`. */
export function checkAttributes(paths: readonly string[], options: GitOptions): Map<string, Attributes> {
  const answers = new Map<string, Attributes>();
  if (paths.length === 0) return answers;
  const input = Buffer.concat(paths.flatMap((path) => [encodePath(path), Buffer.of(0)]));
  const output = splitNul(runGit(["check-attr", "-z", "--stdin", ...ASKED], { ...options, input }));
  for (let at = 0; at + 2 < output.length; at += 3) {
    const path = decodePath(output[at]!);
    const name = output[at + 1]!.toString("latin1") as AskedAttribute;
    const found = answers.get(path) ?? {
      filter: "unspecified",
      diff: "unspecified",
      merge: "unspecified",
      text: "unspecified",
    };
    found[name] = output[at + 2]!.toString("utf8");
    answers.set(path, found);
  }
  return answers;
}

export interface AttributeRule {
  /** From 1. */
  line: number;
  pattern: string;
  /** `filter` → `lfs`, `diff` → `unset`; macros are not resolved here, `binary` is. */
  states: Map<string, string>;
}

/** The rules of one attributes file, as far as needed to name the line that overrides ours. */
export function parseAttributeRules(text: string): AttributeRule[] {
  const rules: AttributeRule[] = [];
  text.split("\n").forEach((raw, index) => {
    const match = /^[ \t]*(?:"((?:[^"\\]|\\.){1,1024})"|([^\s#][^\s]{0,1023}))[ \t]+(.+?)[ \t\r]*$/.exec(
      raw.slice(0, 4096),
    );
    const pattern = match?.[1] ?? match?.[2];
    if (pattern === undefined) return;
    const states = new Map<string, string>();
    for (const word of match![3]!.split(/[ \t]+/)) {
      if (word === "binary") for (const name of ["diff", "merge", "text"]) states.set(name, "unset");
      else if (word.startsWith("-")) states.set(word.slice(1), "unset");
      else if (word.startsWith("!")) states.set(word.slice(1), "unspecified");
      else {
        const equals = word.indexOf("=");
        if (equals < 0) states.set(word, "set");
        else states.set(word.slice(0, equals), word.slice(equals + 1));
      }
    }
    rules.push({ line: index + 1, pattern, states });
  });
  return rules;
}
