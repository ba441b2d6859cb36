/** Where the shared vectors and formations stand, or null where this checkout has none beside it. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export function sharedFile(...parts: string[]): string | null {
  const path = join(dirname(PROJECT), "shared", ...parts);
  return existsSync(path) ? path : null;
}

export const SHARED_ABSENT = "the shared vectors are not beside this checkout";
