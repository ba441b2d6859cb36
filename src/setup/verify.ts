/** The last step of install: what was set up is asked to run. Nothing is written, the index is not refreshed. */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { fileIn } from "../formation/discover.ts";
import { checkAttributes } from "../git/attributes.ts";
import type { ConfigEntry } from "../git/config.ts";
import { driverSettings, lastEntry } from "../git/config.ts";
import { blobOid } from "../git/object-id.ts";
import type { Repository } from "../git/repository.ts";
import { gitFailed } from "../git/run.ts";
import { tool } from "../invocation.ts";
import { VERSION } from "../version.ts";
import type { Situation } from "./detect.ts";
import { type HookState, hookState, readHookSites } from "./hooks.ts";
import { findRule, wrongAttributes } from "./overrides.ts";
import { describeOverride, type InstallPlan } from "./plan.ts";
import { inTemporaryFolder } from "./scratch.ts";

/** Shaped like a token, opened by no key. */
const PROBE_TOKEN = `gAAAAA${"B".repeat(114)}`;
/** Plaintext without a secret: the filter encrypts or refuses it, it never passes it through. */
const PROBE_PLAINTEXT = "{}\n";

/**
 * @returns the hooks as git will run them; one that will not is the caller's to report.
 * @throws MuxiGitError where the launcher, a driver, an attribute or the filter does not do its work.
 */
export async function verify(plan: InstallPlan, situation: Situation): Promise<HookState[]> {
  const { repository, runtime } = situation;
  verifyLauncher(join(runtime, "run"), repository);
  const settings = await repository.settings();
  verifyDrivers(plan, settings);
  const paths = situation.folders.map((folder) => fileIn(folder, "secrets.enc"));
  const wrong = wrongAttributes(checkAttributes(paths, { cwd: repository.topLevel, env: repository.env }))[0];
  if (wrong !== undefined) {
    throw new MuxiGitError("foreign-attributes", describeOverride({ ...wrong, rule: findRule(wrong, repository) }));
  }
  const first = paths[0];
  if (first !== undefined) verifyFilter(first, repository);
  const events = situation.hooks.map((site) => site.event);
  return readHookSites(events, repository, settings).map((site) =>
    hookState(site, situation.configHooks, repository.env),
  );
}

/** @throws MuxiGitError `launcher-failed`. */
function verifyLauncher(run: string, repository: Repository): void {
  const result = spawnSync(run, ["--version"], {
    cwd: repository.topLevel,
    env: repository.env,
    timeout: 30_000,
    windowsHide: true,
  });
  const said = result.stdout?.toString("utf8").trim() ?? "";
  if (result.status === 0 && said === VERSION) return;
  const reason = result.stderr
    ?.toString("utf8")
    .split("\n")
    .find((line) => line.trim() !== "");
  throw new MuxiGitError(
    "launcher-failed",
    `the installed copy does not run${reason === undefined ? "" : `: ${escapeText(reason.slice(0, 300))}`}`,
    {
      hint: "set MUXI_GIT_NODE to the absolute path of a node of version 20.19 or later, then install again",
      cause: result.error,
    },
  );
}

function verifyDrivers(plan: InstallPlan, settings: readonly ConfigEntry[]): void {
  for (const { key, value } of driverSettings(plan.drivers)) {
    if (key.endsWith(".event")) continue;
    const entry = lastEntry(settings, key);
    if (entry?.value === value) continue;
    throw new MuxiGitError("foreign-driver", `'${escapeText(key)}' does not take effect`, {
      hint:
        entry === undefined
          ? "git does not read the included file: look at include.path in the repository's config"
          : `remove it from '${escapeText(entry.origin.replace(/^file:/, ""))}', then run '${tool("install")}'`,
    });
  }
}

/** @throws MuxiGitError `filter-failed`. */
function verifyFilter(path: string, repository: Repository): void {
  const failed = (why: string): MuxiGitError =>
    new MuxiGitError("filter-failed", `the filter does not work on '${escapeText(path)}': ${why}`, {
      hint: "nothing was installed; please report this with the output of 'git version'",
    });
  inTemporaryFolder((folder) => {
    const probes = [PROBE_TOKEN, PROBE_PLAINTEXT].map((bytes, at) => {
      const file = join(folder, String(at));
      writeFileSync(file, bytes, { mode: 0o600 });
      return file;
    });
    // One filter process judges both: an oid for the token, then one of another blob for the plaintext, or a refusal.
    const result = repository.try(["hash-object", `--path=${path}`, "--", ...probes]);
    const [token = "", plain = ""] = result.stdout.toString("latin1").split("\n");
    if (token === "") throw failed(escapeText(gitFailed(["hash-object"], result.code, result.stderr).message));
    if (plain === blobOid(Buffer.from(PROBE_PLAINTEXT), token.length)) throw failed("it lets plaintext pass");
  });
}
