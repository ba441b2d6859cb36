/**
 * Which folders of a tree are formations, and which files of theirs matter.
 *
 * A formation is a folder with a formation file, never a folder with a secrets.enc alone: other products use that name
 * too. The template is `secrets`; MUXI's documentation says `secrets.example` in places, its code reads only `secrets`,
 * so a `secrets.example` is not the template. Names match exactly, case included, as on the servers that MUXI runs on.
 * A file below two formations belongs to the inner one.
 *
 * Input are repository paths, at most a few hundred thousand; no path is looked at more often than it has folders.
 */
import { compareUtf8 } from "../secrets/text.ts";
import { isReferenceFile } from "./references.ts";

export interface Formation {
  /** Repository path of the folder, `""` for the root. */
  readonly path: string;
  /** Repository paths, as all below. Where a folder has several, the one MUXI reads. */
  readonly formationFile: string;
  readonly template: string | null;
  readonly encrypted: string | null;
  /** Sorted by UTF-8 bytes. The formation file is one of them. */
  readonly referenceFiles: readonly string[];
}

/** A file of the formation in `folder` (repository path, `""` for the root). */
export function fileIn(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** The folder of a repository path, `""` for the root. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

/** In the order in which MUXI's runtime looks for them. */
export const FORMATION_FILES = ["formation.afs", "formation.yaml", "formation.yml"] as const;

/** Every formation among `paths`, sorted by path. */
export function findFormations(paths: Iterable<string>): Formation[] {
  const candidates: string[] = [];
  const found = new Map<
    string,
    { formationFile: string; template: string | null; encrypted: string | null; referenceFiles: string[] }
  >();
  const rank = new Map<string, number>();
  for (const path of paths) {
    if (!isCandidate(path)) continue;
    candidates.push(path);
    const slash = path.lastIndexOf("/");
    const at = (FORMATION_FILES as readonly string[]).indexOf(path.slice(slash + 1));
    if (at === -1) continue;
    const folder = path.slice(0, Math.max(slash, 0));
    if (at < (rank.get(folder) ?? FORMATION_FILES.length)) {
      rank.set(folder, at);
      found.set(folder, { formationFile: path, template: null, encrypted: null, referenceFiles: [] });
    }
  }
  if (found.size === 0) return [];

  const innermost = innermostIn((folder) => found.has(folder));
  for (const path of candidates) {
    const folder = innermost(path);
    const formation = folder === undefined ? undefined : found.get(folder);
    if (folder === undefined || formation === undefined) continue;
    const inside = folder === "" ? path : path.slice(folder.length + 1);
    if (inside === "secrets") formation.template = path;
    else if (inside === "secrets.enc") formation.encrypted = path;
    else if (isReferenceFile(inside)) formation.referenceFiles.push(path);
  }
  return [...found]
    .sort(([a], [b]) => compareUtf8(a, b))
    .map(([path, formation]) => {
      formation.referenceFiles = [...new Set(formation.referenceFiles)].sort(compareUtf8);
      return { path, ...formation };
    });
}

interface FormationIndex {
  byFolder: ReadonlyMap<string, Formation>;
  /** The folder of the innermost formation that holds a path. */
  innermost(path: string): string | undefined;
}

/** Keyed by the list itself, so that a list asked about for every path of a tree is indexed once. */
const indexes = new WeakMap<readonly Formation[], FormationIndex>();

function indexOf(formations: readonly Formation[]): FormationIndex {
  let index = indexes.get(formations);
  if (index === undefined) {
    const byFolder = new Map(formations.map((formation) => [formation.path, formation]));
    index = { byFolder, innermost: innermostIn((folder) => byFolder.has(folder)) };
    indexes.set(formations, index);
  }
  return index;
}

/** The innermost formation that holds `path`. The list must not change after the first call with it. */
export function formationOf(path: string, formations: readonly Formation[]): Formation | undefined {
  const { byFolder, innermost } = indexOf(formations);
  const folder = innermost(path);
  return folder === undefined ? undefined : byFolder.get(folder);
}

/** The formation whose folder is `folder`. The list must not change after the first call with it. */
export function formationAt(folder: string, formations: readonly Formation[]): Formation | undefined {
  return indexOf(formations).byFolder.get(folder);
}

/** Path to the nearest folder above it that `isFormation`, remembering every folder it has climbed. */
export function innermostIn(isFormation: (folder: string) => boolean): (path: string) => string | undefined {
  const known = new Map<string, string | undefined>();
  return (path) => {
    const climbed: string[] = [];
    let folder = path;
    let answer: string | undefined;
    while (folder !== "") {
      folder = folderOf(folder);
      if (known.has(folder)) {
        answer = known.get(folder);
        break;
      }
      climbed.push(folder);
      if (isFormation(folder)) {
        answer = folder;
        break;
      }
    }
    for (const each of climbed) known.set(each, answer);
    return answer;
  };
}

/** Cheap, for trees in which nearly no file is ours: two units at the end settle most paths. */
function isCandidate(path: string): boolean {
  const last = path.charCodeAt(path.length - 1);
  const before = path.charCodeAt(path.length - 2);
  const isPossible =
    (last === 0x73 && (before === 0x74 || before === 0x66)) || // secrets, .afs
    (last === 0x63 && before === 0x6e) || // secrets.enc
    (last === 0x6c && before === 0x6d) || // .yaml, .yml
    (last === 0x64 && before === 0x6d); // .md
  return isPossible && CANDIDATE.test(path);
}

/** Every name that isReferenceFile accepts, wherever its formation begins. */
const CANDIDATE =
  /(?:^|\/)(?:secrets(?:\.enc)?|formation\.(?:afs|ya?ml)|SKILL\.md|(?:agents|mcps?|a2a|transformers)\/[^/]+\.(?:afs|ya?ml)|(?:sops|triggers)\/[^/]+\.md)$/;
