import assert from "node:assert/strict";
import { test } from "node:test";
import { Github } from "../../src/ci/github.ts";
import { MuxiGitError } from "../../src/errors.ts";
import { COMMENT_MARK, RESOLVED_MARK } from "../../src/report/ci.ts";
import { type FakeComment, fakeGithub } from "../support/fake-github.ts";

const NEWS = `${COMMENT_MARK}\n1 problem\n`;
const RESOLVED = `${RESOLVED_MARK}\nresolved\n`;
const BOT = { login: "github-actions[bot]", type: "Bot" } as const;
const STRANGER = { login: "stranger", type: "User" } as const;

test("one comment is begun, written into again, and turns to resolved", async (t) => {
  const fake = await fakeGithub(t);
  const keep = async (body: string, dryRun = false) => await new Github(fake.env).keepComment(12, body, dryRun);

  assert.equal(await keep(RESOLVED), "not needed");
  assert.equal(await keep(NEWS, true), "created");
  assert.equal(fake.comments.length, 0, "a dry run writes nothing");
  assert.equal(await keep(NEWS), "created");
  assert.equal(await keep(NEWS), "unchanged");
  assert.equal(await keep(`${COMMENT_MARK}\n2 problems\n`), "updated");
  assert.equal(await keep(RESOLVED, true), "updated");
  assert.equal(fake.comments[0]?.body, `${COMMENT_MARK}\n2 problems\n`, "a dry run writes nothing");
  assert.equal(await keep(RESOLVED), "updated");
  assert.equal(await keep(NEWS), "updated");
  assert.deepEqual(
    fake.comments.map(({ body }) => body),
    [NEWS],
  );
  assert.equal(fake.requests.filter((request) => /^(?:POST|PATCH) /.test(request)).length, 4);
});

test("it is found behind many others, and a stranger's is left alone", async (t) => {
  const fake = await fakeGithub(t);
  const others = Array.from(
    { length: 250 },
    (_, at): FakeComment => ({ id: at + 1, body: `hello ${at}`, user: STRANGER }),
  );
  const posed = [
    { id: 300, body: NEWS, user: STRANGER },
    { id: 301, body: `> quoted\n${NEWS}`, user: BOT },
    { id: 302, body: `${COMMENT_MARK} with more on the line\n`, user: BOT },
  ];
  fake.comments.push(...others, ...posed, { id: 303, body: NEWS.replace("\n", "\r\n"), user: BOT });
  assert.equal(await new Github(fake.env).keepComment(12, RESOLVED, false), "updated");
  assert.deepEqual([fake.comments.find(({ id }) => id === 303)?.body, fake.comments.length], [RESOLVED, 254]);
  assert.deepEqual(fake.comments.slice(250, 253), posed);
  assert.equal(
    fake.requests.filter((request) => request.startsWith("GET /repos/muxi/bots/issues/12/comments?")).length,
    3,
  );

  // A person's own token: their comment is theirs to write into.
  fake.comments = [{ id: 1, body: NEWS, user: STRANGER }];
  fake.login = "stranger";
  assert.equal(await new Github(fake.env).keepComment(12, RESOLVED, false), "updated");
});

test("the pull request of a run is GitHub's word, not the run's", async (t) => {
  const fake = await fakeGithub(t);
  const [head, base] = ["a".repeat(40), "b".repeat(40)];
  const pull = (number: number, sha = head) => ({ number, head: { sha }, base: { sha: base, ref: "release/1" } });
  fake.pulls.push(pull(11, "c".repeat(40)), pull(12), { number: 13 });
  const run = {
    head_sha: head,
    head_branch: "a&state=closed#b",
    head_repository: { owner: { login: "stranger" } },
    pull_requests: [{ number: 99 }],
  };
  const found = await new Github(fake.env).pullsOf(run);
  assert.deepEqual(found, [{ number: 12, before: [base, "refs/remotes/origin/release/1"], head }]);
  assert.deepEqual(fake.requests, [
    "GET /repos/muxi/bots/pulls?state=open&head=stranger%3Aa%26state%3Dclosed%23b&per_page=100",
  ]);
  for (const odd of [{ ...run, head_repository: null }, { ...run, head_sha: "HEAD" }, {}, null])
    assert.deepEqual(await new Github(fake.env).pullsOf(odd), []);
});

test("a refusal says what to do and never the token, and nothing is followed elsewhere", async (t) => {
  const fake = await fakeGithub(t);
  const failure = async (env = fake.env): Promise<MuxiGitError> => {
    try {
      await new Github(env).keepComment(12, NEWS, false);
    } catch (error) {
      if (!(error instanceof MuxiGitError)) throw error;
      assert.ok(!`${error.message}${error.hint}`.includes(fake.env.GITHUB_TOKEN!));
      return error;
    }
    throw new Error("it went through");
  };
  fake.refusal = { status: 403, message: "Resource not accessible by integration\u001b[2J" };
  const refused = await failure();
  assert.equal(refused.code, "github-refused");
  assert.match(refused.message, /^GitHub answered 403 to 'GET \/issues\/12\/comments': Resource .*\\x1b\[2J$/);
  assert.match(refused.hint ?? "", /pull-requests: write/);

  const elsewhere = await fakeGithub(t);
  fake.refusal = {
    status: 307,
    message: "",
    location: `${elsewhere.env.GITHUB_API_URL}/repos/muxi/bots/issues/12/comments`,
  };
  assert.equal((await failure()).code, "github-unreachable");
  assert.deepEqual(elsewhere.requests, []);
  assert.equal((await failure({ ...fake.env, GITHUB_API_URL: "http://127.0.0.1:1" })).code, "github-unreachable");

  for (const [change, code] of [
    [{ GITHUB_TOKEN: "" }, "no-token"],
    [{ GITHUB_REPOSITORY: "a/../../b" }, "no-repository"],
    [{ GITHUB_API_URL: "nonsense" }, "no-repository"],
  ] as const)
    assert.equal((await failure({ ...fake.env, ...change })).code, code);
});
