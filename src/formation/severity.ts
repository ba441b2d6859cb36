/** Severities as a repository's settings change them. */
import type { Settings } from "../settings.ts";
import { checkFormation, type FormationState } from "./drift.ts";
import { isLeak, type Occasion, type Problem, severityOf } from "./problem.ts";

/**
 * Problems with the severities of `settings`, without those turned off. A leak
 * keeps its severity, and so does a problem that is milder than its code's
 * default (a name that MUXI generates).
 */
export function applySeverities(
  problems: readonly Problem[],
  severities: Settings["severities"],
  occasion: Occasion,
): Problem[] {
  return problems.flatMap((problem) => {
    const wanted = severities[problem.code];
    if (wanted === undefined || isLeak(problem.code)) return [problem];
    if (wanted === "off") return [];
    return [problem.severity === severityOf(problem.code, occasion) ? { ...problem, severity: wanted } : problem];
  });
}

/** What is wrong with a formation by a repository's settings: the one answer that check, status, diff and install give. */
export function problemsOf(
  state: FormationState,
  { severities }: Pick<Settings, "severities">,
  occasion: Occasion,
): Problem[] {
  return applySeverities(checkFormation(state, occasion), severities, occasion);
}
