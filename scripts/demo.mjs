/**
 * `npm run demo`: the main job, shown on a scratch repository that is deleted at
 * the end. Every command printed is run as printed; what git and muxi-git answer
 * is shown as it comes. Exits 1 when something did not go as the demo says.
 */
import { spawnSync } from "node:child_process";
import { createCipheriv, createHmac, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { ensureBuilt, ROOT } from "./setup.mjs";

ensureBuilt();

const base = mkdtempSync(join(tmpdir(), "muxi-git-demo-"));
const repo = join(base, "my-agents");
const bin = join(base, "bin");
process.on("exit", () => rmSync(base, { recursive: true, force: true }));

const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
let wrong = 0;

// `npx muxi-git` is this checkout here: a command of that name, first in PATH.
mkdirSync(bin, { recursive: true });
writeFileSync(
  join(bin, "npx"),
  `#!/bin/sh\n[ "$1" = muxi-git ] && shift\nexec "${process.execPath}" "${join(ROOT, "dist", "main.cjs")}" "$@"\n`,
  { mode: 0o755 },
);
const env = {
  PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
  HOME: base,
  XDG_CONFIG_HOME: base,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.com",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.com",
  GIT_PAGER: "cat",
  LC_ALL: "C.UTF-8",
};

function say(text) {
  console.log(`\n${paint("1", text)}`);
}

/** Run a command line through sh, show it and its answer. `expect` is the exit code the demo promises. */
function shell(line, expect = 0) {
  console.log(paint("36", `$ ${line}`));
  const result = spawnSync("sh", ["-c", line], { cwd: repo, env, encoding: "utf8" });
  const text = `${result.stdout}${result.stderr}`.replaceAll(base, "").trimEnd();
  if (text !== "") console.log(text);
  if (expect !== null && result.status !== expect) {
    wrong += 1;
    console.log(paint("31", `(this ended with ${result.status}, the demo expected ${expect})`));
  }
  return text;
}

function expect(what, holds) {
  if (holds) return;
  wrong += 1;
  console.log(paint("31", `(not as promised: ${what})`));
}

function write(path, text) {
  mkdirSync(dirname(join(repo, path)), { recursive: true });
  writeFileSync(join(repo, path), text);
}

/** A token as MUXI writes one: random IV, the present time (the Fernet specification). */
function fernet(key, plaintext) {
  const raw = Buffer.from(key, "base64url");
  const iv = randomBytes(16);
  const cipher = createCipheriv("aes-128-cbc", raw.subarray(16), iv);
  const head = Buffer.alloc(9);
  head[0] = 0x80;
  head.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000)), 1);
  const body = Buffer.concat([head, iv, cipher.update(plaintext), cipher.final()]);
  const signed = Buffer.concat([body, createHmac("sha256", raw.subarray(0, 16)).update(body).digest()]);
  return signed.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

const key = randomBytes(32).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
const secrets = {
  BRAVE_SEARCH_API_KEY: `demo-${randomBytes(15).toString("hex")}`,
  OPENAI_API_KEY: `demo-${randomBytes(15).toString("hex")}`,
};
const save = () => write("secrets.enc", fernet(key, JSON.stringify(secrets, null, 2)));

say("A formation: it names its secrets, and MUXI keeps their values in secrets.enc");
mkdirSync(repo);
write(
  "formation.afs",
  'schema: "1.0.0"\nid: my-agents\nllm:\n  api_keys:\n    openai: "${{ secrets.OPENAI_API_KEY }}"\n',
);
write("mcp/search.afs", 'id: search\nauth:\n  type: env\n  BRAVE_API_KEY: "${{ secrets.BRAVE_SEARCH_API_KEY }}"\n');
write("secrets", "# what this formation needs\nOPENAI_API_KEY=\nBRAVE_SEARCH_API_KEY=\n");
write(".key", key);
save();
shell("git init -q -b main");
const config = readFileSync(join(repo, ".git", "config"), "utf8");

say("One command sets the repository up");
shell("npx muxi-git install");
shell("git add -A && git commit -qm 'A formation'");

say("A key that is forced in is stopped");
shell("git add -f .key && git commit -qm 'Oops'", 1);
shell("git rm -q --cached -- .key");

say("So is the value of a secret in any file, in any encoding");
write("notes.md", `the key is ${Buffer.from(`(${secrets.OPENAI_API_KEY})`).toString("base64")}\n`);
const blocked = shell("git add notes.md && git commit -qm 'Notes'", 1);
expect("no value is shown", !blocked.includes(secrets.OPENAI_API_KEY));
write("notes.md", "the key is in secrets.enc\n");
shell("git add notes.md && git commit -qm 'Notes'");

say("And a reference that nobody gave a name in the template");
write("mcp/mail.afs", 'id: mail\nauth:\n  type: env\n  TOKEN: "${{ secrets.MAIL_TOKEN }}"\n');
shell("git add mcp && git commit -qm 'Mail'", 1);
shell("git muxi secrets sync --template-only && git add secrets && git commit -qm 'Mail'");

say("MUXI saves the same secrets again, with fresh randomness: git sees no change");
const old = readFileSync(join(repo, "secrets.enc"), "utf8");
save();
expect("the file's bytes differ", old !== readFileSync(join(repo, "secrets.enc"), "utf8"));
expect("git status is empty", shell("git status --short") === "");

say("A changed secret shows by name, never by value");
secrets.OPENAI_API_KEY = `demo-${randomBytes(15).toString("hex")}`;
secrets.MAIL_TOKEN = `demo-${randomBytes(15).toString("hex")}`;
save();
shell("git diff --stat");
const names = `${shell("git diff secrets.enc")}${shell("git muxi diff")}`;
expect("no value is shown", !Object.values(secrets).some((value) => names.includes(value)));
shell("git commit -qam 'Rotate the OpenAI key, add the mail token' && git muxi status");

say("And it leaves as it came");
shell("npx muxi-git uninstall");
expect("the configuration is as it was", config === readFileSync(join(repo, ".git", "config"), "utf8"));

expect("nothing is left under .git", !existsSync(join(repo, ".git", "muxi-git")));
say(wrong === 0 ? "That is all. The scratch repository is gone." : `${wrong} things did not go as promised.`);
process.exitCode = wrong === 0 ? 0 : 1;
