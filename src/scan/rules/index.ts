/** All rules, one file a family. */
import { GENERIC } from "../generic/index.ts";
import type { Rule } from "../rule.ts";
import { CLOUD } from "./cloud.ts";
import { DATABASES } from "./databases.ts";
import { KEYS } from "./keys.ts";
import { LLM } from "./llm.ts";
import { MESSAGING } from "./messaging.ts";
import { MUXI } from "./muxi.ts";
import { PACKAGES } from "./packages.ts";
import { PAYMENTS } from "./payments.ts";
import { SERVICES } from "./services.ts";
import { SOURCE_HOSTING } from "./source-hosting.ts";

export function allRules(): readonly Rule[] {
  return [
    ...MUXI,
    ...LLM,
    ...SOURCE_HOSTING,
    ...CLOUD,
    ...PACKAGES,
    ...MESSAGING,
    ...PAYMENTS,
    ...DATABASES,
    ...KEYS,
    ...SERVICES,
    ...GENERIC,
  ];
}
