/**
 * Loaded before our program (`node --require`): what of it other processes and
 * disks see. Looks for marked texts in whatever it hands out, in any encoding
 * that a person could turn back.
 *
 *   WATCH_MARKS  a file with one text a line
 *   WATCH_LOG    a file that gets a line for each place where one was seen
 */
const fs = require("node:fs");
const child = require("node:child_process");

const append = fs.appendFileSync;
const marks = fs.readFileSync(process.env.WATCH_MARKS, "utf8").split("\n").filter(Boolean);
const forms = marks.flatMap((mark) => {
  const bytes = Buffer.from(mark);
  // Base64 of it at each of the three places where it can begin; what is beside it changes the ends.
  const base64 = [0, 1, 2].map((at) =>
    Buffer.concat([Buffer.alloc(at), bytes])
      .toString("base64")
      .slice(4, -4),
  );
  return [mark, encodeURIComponent(mark), bytes.toString("hex"), bytes.toString("hex").toUpperCase(), ...base64];
});

function see(where, data) {
  const text = Buffer.isBuffer(data) ? data.toString("latin1") : Buffer.from(String(data ?? "")).toString("latin1");
  if (forms.some((form) => text.includes(form))) append(process.env.WATCH_LOG, `${where}\n`);
}

for (const name of ["spawn", "spawnSync", "execFile", "execFileSync", "exec", "execSync", "fork"]) {
  const real = child[name];
  child[name] = (...args) => {
    see(`arguments of ${args[0]}`, JSON.stringify(args.slice(0, 2)));
    const options = args.find((one) => one !== null && typeof one === "object" && !Array.isArray(one));
    see(`environment of ${args[0]}`, JSON.stringify(options?.env ?? process.env));
    return real(...args);
  };
}
/** Paths by descriptor; 0 to 2 are the person's. */
const open = new Map();
const realOpen = fs.openSync;
fs.openSync = (path, ...more) => {
  see("the name of a file", path);
  const fd = realOpen(path, ...more);
  open.set(fd, String(path));
  return fd;
};
const realWrite = fs.writeSync;
fs.writeSync = (fd, data, ...more) => {
  if (fd > 2) see(`written to ${open.get(fd)}`, data);
  return realWrite(fd, data, ...more);
};
const realWriteFile = fs.writeFileSync;
fs.writeFileSync = (path, data, ...more) => {
  see(`written to ${path}`, data);
  return realWriteFile(path, data, ...more);
};
process.once("exit", () => {
  for (const name of ["cmdline", "environ"]) see(name, fs.readFileSync(`/proc/self/${name}`));
});
append(process.env.WATCH_LOG, "");
