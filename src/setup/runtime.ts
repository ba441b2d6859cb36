/**
 * What install copies to `<git common dir>/muxi-git/`, from beside the bundle
 * that is running: `dist/` of a package, or that folder itself when it is
 * `git muxi install` that runs. And which node the launcher is told to use.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, posix, sep, win32 } from "node:path";
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { isInside } from "../git/run.ts";

export interface RuntimeFile {
  /** Relative to the runtime folder, `/` as separator. */
  name: string;
  bytes: Buffer;
  executable: boolean;
}

/** The source of every hook file, `stubText` fills in the event. */
export const HOOK_STUB = "hooks/stub";

/** Files of a complete runtime that are copied; `node`, `config` and `install.json` are written. */
const COPIED: readonly { name: string; from: readonly string[]; executable: boolean; optional?: boolean }[] = [
  { name: "main.cjs", from: ["main.cjs"], executable: false },
  { name: "plumbing.cjs", from: ["plumbing.cjs"], executable: false },
  { name: "cli.cjs", from: ["cli.cjs"], executable: false },
  { name: "secrets.cjs", from: ["secrets.cjs"], executable: false },
  { name: "globs.cjs", from: ["globs.cjs"], executable: false },
  { name: "rules.bin", from: ["rules.bin"], executable: false },
  { name: "run", from: ["hooks/run", "run"], executable: true },
  // Kept for `git muxi install`, which has no package beside it.
  { name: HOOK_STUB, from: [HOOK_STUB], executable: false },
  { name: "THIRD-PARTY-NOTICES", from: ["THIRD-PARTY-NOTICES"], executable: false },
  // The shim that the husky package copies; without it husky can only be set up from a package.
  { name: "husky", from: ["husky"], executable: false, optional: true },
];

/** Written last on install and removed first: with it gone git behaves as if uninstalled. */
export const RECORD = "install.json";

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** @throws MuxiGitError `runtime-incomplete` where the package lacks a file. */
export function readRuntime(source: string): RuntimeFile[] {
  return COPIED.flatMap(({ name, from, executable, optional }) => {
    const path = from.map((candidate) => join(source, candidate)).find((candidate) => existsSync(candidate));
    if (path === undefined) {
      if (optional === true) return [];
      throw new MuxiGitError("runtime-incomplete", `this copy of muxi-git lacks '${name}'`, {
        hint: "install the package again, then run 'npx muxi-git install'",
      });
    }
    return { name, bytes: readFileSync(path), executable };
  });
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The version a program says it is, where it is a node at all. */
function nodeVersion(path: string): { major: number; minor: number } | null {
  const result = spawnSync(path, ["-p", "process.versions.node"], { timeout: 10_000, windowsHide: true });
  const match = /^(\d+)\.(\d+)\./.exec(result.stdout?.toString("utf8") ?? "");
  return match === null ? null : { major: Number(match[1]), minor: Number(match[2]) };
}

function runningVersion(): { major: number; minor: number } {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return { major, minor };
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function isSupported(version: { major: number; minor: number }): boolean {
  return version.major > 20 || (version.major === 20 && version.minor >= 19);
}

/**
 * The absolute path of node to record: `MUXI_GIT_NODE`, else the first node of
 * PATH under the name it has there (`/usr/local/bin/node` outlives the versioned
 * folder it leads to), else the node that is running. Never one in the working
 * tree or a `node_modules`, which is what a commit or an npx cache brings.
 */
export function stableNode(env: NodeJS.ProcessEnv, topLevel: string): string {
  const wanted = env.MUXI_GIT_NODE;
  if (wanted) {
    if (isAbsolute(wanted) && isExecutableFile(wanted)) return wanted;
    throw new MuxiGitError("node-unusable", `MUXI_GIT_NODE names no program: '${escapeText(wanted)}'`, {
      hint: "set it to the absolute path of a node, or unset it",
    });
  }
  for (const candidate of nodeCandidates(env, topLevel)) {
    if (!isExecutableFile(candidate)) continue;
    const version = real(candidate) === real(process.execPath) ? runningVersion() : nodeVersion(candidate);
    if (version !== null && isSupported(version)) return candidate.split(sep).join("/");
    break;
  }
  return process.execPath.split(sep).join("/");
}

/** Where PATH may have a node that no commit and no npx brought. */
export function nodeCandidates(env: NodeJS.ProcessEnv, topLevel: string, platform = process.platform): string[] {
  const way = platform === "win32" ? win32 : posix;
  return (env.PATH ?? env.Path ?? "")
    .split(way.delimiter)
    .filter((folder) => way.isAbsolute(folder) && !isInside(folder, topLevel, platform) && !/[\r\n]/.test(folder))
    .filter((folder) => !folder.split(/[/\\]/).includes("node_modules"))
    .map((folder) => way.join(folder, platform === "win32" ? "node.exe" : "node"));
}
