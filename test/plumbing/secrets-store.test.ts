/** Changing a formation's three files: what is refused, what is written in which order, and what a kill leaves. */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  changeSecrets,
  changeSecretsOf,
  type FormationPlace,
  readSecrets,
  recoverSecrets,
  withSecretsLock,
} from "../../src/plumbing/secrets-store.ts";
import { canonicalToken } from "../../src/secrets/canonical.ts";
import type { Secrets } from "../../src/secrets/json.ts";
import { formatKey, generateKey, type Key } from "../../src/secrets/key.ts";
import { openWith } from "../support/formation.ts";

function secretsOf(values: Record<string, string>): Secrets {
  return new Map(Object.entries(values).map(([name, value]) => [name, { kind: "string", value }]));
}

interface Folder {
  root: string;
  place: FormationPlace;
  at(name: string): string;
  text(name: string): string;
  values(key: Key | string, name?: string): Record<string, string>;
}

/** A formation outside git. */
function folder(t: TestContext, files: Record<string, string | Buffer> = {}): Folder {
  const root = mkdtempSync(join(tmpdir(), "muxi-git-store-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(join(root, "formation.afs"), "schema: 1.0.0\n");
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(root, name, ".."), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  const at = (name: string) => join(root, name);
  return {
    root,
    place: { topLevel: root, path: "", places: null },
    at,
    text: (name) => readFileSync(at(name), "utf8"),
    values(key, name = "secrets.enc") {
      const secrets = openWith(key, readFileSync(at(name)));
      assert.ok(secrets !== null, `${name} does not open`);
      return Object.fromEntries([...secrets].map(([one, value]) => [one, value.kind === "string" ? value.value : "?"]));
    },
  };
}

function sealedFolder(t: TestContext, values: Record<string, string>, template?: string) {
  const key = generateKey();
  const made = folder(t, {
    ".key": formatKey(key),
    "secrets.enc": canonicalToken(secretsOf(values), key),
    secrets:
      template ??
      Object.keys(values)
        .map((name) => `${name}=\n`)
        .join(""),
  });
  return { ...made, key };
}

const put = (place: FormationPlace, name: string, value: string) =>
  changeSecrets(place, ({ secrets }) => ({
    secrets: new Map(secrets).set(name, { kind: "string", value }),
    addToTemplate: [name],
  }));

const mode = (path: string) => lstatSync(path).mode & 0o777;

test("the first secret of a formation makes key, template and secrets.enc, as MUXI has them", async (t) => {
  const { place, at, text, values } = folder(t);
  const changed = await put(place, "A_KEY", "grüße <&> \\ 世界");
  assert.deepEqual(new Set(changed.written), new Set([".key", "secrets", "secrets.enc"]));
  assert.equal(changed.madeKey, true);
  assert.match(text(".key"), /^[A-Za-z0-9_-]{43}=$/);
  assert.deepEqual([mode(at(".key")), mode(at("secrets.enc"))], [0o600, 0o600]);
  assert.equal(text("secrets"), "A_KEY=\n");
  assert.deepEqual(values(text(".key")), { A_KEY: "grüße <&> \\ 世界" });
  assert.match(text("secrets.enc"), /^gAAAAA[A-Za-z0-9_=-]+$/);
});

test("modes stay as they were", async (t) => {
  const { place, at } = sealedFolder(t, { A_KEY: "1" });
  chmodSync(at("secrets.enc"), 0o640);
  chmodSync(at("secrets"), 0o664);
  await put(place, "B_KEY", "2");
  assert.deepEqual([mode(at("secrets.enc")), mode(at("secrets"))], [0o640, 0o664]);
});

test("what is the same already is not written", async (t) => {
  const { place, at } = sealedFolder(t, { A_KEY: "1" });
  const before = lstatSync(at("secrets.enc")).ino;
  assert.deepEqual((await put(place, "A_KEY", "1")).written, []);
  assert.equal(lstatSync(at("secrets.enc")).ino, before);
});

test("a dry run changes nothing, not even by a key or a lock", async (t) => {
  const { place, root } = folder(t);
  const changed = await changeSecrets(place, () => ({ secrets: secretsOf({ A_KEY: "1" }) }), { dryRun: true });
  assert.deepEqual(new Set(changed.written), new Set([".key", "secrets.enc"]));
  assert.deepEqual(readdirSync(root), ["formation.afs"]);
});

test("a key that does not open the file is refused, and never replaced by a new one", async (t) => {
  const { place, at, text } = sealedFolder(t, { A_KEY: "1" });
  const sealed = text("secrets.enc");
  const refused = async (code: string, says: RegExp) => {
    const key = existsSync(at(".key")) ? text(".key") : null;
    await assert.rejects(put(place, "B_KEY", "2"), (error: Error & { code?: string; hint?: string }) => {
      assert.equal(error.code, code);
      assert.match(`${error.message}\n${error.hint}`, says);
      return true;
    });
    assert.equal(existsSync(at(".key")) ? text(".key") : null, key);
    assert.equal(text("secrets.enc"), sealed);
    assert.equal(text("secrets"), "A_KEY=\n");
  };
  const own = text(".key");
  writeFileSync(at(".key"), formatKey(generateKey()));
  await refused("wrong-key", /does not open 'secrets\.enc'\n(.*\n)?.*secrets setup --new-key$/);
  writeFileSync(at(".key"), "\n");
  await refused("no-key", /sealed with one/);
  rmSync(at(".key"));
  await refused("no-key", /key unlock --from-file FILE/);
  writeFileSync(at(".key"), Buffer.from(own, "base64url").toString("hex"));
  await refused("key-hex", /64 hexadecimal/);
  writeFileSync(at(".key"), `\ufeff${Buffer.from(own, "base64url").toString("hex")}\r\n`);
  await refused("key-hex", /64 hexadecimal/);
  writeFileSync(at(".key"), "not a key");
  await refused("key-malformed", /URL-safe base64/);
});

test("what is no token is not written over", async (t) => {
  const { place, at, text } = sealedFolder(t, { A_KEY: "1" });
  const token = text("secrets.enc");
  for (const [bytes, code] of [
    ["", "damaged"],
    [token.slice(0, -30), "damaged"],
    [`${token}\n${token}`, "damaged"],
    ['{"A_KEY": "1"}', "not-encrypted"],
    ["A_KEY=1\n", "not-encrypted"],
    [`<<<<<<< ours\n${token}\n=======\n${token}\n>>>>>>> theirs\n`, "conflict-markers"],
    ["$ANSIBLE_VAULT;1.1;AES256\n3031\n", "damaged"],
  ] as const) {
    writeFileSync(at("secrets.enc"), bytes);
    await assert.rejects(put(place, "B_KEY", "2"), { code });
    assert.equal(text("secrets.enc"), bytes);
  }
});

test("a template that MUXI cannot read, or that a merge left, is not added to", async (t) => {
  const { place, at } = sealedFolder(t, { A_KEY: "1" });
  for (const [bytes, code] of [
    [Buffer.from("\uFEFFA_KEY=\n", "utf16le"), "template-unreadable"],
    [Buffer.from("<<<<<<< ours\nA_KEY=\n=======\nB_KEY=\n>>>>>>> theirs\n"), "conflict-markers"],
  ] as const) {
    writeFileSync(at("secrets"), bytes);
    await assert.rejects(put(place, "B_KEY", "2"), { code });
    assert.ok(readFileSync(at("secrets")).equals(bytes));
  }
});

test("files are written through the links that MUXI follows, and the links stay", async (t) => {
  const { place, at, text, values, key } = sealedFolder(t, { A_KEY: "1" });
  const outside = mkdtempSync(join(tmpdir(), "muxi-git-key-"));
  t.after(() => rmSync(outside, { recursive: true }));
  mkdirSync(at("shared"));
  for (const name of ["secrets", "secrets.enc"]) {
    writeFileSync(at(`shared/${name}`), readFileSync(at(name)));
    rmSync(at(name));
    symlinkSync(`shared/${name}`, at(name));
  }
  writeFileSync(join(outside, "key"), formatKey(key), { mode: 0o400 });
  rmSync(at(".key"));
  symlinkSync(join(outside, "key"), at(".key"));
  await put(place, "B_KEY", "2");
  assert.equal(readlinkSync(at("secrets.enc")), "shared/secrets.enc");
  assert.equal(text("shared/secrets"), "A_KEY=\nB_KEY=\n");
  assert.deepEqual(values(key, "shared/secrets.enc"), { A_KEY: "1", B_KEY: "2" });

  // A key that people keep outside stays there; 0400 stays 0400.
  const next = generateKey();
  await changeSecrets(place, () => ({ key: next }));
  assert.equal(readlinkSync(at(".key")), join(outside, "key"));
  assert.equal(readFileSync(join(outside, "key"), "utf8"), formatKey(next));
  assert.equal(mode(join(outside, "key")), 0o400);
  assert.deepEqual(values(next), { A_KEY: "1", B_KEY: "2" });
});

test("nothing is written through a link that leads out of the formation", async (t) => {
  const { place, at, root } = sealedFolder(t, { A_KEY: "1" });
  const victim = `${root}-victim`;
  writeFileSync(victim, "A_KEY=\n");
  t.after(() => rmSync(victim));
  rmSync(at("secrets"));
  symlinkSync(victim, at("secrets"));
  await assert.rejects(put(place, "B_KEY", "2"), { code: "outside-repository" });
  rmSync(at("secrets"));
  rmSync(at(".key"));
  rmSync(at("secrets.enc"));
  symlinkSync(victim, at(".key"));
  await assert.rejects(put(place, "B_KEY", "2"));
  assert.equal(readFileSync(victim, "utf8"), "A_KEY=\n");
});

test("a name leaves with its line; notes, order and line ends stay", async (t) => {
  const { place, text } = sealedFolder(
    t,
    { A_KEY: "1", B_KEY: "2", C_KEY: "3" },
    "# ours\r\nC_KEY=\r\n\r\n# of b\r\nb-key=sk-...\r\nA_KEY=\r\n",
  );
  await changeSecrets(place, ({ secrets }) => {
    secrets.delete("B_KEY");
    return { secrets, removeFromTemplate: ["B_KEY"], addToTemplate: ["D_KEY", "A_KEY"] };
  });
  assert.equal(text("secrets"), "# ours\r\nC_KEY=\r\n\r\n# of b\r\nA_KEY=\r\nD_KEY=\r\n");
});

test("what MUXI writes in between is seen, not written over", async (t) => {
  const { place, at, values, key } = sealedFolder(t, { A_KEY: "1" });
  let calls = 0;
  await changeSecrets(place, ({ secrets }) => {
    if (calls++ === 0) writeFileSync(at("secrets.enc"), canonicalToken(secretsOf({ A_KEY: "1", MUXI_KEY: "m" }), key));
    return { secrets: secrets.set("B_KEY", { kind: "string", value: "2" }) };
  });
  assert.equal(calls, 2);
  assert.deepEqual(values(key), { A_KEY: "1", B_KEY: "2", MUXI_KEY: "m" });
});

test("changes at once lose nothing", async (t) => {
  const { place, values, key, text } = sealedFolder(t, {});
  const names = Array.from({ length: 6 }, (_, at) => `NAME_${at}`);
  await Promise.all(names.map((name) => put(place, name, name)));
  assert.deepEqual(values(key), Object.fromEntries(names.map((name) => [name, name])));
  assert.equal(text("secrets").split("\n").length, names.length + 1);
});

/** Two formations under one key, which the second has by a link. */
function shared(t: TestContext) {
  const key = generateKey();
  const made = folder(t, {
    "a/.key": formatKey(key),
    "a/secrets.enc": canonicalToken(secretsOf({ A_KEY: "1" }), key),
    "b/secrets.enc": canonicalToken(secretsOf({ B_KEY: "2" }), key),
  });
  symlinkSync("../a/.key", made.at("b/.key"));
  const gitDir = made.at(".git");
  mkdirSync(gitDir);
  const git = { gitDir, commonDir: gitDir, topLevel: null };
  const places = ["a", "b"].map((path): FormationPlace => ({ topLevel: made.root, path, places: git }));
  return { ...made, key, places, place: places[1]!, note: join(gitDir, "muxi-git-next-key") };
}

test("a key is replaced in every formation that shares it", async (t) => {
  const { places, values, text, at, note } = shared(t);
  const next = generateKey();
  await changeSecretsOf(places, (all) => all.map(() => ({ key: next })));
  assert.equal(text("a/.key"), formatKey(next));
  assert.ok(lstatSync(at("b/.key")).isSymbolicLink());
  assert.deepEqual([values(next, "a/secrets.enc"), values(next, "b/secrets.enc")], [{ A_KEY: "1" }, { B_KEY: "2" }]);
  assert.ok(!existsSync(note));
});

test("a change of key that was killed is finished, or forgotten where it sealed nothing yet", async (t) => {
  const { places, values, text, at, key, place, note } = shared(t);
  const next = generateKey();
  const leave = () => writeFileSync(note, JSON.stringify({ formations: ["a", "b"], key: formatKey(next) }));
  leave();
  await recoverSecrets(place);
  assert.ok(!existsSync(note));
  assert.equal(text("a/.key"), formatKey(key));

  leave();
  writeFileSync(at("b/secrets.enc"), canonicalToken(secretsOf({ B_KEY: "2" }), next));
  assert.throws(() => readSecrets(places[1]!), { code: "wrong-key" });
  await recoverSecrets(place);
  assert.equal(text("a/.key"), formatKey(next));
  assert.deepEqual([values(next, "a/secrets.enc"), values(next, "b/secrets.enc")], [{ A_KEY: "1" }, { B_KEY: "2" }]);
});

test("a note that is none of ours does nothing", async (t) => {
  const { place, text, key, note } = shared(t);
  const next = formatKey(generateKey());
  for (const content of ["", "{}", "[]", "\u0000", JSON.stringify({ formations: ["../.."], key: next, x: 1 })]) {
    writeFileSync(note, content);
    await recoverSecrets(place).catch(() => undefined);
    assert.equal(text("a/.key"), formatKey(key));
    rmSync(note, { force: true });
  }
});

test("outside git too: a change that was killed is finished, and the lock is one wherever the command is started", async (t) => {
  const { root, key, at, text, values } = sealedFolder(t, { A_KEY: "1" });
  const next = generateKey();
  const [parent, name] = [join(root, ".."), root.slice(root.lastIndexOf("/") + 1)];
  const fromAbove: FormationPlace = { topLevel: parent, path: name, places: null };
  writeFileSync(at(".key.next"), JSON.stringify({ formations: [name], key: formatKey(next) }));
  writeFileSync(at("secrets.enc"), canonicalToken(secretsOf({ A_KEY: "1" }), next));
  await recoverSecrets({ topLevel: root, path: "", places: null });
  assert.equal(text(".key"), formatKey(next));
  assert.notEqual(text(".key"), formatKey(key));
  assert.deepEqual(values(next), { A_KEY: "1" });

  await withSecretsLock(fromAbove, async () => {
    const held = readFileSync(at(".muxi-git-secrets.lock"), "utf8");
    assert.match(held, new RegExp(`"pid":${process.pid}\\b`));
  });
  assert.ok(!existsSync(at(".muxi-git-secrets.lock")));
});

test("values that nobody can open any more are given up where that is asked for", async (t) => {
  const { place, at, values } = sealedFolder(t, { A_KEY: "1" });
  writeFileSync(at(".key"), formatKey(generateKey()));
  const next = generateKey();
  await changeSecrets(
    place,
    ({ secrets }) => ({ secrets: secrets.set("B_KEY", { kind: "string", value: "2" }), key: next }),
    {
      giveUp: true,
    },
  );
  assert.deepEqual(values(next), { B_KEY: "2" });
});
