/** What git says a push moves, as pre-push and pre-receive read it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MuxiGitError } from "../../src/errors.ts";
import { parsePushed, parseReceived, pushedByFramework } from "../../src/git/push.ts";
import { headsBeingMerged } from "../../src/git/staged.ts";
import { whatRemoteHas } from "../../src/plumbing/pre-push.ts";

const A = "a".repeat(40);
const B = "b".repeat(64);
const ZERO = "0".repeat(40);

test("pre-push: new, moved and deleted refs, whatever the source was typed as", () => {
  const parse = (text: string) => parsePushed(Buffer.from(text));
  assert.deepEqual(parse(""), []);
  assert.deepEqual(parse(`(delete) ${ZERO} refs/heads/x ${A}\n`), []);
  assert.deepEqual(parse(`HEAD ${A} refs/heads/x ${ZERO}\nrefs/heads/é ${B} refs/heads/é ${B}\n`), [
    { source: "HEAD", oid: A, target: "refs/heads/x", old: null },
    { source: "refs/heads/é", oid: B, target: "refs/heads/é", old: B },
  ]);
  assert.deepEqual(parse(`:/a fix of it ${A} refs/heads/x ${A}\n`), [
    { source: ":/a fix of it", oid: A, target: "refs/heads/x", old: A },
  ]);
});

test("pre-receive: the old end first", () => {
  assert.deepEqual(parseReceived(Buffer.from(`${ZERO} ${A} refs/heads/x\n${A} ${ZERO} refs/heads/y\n`)), [
    { source: "refs/heads/x", oid: A, target: "refs/heads/x", old: null },
  ]);
});

test("anything else is an error, never an empty push", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (text) => {
      for (const parse of [parsePushed, parseReceived]) {
        try {
          assert.deepEqual(parse(Buffer.from(text)), text.replaceAll("\n", "") === "" ? [] : null);
        } catch (error) {
          assert.ok(error instanceof MuxiGitError && error.code === "push-malformed");
        }
      }
    }),
  );
});

test("the Python framework's variables, only where it runs", () => {
  assert.equal(pushedByFramework({}), null);
  assert.equal(pushedByFramework({ PRE_COMMIT_FROM_REF: A, PRE_COMMIT_TO_REF: A }), null);
  const env = { PRE_COMMIT_FROM_REF: "x", PRE_COMMIT_TO_REF: A, PRE_COMMIT_LOCAL_BRANCH: "refs/heads/x" };
  assert.deepEqual(pushedByFramework(env), [{ source: "refs/heads/x", target: "refs/heads/x", oid: A, old: null }]);
  assert.equal(pushedByFramework({ ...env, PRE_COMMIT_FROM_REF: B })?.[0]?.old, B);
});

test("a remote's name stands for what it has, a URL does not; heads being merged are oids", () => {
  assert.deepEqual(whatRemoteHas("origin", "https://x.test/y"), ["--not", "--remotes=origin"]);
  for (const [name, url] of [
    ["../r", "../r"],
    ["*", "x"],
    ["", ""],
    [undefined, undefined],
  ] as const) {
    assert.deepEqual(whatRemoteHas(name, url), []);
  }
  assert.deepEqual(headsBeingMerged({ [`GITHEAD_${A}`]: "x", GITHEAD_x: "y", [`GITHEAD_${B}`]: "z" }), [A, B]);
});
