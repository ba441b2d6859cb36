/** What `git diff` shows of a secrets.enc: names and keyed digests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { valueDigest } from "../../src/secrets/digest.ts";
import { formatKey, generateKey } from "../../src/secrets/key.ts";
import { filterRepo, randomToken } from "../situations/filter-repository.ts";

const PATH = "agents/secrets.enc";

test("a diff shows which names changed, and no value", (t) => {
  const repo = filterRepo(t);
  repo.write(PATH, randomToken({ FIRST: "value-mark", THIRD: "three", é: "x" }, repo.key));
  const diff = repo.git("diff");
  assert.match(diff, new RegExp(`^-FIRST {2}${valueDigest(repo.key, "FIRST", "one")}$`, "m"));
  assert.match(diff, new RegExp(`^\\+FIRST {2}${valueDigest(repo.key, "FIRST", "value-mark")}\n.*THIRD.*\n.*é`, "m"));
  assert.doesNotMatch(diff, /value-mark|gAAAAA/);
  repo.git("commit", "-qam", "change");
  assert.equal(repo.git("log", "-p").match(/FIRST {2}[0-9a-f]{8}/g)?.length, 3);
  assert.match(repo.git("blame", PATH), /FIRST {2}[0-9a-f]{8}/);
});

test("plaintext is shown as the token with the same secrets is; without a key no digest is given", (t) => {
  const repo = filterRepo(t);
  const sealed = repo.muxi("textconv", PATH).stdout;
  repo.write(PATH, '{"SECOND": "two", "FIRST": "one"}');
  assert.equal(repo.muxi("textconv", PATH).stdout, sealed);
  repo.remove("agents/.key");
  const shown = repo.muxi("textconv", PATH);
  assert.deepEqual([shown.code, shown.stdout.split("\n")[0]], [0, "FIRST  ????????"]);
});

test("a token that no key opens shows as locked, and another one otherwise", (t) => {
  const repo = filterRepo(t);
  repo.write(PATH, randomToken({ A: "1" }, generateKey()));
  const first = repo.muxi("textconv", PATH).stdout;
  assert.match(first, /^\(locked: no key here opens it\) [0-9a-f]{8}\n$/);
  repo.write(PATH, randomToken({ A: "1" }, generateKey()));
  assert.notEqual(repo.muxi("textconv", PATH).stdout, first);
});

test("always ends with 0, whatever the file is", (t) => {
  const repo = filterRepo(t);
  for (const content of ["", "<<<<<<< a\n", "gAAAAAcut", "\0\0", '{"A":', '{"a\u202e":"1"}']) {
    repo.write(PATH, content);
    const shown = repo.muxi("textconv", PATH);
    assert.equal(shown.code, 0);
    assert.doesNotMatch(shown.stdout, /\u202e|internal error/);
  }
  for (const file of ["absent", "agents", ""]) assert.equal(repo.muxi("textconv", file).code, 0);
});

test("the key of any formation is tried, also one that is only on disk", (t) => {
  const repo = filterRepo(t);
  const key = generateKey();
  repo.write("loose/formation.yaml", "x: 1\n");
  repo.write("loose/.key", formatKey(key));
  repo.write("../lost/secrets.enc", randomToken({ LOOSE: "1" }, key));
  assert.match(repo.muxi("textconv", "../lost/secrets.enc").stdout, /^LOOSE {2}/);
});
