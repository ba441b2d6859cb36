/**
 * Built-in modules of node that cost milliseconds to load, loaded at their first
 * use: together they are a good part of what a hook may take in all, and most
 * commits need neither.
 */
let cryptoModule: typeof import("node:crypto") | undefined;
let childProcessModule: typeof import("node:child_process") | undefined;

export function crypto(): typeof import("node:crypto") {
  cryptoModule ??= process.getBuiltinModule("node:crypto");
  return cryptoModule;
}

export function childProcess(): typeof import("node:child_process") {
  childProcessModule ??= process.getBuiltinModule("node:child_process");
  return childProcessModule;
}

/** SHA-256 of bytes or UTF-8 text, hex. */
export function sha256(data: Uint8Array | string): string {
  return crypto().createHash("sha256").update(data).digest("hex");
}
