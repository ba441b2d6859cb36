/**
 * Files of the disk, judged one by one. A large job goes on in worker threads: one is
 * known to be large once so many bytes were read, and a thread starts in the time that
 * takes. What is found is told in the order of the files, whoever judged them.
 *
 * A thread is given settings and values in its memory, no arguments and no environment.
 */
import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { openLargeFile, readWorkingFile } from "../git/working-file.ts";
import { type PathRules, rulesByPath, scannerUnder } from "../plumbing/configuration.ts";
import type { FrameMaker } from "../plumbing/judge-commits.ts";
import { type FileVerdict, judgeFile, judgeLargeFile, LARGE_FILE } from "../plumbing/judge-file.ts";
import { withFrames } from "../report/frame.ts";
import { rulesById } from "../report/rule-descriptions.ts";
import type { Scanner } from "../scan/engine.ts";
import type { KnownEntry } from "../scan/known-values.ts";
import type { Settings } from "../settings.ts";

/** By what files are judged; plain data, so that it can be given to a thread. */
export interface Terms {
  settings: Settings;
  known: KnownEntry[];
  formations: readonly string[];
  /** Whether findings have the line that they are shown with. */
  frames: boolean;
}

/** {@link Terms}, made ready. */
export interface Judge {
  terms: Terms;
  scanner: Scanner;
  rulesAt(path: string): PathRules;
  frames: FrameMaker | undefined;
}

export interface ScannedFile {
  /** Folder that the file is read from, and its path there. */
  top: string;
  file: string;
  /** As it is shown and judged. */
  path: string;
}

export type FileResult = FileVerdict & { size: number };

export async function judgeUnder(terms: Terms): Promise<Judge> {
  const scanner = scannerUnder(terms.settings, terms.known);
  return {
    terms,
    scanner,
    rulesAt: await rulesByPath(terms.settings),
    // The rules' names are read at the first finding.
    frames: terms.frames
      ? (path, bytes, findings) =>
          findings.length === 0 ? [] : withFrames(scanner, path, bytes, findings, rulesById())
      : undefined,
  };
}

/** Bytes of a file, or of standard input. */
export function judgeBytes(judge: Judge, path: string, bytes: Buffer, rules: PathRules): FileResult {
  const { formations } = judge.terms;
  const verdict = judgeFile(judge.scanner, { path, mode: "100644", bytes, formations, ...rules });
  const findings = judge.frames?.(path, bytes, verdict.findings) ?? verdict.findings;
  return { ...verdict, findings, size: bytes.length };
}

/** Where files are read, one after the other. */
const PLACE = 4 * 1024 * 1024;
let place: Buffer | undefined;

/** Null for what is no regular file, or cannot be read. */
export function judgeOnDisk(judge: Judge, { top, file, path }: ScannedFile): FileResult | null {
  place ??= Buffer.allocUnsafeSlow(PLACE);
  const bytes = readWorkingFile(top, file, LARGE_FILE, place);
  const rules = judge.rulesAt(path);
  if (bytes !== null) return judgeBytes(judge, path, bytes, rules);
  const large = openLargeFile(top, file, LARGE_FILE);
  if (large === null) return null;
  try {
    const { size } = large;
    const { formations } = judge.terms;
    const judged = { path, mode: "100644", size, pieces: large.pieces(), formations, ...rules };
    return { ...judgeLargeFile(judge.scanner, judged), size };
  } finally {
    large.close();
  }
}

/** A job is large from here on: about what is scanned while a thread starts. */
const LARGE_JOB = 32 * 1024 * 1024;
/** Files that a thread is given at once. */
const BATCH = 64;
/** This one and another: each more takes some 60 MB, and all is to stay under 300. */
const MOST_THREADS = 2;

/** Megabytes of a thread's heap for what is short-lived: text around keywords, and little of it. */
const YOUNG = 8;

/** Call `told(file, result, done)` for each file, in order. */
export async function judgeFiles(
  judge: Judge,
  files: readonly ScannedFile[],
  told: (file: ScannedFile, result: FileResult | null, done: number) => void,
): Promise<void> {
  let bytes = 0;
  for (const [at, file] of files.entries()) {
    const threads = Math.min(availableParallelism(), MOST_THREADS, Math.floor((files.length - at) / BATCH));
    if (bytes > LARGE_JOB && threads > 1) {
      await judgeInThreads(judge, files.slice(at), threads - 1, (one, result, done) => told(one, result, at + done));
      return;
    }
    const result = judgeOnDisk(judge, file);
    bytes += result?.size ?? 0;
    told(file, result, at + 1);
  }
}

/** @param threads - beside this one. */
async function judgeInThreads(
  judge: Judge,
  files: readonly ScannedFile[],
  threads: number,
  told: (file: ScannedFile, result: FileResult | null, done: number) => void,
): Promise<void> {
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  const batches: (readonly ScannedFile[])[] = [];
  for (let at = 0; at < files.length; at += BATCH) batches.push(files.slice(at, at + BATCH));
  const results = new Map<number, (FileResult | null)[]>();
  let given = 0;
  let next = 0;
  let done = 0;
  const tell = (): void => {
    for (let batch = results.get(next); batch !== undefined; batch = results.get(next)) {
      results.delete(next);
      for (const [at, file] of batches[next]!.entries()) told(file, batch[at] ?? null, ++done);
      next += 1;
    }
  };
  const run = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      const give = (): void => {
        if (given === batches.length) resolve();
        else worker.postMessage({ batch: given, files: batches[given++] });
      };
      worker.on("error", reject);
      worker.on("exit", () => reject(new Error("a thread ended before its files")));
      worker.on("message", ({ batch, found }: { batch: number; found: (FileResult | null)[] }) => {
        results.set(batch, found);
        try {
          tell();
        } catch (error) {
          reject(error);
        }
        give();
      });
      give();
    });
  const here = async (): Promise<void> => {
    while (given < batches.length) {
      const batch = given++;
      results.set(
        batch,
        batches[batch]!.map((file) => judgeOnDisk(judge, file)),
      );
      tell();
      // Threads want their next files.
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const options = { workerData: judge.terms, env: {}, argv: [], resourceLimits: { maxYoungGenerationSizeMb: YOUNG } };
  const workers = Array.from({ length: threads }, () => new Worker(__filename, options));
  try {
    await Promise.all([...workers.map(run), here()]);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** What a thread does whose main module is the bundle that this is in. */
export async function judgeAsThread(): Promise<void> {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  const judge = await judgeUnder(workerData as Terms);
  parentPort?.on("message", ({ batch, files }: { batch: number; files: ScannedFile[] }) => {
    parentPort.postMessage({ batch, found: files.map((file) => judgeOnDisk(judge, file)) });
  });
}
