/**
 * `secrets import`: values of a `.env` file into secrets.enc. The plan comes first and shows names, never values; what
 * is no secret stays unless it is chosen; a name that is stored with another value keeps that one unless somebody says
 * otherwise. The file stays on disk, since a program may still read it; out of git it is taken with a yes.
 */
import { relative, resolve, sep } from "node:path";
import type { Invocation } from "../cli.ts";
import { writeFileDurably } from "../durable-file.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { type EnvEntry, type LeftBecause, readEnv } from "../formation/env-import.ts";
import { shownName } from "../formation/names.ts";
import { indexEntries } from "../git/index-entry.ts";
import { runGit, tryGit } from "../git/run.ts";
import { readForRewrite } from "../git/working-file.ts";
import { shellQuote, tool } from "../invocation.ts";
import { changeSecrets, type FormationPlace, formationOption, readSecrets } from "../plumbing/secrets-store.ts";
import { canAsk, confirm } from "../prompt.ts";
import { count } from "../report/block.ts";
import type { Secrets } from "../secrets/json.ts";
import { decodeText } from "../secrets/text.ts";
import { lineEndOf } from "../setup/blocks.ts";
import { checkIgnoredIn } from "../setup/ignored.ts";
import { ignoreLineOf } from "../setup/patterns.ts";
import { out, talk } from "../terminal.ts";
import { formationOfFile, openFormation } from "./formation-place.ts";
import { givenBytes } from "./given-value.ts";
import { storedName } from "./secret-name.ts";
import { sayNewKey, sayNext, warnOfValue } from "./secrets-notices.ts";

export interface SecretsImportOptions extends Invocation {
  file: string;
  /** Only these, whatever they are. */
  names: readonly string[];
  formation?: string;
  all: boolean;
  replace: boolean;
  yes: boolean;
  dryRun: boolean;
}

const WHY_LEFT: Readonly<Record<LeftBecause, string>> = {
  setting: "no secret by its name and look",
  placeholder: "placeholder",
  empty: "without a value",
  published: "published by its framework",
  "kept elsewhere": "encrypted, or kept in another store",
  "refers to another value": "made of other values, and MUXI puts none in",
  "no name": "a name that MUXI cannot store",
};

/** What a name's value is to become of. */
interface Sorted {
  fresh: EnvEntry[];
  same: EnvEntry[];
  /** Stored with another value. */
  conflicting: EnvEntry[];
  left: EnvEntry[];
}

/** @returns 1 where a name kept a stored value that the file has otherwise, and nobody said so. */
export async function secretsImport(options: SecretsImportOptions): Promise<ExitCode> {
  const place = await openFormation(options, options.formation ?? formationOfFile(options, options.file));
  const text = readText(options);
  const { entries, otherLines } = readEnv(text);
  const shown = escapeText(options.file);
  if (entries.length === 0) {
    throw new MuxiGitError("no-assignments", `'${shown}' has no NAME=value line`);
  }
  const sorted = sort(entries, options, readSecrets(place).secrets);
  showPlan(sorted, otherLines, place, options);
  const path = pathInRepository(place, options);
  const tracked = path !== null && indexEntries(place.topLevel, path).length > 0;
  if (options.dryRun) {
    if (tracked) out(`would take '${shown}' out of git; it stays on disk`);
    return EXIT.ok;
  }
  const chosen = await choose(sorted, options, place);
  if (chosen === null) return EXIT.no;
  const written = await store(chosen, place, options);
  const kept = sorted.conflicting.filter((entry) => !chosen.includes(entry));
  const untracked = tracked && path !== null ? await untrack(path, place, options) : [];
  if (path !== null) tellHistory(path, place);
  sayNext(place, [...new Set([...written, ...untracked])], options);
  if (kept.length === 0 || canAsk()) return EXIT.ok;
  talk(
    `muxi-git: hint: to take the file's value: ${tool(`secrets import ${shellQuote(options.file)} ${kept[0]!.name} --replace${formationOption(place.path)}`)}`,
  );
  return EXIT.no;
}

function readText(options: SecretsImportOptions): string {
  const bytes = givenBytes(options, { stdin: false, fromFile: options.file });
  const text = bytes === null ? null : decodeText(bytes);
  if (text !== null && !text.includes("\0")) return text;
  throw new MuxiGitError("not-text", `'${escapeText(options.file)}' is no text`, { hint: "save it as UTF-8 first" });
}

function sort(entries: readonly EnvEntry[], { names, all, file }: SecretsImportOptions, held: Secrets): Sorted {
  const wanted = new Set(names.map(storedName));
  for (const name of wanted) {
    if (entries.some((entry) => entry.name === name && entry.value !== "")) continue;
    throw new MuxiGitError("no-such-name", `'${escapeText(file)}' gives no value to ${shownName(name)}`);
  }
  const sorted: Sorted = { fresh: [], same: [], conflicting: [], left: [] };
  for (const entry of entries) {
    const { name, value, left } = entry;
    const canBeStored = left !== "empty" && left !== "no name";
    const isChosen = wanted.size > 0 ? wanted.has(name) : all || left === null;
    const stored = held.get(name);
    if (!canBeStored || !isChosen) sorted.left.push(entry);
    else if (stored === undefined) sorted.fresh.push(entry);
    else if (stored.kind === "string" && stored.value === value) sorted.same.push(entry);
    else sorted.conflicting.push(entry);
  }
  return sorted;
}

function showPlan(
  { fresh, same, conflicting, left }: Sorted,
  otherLines: readonly number[],
  place: FormationPlace,
  { file, names, replace, quiet }: SecretsImportOptions,
): void {
  const from = escapeText(file);
  const target = escapeText(fileIn(place.path, "secrets.enc"));
  const moved = [...fresh, ...(replace ? conflicting : [])];
  if (moved.length > 0) out(`${count(moved.length, "value")} of ${from} for ${target}:`);
  for (const entry of moved) {
    const { name, raw, line, otherLines: others } = entry;
    const as = raw === name ? "" : `, there ${shownName(raw)}`;
    const repeated = others.length === 0 ? "" : `; the other values, on ${linesOf(others)}, do not count`;
    const instead = conflicting.includes(entry) ? "; replaces the stored value" : "";
    out(`  ${shownName(name)} (line ${line}${as}${repeated}${instead})`);
  }
  if (!replace) for (const { name } of conflicting) out(`stored with another value: ${shownName(name)}`);
  if (quiet) return;
  if (same.length > 0) out(`stored already: ${same.map(({ name }) => shownName(name)).join(", ")}`);
  const reasons = new Map<string, string[]>();
  for (const { raw, left: why } of left) {
    const reason = why === null || names.length > 0 ? "not chosen" : WHY_LEFT[why];
    reasons.set(reason, [...(reasons.get(reason) ?? []), shownName(raw)]);
  }
  if (reasons.size > 0) out(`left in ${from}:`);
  for (const [reason, all] of reasons) out(`  ${all.join(", ")} (${reason})`);
  if (otherLines.length > 0) out(`no NAME=value: ${linesOf(otherLines)}`);
}

function linesOf(numbers: readonly number[]): string {
  return `line ${numbers.slice(0, MOST_LINES).join(", ")}${numbers.length > MOST_LINES ? ", …" : ""}`;
}

const MOST_LINES = 10;

/** @returns what is to be stored; null where the person would rather not. */
async function choose(
  { fresh, conflicting }: Sorted,
  options: SecretsImportOptions,
  place: FormationPlace,
): Promise<EnvEntry[] | null> {
  if (!options.yes && !canAsk() && fresh.length + (options.replace ? conflicting.length : 0) > 0) {
    const again = ["secrets import", shellQuote(options.file), ...options.names.map(shownName), "--yes"];
    throw new MuxiGitError("not-confirmed", "moving values needs a yes", {
      hint: tool(`${again.join(" ")}${formationOption(place.path)}`),
    });
  }
  const agreed = fresh.length === 0 || options.yes || (await confirm(`Store ${count(fresh.length, "value")}?`));
  if (!agreed) return null;
  const replaced: EnvEntry[] = [];
  for (const entry of conflicting) {
    const asks = !options.replace && canAsk();
    if (options.replace || (asks && (await confirm(`Replace the stored value of ${shownName(entry.name)}?`)))) {
      replaced.push(entry);
    }
  }
  return [...fresh, ...replaced];
}

async function store(
  chosen: readonly EnvEntry[],
  place: FormationPlace,
  { quiet }: SecretsImportOptions,
): Promise<readonly string[]> {
  if (chosen.length === 0) return [];
  const changed = await changeSecrets(place, ({ secrets }) => {
    for (const { name, value } of chosen) secrets.set(name, { kind: "string", value });
    return { secrets, addToTemplate: chosen.map(({ name }) => name) };
  });
  for (const { name, value } of chosen) warnOfValue(name, value);
  sayNewKey(place, changed, false);
  out(`stored ${count(chosen.length, "value")} in ${escapeText(fileIn(place.path, "secrets.enc"))}`);
  if (!quiet) out(`a file of the formation refers to one as \${{ secrets.${chosen[0]!.name} }}`);
  return changed.written;
}

// ---- the file itself

/** null where git does not know of it. */
function pathInRepository({ topLevel, places }: FormationPlace, { cwd, file }: SecretsImportOptions): string | null {
  if (places === null) return null;
  const way = relative(topLevel, resolve(cwd, file)).split(sep).join("/");
  return way === "" || way === ".." || way.startsWith("../") ? null : way;
}

/** @returns files that were changed. */
async function untrack(path: string, { topLevel }: FormationPlace, options: SecretsImportOptions): Promise<string[]> {
  const shown = escapeText(options.file);
  if (!options.yes && !(canAsk() && (await confirm(`Take '${shown}' out of git? It stays on disk.`)))) {
    talk(`muxi-git: warning: git still tracks '${shown}'`);
    return [];
  }
  runGit(["--literal-pathspecs", "rm", "-q", "--cached", "-f", "--", path], { cwd: topLevel });
  out(`took '${shown}' out of git with the next commit; it stays on disk`);
  if (checkIgnoredIn([path], { cwd: topLevel }).get(path)?.shared === true) return [];
  const { disk, bytes, mode } = readForRewrite(topLevel, ".gitignore");
  const before = bytes?.toString("latin1") ?? "";
  const end = lineEndOf(before);
  const pad = before === "" || before.endsWith("\n") ? "" : end;
  writeFileDurably(disk, Buffer.from(`${before}${pad}${ignoreLineOf(path)}${end}`, "latin1"), mode);
  return [".gitignore"];
}

/** A value that was committed once is in every clone. */
function tellHistory(path: string, { topLevel }: FormationPlace): void {
  const args = ["--literal-pathspecs", "rev-list", "--all", "-1", "--", path];
  const found = tryGit(args, { cwd: topLevel });
  if (found.code !== 0 || found.stdout.length === 0) return;
  talk(
    `muxi-git: warning: the history still holds '${escapeText(path)}': have its values replaced by whoever issued them`,
  );
  talk(`muxi-git: hint: what stands there: ${tool("scan --history")}`);
}
