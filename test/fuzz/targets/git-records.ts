/** Lists that git prints: what git can print comes back whole, anything else gives some answer and never a crash. */

import { parseConfigList } from "../../../src/git/config.ts";
import { decodePath, encodePath, parseIndexEntries, parseRawDiff, parseTreeEntries } from "../../../src/git/entries.ts";
import { splitNul } from "../../../src/git/run.ts";
import { newBlob, ownChanges, parseListing } from "../../../src/git/staged.ts";
import { attempt, type FuzzTarget, law, Pieces } from "../laws.ts";

const OID = "0123456789abcdef0123456789abcdef01234567";
const MODES = ["100644", "100755", "120000", "160000", "040000", "000000"];

export const target: FuzzTarget = {
  maxLength: 400,
  run(data) {
    const pieces = new Pieces(data);
    const kind = pieces.byte() % 6;
    if (kind === 0) {
      const bytes = pieces.rest();
      parseIndexEntries(bytes);
      parseTreeEntries(bytes);
      const changes = parseRawDiff(bytes);
      for (const change of changes) attempt(["git-failed"], () => newBlob(change));
      law(ownChanges([{ rev: "HEAD", changes }]).length === changes.length, "a change is lost");
      parseConfigList(bytes.toString("utf8"));
      parseListing(bytes);
      const path = decodePath(bytes);
      law(encodePath(path).equals(bytes), "a path does not come back");
      law(
        Buffer.concat(splitNul(bytes).flatMap((one) => [one, Buffer.of(0)]))
          .subarray(0, bytes.length)
          .equals(bytes),
        "records are lost",
      );
      return;
    }
    const paths: Buffer[] = [];
    while (pieces.left > 0 && paths.length < 6) {
      const path = Buffer.from(pieces.bytes(80).filter((byte) => byte !== 0));
      if (path.length > 0) paths.push(path);
    }
    const mode = MODES[kind]!;
    const record = (head: string, path: Buffer) => Buffer.concat([Buffer.from(head), path, Buffer.of(0)]);
    const same = (found: readonly { path: string }[], what: string): void => {
      law(found.length === paths.length, `${what}: a record is lost`);
      for (const [at, one] of found.entries()) law(encodePath(one.path).equals(paths[at]!), `${what}: another path`);
    };
    const index = Buffer.concat(paths.map((path) => record(`${mode} ${OID} ${kind % 4}\t`, path)));
    const entries = parseIndexEntries(index);
    same(entries, "index");
    law(
      entries.every((one) => one.mode === mode && one.oid === OID && one.stage === kind % 4),
      "index: another entry",
    );
    const tree = parseTreeEntries(Buffer.concat(paths.map((path) => record(`${mode} blob ${OID}\t`, path))));
    same(tree, "tree");
    const raw = Buffer.concat(paths.map((path) => record(`:100644 ${mode} ${OID} ${OID} M\0`, path)));
    const changes = parseRawDiff(raw);
    same(changes, "raw diff");
    law(
      changes.every((one) => one.newMode === mode && one.newOid === OID && one.status === "M"),
      "raw diff: another change",
    );
    const listing = parseListing(Buffer.concat([index, Buffer.from("\0" + "0\0"), raw, Buffer.from("\0" + "128\0")]));
    law(listing?.index.stdout.equals(index) === true && listing.head.stdout.equals(raw), "listing: lost");
    law(listing.index.code === 0 && listing.head.code === 128, "listing: another code");
    const settings = paths.map((path) => path.toString("latin1").replaceAll("\n", ""));
    const list = settings.map((value) => `local\0file:.git/config\0a.${value}.b\n${value}\n\0`).join("");
    law(
      parseConfigList(list).every((one, at) => one.value === `${settings[at]}\n` && one.key === `a.${settings[at]}.b`),
      "config: another setting",
    );
  },
};
