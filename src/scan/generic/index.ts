/** Secrets that have no form of their own, found by what stands around them. The more particular rules come first: of two on one value the earlier is reported. */
import type { Rule } from "../rule.ts";
import { AGENT_CONFIGS } from "./agent-config.ts";
import { ASSIGNED } from "./assigned.ts";
import { CALLS } from "./call.ts";
import { COMMANDS } from "./command-line.ts";
import { HEADERS } from "./header.ts";
import { KUBERNETES } from "./kubernetes.ts";
import { PASSWORD_FILES } from "./password-files.ts";
import { URLS } from "./url.ts";

export const GENERIC: readonly Rule[] = [
  ...AGENT_CONFIGS,
  ...KUBERNETES,
  ...PASSWORD_FILES,
  ...URLS,
  ...CALLS,
  ...COMMANDS,
  ...HEADERS,
  ...ASSIGNED,
];
