/**
 * The JSON Schema of `scan --format json`. `npm run schema` writes it to
 * `muxi-git-scan.schema.json`, which ships in the package; a test holds reports
 * against it. Not part of any bundle. Draft 7, as the settings' schema.
 */
const NUMBER = { type: "integer", minimum: 0 };
const FROM_ONE = { type: "integer", minimum: 1 };
const TEXT = { type: "string" };
const OID = { type: "string", pattern: "^(?:[0-9a-f]{40}|[0-9a-f]{64})$" };

function object(properties: Record<string, object>, optional: readonly string[] = []): object {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", additionalProperties: false, required, properties };
}

function list(items: object, description: string): object {
  return { type: "array", description, items };
}

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

/** The text of `muxi-git-scan.schema.json`. */
export function formatScanSchema(): string {
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Report of muxi-git scan --format json",
    ...object({
      schemaVersion: { const: 1 },
      scanned: object({ files: NUMBER, bytes: NUMBER, commits: NUMBER }, ["commits"]),
      skipped: list(object({ path: TEXT, reason: TEXT }), "What was not scanned, and why."),
      findings: list(FINDING, "What was found."),
      notes: list(TEXT, "Used allow comments, stale entries of the baseline and the like."),
    }),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}
