/**
 * The table of all rules. In the package this module is replaced by one that
 * reads the table made when the package was built: see scripts/build.mjs.
 */
import { compileRules, type RuleTable } from "./rule-table.ts";
import { allRules } from "./rules/index.ts";

let table: RuleTable | undefined;

export function defaultRules(): RuleTable {
  table ??= compileRules(allRules());
  return table;
}
