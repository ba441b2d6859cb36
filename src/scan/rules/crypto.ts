/** Crypto exchanges, wallets and market data. */
import type { Rule } from "../rule.ts";
import { base62, token, UUID, url64 } from "./shapes.ts";

export const CRYPTO: readonly Rule[] = [
  token({
    id: "coinbase-cdp-key",
    provider: "Coinbase",
    opens: "money of an account",
    forms: [["organizations/", ...UUID, "/apiKeys/", ...UUID]],
    severity: "warning",
    bitsPerCharacter: 1.6,
    source: "https://docs.cdp.coinbase.com/get-started/authentication/cdp-api-keys",
  }),
  token({
    id: "blockfrost-own-key",
    provider: "Blockfrost",
    opens: "the quota of a project",
    forms: [
      ["mainnet", base62(32)],
      ["preprod", base62(32)],
      ["preview", base62(32)],
    ],
    bitsPerCharacter: 2.5,
    source: "https://docs.blockfrost.io/",
  }),
  token({
    id: "coingecko-key",
    provider: "CoinGecko",
    opens: "the quota of an account",
    forms: [["CG-", base62(24)]],
    source: "https://docs.coingecko.com/reference/authentication",
  }),
  token({
    id: "extended-private-key",
    provider: "Bitcoin wallet",
    opens: "the money of a wallet",
    forms: [
      ["xprv", base62(107)],
      ["yprv", base62(107)],
      ["zprv", base62(107)],
      ["tprv", base62(107)],
    ],
    source: "https://github.com/bitcoin/bips/blob/master/bip-0032.mediawiki",
  }),
  token({
    id: "tinkoff-token",
    provider: "T-Invest",
    opens: "money of an account",
    forms: [["t.", url64(86)]],
    bitsPerCharacter: 3.2,
    source: "https://developer.tbank.ru/invest/intro/intro/token",
  }),
];
