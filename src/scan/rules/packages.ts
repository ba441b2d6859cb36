/** Package registries and image registries. */
import { crc62Suffix, hasCrc62Suffix } from "../checksum.ts";
import { BASE62, draw, HEX, type Rule, URL64 } from "../rule.ts";

export const PACKAGES: readonly Rule[] = [
  {
    id: "npm-token",
    provider: "npm",
    opens: "the packages of its owner",
    keywords: ["npm_"],
    pattern: "npm_[A-Za-z0-9]{36}(?![A-Za-z0-9_])",
    class: "alnum",
    minLength: 36,
    checksum: (token) => hasCrc62Suffix(token, 4),
    severity: "error",
    example: (random) => {
      const body = draw(random, BASE62, 30);
      return `npm_${body}${crc62Suffix(body)}`;
    },
    nearMisses: (random) => [`npm_${"x".repeat(36)}`, "npm_config_registry", `npm_${draw(random, BASE62, 20)}`],
    source: "https://docs.npmjs.com/about-access-tokens",
  },
  {
    id: "pypi-token",
    provider: "PyPI",
    opens: "the packages of its owner",
    keywords: ["pypi-AgEIcHlwaS5vcmc"],
    pattern: "pypi-AgEIcHlwaS5vcmc[\\w-]{50,400}(?![\\w-])",
    class: "url64",
    minLength: 50,
    severity: "error",
    example: (random) => `pypi-AgEIcHlwaS5vcmc${draw(random, URL64, 160)}`,
    nearMisses: () => [`pypi-AgEIcHlwaS5vcmc${"x".repeat(80)}`, "pypi-AgEIcHlwaS5vcmc..."],
    source: "https://pypi.org/help/#apitoken",
  },
  {
    id: "rubygems-key",
    provider: "RubyGems",
    opens: "the gems of its owner",
    keywords: ["rubygems_"],
    pattern: "rubygems_[0-9a-f]{48}(?![0-9a-zA-Z])",
    class: "hex",
    minLength: 48,
    severity: "error",
    example: (random) => `rubygems_${draw(random, HEX, 48)}`,
    nearMisses: (random) => [`rubygems_${"0".repeat(48)}`, `rubygems_${draw(random, HEX, 20)}`],
    source: "https://guides.rubygems.org/api-key-scopes/",
  },
  {
    id: "docker-token",
    provider: "Docker",
    opens: "the images of its owner",
    keywords: ["dckr_pat_", "dckr_oat_"],
    pattern: "dckr_[po]at_[\\w-]{27,32}(?![\\w-])",
    class: "url64",
    minLength: 27,
    severity: "error",
    example: (random) =>
      random(2) === 0 ? `dckr_pat_${draw(random, URL64, 27)}` : `dckr_oat_${draw(random, URL64, 32)}`,
    nearMisses: (random) => [`dckr_pat_${"x".repeat(27)}`, `dckr_pat_${draw(random, URL64, 12)}`],
    source: "https://docs.docker.com/security/access-tokens/",
  },
];
