/** Names of the formats of reports; apart from what writes them, since every command line loads the names. */
export const SCAN_FORMATS = ["text", "json", "sarif", "github", "gitlab"] as const;
export type ScanFormat = (typeof SCAN_FORMATS)[number];

export const DIFF_FORMATS = ["text", "markdown", "json", "github", "gitlab"] as const;
export type DiffFormat = (typeof DIFF_FORMATS)[number];

export const CI_FORMATS = ["text", "markdown", "json"] as const;
export type CiFormat = (typeof CI_FORMATS)[number];
