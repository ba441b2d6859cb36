/** What pre-push and pre-receive say of a judged push. */
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText, formatJson } from "../escape.ts";
import { FORMATION_FILES, type Formation, fileIn, findFormations } from "../formation/discover.ts";
import { checkFormation, problemIdentity } from "../formation/drift.ts";
import type { Problem } from "../formation/problem.ts";
import { messageOf, subjectOf } from "../git/message.ts";
import type { Snapshot } from "../git/snapshot.ts";
import { tool } from "../invocation.ts";
import { count, formatBlock, type Item, itemOfFinding, itemOfProblem, SHOWN } from "../report/block.ts";
import { canBeAccepted } from "../scan/baseline.ts";
import type { Finding } from "../scan/finding.ts";
import { talk } from "../terminal.ts";
import { fixOfFinding, fixOfProblem } from "./fixable.ts";
import { readFormation } from "./formation-state.ts";
import { isPartialClone } from "./introduced-findings.ts";
import type { CommitsAt } from "./judge-commits.ts";
import type { PushedRef } from "./judge-push.ts";
import { COMMIT_MESSAGE } from "./scan-message.ts";
import { type Blocker, type Here, waysOut } from "./ways-out.ts";

/** Characters of a subject that are shown. */
const SUBJECT = 50;

interface Entry {
  blocker: Blocker;
  item: Item;
}

/**
 * @param here - what is checked out where the push came from; null at a receiving end.
 * @throws MuxiGitError where an object that must be here is not: what cannot be read cannot be called clean.
 */
export async function reportPush(at: CommitsAt, refs: readonly PushedRef[], here: Here | null): Promise<ExitCode> {
  const missing = refs.reduce((sum, { verdict }) => sum + verdict.skipped.length, 0);
  if (missing > 0 && !isPartialClone(at.topLevel)) {
    throw new MuxiGitError("object-unreadable", `push blocked: ${count(missing, "object")} of it cannot be read`, {
      hint: "git fsck",
    });
  }
  const entries = refs.flatMap((ref) => entriesOf(at, ref, here !== null));
  if (process.env.MUXI_GIT_FORMAT === "json") return printJson(refs);
  if (entries.length === 0) return EXIT.ok;

  const shown = entries.slice(0, SHOWN);
  const fixes = await waysOut(
    at,
    shown.map(({ blocker }) => blocker),
    here,
  );
  for (const [index, { blocker, item }] of shown.entries()) {
    item.fix = fixes[index]!;
    item.suffix = await originOf(at, blocker);
  }
  const commits = new Set(
    entries.flatMap(({ blocker: { ref, commit } }) => (ref.commits.some(({ oid }) => oid === commit) ? [commit] : [])),
  );
  const notes = refs.flatMap(({ verdict }) => verdict.notes);
  // In a partial clone what is missing came from the remote, which has it.
  if (missing > 0) notes.push(`${count(missing, "file")} not scanned: the remote has them, this partial clone has not`);
  const lines = formatBlock({
    action: "push",
    where: commits.size > 0 ? `in ${count(commits.size, "commit")}` : "in what is pushed",
    stopped: "nothing was pushed; a secret that never left this machine needs no rotation",
    items: entries.map(({ item }) => item),
    notes: [...new Set(notes)],
    older: 0,
    statusCommand: tool("status"),
    acceptCommand: tool("baseline accept"),
  });
  for (const line of lines) talk(line);
  return EXIT.no;
}

/** What blocks; a warning was told at commit and is not told again at every push. */
function entriesOf(at: CommitsAt, ref: PushedRef, checkedOut: boolean): Entry[] {
  const { verdict, drift } = ref;
  const fixOf = (finding: Finding) => (checkedOut ? fixOfFinding(finding, ref.judge.fixes) : finding.fix);
  const fixOfLeak = (problem: Problem) => (checkedOut ? fixOfProblem(problem, ref.judge.fixes) : problem.fix);
  const findings = verdict.findings
    .filter(({ finding, accepted }) => finding.severity === "error" && !accepted)
    .map(({ finding, fingerprint, commit }): Entry => {
      const { path, severity } = finding;
      return {
        blocker: { ref, commit, path, severity, finding, fix: fixOf(finding), fixOf, drift: false, standingFix: null },
        item: itemOfFinding(finding, canBeAccepted(finding) ? fingerprint : undefined),
      };
    });
  const problems = [
    ...verdict.problems.map((one) => ({ ...one, leak: true })),
    ...drift.map((one) => ({ ...one, leak: false })),
  ].map(({ problem, commit, leak }): Entry => {
    const { path, severity } = problem;
    const fix = fixOfLeak(problem);
    const standingFix = leak ? (end: Snapshot) => fixAt(at, end, problem, fixOfLeak) : null;
    return {
      blocker: { ref, commit, path, severity, finding: null, fix, fixOf, drift: !leak, standingFix },
      item: itemOfProblem(problem, leak),
    };
  });
  return [...findings, ...problems];
}

/** The fix of a formation's leak where it stands at `end`, null where it does not. */
async function fixAt(
  { keyring }: CommitsAt,
  end: Snapshot,
  problem: Problem,
  fixOf: (problem: Problem) => string,
): Promise<string | null> {
  const folder = problem.formation;
  const found = findFormations(end.entries.keys()).find(({ path }) => path === folder);
  const formation: Formation = {
    path: folder,
    formationFile: found?.formationFile ?? fileIn(folder, FORMATION_FILES[0]),
    template: fileIn(folder, "secrets"),
    encrypted: fileIn(folder, "secrets.enc"),
    referenceFiles: [],
  };
  const { state } = await readFormation(end, formation, keyring.stateFor(folder), keyring.keysFor(folder));
  const wanted = problemIdentity(problem);
  const standing = checkFormation(state, "commit").find((one) => problemIdentity(one) === wanted);
  return standing === undefined ? null : fixOf(standing);
}

/** ` (commit abc1234 "subject")`. A subject that shares a message with a finding is not shown. */
async function originOf(at: CommitsAt, { ref, commit }: Blocker): Promise<string> {
  const id = commit.slice(0, 7);
  if (ref.tags.includes(commit)) return ` (tag ${escapeText(ref.update.target.replace(/^refs\/tags\//, ""))})`;
  if (!ref.commits.some(({ oid }) => oid === commit)) return ` (${escapeText(ref.update.target)})`;
  const told = ref.verdict.findings.some((one) => one.commit === commit && one.finding.path === COMMIT_MESSAGE);
  const object = told ? null : await at.reader.read(commit);
  if (object === null) return ` (commit ${id})`;
  const subject = subjectOf(messageOf(object));
  const cut = subject.length > SUBJECT ? `${[...subject].slice(0, SUBJECT - 1).join("")}…` : subject;
  return ` (commit ${id} "${escapeText(cut)}")`;
}

function printJson(refs: readonly PushedRef[]): ExitCode {
  const findings = refs.flatMap(({ verdict }) =>
    verdict.findings.map(({ finding: { secretId: _, kind: __, ...finding }, fingerprint, accepted, commit }) => ({
      ...finding,
      fingerprint,
      commit,
      ...(accepted ? { accepted } : {}),
    })),
  );
  const problems = refs.flatMap(({ verdict, drift }) =>
    [...verdict.problems, ...drift].map(({ problem, commit }) => ({ ...problem, commit })),
  );
  const sum = (of: "files" | "bytes" | "commits") =>
    refs.reduce((total, { verdict }) => total + verdict.scanned[of], 0);
  const scanned = { files: sum("files"), bytes: sum("bytes"), commits: sum("commits") };
  const skipped = refs.flatMap(({ verdict }) => verdict.skipped);
  const notes = refs.flatMap(({ verdict }) => verdict.notes);
  talk(formatJson({ schemaVersion: 1, scanned, skipped, findings, problems, notes }));
  const blocked = findings.some(({ severity, accepted }) => severity === "error" && accepted !== true);
  return blocked || problems.length > 0 ? EXIT.no : EXIT.ok;
}
