/** Social networks and media. */
import { BASE62, type Rule } from "../rule.ts";
import { base62, chars, digits, token, upperAlnum, url64 } from "./shapes.ts";

export const SOCIAL: readonly Rule[] = [
  token({
    id: "instagram-token",
    provider: "Instagram",
    opens: "pictures and messages of an account",
    forms: [
      ["IGQV", url64(100, 250)],
      ["IGAA", url64(100, 250)],
    ],
    source: "https://developers.facebook.com/docs/instagram-platform/",
  }),
  token({
    id: "threads-token",
    provider: "Threads",
    opens: "posts of an account",
    forms: [
      ["THAA", url64(100, 250)],
      ["THQV", url64(100, 250)],
    ],
    source: "https://developers.facebook.com/docs/threads/get-started",
  }),
  token({
    id: "twitter-bearer-token",
    provider: "X",
    opens: "an application",
    forms: [["AAAAAAAAAAAAAAAAAAAAA", chars("[0-9A-Za-z%]", BASE62, 60, 110)]],
    bitsPerCharacter: 2.4,
    after: "[\\w%]",
    source: "https://docs.x.com/fundamentals/authentication/oauth-2-0/application-only",
  }),
  token({
    id: "linkedin-own-secret",
    provider: "LinkedIn",
    opens: "an application and its users",
    forms: [["WPL_AP", digits(1), ".", base62(16), ".", base62(6), "=="]],
    after: "",
    source: "https://learn.microsoft.com/linkedin/shared/authentication/authentication",
  }),
  token({
    id: "linkedin-token",
    provider: "LinkedIn",
    opens: "an account",
    forms: [
      ["AQV", url64(200, 400)],
      ["AQX", url64(200, 400)],
    ],
    source: "https://learn.microsoft.com/linkedin/shared/authentication/authentication",
  }),
  token({
    id: "vk-own-token",
    provider: "VK",
    opens: "an account and its posts",
    forms: [["vk1.a.", url64(150, 260)]],
    source: "https://dev.vk.com/en/api/access-token/getting-started",
  }),
  token({
    id: "pinterest-token",
    provider: "Pinterest",
    opens: "an account",
    forms: [["pina_", upperAlnum(90, 130)]],
    source: "https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/",
  }),
];
