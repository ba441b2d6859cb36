/**
 * Files of passwords that have no keyword of their own: PostgreSQL's `.pgpass`
 * (`host:port:database:user:password`) and the hashes of htpasswd and shadow.
 *
 * A password's hash logs nobody in, so it is silent wherever it stands as a value.
 * A line `user:hash` is another matter: it is a list of accounts to try guesses on,
 * at leisure where the hash is fast (MD5, SHA-1, DES). It warns.
 */
import { BASE62, draw, type Judged, type Rule } from "../rule.ts";
import { made } from "./example.ts";
import { isSomethingElse, isTemplated } from "./recognise.ts";
import { strengthOf } from "./strength.ts";

const PGPASS =
  /(?:^|\n)((?:[^\s:\\]|\\.){1,253}):(\d{1,5}|\*):((?:[^\n:\\]|\\.){1,63}):((?:[^\n:\\]|\\.){1,63}):([^\s:]{4,200})[ \t]*(?=\r?\n|$)/g;

export function judgePgpass(text: string, at: number): Judged | undefined {
  const from = Math.max(0, text.lastIndexOf("\n", at - 1));
  const stop = text.indexOf("\n", at);
  const line = text.slice(from, stop < 0 ? text.length : stop);
  PGPASS.lastIndex = 0;
  const match = PGPASS.exec(line);
  if (match === null) return undefined;
  const password = match[5]!;
  const { bits, manual } = strengthOf(password);
  if (isSomethingElse(password) || isTemplated(password) || password === match[4] || manual || bits < 18)
    return undefined;
  const start = from + match.index + match[0].lastIndexOf(password);
  return { start, end: start + password.length };
}

const HASH_LINE =
  /(?:^|[\r\n])[A-Za-z_][\w.@+-]{0,60}:(\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}|\{SHA\}[A-Za-z0-9+/]{27}=|\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}|\$(?:1|5|6)\$(?:rounds=\d{1,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{22,86}|\$y\$[./A-Za-z0-9]{2,8}\$[./A-Za-z0-9]{4,86}\$[./A-Za-z0-9]{43})(?=:|\s|$)/;

export function judgeHash(text: string, at: number): Judged | undefined {
  const from = Math.max(text.lastIndexOf("\n", at - 1), 0);
  const match = HASH_LINE.exec(text.slice(from, at + 200));
  if (match === null) return undefined;
  const start = from + match.index + match[0].length - match[1]!.length;
  return start === at + 1 ? { start, end: start + match[1]!.length } : undefined;
}

export const PASSWORD_FILES: readonly Rule[] = [
  {
    id: "pgpass-password",
    provider: "PostgreSQL password file",
    opens: "the database that its line names",
    keywords: [":5432:", ":*:*:", ":6432:", ":5433:", ":*:"],
    boundary: "none",
    before: 256,
    window: 512,
    judge: judgePgpass,
    severity: "error",
    generic: true,
    message: "a line of a PostgreSQL password file",
    fix: "keep .pgpass in the home folder, readable by its owner alone, and out of git",
    example: (random) => `\ndb${random(90) + 10}.acme.io:5432:app:deploy:${made(random, 16)}\n`,
    nearMisses: () => [
      "\nhostname:5432:database:username:password\n",
      "\ndb.acme.io:5432:app:deploy:${PGPASSWORD}\n",
      "\nlocalhost:5432:app:app:app\n",
      "\n1970:5432:1:2:3456\n",
    ],
    source: "https://www.postgresql.org/docs/current/libpq-pgpass.html",
  },
  {
    id: "password-hash-list",
    provider: "password hash",
    opens: "the account, once it is guessed",
    keywords: [":$apr1$", ":{SHA}", ":$2y$", ":$2a$", ":$2b$", ":$1$", ":$5$", ":$6$", ":$y$"],
    boundary: "none",
    before: 96,
    window: 256,
    judge: judgeHash,
    severity: "warning",
    generic: true,
    message: "an account with its password's hash, which can be guessed at leisure",
    fix: "keep the file out of git and make it on the server; change the passwords if they are short",
    example: (random) => `\nalice:$apr1$${draw(random, BASE62, 8)}$${draw(random, BASE62, 22)}\n`,
    nearMisses: (random) => [
      "\nalice:$apr1$...\n",
      `\nhash = $2b$12$${draw(random, BASE62, 53)}\n`,
      `\n  "password": "$2b$12$${draw(random, BASE62, 53)}"\n`,
    ],
    source: "https://httpd.apache.org/docs/2.4/misc/password_encryptions.html",
  },
];
