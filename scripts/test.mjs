/**
 * Run the tests. Does its own set-up, then prints `N passed, N failed[, N skipped]`.
 *
 *   npm test                     all
 *   npm test -- test/secrets     files below a folder, or files
 *   npm run coverage             all, with branch coverage of what git runs
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { pathToFileURL } from "node:url";
import reporter from "./reporter.mjs";
import { ensureBuilt, ROOT } from "./setup.mjs";

const args = process.argv.slice(2);
const coverage = args.includes("--coverage");
const wanted = args.filter((argument) => !argument.startsWith("--"));

// The tests are about people's machines; those that are about CI set it themselves.
delete process.env.CI;
// Read at every start of node, 0.1 s where it holds a system's certificates; no test uses a network.
delete process.env.NODE_EXTRA_CA_CERTS;
for (const name of Object.keys(process.env)) {
  if (name.startsWith("GIT_") || name.startsWith("MUXI_GIT_RUN")) delete process.env[name];
}

if (coverage) {
  process.env.COVERAGE = "1";
  const built = spawnSync(process.execPath, [join(ROOT, "scripts", "build.mjs")], { stdio: "inherit" });
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

const files = (wanted.length > 0 ? wanted.map((path) => resolve(path)) : [join(ROOT, "test")]).flatMap(testFiles);

const scratch = mkdtempSync(join(tmpdir(), "muxi-git-test-run-"));
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));
const raw = coverage ? join(scratch, "coverage") : undefined;
if (raw !== undefined) process.env.NODE_V8_COVERAGE = raw;

// The children run TypeScript; run() hands them this process's arguments.
process.execArgv.push("--import", "tsx");
const tests = run({ files: batches(files), concurrency: availableParallelism() + 1 });
tests.on("test:fail", () => {
  process.exitCode = 1;
});
await pipeline(tests.compose(reporter), process.stdout, { end: false });

/**
 * What is started, the longest first, so that none runs alone at the end. A start
 * costs half a second, more than most files need: all but the longest share eight.
 */
function batches(all) {
  const [alone, rest] = [[], []];
  for (const file of all.toSorted((a, b) => statSync(b).size - statSync(a).size)) {
    (alone.length < 12 && file.includes(`${sep}situations${sep}`) ? alone : rest).push(file);
  }
  const shared = Array.from({ length: 8 }, (_, at) => rest.filter((_, index) => index % 8 === at));
  const entries = shared.flatMap((group, at) => {
    // A file without a test counts as one that passed.
    if (group.length === 0) return [];
    const entry = join(scratch, `batch-${at}.mjs`);
    writeFileSync(entry, group.map((file) => `import ${JSON.stringify(pathToFileURL(file).href)};\n`).join(""));
    return [entry];
  });
  return [...alone, ...entries];
}

if (raw !== undefined) {
  const c8 = join(ROOT, "node_modules", "c8", "bin", "c8.js");
  const report = ["report", "--temp-directory", raw, "--all=false", "--exclude-after-remap", "--include", "src/**"];
  spawnSync(process.execPath, [c8, ...report, "--reporter", "text", "--reports-dir", join(ROOT, "coverage")], {
    cwd: ROOT,
    stdio: "inherit",
  });
  delete process.env.COVERAGE;
  spawnSync(process.execPath, [join(ROOT, "scripts", "build.mjs")], { stdio: "inherit" });
}
