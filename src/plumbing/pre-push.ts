/**
 * The pre-push hook: every commit that the remote lacks, as the other hooks
 * would have judged it. Rebase, cherry-pick, revert, am and `--no-verify` pass
 * those by; nothing passes this one on its way out. Silent where nothing is wrong.
 */
import { readFileSync } from "node:fs";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { openBlobReader } from "../git/cat-file.ts";
import { findGitPlaces } from "../git/git-dir.ts";
import { parsePushed, pushedByFramework } from "../git/push.ts";
import { Keyring } from "./formation-state.ts";
import type { CommitsAt } from "./judge-commits.ts";
import { judgePush } from "./judge-push.ts";
import { reportPush } from "./push-report.ts";
import { findHere } from "./ways-out.ts";

/** @param args - the remote's name, or its URL where it has none; its URL. */
export async function prePush([name, url]: readonly string[]): Promise<ExitCode> {
  const input = readFileSync(0);
  const framework = input.length === 0 ? pushedByFramework(process.env) : null;
  const updates = framework ?? parsePushed(input);
  if (updates.length === 0) return EXIT.ok;
  const places = findGitPlaces(process.cwd());
  if (places === null) {
    throw new MuxiGitError("no-repository", "push blocked: the hook found no repository here");
  }
  const topLevel = places.topLevel ?? places.gitDir;
  const at: CommitsAt = { places, topLevel, reader: openBlobReader(topLevel), keyring: new Keyring(topLevel, places) };
  const remote = framework === null ? name : process.env.PRE_COMMIT_REMOTE_NAME;
  const address = framework === null ? url : process.env.PRE_COMMIT_REMOTE_URL;
  try {
    const refs = await judgePush(at, updates, {
      has: whatRemoteHas(remote, address),
      withKeys: places.topLevel !== null,
    });
    return await reportPush(at, refs, places.topLevel === null ? null : findHere(topLevel));
  } finally {
    at.reader.close();
  }
}

/**
 * What was fetched from the remote, or pushed there, it has. A push by URL names
 * no remote: then only the old ends of the refs are known. `--stdin` takes no
 * notice of a `--not` before it.
 */
export function whatRemoteHas(name: string | undefined, url: string | undefined): string[] {
  const isName = name !== undefined && name !== "" && name !== url && !/[*?[\\\s]/.test(name);
  return isName ? ["--not", `--remotes=${name}`] : [];
}
