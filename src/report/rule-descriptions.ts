/** What a rule finds, in one phrase, for reports that list rules. */
import { defaultRules } from "../scan/default-rules.ts";
import { keywordsOf, type ScanRule } from "../scan/rule-table.ts";

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

export interface DescribedRule extends ScanRule {
  readonly keywords: readonly string[];
}

let byId: ReadonlyMap<string, DescribedRule> | undefined;

export function rulesById(): ReadonlyMap<string, DescribedRule> {
  if (byId !== undefined) return byId;
  const table = defaultRules();
  const rules = Array.from({ length: table.count }, (_, index) => ({
    ...table.rule(index),
    keywords: keywordsOf(table, index),
  }));
  byId = new Map(rules.map((rule) => [rule.id, rule]));
  return byId;
}

/** Of a rule that the repository made itself, its name is all there is to say. */
export function describeRule(id: string): { description: string; source?: string } {
  const rule = rulesById().get(id);
  if (rule !== undefined) {
    return { description: `credential of ${rule.provider}: gives access to ${rule.opens}`, source: rule.source };
  }
  return { description: Object.hasOwn(OTHERS, id) ? OTHERS[id]! : id };
}
