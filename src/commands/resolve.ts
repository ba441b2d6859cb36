/**
 * `resolve`: end a merge conflict of a secrets.enc by name. The three versions
 * are merged again, from git's index or, once somebody ran `git add`, from what
 * the merge driver recorded; each name in conflict gets the value of the side
 * that was chosen, by option or by answer. No value is shown.
 */
import type { Invocation } from "../cli.ts";
import { writeFileDurably } from "../durable-file.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { shownName, withoutValue } from "../formation/names.ts";
import { type IndexEntry, parseIndexEntries } from "../git/entries.ts";
import { runGit } from "../git/run.ts";
import { readForRewrite } from "../git/working-file.ts";
import { pathWord, shellQuote, tool } from "../invocation.ts";
import { mergeStored, type OpenedVersions, openVersions } from "../plumbing/merge-stored.ts";
import { withSecretsLock } from "../plumbing/secrets-store.ts";
import { forgetUnresolved, readUnresolved } from "../plumbing/unresolved.ts";
import { ask, canAsk } from "../prompt.ts";
import type { Key } from "../secrets/key.ts";
import { type NameConflict, type Side, WHAT_WAS_DONE } from "../secrets/merge.ts";
import { out, talk } from "../terminal.ts";
import { IN_A_CLONE, openContext, type RepositoryContext, readKeyFiles, repositoryPath } from "./repository-context.ts";

export interface ResolveOptions extends Invocation {
  paths: readonly string[];
  ours: readonly string[];
  theirs: readonly string[];
  keyFile: readonly string[];
  dryRun: boolean;
}

/** A secrets.enc with a conflict: the oids of its versions, null where a side has none. */
interface Conflicted {
  path: string;
  sides: readonly [base: string | null, ours: string | null, theirs: string | null];
  /** What the merge left; null where the record of it is gone. */
  left: string | null;
}

/** @returns 0 all is resolved; 1 a name is still to be decided, or a file cannot be merged. */
export async function resolve(options: ResolveOptions): Promise<ExitCode> {
  const choices = choicesOf(options);
  const context = openContext(options, { workTreeOr: IN_A_CLONE });
  try {
    const keys = readKeyFiles(options, options.keyFile);
    const files = conflictedFiles(context, options);
    if (files.length === 0) {
      if (!options.quiet) out("no secrets.enc has a merge conflict");
      return EXIT.ok;
    }
    const merges: Merge[] = [];
    let open = 0;
    for (const file of files) {
      const merge = await openMerge(context, file, keys);
      if (merge === null) open += 1;
      else merges.push(merge);
    }
    // A file that cannot be opened may be the one that has the name.
    if (open === 0) assertNamed(choices, merges);
    for (const merge of merges) open += await resolveFile(context, merge, choices, options);
    return open > 0 ? EXIT.no : EXIT.ok;
  } finally {
    context.reader.close();
  }
}

function choicesOf({ ours, theirs }: ResolveOptions): Map<string, Side> {
  const both = ours.find((name) => theirs.includes(name));
  if (both !== undefined) throw new MuxiGitError("usage", `'${shownName(both)}' is named for both sides`);
  return new Map<string, Side>([
    ...ours.map((name) => [name, "ours"] as const),
    ...theirs.map((name) => [name, "theirs"] as const),
  ]);
}

/** Those that git calls unmerged, and those that were added as the merge left them. */
function conflictedFiles({ places, topLevel }: RepositoryContext, options: ResolveOptions): Conflicted[] {
  const listed = parseIndexEntries(
    runGit(["ls-files", "-s", "-z", "--", ":(top,glob)**/secrets.enc"], { cwd: topLevel }),
  );
  const stages = new Map<string, IndexEntry[]>();
  for (const entry of listed) stages.set(entry.path, [...(stages.get(entry.path) ?? []), entry]);
  const records = readUnresolved(places).reverse();
  const files: Conflicted[] = [];
  for (const [path, entries] of stages) {
    const at = (stage: number): string | null => entries.find((entry) => entry.stage === stage)?.oid ?? null;
    const isUnmerged = entries.some((entry) => entry.stage !== 0);
    const record = records.find((one) => one.path === path && (isUnmerged || one.merged === at(0)));
    // Of the same versions as git's the record has more: names that an earlier merge left.
    if (record !== undefined && (!isUnmerged || (record.ours === at(2) && record.theirsOfGit === at(3)))) {
      files.push({ path, sides: [record.base, record.ours, record.theirs], left: record.merged });
    } else if (isUnmerged) {
      files.push({ path, sides: [at(1), at(2), at(3)], left: record?.merged ?? null });
    }
  }
  if (options.paths.length === 0) return files;
  return options.paths.flatMap((given) => {
    const wanted = repositoryPath(options, topLevel, given);
    const found = files.filter(({ path }) => wanted === "" || path === wanted || path.startsWith(`${wanted}/`));
    if (found.length === 0)
      throw new MuxiGitError("no-such-conflict", `'${escapeText(given)}' has no merge conflict of a secrets.enc`);
    return found;
  });
}

/** A conflict whose versions are open. */
interface Merge {
  path: string;
  left: string | null;
  opened: OpenedVersions;
  conflicts: readonly NameConflict[];
  /** The file that is written, as it is now. */
  rewritable: ReturnType<typeof readForRewrite>;
}

/** Before anything is written: with one name that is mistyped the others may be as well. @throws MuxiGitError `no-such-conflict` */
function assertNamed(choices: ReadonlyMap<string, Side>, merges: readonly Merge[]): void {
  const known = new Set(merges.flatMap(({ conflicts }) => conflicts.map(({ name }) => name)));
  const unknown = [...choices.keys()].filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new MuxiGitError(
    "no-such-conflict",
    `no conflict about ${unknown.map((name) => `'${shownName(name)}'`).join(", ")}, so nothing was resolved`,
    { hint: `${tool("resolve --dry-run")} lists the names` },
  );
}

/** @returns null where the file cannot be merged; why was said. */
async function openMerge(
  { topLevel, reader }: RepositoryContext,
  { path, sides, left }: Conflicted,
  keys: readonly Key[],
): Promise<Merge | null> {
  const shown = escapeText(path);
  const word = pathWord(path);
  if (sides[1] === null || sides[2] === null) {
    talk(`muxi-git: error: '${shown}' was deleted on one side of the merge`);
    talk(`muxi-git: hint: keep it with 'git add -- ${word}', or delete it with 'git rm -- ${word}'`);
    return null;
  }
  const bytes: Buffer[] = [];
  for (const oid of sides) {
    const blob = oid === null ? Buffer.alloc(0) : await reader.read(oid);
    if (blob === null) throw new MuxiGitError("no-blob", `a version of '${shown}' is not in this clone any more`);
    bytes.push(blob);
  }
  const versions = bytes as [Buffer, Buffer, Buffer];
  const opened = openVersions(path, versions, topLevel, keys);
  if (opened.why !== undefined) {
    talk(`muxi-git: error: '${shown}' cannot be merged: ${escapeText(opened.why)}`);
    talk(`muxi-git: hint: name the other key: ${tool(`resolve ${word} --key-file FILE`)}`);
    return null;
  }
  const rewritable = readForRewrite(topLevel, path);
  if (rewritable.bytes !== null && left !== null && storedOid(rewritable.bytes, path, topLevel) !== left) {
    talk(`muxi-git: error: '${shown}' was changed since the merge, and would be overwritten`);
    talk(`muxi-git: hint: to take it as it is: git add -- ${word}`);
    return null;
  }
  return { path, left, opened, conflicts: mergeStored(opened).conflicts, rewritable };
}

/** @returns how many names are still to be decided. */
async function resolveFile(
  context: RepositoryContext,
  { path, left, opened, conflicts: all, rewritable }: Merge,
  choices: Map<string, Side>,
  options: ResolveOptions,
): Promise<number> {
  const { topLevel, places } = context;
  const shown = escapeText(path);
  const word = pathWord(path);
  const undecided = all.filter(({ name }) => !choices.has(name));
  if (undecided.length > 0 && canAsk()) {
    await askForSides(path, undecided, choices);
  }
  const merged = mergeStored(opened, { choices });
  if (merged.conflicts.length > 0) {
    for (const { name, kind } of merged.conflicts)
      talk(`muxi-git: ${shown}: ${shownName(name)} ${WHAT_WAS_DONE[kind]}`);
    const names = merged.conflicts
      .map(({ name }) => (withoutValue(name) === name ? shellQuote(name) : "NAME"))
      .join(" ");
    const keys = options.keyFile.map((file) => ` --key-file ${shellQuote(file)}`).join("");
    talk(`muxi-git: hint: to take theirs: ${tool(`resolve ${word}${keys} --theirs ${names}`)}`);
    talk(`muxi-git: hint: to keep ours: ${tool(`resolve ${word}${keys} --ours ${names}`)}`);
    return merged.conflicts.length;
  }
  if (!options.dryRun) {
    const written = await withSecretsLock(context, async () => {
      // Nobody is asked under the lock, so somebody may have written by now.
      if (!sameBytes(readForRewrite(topLevel, path).bytes, rewritable.bytes)) return false;
      writeFileDurably(rewritable.disk, merged.bytes, rewritable.mode);
      runGit(["--literal-pathspecs", "add", "--", path], { cwd: topLevel });
      if (left !== null) forgetUnresolved({ path, merged: left }, places);
      return true;
    });
    if (!written) {
      talk(`muxi-git: error: '${shown}' was changed while this was asked`);
      talk(`muxi-git: hint: ${tool(`resolve ${word}`)}`);
      return 1;
    }
  }
  if (!options.quiet) out(`${options.dryRun ? "would resolve" : "resolved and staged"} ${shown}`);
  return 0;
}

function sameBytes(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}

/** The blob that `git add` would make of it: what MUXI saved before the merge is the same secrets in other bytes. */
function storedOid(bytes: Buffer, path: string, topLevel: string): string {
  return runGit(["hash-object", "--stdin", `--path=${path}`], { cwd: topLevel, input: bytes })
    .toString("latin1")
    .trim();
}

async function askForSides(
  path: string,
  conflicts: readonly NameConflict[],
  choices: Map<string, Side>,
): Promise<void> {
  for (const { name, kind } of conflicts) {
    const answer = await ask(
      `${escapeText(path)}: ${shownName(name)} ${WHAT_WAS_DONE[kind]}. Keep (o)urs or (t)heirs? `,
    );
    if (answer === null) return;
    const side = /^(?:(o|ours)|(t|theirs))$/i.exec(answer.trim());
    if (side !== null) choices.set(name, side[1] === undefined ? "theirs" : "ours");
  }
}
