/** The findings that a commit introduces: in the blobs and file names it adds, absent from every parent. */

import { MuxiGitError } from "../errors.ts";
import type { BlobReader } from "../git/cat-file.ts";
import { MODE_SYMLINK, type RawChange, ZERO_OID } from "../git/entries.ts";
import { tryGit } from "../git/run.ts";
import { newBlob } from "../git/staged.ts";
import type { Finding } from "../scan/finding.ts";
import type { KnownEntry } from "../scan/known-values.ts";
import type { CommitContext } from "./commit-context.ts";
import { rulesByPath, scannerUnder } from "./configuration.ts";
import { type FileVerdict, judgeFile, notesOf } from "./judge-file.ts";
import { namedAfterSecrets, shownPath, withoutSecretName } from "./secret-names.ts";

export interface ScanResult {
  findings: Finding[];
  older: number;
  notes: string[];
  scanned: { files: number; bytes: number };
  skipped: { path: string; reason: string }[];
}

export async function scanChanges(
  context: CommitContext,
  changes: readonly RawChange[],
  known: readonly KnownEntry[],
  formations: readonly string[],
): Promise<ScanResult> {
  const { settings } = context.configuration;
  const scanner = scannerUnder(settings, known);
  const rulesAt = await rulesByPath(settings);
  const judge = (path: string, mode: string, bytes: Buffer): FileVerdict =>
    withoutSecretName(scanner, path, judgeFile(scanner, { path, mode, bytes, formations, ...rulesAt(path) }));

  const result: ScanResult = { findings: [], older: 0, notes: [], scanned: { files: 0, bytes: 0 }, skipped: [] };
  const suspects = new Map<string, Finding[]>();
  const blobs = changes.flatMap((change) => {
    const blob = newBlob(change);
    return blob === null ? [] : [{ ...blob, path: change.path }];
  });
  // Asked for ahead, read one after the other: at most a few blobs are in memory at once.
  for await (const { path, mode, bytes } of readAhead(blobs, context.reader)) {
    if (bytes === null) {
      // What cannot be read cannot be called clean. In a partial clone it came from the remote, and is there already.
      if (!isPartialClone(context.topLevel)) {
        throw new MuxiGitError("object-unreadable", `the staged blob of '${shownPath(scanner, path)}' cannot be read`, {
          hint: "git fsck",
        });
      }
      result.skipped.push({ path: shownPath(scanner, path), reason: "its blob is not in this partial clone" });
      continue;
    }
    if (!context.parents.some((parent) => parent.entries.has(path)))
      result.findings.push(...namedAfterSecrets(scanner, path));
    result.scanned.files += 1;
    result.scanned.bytes += bytes.length;
    const verdict = judge(path, mode, bytes);
    result.notes.push(...notesOf(verdict));
    if (verdict.findings.length > 0) suspects.set(path, verdict.findings);
  }
  for (const { path, reason } of result.skipped) result.notes.push(`'${path}' was not scanned: ${reason}`);
  if (suspects.size === 0) return result;

  const earlier = await earlierSecrets(context, [...suspects.keys()], judge);
  for (const [path, findings] of suspects) {
    for (const finding of findings) {
      if (earlier(path, finding)) result.older += 1;
      else result.findings.push(finding);
    }
  }
  return result;
}

export function isPartialClone(cwd: string): boolean {
  return tryGit(["config", "--get-regexp", "^(extensions\\.partialclone|remote\\..*\\.promisor)$"], { cwd }).code === 0;
}

/** Blobs in order, a few asked for ahead of the one in hand. */
async function* readAhead<T extends { oid: string; path: string; mode: string }>(
  wanted: readonly T[],
  reader: BlobReader,
): AsyncGenerator<T & { bytes: Buffer | null }> {
  const AHEAD = 16;
  const asked: Promise<Buffer | null>[] = [];
  for (const [at, item] of wanted.entries()) {
    while (asked.length < wanted.length && asked.length <= at + AHEAD) {
      const { oid, path, mode } = wanted[asked.length]!;
      asked.push(reader.read(oid, mode === MODE_SYMLINK ? undefined : path));
    }
    const bytes = await asked[at]!;
    asked[at] = Promise.resolve(null);
    yield { ...item, bytes };
  }
}

/**
 * Whether a finding stood in a parent's version of its file, or in a file that
 * this commit deletes (a rename is a deletion and an addition).
 */
async function earlierSecrets(
  context: CommitContext,
  paths: readonly string[],
  judge: (path: string, mode: string, bytes: Buffer) => FileVerdict,
): Promise<(path: string, finding: Finding) => boolean> {
  const { index, parents } = context;
  const seen = await Promise.all(
    parents.map(async (parent) => {
      const deleted = [...parent.entries.keys()].filter((path) => !index.entries.has(path));
      const inFile = new Map<string, Set<string>>();
      for (const path of new Set([...paths, ...deleted])) {
        const entry = parent.entries.get(path);
        if (entry?.oid == null || ZERO_OID.test(entry.oid)) continue;
        const bytes = await context.reader.read(entry.oid);
        if (bytes === null) continue;
        const secrets = new Set(judge(path, entry.mode, bytes).findings.map(identity));
        if (secrets.size > 0) inFile.set(path, secrets);
      }
      const gone = new Set(deleted.flatMap((path) => [...(inFile.get(path) ?? [])]));
      return (path: string, id: string) => inFile.get(path)?.has(id) === true || gone.has(id);
    }),
  );
  return (path, finding) => seen.some((stood) => stood(path, identity(finding)));
}

function identity(finding: Finding): string {
  return `${finding.rule} ${finding.secretId}`;
}
