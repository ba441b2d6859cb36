/** As much of GitHub's REST API as a comment takes, on this machine, with pages as GitHub has them. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export interface FakeComment {
  id: number;
  body: string;
  user: { login: string; type: "Bot" | "User" };
}

export interface FakeGithub {
  /** What a run in GitHub Actions finds in its environment. */
  env: Record<string, string>;
  /** Of pull request 12. */
  comments: FakeComment[];
  /** Open pull requests as the API lists them. */
  pulls: object[];
  /** `METHOD /path?query` of each request. */
  requests: string[];
  /** What every request is answered with instead, where it is set. */
  refusal: { status: number; message: string; location?: string } | null;
  /** Who the token belongs to; null for a workflow's own, which may not ask. */
  login: string | null;
}

const TOKEN = "not-a-real-token";
const REPOSITORY = "/repos/muxi/bots";

export async function fakeGithub(t: TestContext): Promise<FakeGithub> {
  const github: FakeGithub = { env: {}, comments: [], pulls: [], requests: [], refusal: null, login: null };
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown, headers: Record<string, string> = {}): void => {
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
    };
    const url = new URL(request.url ?? "", "http://localhost");
    github.requests.push(`${request.method} ${request.url}`);
    const { refusal } = github;
    if (refusal !== null)
      return answer(
        refusal.status,
        { message: refusal.message },
        refusal.location ? { location: refusal.location } : {},
      );
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return answer(401, { message: "Bad credentials" });
    const number = (name: string): number => Number(url.searchParams.get(name) ?? 1);
    const page = (list: readonly unknown[]): unknown[] =>
      list.slice((number("page") - 1) * number("per_page"), number("page") * number("per_page"));
    if (url.pathname === "/user") return github.login === null ? answer(403, {}) : answer(200, { login: github.login });
    if (url.pathname === `${REPOSITORY}/pulls`) return answer(200, page(github.pulls));
    if (url.pathname === `${REPOSITORY}/issues/12/comments`) {
      if (request.method === "GET") return answer(200, page(github.comments));
      const { body } = await bodyOf(request);
      github.comments.push({
        id: github.comments.length + 1,
        body,
        user: { login: "github-actions[bot]", type: "Bot" },
      });
      return answer(201, github.comments.at(-1));
    }
    const id = Number(/\/issues\/comments\/(\d+)$/.exec(url.pathname)?.[1]);
    const comment = github.comments.find((one) => one.id === id);
    if (request.method !== "PATCH" || comment === undefined) return answer(404, { message: "Not Found" });
    comment.body = (await bodyOf(request)).body;
    return answer(200, comment);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  github.env = { GITHUB_API_URL: api, GITHUB_REPOSITORY: "muxi/bots", GITHUB_TOKEN: TOKEN };
  return github;
}

async function bodyOf(request: IncomingMessage): Promise<{ body: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString("utf8")) as { body: string };
}
