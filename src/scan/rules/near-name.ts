/**
 * One shape of rule for every service whose keys have no form of their own: the
 * service's name, shortly before an opaque value of the right class and length.
 *
 * It reads `NAME = "value"`, `name: value`, `"name": "value"`, `--name value`,
 * `name="value"` and `name=value` in any of the usual languages. Between name
 * and value stand at most a few more words of the name (`_API_KEY`), quotes,
 * one assignment and blanks, all bounded.
 */
import { draw, type Random, type Rule } from "../rule.ts";

export interface NearName {
  id: string;
  provider: string;
  opens: string;
  /** Lower-case beginnings of the name, without its `_key` or `_token`. */
  names: readonly string[];
  /** What the rest of the name must say; `key`, `token` or `secret` when absent. */
  telling?: string;
  /** Source of the value, one character class with a fixed length or two. */
  value: string;
  alphabet: string;
  length: number;
  source: string;
  severity?: Rule["severity"];
  /** Where the value is more than one run of the alphabet. */
  example?: Rule["example"];
}

const TELLING = "key|token|secret|password|passwd|pwd|credential|auth";

export function nearName(service: NearName): Rule {
  const telling = service.telling ?? TELLING;
  const name = service.names[0]!;
  return {
    id: service.id,
    provider: service.provider,
    opens: service.opens,
    keywords: service.names,
    ignoreCase: true,
    // name, at most 40 more characters of it with a telling word, an assignment, the value alone.
    pattern: `(?:${service.names.join("|")})(?=[\\w.-]{0,40}?(?:${telling}))[\\w.-]{0,48}\\\\?["'\`]?\\]?[ \\t]{0,8}(?::=|=>|[:=]|[ \\t,])[ \\t]{0,8}\\\\?["'\`]?(${service.value})(?![\\w/+=-])`,
    window: 320,
    // `MY_AWS_SECRET…`: the name may be the tail of a longer one.
    boundary: "none",
    severity: service.severity ?? "error",
    generic: true,
    example:
      service.example ??
      ((random: Random) => `${name.toUpperCase()}_API_KEY=${draw(random, service.alphabet, service.length)}`),
    nearMisses: (random: Random) => [
      `${name}_api_key = process.env.${name.toUpperCase()}_API_KEY`,
      `${name}: see the page about keys`,
      `${name.toUpperCase()}_API_KEY=${"x".repeat(service.length)}`,
      `${name.toUpperCase()}_API_KEY=${draw(random, service.alphabet, service.length - 3)}`,
      `${name.toUpperCase()}_API_KEY=\${{ secrets.${name.toUpperCase()}_API_KEY }}`,
    ],
    source: service.source,
  };
}
