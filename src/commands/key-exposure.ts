/** `key exposure`: after a key leaked or somebody left, the names whose values to revoke. */
import { EXIT, type ExitCode, MuxiGitError } from "../errors.ts";
import { escapeText, formatJson } from "../escape.ts";
import { folderOf } from "../formation/discover.ts";
import { shownName } from "../formation/names.ts";
import { workingTreeSnapshot } from "../git/snapshot.ts";
import { tool } from "../invocation.ts";
import { type Exposure, type Exposures, exposuresOf, type OpenedNow } from "../plumbing/exposure.ts";
import { formationsOf, openFile } from "../plumbing/formation-state.ts";
import { encryptedPath } from "../plumbing/known.ts";
import { formationOption } from "../plumbing/secrets-store.ts";
import { type Key, keyFingerprint } from "../secrets/key.ts";
import { day, out, talk } from "../terminal.ts";
import { givenKey, type KeyInput, ownKey } from "./key-input.ts";
import { openContext, pickFormation, type RepositoryContext } from "./repository-context.ts";

export interface KeyExposureOptions extends KeyInput {
  formation?: string;
  all: boolean;
  json: boolean;
}

export async function keyExposure(options: KeyExposureOptions): Promise<ExitCode> {
  const context = openContext(options);
  try {
    const now = await openedNow(context);
    const exposures = await exposuresOf(subjects(options, context), now, context.topLevel);
    if (options.json) out(formatExposures(exposures));
    else for (const one of exposures.keys) print(one, sealedNow(one, now), options.quiet);
    if (exposures.unread > 0)
      talk(`muxi-git: warning: ${exposures.unread} versions could not be read: this clone lacks them`);
    if (exposures.shallow) {
      talk("muxi-git: warning: this clone is shallow, and older commits were not looked at: git fetch --unshallow");
    }
    return EXIT.ok;
  } finally {
    context.reader.close();
  }
}

/** The given key; every key that is here; else the formation's. */
function subjects(options: KeyExposureOptions, { topLevel, places, bare, keyring }: RepositoryContext): Key[] {
  const given = givenKey(options);
  if (given !== null && options.all) throw new MuxiGitError("usage", "--all excludes --stdin and --from-file");
  if (given !== null) return [given];
  if (bare) {
    throw new MuxiGitError("no-key", "there is no working tree here, and so no key", {
      hint: tool("key exposure --from-file FILE"),
    });
  }
  const formations = formationsOf(workingTreeSnapshot(topLevel));
  if (!options.all) {
    const { path } = pickFormation(options, topLevel, formations, options.formation);
    return [ownKey({ topLevel, path, places })];
  }
  const keys = new Map<string, Key>();
  for (const { path } of formations) {
    const own = keyring.of(path);
    if (own.state === "ok" || own.state === "hex") keys.set(keyFingerprint(own.key), own.key);
  }
  for (const key of keyring.held()) keys.set(keyFingerprint(key), key);
  if (keys.size === 0)
    throw new MuxiGitError("no-key", "no key is here", { hint: tool("key exposure --from-file FILE") });
  return [...keys.values()];
}

async function openedNow({ topLevel, bare, keyring }: RepositoryContext): Promise<OpenedNow[]> {
  if (bare) return [];
  const snapshot = workingTreeSnapshot(topLevel);
  const now: OpenedNow[] = [];
  for (const { path, encrypted } of formationsOf(snapshot)) {
    const bytes = encrypted === null ? null : await snapshot.read(encrypted);
    const { key, secrets } = openFile(bytes, keyring.keysFor(path));
    if (key !== null && secrets !== null) now.push({ path: encryptedPath(path), key, secrets });
  }
  return now;
}

function formatExposures({ keys, unread, shallow }: Exposures): string {
  return formatJson({ schemaVersion: 1, unread, shallow, keys }, 2);
}

function print({ fingerprint, versions, names }: Exposure, formation: string | null, quiet: boolean): void {
  if (names.length === 0) {
    out(`the key ${fingerprint} opens nothing that this clone holds`);
    return;
  }
  const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
  out(`the key ${fingerprint} opens ${plural(versions, "committed version")}, ${plural(names.length, "name")}:`);
  const width = Math.max(...names.map(({ name }) => shownName(name).length));
  for (const { name, values, inUse, since, onRemote, paths } of names) {
    const where = [
      plural(values, "value"),
      inUse ? "in use" : "replaced",
      since === null ? "not committed" : `since ${day(since.time)} (${since.commit.slice(0, 12)})`,
      onRemote ? "on a remote" : "not on a remote",
      paths.map(escapeText).join(" "),
    ];
    out(`  ${shownName(name).padEnd(width)}  ${where.join(", ")}`);
  }
  if (quiet) return;
  // A value that is set before the key is another one is sealed with the key that leaked.
  if (formation !== null) {
    out(`first, so that no new value is sealed with it: ${tool(`key rotate${formationOption(formation)}`)}`);
  }
  out("then revoke each value where it was issued, and set the new one of each that is in use");
}

/** A formation whose secrets.enc is sealed with the key still; null where none is. */
function sealedNow({ fingerprint }: Exposure, now: readonly OpenedNow[]): string | null {
  const one = now.find(({ key }) => keyFingerprint(key) === fingerprint);
  return one === undefined ? null : folderOf(one.path);
}
