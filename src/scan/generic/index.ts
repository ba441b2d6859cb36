/** Secrets that have no form of their own, found by what stands around them. The more particular rules come last. */
import type { Rule } from "../rule.ts";
import { AGENT_CONFIGS } from "./agent-config.ts";
import { ASSIGNED } from "./assigned.ts";
import { COMMANDS } from "./command-line.ts";
import { HEADERS } from "./header.ts";
import { KUBERNETES } from "./kubernetes.ts";
import { PASSWORD_FILES } from "./password-files.ts";
import { URLS } from "./url.ts";

export const GENERIC: readonly Rule[] = [
  ...ASSIGNED,
  ...HEADERS,
  ...COMMANDS,
  ...URLS,
  ...PASSWORD_FILES,
  ...KUBERNETES,
  ...AGENT_CONFIGS,
];
