/** A baseline comes back; one that is malformed says which member, and repeats nothing. */
import { formatBaseline, isAccepted, parseBaseline } from "../../../src/scan/baseline.ts";
import { attempt, type FuzzTarget, law, Pieces, planted } from "../laws.ts";

export const target: FuzzTarget = {
  maxLength: 400,
  run(data) {
    const pieces = new Pieces(data);
    const structured = pieces.byte() >= 128;
    let bytes = planted(pieces.rest());
    if (structured) {
      const inner = new Pieces(bytes);
      const findings = [];
      for (let at = 0; inner.left > 0 && at < 5; at += 1) {
        const [rule, path, reason] = [inner.bytes(30), inner.bytes(30), inner.bytes(30)].map((one) =>
          one.toString("utf8"),
        );
        findings.push({ fingerprint: String(at).padStart(16, "a"), rule, path, reason });
      }
      bytes = Buffer.from(JSON.stringify({ schemaVersion: 1, salt: "s", findings }));
    }
    const result = attempt(["baseline-malformed"], () => parseBaseline(bytes));
    if ("refused" in result) return;
    const baseline = result.value;
    for (const entry of baseline.findings)
      law(isAccepted(baseline, entry, entry.fingerprint), "an entry is not accepted");
    const text = formatBaseline(baseline);
    const again = parseBaseline(Buffer.from(text));
    law(formatBaseline(again) === text, "a baseline does not come back");
    law(again.findings.length === baseline.findings.length, "an entry is lost");
  },
};
