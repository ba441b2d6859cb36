/** A server's own repository refuses what no client was asked about, and keeps none of it. */
import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { test } from "node:test";
import { fakeGroqKey } from "../support/fake.ts";
import { MAIN, NO_FILTER } from "../support/repo.ts";
import { assertSilent, commitLeak, push, pushable, unhooked } from "./push-support.ts";

test("a server refuses a leak, a plaintext secrets.enc and no honest push", (t) => {
  const { repo, made } = pushable(t);
  const secret = fakeGroqKey();
  // The documented line, with this build in the place of an installed package.
  repo.write("../remote.git/hooks/pre-receive", `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' hook pre-receive\n`);
  chmodSync(repo.path("../remote.git/hooks/pre-receive"), 0o755);
  const pushUnhooked = (...args: string[]) =>
    repo.tryWith({ env: { MUXI_GIT: undefined } }, "git", "push", "-q", "--no-verify", ...args);

  commitLeak(repo, "Honest", { "other.txt": "x\n" });
  assertSilent(push(repo, "origin", "main", "main:refs/heads/new"));
  assertSilent(push(repo, "origin", ":refs/heads/new"));

  const oid = commitLeak(repo, "Leak", { "leak.txt": `key ${secret}\n` });
  commitLeak(repo, "Take it out", { "leak.txt": "taken out\n" });
  const refused = pushUnhooked("origin", "main");
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /remote: muxi-git: error: push blocked: 1 problem in 1 commit/);
  assert.match(refused.stderr, /remote: {3}leak\.txt:1:5 {2}groq-key: .*\(commit [0-9a-f]{7} "Leak"\)/);
  assert.match(refused.stderr, /remote: muxi-git: fix: /);
  assert.ok(!refused.all.includes(secret));
  // What was refused was in quarantine and is gone.
  assert.notEqual(repo.try("git", "--git-dir=../remote.git", "cat-file", "-e", oid).code, 0);

  repo.git("checkout", "-q", "-b", "plain", "HEAD~2");
  repo.write("bot/secrets.enc", JSON.stringify(made.secrets));
  unhooked(repo, ...NO_FILTER, "commit", "-qam", "Plain");
  const plain = pushUnhooked("origin", "plain");
  assert.notEqual(plain.code, 0);
  assert.match(plain.stderr, /bot\/secrets\.enc\S* {2}not-encrypted: /);
  assert.ok(!plain.all.includes(made.secrets.OPENAI_API_KEY!));
});
