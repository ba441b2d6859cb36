/** A small formation with secrets, for situations. */
import { randomBytes } from "node:crypto";
import { openToken, sealToken } from "../../src/secrets/fernet.ts";
import { parseSecrets, type Secrets } from "../../src/secrets/json.ts";
import { type Key, parseKey } from "../../src/secrets/key.ts";
import { fakeKey, opaque } from "./fake.ts";
import type { TempRepo } from "./repo.ts";

/** The JSON that MUXI's Go CLI writes for plain ASCII values. */
export function goJson(secrets: Record<string, string>): string {
  const sorted = Object.fromEntries(Object.entries(secrets).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify(sorted, null, 2).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
}

/** A token as MUXI writes it: random IV, the present time. Twice the same secrets are never the same bytes. */
export function freshToken(key: string, plaintext: string): Buffer {
  return sealToken(Buffer.from(plaintext), parseKey(Buffer.from(key)), {
    iv: randomBytes(16),
    timestamp: Math.floor(Date.now() / 1000),
  });
}

export function openWith(key: string | Key, token: Uint8Array): Secrets | null {
  const plaintext = openToken(token, typeof key === "string" ? parseKey(Buffer.from(key)) : key);
  return plaintext === null ? null : parseSecrets(plaintext);
}

export interface MadeFormation {
  folder: string;
  key: string;
  secrets: Record<string, string>;
  /** Repository path of a file of the formation. */
  at(name: string): string;
}

/** Values that block wherever they appear. */
export function someSecrets(seed = "formation"): Record<string, string> {
  return {
    OPENAI_API_KEY: `val-${opaque(28, `${seed}/openai`)}`,
    BRAVE_SEARCH_API_KEY: `val-${opaque(24, `${seed}/brave`)}`,
  };
}

/** Write formation, template, key and a fresh secrets.enc; nothing is added or committed. */
export function writeFormation(repo: TempRepo, folder = "", secrets = someSecrets(folder)): MadeFormation {
  const key = fakeKey();
  const at = (name: string) => (folder === "" ? name : `${folder}/${name}`);
  const references = Object.keys(secrets)
    .map((name) => `    ${name.toLowerCase().replace(/_api_key$/, "")}: "\${{ secrets.${name} }}"`)
    .join("\n");
  repo.write(at("formation.afs"), `schema: "1.0.0"\nid: made-up\nllm:\n  api_keys:\n${references}\n`);
  repo.write(
    at("secrets"),
    Object.keys(secrets)
      .map((name) => `${name}=\n`)
      .join(""),
  );
  repo.write(at(".key"), key, 0o600);
  repo.write(at("secrets.enc"), freshToken(key, goJson(secrets)), 0o600);
  return { folder, key, secrets, at };
}
