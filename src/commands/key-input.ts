/** Keys that a command is given, and what every `key` command says of one. */
import type { Invocation } from "../cli.ts";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { tool } from "../invocation.ts";
import { PLACEHOLDER } from "../key-stores/reference.ts";
import { holdBytes, holdKey } from "../plumbing/held-keys.ts";
import { type FormationKey, keyOfFormation, readKeyFile, refuseKey } from "../plumbing/keyring.ts";
import { type FormationPlace, formationOption } from "../plumbing/secrets-store.ts";
import { type Key, keyFingerprint, keyFromHex, parseKey } from "../secrets/key.ts";
import { checkIgnoredIn } from "../setup/ignored.ts";
import { type GivenSource, givenBytes } from "./given-value.ts";

export interface KeyInput extends Invocation, GivenSource {}

/**
 * The key of `--stdin` or `--from-file`; null where neither is given.
 *
 * @throws MuxiGitError `usage`, `unreadable`, and what is wrong with the key.
 */
export function givenKey(input: KeyInput): Key | null {
  const bytes = givenBytes(input, input);
  return bytes === null ? null : readKey(bytes);
}

/** As `parseKey`, and the digits of MUXI's old scaffold too: what is made of them is written as all readers take it. */
export function readKey(bytes: Uint8Array): Key {
  return keyFromHex(bytes) ?? parseKey(bytes);
}

export function keyOf({ path, topLevel, places }: FormationPlace): FormationKey {
  return keyOfFormation(path, topLevel, places);
}

/** @throws MuxiGitError `no-key`, `key-malformed`, `key-unreadable`. */
export function ownKey(place: FormationPlace): Key {
  const found = keyOf(place);
  if (found.state === "ok" || found.state === "hex") return found.key;
  const file = escapeText(fileIn(place.path, ".key"));
  if (found.state === "missing") {
    throw new MuxiGitError("no-key", `there is no key here ('${file}')`, {
      hint: tool(`key unlock${formationOption(place.path)}`),
    });
  }
  return refuseKey(found, place.path);
}

/** How a formation is called in a sentence. */
export function shownFormation(path: string): string {
  return path === "" ? "the root formation" : escapeText(path);
}

/** What is to be said where `git add .` would take the key; null where it would not. */
export function notIgnored({ topLevel, path, places }: FormationPlace): string | null {
  if (places === null) return null;
  const file = fileIn(path, ".key");
  return checkIgnoredIn([file], { cwd: topLevel }).get(file)?.ignored === true
    ? null
    : `git does not ignore '${escapeText(file)}', so 'git add .' would take it: ${tool("install")}`;
}

/**
 * Hold what stands in a formation's `.key` and is to be replaced by `next`.
 *
 * @returns what it is; null where there is nothing to hold.
 * @throws MuxiGitError `key-in-use` outside git.
 */
export function holdReplacedKey(place: FormationPlace, next: Key): string | null {
  const own = keyOf({ ...place, places: null });
  if ((own.state === "ok" || own.state === "hex") && keyFingerprint(own.key) !== keyFingerprint(next)) {
    if (place.places === null) throw notHeld(place);
    holdKey(place.places, own.key);
    return `the key ${keyFingerprint(own.key)}`;
  }
  if (own.state !== "malformed") return null;
  if (place.places === null) throw notHeld(place);
  holdBytes(place.places, readKeyFile(own.path) ?? Buffer.alloc(0));
  return "something that is no key";
}

function notHeld({ path }: FormationPlace): MuxiGitError {
  const file = escapeText(fileIn(path, ".key"));
  return new MuxiGitError(
    "key-in-use",
    `'${file}' holds something else, and there is no repository that could keep it`,
    { hint: "move it away, then try again" },
  );
}

/**
 * A reference or a word of a command, for one formation.
 *
 * @throws MuxiGitError `bad-reference` for the root formation, which has no path, and for a path that begins like an option.
 */
export function filledIn(text: string, path: string): string {
  if (!text.includes(PLACEHOLDER)) return text;
  if (path.startsWith("-") && text.startsWith(PLACEHOLDER)) {
    throw new MuxiGitError("bad-reference", `'${escapeText(path)}' would be taken for an option`, {
      hint: `put something before ${PLACEHOLDER}`,
    });
  }
  if (path === "") {
    throw new MuxiGitError("bad-reference", `the root formation has no path to put in the place of ${PLACEHOLDER}`, {
      hint: `name a reference for it alone, without ${PLACEHOLDER}`,
    });
  }
  return text.replaceAll(PLACEHOLDER, () => path);
}
