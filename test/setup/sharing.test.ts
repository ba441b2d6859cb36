/** core.sharedRepository, as git-config(1) describes it and git's path.c computes it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSharing, sharedMode } from "../../src/setup/disk.ts";

test("core.sharedRepository adds its bits to a file, an executable one and a private one, whatever the umask", () => {
  const rows: [value: string | null | undefined, file: number, program: number, open: number][] = [
    [undefined, 0o600, 0o700, 0o644],
    ["umask", 0o600, 0o700, 0o644],
    ["false", 0o600, 0o700, 0o644],
    ["0", 0o600, 0o700, 0o644],
    [null, 0o660, 0o770, 0o664],
    ["group", 0o660, 0o770, 0o664],
    ["true", 0o660, 0o770, 0o664],
    ["1", 0o660, 0o770, 0o664],
    ["all", 0o664, 0o775, 0o664],
    ["world", 0o664, 0o775, 0o664],
    ["2", 0o664, 0o775, 0o664],
    ["everybody", 0o664, 0o775, 0o664],
    // In place of the mode: more is taken away than the umask did.
    ["0640", 0o640, 0o750, 0o640],
    ["0600", 0o600, 0o700, 0o600],
    ["0666", 0o666, 0o777, 0o666],
    // git refuses these; nothing of ours is then opened to anybody.
    ["0066", 0o600, 0o700, 0o644],
    ["0999", 0o600, 0o700, 0o644],
    ["staff", 0o600, 0o700, 0o644],
  ];
  for (const [value, ...wanted] of rows) {
    const sharing = parseSharing(value);
    const found = [0o600, 0o700, 0o644].map((mode) => sharedMode(mode, sharing));
    assert.deepEqual(
      found.map((mode) => mode.toString(8)),
      wanted.map((mode) => mode.toString(8)),
      String(value),
    );
  }
});
