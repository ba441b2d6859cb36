/**
 * What the hook adds to a large commit: 40 formations with a key and 10 values each, all of them staged or in
 * HEAD, and 500 staged files, 4 MB: 350 of 2 kB, 120 of 10 kB, 25 of 50 kB, 5 of 200 kB (text, none with a
 * finding). Beside `node -e 0` and beside the same commit without a hook; interleaved, medians of `--runs=N` (10).
 *
 * `small` is a commit of 5 files in that same repository: what 40 formations alone cost.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { base, initialised, MAIN, medians, nodeAlone, run, runsWanted, time } from "../support/measure.mjs";

const FORMATIONS = 40;
const VALUES = 10;
const SIZES = [
  ...Array(350).fill(2_000),
  ...Array(120).fill(10_000),
  ...Array(25).fill(50_000),
  ...Array(5).fill(200_000),
];

/** The same words for the same seed: prose and code as far as a scanner can tell. */
const WORDS =
  "the agent reads config.host returns value for each request in order (see docs) const result = await load(name); // note".split(
    " ",
  );
function text(seed, size) {
  let out = "";
  let at = seed * 7919;
  while (out.length < size) {
    at = (at * 1103515245 + 12345) % 2147483648;
    out += WORDS[at % WORDS.length] + (at % 9 === 0 ? "\n" : " ");
  }
  return `${out.slice(0, size)}\n`;
}

function repository(name, installed) {
  const root = join(base, name);
  mkdirSync(root);
  initialised(root);
  writeFileSync(join(root, ".gitignore"), ".key\n");
  for (let number = 0; number < FORMATIONS; number += 1) {
    const folder = join(root, "bots", `bot-${number}`);
    mkdirSync(folder, { recursive: true });
    const names = Array.from({ length: VALUES }, (_, at) => `SERVICE_${number}_TOKEN_${at}`);
    const digest = (what) => createHash("sha256").update(`${number}/${what}`).digest("base64url");
    writeFileSync(join(folder, ".key"), `${digest("key")}=`, { mode: 0o600 });
    writeFileSync(
      join(folder, "formation.afs"),
      `id: bot-${number}\nllm:\n  api_keys:\n${names.map((one, at) => `    p${at}: "\${{ secrets.${one} }}"\n`).join("")}`,
    );
    writeFileSync(join(folder, "secrets"), names.map((one) => `${one}=\n`).join(""));
    // Encrypted by the clean filter; without it a stand-in of the same size, so that both repositories weigh the same.
    const values = JSON.stringify(Object.fromEntries(names.map((one) => [one, `v-${digest(one)}`])));
    writeFileSync(join(folder, "secrets.enc"), installed ? values : text(number, 1400));
  }
  if (installed) run(root, process.execPath, MAIN, "install");
  run(root, "git", "add", "-A");
  run(root, "git", "commit", "-qm", "first");
  return root;
}

let round = 0;
function commit(root, sizes) {
  round += 1;
  mkdirSync(join(root, "docs"), { recursive: true });
  for (const [file, size] of sizes.entries())
    writeFileSync(join(root, "docs", `file-${file}.md`), text(round * 1000 + file, size));
  run(root, "git", "add", "docs");
  return time(root, "git", "commit", "-qm", `round ${round}`);
}

const plain = repository("plain", false);
const hooked = repository("hooked", true);
const small = SIZES.slice(0, 5);

const median = medians(2, runsWanted(10), () => ({
  node: nodeAlone(),
  plain: commit(plain, SIZES),
  hooked: commit(hooked, SIZES),
  plainSmall: commit(plain, small),
  hookedSmall: commit(hooked, small),
}));
const { node } = median;
console.log(`node -e 0                     ${node.toFixed(1)} ms`);
for (const [what, without, withHook] of [
  ["500 files", median.plain, median.hooked],
  ["5 files", median.plainSmall, median.hookedSmall],
]) {
  console.log(`${what}: git commit, no hook    ${without.toFixed(1)} ms`);
  console.log(`${what}: git commit, with hook  ${withHook.toFixed(1)} ms`);
  console.log(
    `${what}: the hook's share       ${(withHook - without).toFixed(1)} ms = ${((withHook - without) / node).toFixed(2)} x node -e 0`,
  );
}
