/** `scan`: look for secrets in files, in what is staged, in the commits of a range or in the whole history. */
import { lstatSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { Invocation } from "../cli.ts";
import { writeOutput } from "../durable-file.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { findFormations } from "../formation/discover.ts";
import { decodePath } from "../git/entries.ts";
import { findGitPlaces } from "../git/git-dir.ts";
import { reachableObjects } from "../git/object-stream.ts";
import { type CommitChanges, findCommit, parseRange, readRange, shallowHint } from "../git/ranges.ts";
import { readTree, type Snapshot, workingTreeSnapshot } from "../git/snapshot.ts";
import { emptyTree } from "../git/staged.ts";
import { diskPath } from "../git/working-file.ts";
import { tool } from "../invocation.ts";
import { judgeCommit } from "../plumbing/commit-verdict.ts";
import { baselineOf, type PathRules, settingsOf } from "../plumbing/configuration.ts";
import { fixOfFinding } from "../plumbing/fixable.ts";
import {
  CommitJudge,
  type CommitProblem,
  identityOf,
  type Standard,
  storedFolders,
  storedVersions,
} from "../plumbing/judge-commits.ts";
import { notesOf } from "../plumbing/judge-file.ts";
import { historyDigest, judgeHistory, storedInHistory } from "../plumbing/judge-history.ts";
import { formationPaths, gatherKnown, type MoreVersions } from "../plumbing/known.ts";
import { count } from "../report/block.ts";
import { formatScan } from "../report/format.ts";
import type { ScanFormat } from "../report/format-names.ts";
import type { ScanReport } from "../report/scan.ts";
import { type Baseline, canBeAccepted, EMPTY_BASELINE, fingerprint, isAccepted } from "../scan/baseline.ts";
import type { Finding } from "../scan/finding.ts";
import type { KnownEntry } from "../scan/known-values.ts";
import { DEFAULT_SETTINGS } from "../settings.ts";
import { readStandardInput } from "../standard-input.ts";
import { out, Progress, styleFor } from "../terminal.ts";
import { VERSION } from "../version.ts";
import { assertWorkTree, openContext, type RepositoryContext, repositoryPath } from "./repository-context.ts";
import {
  type FileResult,
  type Judge,
  judgeBytes,
  judgeFiles,
  judgeOnDisk,
  judgeUnder,
  type ScannedFile,
} from "./scan-files.ts";

export interface ScanOptions extends Invocation {
  paths: readonly string[];
  staged: boolean;
  range?: string;
  history: boolean;
  stdin: boolean;
  format: ScanFormat;
  json: boolean;
  output?: string;
  baseline: boolean;
}

export async function scan(options: ScanOptions): Promise<ExitCode> {
  const modes = [options.staged, options.range !== undefined, options.history, options.stdin, options.paths.length > 0];
  if (modes.filter(Boolean).length > 1) {
    throw new MuxiGitError("usage", "--staged, --range, --history, --stdin and paths exclude one another");
  }
  const report = await produce(options);
  assertScanned(report);
  const text = formatScan(report, formatOf(options), styleOf(options), options.quiet);
  if (options.output !== undefined) writeOutput(resolve(options.cwd, options.output), text === "" ? "" : `${text}\n`);
  else if (text !== "") out(text);
  return report.findings.some((finding) => finding.severity === "error" && !finding.accepted) ? EXIT.no : EXIT.ok;
}

/** Settings, baseline and formations are those of the present: of the working tree, of HEAD in a bare repository. */
async function scanHistory(context: RepositoryContext, options: ScanOptions): Promise<ScanReport> {
  const { topLevel, bare, reader } = context;
  const tree = bare
    ? readTree(findCommit("HEAD", topLevel) ?? emptyTree(topLevel), reader, topLevel)
    : workingTreeSnapshot(topLevel);
  const { objects, missing } = await reachableObjects(topLevel);
  const { standard, everywhere, known } = await standardOf(context, options, tree, storedInHistory(objects, context));
  const { settings } = standard.configuration;
  const progress = new Progress("scanning the history");
  const { scanned, skipped, findings, notes, before } = await judgeHistory(
    context,
    { ...standard, formations: everywhere },
    objects,
    {
      digest: historyDigest([VERSION, settings, [...everywhere].sort(byCodeUnit), known]),
      progress: (done, all) => progress.show(done, all),
    },
  ).finally(() => progress.end());
  if (missing > 0) skipped.push({ path: "(history)", reason: `${count(missing, "object")} not in this clone` });
  if (shallowHint(topLevel).hint !== undefined)
    skipped.push({ path: "(history)", reason: "this clone is shallow: what is older is not here" });
  if (before > 0)
    notes.push(
      `${count(before, "object")} had nothing in them in an earlier scan by the same rules, settings and values`,
    );
  const reported = findings.map(({ finding, fingerprint: id, accepted, commit, onRemote }) => ({
    ...finding,
    fingerprint: id,
    commit,
    onRemote,
    ...(accepted ? { accepted } : {}),
  }));
  return { scanned, skipped, findings: reported, notes, next: nextSteps(reported) };
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Rewriting first feels like a cure and is none: a value that was seen stays good until it is revoked. */
function nextSteps(findings: readonly ScanReport["findings"][number][]): string[] {
  const first = findings.find(({ accepted, severity }) => accepted !== true && severity === "error");
  if (first === undefined) return [];
  const accept = findings.find((finding) => finding.accepted !== true && canBeAccepted(finding));
  return [
    "revoke each value where it was issued: who has a copy of this repository has it too, on a remote or not",
    `rotate: put a new value in its place: ${tool("secrets set NAME")}`,
    "then decide whether to rewrite the history (git-filter-repo): it changes every later commit, and copies and forks keep the old ones",
    ...(accept === undefined
      ? []
      : [`accept what is revoked and stays: ${tool(`baseline accept ${accept.fingerprint} --reason 'revoked'`)}`]),
  ];
}

function formatOf({ json, format }: Pick<ScanOptions, "json" | "format">): ScanFormat {
  return json ? "json" : format;
}

function styleOf(options: ScanOptions) {
  return styleFor(process.stdout.isTTY && options.output === undefined, options.env, options.noColor);
}

/** "Nothing found" where nothing was read is no answer. @throws MuxiGitError `nothing-scanned` */
function assertScanned({ scanned, skipped, findings }: ScanReport): void {
  const [first] = skipped;
  if (first === undefined || scanned.bytes > 0 || findings.length > 0) return;
  throw new MuxiGitError("nothing-scanned", `nothing could be scanned: ${count(skipped.length, "file")} skipped`, {
    hint: `the first of them: '${escapeText(first.path)}': ${first.reason}`,
  });
}

async function produce(options: ScanOptions): Promise<ScanReport> {
  if (findGitPlaces(options.cwd, options.env) === null) return scanOutsideGit(options);
  const context = openContext(options, options.staged ? { workTreeOr: tool("scan --range HEAD") } : {});
  try {
    if (options.staged) return await scanStaged(context);
    if (options.history) return await scanHistory(context, options);
    return await new RepositoryScan(context, options).run();
  } finally {
    context.reader.close();
  }
}

async function scanStaged({ places, topLevel }: RepositoryContext): Promise<ScanReport> {
  const verdict = await judgeCommit(places, topLevel);
  return {
    scanned: verdict.scanned,
    skipped: verdict.skipped,
    findings: verdict.findings.map(({ finding, fingerprint: id }) => ({ ...finding, fingerprint: id })),
    notes: verdict.notes,
  };
}

type Judging = Pick<ScanOptions, "baseline" | "json" | "format">;

/** What commits bring. */
export interface ScannedCommits {
  report: ScanReport;
  /** Plaintext in formations' own files, where it was asked for. */
  problems: CommitProblem[];
  /** Whether a finding is still in its file at the end of the range. */
  stands(finding: Finding): Promise<boolean>;
}

/**
 * What commits bring, by the settings, baseline and formations of `tree`.
 *
 * @param asked.formations - whether plaintext in formations' own files is asked for, commit by commit.
 */
export async function scanCommits(
  context: RepositoryContext,
  options: Judging,
  tree: Snapshot,
  commits: readonly CommitChanges[],
  asked: { formations: boolean },
): Promise<ScannedCommits> {
  const { standard } = await standardOf(context, options, tree, storedVersions(commits, context.reader));
  const judge = new CommitJudge(context, standard);
  const { scanned, skipped, findings, notes, problems } = await judge.judge(commits, asked);
  const reported = findings.map(({ finding, fingerprint: id, accepted, commit }) => ({
    ...finding,
    fingerprint: id,
    commit,
    ...(accepted ? { accepted } : {}),
  }));
  const stands = async (finding: Finding): Promise<boolean> => {
    const entry = tree.entries.get(finding.path);
    const there = entry?.oid == null ? null : await judge.findingsOf(finding.path, entry.mode, entry.oid);
    return (there ?? []).some((one) => identityOf(one) === identityOf(finding));
  };
  return { report: { scanned, skipped, findings: reported, notes }, problems, stands };
}

/** By what a repository is scanned: settings, baseline, formations and values of a tree, values of older versions too. */
async function standardOf(
  { topLevel, keyring }: RepositoryContext,
  options: Judging,
  tree: Snapshot,
  versions: MoreVersions,
): Promise<{ standard: Standard; everywhere: string[]; known: KnownEntry[]; judge: Judge }> {
  const settings = await settingsOf(tree);
  const baseline = options.baseline ? await baselineOf(tree) : EMPTY_BASELINE;
  const formations = formationPaths(findFormations(tree.entries.keys()));
  const everywhere = [...new Set([...formations, ...storedFolders(versions)])];
  const known = await gatherKnown(everywhere, [tree], keyring, topLevel, undefined, versions);
  const judge = await judgeUnder({ settings, known, formations, frames: isText(options) });
  const { scanner, rulesAt, frames } = judge;
  const configuration = { settings, baseline, notes: [] };
  const standard = { scanner, formations, configuration, rulesAt, ...(frames === undefined ? {} : { frames }) };
  return { standard, everywhere, known, judge };
}

function emptyReport(): ScanReport {
  return { scanned: { files: 0, bytes: 0 }, skipped: [], findings: [], notes: [] };
}

/** Rules only: without a repository there are no formations whose values could be known. */
async function scanOutsideGit(options: ScanOptions): Promise<ScanReport> {
  if (options.staged || options.history || options.range !== undefined) {
    throw new MuxiGitError("no-repository", `no git repository at '${escapeText(options.cwd)}'`);
  }
  if (!options.stdin && options.paths.length === 0) {
    throw new MuxiGitError("no-repository", "no git repository here: name the files and folders to scan", {
      hint: tool("scan PATH…"),
    });
  }
  const judge = await judgeUnder({ settings: DEFAULT_SETTINGS, known: [], formations: [], frames: isText(options) });
  const report = emptyReport();
  const add = (result: FileResult): void => addResult(report, result, EMPTY_BASELINE, withoutIndex);
  if (options.stdin) add(judgeBytes(judge, "-", readStandardInput(), judge.rulesAt("-")));
  for (const path of options.paths) {
    const full = resolve(options.cwd, path);
    const stat = statSync(full, { throwIfNoEntry: false });
    if (stat === undefined) throw new MuxiGitError("no-file", `cannot read '${escapeText(path)}'`);
    const folder = stat.isDirectory();
    const top = folder ? full : dirname(full);
    const prefix = path.endsWith("/") ? path : `${path}/`;
    const files = folder
      ? Array.from(filesUnder(full, report.skipped, prefix), (file) => ({ top, file, path: `${prefix}${file}` }))
      : [{ top, file: basename(full), path }];
    await judgeWithProgress(judge, files, (file, result) => {
      if (result !== null) add(result);
      else if (folder) report.skipped.push({ path: file.path, reason: NOT_READ });
      else throw new MuxiGitError("no-file", `cannot read '${escapeText(path)}', or it is no regular file`);
    });
  }
  return report;
}

/** Only text shows lines. */
function isText(options: Pick<ScanOptions, "json" | "format">): boolean {
  return formatOf(options) === "text";
}

async function judgeWithProgress(
  judge: Judge,
  files: readonly ScannedFile[],
  told: (file: ScannedFile, result: FileResult | null) => void,
): Promise<void> {
  const progress = new Progress("scanning");
  try {
    await judgeFiles(judge, files, (file, result, done) => {
      told(file, result);
      progress.show(done, files.length);
    });
  } finally {
    progress.end();
  }
}

const NOT_READ = "it is no regular file, or cannot be read";

/**
 * Files of a folder and those below, in the order of their names. Links are not
 * followed: what they lead to is scanned where it stands. `.git` is skipped, and
 * nothing else: without git nothing says what is ignored.
 */
function* filesUnder(top: string, skipped: ScanReport["skipped"], prefix: string): Generator<string> {
  const waiting = [""];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    let names: Buffer[];
    try {
      names = readdirSync(diskPath(top, folder), { encoding: "buffer" }).sort(Buffer.compare);
    } catch {
      skipped.push({ path: `${prefix}${folder}`, reason: "the folder cannot be read" });
      continue;
    }
    const below: string[] = [];
    for (const name of names.map(decodePath)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const stat = lstatSync(diskPath(top, path), { throwIfNoEntry: false });
      if (name === ".git" || stat === undefined || stat.isSymbolicLink()) continue;
      if (stat.isDirectory()) below.push(path);
      else yield path;
    }
    waiting.push(...below.reverse());
  }
}

/** Nothing is staged here, so nothing is to be staged again. */
function withoutIndex(finding: Finding): Finding {
  return { ...finding, fix: `take the value out of line ${finding.line}` };
}

function addResult(
  report: ScanReport,
  result: FileResult,
  baseline: Baseline,
  change: (finding: Finding) => Finding = (finding) => finding,
): void {
  report.scanned.files += 1;
  report.scanned.bytes += result.size;
  report.notes.push(...notesOf(result));
  for (const finding of result.findings) report.findings.push(withFingerprint(change(finding), baseline));
}

function withFingerprint(finding: Finding, baseline: Baseline): ScanReport["findings"][number] {
  const id = fingerprint(baseline.salt, finding);
  const accepted = canBeAccepted(finding) && isAccepted(baseline, finding, id);
  return { ...finding, fingerprint: id, ...(accepted ? { accepted } : {}) };
}

/** Entries of the baseline that accept nothing in the files of the present. Of a value that needs a key, nobody may know. */
function staleEntries({ findings }: Baseline, report: ScanReport, rulesAt: (path: string) => PathRules): string[] {
  const met = new Set(report.findings.filter(({ accepted }) => accepted).map((finding) => finding.fingerprint));
  const unread = new Set(report.skipped.map(({ path }) => path));
  const stale = findings.filter(
    ({ fingerprint: id, rule, path }) =>
      !met.has(id) && rule !== "known-value" && !unread.has(path) && rulesAt(path).rulesApply && !path.startsWith("("),
  );
  if (stale.length === 0) return [];
  const entries = stale.length === 1 ? "1 entry" : `${stale.length} entries`;
  return [`no file here needs ${entries} of the baseline: ${tool("baseline prune")}`];
}

/** A scan that knows the repository: its formations' values, its settings and its baseline, of the tree it looks at. */
class RepositoryScan {
  readonly #context: RepositoryContext;
  readonly #options: ScanOptions;

  constructor(context: RepositoryContext, options: ScanOptions) {
    this.#context = context;
    this.#options = options;
  }

  async run(): Promise<ScanReport> {
    const { topLevel, places, bare, reader } = this.#context;
    const { stdin, paths } = this.#options;
    const range = this.#options.range === undefined ? null : parseRange(this.#options.range, topLevel);
    if (range === null && !stdin) assertWorkTree(places, tool("scan --range HEAD"));
    // Its settings and formations count: those of the newer end of a range.
    const commit = range?.head ?? (bare ? (findCommit("HEAD", topLevel) ?? emptyTree(topLevel)) : null);
    const tree: Snapshot = commit === null ? workingTreeSnapshot(topLevel) : readTree(commit, reader, topLevel);
    if (range !== null) {
      const commits = readRange(range, topLevel);
      return (await scanCommits(this.#context, this.#options, tree, commits, { formations: false })).report;
    }
    const none: MoreVersions = { reader, oids: new Map() };
    const { standard, judge } = await standardOf(this.#context, this.#options, tree, none);
    const { settings, baseline } = standard.configuration;
    const report = emptyReport();

    if (stdin) {
      // No path of the repository, so nothing that settings say of paths.
      const rules = { rulesApply: true, allowComments: settings.allowComments };
      addResult(report, judgeBytes(judge, "-", readStandardInput(), rules), baseline, withoutIndex);
    } else {
      await this.#scanFiles(tree, paths, judge, (path, result) => {
        if (result === null) report.skipped.push({ path, reason: NOT_READ });
        else addResult(report, result, baseline);
      });
      if (paths.length === 0) report.notes.push(...staleEntries(baseline, report, judge.rulesAt));
      const { keyring } = this.#context;
      const { formations } = standard;
      const fixes = { salt: baseline.salt, formations, keyring, has: (path: string) => tree.entries.has(path) };
      report.findings = report.findings.map((finding) => ({ ...finding, fix: fixOfFinding(finding, fixes) }));
    }
    return report;
  }

  async #scanFiles(
    tree: Snapshot,
    paths: readonly string[],
    judge: Judge,
    told: (path: string, result: FileResult | null) => void,
  ): Promise<void> {
    const { topLevel } = this.#context;
    const wanted = paths.map((path) => repositoryPath(this.#options, topLevel, path));
    const named = wanted.filter((path) => !tree.entries.has(path));
    const within = [...tree.entries.keys()].filter(
      (path) => wanted.length === 0 || wanted.some((one) => one === "" || path === one || path.startsWith(`${one}/`)),
    );
    const fileOf = (path: string): ScannedFile => ({ top: topLevel, file: path, path });
    await judgeWithProgress(judge, within.map(fileOf), ({ path }, result) => told(path, result));
    for (const path of named) {
      // Named by hand: scanned although git ignores it. A folder was taken apart above.
      if (within.some((file) => path === "" || file.startsWith(`${path}/`))) continue;
      const result = judgeOnDisk(judge, fileOf(path));
      if (result === null) throw new MuxiGitError("no-file", `cannot read '${escapeText(path)}'`);
      told(path, result);
    }
  }
}
