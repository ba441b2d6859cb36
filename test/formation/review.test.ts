import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256 } from "../../src/builtin.ts";
import { findFormations } from "../../src/formation/discover.ts";
import type { EncryptedState } from "../../src/formation/drift.ts";
import {
  FAIL_ON,
  type FormationReview,
  failures,
  pairMoved,
  type ReviewedVersion,
  reviewFormation,
} from "../../src/formation/review.ts";
import { opaque } from "../support/fake.ts";

type Values = Record<string, string>;
const NO_KEY: EncryptedState = { kind: "locked", reason: "no-key" };
const WRONG_KEY: EncryptedState = { kind: "locked", reason: "wrong-key" };

/** A version in `folder`; `enc` null: no secrets.enc, a state: what could be read of it. */
function version(
  given: {
    template?: string[] | null;
    refs?: string[] | Record<string, string>;
    enc?: Values | EncryptedState | null;
    /** What the bytes of secrets.enc are. */
    id?: string;
    key?: string;
    unread?: string[];
  },
  folder = "bot",
): ReviewedVersion {
  const { template = [], refs = [], enc = {}, key = "key", unread = [] } = given;
  const state = (
    enc === null
      ? { kind: "none" }
      : "kind" in enc
        ? enc
        : {
            kind: "opened",
            canonical: true,
            secrets: new Map(Object.entries(enc).map(([name, value]) => [name, { kind: "string", value }])),
          }
  ) as EncryptedState;
  const files: Record<string, string> = Array.isArray(refs)
    ? { "formation.afs": refs.map((name) => `x: "\${{ secrets.${name} }}"\n`).join("") }
    : { "formation.afs": "", ...refs };
  const paths = [
    ...Object.keys(files),
    ...(template === null ? [] : ["secrets"]),
    ...(enc === null ? [] : ["secrets.enc"]),
  ];
  const [formation] = findFormations(paths.map((path) => `${folder}/${path}`));
  return {
    state: {
      formation: formation!,
      template: template === null ? null : Buffer.from(template.map((name) => `${name}=\n`).join("")),
      encrypted: state,
      referenceFiles: Object.entries(files).map(([path, text]) => ({
        path: `${folder}/${path}`,
        bytes: Buffer.from(text),
      })),
      keyState: "ok",
    },
    keyFingerprint: state.kind === "opened" ? key : null,
    encryptedId: enc === null ? null : (given.id ?? sha256(JSON.stringify([enc, key]))),
    unread,
  };
}

function reviewed(before: ReviewedVersion | null, after: ReviewedVersion | null): FormationReview {
  const review = reviewFormation(before, after);
  assert.ok(review !== null, "nothing differs");
  return review;
}

const place = (name: string, line = 1, path = "bot/formation.afs") => ({ name, path, line });

describe("with both keys", () => {
  test("added, removed, changed and renamed names, and where each is used", () => {
    const review = reviewed(
      version({
        template: ["KEPT", "OLD_NAME", "GONE_ONE", "CHANGED_ONE"],
        refs: ["KEPT", "OLD_NAME", "CHANGED_ONE", "GONE_ONE"],
        enc: { KEPT: "1", OLD_NAME: "2", GONE_ONE: "3", CHANGED_ONE: "4" },
      }),
      version({
        template: ["KEPT", "NEW_NAME", "CHANGED_ONE", "ADDED_ONE"],
        refs: {
          "formation.afs": "",
          "agents/a.afs":
            'a: "${{ secrets.CHANGED_ONE }} ${{ secrets.ADDED_ONE }}"\nb: "${{ secrets.NEW_NAME }} ${{ secrets.KEPT }}"\n',
        },
        enc: { KEPT: "1", NEW_NAME: "2", ADDED_ONE: "5", CHANGED_ONE: "6" },
      }),
    );
    assert.deepEqual(
      [review.added, review.removed, review.changed, review.renamed],
      [["ADDED_ONE"], ["GONE_ONE"], ["CHANGED_ONE"], [{ from: "OLD_NAME", to: "NEW_NAME" }]],
    );
    assert.deepEqual(review.uses, [
      place("ADDED_ONE", 1, "bot/agents/a.afs"),
      place("CHANGED_ONE", 1, "bot/agents/a.afs"),
      place("NEW_NAME", 2, "bot/agents/a.afs"),
    ]);
    assert.deepEqual([review.removedInUse, review.rekeyed, review.exact], [[], false, true]);
    assert.deepEqual(review.template, { added: ["ADDED_ONE", "NEW_NAME"], removed: ["GONE_ONE", "OLD_NAME"] });
  });

  test("a name that is gone while it is referenced", () => {
    const before = version({ template: ["A", "B"], refs: ["A", "B"], enc: { A: "1", B: "2" } });
    for (const now of [{ B: "2" }, { A_NEW: "1", B: "2" }]) {
      const review = reviewed(before, version({ template: ["A", "B"], refs: ["A", "B"], enc: now }));
      assert.deepEqual([review.removedInUse, review.uses.map(({ name }) => name)], [["A"], ["A"]]);
      assert.ok(failures({ formations: [review], loosened: [] }, FAIL_ON).includes("removed-in-use"));
    }
    // The template lost it, the value is there: nothing was removed.
    const kept = reviewed(before, version({ template: ["B"], refs: ["A", "B"], enc: { A: "1", B: "2" } }));
    assert.deepEqual([kept.removed, kept.removedInUse, kept.template.removed], [[], [], ["A"]]);
  });

  test("another key, other values or the same; the same key in other bytes", () => {
    const before = version({ enc: { A: "1" } });
    const rotated = reviewed(before, version({ enc: { A: "1" }, key: "another" }));
    assert.deepEqual([rotated.rekeyed, rotated.changed, rotated.encryptedChanged], [true, [], true]);
    assert.deepEqual(reviewed(before, version({ enc: { A: "2" }, key: "another" })).changed, ["A"]);
    const anew = reviewed(before, version({ enc: { A: "1" }, id: "other bytes" }));
    assert.deepEqual([anew.rekeyed, anew.changed, anew.encryptedChanged], [false, [], true]);
    assert.equal(reviewFormation(before, before), null);
  });

  test("a value that stands where a name belongs is not repeated", () => {
    const pasted = opaque(40, "review/pasted");
    const review = reviewed(version({ enc: {} }), version({ enc: { [pasted]: "x" } }));
    assert.deepEqual(review.added, ["(a name that looks like a secret)"]);
  });
});

describe("without a key", () => {
  test("names are the template's, and what is not known is said", () => {
    const review = reviewed(
      version({ template: ["A", "B"], refs: ["A", "B"], enc: NO_KEY, id: "1" }),
      version({ template: ["A", "C"], refs: ["A", "B"], enc: NO_KEY, id: "2" }),
    );
    assert.deepEqual(
      [review.added, review.removed, review.changed, review.rekeyed, review.exact, review.removedInUse],
      [["C"], ["B"], null, null, false, ["B"]],
    );
    assert.deepEqual(review.keys, { base: "no-key", head: "no-key" });
    assert.deepEqual(failures({ formations: [review], loosened: [] }, ["not-known", "changed"]), ["not-known"]);
  });

  test("one version that is open does not make names look removed from the other", () => {
    const before = version({ template: ["A"], enc: { A: "1", NOT_IN_TEMPLATE: "2" } });
    const review = reviewed(before, version({ template: ["A"], enc: WRONG_KEY }));
    assert.deepEqual([review.removed, review.changed, review.rekeyed], [[], null, true]);
    // No key at all says nothing about whose it is.
    assert.equal(reviewed(before, version({ template: ["A"], enc: NO_KEY })).rekeyed, null);
  });

  test("the same bytes are no change, and a reference is one", () => {
    const before = version({ template: ["A"], enc: NO_KEY, id: "1" });
    const review = reviewed(before, version({ template: ["A"], refs: ["A"], enc: NO_KEY, id: "1" }));
    assert.deepEqual([review.changed, review.rekeyed, review.encryptedChanged], [[], false, false]);
    assert.deepEqual(review.references, { added: [place("A")], removed: [] });
    assert.deepEqual(failures({ formations: [review], loosened: [] }, ["not-known"]), []);
  });

  test("a file that this clone lacks is said, and not taken for an empty one", () => {
    const review = reviewed(
      version({ template: ["A"], enc: NO_KEY, id: "1" }),
      version({ template: ["A"], enc: NO_KEY, id: "2", unread: ["bot/secrets.enc"] }),
    );
    assert.deepEqual([review.keys.head, review.unread], ["unread", ["bot/secrets.enc"]]);
    assert.deepEqual(failures({ formations: [review], loosened: [] }, ["not-known"]), ["not-known"]);
  });
});

describe("formations", () => {
  test("new and gone", () => {
    const one = version({ template: ["A"], refs: ["A"], enc: { A: "1" } });
    const added = reviewed(null, one);
    assert.deepEqual([added.formation, added.added, added.references.added], ["added", ["A"], [place("A")]]);
    const removed = reviewed(one, null);
    assert.deepEqual(
      [removed.formation, removed.path, removed.removed, removed.problems],
      ["removed", "bot", ["A"], []],
    );
    assert.deepEqual(removed.removedInUse, []);
  });

  test("a moved one shows what else changed, not its files again", () => {
    const given = { template: ["A"], refs: ["A", "NOT_IN_TEMPLATE"], enc: { A: "1" } };
    const review = reviewed(version(given, "old"), version({ ...given, enc: { A: "2" } }, "new/place"));
    assert.deepEqual([review.formation, review.path, review.movedFrom], ["moved", "new/place", "old"]);
    assert.deepEqual([review.changed, review.references, review.problems], [["A"], { added: [], removed: [] }, []]);
  });

  test("problems are those that the older version lacks, without notes", () => {
    const before = version({ template: ["A"], refs: ["A", "OLD_PROBLEM"], enc: { A: "1" } });
    const review = reviewed(
      before,
      version({ template: ["A"], refs: ["A", "OLD_PROBLEM", "NEW_PROBLEM"], enc: { A: "1" } }),
    );
    assert.deepEqual(
      review.problems.map(({ code, name, line }) => [code, name, line]),
      [["reference-not-in-template", "NEW_PROBLEM", 3]],
    );
  });
});

describe("which formation moved where", () => {
  const made = (path: string, files: Record<string, string>) => ({ path, files: new Map(Object.entries(files)) });
  const base = { "formation.afs": "f1", secrets: "s1", "secrets.enc": "e1" };

  test("the pairs that share most, each once", () => {
    const gone = [made("a", base), made("b", { ...base, "secrets.enc": "e2", "agents/x.afs": "x" })];
    const added = [
      made("c", { ...base, "secrets.enc": "e2", "agents/x.afs": "x", secrets: "s2" }),
      made("d", { ...base, secrets: "s3" }),
    ];
    assert.deepEqual(
      [...pairMoved(gone, added)],
      [
        ["c", "b"],
        ["d", "a"],
      ],
    );
  });

  test("less than half in common is another formation", () => {
    assert.equal(pairMoved([made("a", base)], [made("b", { ...base, secrets: "x", "formation.afs": "y" })]).size, 0);
    assert.equal(pairMoved([made("a", base)], []).size, 0);
  });

  test("what hundreds of formations hold alike is no evidence, and takes no time", () => {
    const many = (name: string) =>
      Array.from({ length: 3000 }, (_, at) => made(`${name}/${at}`, { "formation.afs": "same", secrets: `${at}` }));
    const started = performance.now();
    const moved = pairMoved(many("old"), many("new"));
    assert.ok(performance.now() - started < 1000);
    assert.equal(moved.get("new/17"), "old/17");
    assert.equal(moved.size, 3000);
  });
});
