/** A repository with one formation and this build's filter, and the secrets files that other programs would write there. */
import { randomBytes } from "node:crypto";
import { chmodSync, cpSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { TEXTCONV } from "../../src/git/config.ts";
import { canonicalToken } from "../../src/secrets/canonical.ts";
import { sealToken } from "../../src/secrets/fernet.ts";
import { formatSecrets, type Secrets } from "../../src/secrets/json.ts";
import { type Key, parseKey } from "../../src/secrets/key.ts";
import { fakeKey } from "../support/fake.ts";
import { MAIN, PROJECT, repoAt, type TempRepo, type TempRepoOptions, tempRepo } from "../support/repo.ts";

export const ATTRIBUTES = "secrets.enc -text filter=muxi-git diff=muxi-git\n";

export interface FilterRepository extends TempRepo {
  key: Key;
  /** The git common dir's muxi-git folder. */
  runtime: string;
}

/** Puts the runtime where install puts it and configures the drivers as install does, without anything else. */
export function addFilter(repo: TempRepo): string {
  const common = repo.git("rev-parse", "--git-common-dir");
  const runtime = join(common.startsWith("/") ? common : join(repo.root, common), "muxi-git");
  cpSync(dirname(MAIN), runtime, { recursive: true });
  cpSync(join(PROJECT, "hooks", "run"), join(runtime, "run"));
  chmodSync(join(runtime, "run"), 0o755);
  writeFileSync(join(runtime, "node"), `${process.execPath}\n`);
  const run = '"$(git rev-parse --git-common-dir)"/muxi-git/run';
  repo.git("config", "filter.muxi-git.process", `${run} filter-process`);
  repo.git("config", "filter.muxi-git.clean", `${run} clean %f`);
  repo.git("config", "filter.muxi-git.smudge", `${run} smudge %f`);
  repo.git("config", "filter.muxi-git.required", "true");
  repo.git("config", "diff.muxi-git.textconv", TEXTCONV);
  return runtime;
}

/** A committed formation in `agents/`, its key beside it, the filter on. */
export function filterRepo(t: TestContext, options: TempRepoOptions = {}): FilterRepository {
  const repo = tempRepo(t, options);
  const text = fakeKey();
  repo.write(".gitattributes", ATTRIBUTES);
  repo.write(".gitignore", ".key\n");
  repo.write("agents/formation.afs", "schema: 1.0.0\n");
  repo.write("agents/.key", text);
  const runtime = addFilter(repo);
  const key = parseKey(Buffer.from(text));
  repo.write("agents/secrets.enc", randomToken({ FIRST: "one", SECOND: "two" }, key));
  repo.git("add", "-A");
  repo.git("commit", "-qm", "formation");
  return { ...repo, key, runtime };
}

export function secretsOf(values: Record<string, string>): Secrets {
  return new Map(Object.entries(values).map(([name, value]) => [name, { kind: "string", value }]));
}

export function canonical(values: Record<string, string>, key: Key): Buffer {
  return canonicalToken(secretsOf(values), key);
}

/** As MUXI writes it: another token each time. */
export function randomToken(values: Record<string, string>, key: Key): Buffer {
  return tokenOf(formatSecrets(secretsOf(values)), key);
}

export function tokenOf(plaintext: Uint8Array, key: Key): Buffer {
  return sealToken(plaintext, key, { iv: randomBytes(16), timestamp: 1_700_000_000 });
}

/** Another clone or worktree of the same base. */
export function elsewhere(repo: TempRepo, name: string): TempRepo {
  return repoAt(repo.base, join(repo.base, name), repo.env);
}
