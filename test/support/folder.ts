/** A formation in a folder without git, as MUXI's own commands take one. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { isolatedEnvironment, repoAt, type TempRepo } from "./repo.ts";

export function tempFolder(t: TestContext): TempRepo {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "muxi-git-folder-")));
  t.after(() => rmSync(base, { recursive: true, force: true, maxRetries: 3 }));
  const root = join(base, "böt");
  mkdirSync(root);
  return repoAt(base, root, isolatedEnvironment(base));
}
