/** All rules, one file a family. */
import { GENERIC } from "../generic/index.ts";
import type { Rule } from "../rule.ts";
import { CI } from "./ci.ts";
import { CLOUD } from "./cloud.ts";
import { DATABASES } from "./databases.ts";
import { INFRASTRUCTURE } from "./infrastructure.ts";
import { KEYS } from "./keys.ts";
import { LLM } from "./llm.ts";
import { MESSAGING } from "./messaging.ts";
import { MUXI } from "./muxi.ts";
import { PACKAGES } from "./packages.ts";
import { PAYMENTS } from "./payments.ts";
import { SECRETS_MANAGERS } from "./secrets-managers.ts";
import { SOURCE_HOSTING } from "./source-hosting.ts";

export function allRules(): readonly Rule[] {
  return [
    ...MUXI,
    ...LLM,
    ...SOURCE_HOSTING,
    ...CI,
    ...CLOUD,
    ...INFRASTRUCTURE,
    ...SECRETS_MANAGERS,
    ...PACKAGES,
    ...MESSAGING,
    ...PAYMENTS,
    ...DATABASES,
    ...KEYS,
    ...GENERIC,
  ];
}
