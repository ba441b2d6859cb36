/** `key export`: print the key on request, or give it to the store that a reference names, and read it back. */
import type { Invocation } from "../cli.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { shellQuote } from "../invocation.ts";
import { type ProgramOptions, type ProgramResult, runProgram } from "../key-stores/program.ts";
import { type ProgramCall, parseReference, type StoringCalls } from "../key-stores/reference.ts";
import { fitOf, isSealed, sealedVersions } from "../plumbing/key-fit.ts";
import { formatKey, type Key, keyFingerprint, sameKey } from "../secrets/key.ts";
import { out, talk } from "../terminal.ts";
import { openFormation } from "./formation-place.ts";
import { filledIn, ownKey, readKey, shownFormation } from "./key-input.ts";

export interface KeyExportOptions extends Invocation {
  formation?: string;
  to?: string;
  dryRun: boolean;
}

export async function keyExport(options: KeyExportOptions): Promise<ExitCode> {
  const place = await openFormation(options, options.formation);
  const reference = options.to === undefined ? null : parseReference(filledIn(options.to, place.path));
  const key = ownKey(place);
  const versions = sealedVersions(place);
  if (isSealed(versions) && fitOf(key, versions) === null) {
    talk(`muxi-git: warning: this key does not open the secrets of ${shownFormation(place.path)}`);
  }
  if (reference === null) {
    out(options.dryRun ? `would print the key ${keyFingerprint(key)}` : formatKey(key));
    return EXIT.ok;
  }
  const { text, program, reading } = reference;
  const shown = escapeText(text);
  if (options.dryRun) {
    out(`would store the key ${keyFingerprint(key)} in ${shown}, with '${program}'`);
    return EXIT.ok;
  }
  const at = { env: options.env, topLevel: place.topLevel };
  await store(program, reference.storing(formatKey(key)), text, at);
  const back = await runProgram(program, reading, at);
  if (back.code !== 0 || !isKey(back.stdout, key)) {
    throw new MuxiGitError("not-stored", `'${program}' took the key and gives another for ${shown}`, {
      hint: `look at it by hand: ${[program, ...reading.args].map(shellQuote).join(" ")}`,
    });
  }
  out(`stored the key ${keyFingerprint(key)} in ${shown}, and read it back`);
  return EXIT.ok;
}

async function store(program: string, calls: StoringCalls, text: string, at: ProgramOptions): Promise<void> {
  const run = async (call: ProgramCall): Promise<ProgramResult> => await runProgram(program, call, at);
  if (calls.unless !== undefined && (await run(calls.unless)).code === 0) {
    throw new MuxiGitError(
      "exists",
      `${escapeText(text)} is there already, and '${program}' changes it on its command line only`,
      {
        hint: "remove it first, or name another",
      },
    );
  }
  let stored = await run(calls);
  if (stored.code !== 0 && calls.orElse?.when.test(stored.said)) stored = await run(calls.orElse.call);
  if (stored.code === 0) return;
  throw new MuxiGitError(
    "program-failed",
    `'${program}' did not store the key (exit code ${stored.code}): ${stored.said}`,
    {
      hint: `see that you are signed in: ${program} --help`,
    },
  );
}

function isKey(given: Buffer, key: Key): boolean {
  try {
    return sameKey(readKey(given), key);
  } catch {
    return false;
  }
}
