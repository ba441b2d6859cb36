import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Pipeline, pipelineOf } from "../../src/ci/environment.ts";
import { MuxiGitError } from "../../src/errors.ts";

const [HEAD, BASE, ZERO] = ["a".repeat(40), "b".repeat(40), "0".repeat(40)];
const repository = { default_branch: "main" };

function githubEnv(name: string, ref = "refs/heads/topic"): Record<string, string> {
  return { GITHUB_ACTIONS: "true", GITHUB_EVENT_NAME: name, GITHUB_REF: ref, GITHUB_SHA: HEAD };
}

function pullRequest(from = "muxi/bots") {
  const base = { sha: BASE, ref: "main", repo: { full_name: "muxi/bots" } };
  return { repository, pull_request: { number: 12, base, head: { sha: HEAD, repo: { full_name: from } } } };
}

const GITLAB = { GITLAB_CI: "true", CI_COMMIT_SHA: HEAD, CI_DEFAULT_BRANCH: "main", CI_COMMIT_REF_NAME: "topic" };
const MERGE_REQUEST = {
  ...GITLAB,
  CI_MERGE_REQUEST_IID: "7",
  CI_MERGE_REQUEST_PROJECT_ID: "1",
  CI_MERGE_REQUEST_SOURCE_PROJECT_ID: "1",
  CI_MERGE_REQUEST_DIFF_BASE_SHA: BASE,
};
const AZURE = { TF_BUILD: "True", BUILD_SOURCEVERSION: HEAD, BUILD_SOURCEBRANCH: "refs/heads/topic" };
const BITBUCKET = { BITBUCKET_BUILD_NUMBER: "3", BITBUCKET_COMMIT: HEAD };
const BITBUCKET_PR = { BITBUCKET_PR_ID: "5", BITBUCKET_PR_DESTINATION_BRANCH: "main" };
const JENKINS = { JENKINS_URL: "https://ci.example/", BRANCH_NAME: "topic" };

type Expected = Partial<Pipeline> | null;
const CASES: [name: string, env: Record<string, string>, event: unknown, Expected][] = [
  [
    "GitHub, a pull request",
    githubEnv("pull_request", "refs/pull/12/merge"),
    pullRequest(),
    {
      provider: "github",
      about: "pull request 12",
      request: 12,
      fork: false,
      head: HEAD,
      before: [BASE],
      branch: null,
    },
  ],
  [
    "GitHub, a pull request of a fork",
    githubEnv("pull_request"),
    pullRequest("stranger/bots"),
    { about: "pull request 12 from a fork", fork: true },
  ],
  [
    "GitHub, a pull request of a fork that is gone",
    githubEnv("pull_request"),
    { pull_request: { ...pullRequest().pull_request, head: { sha: HEAD, repo: null } } },
    { fork: true, defaultBranch: null },
  ],
  [
    "GitHub, a push",
    githubEnv("push"),
    { repository, before: BASE, after: HEAD },
    { about: "push to topic", before: [BASE], rewritten: true, branch: "topic", defaultBranch: "main", request: null },
  ],
  [
    "GitHub, a new branch",
    githubEnv("push"),
    { repository, before: ZERO },
    { before: null, rewritten: false, alone: "history", defaultBranch: "main" },
  ],
  [
    "GitHub, a new tag",
    githubEnv("push", "refs/tags/v1"),
    { repository, before: ZERO },
    { about: "push to v1", branch: null, before: null },
  ],
  ["GitHub, a deleted branch", githubEnv("push"), { repository, before: BASE, after: ZERO, deleted: true }, null],
  [
    "GitHub, a merge queue",
    githubEnv("merge_group"),
    { merge_group: { head_sha: HEAD, base_sha: BASE, base_ref: "refs/heads/main" } },
    { about: "merge group of main", head: HEAD, before: [BASE] },
  ],
  [
    "GitHub, by hand",
    githubEnv("workflow_dispatch"),
    { repository },
    { about: "workflow_dispatch on topic", before: null, alone: "tree", head: HEAD },
  ],
  [
    "GitLab, a merge request",
    MERGE_REQUEST,
    null,
    { provider: "gitlab", about: "merge request 7", request: 7, fork: false, head: HEAD, before: [BASE] },
  ],
  [
    "GitLab, a merge train",
    {
      ...MERGE_REQUEST,
      CI_COMMIT_SHA: "c".repeat(40),
      CI_MERGE_REQUEST_SOURCE_BRANCH_SHA: HEAD,
      CI_MERGE_REQUEST_EVENT_TYPE: "merge_train",
    },
    null,
    { about: "merge request 7, in a merge train", head: HEAD },
  ],
  [
    "GitLab, a merge request of a fork",
    { ...MERGE_REQUEST, CI_MERGE_REQUEST_SOURCE_PROJECT_ID: "2", CI_MERGE_REQUEST_SOURCE_BRANCH_SHA: "" },
    null,
    { fork: true, head: HEAD },
  ],
  [
    "GitLab, a push",
    { ...GITLAB, CI_PIPELINE_SOURCE: "push", CI_COMMIT_BEFORE_SHA: BASE },
    null,
    { about: "push to topic", before: [BASE], rewritten: true, branch: "topic", alone: "history" },
  ],
  [
    "GitLab, a new branch",
    { ...GITLAB, CI_PIPELINE_SOURCE: "push", CI_COMMIT_BEFORE_SHA: ZERO },
    null,
    { before: null, defaultBranch: "main" },
  ],
  [
    "GitLab, on a schedule",
    { ...GITLAB, CI_PIPELINE_SOURCE: "schedule", CI_COMMIT_BEFORE_SHA: ZERO },
    null,
    { about: "schedule on topic", alone: "tree" },
  ],
  [
    "Bitbucket, a pull request",
    { ...BITBUCKET, ...BITBUCKET_PR, BITBUCKET_PR_DESTINATION_COMMIT: "b".repeat(12) },
    null,
    { provider: "bitbucket", request: 5, head: HEAD, before: ["b".repeat(12), "refs/remotes/origin/main"] },
  ],
  [
    "Bitbucket, a pull request that tells no commit",
    { ...BITBUCKET, ...BITBUCKET_PR, BITBUCKET_PR_DESTINATION_COMMIT: "--all" },
    null,
    { before: ["refs/remotes/origin/main"] },
  ],
  ["Bitbucket, a push", { ...BITBUCKET, BITBUCKET_BRANCH: "topic" }, null, { branch: "topic", before: null }],
  [
    "Azure, a pull request",
    {
      ...AZURE,
      SYSTEM_PULLREQUEST_TARGETBRANCH: "refs/heads/main",
      SYSTEM_PULLREQUEST_PULLREQUESTID: "9",
      SYSTEM_PULLREQUEST_SOURCECOMMITID: HEAD,
      SYSTEM_PULLREQUEST_ISFORK: "True",
    },
    null,
    { provider: "azure", request: 9, fork: true, head: HEAD, before: ["refs/remotes/origin/main"] },
  ],
  ["Azure, a push", AZURE, null, { about: "push to topic", branch: "topic", before: null, head: HEAD }],
  [
    "Jenkins, a pull request",
    { ...JENKINS, CHANGE_ID: "4", CHANGE_TARGET: "main", CHANGE_FORK: "stranger" },
    null,
    { provider: "jenkins", request: 4, fork: true, head: "HEAD", before: ["refs/remotes/origin/main"] },
  ],
  [
    "Jenkins, a branch",
    { ...JENKINS, GIT_PREVIOUS_COMMIT: HEAD, GIT_PREVIOUS_SUCCESSFUL_COMMIT: BASE },
    null,
    { about: "build of topic", before: [BASE], rewritten: true },
  ],
  [
    "Jenkins, the first build of the main branch",
    { ...JENKINS, BRANCH_NAME: "main", BRANCH_IS_PRIMARY: "true" },
    null,
    { before: null, branch: "main", defaultBranch: "main" },
  ],
  ["no pipeline", {}, null, { provider: null, head: "HEAD", before: null, branch: null }],
];

describe("what a pipeline says it is about", () => {
  for (const [name, env, event, expected] of CASES) {
    test(name, () => {
      const found = pipelineOf(env, event);
      if (expected === null || found === null) return assert.equal(found, expected);
      const said = Object.keys(expected) as (keyof Pipeline)[];
      assert.deepEqual(Object.fromEntries(said.map((key) => [key, found[key]])), expected);
    });
  }
});

test("whatever an event holds, what reaches git is an oid, HEAD or a branch of the remote", () => {
  const value = fc.oneof(fc.constantFrom(HEAD, BASE, ZERO, "--output=x", "HEAD..x", "", 12, null), fc.jsonValue());
  const side = fc.record({ sha: value, ref: value, repo: fc.oneof(value, fc.record({ full_name: value })) });
  const event = fc.record(
    {
      before: value,
      deleted: value,
      repository: fc.oneof(value, fc.record({ default_branch: value })),
      pull_request: fc.oneof(value, fc.record({ number: value, head: side, base: side })),
      merge_group: fc.oneof(value, fc.record({ head_sha: value, base_sha: value, base_ref: value })),
    },
    { requiredKeys: [] },
  );
  const name = fc.constantFrom("push", "pull_request", "merge_group", "schedule", "workflow_run");
  const isRevision = (text: string) => /^(?:[0-9a-f]{40}|HEAD|refs\/remotes\/origin\/.*)$/s.test(text);
  fc.assert(
    fc.property(name, event, (given, said) => {
      let found: Pipeline | null;
      try {
        found = pipelineOf(githubEnv(given), said);
      } catch (error) {
        return error instanceof MuxiGitError;
      }
      return found === null || [found.head, ...(found.before ?? [])].every(isRevision);
    }),
  );
});

describe("a pipeline that says what cannot be is refused", () => {
  const request = pullRequest().pull_request;
  const bad: [string, Record<string, string>, unknown, string][] = [
    ["pull_request_target", githubEnv("pull_request_target"), pullRequest(), "pull-request-target"],
    ["no event", githubEnv("pull_request"), { pull_request: {} }, "pipeline-malformed"],
    [
      "an option as commit",
      githubEnv("pull_request"),
      { pull_request: { ...request, base: { ...request.base, sha: "--output=x" } } },
      "pipeline-malformed",
    ],
    [
      "an option as number",
      githubEnv("pull_request"),
      { pull_request: { ...request, number: "1/../2" } },
      "pipeline-malformed",
    ],
    ["a push that tells an object", githubEnv("push"), { before: { x: 1 } }, "pipeline-malformed"],
    ["GitLab without a commit", { GITLAB_CI: "true" }, null, "pipeline-malformed"],
    ["Jenkins, a change without number", { ...JENKINS, CHANGE_ID: "x" }, null, "pipeline-malformed"],
  ];
  for (const [name, env, event, code] of bad) {
    test(name, () => {
      assert.throws(
        () => pipelineOf(env, event),
        (error) => error instanceof MuxiGitError && error.code === code && error.hint !== undefined,
      );
    });
  }
});
