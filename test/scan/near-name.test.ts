import assert from "node:assert/strict";
import { test } from "node:test";
import { createScanner } from "../../src/scan/engine.ts";
import { allRules } from "../../src/scan/rules/index.ts";
import { drawValue, nearName } from "../../src/scan/rules/near-name.ts";
import { SERVICES } from "../../src/scan/rules/services.ts";
import { seededRandom } from "./seeded-random.ts";

const service = (names: string[], values: string) =>
  createScanner({
    rules: [nearName({ id: "acme-key", provider: "Acme", opens: "tests", names, values, source: "https://acme.test" })],
  });
/** Keys of hexadecimal digits, which hashes look like, and keys of a mixture, which nothing looks like. */
const weak = service(["datadog"], "hex:32");
const strong = service(["datadog"], "alnum:40");
const short = service(["box"], "alnum:32");

const found = (scanner: ReturnType<typeof service>, text: string, path = "file.txt") =>
  scanner.scan(path, Buffer.from(text, "latin1")).map((finding) => finding.column);

const VALUE = /(?<![A-Z])V/g;

/** Each is a notation: `V` stands for the value. Both scanners find it. */
const TAKEN = [
  "DATADOG_API_KEY=V",
  "export DATADOG_API_KEY=V",
  'MY_DATADOG_API_KEY="V"',
  "datadogApiKey: 'V',",
  "const datadogApiKey: string = `V`;",
  'var datadogKey string = "V"',
  'datadog_key := "V"',
  "datadog_api_key: V",
  '"datadog_api_key": "V"',
  '"datadog": { "apiKey": "V" }',
  '{\\"datadog_token\\": \\"V\\"}',
  "datadog.api-key = V",
  "<datadogApiKey>V</datadogApiKey>",
  '<add key="DatadogApiKey" value="V"/>',
  '<string name="datadog_api_key">V</string>',
  "<key>DATADOG_API_KEY</key>\n<string>V</string>",
  "- name: DATADOG_API_KEY\n  value: V\n",
  "X-Datadog-Key: V",
  'curl -H "X-Datadog-Api-Key: V" https://x.test',
  "tool --datadog-token V",
  "tool --datadog-token=V",
  "https://api.datadoghq.com/v1/series?api_key=V",
  "https://api.datadoghq.com/v1/series?page=2&api_key=V&x=1",
  'curl https://api.datadoghq.com/v1 -H "Authorization: Bearer V"',
  'curl -H "Authorization: Bearer V" https://api.datadoghq.com/v1',
  "# Datadog\napi_key = V\n",
  "// the key for Datadog\n\nconst apiKey = 'V';\n",
  "datadog:\n  site: eu\n  api_key: V\n",
  "datadog:\n  key: V\n",
  'api_key = "V"  # Datadog',
  'api_key = "V", // of datadog',
  'client = DatadogClient("V")',
  "const client = new Datadog('V');",
  "datadog.init('V');",
  "datadog.setApiKey('V');",
  "Datadog.configure(api_key='V')",
  'config["datadog_api_key"] = "V"',
  "config.set('datadogApiKey', 'V')",
  "os.environ.get('DATADOG_API_KEY', 'V')",
  "process.env.DATADOG_API_KEY || 'V'",
  "${DATADOG_API_KEY:-V}",
  "ENV DATADOG_API_KEY V",
  '"args": ["--datadog-key", "V"]',
  "DATADOG_API_KEY=V\\nOTHER=1",
];

/** Silent for hexadecimal digits and mixtures alike. */
const SILENT = [
  "V",
  "datadog V",
  "see the datadog documentation, commit V",
  "datadog@sha256:V",
  "datadog_checksum = V",
  "DATADOG_API_KEY_SHA256=V",
  "DATADOG_API_KEY_ID=V",
  "DATADOG_TOKEN_URL=V",
  "datadogPublicKey: 'V'",
  "datadog_cache_key: V",
  "datadog_dashboard = 'V'",
  "datadog-V.tar.gz",
  "https://datadoghq.com/blog/V",
  "DATADOG_API_KEY=a.V.b",
  "DATADOG_API_KEY=VxV",
  "DATADOG_API_KEY=V0",
  "DATADOG_API_KEY=xV",
  "DATADOG_API_KEY=prefix-V",
  "DATADOG_API_KEY=${V}",
  "DATADOG_API_KEY={{V}}",
  "DATADOG_API_KEY=<V>",
  "DATADOG_API_KEY=$V",
  "# Datadog\n\n\n\napi_key = V\n",
  "datadog();stripe({apiKey:'V'})",
  "datadog: {a: 1}, other: {b: 2}, c: {api_key: V}",
  `datadog ${"and more text ".repeat(20)} api_key: V`,
  "# datadog\nhash: V",
  "# datadog\nid: V",
  "api_key: V\n\n# Datadog",
];

for (const [name, scanner, values] of [
  ["hexadecimal digits", weak, "hex:32"],
  ["mixed characters", strong, "alnum:40"],
] as const) {
  test(`a value of ${name} is found in every notation`, () => {
    const random = seededRandom(11);
    for (const [index, notation] of TAKEN.entries()) {
      for (let round = 0; round < 4; round++) {
        const text = notation.replace(VALUE, drawValue(random, values));
        const before = notation.slice(0, notation.search(VALUE));
        // Where the value begins: no finding may begin at the name.
        const column = before.length - before.lastIndexOf("\n");
        assert.deepEqual(found(scanner, text), [column], `notation ${index}: ${notation}`);
      }
    }
  });

  test(`a value of ${name} is no secret where its name is none`, () => {
    const random = seededRandom(12);
    for (const [index, notation] of SILENT.entries()) {
      const text = notation.replaceAll(VALUE, drawValue(random, values));
      assert.deepEqual(found(scanner, text), [], `notation ${index}: ${notation}`);
    }
  });
}

test("hexadecimal digits need a telling name, mixed characters the service's", () => {
  const random = seededRandom(13);
  assert.deepEqual(found(weak, `datadog = "${drawValue(random, "hex:32")}"`), []);
  assert.deepEqual(found(strong, `datadog = "${drawValue(random, "alnum:40")}"`), [12]);
});

test("lengths are exact and placeholders are silent", () => {
  const random = seededRandom(14);
  for (const length of [16, 31, 33, 40, 64, 128]) {
    assert.deepEqual(found(weak, `DATADOG_API_KEY=${drawValue(random, `hex:${length}`)}`), [], `${length}`);
  }
  const placeholders = [
    "0".repeat(32),
    "0123456789abcdef".repeat(2),
    "deadbeef".repeat(4),
    `${"a".repeat(16)}${"b".repeat(16)}`,
  ];
  for (const text of placeholders) assert.deepEqual(found(weak, `DATADOG_API_KEY=${text}`), []);
  for (const text of [
    "process.env.DATADOG_API_KEY",
    "thisIsTheDatadogApiKeyOfTheProductionSite",
    "your_datadog_api_key_goes_right_in_here_",
  ]) {
    assert.deepEqual(found(strong, `DATADOG_API_KEY=${text}`), []);
  }
});

test("a short name has to be a word of its own", () => {
  const random = seededRandom(15);
  const value = drawValue(random, "alnum:32");
  for (const name of ["BOX_API_KEY", "boxApiKey", "box-token", "myBoxToken", "boxtoken", "\\nBOX_SECRET"]) {
    assert.equal(found(short, `${name}=${value}`).length, 1, name);
  }
  for (const name of ["SANDBOX_API_KEY", "checkboxKey", "inboxToken", "boxcarKey", "mailbox_secret"]) {
    assert.equal(found(short, `${name}=${value}`).length, 0, name);
  }
});

test("all values of one place are found, each once", () => {
  const random = seededRandom(16);
  const [one, two] = [drawValue(random, "hex:32"), drawValue(random, "hex:32")];
  assert.deepEqual(found(weak, `DATADOG_API_KEY=${one}\nDATADOG_APP_KEY=${two}\n# datadog datadog\n`), [17, 17]);
});

test("a service wins over the generic rule that sees the same value", () => {
  const random = seededRandom(17);
  const scanner = createScanner();
  const text = `DATADOG_API_KEY=${drawValue(random, "hex:32")}\n`;
  assert.deepEqual(
    scanner.scan("a.env", Buffer.from(text)).map((finding) => finding.rule),
    ["datadog-key"],
  );
});

test("the table is as large as it is said to be, and each row is sound", () => {
  assert.ok(SERVICES.length >= 300);
  assert.ok(allRules().length - SERVICES.length >= 80);
  for (const rule of SERVICES) {
    for (const name of rule.near!.names) assert.match(name, /^[a-z0-9][a-z0-9_.-]{2,}$/, rule.id);
    for (const part of rule.near!.values.split(" ")) {
      assert.match(
        part,
        /^(?:uuid|(?:hex|HEX|digit|lower-alnum|upper-alnum|alnum|word|url64|base64):\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)$/,
        rule.id,
      );
      for (const length of part.match(/\d+/g)?.filter(() => part.includes(":")) ?? []) {
        if (!part.startsWith("url64") && !part.startsWith("base64")) assert.ok(Number(length) >= 14, rule.id);
      }
    }
    assert.match(rule.source, /^https:\/\//, rule.id);
  }
});

test("hostile text costs no more than linear time", () => {
  const random = seededRandom(18);
  const value = drawValue(random, "hex:32");
  const unit = [
    "datadog",
    `datadog ${value} `,
    `datadog\n${value}key=`,
    "datadog((((((((((((((((((((",
    `datadog_key_${"a1".repeat(20)}`,
    `${value}${value}`,
    `datadog}${"{".repeat(30)}`,
  ];
  for (const [index, text] of unit.entries()) {
    const time = (size: number) => {
      const bytes = Buffer.from(text.repeat(Math.ceil(size / text.length)));
      const start = process.cpuUsage().user;
      weak.scan("a", bytes);
      return (process.cpuUsage().user - start) / 1000;
    };
    time(20_000);
    const large = time(800_000);
    assert.ok(large < 4000, `text ${index}: ${large} ms`);
  }
});
