/**
 * What is assigned to a name, in any of the usual notations.
 *
 * After a name stand, all optional and all bounded: the name's closing quote and
 * bracket, a type, an operator, a conversion (`Buffer.from(`), a quote, the value.
 * Read are:
 *
 * - `NAME=value`, `name: value`, `"name": "value"`, `name := "v"`, `name => 'v'`;
 * - `const name: string = "v"`, `var name string = "v"`, `Dim name As String = "v"`;
 * - `config["name"] = "v"`, `put("name", "v")`, `setName("v")`, `name("v")`;
 * - `name == "v"`, `name.equals("v")`, and a default: `env.NAME || "v"`, `${NAME:-v}`;
 * - `<name>v</name>`, `<add key="name" value="v">`, `<string name="name">v<`, `<key>name</key><string>v<`;
 * - `- name: NAME\n  value: v`, `{"name": "NAME", "value": "v"}`;
 * - `--name v`, `"--name", "v"`, `NAME 'v'` of SQL, `ENV NAME v`, `login u password v` of netrc.
 */

export type Operator = "assign" | "pair" | "call" | "compare" | "default" | "element" | "flag" | "space";

export interface Assigned {
  value: string;
  start: number;
  end: number;
  /** The value's quote; empty where it has none. */
  quote: string;
  operator: Operator;
  /** Without a quote: whether the value is all that stands on the rest of its line. */
  alone: boolean;
}

const CLOSE = /\\{0,3}["'`]?\)?\]?(?:(?:\)|\.to_string\(\)|\.to_owned\(\)|\.into\(\)){0,2})/y;
const TYPE =
  /[ \t]{0,8}(?:\??:[ \t]{0,4}(?:&(?:'static )?|\[)?(?:[A-Z][\w.]{0,40}|string|str|bytes|char|any|text|object|unknown|readonly string|std::string)(?:[<[][\w., <>|]{0,40}[>\]])?\]?[?!]?(?:[ \t]{0,2}\|[ \t]{0,2}[A-Za-z]{1,20}){0,3}|[ \t](?:string|String|char|\[\]byte|text|varchar\(\d{1,4}\))|[ \t][Aa]s [A-Za-z.]{1,30}|\[\d{0,5}\]|\(\))[ \t]{0,8}(?=:?=(?![=>~]))/y;
const SECOND =
  /\\?["']?[ \t]{0,4}[,;]?\s{0,40}(?:-?\s{0,4})\\?["']?(?:[a-z]{1,10}:)?(?:[vV]alue|[vV]al|[dD]efault(?:Value|_value)?|[iI]nitialValue|[sS]tringValue|VALUE)\\?["']?\s{0,4}(?:[:=]|=>)\s{0,8}/y;
/** `auth=("user", "v")`: what follows the user is the password. */
const PAIR = /[([]\s{0,8}["'][^"'\n]{1,80}["'],\s{0,8}(?=["'])/y;
/** `variable "name" {\n  default = "v"` of Terraform. */
const VARIABLE =
  /"[ ]\{\s{0,40}(?:(?:type|description|sensitive|nullable)[ ]{0,16}=[^\n]{0,120}\n\s{0,20}){0,4}default[ ]{1,16}=[ ]{0,4}/y;
const BY = /[ ]by[ ](?:values?[ ]|password[ ])?(?=["'])/iy;
const ELEMENT = /\\?["']?\s{0,2}(?:[\w:-]{1,30}="[^"<>]{0,60}"\s?){0,3}>(?:<!\[CDATA\[)?\s{0,20}/y;
const PLIST = /<\/key>\s{0,40}<(?:string|data)>\s{0,20}/y;
const ELEMENT_VALUE = /\s{0,20}<value>(?:<!\[CDATA\[)?/y;
const OPERATOR =
  /(?:[ ]is(?=:))?[ \t]{0,24}(?:(\|\|=|\?\?=|:=|=>|\?=|\+=|<-|->|=(?![=~>])|:{1,2}(?![-=:]))|(===?|!==?|\.(?:equals|eq|equalsIgnoreCase|toBe|isEqualTo)\(|[ \t](?:-?eq|is|-?ne|EQ)[ \t])|(\|\||\?\?|\?:|:[-=]|[ \t](?:or|OR|else)[ \t])|(,)|(\())\s{0,24}/y;
const CONVERT =
  /(?:[rbuRBUfL@$]{1,2}|(?:new )?(?:String|string|str|bytes|Bytes|b64decode|base64decode|b64_decode|atob|btoa|SecureString|Secret|SecretStr|Buffer\.from|Some|Ok|\[\]byte|\[\]u8|Uint8Array\.from|String\.valueOf|std::string|QString|NSString|_T|TEXT|to_string|quote|base64\.b64decode|base64\.StdEncoding\.DecodeString|Convert\.FromBase64String|ConvertTo-SecureString(?:[ ]-String)?|pulumi\.String|aws\.String|ptr\.String|to\.StringPtr|stringPtr|StringPtr|cdk\.SecretValue\.unsafePlainText|SecretValue\.(?:unsafePlainText|plainText)|config\.default|hash|md5|sha1|sha256)[(\s]{1,2}|!!(?:str|binary) )(?=["'`])/y;

const CONFIG_FILE =
  /(?:^|\/)(?:[^/]*\.(?:env|properties|ini|cfg|conf|cnf|config|ya?ml|toml|tfvars|hcl|sh|bash|zsh|fish|bat|cmd|txt|md|rst|adoc|netrc|npmrc|pypirc|pgpass|service|container|envrc|vars|list|desktop|ovpn|log|out|json|xml|plist|html|curlrc|wgetrc|my\.cnf|credentials|sample|example|dist|template|local|prod|production|dev|staging)|[^/.]*|\.[^/.]+(?:\.[^/.]+)?|\.env[^/]*|Dockerfile[^/]*|[Cc]ontainerfile[^/]*|[Jj]enkinsfile|[Mm]akefile[^/]*)$/;

/** Whether a file's language writes values without quotes. */
export function isConfiguration(path: string): boolean {
  return CONFIG_FILE.test(path);
}

function matchAt(expression: RegExp, text: string, at: number): RegExpExecArray | null {
  expression.lastIndex = at;
  return expression.exec(text);
}

/** Commands and directives of a line after which `NAME VALUE` is an assignment. */
const DIRECTIVE =
  /(?:^|\n|;|&&)[ \t]{0,16}(?:(?:ENV|ARG|SetEnv|setenv|set|setx|export|config set|SETUSER|auth|fetch|CREATE (?:USER|ROLE)|ALTER (?:USER|ROLE))[ \t]+(?:-\w{1,3}[ \t]+){0,3}|(?:machine|default|login|account)[ \t][^\n]{0,200}|)$/i;
const BARE_DIRECTIVE = /^(?:requirepass|masterauth|rootpw|bindpw|password|passwd|secret|auth_pass)$/i;

/**
 * The value assigned to the name at `text[start..end)`, or undefined.
 *
 * @param config - whether values stand without quotes in the file's language.
 */
export function assignedTo(text: string, start: number, end: number, config: boolean): Assigned | undefined {
  let at = end;
  if (text.startsWith(" by", end) || text.startsWith(" BY", end)) {
    const by = matchAt(BY, text, end);
    return by === null ? undefined : read(text, end + by[0].length, "space", false);
  }
  const close = matchAt(CLOSE, text, at);
  const afterClose = at + (close?.[0].length ?? 0);
  const quotedName = /["'`]/.test(close?.[0] ?? "");

  // `value=` of an attribute or of the next line comes before any operator: the comma of JSON is one as well.
  const second = matchAt(SECOND, text, at);
  if (second !== null) return read(text, at + second[0].length, "assign", config);
  const variable = text[end] === '"' ? matchAt(VARIABLE, text, at) : null;
  if (variable !== null) return read(text, at + variable[0].length, "assign", false);
  const plist = matchAt(PLIST, text, at);
  if (plist !== null) return read(text, at + plist[0].length, "element", config);
  if (text[start - 1] === "<" || quotedName || text[start - 1] === ":") {
    const element = matchAt(ELEMENT, text, at);
    if (element !== null) {
      const inner = matchAt(ELEMENT_VALUE, text, at + element[0].length);
      return read(text, at + element[0].length + (inner?.[0].length ?? 0), "element", config);
    }
  }
  at = afterClose;
  const type = matchAt(TYPE, text, at);
  if (type !== null) at += type[0].length;
  const operator = matchAt(OPERATOR, text, at);
  if (operator === null) {
    // `--password value`, `-Password value`: the name is a flag.
    const flag = text[start - 1] === "-" || (/\s\/$/.test(text.slice(start - 2, start)) && text[end] === " ");
    const blank = matchAt(/[ \t]{1,8}/y, text, at);
    if (blank === null) return undefined;
    if (flag) return read(text, at + blank[0].length, "flag", true);
    if (/["']/.test(text[at + blank[0].length] ?? "")) {
      if (quotedName) return undefined;
      return read(text, at + blank[0].length, "space", false);
    }
    const name = text.slice(start, end);
    const before = text.slice(Math.max(0, start - 240), start);
    const line = /(?:^|\n)[^\n]*$/.exec(before)?.[0] ?? before;
    if (DIRECTIVE.test(line) && (line.trim() !== "" || BARE_DIRECTIVE.test(name)))
      return read(text, at + blank[0].length, "space", true);
    return undefined;
  }
  at += operator[0].length;
  const [, assign, compare, fallback, comma, paren] = operator;
  // `${NAME:default}` of Spring and compose.
  if (text[start - 1] === "{" && text[start - 2] === "$" && (assign === ":" || fallback !== undefined))
    return read(text, at, "default", true);
  // `arn:aws:secretsmanager:eu-west-1:1:secret:NAME`.
  if (assign === ":" && text[start - 1] === ":" && text[end] === ":") return undefined;
  if (assign !== undefined) {
    const pair = matchAt(PAIR, text, at);
    if (pair !== null) return read(text, at + pair[0].length, "pair", false);
    const flag = text[start - 1] === "-" && text[end] === "=";
    return read(text, at, flag ? "flag" : "assign", config || flag);
  }
  if (compare !== undefined) return read(text, at, "compare", false);
  if (fallback !== undefined) {
    // `a or b` without quotes is prose or a variable; `${NAME:-v}` is neither.
    return fallback.startsWith(":") || /["'`]/.test(text[at] ?? "") ? read(text, at, "default", true) : undefined;
  }
  if (comma !== undefined) {
    // An argument after the name; in a list of words the next one is no value of this one.
    return ARGUMENT.test(text.slice(Math.max(0, start - 48), start)) ? read(text, at, "call", false) : undefined;
  }
  return paren === undefined ? undefined : read(text, at, "call", false);
}

/** What stands before a name whose value is the next argument: `put("`, `os.getenv("`, `["--`. */
const ARGUMENT = /(?:\(\s{0,16}(?:[\w.]{1,30},[ ]?)?\\?["'`][\w. -]{0,24}|["'`](?:--?|\/)[\w-]{0,24})$/;

/** What ends a value without quotes. */
const BARE = /[^\s"'`<>,;(){}[\]|\\]{1,400}/y;
const LINE = /[^\r\n]{1,400}/y;

function read(text: string, from: number, operator: Operator, config: boolean): Assigned | undefined {
  let at = from;
  const convert = matchAt(CONVERT, text, at);
  if (convert !== null) at += convert[0].length;
  let escaped = 0;
  while (text[at] === "\\" && escaped < 3) {
    at++;
    escaped++;
  }
  const quote = text[at];
  if (operator !== "element" && (quote === '"' || quote === "'" || quote === "`")) {
    let start = at + 1;
    let until: string = quote;
    if (text.startsWith(quote.repeat(3), at)) {
      start = at + 3;
      until = quote.repeat(3);
    }
    const end = closing(text, start, until, escaped);
    if (end < 0) return undefined;
    return { value: text.slice(start, end), start, end, quote, operator, alone: true };
  }
  if (escaped > 0) return undefined;
  if (operator === "element") {
    const stop = text.indexOf("<", at);
    const cdata = text.indexOf("]]>", at);
    const end = cdata >= 0 && cdata < (stop < 0 ? text.length : stop) ? cdata : stop;
    if (end < 0 || end - at > 512) return undefined;
    const inner = text.slice(at, end).trimEnd();
    return { value: inner, start: at, end: at + inner.length, quote: "", operator, alone: true };
  }
  if (operator === "call" || operator === "compare") return undefined;
  const bare = matchAt(BARE, text, at);
  if (!config) {
    if (bare === null) return undefined;
    let value = bare[0];
    const query = value.search(/&(?:amp)?[\w.-]{1,40}=|&$|\.$|:$/);
    if (query >= 0) value = value.slice(0, query);
    return { value, start: at, end: at + value.length, quote: "", operator, alone: false };
  }
  const line = matchAt(LINE, text, at);
  if (line === null) return undefined;
  const whole = line[0].replace(/[ \t]{1,40}(?:#|\/\/|--[ ]).{0,400}$/, "").trimEnd();
  // To the line's end where that is one word; else as far as a word of code goes.
  if (/^[a-z]{4}(?: [a-z]{4}){3}$/.test(whole)) {
    // An app password: four groups of four letters.
    return { value: whole, start: at, end: at + whole.length, quote: "", operator, alone: true };
  }
  const one =
    operator === "default" ? (/^[^}\s]{1,400}/.exec(whole)?.[0] ?? "") : (/^[^\s"'`]{1,400}/.exec(whole)?.[0] ?? "");
  // `NAME=value command` of a shell, and a default, end before their line does.
  const alone = one.length === whole.length || operator === "default" || (text[from - 1] === "=" && from === at);
  let value = alone || operator === "flag" || operator === "space" ? one : (bare?.[0] ?? "");
  const cut = value.search(/[;&](?:amp;)?[A-Za-z][\w .-]{1,40}=|[;,]$|<\/|\\[nrt"']|["'`]/);
  if (cut >= 0) value = value.slice(0, cut);
  if (value === "") return undefined;
  return { value, start: at, end: at + value.length, quote: "", operator, alone };
}

/** Where a quoted text ends; -1 where it does not on its line, within the window. */
function closing(text: string, start: number, until: string, escaped: number): number {
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 10 || code === 13) return -1;
    if (text.startsWith(until, at)) return at;
    if (code === 92) {
      if (escaped > 0) {
        // `\"value\"` ends at a backslash and its quote.
        let slashes = 0;
        while (text[at + slashes] === "\\") slashes++;
        if (slashes >= escaped && text.startsWith(until, at + slashes)) return at;
        at += slashes - 1;
      } else at++;
    }
  }
  return -1;
}
