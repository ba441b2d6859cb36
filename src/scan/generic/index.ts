/** Secrets that have no form of their own, found by what stands around them. */
import type { Rule } from "../rule.ts";
import { ASSIGNED } from "./assigned.ts";

export const GENERIC: readonly Rule[] = [...ASSIGNED];
