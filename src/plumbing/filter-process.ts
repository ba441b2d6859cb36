/**
 * The long-running filter: the protocol on stdin and stdout, the decisions of
 * clean.ts. Smudge is the identity: what is stored is what MUXI reads.
 *
 * Keys are read once a formation, not once a file: the process lives for one git
 * command, and a key that changed in between would answer half of a checkout
 * with another than the other half. Whether a folder is a formation is asked of
 * the working tree each time, since a checkout may be writing it, and of the
 * index only where a plaintext or foreign file makes it matter.
 */
import { readSync, writeSync } from "node:fs";
import { MuxiGitError } from "../errors.ts";
import { type Answer, type Channel, type FilterRequest, serveFilter } from "../git/filter-protocol.ts";
import { findGitPlaces, type GitPlaces } from "../git/git-dir.ts";
import { talk } from "../terminal.ts";
import { type CleanWorld, clean } from "./clean.ts";
import { isFormationFolder } from "./formation-folder.ts";
import { openInheritedBlobs } from "./inherited-blobs.ts";
import { type FormationKey, keyOfFormation } from "./keyring.ts";

/** Notes of one process that are shown; a refusal always is. A clone with a wrong key has one note a formation. */
const MOST_NOTES = 10;

/** `muxi-git filter-process`. @returns the exit code: 0 when git closed its end. */
export function filterProcess(): number {
  const lines = limitedTalk();
  const answer = filterAnswer(openWorld(process.cwd(), lines.say));
  try {
    serveFilter(standardChannel(), answer);
    return 0;
  } catch (error) {
    if (error instanceof BrokenPipe) return 0;
    throw error;
  } finally {
    lines.finish();
  }
}

/** Answer requests in a world. Never throws. */
export function filterAnswer(world: CleanWorld): (request: FilterRequest) => Answer {
  return ({ command, path, content }) => {
    switch (command) {
      case "clean":
        return clean(path, content, world);
      case "smudge":
        return content;
      default:
        return null;
    }
  };
}

/** The repository of `cwd`, which is its top level where git runs a filter. */
export function openWorld(cwd: string, say: (line: string) => void): CleanWorld {
  let places: GitPlaces | null | undefined;
  const keys = new Map<string, FormationKey>();
  return {
    isFormation: (folder) => isFormationFolder(folder, cwd),
    keyOf(folder) {
      let key = keys.get(folder);
      if (key === undefined) {
        places ??= findGitPlaces(cwd);
        key = keyOfFormation(folder, cwd, places);
        keys.set(folder, key);
      }
      return key;
    },
    inherited: openInheritedBlobs(cwd),
    say,
  };
}

/** Lines on stderr, the notes among them limited; errors and hints always. */
export function limitedTalk(): { say(line: string): void; finish(): void } {
  let notes = 0;
  return {
    say(line) {
      if (!/^muxi-git: (?:error|hint): /.test(line)) {
        notes += 1;
        if (notes > MOST_NOTES) return;
      }
      talk(line);
    },
    finish() {
      if (notes > MOST_NOTES) talk(`muxi-git: ${notes - MOST_NOTES} more secrets files were passed unchanged`);
    },
  };
}

/** The reader of our stdout went away: git was interrupted. */
class BrokenPipe extends Error {}

function standardChannel(): Channel {
  return { read: readInput, write: writeOutput };
}

/** Read from stdin, waiting where it does not block. @returns 0 at the end. */
export function readInput(target: Buffer): number {
  for (;;) {
    try {
      return readSync(0, target, 0, target.length, null);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw new MuxiGitError("filter-io", `cannot read from git (${code ?? "unknown"})`);
      pause();
    }
  }
}

/** Write all to stdout. @throws BrokenPipe where nobody reads it any more. */
export function writeOutput(bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(1, bytes, done, bytes.length - done);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EPIPE") throw new BrokenPipe();
      if (code !== "EAGAIN") throw new MuxiGitError("filter-io", `cannot write to git (${code ?? "unknown"})`);
      pause();
    }
  }
}

/** A millisecond, for descriptors that somebody made non-blocking. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}
