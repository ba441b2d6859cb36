import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { attributeLines, ignoreLines } from "../../src/setup/patterns.ts";
import { tempRepo } from "../support/repo.ts";

const FOLDERS = [
  "",
  "plain",
  "with space",
  "br[a]cket",
  "st*r",
  "qu?stion",
  "back\\slash",
  'quo"te',
  "näme",
  "!bang",
  "#hash",
  "new\nline",
  "a/b/c",
];

function at(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

describe("patterns for formation folders", () => {
  it("are read by git as exactly these files", (t) => {
    const repo = tempRepo(t);
    repo.write(
      ".gitattributes",
      Buffer.from(`${attributeLines(FOLDERS, "secrets", "merge=ours").join("\n")}\n`, "latin1"),
    );
    repo.write(".gitignore", Buffer.from(`${ignoreLines(FOLDERS, "memory.db").join("\n")}\n`, "latin1"));
    for (const folder of FOLDERS) {
      const attribute = repo.tryWith(
        { input: `${at(folder, "secrets")}\0` },
        "git",
        "check-attr",
        "-z",
        "--stdin",
        "merge",
      );
      assert.equal(attribute.stdout, `${at(folder, "secrets")}\0merge\0ours\0`);
      const ignored = repo.tryWith({ input: `${at(folder, "memory.db")}\0` }, "git", "check-ignore", "-z", "--stdin");
      assert.equal(ignored.stdout, `${at(folder, "memory.db")}\0`);
    }
    for (const other of ["other/secrets", "plain/sub/secrets", "sttr/secrets", "bra/secrets"]) {
      const attribute = repo.tryWith({ input: `${other}\0` }, "git", "check-attr", "-z", "--stdin", "merge");
      assert.equal(attribute.stdout, `${other}\0merge\0unspecified\0`);
    }
  });

  it("cover a folder of many formations by one line", () => {
    const many = Array.from({ length: 10_000 }, (_, index) => `formations/f${index}`);
    assert.deepEqual(ignoreLines([...many, "other"], "memory.db"), ["/formations/*/memory.db", "/other/memory.db"]);
    assert.deepEqual(attributeLines(many, "secrets", "merge=x"), ["/formations/*/secrets merge=x"]);
  });
});
