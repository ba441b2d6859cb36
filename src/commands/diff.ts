/** `diff`: which secret names were added, removed, changed or renamed between two versions. */
import { createHash } from "node:crypto";
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import type { Formation } from "../formation/discover.ts";
import { type FormationReview, type ReviewedVersion, reviewFormation } from "../formation/review.ts";
import { runGit, tryGit } from "../git/run.ts";
import { readTree, type Snapshot, workingTreeSnapshot } from "../git/snapshot.ts";
import { tool } from "../invocation.ts";
import { formationsOf, readFormation } from "../plumbing/formation-state.ts";
import { formatDiffJson, formatDiffMarkdown, formatDiffText } from "../report/diff.ts";
import { keyFingerprint } from "../secrets/key.ts";
import { escapeText, out, styleFor } from "../terminal.ts";
import { openContext, type RepositoryContext, repositoryPath } from "./repository-context.ts";

export interface DiffOptions extends Invocation {
  range: string | undefined;
  paths: readonly string[];
  format: "text" | "markdown" | "json";
  json: boolean;
  exitCode: boolean;
  keyFile: readonly string[];
}

/** The two versions, as a person named them. */
interface Sides {
  base: string;
  /** null for the working tree. */
  head: string | null;
}

export async function diff(options: DiffOptions): Promise<ExitCode> {
  const context = openContext(options, options.keyFile);
  const { topLevel, reader, bare } = context;
  try {
    const { sides, paths } = sidesOf(options, topLevel);
    if (bare && sides.head === null) {
      throw new MuxiGitError("bare-repository", "a bare repository has no working tree to compare", {
        hint: tool("diff BASE...HEAD"),
      });
    }
    const base = readTree(sides.base, reader, topLevel);
    const head = sides.head === null ? workingTreeSnapshot(topLevel) : readTree(sides.head, reader, topLevel);
    const reviews = await reviewAll(
      context,
      base,
      head,
      paths.map((path) => repositoryPath(options, topLevel, path)),
    );
    const names = { base: sides.base, head: sides.head ?? "working tree" };
    const style = styleFor(process.stdout.isTTY, options.env, options.noColor);
    if (options.json || options.format === "json") out(formatDiffJson(names, reviews));
    else
      for (const line of options.format === "markdown" ? formatDiffMarkdown(reviews) : formatDiffText(reviews, style))
        out(line);
    return options.exitCode && reviews.length > 0 ? EXIT.no : EXIT.ok;
  } finally {
    reader.close();
  }
}

/** As git reads them: nothing is HEAD against the working tree, `A` is A against it, `A..B` and `A...B` two commits. */
function sidesOf({ range, paths }: DiffOptions, cwd: string): { sides: Sides; paths: readonly string[] } {
  if (range === undefined) return { sides: { base: commit("HEAD", cwd), head: null }, paths };
  const three = range.split("...");
  if (three.length === 2) {
    const [left, right] = [commit(three[0] || "HEAD", cwd), commit(three[1] || "HEAD", cwd)];
    const base = tryGit(["merge-base", left, right], { cwd });
    if (base.code !== 0) {
      throw new MuxiGitError("no-merge-base", `'${escapeText(range)}' have no common ancestor here`, {
        hint: "in a shallow clone (CI), fetch the history first: git fetch --unshallow",
      });
    }
    return { sides: { base: base.stdout.toString("latin1").trim(), head: right }, paths };
  }
  const two = range.split("..");
  if (two.length === 2) {
    return { sides: { base: commit(two[0] || "HEAD", cwd), head: commit(two[1] || "HEAD", cwd) }, paths };
  }
  return { sides: { base: commit(range, cwd), head: null }, paths };
}

function commit(rev: string, cwd: string): string {
  const found = tryGit(["rev-parse", "--verify", "--quiet", "--end-of-options", `${rev}^{commit}`], { cwd });
  if (found.code === 0) return found.stdout.toString("latin1").trim();
  // Before the first commit, everything is new.
  if (rev === "HEAD") return runGit(["hash-object", "-t", "tree", "--stdin"], { cwd }).toString("latin1").trim();
  throw new MuxiGitError("bad-revision", `git knows no commit '${escapeText(rev)}' here`, {
    hint: "in a shallow clone (CI), fetch the history first: git fetch --unshallow",
  });
}

async function reviewAll(
  context: RepositoryContext,
  base: Snapshot,
  head: Snapshot,
  paths: readonly string[],
): Promise<FormationReview[]> {
  const [before, after] = [formationsOf(base), formationsOf(head)].map(
    (list) => new Map(list.map((formation) => [formation.path, formation])),
  );
  const all = [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])].sort((a, b) => (a < b ? -1 : 1));
  const wanted = (path: string) =>
    paths.length === 0 ||
    paths.some((one) => one === "" || path === one || path.startsWith(`${one}/`) || one.startsWith(`${path}/`));
  const reviews: FormationReview[] = [];
  for (const path of all.filter(wanted)) {
    const old = before?.get(path);
    const now = after?.get(path);
    const review = reviewFormation(
      path,
      old === undefined ? null : await version(context, base, old),
      now === undefined ? null : await version(context, head, now),
    );
    if (review !== null) reviews.push(review);
  }
  return reviews;
}

async function version(
  { keyring }: RepositoryContext,
  snapshot: Snapshot,
  formation: Formation,
): Promise<ReviewedVersion> {
  const { path, encrypted } = formation;
  const { state, opened } = await readFormation(snapshot, formation, keyring.stateFor(path), keyring.keysFor(path));
  const bytes = encrypted === null ? null : await snapshot.read(encrypted);
  return {
    state,
    keyFingerprint: opened.key === null ? null : keyFingerprint(opened.key),
    encryptedId: bytes === null ? null : createHash("sha256").update(bytes).digest("hex"),
  };
}
