/**
 * The few requests to GitHub's REST API that a comment takes, by node's own
 * `fetch`. Forgejo and Gitea answer the same paths.
 *
 * Source: docs.github.com, "REST API endpoints for issue comments" and "for pull
 * requests". Nothing is followed elsewhere: a redirect would carry the token.
 */
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { OID } from "../git/entries.ts";
import { COMMENT_MARK, RESOLVED_MARK } from "../report/ci.ts";
import { VERSION } from "../version.ts";
import { at, remoteBranch } from "./environment.ts";

const PATIENCE_MS = 30_000;
const PAGE = 100;
/** Pages of comments that are read; no pull request is read by people with more. */
const MOST_PAGES = 100;

export interface RequestedPull {
  number: number;
  /** What stood before: the oid that GitHub noted, and the branch it goes to, which may have been merged into it since. */
  before: string[];
  /** Oid. */
  head: string;
}

export type Kept = "created" | "updated" | "unchanged" | "not needed";

export class Github {
  readonly #api: string;
  readonly #repository: string;
  readonly #token: string;

  /** @throws MuxiGitError `no-token`, `no-repository` */
  constructor(env: NodeJS.ProcessEnv) {
    const { GITHUB_API_URL: api = "https://api.github.com", GITHUB_REPOSITORY: repository = "" } = env;
    const token = env.GITHUB_TOKEN || env.GH_TOKEN;
    if (!token) {
      throw new MuxiGitError("no-token", "there is no token to comment with", {
        hint: "give the step 'env: { GITHUB_TOKEN: ${{ github.token }} }'",
      });
    }
    if (!/^[\w.-]+\/[\w.-]+$/.test(repository) || !URL.canParse(api)) {
      throw new MuxiGitError("no-repository", "GITHUB_REPOSITORY or GITHUB_API_URL does not say where to comment", {
        hint: "run this in GitHub Actions",
      });
    }
    this.#api = api.replace(/\/+$/, "");
    this.#repository = `/repos/${repository}`;
    this.#token = token;
  }

  /**
   * Open pull requests whose head is the commit that a workflow ran on. The event
   * lists none of a fork, and what the run itself says of them is a stranger's word.
   */
  async pullsOf(workflowRun: unknown): Promise<RequestedPull[]> {
    const head = at(workflowRun, "head_sha");
    const owner = at(workflowRun, "head_repository", "owner", "login");
    const branch = at(workflowRun, "head_branch");
    if (typeof head !== "string" || !OID.test(head) || typeof owner !== "string" || typeof branch !== "string")
      return [];
    const from = encodeURIComponent(`${owner}:${branch}`);
    const listed = await this.#request("GET", `/pulls?state=open&head=${from}&per_page=${PAGE}`);
    return asList(listed).flatMap((pull): RequestedPull[] => {
      const [number, base, target] = [at(pull, "number"), at(pull, "base", "sha"), at(pull, "base", "ref")];
      if (typeof base !== "string" || !OID.test(base) || typeof target !== "string") return [];
      const isIt = at(pull, "head", "sha") === head && Number.isSafeInteger(number);
      return isIt ? [{ number: number as number, before: [base, remoteBranch(target)], head }] : [];
    });
  }

  /** Write the comment where there is none, else into the one there is; one that says "resolved" is not begun. */
  async keepComment(pull: number, body: string, dryRun: boolean): Promise<Kept> {
    const own = await this.#ownComment(pull);
    if (own === null) {
      if (body.startsWith(RESOLVED_MARK)) return "not needed";
      if (!dryRun) await this.#request("POST", `/issues/${pull}/comments`, { body });
      return "created";
    }
    // GitHub gives back what it was given, but for white space at the end.
    if (own.body.trimEnd() === body.trimEnd()) return "unchanged";
    if (!dryRun) await this.#request("PATCH", `/issues/comments/${own.id}`, { body });
    return "updated";
  }

  async #ownComment(pull: number): Promise<{ id: number; body: string } | null> {
    for (let page = 1; page <= MOST_PAGES; page += 1) {
      const listed = asList(await this.#request("GET", `/issues/${pull}/comments?per_page=${PAGE}&page=${page}`));
      for (const comment of listed) {
        const [id, text] = [at(comment, "id"), at(comment, "body")];
        if (typeof text !== "string" || !Number.isSafeInteger(id)) continue;
        // GitHub gives lines that end with CR LF where they were edited by hand.
        const body = text.replaceAll("\r\n", "\n");
        if (isOurs(body) && (await this.#wrote(comment))) return { id: id as number, body };
      }
      if (listed.length < PAGE) break;
    }
    return null;
  }

  /** Anybody can begin a comment with our mark, and would stay its author. A workflow's token is a bot and may not ask who it is. */
  async #wrote(comment: unknown): Promise<boolean> {
    if (at(comment, "user", "type") === "Bot") return true;
    const login = at(comment, "user", "login");
    const user = await this.#user();
    return typeof login === "string" && login === user;
  }

  #asked: Promise<unknown> | undefined;

  async #user(): Promise<unknown> {
    this.#asked ??= this.#fetch("GET", "/user")
      .then(async (answer) => (answer.ok ? at(await answer.json(), "login") : null))
      .catch(() => null);
    return await this.#asked;
  }

  async #request(method: string, path: string, body?: object): Promise<unknown> {
    const what = `${method} ${path.replace(/\?.*/s, "")}`;
    let answer: Response;
    try {
      answer = await this.#fetch(method, `${this.#repository}${path}`, body);
      if (answer.ok) return await answer.json();
    } catch (cause) {
      throw new MuxiGitError("github-unreachable", `GitHub did not answer to '${what}'`, { cause });
    }
    const said = await answer.json().then(
      (json) => at(json, "message"),
      () => undefined,
    );
    const words = typeof said === "string" ? `: ${escapeText(said.slice(0, 200))}` : "";
    throw new MuxiGitError("github-refused", `GitHub answered ${answer.status} to '${what}'${words}`, {
      hint: "the job needs 'permissions: { pull-requests: write }'; on a fork's pull request only comment/workflow.yml has that",
    });
  }

  async #fetch(method: string, path: string, body?: object): Promise<Response> {
    return await fetch(`${this.#api}${path}`, {
      method,
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE_MS),
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${this.#token}`,
        "user-agent": `muxi-git/${VERSION}`,
        "x-github-api-version": "2022-11-28",
        ...(body && { "content-type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  }
}

/** Whether a text is the body of such a comment. */
export function isOurs(body: string): boolean {
  return [COMMENT_MARK, RESOLVED_MARK].some((mark) => body.startsWith(`${mark}\n`));
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
