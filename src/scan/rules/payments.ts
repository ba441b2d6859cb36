/** Payments and commerce. */
import { BASE62, draw, HEX, type Rule } from "../rule.ts";

const STRIPE_PAGE = "https://docs.stripe.com/keys";

export const PAYMENTS: readonly Rule[] = [
  {
    id: "stripe-key",
    provider: "Stripe",
    opens: "payments and customers of an account",
    keywords: ["sk_live_", "rk_live_", "sk_test_", "rk_test_"],
    pattern: "[sr]k_(?:live|test)_[A-Za-z0-9]{16,247}(?![\\w-])",
    class: "alnum",
    minLength: 16,
    bitsPerCharacter: 2.2,
    severity: "error",
    example: (random) =>
      `${random(2) === 0 ? "sk" : "rk"}_${random(2) === 0 ? "live" : "test"}_${draw(random, BASE62, random(2) === 0 ? 24 : 99)}`,
    nearMisses: (random) => [
      "sk_live_...",
      `sk_test_${"x".repeat(24)}`,
      `sk_live_${draw(random, BASE62, 8)}`,
      `pk_live_${draw(random, BASE62, 24)}`,
      `task_test_${draw(random, BASE62, 24)}`,
    ],
    source: STRIPE_PAGE,
  },
  {
    id: "stripe-webhook-secret",
    provider: "Stripe",
    opens: "forged events",
    keywords: ["whsec_"],
    pattern: "whsec_[A-Za-z0-9+/]{32,64}={0,2}(?![\\w-])",
    class: "base64",
    minLength: 32,
    severity: "error",
    example: (random) => `whsec_${draw(random, BASE62, 32)}`,
    nearMisses: (random) => ["whsec_...", `whsec_${"x".repeat(32)}`, `whsec_${draw(random, BASE62, 12)}`],
    source: "https://docs.stripe.com/webhooks",
  },
  {
    id: "shopify-token",
    provider: "Shopify",
    opens: "a shop",
    keywords: ["shpat_", "shpca_", "shppa_", "shpss_"],
    pattern: "shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}(?![0-9a-zA-Z])",
    class: "hex",
    minLength: 32,
    severity: "error",
    example: (random) => `shpat_${draw(random, HEX, 32)}`,
    nearMisses: (random) => [`shpat_${"0".repeat(32)}`, `shpat_${draw(random, HEX, 16)}`],
    source: "https://shopify.dev/docs/apps/build/authentication-authorization",
  },
];
