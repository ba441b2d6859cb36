/**
 * Connection URLs with a password in them.
 *
 * Silent: no password, a reference or a variable (`${X}`, `{{x}}`, `<x>`,
 * `$X`, `%s`), a password that is a word of every manual (`pass`, `password`,
 * `secret`, `changeme`, the user's own name). On this machine's own addresses,
 * on one-word hosts (compose services) and on `example.com` only a password that
 * is hard to guess counts: `postgres://postgres:dev@localhost/app` opens nothing
 * elsewhere, a random one was made for something.
 */
import { isExampleText, isStrongValue, randomnessBits } from "../randomness.ts";
import { BASE62, draw, type Judged, type Rule } from "../rule.ts";

const MANUAL =
  /^(?:p(?:ass)?w(?:or)?d|pass(?:phrase|wd|word)?\d{0,4}|my[-_]?(?:secret|pass(?:word)?)|user|username|secret|secure|token|key|changeme|change[-_]me|example|placeholder|test|foo|bar|baz|xxx+|\*+|\.+|-+|your.{0,40}|.{0,20}password.{0,8}|\[.{0,40}\]?|redacted|hunter2|guest|root|admin|postgres|mysql|redis|mongo|string|none|null|undefined)$/i;

const TEMPLATED = /[${}<>]|%[sdv]|^[A-Z_]{3,}$/;

function isRealPassword(match: string, user: string, password: string, host: string): boolean {
  if (TEMPLATED.test(password) || MANUAL.test(password) || password === user) return false;
  if (TEMPLATED.test(host) && !/^[A-Z0-9.-]+$/.test(host)) return false;
  if (isExampleText(password, 1)) return false;
  const local =
    /^(?:localhost|127\.[\d.]{1,12}|0\.0\.0\.0|\[::1\]|host\.docker\.internal|[\w-]{1,63}|(?:[\w-]{1,63}\.){0,6}(?:example\.(?:com|org|net)|example|test|local|localdomain|invalid))$/i.test(
      host,
    );
  if (local) return isStrongValue(password);
  return match.length > 0 && randomnessBits(password) >= 8;
}

export function isUrlPassword(password: string, match: string): boolean {
  const [, user, host] = /:\/\/([^:]*):.*@([^@]*)$/s.exec(match) ?? [];
  return isRealPassword(match, user ?? "", password, host ?? "");
}

/** A password that is a setting of its own, `Password=…;`, beside a server. */
export function isSettingPassword(password: string): boolean {
  return (
    !TEMPLATED.test(password) && !MANUAL.test(password) && !isExampleText(password, 1) && randomnessBits(password) >= 16
  );
}

export function mysqlPassword(text: string, at: number): Judged | undefined {
  const match = /([\w-]{1,60}):([^\s"'`<>@/:\\]{4,90})$/.exec(text.slice(0, at));
  if (match === null || match[1] === match[2] || !isSettingPassword(match[2]!)) return undefined;
  return { start: at - match[2]!.length, end: at };
}

const SCHEMES = [
  "postgres",
  "postgresql",
  "mysql",
  "mariadb",
  "mongodb",
  "redis",
  "rediss",
  "amqp",
  "amqps",
  "mssql",
  "sqlserver",
  "clickhouse",
  "cockroachdb",
  "nats",
  "libsql",
  "neo4j",
  "bolt",
  "ldap",
  "ldaps",
  "smtp",
  "smtps",
  "ftp",
  "sftp",
  "postgis",
  "timescaledb",
  "redshift",
  "snowflake",
  "oracle",
  "db2",
  "firebird",
  "vertica",
  "trino",
  "presto",
  "hive",
  "cassandra",
  "scylla",
  "couchbase",
  "couchbases",
  "couchdb",
  "influxdb",
  "elasticsearch",
  "opensearch",
  "arangodb",
  "surrealdb",
  "ravendb",
  "memcached",
  "valkey",
  "valkeys",
  "keydb",
  "kafka",
  "mqtt",
  "mqtts",
  "stomp",
  "pulsar",
  "tls",
  "imap",
  "imaps",
  "pop3",
  "pop3s",
  "ssh",
  "ftps",
  "webdav",
  "webdavs",
  "smb",
  "nfs",
  "sip",
  "turn",
  "socks5",
  "rtsp",
  "dav",
  "davs",
  "postgres+asyncpg",
  "neo4j+s",
  "bolt+s",
  "clickhouse+native",
  "clickhouse+http",
  "mssql+pyodbc",
  "mssql+pymssql",
  "oracle+cx_oracle",
  "oracle+oracledb",
  "mysql+mysqlconnector",
  "mysql+mysqldb",
  "mariadb+mariadbconnector",
  "cockroachdb+psycopg2",
  "amqp+ssl",
  "redis+sentinel",
  "redis+cluster",
];

export const DATABASES: readonly Rule[] = [
  {
    id: "database-url",
    provider: "connection URL",
    opens: "the server it names",
    keywords: [
      ...SCHEMES.map((scheme) => `${scheme}://`),
      "mongodb+srv://",
      ...["psycopg2", "psycopg", "asyncpg"].map((d) => `postgresql+${d}://`),
      ...["pymysql", "aiomysql"].map((d) => `mysql+${d}://`),
    ],
    ignoreCase: true,
    pattern:
      "[a-z][a-z0-9]{1,14}(?:\\+[a-z0-9_]{1,20})?://[^\\s\"'`<>@/:\\\\]{0,100}:([^\\s\"'`<>@/\\\\]{3,200})@(?:\\[[0-9a-f:.]{2,45}\\]|[\\w.-]{1,253})",
    window: 640,
    boundary: "word",
    bitsPerCharacter: 0,
    verify: isUrlPassword,
    severity: "error",
    generic: true,
    example: (random) => {
      const scheme = SCHEMES[random(SCHEMES.length)]!;
      return `${scheme}://app:${draw(random, BASE62, 12 + random(12))}@db${random(90) + 10}.prod.acme.io:5432/main`;
    },
    nearMisses: (random) => [
      "postgres://user:pass@host:5432/db",
      "postgresql://user:password@localhost/db",
      "postgres://postgres:postgres@localhost:5432/postgres",
      "mysql://root:root@127.0.0.1/app",
      "postgres://app:${DB_PASSWORD}@db.acme.io/main",
      "postgres://app:${{ secrets.DB_PASSWORD }}@db.acme.io/main",
      "mongodb+srv://{{user}}:{{password}}@cluster0.mongodb.net",
      "redis://<user>:<password>@cache.acme.io",
      "mongodb://username:password@mongo.acme.io",
      `postgres://${draw(random, BASE62, 8)}@db.acme.io/main`,
      "redis://cache.acme.io:6379/0",
    ],
    source: "https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1",
    fix: "store the whole URL with 'git muxi secrets set DATABASE_URL' and refer to it as ${{ secrets.DATABASE_URL }}",
  },
  {
    id: "jdbc-url",
    provider: "JDBC URL",
    opens: "the database it names",
    keywords: ["jdbc:"],
    pattern: "jdbc:[a-z0-9:]{2,40}(?://|@)[^\\s\"'`<>]{1,300}?[?&;]password=([^\\s\"'`<>&;\\\\]{4,200})",
    window: 640,
    bitsPerCharacter: 0,
    verify: isSettingPassword,
    severity: "error",
    example: (random) =>
      `jdbc:${["postgresql", "mysql", "sqlserver"][random(3)]}://db.prod.acme.io:5432/main?user=app&password=${draw(random, BASE62, 16)}`,
    nearMisses: () => [
      "jdbc:postgresql://localhost/test?user=test&password=password",
      "jdbc:postgresql://db/main?user=app&password=${DB_PASSWORD}",
      "jdbc:h2:mem:testdb",
    ],
    source: "https://jdbc.postgresql.org/documentation/use/",
  },
  {
    id: "jdbc-oracle-url",
    provider: "JDBC URL",
    opens: "the database it names",
    keywords: ["jdbc:oracle:thin:"],
    pattern: "jdbc:oracle:thin:[\\w-]{1,60}/([^\\s\"'`<>@/\\\\]{4,100})@",
    bitsPerCharacter: 0,
    verify: isSettingPassword,
    severity: "error",
    example: (random) => `jdbc:oracle:thin:app/${draw(random, BASE62, 14)}@db.prod.acme.io:1521:main`,
    nearMisses: () => ["jdbc:oracle:thin:@db.acme.io:1521:main", "jdbc:oracle:thin:scott/password@db:1521:x"],
    source: "https://docs.oracle.com/en/database/oracle/oracle-database/23/jajdb/",
  },
  {
    id: "ado-connection-string",
    provider: "connection string",
    opens: "the database it names",
    keywords: ["Server=", "Data Source=", "DataSource=", "Host=", "Driver={"],
    ignoreCase: true,
    pattern:
      "(?:server|data ?source|host|driver)=[^\\r\\n\"'`<>]{1,400}?;[ \\t]{0,4}(?:password|pwd)[ \\t]{0,2}=[ \\t]{0,2}([^\\s\"'`<>;\\\\]{4,128})",
    window: 640,
    bitsPerCharacter: 0,
    verify: isSettingPassword,
    severity: "error",
    example: (random) =>
      `Server=tcp:db.acme.io,1433;Database=main;User ID=app;${random(2) === 0 ? "Password" : "Pwd"}=${draw(random, BASE62, 16)};Encrypt=true`,
    nearMisses: () => [
      "Server=localhost;Database=main;User Id=sa;Password=password;",
      "Server=db;Database=main;Integrated Security=true",
      "Server=db;User Id=app;Password={your_password};",
    ],
    source: "https://learn.microsoft.com/dotnet/framework/data/adonet/connection-string-syntax",
  },
  {
    id: "libpq-connection-string",
    provider: "PostgreSQL",
    opens: "the database it names",
    keywords: ["host=", "dbname=", "hostaddr="],
    pattern: "(?:host|hostaddr|dbname)=[^\\r\\n\"`<>;]{1,300}? password='?([^\\s\"'`<>;\\\\]{4,128})",
    window: 512,
    bitsPerCharacter: 0,
    verify: isSettingPassword,
    severity: "error",
    example: (random) => `host=db.acme.io port=5432 dbname=main user=app password=${draw(random, BASE62, 16)}`,
    nearMisses: () => [
      "host=localhost dbname=test user=test password=password",
      "host=db user=app password=$PGPASSWORD",
    ],
    source: "https://www.postgresql.org/docs/current/libpq-connect.html",
  },
  {
    id: "go-mysql-dsn",
    provider: "MySQL",
    opens: "the database it names",
    // `user:password@tcp(host)`: the user stands before, so the look goes back.
    keywords: ["@tcp(", "@unix("],
    boundary: "none",
    before: 160,
    judge: mysqlPassword,
    severity: "error",
    example: (random) =>
      `app:${draw(random, BASE62, 16)}@${["tcp(db.acme.io:3306)", "unix(/run/mysqld.sock)"][random(2)]!}/main`,
    nearMisses: () => [
      "user:password@tcp(localhost:3306)/db",
      "app:${DB_PASSWORD}@tcp(db:3306)/main",
      "root:root@tcp(127.0.0.1)/x",
    ],
    source: "https://github.com/go-sql-driver/mysql#dsn-data-source-name",
  },
  {
    id: "redis-command-password",
    provider: "Redis",
    opens: "a server",
    keywords: ["requirepass ", "masterauth "],
    pattern: '(?:requirepass|masterauth) {1,4}"?([^\\s"\'`<>]{6,200})',
    bitsPerCharacter: 0,
    verify: isSettingPassword,
    severity: "error",
    example: (random) => `requirepass ${draw(random, BASE62, 20)}`,
    nearMisses: () => ["# requirepass <password>", "requirepass ${REDIS_PASSWORD}"],
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/security/",
  },
];
