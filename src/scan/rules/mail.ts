/** Mail and telephony. */
import type { Rule } from "../rule.ts";
import { anyHex, base62, hex, token, url64 } from "./shapes.ts";

export const MAIL: readonly Rule[] = [
  token({
    id: "mailgun-validation-key",
    provider: "Mailgun",
    opens: "mail in the name of its owner",
    forms: [["pubkey-", hex(32)]],
    severity: "warning",
    source: "https://documentation.mailgun.com/docs/mailgun/api-reference/mg-auth",
  }),
  token({
    id: "sendinblue-api-key",
    provider: "Brevo",
    opens: "mail in the name of its owner",
    forms: [["xkeysib-", hex(64), "-", base62(16)]],
    source: "https://developers.brevo.com/docs/getting-started",
  }),
  token({
    id: "brevo-smtp-key",
    provider: "Brevo",
    opens: "mail in the name of its owner",
    forms: [["xsmtpsib-", hex(64), "-", base62(16)]],
    source: "https://developers.brevo.com/docs/smtp-integration",
  }),
  token({
    id: "mailersend-token",
    provider: "MailerSend",
    opens: "mail in the name of its owner",
    forms: [["mlsn.", hex(64)]],
    source: "https://developers.mailersend.com/general.html#authentication",
  }),
  token({
    id: "mandrill-md-key",
    provider: "Mailchimp Transactional",
    opens: "mail in the name of its owner",
    forms: [["md-", url64(22)]],
    bitsPerCharacter: 2.8,
    source: "https://mailchimp.com/developer/transactional/guides/quick-start/",
  }),
  token({
    id: "klaviyo-private-key",
    provider: "Klaviyo",
    opens: "messages to customers",
    forms: [
      ["pk_", hex(34)],
      ["pk_", base62(6), "_", hex(34)],
    ],
    bitsPerCharacter: 2.4,
    source: "https://developers.klaviyo.com/en/docs/authenticate_",
  }),
  token({
    id: "telnyx-api-key",
    provider: "Telnyx",
    opens: "messages and calls in the name of its owner",
    forms: [["KEY", anyHex(32), "_", base62(22)]],
    source: "https://developers.telnyx.com/docs/development/api-fundamentals/authentication",
  }),
  token({
    id: "lob-api-key",
    provider: "Lob",
    opens: "letters in the name of its owner",
    forms: [
      ["live_", hex(35)],
      ["test_", hex(35)],
    ],
    bitsPerCharacter: 2.1,
    source: "https://docs.lob.com/#tag/Authentication",
  }),
  token({
    id: "nylas-v3-key",
    provider: "Nylas",
    opens: "mail and calendars of users",
    forms: [["nyk_v0_", base62(64)]],
    source: "https://developer.nylas.com/docs/v3/auth/",
  }),
  token({
    id: "kit-key",
    provider: "Kit",
    opens: "mailing lists",
    forms: [["kit_", hex(32)]],
    source: "https://developers.kit.com/api-reference/authentication",
  }),
];
