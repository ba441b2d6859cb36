/**
 * Literals in the configuration of agents and MCP servers.
 *
 * Install pages show `"env": { "API_KEY": "<your key>" }`, people and agents write
 * the key there, and the file is committed. Every literal under `env`, `headers`,
 * `args` and `url` is judged, whatever its name. Silent: `${VAR}` and the other
 * references (`${env:X}`, `${input:x}`), words, paths, ports, booleans, packages.
 */
import type { JudgeContext, Judged, Rule } from "../rule.ts";
import { made } from "./example.ts";
import { type NameKind, tellingName } from "./name.ts";
import { isCode, isSomethingElse, isTemplated } from "./recognise.ts";
import { assess, isOpaque } from "./strength.ts";

const AGENT_CONFIG =
  /(?:^|\/)(?:\.?mcp(?:[-_.]?(?:servers?|settings|config))?\.(?:jsonc?|ya?ml|toml)|mcp[^/]{0,40}\.json|[^/]{0,40}mcp[-_]?(?:servers?|settings|config)\.json|\.claude(?:\.json|\/[^/]{1,60}\.json)|claude_desktop_config\.json|\.codex\/[^/]{1,60}\.(?:toml|json)|\.(?:cursor|windsurf|roo|cline|kiro|gemini|zed|continue|goose|amazonq|copilot|junie|trae|augment|qwen|factory|opencode|crush|vscode|idea)\/(?:[^/]{1,60}\/){0,3}[^/]{1,60}\.(?:jsonc?|ya?ml|toml)|(?:zed|goose|opencode|crush|continue|codex|librechat)\/(?:settings|config|opencode|crush)\.(?:jsonc?|ya?ml|toml)|opencode\.jsonc?|crush\.json|librechat\.ya?ml|server\.mcp\.json|agents?\.(?:json|toml|ya?ml))$/i;

export function isAgentConfig(path: string): boolean {
  return AGENT_CONFIG.test(path);
}

/** Whether a block, a list or a URL begins right behind the keyword. */
export function blockFollows(bytes: Uint8Array, start: number, end: number): boolean {
  // `[mcp_servers.x.env]` of TOML ends with a bracket; JSON and YAML go on with an operator.
  let at = end;
  const quoted = bytes[at] === 34 || bytes[at] === 39;
  if (quoted) at++;
  if (bytes[at] === 93) return bytes[start - 1] === 46;
  const stop = Math.min(bytes.length, at + 4);
  while (at < stop && bytes[at] === 32) at++;
  if (bytes[at] !== 58 && bytes[at] !== 61) return false;
  at++;
  while (at < stop + 3 && bytes[at] === 32) at++;
  const byte = bytes[at];
  return byte === 123 || byte === 91 || byte === 10 || byte === 13 || byte === 34 || byte === 39 || byte === 104;
}

/** A name and a quoted or bare literal: of JSON, TOML, YAML. */
const PAIR =
  /["']?([A-Za-z_][\w.-]{0,80})["']?[ \t]{0,4}[:=][ \t]{0,4}(?:"((?:[^"\\\n]|\\.){0,600})"|'([^'\n]{0,600})'|([^\s"'{}[\],#|>][^\n,{}]{0,400}))/g;
const STRING = /"((?:[^"\\\n]|\\.){0,600})"|'([^'\n]{0,600})'|^[ \t]*-[ \t]+([^\s"'][^\n]{0,400})/gm;

/** Where the block that begins at `at` ends: its bracket, its section, its indentation. */
function endOfBlock(text: string, at: number): number {
  let open = at;
  while (open < text.length && " \t:=\"'".includes(text[open]!)) open++;
  const bracket = text[open];
  if (bracket === "{" || bracket === "[") {
    let depth = 0;
    let quote = "";
    for (let here = open; here < text.length; here++) {
      const char = text[here]!;
      if (quote !== "") {
        if (char === "\\") here++;
        else if (char === quote || char === "\n") quote = "";
      } else if (char === '"') quote = char;
      else if (char === "{" || char === "[") depth++;
      else if ((char === "}" || char === "]") && --depth === 0) return here;
    }
    return text.length;
  }
  const section = text.indexOf("\n[", at);
  return section < 0 ? text.length : section;
}

/** The end of a YAML block below the line of `at`: the first line that is not indented deeper. */
function endOfIndent(text: string, at: number): number {
  const lineStart = text.lastIndexOf("\n", at) + 1;
  const indent = /^[ \t]*(?:-[ \t]+)?/.exec(text.slice(lineStart, at + 1))?.[0].length ?? 0;
  let line = text.indexOf("\n", at);
  while (line >= 0) {
    const rest = /^[ \t]*/.exec(text.slice(line + 1, line + 80))?.[0].length ?? 0;
    const first = text[line + 1 + rest];
    if (
      first !== undefined &&
      first !== "\n" &&
      first !== "\r" &&
      first !== "#" &&
      rest <= indent &&
      !(first === "-" && rest === indent)
    )
      return line;
    line = text.indexOf("\n", line + 1);
  }
  return text.length;
}

function judgeLiteral(value: string, kind: NameKind | undefined): Judged["severity"] | undefined {
  if (value.length < 8 || isSomethingElse(value) || isTemplated(value)) return undefined;
  const context = { literal: true, loose: false, test: false };
  if (kind === "password" || kind === "secret") {
    const severity = assess(value, { ...context, kind });
    if (severity !== undefined) return severity;
  }
  // Of a header or an argument the last word counts: `Bearer x`, `X-Api-Key: x`, `--token=x`.
  const last = /[^\s:=]{8,512}$/.exec(value)?.[0] ?? "";
  if (isCode(last) || isSomethingElse(last) || /^@?[\w.-]+\/[\w.@/-]+$/.test(last)) return undefined;
  return isOpaque(last, kind === undefined ? 16 : 12) ? "error" : undefined;
}

/** Opaque parts of a URL: a query's value, a piece of its path. */
function judgeAddress(value: string, start: number): Judged[] {
  const found: Judged[] = [];
  for (const match of value.matchAll(/[/=]([\w.~-]{16,200})(?=[/?&#]|$)/g)) {
    const piece = match[1]!;
    if (match.index < 9 || isSomethingElse(piece) || !isOpaque(piece, 16)) continue;
    const from = start + match.index + 1;
    found.push({ start: from, end: from + piece.length });
  }
  return found;
}

export function judgeBlock(text: string, at: number, { path }: JudgeContext): Judged[] {
  if (!isAgentConfig(path)) return [];
  const keyword = /^[a-z_]{3,12}/i.exec(text.slice(at, at + 12))?.[0] ?? "";
  let from = at + keyword.length;
  const opening = /^["']?[ \t]{0,4}[:=][ \t]{0,4}(?=[\r\n])/.test(text.slice(from, from + 12));
  const end = opening ? endOfIndent(text, at) : endOfBlock(text, from);
  // `"url": "…"` is one literal.
  const single = /^["']?[ \t]{0,4}[:=][ \t]{0,4}(["']?)(?=[^\s{["'])/.exec(text.slice(from, from + 12));
  // All that stands in the block is judged at once.
  const found: Judged[] = [{ start: end, end }];
  if (single !== null) {
    from += single[0].length;
    const value = /^[^\s"',]{1,600}/.exec(text.slice(from, from + 600))?.[0] ?? "";
    return /^https?:/.test(value) ? judgeAddress(value, from) : [];
  }
  // Behind the name's closing quote, so that quotes pair up.
  from += /^["']?\]?[ \t]{0,4}[:=]?/.exec(text.slice(from, from + 8))?.[0].length ?? 0;
  const block = text.slice(from, end);
  if (/^(?:args|command)/i.test(keyword)) {
    let flag: NameKind | undefined;
    for (const match of block.matchAll(STRING)) {
      const value = match[1] ?? match[2] ?? match[3] ?? "";
      const start = from + match.index + match[0].lastIndexOf(value);
      add(found, value, start, flag ?? kindOf(value));
      // `"--api-key", "x"`: the flag tells of the next one.
      flag = /^--?[\w-]{1,40}$/.test(value) ? kindOf(value) : undefined;
    }
    return found;
  }
  for (const match of block.matchAll(PAIR)) {
    const value = match[2] ?? match[3] ?? (match[4] ?? "").trimEnd();
    const start = from + match.index + match[0].lastIndexOf(value);
    add(found, value, start, kindOf(match[1]!));
  }
  return found;
}

function kindOf(name: string): NameKind | undefined {
  const match = /[\w-]{0,60}/.exec(name.replace(/^-{1,2}/, ""))?.[0] ?? "";
  if (match === "") return undefined;
  return tellingName(match, 0, match.length)?.kind;
}

function add(found: Judged[], value: string, start: number, kind: NameKind | undefined): void {
  if (/^https?:\/\//.test(value)) {
    found.push(...judgeAddress(value, start));
    return;
  }
  const severity = judgeLiteral(value, kind);
  if (severity === undefined) return;
  const last = /[^\s:=]{8,512}$/.exec(value)?.[0] ?? value;
  const prefix = /^(?:Bearer|Basic|Token)[ ]|^--?[\w-]{1,40}=|^[\w-]{1,40}[:=][ ]?/i.test(value);
  const secret = prefix ? last : value;
  const from = start + value.length - secret.length;
  found.push({ start: from, end: from + secret.length, severity });
}

export const AGENT_CONFIGS: readonly Rule[] = [
  {
    id: "agent-config-literal",
    provider: "agent configuration",
    opens: "what the agent's tools log in to",
    keywords: ["env", "envs", "environment", "headers", "http_headers", "args", "url", "serverUrl", "httpUrl"],
    ignoreCase: true,
    boundary: "none",
    before: 64,
    window: 4096,
    gate: blockFollows,
    judge: judgeBlock,
    severity: "error",
    generic: true,
    message: "a secret written into an agent's or MCP server's configuration",
    fix: "refer to it as ${VAR} and set the variable outside the repository; in a formation keep it with 'git muxi secrets set NAME' and write ${{ secrets.NAME }}",
    example: (random) => `"env": { "ACME_SESSION": "${made(random, 28)}" }`,
    examplePath: ".cursor/mcp.json",
    nearMisses: () => [
      '"env": { "API_TOKEN": "${API_TOKEN}", "PORT": "8080", "DEBUG": "true" }',
      '"args": ["-y", "@acme/mcp-server@1.2.3", "--stdio", "/srv/data/files"]',
      '"headers": { "Authorization": "Bearer ${input:token}" }',
      '"url": "https://mcp.acme.io/v1/sse"',
      '"env": { "API_KEY": "<your-api-key>" }',
    ],
    source: "https://modelcontextprotocol.io/docs/develop/connect-local-servers",
  },
];
