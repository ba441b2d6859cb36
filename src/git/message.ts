/**
 * Messages: of a commit about to be made, and of the commits and tags that are
 * there. Bytes, since a message may be in any encoding.
 *
 * Sources: git-commit(1), `--cleanup` and `--verbose`; the raw form of commit and
 * tag objects: header lines, an empty line, the message.
 */
const LF = 10;

/** The part of a commit or tag object after its header; empty where there is none. */
export function messageOf(object: Buffer): Buffer {
  const end = object.indexOf("\n\n");
  return end < 0 ? Buffer.alloc(0) : object.subarray(end + 2);
}

/** One field of the header of a commit or tag object; null where it has none. */
export function headerField(object: Buffer, name: string): string | null {
  const end = object.indexOf("\n\n");
  const header = object.toString("latin1", 0, end < 0 ? object.length : end);
  return new RegExp(`^${name} (.*)$`, "m").exec(header)?.[1] ?? null;
}

/** The first line that is not blank, as text. */
export function subjectOf(message: Buffer): string {
  // No expression: to its `^` a carriage return begins a line too, and a long run of them was read from each anew.
  const text = message.toString("utf8").trimStart();
  const end = text.indexOf("\n");
  return (end < 0 ? text : text.slice(0, end)).trimEnd();
}

export interface MessageFile {
  /** The message: up to the scissors line, without comment lines. Every line keeps its number. */
  message: Buffer;
  /** There is a scissors line, with a diff below it. */
  cut: boolean;
}

/**
 * The message that git will make of the file it gives to commit-msg.
 *
 * @param comment - what begins a line that git will drop; null where it drops none.
 */
export function parseMessageFile(bytes: Buffer, comment: string | null): MessageFile {
  const parts: Buffer[] = [];
  const mark = comment === null ? null : Buffer.from(comment);
  for (let at = 0; at < bytes.length; ) {
    const lineEnd = bytes.indexOf(LF, at);
    const end = lineEnd < 0 ? bytes.length : lineEnd + 1;
    const line = bytes.subarray(at, end);
    if (isScissors(line)) return { message: Buffer.concat(parts), cut: true };
    const dropped = mark !== null && line.subarray(0, mark.length).equals(mark);
    parts.push(dropped ? line.subarray(line.length - (lineEnd < 0 ? 0 : 1)) : line);
    at = end;
  }
  return { message: Buffer.concat(parts), cut: false };
}

/** `git commit -v` and `--cleanup=scissors` put it above what is no part of the message: the comment character, a blank, the scissors. */
function isScissors(line: Buffer): boolean {
  return line.length < 128 && / -{24} >8 -{24}$/.test(line.toString("latin1").trimEnd());
}
