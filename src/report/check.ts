/** The report of `check`, as text and as JSON. */

import { escapeText, formatJson } from "../escape.ts";
import type { FormationNames } from "../formation/drift.ts";
import type { Problem } from "../formation/problem.ts";
import type { Style } from "../terminal.ts";
import { count, placeOf } from "./block.ts";

export interface CheckedFormation {
  /** Repository path, `""` for the root. */
  path: string;
  /** What kind of file secrets.enc is. */
  form: "fernet" | "none" | "other";
  /** null where it was not opened. */
  canonical: boolean | null;
  /** null where there is no key, or nothing to open. */
  opened: boolean | null;
  names: FormationNames;
  problems: Problem[];
}

export function formatCheckText(checked: readonly CheckedFormation[], style: Style, quiet: boolean): string[] {
  const lines: string[] = [];
  for (const { path, form, opened, names, problems } of checked) {
    const title = escapeText(path === "" ? "." : path);
    const errors = problems.filter((problem) => problem.severity === "error");
    const shown = quiet ? errors : problems;
    if (quiet && shown.length === 0) continue;
    const encrypted =
      names.encrypted === null
        ? form === "none"
          ? "no secrets.enc"
          : "not opened"
        : count(names.encrypted.length, "value");
    const verdict = errors.length > 0 ? style.red("not in order") : style.green("in order");
    lines.push(
      `${style.bold(title)}: ${verdict} (${count(names.template.length, "name")} in the template, ${encrypted}${opened === null && form === "fernet" ? ", no key here" : ""})`,
    );
    for (const problem of shown) {
      const mark =
        problem.severity === "error"
          ? style.red(problem.severity)
          : problem.severity === "warning"
            ? style.yellow(problem.severity)
            : style.dim(problem.severity);
      lines.push(`  ${placeOf(problem)}  ${mark}  ${problem.code}: ${escapeText(problem.message)}`);
      if (problem.severity === "error") lines.push(`    fix: ${escapeText(problem.fix)}`);
    }
  }
  return lines;
}

export function formatCheckJson(checked: readonly CheckedFormation[]): string {
  return formatJson({ schemaVersion: 1, formations: checked }, 2);
}
