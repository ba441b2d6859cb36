/**
 * `normalize`: rewrite secrets files into the canonical form and stage them.
 *
 * The working tree's file and the staged blob are each rewritten from their own
 * secrets, so that what was not staged stays so. Staging goes by
 * `hash-object --no-filters` and `update-index --cacheinfo`: the filter answers
 * the blob of the index where it holds the same secrets, so `git add` would
 * change nothing.
 */
import type { Invocation } from "../cli.ts";
import { writeFileDurably } from "../durable-file.ts";
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { MODE_SYMLINK } from "../git/entries.ts";
import { indexBits, indexEntries, stageBytes } from "../git/index-entry.ts";
import { tryGit } from "../git/run.ts";
import { workingTreeSnapshot } from "../git/snapshot.ts";
import { type Rewritable, readForRewrite } from "../git/working-file.ts";
import { formationsOf } from "../plumbing/formation-state.ts";
import { encryptedPath } from "../plumbing/known.ts";
import { withSecretsLock } from "../plumbing/secrets-store.ts";
import { canonicalToken } from "../secrets/canonical.ts";
import { parseAssignments, parseSecrets, type Secrets } from "../secrets/json.ts";
import { type Key, keyFingerprint } from "../secrets/key.ts";
import { classifyStored, openStored } from "../secrets/stored-form.ts";
import { out, talk } from "../terminal.ts";
import { IN_A_CLONE, openContext, type RepositoryContext, selectFormations } from "./repository-context.ts";

export interface NormalizeOptions extends Invocation {
  paths: readonly string[];
  dryRun: boolean;
}

/** What the bytes of a secrets.enc become: nothing to do, new bytes, or the reason why not. */
type Outcome =
  | { kind: "same" }
  | { kind: "rewrite"; bytes: Buffer; from: string }
  | { kind: "refused"; reason: string };

export async function normalize(options: NormalizeOptions): Promise<ExitCode> {
  const context = openContext(options, { workTreeOr: IN_A_CLONE });
  const formations = selectFormations(
    options,
    context.topLevel,
    formationsOf(workingTreeSnapshot(context.topLevel)),
    options.paths,
  );
  let refused = 0;
  let rewritten = 0;
  let leftAlone = 0;
  try {
    for (const { path } of formations) {
      const file = encryptedPath(path);
      const result = options.dryRun
        ? await normalizeFile(context, path, file, true)
        : await withSecretsLock(context, () => normalizeFile(context, path, file, false));
      if (result === null) continue;
      for (const line of result.done)
        out(`${options.dryRun ? "would rewrite" : "rewrote"} ${escapeText(file)} (${line})`);
      if (result.leftAlone !== undefined && !options.quiet)
        talk(`left alone: ${escapeText(file)}: ${result.leftAlone}`);
      if (result.refused !== null) talk(`muxi-git: error: cannot normalize '${escapeText(file)}': ${result.refused}`);
      rewritten += result.done.length > 0 ? 1 : 0;
      refused += result.refused === null ? 0 : 1;
      leftAlone += result.leftAlone === undefined ? 0 : 1;
    }
  } finally {
    // A git that is left open keeps this process from ending, whatever failed.
    context.reader.close();
  }
  // Rewritten files have new times: without this the next status reads each again.
  if (rewritten > 0 && !options.dryRun) tryGit(["update-index", "-q", "--refresh"], { cwd: context.topLevel });
  if (rewritten + refused + leftAlone === 0 && !options.quiet) out("every secrets file is in canonical form");
  return refused > 0 ? EXIT.failed : EXIT.ok;
}

async function normalizeFile(
  context: RepositoryContext,
  formation: string,
  file: string,
  dryRun: boolean,
): Promise<{ done: string[]; refused: string | null; leftAlone?: string } | null> {
  const { topLevel, keyring, reader } = context;
  const entries = indexEntries(topLevel, file);
  if (entries.some((entry) => entry.mode === MODE_SYMLINK)) return null;
  const bits = indexBits(topLevel, file);
  if (bits.skipWorktree) return { done: [], refused: null, leftAlone: "it is outside the sparse checkout" };
  let rewritable: Rewritable;
  try {
    rewritable = readForRewrite(topLevel, file);
  } catch (error) {
    if (error instanceof MuxiGitError) return { done: [], refused: error.message };
    throw error;
  }
  const working = rewritable.bytes;
  if (working === null && entries.length === 0) return null;
  if (entries.some((entry) => entry.stage !== 0)) return { done: [], refused: "it has an unresolved merge conflict" };
  const key = keyring.of(formation);
  if (key.state !== "ok")
    return { done: [], refused: key.state === "missing" ? "no key is here" : `its key is ${key.state}` };

  const done: string[] = [];
  const onDisk = working === null ? null : canonicalOf(working, key.key);
  if (onDisk?.kind === "refused") return { done, refused: onDisk.reason };
  const [entry] = entries;
  const blob = entry === undefined ? null : await reader.read(entry.oid);
  const staged = blob === null ? null : canonicalOf(blob, key.key);

  if (onDisk?.kind === "rewrite") {
    if (!dryRun) writeFileDurably(rewritable.disk, onDisk.bytes, rewritable.mode);
    done.push(`working tree, ${onDisk.from}`);
  }
  const next = staged?.kind === "rewrite" ? staged.bytes : null;
  if (next !== null) {
    if (!dryRun) stageBytes(topLevel, file, next, entry, bits.assumeUnchanged);
    done.push("staged");
  } else if (entry === undefined && working !== null && !isIgnored(topLevel, file)) {
    if (!dryRun) stageBytes(topLevel, file, onDisk?.kind === "rewrite" ? onDisk.bytes : working, undefined, false);
    done.push("staged, it was untracked");
  }
  return { done, refused: staged?.kind === "refused" ? `what is staged: ${staged.reason}` : null };
}

function isIgnored(topLevel: string, file: string): boolean {
  return tryGit(["check-ignore", "-q", "--stdin", "-z"], { cwd: topLevel, input: `${file}\0` }).code === 0;
}

function canonicalOf(bytes: Buffer, key: Key): Outcome {
  const rewrite = (secrets: Secrets, from: string): Outcome => ({
    kind: "rewrite",
    bytes: canonicalToken(secrets, key),
    from,
  });
  const kind = classifyStored(bytes);
  switch (kind) {
    case "empty":
      return { kind: "refused", reason: "it is empty" };
    case "conflict-markers":
      return { kind: "refused", reason: "it has conflict markers" };
    case "other":
      return { kind: "refused", reason: "it is neither a token nor a set of secrets" };
    case "plaintext-assignments":
    case "plaintext-json":
      try {
        const secrets = kind === "plaintext-json" ? parseSecrets(bytes) : parseAssignments(bytes);
        return secrets === null
          ? { kind: "refused", reason: "its lines are not all NAME=value" }
          : rewrite(secrets, "it was plaintext");
      } catch (error) {
        // Of ours, names at most: the parsers' messages hold no values.
        if (error instanceof MuxiGitError) return { kind: "refused", reason: error.message };
        throw error;
      }
    case "token": {
      const opened = openStored(bytes, [key]);
      if (opened.failure === "wrong-key") {
        return { kind: "refused", reason: `the key here (${keyFingerprint(key)}) does not open it` };
      }
      if (opened.failure !== undefined) return { kind: "refused", reason: opened.message };
      return opened.canonical ? { kind: "same" } : rewrite(opened.secrets, "it was another writer's token");
    }
  }
}
