import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodePath, encodePath, parseIndexEntries, parseRawDiff, parseTreeEntries } from "../../src/git/entries.ts";

const OID = "a".repeat(40);
const OID_256 = "b".repeat(64);

test("a path of any bytes survives decoding and encoding, and two different ones never become one", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (a, b) => {
      const [pathA, pathB] = [decodePath(Buffer.from(a)), decodePath(Buffer.from(b))];
      assert.deepEqual(encodePath(pathA), Buffer.from(a));
      assert.equal(pathA === pathB, Buffer.compare(Buffer.from(a), Buffer.from(b)) === 0);
    }),
    { numRuns: 2000 },
  );
});

test("index entries keep newlines, quotes and non-ASCII in paths, in both object formats", () => {
  const output = Buffer.from(`100644 ${OID} 0\ta\nb "c"/ü.afs\0${"120000"} ${OID_256} 2\tlink\0`);
  assert.deepEqual(parseIndexEntries(output), [
    { mode: "100644", oid: OID, stage: 0, path: 'a\nb "c"/ü.afs' },
    { mode: "120000", oid: OID_256, stage: 2, path: "link" },
  ]);
  assert.deepEqual(parseIndexEntries(Buffer.alloc(0)), []);
});

test("tree entries and raw changes are read as git prints them", () => {
  assert.deepEqual(parseTreeEntries(Buffer.from(`100755 blob ${OID}\trun me\0`)), [
    { mode: "100755", oid: OID, path: "run me" },
  ]);
  const raw = `:100644 000000 ${OID} ${"0".repeat(40)} D\0gone\0:000000 100644 ${"0".repeat(40)} ${OID} A\0new\tname\0`;
  assert.deepEqual(parseRawDiff(Buffer.from(raw)), [
    { oldMode: "100644", newMode: "000000", oldOid: OID, newOid: "0".repeat(40), status: "D", path: "gone" },
    { oldMode: "000000", newMode: "100644", oldOid: "0".repeat(40), newOid: OID, status: "A", path: "new\tname" },
  ]);
});
