/*
 * What is checked before anything of a message is shown, in this order, and the code of each refusal:
 *
 *  1. sizes                                             TOO_LARGE, BAD_CONTENT
 *  2. the envelope decodes, is canonical, well formed   BAD_ENVELOPE, UNSUPPORTED_VERSION
 *  3. it is for this reader                             BAD_ENVELOPE
 *  4. the sender's signed list names the device         BAD_SIGNATURE, DEVICE_REVOKED
 *  5. that device signed the envelope                   BAD_SIGNATURE
 *  6. the content is the one it names                   BAD_CONTENT
 *  7. it holds the content key for one of my devices    NO_KEY_PACKET, DECRYPTION_FAILED
 *  8. that key is the one committed to                  BAD_ENVELOPE
 *  9. the content opens with it                         DECRYPTION_FAILED
 * 10. padding and payload are well formed               BAD_CONTENT
 * 11. sender and message id inside are those outside    BAD_CONTENT
 */
import { x25519 } from '@mailx/crypto/agreement'
import { constantTimeEqual } from '@mailx/crypto/constant-time'
import { equal } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { formatId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Envelope } from '@mailx/proto/envelope/v1/envelope'
import { verifyStatement } from '@mailx/statement/statement'
import { checkContentForm, openContent } from './content.ts'
import { decodeEnvelope } from './decode-envelope.ts'
import { keyCommitment } from './key-commitment.ts'
import { deviceTag, openKeyPacket } from './key-packet.ts'
import { messageStatement } from './message-statement.ts'
import { decodePayload, type Payload } from './payload.ts'

/** A device of the reader, with the secret half of its X25519 key. */
export type ReadingDevice = {
  readonly id: Uint8Array
  readonly encryptionSecretKey: Uint8Array
}

export type SenderDevice = {
  readonly id: Uint8Array
  readonly signingKey: Uint8Array
  readonly encryptionKey: Uint8Array
}

export type OpenRequest = {
  readonly envelope: Uint8Array
  readonly content: Uint8Array
  readonly me: { readonly address: string; readonly devices: readonly ReadingDevice[] }
  /** VerifiedKeys of `libs/keys` are meant: keys from the sender's signed and logged device list. */
  readonly sender: { readonly address: string; readonly devices: readonly SenderDevice[] }
}

export type OpenedMessage = {
  readonly payload: Payload
  readonly messageId: Uint8Array
  readonly sender: string
  readonly senderDeviceId: Uint8Array
  readonly recipient: string
  readonly createdAt: number
  /** Which version of the reader's device list the sender knew. */
  readonly deviceListVersion: number
  /** The device of `me` whose key packet was opened. */
  readonly deviceId: Uint8Array
}

/** Opens a message for its recipient, or throws: nothing is returned before every check holds. */
export function openMessage({ envelope: bytes, content, me, sender }: OpenRequest): OpenedMessage {
  checkContentForm(content)
  const envelope = decodeEnvelope(bytes)
  if (envelope.recipient !== me.address) {
    throw new MailxError('BAD_ENVELOPE', `the envelope is for ${envelope.recipient}`)
  }
  const senderDevice = findSenderDevice(envelope, sender)
  if (
    !verifyStatement(
      'message',
      messageStatement(envelope),
      envelope.signature,
      senderDevice.signingKey,
    )
  ) {
    throw new MailxError('BAD_SIGNATURE', 'the envelope is not signed by the device it names')
  }
  if (!equal(blake2b256(content), envelope.contentHash)) {
    throw new MailxError('BAD_CONTENT', 'the content is not the one that the envelope names')
  }
  const { contentKey, deviceId } = takeContentKey(envelope, me.devices, senderDevice)
  const commitment = keyCommitment(contentKey, envelope.contentHash)
  if (!constantTimeEqual(commitment, envelope.keyCommitment)) {
    throw new MailxError('BAD_ENVELOPE', 'the content key is not the one committed to')
  }
  const payload = decodePayload(openContent(content, contentKey))
  checkInside(payload, envelope)
  return {
    payload,
    messageId: envelope.messageId,
    sender: envelope.sender,
    senderDeviceId: envelope.senderDeviceId,
    recipient: envelope.recipient,
    createdAt: Number(envelope.createdAtUnixMs),
    deviceListVersion: envelope.deviceListVersion,
    deviceId,
  }
}

function findSenderDevice(envelope: Envelope, sender: OpenRequest['sender']): SenderDevice {
  if (envelope.sender !== sender.address) {
    throw new MailxError(
      'BAD_SIGNATURE',
      `the envelope is from ${envelope.sender}, the keys are those of ${sender.address}`,
    )
  }
  const device = sender.devices.find(({ id }) => equal(id, envelope.senderDeviceId))
  if (device === undefined) {
    throw new MailxError(
      'DEVICE_REVOKED',
      `the sending device is not in the device list of ${sender.address}`,
    )
  }
  return device
}

const basePoint = new Uint8Array(32)
basePoint[0] = 9

function takeContentKey(
  envelope: Envelope,
  devices: readonly ReadingDevice[],
  sender: SenderDevice,
): { contentKey: Uint8Array; deviceId: Uint8Array } {
  for (const { id, encryptionSecretKey: secretKey } of devices) {
    const encryptionKey = x25519(secretKey, basePoint)
    const tag = deviceTag({ id, encryptionKey }, envelope.messageId)
    const packet = envelope.keyPackets.find((candidate) => equal(candidate.deviceTag, tag))
    if (packet === undefined) continue
    const contentKey = openKeyPacket(packet, {
      secretKey,
      senderEncryptionKey: sender.encryptionKey,
    })
    if (contentKey === undefined) {
      throw new MailxError('DECRYPTION_FAILED', 'the key packet of this device does not open')
    }
    return { contentKey, deviceId: id }
  }
  throw new MailxError('NO_KEY_PACKET', 'the message was not encrypted to this device')
}

function checkInside(payload: Payload, envelope: Envelope): void {
  if (payload.from !== envelope.sender) {
    throw new MailxError(
      'BAD_CONTENT',
      `the message says it is from ${payload.from}, but ${envelope.sender} signed it`,
    )
  }
  if (payload.messageId !== formatId(envelope.messageId)) {
    throw new MailxError('BAD_CONTENT', 'the message id inside is not the one outside')
  }
}
