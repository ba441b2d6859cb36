/**
 * `ci`: one command for a pipeline. Which commits it is about comes from the
 * provider's environment; what they bring is scanned, their head is checked, and
 * what changed is told by name. Nothing is fetched and nothing of the commits is
 * run or checked out: blobs are read, so a stranger's pull request is safe to
 * judge, and needs neither a key nor a token.
 */

import { basename, dirname, resolve } from "node:path";
import { type Provider, pipelineOf, providerOf } from "../ci/environment.ts";
import { type JudgedRange, rangeAsTyped, rangeOf } from "../ci/range.ts";
import type { Invocation } from "../cli.ts";
import { writeOutput } from "../durable-file.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { problemIdentity } from "../formation/drift.ts";
import type { FailOn } from "../formation/review.ts";
import { typesOf } from "../git/push.ts";
import { PARTIAL_HINT } from "../git/ranges.ts";
import { readTree, type Snapshot } from "../git/snapshot.ts";
import { readWorkingFile } from "../git/working-file.ts";
import { tool } from "../invocation.ts";
import { formationsOf } from "../plumbing/formation-state.ts";
import { isPartialClone } from "../plumbing/introduced-findings.ts";
import { COMMIT_MESSAGE } from "../plumbing/scan-message.ts";
import { count } from "../report/block.ts";
import {
  asFindings,
  type CiReport,
  formatCiAnnotations,
  formatCiComment,
  formatCiJson,
  formatCiMarkdown,
  formatCiText,
  isRefused,
} from "../report/ci.ts";
import type { CiFormat } from "../report/format-names.ts";
import { annotation } from "../report/github.ts";
import { formatGitlab } from "../report/gitlab.ts";
import { formatSarif, uriOf } from "../report/sarif.ts";
import { out, styleFor, talk } from "../terminal.ts";
import { checkSnapshot } from "./check.ts";
import { assertKeysFit } from "./diff.ts";
import { openContext, type RepositoryContext, readKeyFiles } from "./repository-context.ts";
import { reviewBetween } from "./review-between.ts";
import { scanCommits } from "./scan.ts";
import { writeStepSummary } from "./step-summary.ts";

export interface JudgeOptions extends Invocation {
  requireKey: boolean;
  failOn: readonly FailOn[];
  keyFile: readonly string[];
  baseKeyFile: readonly string[];
}

export interface CiOptions extends JudgeOptions {
  range?: string;
  format: CiFormat;
  json: boolean;
  sarif?: string;
  codeQuality?: string;
  comment?: string;
}

export async function ci(options: CiOptions): Promise<ExitCode> {
  const provider = providerOf(options.env);
  try {
    return await judgeAndPrint(options, provider);
  } catch (error) {
    // Beside the log, where GitHub says "exit code 2" and nothing else.
    if (provider === "github" && error instanceof MuxiGitError)
      talk(annotation("error", { title: "muxi-git" }, [error.message, error.hint ?? ""].join("\n").trimEnd()));
    throw error;
  }
}

async function judgeAndPrint(options: CiOptions, provider: Provider | null): Promise<ExitCode> {
  const { env, range } = options;
  const pipeline = range === undefined ? pipelineOf(env, readEvent(env)) : null;
  if (range === undefined && pipeline === null) {
    out("nothing to judge: a branch or a tag was deleted");
    return EXIT.ok;
  }
  const context = openContext(options, { keyFiles: options.keyFile });
  try {
    const { places, topLevel } = context;
    const judged =
      pipeline === null ? rangeAsTyped(range ?? "", places, topLevel, provider) : rangeOf(pipeline, places, topLevel);
    const report = await judgeRange(context, options, provider, pipeline?.about ?? range ?? "", judged);
    print(report, options, provider);
    return isRefused(report) ? EXIT.no : EXIT.ok;
  } finally {
    context.reader.close();
  }
}

/** Largest event that is read, in bytes. GitHub sends at most 25 MB. */
const LARGEST_EVENT = 32 * 1024 * 1024;

/** What GitHub's runner wrote down of the event; null where there is no such file. @throws MuxiGitError `event-unreadable` */
export function readEvent(env: NodeJS.ProcessEnv): unknown {
  const path = env.GITHUB_EVENT_PATH;
  if (providerOf(env) !== "github" || path === undefined || path === "") return null;
  try {
    return JSON.parse(readWorkingFile(dirname(path), basename(path), LARGEST_EVENT)?.toString("utf8") ?? "");
  } catch (cause) {
    throw new MuxiGitError("event-unreadable", `the event in '${escapeText(path)}' cannot be read`, {
      cause,
      hint: `name the commits: ${tool("ci --range BASE..HEAD")}`,
    });
  }
}

/** @throws MuxiGitError `objects-missing`, and what a scan, a check and a review throw. */
export async function judgeRange(
  context: RepositoryContext,
  options: JudgeOptions,
  provider: Provider | null,
  about: string,
  { base, head, commits }: JudgedRange,
): Promise<CiReport> {
  const { reader, topLevel } = context;
  const [before, after] = [base, head].map((oid) => readTree(oid, reader, topLevel)) as [Snapshot, Snapshot];
  if (isPartialClone(topLevel)) assertFormationsHere([before, after], provider, topLevel);
  const older = { snapshot: before, keys: readKeyFiles(options, options.baseKeyFile) };
  await assertKeysFit(options, older, { snapshot: after });
  const judging = { baseline: true, json: false, format: "text" } as const;
  const { report: scan, problems, stands } = await scanCommits(context, judging, after, commits, { formations: true });
  if (scan.skipped.length > 0) throw missingObjects(scan.skipped.length, provider);
  // What a file does not hold any more is in the history all the same, and a message always is.
  const rebase = `git rebase -i ${commits.at(-1)?.parentOids.length === 0 ? "--root" : base.slice(0, 12)}`;
  const squash = `squash the commits that brought it and took it out: ${rebase}`;
  for (const finding of scan.findings) {
    if (finding.path !== COMMIT_MESSAGE) finding.fix = (await stands(finding)) ? finding.fix : squash;
    else if (finding.commit !== head) finding.fix = `reword it: ${rebase}`;
  }
  const checked = await checkSnapshot({ ...options, paths: [] }, context, after);
  const standing = new Set(checked.flatMap((one) => one.problems).map(problemIdentity));
  const leaks = problems
    .filter(({ problem }) => !standing.has(problemIdentity(problem)))
    .map(({ problem, commit }) => ({ problem: { ...problem, fix: squash }, commit }));
  const review = await reviewBetween(context, older, { snapshot: after });
  const { env, failOn } = options;
  return {
    ...{ about, base, head, scan, leaks, checked, review, failOn },
    addressOf: (oid, path) => addressOf(env, oid, path),
  };
}

/** What cannot be read cannot be called clean. */
function assertFormationsHere(sides: readonly Snapshot[], provider: Provider | null, topLevel: string): void {
  const oids = sides.flatMap((side) =>
    formationsOf(side).flatMap(({ formationFile, template, encrypted, referenceFiles }) =>
      [formationFile, template, encrypted, ...referenceFiles].flatMap((path) =>
        path === null ? [] : (side.entries.get(path)?.oid ?? []),
      ),
    ),
  );
  const wanted = new Set(oids);
  const here = typesOf([...wanted], topLevel);
  if (here.size < wanted.size) throw missingObjects(wanted.size - here.size, provider);
}

function missingObjects(number: number, provider: Provider | null): MuxiGitError {
  const setting = provider === "github" ? "leave 'filter' of actions/checkout out\n" : "";
  return new MuxiGitError(
    "objects-missing",
    `${count(number, "file")} of these commits ${number === 1 ? "is" : "are"} not in this clone`,
    {
      hint: `${setting}${PARTIAL_HINT}`,
    },
  );
}

function addressOf(env: NodeJS.ProcessEnv, oid: string, path: string): string | null {
  const provider = providerOf(env);
  if (path === COMMIT_MESSAGE) return null;
  if (provider === "github" && env.GITHUB_SERVER_URL && env.GITHUB_REPOSITORY)
    return `${env.GITHUB_SERVER_URL}/${env.GITHUB_REPOSITORY}/blob/${oid}/${uriOf(path)}`;
  if (provider === "gitlab" && env.CI_PROJECT_URL) return `${env.CI_PROJECT_URL}/-/blob/${oid}/${uriOf(path)}`;
  return null;
}

function print(report: CiReport, options: CiOptions, provider: Provider | null): void {
  const { cwd, env, quiet, sarif, codeQuality, comment } = options;
  switch (options.json ? "json" : options.format) {
    case "json":
      out(formatCiJson(report));
      break;
    case "markdown":
      for (const line of formatCiMarkdown(report)) out(line);
      break;
    case "text":
      for (const line of formatCiText(report, styleFor(process.stdout.isTTY, env, options.noColor), quiet)) out(line);
  }
  // The runner reads both streams; the answer stays what was asked for.
  if (provider === "github") for (const line of formatCiAnnotations(report)) talk(line);
  if (sarif !== undefined) writeOutput(resolve(cwd, sarif), `${formatSarif(asFindings(report))}\n`);
  if (codeQuality !== undefined) writeOutput(resolve(cwd, codeQuality), `${formatGitlab(asFindings(report))}\n`);
  if (comment !== undefined) writeOutput(resolve(cwd, comment), formatCiComment(report));
  if (env.GITHUB_STEP_SUMMARY) writeStepSummary(env, (room) => formatCiMarkdown(report, room));
}
