/**
 * Vendors outside the other families' files, or forms of theirs beside the main
 * one: a row each. `ws-{h64}` is `ws-` and 64 hexadecimal digits; a row's first
 * text is its keyword, the rest follows from shapes.ts.
 *
 * In braces: a letter for the class, then how many, `20` or `20-40`: `d` digits,
 * `h` hexadecimal, `H` in upper case, `l` lower case and digits, `L` lower case,
 * `U` upper case and digits, `a` letters and digits, `w` those and `_`,
 * `u` base64url, `b` base64; `{uuid}` is a UUID.
 */
import type { Rule } from "../rule.ts";
import {
  base62,
  base64,
  digits,
  type Field,
  type Form,
  hex,
  lower,
  lowerAlnum,
  type Token,
  token,
  UUID,
  upperAlnum,
  upperHex,
  url64,
  word,
} from "./shapes.ts";

type Row = readonly [
  id: string,
  provider: string,
  /** Completes "gives access to …". */
  opens: string,
  forms: string | readonly string[],
  /** The vendor's page. */
  source: string,
  more?: Partial<Pick<Token, "severity" | "bitsPerCharacter">>,
];

const PAYMENTS = "payments of an account";
const CUSTOMERS = "customers and what was written to them";
const MODELS = "its models, at the owner's expense";
const TELEMETRY = "what it was told about its owner's systems";

const ROWS: readonly Row[] = [
  ["axiom-ingest-token", "Axiom", TELEMETRY, "xait-{uuid}", "https://axiom.co/docs/reference/tokens"],
  [
    "bitrise-personal-token",
    "Bitrise",
    "pipelines and what they can reach",
    "bitpat_{a43}",
    "https://devcenter.bitrise.io/en/accounts/personal-access-tokens.html",
  ],
  ["chutes-key", "Chutes", MODELS, "cpk_{h32}.{h32}.{a32}", "https://chutes.ai/docs"],
  [
    "clickup-personal-token",
    "ClickUp",
    "what its owner may see of a workspace",
    "pk_{d5-9}_{U32}",
    "https://developer.clickup.com/docs/authentication",
  ],
  [
    "clojars-deploy-token",
    "Clojars",
    "packages of its owner",
    "CLOJARS_{l60}",
    "https://github.com/clojars/clojars-web/wiki/Deploy-Tokens",
  ],
  [
    "cockroach-cloud-secret",
    "CockroachDB Cloud",
    "clusters of an organisation",
    "CCDB1_{a22}_{a40}",
    "https://www.cockroachlabs.com/docs/cockroachcloud/managing-access",
  ],
  [
    "dbt-cloud-account-token",
    "dbt Cloud",
    "projects of its owner",
    ["dbtc_{u30-60}", "dbtu_{u30-60}", "dbts_{u30-60}"],
    "https://docs.getdbt.com/docs/dbt-cloud-apis/authentication",
  ],
  [
    "dependency-track-team-key",
    "Dependency-Track",
    "what projects depend on",
    ["odt_{a32}", "odt_{a8}_{a32}"],
    "https://docs.dependencytrack.org/integrations/rest-api/",
  ],
  [
    "dynatrace-platform-token",
    "Dynatrace",
    TELEMETRY,
    ["dt0s01.{U8}.{U64}", "dt0s02.{U8}.{U64}", "dt0s16.{U8}.{U64}"],
    "https://docs.dynatrace.com/docs/dynatrace-api/basics/dynatrace-api-authentication",
  ],
  [
    "elastic-cloud-organisation-key",
    "Elastic Cloud",
    "deployments of its owner",
    "essu_{b40-120}",
    "https://www.elastic.co/guide/en/cloud/current/ec-api-authentication.html",
  ],
  [
    "helicone-key-pair",
    "Helicone",
    "traces, which hold prompts and answers",
    ["sk-helicone-{l7}-{l7}-{l7}-{l7}", "pk-helicone-{l7}-{l7}-{l7}-{l7}"],
    "https://docs.helicone.ai/",
  ],
  [
    "hubspot-developer-key",
    "HubSpot",
    CUSTOMERS,
    ["na1-{h4}-{h4}-{h4}-{h4}-{h12}", "eu1-{h4}-{h4}-{h4}-{h4}-{h12}"],
    "https://developers.hubspot.com/docs/api/creating-an-app",
    { bitsPerCharacter: 1.8 },
  ],
  [
    "linkedin-client-secret",
    "LinkedIn",
    "an account, as an application",
    "WPL_AP1.{a16}.{b8}==",
    "https://learn.microsoft.com/linkedin/shared/authentication/",
  ],
  [
    "launchdarkly-mobile-key",
    "LaunchDarkly",
    "the flags of an environment",
    ["mob-{uuid}", "rel-{uuid}"],
    "https://docs.launchdarkly.com/home/account/api",
  ],
  [
    "matrix-access-token",
    "Matrix",
    "an account and what it may read",
    "syt_{b5-60}_{a20}_{a6}",
    "https://spec.matrix.org/latest/client-server-api/#client-authentication",
  ],
  [
    "notion-legacy-token",
    "Notion",
    "what its owner may see of a workspace",
    "secret_{a43}",
    "https://developers.notion.com/docs/authorization",
  ],
  [
    "onesignal-organisation-key",
    "OneSignal",
    "messages sent in its owner's name",
    "os_v2_org_{l100-120}",
    "https://documentation.onesignal.com/docs/keys-and-ids",
  ],
  [
    "pagerduty-regional-token",
    "PagerDuty",
    "incidents of an account",
    ["pdus+_{w10-12}_{uuid}", "pdeu+_{w10-12}_{uuid}"],
    "https://developer.pagerduty.com/docs/",
  ],
  [
    "polar-checkout-token",
    "Polar",
    PAYMENTS,
    ["polar_at_u_{a43}", "polar_at_o_{a43}", "polar_rt_u_{a43}", "polar_rt_o_{a43}", "polar_cs_{a43}"],
    "https://polar.sh/docs/integrate/oat",
  ],
  [
    "postman-collection-key",
    "Postman",
    "a collection",
    "PMAT-{U26}",
    "https://learning.postman.com/docs/publishing-your-api/",
  ],
  [
    "ramp-client",
    "Ramp",
    "cards and expenses of a company",
    ["ramp_id_{a40-48}", "ramp_sec_{a40-48}"],
    "https://docs.ramp.com/",
  ],
  ["scalingo-token", "Scalingo", "what its owner deploys", "tk-us-{u48}", "https://developers.scalingo.com/"],
  [
    "segment-public-api-token",
    "Segment",
    "analytics of a workspace",
    "sgp_{a64}",
    "https://segment.com/docs/api/public-api/",
  ],
  ["stackhawk-key", "StackHawk", "what it found in an application", "hawk.{u20}.{u20}", "https://docs.stackhawk.com/"],
  [
    "stripe-organisation-key",
    "Stripe",
    PAYMENTS,
    ["sk_org_live_{a24-120}", "sk_org_test_{a24-120}"],
    "https://docs.stripe.com/keys",
  ],
  [
    "teams-legacy-webhook",
    "Microsoft Teams",
    "a channel: whoever has it can write there",
    "outlook.office.com/webhook/{uuid}@{uuid}/IncomingWebhook/{h32}/{uuid}",
    "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook",
    { bitsPerCharacter: 1.8 },
  ],
  ["twitch-oauth-token", "Twitch", "a channel", "oauth:{l30}", "https://dev.twitch.tv/docs/authentication/"],
  [
    "vault-batch-token",
    "HashiCorp Vault",
    "the secrets it holds",
    "b.AAAAAQ{u60-300}",
    "https://developer.hashicorp.com/vault/docs/concepts/tokens",
  ],
  [
    "weblate-user-key",
    "Weblate",
    "translations, as its user",
    ["wlu_{a36}", "wlp_{a36}"],
    "https://docs.weblate.org/en/latest/api.html",
  ],
  ["webflow-site-token", "Webflow", "a site", "ws-{h64}", "https://developers.webflow.com/"],
];

const FIELDS: Record<string, (least: number, most?: number) => Field> = {
  d: digits,
  h: hex,
  H: upperHex,
  l: lowerAlnum,
  L: lower,
  U: upperAlnum,
  a: base62,
  w: word,
  u: url64,
  b: base64,
};

const PART = /\{(?:(uuid)|([dhHlLUawub])(\d{1,4})(?:-(\d{1,4}))?)\}|[^{}]+|./g;

function parseForm(text: string): Form {
  const parts: (string | Field)[] = [];
  for (const [part, uuid, letter, least, most] of text.matchAll(PART)) {
    if (uuid !== undefined) parts.push(...UUID);
    else if (letter !== undefined) parts.push(FIELDS[letter]!(Number(least), Number(most ?? least)));
    else if (part === "{" || part === "}") throw new Error(`a form with a body that is none: ${text}`);
    else parts.push(part);
  }
  return parts;
}

/** Real base62 has about 4.4 bits a character, hexadecimal 3.4, a UUID with its hyphens less. */
function bitsOf(text: string): number {
  if (text.includes("{uuid}")) return 1.8;
  return /\{[^dh]/.test(text) ? 2.2 : 1.6;
}

export const SINGLE_FORMS: readonly Rule[] = ROWS.map(([id, provider, opens, given, source, more]) => {
  const texts = typeof given === "string" ? [given] : given;
  const bits = Math.min(...texts.map(bitsOf));
  return token({ id, provider, opens, source, forms: texts.map(parseForm), bitsPerCharacter: bits, ...more });
});
