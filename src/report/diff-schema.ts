/**
 * The JSON Schema of `diff --format json`. `npm run schema` writes it to
 * `muxi-git-diff.schema.json`, which ships in the package; a test holds reports
 * against it. Not part of any bundle.
 */
import { PROBLEM_CODES } from "../formation/problem.ts";
import { FROM_ONE, formatSchema, list, OID, object, TEXT } from "./schema.ts";

export const NAMES = list(TEXT);
export const FOLDER = { ...TEXT, description: "From the root of the repository; empty for the root itself." };
const KEY = { enum: ["opened", "no-key", "wrong-key", "damaged", "not-encrypted", "unread", "none"] };
const BOTH = object({ added: NAMES, removed: NAMES });
const PLACES = list(object({ name: TEXT, path: TEXT, line: FROM_ONE }));

export function orNull(schema: object): object {
  return { anyOf: [schema, { type: "null" }] };
}

/** Members of a problem, the last two only where it has them. */
export const PROBLEM_MEMBERS = {
  code: { enum: PROBLEM_CODES },
  severity: { enum: ["error", "warning"] },
  formation: FOLDER,
  path: TEXT,
  message: TEXT,
  fix: TEXT,
  line: FROM_ONE,
  name: TEXT,
};
export const NOT_EVERY_PROBLEM = ["line", "name"];

const PROBLEM = object(PROBLEM_MEMBERS, NOT_EVERY_PROBLEM);

const FORMATION = object({
  path: FOLDER,
  formation: { enum: ["added", "removed", "moved", "kept"] },
  movedFrom: { ...orNull(TEXT), description: "Where a moved formation was." },
  keys: { ...object({ base: KEY, head: KEY }), description: "What could be read of each version's secrets.enc." },
  exact: { type: "boolean", description: "Whether the names are those of secrets.enc; else they are the template's." },
  added: NAMES,
  removed: NAMES,
  changed: { ...orNull(NAMES), description: "null where a version could not be opened: not known." },
  renamed: list(object({ from: TEXT, to: TEXT }), "The same value under another name."),
  rekeyed: { ...orNull({ type: "boolean" }), description: "null where it is not known." },
  encryptedChanged: { type: "boolean", description: "Whether the bytes of secrets.enc differ." },
  template: BOTH,
  references: object({ added: PLACES, removed: PLACES }),
  uses: { ...PLACES, description: "Where the newer version references the names above." },
  removedInUse: list(TEXT, "Names that are gone while the newer version references them."),
  problems: list(PROBLEM, "What `check` finds wrong in the newer version only."),
  unread: list(TEXT, "Files of the formation that this clone lacks."),
});

const LOOSENING = object(
  { kind: { enum: ["setting", "attributes", "allow-comment", "baseline"] }, path: TEXT, line: FROM_ONE, message: TEXT },
  ["line"],
);

export const DIFF_MEMBERS = {
  formations: list(FORMATION, "The formations that differ, sorted by path."),
  loosened: list(LOOSENING, "What the newer version lets through that the older did not."),
};

/** The text of `muxi-git-diff.schema.json`. */
export function formatDiffSchema(): string {
  return formatSchema(
    "Report of muxi-git diff --format json",
    object({
      schemaVersion: { const: 1 },
      base: { ...OID, description: "A commit, or the empty tree." },
      head: { anyOf: [OID, { const: "working tree" }] },
      ...DIFF_MEMBERS,
    }),
  );
}
