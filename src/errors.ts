/**
 * The one error class, and the exit codes.
 *
 * Messages are lower case, without a full stop, failure first, subject in
 * single quotes (git's CodingGuidelines). A message never holds a secret value
 * or bytes of a file that may hold one: it names the file and the rule broken.
 */

/** What a process of ours says when it ends. No code means two things. */
export const EXIT = {
  /** done, nothing found */
  ok: 0,
  /** the answer is no: findings, drift, not protected, conflict */
  no: 1,
  /** could not answer: usage, no key, damaged file, git failed, a crash */
  failed: 2,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface ErrorDetails {
  /** The next command, or what the person should do. */
  hint?: string;
  cause?: unknown;
  /** Exit code of the process that ends with this error; 2 when absent. */
  exit?: ExitCode;
}

/** An expected failure, with a stable code for callers that branch. */
export class MuxiGitError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly exit: ExitCode;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "MuxiGitError";
    this.code = code;
    this.hint = details.hint;
    this.exit = details.exit ?? EXIT.failed;
  }
}
