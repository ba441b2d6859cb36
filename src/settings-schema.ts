/**
 * The JSON Schema of `muxi-git.json`, for editors. Made from what the parser
 * reads by; `npm run schema` writes it to `muxi-git.schema.json`, and a test holds
 * schema and parser against each other. Not part of any bundle.
 *
 * Draft 7, which every editor knows. It says nothing of doubled names, of which
 * there are none in JSON's data, nor of globs of more than 32 alternatives, nor of
 * what a custom rule's pattern may cost.
 */
import { isLeak, PROBLEM_CODES, severityOf } from "./formation/problem.ts";
import { MAX_GLOB_LENGTH } from "./glob-form.ts";
import { HOOK_EVENTS } from "./hook-events.ts";
import { MAX_REQUIRES_LENGTH, REQUIRES_PATTERN } from "./requires.ts";
import { FOREIGN_COMMENTS } from "./scan/allow.ts";
import {
  CUSTOM_ID,
  KEYWORD,
  MAX_CUSTOM_RULES,
  MAX_MESSAGE_LENGTH,
  MAX_PATH_SEVERITIES,
  MAX_PATTERN_LENGTH,
  OFF_ID,
} from "./scan/custom-rules.ts";
import { SETTING_NAMES, SEVERITIES } from "./settings.ts";

const PLAIN = "[^\\[\\]()|\\\\\"'`{}*/$]";
const ALTERNATIVE = "(?:(?!\\.\\.)[^\\[\\]()|\\\\\"'`{}*/,?])+";
const PART = `(?:${PLAIN}|\\$(?!\\{)|\\{${ALTERNATIVE}(?:,${ALTERNATIVE})+\\})`;
const SEGMENT = `(?!\\.\\.?(?:/|$))(?:\\*\\*|(?=[^/])(?:${PART}*\\*(?!\\*)){0,3}${PART}*)`;
const GLOB_PATTERN = `^(?!!)${SEGMENT}(?:/${SEGMENT})*$`;

const GLOBS = {
  type: "array",
  items: { type: "string", maxLength: MAX_GLOB_LENGTH, pattern: GLOB_PATTERN, examples: ["test/fixtures/**"] },
};

const PROPERTIES: Record<string, object> = {
  $schema: { type: "string", description: "Where this schema stands, for editors. muxi-git does not read it." },
  requires: {
    type: "string",
    description:
      "The oldest version of muxi-git that this repository asks for. An older copy says so, and passes over settings that it does not know.",
    pattern: REQUIRES_PATTERN,
    maxLength: MAX_REQUIRES_LENGTH,
    examples: [">=0.3"],
  },
  hooks: {
    type: "array",
    description: "The hooks that install sets up. All of them when absent.",
    items: { enum: HOOK_EVENTS },
  },
  publicNames: {
    type: "array",
    description: "Names whose values are no secrets, such as a host: they may appear anywhere.",
    items: { type: "string", minLength: 1 },
  },
  ignore: {
    ...GLOBS,
    description:
      "Globs of paths where rules are switched off. Keys, known values and plaintext secrets files are found there all the same.",
  },
  severities: {
    type: "object",
    description: "Severities of problems other than the defaults. A leak's cannot be changed.",
    additionalProperties: false,
    properties: Object.fromEntries(
      PROBLEM_CODES.filter((code) => !isLeak(code)).map((code) => [
        code,
        {
          enum: SEVERITIES,
          description: `By default: ${severityOf(code, "commit")} at a commit, ${severityOf(code, "check")} in check.`,
        },
      ]),
    ),
  },
};

PROPERTIES.allowComments = {
  type: "array",
  description: "Allow comments of other tools that count as well. They name no rule and no reason.",
  items: { enum: FOREIGN_COMMENTS },
};

PROPERTIES.rules = {
  type: "object",
  description:
    "Rules of the scanner: switched off, of another severity, and of the repository's own. Keys and known values are found all the same.",
  additionalProperties: false,
  properties: {
    off: {
      type: "object",
      description: "Rules that do not apply, each with the reason.",
      propertyNames: { pattern: OFF_ID },
      additionalProperties: { type: "string", pattern: "[^\\s]{2}" },
    },
    custom: {
      type: "array",
      maxItems: MAX_CUSTOM_RULES,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["id", "pattern", "keywords", "message"],
        properties: {
          id: { type: "string", pattern: CUSTOM_ID },
          pattern: {
            type: "string",
            description:
              "A regular expression that begins at a keyword. Group 1, where there is one, is the secret. Only bounded quantifiers.",
            minLength: 1,
            maxLength: MAX_PATTERN_LENGTH,
          },
          keywords: { type: "array", minItems: 1, items: { type: "string", pattern: KEYWORD } },
          severity: { enum: ["error", "warning", "note"], description: "error when absent." },
          message: { type: "string", minLength: 2, maxLength: MAX_MESSAGE_LENGTH },
        },
      },
    },
    severities: {
      type: "array",
      description: "Other severities of rules at some paths. Of those that match, the last counts.",
      maxItems: MAX_PATH_SEVERITIES,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["paths", "severity", "reason"],
        properties: {
          paths: { ...GLOBS, minItems: 1, description: "Globs, as in 'ignore'." },
          rules: {
            type: "array",
            description: "All rules when absent.",
            minItems: 1,
            items: { type: "string", minLength: 1, pattern: OFF_ID },
          },
          severity: { enum: SEVERITIES },
          reason: { type: "string", pattern: "[^\\s]{2}" },
        },
      },
    },
  },
};

/** The text of `muxi-git.schema.json`. */
export function formatSettingsSchema(): string {
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Settings of muxi-git (muxi-git.json)",
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(SETTING_NAMES.map((name) => [name, PROPERTIES[name]])),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}
