/**
 * What stands where a secret could and is none, recognised by its form:
 *
 * - references: `${X}`, `{{ x }}`, `<x>`, `$TOKEN`, `%X%`, `process.env.X`, `op://…`;
 * - placeholders and examples: `changeme`, `your-api-key`, `xxxx`, the samples of
 *   RFC 7519, AWS and Stripe that every manual prints;
 * - encrypted values: Fernet tokens, SOPS, age, dotenvx, ansible-vault, sealed
 *   secrets, jasypt, PGP and JWE, git-crypt's and cloud KMS's envelopes;
 * - password hashes (bcrypt, argon2, scrypt, crypt): nobody logs in with one. Files
 *   that exist to hold them are the password-hash rule's;
 * - public by nature: integrity values, UUIDs, public keys, certificates,
 *   fingerprints, addresses without credentials, paths, versions, dates, selectors.
 *
 * All expressions are anchored and bounded: linear in a value that is bounded too.
 */

const REFERENCE =
  /^(?:\$\{[^}]{0,300}\}|\$\(.{0,300}\)|\$\$?[A-Za-z_][\w.:-]{0,80}(?:\[[^\]]{0,80}\])?|\{\{.{0,300}\}\}|\{%.{0,200}%\}|\{[\w.:$ -]{0,60}\}|<%.{0,200}%>|<[^<>]{1,120}>|\[[^\]]{0,80}\]|\(.{0,80}\)|%[A-Za-z_]\w{0,60}%|%[-+ 0-9.]{0,8}[sdvifrqx]|%\([\w.]{1,60}\)s|@[\w.]{1,60}@|#\{.{0,200}\}|__[A-Za-z0-9_]{1,60}__|:[a-z_]\w{0,40}|@\w{1,60}|@?Microsoft\.KeyVault\(.{0,200})$/;

/** What code reads it from. */
const READ_FROM =
  /^(?:(?:op|vault|secret|secrets|ssm|awssm|gcpsm|azkv|doppler|infisical|keychain|keyring|env|file|aws-sm|sm|akv|gopass|pass|bw|projects|ref\+[a-z]{1,20}):(?:\/\/|[A-Za-z_/])|vault:v?\d{0,3}[:/]|arn:aws|projects\/[\w-]{1,64}\/secrets\/|\/run\/secrets\/|(?:process|import\.meta|Deno|Bun)\.env|(?:os\.)?(?:environ|getenv)|ENV\[|System\.(?:get)?env|env[.(]|getenv|config[.[(]|secrets?[.[(]|vars?\.|var\.|local\.|data\.|module\.|self\.|this\.|settings\.|params?[.[]|args?\.|options?\.|opts\.|props\.|req(?:uest)?\.|ctx\.|context\.|state\.|values?\.|\.Values|!(?:Ref|Sub|GetAtt|vault|secret|env|ImportValue)\b|Fn::|\{\s?"?Ref)/;

/** Words that manuals put where a secret goes. */
const PLACEHOLDER =
  /example|placeholder|change[-_ ]?(?:me|this|it)|redacted|replace[-_ ]?(?:me|this|with)|(?:^|[^a-z])(?:your|my|the|some|any)[-_ .]?(?:own[-_ ]?|super[-_ ]?|very[-_ ]?|new[-_ ]?|real[-_ ]?|actual[-_ ]?|secure[-_ ]?|strong[-_ ]?)?(?:api|app|access|auth|client|db|database|secret|private|key|token|pass|user|password|account|service|admin|long|random|jwt|bot|personal|github|openai|aws|google|azure|stripe|slack|encryption|master|root|value|credential|web|here|project|org)|(?:^|[^a-z])your[-_A-Z]|[-_ ](?:here|goes[-_ ]?here)$|insert[-_ ]|put[-_ ](?:your|the)|(?:^|[^a-z])(?:anonymous|dummy|fake|mock|foobar|foo[-_]bar|sample|todo|fixme|tbd|n\/a|none|null|nil|undefined|default|notset|not[-_ ]set|unset|empty|hidden|masked|removed|secret[-_]?(?:key|token|value)|topsecret|supersecret)(?:[^a-z]|$)|(?<![a-z0-9])x{4}|x{6}|\*{3}|\.{3}|\u2026|\xe2\x80\xa6|\xe2\x80\xa2|0{8}|1{8}|(?:12345678|23456789|abcdefg|ABCDEFG|qwerty|asdfgh|deadbeef|cafebabe|0123456789|lorem|ipsum)/i;

const ENCRYPTED =
  /^(?:encrypted:|enc:|ENC[[(]|\$ANSIBLE_VAULT|!vault|gAAAAA[A-Za-z0-9_-]{20}|age1|age-encryption|-----BEGIN (?:PGP MESSAGE|AGE ENCRYPTED|PKCS7|CERTIFICATE|PUBLIC|RSA PUBLIC|SSH2 PUBLIC)|AQICAH|AQEC(?:AH|AQ)|vault:v\d|CiQA[A-Za-z0-9]|Ag[AB][A-Za-z0-9+/]{160}|eyJ[A-Za-z0-9_-]{0,20}(?:hbGciOiJ(?:SU0EtT0FFU|kaX|BMj|FQ0RI|UFYIi)|lbmMi)|U2FsdGVkX1|YWdlLWVuY3J5cHRpb24ub3Jn|hQ[EI]MA|wcB|\{(?:cipher|AES|aes|xor|DES)\}|cipher:|DPAPI:|AQAAANCMnd8BFdERjHoAwE)/;

/** Password hashes and digests that name themselves. */
const HASHED =
  /^(?:\$(?:2[abxy]|argon2\w{1,2}|scrypt|5|6|1|y|gy|7|apr1|pbkdf2[\w-]{0,20}|bcrypt[\w-]{0,10}|P|H|S|sha1|md5|ml\w{0,8})\$|\{(?:S?SHA\d{0,3}|S?MD5|CRYPT|BCRYPT|PBKDF2[\w-]{0,12}|ARGON2\w{0,2})\}|(?:pbkdf2|bcrypt|argon2|scrypt|sha\d{1,3}|md5|crypt)[\w:]{0,20}[:$(]|sha(?:1|224|256|384|512)[-:=]|md5[-:=]|SCRAM-SHA|SHA256:|(?:[0-9a-f]{2}:){7,64}[0-9a-f]{2}$)/i;

const PUBLIC =
  /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|ssh-(?:rsa|ed25519|dss) |ecdsa-sha2|MI[GIH][A-Za-z0-9]{2}[A-Za-z0-9+/]{0,12}(?:MA0G|BgkqhkiG9w0BAQ|BIGA|BIIB)|MIIB?I?jANB|MFkwEw|MCowBQYDK2V|MFYwEAY|MIGfMA0|data:|urn:|x-|X-|application\/|text\/|image\/|multipart\/|https?:\/\/|wss?:\/\/|ftp:\/\/|file:|git@|ssh:\/\/|npm:|node:|node_modules|workspace:|github:|mailto:|chrome-extension|[a-z]{2,6}:[a-z]{2,20}:|\d{4}-\d\d-\d\d|\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?$|v?\d{1,4}\.\d{1,4}(?:\.\d{1,6})?(?:[-+.][\w.-]{0,40})?$|0x[0-9a-f]{1,16}$|#[0-9a-f]{3,8}$|[+-]?\d{1,20}(?:\.\d{1,10})?$|[\^~><=]{1,2}\d)/i;

/** Code, markup or prose rather than one opaque word. */
const CODE =
  /^(?:\/[*/].{0,400}|[)\]},;][)\]},;:? +.].{0,400}|.{0,3}\+.{0,200}\+.{0,3}|[mM]-?[\d.]{1,12}[ ,-][\d.]{1,12}[a-zA-Z][\d. ,-].{0,400}|[A-Za-z_$][\w$]{0,60}(?:(?:\.|->|::|\?\.|\[['"]?)[A-Za-z_$][\w$]{0,60}['"]?\]?){1,8}(?:\(.{0,80})?|[A-Za-z_$][\w$.]{0,80}\(.{0,200}|[.#&][A-Za-z][\w-]{0,60}(?:[ .:#>[].{0,80})?|\[[\w-]{1,40}.{0,80}|\^.{1,200}|.{1,200}\$|(?:\.{0,2}|~|[A-Za-z]:)[/\\](?:[\w.@ -]{1,60}[/\\]){0,10}[\w.@ *-]{0,60}|[\w.-]{1,60}(?:[/\\][\w.@-]{1,60}){1,8}\.[a-z]{1,5}|\\[a-z(].{0,200}|.{0,80}\\[wWdDsSbB](?:[+*{?)\]\\-].{0,100}|$)|.{0,80}\(\?[:=!<].{0,100}|.{0,80}(?:=>|\]\+|\)\?|\.\*|&&|\|\||<\/|\/>).{0,200})$/;

/** The token at jwt.io and in RFC 7519, and others that every manual shows. */
const PUBLISHED =
  /^(?:eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9\.eyJzdWIiOiIxMjM0NTY3ODkwI|eyJhbGciOiJIUzI1NiJ9\.eyJzdWIi|eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9|QWxhZGRpbjpvcGVuIHNlc2FtZQ==|dXNlcm5hbWU6cGFzc3dvcmQ=|dXNlcjpwYXNzd29yZA==|dXNlcjpwYXNz$|2YotnFZFEjr1zCsicMWpAA|tGzv3JOkF0XG5Qx2TlKWIA|SplxlOBeZQQYbYS6WxSbIA|h480djs93hd8|ad180jjd733klru7|0685bd9184jfhq22|mF_9\.B5f|SlAV32hkKG|czZCaGRSa3F0M|7Fjfp0ZBr1KtDRbnfVdmIw|gX1fBat3bV|kFSPV2X9)/;

export function isReference(value: string): boolean {
  return REFERENCE.test(value) || READ_FROM.test(value);
}

export function isEncrypted(value: string): boolean {
  return ENCRYPTED.test(value);
}

export function isPasswordHash(value: string): boolean {
  return HASHED.test(value);
}

/** Whether a value says of itself that it is none, whatever its name. */
export function isPlaceholder(value: string): boolean {
  // A placeholder says so at once; a long value is not read to its end for it.
  return PLACEHOLDER.test(value.slice(0, 160)) || PUBLISHED.test(value);
}

/** Whether a value is something else than a secret by its form. */
export function isSomethingElse(value: string): boolean {
  return (
    isReference(value) || isEncrypted(value) || isPasswordHash(value) || PUBLIC.test(value) || isPlaceholder(value)
  );
}

/** Whether a value reads as code, a path, a selector or an expression. */
export function isCode(value: string): boolean {
  return CODE.test(value.slice(0, 256));
}

/** Whether templating is part of a value that is not all of it: `prefix-${X}`, `{{a}}-b`. */
export function isTemplated(value: string): boolean {
  return /\$\{ ?[A-Za-z_][\w.:?!|, '"()[\]@/-]{0,160}\}|\{\{[^{}]{1,200}\}\}|\$\([^)]{1,100}\)|<%[^%]{1,100}%>|#\{[^}]{1,100}\}|\{(?:\w{2,30})?\}|%\(\w{1,60}\)|\$(?:[A-Z][A-Z_]{2,40}|[a-z][a-z_]{2,40})(?![\w-])|<[A-Za-z][\w .-]{1,40}>/.test(
    value,
  );
}
