/**
 * How the person who reads our output starts this tool, and from where.
 *
 * Hooks and filters run the copy that install put under the git common dir.
 * There `git muxi …` (an alias that install adds) runs that same copy, so a
 * printed command exists in this version and needs no network. Everywhere else
 * it is `npx muxi-git …`.
 *
 * A printed command is run where the person is, not at the top of the working
 * tree where git runs its hooks: paths in it are written from there.
 */
import { escapeText } from "./escape.ts";

let command = "npx muxi-git";
let readerDirectory: readonly string[] = [];

export function setInvocation(prefix: "git muxi" | "npx muxi-git"): void {
  command = prefix;
}

/**
 * Where the reader is.
 *
 * @param prefix - from the top level, as git's GIT_PREFIX: `""` at the top, else
 * `sub/folder/`. One that leads outside (`git --work-tree`) counts as the top.
 */
export function setReaderDirectory(prefix: string): void {
  const folders = prefix.split("/").filter((folder) => folder !== "" && folder !== ".");
  readerDirectory = prefix.startsWith("/") || folders.includes("..") ? [] : folders;
}

/** A command of this tool as the reader would type it: `tool("check --staged")`. */
export function tool(args: string): string {
  return `${command} ${args}`;
}

/** The fingerprint in a command that moves one value; several can be moved by one command. */
export function movedFingerprint(text: string): string | null {
  const before = tool("fix ");
  const rest = text.startsWith(before) ? text.slice(before.length) : "";
  return /^[0-9a-f]{16}$/.test(rest) ? rest : null;
}

/** A repository path as the reader would name it. It never starts like an option or like git's pathspec magic. */
function readerPath(path: string): string {
  const folders = path === "" ? [] : path.split("/");
  let same = 0;
  while (same < readerDirectory.length && readerDirectory[same] === folders[same]) same += 1;
  const way = [...readerDirectory.slice(same).map(() => ".."), ...folders.slice(same)].join("/") || ".";
  return /^[-:]/.test(way) ? `./${way}` : way;
}

/** A repository path as one word of a command that the reader runs. */
export function pathWord(path: string): string {
  return shellQuote(readerPath(path));
}

/** The option that picks a formation; none where only the reader's own directory can be meant. */
export function formationOption(path: string): string {
  const word = pathWord(path);
  return word === "." ? "" : ` -F ${word}`;
}

/** Between what a person does by hand and the command that ends it; a block shows the command on a line of its own. */
const THEN = ", then: ";

/** A fix that needs a hand before its command. */
export function handThen(step: string, text: string): string {
  return `${step}${THEN}${text}`;
}

/** A fix as its step by hand and its command. No quoted word holds the separator, so a path cannot pose as a command. */
export function splitFix(fix: string): { step: string | null; command: string } {
  const at = fix.lastIndexOf(THEN);
  return at < 0 ? { step: null, command: fix } : { step: fix.slice(0, at), command: fix.slice(at + THEN.length) };
}

/**
 * One word for a POSIX shell: itself where nothing in it is special, else in
 * single quotes. A word that a terminal must not be given raw is spelled out for
 * printf; only a line feed at its very end is lost that way.
 */
export function shellQuote(word: string): string {
  if (escapeText(word) !== word) return `"$(printf '${[...word].map(forPrintf).join("")}')"`;
  if (/^[A-Za-z0-9_./@%+=:,][A-Za-z0-9_./@%+=:,-]*$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''").replaceAll(THEN, ", then'': ")}'`;
}

function forPrintf(character: string, at: number): string {
  if (/^[A-Za-z0-9_./@+=: -]$/.test(character) && !(at === 0 && character === "-")) return character;
  if (character === "%") return "%%";
  if (character === "\\") return "\\\\";
  if (character > "\u007f" && escapeText(character) === character) return character;
  // A stray byte of a path that is not UTF-8: src/git/entries.ts, decodePath.
  const stray = /^[\udc80-\udcff]$/.test(character) ? [character.charCodeAt(0) - 0xdc00] : null;
  return (stray ?? [...Buffer.from(character, "utf8")])
    .map((byte) => `\\${byte.toString(8).padStart(3, "0")}`)
    .join("");
}
