/** A key for a formation that need not be asked of anybody. */
import { keyBatches } from "../plumbing/every-key.ts";
import { fitOf, isSealed, type SealedVersions } from "../plumbing/key-fit.ts";
import type { FormationPlace } from "../plumbing/secrets-store.ts";
import type { Key } from "../secrets/key.ts";
import { keyOf } from "./key-input.ts";

/** Another formation's, one that is held, or the digits of MUXI's old scaffold. */
export function keyThatIsHere(place: FormationPlace, versions: SealedVersions): Key | null {
  const own = keyOf(place);
  if (own.state === "hex" && fitOf(own.key, versions) !== null) return own.key;
  if (own.state === "ok" && !isSealed(versions)) return own.key;
  if (place.places === null) return null;
  for (const keys of keyBatches([place.path], place.topLevel)) {
    const found = keys.find(({ key }) => fitOf(key, versions) !== null);
    if (found !== undefined) return found.key;
  }
  return null;
}
