import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseSecrets, type Secrets } from "../../src/secrets/json.ts";
import { diffNames } from "../../src/secrets/names-diff.ts";

function secrets(values: Record<string, unknown>): Secrets {
  return parseSecrets(Buffer.from(JSON.stringify(values)));
}

const SAME = { added: [], removed: [], changed: [], renamed: [] };

describe("a names diff", () => {
  for (const [what, before, after, expected] of [
    ["is empty between equals", { A: "1", B: "2" }, { B: "2", A: "1" }, {}],
    [
      "names what was added, removed and changed",
      { A: "1", B: "2", C: "3" },
      { B: "9", C: "3", D: "4" },
      { added: ["D"], removed: ["A"], changed: ["B"] },
    ],
    [
      "knows a rename by its value",
      { OLD: "1", B: "2" },
      { NEW: "1", B: "2" },
      { renamed: [{ from: "OLD", to: "NEW" }] },
    ],
    ["takes two possible sources for no rename", { A: "1", B: "1" }, { C: "1" }, { added: ["C"], removed: ["A", "B"] }],
    ["takes two possible targets for no rename", { A: "1" }, { B: "1", C: "1" }, { added: ["B", "C"], removed: ["A"] }],
    [
      "is not confused by a name that stays with the same value",
      { A: "1", K: "1" },
      { B: "1", K: "1" },
      { renamed: [{ from: "A", to: "B" }] },
    ],
    ["takes an empty value for no evidence", { A: "" }, { B: "" }, { added: ["B"], removed: ["A"] }],
    [
      "tells a number from its text",
      { A: 1, B: "1" },
      { A: "1", C: 1 },
      { added: ["C"], removed: ["B"], changed: ["A"] },
    ],
    ["knows a rename of a number", { A: 1 }, { B: 1 }, { renamed: [{ from: "A", to: "B" }] }],
    [
      "sorts by UTF-8 bytes",
      {},
      { "\u{1f511}": "1", "\ufffd": "2", b: "3", B: "4" },
      { added: ["B", "b", "\ufffd", "\u{1f511}"] },
    ],
  ] as const) {
    test(what, () => {
      assert.deepEqual(diffNames(secrets(before), secrets(after)), { ...SAME, ...expected });
    });
  }

  test("accounts for every name once, and reads backwards as its opposite", () => {
    const any = fc.dictionary(fc.constantFrom("A", "B", "C", "D", "E"), fc.constantFrom("1", "2", "3", ""));
    fc.assert(
      fc.property(any, any, (x, y) => {
        const forth = diffNames(secrets(x), secrets(y));
        const back = diffNames(secrets(y), secrets(x));
        assert.deepEqual(forth.added, back.removed);
        assert.deepEqual(forth.changed, back.changed);
        assert.deepEqual(
          new Set(forth.renamed.map(({ from, to }) => `${from}>${to}`)),
          new Set(back.renamed.map(({ from, to }) => `${to}>${from}`)),
        );
        const removed = [...forth.removed, ...forth.renamed.map(({ from }) => from)];
        const gone = Object.keys(x).filter((name) => !Object.hasOwn(y, name));
        assert.equal(removed.length, gone.length);
        assert.deepEqual(new Set(removed), new Set(gone));
        for (const { from, to } of forth.renamed) assert.equal(x[from], y[to]);
      }),
    );
  });

  test("holds no value", () => {
    const diff = diffNames(
      secrets({ A: "VALUE-1", B: "VALUE-2" }),
      secrets({ C: "VALUE-1", B: "VALUE-3", D: "VALUE-4" }),
    );
    assert.equal(JSON.stringify(diff).includes("VALUE"), false);
  });
});
