/** What `status --max-age` says of keys and values that are older than they may be. */
import { escapeText } from "../escape.ts";
import { shownName } from "../formation/names.ts";
import { shellQuote, tool } from "../invocation.ts";
import type { AuditProblem } from "./audit.ts";
import type { FormationAges } from "./formation-ages.ts";
import type { LastChange } from "./name-ages.ts";
import { formationOption } from "./secrets-store.ts";

export interface AgeVerdict {
  problems: AuditProblem[];
  /** Why an age that may be too high is not known. */
  unknown: string[];
  /** How many values have an age that counts from the change of key, since the key before is gone. */
  hidden: number;
}

const DAY = 86_400;

/**
 * What is not committed is new. An age of which only the least is known, for a clone that ends before it began, is not
 * known; one that a key which is gone hides counts from the change of key.
 *
 * @param maxAge - days; an age of as many is not too old.
 */
export function judgeAges(ages: readonly FormationAges[], maxAge: number, nowMs: number): AgeVerdict {
  const verdict: AgeVerdict = { problems: [], unknown: [], hidden: 0 };
  for (const { path, key, names, reason } of ages) {
    const where = escapeText(path || ".");
    if (reason !== null) verdict.unknown.push(`cannot tell how old the secrets of ${where} are: ${reason}`);
    const judge = (change: LastChange, code: string, what: string, fix: string): void => {
      if (change.time === null) return;
      const days = Math.floor((nowMs / 1000 - change.time) / DAY);
      if (days > maxAge) {
        const since = `${change.exact ? "" : "at least "}${days} days`;
        verdict.problems.push({ code, message: `${where}: ${what} is ${since} old, more than ${maxAge}`, fix });
      }
    };
    if (key !== null) judge(key, "key-old", "the key", tool(`key rotate${formationOption(path)}`));
    for (const [name, change] of names ?? []) {
      const fix = tool(`secrets set ${shellQuote(name)}${formationOption(path)}`);
      judge(change, "value-old", `the value of '${shownName(name)}'`, fix);
      if (reason === null && !change.exact) verdict.hidden += 1;
    }
  }
  return verdict;
}
