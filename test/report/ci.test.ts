import assert from "node:assert/strict";
import { test } from "node:test";
import type { Problem, Severity } from "../../src/formation/problem.ts";
import {
  asFindings,
  type CiReport,
  COMMENT_MARK,
  formatCiAnnotations,
  formatCiComment,
  formatCiJson,
  formatCiMarkdown,
  formatCiText,
  hasNews,
  isRefused,
  LARGEST_COMMENT,
  RESOLVED_MARK,
} from "../../src/report/ci.ts";
import { formatGitlab } from "../../src/report/gitlab.ts";
import { formatSarif, uriOf } from "../../src/report/sarif.ts";
import type { ReportedFinding } from "../../src/report/scan.ts";
import { styleFor } from "../../src/terminal.ts";

const PLAIN = styleFor(false, {});
const [BASE, HEAD, OLDER] = ["a".repeat(40), "b".repeat(40), "c".repeat(40)];
const SECRET_ID = "5e".repeat(32);

function problem(code: Problem["code"], severity: Severity, given: Partial<Problem> = {}): Problem {
  return {
    code,
    severity,
    formation: "bot",
    path: "bot/a.afs",
    line: 3,
    message: `'X' is ${code}`,
    fix: "F",
    ...given,
  };
}

function finding(given: Partial<ReportedFinding> = {}): ReportedFinding {
  return {
    ...{ rule: "groq-key", kind: "token", severity: "error", path: "a.txt", line: 1, column: 5, endLine: 1 },
    ...{ endColumn: 9, message: "a key", fix: "take it out", secretId: SECRET_ID, fingerprint: "0123456789abcdef" },
    ...{ commit: OLDER, ...given },
  } as ReportedFinding;
}

function report(given: Partial<CiReport> = {}, problems: Problem[] = []): CiReport {
  const names = { template: ["X"], encrypted: null, referenced: ["X"] };
  return {
    about: "pull request 12",
    base: BASE,
    head: HEAD,
    scan: { scanned: { files: 2, bytes: 10, commits: 3 }, skipped: [], findings: [], notes: [] },
    leaks: [],
    checked: [{ path: "bot", form: "fernet", canonical: null, opened: null, names, problems }],
    review: { formations: [], loosened: [] },
    failOn: [],
    addressOf: () => null,
    ...given,
  };
}

function withFindings(findings: ReportedFinding[], given: Partial<CiReport> = {}): CiReport {
  return report({ scan: { ...report().scan, findings }, ...given });
}

const accepted = finding({ accepted: true });

test("the answer is no where something has to be mended, and only there", () => {
  const older = problem("name-unreferenced", "warning");
  const cases: [string, CiReport, boolean, boolean][] = [
    ["clean", report(), false, false],
    ["a finding", withFindings([finding()]), true, true],
    ["an accepted finding", withFindings([accepted]), false, false],
    ["a warning of the scan", withFindings([finding({ severity: "warning" })]), false, true],
    ["drift", report({}, [problem("name-without-value", "error")]), true, true],
    ["an older warning", report({}, [older]), false, false],
    [
      "plaintext in a commit",
      report({ leaks: [{ problem: problem("not-encrypted", "error"), commit: OLDER }] }),
      true,
      true,
    ],
    [
      "what was loosened",
      report({ review: { formations: [], loosened: [{ kind: "setting", path: "s", message: "m" }] } }),
      false,
      true,
    ],
    [
      "what was loosened, with --fail-on",
      report({
        failOn: ["loosened"],
        review: { formations: [], loosened: [{ kind: "setting", path: "s", message: "m" }] },
      }),
      true,
      true,
    ],
  ];
  for (const [name, given, refused, news] of cases) {
    assert.deepEqual([isRefused(given), hasNews(given)], [refused, news], name);
    assert.equal(formatCiComment(given).startsWith(`${news ? COMMENT_MARK : RESOLVED_MARK}\n`), true, name);
    assert.equal(JSON.parse(formatCiJson(given)).refused, refused, name);
    assert.equal(formatCiText(given, PLAIN, true).length === 0, !refused || given.failOn.length > 0, `${name}, quiet`);
  }
});

test("text, and markdown with links to the commit that brought it", () => {
  const given = withFindings([finding()], {
    addressOf: (oid, path) => `https://git.example/o/r/blob/${oid}/${path}`,
    checked: report({}, [problem("name-without-value", "error"), problem("name-unreferenced", "warning")]).checked,
  });
  assert.deepEqual(formatCiText(given, PLAIN, false), [
    "pull request 12: 3 commits, aaaaaaaaaaaa..bbbbbbbbbbbb",
    "error: a.txt:1:5  groq-key: a key (commit cccccccccccc)",
    "    fingerprint 0123456789abcdef; fix: take it out",
    "error: bot/a.afs:3  name-without-value: 'X' is name-without-value",
    "    fix: F",
    "a secret that was pushed has been seen: revoke it where it was issued and put a new value in its place; taking it out is not enough",
    "scanned 2 blobs of 3 commits, 10 bytes: 1 finding",
    "checked 1 formation (values of 1 not compared: not opened): 1 error, 1 warning",
    "2 problems to mend",
  ]);
  const lines = formatCiMarkdown(given);
  assert.equal(lines[0], "### muxi-git: 2 problems to mend");
  assert.equal(
    lines[2],
    `- **error** [\`a.txt:1:5\`](https://git.example/o/r/blob/${OLDER}/a.txt#L1) groq-key: a key, in commit \`cccccccccccc\``,
  );
  assert.equal(
    lines[4],
    `- **error** [\`bot/a.afs:3\`](https://git.example/o/r/blob/${HEAD}/bot/a.afs#L3) name-without-value: \`X\` is name-without-value`,
  );
  assert.match(lines.at(-1)!, /<br>1 older warning: `npx muxi-git check`<br>muxi-git [^<]+<\/sub>$/);
  assert.match(formatCiComment(report()), /^<!-- muxi-git:ci resolved -->\n### muxi-git: resolved\n/);
});

test("a comment keeps within what GitHub takes, whatever there is to say", () => {
  const many = Array.from({ length: 5000 }, (_, at) => finding({ path: `${"ö".repeat(50)}/${at}.txt` }));
  const comment = formatCiComment(withFindings(many));
  assert.ok(comment.length <= LARGEST_COMMENT, String(comment.length));
  assert.match(comment, /^- and \d+ more$/m);
  assert.match(comment, /<\/sub>\n$/);
  assert.ok(Buffer.byteLength(formatCiMarkdown(withFindings(many), 1024 * 1024).join("\n")) <= 1024 * 1024);
  const reason = "a reason ".repeat(200_000);
  const loosened = [{ kind: "baseline", path: "b", message: reason }] as const;
  const long = report({ review: { formations: [], loosened: [...loosened] } });
  assert.ok(formatCiComment(long).length <= LARGEST_COMMENT);
  assert.match(formatCiComment(long), /\n\(cut off here: there is no room for more\)\n/);
  const annotations = formatCiAnnotations(withFindings([finding({ severity: "warning" }), ...many]));
  assert.equal(annotations.length, 10);
  for (const line of annotations) assert.match(line, /^::error file=/);
});

const HOSTILE = "::error::x`\n@team <img> www.a.b ##vso[task.x]y ##[z]\r|](http://a)\u202e<!-- muxi-git:ci -->";

test("a stranger's names command nothing, link nothing and mention nobody", () => {
  const given = withFindings([finding({ path: HOSTILE, message: HOSTILE, fix: HOSTILE })], {
    about: `push to ${HOSTILE}`,
    addressOf: (_, path) => `https://git.example/${uriOf(path)}`,
    leaks: [{ problem: problem("not-encrypted", "error", { path: HOSTILE, message: HOSTILE }), commit: OLDER }],
  });
  given.scan.notes.push(HOSTILE);
  const text = formatCiText(given, PLAIN, false);
  for (const line of [...text, ...formatCiMarkdown(given), ...formatCiJson(given).split("\n")]) {
    assert.doesNotMatch(line, /^\s*::|##[a-z]*\[|[\r\n\u202e]/);
  }
  for (const line of formatCiMarkdown(given)) {
    const outside = line.replace(/(?<!`)(`+)(?!`)(?:.*?[^`])\1(?!`)/g, "CODE");
    assert.match(outside, /^[A-Za-z0-9 ,.;:#*()[\]/%~_<>-]*$/);
    const told = outside.replace(/\]\(https:\/\/git\.example\/[^)\s]*\)/g, "]");
    assert.doesNotMatch(told, /www\.|:\/\/|<(?!\/?(?:sub|br)>)/);
  }
  for (const line of formatCiAnnotations(given)) {
    assert.match(line, /^::error file=[^:,]*,line=\d+,title=[a-z-]+ in c{12}::[^\r\n]*$/);
    assert.doesNotMatch(line, /##[a-z]*\[/);
  }
});

test("no form holds what a secret could be guessed from", () => {
  const given = withFindings([finding()]);
  const forms = [
    formatCiText(given, PLAIN, false).join("\n"),
    formatCiComment(given),
    formatCiJson(given),
    formatCiAnnotations(given).join("\n"),
    formatSarif(asFindings(given)),
    formatGitlab(asFindings(given)),
  ];
  for (const form of forms) assert.ok(form.includes("a.txt") && !form.includes(SECRET_ID));
});

test("code scanning and code quality get the problems too, each with a fingerprint that stays when its line moves", () => {
  const problems = [problem("name-without-value", "error"), problem("name-not-descriptive", "note")];
  const leaks = [{ problem: problem("not-encrypted", "error", { path: "bot/secrets.enc" }), commit: OLDER }];
  const given = report({ leaks }, problems);
  const [leak, drift, ...more] = asFindings(given).findings;
  assert.deepEqual([leak?.rule, leak?.commit, drift?.rule, more], ["not-encrypted", OLDER, "name-without-value", []]);
  const moved = asFindings(report({}, [problem("name-without-value", "error", { line: 9 })])).findings[0];
  assert.equal(moved?.fingerprint, drift?.fingerprint);
  assert.deepEqual(
    (JSON.parse(formatGitlab(asFindings(given))) as { check_name: string }[]).map(({ check_name }) => check_name),
    ["not-encrypted", "name-without-value"],
  );
});
