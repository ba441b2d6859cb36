/**
 * The real hook managers, each with a project that uses it: its settings, a hook
 * for pre-commit and one for pre-push that write down that they ran, and how a
 * person would paste muxi-git's lines into its settings.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { PROJECT, type Ran, type TempRepo } from "../../support/repo.ts";

export interface Tool {
  name: string;
  /** Why it cannot be tried here; false where it can. */
  missing(): string | false;
  /** The project's files, as a teammate committed them. */
  project(repo: TempRepo): void;
  /** What makes it take over the hooks of a clone. */
  setUp(repo: TempRepo): void;
  /** What it writes down at a push with one new branch. */
  push: string;
  /** Without hooks from the configuration: `itself` where install needs nothing of the person. */
  joins: "itself" | "--yes" | "paste";
  /** What becomes of a clone where muxi-git was installed first. */
  clobbers: boolean;
  /** What a person runs after taking the pasted lines out again; {@link setUp} where that does it. */
  goBack?(repo: TempRepo): void;
  /** Put the printed lines where the message says. */
  paste?(repo: TempRepo, lines: string[]): void;
}

const FOLDER = join(PROJECT, "test", "situations", "managers", "tools");
let npm: { bin: string } | { reason: string } | undefined;

/** The managers of the lockfile, outside the repository, kept for the next run. */
function npmTools(): { bin: string } | { reason: string } {
  if (npm !== undefined) return npm;
  const hash = createHash("sha256")
    .update(readFileSync(join(FOLDER, "package-lock.json")))
    .digest("hex");
  const folder = join(tmpdir(), `muxi-git-hook-managers-${hash.slice(0, 16)}`);
  const bin = join(folder, "node_modules", ".bin");
  if (!existsSync(folder)) {
    const fresh = mkdtempSync(join(tmpdir(), "muxi-git-hook-managers-"));
    cpSync(FOLDER, fresh, { recursive: true });
    const ran = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: fresh,
      timeout: 120_000,
    });
    if (ran.status !== 0) {
      rmSync(fresh, { recursive: true, force: true });
      npm = { reason: "npm ci could not install the hook managers: is its registry reachable?" };
      return npm;
    }
    try {
      renameSync(fresh, folder);
    } catch {
      // Another run was faster.
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  npm = { bin };
  return npm;
}

function npmMissing(): string | false {
  const tools = npmTools();
  return "reason" in tools ? tools.reason : false;
}

function inPath(program: string, install: string): string | false {
  const found = (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
  return found ? false : `no ${program} in PATH: ${install}`;
}

/** PATH with the managers of npm, for every command of a repository. */
export function withTools(repo: TempRepo): void {
  const tools = npmTools();
  if ("bin" in tools) repo.env.PATH = `${repo.env.PATH}${delimiter}${tools.bin}`;
}

function must(ran: Ran): void {
  if (ran.code !== 0) throw new Error(`a hook manager ended with ${ran.code}:\n${ran.all}`);
}

const NOTE_COMMIT = 'echo commit >>"$OTHER_LOG"';
const NOTE_PUSH = 'sed "s/ .*//;s/^/push /" >>"$OTHER_LOG"';
/** NOTE_PUSH of a push of main. */
const MAIN_PUSHED = "push refs/heads/main";

/** Sections `event:` of a YAML file, the lines below each put under the same section where there is one. */
function mergeSections(text: string, lines: readonly string[], inner: string | null): string {
  let result = text;
  let at = "";
  const sections = new Map<string, string[]>();
  for (const line of lines) {
    if (/^\S.*:$/.test(line)) {
      at = line;
      sections.set(at, []);
    } else sections.get(at)?.push(line);
  }
  for (const [section, body] of sections) {
    const opening = inner === null ? `${section}\n` : `${section}\n${inner}\n`;
    const rest = inner === null ? body : body.filter((line) => line !== inner);
    result = result.includes(opening)
      ? result.replace(opening, () => `${opening}${rest.join("\n")}\n`)
      : `${result}${section}\n${body.join("\n")}\n`;
  }
  return result;
}

export const TOOLS: readonly Tool[] = [
  {
    name: "husky",
    missing: npmMissing,
    project(repo) {
      repo.write("package.json", '{ "devDependencies": { "husky": "9" } }\n');
      repo.write(".husky/pre-commit", `${NOTE_COMMIT}\n`);
      repo.write(".husky/pre-push", `${NOTE_PUSH}\n`);
    },
    setUp: (repo) => must(repo.try("husky")),
    push: MAIN_PUSHED,
    joins: "--yes",
    clobbers: true,
  },
  {
    name: "lefthook",
    missing: npmMissing,
    project(repo) {
      repo.write(
        "lefthook.yml",
        [
          "pre-commit:",
          "  jobs:",
          "    - name: mine",
          `      run: ${NOTE_COMMIT}`,
          "pre-push:",
          "  jobs:",
          "    - name: mine",
          `      run: ${NOTE_PUSH}`,
          "      use_stdin: true",
          "",
        ].join("\n"),
      );
    },
    setUp: (repo) => must(repo.try("lefthook", "install")),
    // Its install leaves hooks that its settings no longer name.
    goBack(repo) {
      must(repo.try("lefthook", "uninstall"));
      must(repo.try("lefthook", "install"));
    },
    push: MAIN_PUSHED,
    joins: "paste",
    clobbers: true,
    paste: (repo, lines) =>
      repo.write("lefthook.yml", mergeSections(repo.read("lefthook.yml").toString(), lines, "  jobs:")),
  },
  {
    name: "simple-git-hooks",
    missing: npmMissing,
    project(repo) {
      repo.write(
        "package.json",
        `${JSON.stringify({ "simple-git-hooks": { "pre-commit": NOTE_COMMIT, "pre-push": NOTE_PUSH } }, null, 2)}\n`,
      );
    },
    setUp: (repo) => must(repo.try("simple-git-hooks")),
    push: MAIN_PUSHED,
    joins: "paste",
    clobbers: true,
    paste(repo, lines) {
      const read = (text: string) =>
        (JSON.parse(text) as { "simple-git-hooks": Record<string, string> })["simple-git-hooks"];
      const theirs = read(repo.read("package.json").toString());
      const merged = { ...theirs };
      for (const [event, ours] of Object.entries(read(`{${lines.join("\n")}}`)))
        merged[event] = theirs[event] === undefined ? ours : `${ours}\n${theirs[event]}`;
      repo.write("package.json", JSON.stringify({ "simple-git-hooks": merged }));
    },
  },
  {
    name: "pre-commit",
    missing: () => inPath("pre-commit", "apt-get install pre-commit, or pip install pre-commit"),
    project(repo) {
      const hook = (id: string, stage: string): string[] => [
        `  - id: ${id}`,
        `    name: ${id}`,
        `    entry: sh -c 'echo ${id} >>"$OTHER_LOG"'`,
        "    language: system",
        "    pass_filenames: false",
        "    always_run: true",
        // Both names of the stage: the newer are unknown before version 3.2.
        `    stages: [${stage}]`,
      ];
      repo.write(
        ".pre-commit-config.yaml",
        ["repos:", "- repo: local", "  hooks:", ...hook("commit", "commit"), ...hook("push", "push"), ""].join("\n"),
      );
    },
    setUp: (repo) => must(repo.try("pre-commit", "install", "-t", "pre-commit", "-t", "pre-push")),
    push: "push",
    joins: "itself",
    clobbers: false,
  },
  {
    name: "overcommit",
    missing: () => inPath("overcommit", "gem install overcommit"),
    project(repo) {
      repo.write(
        ".overcommit.yml",
        [
          "verify_signatures: false",
          "PreCommit:",
          "  ALL:",
          "    enabled: false",
          "  Mine:",
          "    enabled: true",
          "    required_executable: 'sh'",
          `    command: ['sh', '-c', '${NOTE_COMMIT}', 'mine']`,
          "PrePush:",
          "  Mine:",
          "    enabled: true",
          "    required_executable: 'sh'",
          `    command: ['sh', '-c', '${NOTE_PUSH}', 'mine']`,
          "CommitMsg:",
          "  ALL:",
          "    enabled: false",
          "",
        ].join("\n"),
      );
    },
    setUp(repo) {
      must(repo.try("overcommit", "--install"));
      must(repo.try("overcommit", "--sign"));
    },
    push: MAIN_PUSHED,
    joins: "paste",
    clobbers: true,
    paste: (repo, lines) =>
      repo.write(".overcommit.yml", mergeSections(repo.read(".overcommit.yml").toString(), lines, null)),
  },
];

/** git-lfs is no manager: it has one hook of its own, known by its exact bytes. */
export function lfsMissing(): string | false {
  return inPath("git-lfs", "apt-get install git-lfs");
}
