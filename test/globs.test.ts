import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import micromatch from "micromatch";
import { globFault } from "../src/glob-form.ts";
import { globMatcher } from "../src/globs.ts";

const RUNS = process.env.SLOW === "1" ? 200_000 : 5_000;

/** The glob without one, two… of the `/**` at its end. */
function withoutGlobstars(glob: string): string[] {
  return glob.endsWith("/**") ? [glob.slice(0, -3), ...withoutGlobstars(glob.slice(0, -3))] : [];
}

test("a glob means what micromatch says", () => {
  const piece = fc.constantFrom("a", "b", "ab", ".", "*", "?", "{a,bb}", "{b,.x,aba}", "$", "@", "-", "é");
  const segment = fc.oneof(
    fc.constant("**"),
    fc.array(piece, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("")),
  );
  const globs = fc
    .array(segment, { minLength: 1, maxLength: 5 })
    .map((segments) => segments.join("/"))
    .filter((glob) => globFault(glob) === null);
  const name = fc
    .array(fc.constantFrom("a", "b", ".", "x", "$", "é"), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join(""))
    .filter((text) => text !== "." && text !== "..");
  const paths = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => names.join("/"));
  let matched = 0;
  fc.assert(
    fc.property(globs, paths, (glob, path) => {
      const asked = (given: string) => micromatch.matcher(given, { dot: true })(path);
      // `a/**` is also `a` to micromatch, `*/**` and `a/*/**` not always: to us each is.
      const expected = asked(glob) || withoutGlobstars(glob).some(asked);
      assert.equal(globMatcher([glob])(path), expected, `${glob} on ${path}`);
      matched += Number(expected);
    }),
    { numRuns: RUNS },
  );
  assert.ok(matched > RUNS / 100, `only ${matched} matched`);
});

test("globs as people write them", () => {
  const cases: [glob: string, yes: string[], no: string[]][] = [
    ["test/fixtures/**", ["test/fixtures/a", "test/fixtures/b/.env.x"], ["test/fixture/a", "x/test/fixtures/a"]],
    ["**/*.snap", ["a.snap", "x/y/.a.snap"], ["a.snap/b", "snap"]],
    ["docs/*.md", ["docs/a.md", "docs/.md"], ["docs/x/a.md", "docs/a.mdx"]],
    ["**/*_test_*.{go,rs}", ["x/a_test_b.go", "_test_.rs"], ["a_test.go"]],
    ["app/?id?/**/x", ["app/[id]/x", "app/(id)/a/b/x"], ["app/id/x"]],
    ["a*b*c", ["abc", "axbxbxc", "abbc"], ["ab", "ac", "abcx"]],
    // micromatch makes a quantifier of a '+' after another, or after braces.
    ["lib/c++/**", ["lib/c++/x.h"], ["lib/c/x.h", "lib/cc/x.h"]],
    ["**", ["a", "a/b/c", "line\nend"], []],
  ];
  for (const [glob, yes, no] of cases) {
    assert.equal(globFault(glob), null, glob);
    const matches = globMatcher([glob]);
    for (const path of yes) assert.ok(matches(path), `${glob} on ${path}`);
    for (const path of no) assert.ok(!matches(path), `${glob} on ${path}`);
  }
});

test("what is slow, or means two things, is no glob", () => {
  const refused: [glob: string, why: RegExp][] = [
    ["!src/**", /starts with '!'/],
    ["(a+)+b", /'\(': write '\?'/],
    ["+(a|b)", /'\('/],
    ["[!a]b", /'\['/],
    ["a\\*", /'\\'/],
    ["{a,{b,c}}", /brace/],
    ["{a", /stands alone/],
    ["a}", /stands alone/],
    ["{1..100000}", /plain alternatives/],
    ["{a}", /plain alternatives/],
    ["{a,}", /plain alternatives/],
    ["{a/b,c}", /plain alternatives/],
    ["${a,b}", /brace/],
    ["{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", /more than 32 alternatives/],
    ["a**b", /whole segment/],
    ["***", /whole segment/],
    ["*a*a*a*b", /more than 3 stars/],
    ["test/", /folder\/\*\*/],
    ["/test", /starts or ends/],
    ["a//b", /starts or ends/],
    ["../a", /'\.\.'/],
    ["./a", /'\.'/],
    ["a".repeat(257), /256 characters/],
  ];
  for (const [glob, why] of refused) assert.match(globFault(glob) ?? "accepted", why, glob);
});

/** The slowest took 53 ms. micromatch takes 11 s for the first, and does not end on those with many `**`. */
test("no legal glob is slow on a path of 4,096 characters", () => {
  const fill = (unit: string, end: string) => unit.repeat(Math.floor((256 - end.length) / unit.length)) + end;
  const braces = "{a,b}{a,b}{a,b}{a,b}{a,b}";
  const globs = [
    "*a*a*b",
    `*${"a".repeat(120)}*${"a".repeat(120)}*b`,
    `*${"?".repeat(250)}b*b`,
    fill("**/", "b"),
    fill("**/a/", "b"),
    fill("**/*a*a*/", "b"),
    fill("*a*a*b/", "b"),
    `**/${braces}${"a".repeat(222)}b`,
    `**/*${braces}*a*b/**/b`,
  ];
  const paths = [
    "a".repeat(4096),
    "a/".repeat(2048),
    `${"a".repeat(255)}/`.repeat(16),
    `${"a".repeat(2047)}/`.repeat(2),
  ];
  let worst = { ms: 0, glob: "" };
  for (const glob of globs) {
    assert.equal(globFault(glob), null, glob);
    const matches = globMatcher([glob]);
    for (const path of paths) {
      const start = process.cpuUsage();
      assert.ok(!matches(path.replace(/\/$/, "/x")));
      const ms = process.cpuUsage(start).user / 1000;
      if (ms > worst.ms) worst = { ms, glob };
    }
  }
  assert.ok(worst.ms < 1000, `${worst.glob}: ${worst.ms} ms`);
  if (process.env.SLOW === "1") console.log(`slowest: ${worst.glob}: ${worst.ms} ms`);
});
