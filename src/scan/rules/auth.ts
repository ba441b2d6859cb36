/** Sign-in, identity and proof of being human. */
import type { Rule } from "../rule.ts";
import { base62, hex, oneOf, token, url64 } from "./shapes.ts";

export const AUTH: readonly Rule[] = [
  token({
    id: "stytch-secret",
    provider: "Stytch",
    opens: "users of a project",
    forms: [
      ["secret-", oneOf("live", "test"), "-", url64(36)],
      ["secret-live-", url64(35), "="],
      ["secret-test-", url64(35), "="],
    ],
    source: "https://stytch.com/docs/api/authentication",
  }),
  token({
    id: "okta-sws-token",
    provider: "Okta",
    opens: "users of an organization",
    forms: [["SSWS 00", url64(40)]],
    source: "https://developer.okta.com/docs/guides/create-an-api-token/main/",
  }),
  token({
    id: "jumpcloud-own-key",
    provider: "JumpCloud",
    opens: "users of an organization",
    forms: [["jca_", base62(36)]],
    source: "https://jumpcloud.com/support/jumpcloud-apis1",
  }),
  token({
    id: "authress-key",
    provider: "Authress",
    opens: "users of an account",
    forms: [
      ["sc_", base62(5, 30), ".", base62(4, 6), ".acc-", base62(10, 32), ".", base62(30, 120)],
      ["ext_", base62(5, 30), ".", base62(4, 6), ".acc-", base62(10, 32), ".", base62(30, 120)],
    ],
    source: "https://authress.io/knowledge-base/docs/authorization/service-clients/",
  }),
  token({
    id: "turnstile-own-secret",
    provider: "Cloudflare Turnstile",
    opens: "forged answers",
    forms: [["0x4AAAAAA", url64(25, 30)]],
    source: "https://developers.cloudflare.com/turnstile/get-started/",
  }),
  token({
    id: "hcaptcha-own-secret",
    provider: "hCaptcha",
    opens: "forged answers",
    forms: [["ES_", hex(32)]],
    source: "https://docs.hcaptcha.com/",
  }),
  token({
    id: "unkey-key",
    provider: "Unkey",
    opens: "keys of a workspace",
    forms: [["unkey_", base62(20, 40)]],
    source: "https://www.unkey.com/docs/security/root-keys",
  }),
  token({
    id: "svix-key",
    provider: "Svix",
    opens: "webhooks of an application",
    forms: [["testsk_", base62(32), ".", oneOf("us", "eu", "in", "ca", "au")]],
    source: "https://docs.svix.com/",
  }),
];
