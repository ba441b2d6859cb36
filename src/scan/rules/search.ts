/** Search, maps and scraping. */
import type { Rule } from "../rule.ts";
import { hex, token, url64 } from "./shapes.ts";

export const SEARCH: readonly Rule[] = [
  token({
    id: "mapbox-token",
    provider: "Mapbox",
    opens: "maps and settings of an account",
    forms: [["sk.eyJ1", url64(40, 400), ".", url64(20, 24)]],
    source: "https://docs.mapbox.com/accounts/guides/tokens/",
  }),
  token({
    id: "mapbox-temporary-token",
    provider: "Mapbox",
    opens: "maps of an account for an hour",
    forms: [["tk.eyJ1", url64(40, 400), ".", url64(20, 24)]],
    severity: "warning",
    source: "https://docs.mapbox.com/accounts/guides/tokens/",
  }),
  token({
    id: "arcgis-key",
    provider: "ArcGIS",
    opens: "services of an account",
    forms: [
      ["AAPK", url64(64, 100)],
      ["AAPTxy8BH1VEsoebNVZXo8HurF", url64(60, 300)],
    ],
    source: "https://developers.arcgis.com/documentation/security-and-authentication/",
  }),
  token({
    id: "scrapfly-own-key",
    provider: "Scrapfly",
    opens: "the quota of an account",
    forms: [
      ["scp-live-", hex(32)],
      ["scp-test-", hex(32)],
    ],
    source: "https://scrapfly.io/docs/",
  }),
];
