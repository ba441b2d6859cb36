/** GitHub, GitLab and the other hosts of source. */
import { crc36Suffix, crc62Suffix, fineGrainedCheck } from "../checksum.ts";
import { BASE62, DIGITS, draw, LOWER, type Random, type Rule, URL64 } from "../rule.ts";
import { checkCrc62, checkFineGrained, checkGithub, checkGitlab, hasJwtHeader } from "../structure.ts";
import { nearName } from "./near-name.ts";
import { base62, base64, chars, hex, lowerAlnum, oneOf, prefixed, token, url64 } from "./shapes.ts";

const GITHUB_PAGE =
  "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github";
const GITLAB_PAGE = "https://docs.gitlab.com/security/tokens/";
const ATLASSIAN_PAGE =
  "https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/";
const PROJECTS = "projects of its owner";

function classic(random: Random, prefix: string, length: number): string {
  const body = draw(random, BASE62, length);
  return prefix + body + crc62Suffix(body);
}

export function drawJwt(random: Random, claims: number): string {
  const head = Buffer.from('{"alg":"RS256","typ":"JWT"}').toString("base64url");
  return `${head}.${`eyJ${draw(random, BASE62, claims)}`}.${draw(random, URL64, 86)}`;
}

/** GitLab's tokens whose prefix is all that they differ in. */
function gitlab(
  id: string,
  opens: string,
  prefix: string,
  body: ReturnType<typeof url64>,
  severity: Rule["severity"] = "error",
): Rule {
  return prefixed({ id, provider: "GitLab", opens, prefix, body, severity, source: GITLAB_PAGE });
}

export const SOURCE_HOSTING: readonly Rule[] = [
  prefixed({
    id: "github-token",
    provider: "GitHub",
    opens: "the repositories of its owner",
    prefix: ["ghp_", "gho_", "ghu_", "ghs_"],
    body: base62(36),
    checksum: checkGithub,
    example: (random) => classic(random, `gh${["p", "o", "u"][random(3)]}_`, 30),
    source: GITHUB_PAGE,
    fix: "revoke it at https://github.com/settings/tokens; store the next one with 'git muxi secrets set NAME'",
  }),
  prefixed({
    id: "github-refresh-token",
    provider: "GitHub",
    opens: "new tokens for the repositories of its owner",
    prefix: "ghr_",
    body: base62(36, 76),
    checksum: checkCrc62,
    example: (random) => classic(random, "ghr_", 70),
    source: GITHUB_PAGE,
  }),
  {
    id: "github-server-token",
    provider: "GitHub",
    opens: "the repositories an app is installed on",
    keywords: ["ghs_"],
    pattern: "ghs_[0-9]{1,20}_(eyJ[\\w-]{10,800}\\.eyJ[\\w-]{10,2000}\\.[\\w-]{20,1000})(?![\\w-])",
    class: "word",
    minLength: 20,
    window: 4096,
    verify: hasJwtHeader,
    severity: "error",
    example: (random) => `ghs_${draw(random, DIGITS, 8)}_${drawJwt(random, 120)}`,
    nearMisses: (random) => [
      `ghs_${draw(random, DIGITS, 8)}_eyJ${"A".repeat(40)}.eyJ${"A".repeat(40)}.${"A".repeat(40)}`,
    ],
    source: "https://github.blog/changelog/",
  },
  token({
    id: "github-fine-grained-token",
    provider: "GitHub",
    opens: "the repositories it was made for",
    forms: [["github_pat_", base62(22), "_", base62(59)]],
    checksum: checkFineGrained,
    example: (random) => {
      const first = `github_pat_${draw(random, BASE62, 22)}_${draw(random, BASE62, 43)}`;
      return first + fineGrainedCheck(first) + draw(random, BASE62, 8);
    },
    source: GITHUB_PAGE,
    fix: "revoke it at https://github.com/settings/personal-access-tokens; store the next one with 'git muxi secrets set NAME'",
  }),
  nearName({
    id: "github-oauth-secret",
    provider: "GitHub",
    opens: "sign-in as an application",
    names: ["github_client", "github-client", "githubclient", "github_oauth", "github_app"],
    values: "hex:40",
    source: "https://docs.github.com/apps/oauth-apps",
  }),
  {
    id: "gitlab-token",
    provider: "GitLab",
    opens: PROJECTS,
    keywords: [
      "glpat-",
      "gldt-",
      "glrt-",
      "glrtr-",
      "glsoat-",
      "glffct-",
      "glimt-",
      "glagent-",
      "gloas-",
      "glcbt-",
      "glft-",
      "glwt-",
    ],
    pattern:
      "gl(?:pat|dt|rtr?|soat|ffct|imt|agent|oas|cbt|ft|wt)-[\\w-]{20,300}(?:\\.[0-9a-z]{2}\\.[0-9a-z]{9})?(?![\\w-])",
    class: "url64",
    minLength: 20,
    checksum: checkGitlab,
    severity: "error",
    example: (random) => {
      if (random(2) === 0)
        return `gl${["pat", "dt", "rt", "soat", "ffct", "imt", "cbt", "ft"][random(8)]}-${draw(random, URL64, 20 + random(8))}`;
      const body = `glpat-${draw(random, URL64, 27)}.01.${draw(random, DIGITS + LOWER, 2)}`;
      return body + crc36Suffix(body);
    },
    nearMisses: (random) => [`glpat-${"x".repeat(20)}`, `glpat-${draw(random, URL64, 12)}`, "glpat-<your-token>"],
    source: GITLAB_PAGE,
  },
  gitlab("gitlab-trigger-token", "the pipelines of a project", "glptt-", hex(40)),
  gitlab("gitlab-registration-token", "the registration of runners", "GR1348941", url64(20)),
  gitlab("gitlab-session-cookie", "an account that is signed in", "_gitlab_session=", hex(32)),
  token({
    id: "bitbucket-app-password",
    provider: "Bitbucket",
    opens: PROJECTS,
    forms: [
      ["ATBB", base62(24), chars("[0-9A-F]", "0123456789ABCDEF", 8)],
      ["ATBB", base62(32)],
    ],
    bitsPerCharacter: 2.4,
    source: "https://support.atlassian.com/bitbucket-cloud/docs/app-passwords/",
  }),
  token({
    id: "bitbucket-access-token",
    provider: "Bitbucket",
    opens: "a repository, project or workspace",
    forms: [
      ["ATCTT3xFfG", base64(150, 250), "=", chars("[0-9A-F]", "0123456789ABCDEF", 8)],
      ["ATCTT3xFfG", url64(150, 250), "=", chars("[0-9A-F]", "0123456789ABCDEF", 8)],
    ],
    source: "https://support.atlassian.com/bitbucket-cloud/docs/access-tokens/",
  }),
  token({
    id: "atlassian-api-token",
    provider: "Atlassian",
    opens: "Jira, Confluence and Bitbucket of its owner",
    forms: [["ATATT3", chars("[\\w=-]", URL64, 150, 260)]],
    after: "[\\w=-]",
    source: ATLASSIAN_PAGE,
  }),
  nearName({
    id: "gitea-token",
    provider: "Gitea",
    opens: PROJECTS,
    names: ["gitea", "forgejo", "codeberg"],
    values: "hex:40",
    source: "https://docs.gitea.com/development/api-usage",
  }),
  prefixed({
    id: "sourcegraph-token",
    provider: "Sourcegraph",
    opens: "code it can search",
    prefix: ["sgp_", "sgp_local_"],
    body: hex(40),
    source: "https://sourcegraph.com/docs/cli/how-tos/creating_an_access_token",
  }),
  token({
    id: "sourcegraph-instance-token",
    provider: "Sourcegraph",
    opens: "code it can search",
    forms: [["sgp_", hex(16), "_", hex(40)]],
    source: "https://sourcegraph.com/docs/cli/how-tos/creating_an_access_token",
  }),
  prefixed({
    id: "gitee-token",
    provider: "Gitee",
    opens: PROJECTS,
    prefix: "gitee_pat_",
    body: hex(40),
    source: "https://gitee.com/api/v5/swagger",
  }),
  token({
    id: "phabricator-token",
    provider: "Phabricator",
    opens: "its API",
    forms: [[oneOf("api-", "cli-"), lowerAlnum(28)]],
    bitsPerCharacter: 2.7,
    source: "https://secure.phabricator.com/book/phabricator/",
  }),
  prefixed({
    id: "snyk-token",
    provider: "Snyk",
    opens: "the projects it watches",
    prefix: ["snyk_uat.", "snyk_sat."],
    body: chars("[\\w.-]", URL64, 60, 400),
    source: "https://docs.snyk.io/snyk-api/authentication-for-api",
  }),
  nearName({
    id: "snyk-legacy-token",
    provider: "Snyk",
    opens: "the projects it watches",
    names: ["snyk"],
    values: "uuid",
    source: "https://docs.snyk.io/",
  }),
  prefixed({
    id: "sonar-token",
    provider: "SonarQube",
    opens: "the analyses of a project",
    prefix: ["squ_", "sqp_", "sqa_", "sqb_"],
    body: hex(40),
    source: "https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens/",
  }),
  nearName({
    id: "sonar-legacy-token",
    provider: "SonarQube",
    opens: "the analyses of a project",
    names: ["sonar"],
    values: "hex:40",
    source: "https://docs.sonarsource.com/",
  }),
  nearName({
    id: "codecov-token",
    provider: "Codecov",
    opens: "coverage of a project",
    names: ["codecov"],
    values: "uuid",
    source: "https://docs.codecov.com/docs/codecov-tokens",
  }),
  prefixed({
    id: "semgrep-token",
    provider: "Semgrep",
    opens: "the findings of an organisation",
    prefix: "sgs_",
    body: hex(64),
    source: "https://semgrep.dev/docs/semgrep-appsec-platform/semgrep-api",
  }),
  prefixed({
    id: "gitguardian-key",
    provider: "GitGuardian",
    opens: "the incidents of an organisation",
    prefix: "ggtt-",
    body: [hex(40, 64), url64(24, 80)],
    source: "https://docs.gitguardian.com/api-docs/authentication",
  }),
  prefixed({
    id: "linear-key",
    provider: "Linear",
    opens: "issues of its owner",
    prefix: "lin_api_",
    body: base62(40),
    source: "https://linear.app/developers",
  }),
  prefixed({
    id: "linear-oauth-token",
    provider: "Linear",
    opens: "issues of its owner",
    prefix: ["lin_oauth_", "lin_wh_"],
    body: [hex(64), base62(32, 64)],
    source: "https://linear.app/developers",
  }),
  token({
    id: "postman-key",
    provider: "Postman",
    opens: "collections of its owner",
    forms: [["PMAK-", hex(24), "-", hex(34)]],
    source: "https://learning.postman.com/docs/developer/postman-api/authentication/",
  }),
];
