/**
 * The start: checks node, loads the one bundle that the verb needs, ends the
 * process with its code. Small, because every hook and filter pays for it.
 *
 * In the copy that install made, a bundle is loaded with V8's code cache
 * (https://nodejs.org/docs/latest-v20.x/api/vm.html#scriptcreatecacheddata):
 * compiling is a third of what a hook costs beyond starting node. The cache
 * stands beside the bundle, one for each verb, since it holds the functions that
 * the verb used; its name holds what it was made of. It is made at the first run
 * and is never needed: where it cannot be read, written or used, nothing changes.
 *
 * Both are checked against a sum before they run, which costs a millisecond: V8
 * runs a damaged cache as it is (200 of 200 with one bit flipped), and a damaged
 * bundle, or one of another version after an install that was killed, may judge
 * a commit wrongly and say nothing. So it is not started, and the hook closes.
 */
import { readdirSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Script } from "node:vm";

/** Loaded where a sum is needed: it takes a millisecond of every start. */
const crc32 = (bytes: Uint8Array): number => process.getBuiltinModule("node:zlib").crc32(bytes);

type Run = (argv: readonly string[], vendored: boolean) => Promise<number>;

/** What the bundles export, each its own. */
interface Bundle {
  plumbing: Run;
  cli: Run;
}

/** First major version of node that this runs on; package.json says the same. */
const OLDEST_NODE = 20;
/** What a shell says of a program that it found and could not start. */
const NOT_STARTED = 126;
const PLUMBING = new Set(["hook", "filter-process", "clean", "smudge", "textconv", "merge-driver"]);

/** This is the copy that install put into `<git common dir>/muxi-git`, where `git muxi …` starts it. */
const vendored = basename(__dirname) === "muxi-git";

function load(bundle: "plumbing" | "cli" | "secrets", verb: string): Bundle {
  const file = join(__dirname, `${bundle}.cjs`);
  if (!vendored) return require(file) as Bundle;
  const { size, mtimeMs } = statSync(file);
  const prefix = `${bundle}.${verb}.`;
  const name = `${prefix}${process.version}-${process.arch}-${size}-${Math.trunc(mtimeMs)}.cache`;
  const bytes = readFileSync(file);
  if (crc32(bytes).toString(16) !== __MUXI_GIT_SUMS__[bundle]) throw new Error("not the bundle that belongs here");
  // The bundles are ASCII: build.mjs sees to it.
  const source = `(function(exports,require,module,__filename,__dirname){${bytes.toString("latin1")}\n})`;
  const cachedData = readCache(join(__dirname, name));
  const script = new Script(source, { filename: file, ...(cachedData && { cachedData }) });
  if (cachedData === undefined || script.cachedDataRejected) {
    process.once("exit", () => writeCache(name, prefix, script.createCachedData()));
  }
  const module = { exports: {} as Bundle };
  script.runInThisContext()(module.exports, require, module, file, __dirname);
  return module.exports;
}

/** Bytes of the sum at the end of a cache. */
const SUM = 4;

function readCache(path: string): Buffer | undefined {
  try {
    const bytes = readFileSync(path);
    const end = bytes.length - SUM;
    const data = bytes.subarray(0, end);
    return end > 0 && crc32(data) === bytes.readUInt32LE(end) ? data : undefined;
  } catch {
    return undefined;
  }
}

function writeCache(name: string, prefix: string, bytes: Buffer): void {
  const temporary = join(__dirname, `${prefix}${process.pid}.tmp`);
  try {
    const sum = Buffer.alloc(SUM);
    sum.writeUInt32LE(crc32(bytes));
    writeFileSync(temporary, Buffer.concat([bytes, sum]), { mode: 0o600, flush: true });
    renameSync(temporary, join(__dirname, name));
    for (const other of readdirSync(__dirname)) {
      if (other.startsWith(prefix) && other.endsWith(".cache") && other !== name) unlinkSync(join(__dirname, other));
    }
  } catch {
    // A read-only repository, a full disk: the next run compiles again.
  }
}

function main(): void {
  const argv = process.argv.slice(2);
  const verb = argv[0] ?? "";
  if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE) {
    process.stderr.write(
      `muxi-git: error: node ${process.versions.node} is too old, at least 20.19 is needed\n` +
        "muxi-git: hint: set MUXI_GIT_NODE to the absolute path of a newer node\n",
    );
    // Nothing was read yet: what git runs is answered by the launcher.
    process.exitCode = PLUMBING.has(verb) ? NOT_STARTED : 2;
    return;
  }
  let run: Run;
  try {
    run = PLUMBING.has(verb)
      ? load("plumbing", verb).plumbing
      : verb === "secrets" && argv[1] !== "import"
        ? load("secrets", "secrets").cli
        : load("cli", "cli").cli;
  } catch {
    // A bundle that is gone or cut off. Nothing was read yet: the launcher answers in its place.
    process.exitCode = NOT_STARTED;
    if (!PLUMBING.has(verb))
      process.stderr.write("muxi-git: error: its files are damaged\nmuxi-git: hint: npx muxi-git install\n");
    return;
  }
  run(argv, vendored).then((code) => {
    process.exitCode = code;
  });
}

main();
