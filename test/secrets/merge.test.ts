import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Secrets, SecretValue } from "../../src/secrets/json.ts";
import { mergeSecrets, type Side } from "../../src/secrets/merge.ts";

function secretsOf(values: Record<string, string | undefined>): Secrets {
  const held = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return new Map(held.map(([name, value]): [string, SecretValue] => [name, { kind: "string", value }]));
}

const plain = (secrets: Secrets): Record<string, string> =>
  Object.fromEntries([...secrets].map(([name, value]) => [name, value.kind === "string" ? value.value : value.text]));

/** Few names and values, so that every combination of three sides comes up. */
const side = fc
  .dictionary(fc.constantFrom("A", "B", "C", "D"), fc.constantFrom("1", "2", "3"), { maxKeys: 4 })
  .map(secretsOf);

describe("a merge by name", () => {
  it("is the three-way merge of each name, whatever the others are", () => {
    fc.assert(
      fc.property(side, side, side, (base, ours, theirs) => {
        const { secrets, conflicts } = mergeSecrets(base, ours, theirs);
        const [b, o, t, result] = [base, ours, theirs, secrets].map(plain) as [
          Record<string, string>,
          Record<string, string>,
          Record<string, string>,
          Record<string, string>,
        ];
        const open = new Set(conflicts.map(({ name }) => name));
        for (const name of ["A", "B", "C", "D"]) {
          const expected = o[name] === t[name] || b[name] === t[name] ? o[name] : b[name] === o[name] ? t[name] : null;
          assert.equal(open.has(name), expected === null, name);
          assert.equal(result[name], expected === null ? o[name] : expected, name);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("is the same from the other side, but for what is in conflict", () => {
    fc.assert(
      fc.property(side, side, side, (base, ours, theirs) => {
        const [one, other] = [mergeSecrets(base, ours, theirs), mergeSecrets(base, theirs, ours)];
        assert.deepEqual(
          one.conflicts.map(({ name }) => name),
          other.conflicts.map(({ name }) => name),
        );
        const settled = (secrets: Secrets) => {
          const rest = plain(secrets);
          for (const { name } of one.conflicts) delete rest[name];
          return rest;
        };
        assert.deepEqual(settled(one.secrets), settled(other.secrets));
      }),
    );
  });

  it("gives a chosen side's value, and leaves no conflict about it", () => {
    fc.assert(
      fc.property(side, side, side, fc.constantFrom<Side>("ours", "theirs"), (base, ours, theirs, chosen) => {
        const { conflicts } = mergeSecrets(base, ours, theirs);
        const choices = new Map(conflicts.map(({ name }) => [name, chosen]));
        const done = mergeSecrets(base, ours, theirs, { choices });
        assert.deepEqual(done.conflicts, []);
        for (const { name } of conflicts)
          assert.equal(plain(done.secrets)[name], plain(chosen === "ours" ? ours : theirs)[name]);
      }),
    );
  });

  it("as a base leaves out what is in conflict, so that it differs from both sides", () => {
    const merged = mergeSecrets(secretsOf({ A: "1" }), secretsOf({ A: "2" }), secretsOf({ A: "3" }), {
      unresolved: "absent",
    });
    assert.deepEqual(plain(merged.secrets), {});
    assert.deepEqual(merged.conflicts, [{ name: "A", kind: "both-changed" }]);
  });

  it("says what each side did", () => {
    const { conflicts } = mergeSecrets(
      secretsOf({ CHANGED: "1", OURS_GONE: "1", THEIRS_GONE: "1" }),
      secretsOf({ CHANGED: "2", THEIRS_GONE: "2", ADDED: "1" }),
      secretsOf({ CHANGED: "3", OURS_GONE: "2", ADDED: "2" }),
    );
    assert.deepEqual(conflicts, [
      { name: "ADDED", kind: "both-added" },
      { name: "CHANGED", kind: "both-changed" },
      { name: "OURS_GONE", kind: "removed-by-ours" },
      { name: "THEIRS_GONE", kind: "removed-by-theirs" },
    ]);
  });
});
