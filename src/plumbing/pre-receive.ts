/**
 * The pre-receive hook of a server's own repository: what pre-push asks, asked
 * where nobody can skip it. There are no keys on a server, so values are not
 * known; rules, file names and formations' plaintext are.
 *
 * What is pushed is still in quarantine (git-receive-pack(1), "QUARANTINE
 * ENVIRONMENT"): git finds it by GIT_OBJECT_DIRECTORY, which is inherited, and
 * drops it when this hook says no. Nothing is written here.
 */
import { readFileSync } from "node:fs";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { openBlobReader } from "../git/cat-file.ts";
import { findGitPlaces } from "../git/git-dir.ts";
import { parseReceived } from "../git/push.ts";
import { Keyring } from "./formation-state.ts";
import { judgePush } from "./judge-push.ts";
import { reportPush } from "./push-report.ts";

export async function preReceive(): Promise<ExitCode> {
  const updates = parseReceived(readFileSync(0));
  if (updates.length === 0) return EXIT.ok;
  const places = findGitPlaces(process.cwd());
  if (places === null) {
    throw new MuxiGitError("no-repository", "push blocked: the hook found no repository here");
  }
  // A bare repository, or one whose working tree is not looked at: both stand in their git dir.
  const at = {
    places: { ...places, topLevel: null },
    topLevel: places.gitDir,
    reader: openBlobReader(places.gitDir),
    keyring: new Keyring(places.gitDir, null),
  };
  try {
    return await reportPush(at, await judgePush(at, updates, { has: ["--not", "--all"], withKeys: false }), null);
  } finally {
    at.reader.close();
  }
}
