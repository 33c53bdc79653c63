/** A message with its attachments. */
export const MAX_MESSAGE_BYTES = 25 * 1024 * 1024
/** Sixteen key packets and two longest addresses fit. */
export const MAX_ENVELOPE_BYTES = 4096
/** Envelope and content together travel inline: 1 MiB per delivery. */
export const MAX_CONTENT_BYTES = 1024 * 1024 - MAX_ENVELOPE_BYTES
export const MAX_RECIPIENTS = 100
export const MAX_KEY_PACKETS = 16
/** Larger attachments travel as blobs of their own. */
export const MAX_INLINE_ATTACHMENT_BYTES = 64 * 1024
/** One sealed part of an attachment. */
export const MAX_PART_BYTES = 512 * 1024
export const MAX_ATTACHMENTS = 100
