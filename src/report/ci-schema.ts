/**
 * The JSON Schema of `ci --format json`. `npm run schema` writes it to
 * `muxi-git-ci.schema.json`, which ships in the package; a test holds reports
 * against it. Not part of any bundle.
 */
import { DIFF_MEMBERS, FOLDER, NAMES, NOT_EVERY_PROBLEM, orNull, PROBLEM_MEMBERS } from "./diff-schema.ts";
import { SCAN_MEMBERS } from "./scan-schema.ts";
import { formatSchema, list, OID, object, TEXT } from "./schema.ts";

const PROBLEM = { ...PROBLEM_MEMBERS, severity: { enum: ["error", "warning", "note"] } };

const CHECKED = object({
  path: FOLDER,
  form: { enum: ["fernet", "none", "other"], description: "What kind of file secrets.enc is." },
  canonical: { ...orNull({ type: "boolean" }), description: "null where it was not opened." },
  opened: { ...orNull({ type: "boolean" }), description: "null where there is no key, or nothing to open." },
  names: object({ template: NAMES, encrypted: orNull(NAMES), referenced: NAMES }),
  problems: list(object(PROBLEM, NOT_EVERY_PROBLEM)),
});

/** The text of `muxi-git-ci.schema.json`. */
export function formatCiSchema(): string {
  return formatSchema(
    "Report of muxi-git ci --format json",
    object({
      schemaVersion: { const: 1 },
      about: { ...TEXT, description: "What was judged: a pull request, a push, a range." },
      base: { ...OID, description: "What the head is compared with by name: a commit, or the empty tree." },
      head: OID,
      refused: { type: "boolean", description: "Whether something is to be mended: exit code 1." },
      scan: object(SCAN_MEMBERS),
      problems: list(
        object({ ...PROBLEM, commit: OID }, NOT_EVERY_PROBLEM),
        "Plaintext of formations in commits, which the head does not hold any more.",
      ),
      check: object({ formations: list(CHECKED, "All formations of the head.") }),
      diff: object(DIFF_MEMBERS),
    }),
  );
}
