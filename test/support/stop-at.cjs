/**
 * Loaded before our program (`node --require`): stop it at its k-th step that
 * changes a file, or let that step fail. So every step can be tried, without a
 * word about it in the program.
 *
 *   STOP_AT   which step, from 1; 0 counts only
 *   STOP_HOW  kill: SIGKILL before the step; half: after half of a write;
 *             SIGINT, SIGTERM: that signal, and on with the step;
 *             CODE (ENOSPC, EIO, EROFS, EDQUOT): it fails, and those that write after it
 *   STOP_LOG  a file that gets a line for each step, of what it was
 */
const fs = require("node:fs");

const at = Number(process.env.STOP_AT ?? 0);
const how = process.env.STOP_HOW ?? "kill";
const log = process.env.STOP_LOG;
const append = fs.appendFileSync;
let step = 0;
let quiet = false;

/** Those of the program's that add to a file system; removing and renaming go on when it is full. */
const GROWS = new Set(["openSync", "writeSync", "mkdirSync", "linkSync", "fsyncSync", "writeFileSync", "mkdtempSync"]);

function writes(name, args) {
  if (name === "openSync") return typeof args[1] === "string" ? /[wa+]/.test(args[1]) : (args[1] & 3) !== 0;
  // stdout and stderr are no files of the repository.
  if (name === "writeSync") return args[0] > 2;
  return true;
}

for (const name of [
  "openSync",
  "writeSync",
  "fsyncSync",
  "chmodSync",
  "renameSync",
  "linkSync",
  "unlinkSync",
  "rmSync",
  "mkdirSync",
  "rmdirSync",
  "mkdtempSync",
  "writeFileSync",
]) {
  const real = fs[name];
  fs[name] = (...args) => {
    if (quiet || !writes(name, args)) return real(...args);
    step += 1;
    // What a call of node's own makes of it (writeFileSync opens) is the same step.
    quiet = true;
    try {
      if (log) {
        const said = args.map((arg) => (typeof arg === "string" ? arg.replaceAll("\n", " ") : "")).join(" ");
        append(log, `${name} ${said}\n`);
      }
      if (step === at && how === "half" && name === "writeSync")
        real(args[0], args[1].subarray(0, args[1].length >> 1));
      if (step === at && (how === "kill" || how === "half")) process.kill(process.pid, "SIGKILL");
      if (step === at && how.startsWith("SIG")) process.kill(process.pid, how);
      if (at > 0 && step >= at && /^E[A-Z]+$/.test(how) && GROWS.has(name)) {
        throw Object.assign(new Error(`${how}: stopped at step ${step}, ${name}`), { code: how, syscall: name });
      }
      return real(...args);
    } finally {
      quiet = false;
    }
  };
}
