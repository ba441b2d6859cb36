import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Ajv } from "ajv";
import { formatScan } from "../../src/report/format.ts";
import { SCAN_FORMATS } from "../../src/report/format-names.ts";
import { MASK, withFrames } from "../../src/report/frame.ts";
import { rulesById } from "../../src/report/rule-descriptions.ts";
import type { ReportedFinding, ScanReport } from "../../src/report/scan.ts";
import { formatScanSchema } from "../../src/report/scan-schema.ts";
import { createScanner } from "../../src/scan/engine.ts";
import { buildKnownValues } from "../../src/scan/known-values.ts";
import { styleFor } from "../../src/terminal.ts";
import { VERSION } from "../../src/version.ts";
import { fakeGroqKey, opaque } from "../support/fake.ts";
import { PROJECT } from "../support/repo.ts";

const PLAIN = styleFor(false, {});
const GROQ = fakeGroqKey("report");
const VALUE = `val-${opaque(28, "report")}`;
const WEAK = opaque(7, "weak", "bcdfghjkmnp");
const scanner = createScanner({
  known: buildKnownValues(
    [
      { formation: "", name: "SOME_KEY", kind: "value", value: VALUE },
      { formation: "", name: "WEAK", kind: "value", value: WEAK },
    ],
    { publicNames: new Set() },
  ),
});

function reportOf(bytes: string | Buffer, path = "a.txt"): ScanReport {
  const buffer = Buffer.from(bytes as string);
  const findings = withFrames(scanner, path, buffer, scanner.scan(path, buffer), rulesById());
  return {
    scanned: { files: 1, bytes: buffer.length },
    skipped: [],
    findings: findings.map((finding): ReportedFinding => ({ ...finding, fix: "F", fingerprint: "0123456789abcdef" })),
    notes: [],
  };
}

const text = (bytes: string | Buffer, path?: string) => formatScan(reportOf(bytes, path), "text", PLAIN, false);

/** Pieces of a secret, its public prefix left out, none of which may be printed. */
function assertHidden(shown: string, ...secrets: string[]): void {
  for (const secret of secrets) {
    for (let at = 4; at + 5 <= secret.length; at += 1) {
      assert.ok(
        !shown.includes(secret.slice(at, at + 5)),
        `the report holds a piece at ${at}:\n${shown.length} characters`,
      );
    }
  }
}

describe("a finding is shown with its line", () => {
  const cases: [string, string | Buffer, string[]][] = [
    ["as it stands", `a\nkey: ${GROQ} # x\nb\n`, ["    2 | key: gsk_******** # x", "      |      ^^^^^^^^^^^^"]],
    ["CRLF", `key: ${GROQ}\r\nb\r\n`, ["    1 | key: gsk_********", "      |      ^^^^^^^^^^^^"]],
    [
      "tab, wide characters",
      `\t漢é🙂 ${GROQ}`,
      ["    1 |     漢é🙂 gsk_********", `      | ${" ".repeat(10)}^^^^^^^^^^^^`],
    ],
    ["byte order mark", `\uFEFF${GROQ}\n`, ["    1 | gsk_********", "      | ^^^^^^^^^^^^"]],
    ["UTF-16", Buffer.from(`\uFEFFa\nk ${GROQ}\n`, "utf16le"), ["    2 | k gsk_********", "      |   ^^^^^^^^^^^^"]],
    [
      "hostile line",
      `\u001b[2J\u202e ${GROQ}`,
      ["    1 | \\x1b[2J\\u{202e} gsk_********", `      | ${" ".repeat(16)}^^^^^^^^^^^^`],
    ],
    [
      "bytes that are no UTF-8",
      Buffer.from(`\x80 \x80\x80 \x80 k ${WEAK};`, "latin1"),
      ["    1 | \ufffd \ufffd\ufffd \ufffd k ********;", `      | ${" ".repeat(9)}^^^^^^^^`],
    ],
    ["known value, no prefix", `k ${VALUE}xyz;`, ["    1 | k ********;", "      |   ^^^^^^^^"]],
  ];
  for (const [name, bytes, frame] of cases) {
    test(name, () => {
      const shown = text(bytes);
      assert.deepEqual(shown.split("\n").slice(1, 3), frame);
      assertHidden(shown, GROQ, VALUE);
    });
  }

  test("a long line is cut around it", () => {
    const shown = text(`${"lorem ipsum ".repeat(50_000)}${GROQ}${" dolor sit".repeat(50_000)}`);
    const [, line = "", carets = ""] = shown.split("\n");
    assert.match(line, /^ {4}1 \| ….{59} ?gsk_\*{8} dolor.*…$/u);
    assert.ok(line.length < 130, String(line.length));
    assert.equal(carets.indexOf("^"), line.indexOf("gsk_"));
    assertHidden(shown, GROQ);
  });

  test("every secret of the line is masked, also those that are left out of the report", () => {
    const more = fakeGroqKey("report, more");
    const shown = text(
      `${WEAK} ${GROQ} ${more} ${WEAK}, ${VALUE} ${WEAK}\n${`${GROQ}\n`.repeat(150)}${more} ${GROQ}\n`,
    );
    assertHidden(shown, GROQ, more, VALUE);
    assert.ok(!shown.includes(WEAK), "a weak value that is reported once a file is shown where it stands again");
  });

  test("half of a secret at the end of a cut is not shown", () => {
    // The report holds a secret a hundred times at most; what has no width does not fill the part that is shown.
    const shown = text(`${`${GROQ}\n`.repeat(99)}${GROQ} ${"\u0301".repeat(497)} ${GROQ} ${"x ".repeat(2000)}`);
    assert.match(shown, / 100 \| gsk_\*{8} .*…$/m);
    assertHidden(shown, GROQ);
  });

  test("a key of several lines shows its first, masked", () => {
    const begin = ["-----BEGIN RSA", "PRIVATE KEY-----"].join(" ");
    const body = Array.from({ length: 12 }, (_, index) => opaque(64, `pem${index}`)).join("\n");
    const shown = text(`x = "${begin}\n${body}\n${begin.replace("BEGIN", "END")}"\n`);
    assert.match(shown, / {4}1 \| x = "/);
    assertHidden(shown, ...body.split("\n"));
  });

  test("in binary, and where another reading found it, there is none", () => {
    assert.doesNotMatch(text(`\0\0${GROQ}\0\0`), / \| /);
    assert.doesNotMatch(text(Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(`ab ${GROQ}\n`)])), / \| /);
  });

  test("colours on a terminal only", () => {
    const colours = styleFor(true, { TERM: "xterm" });
    assert.ok(formatScan(reportOf(GROQ), "text", colours, false).includes("\u001b[31mgsk_********\u001b[39m"));
    assert.ok(!text(GROQ).includes("\u001b"));
  });
});

const HOSTILE = "a,b:c%25\n::error::x\r\u001b[2J\u202e é\udcff.txt";

test("GitHub: one command a finding, whatever the file is called", () => {
  const report = reportOf(`key: ${GROQ}`, HOSTILE);
  report.notes.push("50% of\n::error::it");
  report.skipped.push({ path: "b\n::x", reason: "no, really" });
  const lines = formatScan(report, "github", PLAIN, false).split("\n");
  const file = "a%2Cb%3Ac%2525%0A%3A%3Aerror%3A%3Ax%0D\\x1b[2J\\u{202e} é\\u{dcff}.txt";
  const groq = rulesById().get("groq-key")!;
  assert.deepEqual(lines, [
    `::error file=${file},line=1,endLine=1,col=6,endColumn=${5 + GROQ.length},title=groq-key::a Groq credential, which gives access to ${groq.opens}; fingerprint 0123456789abcdef; fix: F`,
    "::warning file=b%0A%3A%3Ax::not scanned: no, really",
    "::notice::50%25 of%0A::error::it",
    `scanned 1 file, ${5 + GROQ.length} bytes, 1 not scanned: 1 finding`,
  ]);
});

test("GitLab: the documented members, and a fingerprint of its own for each", () => {
  const report = reportOf(`${GROQ}\n${GROQ}\n${VALUE}\n${WEAK}\n`);
  report.findings.push({ ...report.findings[0]!, accepted: true });
  const issues = JSON.parse(formatScan(report, "gitlab", PLAIN, false)) as Record<string, unknown>[];
  const print = "0123456789abcdef";
  assert.deepEqual(
    issues.map(({ description: _, ...issue }) => issue),
    [
      ["groq-key", print, "critical", 1],
      ["groq-key", `${print}-2`, "critical", 2],
      ["known-value", `${print}-3`, "blocker", 3],
      ["known-value", `${print}-4`, "minor", 4],
    ].map(([check_name, fingerprint, severity, line]) => ({
      check_name,
      fingerprint,
      severity,
      location: { path: "a.txt", lines: { begin: line, end: line } },
    })),
  );
  assert.match(String(issues[0]?.description), /^groq-key: a Groq credential/);
});

test("SARIF: what version 2.1.0 requires, rules by index, no snippet", () => {
  const report = reportOf(`${GROQ}\n${VALUE}\n`, HOSTILE);
  report.findings.push({ ...report.findings[0]!, accepted: true, commit: "c".repeat(40) });
  report.skipped.push({ path: "d e", reason: "x" });
  const log = JSON.parse(formatScan(report, "sarif", PLAIN, false));
  assert.equal(log.version, "2.1.0");
  assert.match(log.$schema, /^https:.*sarif-schema-2\.1\.0\.json$/);
  const [run] = log.runs;
  assert.deepEqual([log.runs.length, run.columnKind], [1, "utf16CodeUnits"]);
  const { driver } = run.tool;
  assert.deepEqual([driver.name, driver.version], ["muxi-git", VERSION]);
  assert.deepEqual(
    driver.rules.map(({ id }: { id: string }) => id),
    ["groq-key", "known-value"],
  );
  for (const rule of driver.rules) {
    assert.ok(rule.shortDescription.text.length > 0);
    assert.ok(["error", "warning", "note"].includes(rule.defaultConfiguration.level));
    if (rule.helpUri !== undefined) assert.ok(URL.canParse(rule.helpUri));
  }
  assert.equal(run.invocations[0].executionSuccessful, true);
  assert.equal(run.invocations[0].toolExecutionNotifications[0].message.text, "not scanned: x");
  assert.equal(run.results.length, 3);
  for (const result of run.results) {
    assert.equal(driver.rules[result.ruleIndex].id, result.ruleId);
    assert.ok(result.message.text.length > 0);
    assert.deepEqual(Object.values(result.partialFingerprints), ["0123456789abcdef"]);
    const { artifactLocation, region, ...rest } = result.locations[0].physicalLocation;
    assert.deepEqual(rest, {});
    assert.equal(artifactLocation.uri, "a%2Cb%3Ac%2525%0A%3A%3Aerror%3A%3Ax%0D%1B%5B2J%E2%80%AE%20%C3%A9%FF.txt");
    assert.deepEqual(Object.keys(region), ["startLine", "startColumn", "endLine", "endColumn"]);
    assert.ok(region.endColumn > region.startColumn);
  }
  assert.deepEqual(run.results[2].suppressions, [{ kind: "external", status: "accepted" }]);
  assert.equal(run.results[0].suppressions, undefined);
});

test("SARIF: as the schema of OASIS says", () => {
  const ajv = new Ajv({
    strict: true,
    strictRequired: false,
    unicodeRegExp: false,
    // RFC 3986, 4.1 and 4.3.
    formats: {
      uri: (text: string) => /^[a-z][a-z0-9+.-]*:/i.test(text) && URL.canParse(text),
      "uri-reference": /^(?:[a-z][a-z0-9+.-]*:)?(?:[\w.~!$&'()*+,;=:@/?#-]|%[0-9a-f]{2})*$/i,
      "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/,
    },
  });
  // The text of the standard's schema as Microsoft's SARIF packages carry it. Its draft 4 says nothing that draft 7 does not.
  const { id, $schema, ...schema } = JSON.parse(
    readFileSync(join(PROJECT, "test", "vectors", "sarif-2.1.0-rtm.5.json"), "utf8"),
  );
  assert.match($schema, /draft-04/);
  const validate = ajv.compile({ $id: id, ...schema });
  const report = reportOf(`${GROQ}\n${VALUE}\n`, HOSTILE);
  report.findings.push({ ...report.findings[0]!, accepted: true, commit: "c".repeat(40) });
  report.findings.push({ ...report.findings[0]!, rule: "custom-order", severity: "note" });
  report.skipped.push({ path: HOSTILE, reason: "x" });
  const text = formatScan(report, "sarif", PLAIN, false);
  assert.ok(validate(JSON.parse(text)), JSON.stringify(validate.errors));
  const empty = { ...report, findings: [], skipped: [], scanned: { files: 0, bytes: 0 } };
  assert.ok(validate(JSON.parse(formatScan(empty, "sarif", PLAIN, false))), JSON.stringify(validate.errors));
  for (const [valid, broken] of [
    ['"ruleIndex": 0', '"ruleIndex": -2'],
    ['"startLine": 1', '"startLine": 0'],
    ['"level": "error"', '"level": "severe"'],
    ['"partialFingerprints"', '"partialFingerprint"'],
    ['"kind": "external"', '"kind": "baseline"'],
    ['"uri": "a%2Cb', '"uri": "a b'],
    ['"helpUri": "https:', '"helpUri": "'],
  ] as const) {
    assert.ok(text.includes(valid), valid);
    assert.equal(validate(JSON.parse(text.replaceAll(valid, broken))), false, broken);
  }
});

test("JSON: as the shipped schema says", () => {
  const shipped = readFileSync(join(PROJECT, "muxi-git-scan.schema.json"), "utf8");
  assert.equal(shipped, formatScanSchema(), "run: npm run schema");
  const { files } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")) as { files: string[] };
  assert.ok(files.includes("muxi-git-scan.schema.json"));
  const validate = new Ajv({ strict: true }).compile(JSON.parse(shipped));
  const report = reportOf(`${GROQ}\n${VALUE}\n`, HOSTILE);
  report.findings.push({ ...report.findings[0]!, accepted: true, commit: "c".repeat(40), onRemote: true });
  report.skipped.push({ path: "d e", reason: "x" });
  report.scanned.commits = 3;
  const parsed = JSON.parse(formatScan(report, "json", PLAIN, false)) as ScanReport;
  assert.ok(validate(parsed), JSON.stringify(validate.errors));
  assert.equal(parsed.findings[0]?.path, HOSTILE);
  for (const broken of [
    { ...parsed, more: 1 },
    { ...parsed, findings: [{ ...parsed.findings[0], secretId: "x" }] },
  ]) {
    assert.equal(validate(broken), false);
  }
});

test("no format holds a secret, a mask's length or a digest", () => {
  const report = reportOf(`a ${GROQ} ${WEAK}\nb ${VALUE} ${WEAK}\n`, HOSTILE);
  const ids = report.findings.map(({ secretId }) => secretId);
  for (const format of SCAN_FORMATS) {
    const shown = formatScan(report, format, PLAIN, false);
    assertHidden(shown, GROQ, VALUE, ...ids);
    assert.ok(!shown.includes(WEAK), format);
    for (const line of shown.split("\n")) assert.doesNotMatch(line, /[\u0000-\u001f\u202e]/);
  }
  assert.equal(MASK.length, 8);
});
