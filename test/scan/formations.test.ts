import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createScanner } from "../../src/scan/engine.ts";
import { checkPath } from "../../src/scan/paths.ts";
import { sharedFile } from "../support/shared.ts";

test("MUXI's example formations, placeholders included, are silent", (t) => {
  const folder = sharedFile("formations");
  if (folder === null) {
    t.skip("the shared folder is not here");
    return;
  }
  const scanner = createScanner();
  let files = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    files++;
    assert.deepEqual(
      [...scanner.scan(entry.name, bytes), ...checkPath(entry.name, bytes, { formations: [] })],
      [],
      entry.name,
    );
  }
  assert.ok(files > 20);
});
