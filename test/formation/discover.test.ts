import assert from "node:assert/strict";
import { test } from "node:test";
import { findFormations, formationOf } from "../../src/formation/discover.ts";

test("a folder is a formation by its formation file alone", () => {
  assert.deepEqual(findFormations([]), []);
  assert.deepEqual(
    findFormations(["secrets", "secrets.enc", "a/secrets.enc", "Formation.afs", "formation.json", "my-formation.afs"]),
    [],
  );
  assert.deepEqual(findFormations(["formation.yml"]), [
    { path: "", formationFile: "formation.yml", template: null, encrypted: null, referenceFiles: ["formation.yml"] },
  ]);
});

test("the formation file is the one that MUXI reads, whatever the order of the paths", () => {
  const paths = ["a/formation.yml", "a/formation.yaml", "a/formation.afs"];
  for (const order of [paths, paths.toReversed()])
    assert.equal(findFormations(order)[0]?.formationFile, "a/formation.afs");
  assert.equal(findFormations(paths.slice(0, 2))[0]?.formationFile, "a/formation.yaml");
});

test("files belong to the innermost formation, and only what MUXI reads is listed", () => {
  const paths = [
    "formation.afs",
    "secrets",
    "secrets.enc",
    "secrets.example",
    "agents/a.afs",
    "agents/deep/a.afs",
    "sub/secrets",
    "sub dir/\u00e9\nx/formation.yaml",
    "sub dir/\u00e9\nx/secrets",
    "sub dir/\u00e9\nx/Secrets.enc",
    "sub dir/\u00e9\nx/sops/a.md",
    "sub dir/\u00e9\nx/skills/a/SKILL.md",
    "skills/b/SKILL.md",
    ".github/workflows/ci.yml",
  ];
  const inner = "sub dir/\u00e9\nx";
  // A one-shot iterator, as the keys of a Map are.
  const formations = findFormations(paths.values());
  assert.deepEqual(formations, [
    {
      path: "",
      formationFile: "formation.afs",
      template: "secrets",
      encrypted: "secrets.enc",
      referenceFiles: ["agents/a.afs", "formation.afs", "skills/b/SKILL.md"],
    },
    {
      path: inner,
      formationFile: `${inner}/formation.yaml`,
      template: `${inner}/secrets`,
      encrypted: null,
      referenceFiles: [`${inner}/formation.yaml`, `${inner}/skills/a/SKILL.md`, `${inner}/sops/a.md`],
    },
  ]);
  assert.equal(formationOf(`${inner}/a/b/c`, formations)?.path, inner);
  assert.equal(formationOf("sub dir/x", formations)?.path, "");
  assert.equal(formationOf(`${inner}y/a`, formations)?.path, "");
  assert.equal(formationOf("a", findFormations(["b/formation.afs"])), undefined);
});
