/** Whether `git muxi` starts this copy: install leaves an alias of that name alone where a person has one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** For the copy that install made, whose bundles stand beside the configuration that install wrote. */
export function vendoredCommand(): "git muxi" | "npx muxi-git" {
  try {
    return readFileSync(join(__dirname, "config"), "latin1").includes("[alias]") ? "git muxi" : "npx muxi-git";
  } catch {
    return "npx muxi-git";
  }
}
