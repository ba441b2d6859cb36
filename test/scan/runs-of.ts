import { findKeywords } from "../../src/scan/keyword-search.ts";
import { compileRules } from "../../src/scan/rule-table.ts";
import { Runs } from "../../src/scan/runs.ts";

const { keywords, everywhere } = compileRules([]);

/** The runs of base64 digits in some bytes, as the scanner sees them. */
export function runsOf(bytes: Uint8Array): Runs {
  const runs = new Runs(bytes);
  findKeywords(
    keywords,
    everywhere,
    bytes,
    0,
    bytes.length,
    () => undefined,
    (place) => runs.add(place),
  );
  return runs;
}
