/**
 * The JSON Schema of `scan --format json`. `npm run schema` writes it to
 * `muxi-git-scan.schema.json`, which ships in the package; a test holds reports
 * against it. Not part of any bundle.
 */
import { FROM_ONE, formatSchema, list, OID, object, TEXT } from "./schema.ts";

const NUMBER = { type: "integer", minimum: 0 };

const FINDING = object(
  {
    rule: { type: "string", minLength: 1 },
    severity: { enum: ["error", "warning", "note"] },
    path: { ...TEXT, description: "From the root of the repository; outside git, as given." },
    line: FROM_ONE,
    column: { ...FROM_ONE, description: "In UTF-16 units." },
    endLine: FROM_ONE,
    endColumn: { ...FROM_ONE, description: "The first column after the secret." },
    fingerprint: { type: "string", pattern: "^[0-9a-f]{16}$" },
    message: TEXT,
    fix: TEXT,
    name: { ...TEXT, description: "The secret's name, where it is known." },
    formation: { ...TEXT, description: "The formation that the secret belongs to, where it is known." },
    commit: { ...OID, description: "The commit that brought it, in a scan of commits." },
    onRemote: {
      type: "boolean",
      description: "Whether a remote-tracking ref contains the commit, in a scan of the history.",
    },
    accepted: { type: "boolean", description: "Whether the baseline lists it. It does not count then." },
  },
  ["name", "formation", "commit", "onRemote", "accepted"],
);

export const SCAN_MEMBERS = {
  scanned: object({ files: NUMBER, bytes: NUMBER, commits: NUMBER }, ["commits"]),
  skipped: list(object({ path: TEXT, reason: TEXT }), "What was not scanned, and why."),
  findings: list(FINDING, "What was found."),
  notes: list(TEXT, "Used allow comments, stale entries of the baseline and the like."),
};

/** The text of `muxi-git-scan.schema.json`. */
export function formatScanSchema(): string {
  return formatSchema(
    "Report of muxi-git scan --format json",
    object({ schemaVersion: { const: 1 }, ...SCAN_MEMBERS }),
  );
}
