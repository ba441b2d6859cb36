/**
 * No input costs more than linear time. Each parser reads texts that are made to
 * be slow, at one size and at eight times that: a cost that grows with the square
 * grows 64-fold. The margin is wide, and what counts is processor time, the least
 * of several runs, so a busy machine fails nothing.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findLiterals } from "../src/formation/literals.ts";
import { findReferences } from "../src/formation/references.ts";
import { addNames, isPlaceholder, parseTemplate, templateEntries } from "../src/formation/template.ts";
import { parseAttributeRules } from "../src/git/attributes.ts";
import { parseBatch } from "../src/git/cat-file.ts";
import { subjectOf } from "../src/git/message.ts";
import { parseListing } from "../src/git/staged.ts";
import { applyAllowComments } from "../src/scan/allow.ts";
import { parseBaseline } from "../src/scan/baseline.ts";
import { checkDotenv } from "../src/scan/dotenv.ts";
import { createScanner } from "../src/scan/engine.ts";
import { parseAssignments } from "../src/secrets/assignments.ts";
import { parseSecrets } from "../src/secrets/json.ts";
import { classifyStored } from "../src/secrets/stored-form.ts";
import { DEFAULT_SETTINGS, loosenedSettings, parseSettings } from "../src/settings.ts";
import { appendBlock, BEGIN, END, removeBlocks } from "../src/setup/blocks.ts";
import { attributeLines } from "../src/setup/patterns.ts";

const SMALL = 20_000;
const TIMES = 8;
/** Of time that eight times the input may take. Linear is 8, the square 64. */
const MOST = 32;
/** Below it a clock measures the machine. */
const FLOOR_MS = 4;

const SHAPES: Record<string, (size: number) => string> = {
  "comment signs and a carriage return": (size) => `A_KEY=${" #".repeat(size / 2)}\rx`,
  "comment signs and a line separator": (size) => `A_KEY=${" #".repeat(size / 2)}\u2028x`,
  "carriage returns": (size) => `${"\r".repeat(size)}x`,
  "white space": (size) => `${" \t".repeat(size / 2)}x`,
  "line ends": (size) => "\n".repeat(size),
  "open quotes": (size) => "A_KEY=\"'`\n".repeat(size / 10),
  "open references": (size) => "${{ secrets.".repeat(size / 12),
  "one long name": (size) => `\${{ secrets.${"A".repeat(size)}`,
  "open brackets": (size) => "[{a: ".repeat(size / 5),
  "anchors and aliases": (size) => "a: &a [*a,*a]\n".repeat(size / 14),
  "block scalars": (size) => "a: |\n".repeat(size / 5),
  "JSON of one list": (size) => `{"A":[${"1,".repeat(size / 2)}1]}`,
  "JSON of open objects": (size) => '{"a":'.repeat(size / 5),
  backslashes: (size) => `{"a":"${"\\".repeat(size)}`,
  markers: (size) => "<<<<<<< a\n".repeat(size / 10),
  blocks: (size) => `${BEGIN}\n${END}\n`.repeat(size / 40),
  "token starts": (size) => "gAAAAA\n".repeat(size / 7),
  "keys of providers": (size) => "sk-ant-api03-AKIAghp_xoxb-eyJ".repeat(size / 29),
  "addresses with credentials": (size) => "postgres://u:p@".repeat(size / 15),
  "allow comments": (size) => "muxi-git:allow a ".repeat(size / 17),
  NULs: (size) => "a\0".repeat(size / 2),
  names: (size) => Array.from({ length: size / 10 }, (_, at) => `NAME${at}=\n`).join(""),
};

function tolerant(parse: () => unknown): void {
  try {
    parse();
  } catch {
    // Refused: that has its cost too.
  }
}

const scanner = createScanner();
const PARSERS: Record<string, (text: string, bytes: Buffer) => unknown> = {
  dotenv: (_, bytes) => checkDotenv(".env", bytes),
  literals: (text) => findLiterals("formation.afs", text),
  references: (text) => [findReferences("formation.afs", text), findReferences("x/SKILL.md", text)],
  template: (text) => {
    const template = parseTemplate(text);
    for (const entry of templateEntries(template)) isPlaceholder(entry.value, entry.name);
    return addNames(template, ["X"]);
  },
  json: (_, bytes) => tolerant(() => parseSecrets(bytes)),
  assignments: (_, bytes) => tolerant(() => parseAssignments(bytes)),
  stored: (_, bytes) => classifyStored(bytes),
  settings: (_, bytes) => tolerant(() => parseSettings(bytes)),
  baseline: (_, bytes) => tolerant(() => parseBaseline(bytes)),
  scan: (_, bytes) => applyAllowComments(scanner.scan("a.txt", bytes), bytes),
  attributes: (text) => parseAttributeRules(text),
  blocks: (text) => removeBlocks(text),
  batch: (_, bytes) => parseBatch(bytes),
  listing: (_, bytes) => parseListing(bytes),
  subject: (_, bytes) => subjectOf(bytes),
};

function least(runs: number, run: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let at = 0; at < runs; at += 1) {
    const from = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(from);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

function assertLinear(what: string, make: (size: number) => () => unknown): void {
  const [small, large] = [make(SMALL), make(SMALL * TIMES)];
  let took = least(1, large);
  if (took < FLOOR_MS * MOST) return;
  const before = Math.max(FLOOR_MS, least(3, small));
  // Slow by chance, in a moment when others ran: asked again before it counts.
  for (let again = 0; again < 12 && took > before * MOST; again += 1) took = Math.min(took, least(1, large));
  assert.ok(took <= before * MOST, `${what}: ${before.toFixed(1)} ms, of ${TIMES} times as much ${took.toFixed(1)} ms`);
}

for (const [name, parse] of Object.entries(PARSERS)) {
  test(`${name}: eight times the input costs about eight times as much`, () => {
    for (const [shape, text] of Object.entries(SHAPES)) {
      assertLinear(shape, (size) => {
        const bytes = Buffer.from(text(size));
        // A string that was put together is not laid out; one that was read is.
        const read = bytes.toString();
        return () => parse(read, bytes);
      });
    }
  });
}

test("lists: many formations, settings and blocks", () => {
  assertLinear("patterns of formations", (size) => {
    const folders = Array.from({ length: size / 10 }, (_, at) => `agents/f${at}`);
    return () => attributeLines(folders, "secrets.enc", "-text");
  });
  assertLinear("loosened settings", (size) => {
    const names = Array.from({ length: size / 10 }, (_, at) => `NAME_${at}`);
    const [before, after] = [names, [...names].reverse()].map((publicNames) => ({
      ...DEFAULT_SETTINGS,
      publicNames,
      ignore: publicNames,
    }));
    return () => loosenedSettings(before!, after!, () => "error");
  });
  assertLinear("a block in a long file", (size) => {
    const text = "*.x -text\n".repeat(size / 10);
    return () => removeBlocks(appendBlock(text, "", ["a"]).text);
  });
});
