/** Customers, support, surveys. */
import { BASE62, type Rule } from "../rule.ts";
import { base62, base64, chars, digits, hex, oneOf, token, UUID, upperAlnum, word } from "./shapes.ts";

export const CRM: readonly Rule[] = [
  token({
    id: "hubspot-private-app-token",
    provider: "HubSpot",
    opens: "customers of an account",
    forms: [["pat-", oneOf("na1", "na2", "na3", "eu1", "ap1"), "-", ...UUID]],
    bitsPerCharacter: 1.6,
    source: "https://developers.hubspot.com/docs/apps/legacy-apps/private-apps/overview",
  }),
  token({
    id: "salesforce-session",
    provider: "Salesforce",
    opens: "customers of an organization",
    forms: [["00D", base62(12), "!", chars("[\\w.]", BASE62, 90, 120)]],
    after: "[\\w.]",
    source:
      "https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_oauth_and_connected_apps.htm",
  }),
  token({
    id: "salesforce-refresh-token",
    provider: "Salesforce",
    opens: "customers of an organization",
    forms: [["5Aep861", chars("[\\w.]", BASE62, 76, 90)]],
    after: "[\\w.]",
    source:
      "https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_oauth_and_connected_apps.htm",
  }),
  token({
    id: "salesforce-consumer-key",
    provider: "Salesforce",
    opens: "an application, with its secret",
    forms: [["3MVG9", chars("[\\w.]", BASE62, 75, 110)]],
    severity: "warning",
    after: "[\\w.]",
    source: "https://help.salesforce.com/s/articleView?id=xcloud.connected_app_create_api_integration.htm",
  }),
  token({
    id: "intercom-own-token",
    provider: "Intercom",
    opens: "conversations of an account",
    forms: [["dG9rO", base64(50, 60), "="]],
    after: "[\\w+/]",
    source: "https://developers.intercom.com/docs/build-an-integration/learn-more/authentication",
  }),
  token({
    id: "typeform-token",
    provider: "Typeform",
    opens: "answers to forms",
    forms: [["tfp_", word(40, 59)]],
    source: "https://www.typeform.com/developers/get-started/personal-access-token/",
  }),
  token({
    id: "clickup-token",
    provider: "ClickUp",
    opens: "tasks in the name of its owner",
    forms: [["pk_", digits(6, 10), "_", upperAlnum(32)]],
    source: "https://developer.clickup.com/docs/authentication",
  }),
  token({
    id: "zoho-refresh-token",
    provider: "Zoho",
    opens: "customers of an account",
    forms: [["1000.", hex(32), ".", hex(32)]],
    source: "https://www.zoho.com/accounts/protocol/oauth.html",
  }),
  token({
    id: "close-own-key",
    provider: "Close",
    opens: "customers of an account",
    forms: [["api_", base62(22), ".", base62(22)]],
    source: "https://developer.close.com/topics/authentication/",
  }),
  token({
    id: "clearbit-own-key",
    provider: "Clearbit",
    opens: "the quota of an account",
    forms: [["sk_", hex(32)]],
    source: "https://dashboard.clearbit.com/docs",
  }),
  token({
    id: "cal-com-key",
    provider: "Cal.com",
    opens: "calendars of an account",
    forms: [
      ["cal_live_", hex(32)],
      ["cal_", hex(32)],
    ],
    source: "https://cal.com/docs/api-reference/v2/introduction",
  }),
];
