/** MUXI's own keys. Forms: the Go CLI's generator of formation keys; the server's documented samples. */
import { draw, HEX, type Rule } from "../rule.ts";
import { base62, hex, oneOf, prefixed, token } from "./shapes.ts";

const PAGE = "https://muxi.org/docs";

export const MUXI: readonly Rule[] = [
  token({
    id: "muxi-formation-key",
    provider: "MUXI",
    opens: "the API of a formation",
    forms: [[oneOf("fma_", "fmc_"), hex(64)]],
    source: PAGE,
    fix: "make a new key with the MUXI CLI, store it with 'git muxi secrets set NAME' and refer to it as ${{ secrets.NAME }}",
  }),
  prefixed({
    id: "muxi-server-key",
    provider: "MUXI",
    opens: "a server and every formation on it",
    prefix: "muxi_sk_",
    body: base62(24, 64),
    near: (random) => [`muxi_pk_${draw(random, HEX, 32)}`],
    source: PAGE,
  }),
];
