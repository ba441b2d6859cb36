/**
 * The commit-msg hook: scans the message of the commit being made. The launcher
 * starts it only for a message with a word that could be a secret; see
 * `is_plain_message` in hooks/run for what it lets pass, which pre-push reads.
 *
 * Lines that git will drop are not read: comments where an editor was used (git
 * sets GIT_EDITOR to `:` where none was), and what `commit -v` shows below the
 * scissors line.
 */

import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { formatJson } from "../escape.ts";
import { findFormations } from "../formation/discover.ts";
import { openBlobReader } from "../git/cat-file.ts";
import { parseTreeEntries } from "../git/entries.ts";
import { findGitPlaces, type GitPlaces } from "../git/git-dir.ts";
import { parseMessageFile } from "../git/message.ts";
import { tryGit } from "../git/run.ts";
import { indexSnapshot } from "../git/snapshot.ts";
import { readIndex } from "../git/staged.ts";
import { shellQuote, tool } from "../invocation.ts";
import { formatBlock, itemOfFinding } from "../report/block.ts";
import { canBeAccepted, fingerprint, isAccepted } from "../scan/baseline.ts";
import { talk } from "../terminal.ts";
import { baselineOf, scannerUnder, settingsOf } from "./configuration.ts";
import { Keyring } from "./formation-state.ts";
import { encryptedPath, formationPaths, gatherKnown } from "./known.ts";
import { looseFormations } from "./loose-formations.ts";
import { STOPPED_AT_COMMIT } from "./pre-commit.ts";
import { COMMIT_MESSAGE, scanMessage } from "./scan-message.ts";

/** @param args - the file that holds the message, relative to the top level. */
export async function commitMsg([file]: readonly string[]): Promise<ExitCode> {
  const places = findGitPlaces(process.cwd());
  if (places?.topLevel == null || file === undefined) {
    throw new MuxiGitError("no-repository", "commit blocked: the commit-msg hook found no repository or no message", {
      hint: "run git from inside the working tree",
    });
  }
  const { topLevel } = places;
  const path = resolve(topLevel, file);
  const { message, cut } = parseMessageFile(readMessage(path), commentMark(topLevel));
  const reader = openBlobReader(topLevel);
  try {
    const index = indexSnapshot(await readIndex(topLevel), reader);
    const formations = [
      ...new Set([...formationPaths(findFormations(index.entries.keys())), ...looseFormations(topLevel)]),
    ];
    const oids = storedInHead(formations, topLevel);
    const known = await gatherKnown(formations, [index], new Keyring(topLevel, places), topLevel, undefined, {
      reader,
      oids,
    });
    const settings = await settingsOf(index);
    const baseline = await baselineOf(index);
    const scanner = scannerUnder(settings, known);
    const found = scanMessage(scanner, COMMIT_MESSAGE, message, writeAnew(path, places, cut)).flatMap((finding) => {
      const id = fingerprint(baseline.salt, finding);
      return canBeAccepted(finding) && isAccepted(baseline, finding, id) ? [] : [{ finding, fingerprint: id }];
    });
    report(found);
    return found.some(({ finding }) => finding.severity === "error") ? EXIT.no : EXIT.ok;
  } finally {
    reader.close();
  }
}

function report(found: readonly { finding: Parameters<typeof itemOfFinding>[0]; fingerprint: string }[]): void {
  if (process.env.MUXI_GIT_FORMAT === "json") {
    const findings = found.map(({ finding: { secretId: _, ...finding }, fingerprint: id }) => ({
      ...finding,
      fingerprint: id,
    }));
    talk(formatJson({ schemaVersion: 1, findings, problems: [], notes: [] }));
    return;
  }
  const lines = formatBlock({
    action: "commit",
    where: "in its message",
    stopped: STOPPED_AT_COMMIT,
    items: found.map(({ finding, fingerprint: id }) => itemOfFinding(finding, canBeAccepted(finding) ? id : undefined)),
    notes: [],
    older: 0,
    statusCommand: tool("status"),
    acceptCommand: tool("baseline accept"),
  });
  for (const line of lines) talk(line);
}

function readMessage(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new MuxiGitError("message-unreadable", "commit blocked: the message could not be read", { cause: error });
  }
}

/**
 * What begins a comment, null where lines are kept as they are: no editor was
 * used, or git chose the character by the message and did not say which.
 */
function commentMark(cwd: string): string | null {
  if (process.env.GIT_EDITOR === ":") return null;
  const { code, stdout } = tryGit(["config", "-z", "--get-regexp", "^core\\.comment(char|string)$"], { cwd });
  if (code !== 0) return "#";
  const last = stdout.toString("utf8").split("\0").filter(Boolean).at(-1) ?? "";
  const mark = last.slice(last.indexOf("\n") + 1);
  return mark === "auto" ? null : mark;
}

/** The last commit's secrets.enc: a value that is just being replaced is still a secret. By repository path. */
function storedInHead(formations: readonly string[], cwd: string): Map<string, Set<string>> {
  if (formations.length === 0) return new Map();
  const paths = formations.map(encryptedPath);
  const listed = tryGit(["--literal-pathspecs", "ls-tree", "-z", "--full-tree", "HEAD", "--", ...paths], { cwd });
  // Before the first commit there is none.
  if (listed.code !== 0) return new Map();
  return new Map(parseTreeEntries(listed.stdout).map(({ path, oid }) => [path, new Set([oid])]));
}

/**
 * git leaves the message in its file, and `commit -e -F` opens it again. `-v`
 * where the file has a scissors line: only then git cuts there once more. Which
 * options the stopped commit had, git tells no hook; its index file tells of -a.
 */
function writeAnew(path: string, places: GitPlaces, cut: boolean): string {
  const own = dirname(path) === resolve(places.gitDir);
  const file = own ? `"$(git rev-parse --git-path ${shellQuote(basename(path))})"` : shellQuote(path);
  const all = basename(process.env.GIT_INDEX_FILE ?? "") === "index.lock" ? " -a" : "";
  return `git commit${all}${cut ? " -v" : ""} -e -F ${file}`;
}
