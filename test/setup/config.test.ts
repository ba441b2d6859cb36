import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  driverSettings,
  foreignDrivers,
  formatDriverConfig,
  isOwnOrigin,
  lastEntry,
  parseConfigList,
} from "../../src/git/config.ts";
import { tempRepo } from "../support/repo.ts";

const OPTIONS = { configHooks: ["pre-commit"], alias: true };

describe("the included config file", () => {
  it("is read by git as the settings meant", (t) => {
    const repo = tempRepo(t);
    repo.write(".git/muxi-git/config", formatDriverConfig(OPTIONS));
    for (const { key, value } of driverSettings(OPTIONS)) {
      assert.equal(repo.git("config", "--file", ".git/muxi-git/config", "--get", key), value);
    }
    const keys = repo.git("config", "--file", ".git/muxi-git/config", "--list", "--name-only").split("\n");
    assert.deepEqual(
      keys,
      driverSettings(OPTIONS).map(({ key }) => key),
    );
  });
});

describe("the list of settings", () => {
  it("keeps scope, origin, line ends in values and keys without a value", () => {
    const entries = parseConfigList("local\0file:.git/config\0a.b\nx\ny\0global\0file:/h\0c.d\0");
    assert.deepEqual(entries, [
      { scope: "local", origin: "file:.git/config", key: "a.b", value: "x\ny" },
      { scope: "global", origin: "file:/h", key: "c.d", value: null },
    ]);
    assert.deepEqual(parseConfigList(""), []);
  });
  it("gives the last value of a key", () => {
    const entries = parseConfigList("local\0f\0a.b\n1\0local\0f\0a.b\n2\0");
    assert.equal(lastEntry(entries, "a.b")?.value, "2");
  });
});

describe("drivers of another meaning", () => {
  const entry = (key: string, value: string, origin = "file:.git/config") => ({ scope: "local", origin, key, value });
  it("are those that claim our names elsewhere", () => {
    const mine = driverSettings(OPTIONS)[0]!;
    const found = foreignDrivers(
      [
        entry("filter.muxi-git.clean", "cat"),
        entry("filter.lfs.clean", "git-lfs clean -- %f"),
        entry("merge.muxi-git-template.driver", "true"),
        entry("hook.muxi-git-pre-commit.enabled", "false"),
        entry(mine.key, mine.value),
        entry("filter.muxi-git.clean", "old", "file:.git/muxi-git/config"),
      ],
      OPTIONS,
    );
    assert.deepEqual(
      found.map(({ key }) => key),
      ["filter.muxi-git.clean", "merge.muxi-git-template.driver"],
    );
  });
  it("are told from our own file by where they stand", () => {
    assert.equal(isOwnOrigin(entry("a", "b", "file:/x/.git/muxi-git/config")), true);
    assert.equal(isOwnOrigin(entry("a", "b", "file:/x/other-muxi-git/config")), false);
  });
});
