/** All rules, one file a family. */
import { GENERIC } from "../generic/index.ts";
import type { Rule } from "../rule.ts";
import { AUTH } from "./auth.ts";
import { CI } from "./ci.ts";
import { CLOUD } from "./cloud.ts";
import { COMMERCE } from "./commerce.ts";
import { CRM } from "./crm.ts";
import { CRYPTO } from "./crypto.ts";
import { DATABASES } from "./databases.ts";
import { INFRASTRUCTURE } from "./infrastructure.ts";
import { KEYS } from "./keys.ts";
import { LLM } from "./llm.ts";
import { MAIL } from "./mail.ts";
import { MESSAGING } from "./messaging.ts";
import { MONITORING } from "./monitoring.ts";
import { MUXI } from "./muxi.ts";
import { PACKAGES } from "./packages.ts";
import { PAYMENTS } from "./payments.ts";
import { PRODUCTIVITY } from "./productivity.ts";
import { SEARCH } from "./search.ts";
import { SECRETS_MANAGERS } from "./secrets-managers.ts";
import { SERVICES } from "./services.ts";
import { SINGLE_FORMS } from "./single-forms.ts";
import { SOCIAL } from "./social.ts";
import { SOURCE_HOSTING } from "./source-hosting.ts";
import { STORAGE } from "./storage.ts";

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
    ...AUTH,
    ...COMMERCE,
    ...CRM,
    ...CRYPTO,
    ...MAIL,
    ...MONITORING,
    ...PRODUCTIVITY,
    ...SEARCH,
    ...SOCIAL,
    ...STORAGE,
    ...SERVICES,
    ...SINGLE_FORMS,
    ...GENERIC,
  ];
}
