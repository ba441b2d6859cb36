/** What a scan reports. A finding has no field that holds the secret: what is not collected cannot leak. */
import type { Severity } from "../formation/problem.ts";

/** Why a finding exists; it decides what the report says about rotation and about ways to accept it. */
export type FindingKind =
  /** a key file by its name, or a file whose content is a key */
  | "key"
  /** a value or key of a formation of this repository, found exactly */
  | "known-value"
  /** a token that a rule recognises */
  | "token"
  /** a literal in a formation file where a reference belongs */
  | "literal"
  /** a secret in a `.env` file */
  | "dotenv"
  /** a file that must not be tracked, such as `memory.db` */
  | "path";

/** The line of a finding as it may be shown: every secret on it is masked. See report/frame.ts. */
export interface Frame {
  before: string;
  /** What stands for the secret. */
  secret: string;
  after: string;
}

export interface Finding {
  rule: string;
  kind: FindingKind;
  severity: Severity;
  /** Repository path, or the path as given outside git. */
  path: string;
  /** From 1. */
  line: number;
  /** From 1, in UTF-16 units, as SARIF counts by default. */
  column: number;
  endLine: number;
  endColumn: number;
  /** The secret's name where it is known (`OPENAI_API_KEY`). */
  name?: string;
  /** The formation that the secret belongs to, where it is known. */
  formation?: string;
  message: string;
  fix: string;
  /**
   * SHA-256 over the matched secret, hex. For identity inside one process (the
   * same secret in a parent's version) and as input of a salted fingerprint.
   * Never printed: a digest of a short value can be guessed back.
   */
  secretId: string;
  /** Where it was asked for and there is a line to show. */
  frame?: Frame;
}
