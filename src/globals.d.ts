/** Written into the bundles by scripts/build.mjs from package.json. */
declare const __MUXI_GIT_VERSION__: string;
/** crc32 of each bundle as it was built, in hex, by esbuild `define`; only main.cjs has them. */
declare const __MUXI_GIT_SUMS__: Record<"plumbing" | "cli" | "secrets", string>;
