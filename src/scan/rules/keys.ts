/** Private keys in themselves, whoever they open for. */
import { bech32Checksum, isBech32 } from "../checksum.ts";
import { BASE62, draw, HEX, type Random, type Rule, URL64 } from "../rule.ts";
import { isOpensshKey, isPemBody, isPemInBase64, isPrivateDer, isPuttyBody, isSignedJwt } from "../structure.ts";
import { nearName } from "./near-name.ts";
import { base64, chars, prefixed } from "./shapes.ts";

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
    verify: isPemBody,
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
    verify: isPemInBase64,
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
    example: (random) => {
      const name = ["FERNET_KEY", "fernet-key", "fernetKey", "FORMATION_KEY", "encryption_key"][random(5)]!;
      return `${name}="${draw(random, `${BASE62}-_`, 42)}${"AEIMQUYcgkosw048"[random(16)]}="`;
    },
    nearMisses: (random) => [
      `FERNET_KEY=${"A".repeat(43)}=`,
      `fernet_key: ${draw(random, BASE62, 42)}B=`,
      `integrity: sha256-${draw(random, BASE62, 42)}A=`,
      "fernet_key = Fernet.generate_key()",
    ],
    source: "https://github.com/fernet/spec/blob/master/Spec.md",
    fix: KEY_FIX,
  },
  prefixed({
    id: "age-post-quantum-key",
    provider: "age",
    opens: "every file encrypted to its recipient",
    prefix: "AGE-SECRET-KEY-PQ-1",
    body: chars("[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58, 120),
    checksum: isBech32,
    example: (random) => {
      const data = draw(random, "qpzry9x8gf2tvdw0s3jn54khce6mua7l", 52);
      return `AGE-SECRET-KEY-PQ-1${data}${bech32Checksum("age-secret-key-pq-", data)}`.toUpperCase();
    },
    source: "https://github.com/C2SP/C2SP/blob/main/age.md",
    fix: KEY_FIX,
  }),
  prefixed({
    id: "age-plugin-identity",
    provider: "age plugin",
    opens: "files encrypted to its recipient, with the device it names",
    prefix: ["AGE-PLUGIN-YUBIKEY-1", "AGE-PLUGIN-SE-1", "AGE-PLUGIN-TPM-1"],
    body: chars("[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 20, 400),
    severity: "warning",
    source: "https://github.com/C2SP/C2SP/blob/main/age-plugin.md",
    fix: KEY_FIX,
  }),
  {
    id: "putty-private-key",
    provider: "private key (PuTTY)",
    opens: "whatever trusts its public half",
    keywords: ["PuTTY-User-Key-File-"],
    pattern:
      "PuTTY-User-Key-File-[1-3]: [\\w@.-]{1,60}[^]{1,3000}?Private-Lines: [0-9]{1,4}(?:\\r?\\n|\\\\n)((?:[A-Za-z0-9+/=](?:[\\r\\n]|\\\\[rn]){0,4}){40,4000})",
    window: 8192,
    boundary: "none",
    bitsPerCharacter: 0,
    verify: isPuttyBody,
    severity: "error",
    example: (random) =>
      `PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: deploy\nPublic-Lines: 2\n${drawBody(random, "AAAAC3NzaC1lZDI1NTE5", 2, "\n")}\nPrivate-Lines: 1\n${draw(random, BASE64, 48)}\nPrivate-MAC: ${draw(random, HEX, 64)}`,
    nearMisses: () => ["PuTTY-User-Key-File-2: ssh-rsa", "PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 1\n..."],
    source: "https://the.earth.li/~sgtatham/putty/0.81/htmldoc/AppendixC.html",
    fix: KEY_FIX,
  },
  {
    id: "ssh2-private-key",
    provider: "private key (SSH2)",
    opens: "whatever trusts its public half",
    keywords: ["---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----"],
    pattern:
      "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----(?:[\\r\\n]|\\\\[rn]){1,4}(?:[A-Za-z-]{1,20}: [^\\r\\n\\\\]{1,100}(?:[\\r\\n]|\\\\[rn]){1,4}){0,3}((?:[A-Za-z0-9+/=](?:[\\r\\n]|\\\\[rn]){0,4}){64,4000})",
    window: 8192,
    boundary: "none",
    bitsPerCharacter: 0,
    verify: isPemBody,
    severity: "error",
    example: (random) =>
      [
        "---- BEGIN SSH2 ENCRYPTED PRIVATE",
        `KEY ----\nComment: "deploy"\n${drawBody(random, "P2/56wAAA", 6, "\n")}\n`,
      ].join(" "),
    nearMisses: () => [["---- BEGIN SSH2 ENCRYPTED PRIVATE", "KEY ----"].join(" ")],
    source: "https://www.rfc-editor.org/rfc/rfc4716",
    fix: KEY_FIX,
  },
  {
    id: "openssh-key-body",
    provider: "private key (OpenSSH)",
    opens: "whatever trusts its public half",
    // The binary header alone, where someone left the PEM lines out.
    keywords: ["b3BlbnNzaC1rZXktdjEA"],
    pattern: "b3BlbnNzaC1rZXktdjEA(?:[A-Za-z0-9+/=](?:\\\\n|[\\r\\n ]){0,3}){100,6000}",
    window: 8192,
    bitsPerCharacter: 0,
    verify: isOpensshKey,
    severity: "error",
    generic: true,
    example: (random) => `b3BlbnNzaC1rZXktdjEAAAAABG5vbmU${draw(random, BASE64, 300)}`,
    nearMisses: (random) => ["b3BlbnNzaC1rZXktdjEA", `b3BlbnNzaC1rZXktdjEA${draw(random, BASE64, 40)}`],
    source: "https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key",
    fix: KEY_FIX,
  },
  {
    id: "private-key-der",
    provider: "private key (DER in base64)",
    opens: "whatever trusts its public half",
    // What the sequence and a small version number begin with: PKCS 1, PKCS 8 and SEC 1 of the usual sizes.
    keywords: [
      "MIIEpAIBAAK",
      "MIIEowIBAAK",
      "MIIEogIBAAK",
      "MIICXAIBAAK",
      "MIICXQIBAAK",
      "MIICXgIBAAK",
      "MIIJKAIBAAK",
      "MIIJKQIBAAK",
      "MIIJJwIBAAK",
      "MIIEvQIBADANBgkqhkiG9w0BAQ",
      "MIIEvAIBADANBgkqhkiG9w0BAQ",
      "MIIEvgIBADANBgkqhkiG9w0BAQ",
      "MIICdwIBADANBgkqhkiG9w0BAQ",
      "MIICdgIBADANBgkqhkiG9w0BAQ",
      "MIIJQwIBADANBgkqhkiG9w0BAQ",
      "MIIJQgIBADANBgkqhkiG9w0BAQ",
      "MIGHAgEAMBMGByqGSM49AgEG",
      "MHcCAQEEI",
      "MC4CAQAwBQYDK2Vw",
    ],
    pattern: "(?:MII(?:Ep|Eo|CX|JK|JJ|Ev|Cd|JQ)|MIGH|MHcC|MC4C)[A-Za-z0-9+/]{50,3400}={0,2}(?![A-Za-z0-9+/=])",
    window: 3600,
    bitsPerCharacter: 0,
    verify: isPrivateDer,
    severity: "error",
    generic: true,
    example: (random) =>
      Buffer.concat([Buffer.from("308204a40201000282010100", "hex"), Buffer.from(draw(random, HEX, 1184 * 2), "hex")])
        .subarray(0, 1192)
        .toString("base64"),
    nearMisses: (random) => [
      `MIIEpAIBAAKCAQEA${draw(random, BASE64, 400)}`,
      "MIIEpAIBAAK...",
      `MHcCAQEEI${draw(random, BASE64, 30)}`,
    ],
    source: "https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.2",
    fix: KEY_FIX,
  },
  {
    id: "json-web-token",
    provider: "JSON Web Token",
    opens: "what it was signed for, until it expires",
    keywords: ["eyJ"],
    pattern: "eyJ[\\w-]{10,1000}\\.eyJ[\\w-]{10,6000}\\.[\\w-]{20,1400}(?![\\w-])",
    class: "url64",
    minLength: 12,
    opening: "eyJ[\\w-]{10}",
    window: 8192,
    bitsPerCharacter: 0,
    verify: isSignedJwt,
    severity: "warning",
    generic: true,
    example: (random) =>
      `${Buffer.from('{"alg":"RS256","typ":"JWT"}').toString("base64url")}.${Buffer.from(`{"sub":"${draw(random, HEX, 24)}","iss":"https://acme.test"}`).toString("base64url")}.${draw(random, URL64, 86)}`,
    nearMisses: (random) => [
      // jwt.io's own.
      `${Buffer.from('{"alg":"HS256","typ":"JWT"}').toString("base64url")}.${Buffer.from('{"sub":"1234567890","name":"John Doe","iat":1516239022}').toString("base64url")}.${draw(random, URL64, 43)}`,
      `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"sub":"a","admin":true}').toString("base64url")}.${draw(random, URL64, 43)}`,
      `eyJ${draw(random, URL64, 30)}.eyJ${draw(random, URL64, 30)}.${draw(random, URL64, 43)}`,
      "eyJhbGciOi...",
    ],
    source: "https://www.rfc-editor.org/rfc/rfc7519",
    fix: "let it expire or revoke the session; sign tokens at run time and keep none in files",
  },
  {
    id: "jwk-private-key",
    provider: "private key (JSON Web Key)",
    opens: "whatever trusts its public half",
    keywords: ['"kty"', "'kty'"],
    pattern:
      "[\"']kty[\"'][ \\t]{0,4}:[^{}]{1,2600}?[\"']d[\"'][ \\t]{0,4}:[ \\t\\r\\n]{0,8}[\"']([\\w-]{40,800})[\"']",
    window: 3400,
    boundary: "none",
    severity: "error",
    example: (random) => `{"kty":"EC","crv":"P-256","x":"${draw(random, URL64, 43)}","d":"${draw(random, URL64, 43)}"}`,
    nearMisses: (random) => [
      `{"kty":"EC","crv":"P-256","x":"${draw(random, URL64, 43)}","y":"${draw(random, URL64, 43)}"}`,
      '{"kty":"EC","d":"..."}',
    ],
    source: "https://www.rfc-editor.org/rfc/rfc7517",
    fix: KEY_FIX,
  },
  {
    id: "wireguard-private-key",
    provider: "WireGuard",
    opens: "a network",
    keywords: ["PrivateKey", "PresharedKey"],
    pattern:
      "(?:PrivateKey|PresharedKey)[ \\t]{0,8}[=:][ \\t]{0,8}[\"']?([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)(?![A-Za-z0-9+/=])",
    severity: "error",
    example: (random) => `PrivateKey = ${draw(random, BASE64, 42)}${"AEIMQUYcgkosw048"[random(16)]}=`,
    nearMisses: (random) => [
      `PrivateKey = ${"A".repeat(43)}=`,
      `PublicKey = ${draw(random, BASE64, 42)}A=`,
      "PrivateKey = <key>",
    ],
    source: "https://www.wireguard.com/quickstart/",
    fix: KEY_FIX,
  },
  prefixed({
    id: "minisign-secret-key",
    provider: "minisign",
    opens: "signatures in its owner's name",
    prefix: "RWRTY0Iy",
    body: base64(200),
    after: "[\\w+/]",
    source: "https://jedisct1.github.io/minisign/",
    fix: KEY_FIX,
  }),
  prefixed({
    id: "signify-secret-key",
    provider: "signify",
    opens: "signatures in its owner's name",
    prefix: "RWRCSwAA",
    body: base64(130, 140),
    after: "[\\w+/]",
    source: "https://man.openbsd.org/signify",
    fix: KEY_FIX,
  }),
  prefixed({
    id: "nkey-seed",
    provider: "NATS",
    opens: "a user or account of a broker",
    prefix: ["SUA", "SAA", "SOA", "SNA", "SCA"],
    body: chars("[A-Z2-7]", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 55),
    bitsPerCharacter: 2.6,
    source: "https://docs.nats.io/using-nats/developer/connecting/nkey",
  }),
  nearName({
    id: "rails-master-key",
    provider: "Rails",
    opens: "the encrypted credentials of an application",
    names: ["rails_master", "secret_key_base"],
    values: "hex:128 hex:32",
    source: "https://guides.rubyonrails.org/security.html",
  }),
];
