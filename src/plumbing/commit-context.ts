/** What the parts of a commit's verdict share. */
import type { Formation } from "../formation/discover.ts";
import type { BlobReader } from "../git/cat-file.ts";
import type { GitPlaces } from "../git/git-dir.ts";
import type { Snapshot } from "../git/snapshot.ts";
import type { Baseline } from "../scan/baseline.ts";
import type { Settings } from "../settings.ts";
import type { Keyring } from "./formation-state.ts";

export interface CommitContext {
  index: Snapshot;
  parents: Snapshot[];
  formations: Formation[];
  parentFormations: Formation[][];
  keyring: Keyring;
  reader: BlobReader;
  configuration: Configuration;
  places: GitPlaces;
  topLevel: string;
}

/** What counts of settings and accepted findings, and what this commit does to them. */
export interface Configuration {
  settings: Settings;
  baseline: Baseline;
  notes: string[];
}
