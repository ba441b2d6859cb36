/**
 * `fix`: what a blocked commit ends with. Values that stand in a formation's files are stored in its secrets.enc, a
 * reference takes their place, and what was staged is staged again with that change alone. For findings elsewhere it
 * says what to do. No value is shown.
 */
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { type Formation, fileIn } from "../formation/discover.ts";
import { freeName } from "../formation/literal-edit.ts";
import { normalizeName, shownName } from "../formation/names.ts";
import { pathWord, splitFix, tool } from "../invocation.ts";
import { encryptedPath } from "../plumbing/known.ts";
import { type Held, type Movable, type Move, nameFor, ValueMover } from "../plumbing/move-values.ts";
import { formationOption } from "../plumbing/secrets-store.ts";
import { ask, canAsk } from "../prompt.ts";
import { placeOf } from "../report/block.ts";
import { fingerprint as fingerprintOf } from "../scan/baseline.ts";
import { isDotenvPath } from "../scan/dotenv.ts";
import type { Finding } from "../scan/finding.ts";
import { out, talk } from "../terminal.ts";
import { locate } from "./baseline.ts";
import { IN_A_CLONE, openContext, pickFormation, type RepositoryContext } from "./repository-context.ts";
import { storedName } from "./secret-name.ts";
import { sayNewKey, warnOfValue } from "./secrets-notices.ts";

export interface FixOptions extends Invocation {
  fingerprints: readonly string[];
  all: boolean;
  name?: string;
  formation?: string;
  dryRun: boolean;
}

/** A value that a hand must move, and why. */
interface Refused {
  movable: Movable;
  reason: string;
}

/** @returns 1 where a value is left that a hand must move. */
export async function fix(options: FixOptions): Promise<ExitCode> {
  const name = assertUsage(options);
  const context = openContext(options, { workTreeOr: IN_A_CLONE });
  try {
    const mover = await ValueMover.open(context);
    if (!options.dryRun) mover.assertIndexIsFree();
    const { wanted, others } = select(options, context, mover.formations, await mover.find());
    const elsewhere = await findElsewhere(context, others, mover.salts);
    if (wanted.length + elsewhere.length === 0) {
      if (!options.quiet) out("nothing to move: no value stands in a formation's file");
      return EXIT.ok;
    }
    const { moves, refused, reused } = await planMoves(mover, wanted, name, canAsk() && !options.dryRun);
    const pushed = await asyncFilter(moves, ({ movable }) => mover.isPushed(movable));
    const carriedOut = options.dryRun || moves.length === 0 ? null : await mover.carryOut(moves);
    for (const move of moves) {
      const { movable, name: stored } = move;
      const target = escapeText(encryptedPath(movable.formation.path));
      const already = reused.has(move) ? " (stored already)" : "";
      out(`${options.dryRun ? "would move" : "moved"} ${placeOf(movable)} to ${target} as ${stored}${already}`);
    }
    if (carriedOut !== null) {
      const { staged, unstaged, madeKeys } = carriedOut;
      for (const place of madeKeys) sayNewKey(place, { madeKey: true }, false);
      if (!options.quiet) tellNext(staged, unstaged);
    }
    for (const { name: stored, value } of moves) warnOfValue(stored, value);
    for (const move of pushed) tellPushed(move);
    for (const one of refused) tellRefused(one);
    for (const finding of elsewhere) tellElsewhere(finding, mover.shownPath(finding.path));
    return refused.length + elsewhere.length > 0 ? EXIT.no : EXIT.ok;
  } finally {
    context.reader.close();
  }
}

/** @returns the name that was given. */
function assertUsage({ fingerprints, all, name }: FixOptions): string | null {
  if (all === fingerprints.length > 0) {
    throw new MuxiGitError("usage", all ? "--all and fingerprints exclude one another" : "which finding?", {
      hint: `name it by its fingerprint, as 'git commit' or '${tool("scan")}' prints it, or all with '${tool("fix --all")}'`,
    });
  }
  const wrong = fingerprints.find((given) => !/^[0-9a-f]{16}$/.test(given));
  if (wrong !== undefined) {
    throw new MuxiGitError("bad-fingerprint", "a fingerprint is 16 hex digits, as the report prints it");
  }
  if (name === undefined) return null;
  if (new Set(fingerprints).size !== 1) throw new MuxiGitError("usage", "--name is for one finding");
  return storedName(name);
}

function select(
  options: FixOptions,
  { topLevel }: RepositoryContext,
  formations: readonly Formation[],
  found: readonly Movable[],
): { wanted: Movable[]; others: string[] } {
  const only =
    options.formation === undefined ? undefined : pickFormation(options, topLevel, formations, options.formation);
  const within = found.filter(({ formation }) => only === undefined || formation.path === only.path);
  if (options.all) return { wanted: within.filter(({ livedWith }) => !livedWith), others: [] };
  const asked = [...new Set(options.fingerprints)];
  const isCalled = (id: string) => (movable: Movable) =>
    movable.fingerprint === id || movable.otherFingerprints.includes(id);
  const wanted = new Set(asked.flatMap((id) => within.find(isCalled(id)) ?? []));
  return { wanted: [...wanted], others: asked.filter((id) => !within.some(isCalled(id))) };
}

/** @throws MuxiGitError `unknown-finding` */
async function findElsewhere(
  context: RepositoryContext,
  ids: readonly string[],
  salts: readonly string[],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const id of ids) {
    const finding = await locate(context, (one) => salts.some((salt) => fingerprintOf(salt, one) === id), {
      history: false,
    });
    if (finding === null) {
      throw new MuxiGitError("unknown-finding", `no finding ${id} in what is staged or in the working tree`, {
        hint: `it may be mended already; what is left: ${tool("scan --staged")}`,
      });
    }
    findings.push(finding);
  }
  return findings;
}

interface Planned {
  moves: Move[];
  refused: Refused[];
  /** Those whose value is stored already. */
  reused: Set<Move>;
}

/** @param asks - whether a person chooses names; what is offered is taken otherwise. */
async function planMoves(
  mover: ValueMover,
  wanted: readonly Movable[],
  given: string | null,
  asks: boolean,
): Promise<Planned> {
  const planned: Planned = { moves: [], refused: [], reused: new Set() };
  const names = new Map<string, Names>();
  for (const movable of wanted) {
    mover.assertMerged(movable);
    const found = await mover.read(movable);
    if ("reason" in found) {
      planned.refused.push({ movable, reason: found.reason });
      continue;
    }
    const held = await mover.held(movable.formation);
    const own = names.get(held.file) ?? new Names(held);
    names.set(held.file, own);
    const { value } = found.place;
    const offered = given ?? nameFor(movable, found.place);
    const fixed = given ?? movable.templateName;
    if (fixed !== null && own.isTaken(fixed, value)) {
      if (given !== null) throw nameTaken(given);
      planned.refused.push({ movable, reason: `'${shownName(fixed)}' is stored with another value` });
      continue;
    }
    const free = own.free(offered, value);
    const unasked = fixed ?? own.nameOf(value, offered) ?? (asks ? null : free);
    const name = unasked ?? (await choose(free, value, movable, own));
    const move = { movable, name, value };
    if (own.nameOf(value, name) === name) planned.reused.add(move);
    own.choose(name, value);
    planned.moves.push(move);
  }
  const impossible = await mover.rehearse(planned.moves);
  for (const { movable } of planned.moves) {
    const reason = impossible.get(movable.fingerprint);
    if (reason !== undefined) planned.refused.push({ movable, reason });
  }
  planned.moves = planned.moves.filter(({ movable }) => !impossible.has(movable.fingerprint));
  return planned;
}

/** The names of one formation, those chosen in this run included. */
class Names {
  readonly #versions: readonly Held["onDisk"][];
  readonly #chosen: Held["onDisk"] = new Map();

  constructor({ onDisk, staged }: Held) {
    this.#versions = [onDisk, ...(staged === null ? [] : [staged]), this.#chosen];
  }

  isTaken(name: string, value: string): boolean {
    return this.#versions.some((secrets) => secrets.has(name) && !isHeld(secrets, name, value));
  }

  /** A name that has this value already, `first` where it does; null where none has. */
  nameOf(value: string, first: string): string | null {
    const holders = this.#versions.flatMap((secrets) =>
      [...secrets.keys()].filter((name) => isHeld(secrets, name, value)),
    );
    const usable = holders.filter((name) => normalizeName(name) === name && !this.isTaken(name, value));
    return usable.includes(first) ? first : (usable[0] ?? null);
  }

  free(name: string, value: string): string {
    return freeName(name, (one) => this.isTaken(one, value));
  }

  choose(name: string, value: string): void {
    this.#chosen.set(name, { kind: "string", value });
  }
}

function isHeld(secrets: Held["onDisk"], name: string, value: string): boolean {
  const held = secrets.get(name);
  return held?.kind === "string" && held.value === value;
}

function nameTaken(name: string): MuxiGitError {
  return new MuxiGitError("name-taken", `'${name}' is stored with another value`, {
    hint: "choose another name with --name NAME",
  });
}

async function choose(offered: string, value: string, movable: Movable, names: Names): Promise<string> {
  for (;;) {
    const answer = await ask(`name for the value at ${placeOf(movable)} [${offered}]: `);
    if (answer === null) throw new MuxiGitError("no-name", "no name was given, nothing was changed");
    if (answer.trim() === "") return offered;
    try {
      const name = storedName(answer.trim());
      if (names.isTaken(name, value)) throw nameTaken(name);
      return name;
    } catch (error) {
      if (!(error instanceof MuxiGitError)) throw error;
      talk(`muxi-git: ${error.message}`);
    }
  }
}

// ---- telling

function tellNext(staged: readonly string[], unstaged: readonly string[]): void {
  if (staged.length > 0) out(`staged: ${staged.map(escapeText).join(", ")}`);
  if (unstaged.length > 0) out(`changed, and not staged: ${unstaged.map(escapeText).join(", ")}`);
  out(`next: ${staged.length > 0 ? "git commit" : `git add -- ${unstaged.map(pathWord).join(" ")}`}`);
}

function tellPushed({ name, movable }: Move): void {
  talk(`muxi-git: warning: a remote has the value of '${name}' already: have a new one issued, and revoke this one`);
  talk(
    `muxi-git: hint: to store the new one: ${tool(`secrets set ${name}${formationOption(movable.formation.path)}`)}`,
  );
}

function tellRefused({ movable, reason }: Refused): void {
  const { formation, path, line, templateName } = movable;
  talk(`muxi-git: error: ${placeOf(movable)} is left as it is: ${reason}`);
  const byHand =
    templateName === null
      ? 'write "${{ secrets.NAME }}" for it where a value may stand'
      : `leave '${templateName}=' empty there`;
  const files = [path, fileIn(formation.path, "secrets"), encryptedPath(formation.path)];
  talk(
    `muxi-git: hint: keep the value with '${tool(`secrets set ${templateName ?? "NAME"}${formationOption(formation.path)}`)}', ` +
      `${byHand} (line ${line}), then: git add -- ${[...new Set(files)].map(pathWord).join(" ")}`,
  );
}

/** Where MUXI puts no values in, the program that reads the file has to get them some other way. */
function tellElsewhere(finding: Finding, shown: string): void {
  const { path, line, kind } = finding;
  const { command } = splitFix(finding.fix);
  if (shown !== path) {
    talk(`muxi-git: error: ${shown} is in no formation's care: give it another name, with 'git mv'`);
    return;
  }
  talk(`muxi-git: error: ${placeOf(finding)} is in no file of a formation that MUXI puts values into`);
  if (kind === "path" || (kind === "key" && finding.rule !== "known-key")) {
    talk(`muxi-git: hint: ${escapeText(finding.fix)}`);
    return;
  }
  if (isDotenvPath(path)) {
    talk(`muxi-git: hint: move its values to secrets.enc: ${tool(`secrets import ${pathWord(path)}`)}`);
    return;
  }
  const instead = /(?:^|\/)\.github\/workflows\/[^/]+$/.test(path)
    ? "keep it in the repository's settings and refer to it as ${{ secrets.NAME }}"
    : /(?:^|\/)(?:\.?mcp|claude_desktop_config|settings(?:\.local)?)\.json$/.test(path)
      ? "write ${NAME} instead and set that variable outside the repository"
      : "read it from the environment or from a file outside the repository";
  talk(`muxi-git: hint: in line ${line}: ${instead}, then: ${escapeText(command)}`);
}

async function asyncFilter<T>(items: readonly T[], holds: (item: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(items.map(holds));
  return items.filter((_, at) => kept[at]);
}
