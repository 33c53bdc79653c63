const KIB = 1024
const MIB = 1024 * KIB

/** proto/README.md, section 10. */
export const limits = {
  batchDeliveries: 64,
  /** Contents and envelopes of a batch together. */
  batchBytes: 4 * MIB,
  /** Content and envelope of one delivery together. */
  inlineBytes: MIB,
  /** Content, envelope and attachments of one delivery together. */
  messageBytes: 25 * MIB,
  attachmentParts: 256,
  attachmentPartBytes: MIB,
  clockSkewMs: 5 * 60 * 1000,
} as const
