/** Composite actions as GitHub's runner carries their steps out: expressions into the environment, the script by bash. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { Ran, TempRepo } from "./repo.ts";

interface Step {
  if?: string;
  shell: string;
  env: Record<string, string>;
  run: string;
}

export interface Action {
  inputs: Record<string, { default: string }>;
  steps: Step[];
}

export function readAction(file: string): Action {
  const { inputs, runs } = parse(readFileSync(file, "utf8")) as {
    inputs: Action["inputs"];
    runs: Record<string, unknown>;
  };
  assert.equal(runs.using, "composite");
  return { inputs, steps: runs.steps as Step[] };
}

/**
 * @param context - what expressions name: `github.action_path`, `inputs.range`.
 * @param env - of the job.
 */
export function runStep(
  repo: TempRepo,
  { inputs, steps }: Action,
  at: number,
  context: Record<string, string>,
  env: Record<string, string>,
): Ran {
  const step = steps[at]!;
  assert.equal(step.shell, "bash");
  assert.ok(!step.run.includes("${{"), "an expression in a script is text that anybody may have written");
  const meant = (name: string): string => {
    const value = context[name] ?? inputs[name.replace(/^inputs\./, "")]?.default;
    assert.ok(value !== undefined, `no value for ${name}`);
    return filled(value);
  };
  const filled = (text: string): string => text.replace(/\$\{\{ (\S+) \}\}/g, (_, name: string) => meant(name));
  const own = Object.entries(step.env).map(([name, text]) => [name, filled(text)]);
  const script = join(repo.base, "step.sh");
  writeFileSync(script, step.run);
  // docs.github.com, "Workflow syntax", `shell: bash`.
  const options = ["--noprofile", "--norc", "-eo", "pipefail"];
  return repo.tryWith({ env: { ...env, ...Object.fromEntries(own) } }, "bash", ...options, script);
}
