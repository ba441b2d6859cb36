/** A formation's line in `status`: its key, its secrets file, its drift. */
import { MuxiGitError } from "../errors.ts";
import { namesOf } from "../formation/drift.ts";
import { problemsOf } from "../formation/severity.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import { type Snapshot, workingTreeSnapshot } from "../git/snapshot.ts";
import { keyFingerprint } from "../secrets/key.ts";
import { DEFAULT_SETTINGS, type Settings } from "../settings.ts";
import { settingsOf } from "./configuration.ts";
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
  const settings = await settingsOrDefaults(snapshot);
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
    const problems = problemsOf(state, settings, "check");
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

/** `check` stops at malformed settings and says the line; this report is about more than them. */
async function settingsOrDefaults(snapshot: Snapshot): Promise<Settings> {
  try {
    return await settingsOf(snapshot);
  } catch (error) {
    if (error instanceof MuxiGitError) return DEFAULT_SETTINGS;
    throw error;
  }
}
