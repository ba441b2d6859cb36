/** GitHub and GitLab. */
import { crc36Suffix, crc62Suffix, fineGrainedCheck, hasCrc62Suffix } from "../checksum.ts";
import { BASE62, DIGITS, draw, HEX, LOWER, type Random, type Rule, URL64 } from "../rule.ts";

const GITHUB_PAGE =
  "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github";
const GITLAB_PAGE = "https://docs.gitlab.com/security/tokens/";

function classic(random: Random, prefix: string, length: number): string {
  const body = draw(random, BASE62, length);
  return prefix + body + crc62Suffix(body);
}

/** Header of a JSON Web Token, so that a body that merely has two dots is told apart. */
export function hasJwtHeader(token: string): boolean {
  const head = /^([\w-]{10,400})\./.exec(token)?.[1];
  if (head === undefined) return false;
  try {
    const header: unknown = JSON.parse(Buffer.from(head, "base64url").toString("utf8"));
    return typeof header === "object" && header !== null && "alg" in header && header.alg !== "none";
  } catch {
    return false;
  }
}

export function drawJwt(random: Random, claims: number): string {
  const head = Buffer.from('{"alg":"RS256","typ":"JWT"}').toString("base64url");
  return `${head}.${`eyJ${draw(random, BASE62, claims)}`}.${draw(random, URL64, 86)}`;
}

export const SOURCE_HOSTING: readonly Rule[] = [
  {
    id: "github-token",
    provider: "GitHub",
    opens: "the repositories of its owner",
    keywords: ["ghp_", "gho_", "ghu_", "ghs_"],
    pattern: "gh[opsu]_[A-Za-z0-9]{36}(?![A-Za-z0-9_])",
    class: "alnum",
    minLength: 36,
    // Server tokens of the first kind were seen with other check digits: no opinion on those.
    checksum: (token) => token.startsWith("ghs_") || hasCrc62Suffix(token, 4),
    severity: "error",
    example: (random) => classic(random, `gh${["p", "o", "u"][random(3)]}_`, 30),
    nearMisses: (random) => [
      `ghp_${"x".repeat(36)}`,
      "ghp_...",
      `ghp_${draw(random, BASE62, 20)}`,
      `ghp_${draw(random, BASE62, 60)}`,
      `aghp_${draw(random, BASE62, 36)}`,
    ],
    source: GITHUB_PAGE,
  },
  {
    id: "github-refresh-token",
    provider: "GitHub",
    opens: "new tokens for the repositories of its owner",
    keywords: ["ghr_"],
    pattern: "ghr_[A-Za-z0-9]{36,76}(?![A-Za-z0-9_])",
    class: "alnum",
    minLength: 36,
    checksum: (token) => hasCrc62Suffix(token, 4),
    severity: "error",
    example: (random) => classic(random, "ghr_", 70),
    nearMisses: (random) => [`ghr_${"x".repeat(76)}`, `ghr_${draw(random, BASE62, 30)}`],
    source: GITHUB_PAGE,
  },
  {
    id: "github-server-token",
    provider: "GitHub",
    opens: "the repositories an app is installed on",
    keywords: ["ghs_"],
    pattern: "ghs_[0-9]{1,20}_(eyJ[\\w-]{10,800}\\.eyJ[\\w-]{10,2000}\\.[\\w-]{20,1000})(?![\\w-])",
    class: "word",
    minLength: 20,
    window: 4096,
    verify: (token) => hasJwtHeader(token),
    severity: "error",
    example: (random) => `ghs_${draw(random, DIGITS, 8)}_${drawJwt(random, 120)}`,
    nearMisses: (random) => [
      `ghs_${draw(random, DIGITS, 8)}_eyJ${"A".repeat(40)}.eyJ${"A".repeat(40)}.${"A".repeat(40)}`,
    ],
    source: "https://github.blog/changelog/",
  },
  {
    id: "github-fine-grained-token",
    provider: "GitHub",
    opens: "the repositories it was made for",
    keywords: ["github_pat_"],
    pattern: "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}(?![A-Za-z0-9_])",
    class: "word",
    minLength: 82,
    checksum: (token) => token.slice(77, 85) === fineGrainedCheck(token.slice(0, 77)),
    severity: "error",
    example: (random) => {
      const first = `github_pat_${draw(random, BASE62, 22)}_${draw(random, BASE62, 43)}`;
      return first + fineGrainedCheck(first) + draw(random, BASE62, 8);
    },
    nearMisses: (random) => [
      `github_pat_${"x".repeat(22)}_${"x".repeat(59)}`,
      `github_pat_${draw(random, BASE62, 40)}`,
    ],
    source: GITHUB_PAGE,
  },
  {
    id: "gitlab-token",
    provider: "GitLab",
    opens: "projects of its owner",
    keywords: ["glpat-", "gldt-", "glrt-", "glsoat-", "glffct-", "glimt-", "glagent-", "gloas-", "glcbt-"],
    pattern: "gl(?:pat|dt|rt|soat|ffct|imt|agent|oas|cbt)-[\\w-]{20,300}(?:\\.[0-9a-z]{2}\\.[0-9a-z]{9})?(?![\\w-])",
    class: "url64",
    minLength: 20,
    checksum: (token) => !/\.01\.[0-9a-z]{9}$/.test(token) || token.slice(-7) === crc36Suffix(token.slice(0, -7)),
    severity: "error",
    example: (random) => {
      if (random(2) === 0) return `glpat-${draw(random, URL64, 20)}`;
      const body = `glpat-${draw(random, URL64, 27)}.01.${draw(random, DIGITS + LOWER, 2)}`;
      return body + crc36Suffix(body);
    },
    nearMisses: (random) => [`glpat-${"x".repeat(20)}`, `glpat-${draw(random, URL64, 12)}`, "glpat-<your-token>"],
    source: GITLAB_PAGE,
  },
  {
    id: "gitlab-trigger-token",
    provider: "GitLab",
    opens: "the pipelines of a project",
    keywords: ["glptt-"],
    pattern: "glptt-[0-9a-f]{40}(?![0-9a-zA-Z])",
    class: "hex",
    minLength: 40,
    severity: "error",
    example: (random) => `glptt-${draw(random, HEX, 40)}`,
    nearMisses: (random) => [`glptt-${"0".repeat(40)}`, `glptt-${draw(random, HEX, 32)}`],
    source: GITLAB_PAGE,
  },
];
