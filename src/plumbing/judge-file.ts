/** All that is asked of one file's bytes: its name, its content, its values, its literals, its allow comments. */
import { innermostIn } from "../formation/discover.ts";
import { findLiterals } from "../formation/literals.ts";
import { isReferenceFile } from "../formation/references.ts";
import { formationOption, handThen, pathWord, tool } from "../invocation.ts";
import { type AllowedFinding, applyAllowComments } from "../scan/allow.ts";
import { checkDotenv, isDotenvExample, isDotenvPath, publishedLines } from "../scan/dotenv.ts";
import type { Scanner } from "../scan/engine.ts";
import type { Finding } from "../scan/finding.ts";
import { checkPath, unstage } from "../scan/paths.ts";
import { decodeText } from "../secrets/text.ts";
import type { PathRules } from "./configuration.ts";

export interface JudgedFile extends PathRules {
  /** Repository path, or the path as given outside git. */
  path: string;
  /** git's mode, `"100644"`. */
  mode: string;
  bytes: Buffer;
  /** Repository paths of all formations, `""` for the root. */
  formations: readonly string[];
}

export interface FileVerdict {
  findings: Finding[];
  /** What allow comments accepted. */
  allowed: AllowedFinding[];
  /** Allow comments that do nothing, and why. */
  idle: { path: string; line: number; why: string }[];
}

/** What a report says of allow comments. */
export function notesOf({ allowed, idle }: Pick<FileVerdict, "allowed" | "idle">): string[] {
  return [
    ...allowed.map(
      ({ finding, line, reason }) =>
        `an allow comment accepts ${finding.path}:${line}  ${finding.rule}, because: ${reason}`,
    ),
    ...idle.map(({ path, line, why }) => `the allow comment at ${path}:${line} does nothing: ${why}`),
  ];
}

/** Kinds that no setting ignores. */
const ALWAYS = new Set<Finding["kind"]>(["key", "known-value", "path", "dotenv"]);

export function judgeFile(scanner: Scanner, file: JudgedFile): FileVerdict {
  const { path, mode, bytes, formations, rulesApply, severityOf } = file;
  const byPath = checkPath(path, bytes, { mode, formations });
  // A key file is nothing but the key. Anything else that must not be tracked may hold secrets as well.
  if (byPath.some((finding) => finding.kind === "key")) return { findings: byPath, allowed: [], idle: [] };

  const scanned = scanner
    .scan(path, bytes, { rulesApply, severityOf })
    .filter((finding) => !isForBrowsers(finding, file));
  const extra = [...(isDotenvPath(path) ? checkDotenv(path, bytes) : []), ...literalsOf(file)];
  // A file that is nothing but this formation's key is told once, as that.
  const known = scanned.some((finding) => finding.rule === "known-key");
  const found = [
    ...byPath.filter((finding) => !(known && finding.rule === "key-content")),
    ...scanned,
    ...extra.filter((finding) => !scanned.some((other) => tellsMore(other, finding))),
  ];
  const counted = rulesApply ? found : found.filter((finding) => ALWAYS.has(finding.kind));
  if (counted.length === 0) return { findings: [], allowed: [], idle: [] };

  const { kept, allowed, ineffective } = applyAllowComments(counted, bytes, 1, file.allowComments);
  return {
    findings: kept.map((finding) => ({ ...finding, fix: fixOf(finding, formations) })),
    allowed,
    idle: ineffective.map((one) => ({ path, ...one })),
  };
}

/** A file from this size on is read in pieces by the commands for people. */
export const LARGE_FILE = 32 * 1024 * 1024;

/**
 * {@link judgeFile} of a file that is too large to be held. No `.env` file, formation
 * file or allow comment is read in it: what is found counts.
 */
export function judgeLargeFile(
  scanner: Scanner,
  file: Omit<JudgedFile, "bytes"> & { size: number; pieces: Iterable<Buffer> },
): FileVerdict {
  const { path, mode, formations, rulesApply, severityOf, size } = file;
  const scan = scanner.open(path, { rulesApply, severityOf, size });
  let byPath: Finding[] | undefined;
  for (const piece of file.pieces) {
    byPath ??= checkPath(path, piece, { mode, formations });
    scan.write(piece);
  }
  const findings = [...(byPath ?? []), ...scan.end()].filter((finding) => rulesApply || ALWAYS.has(finding.kind));
  return {
    findings: findings.map((finding) => ({ ...finding, fix: fixOf(finding, formations) })),
    allowed: [],
    idle: [],
  };
}

/**
 * What mends it: where MUXI puts values in, a reference; a `.env` file leaves git, whatever was found in it; elsewhere
 * the value goes.
 */
function fixOf({ kind, rule, path, line, name, fix }: Finding, formations: readonly string[]): string {
  if (kind === "path" || (kind === "key" && rule !== "known-key")) return fix;
  if (isDotenvPath(path) && !isDotenvExample(path)) return unstage(path);
  const formation = formationReading(path, formations);
  const inside = formation !== undefined;
  const place = `line ${line} of ${pathWord(path)}`;
  switch (kind) {
    case "key":
      return handThen(`take the key out of ${place}`, stage(path));
    case "known-value":
      return handThen(
        inside
          ? `write "\${{ secrets.${name} }}" instead of the value in ${place}`
          : `take the value of '${name}' out of ${place}`,
        stage(path),
      );
    case "token":
      return inside
        ? storeAndRefer("NAME", place, path, formation)
        : handThen(`take the value out of ${place}`, stage(path));
    default:
      return fix;
  }
}

function stage(...paths: string[]): string {
  return `git add -- ${paths.map(pathWord).join(" ")}`;
}

/** `secrets set` writes secrets.enc and the template, so both are staged with the file. */
function storeAndRefer(name: string, place: string, path: string, formation: string): string {
  const folder = formation === "" ? "" : `${formation}/`;
  return handThen(
    `keep the value with '${tool(`secrets set ${name}${formationOption(formation)}`)}', write "\${{ secrets.${name} }}" in ${place}`,
    stage(path, `${folder}secrets`, `${folder}secrets.enc`),
  );
}

/** Keyed by the list, which is the same for every file of a commit. */
const lookups = new WeakMap<readonly string[], (path: string) => string | undefined>();

/** The innermost formation that a path lies in. */
function formationAround(path: string, formations: readonly string[]): string | undefined {
  let innermost = lookups.get(formations);
  if (innermost === undefined) {
    const folders = new Set(formations);
    innermost = innermostIn((folder) => folders.has(folder));
    lookups.set(formations, innermost);
  }
  return innermost(path);
}

/** The formation that MUXI puts values into this file of, where it does. */
export function formationReading(path: string, formations: readonly string[]): string | undefined {
  const formation = formationAround(path, formations);
  const inside = formation === undefined || formation === "" ? path : path.slice(formation.length + 1);
  return formation !== undefined && isReferenceFile(inside) ? formation : undefined;
}

/** Google's `AIza…` keys are restricted by referrer and shipped to browsers: published by name, they are no leak. */
function isForBrowsers({ rule, line }: Finding, { path, bytes }: JudgedFile): boolean {
  return rule === "google-api-key" && isDotenvPath(path) && publishedLines(bytes).has(line);
}

/** A literal that a rule or a value stops is one finding; one that is only pointed at hides no other. */
function tellsMore(a: Finding, b: Finding): boolean {
  return a.severity === "error" && a.line === b.line && a.column < b.endColumn && b.column < a.endColumn;
}

const LITERAL_RULE = "literal-secret";

/** Secrets written into formation files where a reference belongs. */
function literalsOf({ path, bytes, formations, severityOf }: JudgedFile): Finding[] {
  if (!/\.(?:afs|ya?ml)$/.test(path)) return [];
  const severity = severityOf?.(LITERAL_RULE, "error") ?? "error";
  const formation = formationAround(path, formations);
  if (formation === undefined || severity === "off") return [];
  const text = decodeText(bytes);
  if (text === null) return [];
  return findLiterals(formation === "" ? path : path.slice(formation.length + 1), text).map((literal) => ({
    rule: LITERAL_RULE,
    kind: "literal",
    severity,
    path,
    line: literal.line,
    column: literal.column,
    endLine: literal.endLine,
    endColumn: literal.endColumn,
    message: `'${literal.path}' holds a value where a reference belongs`,
    fix: storeAndRefer(literal.suggestedName, `line ${literal.line} of ${pathWord(path)}`, path, formation),
    name: literal.suggestedName,
    formation,
    secretId: literal.secretId,
  }));
}
