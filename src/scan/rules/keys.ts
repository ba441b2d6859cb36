/** Private keys in themselves, whoever they open for. */
import { bech32Checksum, isBech32 } from "../checksum.ts";
import { BASE62, draw, type Random, type Rule } from "../rule.ts";

const BASE64 = `${BASE62}+/`;
const KEY_FIX = "make a new key pair and retire this one; keep private keys out of the repository";

/** Lines of 64 base64 characters, as a PEM body has them. */
function drawBody(random: Random, head: string, lines: number, lineEnd: string): string {
  const all = head + draw(random, BASE64, lines * 64 - head.length);
  return all.match(/.{1,64}/g)!.join(lineEnd);
}

export const KEYS: readonly Rule[] = [
  {
    id: "private-key",
    provider: "private key (PEM)",
    opens: "whatever trusts its public half",
    keywords: ["-----BEGIN "],
    // The label, at most two headers (Proc-Type, Comment), then at least 64 characters of body with
    // line ends real or spelled `\n`. The body is read on to bound what else is looked at.
    pattern:
      "-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----((?:[ \\t\\r\\n\"'+,\\\\|]|\\\\[rn]){1,80}(?:[A-Za-z][A-Za-z-]{1,20}: ?[^\\r\\n\\\\]{1,100}(?:[ \\t\\r\\n]|\\\\[rn]){1,12}){0,3}(?:[A-Za-z0-9+/=](?:[ \\t\\r\\n\"'+,]|\\\\{1,2}[rn]){0,40}){64,8000})",
    opening:
      "-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[ \\t\\r\\n\"'+,\\\\|]|\\\\[rn]){1,40}(?:[A-Za-z0-9+/]{16}|[A-Za-z][A-Za-z-]{1,20}: )",
    window: 16384,
    boundary: "none",
    bitsPerCharacter: 0,
    verify: (body) => {
      const plain = body.replace(/[A-Za-z-]+: [^\r\n]*/g, "").replace(/\\+[rn]|[^A-Za-z0-9+/]/g, "");
      return (
        plain.length >= 64 && new Set(plain.slice(0, 200)).size >= 16 && !/EXAMPLE|YOURKEY|YourPrivateKey/.test(plain)
      );
    },
    severity: "error",
    example: (random) => {
      const [label, head] = (
        [
          ["RSA ", "MIIEpAIBAAKCAQEA"],
          ["", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"],
          ["OPENSSH ", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU"],
          ["EC ", "MHcCAQEEI"],
        ] as const
      )[random(4)]!;
      const end = random(2) === 0 ? "\n" : "\\n";
      return `-----BEGIN ${label}PRIVATE KEY-----${end}${drawBody(random, head, 4 + random(12), end)}${end}-----END ${label}PRIVATE KEY-----`;
    },
    nearMisses: () => [
      "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
      "-----BEGIN RSA PRIVATE KEY-----",
      "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----",
      `-----BEGIN RSA PRIVATE KEY-----\n${"x".repeat(64)}\n-----END RSA PRIVATE KEY-----`,
      "if (text.startsWith('-----BEGIN PRIVATE KEY-----')) return parse(text);",
    ],
    source: "https://www.rfc-editor.org/rfc/rfc7468",
    fix: KEY_FIX,
  },
  {
    id: "private-key-base64",
    provider: "private key (PEM in base64)",
    opens: "whatever trusts its public half",
    // base64 of "-----BEGIN " and a label that starts with R, E, O, D, P (RSA, EC, OPENSSH, DSA, PRIVATE)
    keywords: ["LS0tLS1CRUdJTi"],
    pattern: "LS0tLS1CRUdJTi[A-Za-z0-9+/]{100,12000}={0,2}",
    opening: "LS0tLS1CRUdJTi[A-Za-z0-9+/]{86}",
    class: "base64",
    minLength: 100,
    window: 12288,
    bitsPerCharacter: 0,
    verify: (text) => Buffer.from(text.slice(0, 80), "base64").toString("latin1").includes("PRIVATE KEY"),
    severity: "error",
    example: (random) =>
      Buffer.from(
        `-----BEGIN RSA PRIVATE KEY-----\n${drawBody(random, "MIIEpAIBAAKCAQEA", 8, "\n")}\n-----END RSA PRIVATE KEY-----\n`,
      ).toString("base64"),
    nearMisses: (random) => [
      Buffer.from(
        `-----BEGIN CERTIFICATE-----\n${drawBody(random, "MIID", 8, "\n")}\n-----END CERTIFICATE-----\n`,
      ).toString("base64"),
    ],
    source: "https://www.rfc-editor.org/rfc/rfc7468",
    fix: KEY_FIX,
  },
  {
    id: "age-secret-key",
    provider: "age",
    opens: "every file encrypted to its recipient",
    keywords: ["AGE-SECRET-KEY-1"],
    pattern: "AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}(?![A-Z0-9])",
    class: "upper-alnum",
    minLength: 58,
    checksum: isBech32,
    severity: "error",
    example: (random) => {
      const data = draw(random, "qpzry9x8gf2tvdw0s3jn54khce6mua7l", 52);
      return `AGE-SECRET-KEY-1${data}${bech32Checksum("age-secret-key-", data)}`.toUpperCase();
    },
    nearMisses: (random) => [
      `AGE-SECRET-KEY-1${"Q".repeat(58)}`,
      "AGE-SECRET-KEY-1...",
      `age1${draw(random, "qpzry9x8gf2tvdw0s3jn54khce6mua7l", 58)}`,
    ],
    source: "https://github.com/C2SP/C2SP/blob/main/age.md",
    fix: KEY_FIX,
  },
  {
    id: "fernet-key",
    provider: "Fernet",
    opens: "whatever was encrypted with it",
    keywords: ["fernet_key", "fernet-key", "fernetkey", "formation_key", "encryption_key"],
    ignoreCase: true,
    // 32 bytes leave two zero bits in character 43, which only these letters have.
    pattern:
      "(?:fernet[_-]?key|formation_key|encryption_key)\\\\?[\"'`]?\\]?[ \\t]{0,8}(?::=|=>|[:=]|,)[ \\t]{0,8}(?:b|Fernet\\()?\\\\?[\"'`]?([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]=)(?![\\w=-])",
    boundary: "none",
    severity: "error",
    generic: true,
    example: (random) => `FERNET_KEY="${draw(random, `${BASE62}-_`, 42)}${"AEIMQUYcgkosw048"[random(16)]}="`,
    nearMisses: (random) => [
      `FERNET_KEY=${"A".repeat(43)}=`,
      `fernet_key: ${draw(random, BASE62, 42)}B=`,
      `integrity: sha256-${draw(random, BASE62, 42)}A=`,
      "fernet_key = Fernet.generate_key()",
    ],
    source: "https://github.com/fernet/spec/blob/master/Spec.md",
    fix: KEY_FIX,
  },
];
