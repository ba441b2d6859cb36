/** Generic detection: every notation with a secret in it, and its twins with something else in the same place. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import { createScanner } from "../../src/scan/engine.ts";
import { GENERIC } from "../../src/scan/generic/index.ts";
import { BASE62, draw, HEX, LOWER } from "../../src/scan/rule.ts";
import { seededRandom } from "./seeded-random.ts";

const scanner = createScanner({ rules: GENERIC });
const random = seededRandom(20_261_124);

function scan(path: string, text: string) {
  return scanner.scan(path, Buffer.from(text, "utf8"));
}

/** Twelve characters of three classes, as a password manager makes them. */
function strong(): string {
  return `${draw(random, LOWER, 3)}${draw(random, "KQVXZ", 2)}${draw(random, "2345679", 2)}${draw(random, "bkqvxz", 3)}${draw(random, "KQVXZ", 1)}${draw(random, "2345679", 1)}`;
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** Path, text with `@` where the value stands; the rule; and whether the value is encoded before it is put there. */
type Format = [path: string, text: string, rule?: string, encode?: (value: string) => string];

const PASSWORDS: Format[] = [
  ["a.json", '{"password": "@"}'],
  ["a.json", '{"dbPassword":"@","port":5432}'],
  ["a.json", '{"name": "DB_PASSWORD", "value": "@"}'],
  ["a.json", '"{\\"password\\":\\"@\\"}"'],
  ["a.yaml", "password: @"],
  ["a.yaml", "smtp:\n  pass: '@'\n"],
  ["a.yaml", "db:\n  password:\n    @\n"],
  ["a.yaml", '- name: DB_PASSWORD\n  value: "@"\n'],
  ["docker-compose.yml", "environment:\n  - POSTGRES_PASSWORD=@\n"],
  ["docker-compose.yml", "environment:\n  POSTGRES_PASSWORD: @\n"],
  ["a.toml", 'password = "@"'],
  ["a.ini", "[db]\npassword = @\n"],
  ["a.ini", "[db]\npassword=@ ; until March\n"],
  ["a.properties", "spring.datasource.password=@"],
  ["a.properties", "spring.datasource.password=${DB_PASSWORD:@}"],
  ["a.xml", "<password>@</password>"],
  ["a.xml", "<wsse:Password>@</wsse:Password>"],
  ["a.xml", '<server password="@" user="x"/>'],
  ["nuget.config", '<add key="ClearTextPassword" value="@" />'],
  ["a.xml", '<property name="password" value="@"/>'],
  ["a.xml", '<bean><property name="password"><value>@</value></property></bean>'],
  ["a.xml", '<entry key="password">@</entry>'],
  ["a.xml", "<password><![CDATA[@]]></password>"],
  ["a.plist", "<key>Password</key>\n  <string>@</string>"],
  ["a.env", "export PGPASSWORD=@"],
  ["a.sh", "PGPASSWORD=@ psql -h db"],
  ["a.sh", 'DB_PASSWORD="@"'],
  ["a.sh", "PASSWORD=${PASSWORD:-@}"],
  ["a.sh", "backup --password @ --host db"],
  ["a.sh", "backup --password=@ --host db"],
  ["a.sh", 'backup --db-password "@" --host db'],
  ["a.sh", "curl -s -u deploy:@ https://api.acme.io/", "command-line-password"],
  ["a.sh", 'curl --user "deploy:@" https://api.acme.io/', "command-line-password"],
  ["a.sh", "curl https://api.acme.io/ \\\n  -u deploy:@", "command-line-password"],
  ["a.sh", "sshpass -p @ ssh root@db", "command-line-password"],
  ["a.sh", "sshpass -p '@' ssh root@db", "command-line-password"],
  ["a.sh", "mysql -u root -p@ app", "command-line-password"],
  ["a.sh", "mysqldump -h db -u root -p@ app > a.sql", "command-line-password"],
  ["a.sh", "docker login -u ci -p @ registry.acme.io", "command-line-password"],
  ["a.sh", "redis-cli -h cache -a @ ping", "command-line-password"],
  ["a.sh", "ldapsearch -D cn=x -w @ -b dc=acme", "command-line-password"],
  ["a.sh", "openssl rsa -in k.pem -passin pass:@", "command-line-password"],
  ["a.sh", "smbclient //srv/share -U joe%@", "command-line-password"],
  ["a.sh", "unzip -P @ a.zip", "command-line-password"],
  ["a.sh", "htpasswd -cb .htpasswd joe @", "command-line-password"],
  ["a.ps1", '$c = ConvertTo-SecureString "@" -AsPlainText -Force', "command-line-password"],
  ["a.ps1", '$Password = "@"'],
  ["a.ps1", "Connect-Db -User sa -Password @"],
  ["a.bat", "set DB_PASSWORD=@"],
  ["main.tf", 'password = "@"'],
  ["main.tf", 'variable "db_password" {\n  type = string\n  default = "@"\n}'],
  ["Dockerfile", "ENV DB_PASSWORD=@"],
  ["Dockerfile", "ENV DB_PASSWORD @"],
  ["Dockerfile", "ARG DB_PASSWORD=@"],
  ["a.sql", "CREATE USER joe IDENTIFIED BY '@';"],
  ["a.sql", "ALTER ROLE joe WITH LOGIN PASSWORD '@';"],
  ["a.sql", "SET PASSWORD FOR 'joe' = PASSWORD('@');"],
  [".netrc", "machine api.acme.io login joe password @"],
  [".netrc", "machine api.acme.io\n  login joe\n  password @\n"],
  [".pgpass", "db.acme.io:5432:app:joe:@", "pgpass-password"],
  [".pypirc", "[pypi]\nusername = joe\npassword = @\n"],
  [".npmrc", "//registry.acme.io/:_password=@", "generic-password", base64],
  [".git-credentials", "https://joe:@@github.com", "url-credentials"],
  ["a.txt", "ftps://joe:@@files.acme.io/in", "url-credentials"],
  ["a.js", 'const proxy = "http://joe:@@proxy.acme.io:3128"', "url-credentials"],
  ["settings.xml", "<server>\n<id>x</id>\n<username>joe</username>\n<password>@</password>\n</server>"],
  ["wp-config.php", "define('DB_PASSWORD', '@');"],
  ["a.php", "$password = '@';"],
  ["a.php", "'password' => '@',"],
  ["settings.py", "DATABASES = {'default': {'PASSWORD': '@'}}"],
  ["a.py", 'password = "@"'],
  ["a.py", "connect(user='x', password='@')"],
  ["a.py", 'psycopg2.connect("host=db user=joe password=@")'],
  ["a.py", "os.environ.get('DB_PASSWORD', '@')"],
  ["a.py", "os.getenv('DB_PASSWORD') or '@'"],
  ["a.py", "if password == '@':"],
  ["a.py", "config['password'] = '@'"],
  ["a.py", "requests.get(url, auth=('joe', '@'))", "generic-secret"],
  ["a.rb", "password: '@',"],
  ["a.rb", ":password => '@'"],
  ["appsettings.json", '{"ConnectionStrings":{"Default":"Server=db;Database=x;User Id=sa;Password=@;"}}'],
  ["a.cs", 'var c = "Data Source=db;User ID=sa;Pwd=@;Encrypt=true";'],
  ["a.cs", 'string password = "@";'],
  ["A.java", 'String password = "@";'],
  ["A.java", 'config.setPassword("@");'],
  ["A.java", 'props.put("password", "@");'],
  ["A.java", 'if (password.equals("@")) {'],
  ["a.go", 'password := "@"'],
  ["a.go", 'var password string = "@"'],
  ["a.go", 'cfg := Config{Password: "@"}'],
  ["a.rs", 'let password: &\'static str = "@";'],
  ["a.ts", "const password: string = '@';"],
  ["a.ts", "const password = process.env.DB_PASSWORD || '@';"],
  ["a.ts", "const password = process.env.DB_PASSWORD ?? `@`;"],
  ["a.kt", 'val password: String = "@"'],
  ["a.swift", 'let password: String = "@"'],
  ["a.c", 'char password[] = "@";'],
  ["a.vb", 'Dim password As String = "@"'],
  ["redis.conf", "requirepass @"],
  ["a.md", "The admin password is: @"],
];

const SECRETS: Format[] = [
  ["a.json", '{"apiKey": "@"}'],
  ["a.json", '{"client_secret": "@"}'],
  ["a.yaml", "api-key: @"],
  ["a.yaml", "signing_key: '@'"],
  ["a.env", "ACME_TOKEN=@"],
  ["a.env", "ENCRYPTION_KEY=@"],
  ["a.env", "WEBHOOK_SECRET='@'"],
  ["a.toml", 'access_token = "@"'],
  ["a.properties", "acme.private.key=@"],
  ["a.xml", '<string name="api_key">@</string>'],
  ["a.plist", "<key>ApiKey</key>\n<string>@</string>"],
  ["a.ts", "const API_KEY = '@';"],
  ["a.ts", "headers: { 'X-Api-Key': '@' }"],
  ["a.ts", "const token = process.env.TOKEN || '@';"],
  ["a.py", "SECRET_KEY = '@'"],
  ["a.py", 'client = Client(api_key="@")'],
  ["a.go", 'const apiKey = "@"'],
  ["A.java", 'builder.apiKey("@")'],
  ["a.sh", 'curl -H "X-Auth-Token: @" https://api.acme.io/'],
  ["a.sh", "acme deploy --token @ --yes"],
  ["a.sh", "curl 'https://api.acme.io/v1?api_key=@&page=2'"],
  ["a.md", "API Key: @"],
  [".npmrc", "//registry.acme.io/:_authToken=@"],
  ["a.txt", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=@;EndpointSuffix=core.windows.net"],
  ["a.http", "Authorization: Bearer @", "authorization-header"],
  ["a.http", "Authorization: Token @", "authorization-header"],
  ["a.ts", 'headers: { "Authorization": "Bearer @" }', "authorization-header"],
  ["a.sh", "curl -H 'Authorization: Bearer @' https://api.acme.io/", "authorization-header"],
  ["a.py", "headers['Authorization'] = 'Bearer @'", "authorization-header"],
  ["a.txt", "https://@@git.acme.io/repo.git", "url-credentials"],
  [".mcp.json", '{"mcpServers":{"x":{"env":{"ACME":"@","PORT":"8080"}}}}', "agent-config-literal"],
  [".mcp.json", '{"mcpServers":{"x":{"headers":{"X-Acme":"@"}}}}', "agent-config-literal"],
  [".mcp.json", '{"mcpServers":{"x":{"args":["-y","acme-mcp","@"]}}}', "agent-config-literal"],
  [".mcp.json", '{"mcpServers":{"x":{"url":"https://mcp.acme.io/sse?k=@"}}}', "agent-config-literal"],
  [".cursor/mcp.json", '{"mcpServers":{"x":{"env":{\n  "ACME": "@"\n}}}}', "agent-config-literal"],
  [".vscode/mcp.json", '{"servers":{"x":{"env":{"ACME":"@"}}}}', "agent-config-literal"],
  [".claude/settings.local.json", '{"env":{"ACME":"@"}}', "agent-config-literal"],
  ["claude_desktop_config.json", '{"mcpServers":{"x":{"env":{"ACME":"@"}}}}', "agent-config-literal"],
  [".codex/config.toml", '[mcp_servers.x.env]\nACME = "@"\n', "agent-config-literal"],
  [".codex/config.toml", '[mcp_servers.x]\nenv = { "ACME" = "@" }\n', "agent-config-literal"],
  [".continue/config.yaml", "mcpServers:\n  - name: x\n    env:\n      ACME: @\n", "agent-config-literal"],
  ["goose/config.yaml", "extensions:\n  x:\n    envs:\n      ACME: @\n", "agent-config-literal"],
  [".roo/mcp.json", '{"mcpServers":{"x":{"env":{"ACME":"@"}}}}', "agent-config-literal"],
  ["s.yaml", "apiVersion: v1\nkind: Secret\nstringData:\n  acme: @\n", "kubernetes-secret"],
  ["s.yaml", "apiVersion: v1\nkind: Secret\ndata:\n  acme: @\n", "kubernetes-secret", base64],
  ["s.yaml", "apiVersion: v1\ndata:\n  acme: @\nkind: Secret\nmetadata:\n  name: x\n", "kubernetes-secret", base64],
];

/** What stands in a secret's place in templates, manuals and sealed files. */
const TWINS: [what: string, make: () => string][] = [
  ["a placeholder", () => "changeme"],
  ["a placeholder in words", () => "your-password-here"],
  ["a reference", () => "${DB_PASSWORD}"],
  ["a template", () => "{{ db_password }}"],
  ["a hole", () => "<your-secret>"],
  ["crosses", () => "xxxxxxxxxxxxxxxx"],
  ["a sealed value", () => `ENC[AES256_GCM,data:${draw(random, BASE62, 12)},type:str]`],
  ["an encrypted value", () => `encrypted:${draw(random, BASE62, 44)}`],
  ["a Fernet token", () => `gAAAAAB${draw(random, BASE62, 80)}==`],
  ["a variable", () => "$SECRET_TOKEN"],
];

for (const [kind, formats] of [
  ["password", PASSWORDS],
  ["secret", SECRETS],
] as const) {
  describe(`a ${kind} in each notation, and its twins`, () => {
    for (const [path, text, rule = `generic-${kind}`, encode = (value: string) => value] of formats) {
      test(`${path}: ${text.replaceAll("\n", "⏎").replaceAll("\\", "")}`, () => {
        const secret = encode(kind === "password" ? strong() : draw(random, BASE62, 28));
        // The first @ is the value's: a URL has one of its own behind it.
        const put = (value: string) => text.replace("@", () => value);
        const found = scan(path, put(secret));
        assert.deepEqual(
          found.map((finding) => [finding.rule, finding.severity]),
          [[rule, "error"]],
        );
        const [finding] = found;
        const line = put(secret).split("\n")[finding!.line - 1]!;
        assert.equal(
          line.slice(finding!.column - 1, finding!.endColumn - 1) === secret,
          true,
          "the span is not the secret",
        );
        for (const [what, make] of TWINS) {
          assert.deepEqual(
            scan(path, put(encode(make()))).map((f) => f.rule),
            [],
            what,
          );
        }
      });
    }
  });
}

describe("a password is judged by how a person makes one", () => {
  const at = (value: string) => scan("config.yaml", `password: "${value}"\n`)[0]?.severity;
  for (const clear of ["Tr0ub4dor&3", "k9#Lmq!zW2", "Vw7Kq2Zx9Lm4", "9fK-2xQ_7vB"]) {
    test(`${clear.slice(0, 3)}… is clear`, () => assert.equal(at(clear), "error"));
  }
  for (const weak of ["hunter2hunter", "Sommer-2019!"]) {
    test(`${weak} only warns`, () => assert.equal(at(weak), "warning"));
  }
  for (const none of [
    "password",
    "Password1",
    "passw0rd",
    "P@ssw0rd",
    "changeme123",
    "secret",
    "s3cr3t",
    "test1234",
    "testpassword",
    "admin123",
    "letmein",
    "12345678",
    "mypassword",
    "********",
    "password_confirmation",
    "Password must be at least 8 characters",
    "Enter your password",
    "current-password",
    "string",
    "required",
  ]) {
    test(`${none} is silent`, () => assert.equal(at(none), undefined));
  }
});

describe("what is no secret stays silent because of what it is", () => {
  const hex = (length: number) => draw(random, HEX, length);
  const text64 = (length: number) => draw(random, BASE62, length);
  const silent: Record<string, string> = {
    "reading from the environment": 'password = os.environ["DB_PASSWORD"]\nsecret = process.env.API_SECRET2\n',
    "a call": "password = getPassword2('db')\ntoken = await fetchToken2(user)\n",
    "a type": "password: string;\ntoken: Uint8Array;\nsecret?: Base64String2;\n",
    "an error's text": 'const wrongPassword = "The password you typed 2 times is wrong";',
    "a label": '"passwordLabel": "Passwort 2 wiederholen",\n"forgotPassword": "Passwort vergessen?"',
    "a field's name": 'passwordField = "password_confirmation_2"\ntoken_column = "user_token_v2"',
    "a selector": 'const password = "#login-form2 input.password"\nconst passwordInput = ".login2 > .pass"',
    "a path": 'private_key = "/etc/ssl/private/server2.key"\ntoken_file = "./secrets/token2.txt"\nsecret: ../a/b2',
    "a URL": 'token_url = "https://auth.acme.io/oauth2/v1/token"\nsecret: "https://vault.acme.io/v1/kv2"',
    "a regular expression": 'const password = "^(?=.*[A-Z])(?=.*\\\\d).{8,}$";\ntoken = r"[^\\W\\d]\\w*2"',
    "an enum": 'TokenType.AccessToken2 = "access_token_2"\nkeyType: "rsa-2048"',
    "a lock file's integrity": `"integrity": "sha512-${text64(86)}=="\nchecksum: "sha256:${hex(64)}"`,
    "object names": `token: ${hex(8)}\nkeys: ["${hex(40)}"]\ncommit_key = "${hex(40)}"`,
    "a UUID": `token_id: "123e4567-e89b-42d3-a456-426614174000"\nsecret: "123e4567-e89b-42d3-a456-426614174000"`,
    "a fingerprint": `key fingerprint: ${Array.from({ length: 16 }, () => hex(2)).join(":")}\nSHA256:${text64(43)}`,
    "a public key": `public_key = "${text64(43)}="\nkey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${text64(43)}"`,
    "a password's hash": `password: "$2b$12$${text64(53)}"\npassword = "$argon2id$v=19$m=65536,t=3,p=4$${text64(22)}$${text64(43)}"`,
    "values that SOPS sealed": `password: ENC[AES256_GCM,data:${text64(16)},iv:${text64(43)}=,tag:${text64(22)}==,type:str]`,
    "age and PGP": `secret: "-----BEGIN AGE ENCRYPTED FILE-----"\nsecret: "-----BEGIN PGP MESSAGE-----"\nkey: age1${draw(random, "qpzry9x8gf2tvdw0s3jn54khce6mua7l", 58)}`,
    "an ansible vault": `password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  ${hex(80)}\n`,
    jasypt: `spring.datasource.password=ENC(${text64(44)})`,
    "a sealed secret": `apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec:\n  encryptedData:\n    password: AgB${text64(300)}\n`,
    "a Kubernetes Secret that refers":
      "apiVersion: v1\nkind: Secret\nstringData:\n  password: ${PASSWORD}\n  user: admin\n",
    "RFC 7519's token":
      "token: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0.x",
    "AWS's example": `aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY${"EXAMPLEKEY"}`,
    "RFC 7617's header": "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    "a badge": `[cover]: https://codecov.io/gh/acme/x/graph/badge.svg?token=${text64(10)}`,
    "an ARN": "SecretArn: arn:aws:secretsmanager:eu-west-1:123456789012:secret:AppDb-a1B2c3",
    "Sentry's DSN": `dsn = "https://${hex(32)}@o12345.ingest.sentry.io/4501"`,
    "a list of words": "'opaqueQueueTriggerToken', 'sfntCMapEncoding2', 'sfntNameHeader'",
    "an arrow function": "const password = (value2) => hash(value2)\nrender(passProps => createElement2(passProps))",
    "keys of a map": 'cacheKey = "user:profile:v2"\nkey: "ArrowLeft2"\n<li key="item-2-abc">',
    "agents' configuration without secrets":
      '{"env":{"DEBUG":"mcp:*","PATH":"/usr/local/bin","MODEL":"claude-opus-4-5-20251101"},"args":["-y","@acme/server@1.2.3"]}',
  };
  for (const [name, text] of Object.entries(silent)) {
    for (const path of ["notes.txt", "a.ts", ".claude/settings.json"]) {
      test(`${name}, in ${path}`, () =>
        assert.deepEqual(
          scan(path, text).map((finding) => `${finding.rule} ${finding.line}`),
          [],
        ));
    }
  }
});

test("one secret is one finding, the more particular rule's", () => {
  const text = `{"env":{"API_TOKEN":"${draw(random, BASE62, 30)}"}}`;
  assert.deepEqual(
    scan(".mcp.json", text).map((finding) => finding.rule),
    ["agent-config-literal"],
  );
  assert.deepEqual(
    scan("a.json", text).map((finding) => finding.rule),
    ["generic-secret"],
  );
});

test("a name or a place that says it is a test's makes a warning", () => {
  const secret = draw(random, BASE62, 30);
  assert.equal(scan("src/a.ts", `const apiKey = "${secret}"`)[0]?.severity, "error");
  assert.equal(scan("src/a.ts", `const TEST_API_KEY = "${secret}"`)[0]?.severity, "warning");
  assert.equal(scan("test/fixtures/a.ts", `const apiKey = "${secret}"`)[0]?.severity, "warning");
});

test("no message and no fix holds the secret", () => {
  for (const [path, text] of [...PASSWORDS, ...SECRETS]) {
    const secret = draw(random, BASE62, 28);
    for (const finding of scan(
      path,
      text.replace("@", () => secret),
    )) {
      assert.equal(JSON.stringify({ ...finding, secretId: "" }).includes(secret), false);
    }
  }
});
