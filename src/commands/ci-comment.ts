/**
 * `ci comment`: the one comment of a pull request, kept up to date.
 *
 * Two places to run it:
 *
 * - beside `ci`, with what it wrote (`--body`), where the token may write: on pull requests of the
 *   repository's own branches.
 * - in a workflow of its own, on `workflow_run`, for those of forks. Nothing that the first run
 *   left is taken over: its workflow, its artifacts and its words are the stranger's. The commit is
 *   the event's, the pull request is asked of GitHub by it, and the commits, fetched before, are
 *   judged anew: they are read as blobs, never checked out or run.
 */

import { isUtf8 } from "node:buffer";
import { basename, dirname, resolve } from "node:path";
import { at, type Pipeline, pipelineOf } from "../ci/environment.ts";
import { Github, isOurs, type Kept } from "../ci/github.ts";
import { rangeOf } from "../ci/range.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { readWorkingFile } from "../git/working-file.ts";
import { tool } from "../invocation.ts";
import { formatCiComment, LARGEST_COMMENT } from "../report/ci.ts";
import { out, talk } from "../terminal.ts";
import { type JudgeOptions, judgeRange, readEvent } from "./ci.ts";
import { openContext } from "./repository-context.ts";

export interface CiCommentOptions extends JudgeOptions {
  body?: string;
  dryRun: boolean;
}

/** A pull request with what is said of it. */
interface Comment {
  number: number;
  body: string;
}

export async function ciComment(options: CiCommentOptions): Promise<ExitCode> {
  const github = new Github(options.env);
  const comments = await commentsOf(options, github);
  if (comments.length === 0) talk("muxi-git: no open pull request has this commit as its head: nothing to comment on");
  for (const { number, body } of comments) {
    const kept = await github.keepComment(number, body, options.dryRun);
    if (options.dryRun) for (const line of body.trimEnd().split("\n")) out(line);
    out(`pull request ${number}: ${sentence(kept, options.dryRun)}`);
  }
  return EXIT.ok;
}

function sentence(kept: Kept, dryRun: boolean): string {
  if (kept === "not needed") return "nothing to say, and no comment that said otherwise";
  if (kept === "unchanged") return "the comment says so already";
  return `the comment ${dryRun ? "would be" : "was"} ${kept}`;
}

async function commentsOf(options: CiCommentOptions, github: Github): Promise<Comment[]> {
  const event = readEvent(options.env);
  const run = at(event, "workflow_run");
  if (run !== undefined) {
    const refused =
      options.body !== undefined
        ? "a body that came from another run is not taken: it may be a stranger's"
        : options.keyFile.length + options.baseKeyFile.length > 0
          ? "a key is not used for a stranger's commits: the comment would say whether a guessed value is right"
          : null;
    if (refused !== null) throw new MuxiGitError("usage", refused, { hint: tool("ci comment") });
    const comments: Comment[] = [];
    for (const { number, before, head } of await github.pullsOf(run)) {
      const pipeline = { ...unknownPipeline, about: `pull request ${number}`, request: number, head, before };
      comments.push({ number, body: await judge(options, pipeline) });
    }
    return comments;
  }
  const pipeline = pipelineOf(options.env, event);
  if (pipeline === null || pipeline.request === null) {
    throw new MuxiGitError("no-pull-request", "this run is about no pull request", {
      hint: "run it on 'pull_request', or on 'workflow_run' as comment/workflow.yml does",
    });
  }
  const body = options.body === undefined ? await judge(options, pipeline) : readBody(options.cwd, options.body);
  return [{ number: pipeline.request, body }];
}

const unknownPipeline: Omit<Pipeline, "about" | "request" | "head" | "before"> = {
  provider: "github",
  fork: true,
  rewritten: false,
  branch: null,
  defaultBranch: null,
  alone: "tree",
};

async function judge(options: CiCommentOptions, pipeline: Pipeline): Promise<string> {
  const context = openContext(options, { keyFiles: options.keyFile });
  try {
    const range = rangeOf(pipeline, context.places, context.topLevel);
    return formatCiComment(await judgeRange(context, options, pipeline.provider, pipeline.about, range));
  } finally {
    context.reader.close();
  }
}

/** @throws MuxiGitError `no-comment` where the file is none of those that `ci --comment` writes. */
function readBody(cwd: string, file: string): string {
  const path = resolve(cwd, file);
  const bytes = readWorkingFile(dirname(path), basename(path), LARGEST_COMMENT);
  const body = bytes === null || !isUtf8(bytes) ? "" : bytes.toString("utf8");
  if (isOurs(body)) return body;
  throw new MuxiGitError("no-comment", `'${escapeText(file)}' is no comment that this tool wrote`, {
    hint: tool("ci --comment FILE"),
  });
}
