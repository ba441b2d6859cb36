/** The list of a formation's secrets, as text and as JSON. Names and places; values where they were asked for. */
import { escapeText, formatJson } from "../escape.ts";
import type { NameReport, NameState } from "../formation/inventory.ts";
import { shownName } from "../formation/names.ts";
import { day, type Style } from "../terminal.ts";
import { count } from "./block.ts";
import { widthOf } from "./width.ts";

export interface ListedSecret extends NameReport {
  /** Where values were asked for and there is one. */
  readonly value?: string;
  /** Where ages were asked for: the last change of its value; null where that is not committed yet. */
  readonly changed?: ChangeOfName | null;
}

export interface ChangeOfName {
  readonly commit: string;
  /** Of the commit, in seconds since 1970. */
  readonly time: number;
  /** Otherwise it may be older: the version before is not here or does not open. */
  readonly exact: boolean;
}

export interface ListedFormation {
  /** Repository path, `""` for the root. */
  path: string;
  secrets: readonly ListedSecret[];
}

export function formatSecretsJson(formation: ListedFormation): string {
  return formatJson({ schemaVersion: 1, ...formation }, 2);
}

/** @param now - in seconds since 1970. */
export function formatSecretsText({ path, secrets }: ListedFormation, style: Style, now: number): string[] {
  const lines = [`${style.bold(escapeText(path === "" ? "." : path))}: ${summary(secrets)}`];
  const [names, ages] = [column(secrets, ({ name }) => shownName(name)), column(secrets, (one) => ageOf(one, now))];
  const states = column(secrets, ({ state }) => STATES[state]);
  secrets.forEach((one, at) => {
    const state = states[at]!;
    const parts = [
      names[at],
      one.state === "stored" ? style.green(state) : style.yellow(state),
      ages[at],
      one.value === undefined ? "" : formatJson(one.value),
      style.dim(usedIn(one)),
    ];
    lines.push(`  ${parts.filter((part) => part !== "").join("  ")}`);
  });
  return lines;
}

const STATES: Record<NameState, string> = {
  stored: "stored",
  missing: "no value",
  unreachable: "unreachable",
  sealed: "sealed",
};

function summary(secrets: readonly ListedSecret[]): string {
  const having = (state: NameState): number => secrets.filter((one) => one.state === state).length;
  const parts = [
    having("sealed") > 0 ? "" : having("stored") === 0 ? "no secrets stored" : count(having("stored"), "secret"),
    having("missing") > 0 ? `${count(having("missing"), "name")} without a value` : "",
    having("unreachable") > 0 ? `${having("unreachable")} that MUXI cannot look up` : "",
    having("sealed") > 0 ? `${count(having("sealed"), "name")}, not opened` : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function usedIn(one: ListedSecret): string {
  if (one.references.length > 0) return placesOf(one);
  if (one.state === "unreachable") return "MUXI asks for a name of A-Z, 0-9 and _";
  return one.inTemplate ? "in the template only" : "in no file and not in the template";
}

/** `agents/mail.afs:3, formation.afs:7 and 2 more`. */
export function placesOf({ references }: Pick<NameReport, "references">): string {
  const shown = references.slice(0, 2).map(({ path, line }) => `${escapeText(path)}:${line}`);
  const more = references.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function ageOf({ changed }: ListedSecret, now: number): string {
  if (changed === undefined) return "";
  if (changed === null) return "not committed";
  const days = Math.max(0, Math.floor((now - changed.time) / 86_400));
  return `${day(changed.time)}${changed.exact ? "" : " or earlier"} (${count(days, "day")})`;
}

function column(secrets: readonly ListedSecret[], text: (one: ListedSecret) => string): string[] {
  const cells = secrets.map(text);
  const width = Math.max(0, ...cells.map(widthOf));
  return cells.map((cell) => cell + " ".repeat(width - widthOf(cell)));
}
