/**
 * git's settings as far as install reads and writes them: the list git prints,
 * the one include line of `.git/config`, and the file that it brings in.
 *
 * The drivers name their program by `"$(git rev-parse --git-common-dir)"`: git
 * runs them by sh at the top of the current worktree, so this is right in
 * linked worktrees, submodules and moved repositories. `%f` is quoted by git.
 */

/** The value of `include.path`, relative to `.git/config`. */
export const INCLUDE = "muxi-git/config";

export const FILTER = "muxi-git";
export const TEMPLATE_MERGE = "muxi-git-template";
/** Merges the merge bases of a criss-cross history into one (gitattributes(5), `merge.<driver>.recursive`). */
const ANCESTOR_MERGE = "muxi-git-ancestor";

const RUN = '"$(git rev-parse --git-common-dir)"/muxi-git/run';

/**
 * For what git runs once a file or once a version: the launcher is read by the shell that git has started, and in a
 * working tree with its own `.git` no process is needed to find it. Without the runtime, `otherwise`.
 */
const reading = (words: string, otherwise: string): string =>
  'muxi_git_folder=.git/muxi-git; [ -z "$GIT_DIR$GIT_COMMON_DIR" ] && [ -f "$muxi_git_folder/run" ] || ' +
  "muxi_git_folder=$(git rev-parse --git-common-dir)/muxi-git; " +
  `[ ! -f "$muxi_git_folder/run" ] || { set -- ${words}; . "$muxi_git_folder/run"; }; ${otherwise}`;

/** git appends the file. */
export const TEXTCONV = reading('textconv "$1"', "cat --");
const MERGE = reading("merge-driver %O %A %B %L %P", "exit 1");

export interface ConfigEntry {
  /** system, global, local, worktree or command */
  scope: string;
  /** `file:.git/config`, `command line:`; relative to the top level. */
  origin: string;
  /** Section and variable in lower case, the subsection as written. */
  key: string;
  /** null where the key stands without `=`. */
  value: string | null;
}

/** Parse `git config --list -z --show-scope --show-origin`: scope NUL origin NUL key LF value NUL. */
export function parseConfigList(output: string): ConfigEntry[] {
  const parts = output.split("\0");
  const entries: ConfigEntry[] = [];
  for (let at = 0; at + 2 < parts.length; at += 3) {
    const setting = parts[at + 2]!;
    const end = setting.indexOf("\n");
    entries.push({
      scope: parts[at]!,
      origin: parts[at + 1]!,
      key: end < 0 ? setting : setting.slice(0, end),
      value: end < 0 ? null : setting.slice(end + 1),
    });
  }
  return entries;
}

export function lastEntry(entries: readonly ConfigEntry[], key: string): ConfigEntry | undefined {
  return entries.findLast((entry) => entry.key === key);
}

/** A value as git-config(1) "Syntax" wants it, whatever it holds. */
export function quoteConfigValue(value: string): string {
  return `"${value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

/** The name of the config hook for an event. A name equal to an event's is fatal to git. */
export function configHookName(event: string): string {
  return `muxi-git-${event}`;
}

/**
 * Where the runtime was deleted in part, the hook still stops with 2 and says what to run. The variable tells the
 * launcher that this is the one call that counts.
 */
function hookCommand(event: string): string {
  const missing =
    `echo "muxi-git: error: its runtime is missing, so nothing was checked" >&2; ` +
    `echo "muxi-git: hint: run 'npx muxi-git install'" >&2; return 2`;
  return (
    `f() { r=$(git rev-parse --git-common-dir)/muxi-git/run; ` +
    `if [ -x "$r" ]; then MUXI_GIT_CONFIG_HOOK=1 "$r" hook ${event} "$@"; else ${missing}; fi; }; f`
  );
}

export interface DriverOptions {
  /** Events run from the configuration (git 2.54 and later). */
  configHooks: readonly string[];
  alias: boolean;
}

/** What the included file sets, as git lists it. */
export function driverSettings(options: DriverOptions): { key: string; value: string }[] {
  return [
    { key: `filter.${FILTER}.process`, value: `${RUN} filter-process` },
    { key: `filter.${FILTER}.clean`, value: `${RUN} clean %f` },
    { key: `filter.${FILTER}.smudge`, value: `${RUN} smudge %f` },
    { key: `filter.${FILTER}.required`, value: "true" },
    { key: `diff.${FILTER}.textconv`, value: TEXTCONV },
    { key: `merge.${FILTER}.name`, value: "MUXI secrets, by name" },
    { key: `merge.${FILTER}.driver`, value: MERGE },
    { key: `merge.${FILTER}.recursive`, value: ANCESTOR_MERGE },
    { key: `merge.${ANCESTOR_MERGE}.driver`, value: `${RUN} merge-driver --ancestor %O %A %B %L %P` },
    { key: `merge.${TEMPLATE_MERGE}.name`, value: "MUXI template, by name" },
    { key: `merge.${TEMPLATE_MERGE}.driver`, value: MERGE },
    ...(options.alias ? [{ key: "alias.muxi", value: `!${RUN}` }] : []),
    ...options.configHooks.flatMap((event) => [
      { key: `hook.${configHookName(event)}.event`, value: event },
      { key: `hook.${configHookName(event)}.command`, value: hookCommand(event) },
    ]),
  ];
}

/** The text of `<git common dir>/muxi-git/config`. */
export function formatDriverConfig(options: DriverOptions): string {
  const lines = ["# Written by 'muxi-git install', brought in by include.path of the repository's config."];
  let section = "";
  for (const { key, value } of driverSettings(options)) {
    const first = key.indexOf(".");
    const last = key.lastIndexOf(".");
    const header =
      first === last ? `[${key.slice(0, first)}]` : `[${key.slice(0, first)} "${key.slice(first + 1, last)}"]`;
    if (header !== section) lines.push(header);
    section = header;
    lines.push(`\t${key.slice(last + 1)} = ${quoteConfigValue(value)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Whether a setting was read from the file that install wrote. */
export function isOwnOrigin(entry: ConfigEntry): boolean {
  return /(?:^|[/\\])muxi-git[/\\]config$/.test(entry.origin);
}

/** Settings that claim our names with another meaning: `{ key, origin }`, values are not repeated. */
export function foreignDrivers(entries: readonly ConfigEntry[], options: DriverOptions): ConfigEntry[] {
  const wanted = new Map(driverSettings(options).map(({ key, value }) => [key, value]));
  const ours = /^(?:filter|diff|merge)\.muxi-git(?:-template|-ancestor)?\.|^hook\.muxi-git-/;
  return entries.filter(
    (entry) =>
      ours.test(entry.key) &&
      !isOwnOrigin(entry) &&
      wanted.get(entry.key) !== entry.value &&
      // A person may switch a config hook off; that is reported by its hook, not as a foreign driver.
      !entry.key.endsWith(".enabled"),
  );
}
