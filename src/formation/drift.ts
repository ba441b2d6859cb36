/**
 * Whether a formation's template, secrets.enc and references say the same, and what a commit does to its secrets.enc.
 *
 * One name gives one problem for one fix. A stored name that a file references and the template lacks is
 * `reference-not-in-template`, which has a line, and not `name-not-in-template` as well; what the template lacks is not
 * also called unreferenced or without value. Names are compared as MUXI stores them.
 *
 * Where the template holds conflict markers, or is no text, names are not compared: half of a merge says nothing. Its
 * values are still looked at, since a leak does not wait for the merge. Where no key opens secrets.enc, only what
 * needs no value is said. Files may hold anything: bytes that are not UTF-8 are read so that ASCII names are found.
 */
import { sha256 } from "../builtin.ts";
import { formationOption, handThen, pathWord, shellQuote, tool } from "../invocation.ts";
import type { Secrets, SecretValue } from "../secrets/json.ts";
import { compareUtf8, decodeText } from "../secrets/text.ts";
import type { Formation } from "./discover.ts";
import { isDescriptive, isGeneratedByMuxi, isPrintableName, isUserCredential, normalizeName } from "./names.ts";
import { isPlaceholder, isSetting } from "./placeholder.ts";
import { type Occasion, type Problem, type ProblemCode, type Severity, severityOf, VALUE_ID } from "./problem.ts";
import { findReferences, type Reference } from "./references.ts";
import {
  conflictMarkerLines,
  decodeTemplate,
  entriesByName,
  parseTemplate,
  type TemplateEntry,
  templateEntries,
} from "./template.ts";

/** What the folder's `.key` is; a blank one is missing. */
export type KeyState = "ok" | "missing" | "hex" | "malformed";

/** What can be said about the bytes of a secrets.enc with the keys at hand. */
export type EncryptedState =
  | { readonly kind: "none" }
  | { readonly kind: "opened"; readonly secrets: Secrets; readonly canonical: boolean }
  | { readonly kind: "locked"; readonly reason: "no-key" | "wrong-key" }
  /** `message` completes "…: ". */
  | { readonly kind: "damaged"; readonly message: string }
  /** `contentId`: any digest of the bytes, so that another plaintext is another problem. Never printed. */
  | { readonly kind: "plaintext"; readonly contentId?: string }
  | { readonly kind: "conflict-markers" }
  | { readonly kind: "other"; readonly contentId?: string };

/** Whose key opened a token: the one in place here, or one that is only held for older versions. */
export type OpenedBy = "current" | "old" | null;

export interface FormationState {
  readonly formation: Formation;
  readonly template: Uint8Array | null;
  readonly encrypted: EncryptedState;
  /** Whose key `encrypted` was opened with; the current one where absent. */
  readonly openedBy?: OpenedBy;
  /** Repository paths. */
  readonly referenceFiles: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  readonly keyState: KeyState;
}

/** The same formation's secrets.enc in one parent of the commit. */
export interface ParentState {
  readonly encrypted: EncryptedState;
  readonly openedBy: OpenedBy;
  /** The very same bytes as the new version's: nothing was done to it on this side. */
  readonly same?: boolean;
  /** `key accept` or `key rotate` declared the change from this version's key to the present one. */
  readonly accepted?: boolean;
}

/** Names by where they stand, as MUXI stores them; for `check --json` and the names diff. */
export interface FormationNames {
  readonly template: string[];
  /** null where secrets.enc was not opened. */
  readonly encrypted: string[] | null;
  readonly referenced: string[];
}

/** Everything wrong with a formation as it stands, sorted by path, line, code and name. */
export function checkFormation(state: FormationState, occasion: Occasion): Problem[] {
  const report = new Report(state.formation, occasion);
  const template = readTemplate(state);
  const references = readReferences(state);
  checkTemplate(report, template);
  checkEncrypted(report, state);
  checkReferences(report, references);
  if (template.comparable) compareNames(report, state, template, references);
  checkNames(report, state, template, references);
  return report.sorted();
}

/** The same problem where HEAD holds this secrets.enc in a form that can be brought back. */
export function withPredecessor(problem: Problem): Problem {
  const { path, message } = problem;
  if (problem.fix !== unstage(path) || !path.endsWith("secrets.enc")) return problem;
  return problem.code === "conflict-markers"
    ? {
        ...problem,
        message: `${message} (the fix takes ours; theirs: git checkout MERGE_HEAD -- ${pathWord(path)})`,
        fix: `git checkout HEAD -- ${pathWord(path)}`,
      }
    : { ...problem, fix: restore(path) };
}

/** What this version does to a secrets.enc that a parent held: damaged, key-changed, value-dropped. Sorted as above. */
export function compareWithParents(
  state: FormationState,
  parents: readonly ParentState[],
  occasion: Occasion,
): Problem[] {
  const report = new Report(state.formation, occasion);
  compareKeys(report, state, parents);
  compareValues(report, state, parents);
  return report.sorted();
}

/**
 * Equal for the same problem in two versions of a formation: code, formation and name, or what else tells two problems
 * of one code apart. Holds a digest where the problem is a leak, so it is for comparison inside one process only.
 */
export function problemIdentity(problem: Problem): string {
  const subject = problem.name ?? (problem.code === "reference-never-substituted" ? problem.path : "");
  return [problem.code, problem.formation, subject, problem[VALUE_ID] ?? ""].join("\0");
}

export function namesOf(state: FormationState): FormationNames {
  const sorted = (names: Iterable<string>) => [...new Set(names)].filter((name) => name !== "").sort(compareUtf8);
  return {
    template: sorted(readTemplate(state).byName.keys()),
    encrypted: state.encrypted.kind === "opened" ? sorted(state.encrypted.secrets.keys()) : null,
    referenced: sorted(readReferences(state).byName.keys()),
  };
}

// ---- reading

export interface ReadTemplate {
  readonly path: string;
  readonly problem: string | undefined;
  readonly markers: readonly number[];
  readonly entries: readonly TemplateEntry[];
  /** First entry of each name, normalised. */
  readonly byName: ReadonlyMap<string, TemplateEntry>;
  readonly comparable: boolean;
}

export function readTemplate({ formation, template }: FormationState): ReadTemplate {
  const path = formation.template ?? inFormation(formation, "secrets");
  if (template === null) {
    return { path, problem: undefined, markers: [], entries: [], byName: new Map(), comparable: true };
  }
  const { text, problem } = decodeTemplate(template);
  const parsed = parseTemplate(text ?? "");
  const entries = templateEntries(parsed);
  const markers = conflictMarkerLines(parsed);
  const byName = entriesByName(entries);
  return { path, problem, markers, entries, byName, comparable: problem === undefined && markers.length === 0 };
}

export interface PlacedReference extends Reference {
  readonly path: string;
}

export interface ReadReferences {
  /** Sorted by path, then by place. */
  readonly all: readonly PlacedReference[];
  /** First place of each name that MUXI substitutes. */
  readonly byName: ReadonlyMap<string, PlacedReference>;
  /** Also names that a never-substituted reference means. */
  readonly meant: ReadonlySet<string>;
}

export function readReferences({ formation, referenceFiles }: FormationState): ReadReferences {
  const all: PlacedReference[] = [];
  for (const { path, bytes } of [...referenceFiles].sort((a, b) => compareUtf8(a.path, b.path))) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const text = decodeText(bytes) ?? buffer.toString("latin1");
    const inside = formation.path === "" ? path : path.slice(formation.path.length + 1);
    for (const reference of findReferences(inside, text)) all.push({ ...reference, path });
  }
  const byName = new Map<string, PlacedReference>();
  const meant = new Set<string>();
  for (const reference of all) {
    meant.add(reference.name);
    if (reference.kind === "reference" && !byName.has(reference.name)) byName.set(reference.name, reference);
  }
  return { all, byName, meant };
}

// ---- checking

function checkTemplate(report: Report, template: ReadTemplate): void {
  const { path, problem, markers } = template;
  if (problem !== undefined) {
    report.add("template-unreadable", {
      path,
      message: `the template ${problem}`,
      fix: handThen(`save ${pathWord(path)} as UTF-8`, stage(path)),
    });
  }
  if (markers[0] !== undefined) {
    report.add("conflict-markers", {
      path,
      line: markers[0],
      message: "the template holds conflict markers",
      fix: handThen(`keep the names of both sides in ${pathWord(path)} and delete the marker lines`, stage(path)),
    });
  }
  for (const entry of template.entries) {
    const pasted = !isPrintableName(entry.name) && isPastedValue(entry);
    if (!pasted && (isPlaceholder(entry.value, entry.name) || isSetting(entry.name, entry.value))) continue;
    const name = pasted || !isPrintableName(entry.name) ? undefined : normalizeName(entry.name);
    report.add("template-value", {
      path,
      line: entry.line,
      name,
      valueId: digest(pasted ? `${entry.name}=${entry.value}` : entry.value),
      message: name
        ? `'${name}' has a value in the template, and a template is shared in clear`
        : "a line of the template holds what looks like a value, and a template is shared in clear",
      fix: name
        ? handThen(
            `leave '${entry.name}=' empty on line ${entry.line} of ${pathWord(path)} (the value belongs in secrets.enc: ${setting(report.formation, name)})`,
            stage(path),
          )
        : handThen(`delete line ${entry.line} of ${pathWord(path)}`, stage(path)),
    });
  }
}

/** A line without a name: a key on a line of its own, perhaps with the `=` that pads it, or prose. */
function isPastedValue(entry: TemplateEntry): boolean {
  return !entry.name
    .split(/\s+/)
    .every((word) => word.split(/[^A-Za-z0-9]/).every((run) => isPrintableName(run) || run === ""));
}

function checkEncrypted(report: Report, { formation, encrypted, keyState, openedBy }: FormationState): void {
  const path = formation.encrypted ?? inFormation(formation, "secrets.enc");
  if (keyState === "hex") {
    const key = inFormation(formation, ".key");
    report.add("hex-key", {
      path: key,
      message: "the key is 64 hex digits, which MUXI's command line accepts and its runtime refuses",
      fix: "replace it with the URL-safe base64 of the same 32 bytes",
    });
  }
  switch (encrypted.kind) {
    case "none":
      break;
    case "plaintext":
    case "other":
      report.add("not-encrypted", {
        path,
        valueId: encrypted.contentId,
        message: encrypted.kind === "plaintext" ? "it holds secrets in clear" : "it holds no token",
        fix: encrypted.kind === "plaintext" ? encryptIt(path, formation, keyState) : report.wayBack(path),
      });
      break;
    case "conflict-markers":
      report.add("conflict-markers", {
        path,
        message: "it holds conflict markers",
        fix: report.wayBack(path),
      });
      break;
    case "damaged":
      report.add("damaged", {
        path,
        message: encrypted.message,
        fix: report.wayBack(path),
      });
      break;
    case "locked":
      report.add("key-missing", {
        path,
        message: `not compared with the template: ${WHY_LOCKED[keyState]}`,
        fix: `put the formation's key into ${pathWord(inFormation(formation, ".key"))}`,
      });
      break;
    case "opened":
      if (openedBy === "old") {
        report.add("key-missing", {
          path,
          message: `only a key that is held for older versions opens it: ${WHY_LOCKED[keyState]}`,
          fix: tool(`key unlock${formationOption(formation.path)}`),
        });
      }
      checkValues(report, formation, path, encrypted.secrets);
      if (!encrypted.canonical) {
        report.add("not-canonical", {
          path,
          message: "not in canonical form, so the same secrets will show as a change",
          fix: tool(`normalize ${pathWord(path)}`),
        });
      }
  }
}

const WHY_LOCKED: Readonly<Record<KeyState, string>> = {
  ok: "the key here does not open it",
  missing: "no key here",
  hex: "the key here is in hex",
  malformed: "the key here is malformed",
};

function checkValues(report: Report, formation: Formation, path: string, secrets: Secrets): void {
  const template = formation.template ?? inFormation(formation, "secrets");
  for (const [name, value] of secrets) {
    const normal = normalizeName(name);
    if (normal !== name || name === "") {
      const reachable = hasValue(secrets.get(normal));
      report.add("name-not-normalised", {
        path,
        name,
        // MUXI can neither read nor delete what is stored so. Beside the name that it asks for, it is a left-over;
        // a name without a letter or digit is one in any case, since nothing that MUXI asks for means it.
        severity: reachable || normal === "" ? "warning" : undefined,
        message:
          normal === ""
            ? `MUXI cannot look '${name}' up: no letter or digit in it`
            : `MUXI cannot look '${name}' up: it asks for '${normal}'${reachable ? ", which is stored as well" : ""}`,
        fix:
          normal === ""
            ? "store the value under a name of letters"
            : reachable
              ? `nothing has to be done; the value of '${name}' is not in use`
              : `${setting(formation, normal)} && ${stage(path, template)}`,
      });
    }
    if (value.kind === "other") {
      report.add("value-not-string", {
        path,
        name,
        message: `the value of '${name}' is no string, and MUXI's command line then reads none of the secrets`,
        fix: `${setting(formation, name)} && ${stage(path, template)}`,
      });
    } else if (value.value.includes("\\")) {
      report.add("value-with-backslash", {
        path,
        name,
        message: `the value of '${name}' holds a backslash, which MUXI's runtime changes or refuses`,
        fix: `choose a value for '${name}' without a backslash`,
      });
    }
  }
}

function checkReferences(report: Report, references: ReadReferences): void {
  const seen = new Set<string>();
  for (const { path, line, name, kind, reason } of references.all) {
    if (kind === "reference" || seen.has(`${path}\0${name}`)) continue;
    seen.add(`${path}\0${name}`);
    report.add("reference-never-substituted", {
      path,
      line,
      name: name === "" ? undefined : name,
      severity: path.endsWith(".md") ? "warning" : undefined,
      message: `${name === "" ? "a reference" : `the reference to '${name}'`} stays as literal text: ${reason}`,
      fix: handThen(
        `write it as \${{ secrets.${name === "" ? "NAME" : name} }} on line ${line} of ${pathWord(path)}`,
        stage(path),
      ),
    });
  }
}

function compareNames(report: Report, state: FormationState, template: ReadTemplate, references: ReadReferences): void {
  const { formation, encrypted } = state;
  const encryptedPath = formation.encrypted ?? inFormation(formation, "secrets.enc");
  const stored = encrypted.kind === "opened" ? storedNames(encrypted.secrets) : null;
  const sync = `${tool(`secrets sync --template-only${formationOption(formation.path)}`)} && ${stage(template.path)}`;
  const missingSeverity = (name: string): Severity | undefined => (isGeneratedByMuxi(name) ? "note" : undefined);

  for (const [name, { path, line }] of references.byName) {
    if (template.byName.has(name)) continue;
    report.add("reference-not-in-template", {
      path,
      line,
      name,
      severity: missingSeverity(name),
      message: `'${name}' is referenced here and missing from the template`,
      fix: sync,
    });
  }
  for (const [name, raw] of stored ?? []) {
    if (template.byName.has(name) || references.byName.has(name) || raw !== name) continue;
    report.add("name-not-in-template", {
      path: encryptedPath,
      name,
      severity: missingSeverity(name),
      message: `'${name}' is stored here and missing from the template`,
      fix: sync,
    });
  }
  for (const [name, entry] of template.byName) {
    const reference = references.byName.get(name);
    const secrets = encrypted.kind === "opened" ? encrypted.secrets : null;
    if (stored !== null && secrets !== null && !hasValue(secrets.get(stored.get(name) ?? name))) {
      const subject = { name, severity: missingSeverity(name), fix: setting(formation, name) };
      if (reference === undefined) {
        const message = `'${name}' has no value in secrets.enc`;
        report.add("name-without-value", { path: template.path, line: entry.line, message, ...subject });
      } else {
        const message = `'${name}' is referenced here and has no value in secrets.enc`;
        report.add("reference-without-value", { path: reference.path, line: reference.line, message, ...subject });
      }
    }
    if (!references.meant.has(name) && !isUserCredential(name)) {
      report.add("name-unreferenced", {
        path: template.path,
        line: entry.line,
        name,
        message: `'${name}' is in the template and no file of the formation references it`,
        fix: `reference it as \${{ secrets.${name} }}, or delete line ${entry.line} of ${pathWord(template.path)}`,
      });
    }
  }
}

/** Names as MUXI looks them up, each with the name as stored; a name stored in both forms counts as the former. */
function storedNames(secrets: Secrets): Map<string, string> {
  const names = new Map<string, string>();
  for (const raw of secrets.keys()) {
    const name = normalizeName(raw);
    if (name !== "" && (raw === name || !names.has(name))) names.set(name, raw);
  }
  return names;
}

/** MUXI's set-up asks for an empty value again, so an empty one is none. */
export function hasValue(value: SecretValue | undefined): boolean {
  return value !== undefined && (value.kind === "string" ? value.value !== "" : value.text !== "null");
}

function checkNames(report: Report, state: FormationState, template: ReadTemplate, references: ReadReferences): void {
  for (const entry of template.entries) {
    if (!isPrintableName(entry.name)) continue;
    const name = normalizeName(entry.name);
    if (name === "" || (name === entry.name && !entry.exported)) continue;
    report.add("name-not-normalised", {
      path: template.path,
      line: entry.line,
      name,
      // Nothing is lost by it: MUXI's set-up asks under another name, or not at all.
      severity: "warning",
      message: entry.exported
        ? `MUXI reads 'export' on line ${entry.line} of the template as a part of the name '${name}'`
        : `MUXI stores '${name}' for what the template calls '${entry.name}'`,
      fix: handThen(`write '${name}=' on line ${entry.line} of ${pathWord(template.path)}`, stage(template.path)),
    });
  }
  const stored = state.encrypted.kind === "opened" ? storedNames(state.encrypted.secrets) : new Map<string, string>();
  const encryptedPath = state.formation.encrypted ?? inFormation(state.formation, "secrets.enc");
  for (const name of new Set([...template.byName.keys(), ...stored.keys(), ...references.byName.keys()])) {
    if (isDescriptive(name)) continue;
    const { path, line } = template.byName.has(name)
      ? { path: template.path, line: template.byName.get(name)?.line }
      : (references.byName.get(name) ?? { path: encryptedPath, line: undefined });
    report.add("name-not-descriptive", {
      path,
      line,
      name,
      message: `'${name}' does not say what it opens`,
      fix: "name it after its service, as in OPENAI_API_KEY",
    });
  }
}

// ---- against parents

function compareKeys(report: Report, state: FormationState, parents: readonly ParentState[]): void {
  const { formation, encrypted } = state;
  // One side of a merge brought this very token: the merge did nothing to it.
  if (parents.some((parent) => parent.same === true)) return;
  const before = parents.filter(({ encrypted: { kind } }) => kind === "opened" || kind === "locked");
  if (before.length === 0) return;
  const path = formation.encrypted ?? inFormation(formation, "secrets.enc");
  if (encrypted.kind === "locked") {
    if (!before.some(({ encrypted: { kind } }) => kind === "opened")) return;
    if (before.some(({ accepted }) => accepted === true)) return;
    report.add("damaged", {
      path,
      message: "no key here opens it any more, and the version before it opens",
      fix: restore(path),
    });
    return;
  }
  if (encrypted.kind !== "opened") return;
  const now = state.openedBy ?? "current";
  if (before.some(({ openedBy, accepted }) => accepted === true || openedBy === now)) return;
  report.add("key-changed", {
    path,
    message:
      now === "old"
        ? "encrypted with an old key, and the version before it with the key here"
        : `encrypted with another key than the version before it; if that is meant: ${tool(`key accept${formationOption(formation.path)}`)}`,
    fix: restore(path),
  });
}

function compareValues(report: Report, state: FormationState, parents: readonly ParentState[]): void {
  const { formation, encrypted } = state;
  if (encrypted.kind !== "opened" && encrypted.kind !== "none") return;
  const needed = neededNames(state);
  const path = formation.encrypted ?? inFormation(formation, "secrets.enc");
  const stored = encrypted.kind === "opened" ? encrypted.secrets : null;
  const now = stored === null ? new Map<string, string>() : storedNames(stored);
  const dropped = new Set<string>();
  for (const parent of parents) {
    if (parent.encrypted.kind !== "opened") continue;
    const { secrets } = parent.encrypted;
    for (const [name, raw] of storedNames(secrets)) {
      if (!hasValue(secrets.get(raw)) || hasValue(stored?.get(now.get(name) ?? name))) continue;
      if (needed.has(name)) dropped.add(name);
    }
  }
  for (const name of dropped) {
    report.add("value-dropped", {
      path,
      name,
      severity: isGeneratedByMuxi(name) ? "note" : undefined,
      message: `the value of '${name}' is gone, and the formation still names it: set it, or delete the name there too`,
      fix: encrypted.kind === "none" ? restore(path) : `${setting(formation, name)} && ${stage(path)}`,
    });
  }
}

function neededNames(state: FormationState): Set<string> {
  return new Set([...readTemplate(state).byName.keys(), ...readReferences(state).byName.keys()]);
}

// ---- reporting

type Details = Pick<Problem, "path" | "message" | "fix"> & {
  line?: number | undefined;
  name?: string | undefined;
  severity?: Severity | undefined;
  valueId?: string | undefined;
};

class Report {
  readonly formation: Formation;
  readonly #occasion: Occasion;
  readonly #problems: Problem[] = [];

  constructor(formation: Formation, occasion: Occasion) {
    this.formation = formation;
    this.#occasion = occasion;
  }

  add(code: ProblemCode, { path, line, name, severity, valueId, message, fix }: Details): void {
    this.#problems.push({
      code,
      severity: severity ?? severityOf(code, this.#occasion),
      formation: this.formation.path,
      path,
      ...(line === undefined ? {} : { line }),
      ...(name === undefined ? {} : { name }),
      message,
      fix,
      ...(valueId === undefined ? {} : { [VALUE_ID]: valueId }),
    });
  }

  /**
   * The fix for bytes that are no secrets.enc. A commit's first check takes them out of it; where a version stands
   * before them, {@link withPredecessor} takes that. A check of files as they stand knows no version before, and git does.
   */
  wayBack(path: string): string {
    return this.#occasion === "commit" ? unstage(path) : restore(path);
  }

  sorted(): Problem[] {
    return this.#problems.sort(
      (a, b) =>
        compareUtf8(a.path, b.path) ||
        (a.line ?? 0) - (b.line ?? 0) ||
        compareUtf8(a.code, b.code) ||
        compareUtf8(a.name ?? "", b.name ?? ""),
    );
  }
}

// ---- ways back

function stage(...paths: string[]): string {
  return `git add -- ${paths.map(pathWord).join(" ")}`;
}

function unstage(path: string): string {
  return `git rm --cached -f -- ${pathWord(path)}`;
}

function restore(path: string): string {
  return `git restore --staged --worktree -- ${pathWord(path)}`;
}

function setting(formation: Formation, name: string): string {
  return tool(`secrets set ${shellQuote(name)}${formationOption(formation.path)}`);
}

function encryptIt(path: string, formation: Formation, keyState: KeyState): string {
  const normalize = tool(`normalize ${pathWord(path)}`);
  return keyState === "ok"
    ? normalize
    : handThen(`put the formation's key into ${pathWord(inFormation(formation, ".key"))}`, normalize);
}

function inFormation(formation: Formation, file: string): string {
  return formation.path === "" ? file : `${formation.path}/${file}`;
}

function digest(value: string): string {
  return sha256(value);
}
