/** Write the schemas that ship in the package: `npm run schema`, after a change of settings or reports. Tests compare them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatCiSchema } from "../src/report/ci-schema.ts";
import { formatDiffSchema } from "../src/report/diff-schema.ts";
import { formatScanSchema } from "../src/report/scan-schema.ts";
import { formatSettingsSchema } from "../src/settings-schema.ts";
import { ROOT } from "./setup.mjs";

writeFileSync(join(ROOT, "muxi-git.schema.json"), formatSettingsSchema());
writeFileSync(join(ROOT, "muxi-git-scan.schema.json"), formatScanSchema());
writeFileSync(join(ROOT, "muxi-git-diff.schema.json"), formatDiffSchema());
writeFileSync(join(ROOT, "muxi-git-ci.schema.json"), formatCiSchema());
