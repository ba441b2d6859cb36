/** What git runs, by verb. The entry of the bundle `plumbing.cjs`. */
import { vendoredCommand } from "../alias.ts";
import { MuxiGitError } from "../errors.ts";
import { reportFailure } from "../failure.ts";
import { setInvocation, setReaderDirectory } from "../invocation.ts";
import { talk } from "../terminal.ts";
import { commitMsg } from "./commit-msg.ts";
import { filterProcess } from "./filter-process.ts";
import { mergeDriver } from "./merge-driver.ts";
import { cleanOnce, smudgeOnce } from "./one-shot.ts";
import { preCommit, preMergeCommit } from "./pre-commit.ts";
import { prePush } from "./pre-push.ts";
import { preReceive } from "./pre-receive.ts";
import { textconv } from "./textconv.ts";

/**
 * @param vendored - the copy that install put under the git common dir, started as `git muxi …`.
 * @returns the exit code.
 */
export async function plumbing([verb, ...args]: readonly string[], vendored: boolean): Promise<number> {
  if (vendored) setInvocation(vendoredCommand());
  // git starts hooks and filters at the top level and says where the person is.
  setReaderDirectory(process.env.GIT_PREFIX ?? "");
  try {
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
        return textconv(args[0] ?? "", args[1] ?? "");
      case "merge-driver":
        return mergeDriver(args);
      default:
        throw new MuxiGitError("unknown-verb", `git runs no verb '${verb ?? ""}'`);
    }
  } catch (error) {
    return reportFailure(error);
  }
}

async function hook([event, ...args]: readonly string[]): Promise<number> {
  // The launcher says the same; a manager may start the package instead.
  if (process.env.MUXI_GIT === "0") {
    talk(`muxi-git: hook ${event ?? ""} skipped, MUXI_GIT=0 is set`);
    return 0;
  }
  switch (event) {
    case "pre-commit":
      return await preCommit(args);
    case "pre-merge-commit":
      return await preMergeCommit(args);
    case "pre-push":
      return await prePush(args);
    case "pre-receive":
      return await preReceive();
    case "commit-msg":
      return await commitMsg(args);
    default:
      throw new MuxiGitError("unknown-hook", `no hook is called '${event ?? ""}'`);
  }
}
