/**
 * What names cost where git has bytes. Each beside git's own work on the same blobs; medians of `--runs=N` (5).
 *
 * - review: `muxi-git diff` of 1,000 formations that all changed, with their keys and without, beside `git diff`.
 * - merge: `git merge` of 1,000 formations that each changed on both sides, beside the same merge in a clone without
 *   a driver, where every one of them conflicts.
 * - log: `git log -p` over 300 versions of one secrets.enc: the first time, and again. Beside git without a textconv,
 *   and with `cat` for one: starting that once for every version that is shown is what any textconv costs at least.
 *
 * `--formations=N`, `--versions=N` for less.
 */
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { base, initialised, MAIN, medians, run, runsWanted, time } from "../support/measure.mjs";

const wanted = (name, usual) =>
  Number(process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3) ?? usual);
const FORMATIONS = wanted("formations", 1000);
const VERSIONS = wanted("versions", 300);
const runs = runsWanted(5);
const digest = (what) => createHash("sha256").update(what).digest("base64url");
const install = (root) => run(root, process.execPath, MAIN, "install", "--hooks", "none");

/** Without its output, which is megabytes. */
const timed = (where, ...command) => time(where, "sh", "-c", 'exec "$@" >/dev/null', "sh", ...command);

function report(what, milliseconds, own) {
  const ratio = own === undefined ? "" : `  ${(milliseconds / own).toFixed(1)} x git's own`;
  console.log(`${what.padEnd(52)} ${milliseconds.toFixed(0).padStart(7)} ms${ratio}`);
}

// ---- review and merge

const NAMES = ["OPENAI_API_KEY", "BRAVE_SEARCH_API_KEY", "ZENDESK_TOKEN", "POSTGRES_URL"];

function formation(root, number) {
  const folder = join(root, "bots", `bot-${number}`);
  mkdirSync(join(folder, "agents"), { recursive: true });
  writeFileSync(join(folder, ".key"), `${digest(`key ${number}`)}=`, { mode: 0o600 });
  const lines = NAMES.map((name, at) => `    p${at}: "\${{ secrets.${name} }}"\n`).join("");
  writeFileSync(join(folder, "formation.afs"), `id: bot-${number}\nllm:\n  api_keys:\n${lines}`);
  writeFileSync(join(folder, "secrets"), NAMES.map((name) => `${name}=\n`).join(""));
}

/** Encrypted by the clean filter. */
function values(root, side, changed) {
  for (let number = 0; number < FORMATIONS; number += 1) {
    const secrets = Object.fromEntries(
      NAMES.map((name) => [name, `v-${digest(`${number} ${name} ${name === changed ? side : ""}`)}`]),
    );
    writeFileSync(join(root, "bots", `bot-${number}`, "secrets.enc"), JSON.stringify(secrets));
  }
  run(root, "git", "add", "-A");
  run(root, "git", "commit", "-qm", side);
  run(root, "git", "tag", side);
}

const root = join(base, "formations");
mkdirSync(root);
initialised(root);
writeFileSync(join(root, ".gitignore"), ".key\n");
for (let number = 0; number < FORMATIONS; number += 1) formation(root, number);
install(root);
values(root, "base", "");
values(root, "ours", NAMES[0]);
run(root, "git", "checkout", "-q", "--detach", "base");
values(root, "theirs", NAMES[1]);
run(root, "git", "checkout", "-q", "--detach", "ours");
const bare = join(base, "bare.git");
run(base, "git", "clone", "-q", "--bare", root, bare);
const plain = join(base, "plain");
run(base, "git", "clone", "-q", root, plain);

const review = medians(1, runs, () => ({
  git: timed(root, "git", "diff", "--no-textconv", "base", "ours"),
  keyed: timed(root, process.execPath, MAIN, "diff", "base", "ours"),
  bare: timed(bare, process.execPath, MAIN, "diff", "base", "ours"),
}));
report(`git diff of ${FORMATIONS} formations`, review.git);
report("muxi-git diff, with the keys", review.keyed, review.git);
report("muxi-git diff, bare, no key", review.bare, review.git);

run(plain, "git", "checkout", "-q", "--detach", "ours");
const merging = medians(0, Math.min(runs, 3), () => ({ own: mergeWithout(), driver: mergeWith() }));
function mergeWithout() {
  run(plain, "git", "reset", "-q", "--hard", "ours");
  return time(plain, "sh", "-c", "! git merge -q --no-edit theirs >/dev/null 2>&1");
}
function mergeWith() {
  run(root, "git", "reset", "-q", "--hard", "ours");
  return time(root, "git", "merge", "-q", "--no-edit", "theirs");
}
report(`git merge of ${FORMATIONS} formations, no driver`, merging.own);
report("git merge, by name", merging.driver, merging.own);

// ---- log

const history = join(base, "history");
mkdirSync(history);
initialised(history);
writeFileSync(join(history, ".key"), `${digest("history")}=`, { mode: 0o600 });
writeFileSync(join(history, "formation.afs"), "id: x\n");
install(history);
for (let version = 0; version < VERSIONS; version += 1) {
  const secrets = Array.from({ length: 12 }, (_, at) => [
    `SERVICE_${at}_API_KEY`,
    `v-${digest(`${at} ${version % 12 === at ? version : ""}`)}`,
  ]);
  writeFileSync(join(history, "secrets.enc"), JSON.stringify(Object.fromEntries(secrets)));
  run(history, "git", "add", "secrets.enc");
  run(history, "git", "commit", "-qm", `${version}`);
}
const log = (...options) => timed(history, "git", ...options, "log", "-p", "--", "secrets.enc");
const logging = medians(0, runs, () => {
  rmSync(join(history, ".git", "muxi-git", "textconv"), { recursive: true, force: true });
  return {
    first: log(),
    again: log(),
    cat: log("-c", "diff.muxi-git.textconv=cat"),
    none: timed(history, "git", "log", "-p", "--no-textconv", "--", "secrets.enc"),
  };
});
report(`git log -p of ${VERSIONS} versions, no textconv`, logging.none);
report("git log -p, textconv is cat", logging.cat, logging.none);
report("git log -p, names, the first time", logging.first, logging.none);
report("git log -p, names, again", logging.again, logging.none);
console.log(
  `names cost ${(logging.again / logging.cat).toFixed(1)} x what cat costs, the first time ${(logging.first / logging.cat).toFixed(1)} x`,
);
