/** Whether a working tree is protected, asked of git itself: what is staged, what a commit says, what a diff shows. */
import assert from "node:assert/strict";
import { opaque } from "../support/fake.ts";
import { freshToken, goJson, type MadeFormation, writeFormation } from "../support/formation.ts";
import type { Ran, TempRepo } from "../support/repo.ts";

/** The last line of a block: what to run. */
export function fixOf(ran: Ran): string {
  const last = ran.stderr.trimEnd().split("\n").at(-1) ?? "";
  assert.match(last, /^muxi-git: fix: /, ran.all);
  return last.slice("muxi-git: fix: ".length);
}

/** Blocked with 1, a summary and a fix, and without the value. */
export function assertBlocked(ran: Ran, value: string): void {
  assert.equal(ran.code, 1, ran.all);
  assert.match(ran.stderr, /^muxi-git: error: commit blocked: /m);
  assert.ok(!ran.all.includes(value), "the value appears in the output");
  fixOf(ran);
}

export function assertSilent(ran: Ran): void {
  assert.deepEqual([ran.code, ran.stdout, ran.stderr], [0, "", ""]);
}

/** The bytes that the index holds. */
export function staged(repo: TempRepo, path: string): string {
  return repo.git("cat-file", "blob", `:${path}`);
}

/**
 * A commit with a value of the formation's is stopped; its twin passes in silence.
 *
 * @param where - a folder of the working tree, for the leak.
 */
export function assertBlocks(repo: TempRepo, formation: MadeFormation, where = formation.folder): void {
  const value = Object.values(formation.secrets)[0]!;
  const leak = where === "" ? "leak.txt" : `${where}/leak.txt`;
  const head = repo.git("rev-parse", "HEAD");
  repo.write(leak, `value: ${value}\n`);
  repo.git("add", "--", `./${leak}`);
  assertBlocked(repo.try("git", "commit", "-qm", "a leak"), value);
  assert.equal(repo.git("rev-parse", "HEAD"), head);
  repo.write(leak, `value: ${opaque(4, head)}\n`);
  assertSilent(repo.try("git", "commit", "-qam", "its twin"));
  assert.notEqual(repo.git("rev-parse", "HEAD"), head);
}

/** What MUXI writes is stored in canonical form, a diff shows it by name, and nothing stays changed. */
export function assertFilters(repo: TempRepo, formation: MadeFormation): void {
  const secrets = formation.at("secrets.enc");
  const changed = { ...formation.secrets, BRAVE_SEARCH_API_KEY: `val-${opaque(24, `${Math.random()}`)}` };
  repo.write(secrets, freshToken(formation.key, goJson(changed)));
  const diff = repo.git("diff", "--", `./${secrets}`);
  assert.match(diff, /^\+BRAVE_SEARCH_API_KEY/m);
  assert.ok(!diff.includes(changed.BRAVE_SEARCH_API_KEY), "the value appears in the diff");
  repo.git("add", "--", `./${secrets}`);
  assert.match(staged(repo, secrets), /^gAAAAAAAAAA/);
  // Saved again: other bytes, the same secrets.
  repo.write(secrets, freshToken(formation.key, goJson(changed)));
  repo.git("diff", "--quiet", "--", `./${secrets}`);
  repo.git("reset", "-q", "--hard");
}

export function assertProtected(repo: TempRepo, formation: MadeFormation, where = formation.folder): void {
  assertBlocks(repo, formation, where);
  assertFilters(repo, formation);
}

/** Nothing of ours runs here: a leak commits, plaintext is stored. What a test of "protected" is worth. */
export function assertUnprotected(repo: TempRepo): void {
  const ran = repo.muxi("status");
  assert.equal(ran.code, 1, ran.all);
  assert.match(ran.stdout, /not protected/);
}

export function install(repo: TempRepo, ...args: string[]): void {
  const ran = repo.muxi("install", ...args);
  assert.equal(ran.code, 0, ran.all);
}

export function assertStatus(repo: TempRepo): void {
  const ran = repo.muxi("status");
  assert.equal(ran.code, 0, ran.all);
}

/** Install, and commit a formation with what install wrote. */
export function protect(repo: TempRepo, folder = "bot"): MadeFormation {
  const formation = writeFormation(repo, folder);
  install(repo);
  repo.git("add", "-A");
  assertSilent(repo.try("git", "commit", "-qm", "formation"));
  return formation;
}

/** The objects that a partial clone lacks. */
export function missingObjects(clone: TempRepo): string[] {
  return clone
    .git("rev-list", "--objects", "--missing=print", "--all")
    .split("\n")
    .filter((line) => line.startsWith("?"));
}
