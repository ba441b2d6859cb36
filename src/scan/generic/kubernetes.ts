/**
 * Kubernetes Secrets: what stands under `data` (base64) and `stringData` is secret
 * because the manifest says so. Sealed and external secrets are of another kind;
 * certificates, references and templates are recognised by their form.
 */
import { Buffer } from "node:buffer";
import { BASE62, draw, type Judged, type Rule } from "../rule.ts";
import { made } from "./example.ts";
import { tellingName } from "./name.ts";
import { isSomethingElse, isTemplated } from "./recognise.ts";
import { assess, isOpaque } from "./strength.ts";

const BEFORE = 2048;
const WINDOW = 4096;

const ENTRY = /^([ \t]{1,12})["']?([\w.-]{1,253})["']?:[ \t]{1,8}["']?([^\s"'|>][^\n"']{0,4000})["']?[ \t]*\r?$/;

/** Whether `kind: Secret` ends here, and is no SecretStore. */
export function endsKind(bytes: Uint8Array, _start: number, end: number): boolean {
  const byte = bytes[end];
  return byte === undefined || byte === 10 || byte === 13 || byte === 32 || byte === 34 || byte === 39;
}

export function judgeManifest(text: string, at: number): Judged[] {
  // One document of the file: between its `---` lines.
  const from = Math.max(0, text.lastIndexOf("\n---", at));
  const stop = text.indexOf("\n---", at);
  const document = text.slice(from, stop < 0 ? text.length : stop);
  // All that stands in the document is judged at once.
  const all = { start: from + document.length, end: from + document.length };
  if (!document.includes("apiVersion") || !/^[ \t]{0,4}["']?(?:data|stringData)["']?:/m.test(document)) return [all];
  const found: Judged[] = [all];
  let section = "";
  let offset = from;
  for (const line of document.split("\n")) {
    const head = /^[ \t]{0,4}["']?(\w{1,40})["']?:[ \t]*\r?$/.exec(line);
    if (head !== null && /^(?:data|stringData)$/.test(head[1]!)) section = head[1]!;
    else if (/^\S/.test(line)) section = "";
    else if (section !== "") {
      const entry = ENTRY.exec(line);
      if (entry !== null) {
        const value = entry[3]!.trimEnd().replace(/[ \t]+#.*$/, "");
        const severity = section === "data" ? judgeEncoded(entry[2]!, value) : judgePlain(entry[2]!, value);
        const start = offset + line.lastIndexOf(value);
        if (severity !== undefined) found.push({ start, end: start + value.length, severity });
      }
    }
    offset += line.length + 1;
  }
  return found;
}

function judgeEncoded(name: string, value: string): Judged["severity"] | undefined {
  if (isTemplated(value) || !/^[A-Za-z0-9+/]{8,4000}={0,2}$/.test(value)) return undefined;
  const plain = Buffer.from(value, "base64").toString("latin1");
  if (
    /-----BEGIN [A-Z ]{0,20}CERTIFICATE-----|-----BEGIN [A-Z ]{0,20}PUBLIC KEY/.test(plain) &&
    !/PRIVATE KEY/.test(plain)
  )
    return undefined;
  if (/PRIVATE KEY-----|"auths?"[ ]{0,4}:/.test(plain)) return "error";
  if (/^[\x20-\x7e]+\s?$/.test(plain)) return judgePlain(name, plain.trim());
  // Bytes: a key, unless the name says what else they are.
  return /(?:\.crt|\.cert|\.ca|ca\.|\.pub|\.jks|\.p12|\.png|\.gz|release)$|^release$/.test(name) ||
    plain.length < 12 ||
    plain.length > 512
    ? undefined
    : "error";
}

function judgePlain(name: string, value: string): Judged["severity"] | undefined {
  if (isSomethingElse(value) || isTemplated(value)) return undefined;
  const kind = tellingName(name, 0, name.length)?.kind;
  const context = { literal: true, loose: false, test: false };
  const severity = assess(value, { ...context, kind: kind === "hint" || kind === undefined ? "secret" : kind });
  if (severity !== undefined) return severity;
  const credentials = /:\/\/[^\s:@/]{0,60}:([^\s@/]{4,200})@/.exec(value);
  if (credentials !== null)
    return isSomethingElse(credentials[1]!) ? undefined : assess(credentials[1]!, { ...context, kind: "password" });
  return kind !== undefined && isOpaque(value, 12) ? "error" : undefined;
}

export const KUBERNETES: readonly Rule[] = [
  {
    id: "kubernetes-secret",
    provider: "Kubernetes Secret",
    opens: "what the cluster keeps in it",
    keywords: ["kind: Secret", 'kind: "Secret', "kind: 'Secret"],
    before: BEFORE,
    window: WINDOW,
    gate: endsKind,
    judge: judgeManifest,
    severity: "error",
    generic: true,
    message: "a value of a Kubernetes Secret; base64 hides nothing",
    fix: "keep the manifest out of git or seal it (SealedSecret, SOPS, External Secrets)",
    example: (random) => {
      const value = made(random, 20);
      return random(2) === 0
        ? `apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\ndata:\n  password: ${Buffer.from(value).toString("base64")}\n`
        : `apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\nstringData:\n  api-token: ${value}\n`;
    },
    nearMisses: (random) => [
      "apiVersion: v1\nkind: Secret\ndata:\n  password: {{ .Values.password | b64enc }}\n",
      "apiVersion: v1\nkind: Secret\nstringData:\n  password: ${PASSWORD}\n",
      `apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec:\n  data:\n    password: Ag${draw(random, BASE62, 60)}\n`,
      `apiVersion: external-secrets.io/v1\nkind: SecretStore\ndata:\n  password: ${draw(random, BASE62, 20)}\n`,
      "apiVersion: v1\nkind: Secret\ndata:\n  username: YWRtaW4=\n",
    ],
    source: "https://kubernetes.io/docs/concepts/configuration/secret/",
  },
];
