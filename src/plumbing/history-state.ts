/**
 * What a scan of the history has already been through, under
 * `<git common dir>/muxi-git/`, so that one that was interrupted goes on and the
 * next one reads what is new.
 *
 * The file begins with a digest of all that a verdict depends on (rules, settings,
 * formations, known values); another digest and it is begun anew. Then come
 * records of 16 bytes, a digest of an object's id and path, in which nothing was
 * found. What was found is always read again. A record that was cut short by an
 * interruption is dropped.
 *
 * A file that cannot be written is no failure: the next scan takes longer.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crypto } from "../builtin.ts";

const RECORD = 16;
const DIGEST = 64;
/** Records that wait to be written. */
const BATCH = 512;

export class HistoryState {
  readonly #done = new Set<string>();
  #file: number | undefined;
  #waiting: Buffer[] = [];

  /** @param digest - 64 hex digits. */
  constructor(commonDir: string, digest: string) {
    const folder = join(commonDir, "muxi-git");
    const path = join(folder, "history-scan");
    try {
      mkdirSync(folder, { recursive: true });
      const before = readIfThere(path);
      const goesOn = before.length >= DIGEST && before.toString("latin1", 0, DIGEST) === digest;
      const whole = goesOn ? before.length - ((before.length - DIGEST) % RECORD) : 0;
      for (let at = DIGEST; at < whole; at += RECORD) this.#done.add(before.toString("latin1", at, at + RECORD));
      this.#file = openSync(path, "a", 0o600);
      ftruncateSync(this.#file, whole);
      if (!goesOn) writeSync(this.#file, digest);
    } catch {
      this.#done.clear();
      this.#file = undefined;
    }
  }

  has(oid: string, path: string): boolean {
    return this.#done.size > 0 && this.#done.has(idOf(oid, path).toString("latin1"));
  }

  add(oid: string, path: string): void {
    if (this.#file === undefined) return;
    this.#waiting.push(idOf(oid, path));
    if (this.#waiting.length >= BATCH) this.flush();
  }

  flush(): void {
    if (this.#file === undefined || this.#waiting.length === 0) return;
    try {
      writeSync(this.#file, Buffer.concat(this.#waiting));
    } catch {
      this.close();
    }
    this.#waiting = [];
  }

  close(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) closeSync(file);
  }
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

function idOf(oid: string, path: string): Buffer {
  return crypto().createHash("sha256").update(`${oid} ${path}`).digest().subarray(0, RECORD);
}
