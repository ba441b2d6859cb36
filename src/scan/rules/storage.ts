/** Files, delivery and content. */
import type { Rule } from "../rule.ts";
import { base64, digits, oneOf, token, url64 } from "./shapes.ts";

export const STORAGE: readonly Rule[] = [
  token({
    id: "dropbox-token",
    provider: "Dropbox",
    opens: "files of an account",
    forms: [
      ["sl.", url64(130, 1200)],
      ["sl.u.", url64(130, 1200)],
    ],
    window: 1400,
    source: "https://developers.dropbox.com/oauth-guide",
  }),
  token({
    id: "frameio-token",
    provider: "Frame.io",
    opens: "videos of an account",
    forms: [["fio-u-", url64(64)]],
    source: "https://developer.adobe.com/frameio/",
  }),
  token({
    id: "backblaze-key-own",
    provider: "Backblaze B2",
    opens: "files of an account",
    forms: [["K00", digits(1), base64(27)]],
    bitsPerCharacter: 2.8,
    source: "https://www.backblaze.com/docs/cloud-storage-application-keys",
  }),
  token({
    id: "imagekit-private-key",
    provider: "ImageKit",
    opens: "files of an account",
    forms: [["private_", base64(27), oneOf("=", "")]],
    after: "[\\w+/=-]",
    source: "https://imagekit.io/docs/api-keys",
  }),
  token({
    id: "contentful-cma-token",
    provider: "Contentful",
    opens: "content of spaces",
    forms: [["CFPAT-", url64(43)]],
    source: "https://www.contentful.com/developers/docs/references/authentication/",
  }),
  token({
    id: "cloudinary-url",
    provider: "Cloudinary",
    opens: "files of an account",
    forms: [["cloudinary://", digits(15), ":", url64(27), "@"]],
    after: "",
    source: "https://cloudinary.com/documentation/cloudinary_credentials_tutorial",
  }),
  token({
    id: "tigris-key",
    provider: "Tigris",
    opens: "files of an account",
    forms: [["tsec_", url64(40, 70)]],
    source: "https://www.tigrisdata.com/docs/iam/manage-access-key/",
  }),
];
