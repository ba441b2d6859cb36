/** A merge of many formations starts a node for the first two and for what is in conflict, and gives what one each gave. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { opaque } from "../support/fake.ts";
import { freshToken, goJson, openWith, writeFormation } from "../support/formation.ts";
import { preparedRepo, type TempRepo } from "../support/repo.ts";

const value = (seed: string) => `val-${opaque(24, `ahead/${seed}`)}`;
const FOLDERS = ["a", "b", "c", "d", "e"];
/** Its sides change the same name. In the middle, so that it is told ahead whichever end git begins at. */
const CONFLICT = "c";
const BASE = { A_KEY: value("a"), B_KEY: value("b") };

const made = preparedRepo((repo) => {
  const keys = Object.fromEntries(FOLDERS.map((folder) => [folder, writeFormation(repo, folder, BASE).key]));
  const ran = repo.muxi("install", "--hooks", "none");
  if (ran.code !== 0) throw new Error(ran.all);
  const commit = (message: string, changed: (folder: string) => Record<string, string>): void => {
    for (const folder of FOLDERS) {
      const token = freshToken(keys[folder]!, goJson({ ...BASE, ...changed(folder) }));
      repo.write(`${folder}/secrets.enc`, token);
    }
    repo.git("add", "-A");
    repo.git("commit", "-qm", message);
  };
  commit("base", () => ({}));
  repo.git("switch", "-qc", "side");
  commit("side", (folder) => ({ [folder === CONFLICT ? "A_KEY" : "B_KEY"]: value(`${folder} theirs`) }));
  repo.git("switch", "-q", "main");
  commit("main", (folder) => ({ A_KEY: value(`${folder} ours`), [`NEW_${folder.toUpperCase()}_KEY`]: value(folder) }));
  // Writes a line for each merge that node is started for.
  const runtime = repo.path(".git", "muxi-git");
  const program = join(repo.base, "counting node");
  writeFileSync(
    program,
    `#!/bin/sh\ncase $2 in merge-driver) echo "$7" >>'${join(runtime, "count")}' ;; esac\nexec '${process.execPath}' "$@"\n`,
  );
  chmodSync(program, 0o755);
  return keys;
});

/** The paths that node was started for in `body`. */
function counted(repo: TempRepo, body: () => void): string[] {
  const log = repo.path(".git/muxi-git/count");
  writeFileSync(log, "");
  writeFileSync(repo.path(".git/muxi-git/node"), `${join(repo.base, "counting node")}\n`);
  // The prepared copy has another base than the script was written for.
  const script = readFileSync(join(repo.base, "counting node"), "utf8");
  writeFileSync(join(repo.base, "counting node"), script.replace(/>>'.*'/, `>>'${log}'`), { mode: 0o755 });
  body();
  return readFileSync(log, "utf8").split("\n").filter(Boolean);
}

/** The first two, in whatever order git takes them, and the one that cannot be told ahead. */
function assertFew(started: readonly string[]): void {
  assert.ok(started.includes("c/secrets.enc"), started.join(" "));
  assert.ok(started.length === 3, started.join(" "));
}

for (const [name, args] of [
  ["merge", ["merge", "-q", "--no-edit", "side"]],
  ["rebase", ["rebase", "-q", "side"]],
] as const) {
  test(`${name}: every formation has its names, the conflict is told, and few nodes are started`, (t) => {
    const { repo, made: keys } = made(t);
    const started = counted(repo, () => {
      const ran = repo.try("git", ...args);
      assert.equal(ran.code, 1, ran.all);
      assert.match(ran.stderr, /conflict: 'c\/secrets\.enc': A_KEY was changed on both sides; ours was left/);
      assert.doesNotMatch(ran.stderr, /conflict: '[^c]/);
    });
    assertFew(started);
    const ours = name === "merge" ? "ours" : "theirs";
    for (const folder of FOLDERS) {
      const secrets = openWith(keys[folder]!, repo.read(`${folder}/secrets.enc`));
      const got = Object.fromEntries([...secrets!].map(([one, held]) => [one, held.kind === "string" && held.value]));
      const expected =
        folder === CONFLICT
          ? { A_KEY: value(`c ${ours}`), B_KEY: BASE.B_KEY, NEW_C_KEY: value("c") }
          : {
              A_KEY: value(`${folder} ours`),
              B_KEY: value(`${folder} theirs`),
              [`NEW_${folder.toUpperCase()}_KEY`]: value(folder),
            };
      assert.deepEqual(got, expected, folder);
    }
    assert.deepEqual(repo.git("diff", "--name-only", "--diff-filter=U"), "c/secrets.enc");
    const kept = repo.path(".git/muxi-git/merges");
    assert.equal(readdirSync(kept).filter((file) => file.startsWith("1-")).length, FOLDERS.length - 1);
    for (const file of readdirSync(kept)) {
      const text = readFileSync(join(kept, file), "latin1");
      for (const side of ["ours", "theirs"]) assert.ok(!text.includes(value(`a ${side}`)), file);
    }
  });
}

test("another git asks anew, and what the other kept goes", (t) => {
  const { repo } = made(t);
  repo.try("git", "merge", "-q", "--no-edit", "side");
  const first = repo.git("ls-files", "-s");
  repo.git("merge", "--abort");
  for (const file of readdirSync(repo.path(".git/muxi-git/merges"))) {
    // As if kept by a git of the same process id for another key: it is not what git asks.
    const path = repo.path(".git/muxi-git/merges", file);
    if (file.startsWith("1-")) writeFileSync(path, readFileSync(path, "latin1").replaceAll("gAAAAA", "gAAAAB"));
  }
  assertFew(counted(repo, () => repo.try("git", "merge", "-q", "--no-edit", "side")));
  assert.equal(repo.git("ls-files", "-s"), first);
  rmSync(repo.path(".git/muxi-git/merges"), { recursive: true });
  repo.git("merge", "--abort");
  writeFileSync(repo.path(".git/muxi-git/merges"), "in the way");
  repo.try("git", "merge", "-q", "--no-edit", "side");
  assert.equal(repo.git("ls-files", "-s"), first);
});

test("what is kept answers for the three files that it was made of, to the byte", (t) => {
  const { repo, made: keys } = made(t);
  const runtime = repo.path(".git/muxi-git");
  rmSync(join(runtime, "main.cjs"));
  const [base, ours, theirs, merged] = ["1", "2", "3", "4"].map((A_KEY) =>
    freshToken(keys.a!, goJson({ A_KEY })).toString(),
  ) as [string, string, string, string];
  const folder = repo.path(".git/muxi-git/merges");
  mkdirSync(folder);
  // The shell's parent, as it sees it, is this process.
  writeFileSync(join(folder, "miss"), `${process.pid}\n`);
  const mac = (token: string) => token.replace(/=*$/, "").slice(-43);
  writeFileSync(join(folder, `1-${mac(ours)}${mac(theirs)}`), [base, ours, theirs, merged, ""].join("\n"));
  const merge = (...files: string[]) => {
    const names = files.map((text, at) => {
      const name = repo.path(`.merge_file_${at}`);
      writeFileSync(name, text);
      return name;
    });
    const { code } = repo.try("sh", join(runtime, "run"), "merge-driver", ...names, "7", "a/secrets.enc");
    return { code, left: readFileSync(names[1]!, "latin1") };
  };
  assert.deepEqual(merge(base, ours, theirs), { code: 0, left: merged });
  const other = (token: string) => `${token.slice(0, 30)}${token[30] === "A" ? "B" : "A"}${token.slice(31)}`;
  for (const files of [
    [other(base), ours, theirs],
    ["", ours, theirs],
    [base, other(ours), theirs],
    [base, ours, other(theirs)],
    [base, `${ours}\n`, theirs],
    [base, ours, ""],
  ] as const)
    assert.deepEqual(merge(...files), { code: 1, left: files[1] });
  writeFileSync(join(folder, "miss"), `${process.pid + 1}\n`);
  assert.equal(merge(base, ours, theirs).code, 1, "for another git");
});
