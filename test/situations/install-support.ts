/** What the tests of install, uninstall and status share: a folder's whole state, the gits to try, formations. */
import { cpSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { crc32 } from "node:zlib";
import { gitsToTry } from "../support/gits.ts";
import { MAIN, PROJECT, type TempRepo, type TempRepoOptions, tempRepo } from "../support/repo.ts";

/** Every path under a folder with its kind, mode and content, so that two states can be compared as one value. */
export function wholeFolder(root: string): Record<string, string> {
  const state: Record<string, string> = {};
  const visit = (path: string): void => {
    const full = join(root, path);
    const stat = lstatSync(full);
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) state[path] = `link ${readlinkSync(full)}`;
    else if (stat.isDirectory()) {
      state[path] = `folder ${mode}`;
      for (const name of readdirSync(full).sort()) visit(path === "" ? name : `${path}/${name}`);
    } else state[path] = `file ${mode} ${readFileSync(full).toString("latin1")}`;
  };
  visit("");
  return state;
}

/** A repository whose commands run the given git. */
export function repoWith(t: TestContext, git: string | null, options: TempRepoOptions = {}): TempRepo {
  return tempRepo(t, { ...options, git });
}

export interface GitUnderTest {
  git: string | null;
  /** `git 2.39` */
  name: string;
  /** Runs hooks from the configuration. */
  configHooks: boolean;
}

/** The git in PATH and the others, each with what it can do. */
export function gitsUnderTest(_t: TestContext): GitUnderTest[] {
  return gitsToTry().map(({ path, version, number }) => ({
    git: path,
    name: `git ${version}`,
    configHooks: number >= 2054,
  }));
}

/** Why a test for config hooks, or for git without them, is skipped; false when one such git is there. */
export function missingGit(t: TestContext, configHooks: boolean): string | false {
  return gitsUnderTest(t).some((one) => one.configHooks === configHooks)
    ? false
    : `no git ${configHooks ? "2.54 or later" : "before 2.54"} here; name one in MUXI_GIT_TEST_GITS`;
}

export const FORMATION = 'schema: "1.0.0"\nid: test\nllm:\n  api_key: "${{ secrets.OPENAI_API_KEY }}"\n';

/** A formation without a secrets file, which is valid. */
export function writeFormation(repo: TempRepo, folder: string): void {
  const at = (name: string): string => (folder === "" ? name : `${folder}/${name}`);
  repo.write(at("formation.afs"), FORMATION);
  repo.write(at("secrets"), "OPENAI_API_KEY=\n");
}

/** A hook of the user's that shows it ran and with what. */
export function userHook(interpreter: string, exit = 0): string {
  return `#!${interpreter}\necho "mine: $# [$*]" >&2\nexit ${exit}\n`;
}

/** The user's files: the working tree, config, hooks, info. Nothing that git itself writes on the way. */
export function usersFiles(root: string, ...without: string[]): Record<string, string> {
  const ours = /^\.git\/(?:muxi-git|config|hooks|info|[^/]*(?:lock|tmp)$)/;
  return Object.fromEntries(
    Object.entries(wholeFolder(root)).filter(
      ([path]) =>
        path !== "" && path !== ".git" && !without.includes(path) && (!path.startsWith(".git/") || ours.test(path)),
    ),
  );
}

/** A copy of dist/ that says it is another version. */
export function olderBuild(folder: string, version = "0.0.1"): string {
  const { version: now } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { version: string };
  cpSync(dirname(MAIN), folder, { recursive: true });
  const edit = (name: string, change: (text: string) => string): [before: string, after: string] => {
    const before = readFileSync(join(folder, name));
    const after = Buffer.from(change(before.toString("latin1")), "latin1");
    writeFileSync(join(folder, name), after);
    return [crc32(before).toString(16), crc32(after).toString(16)];
  };
  const renamed = (text: string): string => text.replaceAll(`"${now}"`, `"${version}"`);
  const sums = [edit("cli.cjs", renamed), edit("plumbing.cjs", renamed), edit("secrets.cjs", renamed)];
  // main.cjs starts only the bundles that belong to it.
  edit("main.cjs", (text) => sums.reduce((rest, [before, after]) => rest.replaceAll(before, after), renamed(text)));
  return folder;
}
