/**
 * `muxi-git.json` at the root of a repository. JSON, because a hook has no time
 * to load a parser for anything else.
 *
 * - absent: {@link DEFAULT_SETTINGS}.
 * - a byte order mark, CRLF: accepted. Empty, UTF-16, not UTF-8, not JSON, a name
 *   twice, nested deeply, more than 1 MiB, an unknown setting, a wrong type: an
 *   error with the line.
 * - `requires` a newer version than this: what this copy does not understand is
 *   passed over (the default counts), and {@link outdatedNotice} says so. A
 *   teammate who uses a new setting stops nobody's commits.
 *
 * A loosened setting counts like any other and is shown in the commit and the
 * review ({@link loosenedSettings}). `muxi-git.schema.json` is made from the same
 * tables (settings-schema.ts).
 */
import { isUtf8 } from "node:buffer";
import { MuxiGitError } from "./errors.ts";
import { isLeak, PROBLEM_CODES, type ProblemCode, type Severity } from "./formation/problem.ts";
import { globFault } from "./glob-form.ts";
import { HOOK_EVENTS, type HookEvent } from "./hook-events.ts";
import { handThen, pathWord, shellQuote } from "./invocation.ts";
import { JsonError, type JsonNode, readJson } from "./json-document.ts";
import { compareRequires, isMet, isRequires } from "./requires.ts";
import { FOREIGN_COMMENTS, type ForeignComment } from "./scan/allow.ts";
import {
  CUSTOM_ID,
  type CustomRule,
  KEYWORD,
  MAX_CUSTOM_RULES,
  MAX_MESSAGE_LENGTH,
  MAX_PATH_SEVERITIES,
  OFF_ID,
  type PathSeverity,
  patternFault,
  type RuleSettings,
} from "./scan/custom-rules.ts";
import { decodeText, utf16Of } from "./secrets/text.ts";
import { VERSION } from "./version.ts";

export const SETTINGS_FILE = "muxi-git.json";

/** Largest settings file that is read, in bytes. */
const MAX_SETTINGS_BYTES = 1024 * 1024;

export interface Settings {
  /** Names whose values are no secrets (a host, a user name): exempt from the search for known values. */
  publicNames: string[];
  /** Globs of paths where rules are not applied; never keys, known values or plaintext secrets files. */
  ignore: string[];
  /** Severities other than the defaults; a leak's cannot be changed. */
  severities: Partial<Record<ProblemCode, Severity | "off">>;
  /** Rules switched off or of another severity, with the reason, and rules of the repository's own. */
  rules: RuleSettings;
  /** Allow comments of other tools that count. */
  allowComments: ForeignComment[];
  /** The hooks that install sets up; null: all. */
  hooks: HookEvent[] | null;
  /** The oldest version the repository asks for: requires.ts. */
  requires: string | null;
  /** Where `requires` asks for more than this copy: what it had to pass over. */
  outdated: { wanted: string; version: string; passedOver: string[] } | null;
}

export const DEFAULT_SETTINGS: Settings = {
  publicNames: [],
  ignore: [],
  severities: {},
  rules: { off: {}, custom: [], severities: [] },
  allowComments: [],
  hooks: null,
  requires: null,
  outdated: null,
};

export const SEVERITIES = ["error", "warning", "note", "off"] as const;

/** The hooks that a repository wants install to set up, in the order of {@link HOOK_EVENTS}. */
export function wantedHooks({ hooks }: Pick<Settings, "hooks">): readonly HookEvent[] {
  return hooks === null ? HOOK_EVENTS : HOOK_EVENTS.filter((event) => hooks.includes(event));
}

/** Reads one setting's value into the settings. @throws JsonError */
type Reader = (settings: Settings, value: JsonNode) => void;

/** Every setting; its schema stands in settings-schema.ts. */
const READERS = {
  $schema: (_, value) => {
    if (value.kind !== "string") throw new JsonError(value.at, "has a '$schema' that is no string");
  },
  requires: (settings, value) => {
    if (value.kind !== "string" || !isRequires(value.value)) {
      throw new JsonError(value.at, "has a 'requires' that is no minimum version such as \">=0.3\"");
    }
    settings.requires = value.value;
  },
  hooks: (settings, value) => {
    settings.hooks = strings("hooks", value).map(({ value: given, at }) => {
      const event = HOOK_EVENTS.find((known) => known === given);
      if (event === undefined)
        throw new JsonError(at, `names an unknown hook '${given}' (known: ${HOOK_EVENTS.join(", ")})`);
      return event;
    });
  },
  publicNames: (settings, value) => {
    settings.publicNames = strings("publicNames", value).map((item) => item.value);
  },
  ignore: (settings, value) => {
    settings.ignore = globs("ignore", value);
  },
  severities: (settings, value) => {
    settings.severities = severities(value);
  },
  allowComments: (settings, value) => {
    settings.allowComments = strings("allowComments", value).map(({ value: given, at }) => {
      const comment = FOREIGN_COMMENTS.find((known) => known === given);
      if (comment === undefined)
        throw new JsonError(at, `names an unknown comment '${given}' (known: ${FOREIGN_COMMENTS.join(", ")})`);
      return comment;
    });
  },
  rules: (settings, value) => {
    settings.rules = rules(value);
  },
} satisfies Record<string, Reader>;

export const SETTING_NAMES = Object.keys(READERS);

/**
 * @param version - of this copy.
 * @throws MuxiGitError `settings` with the line.
 */
export function parseSettings(bytes: Uint8Array, version = VERSION): Settings {
  const text = textOf(bytes);
  try {
    return readSettings(readJson(text), version);
  } catch (error) {
    if (error instanceof JsonError) throw invalid(lineOf(text, error.at), error.message);
    throw error;
  }
}

function readSettings(document: JsonNode, version: string): Settings {
  if (document.kind !== "object") throw new JsonError(document.at, "is no JSON object");
  const settings: Settings = { ...DEFAULT_SETTINGS };
  const { members } = document;
  const requires = members.find(({ name }) => name === "requires");
  if (requires !== undefined) READERS.requires(settings, requires.value);
  const outdated =
    settings.requires === null || isMet(settings.requires, version)
      ? null
      : { wanted: settings.requires, version, passedOver: [] as string[] };
  settings.outdated = outdated;
  for (const { name, at, value } of members) {
    const read = Object.hasOwn(READERS, name) ? READERS[name as keyof typeof READERS] : undefined;
    try {
      if (read === undefined) {
        throw new JsonError(at, `has an unknown setting '${name}' (known: ${SETTING_NAMES.join(", ")})`);
      }
      read(settings, value);
    } catch (error) {
      if (outdated === null || !(error instanceof JsonError)) throw error;
      outdated.passedOver.push(name);
    }
  }
  return settings;
}

/** Names shown in one notice. */
const SHOWN = 5;

/** What a copy says that is older than the repository asks for. npx takes a local copy that meets the quoted range. */
export function outdatedProblem({ outdated }: Pick<Settings, "outdated">): { message: string; fix: string } | null {
  if (outdated === null) return null;
  const { wanted, version, passedOver } = outdated;
  const what = passedOver.length === 0 ? "" : ` and passes over ${listed(passedOver)} of ${SETTINGS_FILE}`;
  return {
    message: `this repository asks for muxi-git ${wanted}, this copy is ${version}${what}`,
    fix: `npx ${shellQuote(`muxi-git@${wanted}`)} install`,
  };
}

/** The same in one line. */
export function outdatedNotice(settings: Pick<Settings, "outdated">): string | null {
  const problem = outdatedProblem(settings);
  return problem === null ? null : `${problem.message}: ${problem.fix}`;
}

/** Without its byte order mark. @throws MuxiGitError */
function textOf(bytes: Uint8Array): string {
  if (bytes.length > MAX_SETTINGS_BYTES) throw invalid(1, "makes it larger than 1 MiB");
  const utf16 = utf16Of(bytes) !== null;
  const text = utf16 ? null : decodeText(bytes);
  if (text === null) throw invalid(utf16 ? 1 : lineOfBadByte(bytes), `is not UTF-8${utf16 ? " but UTF-16" : ""}`);
  if (text.trim() === "") throw invalid(1, "is empty");
  return text;
}

function lineOfBadByte(bytes: Uint8Array): number {
  let line = 1;
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
    if (!isUtf8(bytes.subarray(start, end))) break;
    line += 1;
    start = end + 1;
  }
  return line;
}

function strings(name: string, value: JsonNode): { value: string; at: number }[] {
  if (value.kind !== "array") throw new JsonError(value.at, `has a '${name}' that is no list of strings`);
  return value.items.map((item) => {
    if (item.kind !== "string" || item.value === "")
      throw new JsonError(item.at, `has a '${name}' that is no list of strings`);
    return item;
  });
}

function globs(name: string, value: JsonNode): string[] {
  return strings(name, value).map(({ value: glob, at }) => {
    const fault = globFault(glob);
    if (fault !== null) throw new JsonError(at, fault);
    return glob;
  });
}

function severities(value: JsonNode): Settings["severities"] {
  if (value.kind !== "object") throw new JsonError(value.at, "has a 'severities' that is no object");
  const result: Settings["severities"] = {};
  for (const { name, at, value: severity } of value.members) {
    const code = PROBLEM_CODES.find((known) => known === name);
    if (code === undefined) throw new JsonError(at, `names an unknown problem '${name}'`);
    if (isLeak(code)) throw new JsonError(at, `cannot change the severity of '${code}': it is a leak`);
    const chosen = severity.kind === "string" ? SEVERITIES.find((known) => known === severity.value) : undefined;
    if (chosen === undefined)
      throw new JsonError(severity.at, `gives '${code}' a severity that is none of ${SEVERITIES.join(", ")}`);
    result[code] = chosen;
  }
  return result;
}

function rules(value: JsonNode): RuleSettings {
  if (value.kind !== "object") throw new JsonError(value.at, "has a 'rules' that is no object");
  const result: RuleSettings = { off: {}, custom: [], severities: [] };
  for (const { name, at, value: given } of value.members) {
    if (name === "off") result.off = rulesOff(given);
    else if (name === "custom") result.custom = customRules(given);
    else if (name === "severities") result.severities = pathSeverities(given);
    else throw new JsonError(at, `has an unknown member '${name}' of 'rules' (known: off, custom, severities)`);
  }
  return result;
}

function rulesOff(value: JsonNode): RuleSettings["off"] {
  if (value.kind !== "object") throw new JsonError(value.at, "has an 'off' that is no object of rules and reasons");
  const off: RuleSettings["off"] = {};
  for (const { name, at, value: reason } of value.members) {
    if (!new RegExp(OFF_ID).test(name)) throw new JsonError(at, `cannot switch off '${name}'`);
    if (reason.kind !== "string" || !/[^\s]{2}/.test(reason.value)) {
      throw new JsonError(reason.at, `switches off '${name}' without a reason`);
    }
    off[name] = reason.value;
  }
  return off;
}

const PATH_MEMBERS = ["paths", "rules", "severity", "reason"];

function pathSeverities(value: JsonNode): PathSeverity[] {
  if (value.kind !== "array" || value.items.length > MAX_PATH_SEVERITIES) {
    throw new JsonError(value.at, `has 'severities' of 'rules' that are no list of at most ${MAX_PATH_SEVERITIES}`);
  }
  return value.items.map(pathSeverity);
}

function pathSeverity(item: JsonNode): PathSeverity {
  const what = "a severity of rules";
  if (item.kind !== "object") throw new JsonError(item.at, `has ${what} that is no object`);
  const unknown = item.members.find(({ name }) => !PATH_MEMBERS.includes(name));
  if (unknown !== undefined) throw new JsonError(unknown.at, `has ${what} with an unknown member '${unknown.name}'`);
  const given = (name: string): JsonNode | undefined => item.members.find((member) => member.name === name)?.value;
  const paths = globs("paths", given("paths") ?? item);
  if (paths.length === 0) throw new JsonError(item.at, `has ${what} without paths`);
  const named = given("rules");
  const rules = named === undefined ? null : strings("rules", named);
  if (rules?.length === 0) throw new JsonError(named?.at ?? item.at, `has ${what} with an empty list of them`);
  for (const { value, at } of rules ?? []) {
    if (!new RegExp(OFF_ID).test(value)) throw new JsonError(at, `cannot change the severity of '${value}'`);
  }
  const severity = given("severity");
  const chosen = severity?.kind === "string" ? SEVERITIES.find((known) => known === severity.value) : undefined;
  if (chosen === undefined)
    throw new JsonError(severity?.at ?? item.at, `has ${what} that is none of ${SEVERITIES.join(", ")}`);
  const reason = given("reason");
  if (reason?.kind !== "string" || !/[^\s]{2}/.test(reason.value))
    throw new JsonError(reason?.at ?? item.at, `has ${what} without a reason`);
  return { paths, rules: rules?.map(({ value }) => value) ?? null, severity: chosen, reason: reason.value };
}

const CUSTOM_MEMBERS = ["id", "pattern", "keywords", "severity", "message"];

function customRules(value: JsonNode): CustomRule[] {
  if (value.kind !== "array" || value.items.length > MAX_CUSTOM_RULES) {
    throw new JsonError(value.at, `has a 'custom' that is no list of at most ${MAX_CUSTOM_RULES} rules`);
  }
  const seen = new Set<string>();
  return value.items.map((item) => {
    const rule = customRule(item);
    if (seen.has(rule.id)) throw new JsonError(item.at, `has two custom rules '${rule.id}'`);
    seen.add(rule.id);
    return rule;
  });
}

function customRule(item: JsonNode): CustomRule {
  if (item.kind !== "object") throw new JsonError(item.at, "has a custom rule that is no object");
  const unknown = item.members.find(({ name }) => !CUSTOM_MEMBERS.includes(name));
  if (unknown !== undefined)
    throw new JsonError(unknown.at, `has a custom rule with an unknown member '${unknown.name}'`);
  const given = (name: string): JsonNode | undefined => item.members.find((member) => member.name === name)?.value;
  const text = (name: string, form: string, what: string): { value: string; at: number } => {
    const node = given(name);
    if (node?.kind !== "string" || !new RegExp(form, "u").test(node.value)) {
      throw new JsonError(node?.at ?? item.at, `has a custom rule whose '${name}' is ${what}`);
    }
    return node;
  };
  const id = text("id", CUSTOM_ID, "no name such as 'custom-order-token'");
  const pattern = text("pattern", "^[^]*$", "no text");
  const fault = patternFault(pattern.value);
  if (fault !== null) throw new JsonError(pattern.at, `has a custom rule '${id.value}' whose pattern ${fault}`);
  const keywords = strings("keywords", given("keywords") ?? item);
  for (const { value, at } of keywords) {
    if (!new RegExp(KEYWORD).test(value))
      throw new JsonError(at, "has a keyword that is not 3 to 64 characters of ASCII");
  }
  if (keywords.length === 0) throw new JsonError(item.at, `has a custom rule '${id.value}' without keywords`);
  const severity = given("severity");
  const chosen = (["error", "warning", "note"] as const).find(
    (known) => known === (severity === undefined ? "error" : severity.kind === "string" ? severity.value : ""),
  );
  if (chosen === undefined)
    throw new JsonError(severity?.at ?? item.at, "has a custom rule of a severity that is none");
  const message = text("message", `^[^]{2,${MAX_MESSAGE_LENGTH}}$`, `no text of 2 to ${MAX_MESSAGE_LENGTH} characters`);
  return {
    id: id.value,
    pattern: pattern.value,
    keywords: keywords.map((keyword) => keyword.value),
    severity: chosen,
    message: message.value,
  };
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}

function invalid(line: number, what: string): MuxiGitError {
  return new MuxiGitError("settings", `'${SETTINGS_FILE}' line ${line} ${what}`, {
    hint: handThen("mend the line", `git add -- ${pathWord(SETTINGS_FILE)}`),
  });
}

const RANK = { off: 0, note: 1, warning: 2, error: 3 } as const;

/** What `after` lets through that `before` did not, one phrase each. */
export function loosenedSettings(
  before: Settings,
  after: Settings,
  defaultSeverity: (code: ProblemCode) => Severity,
): string[] {
  const loosened: string[] = [];
  const publicBefore = new Set(before.publicNames);
  for (const name of after.publicNames) {
    if (!publicBefore.has(name)) loosened.push(`the value of '${name}' is declared public`);
  }
  const ignoredBefore = new Set(before.ignore);
  for (const glob of after.ignore) {
    if (!ignoredBefore.has(glob)) loosened.push(`rules no longer apply to '${glob}'`);
  }
  for (const comment of after.allowComments) {
    if (!before.allowComments.includes(comment))
      loosened.push(`comments '${comment}' of other tools now accept findings`);
  }
  for (const [rule, reason] of Object.entries(after.rules.off)) {
    if (!Object.hasOwn(before.rules.off, rule)) loosened.push(`rule '${rule}' is switched off, because: ${reason}`);
  }
  for (const old of before.rules.custom) {
    const now = after.rules.custom.find(({ id }) => id === old.id);
    if (now === undefined) loosened.push(`custom rule '${old.id}' is gone`);
    else if (now.pattern !== old.pattern || now.keywords.join("\0") !== old.keywords.join("\0"))
      loosened.push(`custom rule '${old.id}' looks for something else`);
    else if (RANK[now.severity] < RANK[old.severity]) loosened.push(`custom rule '${old.id}' is now a ${now.severity}`);
  }
  loosened.push(...loosenedPaths(before.rules.severities, after.rules.severities));
  for (const code of PROBLEM_CODES) {
    const old = before.severities[code] ?? defaultSeverity(code);
    const now = after.severities[code] ?? defaultSeverity(code);
    if (RANK[now] < RANK[old]) loosened.push(`'${code}' is now ${now === "off" ? "off" : `a ${now}`}`);
  }
  const hooks = wantedHooks(after);
  for (const event of wantedHooks(before)) {
    if (!hooks.includes(event)) loosened.push(`install no longer sets up ${event}`);
  }
  if (compareRequires(after.requires, before.requires) < 0) {
    loosened.push(`'requires' was ${before.requires} and is now ${after.requires ?? "gone"}`);
  }
  return loosened;
}

/** Severities at paths that are new, that now come after a stricter one, and stricter ones that are gone. */
function loosenedPaths(before: readonly PathSeverity[], after: readonly PathSeverity[]): string[] {
  const old = before.map((one) => JSON.stringify(one));
  const now = after.map((one) => JSON.stringify(one));
  const loosened = after.filter(({ severity }, index) => {
    const place = old.indexOf(now[index]!);
    const overrules = after
      .slice(0, index)
      .some((one, at) => RANK[one.severity] > RANK[severity] && !old.slice(0, Math.max(0, place)).includes(now[at]!));
    return severity !== "error" && (place < 0 || overrules);
  });
  const gone = before.filter(({ severity }, index) => severity !== "off" && !now.includes(old[index]!));
  return [
    ...loosened.map((one) => `${phraseOf(one)}, because: ${one.reason}`),
    ...gone.map((one) => `no longer: ${phraseOf(one)}`),
  ];
}

function phraseOf({ paths, rules, severity }: PathSeverity): string {
  const what = rules === null ? "all rules" : listed(rules);
  return `${what} at ${listed(paths)}: ${severity === "off" ? "off" : `a${severity === "error" ? "n" : ""} ${severity}`}`;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).map((name) => `'${name}'`);
  if (names.length > SHOWN) shown.push(`${names.length - SHOWN} more`);
  return shown.join(", ");
}
