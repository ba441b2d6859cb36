/** Names of the formats of a scan's report; apart from what writes them, since every command line names them. */
export const SCAN_FORMATS = ["text", "json", "sarif", "github", "gitlab"] as const;
export type ScanFormat = (typeof SCAN_FORMATS)[number];
