/**
 * Three-way merge of templates, by name. A template holds names and notes, so
 * nothing here needs a person: both sides' names stay, in our order, with the
 * notes above them.
 *
 * | base, ours, theirs | result |
 * |---|---|
 * | added by theirs | its line, and the comments right above it, after the name that precedes it there |
 * | removed by theirs, left alone by ours | removed, with the lines above it that theirs removed too |
 * | placeholder changed by theirs only | theirs |
 * | anything else | ours |
 *
 * Lines that are no names and belong to no added name are ours. Line ends are
 * ours; so is the BOM. Names that stand twice: the first line counts.
 */
import { parseTemplate, type Template, type TemplateLine, templateEntries } from "./template.ts";

interface Entry {
  readonly name: string;
  readonly line: TemplateLine;
  /** Comment and blank lines between the name above and this one. */
  readonly above: readonly TemplateLine[];
}

export function mergeTemplates(base: string, ours: string, theirs: string): Template {
  const mine = parseTemplate(ours);
  const their = parseTemplate(theirs);
  const [before, other] = [entriesOf(parseTemplate(base)), entriesOf(their)];
  const theirLines = new Set(their.lines.map((line) => line.text));
  const held = entriesOf(mine);
  const end = mine.lines.find((line) => line.end !== "")?.end ?? "\n";
  const { blocks, tail } = blocksOf(mine);

  const kept = blocks.flatMap((block): Block[] => {
    const theirsNow = other.get(block.name);
    const was = before.get(block.name);
    const mineNow = held.get(block.name);
    if (was === undefined || mineNow === undefined || was.line.text !== mineNow.line.text) return [block];
    if (theirsNow === undefined) return withoutName(block, was, theirLines);
    if (theirsNow.line.text === was.line.text) return [block];
    return [{ ...block, lines: [...block.lines.slice(0, -1), { text: theirsNow.line.text, end: block.end }] }];
  });

  let previous: string | null = null;
  for (const [name, entry] of other) {
    if (!held.has(name) && !before.has(name)) {
      const lines = [...notesOf(entry.above, mine), entry.line].map((line) => ({ text: line.text, end }));
      const at: number = previous === null ? 0 : kept.findLastIndex((block) => block.name === previous) + 1;
      kept.splice(at, 0, { name, lines, end });
      previous = name;
    } else if (kept.some((block) => block.name === name)) previous = name;
  }
  const lines = [...kept.flatMap((block) => block.lines), ...tail];
  // A line in the middle needs its end; the last one keeps what the file had.
  return {
    bom: mine.bom,
    lines: lines.map((line, at) => (at < lines.length - 1 && line.end === "" ? { text: line.text, end } : line)),
  };
}

/** A name's line with all lines since the name above it. */
interface Block {
  readonly name: string;
  readonly lines: readonly TemplateLine[];
  readonly end: TemplateLine["end"];
}

function blocksOf(template: Template): { blocks: Block[]; tail: readonly TemplateLine[] } {
  const blocks: Block[] = [];
  let from = 0;
  for (const { name, line } of templateEntries(template)) {
    const lines = template.lines.slice(from, line);
    blocks.push({ name, lines, end: lines.at(-1)?.end ?? "" });
    from = line;
  }
  return { blocks, tail: template.lines.slice(from) };
}

function entriesOf(template: Template): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const { name, lines } of blocksOf(template).blocks) {
    const line = lines.at(-1);
    if (line !== undefined && !entries.has(name)) entries.set(name, { name, line, above: lines.slice(0, -1) });
  }
  return entries;
}

/** What is left of a block whose name is gone: the lines above it that theirs did not remove. */
function withoutName(block: Block, was: Entry, theirLines: ReadonlySet<string>): Block[] {
  const gone = new Set(was.above.map((line) => line.text).filter((text) => !theirLines.has(text)));
  const lines = block.lines.slice(0, -1).filter((line) => line.text.trim() !== "" && !gone.has(line.text));
  return lines.length === 0 ? [] : [{ ...block, name: "", lines }];
}

/** The comments right above a name, after the last blank line, unless ours has them already. */
function notesOf(above: readonly TemplateLine[], ours: Template): readonly TemplateLine[] {
  const blank = above.findLastIndex((line) => line.text.trim() === "");
  const notes = above.slice(blank + 1);
  const here = new Set(ours.lines.map((line) => line.text));
  const fresh = notes.filter((line) => !here.has(line.text));
  return blank >= 0 && fresh.length > 0 ? [{ text: "", end: "\n" }, ...fresh] : fresh;
}
