import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type FilterRequest, serveFilter } from "../../src/git/filter-protocol.ts";
import { encodeContent, encodeList, FLUSH } from "../../src/git/pkt-line.ts";

const HELLO = [
  encodeList(["git-filter-client", "version=2"]),
  encodeList(["capability=clean", "capability=smudge", "capability=delay"]),
];
const WELCOME = [encodeList(["git-filter-server", "version=2"]), encodeList(["capability=clean", "capability=smudge"])];

/** Serve an input that arrives `step` bytes at a time; the answers are the contents reversed, and errors for empty paths. */
function serve(input: Uint8Array, step = 1 << 20): { output: Buffer; requests: FilterRequest[] } {
  const output: Buffer[] = [];
  const requests: FilterRequest[] = [];
  let at = 0;
  serveFilter(
    {
      read(target) {
        const length = Math.min(step, target.length, input.length - at);
        target.set(input.subarray(at, at + length));
        at += length;
        return length;
      },
      write: (bytes) => output.push(Buffer.from(bytes)),
    },
    (request) => {
      requests.push(request);
      return request.path === "" ? null : Buffer.from(request.content).reverse();
    },
  );
  return { output: Buffer.concat(output), requests };
}

function request(lines: readonly string[], content: Uint8Array): Buffer {
  return Buffer.concat([encodeList(lines), ...encodeContent(content)]);
}

test("answers each file, and an error for one leaves the next alone", () => {
  const { output } = serve(
    Buffer.concat([
      ...HELLO,
      request(["command=clean", "pathname="], Buffer.from("x")),
      request(["command=smudge", "pathname=a/b"], Buffer.from("abc")),
    ]),
  );
  const expected = [
    ...WELCOME,
    encodeList(["status=error"]),
    encodeList(["status=success"]),
    ...encodeContent(Buffer.from("cba")),
    FLUSH,
  ];
  assert.equal(output.toString(), Buffer.concat(expected).toString());
});

test("ignores keys it does not know, and a value may contain '=' and bytes that are not UTF-8", () => {
  const lines = ["treeish=1", "command=clean", "ref=refs/heads/x", "pathname=a=b\u00ff/c", "can-delay=1", "new=x=y"];
  const packets = lines.map((line) => Buffer.from(`${line}\n`, "latin1"));
  const framed = packets.map((bytes) =>
    Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, "0")), bytes]),
  );
  const { requests } = serve(Buffer.concat([...HELLO, ...framed, FLUSH, FLUSH]));
  assert.deepEqual(
    requests.map(({ command, path, content }) => [command, path, content.length]),
    [["clean", "a=b\udcff/c", 0]],
  );
});

test("asks for no capability that git does not offer", () => {
  const { output } = serve(Buffer.concat([HELLO[0]!, encodeList(["capability=smudge"])]));
  assert.ok(output.equals(Buffer.concat([WELCOME[0]!, encodeList(["capability=smudge"])])));
});

test("ends quietly when git closes its end, and loudly when git ends inside a request or speaks another version", () => {
  serve(Buffer.concat(HELLO));
  serve(Buffer.alloc(0));
  const whole = Buffer.concat([...HELLO, request(["command=clean", "pathname=a"], Buffer.from("abc"))]);
  const start = Buffer.concat(HELLO).length;
  for (let cut = start + 1; cut < whole.length; cut += 1)
    assert.throws(() => serve(whole.subarray(0, cut)), { name: "MuxiGitError" });
  assert.throws(() => serve(encodeList(["git-filter-client", "version=3"])), { code: "filter-protocol" });
});

test("however the input is cut, contents of any size arrive whole", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(150_000), { maxLength: 4 }), fc.integer({ min: 1, max: 90_000 }), (sizes, step) => {
      const contents = sizes.map((size, at) => Buffer.alloc(size, at + 1));
      const input = contents.map((content) => request(["command=clean", "pathname=p"], content));
      const { requests } = serve(Buffer.concat([...HELLO, ...input]), Math.max(step, 7));
      assert.equal(requests.length, contents.length);
      for (const [at, content] of contents.entries()) assert.ok(requests[at]!.content.equals(content));
    }),
    { numRuns: 30 },
  );
});
