/**
 * What a push moves: the lines that git gives to pre-push and pre-receive, and
 * which commits the other side lacks.
 *
 * Sources: githooks(5), "pre-push" and "pre-receive".
 */
import { MuxiGitError } from "../errors.ts";
import { OID, ZERO_OID } from "./entries.ts";
import { headerField } from "./message.ts";
import { gitFailed, tryGit } from "./run.ts";

/** A ref that is created or moved. Deletions hold nothing. */
export interface RefUpdate {
  /** Where it is pushed from: a full ref name, `HEAD`, or what the person typed; at the receiving end the ref itself. */
  source: string;
  /** The ref at the remote. */
  target: string;
  oid: string;
  /** What the remote has there; null for a new ref. */
  old: string | null;
}

function update(source: string, oid: string, target: string, old: string): RefUpdate | null {
  if (!OID.test(oid) || !OID.test(old)) throw malformed();
  return ZERO_OID.test(oid) ? null : { source, target, oid, old: ZERO_OID.test(old) ? null : old };
}

function malformed(): MuxiGitError {
  return new MuxiGitError("push-malformed", "push blocked: git said what is pushed in a form that is not understood");
}

function parseLines(input: Buffer, fields: number, read: (words: string[]) => RefUpdate | null): RefUpdate[] {
  return input
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => {
      const words = line.split(" ");
      // What a person typed as source may hold blanks: `:/some words`.
      if (words.length < fields) throw malformed();
      return read(words) ?? [];
    });
}

/** `<local ref> SP <local oid> SP <remote ref> SP <remote oid> LF`. @throws MuxiGitError `push-malformed` */
export function parsePushed(input: Buffer): RefUpdate[] {
  return parseLines(input, 4, (words) => {
    const [oid = "", target = "", old = ""] = words.slice(-3);
    return update(words.slice(0, -3).join(" "), oid, target, old);
  });
}

/** `<old oid> SP <new oid> SP <ref> LF`. @throws MuxiGitError `push-malformed` */
export function parseReceived(input: Buffer): RefUpdate[] {
  return parseLines(input, 3, ([old = "", oid = "", ...ref]) => update(ref.join(" "), oid, ref.join(" "), old));
}

/**
 * The Python pre-commit framework reads stdin itself and says the same in
 * variables, one ref at a time: https://pre-commit.com/#pre-push. Null where it
 * does not run.
 */
export function pushedByFramework(env: NodeJS.ProcessEnv): RefUpdate[] | null {
  const { PRE_COMMIT_FROM_REF: old = "", PRE_COMMIT_TO_REF: oid = "" } = env;
  const branch = env.PRE_COMMIT_LOCAL_BRANCH;
  if (branch === undefined || !OID.test(oid)) return null;
  // FROM_REF is the remote's, or the parent of the first commit it lacks; what it names is there in either case.
  const at = OID.test(old) && !ZERO_OID.test(old) ? old : null;
  return ZERO_OID.test(oid) ? [] : [{ source: branch, target: env.PRE_COMMIT_REMOTE_BRANCH ?? branch, oid, old: at }];
}

/** Types of objects by oid, of those that are here. Nothing is fetched. */
export function typesOf(oids: readonly string[], cwd: string): Map<string, string> {
  const types = new Map<string, string>();
  let left = [...new Set(oids)];
  while (left.length > 0) {
    const input = left.map((oid) => `${oid}\n`).join("");
    const { code, stdout, stderr } = tryGit(["cat-file", "--batch-check"], { cwd, input });
    const answers = stdout.toString("latin1").split("\n").filter(Boolean);
    for (const answer of answers) {
      const [oid = "", type = ""] = answer.split(" ");
      if (type !== "missing") types.set(oid, type);
    }
    if (code === 0) return types;
    // In a partial clone an object that is not here ends older gits: it is the one without an answer.
    if (answers.length >= left.length) throw gitFailed(["cat-file"], code, stderr);
    left = left.slice(answers.length + 1);
  }
  return types;
}

/** What a tag object points at. */
export function taggedObject(tag: Buffer): { oid: string; type: string } {
  const oid = headerField(tag, "object") ?? "";
  if (!OID.test(oid)) throw new MuxiGitError("git-failed", "a tag object is malformed");
  return { oid, type: headerField(tag, "type") ?? "" };
}
