import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findLiterals } from "../../src/formation/literals.ts";

const V = ["hunter2", "Qk7TzR4m"].join("-");
const seen = (text: string, path = "formation.afs") =>
  findLiterals(path, text).map((literal) => {
    assert.equal(typeof literal.secretId, "string");
    return `${literal.path} ${literal.suggestedName} ${literal.line}:${literal.column}-${literal.endColumn} ${text.slice(literal.start, literal.end) === V}`;
  });

test("a value where a reference belongs is found, with its place and a name for it", () => {
  const n = V.length;
  const rows: [text: string, expected: string[], path?: string][] = [
    [`llm:\n  api_keys:\n    openai: "${V}"`, [`llm.api_keys.openai OPENAI_API_KEY 3:14-${14 + n} true`]],
    [`llm:\n  api_keys:\n    openai: ${V} # note`, [`llm.api_keys.openai OPENAI_API_KEY 3:13-${13 + n} true`]],
    [
      `llm:\n    api_keys: { openai: '${V}', groq: "\${{ secrets.GROQ_API_KEY }}" }`,
      [`llm.api_keys.openai OPENAI_API_KEY 2:26-${26 + n} true`],
    ],
    [`"llm":\n  "api_keys":\n    "openai": !!str "${V}"`, [`llm.api_keys.openai OPENAI_API_KEY 3:22-${22 + n} true`]],
    [`{"llm": {\n "api_keys": {"openai":"${V}"}}}`, [`llm.api_keys.openai OPENAI_API_KEY 2:25-${25 + n} true`]],
    [`llm:\n  api_keys:\n    openai:\n      ${V}`, [`llm.api_keys.openai OPENAI_API_KEY 4:7-${7 + n} true`]],
    [
      `llm:\n  models:\n  - text: "openai/gpt-4o"\n    api_key: ${V}`,
      [`llm.models[0].api_key LLM_API_KEY 4:14-${14 + n} true`],
    ],
    [
      `llm:\n  models:\n    - a: 1\n    - api_key: ${V}\n      b: 2`,
      [`llm.models[1].api_key LLM_API_KEY 4:16-${16 + n} true`],
    ],
    [
      `server:\n  api_keys:\n    admin_key: ${V}\n    client_key: ${V}`,
      [
        `server.api_keys.admin_key FORMATION_ADMIN_API_KEY 3:16-${16 + n} true`,
        `server.api_keys.client_key FORMATION_CLIENT_API_KEY 4:17-${17 + n} true`,
      ],
    ],
    [`auth:\n  type: bearer\n  token: ${V}`, [`auth.token GITHUB_TOKEN 3:10-${10 + n} true`], "mcps/github-mcp.afs"],
    [
      `auth:\n  type: env\n  BRAVE_API_KEY: ${V}\n  NODE_ENV: production`,
      [`auth.BRAVE_API_KEY BRAVE_API_KEY 3:18-${18 + n} true`],
      "mcp/brave.afs",
    ],
    [
      `mcp:\n  servers:\n    - id: x\n      auth: {type: basic, username: "\${{ secrets.U }}", password: ${V}}`,
      [`mcp.servers[0].auth.password MCP_PASSWORD 4:67-${67 + n} true`],
    ],
    [
      `memory:\n  persistent:\n    connection_string: "postgres://app:${V}@db.example.com/app"`,
      ["memory.persistent.connection_string DATABASE_URL 3:25-75 false"],
    ],
    [`memory:\n  vector:\n    api_key: ${V}`, [`memory.vector.api_key VECTOR_API_KEY 3:14-${14 + n} true`]],
    [
      `logging:\n  streams:\n    - transport: http\n      auth:\n        type: bearer\n        api: ${V}`,
      [`logging.streams[0].auth.api LOGGING_API 6:14-${14 + n} true`],
    ],
    [`rce:\n  token: ${V}`, [`rce.token RCE_TOKEN 2:10-${10 + n} true`]],
    [
      `headers:\n  Authorization: "Bearer ${V}"`,
      [`headers.Authorization SEARCH_TOKEN 2:26-${26 + n} true`],
      "a2a/search.yaml",
    ],
    [`async:\n  webhook_url: https://example.com/x?hash=${V}`, [`async.webhook_url WEBHOOK_HASH 2:43-${43 + n} true`]],
  ];
  for (const [text, expected, path] of rows) {
    assert.deepEqual(seen(text, path), expected, text.replaceAll(V, "VALUE"));
    assert.deepEqual(seen(text.replaceAll("\n", "\r\n"), path), expected, `CRLF ${text.replaceAll(V, "VALUE")}`);
    assert.deepEqual(seen(`\ufeff${text}`, path).length, expected.length);
  }
});

test("honest formations are left alone", () => {
  const rows = [
    'llm:\n  api_keys:\n    openai: "${{ secrets.OPENAI_API_KEY }}"',
    "llm:\n  api_keys:\n    openai: ${{ secrets.OPENAI_API_KEY }}",
    "llm:\n  api_keys: {openai: ${{ secrets.OPENAI_API_KEY }}, groq: '${{ secrets.GROQ_API_KEY }}'}",
    'llm:\n  api_keys:\n    ollama: "local"\n    a: ""\n    b: null\n    c: ~\n    d: true\n    e:\n    f: ${HOME}\n    g: sk-...\n    h: *alias',
    `# llm:\n#   api_keys:\n#     openai: "${V}"`,
    `llm:\n  # api_keys:\n  #   openai: ${V}`,
    `notes: |\n  llm:\n    api_keys:\n      openai: ${V}`,
    `description: "llm:\n  api_keys:\n    openai: ${V}"`,
    'memory:\n  persistent:\n    connection_string: "postgres://user:pass@host:5432/db"',
    'memory:\n  persistent:\n    connection_string: "sqlite:///data/memory.db"',
    'memory:\n  persistent:\n    connection_string: "postgres://${{ secrets.PGUSER }}:${{ secrets.PGPASS }}@host/db"',
    'headers:\n  Authorization: "Bearer ${{ secrets.API_TOKEN }}"',
    "auth:\n  type: env\n  header: X-Api-Key\n  NODE_ENV: production\n  LOG_LEVEL: info",
    "async:\n  webhook_url: https://example.com/hooks",
    "settings:\n  max_tokens: 4096\n  token_limit: 8",
    "parameters:\n  type: object\n  properties:\n    token: {type: string, description: 'the token: of a user'}",
    `other:\n  token: ${V}\nllm:\n  notes: ${V}`,
  ];
  for (const text of rows) assert.deepEqual(seen(text, "formation.afs"), [], text.replaceAll(V, "VALUE"));
  const leak = `llm:\n  api_keys:\n    openai: ${V}`;
  for (const path of ["sops/a.md", "README.md", "knowledge/a.yaml", ".github/workflows/a.yml"])
    assert.deepEqual(seen(leak, path), []);
});

test("a key after a procedure's text, a sibling list or an odd indent is still found", () => {
  const rows = [
    `agents:\n- a\n- b\nllm:\n  api_keys:\n    openai: ${V}`,
    `soul: |\n  text\n\n   more # x\nllm:\n  api_keys:\n    openai: ${V}`,
    `soul: it's "odd\nllm:\n  api_keys:\n    openai: ${V}`,
    `args: ["-y", "x: y", 'it''s']\nllm:\n  api_keys:\n    openai: ${V}`,
    `---\nllm:\n\n  # note\n  api_keys:\n   # note\n    openai: ${V}`,
    `llm:\n\tx: 1\nllm:\n  api_keys:\n    openai: ${V}`,
  ];
  for (const text of rows) assert.equal(seen(text).length, 1, text.replaceAll(V, "VALUE"));
});

test("any text is read without failing, and ranges lie inside it", () => {
  const piece = fc.constantFrom(
    "llm:",
    "api_keys:",
    "auth:",
    "token:",
    "\n",
    "  ",
    "- ",
    '"',
    "'",
    "{",
    "}",
    "[",
    "]",
    ",",
    ": ",
    "|",
    "#",
    "&a",
    "!x",
    "x",
    "\r\n",
    "\t",
    "${{",
    "}}",
    "*",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (parts) => {
      const text = parts.join("");
      for (const { start, end, line, column } of findLiterals("formation.afs", text)) {
        assert.ok(start < end && end <= text.length && line > 0 && column > 0);
      }
    }),
    { numRuns: 1000 },
  );
});

test("hostile nesting neither overflows nor multiplies", () => {
  for (const piece of ["{", "[", "- ", "{a: ", '"', "a: {", "a:\n ", "!x ", "&a ", "${{", "- a:\n"]) {
    findLiterals("formation.afs", piece.repeat(100_000));
  }
});
