/** `secrets import`: the values of a `.env` file move, the settings stay, and git has the file no more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeGroqKey, opaque } from "../support/fake.ts";
import { openWith, writeFormation } from "../support/formation.ts";
import { preparedRepo, type Ran } from "../support/repo.ts";

const GROQ = fakeGroqKey();
const PEM = `-----BEGIN TEST KEY-----\n${opaque(60, "pem")}\n-----END TEST KEY-----\n`;

const prepared = preparedRepo((repo) => {
  const formation = writeFormation(repo, "bot");
  repo.write(
    "bot/.env",
    `\ufeff# app\r\nNODE_ENV=production\r\nPORT=3000\r\nexport GROQ_API_KEY='${GROQ}'\r\nstripe-key=one-${GROQ}\r\n` +
      `STRIPE_KEY=two#${GROQ} # live\r\nURL=https://\${HOST}/${GROQ}\r\nOPENAI_API_KEY=other-${GROQ}\r\nEMPTY=\r\n` +
      `DEPLOY_PEM="${PEM}"\r\n${opaque(30, "stray")}\r\n`,
  );
  repo.write(".gitignore", "node_modules");
  assert.equal(repo.muxi("install", "--local").code, 0);
  repo.git("add", "-Af");
  repo.git("rm", "-q", "--cached", "bot/.key");
  repo.git("commit", "-qm", "first", "--no-verify");
  return formation;
});

function assertQuietOnValues(ran: Ran): void {
  for (const value of [GROQ.slice(4, 30), opaque(30, "stray"), PEM.slice(30, 50)])
    assert.ok(!ran.all.includes(value), ran.all);
}

test("a .env file that git has: its secrets move, it leaves git and stays on disk", (t) => {
  const { repo, made: formation } = prepared(t);
  const { OPENAI_API_KEY: kept = "" } = formation.secrets;
  const env = repo.read("bot/.env");
  const state = () => [repo.git("status", "--porcelain"), repo.read("bot/secrets.enc").toString("latin1")];
  const before = state();
  const planned = repo.muxiWith({ cwd: repo.path("bot") }, "secrets", "import", ".env", "--dry-run");
  assert.deepEqual([planned.code, planned.stderr, state()], [0, "", before]);
  const plan =
    "3 values of .env for bot/secrets.enc:\n" +
    "  GROQ_API_KEY (line 4)\n" +
    "  STRIPE_KEY (line 6; the other values, on line 5, do not count)\n" +
    "  DEPLOY_PEM (line 10)\n" +
    "stored with another value: OPENAI_API_KEY\n" +
    "left in .env:\n" +
    "  NODE_ENV, PORT (no secret by its name and look)\n" +
    "  URL (made of other values, and MUXI puts none in)\n" +
    "  EMPTY (without a value)\n" +
    "no NAME=value: line 14\n";
  assert.equal(planned.stdout, `${plan}would take '.env' out of git; it stays on disk\n`);

  const unasked = repo.muxi("secrets", "import", "bot/.env");
  assert.deepEqual([unasked.code, state()], [2, before]);
  assert.match(unasked.stderr, /needs a yes\n.*secrets import bot\/\.env --yes -F bot$/m);

  const ran = repo.muxi("secrets", "import", "bot/.env", "--yes", "-F", "bot");
  assert.equal(ran.code, 1, "one name is undecided");
  assertQuietOnValues(ran);
  assert.match(ran.stderr, /history still holds 'bot\/\.env'.*\n.*scan --history\n/);
  assert.match(ran.stderr, /secrets import bot\/\.env OPENAI_API_KEY --replace -F bot$/m);
  const stored = openWith(formation.key, repo.read("bot/secrets.enc"));
  assert.deepEqual(
    ["GROQ_API_KEY", "STRIPE_KEY", "DEPLOY_PEM", "OPENAI_API_KEY"].map((name) => stored?.get(name)),
    [GROQ, `two#${GROQ}`, PEM, kept].map((value) => ({ kind: "string", value })),
  );
  assert.equal(stored?.size, 5);
  assert.match(repo.read("bot/secrets").toString(), /^DEPLOY_PEM=\nGROQ_API_KEY=\nSTRIPE_KEY=\n/m);
  assert.deepEqual(repo.read("bot/.env"), env);
  assert.equal(repo.read(".gitignore").toString(), "node_modules\n/bot/.env\n");
  assert.equal(repo.git("status", "--porcelain", "--", "bot/.env"), "D  bot/.env");

  const replaced = repo.muxi("secrets", "import", "bot/.env", "OPENAI_API_KEY", "--replace", "--yes", "-F", "bot");
  assert.equal(replaced.code, 0, replaced.all);
  const value = openWith(formation.key, repo.read("bot/secrets.enc"))?.get("OPENAI_API_KEY");
  assert.deepEqual(value, { kind: "string", value: `other-${GROQ}` });
  const again = repo.muxi("secrets", "import", "bot/.env", "-F", "bot");
  assert.deepEqual([again.code, /stored already: GROQ_API_KEY/.test(again.stdout)], [0, true], again.all);
  assert.equal(repo.read(".gitignore").toString(), "node_modules\n/bot/.env\n");
});

test("chosen names, and files that hold nothing to import", (t) => {
  const { repo, made: formation } = prepared(t);
  repo.git("rm", "-q", "--cached", "bot/.env");
  const chosen = repo.muxi("secrets", "import", "bot/.env", "port", "URL", "--yes");
  assert.equal(chosen.code, 0, chosen.all);
  const stored = openWith(formation.key, repo.read("bot/secrets.enc"));
  assert.deepEqual([...(stored?.keys() ?? [])], ["BRAVE_SEARCH_API_KEY", "OPENAI_API_KEY", "PORT", "URL"]);
  assert.deepEqual(stored?.get("URL"), { kind: "string", value: `https://\${HOST}/${GROQ}` });
  assert.equal(repo.read(".gitignore").toString(), "node_modules", "git has it no more");

  repo.write("app/.env", `OTHER_KEY=${fakeGroqKey("app")}\n`);
  repo.git("add", "-f", "app/.env");
  const blocked = repo.try("git", "commit", "-qm", "app");
  const noted = /values of 'app\/\.env' can move to secrets\.enc: (git muxi secrets import app\/\.env)$/m;
  const moved = repo.try("sh", "-c", `${noted.exec(blocked.stderr)?.[1]} --yes`);
  assert.equal(moved.code, 0, `${blocked.all}${moved.all}`);
  assert.equal(repo.git("ls-files", "app"), "");
  // A formation's own file is meant for it, from wherever.
  repo.write("other/formation.afs", 'schema: "1.0.0"\nid: other\n');
  const there = repo.muxiWith({ cwd: repo.path("other") }, "secrets", "import", "../bot/.env", "port", "--dry-run");
  assert.match(there.all, /^stored already: PORT$/m);
  repo.remove("other/formation.afs");

  const files: [string | Uint8Array | null, RegExp, ...string[]][] = [
    ["# nothing\n", /no NAME=value line/],
    [Buffer.from([0x41, 0x3d, 0xff, 0xfe, 0]), /is no text/],
    [`A=\0${GROQ}`, /is no text/],
    [`A_KEY=${GROQ}`, /gives no value to B_KEY/, "B_KEY"],
    [`A_KEY=${GROQ}`, /never an argument/, `B=${GROQ}`],
    [null, /cannot read 'x\.env'/],
  ];
  const before = repo.read("bot/secrets.enc");
  for (const [content, says, ...names] of files) {
    if (content === null) repo.remove("x.env");
    else repo.write("x.env", content);
    const ran = repo.muxi("secrets", "import", "x.env", ...names, "--yes");
    assert.equal(ran.code, 2, ran.all);
    assert.match(ran.stderr, says);
    assertQuietOnValues(ran);
  }
  assert.deepEqual(repo.read("bot/secrets.enc"), before);
});
