/** What is decided by the form of a path: Windows' rules, tried anywhere. */
import assert from "node:assert/strict";
import { posix, win32 } from "node:path";
import { describe, test } from "node:test";
import { gitCandidates, isInside } from "../../src/git/run.ts";
import { diskPath } from "../../src/git/working-file.ts";
import { nodeCandidates } from "../../src/setup/runtime.ts";

const SERVER = "\\\\server\\share";

describe("programs in PATH", () => {
  test("on Windows: .exe, absolute, outside the working tree whatever the case and the separator", () => {
    const Path = [
      "",
      ".",
      "bin",
      "C:bin",
      "C:\\Repo",
      "c:\\repo\\bin",
      "C:/REPO/tools",
      "C:\\repo\\..\\repo\\x",
      "C:\\repository",
      "D:\\repo",
      `${SERVER}\\bin`,
      "C:\\Program Files\\Git\\cmd",
    ].join(";");
    const outside = ["C:\\repository", "D:\\repo", `${SERVER}\\bin`, "C:\\Program Files\\Git\\cmd"];
    assert.deepEqual(
      gitCandidates({ Path }, "C:\\repo", "win32"),
      outside.map((folder) => `${folder}\\git.exe`),
    );
    assert.deepEqual(
      nodeCandidates({ Path: `${Path};C:\\a\\node_modules\\.bin;C:/a/node_modules/.bin` }, "C:\\repo", "win32"),
      outside.map((folder) => `${folder}\\node.exe`),
    );
  });

  test("elsewhere: the same, with case and backslashes as part of a name", () => {
    const PATH = ["", ".", "bin", "/repo", "/repo/bin", "/x/../repo/bin", "/Repo", "/repository", "/a\\b"].join(":");
    const outside = ["/Repo", "/repository", "/a\\b"];
    assert.deepEqual(
      gitCandidates({ PATH }, "/repo", "linux"),
      outside.map((folder) => `${folder}/git`),
    );
    assert.deepEqual(
      nodeCandidates({ PATH: `${PATH}:/a/node_modules/.bin:/line\nend` }, "/repo", "linux"),
      outside.map((folder) => `${folder}/node`),
    );
  });

  test("at the root of a file system everything is inside, and nothing is left out for it", () => {
    assert.deepEqual(gitCandidates({ PATH: "/usr/bin:bin" }, "/", "linux"), ["/usr/bin/git"]);
    assert.deepEqual(gitCandidates({ Path: "C:\\git;bin" }, "C:\\", "win32"), ["C:\\git\\git.exe"]);
  });

  test("no PATH, no program", () => {
    for (const platform of ["win32", "linux"] as const) {
      assert.deepEqual(gitCandidates({}, "/repo", platform), []);
      assert.deepEqual(nodeCandidates({}, "/repo", platform), []);
    }
  });
});

test("a folder is inside of itself and of what is above it, never of a neighbour or another drive", () => {
  const rows: [path: string, folder: string, platform: "win32" | "linux", inside: boolean][] = [
    ["C:\\r", "C:\\r", "win32", true],
    ["c:\\R\\a", "C:\\r\\", "win32", true],
    ["C:\\r\\..a", "C:\\r", "win32", true],
    ["C:\\ra", "C:\\r", "win32", false],
    ["C:\\", "C:\\r", "win32", false],
    ["D:\\r\\a", "C:\\r", "win32", false],
    [`${SERVER}\\r\\a`, `${SERVER}\\r`, "win32", true],
    ["\\\\other\\share\\r", `${SERVER}\\r`, "win32", false],
    ["/r/..a", "/r", "linux", true],
    ["/R/a", "/r", "linux", false],
    ["/r/../a", "/r", "linux", false],
  ];
  for (const [path, folder, platform, inside] of rows)
    assert.equal(isInside(path, folder, platform), inside, `${path} in ${folder}`);
});

test("a repository path on disk has the platform's separators; bytes that are no UTF-8 stay bytes", () => {
  assert.equal(diskPath("C:\\re po", "bot/é/secrets.enc", win32), "C:\\re po\\bot\\é\\secrets.enc");
  assert.equal(diskPath(`${SERVER}\\r`, "bot/x", win32), `${SERVER}\\r\\bot\\x`);
  assert.equal(diskPath("/re po", "bot/a\\b", posix), "/re po/bot/a\\b");
  // Surrogates that stand for single bytes, as entries.ts decodes them.
  const odd = diskPath("/r", "bot/\udcff", posix);
  assert.ok(Buffer.isBuffer(odd));
});
