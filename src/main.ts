/**
 * Entry of the bundle. Verbs that git runs go straight to src/plumbing; all
 * else loads the bundle beside this one, where commander declares the
 * porcelain. Only this file ends the process.
 */
import { basename } from "node:path";
import { EXIT, MuxiGitError } from "./errors.ts";
import { reportFailure } from "./failure.ts";
import { setInvocation } from "./invocation.ts";
import { filterProcess } from "./plumbing/filter-process.ts";
import { cleanOnce, smudgeOnce } from "./plumbing/one-shot.ts";
import { preCommit } from "./plumbing/pre-commit.ts";
import { textconv } from "./plumbing/textconv.ts";
import { talk } from "./terminal.ts";

/** First major version of node that this runs on; package.json says the same. */
const OLDEST_NODE = 20;

/** This is the copy that install put into `<git common dir>/muxi-git`, where `git muxi …` starts it. */
const vendored = basename(__dirname) === "muxi-git";

async function run(argv: readonly string[]): Promise<number> {
  const [verb, ...args] = argv;
  switch (verb) {
    case "hook":
      return await hook(args);
    case "filter-process":
      return filterProcess();
    case "clean":
      return cleanOnce(args[0] ?? "");
    case "smudge":
      return smudgeOnce();
    case "textconv":
      return textconv(args[0] ?? "");
    default: {
      // Another bundle, with its own copies of the modules both use: it reports its failures itself.
      const { cli } = require("./cli.cjs") as typeof import("./cli.ts");
      return await cli(argv, vendored);
    }
  }
}

async function hook([event, ...args]: readonly string[]): Promise<number> {
  switch (event) {
    case "pre-commit":
      return await preCommit(args);
    default:
      throw new MuxiGitError("unknown-hook", `no hook is called '${event ?? ""}'`);
  }
}

if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE) {
  talk(`muxi-git: error: node ${process.versions.node} is too old, at least 20.19 is needed`);
  talk("muxi-git: hint: set MUXI_GIT_NODE to the absolute path of a newer node");
  process.exitCode = EXIT.failed;
} else {
  if (vendored) setInvocation("git muxi");
  run(process.argv.slice(2)).then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      process.exitCode = reportFailure(error);
    },
  );
}
