/**
 * The hooks pre-commit and pre-merge-commit: read what is staged, say what is wrong with it, and
 * stop the commit on an error. Silent when nothing is. Any failure of its own
 * stops the commit too: a hook fails closed.
 */
import { readFileSync } from "node:fs";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { formatJson } from "../escape.ts";
import { isLeak } from "../formation/problem.ts";
import { findGitPlaces } from "../git/git-dir.ts";
import { runGit } from "../git/run.ts";
import { headsBeingMerged, parseListing } from "../git/staged.ts";
import { pathWord, tool } from "../invocation.ts";
import { formatBlock, itemOfFinding, itemOfProblem } from "../report/block.ts";
import { canBeAccepted } from "../scan/baseline.ts";
import { isDotenvExample, isDotenvPath } from "../scan/dotenv.ts";
import { talk } from "../terminal.ts";
import { judgeCommit, type Verdict } from "./commit-verdict.ts";
import { encryptedPath } from "./known.ts";

/** What is told of a leak that a commit hook stopped. */
export const STOPPED_AT_COMMIT = "nothing left this machine; no rotation needed";

/**
 * `git merge` runs this before it commits. MERGE_HEAD does not exist then: the
 * commits being merged are named in the environment. Judged against HEAD alone,
 * all of upstream would count as this merge's.
 */
export async function preMergeCommit(args: readonly string[]): Promise<ExitCode> {
  return await preCommit(args, headsBeingMerged(process.env));
}

/**
 * @param args - `--listing` where the launcher's answers of git stand on stdin.
 * @param heads - the commits being merged; those of MERGE_HEAD when absent.
 */
export async function preCommit(args: readonly string[], heads?: readonly string[]): Promise<ExitCode> {
  const cwd = process.cwd();
  const places = findGitPlaces(cwd);
  if (places?.topLevel == null) {
    throw new MuxiGitError("no-repository", "commit blocked: the hook found no repository here", {
      hint: "run git from inside the working tree",
    });
  }
  // git runs hooks at the top level and says here where it was started.
  const listing = args.includes("--listing") ? parseListing(readFileSync(0)) : null;
  const verdict = await judgeCommit(places, places.topLevel, listing, heads);
  if (process.env.MUXI_GIT_FORMAT === "json") return printJson(verdict);

  const items = itemsOf(verdict);
  const lines = formatBlock({
    action: "commit",
    where: "in what is staged",
    stopped: STOPPED_AT_COMMIT,
    items,
    notes: [...verdict.notes, ...unsharedSetup(verdict, places.topLevel), ...importable(verdict)],
    older: verdict.older,
    statusCommand: tool(verdict.olderFindings > 0 ? "scan" : "status"),
    acceptCommand: tool("baseline accept"),
  });
  for (const line of lines) talk(line);
  return items.some((item) => item.severity === "error") ? EXIT.no : EXIT.ok;
}

export function itemsOf(verdict: Pick<Verdict, "findings" | "problems">) {
  return [
    ...verdict.findings.map(({ finding, fingerprint }) =>
      itemOfFinding(finding, canBeAccepted(finding) ? fingerprint : undefined),
    ),
    ...verdict.problems.map((problem) => itemOfProblem(problem, isLeak(problem.code))),
  ];
}

/**
 * In a repository that had no formation when it was set up, install wrote no
 * attributes: the first staged formation is the moment to say so.
 */
function unsharedSetup(verdict: Verdict, topLevel: string): string[] {
  const changed = new Set(verdict.changed);
  const fresh = verdict.formations.filter((formation) => changed.has(formation.formationFile));
  const [first] = fresh;
  if (first === undefined) return [];
  const path = encryptedPath(first.path);
  const answer = runGit(["check-attr", "-z", "--stdin", "filter"], { cwd: topLevel, input: `${path}\0` });
  if (answer.toString("utf8").split("\0")[2] === "muxi-git") return [];
  return [`'${path}' is a formation's, and no attributes cover it yet: ${tool("install")}`];
}

/** Out of git a .env file is safe, and its values are nobody else's yet. */
function importable({ findings, formations }: Verdict): string[] {
  const blocking = findings.flatMap(({ finding: { path, severity } }) =>
    severity === "error" && isDotenvPath(path) && !isDotenvExample(path) ? [path] : [],
  );
  if (formations.length === 0) return [];
  return [...new Set(blocking)].map(
    (path) => `the values of '${path}' can move to secrets.enc: ${tool(`secrets import ${pathWord(path)}`)}`,
  );
}

function printJson(verdict: Verdict): ExitCode {
  const findings = verdict.findings.map(({ finding: { secretId: _, ...finding }, fingerprint }) => ({
    ...finding,
    fingerprint,
  }));
  const { problems, older, notes, scanned, skipped } = verdict;
  talk(formatJson({ schemaVersion: 1, scanned, skipped, findings, problems, older, notes }));
  return itemsOf(verdict).some((item) => item.severity === "error") ? EXIT.no : EXIT.ok;
}
