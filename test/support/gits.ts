/**
 * The gits to try: the one in PATH (or `MUXI_GIT_TEST_GIT`), and those that
 * `MUXI_GIT_TEST_GITS` names, absolute paths in a colon list. A test that tries
 * several has the version in its name, and a version that nobody gave is said.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter } from "node:path";
import type { TestContext } from "node:test";

export interface Git {
  /** Absolute; null is the one in PATH. */
  path: string | null;
  /** `2.39` */
  version: string;
  /** `2.39` as 2039, to be compared. */
  number: number;
}

/** Versions that the README promises: the oldest that is supported, and those of current distributions. */
const PROMISED = ["2.30", "2.39", "2.47", "2.55"] as const;

export const SLOW = process.env.SLOW === "1";
/** Option `skip` of a test that is a further case of what others try every day. */
export const NOT_EVERY_DAY = SLOW ? false : "tried with SLOW=1";

let known: Git[] | undefined;

/** @throws Error where one that was named is not there or is no git: silence would look like success. */
export function gitsToTry(): readonly Git[] {
  known ??= ["", ...(process.env.MUXI_GIT_TEST_GITS ?? "").split(delimiter).filter((path) => path !== "")].map(
    (path) => {
      if (path !== "" && !existsSync(path)) throw new Error(`MUXI_GIT_TEST_GITS names no file: ${path}`);
      const program = path || process.env.MUXI_GIT_TEST_GIT || "git";
      const found = /(\d+)\.(\d+)/.exec(spawnSync(program, ["version"], { encoding: "utf8" }).stdout ?? "");
      if (found === null) throw new Error(`no git: ${program}`);
      const [version, major, minor] = found;
      return { path: path === "" ? null : path, version, number: Number(major) * 1000 + Number(minor) };
    },
  );
  return known.filter((git, at, all) => all.findIndex((other) => other.version === git.version) === at);
}

export interface Trying {
  /** The oldest git that can do this at all, as `Git.number`. */
  from?: number;
  /** Reason to skip wherever it runs. */
  skip?: string | false;
  /** On every git every day: what differs between them most. */
  always?: boolean;
  /** Only with `SLOW=1`: a further case of what another test tries every day. */
  slow?: boolean;
}

export type Body = (t: TestContext, git: Git) => void | Promise<void>;
type Register = (
  name: string,
  options: { skip: string | false },
  body: (t: TestContext) => void | Promise<void>,
) => void;

/**
 * Tests on several gits: all of them with `SLOW=1`, every day one of them,
 * another from test to test, so that each git and each test is tried daily.
 *
 * @param register - calls node's `test`: a failure is reported under the file of that call.
 */
export function triedOnGits(register: Register): (name: string, how: Trying | Body, body?: Body) => void {
  let turn = 0;
  const versions = gitsToTry().map((git) => git.version);
  for (const version of PROMISED) {
    if (!versions.includes(version))
      register(`git ${version}`, { skip: "not tried: MUXI_GIT_TEST_GITS names none of this version" }, () => undefined);
  }
  return (name, given, rest) => {
    const how = typeof given === "function" ? {} : given;
    const body = typeof given === "function" ? given : rest!;
    const able = gitsToTry().filter((git) => git.number >= (how.from ?? 0));
    if (able.length === 0) {
      const wanted = `${Math.floor((how.from ?? 0) / 1000)}.${(how.from ?? 0) % 1000}`;
      register(name, { skip: `no git ${wanted} or later here; name one in MUXI_GIT_TEST_GITS` }, () => undefined);
      return;
    }
    if (how.slow === true && !SLOW) {
      register(name, { skip: NOT_EVERY_DAY }, () => undefined);
      return;
    }
    const chosen = SLOW || how.always ? able : [able[turn++ % able.length]!];
    for (const git of chosen)
      register(`${name} (git ${git.version})`, { skip: how.skip ?? false }, (t) => body(t, git));
  };
}
