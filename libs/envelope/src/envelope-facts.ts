import { blake2b256 } from '@mailx/crypto/hash'
import { decodeEnvelope } from './decode-envelope.ts'

/** What a server may know of an envelope. The signature is not checked: clients do that. */
export type EnvelopeFacts = {
  readonly version: number
  readonly suite: number
  readonly messageId: Uint8Array
  readonly sender: string
  readonly recipient: string
  readonly createdAt: number
  readonly contentHash: Uint8Array
  /** The same in all envelopes of one message, or their sender shows each reader another text. */
  readonly keyCommitment: Uint8Array
  readonly deviceListVersion: number
  readonly keyPacketCount: number
  readonly senderDeviceId: Uint8Array
  /** BLAKE2b-256 of the envelope's bytes. */
  readonly envelopeHash: Uint8Array
}

/** Decodes an envelope and checks its structure. Throws TOO_LARGE, BAD_ENVELOPE, UNSUPPORTED_VERSION. */
export function envelopeFacts(bytes: Uint8Array): EnvelopeFacts {
  const envelope = decodeEnvelope(bytes)
  return {
    version: envelope.version,
    suite: envelope.suite,
    messageId: envelope.messageId,
    sender: envelope.sender,
    recipient: envelope.recipient,
    createdAt: Number(envelope.createdAtUnixMs),
    contentHash: envelope.contentHash,
    keyCommitment: envelope.keyCommitment,
    deviceListVersion: envelope.deviceListVersion,
    keyPacketCount: envelope.keyPackets.length,
    senderDeviceId: envelope.senderDeviceId,
    envelopeHash: blake2b256(bytes),
  }
}
