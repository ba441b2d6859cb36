/**
 * What a killed install or uninstall leaves beside what it worked on: temporary
 * files, and our lock on git's config. Removed by the next one, under the
 * install lock.
 */
import { dirname, join } from "node:path";
import { sweepTemporaries } from "../durable-file.ts";
import { type Repository, runtimeFolder } from "../git/repository.ts";
import { clearConfigLeftovers, configPath } from "./config-file.ts";
import { HUSKY_FOLDER } from "./managers/husky.ts";
import { locate } from "./places.ts";
import { readRecord } from "./record.ts";

/** Never throws. */
export function clearLeftovers(repository: Repository): void {
  const { commonDir, topLevel } = repository;
  const runtime = runtimeFolder(repository);
  const state = readRecord(runtime);
  const recorded = state.kind === "read" ? state.record.files.map(({ place }) => locate(place, repository)) : [];
  clearConfigLeftovers(configPath(repository));
  const folders = new Set([
    commonDir,
    join(commonDir, "hooks"),
    join(commonDir, "info"),
    topLevel,
    join(topLevel, HUSKY_FOLDER),
    runtime,
    join(runtime, "hooks"),
    ...recorded.flatMap((path) => (path === null ? [] : [dirname(path)])),
  ]);
  for (const folder of folders) sweepTemporaries(folder);
}
