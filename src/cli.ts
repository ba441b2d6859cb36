/**
 * The porcelain, declared in one place so that the whole surface can be read in
 * one sitting. Each action loads its module when it runs. What git runs is in
 * main.ts; it is hidden from help and named once in its closing line.
 */
import { statSync } from "node:fs";
import { isAbsolute, resolve, sep } from "node:path";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { vendoredCommand } from "./alias.ts";
import type { CiOptions } from "./commands/ci.ts";
import type { CiCommentOptions } from "./commands/ci-comment.ts";
import type { KeyExposureOptions } from "./commands/key-exposure.ts";
import type { KeyUnlockOptions } from "./commands/key-unlock.ts";
import type { ResolveOptions } from "./commands/resolve.ts";
import type { SecretsDeleteOptions } from "./commands/secrets-delete.ts";
import type { SecretsImportOptions } from "./commands/secrets-import.ts";
import type { SecretsListOptions } from "./commands/secrets-list.ts";
import type { SecretsSetOptions } from "./commands/secrets-set.ts";
import type { SecretsSetupOptions } from "./commands/secrets-setup.ts";
import type { SecretsSyncOptions } from "./commands/secrets-sync.ts";
import { EXIT, type ExitCode, MuxiGitError } from "./errors.ts";
import { escapeText } from "./escape.ts";
import { reportFailure } from "./failure.ts";
import { FAIL_ON, type FailOn } from "./formation/review.ts";
import { findGitPlaces, makePlacesAbsolute } from "./git/git-dir.ts";
import { setInvocation } from "./invocation.ts";
import { CI_FORMATS, DIFF_FORMATS, type DiffFormat, SCAN_FORMATS, type ScanFormat } from "./report/format-names.ts";
import { out, talk } from "./terminal.ts";
import { VERSION } from "./version.ts";

/** What every command is given. */
export interface Invocation {
  cwd: string;
  env: NodeJS.ProcessEnv;
  quiet: boolean;
  noColor: boolean;
}

const HOOK_MODES = ["auto", "file", "config", "husky", "none"] as const;
export type HookMode = (typeof HOOK_MODES)[number];

/** Commands whose operands may follow `--`. */
const TAKE_PATHS = new Set(["check", "scan", "diff", "normalize", "resolve"]);

function oneOf<T extends string>(values: readonly T[]): (given: string) => T {
  return (given) => {
    const value = values.find((candidate) => candidate === given);
    if (value === undefined) throw new InvalidArgumentError(`one of ${values.join(", ")}`);
    return value;
  };
}

/** A list without blanks or empty words between its commas; given again, it grows. */
function listOf<T extends string>(values: readonly T[]): (given: string, before: readonly T[]) => T[] {
  const word = oneOf(values);
  return (given, before) => [...new Set([...before, ...given.split(",").map((one) => word(one.trim()))])];
}

/** As git's: each -C is relative to the one before, an empty one changes nothing. */
function chain(value: string, before = ""): string {
  return value === "" ? before : before === "" || isAbsolute(value) ? value : `${before}/${value}`;
}

function days(value: string): number {
  if (!/^\d{1,6}$/.test(value)) throw new InvalidArgumentError("a number of days");
  return Number(value);
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

/**
 * Run the porcelain.
 *
 * @param vendored - the copy that install put under the git common dir, started as `git muxi`.
 * @returns the exit code; usage errors are 2, help and version 0.
 */
export async function cli(argv: readonly string[], vendored: boolean): Promise<ExitCode> {
  if (vendored) setInvocation(vendoredCommand());
  let code: ExitCode = EXIT.ok;
  // Split here: commander drops a `--` on the way to a subcommand, and takes what follows for options.
  const dashes = argv.indexOf("--");
  const afterDashes = dashes < 0 ? null : argv.slice(dashes + 1);
  const program = new Command("muxi-git");
  program
    .description("the git side of MUXI secrets: leaks stopped at commit, a quiet secrets.enc, names in review")
    .version(VERSION)
    .option("-C <dir>", "run as if started in <dir>; the next -C is relative to it", chain)
    .option("-q, --quiet", "errors only", false)
    .option("--no-color", "no colour (as NO_COLOR)")
    .exitOverride()
    .showHelpAfterError(false)
    .configureOutput({
      // Not process.stdout: its EPIPE (`--help | head -1`) arrives later, as a crash.
      writeOut: (text) => out(text.replace(/\n$/, "")),
      writeErr: (text) => talk(text.replace(/\n$/, "")),
      // What was typed is repeated: a script may have taken it from a file's name.
      outputError: (text, write) =>
        write(escapeText(text.trimEnd().replace(/^error: /, "muxi-git: error: ")).replace("\\n(Did you", "\n(Did you")),
    })
    .addHelpText(
      "after",
      "\nRun by git, not typed: hook, filter-process, clean, smudge, textconv.\n" +
        "After 'install', 'git muxi COMMAND' is the same as 'npx muxi-git COMMAND' and needs no network.\n" +
        "Exit codes: 0 done, nothing found; 1 the answer is no; 2 could not answer.",
    );

  const invocation = (): Invocation => {
    const options = program.opts<{ C?: string; quiet: boolean; color: boolean }>();
    const start = vendored ? aliasDirectory(process.env) : process.cwd();
    const cwd = resolve(start, options.C ?? "");
    if (options.C && !statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) {
      throw new MuxiGitError("no-folder", `cannot change to '${escapeText(options.C)}'`);
    }
    makePlacesAbsolute(process.env, cwd);
    return {
      cwd,
      env: process.env,
      quiet: options.quiet,
      noColor: !options.color,
    };
  };

  const withPaths = (paths: readonly string[]): string[] => [...paths, ...(afterDashes ?? [])];
  program.hook("preAction", (_, command) => {
    if (afterDashes !== null && afterDashes.length > 0 && !TAKE_PATHS.has(command.name())) {
      throw new MuxiGitError("usage", `'${command.name()}' takes no paths after '--'`);
    }
  });

  const parse = async (): Promise<ExitCode> => {
    try {
      await program.parseAsync(dashes < 0 ? [...argv] : argv.slice(0, dashes), { from: "user" });
    } catch (error) {
      if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.failed;
      return reportFailure(error);
    }
    return code;
  };

  const secrets = new Command("secrets")
    .copyInheritedSettings(program)
    .description("the template and the values")
    .configureOutput({
      // An option that is none may be a value that begins with a dash.
      outputError: (text, write) =>
        write(
          `muxi-git: ${escapeText(text.trimEnd().replace(/(unknown option) '.*$/s, "$1; a value is never an argument"))}`,
        ),
    });
  const formationOption = ["-F, --formation <dir>", "the formation"] as const;
  secrets
    .command("setup")
    .description("ask for every value that is missing, with the places that use it")
    .option(...formationOption)
    .option("--new-key", "the key is lost: give up what it sealed, make a new one", false)
    .option("--yes", "answer yes to what would be asked", false)
    .option("--dry-run", "say what is missing, change nothing", false)
    .action(async (options: Omit<SecretsSetupOptions, keyof Invocation>) => {
      const { secretsSetup } = await import("./commands/secrets-setup.ts");
      code = await secretsSetup({ ...invocation(), ...options });
    });

  secrets
    .command("list")
    .alias("ls")
    .description("every name, whether it has a value, and where it is used")
    .option(...formationOption)
    .option("--with-values", "show the values", false)
    .option("--age", "when each value was last changed, from the history", false)
    .option("--json", "machine readable", false)
    .action(async (options: Omit<SecretsListOptions, keyof Invocation>) => {
      const { secretsList } = await import("./commands/secrets-list.ts");
      code = await secretsList({ ...invocation(), ...options });
    });

  secrets
    .command("get")
    .description("print one value, byte for byte")
    .argument("<name>")
    .option(...formationOption)
    .action(async (name: string, options: { formation?: string }) => {
      const { secretsGet } = await import("./commands/secrets-get.ts");
      code = await secretsGet({ ...invocation(), ...options, name });
    });

  secrets
    .command("set")
    .description("store a value: asked for, or from standard input or a file; never an argument")
    .argument("<name>", "as MUXI has it: A-Z, 0-9 and _")
    // A value that stands there is refused by the command, which knows what to say.
    .allowExcessArguments()
    .option(...formationOption)
    .option("--stdin", "from standard input, without the line end after a single line", false)
    .option("--from-file <file>", "from a file, without the line end after a single line")
    .option("--dry-run", "change nothing", false)
    .action(async (_: string, options: Omit<SecretsSetOptions, keyof Invocation | "given">, command: Command) => {
      const { secretsSet } = await import("./commands/secrets-set.ts");
      code = await secretsSet({ ...invocation(), ...options, given: command.args });
    });

  secrets
    .command("delete")
    .description("delete names from secrets.enc and the template")
    .argument("<name...>")
    .option(...formationOption)
    .option("--yes", "also where a file uses the name", false)
    .option("--dry-run", "change nothing", false)
    .action(async (names: string[], options: Omit<SecretsDeleteOptions, keyof Invocation | "names">) => {
      const { secretsDelete } = await import("./commands/secrets-delete.ts");
      code = await secretsDelete({ ...invocation(), ...options, names });
    });

  secrets
    .command("import")
    .description("move the values of a .env file into secrets.enc")
    .argument("<file>")
    .argument("[name...]", "these names only, whatever they are")
    .option("-F, --formation <dir>", "the formation")
    .option("--all", "settings and the like too", false)
    .option("--replace", "values that are stored otherwise too", false)
    .option("--yes", "answer yes to what would be asked", false)
    .option("--dry-run", "print the plan, change nothing", false)
    .action(async (file: string, names: string[], options: Omit<SecretsImportOptions, keyof Invocation>) => {
      const { secretsImport } = await import("./commands/secrets-import.ts");
      code = await secretsImport({ ...invocation(), ...options, file, names });
    });

  secrets
    .command("sync")
    .description("let references, template and secrets.enc name the same")
    .option(...formationOption)
    .option("--template-only", "add to the template, touch nothing else, need no key", false)
    .option("--yes", "delete what no file uses", false)
    .option("--dry-run", "print the plan, change nothing", false)
    .action(async (options: Omit<SecretsSyncOptions, keyof Invocation>) => {
      const { secretsSync } = await import("./commands/secrets-sync.ts");
      code = await secretsSync({ ...invocation(), ...options });
    });

  // Declaring the others takes as long as what `secrets list` does.
  if (argv[0] === "secrets") {
    program.addCommand(secrets);
    return await parse();
  }

  program
    .command("install")
    .description("set up filters, hooks, attributes and ignore lines in this repository")
    .option("--hooks <kind>", "auto, file, config, husky or none", oneOf(HOOK_MODES), "auto")
    .option("--local", "touch no tracked file", false)
    .option("--yes", "answer yes to what would be asked", false)
    .option("--force", "override a foreign driver value or disabled hooks, and install where CI is set", false)
    .option("--if-git", "do nothing, successfully, where there is no repository", false)
    .option("--dry-run", "print the plan, change nothing", false)
    .action(async (options: InstallFlags) => {
      const { install } = await import("./commands/install.ts");
      code = await install({ ...invocation(), ...options });
    });

  program
    .command("uninstall")
    .description("undo exactly what install did")
    .option("--shared", "also remove the blocks that HEAD already holds", false)
    .option("--dry-run", "print the plan, change nothing", false)
    .action(async (options: { shared: boolean; dryRun: boolean }) => {
      const { uninstall } = await import("./commands/uninstall.ts");
      code = await uninstall({ ...invocation(), ...options });
    });

  program
    .command("status")
    .description("what protects this repository, what does not, and the command that mends it")
    .option("--max-age <days>", "exit 1 where a key or a value is older, and by nothing else", days)
    .option("--json", "machine readable", false)
    .action(async (options: { maxAge?: number; json: boolean }) => {
      const { status } = await import("./commands/status.ts");
      code = await status({ ...invocation(), ...options });
    });

  program
    .command("check")
    .description("template, encrypted names and references against each other")
    .argument("[path...]", "formations to check (folders or files in them)")
    .option("--staged", "the index instead of the working tree", false)
    .option("--rev <rev>", "a commit instead of the working tree")
    .option("--key-file <file>", "a key to open secrets.enc with (repeatable)", collect, [])
    .option("--require-key", "a formation that cannot be opened is an error", false)
    .option("--json", "machine readable", false)
    .action(async (paths: string[], options: CheckFlags) => {
      const { check } = await import("./commands/check.ts");
      code = await check({ ...invocation(), ...options, paths: withPaths(paths) });
    });

  program
    .command("scan")
    .description("look for secrets in files, in what is staged, or in commits")
    .argument("[path...]", "files and folders; all tracked and unignored files when absent")
    .option("--staged", "what the next commit introduces", false)
    .option("--range <A..B>", "all blobs that the commits of a range add")
    .option("--history", "all that any ref holds, ever", false)
    .option("--stdin", "standard input", false)
    .option("--format <format>", "text, json, sarif, github or gitlab", oneOf(SCAN_FORMATS), "text")
    .option("--json", "same as --format json", false)
    .option("--output <file>", "write the report there")
    .option("--no-baseline", "accepted findings count as well")
    .action(async (paths: string[], options: ScanFlags) => {
      const { scan } = await import("./commands/scan.ts");
      code = await scan({ ...invocation(), ...options, paths: withPaths(paths) });
    });

  program
    .command("fix")
    .description("move values out of a formation's files into its secrets.enc, and leave references")
    .argument("[fingerprint...]", "of findings, as a blocked commit or scan prints them")
    .option("--all", "every value in the formations' files", false)
    .option("--name <name>", "what to call the value")
    .option("-F, --formation <dir>", "in this formation only")
    .option("--dry-run", "print the plan, change nothing", false)
    .action(async (fingerprints: string[], options: FixFlags) => {
      const { fix } = await import("./commands/fix.ts");
      code = await fix({ ...invocation(), ...options, fingerprints });
    });

  const baseline = program.command("baseline").description("findings lived with");
  baseline
    .command("accept")
    .description("accept one finding by its fingerprint")
    .argument("<fingerprint>")
    .requiredOption("--reason <text>", "why this is no secret, or why it may stay")
    .option("--dry-run", "print what would be written, change nothing", false)
    .action(async (fingerprint: string, options: { reason: string; dryRun: boolean }) => {
      const { baselineAccept } = await import("./commands/baseline.ts");
      code = await baselineAccept({ ...invocation(), ...options, fingerprint });
    });

  baseline
    .command("prune")
    .description("remove the entries that accept nothing any more")
    .option("--history", "keep what stands only in the history", false)
    .option("--dry-run", "print what would be removed, change nothing", false)
    .action(async (options: { history: boolean; dryRun: boolean }) => {
      const { baselinePrune } = await import("./commands/baseline.ts");
      code = await baselinePrune({ ...invocation(), ...options });
    });

  program
    .command("diff")
    .description("which secret names were added, removed or changed")
    .usage("[options] [A | A B | A..B | A...B] [--] [path...]")
    .argument("[revision...]", "as of git diff: none is HEAD, and one is compared with the working tree")
    .option("--format <format>", "text, markdown, json, github or gitlab", oneOf(DIFF_FORMATS), "text")
    .option("--json", "same as --format json", false)
    .option("--exit-code", "exit 1 when anything differs", false)
    .option("--fail-on <list>", `exit 1 on any of these, comma separated: ${FAIL_ON.join(", ")}`, listOf(FAIL_ON), [])
    .option("--key-file <file>", "a key to open secrets.enc with (repeatable)", collect, [])
    .option("--base-key-file <file>", "a key of the older version, before a rotation (repeatable)", collect, [])
    .action(async (given: string[], options: DiffFlags) => {
      const { diff } = await import("./commands/diff.ts");
      code = await diff({ ...invocation(), ...options, given, afterDashes });
    });

  const ci = program
    .command("ci")
    .description("for a pipeline: scan what its commits bring, check their head, tell what changed by name")
    .option("--range <A..B>", "what B has and A has not, whatever the pipeline says")
    .option("--format <format>", "text, markdown or json", oneOf(CI_FORMATS), "text")
    .option("--json", "same as --format json", false)
    .option("--sarif <file>", "write what was found there, for code scanning")
    .option("--code-quality <file>", "write it there, for GitLab's merge requests")
    .option("--comment <file>", "write the body of a comment there");
  judging(ci).action(async (options: CiFlags) => {
    const { ci } = await import("./commands/ci.ts");
    code = await ci({ ...invocation(), ...options });
  });
  judging(
    ci
      .command("comment")
      .description("keep one comment of GitHub's pull request up to date (GITHUB_TOKEN)")
      .option("--body <file>", "what 'ci --comment' wrote; without it, the pull request is judged anew"),
  )
    .option("--dry-run", "print what would be written, change nothing", false)
    .action(async (_: object, command: Command) => {
      // commander gives `ci` what both have, wherever it stands.
      const own = new Set(command.options.map((one) => one.long));
      const given = ci.options.filter((one) => ci.getOptionValueSource(one.attributeName()) === "cli");
      const foreign = given.find((one) => !own.has(one.long));
      if (foreign !== undefined) throw new MuxiGitError("usage", `'ci comment' takes no '${foreign.long}'`);
      const { ciComment } = await import("./commands/ci-comment.ts");
      code = await ciComment({ ...command.optsWithGlobals<CiCommentFlags>(), ...invocation() });
    });

  program
    .command("normalize")
    .description("rewrite secrets files into the canonical form and stage them")
    .argument("[path...]", "formations or secrets files; all when absent")
    .option("--dry-run", "print the plan, change nothing", false)
    .action(async (paths: string[], options: { dryRun: boolean }) => {
      const { normalize } = await import("./commands/normalize.ts");
      code = await normalize({ ...invocation(), ...options, paths: withPaths(paths) });
    });

  program
    .command("resolve")
    .description("end a merge conflict of a secrets.enc, by name")
    .argument("[path...]", "formations or secrets files; all with a conflict when absent")
    .option("--ours <name...>", "names that keep our value", [])
    .option("--theirs <name...>", "names that get their value", [])
    .option("--key-file <file>", "a key that opens one of the sides (repeatable)", collect, [])
    .option("--dry-run", "change nothing", false)
    .action(async (paths: string[], options: Omit<ResolveOptions, keyof Invocation | "paths">) => {
      const { resolve } = await import("./commands/resolve.ts");
      code = await resolve({ ...invocation(), ...options, paths: withPaths(paths) });
    });

  program.addCommand(secrets);

  const key = program.command("key").description("the key");
  key
    .command("generate")
    .description("make a formation's first key")
    .option("-F, --formation <dir>", "the formation")
    .option("--dry-run", "say what would be done, change nothing", false)
    .action(async (options: { formation?: string; dryRun: boolean }) => {
      const { keyGenerate } = await import("./commands/key-generate.ts");
      code = await keyGenerate({ ...invocation(), ...options });
    });

  key
    .command("fingerprint")
    .description("what tells a key from another, safe to print")
    .option("-F, --formation <dir>", "the formation")
    .option("--stdin", "of the key on standard input", false)
    .option("--from-file <file>", "of the key in a file")
    .action(async (options: { formation?: string; stdin: boolean; fromFile?: string }) => {
      const { keyFingerprint } = await import("./commands/key-fingerprint.ts");
      code = await keyFingerprint({ ...invocation(), ...options });
    });

  key
    .command("check")
    .description("whether the key opens secrets.enc, and whether it is kept as a key has to be")
    .option("-F, --formation <dir>", "the formation; the one around here, else all, when absent")
    .option("--rev <rev>", "a commit instead of the working tree")
    .option("--stdin", "try the key on standard input", false)
    .option("--from-file <file>", "try the key in a file")
    .option("--json", "machine readable", false)
    .action(async (options: { formation?: string; rev?: string; stdin: boolean; fromFile?: string; json: boolean }) => {
      const { keyCheck } = await import("./commands/key-check.ts");
      code = await keyCheck({ ...invocation(), ...options });
    });

  key
    .command("accept")
    .description("declare that a formation's key was changed on purpose")
    .option("-F, --formation <dir>", "the formation")
    .option("--yes", "give up the names that the new file has no value for", false)
    .option("--dry-run", "print the plan, change nothing", false)
    .action(async (options: { formation?: string; yes: boolean; dryRun: boolean }) => {
      const { keyAccept } = await import("./commands/key-accept.ts");
      code = await keyAccept({ ...invocation(), ...options });
    });

  key
    .command("rotate")
    .description("a new key for a formation and all that share its key")
    .option("-F, --formation <dir>", "the formation")
    .option("--keep-old", "hold the old key in git's folder, to read older versions", false)
    .option("--dry-run", "print the plan, change nothing", false)
    .action(async (options: { formation?: string; keepOld: boolean; dryRun: boolean }) => {
      const { keyRotate } = await import("./commands/key-rotate.ts");
      code = await keyRotate({ ...invocation(), ...options });
    });

  key
    .command("unlock")
    .description("bring a formation's key, and write it once it opens secrets.enc")
    .option("-F, --formation <dir>", "the formation")
    .option("--all", "every formation; {formation} in a reference stands for its path", false)
    .option("--stdin", "from standard input", false)
    .option("--from-file <file>", "from a file")
    .option("--from <reference>", "from a store: vault:, aws:, azure:, gcp:, op: or bw:")
    .option("--dry-run", "try the key, change nothing", false)
    .addHelpText(
      "after",
      "\nWithout a source: a key that is here already, else the command of git config --local muxi-git.keyCommand.",
    )
    .action(async (options: Omit<KeyUnlockOptions, keyof Invocation>) => {
      const { keyUnlock } = await import("./commands/key-unlock.ts");
      code = await keyUnlock({ ...invocation(), ...options });
    });

  key
    .command("export")
    .description("print the key, or give it to a store")
    .option("-F, --formation <dir>", "the formation")
    .option("--to <reference>", "store it: vault:, aws:, azure:, gcp:, op: or bw:")
    .option("--dry-run", "say what would be done, print and store nothing", false)
    .action(async (options: { formation?: string; to?: string; dryRun: boolean }) => {
      const { keyExport } = await import("./commands/key-export.ts");
      code = await keyExport({ ...invocation(), ...options });
    });

  key
    .command("exposure")
    .description("every name whose value a key opens in the history: what to revoke after a leak")
    .option("-F, --formation <dir>", "of this formation's key")
    .option("--all", "of every key that is here", false)
    .option("--stdin", "of the key on standard input", false)
    .option("--from-file <file>", "of the key in a file")
    .option("--json", "machine readable", false)
    .action(async (options: Omit<KeyExposureOptions, keyof Invocation>) => {
      const { keyExposure } = await import("./commands/key-exposure.ts");
      code = await keyExposure({ ...invocation(), ...options });
    });

  return await parse();
}

interface InstallFlags {
  hooks: HookMode;
  local: boolean;
  yes: boolean;
  force: boolean;
  ifGit: boolean;
  dryRun: boolean;
}

interface CheckFlags {
  staged: boolean;
  rev?: string;
  keyFile: string[];
  requireKey: boolean;
  json: boolean;
}

interface ScanFlags {
  staged: boolean;
  range?: string;
  history: boolean;
  stdin: boolean;
  format: ScanFormat;
  json: boolean;
  output?: string;
  baseline: boolean;
}

interface FixFlags {
  all: boolean;
  name?: string;
  formation?: string;
  dryRun: boolean;
}

type CiFlags = Omit<CiOptions, keyof Invocation>;

type CiCommentFlags = Omit<CiCommentOptions, keyof Invocation>;

/** Options of whatever judges commits. */
function judging(command: Command): Command {
  return command
    .option("--require-key", "a formation that cannot be opened is an error", false)
    .option("--fail-on <list>", `exit 1 on any of these, comma separated: ${FAIL_ON.join(", ")}`, listOf(FAIL_ON), [])
    .option("--key-file <file>", "a key to open secrets.enc with (repeatable)", collect, [])
    .option("--base-key-file <file>", "a key of the older version, before a rotation (repeatable)", collect, []);
}

interface DiffFlags {
  format: DiffFormat;
  json: boolean;
  exitCode: boolean;
  failOn: FailOn[];
  keyFile: string[];
  baseKeyFile: string[];
}

/**
 * `git muxi` is an alias, and git runs those at the top level with the
 * subdirectory in GIT_PREFIX (git-config(1), "alias.*").
 */
function aliasDirectory(env: NodeJS.ProcessEnv): string {
  const cwd = process.cwd();
  const start = resolve(cwd, env.GIT_PREFIX ?? "");
  dropFoundGitDir(env, cwd);
  return start === cwd || start.startsWith(cwd + sep) ? start : cwd;
}

/**
 * Where `.git` is a file (linked worktree, submodule), git hands an alias the
 * GIT_DIR that it found, without a work tree: from a folder below, or after
 * `-C`, that folder would be taken for the top level.
 */
function dropFoundGitDir(env: NodeJS.ProcessEnv, topLevel: string): void {
  const { GIT_DIR: given, ...others } = env;
  if (!given || env.GIT_WORK_TREE || env.GIT_PREFIX === undefined) return;
  const found = findGitPlaces(topLevel, others);
  if (found?.topLevel !== topLevel) return;
  const named = statSync(resolve(topLevel, given), { throwIfNoEntry: false });
  const { dev, ino } = statSync(found.gitDir);
  if (named?.dev === dev && named.ino === ino) delete env.GIT_DIR;
}

// A thread of a large scan has this bundle as its main module.
if (!process.getBuiltinModule("node:worker_threads").isMainThread) {
  void import("./commands/scan-files.ts").then(({ judgeAsThread }) => judgeAsThread());
}
