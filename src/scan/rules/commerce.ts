/** Shops and marketplaces. */
import type { Rule } from "../rule.ts";
import { anyHex, hex, token, url64 } from "./shapes.ts";

export const COMMERCE: readonly Rule[] = [
  token({
    id: "shopify-partner-token",
    provider: "Shopify",
    opens: "shops of a partner",
    forms: [
      ["prtapi_", hex(32)],
      ["atkn_", hex(64)],
      ["shptka_", hex(32)],
      ["shpua_", anyHex(32)],
      ["shpit_", anyHex(32)],
    ],
    source: "https://shopify.dev/docs/api/partner",
  }),
  token({
    id: "woocommerce-key",
    provider: "WooCommerce",
    opens: "orders and customers of a shop",
    forms: [
      ["ck_", hex(40)],
      ["cs_", hex(40)],
    ],
    source: "https://woocommerce.github.io/woocommerce-rest-api-docs/#authentication",
  }),
  token({
    id: "ebay-secret",
    provider: "eBay",
    opens: "listings and orders of sellers",
    forms: [
      ["PRD-", hex(12), "-", hex(4), "-", hex(4), "-", hex(4), "-", hex(4)],
      ["SBX-", hex(12), "-", hex(4), "-", hex(4), "-", hex(4), "-", hex(4)],
    ],
    source: "https://developer.ebay.com/api-docs/static/gs_create-the-ebay-api-keysets.html",
  }),
  token({
    id: "medusa-key",
    provider: "Medusa",
    opens: "orders of a shop",
    forms: [["sk_", hex(64)]],
    source: "https://docs.medusajs.com/api/admin",
  }),
  token({
    id: "wix-key",
    provider: "Wix",
    opens: "a site",
    forms: [["IST.", url64(20, 60), ".", url64(400, 900), ".", url64(300, 400)]],
    window: 1500,
    source: "https://dev.wix.com/docs/rest/account-level/about-account-level-apis",
  }),
];
