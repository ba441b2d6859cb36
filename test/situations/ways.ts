/**
 * Every way a change moves, with the gate where a leak in it must be caught.
 * The README's table has a row for each; reliability.test.ts compares them.
 */
import assert from "node:assert/strict";
import { type Ran, repoAt, type TempRepo } from "../support/repo.ts";
import { assertSilent, push, unhooked } from "./push-support.ts";

export interface Way {
  name: string;
  /** Where a leak must be stopped; `none`: it moves nothing out and nothing in. */
  gate: "commit" | "push" | "none";
  /** Move a change that holds `text`, up to the gate; the last command is the one that must be stopped or silent. */
  move(repo: TempRepo, text: string): Ran;
  /** Clean, daily as well. */
  daily?: boolean;
  /** With the leak only by SLOW=1: commit-blocks.test.ts tries it every day. */
  elsewhere?: boolean;
}

const stage = (repo: TempRepo, text: string, path = "moved.txt") => {
  repo.write(path, `${text}\n`);
  repo.git("add", "--", path);
};

/** A branch `side` with the change in its last commit, made past the hooks; `main` is checked out. */
function onSide(repo: TempRepo, text: string, path = "moved.txt", branch = "side"): void {
  repo.git("checkout", "-q", "-b", branch, "main");
  stage(repo, text, path);
  unhooked(repo, "commit", "-qm", `On ${branch}`);
  repo.git("checkout", "-q", "main");
}

export const WAYS: readonly Way[] = [
  {
    name: "commit",
    gate: "commit",
    daily: true,
    move(repo, text) {
      stage(repo, text);
      return repo.try("git", "commit", "-qm", "Move");
    },
  },
  {
    name: "commit -a",
    gate: "commit",
    elsewhere: true,
    move(repo, text) {
      repo.write("notes.txt", `${text}\n`);
      return repo.try("git", "commit", "-qam", "Move");
    },
  },
  {
    name: "commit <path>",
    gate: "commit",
    elsewhere: true,
    move(repo, text) {
      repo.write("notes.txt", `${text}\n`);
      return repo.try("git", "commit", "-qm", "Move", "notes.txt");
    },
  },
  {
    name: "commit --amend",
    gate: "commit",
    elsewhere: true,
    move(repo, text) {
      stage(repo, text);
      return repo.try("git", "commit", "-q", "--amend", "--no-edit");
    },
  },
  {
    name: "merge of a branch that others pushed: theirs is not held against it",
    gate: "none",
    move(repo, text) {
      onSide(repo, text);
      unhooked(repo, "push", "-q", "origin", "side");
      stage(repo, "mine", "mine.txt");
      unhooked(repo, "commit", "-qm", "Mine");
      const merged = repo.try("git", "merge", "-q", "--no-ff", "--no-edit", "side");
      assertSilent(merged);
      return push(repo, "origin", "main");
    },
  },
  {
    name: "merge, the leak in the merge itself",
    gate: "commit",
    daily: true,
    move(repo, text) {
      onSide(repo, "side");
      unhooked(repo, "merge", "-q", "--no-ff", "--no-commit", "side");
      stage(repo, text, "evil.txt");
      return repo.try("git", "commit", "-qm", "Merge");
    },
  },
  {
    name: "merge of a branch never pushed",
    gate: "push",
    move(repo, text) {
      onSide(repo, text);
      stage(repo, "mine", "mine.txt");
      unhooked(repo, "commit", "-qm", "Mine");
      assertSilent(repo.try("git", "merge", "-q", "--no-ff", "--no-edit", "side"));
      return push(repo, "origin", "main");
    },
  },
  {
    name: "octopus merge",
    gate: "push",
    daily: true,
    move(repo, text) {
      onSide(repo, text, "moved.txt", "one");
      onSide(repo, "two", "two.txt", "two");
      const merged = repo.try("git", "merge", "-q", "--no-edit", "one", "two");
      assert.deepEqual([merged.code, merged.all.includes("muxi-git")], [0, false], merged.all);
      return push(repo, "origin", "main");
    },
  },
  {
    name: "rebase",
    gate: "push",
    move(repo, text) {
      onSide(repo, text);
      stage(repo, "mine", "mine.txt");
      unhooked(repo, "commit", "-qm", "Mine");
      assert.equal(repo.try("git", "rebase", "-q", "main", "side").code, 0);
      return push(repo, "origin", "side");
    },
  },
  {
    name: "cherry-pick",
    gate: "push",
    move(repo, text) {
      onSide(repo, text);
      assert.equal(repo.try("git", "cherry-pick", "side").code, 0);
      return push(repo, "origin", "main");
    },
  },
  {
    name: "revert, which brings back what was taken out",
    gate: "push",
    move(repo, text) {
      stage(repo, text);
      unhooked(repo, "commit", "-qm", "Bring");
      repo.git("rm", "-q", "moved.txt");
      repo.git("commit", "-qm", "Take out");
      unhooked(repo, "push", "-q", "origin", "main");
      assert.equal(repo.try("git", "revert", "--no-edit", "HEAD").code, 0);
      return push(repo, "origin", "main");
    },
  },
  {
    name: "am",
    gate: "push",
    move(repo, text) {
      onSide(repo, text);
      const patch = repo.git("format-patch", "-1", "--stdout", "side");
      assert.equal(repo.tryWith({ input: `${patch}\n` }, "git", "am", "-q").code, 0);
      return push(repo, "origin", "main");
    },
  },
  {
    name: "stash push and pop",
    gate: "commit",
    elsewhere: true,
    move(repo, text) {
      stage(repo, text);
      assertSilent(repo.try("git", "stash", "push", "-q"));
      assertSilent(repo.try("git", "stash", "pop", "-q", "--index"));
      return repo.try("git", "commit", "-qm", "Move");
    },
  },
  {
    name: "bisect",
    gate: "none",
    move(repo, text) {
      onSide(repo, text);
      for (const args of [["start", "-q"], ["bad", "side"], ["good", "main"], ["reset"]]) {
        const ran = repo.try("git", "bisect", ...args);
        assert.deepEqual([ran.code, ran.all.includes("muxi-git")], [0, false], ran.all);
      }
      return push(repo, "origin", "main");
    },
  },
  {
    name: "worktree add, and a commit there",
    gate: "commit",
    elsewhere: true,
    move(repo, text) {
      const added = repo.try("git", "worktree", "add", "-b", "linked", "../linked");
      assert.deepEqual([added.code, added.all.includes("muxi-git")], [0, false], added.all);
      const linked = repoAt(repo.base, repo.path("../linked"), repo.env);
      stage(linked, text);
      return linked.try("git", "commit", "-qm", "Move");
    },
  },
  {
    name: "push of a new branch",
    gate: "push",
    daily: true,
    move(repo, text) {
      onSide(repo, text);
      return push(repo, "origin", "side");
    },
  },
  {
    name: "push by force",
    gate: "push",
    move(repo, text) {
      unhooked(repo, "commit", "-q", "--amend", "-m", "Begin anew");
      stage(repo, text);
      unhooked(repo, "commit", "-qm", "Move");
      return push(repo, "--force", "origin", "main");
    },
  },
  {
    name: "push of a tag",
    gate: "push",
    move(repo, text) {
      unhooked(repo, "tag", "-a", "-m", `Release, ${text}`, "v1");
      return push(repo, "origin", "v1");
    },
  },
  {
    name: "push that deletes",
    gate: "none",
    daily: true,
    move(repo, text) {
      onSide(repo, text);
      unhooked(repo, "push", "-q", "origin", "side");
      return push(repo, "origin", ":side");
    },
  },
  {
    name: "fetch and fast-forward",
    gate: "none",
    move(repo, text) {
      onSide(repo, text);
      unhooked(repo, "push", "-q", "origin", "side:main");
      assertSilent(repo.try("git", "fetch", "-q", "origin"));
      assertSilent(repo.try("git", "merge", "-q", "--ff-only", "origin/main"));
      return push(repo, "origin", "main");
    },
  },
];
