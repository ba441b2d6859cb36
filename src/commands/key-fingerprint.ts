/** `key fingerprint`: what tells keys apart, safe to print and to compare between people. */
import { EXIT, type ExitCode } from "../errors.ts";
import { keyFingerprint as fingerprintOf } from "../secrets/key.ts";
import { out } from "../terminal.ts";
import { openFormation } from "./formation-place.ts";
import { givenKey, type KeyInput, ownKey } from "./key-input.ts";

export interface KeyFingerprintOptions extends KeyInput {
  formation?: string;
}

export async function keyFingerprint(options: KeyFingerprintOptions): Promise<ExitCode> {
  const key = givenKey(options) ?? ownKey(await openFormation(options, options.formation));
  out(fingerprintOf(key));
  return EXIT.ok;
}
