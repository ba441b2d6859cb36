/**
 * The baseline: findings that the team decided to live with.
 *
 * A fingerprint is a digest of rule, path and secret, salted by the file, so CI
 * needs no key; it holds no line, column, commit or time, so moving code,
 * squashing and rebasing change nothing, and a different secret in the same
 * place is new. Entries are sorted: two branches that accept different findings
 * merge.
 *
 * A short value can be guessed back from a fingerprint and the salt beside it.
 * That tells nothing new to whoever reads the repository: what is accepted stands
 * in that path in plaintext. A fingerprint of a finding that is not accepted is
 * printed, never stored; in a CI log that more people read than the repository it
 * lets them test guesses of a weak password. Stretching the digest enough to
 * matter would cost a scan of a thousand findings many seconds, so it is not done.
 *
 * - absent file: the caller uses {@link DEFAULT_SALT} and no entries.
 * - empty, not JSON, not UTF-8, unknown version, wrong types, doubled or unknown
 *   members: an error that names the member. A baseline read leniently hides leaks.
 * - a byte order mark and CRLF are accepted on reading, never written.
 */
import { crypto } from "../builtin.ts";
import { MuxiGitError } from "../errors.ts";
import { formatJson } from "../escape.ts";
import type { Finding } from "./finding.ts";

export const BASELINE_FILE = ".muxi-git-baseline.json";
const BASELINE_VERSION = 1;

/**
 * The salt where no baseline exists yet, and of the first baseline made: a block
 * prints a fingerprint before the file exists, and that one has to be accepted.
 */
export const DEFAULT_SALT = "muxi-git-baseline-1";

/** Largest baseline that is read, in bytes. */
const MAX_BASELINE_BYTES = 16 * 1024 * 1024;

export interface BaselineEntry {
  /** 16 hex digits; see {@link fingerprint}. */
  fingerprint: string;
  rule: string;
  path: string;
  reason: string;
}

export interface Baseline {
  salt: string;
  findings: BaselineEntry[];
}

/** What counts where the file is absent. */
export const EMPTY_BASELINE: Baseline = { salt: DEFAULT_SALT, findings: [] };

/**
 * Identity of a finding in a baseline: the first 16 hex digits of SHA-256 over
 * salt, rule, path and secret, each preceded by its length in UTF-8 bytes and a
 * colon, so that no two lists run together to the same bytes.
 */
export function fingerprint(salt: string, finding: Pick<Finding, "rule" | "path" | "secretId">): string {
  const hash = crypto().createHash("sha256");
  for (const part of ["muxi-git-fingerprint-1", salt, finding.rule, finding.path, finding.secretId]) {
    const bytes = Buffer.from(part, "utf8");
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest("hex").slice(0, 16);
}

/** Whether a baseline may hold a finding of this kind: a key opens something here and now, it is rotated, not lived with. */
export function canBeAccepted(finding: Pick<Finding, "kind">): boolean {
  return finding.kind !== "key";
}

const entriesOf = new WeakMap<Baseline, Map<string, BaselineEntry>>();

/**
 * Whether the baseline lists a finding under its fingerprint. The caller asks
 * {@link canBeAccepted} first.
 *
 * The entry's rule and path must be the finding's own: an entry is reviewed by
 * what it says, and one that says another rule or path accepts nothing.
 */
export function isAccepted(baseline: Baseline, finding: Pick<Finding, "rule" | "path">, id: string): boolean {
  let entries = entriesOf.get(baseline);
  if (entries === undefined) {
    entries = new Map(baseline.findings.map((entry) => [entry.fingerprint, entry]));
    entriesOf.set(baseline, entries);
  }
  const entry = entries.get(id);
  return entry !== undefined && entry.rule === finding.rule && entry.path === finding.path;
}

/** The entries of `after` that accept what `before` did not. */
export function newlyAccepted(before: Baseline, after: Baseline): BaselineEntry[] {
  return after.findings.filter((entry) => !isAccepted(before, entry, entry.fingerprint));
}

function malformed(what: string): MuxiGitError {
  return new MuxiGitError("baseline-malformed", `cannot read '${BASELINE_FILE}': ${what}`, {
    hint: `restore it with 'git restore -- ${BASELINE_FILE}'`,
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function members(value: unknown, names: readonly string[], where: string): Record<string, unknown> {
  if (!isObject(value)) throw malformed(`${where} is no object`);
  for (const name of names) if (!Object.hasOwn(value, name)) throw malformed(`${where} has no '${name}'`);
  const unknown = Object.keys(value).filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw malformed(`${where} has ${unknown.length} unknown member${unknown.length > 1 ? "s" : ""}`);
  return value;
}

function text(value: unknown, where: string): string {
  if (typeof value !== "string" || value === "") throw malformed(`${where} is no text`);
  return value;
}

/** Parse `.muxi-git-baseline.json`. @throws MuxiGitError `baseline-malformed` */
export function parseBaseline(bytes: Uint8Array): Baseline {
  if (bytes.length > MAX_BASELINE_BYTES) throw malformed(`it has more than ${MAX_BASELINE_BYTES} bytes`);
  let source: string;
  try {
    source = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw malformed("it is not UTF-8");
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(source);
  } catch {
    throw malformed("it is no JSON");
  }
  // The version first: a later one may have other members.
  if (isObject(parsed) && Object.hasOwn(parsed, "schemaVersion") && parsed.schemaVersion !== BASELINE_VERSION) {
    throw malformed(`schemaVersion is not ${BASELINE_VERSION}; a newer muxi-git wrote it`);
  }
  const top = members(parsed, ["schemaVersion", "salt", "findings"], "it");
  const salt = text(top.salt, "'salt'");
  if (!Array.isArray(top.findings)) throw malformed("'findings' is no list");
  const seen = new Set<string>();
  const findings = top.findings.map((item: unknown, index): BaselineEntry => {
    const where = `findings[${index}]`;
    const entry = members(item, ["fingerprint", "rule", "path", "reason"], where);
    const digest = text(entry.fingerprint, `${where}.fingerprint`);
    if (!/^[0-9a-f]{16}$/.test(digest)) throw malformed(`${where}.fingerprint is not 16 hex digits`);
    if (seen.has(digest)) throw malformed(`${where}.fingerprint stands twice`);
    seen.add(digest);
    return {
      fingerprint: digest,
      rule: text(entry.rule, `${where}.rule`),
      path: text(entry.path, `${where}.path`),
      reason: text(entry.reason, `${where}.reason`),
    };
  });
  return { salt, findings };
}

function byUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8"));
}

/** The file's text: sorted by path, rule, fingerprint; two blanks of indentation, LF, a final line end. */
export function formatBaseline(baseline: Baseline): string {
  const findings = [...baseline.findings]
    .sort((a, b) => byUtf8(a.path, b.path) || byUtf8(a.rule, b.rule) || byUtf8(a.fingerprint, b.fingerprint))
    .map(({ fingerprint: digest, rule, path, reason }) => ({ fingerprint: digest, rule, path, reason }));
  return `${formatJson({ schemaVersion: BASELINE_VERSION, salt: baseline.salt, findings }, 2)}\n`;
}
