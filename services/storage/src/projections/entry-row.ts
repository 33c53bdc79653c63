import type { Recorded } from '@mailx/events/event'
import type { ReceptionEvent } from '@mailx/events/reception'
import type { SubmissionEvent } from '@mailx/events/submission'
import { Disposition } from '@mailx/proto/reception/v1/events'
import type { MailboxChange } from '@mailx/proto/storage/v1/storage_service'
import { type AttachmentBlob, Route } from '@mailx/proto/submission/v1/events'

/** One message in one mailbox, as one of the entries tables holds it. */
export type EntryRow = {
  readonly mailbox: string
  readonly partition: string
  readonly position: bigint
  readonly messageId: Uint8Array
  readonly sender: string
  readonly createdAt: bigint
  readonly receivedAt: bigint
  /** Content, envelope and attachments: what the entry takes of the quota. */
  readonly size: number
  readonly contentHash: Uint8Array
  readonly envelopeHash: Uint8Array
  readonly traceparent: string
}

/** The entries that a submission makes: one for each of its recipients here. */
export function entriesOfSubmission(event: Recorded<SubmissionEvent>): EntryRow[] {
  const { data, partition, position, recordedAt, metadata } = event
  const shared = data.contentSize + sizeOf(data.attachments)
  return data.recipients
    .filter(({ route }) => route === Route.LOCAL)
    .map(({ address, envelopeHash, envelopeSize }) => ({
      mailbox: address,
      partition,
      position,
      messageId: data.messageId,
      sender: data.sender,
      createdAt: data.createdAtUnixMs,
      receivedAt: BigInt(recordedAt),
      size: shared + envelopeSize,
      contentHash: data.contentHash,
      envelopeHash,
      traceparent: metadata.traceparent,
    }))
}

/** The entry that a reception makes: none when there was nobody to receive it. */
export function entriesOfReception(event: Recorded<ReceptionEvent>): EntryRow[] {
  const { data, partition, position, recordedAt, metadata } = event
  if (data.disposition !== Disposition.DELIVER) return []
  return [
    {
      mailbox: data.recipient,
      partition,
      position,
      messageId: data.messageId,
      sender: data.sender,
      createdAt: data.createdAtUnixMs,
      receivedAt: BigInt(recordedAt),
      size: data.contentSize + data.envelopeSize + sizeOf(data.attachments),
      contentHash: data.contentHash,
      envelopeHash: data.envelopeHash,
      traceparent: metadata.traceparent,
    },
  ]
}

/** What the owner's open streams are told of a new entry. */
export const changeOfEntry = (row: EntryRow): MailboxChange => ({
  mailbox: row.mailbox,
  entry: {
    messageId: row.messageId,
    sender: row.sender,
    createdAtUnixMs: row.createdAt,
    receivedAtUnixMs: row.receivedAt,
    size: row.size,
    flags: [],
    deleted: false,
  },
  traceparent: row.traceparent,
})

function sizeOf(attachments: readonly AttachmentBlob[]): number {
  let size = 0
  for (const attachment of attachments) size += attachment.size
  return size
}
