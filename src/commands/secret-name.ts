/** The name of a secret as a person typed it. */
import { MuxiGitError } from "../errors.ts";
import { isOpaque, normalizeName } from "../formation/names.ts";
import { tool } from "../invocation.ts";

/** Characters of a name. */
const LONGEST = 128;

/**
 * The name under which MUXI stores and finds it: `openai-api-key` is OPENAI_API_KEY.
 *
 * @throws MuxiGitError `usage`; what was typed is repeated only where it can be no value.
 */
export function storedName(typed: string): string {
  if (typed.includes("=")) throw valueAsArgument();
  const name = normalizeName(typed);
  if (!/^[\x20-\x7e]*$/.test(typed) || name === "") {
    throw new MuxiGitError("usage", "a secret's name has letters, digits and '_' of ASCII: MUXI finds no other", {
      hint: "name it after its service, as in OPENAI_API_KEY",
    });
  }
  if (typed.length > LONGEST || typed.split(/[^A-Za-z0-9]+/).some(isOpaque)) {
    throw new MuxiGitError("usage", "this is no name of a secret; it looks like a value", { hint: valueHint() });
  }
  return name;
}

/**
 * A value stands where none belongs. It is not repeated.
 *
 * @param name - where one is known.
 */
export function valueAsArgument(name = "NAME"): MuxiGitError {
  return new MuxiGitError("value-as-argument", "a value is never an argument: the shell's history has it now", {
    hint: valueHint(name),
  });
}

function valueHint(name = "NAME"): string {
  return `remove the line from the history, then let it be asked for: ${tool(`secrets set ${name}`)}`;
}
