/**
 * What all refs hold, ever: each blob once, the messages of commits and tags.
 * Blobs are read, not patches, so what only a merge holds, what a rename carried
 * and what was deleted again is found.
 *
 * A blob is judged under the path that git names first; a finding is then told
 * with the oldest commit that brings the blob and the path it has there. A blob
 * larger than a window is scanned in windows, for rules and known values.
 */
import { sha256 } from "../builtin.ts";
import { messageOf } from "../git/message.ts";
import { firstCommits, type ObjectPiece, OVERLAP, readObjects, WINDOW } from "../git/object-stream.ts";
import { remoteCommits } from "../git/ranges.ts";
import { canBeAccepted, fingerprint, isAccepted } from "../scan/baseline.ts";
import type { Finding } from "../scan/finding.ts";
import { HistoryState } from "./history-state.ts";
import { type CommitFinding, type CommitsAt, type CommitsVerdict, STORED, type Standard } from "./judge-commits.ts";
import { judgeFile } from "./judge-file.ts";
import type { MoreVersions } from "./known.ts";
import { COMMIT_MESSAGE, scanMessage, TAG_MESSAGE } from "./scan-message.ts";
import { namedAfterSecrets, shownPath, withoutSecretName } from "./secret-names.ts";

export interface HistoryFinding extends CommitFinding {
  /** A remote-tracking ref contains the commit. */
  onRemote: boolean;
}

export interface HistoryVerdict extends Omit<CommitsVerdict, "findings" | "problems"> {
  findings: HistoryFinding[];
  /** Objects that an earlier scan went through. */
  before: number;
}

export interface HistoryOptions {
  /** Of all that a verdict depends on; null: all is read, and nothing is remembered. */
  digest: string | null;
  /** Called now and then. */
  progress?: (done: number, all: number) => void;
}

/** Every version of every secrets.enc. */
export function storedInHistory(objects: ReadonlyMap<string, string>, at: CommitsAt): MoreVersions {
  const oids = new Map<string, Set<string>>();
  for (const [oid, path] of objects) {
    if (STORED.test(path)) oids.set(path, (oids.get(path) ?? new Set()).add(oid));
  }
  return { reader: at.reader, oids };
}

/** What was found in an object before its commit is known. */
interface Hit {
  oid: string;
  type: string;
  path: string;
  findings: Finding[];
}

export async function judgeHistory(
  at: CommitsAt,
  standard: Standard,
  objects: ReadonlyMap<string, string>,
  options: HistoryOptions,
): Promise<HistoryVerdict> {
  const { topLevel, places } = at;
  const verdict: HistoryVerdict = {
    findings: [],
    notes: [],
    skipped: [],
    scanned: { files: 0, bytes: 0, commits: 0 },
    before: 0,
  };
  const state = options.digest === null ? null : new HistoryState(places.commonDir, options.digest);
  const hits: Hit[] = [];
  try {
    const left = new Map<string, string>();
    for (const [oid, path] of objects) {
      if (state?.has(oid, path)) verdict.before += 1;
      else left.set(oid, path);
    }
    let windowed: Hit | undefined;
    let startLine = 1;
    let done = 0;
    const wanted = (oid: string, type: string): boolean => type !== "tree" && left.has(oid);
    // What is left of an interrupted run is asked for by name: the packs need not be read anew.
    const asked = verdict.before === 0 ? null : [...left.keys()];
    for await (const piece of readObjects(topLevel, asked, wanted)) {
      const { oid, type, at: begins, size, bytes } = piece;
      const path = left.get(oid) ?? "";
      const last = begins + bytes.length === size;
      if (bytes.length === size) {
        const found = judgeObject(standard, piece, path);
        count(verdict, type, size);
        if (found.length === 0) state?.add(oid, path);
        else hits.push({ oid, type, path, findings: found });
      } else {
        if (begins === 0) {
          windowed = { oid, type, path, findings: [] };
          startLine = 1;
        }
        for (const finding of standard.scanner.scan(path, bytes, { startLine, ...standard.rulesAt(path) })) {
          // What stands in two windows is one.
          if (!windowed?.findings.some((one) => isSame(one, finding))) windowed?.findings.push(finding);
        }
        startLine += lineEnds(bytes, bytes.length - (last ? 0 : OVERLAP));
        if (last) {
          count(verdict, type, size);
          if (windowed !== undefined && windowed.findings.length > 0) hits.push(windowed);
          else state?.add(oid, path);
        }
      }
      if (last) {
        left.delete(oid);
        done += 1;
        options.progress?.(done + verdict.before, objects.size);
      }
    }
    const named = new Set([""]);
    for (const [oid, path] of objects) {
      if (named.has(path)) continue;
      named.add(path);
      for (const finding of namedAfterSecrets(standard.scanner, path))
        hits.push({ oid, type: "name", path, findings: [finding] });
    }
  } finally {
    state?.flush();
    state?.close();
  }
  await tell(at, standard, hits, verdict);
  return verdict;
}

function count(verdict: HistoryVerdict, type: string, size: number): void {
  if (type === "blob") verdict.scanned.files += 1;
  if (type === "commit") verdict.scanned.commits += 1;
  verdict.scanned.bytes += size;
}

function isSame(a: Finding, b: Finding): boolean {
  return a.rule === b.rule && a.secretId === b.secretId && a.name === b.name && a.line === b.line;
}

function lineEnds(bytes: Buffer, end: number): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0 && at < end; at = bytes.indexOf(10, at + 1)) lines += 1;
  return lines;
}

/** The findings of an object as a whole, as far as allow comments leave them. */
function judgeObject(
  standard: Standard,
  { type, bytes }: Pick<ObjectPiece, "type" | "bytes">,
  path: string,
): Finding[] {
  const { scanner, formations, rulesAt } = standard;
  if (type === "commit") return scanMessage(scanner, COMMIT_MESSAGE, messageOf(bytes), "git muxi status");
  if (type === "tag") return scanMessage(scanner, TAG_MESSAGE, messageOf(bytes), "git muxi status");
  if (path === "") return scanner.scan("(a blob that a ref names)", bytes);
  return judgeFile(scanner, { path, mode: "100644", bytes, formations, ...rulesAt(path) }).findings;
}

/** Findings with their first commit and path. */
async function tell(at: CommitsAt, standard: Standard, hits: readonly Hit[], verdict: HistoryVerdict): Promise<void> {
  if (hits.length === 0) return;
  const { baseline } = standard.configuration;
  const first = await firstCommits(
    at.topLevel,
    new Set(hits.filter(({ type }) => type === "blob" || type === "name").map(({ oid }) => oid)),
  );
  const remote = remoteCommits(at.topLevel);
  for (const hit of hits) {
    const seen = first.get(hit.oid);
    const commit = hit.type === "commit" ? hit.oid : seen?.commit;
    for (const finding of await findingsOf(at, standard, hit, seen?.path)) {
      const id = fingerprint(baseline.salt, finding);
      verdict.findings.push({
        finding: { ...finding, fix: fixOf(finding) },
        fingerprint: id,
        accepted: canBeAccepted(finding) && isAccepted(baseline, finding, id),
        commit: commit ?? hit.oid,
        onRemote: commit !== undefined && remote.has(commit),
      });
    }
  }
}

/** Judged under the path of the first commit, where that is another. */
async function findingsOf(
  at: CommitsAt,
  standard: Standard,
  hit: Hit,
  firstPath: string | undefined,
): Promise<Finding[]> {
  if (hit.type !== "blob" || hit.path === "") return hit.findings;
  const path = firstPath ?? hit.path;
  const bytes = await at.reader.read(hit.oid);
  if (bytes === null || bytes.length > WINDOW) {
    return hit.findings.map((finding) => ({ ...finding, path: shownPath(standard.scanner, path) }));
  }
  const again = path === hit.path ? hit.findings : judgeObject(standard, { type: "blob", bytes }, path);
  // A path without rules of its own must not make a finding of another path disappear.
  const told = again.length > 0 ? again : hit.findings.map((finding) => ({ ...finding, path }));
  const framed = standard.frames?.(path, bytes, told) ?? told;
  return withoutSecretName(standard.scanner, path, { findings: framed, allowed: [], idle: [] }).findings;
}

/** No line of the present is to be changed; a value that leaked is spent, wherever it stands now. */
function fixOf({ kind, name }: Finding): string {
  if (kind === "path") return "see what the file gave away, and revoke it where it was issued";
  return `revoke ${name === undefined ? "it" : `the value of '${name}'`} where it was issued, and put a new one in its place`;
}

/** A digest of what verdicts depend on. Known values go in together with keys, so that no guess can be tested against it. */
export function historyDigest(parts: readonly unknown[]): string {
  return sha256(JSON.stringify(parts));
}
