/** What a rule finds, in one phrase, for reports that list rules. */
import type { Rule } from "../scan/rule.ts";
import { allRules } from "../scan/rules/index.ts";

/** What is found by other means than the table of rules. */
const OTHERS: Readonly<Record<string, string>> = {
  "known-value": "a value of a formation's secrets.enc",
  "known-key": "a formation's key",
  "key-file": "a key file",
  "key-content": "a file whose content is a key",
  "dotenv-secret": "a secret in a .env file",
  "literal-secret": "a secret in a formation file where a reference belongs",
  "memory-db": "a database of an agent's memory",
  "too-many-findings": "more findings than are listed",
  "too-much-to-compare": "a file that could not be searched to its end",
};

let table: ReadonlyMap<string, Rule> | undefined;

export function rulesById(): ReadonlyMap<string, Rule> {
  table ??= new Map(allRules().map((rule) => [rule.id, rule]));
  return table;
}

/** Of a rule that the repository made itself, its name is all there is to say. */
export function describeRule(id: string): { description: string; source?: string } {
  const rule = rulesById().get(id);
  if (rule !== undefined) {
    return { description: `credential of ${rule.provider}: gives access to ${rule.opens}`, source: rule.source };
  }
  return { description: Object.hasOwn(OTHERS, id) ? OTHERS[id]! : id };
}
