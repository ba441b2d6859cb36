/**
 * Run the tests. Does its own set-up, then prints `N passed, N failed[, N skipped]`.
 *
 *   npm test                     all
 *   npm test -- test/secrets     files below a folder, or files
 *   npm run coverage             all, with branch coverage of what git runs
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt, ROOT } from "./setup.mjs";

const args = process.argv.slice(2);
const coverage = args.includes("--coverage");
const wanted = args.filter((argument) => !argument.startsWith("--"));

const env = { ...process.env };
// The tests are about people's machines; those that are about CI set it themselves.
delete env.CI;
for (const name of Object.keys(env)) if (name.startsWith("GIT_") || name.startsWith("MUXI_GIT_RUN")) delete env[name];

if (coverage) {
  env.COVERAGE = "1";
  const built = spawnSync(process.execPath, [join(ROOT, "scripts", "build.mjs")], { env, stdio: "inherit" });
  if (built.status !== 0) process.exit(2);
} else {
  ensureBuilt();
}

function testFiles(path) {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true })
    .map((name) => join(path, name))
    .filter((file) => file.endsWith(".test.ts"));
}

const files = (wanted.length > 0 ? wanted.map((path) => resolve(path)) : [join(ROOT, "test")])
  .flatMap(testFiles)
  .map((file) => relative(ROOT, file))
  .sort((a, b) => (a < b ? -1 : 1));

const reporter = pathToFileURL(join(ROOT, "scripts", "reporter.mjs")).href;
const node = [
  "--import",
  "tsx",
  "--test",
  `--test-concurrency=${availableParallelism() + 1}`,
  `--test-reporter=${reporter}`,
  "--test-reporter-destination=stdout",
  ...files,
];
const raw = coverage ? mkdtempSync(join(tmpdir(), "muxi-git-coverage-")) : undefined;
if (raw !== undefined) env.NODE_V8_COVERAGE = raw;
const tests = spawnSync(process.execPath, node, { cwd: ROOT, env, stdio: "inherit" });

if (raw !== undefined) {
  const c8 = join(ROOT, "node_modules", "c8", "bin", "c8.js");
  const report = ["report", "--temp-directory", raw, "--all=false", "--exclude-after-remap", "--include", "src/**"];
  spawnSync(process.execPath, [c8, ...report, "--reporter", "text", "--reports-dir", join(ROOT, "coverage")], {
    cwd: ROOT,
    stdio: "inherit",
  });
  rmSync(raw, { recursive: true, force: true });
  spawnSync(process.execPath, [join(ROOT, "scripts", "build.mjs")], { stdio: "inherit" });
}
process.exitCode = tests.status === 0 ? 0 : 1;
