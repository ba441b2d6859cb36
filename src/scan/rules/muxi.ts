/** MUXI's own keys. Forms: the Go CLI's generator of formation keys; the server's documented samples. */
import { draw, HEX, type Rule } from "../rule.ts";

const PAGE = "https://muxi.org/docs";

export const MUXI: readonly Rule[] = [
  {
    id: "muxi-formation-key",
    provider: "MUXI",
    opens: "the API of a formation",
    keywords: ["fma_", "fmc_"],
    pattern: "fm[ac]_[0-9a-f]{64}(?![0-9a-zA-Z])",
    class: "hex",
    minLength: 64,
    severity: "error",
    example: (random) => `fm${random(2) === 0 ? "a" : "c"}_${draw(random, HEX, 64)}`,
    nearMisses: (random) => [
      "fma_...",
      `fma_${"0".repeat(64)}`,
      `fmc_${draw(random, HEX, 40)}`,
      `xfma_${draw(random, HEX, 64)}`,
    ],
    source: PAGE,
  },
  {
    id: "muxi-server-key",
    provider: "MUXI",
    opens: "a server and every formation on it",
    keywords: ["muxi_sk_"],
    pattern: "muxi_sk_[A-Za-z0-9]{24,64}(?![A-Za-z0-9])",
    class: "alnum",
    minLength: 24,
    severity: "error",
    example: (random) => `muxi_sk_${draw(random, HEX, 32)}`,
    nearMisses: (random) => ["muxi_sk_...", `muxi_sk_${"x".repeat(32)}`, `muxi_pk_${draw(random, HEX, 32)}`],
    source: PAGE,
  },
];
