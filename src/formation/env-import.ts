/**
 * What of a `.env` file belongs in a formation's secrets.enc.
 *
 * Read by the grammar of src/secrets/assignments.ts, which drops no part of a value: dotenv's own parser ends
 * `PASSWORD=ab#cd` at the `#`. Nothing is replaced in a value: what refers to another (`${USER}`, `$USER` where the
 * file sets USER, `$(command)`) is left where it is, since MUXI would take the reference for the secret. Left as well,
 * unless chosen by name: settings, placeholders, what a framework publishes, what another store keeps or has encrypted.
 * A name that stands twice has its last value, as for every reader of such files.
 *
 * empty, no assignment: an empty plan · CRLF, multi-line, `export`, comments: as the grammar says · BOM, UTF-16: the
 * caller decodes · huge: linear.
 */
import { isKeptElsewhere, isPublished } from "../scan/dotenv.ts";
import { assignmentLines } from "../secrets/assignments.ts";
import { normalizeName } from "./names.ts";
import { isPlaceholder, mayBeSecret } from "./placeholder.ts";

/** Why a value stays in the file. */
export type LeftBecause =
  | "setting"
  | "placeholder"
  | "empty"
  | "published"
  | "kept elsewhere"
  | "refers to another value"
  | "no name";

export interface EnvEntry {
  /** As MUXI stores it. */
  readonly name: string;
  /** As the file has it. */
  readonly raw: string;
  readonly value: string;
  /** From 1; of the last where the name stands several times. */
  readonly line: number;
  /** Other lines with this name and another value. */
  readonly otherLines: readonly number[];
  /** null where it is to be moved. */
  readonly left: LeftBecause | null;
}

export interface EnvPlan {
  /** Each name once, in the order of the file. */
  readonly entries: readonly EnvEntry[];
  /** Lines that are neither blank nor comment nor NAME=value. */
  readonly otherLines: readonly number[];
}

export function readEnv(text: string): EnvPlan {
  const otherLines: number[] = [];
  const found: { name: string; raw: string; value: string; quote: string; line: number }[] = [];
  for (const { line, assignment } of assignmentLines(text)) {
    if (assignment === null) otherLines.push(line);
    else {
      const { name: raw, value, quote } = assignment;
      found.push({ name: normalizeName(raw), raw, value, quote, line });
    }
  }
  const set = new Set(found.map(({ raw }) => raw));
  const byName = new Map<string, typeof found>();
  for (const one of found) {
    const same = byName.get(one.name);
    if (same === undefined) byName.set(one.name, [one]);
    else same.push(one);
  }
  const entries = [...byName.values()].map((same): EnvEntry => {
    const { name, raw, value, quote, line } = same[same.length - 1]!;
    return {
      name,
      raw,
      value,
      line,
      otherLines: same.filter((other) => other.value !== value).map((other) => other.line),
      left: leftBecause(name, raw, value, quote, set),
    };
  });
  return { entries, otherLines };
}

function leftBecause(
  name: string,
  raw: string,
  value: string,
  quote: string,
  set: ReadonlySet<string>,
): LeftBecause | null {
  if (name === "") return "no name";
  if (value === "") return "empty";
  if (isPublished(raw)) return "published";
  if (isKeptElsewhere(value)) return "kept elsewhere";
  if (quote !== "'" && refersToAnother(value, set)) return "refers to another value";
  if (isPlaceholder(value, name)) return "placeholder";
  return mayBeSecret(name, value) ? null : "setting";
}

/** `$NAME` is a part of many passwords; it is a reference where the file sets that name. */
function refersToAnother(value: string, set: ReadonlySet<string>): boolean {
  for (const match of value.matchAll(/(?<!\\)\$(?:\{|\(|([A-Za-z_][A-Za-z0-9_]{0,255}))/g)) {
    if (match[1] === undefined || set.has(match[1])) return true;
  }
  return false;
}
