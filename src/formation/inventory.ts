/**
 * A formation's names, each with what is known of it: whether a value is stored,
 * whether the template has it, where it is used. Never a value.
 */
import { compareUtf8 } from "../secrets/text.ts";
import { type FormationState, hasValue, readReferences, readTemplate } from "./drift.ts";
import { isGeneratedByMuxi, isUserCredential, normalizeName } from "./names.ts";

export type NameState =
  /** MUXI finds a value. */
  | "stored"
  /** Needed, and there is no value or an empty one. */
  | "missing"
  /** Stored under a name that MUXI never looks up. */
  | "unreachable"
  /** secrets.enc was not opened. */
  | "sealed";

export interface Place {
  /** Repository path. */
  readonly path: string;
  readonly line: number;
}

export interface NameReport {
  readonly name: string;
  readonly state: NameState;
  readonly inTemplate: boolean;
  /** Every place that MUXI substitutes, or that means this name and is written wrongly. */
  readonly references: readonly Place[];
}

/** Sorted by UTF-8 bytes of the name. */
export function inventory(state: FormationState): NameReport[] {
  const { encrypted } = state;
  const template = readTemplate(state).byName;
  const places = new Map<string, Place[]>();
  for (const { name, path, line } of readReferences(state).all) {
    if (name !== "") places.set(name, [...(places.get(name) ?? []), { path, line }]);
  }
  const secrets = encrypted.kind === "opened" ? encrypted.secrets : null;
  const isSealed = secrets === null && encrypted.kind !== "none";
  const names = new Set([...template.keys(), ...places.keys(), ...(secrets?.keys() ?? [])]);
  return [...names].sort(compareUtf8).map((name): NameReport => {
    const isStored = hasValue(secrets?.get(name));
    const unreachable = secrets?.has(name) === true && (name === "" || normalizeName(name) !== name);
    return {
      name,
      state: unreachable ? "unreachable" : isStored ? "stored" : isSealed ? "sealed" : "missing",
      inTemplate: template.has(name),
      references: places.get(name) ?? [],
    };
  });
}

/** Whether a name that no file references is in use all the same. */
export function isUsedByMuxi(name: string): boolean {
  return isGeneratedByMuxi(name) || isUserCredential(name);
}
