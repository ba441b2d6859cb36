/** A formation's line in `status`: its key, its secrets file, its drift. */
import { checkFormation, namesOf } from "../formation/drift.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import { workingTreeSnapshot } from "../git/snapshot.ts";
import { keyFingerprint } from "../secrets/key.ts";
import { formationsOf, Keyring, readFormation } from "./formation-state.ts";

export interface FormationReport {
  /** Repository path, `""` for the root. */
  path: string;
  key: "ok" | "missing" | "hex" | "malformed" | "unreadable";
  /** null without a key. */
  keyFingerprint: string | null;
  /** Whether the key opens secrets.enc; null where there is no key or no file. */
  opened: boolean | null;
  /** null where it was not opened. */
  canonical: boolean | null;
  names: { template: number; encrypted: number | null; referenced: number };
  problems: { errors: number; warnings: number };
}

/** Every formation of the working tree. */
export async function formationReports(topLevel: string, places: GitPlaces): Promise<FormationReport[]> {
  const snapshot = workingTreeSnapshot(topLevel);
  const keyring = new Keyring(topLevel, places);
  const reports: FormationReport[] = [];
  for (const formation of formationsOf(snapshot)) {
    const key = keyring.of(formation.path);
    const { state } = await readFormation(
      snapshot,
      formation,
      keyring.stateFor(formation.path),
      keyring.keysFor(formation.path),
    );
    const { template, encrypted, referenced } = namesOf(state);
    const problems = checkFormation(state, "check");
    const { kind } = state.encrypted;
    reports.push({
      path: formation.path,
      key: key.state,
      keyFingerprint: key.state === "ok" ? keyFingerprint(key.key) : null,
      opened: kind === "none" || key.state !== "ok" ? null : kind === "opened",
      canonical: state.encrypted.kind === "opened" ? state.encrypted.canonical : null,
      names: { template: template.length, encrypted: encrypted?.length ?? null, referenced: referenced.length },
      problems: {
        errors: problems.filter((problem) => problem.severity === "error").length,
        warnings: problems.filter((problem) => problem.severity === "warning").length,
      },
    });
  }
  return reports;
}
