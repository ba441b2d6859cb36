/** What git says of a push comes back whole or is refused; a message keeps its lines and loses only what git drops. */
import { headerField, messageOf, parseMessageFile, subjectOf } from "../../../src/git/message.ts";
import { parsePushed, parseReceived, type RefUpdate, taggedObject } from "../../../src/git/push.ts";
import { attempt, type FuzzTarget, law, Pieces } from "../laws.ts";

const OID = "0123456789abcdef0123456789abcdef01234567";
const ZERO = "0".repeat(40);

function assertUpdates(updates: readonly RefUpdate[]): void {
  for (const { oid, old } of updates) {
    law(/^[0-9a-f]{40,64}$/.test(oid) && !/^0+$/.test(oid), "an object that is none");
    law(old === null || (/^[0-9a-f]{40,64}$/.test(old) && !/^0+$/.test(old)), "an old object that is none");
  }
}

function assertMessages(bytes: Buffer, mark: string): void {
  const message = messageOf(bytes);
  law(bytes.subarray(bytes.length - message.length).equals(message), "a message that does not end the object");
  headerField(bytes, "object");
  attempt(["git-failed"], () => taggedObject(bytes));
  const subject = subjectOf(bytes);
  law(!subject.includes("\n") && subject === subject.trim(), "a subject of more than a line");
  law(subject !== "" || bytes.toString("utf8").trim() === "", "a message without its subject");

  const all = parseMessageFile(bytes, null);
  law(bytes.subarray(0, all.message.length).equals(all.message), "a message is changed");
  law(all.cut || all.message.length === bytes.length, "a message is cut without a sign");
  const kept = parseMessageFile(bytes, mark);
  const lines = (one: Buffer) => one.toString("latin1").split("\n");
  law(lines(kept.message).length === lines(all.message).length, "a line has another number");
  law(!lines(kept.message).some((line) => line.startsWith(mark)), "a comment is left");
}

export const target: FuzzTarget = {
  maxLength: 400,
  run(data) {
    const pieces = new Pieces(data);
    if (pieces.byte() < 128) {
      const bytes = pieces.rest();
      for (const parse of [parsePushed, parseReceived]) {
        const result = attempt(["push-malformed"], () => parse(bytes));
        if ("value" in result) assertUpdates(result.value);
      }
      assertMessages(bytes, "#");
      const scissors = Buffer.from(`\n# ${"-".repeat(24)} >8 ${"-".repeat(24)}\nbelow`);
      law(parseMessageFile(Buffer.concat([bytes, scissors]), "#").cut, "the scissors are missed");
      return;
    }
    const expected: RefUpdate[] = [];
    const pushed: string[] = [];
    const received: string[] = [];
    while (pieces.left > 0 && pushed.length < 6) {
      const kind = pieces.byte();
      // git's own names hold neither blanks nor controls; what a person typed as source may hold blanks.
      const [typed, ref] = [pieces.bytes(40), pieces.bytes(40)].map(
        (one) => one.toString("utf8").replace(/[\n\0]/g, "") || "x",
      ) as [string, string];
      const target = ref.replaceAll(" ", "") || "x";
      const [oid, old] = [kind % 2 === 0 ? OID : ZERO, kind % 3 === 0 ? ZERO : OID];
      pushed.push(`${typed} ${oid} ${target} ${old}\n`);
      received.push(`${old} ${oid} ${ref}\n`);
      if (oid === OID) expected.push({ source: typed, target, oid, old: old === ZERO ? null : old });
      else expected.push({ source: "", target: ref, oid: "", old: null });
    }
    const moved = expected.filter(({ oid }) => oid !== "");
    const found = parsePushed(Buffer.from(pushed.join("")));
    law(
      JSON.stringify(found) ===
        JSON.stringify(moved.map(({ source, target, oid, old }) => ({ source, target, oid, old }))),
      "another push",
    );
    law(parseReceived(Buffer.from(received.join(""))).length === moved.length, "another number of refs");
  },
};
