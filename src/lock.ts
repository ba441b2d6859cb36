/**
 * One at a time: installs of a repository (`npm install` in a monorepo can start
 * several), changes of its secrets. The lock is a file that says who holds it; it
 * appears whole, by a hard link, so an empty one is nobody's.
 *
 * A holder that was killed leaves it. Where it ran here, on this machine, since
 * this boot and in this process namespace, its id is looked up, and the time
 * that process started, since ids are given again. Of a holder elsewhere, in a
 * container or on another host, an id says nothing: its lock is stale when it
 * has not changed for as long as this process has looked, whatever the clocks
 * say. A holder renews it at every file it writes.
 */
import { linkSync, lstatSync, readFileSync, readlinkSync, renameSync, utimesSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive, isFailureOfLinks, makeFile, removeQuietly, sweepTemporaries, temporaryName } from "./durable-file.ts";
import { MuxiGitError } from "./errors.ts";
import { escapeText } from "./escape.ts";

/** How long one holder is waited for; of many in a row, each is given as long. */
const WAIT_MS = 30_000;
/** A lock of a holder that cannot be looked up is stale when unchanged for so long. */
const UNCHANGED_MS = 20_000;
/** Two who find the same stale lock: the slower one may take the new lock of the faster for it, this long after. */
const SETTLE_MS = 40;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Held {
  /** Tell those who wait that the holder is at work. */
  renew(): void;
  /**
   * Whether the lock is this process's still: one who took it for a dead holder's may have had it in hand for a moment,
   * and a third have come in. Asked before what cannot be done twice.
   */
  isHeld(): boolean;
  /** @throws MuxiGitError `interrupted` where a signal came in. Answers after pending signals are seen. */
  checkInterrupted(): Promise<void>;
}

interface Seen {
  ino: number;
  mtimeMs: number;
  text: string;
}

/** A lock that this tool takes. */
export interface LockFile {
  /** Absolute; exists. */
  folder: string;
  /** Of the file in it. */
  name: string;
  /** Code of the error where it cannot be had. */
  code: string;
  /** Message of that error where somebody else holds it. */
  busy: string;
}

/** Of `install` and `uninstall`. */
export function installLock(commonDir: string): LockFile {
  const busy = "another install or uninstall is running in this repository";
  return { folder: commonDir, name: "muxi-git.lock", code: "install-locked", busy };
}

/**
 * A signal that comes in while `work` runs is kept back until it ends, one way
 * or the other, and then ends this process as it would have at once.
 *
 * @throws MuxiGitError the lock's code, `unwritable`, and what `work` throws.
 */
export async function withLock<T>(lock: LockFile, work: (held: Held) => Promise<T>): Promise<T> {
  const path = join(lock.folder, lock.name);
  sweepTemporaries(lock.folder);
  let signal: NodeJS.Signals | undefined;
  const keep = (name: NodeJS.Signals): void => {
    signal ??= name;
  };
  const checkInterrupted = async (): Promise<void> => {
    await signalsSeen();
    if (signal !== undefined) throw new MuxiGitError("interrupted", "interrupted, nothing was changed");
  };
  // Before the lock is made: a signal between the two would leave it, and its temporary file.
  for (const name of SIGNALS) process.on(name, keep);
  try {
    await take(path, lock, checkInterrupted);
    try {
      return await work({ renew: () => renew(path), isHeld: () => isMine(path, lock), checkInterrupted });
    } finally {
      if (isMine(path, lock)) removeQuietly(path);
    }
  } finally {
    await signalsSeen();
    for (const name of SIGNALS) process.off(name, keep);
    if (signal !== undefined) process.kill(process.pid, signal);
  }
}

/** Node runs handlers between two turns of its loop; the first turn may be one that has looked already. */
async function signalsSeen(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) {
    await new Promise((done) => {
      setImmediate(done);
    });
  }
}

async function take(path: string, lock: LockFile, checkInterrupted: () => Promise<void>): Promise<void> {
  let deadline = Date.now() + WAIT_MS;
  let watched: Seen | null = null;
  let since = Date.now();
  for (;;) {
    if (make(path)) return;
    const seen = look(path, lock);
    if (seen === null) continue;
    if (watched === null || !isSame(seen, watched)) {
      if (watched !== null && seen.text !== watched.text) deadline = Date.now() + WAIT_MS;
      watched = seen;
      since = Date.now();
    }
    const holder = holderState(seen.text);
    if (holder === "gone" || (holder === "unknown" && Date.now() - since > UNCHANGED_MS)) {
      if (setAside(path, seen, lock) && make(path)) {
        const mine = look(path, lock);
        await sleep(SETTLE_MS);
        const now = look(path, lock);
        if (mine !== null && now !== null && isSame(mine, now)) return;
      }
      continue;
    }
    if (Date.now() > deadline) {
      throw new MuxiGitError(lock.code, lock.busy, {
        hint: `try again; if none is running, remove '${escapeText(path)}'`,
      });
    }
    await sleep(50);
    await checkInterrupted();
  }
}

/** @returns whether the lock is ours now. */
function make(path: string): boolean {
  const temporary = join(path, "..", temporaryName());
  try {
    makeFile(temporary, lockText(), 0o600, false);
    try {
      linkSync(temporary, path);
    } catch (error) {
      if (!isFailureOfLinks(error)) throw error;
      makeFile(path, lockText(), 0o600, false);
    }
    return true;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
    if (code === "EEXIST") return false;
    throw new MuxiGitError("unwritable", `cannot write in '${escapeText(join(path, ".."))}' (${code})`, { cause });
  } finally {
    removeQuietly(temporary);
  }
}

/** The lock as it is; null where it is gone. @throws MuxiGitError its code where it is no lock of ours. */
function look(path: string, lock: LockFile): Seen | null {
  try {
    const stat = lstatSync(path);
    if (!stat.isFile()) {
      throw new MuxiGitError(lock.code, `'${escapeText(path)}' is in the way: it is no file of muxi-git's`, {
        hint: "move it away, then try again",
      });
    }
    return { ino: stat.ino, mtimeMs: stat.mtimeMs, text: readFileSync(path, "latin1").slice(0, 4096) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    if (error instanceof MuxiGitError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    throw new MuxiGitError(lock.code, `cannot read '${escapeText(path)}' (${code})`, { cause: error });
  }
}

function isMine(path: string, lock: LockFile): boolean {
  return look(path, lock)?.text === lockText();
}

function isSame(a: Seen, b: Seen): boolean {
  return a.ino === b.ino && a.mtimeMs === b.mtimeMs && a.text === b.text;
}

/** Take a stale lock out of the way; a live one that came in its place is put back. @returns whether it was stale. */
function setAside(path: string, stale: Seen, lock: LockFile): boolean {
  const aside = join(path, "..", temporaryName());
  try {
    renameSync(path, aside);
  } catch {
    return false;
  }
  const taken = look(aside, lock);
  if (taken !== null && isSame(taken, stale)) {
    removeQuietly(aside);
    return true;
  }
  try {
    linkSync(aside, path);
  } catch {
    // Somebody else has it by now: the one we took it from finds out while it settles.
  }
  removeQuietly(aside);
  return false;
}

interface Holder {
  pid: number;
  /** Host, boot and process namespace: where the id means something. */
  where: string;
  /** When the process started, in the system's own count; null where that cannot be asked. */
  started: string | null;
}

let ownText: string | undefined;

/** What this process's lock says. */
function lockText(): string {
  if (ownText === undefined) {
    const holder: Holder = { pid: process.pid, where: whereProcessesCount(), started: startOf(process.pid) };
    ownText = `${JSON.stringify(holder)}\n`;
  }
  return ownText;
}

function holderState(text: string): "alive" | "gone" | "unknown" {
  let holder: Partial<Holder> | null;
  try {
    holder = JSON.parse(text) as Partial<Holder> | null;
  } catch {
    return "unknown";
  }
  const { pid, where, started } = holder ?? {};
  if (!Number.isInteger(pid) || pid === undefined || pid <= 0 || where !== whereProcessesCount()) return "unknown";
  if (!isAlive(pid)) return "gone";
  return typeof started === "string" && startOf(pid) !== started ? "gone" : "alive";
}

function whereProcessesCount(): string {
  const parts = [hostname()];
  for (const ask of [
    () => readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim(),
    () => readlinkSync("/proc/self/ns/pid"),
  ]) {
    try {
      parts.push(ask());
    } catch {
      // No Linux.
    }
  }
  return parts.join(" ");
}

/** Field 22 of proc(5) `stat`; the name in field 2 may hold anything but ends at the last parenthesis. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

function renew(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // It is of use to those who wait elsewhere only.
  }
}
