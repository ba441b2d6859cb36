/** A template comes back byte for byte; what is found stands where it is said to stand. */
import {
  addNames,
  conflictMarkerLines,
  decodeTemplate,
  formatTemplate,
  isPlaceholder,
  isSetting,
  parseTemplate,
  templateEntries,
} from "../../../src/formation/template.ts";
import { assertNoLeak, type FuzzTarget, law, offsetOf, PLANT, planted } from "../laws.ts";

export const target: FuzzTarget = {
  maxLength: 512,
  run(data) {
    const bytes = planted(data);
    const decoded = decodeTemplate(bytes);
    if (decoded.problem !== undefined) assertNoLeak(decoded.problem, "a problem");
    else law(Buffer.from(decoded.text ?? "").equals(bytes), "UTF-8 without a problem is not the bytes");
    if (decoded.text === null) return;
    const text = decoded.text;
    const template = parseTemplate(text);
    law(formatTemplate(template) === text, "format is no inverse of parse");

    const entries = templateEntries(template);
    for (const entry of entries) {
      law(entry.name !== "" && entry.name === entry.name.trim(), "a name is not trimmed");
      law(text.startsWith(entry.name, offsetOf(text, entry.line, entry.column)), "a name stands elsewhere");
      if (entry.assigned) {
        law(text.startsWith(entry.value, offsetOf(text, entry.line, entry.valueColumn)), "a value stands elsewhere");
      }
      const placeholder = isPlaceholder(entry.value, entry.name);
      if (entry.value === "") law(placeholder, "an empty value is no placeholder");
      if (entry.value.includes(PLANT)) {
        law(!placeholder, "a secret passes as a placeholder");
        law(!isSetting(entry.name, entry.value), "a secret passes as a setting");
      }
    }
    for (const line of conflictMarkerLines(template)) law(line >= 1 && line <= template.lines.length, "a line of none");

    const names = ["ADDED_BY_FUZZ", ...entries.slice(0, 3).map((entry) => entry.name)];
    const added = addNames(template, names);
    law(formatTemplate(added).startsWith(text), "adding a name changes what stood there");
    const held = new Set(
      templateEntries(parseTemplate(formatTemplate(added)))
        .filter((entry) => !entry.exported)
        .map((entry) => entry.name),
    );
    law(held.has("ADDED_BY_FUZZ"), "a name was not added");
    law(addNames(added, ["ADDED_BY_FUZZ"]) === added, "a name is added twice");
  },
};
