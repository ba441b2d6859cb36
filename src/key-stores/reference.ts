/**
 * References to a key in a password manager or secret store, and how its own
 * command line program is asked for it and given it:
 *
 * | reference | program | where |
 * |---|---|---|
 * | `vault:MOUNT/PATH[#FIELD]` | `vault` | HashiCorp Vault, key-value engine; field `key` |
 * | `aws:SECRET-ID` | `aws` | AWS Secrets Manager, name or ARN |
 * | `azure:VAULT/NAME` | `az` | Azure Key Vault |
 * | `gcp:[PROJECT/]NAME` | `gcloud` | Google Secret Manager, latest version |
 * | `op:VAULT/ITEM[/FIELD]` | `op` | 1Password; field `password` |
 * | `bw:ITEM` | `bw` | Bitwarden, the password of a login |
 *
 * A program is given an argument array and the key on its stdin only. Nothing
 * that stands in a reference becomes an option.
 */
import { MuxiGitError } from "../errors.ts";
import { escapeText } from "../escape.ts";

export interface ProgramCall {
  args: readonly string[];
  /** For stdin. */
  input?: string;
  /** The program opens `/dev/stdin` by name, which must be a pipe then. */
  opensStdin?: boolean;
}

export interface StoringCalls extends ProgramCall {
  /** What the program says where there is nothing yet to store into, and what makes it. */
  orElse?: { when: RegExp; call: ProgramCall };
  /** Succeeds where something of this name is there that cannot be changed without showing it to other processes. */
  unless?: ProgramCall;
}

export interface KeyReference {
  /** As it was given. */
  text: string;
  program: string;
  reading: ProgramCall;
  storing(key: string): StoringCalls;
}

interface Store {
  program: string;
  form: string;
  /** The parts of what follows the colon; null where it has another form. */
  parts(rest: string): string[] | null;
  reading(...parts: string[]): readonly string[];
  storing(key: string, ...parts: string[]): StoringCalls;
}

/** `count` parts between slashes, the last of which takes the rest. */
function slashed(rest: string, count: number): string[] | null {
  const all = rest.split("/");
  if (all.length < count) return null;
  return [...all.slice(0, count - 1), all.slice(count - 1).join("/")];
}

const gcpProject = (project: string): string[] => (project === "" ? [] : [`--project=${project}`]);
const STDIN_FILE = "/dev/stdin";

const STORES: Readonly<Record<string, Store>> = {
  vault: {
    program: "vault",
    form: "vault:MOUNT/PATH[#FIELD]",
    parts(rest) {
      const [path = "", field = "key", ...more] = rest.split("#");
      return path.includes("/") && more.length === 0 ? [path, field] : null;
    },
    reading: (path, field) => ["kv", "get", `-field=${field}`, path!],
    storing: (key, path, field) => ({
      // The other fields of the secret stay.
      args: ["kv", "patch", path!, `${field}=-`],
      input: key,
      orElse: { when: /no value found|not found/i, call: { args: ["kv", "put", path!, `${field}=-`], input: key } },
    }),
  },
  aws: {
    program: "aws",
    form: "aws:SECRET-ID",
    parts: (rest) => [rest],
    reading: (id) => [
      "secretsmanager",
      "get-secret-value",
      "--secret-id",
      id!,
      "--query",
      "SecretString",
      "--output",
      "text",
    ],
    storing(key, id) {
      const value = ["--secret-string", `file://${STDIN_FILE}`];
      return {
        args: ["secretsmanager", "put-secret-value", "--secret-id", id!, ...value],
        input: key,
        opensStdin: true,
        orElse: {
          when: /ResourceNotFoundException/,
          call: { args: ["secretsmanager", "create-secret", "--name", id!, ...value], input: key, opensStdin: true },
        },
      };
    },
  },
  azure: {
    program: "az",
    form: "azure:VAULT/NAME",
    parts: (rest) => slashed(rest, 2),
    reading: (vault, name) => [
      ...["keyvault", "secret", "show", "--vault-name", vault!, "--name", name!],
      ...["--query", "value", "--output", "tsv"],
    ],
    storing: (key, vault, name) => ({
      args: [
        ...["keyvault", "secret", "set", "--vault-name", vault!, "--name", name!],
        ...["--file", STDIN_FILE, "--encoding", "utf-8", "--output", "none"],
      ],
      input: key,
      opensStdin: true,
    }),
  },
  gcp: {
    program: "gcloud",
    form: "gcp:[PROJECT/]NAME",
    parts: (rest) => (rest.includes("/") ? slashed(rest, 2) : ["", rest]),
    reading: (project, name) => [
      "secrets",
      "versions",
      "access",
      "latest",
      `--secret=${name}`,
      ...gcpProject(project!),
    ],
    storing: (key, project, name) => ({
      args: ["secrets", "versions", "add", name!, "--data-file=-", ...gcpProject(project!)],
      input: key,
      orElse: {
        when: /NOT_FOUND/,
        call: {
          args: [
            "secrets",
            "create",
            name!,
            "--replication-policy=automatic",
            "--data-file=-",
            ...gcpProject(project!),
          ],
          input: key,
        },
      },
    }),
  },
  op: {
    program: "op",
    form: "op:VAULT/ITEM[/FIELD]",
    parts(rest) {
      const all = rest.replace(/^\/\//, "").split("/");
      return all.length === 2 || all.length === 3 ? [all[0]!, all[1]!, all[2] ?? "password"] : null;
    },
    reading: (vault, item, field) => ["read", "--no-newline", `op://${vault}/${item}/${field}`],
    storing: (key, vault, item, field) => ({
      // `op item edit` takes the value as an argument, or the whole item.
      unless: { args: ["item", "get", item!, "--vault", vault!] },
      args: ["item", "create", "--vault", vault!, "-"],
      input: JSON.stringify({
        title: item,
        category: "PASSWORD",
        fields: [{ id: field, label: field, type: "CONCEALED", value: key }],
      }),
    }),
  },
  bw: {
    program: "bw",
    form: "bw:ITEM",
    parts: (rest) => [rest],
    reading: (item) => ["get", "password", item!],
    storing: (key, item) => ({
      unless: { args: ["get", "item", item!] },
      args: ["create", "item"],
      // As `bw encode` makes it; a login is type 1.
      input: Buffer.from(JSON.stringify({ type: 1, name: item, login: { password: key } })).toString("base64"),
    }),
  },
};

export const REFERENCE_FORMS: readonly string[] = Object.values(STORES).map(({ form }) => form);

/** Where the formation's path stands in a reference or command that is for several. */
export const PLACEHOLDER = "{formation}";

/**
 * @throws MuxiGitError `bad-reference` for an unknown store or another form, an empty part, a control character, and a
 *   part that begins like an option.
 */
export function parseReference(text: string): KeyReference {
  const colon = text.indexOf(":");
  const scheme = text.slice(0, Math.max(colon, 0));
  const store = Object.hasOwn(STORES, scheme) ? STORES[scheme] : undefined;
  if (store === undefined) {
    throw new MuxiGitError("bad-reference", "a reference to a key begins with the name of its store", {
      hint: REFERENCE_FORMS.join(", "),
    });
  }
  const parts = store.parts(text.slice(colon + 1));
  const optional = store.program === "gcloud" ? 1 : 0;
  const isBad = (part: string, at: number): boolean =>
    (part === "" && at >= optional) || part.startsWith("-") || escapeText(part) !== part;
  if (parts === null || parts.some(isBad)) {
    throw new MuxiGitError("bad-reference", `'${escapeText(text)}' is not of the form ${store.form}`, {
      hint: `write it as ${store.form}`,
    });
  }
  return {
    text,
    program: store.program,
    reading: { args: store.reading(...parts) },
    storing: (key) => store.storing(key, ...parts),
  };
}

/**
 * The words of a command from git's configuration, as git splits an alias: white
 * space between them, quotes of both kinds, backslashes. No shell, no variables.
 *
 * @throws MuxiGitError `bad-command` for a quote that does not end, and for none at all.
 */
export function splitCommand(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]!;
    if (quote === null && /\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (quote === null && (character === "'" || character === '"')) {
      quote = character;
      word ??= "";
    } else if (character === quote) quote = null;
    else if (character === "\\" && quote !== "'" && at + 1 < text.length) {
      at += 1;
      word = (word ?? "") + text[at]!;
    } else word = (word ?? "") + character;
  }
  if (word !== null) words.push(word);
  if (quote !== null || words[0] === undefined || words[0] === "") {
    throw new MuxiGitError("bad-command", "the command in git's configuration is empty, or a quote in it does not end");
  }
  return words;
}
