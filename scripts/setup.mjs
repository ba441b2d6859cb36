/**
 * Set-up that every command of a checkout does for itself: dependencies when
 * `node_modules` is missing or older than the lockfile, and `dist/` when a
 * source is newer. So `npm test` and `npm run demo` work in a fresh clone.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Stop with the child's own words when it fails. */
function run(command, args) {
  const windows = process.platform === "win32";
  const result = spawnSync(command, args, { cwd: ROOT, stdio: ["ignore", 2, 2], shell: windows });
  if (result.status !== 0) {
    process.stderr.write(`muxi-git: error: '${command} ${args.join(" ")}' failed\n`);
    process.exit(2);
  }
}

/** npm writes `node_modules/.package-lock.json` at the end of an install: it lists what stands there. */
function dependenciesAreCurrent() {
  const installed = join(ROOT, "node_modules", ".package-lock.json");
  if (!existsSync(installed)) return false;
  const wanted = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages;
  const present = JSON.parse(readFileSync(installed, "utf8")).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === "" || entry.optional || present[path]?.version === entry.version,
  );
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function distIsCurrent() {
  const built = join(ROOT, "dist", "main.cjs");
  if (!existsSync(built)) return false;
  const sources = ["src", "hooks", "scripts/build.mjs", "package.json", "package-lock.json"];
  return sources.every((source) => newest(join(ROOT, source)) <= statSync(built).mtimeMs);
}

export function ensureDependencies() {
  // Scripts of dependencies are not needed: esbuild's only speeds its own start up.
  if (!dependenciesAreCurrent()) run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
}

export function ensureBuilt() {
  ensureDependencies();
  if (!distIsCurrent()) run(process.execPath, [join(ROOT, "scripts", "build.mjs")]);
}
