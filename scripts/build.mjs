/**
 * Build `dist/`:
 *
 *   main.cjs      the start: a few lines that load one of the next two
 *   plumbing.cjs  what git runs: no commander, simple-git, husky or micromatch in it
 *   cli.cjs       the commands for people
 *   secrets.cjs   the same with nothing but `secrets` behind it: compiling all of it would take as long as starting node
 *   globs.cjs     micromatch, loaded by either bundle where settings have globs
 *   rules.bin     the table of all rules, made ready: read at the first scan
 *   husky         what the husky package copies from beside its own code
 *   hooks/        the POSIX sh launcher and hook stub
 *
 * install copies them all. CommonJS, because a CJS bundle starts 5 to 10 ms sooner than an ES module
 * (Node 20). COVERAGE=1 keeps the code readable and adds source maps.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { crc32 } from "node:zlib";
import { ensureDependencies, ROOT } from "./setup.mjs";

ensureDependencies();
const { build } = await import("esbuild");

const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const coverage = process.env.COVERAGE === "1";
const dist = join(ROOT, "dist");
mkdirSync(dist, { recursive: true });

const common = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "cjs",
  minify: !coverage,
  sourcemap: coverage ? "inline" : false,
  legalComments: "none",
  // A release is built with a node_modules that may be a link.
  preserveSymlinks: true,
  logLevel: "warning",
  metafile: true,
  // main.cjs reads the bundles as latin1 and runs them as scripts, which know no import().
  charset: "ascii",
  supported: { "dynamic-import": false },
  define: { __MUXI_GIT_VERSION__: JSON.stringify(version) },
};

/** micromatch is a fifth of all code and hardly ever needed: a bundle of its own. */
const globsApart = {
  name: "globs-apart",
  setup(build) {
    build.onResolve({ filter: /\/globs\.ts$/ }, ({ kind }) =>
      kind === "entry-point" ? undefined : { path: "./globs.cjs", external: true },
    );
  },
};

const rulesModule = await makeRules();

/** src/scan/default-rules.ts of the package: reads the table instead of making it. */
const rulesMade = {
  name: "rules-made",
  setup(build) {
    build.onLoad({ filter: /[/\\]src[/\\]scan[/\\]default-rules\.ts$/ }, () => ({
      contents: rulesModule,
      loader: "ts",
    }));
  },
};

const globs = await build({ ...common, entryPoints: ["src/globs.ts"], outfile: "dist/globs.cjs" });
/** main.ts starts this bundle for `secrets` alone, but `import`, which brings parsers along: others are not in it. */
const secretsOnly = {
  name: "secrets-only",
  setup(build) {
    build.onResolve({ filter: /^\.\/commands\// }, ({ kind, path }) =>
      kind === "dynamic-import" && !/^\.\/commands\/secrets-(?!import)/.test(path)
        ? { path: "./cli.cjs", external: true }
        : undefined,
    );
  },
};

/** commander starts programs for subcommands that are files of their own, which ours are not. */
const noPrograms = {
  name: "no-programs",
  setup(build) {
    build.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /[/\\]commander[/\\]/.test(importer) ? { path: "child_process", namespace: "none" } : undefined,
    );
    build.onLoad({ filter: /./, namespace: "none" }, () => ({ contents: "module.exports = {};" }));
  },
};

const porcelain = {
  ...common,
  entryPoints: ["src/cli.ts"],
  // simple-git's dependency `debug` and husky use import.meta.url only where a CJS bundle has __filename.
  define: { ...common.define, "import.meta.url": "__bundle_url" },
  banner: { js: "const __bundle_url=require('node:url').pathToFileURL(__filename).href;" },
};
const cli = await build({ ...porcelain, plugins: [globsApart, rulesMade, noPrograms], outfile: "dist/cli.cjs" });
const secrets = await build({
  ...porcelain,
  plugins: [globsApart, rulesMade, secretsOnly, noPrograms],
  outfile: "dist/secrets.cjs",
});
const plumbing = await build({
  ...common,
  plugins: [globsApart, rulesMade],
  entryPoints: ["src/plumbing/run.ts"],
  outfile: "dist/plumbing.cjs",
});
const sum = (file) => crc32(readFileSync(join(dist, file))).toString(16);
// main.cjs is put in place last: its time says that the whole of dist/ is current.
await build({
  ...common,
  entryPoints: ["src/main.ts"],
  outfile: "dist/main.cjs.tmp",
  define: {
    ...common.define,
    __MUXI_GIT_SUMS__: JSON.stringify({
      plumbing: sum("plumbing.cjs"),
      cli: sum("cli.cjs"),
      secrets: sum("secrets.cjs"),
    }),
  },
  banner: { js: "#!/usr/bin/env node" },
});

rmSync(join(dist, "hooks"), { recursive: true, force: true });
cpSync(join(ROOT, "hooks"), join(dist, "hooks"), { recursive: true });
cpSync(join(ROOT, "node_modules", "husky", "husky"), join(dist, "husky"));
writeFileSync(
  join(dist, "THIRD-PARTY-NOTICES"),
  notices([cli.metafile, secrets.metafile, globs.metafile, plumbing.metafile]),
);
renameSync(join(dist, "main.cjs.tmp"), join(dist, "main.cjs"));

/**
 * Write `rules.bin`. A rule's functions stand in it by name: they are exports of a module under src/scan, or a bundle
 * would hold the rules themselves, examples and all.
 *
 * @returns the source of the module that reads it.
 */
async function makeRules() {
  const scan = join(ROOT, "src", "scan");
  const modules = readdirSync(scan, { recursive: true })
    .map((file) => `./${file.replaceAll("\\", "/")}`)
    .filter((file) => file.endsWith(".ts") && file !== "./default-rules.ts" && file !== "./engine.ts");
  const entry = modules.map((file, at) => `export * as m${at} from ${JSON.stringify(file)};`);
  const temporary = join(dist, `rules.${process.pid}.mjs`);
  await build({
    ...common,
    format: "esm",
    minify: false,
    sourcemap: false,
    metafile: false,
    stdin: {
      contents: [
        ...entry,
        'export { allRules } from "./rules/index.ts";',
        'export { formatRuleTable } from "./rule-table.ts";',
      ].join("\n"),
      resolveDir: scan,
      loader: "ts",
    },
    outfile: temporary,
  });
  const made = await import(pathToFileURL(temporary).href);
  rmSync(temporary);
  /** By function: the module and the name that export it. */
  const exported = new Map();
  for (const [at, file] of modules.entries()) {
    for (const [name, value] of Object.entries(made[`m${at}`])) {
      if (typeof value === "function" && !exported.has(value))
        exported.set(value, { file, name, alias: `${name}_${at}` });
    }
  }
  const named = new Map();
  const bytes = made.formatRuleTable(made.allRules(), (rule, member) => {
    const found = exported.get(rule[member]);
    if (found === undefined) throw new Error(`the ${member} of ${rule.id} is no export of a module under src/scan`);
    named.set(found.alias, found);
    return found.alias;
  });
  writeFileSync(join(dist, "rules.bin"), bytes);
  return `
    import { readFileSync } from "node:fs";
    import { join } from "node:path";
    import { crc32 } from "node:zlib";
    import { MuxiGitError } from "../errors.ts";
    import { parseRuleTable, type RuleTable } from "./rule-table.ts";
    let table: RuleTable | undefined;
    // A family's module is run when the first of its rules asks for a function, by require(): an import would run all
    // of them, tables and examples, at every start.
    function functions(name: string): unknown {
      switch (name) {
        ${[...named.values()].map(({ file, name, alias }) => `case "${alias}": return require(${JSON.stringify(file)}).${name};`).join("\n")}
        default: return undefined;
      }
    }
    export function defaultRules(): RuleTable {
      if (table !== undefined) return table;
      let bytes: Uint8Array | undefined;
      try {
        bytes = readFileSync(join(__dirname, "rules.bin"));
      } catch {
        // Said below.
      }
      // Of another version, or damaged, it would find less and say nothing.
      if (bytes === undefined || crc32(bytes) !== ${crc32(bytes)})
        throw new MuxiGitError("rules-damaged", "its table of rules is missing or damaged", { hint: "run 'npx muxi-git install'" });
      table = parseRuleTable(bytes, functions);
      return table;
    }`;
}

/** The licences of what is bundled: MIT and ISC ask that their notice travels with every copy. */
function notices(metafiles) {
  const packages = new Set();
  for (const { inputs } of metafiles) {
    for (const input of Object.keys(inputs)) {
      const match = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
      if (match) packages.add(match[1]);
    }
  }
  const parts = [...packages]
    .sort((a, b) => (a < b ? -1 : 1))
    .map((name) => {
      const folder = join(ROOT, "node_modules", name);
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      let text = `Licence: ${manifest.license}`;
      for (const file of ["LICENSE", "LICENSE.md", "LICENSE.txt", "license"]) {
        try {
          text = readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim();
          break;
        } catch {
          // Tried under its next usual name.
        }
      }
      return `${name} ${manifest.version}\n\n${text}\n`;
    });
  return `muxi-git's bundles contain these packages.\n\n${parts.join(`\n${"-".repeat(72)}\n\n`)}`;
}
