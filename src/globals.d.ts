/** Written into the bundles by scripts/build.mjs from package.json. */
declare const __MUXI_GIT_VERSION__: string;
