/**
 * Run the coverage-guided fuzzer over the parsers. Does its own set-up.
 *
 *   npm run fuzz                              every target, 100,000 inputs each
 *   npm run fuzz -- json fernet --runs 2000000
 *   npm run fuzz -- --seconds 60              by time instead
 *
 * The fuzzer is Jazzer.js (libFuzzer for JavaScript). It stands in a package of
 * its own, test/fuzz/package.json, installed at the first run: 30 MB with a native
 * part that not every system can load (on Linux, glibc 2.38) are no cost for
 * everybody who builds this project. What it found stays in test/fuzz/corpus and
 * runs with the daily tests, which need none of it.
 *
 * MUXI_GIT_FUZZ_NODE names another program to start node with, for instance one
 * that brings a newer C library along. Exit code 1: a crash was found; the input
 * is kept in test/fuzz/crashes.
 */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureDependencies, ROOT } from "./setup.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "100000" },
    seconds: { type: "string" },
    jobs: { type: "string", default: String(Math.max(1, Math.floor(availableParallelism() / 2))) },
  },
});

const HOME = join(ROOT, "test", "fuzz");
const OUT = join(HOME, ".built");
const all = readdirSync(join(HOME, "targets")).map((name) => name.replace(/\.ts$/, ""));
const wanted = positionals.length > 0 ? positionals : all;
const unknown = wanted.filter((name) => !all.includes(name));
if (unknown.length > 0) fail(`no such target: ${unknown.join(", ")} (there are: ${all.join(", ")})`);

function fail(message) {
  process.stderr.write(`fuzz: ${message}\n`);
  process.exit(2);
}

ensureDependencies();
if (!existsSync(join(HOME, "node_modules", "@jazzer.js", "core"))) {
  const npm = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: HOME,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (npm.status !== 0) fail("the fuzzer could not be installed");
}

const node = process.env.MUXI_GIT_FUZZ_NODE || process.execPath;
const probe = spawnSync(node, ["-e", 'require("@jazzer.js/fuzzer")'], { cwd: HOME, encoding: "utf8" });
if (probe.status !== 0) {
  const why = /^Error: .*/m.exec(probe.stderr)?.[0] ?? probe.stderr.trim();
  fail(`the fuzzer's native part cannot be loaded here: ${why}\nfuzz: MUXI_GIT_FUZZ_NODE may name a node that can`);
}

const { build } = await import("esbuild");
for (const name of wanted) {
  await build({
    absWorkingDir: ROOT,
    stdin: {
      contents: `import { target } from "./test/fuzz/targets/${name}.ts";
        export const fuzz = (data) => target.run(data);
        export const maxLength = target.maxLength;`,
      resolveDir: ROOT,
    },
    bundle: true,
    platform: "node",
    target: "node20.19",
    format: "cjs",
    outfile: join(OUT, `${name}.cjs`),
    define: { __MUXI_GIT_VERSION__: '"0"' },
    logLevel: "warning",
  });
}

/** One target; resolves to what its log says. */
function run(name) {
  const [grown, crashes, corpus] = [join(HOME, ".grown", name), join(HOME, "crashes"), join(HOME, "corpus", name)];
  for (const folder of [grown, crashes, corpus]) mkdirSync(folder, { recursive: true });
  const log = join(OUT, `${name}.log`);
  const fd = openSync(log, "w");
  const length = spawnSync(process.execPath, ["-p", `require(${JSON.stringify(join(OUT, `${name}.cjs`))}).maxLength`]);
  const args = [
    join(HOME, "node_modules", "@jazzer.js", "core", "dist", "cli.js"),
    join(OUT, `${name}.cjs`),
    grown,
    corpus,
    ...["--includes", `${name}.cjs`, "--sync", "--disable_bug_detectors", ".*", "--"],
    values.seconds === undefined ? `-runs=${values.runs}` : `-max_total_time=${values.seconds}`,
    `-max_len=${length.stdout.toString().trim()}`,
    // A target's inputs take microseconds; what takes two seconds hangs. Memory that is not given back ends it too.
    "-timeout=2",
    "-rss_limit_mb=2048",
    "-print_final_stats=1",
    `-artifact_prefix=${crashes}/${name}-`,
  ];
  return new Promise((done) => {
    const child = spawn(node, args, { cwd: HOME, stdio: ["ignore", fd, fd] });
    child.on("close", (code) => {
      closeSync(fd);
      const text = readFileSync(log, "utf8");
      const last = [...text.matchAll(/^#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)/gm)].at(-1) ?? [];
      const units = /number_of_executed_units:\s+(\d+)/.exec(text)?.[1] ?? last[1] ?? "0";
      const memory = /peak_rss_mb:\s+(\d+)/.exec(text)?.[1] ?? "?";
      const crash = code === 0 ? "0" : (/^.*(?:Error:|ERROR:).*$/m.exec(text)?.[0].trim() ?? `exit code ${code}`);
      done({ name, inputs: Number(units), cov: last[2] ?? "?", corpus: last[4] ?? "?", memory, crash });
    });
  });
}

const line = (...columns) =>
  process.stdout.write(`${columns.map((one, at) => (at === 0 ? one.padEnd(18) : one.padStart(12))).join("")}\n`);
line("target", "inputs", "edges", "corpus", "peak MB", "crashes");
const waiting = [...wanted];
const results = [];
await Promise.all(
  Array.from({ length: Number(values.jobs) }, async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const result = await run(name);
      results.push(result);
      const { inputs, cov, corpus, memory, crash } = result;
      line(name, inputs.toLocaleString("en"), cov, corpus, memory, crash === "0" ? "0" : `1  ${crash}`);
    }
  }),
);
line("all", results.reduce((sum, { inputs }) => sum + inputs, 0).toLocaleString("en"));
process.exitCode = results.some(({ crash }) => crash !== "0") ? 1 : 0;
