import type { Envelope } from '@mailx/proto/envelope/v1/envelope'

/** The record of the statement `message`: every field of the envelope but the signature. */
export const messageStatement = (envelope: Omit<Envelope, 'signature'>) => ({
  version: envelope.version,
  suite: envelope.suite,
  messageId: envelope.messageId,
  sender: envelope.sender,
  recipient: envelope.recipient,
  createdAt: Number(envelope.createdAtUnixMs),
  contentHash: envelope.contentHash,
  keyCommitment: envelope.keyCommitment,
  deviceListVersion: envelope.deviceListVersion,
  keyPackets: envelope.keyPackets.map(({ deviceTag, nonce, box }) => ({ deviceTag, nonce, box })),
  senderDeviceId: envelope.senderDeviceId,
})
