/**
 * Blobs out of one `git cat-file --batch`, asked for by oid only: a name such
 * as `:0:path` keeps the first index the process read, and an abbreviated oid
 * can be a tag's name.
 *
 * Answers come as `<oid> SP <type> SP <size> LF <bytes> LF`, or
 * `<object> SP missing LF` (git-cat-file(1), "BATCH OUTPUT").
 */
import { spawn } from "node:child_process";
import { MuxiGitError } from "../errors.ts";
import { gitEnvironment, gitExecutable } from "./run.ts";

const LF = 10;
const OID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export interface BlobReader {
  /**
   * The bytes of one object; null where it is not here (a partial clone, or a
   * batch that died on it). Objects are read in the order they are asked for.
   */
  read(oid: string): Promise<Buffer | null>;
  close(): void;
}

/** One long-lived `cat-file --batch`. It starts at the first read. */
export function openBlobReader(cwd: string): BlobReader {
  let child: ReturnType<typeof spawn> | undefined;
  let waiting: { oid: string; done(bytes: Buffer | null): void; fail(error: Error): void }[] = [];
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  /** Size of the object being read, or -1 while its header is awaited. */
  let size = -1;
  let closed = false;

  function start(): ReturnType<typeof spawn> {
    const process = spawn(gitExecutable(), ["cat-file", "--batch"], {
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
    child.stdin?.write(`${request.oid}\n`);
    if (closed) child.stdin?.end();
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
    read(oid) {
      if (!OID.test(oid)) throw new MuxiGitError("git-failed", "an object id from git is malformed");
      return new Promise((done, fail) => ask({ oid, done, fail }));
    },
    close() {
      closed = true;
      child?.stdin?.end();
    },
  };
}
