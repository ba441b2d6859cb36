/** A block that is added and removed leaves the file as it was, byte for byte. */

import { parseAttributeRules } from "../../../src/git/attributes.ts";
import { decodePath } from "../../../src/git/entries.ts";
import {
  appendBlock,
  BEGIN,
  END,
  findBlock,
  insertBlock,
  removeBlocks,
  rewriteBlock,
} from "../../../src/setup/blocks.ts";
import { attributeLines, ignoreLines } from "../../../src/setup/patterns.ts";
import { type FuzzTarget, law, Pieces } from "../laws.ts";

const LINES = ["secrets.enc -text filter=muxi-git", "*.x"];

export const target: FuzzTarget = {
  maxLength: 400,
  run(data) {
    const pieces = new Pieces(data);
    const kind = pieces.byte();
    const folder = decodePath(Buffer.from(pieces.bytes(20).filter((byte) => byte !== 0)));
    let text = pieces.rest().toString("latin1");
    // Markers, whole and broken, are never hit by chance.
    text = text.replaceAll("\x01", BEGIN).replaceAll("\x02", END);
    for (const rule of parseAttributeRules(text)) law(rule.pattern !== "", "a rule without pattern");
    for (const line of [...attributeLines([folder], "secrets.enc", "-text"), ...ignoreLines([folder], ".key")]) {
      law(!/[\r\n]/.test(line), "a pattern runs over a line");
    }
    const cleared = removeBlocks(text);
    const left = findBlock(cleared);
    law(left === null || left === "unfinished", "a block is left");
    law(removeBlocks(cleared) === cleared, "removing blocks twice is not once");
    if (findBlock(text) !== null) return;

    const added = kind < 128 ? appendBlock(text, "note", LINES) : insertBlock(text, "note", LINES);
    const found = findBlock(added.text);
    law(found !== null && found !== "unfinished", "a block that was added is not found");
    law(found.lines.join("\n") === LINES.join("\n"), "a block holds other lines");
    law(findBlock(added.text.slice(0, found.start) + added.text.slice(found.end)) === null, "a second block");
    law(removeBlocks(added.text, added.pad) === text, "adding and removing is not identity");
    const other = rewriteBlock(added.text, found, ["other"]);
    const back = findBlock(other);
    law(back !== null && back !== "unfinished" && back.lines.join() === "other", "a block is not rewritten");
    law(rewriteBlock(other, back, LINES) === added.text, "rewriting there and back is not identity");
  },
};
