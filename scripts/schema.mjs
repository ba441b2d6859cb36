/** Write muxi-git.schema.json: `npm run schema`, after a change of the settings. A test compares the two. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatSettingsSchema } from "../src/settings-schema.ts";
import { ROOT } from "./setup.mjs";

writeFileSync(join(ROOT, "muxi-git.schema.json"), formatSettingsSchema());
