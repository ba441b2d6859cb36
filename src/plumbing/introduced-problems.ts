/** The problems that a commit introduces in the formations it touches, absent from every parent. */
import { existsSync } from "node:fs";
import { FORMATION_FILES, type Formation, fileIn, formationAt, formationOf } from "../formation/discover.ts";
import {
  checkFormation,
  compareWithParents,
  type ParentState,
  problemIdentity,
  withPredecessor,
} from "../formation/drift.ts";
import { normalizeName } from "../formation/names.ts";
import type { Problem } from "../formation/problem.ts";
import { applySeverities } from "../formation/severity.ts";
import { decodeTemplate, parseTemplate, templateEntries } from "../formation/template.ts";
import type { RawChange } from "../git/entries.ts";
import { newBlob } from "../git/staged.ts";
import { diskPath, readWorkingFile } from "../git/working-file.ts";
import { pathWord } from "../invocation.ts";
import { type Key, keyFingerprint, sameKey } from "../secrets/key.ts";
import { acceptedKeys } from "./accepted-keys.ts";
import type { CommitContext } from "./commit-context.ts";
import { openedBy, type ReadFormation, readFormation } from "./formation-state.ts";

/** The formations that a change lies in, in their order. */
export function touchedFormations(formations: readonly Formation[], changes: readonly RawChange[]): Formation[] {
  const touched = new Set(changes.map((change) => formationOf(change.path, formations)));
  return formations.filter((formation) => touched.has(formation));
}

/**
 * A better fix than the problem alone tells. HEAD's secrets.enc can be brought back where it was one. And the missing
 * name may stand in the working tree's template already: then only `git add` is missing.
 *
 * @param before - the formation in the parents that have it.
 */
function withShorterWay(
  problem: Problem,
  formation: Formation,
  { topLevel, parentFormations }: CommitContext,
  before: readonly Before[],
): Problem {
  const inHead = parentFormations[0] !== undefined && formationAt(formation.path, parentFormations[0]) !== undefined;
  const stored = inHead ? before[0]?.read.opened.state.kind : undefined;
  if (stored === "opened" || stored === "locked") return withPredecessor(shorter(problem, formation, topLevel));
  return shorter(problem, formation, topLevel);
}

function shorter(problem: Problem, formation: Formation, topLevel: string): Problem {
  if (problem.code !== "name-not-in-template" && problem.code !== "reference-not-in-template") return problem;
  const path = formation.template ?? fileIn(formation.path, "secrets");
  const { text } = decodeTemplate(readWorkingFile(topLevel, path) ?? Buffer.alloc(0));
  const names = templateEntries(parseTemplate(text ?? "")).map((entry) => normalizeName(entry.name));
  return problem.name !== undefined && names.includes(problem.name)
    ? { ...problem, fix: `git add -- ${pathWord(path)}` }
    : problem;
}

/**
 * Folders whose template or secrets.enc this commit changes, and whose formation
 * file is not staged: not added yet, taken out, or on disk only. They leak alike.
 */
export function partialFormations(
  { formations, topLevel }: CommitContext,
  changes: readonly RawChange[],
  everywhere: readonly string[],
): Formation[] {
  const folders = new Set<string>();
  for (const change of changes) {
    const name = /(?:^|\/)secrets(?:\.enc)?$/.exec(change.path);
    if (name !== null && newBlob(change) !== null) folders.add(change.path.slice(0, name.index));
  }
  const known = new Set(everywhere);
  return [...folders].flatMap((path): Formation[] => {
    if (formationAt(path, formations) !== undefined) return [];
    const at = (name: string) => (path === "" ? name : `${path}/${name}`);
    const onDisk = FORMATION_FILES.map(at).find((file) => existsSync(diskPath(topLevel, file)));
    if (onDisk === undefined && !known.has(path)) return [];
    return [
      {
        path,
        formationFile: onDisk ?? at("formation.afs"),
        template: at("secrets"),
        encrypted: at("secrets.enc"),
        referenceFiles: [],
      },
    ];
  });
}

/** What is wrong with a file whatever the rest of its formation is. */
const WITHOUT_FORMATION = new Set<Problem["code"]>(["not-encrypted", "template-value", "conflict-markers"]);

/** What a formation was in one parent. */
interface Before {
  read: ReadFormation;
  /** Its secrets.enc is the very blob that is staged. */
  sameEncrypted: boolean;
}

export async function checkFormations(
  context: CommitContext,
  touched: readonly Formation[],
  partial: readonly Formation[],
): Promise<{ problems: Problem[]; older: number }> {
  const { configuration } = context;
  const inPart = new Set(partial);
  const problems: Problem[] = [];
  let older = 0;
  for (const formation of [...touched, ...partial]) {
    const { keyring } = context;
    const keys = keyring.keysFor(formation.path);
    const now = await readFormation(context.index, formation, keyring.stateFor(formation.path), keys);
    const candidates = checkFormation(now.state, "commit").filter(
      // Nothing could be compared: worth a line only where that mattered.
      ({ code }) =>
        (!inPart.has(formation) || WITHOUT_FORMATION.has(code)) &&
        (code !== "key-missing" ||
          differs(context, formation, "secrets.enc") ||
          differs(context, formation, "secrets")),
    );
    // In the usual commit there is nothing to tell apart, and the parents' blobs need not be read.
    if (candidates.length === 0 && !differs(context, formation, "secrets.enc")) continue;
    if (candidates.length === 0 && inPart.has(formation)) continue;

    const before = await readBefore(context, formation, keys);
    const stood = before.map(({ read }) => new Set(checkFormation(read.state, "commit").map(problemIdentity)));
    const introduced = candidates.filter((problem) => {
      if (!stood.some((set) => set.has(problemIdentity(problem)))) return true;
      older += problem.severity === "note" ? 0 : 1;
      return false;
    });
    if (!inPart.has(formation)) {
      introduced.push(...compareWithParents(now.state, parentStates(context, now, before), "commit"));
    }
    for (const problem of applySeverities(introduced, configuration.settings.severities, "commit")) {
      problems.push(withShorterWay(problem, formation, context, before));
    }
  }
  return { problems, older };
}

/** Whether a file of the formation is not the same blob in every parent; absent equals absent. */
function differs({ index, parents }: CommitContext, formation: Formation, name: string): boolean {
  const path = formation.path === "" ? name : `${formation.path}/${name}`;
  const oid = index.entries.get(path)?.oid;
  return parents.some((parent) => parent.entries.get(path)?.oid !== oid);
}

/** The same formation in the parents that have it. */
async function readBefore(context: CommitContext, formation: Formation, keys: readonly Key[]): Promise<Before[]> {
  const { index, parents, parentFormations, keyring } = context;
  const before: Before[] = [];
  for (const [at, parent] of parents.entries()) {
    const same = formationAt(formation.path, parentFormations[at] ?? []);
    if (same === undefined) continue;
    const oids = [parent.entries.get(same.encrypted ?? "")?.oid, index.entries.get(formation.encrypted ?? "")?.oid];
    before.push({
      read: await readFormation(parent, same, keyring.stateFor(formation.path), keys),
      sameEncrypted: oids[0] === oids[1],
    });
  }
  return before;
}

function parentStates(context: CommitContext, now: ReadFormation, before: readonly Before[]): ParentState[] {
  const { keyring, places } = context;
  const own = keyring.of(now.formation.path);
  const declared =
    own.state === "ok" &&
    now.opened.key !== null &&
    sameKey(now.opened.key, own.key) &&
    acceptedKeys(places, now.formation.path).includes(keyFingerprint(own.key));
  return before.map(({ read, sameEncrypted }) => ({
    encrypted: read.opened.state,
    openedBy: openedBy(read.opened),
    same: sameEncrypted,
    accepted: declared,
  }));
}
