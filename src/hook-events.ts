/** The hooks that install sets up. On its own, so that settings can name them without the code that installs them. */
export const HOOK_EVENTS = ["pre-commit", "pre-merge-commit", "commit-msg", "pre-push"] as const;

export type HookEvent = (typeof HOOK_EVENTS)[number];
