/** A known value is found whatever surrounds it; findings stand in order, in the file, and repeat no secret. */
import { applyAllowComments } from "../../../src/scan/allow.ts";
import { toScannable, viewsOf } from "../../../src/scan/decode.ts";
import { createScanner } from "../../../src/scan/engine.ts";
import type { Finding } from "../../../src/scan/finding.ts";
import { buildKnownValues } from "../../../src/scan/known-values.ts";
import { fakeGroqKey } from "../../support/fake.ts";
import { assertNoLeak, type FuzzTarget, law, Pieces, PLANT, planted } from "../laws.ts";

const TOKEN = fakeGroqKey("fuzz");
const scanner = createScanner({
  known: buildKnownValues([{ formation: "", name: "PLANTED", kind: "value", value: PLANT }], {
    publicNames: new Set(),
  }),
});

function assertFindings(findings: readonly Finding[], bytes: Buffer): void {
  const lines = Math.max(...viewsOf(bytes).map((view) => Buffer.from(view).toString("latin1").split("\n").length));
  let before = { line: 0, column: 0 };
  for (const finding of findings) {
    law(finding.line >= 1 && finding.endLine >= finding.line && finding.endLine <= lines, "a finding beyond the file");
    law(finding.column >= 1 && finding.endColumn >= 1, "a column before the first");
    law(finding.line > before.line || finding.column >= before.column, "findings are out of order");
    before = finding;
    assertNoLeak(JSON.stringify({ ...finding, secretId: "" }), "a finding");
    law(!JSON.stringify(finding).includes(TOKEN.slice(4, 16)), "a finding repeats a token");
  }
}

function found(bytes: Buffer): Finding[] {
  const findings = scanner.scan("a.txt", bytes);
  assertFindings(findings, bytes);
  return findings;
}

export const target: FuzzTarget = {
  maxLength: 300,
  run(data) {
    const pieces = new Pieces(data);
    const kind = pieces.byte();
    const before = pieces.bytes(100);
    const rest = pieces.rest();
    // 0x1e stands for a token of a provider, 0x1f for the allow comment.
    const text = planted(rest)
      .toString("latin1")
      .replaceAll("\x1e", TOKEN)
      .replaceAll("\x1f", "muxi-git:allow groq-api-key reason");
    const bytes = Buffer.concat([before, Buffer.from(text, "latin1")]);
    const findings = found(bytes);
    if (before.length === 0) toScannable(bytes);

    const { kept, allowed, ineffective } = applyAllowComments(findings, bytes);
    law(kept.length + allowed.length === findings.length, "a finding is neither kept nor allowed");
    for (const one of allowed) {
      law(one.finding.rule !== "known-value" || one.finding.severity !== "error", "a known value is allowed");
      assertNoLeak(one.reason, "a reason");
      law(!one.reason.includes(TOKEN), "a reason repeats a token");
    }
    for (const one of ineffective) assertNoLeak(one.why, "a remark");

    // The value on a line of its own, in one of the forms it is pasted in.
    const forms = [
      Buffer.from(`\n${PLANT}\n`),
      Buffer.from(`\n${Buffer.from(PLANT).toString("base64")}\n`),
      Buffer.from(
        `
${PLANT}
`,
        "utf16le",
      ),
      Buffer.from(`\n${Buffer.from(PLANT).toString("hex")}\n`),
    ];
    const whole = Buffer.concat([before, forms[kind % forms.length]!, Buffer.from(text, "latin1")]);
    law(
      found(whole).some((one) => one.rule === "known-value" && one.name === "PLANTED"),
      "a known value is missed",
    );
  },
};
