/** What is asked of a message: the scanner's questions, without those about a file. */
import { handThen } from "../invocation.ts";
import type { Scanner } from "../scan/engine.ts";
import type { Finding } from "../scan/finding.ts";

/** What stands for a commit's message where a path is asked for. A fingerprint holds it, at commit and at push alike. */
export const COMMIT_MESSAGE = "(commit message)";
/** The same for an annotated tag's. */
export const TAG_MESSAGE = "(tag message)";

/** @param mend - the command that writes the message anew. */
export function scanMessage(scanner: Scanner, path: string, message: Buffer, mend: string): Finding[] {
  return scanner.scan(path, message).map((finding) => ({
    ...finding,
    fix: handThen(`write the message without ${whatIsMeant(finding)}`, mend),
  }));
}

function whatIsMeant({ kind, name }: Finding): string {
  return kind === "key" ? "the key" : kind === "known-value" ? `the value of '${name}'` : "the value";
}
