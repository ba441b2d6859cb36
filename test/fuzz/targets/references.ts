/** A reference stands where it is said to stand, with LF and CRLF alike, and holds no value that was pasted for a name. */
import { isPrintableName, normalizeName } from "../../../src/formation/names.ts";
import { findReferences } from "../../../src/formation/references.ts";
import { assertNoLeak, type FuzzTarget, law, offsetOf, Pieces, planted } from "../laws.ts";

const PATHS = ["formation.afs", "sops/a.md", "skills/x/SKILL.md", "agents/a.yaml"];

export const target: FuzzTarget = {
  maxLength: 512,
  run(data) {
    const pieces = new Pieces(data);
    const path = PATHS[pieces.byte() % PATHS.length]!;
    const text = planted(pieces.rest()).toString("utf8");
    const found = findReferences(path, text);
    let before = -1;
    for (const reference of found) {
      const at = offsetOf(text, reference.line, reference.column);
      law(text.startsWith("${{", at), "a reference stands elsewhere");
      law(at > before, "references are out of order");
      before = at;
      law(normalizeName(reference.name) === reference.name, "a name is not normalised");
      law(reference.raw === "" || text.includes(reference.raw, at), "a raw name that does not stand there");
      if (reference.kind === "reference")
        law(/^[A-Z0-9_]+$/.test(reference.name), "a name that MUXI never substitutes");
      else law(reference.raw === "" || isPrintableName(reference.raw), "a name that may be a value");
      if (reference.kind !== "reference") assertNoLeak(JSON.stringify(reference), "a reference");
    }
    if (text.includes("\r")) return;
    const crlf = findReferences(path, text.replaceAll("\n", "\r\n"));
    const show = (list: typeof found) => JSON.stringify(list);
    law(show(crlf) === show(found), "CRLF changes the references");
    if (!text.startsWith("\uFEFF"))
      law(show(findReferences(path, `\uFEFF${text}`)) === show(found), "a BOM changes them");
  },
};
