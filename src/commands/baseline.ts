/** `baseline accept`: record a finding that the team decided to live with. */
import type { Invocation } from "../cli.ts";
import { writeFileDurably } from "../durable-file.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { findFormations } from "../formation/discover.ts";
import { indexSnapshot, type Snapshot, workingTreeSnapshot } from "../git/snapshot.ts";
import { readStaged } from "../git/staged.ts";
import { readForRewrite } from "../git/working-file.ts";
import { pathWord } from "../invocation.ts";
import { judgeFile } from "../plumbing/judge-file.ts";
import { formationPaths, gatherKnown } from "../plumbing/known.ts";
import {
  BASELINE_FILE,
  type Baseline,
  canBeAccepted,
  EMPTY_BASELINE,
  fingerprint as fingerprintOf,
  formatBaseline,
  isAccepted,
  parseBaseline,
} from "../scan/baseline.ts";
import { createScanner } from "../scan/engine.ts";
import type { Finding } from "../scan/finding.ts";
import { buildKnownValues } from "../scan/known-values.ts";
import { out } from "../terminal.ts";
import { IN_A_CLONE, openContext, type RepositoryContext } from "./repository-context.ts";

export interface BaselineAcceptOptions extends Invocation {
  fingerprint: string;
  reason: string;
  dryRun: boolean;
}

export async function baselineAccept(options: BaselineAcceptOptions): Promise<ExitCode> {
  const { fingerprint, reason } = options;
  if (!/^[0-9a-f]{16}$/.test(fingerprint)) {
    throw new MuxiGitError("bad-fingerprint", "a fingerprint is 16 hex digits, as the report prints it");
  }
  if (!/\p{L}\p{L}/u.test(reason)) throw new MuxiGitError("no-reason", "the reason must say something");
  const context = openContext(options, { workTreeOr: IN_A_CLONE });
  try {
    const { disk, bytes, mode } = readForRewrite(context.topLevel, BASELINE_FILE);
    const baseline = bytes === null ? EMPTY_BASELINE : parseBaseline(bytes);
    // The fingerprint is looked up, not believed: a typing error would accept nothing and say it did.
    const finding = await locate(context, baseline, fingerprint);
    const others = baseline.findings.filter((entry) => entry.fingerprint !== fingerprint);
    if (finding === null ? others.length < baseline.findings.length : isAccepted(baseline, finding, fingerprint)) {
      out(`${fingerprint} was accepted before`);
      return EXIT.ok;
    }
    if (finding === null) {
      throw new MuxiGitError("unknown-finding", `no finding ${fingerprint} in what is staged or in the working tree`);
    }
    if (!canBeAccepted(finding)) {
      throw new MuxiGitError(
        "not-acceptable",
        `'${escapeText(finding.path)}' holds a key, and a key is never accepted`,
        {
          hint: finding.fix,
        },
      );
    }
    const { rule, path } = finding;
    const next: Baseline = { ...baseline, findings: [...others, { fingerprint, rule, path, reason }] };
    if (!options.dryRun) writeFileDurably(disk, formatBaseline(next), mode);
    out(`${options.dryRun ? "would accept" : "accepted"} ${fingerprint}: ${rule} in ${escapeText(path)}`);
    if (!options.dryRun && !options.quiet) out(`next: git add -- ${pathWord(BASELINE_FILE)}`);
    return EXIT.ok;
  } finally {
    context.reader.close();
  }
}

/** The finding with this fingerprint, in the index or in the working tree. */
async function locate(context: RepositoryContext, baseline: Baseline, wanted: string): Promise<Finding | null> {
  const { topLevel, places, reader, keyring } = context;
  const index = indexSnapshot((await readStaged(places, topLevel)).index, reader);
  const working = workingTreeSnapshot(topLevel);
  const formations = formationPaths(findFormations(index.entries.keys()), findFormations(working.entries.keys()));
  const known = await gatherKnown(formations, [index, working], keyring, topLevel);
  // Exempt names are looked for as well: what is being accepted may be one of them.
  const scanner = createScanner({ known: buildKnownValues(known, { publicNames: new Set() }) });
  for (const snapshot of [index, working] satisfies Snapshot[]) {
    for (const [path, { mode }] of snapshot.entries) {
      const bytes = await snapshot.read(path);
      if (bytes === null) continue;
      const { findings } = judgeFile(scanner, { path, mode, bytes, formations, rulesApply: true });
      const found = findings.find((finding) => fingerprintOf(baseline.salt, finding) === wanted);
      if (found !== undefined) return found;
    }
  }
  return null;
}
