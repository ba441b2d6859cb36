/** The formats of a scan's report. */
import type { Style } from "../terminal.ts";
import type { ScanFormat } from "./format-names.ts";
import { formatGithub } from "./github.ts";
import { formatGitlab } from "./gitlab.ts";
import { formatSarif } from "./sarif.ts";
import { formatScanJson, formatScanText, type ScanReport } from "./scan.ts";

/** @returns the report without a final newline; empty where there is nothing to say. */
export function formatScan(report: ScanReport, format: ScanFormat, style: Style, quiet: boolean): string {
  switch (format) {
    case "text":
      return formatScanText(report, style, quiet);
    case "json":
      return formatScanJson(report);
    case "sarif":
      return formatSarif(report);
    case "github":
      return formatGithub(report, quiet);
    case "gitlab":
      return formatGitlab(report);
  }
}
