/**
 * Kill install, upgrade, uninstall, git with the filter and the commands that
 * change secrets at random moments, and look at what is left:
 *
 *   npm run kills                    100 kills
 *   npm run kills -- 1000 7          1000 kills, drawn from seed 7
 *   npm run kills -- 1000 7 secrets  of those that change secrets only
 *
 * SIGKILL goes to our process alone, or to git, or to all of them. After each
 * kill git must work on, or the hook close with the command that mends it; every
 * value of the secrets file must still be there; and install or uninstall, in
 * turns, must finish the job to the byte. Ends with 1 where one did not.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openToken } from "../../src/secrets/fernet.ts";
import { type Key, parseKey } from "../../src/secrets/key.ts";
import { randomToken } from "../situations/filter-repository.ts";
import { olderBuild, usersFiles } from "../situations/install-support.ts";
import { fakeKey } from "../support/fake.ts";
import { isolatedEnvironment, MAIN, repoAt, type TempRepo } from "../support/repo.ts";

const WANTED = Number(process.argv[2] ?? 100);
const SEED = Number(process.argv[3] ?? 1);
const ONLY = process.argv[4];
const NAME = "wörk tree";
const SECRETS = "agents/secrets.enc";

/** mulberry32: the same kills again for the same seed, as far as the machine goes. */
let state = SEED;
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

const top = realpathSync(mkdtempSync(join(tmpdir(), "muxi-git-kills-")));
process.once("exit", () => rmSync(top, { recursive: true, force: true }));

const text = fakeKey();
const key: Key = parseKey(Buffer.from(text));
const V1 = { FIRST: "one", SECOND: "two", THIRD: "three" };
const V2 = { FIRST: "one", SECOND: "two", THIRD: "x".repeat(20_000) };

const olderDist = olderBuild(join(top, "older"));

interface Template {
  base: string;
  /** Everything of the user's that uninstall gives back. */
  before: Record<string, string>;
}

function make(name: string, prepare: (repo: TempRepo) => void): Template {
  const base = join(top, name);
  mkdirSync(join(base, NAME), { recursive: true });
  const repo = repoAt(base, join(base, NAME), isolatedEnvironment(base));
  repo.git("init", "-q", "-b", "main");
  repo.write(".gitignore", "*.log\n/build");
  repo.write("agents/formation.afs", "schema: 1.0.0\n");
  repo.write("agents/secrets", "FIRST=\nSECOND=\nTHIRD=\n");
  repo.write("agents/.key", text);
  repo.write(SECRETS, randomToken(V1, key));
  repo.git("add", ".gitignore", "agents/formation.afs", "agents/secrets", SECRETS);
  repo.git("commit", "-qm", "formation");
  repo.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n", 0o755);
  repo.write(".git/config", `${repo.read(".git/config").toString()}# mine, without a line end\n[user]\n\tname = x`);
  const before = users(repo);
  prepare(repo);
  return { base, before };
}

const users = (repo: TempRepo): Record<string, string> => usersFiles(repo.root, SECRETS);

const run = (repo: TempRepo, dist: string, ...args: string[]) =>
  repo.try(process.execPath, join(dist, "main.cjs"), ...args);
const must = (repo: TempRepo, dist: string, ...args: string[]): void => {
  const ran = run(repo, dist, ...args);
  if (ran.code !== 0) throw new Error(`${args.join(" ")} ended with ${ran.code}: ${ran.all}`);
};
const DIST = dirname(MAIN);

const plain = make("plain", () => {});
const older = make("old", (repo) => must(repo, olderDist, "install"));
const installed = make("installed", (repo) => must(repo, DIST, "install"));
/** What uninstall leaves when nothing was killed: `.key` stays ignored. */
const afterUninstall = (() => {
  const repo = copy(installed);
  must(repo, DIST, "uninstall");
  return users(repo);
})();
const filtered = make("filtered", (repo) => {
  must(repo, DIST, "install");
  repo.git("add", "-A");
  repo.git("commit", "-qm", "protected");
  repo.git("branch", "other");
  repo.write(SECRETS, randomToken(V2, key));
  repo.git("commit", "-qam", "more");
});

function copy(template: Template): TempRepo {
  const base = mkdtempSync(join(top, "copy-"));
  cpSync(template.base, base, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  return repoAt(base, join(base, NAME), isolatedEnvironment(base));
}

/** Start, kill after a while, wait until nothing of it runs. @returns whether it was killed while it ran. */
async function killed(repo: TempRepo, longest: number, command: string, ...args: string[]): Promise<boolean> {
  const child = spawn(command, args, { cwd: repo.root, env: repo.env, stdio: "ignore", detached: true });
  const ended = new Promise<boolean>((done) => {
    child.once("exit", (_, signal) => done(signal === "SIGKILL"));
  });
  const how = pick(["it", "all", "below"] as const);
  await Promise.race([sleep(random() * longest), ended]);
  const below = kill(child, how);
  const inTime = await ended;
  // What it had started ends by itself.
  for (let tries = 0; tries < 400 && groupOf(child).length > 0; tries++) await sleep(5);
  return inTime || below;
}

function kill(child: ChildProcess, how: "it" | "all" | "below"): boolean {
  const pid = child.pid;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return false;
  try {
    if (how === "it") process.kill(pid, "SIGKILL");
    else if (how === "all") process.kill(-pid, "SIGKILL");
    else {
      const others = groupOf(child).filter((one) => one !== pid);
      if (others.length === 0) process.kill(pid, "SIGKILL");
      else process.kill(pick(others), "SIGKILL");
    }
    return true;
  } catch {
    return false;
  }
}

/** The processes of a child's group, from /proc. */
function groupOf(child: ChildProcess): number[] {
  const found: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const [status, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(group) === child.pid && status !== "Z") found.push(Number(name));
    } catch {
      // Gone.
    }
  }
  return found;
}

function opens(bytes: Buffer, values: Record<string, string>): boolean {
  try {
    const plaintext = openToken(bytes, key);
    return plaintext !== null && JSON.stringify(JSON.parse(plaintext.toString("utf8"))) === JSON.stringify(values);
  } catch {
    return false;
  }
}

/** Whether each set of values is in the working tree or in an object that git keeps; the first that is not. */
function firstLost(repo: TempRepo, all: readonly Record<string, string>[]): Record<string, string> | undefined {
  const kept: Buffer[] = existsSync(repo.path(SECRETS)) ? [repo.read(SECRETS)] : [];
  const options = { cwd: repo.root, env: repo.env, maxBuffer: 1 << 30 };
  const listed = execFileSync("git", ["cat-file", "--batch", "--batch-all-objects"], options);
  for (let at = 0; at < listed.length; ) {
    const line = listed.subarray(at, listed.indexOf(10, at)).toString("latin1");
    const [, type, size] = line.split(" ");
    const start = at + line.length + 1;
    at = start + Number(size) + 1;
    if (type === "blob") kept.push(listed.subarray(start, at - 1));
  }
  const plaintext = (values: Record<string, string>): Buffer => Buffer.from(JSON.stringify(values));
  return all.find((values) => !kept.some((bytes) => opens(bytes, values) || bytes.equals(plaintext(values))));
}

const failures: string[] = [];
let lost = 0;
let broken = 0;
const fail = (what: "broken" | "lost", say: string): void => {
  if (what === "lost") lost += 1;
  else broken += 1;
  failures.push(say);
  console.log(`${what}: ${say}`);
};

/** git works on, or the hook closes and says what mends it. */
function checkGit(repo: TempRepo, what: string): void {
  // A git that was killed leaves its own lock on the index; git tells people to remove it.
  rmSync(repo.path(".git/index.lock"), { force: true });
  rmSync(repo.path(".git/HEAD.lock"), { force: true });
  const status = repo.try("git", "status", "--porcelain");
  if (status.code !== 0) fail("broken", `${what}: git status: ${status.all}`);
  const commit = repo.try("git", "commit", "-q", "--allow-empty", "-m", "probe");
  if (commit.code !== 0 && !commit.stderr.includes("npx muxi-git install"))
    fail("broken", `${what}: git commit: ${commit.all}`);
}

const counts = new Map<string, number>();
let kills = 0;
const count = (way: string): void => {
  kills += 1;
  counts.set(way, (counts.get(way) ?? 0) + 1);
  if (kills % 10 === 0) console.log(`${kills} kills, ${broken} broken, ${lost} lost`);
};
/** Kills in one repository before it is brought to an end: most hit what an earlier one left. */
const WALK = 5;

let turn = 0;
async function setUpWalk(): Promise<void> {
  const template = pick([plain, older, installed]);
  const repo = copy(template);
  const way: string[] = [template === plain ? "nothing" : template === older ? "older version" : "this version"];
  try {
    for (let step = 0; step < WALK; step++) {
      const [name, dist, verb] = pick([
        ["install", DIST, "install"],
        ["install", DIST, "install"],
        ["install of the older", olderDist, "install"],
        ["uninstall", DIST, "uninstall"],
      ] as const);
      if (!(await killed(repo, longest[verb], process.execPath, join(dist, "main.cjs"), verb))) {
        way.push(`${name} ended`);
        continue;
      }
      way.push(`${name} killed`);
      const last = way.at(-2) ?? "";
      count(name === "install" && /older/.test(last) ? "upgrade" : name);
      checkGit(repo, way.join(", "));
      if (firstLost(repo, [V1])) fail("lost", `${way.join(", ")}: secrets.enc`);
    }
    if (turn++ % 2 === 0) {
      const again = run(repo, DIST, "install");
      const status = run(repo, DIST, "status");
      way.push("install");
      if (again.code !== 0 || status.code !== 0) fail("broken", `${way.join(", ")}: ${again.all}${status.all}`);
    }
    const gone = run(repo, DIST, "uninstall");
    way.push("uninstall");
    if (gone.code !== 0) fail("broken", `${way.join(", ")}: ${gone.all}`);
    const now = users(repo);
    const wrong = [...new Set([...Object.keys(now), ...Object.keys(template.before)])].filter(
      (path) => now[path] !== template.before[path] && now[path] !== afterUninstall[path],
    );
    if (wrong.length > 0) {
      const told = wrong.map((path) => `${path}: ${JSON.stringify(now[path])}`).join(", ");
      fail("lost", `${way.join(", ")}: not as it was: ${told.slice(0, 2000)}`);
    }
  } finally {
    rmSync(repo.base, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function filterWalk(): Promise<void> {
  const repo = copy(filtered);
  let edited: Record<string, string> = V2;
  // Staged by an earlier step, and committed by the probe after it.
  const known: Record<string, string>[] = [V1, V2];
  try {
    for (let step = 0; step < WALK; step++) {
      const verb = pick(["add", "stash", "checkout"]);
      const what = `git ${verb}`;
      if (verb !== "checkout") {
        edited = { FIRST: `edit ${kills}`, SECOND: "y".repeat(Math.floor(random() * 50_000)), THIRD: "three" };
        known.push(edited);
        repo.write(SECRETS, random() < 0.5 ? randomToken(edited, key) : JSON.stringify(edited));
      } else
        repo.git(
          "checkout",
          "-q",
          "-f",
          repo.try("git", "symbolic-ref", "HEAD").stdout.includes("main") ? "main" : "other",
        );
      const bytes = repo.read(SECRETS);
      const to = repo.try("git", "symbolic-ref", "HEAD").stdout.includes("main") ? "other" : "main";
      const args = verb === "add" ? ["add", SECRETS] : verb === "stash" ? ["stash"] : ["checkout", "-q", to];
      if (!(await killed(repo, longest.git, "git", ...args))) continue;
      count(what);
      checkGit(repo, what);
      if (verb === "add" && !repo.read(SECRETS).equals(bytes)) fail("lost", `${what}: the file that is added`);
      const gone = firstLost(repo, verb === "checkout" ? [V1, V2] : [V1, V2, edited]);
      if (gone !== undefined) fail("lost", `${what}: ${Object.keys(gone).length} values`);
      // Whatever is staged is whole: a token that opens.
      const oid = repo.git("ls-files", "-s", "--", SECRETS).split(" ")[1];
      const blob = execFileSync("git", ["cat-file", "blob", oid!], { cwd: repo.root, env: repo.env });
      if (!known.some((values) => opens(blob, values))) fail("broken", `${what}: half a blob is staged`);
      repo.try("git", "reset", "-q", "--hard");
    }
    const fsck = repo.try("git", "fsck", "--no-dangling", "--no-progress");
    if (fsck.code !== 0) fail("broken", `fsck: ${fsck.all}`);
  } finally {
    rmSync(repo.base, { recursive: true, force: true, maxRetries: 3 });
  }
}

/**
 * Commands that change secrets, each killed and looked at: secrets.enc opens with the `.key` beside it, at once or
 * after the next command, to what it held before or was to hold; no name is missing in the template.
 */
async function secretsWalk(): Promise<void> {
  const repo = copy(filtered);
  const held = (): Record<string, string> | null => {
    try {
      const plaintext = openToken(repo.read(SECRETS), parseKey(repo.read("agents/.key")));
      return plaintext === null ? null : (JSON.parse(plaintext.toString("utf8")) as Record<string, string>);
    } catch {
      return null;
    }
  };
  const same = (a: Record<string, string> | null, b: Record<string, string>): boolean =>
    a !== null && JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
  let now: Record<string, string> = { ...V2 };
  try {
    for (let step = 0; step < WALK * 2; step++) {
      const value = "z".repeat(1 + Math.floor(random() * 50_000));
      repo.write("../value", value);
      const name = pick(["FIRST", "NEW_ONE", `NAME_${kills}`]);
      const { [name]: _, ...without } = now;
      const [verb, args, after] = pick([
        ["set", ["secrets", "set", name, "--from-file", "../value"], { ...now, [name]: value }],
        ["set", ["secrets", "set", name, "--from-file", "../value"], { ...now, [name]: value }],
        ["delete", ["secrets", "delete", name, "--yes"], without],
        ["sync", ["secrets", "sync"], now],
        ["rotate", ["key", "rotate"], now],
      ] as [string, string[], Record<string, string>][]);
      const way = `secrets ${verb}`;
      if (!(await killed(repo, longest.secrets, process.execPath, MAIN, ...args))) {
        if (!same(held(), after)) fail("lost", `${way}, not killed: not what it was to hold`);
        now = after;
        continue;
      }
      count(way);
      const listed = run(repo, DIST, "secrets", "list", "-F", "agents");
      if (listed.code !== 0) fail("broken", `${way}: ${listed.all}`);
      const left = held();
      if (same(left, now) || same(left, after)) now = left!;
      else fail("lost", `${way}: ${left === null ? "secrets.enc does not open" : "neither before nor after"}`);
      const names = new Set(repo.read("agents/secrets").toString().split("\n"));
      for (const one of Object.keys(now))
        if (!names.has(`${one}=`)) fail("broken", `${way}: ${one} not in the template`);
      const next = run(repo, DIST, "secrets", "set", "LAST", "--from-file", "../value");
      if (next.code !== 0) fail("broken", `${way}, and set: ${next.all}`);
      now = { ...now, LAST: value };
      if (!same(held(), now)) fail("lost", `${way}, and set: not what it was to hold`);
    }
    const traces = [...readdirSync(repo.path(".git")), ...readdirSync(repo.path("agents"))];
    const left = traces.filter((one) => /^\..*\.tmp$|muxi-git-(secrets\.lock|next-key)/.test(one));
    if (left.length > 0) fail("broken", `left behind: ${left.join(", ")}`);
  } finally {
    rmSync(repo.base, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** How long each takes here now, and so how late a kill may come. */
function timed(template: Template, command: string, ...args: string[]): number {
  const repo = copy(template);
  if (command === "git") repo.write(SECRETS, randomToken(V1, key));
  const start = performance.now();
  repo.try(command, ...args);
  return performance.now() - start;
}
const longest = {
  install: timed(plain, process.execPath, MAIN, "install"),
  uninstall: timed(installed, process.execPath, MAIN, "uninstall"),
  git: timed(filtered, "git", "add", SECRETS),
  secrets: timed(filtered, process.execPath, MAIN, "key", "rotate"),
};

const walksOf: Record<string, () => Promise<void>> = { setup: setUpWalk, filter: filterWalk, secrets: secretsWalk };
const walks = ONLY === undefined ? Object.values(walksOf) : [walksOf[ONLY]!];
for (let turn = 0; kills < WANTED && turn < WANTED * 2; turn++) await walks[turn % walks.length]!();
console.log([...counts].map(([way, number]) => `${way} ${number}`).join(", "));
console.log(`${kills} kills: ${broken} broken repositories, ${lost} losses of a user's bytes`);
process.exitCode = failures.length > 0 || kills < WANTED ? 1 : 0;
