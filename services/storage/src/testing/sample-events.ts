import { blake2b256 } from '@mailx/crypto/hash'
import { randomBytes } from '@mailx/crypto/random'
import { formatId, newId } from '@mailx/crypto/uuid'
import type { Appended, Blob, EventLog } from '@mailx/event-log/event-log'
import { encodeEvent } from '@mailx/events/codec'
import { type DeliveryEvent, deliveryEvents } from '@mailx/events/delivery'
import { receptionEvents } from '@mailx/events/reception'
import { submissionEvents } from '@mailx/events/submission'
import { Envelope } from '@mailx/proto/envelope/v1/envelope'
import { Disposition } from '@mailx/proto/reception/v1/events'
import { Route } from '@mailx/proto/submission/v1/events'

const blobOf = (data: Uint8Array): Blob => ({ hash: blake2b256(data), data })

/** An envelope as servers see it: nobody here could open it. */
const envelopeFor = (messageId: Uint8Array, sender: string, recipient: string): Blob =>
  blobOf(
    Envelope.encode({
      version: 1,
      suite: 1,
      messageId,
      sender,
      recipient,
      createdAtUnixMs: 1n,
      contentHash: randomBytes(32),
      keyCommitment: randomBytes(32),
      deviceListVersion: 1,
      keyPackets: [],
      senderDeviceId: randomBytes(16),
      signature: randomBytes(64),
    }).finish(),
  )

export type Sample = {
  readonly messageId: Uint8Array
  readonly sender: string
  readonly content: Blob
  readonly envelopes: ReadonlyMap<string, Blob>
  readonly attachments: readonly Blob[]
  readonly appended: Appended
}

type SubmissionSample = {
  readonly from?: string
  readonly to: Readonly<Record<string, Route>>
  readonly content?: Uint8Array
  readonly attachments?: readonly Uint8Array[]
  readonly messageId?: Uint8Array
}

/** Appends a submission as the gateway would, with its sealed bytes. */
export async function submit(log: EventLog, sample: SubmissionSample): Promise<Sample> {
  const sender = sample.from ?? 'alice@a.test'
  const messageId = sample.messageId ?? newId(Date.now(), randomBytes)
  const content = blobOf(sample.content ?? randomBytes(300))
  const attachments = (sample.attachments ?? []).map(blobOf)
  const envelopes = new Map(
    Object.keys(sample.to).map((address) => [address, envelopeFor(messageId, sender, address)]),
  )
  const data = {
    messageId,
    sender,
    senderDeviceId: randomBytes(16),
    createdAtUnixMs: BigInt(Date.now()),
    contentHash: content.hash,
    contentSize: content.data.length,
    recipients: Object.entries(sample.to).map(([address, route]) => ({
      address,
      route,
      envelopeHash: hashOf(envelopes.get(address)),
      envelopeSize: envelopes.get(address)?.data.length ?? 0,
    })),
    attachments: attachments.map(({ hash, data: bytes }) => ({ hash, size: bytes.length })),
    expiresAtUnixMs: BigInt(Date.now() + 1000),
  }
  const appended = await log.append({
    context: 'submission',
    key: sender,
    stream: `submission/${formatId(messageId)}/${sender}`,
    expectedVersion: 0,
    events: [encodeEvent(submissionEvents, { type: 'MessageAccepted', data })],
    blobs: [content, ...envelopes.values(), ...attachments],
  })
  return { messageId, sender, content, envelopes, attachments, appended }
}

type ReceptionSample = {
  readonly from?: string
  readonly to: string
  readonly disposition?: Disposition
  readonly attachments?: readonly Uint8Array[]
  readonly messageId?: Uint8Array
}

/** Appends a reception as inbound-federation would. */
export async function receive(log: EventLog, sample: ReceptionSample): Promise<Sample> {
  const sender = sample.from ?? 'carol@c.test'
  const { to: recipient, disposition = Disposition.DELIVER } = sample
  const messageId = sample.messageId ?? newId(Date.now(), randomBytes)
  const content = blobOf(randomBytes(300))
  const envelope = envelopeFor(messageId, sender, recipient)
  const attachments = (sample.attachments ?? []).map(blobOf)
  const data = {
    messageId,
    origin: 'c.test',
    sender,
    recipient,
    createdAtUnixMs: BigInt(Date.now()),
    expiresAtUnixMs: BigInt(Date.now() + 1000),
    contentHash: content.hash,
    contentSize: content.data.length,
    envelopeHash: envelope.hash,
    envelopeSize: envelope.data.length,
    attachments: attachments.map(({ hash, data: bytes }) => ({ hash, size: bytes.length })),
    disposition,
    proof: undefined,
    acceptedId: randomBytes(16),
  }
  const appended = await log.append({
    context: 'reception',
    key: recipient,
    stream: `reception/${formatId(messageId)}/c.test/${recipient}`,
    expectedVersion: 0,
    events: [encodeEvent(receptionEvents, { type: 'MessageReceived', data })],
    blobs: disposition === Disposition.DELIVER ? [content, envelope, ...attachments] : [],
  })
  const envelopes = new Map([[recipient, envelope]])
  return { messageId, sender, content, envelopes, attachments, appended }
}

/** Appends what outbound-federation has to say of one copy. */
export const report = (log: EventLog, event: DeliveryEvent): Promise<Appended> =>
  log.append({
    context: 'delivery',
    key: event.data.peer,
    stream: `delivery/${formatId(event.data.messageId)}/${event.data.recipient}`,
    expectedVersion: 'any',
    events: [encodeEvent(deliveryEvents, event)],
  })

function hashOf(blob: Blob | undefined): Uint8Array {
  if (blob === undefined) throw new Error('a recipient without an envelope')
  return blob.hash
}
