/**
 * What git would store of a secrets.enc. With the key at hand no plaintext is
 * stored; cleaning twice is cleaning once, else `git status` never rests.
 */
import { type CleanWorld, clean } from "../../../src/plumbing/clean.ts";
import { sealToken } from "../../../src/secrets/fernet.ts";
import { keyFromBytes } from "../../../src/secrets/key.ts";
import { classifyStored, isSealedConflict, openStored } from "../../../src/secrets/stored-form.ts";
import { assertNoLeak, type FuzzTarget, law, Pieces, planted } from "../laws.ts";
import { assertSafe } from "./escape.ts";

const KEY = keyFromBytes(Buffer.alloc(32, 7));

function world(hasKey: boolean, blobs: readonly Buffer[], said: string[]): CleanWorld {
  return {
    isFormation: () => true,
    keyOf: () => (hasKey ? { state: "ok", key: KEY, path: "" } : { state: "missing" }),
    inherited: { of: () => ({ holds: (bytes) => blobs.some((blob) => blob.equals(bytes)), read: () => [...blobs] }) },
    say: (line) => void said.push(line),
  };
}

export const target: FuzzTarget = {
  maxLength: 400,
  run(data) {
    const pieces = new Pieces(data);
    const kind = pieces.byte();
    const path = kind % 2 === 0 ? "a\u001b/secrets.enc" : "secrets.enc";
    let content = planted(pieces.rest());
    if (kind >= 192) content = sealToken(content, KEY, { iv: Buffer.alloc(16, kind), timestamp: kind });
    const stored = classifyStored(content);
    const opened = openStored(content, [KEY]);
    if (opened.failure !== undefined) assertNoLeak(withoutName(opened.message), "a failure");
    if (isSealedConflict(content)) law(stored === "conflict-markers" || stored === "token", "sealed and no conflict");
    for (const hasKey of [true, false]) {
      const said: string[] = [];
      const answer = clean(path, content, world(hasKey, [], said));
      law(said.length <= 3, "more than three lines about one file");
      for (const line of said) {
        assertSafe(line);
        assertNoLeak(withoutName(line), "a line");
      }
      const plaintext = stored === "plaintext-json" || stored === "plaintext-assignments";
      if (answer === null) {
        law(!hasKey || stored === "other", "with the key at hand something was refused");
        continue;
      }
      law(!plaintext || hasKey, "plaintext was stored without a key");
      if (plaintext) law(classifyStored(answer) === "token", "plaintext was stored");
      const twice = clean(path, Buffer.from(answer), world(hasKey, [], []));
      law(twice !== null && Buffer.from(twice).equals(Buffer.from(answer)), "cleaning twice is not cleaning once");
      const known = clean(path, content, world(hasKey, [content], []));
      law(known !== null && Buffer.from(known).equals(content), "a blob of this path is changed");
    }
  },
};

/** A name that stands twice is named on purpose, and the plant may stand where a name belongs. */
function withoutName(text: string): string {
  return text.replace(/the name '.*' stands twice/s, "");
}
