/** What the tests of pushing share: a repository with a formation, a remote beside it, and what a block prints. */
import assert from "node:assert/strict";
import { type MadeFormation, writeFormation } from "../support/formation.ts";
import { preparedRepo, type Ran, type TempRepo } from "../support/repo.ts";

/** A repository whose branch `main` stands at `origin`, a bare repository beside it. */
export const pushable = preparedRepo((repo): MadeFormation => {
  const formation = writeFormation(repo, "bot");
  const installed = repo.muxi("install");
  assert.equal(installed.code, 0, installed.all);
  repo.git("init", "-q", "--bare", "-b", "main", "../remote.git");
  repo.git("remote", "add", "origin", "../remote.git");
  repo.git("config", "advice.detachedHead", "false");
  repo.write("notes.txt", "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n");
  repo.git("add", "-A");
  repo.git("commit", "-qm", "Begin");
  repo.git("push", "-q", "origin", "main");
  repo.git("fetch", "-q", "origin");
  return formation;
});

/** Run git with the hooks skipped: how a leak comes to stand in a commit. */
export function unhooked(repo: TempRepo, ...args: string[]): void {
  const ran = repo.tryWith({ env: { MUXI_GIT: "0" } }, "git", ...args);
  assert.equal(ran.code, 0, ran.all);
}

/** Commit files past the commit hooks. */
export function commitLeak(repo: TempRepo, message: string, files: Record<string, string | null>): string {
  for (const [path, content] of Object.entries(files)) {
    if (content === null) unhooked(repo, "rm", "-qf", "--", path);
    else {
      repo.write(path, content);
      repo.git("add", "-f", "--", path);
    }
  }
  unhooked(repo, "commit", "-q", "--allow-empty", "-m", message);
  return repo.git("rev-parse", "HEAD");
}

export interface Blocked {
  /** The lines that name problems. */
  problems: string[];
  byHand: string[];
  commands: string[];
}

/** That a push was stopped, said in the form that is promised, without a secret. */
export function assertBlocked(ran: Ran, first: RegExp, secrets: readonly string[] = []): Blocked {
  assert.equal(ran.code, 1, ran.all);
  for (const secret of secrets) assert.ok(!ran.all.includes(secret), "a secret is printed");
  // git ends with a line of its own.
  const lines = ran.stderr
    .trimEnd()
    .split("\n")
    .filter((line) => /^(?:muxi-git: | {2}\S)/.test(line));
  assert.match(lines[0]!, first);
  assert.match(lines.at(-1)!, /^muxi-git: fix: /);
  assert.equal(
    lines.some((line) => line.startsWith("muxi-git: nothing was pushed; ")),
    // Drift leaks nothing.
    !lines[1]!.includes("reference-not-in-template"),
    ran.stderr,
  );
  assert.doesNotMatch(ran.stderr, /no-verify|MUXI_GIT=0/);
  const after = (mark: string) => lines.flatMap((line) => (line.startsWith(mark) ? [line.slice(mark.length)] : []));
  return {
    problems: after("  "),
    byHand: after("muxi-git: by hand: "),
    commands: after("muxi-git: fix: "),
  };
}

export function assertSilent(ran: Ran): void {
  assert.deepEqual([ran.code, ran.stderr], [0, ""]);
}

export function push(repo: TempRepo, ...args: string[]): Ran {
  return repo.try("git", "push", "-q", ...args);
}

/** Run what was printed, as printed. */
export function run(repo: TempRepo, command: string, env: Record<string, string> = {}): void {
  const ran = repo.tryWith({ env: { GIT_EDITOR: "true", ...env } }, "sh", "-c", command);
  assert.equal(ran.code, 0, `${command}\n${ran.all}\n${repo.try("git", "status").stdout}`);
}

/** Whether an object that holds `secret` stands in the remote. */
export function remoteHolds(repo: TempRepo, secret: string): boolean {
  const ran = repo.try("git", "--git-dir=../remote.git", "log", "--all", "-p", "-m", "--format=%B");
  return ran.stdout.includes(secret);
}
