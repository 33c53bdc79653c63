import { parseAddress } from '@mailx/address/address'
import { blake2b256 } from '@mailx/crypto/hash'
import { formatId, newId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import { formatTime } from '@mailx/keys/unix-ms'
import { Envelope } from '@mailx/proto/envelope/v1/envelope'
import { signStatement } from '@mailx/statement/statement'
import { sealContent } from './content.ts'
import { ENVELOPE_VERSION, SUITE_1 } from './decode-envelope.ts'
import { keyCommitment } from './key-commitment.ts'
import { type PacketDevice, sealKeyPacket } from './key-packet.ts'
import { MAX_ENVELOPE_BYTES, MAX_RECIPIENTS } from './limits.ts'
import { messageStatement } from './message-statement.ts'
import { encodePayload, type Payload } from './payload.ts'

/** What the sender wrote; identity, sender and date are added when it is sealed. */
export type Draft = Omit<
  Payload,
  'messageId' | 'from' | 'date' | 'cc' | 'references' | 'attachments' | 'contentType'
> &
  Partial<Pick<Payload, 'cc' | 'references' | 'attachments' | 'contentType'>>

/** Public keys of a recipient. VerifiedKeys of `libs/keys` are meant; nothing else may be sealed to. */
export type RecipientKeys = {
  readonly address: string
  readonly devices: readonly PacketDevice[]
  readonly deviceListVersion: number
}

export type Recipient = {
  readonly address: string
  readonly keys: RecipientKeys
  /** An envelope that the payload, and so every other recipient, knows nothing of. */
  readonly bcc?: boolean
}

export type SendingDevice = {
  readonly id: Uint8Array
  /** Ed25519, 64 bytes. */
  readonly signingSecretKey: Uint8Array
  /** X25519, 32 bytes. */
  readonly encryptionSecretKey: Uint8Array
}

export type SealRequest = {
  readonly payload: Draft
  readonly from: { readonly address: string; readonly device: SendingDevice }
  /** One envelope each, the sender's own copy included. */
  readonly recipients: readonly Recipient[]
  readonly now: number
  readonly random: (length: number) => Uint8Array
  /** Absent: a new one. */
  readonly messageId?: Uint8Array
}

export type SealedMessage = {
  readonly messageId: Uint8Array
  readonly content: Uint8Array
  /** In the order of the recipients. */
  readonly envelopes: readonly Uint8Array[]
  readonly payload: Payload
}

/**
 * Seals one content and an envelope per recipient (suite 1). Every recipient but a Bcc one and the
 * sender must be named in the payload's to or cc, and a Bcc one must not be. Throws INVALID_ARGUMENT,
 * TOO_MANY_RECIPIENTS, TOO_LARGE or BAD_KEY.
 */
export function sealMessage(request: SealRequest): SealedMessage {
  const { from, now, random } = request
  const messageId = request.messageId ?? newId(now, random)
  const payload: Payload = {
    ...request.payload,
    messageId: formatId(messageId),
    from: from.address,
    date: formatTime(now),
    cc: request.payload.cc ?? [],
    contentType: request.payload.contentType ?? 'text/plain',
    references: request.payload.references ?? [],
    attachments: request.payload.attachments ?? [],
  }
  checkRecipients(request.recipients, payload)
  const contentKey = random(32)
  const content = sealContent(encodePayload(payload), { contentKey, nonce: random(24) })
  const contentHash = blake2b256(content)
  const common = {
    version: ENVELOPE_VERSION,
    suite: SUITE_1,
    messageId,
    sender: from.address,
    createdAtUnixMs: BigInt(now),
    contentHash,
    keyCommitment: keyCommitment(contentKey, contentHash),
    senderDeviceId: from.device.id,
  }
  const envelopes = request.recipients.map(({ address, keys }) =>
    sealEnvelope(
      {
        ...common,
        recipient: address,
        deviceListVersion: keys.deviceListVersion,
        keyPackets: keys.devices
          .map((device) =>
            sealKeyPacket({
              device,
              messageId,
              senderSecretKey: from.device.encryptionSecretKey,
              contentKey,
              nonce: random(24),
            }),
          )
          // The order of the list would tell which packet is which device's.
          .toSorted((a, b) => compareBytes(a.deviceTag, b.deviceTag)),
      },
      from.device.signingSecretKey,
    ),
  )
  return { messageId, content, envelopes, payload }
}

function sealEnvelope(unsigned: Omit<Envelope, 'signature'>, secretKey: Uint8Array): Uint8Array {
  const signature = signStatement('message', messageStatement(unsigned), secretKey)
  const bytes = Envelope.encode({ ...unsigned, signature }).finish()
  if (bytes.length > MAX_ENVELOPE_BYTES) {
    throw new MailxError('TOO_LARGE', `the envelope for ${unsigned.recipient} is too large`)
  }
  return bytes
}

function checkRecipients(recipients: readonly Recipient[], payload: Payload): void {
  if (recipients.length < 1) throw new MailxError('INVALID_ARGUMENT', 'name a recipient')
  if (recipients.length > MAX_RECIPIENTS) {
    throw new MailxError(
      'TOO_MANY_RECIPIENTS',
      `${recipients.length} recipients, the limit is ${MAX_RECIPIENTS}`,
    )
  }
  const addresses = new Set(recipients.map(({ address }) => address))
  if (addresses.size !== recipients.length) {
    throw new MailxError('INVALID_ARGUMENT', 'a recipient is named twice')
  }
  const shown = new Set([...payload.to, ...payload.cc].map((text) => parseAddress(text).canonical))
  for (const recipient of recipients) checkRecipient(recipient, shown, payload.from)
}

function checkRecipient(recipient: Recipient, shown: ReadonlySet<string>, sender: string): void {
  const { address, keys, bcc = false } = recipient
  if (keys.address !== address) {
    throw new MailxError('INVALID_ARGUMENT', `the keys for ${address} are those of ${keys.address}`)
  }
  if (keys.devices.length === 0) {
    throw new MailxError('INVALID_ARGUMENT', `${address} has no device that could read the message`)
  }
  if (bcc && shown.has(address)) {
    throw new MailxError('INVALID_ARGUMENT', `${address} is in Bcc and must not be in to or cc`)
  }
  if (!bcc && address !== sender && !shown.has(address)) {
    throw new MailxError('INVALID_ARGUMENT', `${address} is not in to or cc; mark it as Bcc`)
  }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index])
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0)
}
