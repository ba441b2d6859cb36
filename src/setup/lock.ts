/**
 * One install or uninstall at a time in a repository: `npm install` in a
 * monorepo can start several. The lock is a file with the holder's process id;
 * one whose process is gone, or that is older than any install takes, is stale.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";

const WAIT_MS = 30_000;
const STALE_MS = 120_000;

/** @throws MuxiGitError `install-locked`, `unwritable`, and what `work` throws. */
export async function withInstallLock<T>(commonDir: string, work: () => Promise<T>): Promise<T> {
  const path = join(commonDir, "muxi-git.lock");
  const deadline = Date.now() + WAIT_MS;
  while (!take(path)) {
    if (isStale(path)) rmSync(path, { force: true });
    else if (Date.now() > deadline) {
      throw new MuxiGitError("install-locked", "another install or uninstall is running in this repository", {
        hint: `try again; if none is running, remove '${escapeText(path)}'`,
      });
    } else await sleep(50);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: "wx", mode: 0o600 });
    return true;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
    if (code === "EEXIST") return false;
    throw new MuxiGitError("unwritable", `cannot write in '${escapeText(join(path, ".."))}' (${code})`, { cause });
  }
}

function isStale(path: string): boolean {
  try {
    if (Date.now() - statSync(path).mtimeMs > STALE_MS) return true;
    const pid = Number(readFileSync(path, "utf8"));
    // Just made, its number not written yet.
    if (!Number.isInteger(pid) || pid <= 0) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === "ESRCH";
  }
}
