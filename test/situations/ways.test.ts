/**
 * Every way a change moves × a leak in it or not, each asserted at the gate where
 * it must be caught, the commit or the push; silence where it is clean.
 *
 * Every way runs daily once with the leak; the clean half of a way runs daily
 * where it is a gate of its own. SLOW=1 runs all, MUXI_GIT_TEST_GIT picks the git.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fakeGroqKey } from "../support/fake.ts";
import { NOT_EVERY_DAY } from "../support/gits.ts";
import { assertSilent, pushable, remoteHolds } from "./push-support.ts";
import { WAYS } from "./ways.ts";

describe("a leak", () => {
  for (const { name, gate, move, elsewhere } of WAYS) {
    const skip = elsewhere === true ? NOT_EVERY_DAY : false;
    test(`${name}: ${gate === "none" ? "nothing to stop" : `stopped at ${gate}`}`, { skip }, (t) => {
      const { repo } = pushable(t);
      const secret = fakeGroqKey();
      const ran = move(repo, `key ${secret}`);
      if (gate === "none") return assertSilent(ran);
      assert.equal(ran.code, 1, ran.all);
      assert.match(ran.stderr, new RegExp(`^muxi-git: error: ${gate} blocked: 1 problem `), ran.all);
      assert.ok(!ran.all.includes(secret), "the secret is printed");
      assert.equal(
        gate === "push" && name !== "revert, which brings back what was taken out" && remoteHolds(repo, secret),
        false,
      );
    });
  }
});

describe("a clean change passes in silence", () => {
  for (const { name, move, daily } of WAYS) {
    test(name, { skip: daily === true ? false : NOT_EVERY_DAY }, (t) => {
      const { repo } = pushable(t);
      assertSilent(move(repo, "nothing of note"));
    });
  }
});
