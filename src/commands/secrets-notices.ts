/** What the commands that change secrets say besides their answer. */
import type { Invocation } from "../cli.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { shownName } from "../formation/names.ts";
import { pathWord } from "../invocation.ts";
import type { ChangedSecrets, FormationPlace } from "../plumbing/secrets-store.ts";
import { count } from "../report/block.ts";
import { out, talk } from "../terminal.ts";
import { notIgnored } from "./key-input.ts";

/** A key that was just made is the only one, and git may be about to take it. */
export function sayNewKey(place: FormationPlace, { madeKey }: Pick<ChangedSecrets, "madeKey">, dryRun: boolean): void {
  if (!madeKey) return;
  const file = fileIn(place.path, ".key");
  talk(`${dryRun ? "would make" : "made"} a new key: ${escapeText(file)}`);
  if (dryRun) return;
  talk("keep a copy of it outside this machine: whoever lacks it reads none of these secrets");
  const warning = notIgnored(place);
  if (warning !== null) talk(`muxi-git: warning: ${warning}`);
}

/** What to stage, where git is to hear of it. */
export function sayNext({ places }: FormationPlace, written: readonly string[], { quiet }: Invocation): void {
  const files = written.filter((path) => !/(?:^|\/)\.key$/.test(path));
  if (quiet || places === null || files.length === 0) return;
  out(`next: git add -- ${files.map(pathWord).join(" ")}`);
}

/** What is stored as given, and will not work as meant. */
export function warnOfValue(name: string, value: string): void {
  const warn = (what: string): void => talk(`muxi-git: warning: the value of ${shownName(name)} ${what}`);
  if (value.includes("\\")) warn("holds a backslash, which MUXI's runtime changes or refuses");
  if (/^\s|[ \t]$/.test(value)) warn("begins or ends with white space");
}

/** Its extent, which a person can compare with what they copied: `3 lines, 1704 characters`. */
export function extentOf(value: string): string {
  let [lines, characters] = [value.endsWith("\n") ? 0 : 1, 0];
  for (const character of value) {
    characters += 1;
    if (character === "\n") lines += 1;
  }
  return `${lines > 1 ? `${count(lines, "line")}, ` : ""}${count(characters, "character")}`;
}
