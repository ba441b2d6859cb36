/**
 * The objects that all refs reach, and their bytes in one stream: a history is
 * larger than memory, so no more than one window of one object is held.
 *
 * `rev-list --objects --all` names each object and, of blobs and trees, one path
 * (git-rev-list(1)); blobs are listed, not patches, so what only a merge holds is
 * there. `cat-file --batch-all-objects --unordered` answers in the order of the
 * packs, which spares git most of the work of undoing deltas, and repeats none.
 * A partial clone lacks objects: they are passed over, and never fetched.
 */
import { Buffer } from "node:buffer";
import type { Readable } from "node:stream";
import { childProcess } from "../builtin.ts";
import { MuxiGitError } from "../errors.ts";
import { decodePath, OID } from "./entries.ts";
import { gitEnvironment, gitExecutable } from "./run.ts";

const LF = 10;
/** Largest piece of an object that is held, in bytes. */
export const WINDOW = 32 * 1024 * 1024;
/** How much of a piece the next one repeats: longer than what any rule looks at. */
export const OVERLAP = 64 * 1024;

export interface ObjectPiece {
  oid: string;
  type: string;
  /** All of the object, or a window of a large one. Valid until the next piece is asked for. */
  bytes: Buffer;
  /** Where the piece begins. */
  at: number;
  /** Bytes of the whole object. */
  size: number;
}

/** A git process whose output is read as it comes. */
function start(args: readonly string[], cwd: string, input?: string): { output: Readable; ended: Promise<void> } {
  const child = childProcess().spawn(gitExecutable(), args, {
    cwd,
    env: gitEnvironment(),
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "ignore"],
    windowsHide: true,
  });
  const verb = args[0] ?? "";
  const ended = new Promise<void>((done, fail) => {
    child.on("error", (cause) => fail(new MuxiGitError("git-failed", `'git ${verb}' could not be run`, { cause })));
    child.on("close", (code, signal) =>
      code === 0 ? done() : fail(new MuxiGitError("git-failed", `'git ${verb}' ended with ${code ?? signal}`)),
    );
  });
  // Awaited at the end; until then a failure is no unhandled one.
  ended.catch(() => undefined);
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
  return { output: child.stdout as Readable, ended };
}

/** What comes between two ends of records, those of a chunk at once; valid until the next are asked for. */
async function* recordsOf(chunks: AsyncIterable<Buffer>, end: number): AsyncGenerator<Buffer[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const records: Buffer[] = [];
    let from = 0;
    for (let at = bytes.indexOf(end); at >= 0; at = bytes.indexOf(end, from)) {
      records.push(bytes.subarray(from, at));
      from = at + 1;
    }
    yield records;
    rest = bytes.subarray(from);
  }
}

export interface Reachable {
  /** By oid, the path that git gives it; `""` for commits and what a ref names itself. */
  objects: Map<string, string>;
  /** Objects that this clone lacks. */
  missing: number;
}

/** Every object that a ref reaches. */
export async function reachableObjects(cwd: string): Promise<Reachable> {
  const { output, ended } = start(["rev-list", "--objects", "--all", "--missing=print"], cwd);
  const objects = new Map<string, string>();
  let missing = 0;
  for await (const lines of recordsOf(output, LF)) {
    for (const line of lines) {
      // `?<oid>`
      if (line[0] === 0x3f) missing += 1;
      const space = line.indexOf(32);
      const oid = line.toString("latin1", 0, space < 0 ? line.length : space);
      if (OID.test(oid)) objects.set(oid, space < 0 ? "" : decodePath(line.subarray(space + 1)));
    }
  }
  await ended;
  return { objects, missing };
}

/**
 * The bytes of objects.
 *
 * @param oids - which ones; null for all that are here, in the order of the packs.
 * @param wanted - whether an object is handed out; the bytes of others are passed over.
 */
export async function* readObjects(
  cwd: string,
  oids: readonly string[] | null,
  wanted: (oid: string, type: string) => boolean,
  window = WINDOW,
): AsyncGenerator<ObjectPiece> {
  const { output, ended } =
    oids === null
      ? start(["cat-file", "--batch", "--buffer", "--batch-all-objects", "--unordered"], cwd)
      : start(["cat-file", "--batch", "--buffer"], cwd, oids.map((oid) => `${oid}\n`).join(""));
  yield* parseObjects(output as AsyncIterable<Buffer>, wanted, window);
  await ended;
}

/** `<oid> SP <type> SP <size> LF <bytes> LF`, or `<oid> SP missing LF`, in chunks cut anywhere. */
export async function* parseObjects(
  chunks: AsyncIterable<Buffer>,
  wanted: (oid: string, type: string) => boolean,
  window = WINDOW,
  overlap = OVERLAP,
): AsyncGenerator<ObjectPiece> {
  let header = "";
  let object: { oid: string; type: string; size: number } | undefined;
  /** Bytes of the object that have come, and of those the ones held. */
  let come = 0;
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const given of chunks) {
    let chunk = given;
    while (chunk.length > 0) {
      if (object === undefined) {
        const end = chunk.indexOf(LF);
        header += chunk.toString("latin1", 0, end < 0 ? chunk.length : end);
        if (end < 0) break;
        chunk = chunk.subarray(end + 1);
        const [oid = "", type = "", size] = header.split(" ");
        header = "";
        if (type === "missing" || type === "ambiguous") continue;
        if (!OID.test(oid) || !/^[0-9]+$/.test(size ?? "")) {
          throw new MuxiGitError("git-failed", "the output of 'git cat-file' is malformed");
        }
        object = { oid, type, size: Number(size) };
        come = 0;
        held = [];
        heldBytes = 0;
      }
      const { oid, type, size }: { oid: string; type: string; size: number } = object;
      const keep = wanted(oid, type);
      const room = keep ? Math.min(size - come, window - heldBytes) : size - come;
      const taken = chunk.subarray(0, room);
      chunk = chunk.subarray(taken.length);
      come += taken.length;
      if (keep && taken.length > 0) {
        held.push(taken);
        heldBytes += taken.length;
      }
      if (keep && heldBytes > 0 && (come === size || heldBytes === window)) {
        const bytes: Buffer = held.length === 1 ? held[0]! : Buffer.concat(held, heldBytes);
        yield { oid, type, bytes, at: come - heldBytes, size };
        held = come === size ? [] : [Buffer.from(bytes.subarray(bytes.length - overlap))];
        heldBytes = come === size ? 0 : overlap;
      }
      // The object's bytes are followed by one LF.
      if (come === size && chunk.length > 0) {
        chunk = chunk.subarray(1);
        object = undefined;
      }
    }
  }
}

export interface FirstSeen {
  commit: string;
  path: string;
}

/**
 * The oldest commit that brings each of some blobs, and the path it has there.
 * Only asked where there is something to say: it compares all commits' trees.
 */
export async function firstCommits(cwd: string, blobs: ReadonlySet<string>): Promise<Map<string, FirstSeen>> {
  const first = new Map<string, FirstSeen>();
  if (blobs.size === 0) return first;
  const list = start(["rev-list", "--all", "--topo-order", "--reverse"], cwd);
  const parts: Buffer[] = [];
  for await (const chunk of list.output as AsyncIterable<Buffer>) parts.push(chunk);
  await list.ended;
  const args = ["diff-tree", "--stdin", "-r", "-m", "--root", "--raw", "-z", "--no-renames", "--no-abbrev"];
  const { output, ended } = start(args, cwd, Buffer.concat(parts).toString("latin1"));
  let commit = "";
  let blob: string | null = null;
  for await (const records of recordsOf(output, 0)) {
    for (const record of records) {
      if (blob !== null) {
        if (blobs.has(blob) && !first.has(blob)) first.set(blob, { commit, path: decodePath(record) });
        blob = null;
      } else if (record[0] === 0x3a) {
        // `:100644 100644 <old> <new> M`, then the path.
        blob = record.toString("latin1").split(" ")[3] ?? "";
      } else commit = record.toString("latin1");
    }
  }
  await ended;
  return first;
}
