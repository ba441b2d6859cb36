/** `key check`: whether a key opens a formation's secrets.enc, and whether it is kept as a key has to be. */
import { statSync } from "node:fs";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText, formatJson } from "../escape.ts";
import type { Formation } from "../formation/discover.ts";
import { fileIn } from "../formation/discover.ts";
import { MODE_SYMLINK } from "../git/entries.ts";
import { indexEntries } from "../git/index-entry.ts";
import { resolveCommit } from "../git/ranges.ts";
import { readTree, type Snapshot, workingTreeSnapshot } from "../git/snapshot.ts";
import { diskPath } from "../git/working-file.ts";
import { pathWord, tool } from "../invocation.ts";
import { formationsOf, type OpenedFile, openFile } from "../plumbing/formation-state.ts";
import { copiesOfKeys, copyWarning } from "../plumbing/key-copies.ts";
import { encryptedPath } from "../plumbing/known.ts";
import { formationOption, recoverSecrets } from "../plumbing/secrets-store.ts";
import { type Key, keyFingerprint, sameKey } from "../secrets/key.ts";
import { out, talk } from "../terminal.ts";
import { givenKey, type KeyInput, notIgnored, shownFormation } from "./key-input.ts";
import { openContext, pickFormation, type RepositoryContext } from "./repository-context.ts";

export interface KeyCheckOptions extends KeyInput {
  formation?: string;
  rev?: string;
  json: boolean;
}

interface CheckedKey {
  path: string;
  /** Fingerprint; null without a key. */
  key: string | null;
  /** null where it could not be tried: no key, no secrets.enc, one that is no token. */
  opens: boolean | null;
  names: number | null;
  /** Why it does not open, or could not be tried. */
  reason: string | null;
  fix: string | null;
}

/** @returns 0 opens; 1 one does not open; 2 there was nothing to try. */
export async function keyCheck(options: KeyCheckOptions): Promise<ExitCode> {
  const context = openContext(options, options.rev === undefined ? { workTreeOr: tool("key check --rev HEAD") } : {});
  const { topLevel, places, reader } = context;
  try {
    if (!context.bare) await recoverSecrets({ topLevel, path: "", places });
    const given = givenKey(options);
    const snapshot =
      options.rev === undefined
        ? workingTreeSnapshot(topLevel)
        : readTree(resolveCommit(options.rev, topLevel), reader, topLevel);
    const checked: CheckedKey[] = [];
    const formations = chosen(options, context, formationsOf(snapshot));
    for (const formation of formations) checked.push(await checkOne(context, snapshot, formation, given));
    const folders = formations.map(({ path }) => path);
    const copies = context.bare ? [] : copiesOfKeys(topLevel, keysOf(context, formations, given), folders);
    const warnings = context.bare || given !== null ? [] : formations.flatMap((one) => careless(context, one));
    for (const path of copies) {
      const { message, fix } = copyWarning(path);
      warnings.push(`${message}: ${fix}`);
    }
    if (options.json) out(formatJson({ schemaVersion: 1, formations: checked, copies }, 2));
    else for (const one of checked) print(one, options.quiet);
    for (const warning of warnings) talk(`muxi-git: warning: ${warning}`);
    if (checked.some(({ opens }) => opens === false)) return EXIT.no;
    return checked.every(({ opens, fix }) => opens === true || fix === null) ? EXIT.ok : EXIT.failed;
  } finally {
    reader.close();
  }
}

/** The named formation or the one around; else all. */
function chosen(options: KeyCheckOptions, { topLevel }: RepositoryContext, formations: Formation[]): Formation[] {
  try {
    return [pickFormation(options, topLevel, formations, options.formation)];
  } catch (error) {
    if (error instanceof MuxiGitError && error.code === "which-formation") return formations;
    throw error;
  }
}

function keysOf({ keyring }: RepositoryContext, formations: readonly Formation[], given: Key | null): Key[] {
  const keys = given === null ? [] : [given];
  for (const { path } of formations) {
    const own = keyring.of(path);
    if ((own.state === "ok" || own.state === "hex") && !keys.some((key) => sameKey(key, own.key))) keys.push(own.key);
  }
  return keys;
}

async function checkOne(
  { keyring }: RepositoryContext,
  snapshot: Snapshot,
  { path, encrypted }: Formation,
  given: Key | null,
): Promise<CheckedKey> {
  const own = keyring.of(path);
  const key = given ?? (own.state === "ok" ? own.key : null);
  const unlock = tool(`key unlock${formationOption(path)}`);
  const fingerprint = key === null ? null : keyFingerprint(key);
  const answer = (opens: boolean | null, reason: string | null, fix: string | null, names: number | null = null) => ({
    ...{ path, key: fingerprint, opens, names, reason, fix },
  });
  const hex = "the key is 64 hex digits, which MUXI's runtime cannot read";
  if (key === null) return answer(null, own.state === "hex" ? hex : WITHOUT[own.state as keyof typeof WITHOUT], unlock);
  const bytes = encrypted === null ? null : await snapshot.read(encrypted);
  const opened: OpenedFile = openFile(bytes, [key]);
  const file = encryptedPath(path);
  switch (opened.state.kind) {
    case "opened":
      return answer(true, null, null, opened.secrets?.size ?? 0);
    case "none":
      return answer(null, "there is no secrets.enc", null);
    case "locked": {
      const other = bytes === null ? null : openFile(bytes, keyring.keysFor(path)).key;
      const known = other === null ? "" : `; the key ${keyFingerprint(other)}, which is here, does`;
      return answer(false, `it does not open '${escapeText(file)}'${known}`, given === null ? unlock : null);
    }
    default:
      return answer(null, `'${escapeText(file)}' is no token, or damaged`, tool(`check ${pathWord(path)}`));
  }
}

const WITHOUT = {
  missing: "there is no key here",
  malformed: "'.key' holds no key",
  unreadable: "'.key' cannot be read",
} as const;

function print({ path, key, opens, names, reason, fix }: CheckedKey, quiet: boolean): void {
  if (opens === true) {
    if (!quiet)
      out(`${shownFormation(path)}: the key ${key} opens secrets.enc (${names} ${names === 1 ? "name" : "names"})`);
    return;
  }
  out(`${shownFormation(path)}: ${key === null ? "" : `the key ${key}: `}${reason}`);
  if (fix !== null && fix !== "") out(`  fix: ${fix}`);
}

/** What makes it easy to lose or to give away. */
function careless({ topLevel, places }: RepositoryContext, { path }: Formation): string[] {
  const file = fileIn(path, ".key");
  const stat = statSync(diskPath(topLevel, file), { throwIfNoEntry: false });
  if (stat === undefined) return [];
  const warning = notIgnored({ topLevel, path, places });
  const tracked = indexEntries(topLevel, file).some(({ mode }) => mode !== MODE_SYMLINK);
  const open = process.platform !== "win32" && (stat.mode & 0o077) !== 0;
  return [
    ...(warning === null ? [] : [warning]),
    ...(tracked ? [`git tracks '${escapeText(file)}': git rm --cached -- ${pathWord(file)}`] : []),
    ...(open ? [`others on this machine may read '${escapeText(file)}': chmod 600 ${pathWord(file)}`] : []),
  ];
}
