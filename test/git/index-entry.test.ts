/** One entry of git's index, also of a path that is no UTF-8 and cannot be an argument of git's. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { decodePath } from "../../src/git/entries.ts";
import { indexBits, indexEntries, refreshIndex, setIndexEntries, stageBytes } from "../../src/git/index-entry.ts";
import { diskPath } from "../../src/git/working-file.ts";
import { tempRepo } from "../support/repo.ts";

const SKIP = process.platform === "linux" ? false : "file names are text here";

test("an entry is found, replaced and refreshed by its exact path", { skip: SKIP }, (t) => {
  const repo = tempRepo(t);
  const odd = decodePath(Buffer.from([0x62, 0xff, 0x2a]));
  for (const file of ["plain", "b?*", odd]) writeFileSync(diskPath(repo.root, file), `of ${file.length}\n`);
  repo.git("add", "-A");
  for (const file of ["plain", odd]) {
    const [entry, ...more] = indexEntries(repo.root, file);
    assert.deepEqual([entry?.path, entry?.mode, more.length], [file, "100644", 0]);
    setIndexEntries(repo.root, [{ file, oid: entry!.oid, entry: entry!, assumeUnchanged: true }]);
    assert.deepEqual(indexBits(repo.root, file), { skipWorktree: false, assumeUnchanged: true });
    stageBytes(repo.root, file, Buffer.from("other\n"), entry, false);
    assert.notEqual(indexEntries(repo.root, file)[0]?.oid, entry?.oid);
    assert.deepEqual(indexBits(repo.root, file), { skipWorktree: false, assumeUnchanged: false });
    setIndexEntries(repo.root, [{ file, oid: entry!.oid, entry: entry!, assumeUnchanged: false }]);
  }
  assert.deepEqual(indexEntries(repo.root, "absent"), []);
  refreshIndex(repo.root, ["plain", "b?*", odd]);
  // What git has not looked at since shows here.
  assert.equal(repo.git("diff-files", "--name-only"), "");
});
