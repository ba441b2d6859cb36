/** A formation's line in `status`: its key, its secrets file, its drift. */
import { MuxiGitError } from "../errors.ts";
import { namesOf } from "../formation/drift.ts";
import { problemsOf } from "../formation/severity.ts";
import { parseIndexEntries } from "../git/entries.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import { blobOid } from "../git/object-id.ts";
import { runGit } from "../git/run.ts";
import { type Snapshot, workingTreeSnapshot } from "../git/snapshot.ts";
import { readWorkingFile } from "../git/working-file.ts";
import { canonicalToken } from "../secrets/canonical.ts";
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
  /**
   * git shows ` M` with an empty diff: the file's size is not its blob's, and git
   * decides by size before it asks the filter. Saves of MUXI's Go CLI keep the size.
   */
  phantom: boolean;
  names: { template: number; encrypted: number | null; referenced: number };
  problems: { errors: number; warnings: number };
}

/** Every formation of the working tree. */
export async function formationReports(
  topLevel: string,
  places: GitPlaces,
  snapshot: Snapshot = workingTreeSnapshot(topLevel),
): Promise<FormationReport[]> {
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
    const { encrypted: stored } = state;
    const { kind } = stored;
    const file = formation.encrypted === null ? null : readWorkingFile(topLevel, formation.encrypted);
    reports.push({
      path: formation.path,
      key: key.state,
      keyFingerprint: key.state === "ok" ? keyFingerprint(key.key) : null,
      opened: kind === "none" || key.state !== "ok" ? null : kind === "opened",
      canonical: stored.kind === "opened" ? stored.canonical : null,
      phantom:
        stored.kind === "opened" &&
        key.state === "ok" &&
        file !== null &&
        file.length !== canonicalToken(stored.secrets, key.key).length &&
        isAnotherBlob(topLevel, formation.encrypted ?? "", file),
      names: { template: template.length, encrypted: encrypted?.length ?? null, referenced: referenced.length },
      problems: {
        errors: problems.filter((problem) => problem.severity === "error").length,
        warnings: problems.filter((problem) => problem.severity === "warning").length,
      },
    });
  }
  return reports;
}

/** Whether the index holds other bytes for this path; a file that git does not track shows as new, not as changed. */
function isAnotherBlob(topLevel: string, path: string, bytes: Buffer): boolean {
  const listed = runGit(["--literal-pathspecs", "ls-files", "-s", "-z", "--", path], { cwd: topLevel });
  return parseIndexEntries(listed).some(({ oid }) => blobOid(bytes, oid.length) !== oid);
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
