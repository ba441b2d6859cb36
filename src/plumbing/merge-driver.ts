/**
 * `merge-driver [--ancestor] %O %A %B %L %P [GIT]`: git's merge of one secrets.enc or
 * one template, by name (gitattributes(5), "Defining a custom merge driver").
 * Base, ours and theirs are files with the stored bytes; the result goes into
 * ours. 0: merged. 1: a conflict, and ours holds what can be used all the same.
 *
 * | secrets.enc: base, ours, theirs | |
 * |---|---|
 * | tokens that keys here open, plaintext sets of secrets, empty | merged by name, sealed |
 * | ... a name with three values | 1; our value stays, all else is merged |
 * | ... one side under another key than base and the other | merged, sealed with the new key |
 * | ... both under other keys, not the same | 1; ours stays |
 * | a token that no key here opens, damaged, no set of secrets | 1; ours stays |
 * | not MUXI's: no token among them, no formation beside | `git merge-file`, as without a driver |
 *
 * The template is merged by `git merge-file` where that gives the right names,
 * else by name; it never conflicts, unless it is no text.
 *
 * Nothing plaintext is written, not to a temporary file either: `git merge-file`
 * sees only what git stores as it is. A name left in conflict is recorded
 * (unresolved.ts), since what stands in ours looks like any other token. A later
 * merge of that token takes the record along: a rebase goes on without a hook.
 *
 * GIT is the process id of the git that asks, from the launcher: the next files of
 * the same merge are worked out in the same go (merge-ahead.ts).
 *
 * `--ancestor`: one of several merge bases. It cannot conflict: nobody would see
 * it, and such a name is left out, so that both sides differ from the base.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { escapeText } from "../escape.ts";
import { fileIn, folderOf } from "../formation/discover.ts";
import { shownName } from "../formation/names.ts";
import { decodeTemplate, formatTemplate, parseTemplate, templateEntries } from "../formation/template.ts";
import { mergeTemplates } from "../formation/template-merge.ts";
import { tryGit } from "../git/run.ts";
import { pathWord, tool } from "../invocation.ts";
import { compareUtf8 } from "../secrets/json.ts";
import { type NameConflict, WHAT_WAS_DONE } from "../secrets/merge.ts";
import { classifyStored } from "../secrets/stored-form.ts";
import { talk } from "../terminal.ts";
import { isFormationFolder } from "./formation-folder.ts";
import { mergeAhead } from "./merge-ahead.ts";
import { mergeStored, type OpenedVersions, openVersions, reopened } from "./merge-stored.ts";
import { forgetSettled, leftOpen, recordUnresolved, type Unresolved } from "./unresolved.ts";

/** Names of conflicts that are told one by one. */
const SHOWN = 20;

/** What git does with the exit code of a driver: 1 is a conflict, from 129 on it gives up. */
const MERGED = 0;
const CONFLICT = 1;

interface Files {
  base: string;
  ours: string;
  theirs: string;
  markerSize: string;
  /** Repository path. */
  path: string;
}

export function mergeDriver(args: readonly string[]): number {
  const isAncestor = args[0] === "--ancestor";
  const [base = "", ours = "", theirs = "", markerSize = "7", path = "", git = ""] = isAncestor ? args.slice(1) : args;
  const files: Files = { base, ours, theirs, markerSize, path };
  if (path !== fileIn(folderOf(path), "secrets.enc")) return mergeTemplate(files);
  const code = mergeSealed(files, isAncestor);
  if (!isAncestor) mergeAhead(git);
  return code;
}

function mergeSealed(files: Files, isAncestor: boolean): number {
  const bytes = [files.base, files.ours, files.theirs].map((file) => readFileSync(file)) as [Buffer, Buffer, Buffer];
  if (!bytes.some((one) => classifyStored(one) === "token") && !isFormationFolder(folderOf(files.path), process.cwd()))
    return mergeAsText(files);

  const versions = openVersions(files.path, bytes, process.cwd());
  if (versions.why !== undefined) return isAncestor ? CONFLICT : leave(files.path, bytes, null, { why: versions.why });
  const merged = mergeStored(versions, { unresolved: isAncestor ? "absent" : "ours" });
  writeFileSync(files.ours, merged.bytes);
  if (isAncestor) return MERGED;
  const earlier = leftOpen(files.path, bytes[1]);
  const whole = earlier === undefined ? versions : withLeftOpen(versions, earlier, files.path);
  const { conflicts } = mergeStored(whole);
  if (conflicts.length === 0) forgetSettled(files.path, earlier);
  else leave(files.path, [...whole.bytes, merged.bytes], conflicts, { earlier, theirsOfGit: bytes[2] });
  return merged.conflicts.length > 0 ? CONFLICT : MERGED;
}

/** The versions with the names in conflict that an earlier merge left; as they are where that cannot be told any more. */
function withLeftOpen(versions: OpenedVersions, { base, ours, theirs }: Unresolved, path: string): OpenedVersions {
  const blobs = [base, ours, theirs].map((oid) => tryGit(["cat-file", "blob", oid]));
  if (blobs.some(({ code }) => code !== 0)) return versions;
  const opened = openVersions(path, blobs.map(({ stdout }) => stdout) as [Buffer, Buffer, Buffer], process.cwd());
  if (opened.why !== undefined) return versions;
  const result = reopened(versions, opened);
  // For 'resolve', which reads them from git.
  for (const input of result.bytes) tryGit(["hash-object", "-w", "--stdin"], { input });
  return result;
}

/** Leave a conflict: say it, record it, and tell git. A result that is written already is the fourth of `bytes`. */
function leave(
  path: string,
  bytes: readonly [base: Buffer, ours: Buffer, theirs: Buffer, merged?: Uint8Array],
  conflicts: readonly NameConflict[] | null,
  { why = "", earlier, theirsOfGit }: { why?: string; earlier?: Unresolved | undefined; theirsOfGit?: Buffer } = {},
): number {
  const [base, ours, theirs, merged = ours] = bytes;
  const names = conflicts?.map(({ name }) => name) ?? null;
  recordUnresolved({ path, names, base, ours, theirs, merged, earlier, theirsOfGit });
  if (conflicts === null)
    talk(`muxi-git: error: '${escapeText(path)}' cannot be merged: ${escapeText(why)}; ours was left`);
  else {
    for (const { name, kind } of conflicts.slice(0, SHOWN))
      talk(
        `muxi-git: conflict: '${escapeText(path)}': ${shownName(name)} ${WHAT_WAS_DONE[kind]}; ${kind === "removed-by-ours" ? "it was left out" : "ours was left"}`,
      );
    if (conflicts.length > SHOWN) talk(`muxi-git: and ${conflicts.length - SHOWN} more names`);
  }
  talk(`muxi-git: hint: ${tool(`resolve ${pathWord(path)}`)}`);
  return CONFLICT;
}

/** As git does without a driver. */
function mergeAsText({ base, ours, theirs, markerSize }: Files): number {
  const size = /^\d{1,4}$/.test(markerSize) ? markerSize : "7";
  const { code } = tryGit(
    ["merge-file", `--marker-size=${size}`, "-L", "ours", "-L", "base", "-L", "theirs", "--", ours, base, theirs],
    {},
  );
  return code === 0 ? MERGED : CONFLICT;
}

function mergeTemplate(files: Files): number {
  const texts = [files.base, files.ours, files.theirs].map((file) => decodeTemplate(readFileSync(file)));
  if (texts.some(({ text, problem }) => text === null || problem !== undefined)) return mergeAsText(files);
  const [base, ours, theirs] = texts.map(({ text }) => text as string) as [string, string, string];
  const byName = formatTemplate(mergeTemplates(base, ours, theirs));
  const asText = tryGit(["merge-file", "-p", "-q", "--", files.ours, files.base, files.theirs]);
  const sameNames = asText.code === 0 && namesOf(asText.stdout.toString("utf8")) === namesOf(byName);
  writeFileSync(files.ours, sameNames ? asText.stdout : byName);
  return MERGED;
}

/** Every name, as often as it stands there, in one text that is the same for the same names. */
function namesOf(text: string): string {
  return templateEntries(parseTemplate(text))
    .map(({ name }) => name)
    .sort(compareUtf8)
    .join("\n");
}
