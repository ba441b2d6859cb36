import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { formatRecord, type InstallRecord, readRecord } from "../../src/setup/record.ts";

const RECORD: InstallRecord = {
  schemaVersion: 1,
  version: "1.2.3",
  node: "/usr/bin/node",
  local: false,
  runtime: { run: "00" },
  files: [
    {
      place: { base: "worktree", worktree: "worktrees/x", path: ".gitignore" },
      before: null,
      beforeMode: null,
      after: "00",
      afterMode: 0o644,
      pad: "\r\n",
    },
  ],
  config: { before: "eA==", mode: 0o600, after: "00" },
  folders: [{ base: "common", path: "hooks" }],
  husky: false,
};

function read(t: TestContext, content: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), "muxi-git-record-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  writeFileSync(join(folder, "install.json"), content);
  chmodSync(join(folder, "install.json"), 0o600);
  return readRecord(folder).kind;
}

describe("the install record", () => {
  it("comes back as it was written", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "muxi-git-record-"));
    t.after(() => {
      rmSync(folder, { recursive: true });
    });
    assert.deepEqual(readRecord(folder), { kind: "none" });
    writeFileSync(join(folder, "install.json"), formatRecord(RECORD));
    assert.deepEqual(readRecord(folder), { kind: "read", record: RECORD });
  });

  const damaged: [string, string | Uint8Array][] = [
    ["empty", ""],
    ["truncated", formatRecord(RECORD).subarray(0, 100)],
    ["binary", new Uint8Array([0, 255, 254])],
    ["of one flipped bit", formatRecord(RECORD).toString().replace('"eA=="', '"eQ=="')],
    ["without its checksum", JSON.stringify(RECORD)],
    ["no object", "[]"],
    ["with a path out of the repository", formatRecord({ ...RECORD, folders: [{ base: "common", path: "../x" }] })],
    ["with a runtime file out of its folder", formatRecord({ ...RECORD, runtime: { "../config": "00" } })],
    [
      "with a worktree out of the repository",
      formatRecord({ ...RECORD, folders: [{ base: "worktree", worktree: "../x", path: "y" }] }),
    ],
  ];
  for (const [name, content] of damaged) {
    it(`is damaged when ${name}`, (t) => {
      assert.equal(read(t, content), "damaged");
    });
  }

  it("of a later schema is named by its version, where that can be pasted into a shell", (t) => {
    assert.equal(read(t, JSON.stringify({ ...RECORD, schemaVersion: 2 })), "later");
    const folder = mkdtempSync(join(tmpdir(), "muxi-git-record-"));
    t.after(() => {
      rmSync(folder, { recursive: true });
    });
    for (const [version, told] of [
      ["2.0.0-beta.1", "2.0.0-beta.1"],
      ["2.0.0; rm -rf .", null],
      [7, null],
    ]) {
      writeFileSync(join(folder, "install.json"), JSON.stringify({ schemaVersion: 2, version }));
      assert.deepEqual(readRecord(folder), { kind: "later", version: told });
    }
  });

  it("is damaged when a folder stands in its place", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "muxi-git-record-"));
    t.after(() => {
      rmSync(folder, { recursive: true });
    });
    mkdirSync(join(folder, "install.json"));
    assert.deepEqual(readRecord(folder), { kind: "damaged" });
  });
});
