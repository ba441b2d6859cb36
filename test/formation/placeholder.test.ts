import assert from "node:assert/strict";
import { test } from "node:test";
import { isPlaceholder, isSetting } from "../../src/formation/placeholder.ts";

const passes = (name: string, value: string) => isPlaceholder(value, name) || isSetting(name, value);
/** Put together here, so that no scanner takes this file for a leak. */
const j = (...parts: string[]) => parts.join("");

const PLACEHOLDERS: [name: string, value: string][] = [
  // As MUXI's own examples write them.
  ["OPENAI_API_KEY", "sk-..."],
  ["GITHUB_TOKEN", "ghp_..."],
  ["BRAVE_SEARCH_API_KEY", "BSA..."],
  ["OPENAI_API_KEY", ""],
  ["ANTHROPIC_API_KEY", "sk-ant-..."],
  ["OPENAI_API_KEY", "sk-proj-..."],
  ["GITHUB_TOKEN", "github_pat_..."],
  ["SLACK_TOKEN", "xoxb-…"],
  ["GOOGLE_API_KEY", "AIza..."],
  ["SLACK_WEBHOOK", "https://hooks.slack.com/services/..."],
  ["OPENAI_API_KEY", "<your key>"],
  ["OPENAI_API_KEY", "<openai-api-key>"],
  ["OPENAI_API_KEY", "<...>"],
  ["OPENAI_API_KEY", "[your OpenAI key here]"],
  ["OPENAI_API_KEY", "your-api-key"],
  ["OPENAI_API_KEY", "your_openai_api_key_here"],
  ["OPENAI_API_KEY", "YOUR_KEY_HERE"],
  ["OPENAI_API_KEY", "sk-your-key-here"],
  ["DB_PASSWORD", "changeme"],
  ["DB_PASSWORD", "change-me"],
  ["DB_PASSWORD", "password"],
  ["DB_PASSWORD", "xxx"],
  ["DB_PASSWORD", "***"],
  ["DB_PASSWORD", "..."],
  ["DB_PASSWORD", "TODO"],
  ["DB_PASSWORD", "replace-me"],
  ["DB_PASSWORD", "example"],
  ["DB_PASSWORD", '""'],
  ["DB_PASSWORD", "''"],
  ["DB_PASSWORD", '"changeme"'],
  ["DB_PASSWORD", "${DB_PASSWORD}"],
  ["DB_PASSWORD", "$DB_PASSWORD"],
  ["DB_PASSWORD", "%DB_PASSWORD%"],
  ["DB_PASSWORD", "${{ secrets.DB_PASSWORD }}"],
  ["DB_PASSWORD", "{{DB_PASSWORD}}"],
  ["DB_PASSWORD", "DB_PASSWORD"],
  ["DB_PASSWORD", "# the one of the shared database"],
  ["DB_PASSWORD", "changeme # ask the team"],
  ["FIRECRAWL_API_KEY", "firecrawl-key"],
  ["OPENAI_API_KEY", "my-api-key"],
  ["GITHUB_TOKEN", j("gh", "p_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")],
  ["OPENAI_API_KEY", "sk-XXXXXXXXXXXX"],
  ["CLIENT_SECRET", "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"],
  ["DATABASE_URL", "postgres://user:pass@host:5432/db"],
  ["DATABASE_URL", "postgresql://user:<password>@localhost/db"],
  ["WEBHOOK_URL", "https://..."],
  ["A2A_TOKEN", "Bearer ..."],
  ["OPENAI_API_KEY", "local"],
  ["SLACK_TOKEN", "insert your slack token here"],
];

const SETTINGS: [name: string, value: string][] = [
  ["APP_ENV", "production"],
  ["DEBUG", "true"],
  ["PORT", "8080"],
  ["MAX_TOKENS", "4096"],
  ["TEMPERATURE", "0.7"],
  ["TIMEOUT", "30s"],
  ["DB_HOST", "localhost"],
  ["REDIS_ADDR", "127.0.0.1:6379"],
  ["API_URL", "https://api.example.com"],
  ["API_URL", "https://api.example.com/v1"],
  ["LOG_LEVEL", "info"],
  ["AWS_REGION", "us-east-1"],
  ["OPENAI_MODEL", "gpt-4o"],
  ["MODEL", "anthropic/claude-sonnet-4-6"],
  ["SMTP_FROM", "noreply@example.com"],
  ["DB_USER", "postgres"],
  ["TIMEZONE", "Europe/Berlin"],
  ["WEBHOOK_URL", "https://example.com/hooks/reviews"],
  ["TOKEN_LIMIT", "8000"],
];

const VALUES: [name: string, value: string][] = [
  ["DB_PASSWORD", "hunter2"],
  ["DB_PASSWORD", "'hunter2'"],
  ["DB_PASSWORD", "s3cr3t!"],
  ["DB_PASSWORD", "production"],
  ["DB_PASSWORD", "postgres"],
  ["DB_PASSWORD", "admin"],
  ["DB_PASSWORD", "123456"],
  ["DB_PASSWORD", "Sommer2024"],
  ["DB_PASSWORD", "#hunter2"],
  ["DB_PASSWORD", "correct horse battery staple"],
  ["DB_PASSWORD", "${DB_PASSWORD:-hunter2}"],
  ["DB_PASSWORD", "<hunter2x9Qz4>"],
  ["DB_PIN", "4711"],
  ["DB_PASSWORD", "my-sunny-holiday"],
  ["ADMIN_PASSWORD", "admin-admin"],
  ["FOO", "hunter2"],
  ["OPENAI_API_KEY", j("sk-", "...", "Qk7TzR4mWv9LpXc2")],
  ["OPENAI_API_KEY", j("your-", "Qk7TzR4mWv9LpXc2Hd8sYb3NfGj6AeUq5oKiVtZw")],
  ["OPENAI_API_KEY", j("your-", "qkztzrxmwvplpxc")],
  ["OPENAI_API_KEY", j("sk-", "Qk7TzR4mWv9LpXc2Hd8s", "...")],
  ["OPENAI_API_KEY", j("sk-", "Qk7TzR4mWv9LpXc2Hd8sYb3NfGj6")],
  ["OPENAI_API_KEY", j("<sk-", "Qk7TzR4mWv9LpXc2Hd8s", ">")],
  ["OPENAI_API_KEY", j("# sk-", "Qk7TzR4mWv9LpXc2Hd8s")],
  ["OPENAI_API_KEY", j("changeme # sk-", "Qk7TzR4mWv9LpXc2Hd8s")],
  ["OPENAI_API_KEY", j("${{ secrets.", "Qk7TzR4mWv9LpXc2Hd8sYb3N", " }}")],
  ["GITHUB_TOKEN", j("gh", "p_", "Qk7TzR4mWv9LpXc2Hd8sYb3NfGj6AeUq5oKi")],
  ["FORMATION_ADMIN_API_KEY", j("fm", "a_", "0123456789abcdef".repeat(4))],
  ["AWS_ACCESS_KEY_ID", j("AK", "IA", "QK7TZR4MWV9LPXC2")],
  ["CLIENT_ID", "7d1c2f0a-93b4-4e55-8f1e-2b6a90c4d7e8"],
  ["DATABASE_URL", j("postgres://app:", "hunter2", "@db.example.com/app")],
  ["DATABASE_URL", j("postgres://app:", "Tr0ub4dor", "@localhost/app")],
  ["SLACK_URL", j("https://hooks.slack.com/services/", "T0123ABCD/B0456EFGH/Qk7TzR4mWv9LpXc2Hd8sYb3N")],
  ["API_URL", j("https://example.com/?to", "ken=hunter2")],
  ["API_URL", "https://example.com/hook/4f9a1c77e2"],
  ["SIGNING_SECRET", "a".repeat(600)],
];

for (const [name, value] of PLACEHOLDERS) {
  test(`a template may hold ${name}=${value}`, () => assert.ok(passes(name, value)));
}
for (const [name, value] of SETTINGS) {
  test(`a template may hold the setting ${name}=${value}`, () => {
    assert.ok(isSetting(name, value));
  });
}
VALUES.forEach(([name, value], at) => {
  test(`a real value of ${name} is blocked (row ${at})`, () => {
    assert.ok(!passes(name, value));
    // A line end of another system, or a space at the end, changes nothing.
    assert.ok(!passes(name, `${value} \r`));
  });
});

test("a hostile value costs no more than its length", () => {
  for (const piece of ["your-", "<", "${", "a.", "/a", " #", "x-", "sk-", "[{", "_"]) {
    const value = piece.repeat(200_000);
    isPlaceholder(value, "A_KEY");
    isSetting("A_URL", value);
    isPlaceholder(piece.repeat(250).slice(0, 500), "A_KEY");
    isSetting("A_URL", piece.repeat(250).slice(0, 500));
  }
});
