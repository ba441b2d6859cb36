/**
 * Where the comments of a YAML text stand, without a YAML parser (its start-up would cost more than a hook may).
 *
 * Follows YAML 1.2.2: §6.6 a comment begins with `#` at the start of a line or after white space; §7.3 not inside a
 * quoted scalar, which may span lines; §8.1 not inside a block scalar. A quote opens a scalar only where a value can
 * begin, so that `it's` opens none. Text that is not valid YAML gives some answer, in linear time.
 */

/** Offsets, end exclusive, in order. */
export type Range = readonly [start: number, end: number];

export interface YamlLayout {
  readonly comments: Range[];
  /** Whole lines that are the body of a block scalar. */
  readonly blocks: Range[];
}

export function yamlLayout(text: string): YamlLayout {
  const comments: Range[] = [];
  const blocks: Range[] = [];
  let quote: "" | '"' | "'" = "";
  let flow = 0;
  // Lines indented deeper than this are text of the open block scalar; -2 where none is open.
  let block = -2;
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf("\n", start);
    const end = found === -1 ? text.length : found;
    const next = end + 1;
    let at = start;
    if (start === 0 && text.charCodeAt(0) === 0xfeff) at += 1;
    const margin = at;
    while (at < end && text[at] === " ") at += 1;

    if (block !== -2) {
      if (isBlank(text, at, end) || at - margin > block) {
        blocks.push([start, end]);
        start = next;
        continue;
      }
      block = -2;
    }
    // Indentation of the innermost collection that a value on this line stands in.
    let parent = at - margin;
    let opens = quote === "";
    let plain = false;
    let token = at;
    let header = -2;
    if (quote === "" && flow === 0 && at === margin && text.startsWith("---", at)) parent = -1;
    for (; at < end; at += 1) {
      const sign = text[at] as string;
      if (quote !== "") {
        if (quote === '"' && sign === "\\") at += 1;
        else if (sign === quote) {
          if (quote === "'" && text[at + 1] === "'") at += 1;
          else {
            quote = "";
            opens = false;
            plain = true;
          }
        }
        continue;
      }
      if (sign === " " || sign === "\t" || sign === "\r") continue;
      if (sign === "#" && (at === margin || isSpace(text.charCodeAt(at - 1)))) {
        comments.push([at, text[end - 1] === "\r" ? end - 1 : end]);
        break;
      }
      header = -2;
      if (opens && (sign === '"' || sign === "'")) {
        quote = sign;
        token = at;
        continue;
      }
      if (sign === "[" || sign === "{") {
        if (flow > 0 || opens) {
          flow += 1;
          opens = true;
          continue;
        }
      } else if (flow > 0 && (sign === "]" || sign === "}")) {
        flow -= 1;
        opens = false;
        plain = true;
        continue;
      } else if (flow > 0 && sign === ",") {
        opens = true;
        continue;
      }
      const after = text.charCodeAt(at + 1);
      const apart = at + 1 >= end || isSpace(after);
      if (sign === ":" && (apart || (flow > 0 && plain))) {
        // A key's column is the indentation of its mapping.
        if (flow === 0) parent = token - margin;
        opens = true;
        plain = false;
        continue;
      }
      if (opens && flow === 0 && (sign === "-" || sign === "?") && apart) {
        parent = at - margin;
        plain = false;
        continue;
      }
      if (opens && flow === 0 && (sign === "|" || sign === ">")) {
        const indicators = /^[|>][-+0-9]{0,2}(?=[ \t\r\n]|$)/.exec(text.slice(at, at + 4));
        if (indicators !== null) {
          header = parent;
          at += indicators[0].length - 1;
          continue;
        }
      }
      // A tag or an anchor stands before the value; the value can still begin.
      if (opens && (sign === "!" || sign === "&")) {
        while (at + 1 < end && !isSpace(text.charCodeAt(at + 1))) at += 1;
        continue;
      }
      if (opens && text.startsWith("---", at) && at === margin) {
        at += 2;
        continue;
      }
      if (opens && !plain) {
        token = at;
        plain = true;
      }
      opens = false;
    }
    if (header !== -2) block = header;
    start = next;
  }
  return { comments, blocks };
}

function isBlank(text: string, from: number, end: number): boolean {
  for (let at = from; at < end; at += 1) if (!isSpace(text.charCodeAt(at))) return false;
  return true;
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
}
