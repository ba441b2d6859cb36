/**
 * node:crypto, loaded at its first use. Loading it costs several milliseconds, a good part of what a hook may take
 * in all, and a commit that touches no formation needs none of it.
 */
let loaded: typeof import("node:crypto") | undefined;

export function crypto(): typeof import("node:crypto") {
  loaded ??= process.getBuiltinModule("node:crypto");
  return loaded;
}
