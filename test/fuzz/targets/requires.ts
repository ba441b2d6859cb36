/** Versions have one order, and a version meets what asks for it or for less. */
import { compareRequires, compareVersions, isMet, isRequires } from "../../../src/requires.ts";
import { type FuzzTarget, law, Pieces } from "../laws.ts";

export const target: FuzzTarget = {
  maxLength: 200,
  run(data) {
    const pieces = new Pieces(data);
    const texts = [pieces.bytes(70), pieces.bytes(70), pieces.bytes(70)].map((one) => one.toString("latin1"));
    const wanted = texts.filter(isRequires);
    for (const text of wanted) {
      law(/^>=\d/.test(text) && text.length <= 64, "a form that is none");
      law(isMet(text, text.slice(2)), "does not meet itself");
      law(compareRequires(text, text) === 0 && compareRequires(text, null) > 0, "no order");
    }
    const [a, b, c] = wanted.map((text) => text.slice(2));
    if (a === undefined || b === undefined) return;
    const ab = Math.sign(compareVersions(a, b));
    law(ab === -Math.sign(compareVersions(b, a)), "an order that turns round");
    law(isMet(`>=${b}`, a) === ab >= 0, "meets what is later");
    if (c === undefined) return;
    if (ab <= 0 && compareVersions(b, c) <= 0) law(compareVersions(a, c) <= 0, "an order that is none");
  },
};
