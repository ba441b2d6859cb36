/** Forms as vendors' pages give them, written apart from the rules: the rules' own examples follow their description and cannot tell what it lacks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createScanner } from "../../src/scan/engine.ts";
import { BASE32, BASE62, draw, HEX, URL64 } from "../../src/scan/rule.ts";
import { seededRandom } from "./seeded-random.ts";

const FORMS: readonly (readonly [rule: string, prefixes: string, alphabet: string, length: number])[] = [
  ["aws-access-key-id", "AKIA ASIA ABIA ACCA", BASE32, 16],
  ["github-token", "ghp_ gho_ ghu_ ghs_", BASE62, 36],
  ["gitlab-token", "glpat- gldt- glrt- glsoat- glffct- glimt- glcbt- glft-", URL64, 20],
  ["npm-token", "npm_", BASE62, 36],
  ["pypi-token", "pypi-AgEIcHlwaS5vcmc", URL64, 150],
  ["vercel-token", "vcp_ vci_ vca_ vcr_ vck_", BASE62, 56],
  ["netlify-token", "nfp_ nfo_ nfc_ nfu_ nfb_", BASE62, 36],
  ["digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", HEX, 64],
  ["doppler-token", "dp.pt. dp.ct. dp.st. dp.st.prd. dp.sa. dp.scim. dp.audit.", BASE62, 43],
  ["vault-token", "hvs. hvb. hvr.", URL64, 95],
  ["pulumi-token", "pul-", HEX, 40],
  ["groq-key", "gsk_", BASE62, 52],
  ["openrouter-key", "sk-or-v1-", HEX, 64],
  ["huggingface-token", "hf_", BASE62, 34],
  ["replicate-token", "r8_", BASE62, 37],
  ["google-api-key", "AIza", URL64, 35],
  ["databricks-token", "dapi", HEX, 32],
  ["sonar-token", "squ_ sqp_ sqa_", HEX, 40],
  ["linear-key", "lin_api_", BASE62, 40],
  ["deno-token", "ddp_ ddo_", BASE62, 36],
  ["muxi-formation-key", "fma_ fmc_", HEX, 64],
  ["fireworks-key", "fw_", BASE62, 24],
  ["e2b-key", "e2b_", HEX, 40],
  ["supabase-token", "sbp_", HEX, 40],
];

const scanner = createScanner();

test("every documented prefix is found, by the rule that knows it", () => {
  const random = seededRandom(41);
  for (const [rule, prefixes, alphabet, length] of FORMS) {
    for (const prefix of prefixes.split(" ")) {
      const text = `value ${prefix}${draw(random, alphabet, length)}\n`;
      const found = scanner.scan("file.txt", Buffer.from(text)).map((one) => one.rule);
      assert.deepEqual(found, [rule], `${prefix} of ${rule}`);
    }
  }
});
