/**
 * Blobs, mostly out of one `git cat-file --batch`, asked for by oid only: a name such
 * as `:0:path` keeps the first index the process read, and an abbreviated oid
 * can be a tag's name.
 *
 * Where a file of the working tree hashes to the oid that is asked for, it is
 * that blob, and no process is needed: starting git costs a hook as much as all
 * the scanning of a small commit.
 *
 * Answers come as `<oid> SP <type> SP <size> LF <bytes> LF`, or
 * `<object> SP missing LF` (git-cat-file(1), "BATCH OUTPUT").
 */
import type { ChildProcess } from "node:child_process";
import { childProcess } from "../builtin.ts";
import { MuxiGitError } from "../errors.ts";
import { OID } from "./entries.ts";
import { blobOid } from "./object-id.ts";
import { gitEnvironment, gitExecutable } from "./run.ts";
import { readWorkingFile } from "./working-file.ts";

const LF = 10;
export interface BlobReader {
  /**
   * The bytes of one object; null where it is not here (a partial clone, or a
   * batch that died on it). Objects are read in the order they are asked for.
   *
   * @param path - a repository path that may hold the same bytes on disk.
   */
  read(oid: string, path?: string): Promise<Buffer | null>;
  close(): void;
}

/**
 * Blobs in the output of `cat-file --batch` that is all there. What is cut short
 * or malformed ends the list: it is then asked for like any other.
 */
export function parseBatch(output: Buffer): Map<string, Buffer> {
  const blobs = new Map<string, Buffer>();
  for (let at = 0; at < output.length; ) {
    const headerEnd = output.indexOf(LF, at);
    if (headerEnd < 0) return blobs;
    const [oid = "", type, length] = output.toString("latin1", at, headerEnd).split(" ");
    if (type === "missing") {
      at = headerEnd + 1;
      continue;
    }
    const end = headerEnd + 1 + Number(length);
    if (!OID.test(oid) || type !== "blob" || !(end < output.length)) return blobs;
    blobs.set(oid, output.subarray(headerEnd + 1, end));
    at = end + 1;
  }
  return blobs;
}

/** Largest file that is hashed to see whether it is the blob, in bytes. */
const HASHED_AT_MOST = 1024 * 1024;

/**
 * One long-lived `cat-file --batch`. It starts at the first read that needs it.
 *
 * @param known - blobs that were read before, by oid.
 */
export function openBlobReader(cwd: string, known: ReadonlyMap<string, Buffer> = new Map()): BlobReader {
  let child: ChildProcess | undefined;
  let waiting: { oid: string; done(bytes: Buffer | null): void; fail(error: Error): void }[] = [];
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  /** Size of the object being read, or -1 while its header is awaited. */
  let size = -1;
  let closed = false;
  /** Not written yet. */
  let asking = "";

  function start(): ChildProcess {
    const process = childProcess().spawn(gitExecutable(), ["cat-file", "--batch"], {
      cwd,
      env: gitEnvironment(),
      stdio: ["pipe", "pipe", "ignore"],
      windowsHide: true,
    });
    process.stdout?.on("data", (chunk: Buffer) => {
      pending.push(chunk);
      pendingBytes += chunk.length;
      advance();
    });
    process.stdin?.on("error", () => undefined);
    process.on("error", (cause) => end(new MuxiGitError("git-failed", "'git cat-file' could not be run", { cause })));
    process.on("close", () => end(null));
    return process;
  }

  /**
   * The process ended. In a partial clone one missing blob kills the batch: that
   * one counts as missing, and what was asked for after it goes to a new process.
   */
  function end(error: MuxiGitError | null): void {
    child = undefined;
    asking = "";
    pending = [];
    pendingBytes = 0;
    size = -1;
    const left = waiting;
    waiting = [];
    if (error !== null) {
      for (const request of left) request.fail(error);
      return;
    }
    left.shift()?.done(null);
    for (const request of left) ask(request);
  }

  function ask(request: { oid: string; done(bytes: Buffer | null): void; fail(error: Error): void }): void {
    child ??= start();
    waiting.push(request);
    if (asking === "") queueMicrotask(send);
    asking += `${request.oid}\n`;
  }

  /** What was asked for at once goes in one write: each is a system call. */
  function send(): void {
    const lines = asking;
    asking = "";
    child?.stdin?.write(lines);
    if (closed) child?.stdin?.end();
  }

  function take(length: number): Buffer {
    const whole = pending.length === 1 ? pending[0]! : Buffer.concat(pending, pendingBytes);
    const rest = whole.subarray(length);
    pending = rest.length > 0 ? [rest] : [];
    pendingBytes = rest.length;
    return whole.subarray(0, length);
  }

  function headerEnd(): number {
    if (pending.length > 1) pending = [Buffer.concat(pending, pendingBytes)];
    return pending[0]?.indexOf(LF) ?? -1;
  }

  function advance(): void {
    for (;;) {
      const request = waiting[0];
      if (request === undefined) return;
      if (size < 0) {
        const end = headerEnd();
        if (end < 0) return;
        const [, type, length] = take(end + 1)
          .toString("latin1", 0, end)
          .split(" ");
        if (type === "missing" || type === "ambiguous") {
          waiting.shift();
          request.done(null);
          continue;
        }
        size = Number(length);
      }
      // The object's bytes are followed by one LF.
      if (pendingBytes < size + 1) return;
      const bytes = take(size + 1).subarray(0, size);
      size = -1;
      waiting.shift();
      request.done(bytes);
    }
  }

  return {
    async read(oid, path) {
      if (!OID.test(oid)) throw new MuxiGitError("git-failed", "an object id from git is malformed");
      const held = known.get(oid);
      if (held !== undefined) return held;
      if (path !== undefined) {
        const bytes = readWorkingFile(cwd, path, HASHED_AT_MOST);
        if (bytes !== null && blobOid(bytes, oid.length) === oid) return bytes;
      }
      return await new Promise((done, fail) => ask({ oid, done, fail }));
    },
    close() {
      closed = true;
      if (asking === "") child?.stdin?.end();
    },
  };
}
