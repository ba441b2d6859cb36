/**
 * How the person who reads our output starts this tool.
 *
 * Hooks and filters run the copy that install put under the git common dir.
 * There `git muxi …` (an alias that install adds) runs that same copy, so a
 * printed command exists in this version and needs no network. Everywhere else
 * it is `npx muxi-git …`.
 */
let command = "npx muxi-git";

export function setInvocation(prefix: "git muxi" | "npx muxi-git"): void {
  command = prefix;
}

/** A command of this tool as the reader would type it: `tool("check --staged")`. */
export function tool(args: string): string {
  return `${command} ${args}`;
}

/** One word for a POSIX shell: itself where nothing in it is special, else in single quotes. */
export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_./@%+=:,-]+$/.test(word) && !word.startsWith("-") ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
