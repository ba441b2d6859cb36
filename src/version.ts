/** The version of this build; `0.0.0-source` where the sources run unbundled (tests). */
export const VERSION: string = typeof __MUXI_GIT_VERSION__ === "string" ? __MUXI_GIT_VERSION__ : "0.0.0-source";
