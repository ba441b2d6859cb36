/** Settings are JSON to JSON.parse, and an error names a line of the file. */

import { MuxiGitError } from "../../../src/errors.ts";
import { severityOf } from "../../../src/formation/problem.ts";
import { loosenedSettings, parseSettings, type Settings } from "../../../src/settings.ts";
import { type FuzzTarget, law } from "../laws.ts";

export const target: FuzzTarget = {
  maxLength: 400,
  run(data) {
    let settings: Settings;
    try {
      settings = parseSettings(data);
    } catch (error) {
      if (!(error instanceof MuxiGitError)) throw error;
      law(error.code === "settings", "an error with another code");
      const line = / line (\d+)/.exec(error.message)?.[1];
      const lines = data.toString("utf8").split("\n").length;
      law(line === undefined || (Number(line) >= 1 && Number(line) <= lines), "a line that the file has not");
      law(error.message.length < 2000, "a message as long as the file");
      return;
    }
    JSON.parse(data.toString("utf8").replace(/^\uFEFF/, ""));
    law(loosenedSettings(settings, settings, (code) => severityOf(code, "commit")).length === 0, "loosened by itself");
  },
};
