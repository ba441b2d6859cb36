/**
 * Passwords in commands, where no name stands before them: `curl -u user:password`,
 * `sshpass -p …`, `mysql -p…`, `docker login -p …`. Flags with a telling name
 * (`--password …`) are the generic-password rule's.
 *
 * Each form is read from the command's name on, over one line (continued with a
 * backslash or not), and bounded.
 */
import type { JudgeContext, Judged, Rule } from "../rule.ts";
import { isTestPath } from "./assigned.ts";
import { made } from "./example.ts";
import { assess } from "./strength.ts";

/** Words of a command before the flag. */
const WORDS = "(?:[^\\n|;&<>]|\\\\\\r?\\n){0,300}?[ \\t\"',]";
const VALUE = "[\"']?([^\\s\"'`;|&<>]{3,128})[\"']?";

const FORMS: readonly { command: RegExp; form: string }[] = [
  {
    command: /^(?:curl|wget|https?|xh)$/,
    form: `${WORDS}(?:-u|-U|--user|--proxy-user|-a|--auth)(?:[ =]|["'],? ?)?["']?[^\\s"':]{1,100}:([^\\s"'\`]{3,128})`,
  },
  { command: /^sshpass$/, form: `${WORDS}-p[ ]?${VALUE}` },
  {
    command: /^(?:mysql|mysqldump|mysqladmin|mysqlimport|mariadb)$/,
    form: `${WORDS}-p["']?([^\\s"'\`;|&<>]{3,128})`,
  },
  {
    command:
      /^(?:docker|podman|helm|nerdctl|oras|crane|buildah|az|oc|mongo|mongosh|mongodump|cqlsh|mosquitto_pub|rabbitmqadmin)$/,
    form: `${WORDS}-[pP][ ]${VALUE}`,
  },
  { command: /^(?:redis-cli)$/, form: `${WORDS}-a[ ]${VALUE}` },
  { command: /^(?:ldap\w{3,8})$/, form: `${WORDS}-w[ ]${VALUE}` },
  {
    command: /^(?:openssl|keytool|jarsigner)$/,
    form: `${WORDS}(?:-pass(?:in|out)?[ ]["']?pass:|-(?:store|key)pass[ ])${VALUE}`,
  },
  { command: /^smbclient$/, form: `${WORDS}-U[ ]?["']?[^\\s"'%]{1,80}%([^\\s"'\`]{3,128})` },
  { command: /^(?:unzip|zip|sqlcmd|bcp)$/, form: `${WORDS}-P[ ]?${VALUE}` },
  { command: /^7z[az]?$/, form: `${WORDS}-p["']?([^\\s"'\`;|&<>]{3,128})` },
  { command: /^ConvertTo-SecureString$/, form: `[ ](?:-String[ ])?["']([^\\s"'\`]{3,128})["']` },
  {
    command: /^echo$/,
    form: `[ ](?:-\\w{1,2}[ ])?["']?(?:[\\w.-]{1,40}:)?([^\\s"'|\`]{3,128})["']?[ ]{0,3}\\|[ ]{0,3}(?:sudo|docker|podman|helm|chpasswd|passwd|kinit|cryptsetup|gh|oc|openssl)(?![\\w-])`,
  },
  { command: /^htpasswd$/, form: `[ ]-\\w{0,6}b\\w{0,6}[ ][^\\s]{1,200}[ ][^\\s]{1,64}[ ]${VALUE}` },
];

/** Forms by their source, made when first needed. */
const compiled = new Map<string, RegExp>();

const KEYWORDS = [
  "curl ",
  "wget ",
  "http ",
  "https ",
  "sshpass ",
  "mysql ",
  "mysqldump ",
  "mysqladmin ",
  "mysqlimport ",
  "mariadb ",
  "docker login",
  "podman login",
  "helm registry login",
  "nerdctl login",
  "oras login",
  "crane auth login",
  "buildah login",
  "az login",
  "az acr login",
  "oc login",
  "mongo ",
  "mongosh ",
  "mongodump ",
  "redis-cli ",
  "ldapsearch ",
  "ldapmodify ",
  "ldapadd ",
  "openssl ",
  "keytool ",
  "jarsigner ",
  "smbclient ",
  "unzip ",
  "zip ",
  "sqlcmd ",
  "7z ",
  "7za ",
  "htpasswd ",
  "echo ",
  "ConvertTo-SecureString ",
  "cqlsh ",
  "rabbitmqadmin ",
];

/** Whether a flag follows within the command's line. */
export function flagFollows(bytes: Uint8Array, _start: number, end: number): boolean {
  const stop = Math.min(bytes.length, end + 300);
  for (let at = end - 1; at < stop; at++) {
    const byte = bytes[at]!;
    if (byte === 10 && bytes[at - 1] !== 92) return false;
    if ((byte === 45 && bytes[at - 1]! <= 39) || (at === end && (byte === 34 || byte === 39))) return true;
  }
  return false;
}

export function judgeCommand(text: string, at: number, { path }: JudgeContext): Judged | undefined {
  const command = /^[\w-]{2,24}/.exec(text.slice(at, at + 32))?.[0] ?? "";
  const known = FORMS.find((candidate) => candidate.command.test(command));
  if (known === undefined) return undefined;
  const form = compiled.get(known.form) ?? new RegExp(known.form, "y");
  compiled.set(known.form, form);
  form.lastIndex = at + command.length;
  const match = form.exec(text);
  if (match === null) return undefined;
  const value = match[1]!;
  const start = at + command.length + match[0].lastIndexOf(value);
  // `docker run -p 8080:80`, `curl -u user: …`: ports and flags are no passwords.
  if (/^(?:-|\d{1,5}(?::\d{1,5})?$)/.test(value)) return undefined;
  const severity = assess(value, { kind: "password", literal: true, loose: false, test: isTestPath(path) });
  return severity === undefined ? undefined : { start, end: start + value.length, severity };
}

export const COMMANDS: readonly Rule[] = [
  {
    id: "command-line-password",
    provider: "command line",
    opens: "what the command logs in to",
    keywords: KEYWORDS,
    window: 640,
    gate: flagFollows,
    judge: judgeCommand,
    severity: "error",
    generic: true,
    message: "a password in a command; it also shows in the list of processes",
    fix: "keep it with 'git muxi secrets set NAME' or in the environment, and let the command read it from a file, a variable or standard input",
    example: (random) => {
      const password = made(random, 14);
      return [
        `curl -s -u deploy:${password} https://api.acme.io/v1`,
        `sshpass -p ${password} ssh root@host`,
        `mysql -u root -p${password} app`,
        `docker login -u ci -p ${password} registry.acme.io`,
        `redis-cli -h cache -a ${password} ping`,
      ][random(5)]!;
    },
    nearMisses: () => [
      "curl -u user:password https://api.acme.io",
      "curl -u $USER:$TOKEN https://api.acme.io",
      'curl -u "${USER}:${TOKEN}" https://api.acme.io',
      "sshpass -p $PASSWORD ssh root@host",
      "mysql -u root -p app2024",
      "docker login -u ci --password-stdin registry.acme.io",
      "docker run -p 8080:8080 acme/app:1.2.3",
      "openssl req -passin env:KEYPASS2024",
      "redis-cli -a ${REDIS_PASSWORD} ping",
    ],
    source: "https://cwe.mitre.org/data/definitions/214.html",
  },
];
