/**
 * How each problem of a push is mended: one command for all that stand on one
 * branch, since each command of its own would rewrite the commits that the next
 * one names. Nothing is lost: what is rewritten stays in the reflog, and what is
 * not committed is put aside and brought back by git.
 *
 * | where it stands | way |
 * |---|---|
 * | still at the end, in its last commit | amend |
 * | still at the end, from an older commit | `commit --fixup`, then a rebase that puts it in place |
 * | no longer at the end | the commits from the one that brought it to the one that took it out become one; where they leave nothing, they go |
 * | in a message | reword |
 * | in an older merge, or taken out beyond one | amend it there and put what follows on top |
 * | drift of a formation | one more commit |
 *
 * Works alike from git 2.30 to 2.55: `--fixup=reword:` and `rebase -i` with amend!
 * came later, so the list of a rebase is edited by sed, whose `-i.orig` every
 * system has; and since no `!` may stand between double quotes in an
 * interactive shell, none does.
 */
import { existsSync } from "node:fs";
import { fileIn, findFormations, formationOf } from "../formation/discover.ts";
import type { Severity } from "../formation/problem.ts";
import { type Commit, listCommits, readChanges } from "../git/ranges.ts";
import { tryGit } from "../git/run.ts";
import { readTree, type Snapshot } from "../git/snapshot.ts";
import { emptyTree } from "../git/staged.ts";
import { diskPath } from "../git/working-file.ts";
import { handThen, movedFingerprint, pathWord, shellQuote, splitFix, tool } from "../invocation.ts";
import type { Finding } from "../scan/finding.ts";
import { unstage } from "../scan/paths.ts";
import type { CommitsAt } from "./judge-commits.ts";
import { changesOf, identityOf } from "./judge-commits.ts";
import { type PushedRef, standingIn } from "./judge-push.ts";
import { encryptedPath } from "./known.ts";
import { COMMIT_MESSAGE, TAG_MESSAGE } from "./scan-message.ts";

/** One thing that is wrong, with the ref that brings it. */
export interface Blocker {
  ref: PushedRef;
  /** Oid of the commit, tag, tree or blob. */
  commit: string;
  path: string;
  severity: Severity;
  /** Of a finding. */
  finding: Finding | null;
  /** The fix where it was found. */
  fix: string;
  /** What mends this secret where it stands, once that is checked out. */
  fixOf: (finding: Finding) => string;
  /** A formation's drift: mended by one more commit. */
  drift: boolean;
  /** Of a leak in a formation's file: its fix where the file still has it at the end of a branch, null where it has not. */
  standingFix: ((end: Snapshot) => Promise<string | null>) | null;
}

/** Where commits are rewritten: a branch, or a commit that is checked out for it. */
interface Place {
  end: string;
  /** What to do first, null where it is checked out already. */
  first: string | null;
  /** What to run at the end of the chain. */
  last: string | null;
  /** What `git rebase` is told to put on top; a branch or an oid. */
  name: string;
  /** Children before parents. */
  commits: Commit[];
  blockers: Blocker[];
}

/** The checked-out branch of whoever pushes; null at a receiving end, which cannot know it. */
export interface Here {
  head: string;
  /** Full ref name, null where HEAD is detached. */
  branch: string | null;
}

export function findHere(cwd: string): Here | null {
  const head = tryGit(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], { cwd });
  if (head.code !== 0) return null;
  const branch = tryGit(["symbolic-ref", "-q", "HEAD"], { cwd });
  return {
    head: head.stdout.toString("latin1").trim(),
    branch: branch.code === 0 ? branch.stdout.toString("utf8").trim() : null,
  };
}

/** The fix of each blocker, in their order: its step by hand and the command that ends it. */
export async function waysOut(at: CommitsAt, blockers: readonly Blocker[], here: Here | null): Promise<string[]> {
  const fixes = new Map<Blocker, string>();
  const places = new Map<string, Place>();
  for (const blocker of blockers) {
    const alone = wayAlone(blocker);
    if (alone !== null) {
      fixes.set(blocker, alone);
      continue;
    }
    placeOf(at, blocker, here, places).blockers.push(blocker);
  }
  for (const place of places.values()) await chain(at, place, fixes);
  return blockers.map((blocker) => fixes.get(blocker) ?? blocker.fix);
}

/** Tags, trees, blobs and notes, which no branch holds. */
function wayAlone({ ref, commit, path, fix }: Blocker): string | null {
  const { update, tags } = ref;
  const tag = tagName(ref);
  if (path === TAG_MESSAGE && tags.includes(commit) && tag !== null) {
    const { step } = splitFix(fix);
    // The old message is in the editor that opens.
    return handThen(step ?? "", `git tag -f -a ${shellQuote(tag)} ${shellQuote(`${tag}^{}`)}`);
  }
  if (update.target.startsWith("refs/notes/")) {
    const source = update.source.startsWith("refs/") ? update.source : update.target;
    const parents = ref.bases.map((oid) => ` -p ${oid.slice(0, 12)}`).join("");
    return handThen(
      `take it out of the note: git notes --ref=${shellQuote(source)} edit ${shellQuote(path.replaceAll("/", ""))}; its older versions go as well`,
      `git update-ref ${shellQuote(source)} "$(git commit-tree${parents} -m 'Write the notes anew' ${shellQuote(`${source}^{tree}`)})"`,
    );
  }
  if (ref.commits.some(({ oid }) => oid === commit)) return null;
  const name = tag ?? update.source;
  const drop = tag !== null ? `git tag -d ${shellQuote(tag)}` : `git update-ref -d ${shellQuote(update.source)}`;
  return handThen(`'${name}' is no commit, and nothing of it can be mended in place: push a clean one instead`, drop);
}

function tagName({ update }: PushedRef): string | null {
  const ref = update.source.startsWith("refs/tags/") ? update.source : update.target;
  return ref.startsWith("refs/tags/") ? ref.slice("refs/tags/".length) : null;
}

function placeOf(at: CommitsAt, blocker: Blocker, here: Here | null, places: Map<string, Place>): Place {
  const { ref, commit } = blocker;
  const { update } = ref;
  const tag = tagName(ref);
  const end = ref.commits[0]!.oid;
  const range = (oid: string) => listCommits([oid, "--not", ...ref.bases], "", at.topLevel);
  const open = (id: string, make: () => Omit<Place, "blockers">): Place => {
    const place = places.get(id) ?? { ...make(), blockers: [] };
    places.set(id, place);
    return place;
  };
  const last = tag === null ? null : `git tag -f ${ref.tags.length > 0 ? "-a " : ""}${shellQuote(tag)}`;
  const branch = update.source.startsWith("refs/heads/") ? update.source.slice("refs/heads/".length) : null;
  if (here === null) {
    const name = update.target.replace(/^refs\/heads\//, "");
    return open(update.target, () => ({ end, first: null, last, name, commits: range(end) }));
  }
  const onHead = tag === null || here.head === end ? range(here.head) : [];
  if (onHead.some(({ oid }) => oid === commit)) {
    const name = here.branch?.replace(/^refs\/heads\//, "") ?? here.head.slice(0, 12);
    return open(`HEAD ${last ?? ""}`, () => ({ end: here.head, first: null, last, name, commits: onHead }));
  }
  const name = branch ?? tag ?? update.source;
  const first = branch === null ? `git switch --detach ${shellQuote(name)}` : `git switch ${shellQuote(name)}`;
  return open(update.source, () => ({
    end,
    first: `check it out with '${first}'`,
    last,
    name: branch ?? end.slice(0, 12),
    commits: range(end),
  }));
}

/** What is to be done to one commit. */
interface Task {
  oid: string;
  /** Commands that stage what was mended by hand. */
  stage: Set<string>;
  /** Paths that are mended. */
  paths: Set<string>;
  reword: boolean;
  /** Oid of the last commit of those that become one with it. */
  through: string | null;
  /** Those commits leave nothing: git stops where a commit would become empty. */
  gone: boolean;
  /** Values that `fix` moves, of what is staged. */
  moves: Moved[];
}

interface Moved {
  fingerprint: string;
  path: string;
  /** The template and the secrets.enc that `fix` changes besides. */
  kept: readonly string[];
}

function taskFor(tasks: Map<string, Task>, oid: string): Task {
  const task = tasks.get(oid) ?? {
    oid,
    stage: new Set(),
    paths: new Set(),
    reword: false,
    through: null,
    gone: false,
    moves: [],
  };
  tasks.set(oid, task);
  return task;
}

async function chain(at: CommitsAt, place: Place, fixes: Map<Blocker, string>): Promise<void> {
  const order = new Map(place.commits.map(({ oid }, index) => [oid, index]));
  const end = readTree(place.end, at.reader, at.topLevel);
  const tasks = new Map<string, Task>();
  const steps = new Map<Blocker, string | null>();
  for (const blocker of place.blockers) {
    const { commit, fix, path, drift } = blocker;
    if (drift) {
      const { step, command } = splitFix(fix);
      const ended = `${command} && git commit`;
      fixes.set(blocker, step === null && place.first === null ? ended : handThen(join(place.first, step), ended));
      continue;
    }
    if (path === COMMIT_MESSAGE) {
      taskFor(tasks, commit).reword = true;
      steps.set(blocker, splitFix(fix).step);
      continue;
    }
    const standing = await standingFixOf(blocker, end);
    if (standing !== null && (commit === place.end || !isMerge(place, commit))) {
      const { step, command } = splitFix(standing.fix);
      const task = taskFor(tasks, commit);
      task.stage.add(command);
      task.paths.add(standing.path);
      const moved = movedBy(command, standing.path, end);
      if (moved !== null) task.moves.push(moved);
      steps.set(blocker, step);
      continue;
    }
    const through = standing === null ? lastChangeAfter(at, place, order, commit, path) : null;
    if (through !== null && isStraight(place, commit, through)) {
      const nothing = nothingLeft(at, place, commit, through);
      const last = nothing ?? through;
      const task = taskFor(tasks, commit);
      if (task.through === null || order.get(last)! < order.get(task.through)!) {
        task.through = last;
        task.gone = nothing !== null;
      }
      const span = `the commits ${commit.slice(0, 7)} to ${last.slice(0, 7)}`;
      steps.set(
        blocker,
        nothing === null
          ? `it was taken out again, so ${span} become one; its message is in the editor that opens`
          : `it was taken out again, and ${span} leave nothing, so they are dropped`,
      );
      continue;
    }
    const { step, command } = splitFix(fix);
    const id = commit.slice(0, 12);
    fixes.set(
      blocker,
      handThen(
        join(
          place.first,
          `start from the commit with 'git switch --detach ${id}'`,
          step,
          "where a later commit no longer applies, keep the file as that commit had it",
        ),
        after(
          `${command} && git commit --amend --no-edit && git rebase --rebase-merges --onto HEAD ${id} ${shellQuote(place.name)}`,
          place,
        ),
      ),
    );
  }
  if (tasks.size === 0) return;
  const command = after(commandFor(at, place, order, [...tasks.values()]), place);
  for (const [blocker, step] of steps) {
    const by = join(place.first, step);
    fixes.set(blocker, by === "" ? command : handThen(by, command));
  }
}

function join(...steps: (string | null)[]): string {
  return steps.filter((step) => step !== null && step !== "").join("; ");
}

function after(command: string, { last }: Place): string {
  return last === null ? command : `${command} && ${last}`;
}

async function standingFixOf(
  { ref, finding, path, fixOf, standingFix }: Blocker,
  end: Snapshot,
): Promise<{ path: string; fix: string } | null> {
  if (finding === null) {
    const fix = standingFix === null ? null : await standingFix(end);
    return fix === null ? null : { path, fix };
  }
  const wanted = identityOf(finding);
  const found = await standingIn(end, ref, finding.path, (other) => identityOf(other) === wanted);
  return found === null ? null : { path: found.path, fix: fixOf(found) };
}

function isMerge({ commits }: Place, oid: string): boolean {
  return (commits.find((commit) => commit.oid === oid)?.parentOids.length ?? 0) > 1;
}

/** The newest commit after `oid` that changes `path`. */
function lastChangeAfter(
  at: CommitsAt,
  { commits }: Place,
  order: ReadonlyMap<string, number>,
  oid: string,
  path: string,
): string | null {
  const newer = commits.slice(0, order.get(oid) ?? 0);
  const changed = readChanges(newer, at.topLevel).find((commit) =>
    changesOf(commit).some((change) => change.path === path),
  );
  return changed?.oid ?? null;
}

/** Whether only commits with one parent lead from `newest` down to `oid`. */
function isStraight({ commits }: Place, oid: string, newest: string): boolean {
  const parents = new Map(commits.map((commit) => [commit.oid, commit.parentOids]));
  for (let at: string | undefined = newest; at !== undefined; ) {
    const above: readonly string[] = parents.get(at) ?? [];
    if (at === oid) return above.length < 2;
    if (above.length !== 1) return false;
    at = above[0];
  }
  return false;
}

function commandFor(at: CommitsAt, place: Place, order: ReadonlyMap<string, number>, tasks: Task[]): string {
  const [only] = tasks;
  if (tasks.length === 1 && only !== undefined && only.oid === place.end && only.through === null) {
    if (only.stage.size === 0) return "git commit --amend --only";
    const stage = [...only.stage].join(" && ");
    return `${stage} && git commit --amend${only.reword ? "" : " --no-edit"}${becomesEmpty(at, place, only) ? " --allow-empty" : ""}`;
  }
  const commands: string[] = [];
  // The oldest first: a file that a fix makes comes with the first commit that has it.
  const byAge = [...tasks].sort((a, b) => (order.get(b.oid) ?? 0) - (order.get(a.oid) ?? 0));
  if (byAge.some((task) => makesTooEarly(at, place, task))) commands.push(...keptApart(byAge));
  else {
    for (const { oid, stage } of byAge) {
      if (stage.size > 0) commands.push(...stage, `git commit --fixup=${oid.slice(0, 12)}`);
    }
  }
  // A file that leaves git and stays on disk: the rebase would check it out and take it away again, or refuse to.
  const back: string[] = [];
  for (const task of tasks) {
    for (const path of isTakenOut(at, place, task) ? [] : task.paths) {
      if (!task.stage.has(unstage(path)) || !existsSync(diskPath(at.topLevel, path))) continue;
      const kept = `"$(git rev-parse --git-path kept-${task.oid.slice(0, 12)}-${back.length})"`;
      const folder = path.includes("/") ? pathWord(path.slice(0, path.lastIndexOf("/"))) : null;
      commands.push(`mv ${pathWord(path)} ${kept}`);
      back.push(...(folder === null ? [] : [`mkdir -p ${folder}`]), `mv ${kept} ${pathWord(path)}`);
    }
  }
  const edits = tasks.flatMap((task) => {
    const { oid, reword, through, gone } = task;
    const lines: string[] = [];
    if (through !== null && gone) {
      lines.push(`/^pick ${oid}/,/^pick ${through}/s/^pick/drop/`);
    } else if (through === null && task.stage.size > 0 && !isMerge(place, oid) && isTakenOut(at, place, task)) {
      // With its fixup on the next line it would become empty.
      lines.push(`/^pick ${oid}/,/^fixup/s/^[a-z]*/drop/`);
    } else if (through !== null) {
      lines.push(`/^pick ${oid}/,/^pick ${through}/s/^pick/squash/`, `s/^squash ${oid}/pick ${oid}/`);
    } else if (reword) {
      lines.push(`s/^pick ${oid}/reword ${oid}/`, `s/^merge -C ${oid}/merge -c ${oid}/`);
    }
    return lines;
  });
  // The list names commits in full, whatever core.abbrev says.
  const full = place.end.length;
  const sequence =
    edits.length === 0
      ? "GIT_SEQUENCE_EDITOR=: git"
      : `GIT_SEQUENCE_EDITOR="sed -i.orig ${edits.map((edit) => `-e '${edit}'`).join(" ")}" git -c core.abbrev=${full}`;
  const oldest = Math.max(...tasks.map(({ oid }) => order.get(oid) ?? 0));
  const merges = place.commits.slice(0, oldest + 1).some(({ parentOids }) => parentOids.length > 1);
  const options = `--autosquash --autostash --empty=keep${merges ? " --rebase-merges" : ""}`;
  commands.push(`${sequence} rebase -i ${options} ${below(at, place, tasks, oldest, merges)}`);
  commands.push(...back);
  return commands.join(" && ");
}

function movedBy(command: string, path: string, end: Snapshot): Moved | null {
  const id = movedFingerprint(command);
  const formation = id === null ? undefined : formationOf(path, findFormations(end.entries.keys()));
  if (id === null || formation === undefined) return null;
  return { fingerprint: id, path, kept: [fileIn(formation.path, "secrets"), encryptedPath(formation.path)] };
}

/** Whether `fix` changes a file that a later commit than the task's brings: its fixup would have nothing to change. */
function makesTooEarly(at: CommitsAt, { end }: Place, { oid, moves }: Task): boolean {
  const files = new Set(moves.flatMap(({ kept }) => kept));
  if (files.size === 0) return false;
  const before = readTree(oid, at.reader, at.topLevel);
  const now = readTree(end, at.reader, at.topLevel);
  return [...files].some((file) => now.entries.has(file) && !before.entries.has(file));
}

/** The values in a commit of their own, at the end; then each file in a fixup of the commit that brought the literal. */
function keptApart(tasks: readonly Task[]): string[] {
  const keep = "(git diff --cached --quiet || git commit -qm 'Keep values in secrets.enc')";
  const fixup = ({ oid }: Task) => `git commit --fixup=${oid.slice(0, 12)}`;
  const words = (moves: readonly Moved[]) => [...new Set(moves.map(({ path }) => pathWord(path)))].join(" ");
  const move = (moves: readonly Moved[]) => [
    tool(`fix ${moves.map(({ fingerprint }) => fingerprint).join(" ")}`),
    `git reset -q -- ${words(moves)}`,
    keep,
  ];
  const isTemplate = ({ path, kept }: Moved) => kept.includes(path);
  // Templates before names are added to them: next to a line that was added, a fixup would not apply.
  const commands = tasks.flatMap((task) =>
    task.moves.filter(isTemplate).flatMap((one) => [...move([one]), `git add -- ${words([one])}`, fixup(task)]),
  );
  const literals = tasks.flatMap(({ moves }) => moves.filter((one) => !isTemplate(one)));
  if (literals.length > 0) commands.push(...move(literals));
  for (const task of tasks) {
    const own = task.moves.filter((one) => !isTemplate(one));
    const others = [...task.stage].filter((command) => movedFingerprint(command) === null);
    if (own.length > 0) others.push(`git add -- ${words(own)}`);
    if (others.length > 0) commands.push(...others, fixup(task));
  }
  return commands;
}

/** What the rebase leaves as it is: the parent of the oldest commit that it changes. */
function below(at: CommitsAt, place: Place, tasks: readonly Task[], oldest: number, merges: boolean): string {
  const byOid = new Map(place.commits.map((commit) => [commit.oid, commit]));
  const parents = tasks.map(({ oid }) => byOid.get(oid)?.parentOids[0]);
  if (parents.includes(undefined)) return "--root";
  const one = `${place.commits[oldest]!.oid.slice(0, 12)}^`;
  if (!merges || tasks.length === 1) return one;
  const base = tryGit(["merge-base", "--octopus", ...parents.flatMap((oid) => oid ?? [])], { cwd: at.topLevel });
  return base.code === 0 ? base.stdout.toString("latin1").trim().slice(0, 12) : "--root";
}

/** Of the commits from `oid` to `newest`, the last after which the tree is what it was before them; null where none is. */
function nothingLeft(at: CommitsAt, { commits }: Place, oid: string, newest: string): string | null {
  const span: string[] = [];
  const byOid = new Map(commits.map((commit) => [commit.oid, commit]));
  for (let each: string | undefined = newest; each !== undefined; each = byOid.get(each)?.parentOids[0]) {
    span.push(each);
    if (each === oid) break;
  }
  const before = byOid.get(oid)?.parentOids[0];
  const asked = [...span, ...(before === undefined ? [] : [before])].map((each) => `${each}^{tree}`);
  const found = tryGit(["rev-parse", ...asked], { cwd: at.topLevel });
  const trees = found.stdout.toString("latin1").split("\n").filter(Boolean);
  const tree = before === undefined ? emptyTree(at.topLevel) : trees[span.length];
  return span.find((_, index) => trees[index] === tree) ?? null;
}

/** Whether a commit does nothing but add files that leave git. */
function isTakenOut(at: CommitsAt, place: Place, task: Task): boolean {
  return [...task.stage].every((command) => command.startsWith("git rm --cached ")) && becomesEmpty(at, place, task);
}

/** Whether nothing is left of a commit: git amends to an empty commit only when told to. */
function becomesEmpty(at: CommitsAt, { commits }: Place, { oid, paths }: Task): boolean {
  const [commit] = readChanges(
    commits.filter((one) => one.oid === oid),
    at.topLevel,
  );
  return commit !== undefined && commit.parentOids.length < 2 && changesOf(commit).every(({ path }) => paths.has(path));
}
