/**
 * MUXI's published formations in one repository, their keys and tokens made with
 * Python's cryptography: installed, committed, saved again and again.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type TempRepo, tempRepo } from "../support/repo.ts";
import { SHARED_ABSENT, sharedFile } from "../support/shared.ts";

const FORMATIONS = sharedFile("formations");
const PYTHON = spawnSync("python3", ["-c", "import cryptography.fernet"]).status === 0;
const skip = FORMATIONS === null ? SHARED_ABSENT : PYTHON ? false : "this Python has no cryptography";

/** Writes `.key` (where missing) and a fresh secrets.enc for the names given on stdin as JSON. */
const WRITER = `
import json, sys
from pathlib import Path
from cryptography.fernet import Fernet
job = json.load(sys.stdin)
for folder, secrets in job["formations"].items():
    path = Path(folder)
    key = path / ".key"
    if not key.exists():
        key.write_bytes(Fernet.generate_key())
        key.chmod(0o600)
    if job["shape"] == "go":
        text = json.dumps(dict(sorted(secrets.items())), indent=2, ensure_ascii=False)
        for character in "<>&\\u2028\\u2029":
            text = text.replace(character, "\\\\u%04x" % ord(character))
    else:
        text = json.dumps(secrets, indent=2, ensure_ascii=job["shape"] == "python-std")
    (path / "secrets.enc").write_bytes(Fernet(key.read_bytes().strip()).encrypt(text.encode()))
`;

const READER = `
import json, sys
from pathlib import Path
from cryptography.fernet import Fernet
print(json.dumps({f: json.loads(Fernet((Path(f) / ".key").read_bytes()).decrypt((Path(f) / "secrets.enc").read_bytes())) for f in sys.argv[1:]}))
`;

type Values = Record<string, Record<string, string>>;

function save(repo: TempRepo, formations: Values, shape: "go" | "python-std" | "python-orjson"): void {
  const ran = repo.tryWith({ input: JSON.stringify({ formations, shape }) }, "python3", "-c", WRITER);
  assert.equal(ran.code, 0, ran.stderr);
}

/** `SLOW=1` runs all of them; the everyday run stays quick. */
const ROUNDS = process.env.SLOW === "1" ? 100 : 10;

test("fresh saves of the same secrets are no change, other writers' are named and mended, and Python reads it all", {
  skip,
}, (t) => {
  const repo = tempRepo(t);
  const folders = readdirSync(FORMATIONS!).filter((name) => statSync(join(FORMATIONS!, name)).isDirectory());
  for (const folder of folders) cpSync(join(FORMATIONS!, folder), repo.path(folder), { recursive: true });
  assert.equal(repo.try("chmod", "-R", "u+w", ".").code, 0);

  const install = repo.muxi("install");
  assert.equal(install.code, 0, install.all);
  const names = JSON.parse(repo.muxi("check", "--json").stdout).formations;
  const values: Values = {};
  for (const { path, names: found } of names) {
    const all: string[] = [...new Set<string>([...found.template, ...found.referenced])];
    values[path] = Object.fromEntries(all.map((name, at) => [name, `${path}/${name}?a=${at}&b=<é>`]));
  }
  // In the order of nobody's alphabet: as insertion leaves it.
  const unsorted: Values = Object.fromEntries(
    Object.entries(values).map(([path, all]) => [path, Object.fromEntries(Object.entries(all).reverse())]),
  );
  save(repo, values, "go");

  repo.git("add", "-A");
  const blocked = repo.try("git", "commit", "-qm", "formations");
  assert.equal(blocked.code, 1, blocked.all);
  assert.match(
    blocked.stderr,
    /1 problem in what is staged\n {2}04-code-reviewer\/formation\.afs:33 {2}reference-not-in-template: 'WEBHOOK_URL'/,
  );
  const fix = /^muxi-git: fix: (.*)$/m.exec(blocked.stderr)?.[1] ?? "";
  assert.equal(repo.try("sh", "-c", fix).code, 0, fix);
  const passed = repo.try("git", "commit", "-qm", "formations");
  assert.equal(passed.code, 0, passed.all);

  const objects = repo.git("count-objects", "-v");
  for (let round = 0; round < ROUNDS; round += 1) {
    save(repo, values, "go");
    assert.equal(repo.git("status", "--porcelain"), "", `round ${round}`);
    assert.equal(repo.git("diff"), "");
  }
  repo.git("add", "-A");
  assert.equal(repo.git("count-objects", "-v"), objects, "no blob was written");

  save(repo, unsorted, "python-std");
  const status = repo.muxi("status");
  assert.match(status.all, /normalize/);
  const normalize = repo.muxi("normalize");
  assert.equal(normalize.code, 0, normalize.all);
  assert.equal(repo.git("status", "--porcelain"), "");
  save(repo, unsorted, "python-orjson");
  assert.equal(repo.muxi("normalize").code, 0);
  assert.equal(repo.git("status", "--porcelain"), "");
  assert.equal(repo.git("count-objects", "-v"), objects, "every writer's secrets have one blob");

  // A clone without the tool: the key is handed over, and Python opens every file.
  const clone = join(repo.base, "clone");
  repo.git("clone", "-q", repo.root, clone);
  for (const folder of folders) cpSync(repo.path(folder, ".key"), join(clone, folder, ".key"));
  const read = repo.tryWith({ cwd: clone }, "python3", "-c", READER, ...folders);
  assert.equal(read.code, 0, read.stderr);
  assert.deepEqual(JSON.parse(read.stdout), values);
});
