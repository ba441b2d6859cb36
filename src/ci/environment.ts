/**
 * What a pipeline says it was started for, read from its environment: pure, and
 * asked of no git. Which of the revisions are in the clone is range.ts's question.
 *
 * Sources: docs.github.com "Variables reference" and "Webhook events and payloads";
 * docs.gitlab.com "Predefined CI/CD variables reference"; support.atlassian.com
 * "Variables and secrets"; learn.microsoft.com "Predefined variables"; Jenkins'
 * own `env-vars.html`, of the Git and Branch API plugins.
 *
 * A pull request comes from anybody: whatever names a commit must be an oid, and
 * what is shown of a name is the reader's to escape.
 */
import { MuxiGitError } from "../errors.ts";
import { OID, ZERO_OID } from "../git/entries.ts";
import { tool } from "../invocation.ts";

export type Provider = "github" | "gitlab" | "bitbucket" | "azure" | "jenkins";

/** What is to be judged. */
export interface Pipeline {
  provider: Provider | null;
  /** In words: `pull request 12`, `push to main`. Not escaped. */
  about: string;
  /** Number of the pull or merge request. */
  request: number | null;
  /** Whether it comes from another repository: no write token and no key is given to it. */
  fork: boolean;
  /** A revision; its commits are judged. */
  head: string;
  /** Revisions that stood before, as far as they are here, the last to be fetched where none is; null where the pipeline knows of none. */
  before: readonly string[] | null;
  /** What stood before was replaced and need not be in the clone: the default branch counts then. */
  rewritten: boolean;
  /** Short name of the branch that is built; null where it is none, or not known. */
  branch: string | null;
  /** Short name, where the pipeline knows it. */
  defaultBranch: string | null;
  /** What is judged of the default branch where nothing stood before: all commits, or the files of the last. */
  alone: "history" | "tree";
}

type Env = Readonly<Record<string, string | undefined>>;

export function providerOf(env: Env): Provider | null {
  if (env.GITHUB_ACTIONS === "true") return "github";
  if (env.GITLAB_CI === "true") return "gitlab";
  if (env.BITBUCKET_BUILD_NUMBER !== undefined) return "bitbucket";
  if (env.TF_BUILD?.toLowerCase() === "true") return "azure";
  return env.JENKINS_URL === undefined ? null : "jenkins";
}

/**
 * @param event - of GitHub: the parsed file that GITHUB_EVENT_PATH names.
 * @returns null where a branch or tag was deleted: there is nothing to judge.
 * @throws MuxiGitError `pull-request-target`; `pipeline-malformed` where it says something that cannot be.
 */
export function pipelineOf(env: Env, event: unknown): Pipeline | null {
  const provider = providerOf(env);
  switch (provider) {
    case "github":
      return github(env, event);
    case "gitlab":
      return gitlab(env);
    case "bitbucket":
      return bitbucket(env);
    case "azure":
      return azure(env);
    case "jenkins":
      return jenkins(env);
    case null:
      return pipeline(null, { about: "what the default branch lacks" });
  }
}

/** @param given - differs from a build of HEAD of which nothing is known. */
function pipeline(provider: Provider | null, given: Partial<Pipeline> & Pick<Pipeline, "about">): Pipeline {
  return {
    provider,
    request: null,
    fork: false,
    head: "HEAD",
    before: null,
    rewritten: false,
    branch: null,
    defaultBranch: null,
    alone: "tree",
    ...given,
  };
}

function github(env: Env, event: unknown): Pipeline | null {
  const name = env.GITHUB_EVENT_NAME ?? "";
  if (name === "pull_request_target") {
    throw new MuxiGitError("pull-request-target", "'pull_request_target' gives a stranger's commits a write token", {
      hint: "run this on 'pull_request', which needs no token; to comment, add the workflow in comment/workflow.yml",
    });
  }
  const defaultBranch = text(at(event, "repository", "default_branch"));
  const request = at(event, "pull_request");
  if (request !== undefined) {
    const number = numberOf(at(request, "number"));
    const from = at(request, "head", "repo", "full_name");
    const fork = from !== at(request, "base", "repo", "full_name");
    return pipeline("github", {
      about: requestText("pull request", number, fork),
      request: number,
      fork,
      head: oid("the event's pull_request.head.sha", at(request, "head", "sha")),
      before: [oid("the event's pull_request.base.sha", at(request, "base", "sha"))],
      defaultBranch,
    });
  }
  if (name === "merge_group") {
    return pipeline("github", {
      about: `merge group of ${shortRef(text(at(event, "merge_group", "base_ref")) ?? "")}`,
      head: oid("the event's merge_group.head_sha", at(event, "merge_group", "head_sha")),
      before: [oid("the event's merge_group.base_sha", at(event, "merge_group", "base_sha"))],
      defaultBranch,
    });
  }
  if (name === "push" && at(event, "deleted") === true) return null;
  const ref = env.GITHUB_REF ?? "";
  const branch = branchOf(ref);
  const head = oid("GITHUB_SHA", env.GITHUB_SHA);
  if (name !== "push") return pipeline("github", { about: `${name} on ${shortRef(ref)}`, head, branch, defaultBranch });
  return pipeline("github", {
    about: `push to ${shortRef(ref)}`,
    head,
    ...stoodAt("the event's before", at(event, "before")),
    branch,
    defaultBranch,
    alone: "history",
  });
}

function gitlab(env: Env): Pipeline {
  const commit = oid("CI_COMMIT_SHA", env.CI_COMMIT_SHA);
  const defaultBranch = text(env.CI_DEFAULT_BRANCH);
  if (env.CI_MERGE_REQUEST_IID !== undefined) {
    const number = numberOf(env.CI_MERGE_REQUEST_IID);
    const fork = env.CI_MERGE_REQUEST_SOURCE_PROJECT_ID !== env.CI_MERGE_REQUEST_PROJECT_ID;
    const train = env.CI_MERGE_REQUEST_EVENT_TYPE === "merge_train";
    return pipeline("gitlab", {
      about: `${requestText("merge request", number, fork)}${train ? ", in a merge train" : ""}`,
      request: number,
      fork,
      // Set where the commit that is built is a merge that GitLab made.
      head: env.CI_MERGE_REQUEST_SOURCE_BRANCH_SHA
        ? oid("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", env.CI_MERGE_REQUEST_SOURCE_BRANCH_SHA)
        : commit,
      before: [oid("CI_MERGE_REQUEST_DIFF_BASE_SHA", env.CI_MERGE_REQUEST_DIFF_BASE_SHA)],
      defaultBranch,
    });
  }
  const name = env.CI_COMMIT_REF_NAME ?? "";
  const pushed = env.CI_PIPELINE_SOURCE === "push";
  return pipeline("gitlab", {
    about: `${pushed ? "push to" : `${env.CI_PIPELINE_SOURCE ?? "pipeline"} on`} ${name}`,
    head: commit,
    ...stoodAt("CI_COMMIT_BEFORE_SHA", env.CI_COMMIT_BEFORE_SHA),
    branch: env.CI_COMMIT_TAG === undefined ? name : null,
    defaultBranch,
    alone: pushed ? "history" : "tree",
  });
}

function bitbucket(env: Env): Pipeline {
  const head = oid("BITBUCKET_COMMIT", env.BITBUCKET_COMMIT);
  const branch = text(env.BITBUCKET_BRANCH);
  if (env.BITBUCKET_PR_ID === undefined) {
    return pipeline("bitbucket", { about: `push to ${branch ?? env.BITBUCKET_TAG ?? ""}`, head, branch });
  }
  const number = numberOf(env.BITBUCKET_PR_ID);
  // 12 digits of it, which no server is asked for.
  const { BITBUCKET_PR_DESTINATION_COMMIT: commit = "" } = env;
  const target = remoteBranch(env.BITBUCKET_PR_DESTINATION_BRANCH ?? "");
  return pipeline("bitbucket", {
    about: requestText("pull request", number, false),
    request: number,
    head,
    before: [...(/^[0-9a-f]{7,64}$/.test(commit) ? [commit] : []), target],
  });
}

function azure(env: Env): Pipeline {
  const target = env.SYSTEM_PULLREQUEST_TARGETBRANCH;
  if (target === undefined) {
    const ref = env.BUILD_SOURCEBRANCH ?? "";
    return pipeline("azure", {
      about: `push to ${shortRef(ref)}`,
      head: oid("BUILD_SOURCEVERSION", env.BUILD_SOURCEVERSION),
      branch: branchOf(ref),
    });
  }
  const number = numberOf(env.SYSTEM_PULLREQUEST_PULLREQUESTNUMBER ?? env.SYSTEM_PULLREQUEST_PULLREQUESTID);
  const fork = env.SYSTEM_PULLREQUEST_ISFORK?.toLowerCase() === "true";
  return pipeline("azure", {
    about: requestText("pull request", number, fork),
    request: number,
    fork,
    head: oid("SYSTEM_PULLREQUEST_SOURCECOMMITID", env.SYSTEM_PULLREQUEST_SOURCECOMMITID),
    before: [remoteBranch(shortRef(target))],
  });
}

function jenkins(env: Env): Pipeline {
  const branch = text(env.BRANCH_NAME);
  const defaultBranch = env.BRANCH_IS_PRIMARY === "true" ? branch : null;
  if (env.CHANGE_ID !== undefined) {
    const number = numberOf(env.CHANGE_ID);
    const fork = env.CHANGE_FORK !== undefined;
    return pipeline("jenkins", {
      about: requestText("pull request", number, fork),
      request: number,
      fork,
      before: [remoteBranch(env.CHANGE_TARGET ?? "")],
    });
  }
  // A build that failed has not shown its commits to be clean.
  const previous = env.GIT_PREVIOUS_SUCCESSFUL_COMMIT ?? env.GIT_PREVIOUS_COMMIT;
  return pipeline("jenkins", {
    about: `build of ${branch ?? env.GIT_BRANCH ?? "HEAD"}`,
    ...(previous === undefined ? {} : stoodAt("GIT_PREVIOUS_SUCCESSFUL_COMMIT", previous)),
    branch,
    defaultBranch,
  });
}

/** What a push replaced. A ref that is new has nothing; one that was forced may have what is in no clone any more. */
function stoodAt(what: string, before: unknown): Pick<Pipeline, "before" | "rewritten"> {
  const isNew = before === undefined || (typeof before === "string" && ZERO_OID.test(before));
  return { before: isNew ? null : [oid(what, before)], rewritten: !isNew };
}

function oid(what: string, value: unknown): string {
  if (typeof value === "string" && OID.test(value) && !ZERO_OID.test(value)) return value;
  throw malformed(what, "no commit id");
}

export function remoteBranch(name: string): string {
  return `refs/remotes/origin/${name}`;
}

function numberOf(value: unknown): number {
  const number = typeof value === "string" && /^[0-9]{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isSafeInteger(number) && number > 0) return number;
  throw malformed("the number of the pull request", "no number");
}

function malformed(what: string, why: string): MuxiGitError {
  return new MuxiGitError("pipeline-malformed", `the pipeline does not say what it is about: ${what} is ${why}`, {
    hint: `name the commits: ${tool("ci --range BASE..HEAD")}`,
  });
}

function requestText(kind: string, number: number, fork: boolean): string {
  return `${kind} ${number}${fork ? " from a fork" : ""}`;
}

function shortRef(ref: string): string {
  return ref.replace(/^refs\/(?:heads|tags)\//, "");
}

function branchOf(ref: string): string | null {
  return ref.startsWith("refs/heads/") ? shortRef(ref) : null;
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** A member of parsed JSON of any shape; undefined where there is none. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inside, name) =>
      typeof inside === "object" && inside !== null && Object.hasOwn(inside, name)
        ? (inside as Record<string, unknown>)[name]
        : undefined,
    value,
  );
}
