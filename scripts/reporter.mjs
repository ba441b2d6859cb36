/** Test reporter: a line per file, failures in full, and the count as the last line. */
import { relative } from "node:path";

export default async function* reporter(source) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  const perFile = new Map();
  /** Names of the suites around a test, by file: results carry only their depth. */
  const around = new Map();
  for await (const { type, data } of source) {
    if (type === "test:start") {
      const names = around.get(data.file) ?? [];
      names.length = data.nesting;
      names[data.nesting] = data.name;
      around.set(data.file, names);
    }
    if (type !== "test:pass" && type !== "test:fail") continue;
    if (data.details?.type === "suite") continue;
    // A file that could not be loaded is reported as one failed test of the file's name.
    const file = data.file ? relative(process.cwd(), data.file) : data.name;
    const outcome = type === "test:fail" ? "failed" : data.skip !== undefined ? "skipped" : "passed";
    count[outcome] += 1;
    const tally = perFile.get(file) ?? { passed: 0, failed: 0, skipped: 0, ms: 0 };
    tally[outcome] += 1;
    tally.ms += data.details?.duration_ms ?? 0;
    perFile.set(file, tally);
    const name = [...(around.get(data.file) ?? []).slice(0, data.nesting), data.name].join(": ");
    if (outcome === "failed") failures.push({ file, name, error: data.details?.error });
    if (outcome === "skipped")
      yield `skipped  ${file}: ${name}${typeof data.skip === "string" ? ` (${data.skip})` : ""}\n`;
  }
  for (const [file, tally] of perFile) {
    const mark = tally.failed > 0 ? "FAILED " : "ok     ";
    yield `${mark}  ${file}  ${tally.passed} passed${tally.failed ? `, ${tally.failed} failed` : ""}${
      tally.skipped ? `, ${tally.skipped} skipped` : ""
    }  ${Math.round(tally.ms)} ms\n`;
  }
  for (const { file, name, error } of failures) {
    const cause = error?.cause ?? error;
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause?.message ?? cause);
    yield `\nFAILED  ${file}: ${name}\n${text}\n`;
  }
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
  yield `\n${count.passed} passed, ${count.failed} failed${skipped}\n`;
}
